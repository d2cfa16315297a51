from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

CHANNELS = [
    ("phone", "Phone"),
    ("visit", "In person"),
    ("email", "E-mail"),
    ("web", "Web"),
    ("letter", "Letter"),
]


class AftersalesComplaintContact(models.Model):
    """One time the customer was told something about the complaint, and what (C6, C9).

    The log is append-only: what was told can be told anew, but not untold.
    """

    _name = "aftersales.complaint.contact"
    _description = "Contact on a complaint"
    _regulations = ("C6", "C9")
    _inherit = "aftersales.complaint.entry"
    _order = "date desc, id desc"
    _rec_name = "text"

    complaint_id = fields.Many2one(
        "aftersales.complaint", "Complaint", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="complaint_id.company_id", store=True)
    date = fields.Datetime("When", required=True, default=fields.Datetime.now)
    purpose = fields.Selection(
        [
            ("contact", "First contact"),
            ("progress", "Progress"),
            ("notice", "Solution or explanation"),
            ("result", "Final result"),
        ],
        required=True,
        default="progress",
        help="The solution, or the explanation of an unfounded complaint, is told at the stage "
        "“Notify”; the final result before the complaint is closed.",
    )
    channel = fields.Selection(CHANNELS, required=True, default="phone")
    contact_name = fields.Char("Spoken with", required=True)
    text = fields.Text("What was said", required=True)
    stage_id = fields.Many2one("aftersales.complaint.stage", "Stage", readonly=True)
    user_id = fields.Many2one(
        "res.users", "By", required=True, readonly=True, default=lambda self: self.env.user
    )

    @api.constrains("date")
    def _check_date(self):
        now = fields.Datetime.now()
        for contact in self:
            if contact.date > now:
                raise ValidationError(self.env._("Nobody can have been contacted in the future."))
            if contact.date < contact.complaint_id.date_reported:
                raise ValidationError(
                    self.env._(
                        "The customer can't have been contacted on %s before it was reported.",
                        contact.complaint_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        complaints = self.env["aftersales.complaint"]
        vals_list = [
            {
                **vals,
                # who wrote it is who is there, and the stage is the one it is at
                "user_id": self.env.uid,
                "stage_id": complaints.browse(vals.get("complaint_id"))._get_current_stage().id,
            }
            for vals in vals_list
        ]
        contacts = super().create(vals_list)
        for complaint, entries in contacts.grouped("complaint_id").items():
            complaint._deadline_event("contacted", min(entries.mapped("date")))
        return contacts

    def write(self, vals):
        if not self.env.su:
            raise UserError(
                self.env._(
                    "What the customer was told stays as it was written. Add another contact."
                )
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        if not self.env.su:
            raise UserError(self.env._("What the customer was told can't be deleted."))
