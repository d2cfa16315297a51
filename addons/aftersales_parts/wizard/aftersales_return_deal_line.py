from odoo import fields, models


class AftersalesReturnDealLine(models.TransientModel):
    """How much of one kind of goods was dealt with on the spot, and why not all of it (L2.8)."""

    _name = "aftersales.return.deal.line"
    _description = "Goods dealt with"
    _inherit = "aftersales.reference.mixin"

    wizard_id = fields.Many2one("aftersales.return.deal", required=True, ondelete="cascade")
    line_id = fields.Many2one("aftersales.return.line", "Goods", required=True, readonly=True)
    quantity_approved = fields.Float(
        "Approved", related="line_id.quantity", related_sudo=False, digits="Product Unit"
    )
    quantity = fields.Float("Dealt with", digits="Product Unit")
    note = fields.Char("Why not the rest")

    def _get_reference_fields(self):
        return {"wizard_id", "line_id"}
