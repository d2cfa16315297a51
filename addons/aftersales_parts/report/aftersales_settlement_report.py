from odoo import api, models

from .paper import paginate

# heights of what stands above the first table and below the last one
HEAD = 96
SIGNATURES = 100


class AftersalesSettlementPrint(models.AbstractModel):
    """代垫服务费用清单 on paper, cut into pages here (M8.3, M9.3)."""

    _name = "report.aftersales_parts.report_settlement_document"
    _description = "Print of a list of service expenses"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return what the print says.

        :raises AccessError: a settlement that the user may not read
        """
        docs = self.env["aftersales.settlement"].browse(docids).exists()
        docs.check_access("read")
        return {
            "doc_ids": docs.ids,
            "doc_model": docs._name,
            "docs": docs,
            "forms": {doc.id: self._get_title(doc) for doc in docs},
            "pages": {doc.id: paginate(self._get_tables(doc), HEAD, SIGNATURES) for doc in docs},
        }

    @api.model
    def _get_title(self, doc):
        return doc._get_list_title()

    @api.model
    def _get_tables(self, doc):
        return [doc._prepare_list_table(), doc._prepare_unpaid_table()]


class AftersalesSettlementUsedPartPrint(models.AbstractModel):
    """服务旧件退回明细表 on paper (M8.3)."""

    _name = "report.aftersales_parts.report_settlement_used_part_document"
    _inherit = "report.aftersales_parts.report_settlement_document"
    _description = "Print of the used parts of a settlement"

    @api.model
    def _get_title(self, doc):
        return doc._get_xlsx_titles()["used_parts"]

    @api.model
    def _get_tables(self, doc):
        return [doc._prepare_used_part_table()]
