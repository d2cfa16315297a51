from odoo import api, fields, models

from ..models.aftersales_appointment import AGREED_BY


class AftersalesAppointmentReschedule(models.TransientModel):
    """The window in which an appointment gets a new time that the customer agreed to (H6)."""

    _name = "aftersales.appointment.reschedule"
    _description = "Reschedule an appointment"

    appointment_id = fields.Many2one("aftersales.appointment", required=True, readonly=True)
    date_old = fields.Datetime(related="appointment_id.date_start", related_sudo=False)
    date_start = fields.Datetime("New time", required=True)
    technician_id = fields.Many2one(
        "res.users",
        "Technician",
        compute="_compute_technician_id",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        domain="[('id', 'in', technician_ids)]",
    )
    technician_ids = fields.Many2many(related="appointment_id.technician_ids", related_sudo=False)
    reason = fields.Text(required=True)
    agreed_with = fields.Char(
        "Who consented", required=True, help="Who agreed to the new time for the customer."
    )
    agreed_by = fields.Selection(AGREED_BY, "How", required=True, default="phone")
    agreed_on = fields.Datetime("When", required=True, default=fields.Datetime.now)

    @api.depends("appointment_id")
    def _compute_technician_id(self):
        for wizard in self:
            wizard.technician_id = wizard.appointment_id.technician_id

    def action_confirm(self):
        """Reschedule the appointment."""
        self.ensure_one()
        self.appointment_id.action_reschedule(
            self.date_start,
            self.reason,
            self.agreed_with,
            self.agreed_by,
            self.agreed_on,
            self.technician_id.id,
        )
        return {"type": "ir.actions.act_window_close"}
