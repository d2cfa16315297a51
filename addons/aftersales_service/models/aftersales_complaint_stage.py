from odoo import api, fields, models

STAGES = [
    ("record", "Record"),
    ("judge", "Judge"),
    ("assign", "Assign responsibility"),
    ("investigate", "Investigate"),
    ("propose", "Propose a solution"),
    ("notify", "Notify the customer"),
    ("sanction", "Sanction"),
    ("improve", "Improve"),
]


class AftersalesComplaintStage(models.Model):
    """How long a complaint was at a stage, and why it went back (E2, E3)."""

    _name = "aftersales.complaint.stage"
    _description = "Stage of a complaint"
    _inherit = "aftersales.complaint.entry"
    _order = "id"
    _rec_name = "stage"

    complaint_id = fields.Many2one(
        "aftersales.complaint", "Complaint", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="complaint_id.company_id", store=True)
    stage = fields.Selection(STAGES, required=True)
    date_start = fields.Datetime("From", required=True)
    date_end = fields.Datetime("Until")
    duration = fields.Float(
        "Hours",
        compute="_compute_duration",
        store=True,
        aggregator="avg",
        help="From the beginning of the stage until it was finished, day and night.",
    )
    user_id = fields.Many2one("res.users", "Finished by")
    reason = fields.Text("Came back because")

    @api.depends("date_start", "date_end")
    def _compute_duration(self):
        for entry in self:
            entry.duration = (
                (entry.date_end - entry.date_start).total_seconds() / 3600 if entry.date_end else 0
            )
