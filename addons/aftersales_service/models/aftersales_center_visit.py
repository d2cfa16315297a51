from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_list


class AftersalesCenterVisit(models.Model):
    """A visit that supports a service center, with feedback by topic (L3.4)."""

    _name = "aftersales.center.visit"
    _description = "Support visit"
    _regulations = ("L3.4",)
    _inherit = [
        "aftersales.network.mixin",
        "aftersales.workflow.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.center.visit"
    _order = "date_planned desc, id desc"
    _rec_names_search = ["name", "center_id"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [("planned", "Planned"), ("done", "Done"), ("cancelled", "Cancelled")],
        "Status",
        default="planned",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        required=True,
        domain="[('center_state', 'in', ('active', 'suspended'))]",
        check_company=True,
        index=True,
        tracking=True,
    )
    region_id = fields.Many2one(
        related="center_id.aftersales_region_id",
        string="Region",
        store=True,
        index="btree_not_null",
    )
    visitor_id = fields.Many2one(
        "res.users",
        "Visitor",
        required=True,
        default=lambda self: self.env.user,
        domain=[("share", "=", False)],
        check_company=True,
        index=True,
        tracking=True,
    )
    date_planned = fields.Date(
        "Planned on", required=True, default=fields.Date.context_today, tracking=True
    )
    date_done = fields.Date("Visited on", copy=False)
    line_ids = fields.One2many(
        "aftersales.center.visit.line",
        "visit_id",
        "Topics",
        default=lambda self: self._get_default_lines(),
        copy=False,
    )
    feedback = fields.Text(
        "Overall feedback", copy=False, help="On product quality and service, as L3.4 asks."
    )
    date_next = fields.Date(
        "Next visit", copy=False, help="When the visit is closed, the next one is planned for it."
    )
    next_visit_id = fields.Many2one(
        "aftersales.center.visit", "Visit planned next", readonly=True, copy=False
    )
    is_late = fields.Boolean("Late", compute="_compute_is_late", search="_search_is_late")

    @api.model
    def _get_default_lines(self):
        topics = self.env["aftersales.center.visit.topic"].search([("active", "=", True)])
        return [Command.create({"topic_id": topic.id}) for topic in topics]

    @api.depends("state", "date_planned")
    def _compute_is_late(self):
        today = fields.Date.context_today(self)
        for visit in self:
            visit.is_late = (
                visit.state == "planned" and visit.date_planned and visit.date_planned < today
            )

    @api.model
    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("state", "=", "planned"), ("date_planned", "<", fields.Date.context_today(self))]

    @api.constrains("center_id")
    def _check_center_id(self):
        for visit in self:
            if not visit.center_id.is_service_center:
                raise ValidationError(
                    self.env._("%s is no service center.", visit.center_id.display_name)
                )

    @api.constrains("date_done", "date_next")
    def _check_dates(self):
        for visit in self:
            if visit.date_done and visit.date_done > visit._get_today():
                raise ValidationError(self.env._("The visit can't have been in the future."))
            if visit.date_next and visit.date_next <= (visit.date_done or visit.date_planned):
                raise ValidationError(self.env._("The next visit has to come after this one."))

    @api.model_create_multi
    def create(self, vals_list):
        visits = super().create(vals_list)
        visits._deadline_event("planned")
        return visits

    def write(self, vals):
        if self._get_changed_names(vals, self._get_content_fields()):
            self._check_open()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_planned(self):
        if any(visit.state != "planned" for visit in self):
            raise UserError(self.env._("Only a planned visit can be deleted."))

    def _get_deadline_partner(self):
        return self.center_id.aftersales_parent_id or self.region_id.office_id

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.visitor_id

    def _get_deadline_fields(self):
        return {"center_id"}

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"next_visit_id"}

    @api.model
    def _get_content_fields(self):
        """Return the names of the fields that stay once the visit is closed."""
        return {
            "center_id",
            "visitor_id",
            "date_planned",
            "date_done",
            "feedback",
            "date_next",
        }

    def _check_open(self):
        """Raise UserError if a visit is closed: what was found then stays as it is."""
        for visit in self:
            if visit.state != "planned":
                raise UserError(
                    self.env._("%s is closed and can't be changed any more.", visit.name)
                )

    def _get_today(self):
        company = self.company_id or self.env.company
        return company._aftersales_local(fields.Datetime.now()).date()

    def action_done(self):
        """Close the visit, with feedback on each topic, and plan the next one (L3.4).

        :raises UserError: feedback is missing
        """
        for visit in self:
            visit.check_access("write")
            visit._check_open()
            missing = [
                line.topic_id.name for line in visit.line_ids if not (line.feedback or "").strip()
            ]
            if not (visit.feedback or "").strip():
                missing.append(visit._fields["feedback"]._description_string(self.env))
            if missing or not visit.line_ids:
                raise UserError(
                    self.env._(
                        "The feedback is recorded for each topic (L3.4). Still missing: %s. Remove "
                        "topics that were not discussed.",
                        format_list(
                            self.env,
                            missing or [visit._fields["line_ids"]._description_string(self.env)],
                        ),
                    )
                )
            visit.date_done = visit.date_done or visit._get_today()
            following = visit._plan_next()
            visit._write_protected({"state": "done", "next_visit_id": following.id})
            visit._deadline_event("done")
        return True

    def _plan_next(self):
        if not self.date_next:
            return self.browse()
        return self.create(
            {
                "company_id": self.company_id.id,
                "center_id": self.center_id.id,
                "visitor_id": self.visitor_id.id,
                "date_planned": self.date_next,
            }
        )

    def action_cancel(self, reason=None):
        """Cancel a planned visit, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the visit is cancelled."))
        for visit in self:
            visit.check_access("write")
            visit._check_open()
            visit._write_protected({"state": "cancelled"})
            visit._cancel_deadlines()
            visit.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel visit")
        )

    def action_view_next(self):
        """Open the visit that was planned next."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.next_visit_id.id,
            "views": [(False, "form")],
        }
