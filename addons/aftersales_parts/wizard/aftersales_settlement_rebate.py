from odoo import fields, models


class AftersalesSettlementRebate(models.TransientModel):
    """The window that asks for amount and ground of a rebate."""

    _name = "aftersales.settlement.rebate"
    _description = "Add a rebate"

    settlement_id = fields.Many2one("aftersales.settlement", required=True, readonly=True)
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    amount = fields.Monetary(required=True, help="VAT included.")
    ground = fields.Text(required=True, help="What it is paid for; the center reads it.")

    def action_confirm(self):
        """Put the rebate on the list."""
        self.ensure_one()
        self.settlement_id._add_rebate(self.amount, self.ground)
        return {"type": "ir.actions.act_window_close"}
