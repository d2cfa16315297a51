from odoo import fields, models


class AftersalesReceiptPromise(models.TransientModel):
    """Asks for which day the hand-back is promised now, and why (L2.2, E7)."""

    _name = "aftersales.receipt.promise"
    _description = "Move the promised hand-back"

    receipt_id = fields.Many2one("aftersales.receipt", required=True, readonly=True)
    date = fields.Date("New day", required=True)
    reason = fields.Text(required=True)

    def action_confirm(self):
        """Move the promise."""
        self.ensure_one()
        return self.receipt_id.action_move_promise(self.date, self.reason)
