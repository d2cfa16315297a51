from odoo import fields, models


class AftersalesWarrantyCardTransfer(models.TransientModel):
    """Asks for the new owner of a unit."""

    _name = "aftersales.warranty.card.transfer"
    _description = "Transfer a warranty card"

    card_id = fields.Many2one("aftersales.warranty.card", required=True, readonly=True)
    from_partner_id = fields.Many2one(related="card_id.partner_id", string="From")
    partner_id = fields.Many2one("res.partner", "New owner", required=True)
    date = fields.Date(
        "On",
        required=True,
        default=lambda self: self.env.company._aftersales_local(fields.Datetime.now()).date(),
        help="The day on which the owner changed.",
    )
    reason = fields.Text(required=True)

    def action_confirm(self):
        """Transfer the card."""
        self.ensure_one()
        return self.card_id.action_transfer(self.partner_id, self.date, self.reason)
