from odoo import api, models
from odoo.exceptions import UserError


class AftersalesUsedPartLabel(models.AbstractModel):
    """专用标签 on sheets to cut: several on a page (M10.3)."""

    _name = "report.aftersales_parts.report_used_part_label_document"
    _description = "Tag labels on sheets"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return what the labels say, and note the print in the life of each part.

        Here, because every way to print or preview them passes.

        :raises UserError: nothing to print
        """
        tags = self.env["aftersales.used.part"].browse(docids).exists().sorted("name")
        tags.check_access("read")
        if not tags:
            raise UserError(self.env._("There is no tag to print."))
        tags._note_printed()
        return {
            "doc_ids": tags.ids,
            "doc_model": tags._name,
            "docs": tags,
            "labels": tags._prepare_labels(),
        }


class AftersalesUsedPartLabelSingle(models.AbstractModel):
    """专用标签 for label printers: one on a page (M10.3)."""

    _name = "report.aftersales_parts.report_used_part_label_single_document"
    _inherit = "report.aftersales_parts.report_used_part_label_document"
    _description = "Single tag labels"
