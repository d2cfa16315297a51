from odoo import api, fields, models


class AftersalesComplaintDutyMixin(models.AbstractModel):
    """What somebody has to do about a complaint until a day, and finds among his activities (C7).

    The activity is on the complaint, where there is all that he has to know.
    """

    _name = "aftersales.complaint.duty.mixin"
    _description = "Duties on complaints"

    # name of the activity's many2one to the duty, set by each model
    _activity_link = None

    candidate_ids = fields.Many2many(
        "res.users", compute="_compute_candidate_ids", help="Who belongs to the department."
    )

    @api.depends("department_id")
    def _compute_candidate_ids(self):
        for duty in self:
            duty.candidate_ids = duty.department_id._get_members()

    @api.model_create_multi
    def create(self, vals_list):
        duties = super().create(vals_list)
        duties._sync_activities()
        return duties

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() & {"complaint_id", "name", "user_id", "date_due", "state"}:
            self._sync_activities()
        return result

    def _get_activities(self):
        """Return the activities of these duties."""
        # sudo: they were planned by the system, for whoever has the duty
        return (
            self.env["mail.activity"]
            .sudo()
            .with_context(mail_activity_quick_update=True)
            .search([(self._activity_link, "in", self.ids)])
        )

    def _sync_activities(self):
        """Let each open duty be an activity of its owner on its day, and no other.

        The number of queries doesn't grow with the duties that stay as they are.
        """
        # sudo: whoever gives the duty can't see all of the owner's activities
        own = self.sudo()
        kept = own._get_activities().grouped(self._activity_link)
        owed = own.filtered(
            lambda duty: (
                duty.state == "open"
                and duty.user_id
                and duty.complaint_id.state not in ("closed", "cancelled")
            )
        )
        activities = self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True)
        activities.union(*(kept[duty] for duty in own - owed if duty in kept)).unlink()
        activity_type = self.env.ref("mail.mail_activity_data_todo")
        activities.create(
            [duty._prepare_activity(activity_type) for duty in owed if duty not in kept]
        )
        for duty in owed.filtered(lambda duty: duty in kept):
            planned = duty._prepare_activity(activity_type)
            activity = kept[duty]
            changed = {
                name: planned[name]
                for name in ("summary", "user_id", "date_deadline", "res_id")
                if activity._fields[name].convert_to_write(activity[name], activity)
                != planned[name]
            }
            if changed:
                activity.write(changed)

    def _prepare_activity(self, activity_type):
        self.ensure_one()
        return {
            self._activity_link: self.id,
            "activity_type_id": activity_type.id,
            "res_model_id": self.env["ir.model"]._get_id("aftersales.complaint"),
            "res_id": self.complaint_id.id,
            "user_id": self.user_id.id,
            "date_deadline": self.date_due,
            "summary": self.name,
            "automated": True,
        }
