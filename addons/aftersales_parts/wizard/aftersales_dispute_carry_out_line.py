from odoo import fields, models


class AftersalesDisputeCarryOutLine(models.TransientModel):
    """A refused used part, or refused goods, that a ruling may be about."""

    _name = "aftersales.dispute.carry.out.line"
    _description = "Part of a ruling"

    wizard_id = fields.Many2one("aftersales.dispute.carry.out", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wizard_id.currency_id")
    is_chosen = fields.Boolean("Accept")
    used_part_id = fields.Many2one("aftersales.used.part", "Tag", readonly=True, ondelete="cascade")
    return_line_id = fields.Many2one("aftersales.return.line", readonly=True, ondelete="cascade")
    settlement_line_id = fields.Many2one(
        "aftersales.settlement.line", "Settled line", readonly=True, ondelete="cascade"
    )
    product_id = fields.Many2one("product.product", "Part or product", readonly=True)
    reason = fields.Char("Why refused", readonly=True)
    quantity_refused = fields.Float("Refused", readonly=True, digits="Product Unit")
    quantity = fields.Float(
        "To be accepted",
        digits="Product Unit",
        help="Of goods, how much the ruling gives; used parts are one piece.",
    )
    amount = fields.Monetary(
        help="What a settlement pays, with fee and VAT. Of settled lines, what the next list pays "
        "according to the ruling. Goods are credited by their invoice.",
    )
