from odoo import fields, models


class AftersalesVisitMove(models.TransientModel):
    """Asks to which day a visit is moved, and why (R1)."""

    _name = "aftersales.visit.move"
    _description = "Move a scheduled visit"

    visit_id = fields.Many2one("aftersales.visit", required=True, readonly=True)
    date = fields.Date("New day", required=True)
    is_partial = fields.Boolean(
        "Done in part", help="Part of it is done; the visit stays planned for the rest."
    )
    reason = fields.Text(required=True)

    def action_confirm(self):
        """Move the visit."""
        self.ensure_one()
        return self.visit_id.action_move(self.date, self.reason, self.is_partial)
