from odoo import fields, models


class AftersalesDeadlineReschedule(models.TransientModel):
    """The window in which a deadline gets a new due moment and the reason for it."""

    _name = "aftersales.deadline.reschedule"
    _description = "Reschedule a deadline"

    deadline_id = fields.Many2one("aftersales.deadline", required=True, readonly=True)
    date_due = fields.Datetime(related="deadline_id.date_due", related_sudo=False)
    date = fields.Datetime("New due moment", required=True)
    reason = fields.Text(required=True)

    def action_confirm(self):
        """Reschedule the deadline."""
        self.ensure_one()
        self.deadline_id.action_reschedule(self.date, self.reason)
        return {"type": "ir.actions.act_window_close"}
