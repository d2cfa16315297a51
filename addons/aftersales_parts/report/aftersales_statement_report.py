from odoo import api, models

from .paper import paginate

HEAD = 100
SIGNATURES = 110


class AftersalesStatementPrint(models.AbstractModel):
    """对账单 on paper."""

    _name = "report.aftersales_parts.report_statement_document"
    _description = "Print of a statement of account"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return what the print says, read from the books now.

        :raises AccessError: another center's account
        """
        docs = self.env["aftersales.statement"].browse(docids).exists()
        docs.check_access("read")
        for doc in docs:
            doc.action_compute()
        return {
            "doc_ids": docs.ids,
            "doc_model": docs._name,
            "docs": docs,
            "pages": {doc.id: paginate(doc._get_tables(), HEAD, SIGNATURES) for doc in docs},
        }
