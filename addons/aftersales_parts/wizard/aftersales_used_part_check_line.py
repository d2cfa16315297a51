from odoo import fields, models


class AftersalesUsedPartCheckLine(models.TransientModel):
    """One discrepancy, and what to do about it."""

    _name = "aftersales.used.part.check.line"
    _description = "Discrepancy of a tag"

    check_id = fields.Many2one("aftersales.used.part.check", required=True, ondelete="cascade")
    used_part_id = fields.Many2one("aftersales.used.part", ondelete="cascade")
    tag = fields.Char(readonly=True)
    issue = fields.Char("What is wrong", readonly=True)
    remedy = fields.Char("What to do", readonly=True)
    in_stock = fields.Boolean(readonly=True, help="Stock can be corrected by the button.")

    def action_open(self):
        """Open the tag."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "aftersales.used.part",
            "res_id": self.used_part_id.id,
            "views": [(False, "form")],
        }
