from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools.misc import format_date


class AftersalesComplaintAction(models.Model):
    """A corrective or preventive action, until somebody else found that it works (C6, E3)."""

    _name = "aftersales.complaint.action"
    _description = "Corrective or preventive action"
    _regulations = ("C6", "E3")
    _inherit = [
        "aftersales.complaint.entry",
        "aftersales.complaint.duty.mixin",
        "aftersales.workflow.mixin",
    ]
    _activity_link = "aftersales_action_id"
    _order = "date_due, id"
    _check_company_auto = True

    complaint_id = fields.Many2one(
        "aftersales.complaint", "Complaint", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="complaint_id.company_id", store=True)
    cause_id = fields.Many2one(
        related="complaint_id.cause_id", string="Root cause", store=True, index="btree_not_null"
    )
    kind = fields.Selection(
        [("corrective", "Corrective"), ("preventive", "Preventive")],
        required=True,
        default="corrective",
    )
    name = fields.Char("Action", required=True)
    department_id = fields.Many2one(
        "aftersales.department", "Department", required=True, check_company=True, index=True
    )
    user_id = fields.Many2one(
        "res.users",
        "Owner",
        required=True,
        domain="[('id', 'in', candidate_ids)]",
        check_company=True,
        index=True,
    )
    date_due = fields.Date("Due on", required=True)
    result = fields.Text(help="What was done.")
    state = fields.Selection(
        [
            ("open", "Open"),
            ("done", "Done, effect not checked"),
            ("effective", "Effective"),
            ("ineffective", "Not effective"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="open",
        required=True,
        readonly=True,
        copy=False,
        index=True,
    )
    date_done = fields.Datetime("Done on", readonly=True, copy=False)
    done_by = fields.Many2one("res.users", readonly=True, copy=False)
    date_check = fields.Date(
        "Check the effect from",
        readonly=True,
        copy=False,
        help="The effect shows after some time only: see the settings.",
    )
    check_result = fields.Text("Effect found", copy=False)
    checked_by = fields.Many2one("res.users", "Checked by", readonly=True, copy=False)
    date_checked = fields.Datetime("Checked on", readonly=True, copy=False)
    previous_id = fields.Many2one(
        "aftersales.complaint.action", "Follows", readonly=True, copy=False, index="btree_not_null"
    )
    is_late = fields.Boolean("Late", compute="_compute_is_late", search="_search_is_late")

    @api.depends("state", "date_due", "date_check")
    def _compute_is_late(self):
        today = fields.Date.context_today(self)
        for action in self:
            due = {"open": action.date_due, "done": action.date_check}.get(action.state)
            action.is_late = bool(due) and due < today

    @api.model
    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        today = fields.Date.context_today(self)
        return [
            "|",
            "&",
            ("state", "=", "open"),
            ("date_due", "<", today),
            "&",
            ("state", "=", "done"),
            ("date_check", "<", today),
        ]

    @api.constrains("user_id", "department_id")
    def _check_user_id(self):
        for action in self:
            if action.user_id not in action.department_id._get_members():
                raise ValidationError(
                    self.env._(
                        "%(user)s doesn't belong to %(department)s. Choose one of its members.",
                        user=action.user_id.name,
                        department=action.department_id.name,
                    )
                )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "date_done",
            "done_by",
            "date_check",
            "checked_by",
            "date_checked",
            "previous_id",
        }

    @api.model
    def _get_planned_fields(self):
        """Return the names of the fields by which customer service plans the action."""
        return {"complaint_id", "kind", "name", "department_id", "user_id", "date_due"}

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            self._check_group("aftersales_service.group_customer_service")
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            names = self._get_planned_fields() | {"result", "check_result"}
            changed = self._get_changed_names(vals, names)
            if changed:
                self._check_complaint_open()
            if changed & self._get_planned_fields():
                self._check_group("aftersales_service.group_customer_service")
            if changed - {"check_result"}:
                self._check_state("open")
                self._check_owner()
            if "check_result" in changed:
                self._check_state("done")
                self._check_checker()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(
            self.env._("An action is kept with its complaint. Cancel it with a reason instead.")
        )

    def _check_state(self, state):
        for action in self:
            if action.state != state:
                raise UserError(
                    self.env._(
                        "“%(action)s” is at “%(state)s”.",
                        action=action.name,
                        state=dict(self._fields["state"]._description_selection(self.env))[
                            action.state
                        ],
                    )
                )

    def _check_owner(self):
        user = self.env.user
        if user.has_group("aftersales_service.group_customer_service"):
            return
        for action in self:
            if user not in action.user_id | action.department_id.manager_id:
                raise AccessError(
                    self.env._(
                        "“%(action)s” is %(owner)s's.",
                        action=action.name,
                        owner=action.user_id.name,
                    )
                )

    def _check_checker(self):
        """Raise AccessError unless the user may judge the effect: never the owner's own."""
        user = self.env.user
        for action in self:
            if user in action.user_id | action.done_by:
                raise AccessError(
                    self.env._(
                        "The effect of “%s” is checked by somebody else than its owner.",
                        action.name,
                    )
                )
        if not user.has_group("aftersales_service.group_quality"):
            self._check_group("aftersales_service.group_customer_service")

    def action_done(self):
        """Note that it was done; the effect is checked after the days set (C6)."""
        for action in self:
            action.check_access("write")
            action._check_complaint_open()
            action._check_state("open")
            action._check_owner()
            if not (action.result or "").strip():
                raise UserError(self.env._("Say what was done about “%s” first.", action.name))
            now = fields.Datetime.now()
            company = action.company_id
            action._write_protected(
                {
                    "state": "done",
                    "date_done": now,
                    "done_by": self.env.uid,
                    "date_check": company._aftersales_local(now).date()
                    + timedelta(days=company.aftersales_effect_check_days),
                }
            )
        return True

    def _check_effect(self, state):
        for action in self:
            action.check_access("write")
            action._check_complaint_open()
            action._check_state("done")
            action._check_checker()
            now = fields.Datetime.now()
            if action.company_id._aftersales_local(now).date() < action.date_check:
                raise UserError(
                    self.env._(
                        "The effect of “%(action)s” shows after some time only: check it from "
                        "%(date)s on.",
                        action=action.name,
                        date=format_date(self.env, action.date_check),
                    )
                )
            if not (action.check_result or "").strip():
                raise UserError(self.env._("Say what you found about “%s” first.", action.name))
            action._write_protected(
                {"state": state, "checked_by": self.env.uid, "date_checked": now}
            )

    def action_effective(self):
        """Note that the action works, found by somebody else than its owner (C6)."""
        self._check_effect("effective")
        return True

    def action_ineffective(self):
        """Note that it doesn't work, which makes a new action for the same owner (C6)."""
        self._check_effect("ineffective")
        for action in self:
            # sudo: who checks the effect plans no actions himself; this one has to follow
            action.sudo().copy(action._prepare_following_vals())
        return True

    def _prepare_following_vals(self):
        today = self.company_id._aftersales_local(fields.Datetime.now()).date()
        return {
            "previous_id": self.id,
            "result": False,
            "date_due": today + timedelta(days=self.company_id.aftersales_effect_check_days),
        }

    def action_cancel(self, reason=None):
        """Cancel an action that isn't done, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the action is cancelled."))
        self._check_group("aftersales_service.group_customer_service")
        for action in self:
            action.check_access("write")
            action._check_complaint_open()
            action._check_state("open")
            action._write_protected({"state": "cancelled"})
            action.complaint_id.message_post(
                body=self.env._(
                    "Cancelled the action “%(action)s”: %(reason)s",
                    action=action.name,
                    reason=reason.strip(),
                )
            )
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel action")
        )
