from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_list


class AftersalesAuditPlan(models.Model):
    """审计计划: who checks what at which office, with the marketing VP's consent (L4.2–L4.4)."""

    _name = "aftersales.audit.plan"
    _description = "Audit plan"
    _regulations = ("L4.2", "L4.3", "L4.4", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.approval.mixin",
        "aftersales.deadline.mixin",
    ]
    _sequence_code = "aftersales.audit.plan"
    _order = "id desc"
    _rec_names_search = ["name", "office_id.name"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    office_id = fields.Many2one(
        "res.partner",
        "Audited office",
        required=True,
        domain="[('is_regional_office', '=', True)]",
        index=True,
        tracking=True,
        check_company=True,
    )
    region_id = fields.Many2one("aftersales.region", compute="_compute_region_id", store=True)
    date_from = fields.Date("Period from", required=True)
    date_to = fields.Date("Period to", required=True)
    kind = fields.Selection(
        [("periodic", "Periodic"), ("ad_hoc", "Ad hoc")], required=True, default="periodic"
    )
    notice = fields.Selection(
        [("announced", "Announced"), ("surprise", "Surprise")],
        required=True,
        default="announced",
        help="The office sees an announced audit when it is approved, a surprise audit only "
        "when it starts (L4.4).",
    )
    method = fields.Text("Audit method", help="How it is checked: on site, by documents, by calls.")
    content = fields.Text("Audit content", help="Accounts and operations that are looked into.")
    regulation_ids = fields.Many2many(
        "aftersales.regulation",
        string="Articles to check",
        help="Each becomes a check when the audit starts.",
        # what was approved stays, even when an article is archived later
        context={"active_test": False},
    )
    cost = fields.Monetary(
        "Planned cost", help="Borne by the company, never by the audited office (L4.4)."
    )
    date_completion = fields.Date("Planned completion")
    lead_id = fields.Many2one(
        "res.users",
        "Team leader",
        required=True,
        default=lambda self: self.env.user,
        tracking=True,
        check_company=True,
    )
    member_ids = fields.Many2many(
        "res.users",
        string="Team members",
        check_company=True,
        context={"active_test": False},
        help="The team may not belong to the audited office (L4.2) and doesn't decide on its "
        "own plan (L4.3).",
    )
    check_ids = fields.One2many("aftersales.audit.check", "plan_id", "Checks", readonly=True)
    date_started = fields.Datetime("Started", readonly=True, copy=False)
    date_done = fields.Datetime("Finished", readonly=True, copy=False)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("approved", "Approved"),
            ("in_progress", "In progress"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    can_edit = fields.Boolean(compute="_compute_can_edit")
    can_audit = fields.Boolean(
        compute="_compute_can_edit", help="Whether you belong to the audit team."
    )

    _period_order = models.Constraint(
        "CHECK(date_to >= date_from)", "The audited period can't end before it begins."
    )
    _completion_order = models.Constraint(
        "CHECK(date_completion >= date_to)",
        "The audit can't be completed before the audited period ends.",
    )
    _cost_positive = models.Constraint("CHECK(cost >= 0)", "The cost can't be negative.")

    @api.depends("office_id.aftersales_office_region_ids")
    def _compute_region_id(self):
        for plan in self:
            plan.region_id = plan.office_id.aftersales_office_region_ids[:1]

    @api.depends("state", "lead_id", "member_ids")
    @api.depends_context("uid")
    def _compute_can_edit(self):
        is_auditor = self.env.user.has_group("aftersales_audit.group_auditor")
        for plan in self:
            plan.can_edit = is_auditor and plan._is_changeable()
            plan.can_audit = is_auditor and self.env.user in plan._get_team()

    @api.constrains("office_id", "lead_id", "member_ids")
    def _check_team(self):
        for plan in self:
            # sudo: who manages the office's regions counts, whether or not this user sees them
            office = plan.sudo().office_id
            own = plan._get_team().filtered_domain([("partner_id", "child_of", office.id)])
            own |= plan._get_team() & office.aftersales_office_region_ids.manager_id
            if own:
                raise ValidationError(
                    self.env._(
                        "%(members)s can't audit %(office)s, because they belong to it or manage "
                        "its region (L4.2). Choose others for the team.",
                        members=format_list(self.env, own.mapped("name")),
                        office=office.display_name,
                    )
                )

    def write(self, vals):
        if self._get_approval_content().keys() & vals.keys() and not self.env.su:
            # the VP may write on the plan only to decide on it
            self._check_group("aftersales_audit.group_auditor")
            self._check_voidable()
        return super().write(vals)

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "approval_round",
            "date_to",
            "date_completion",
            "date_done",
        ]

    def _get_retention_start(self):
        # what was never submitted is a draft
        if not self.approval_round:
            return False
        done = self._get_local_day(self.date_done)
        return max(filter(None, (self.date_to, self.date_completion, done)))

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_started", "date_done"}

    def _get_team(self):
        return self.lead_id | self.member_ids

    # --- deadlines (L4.6) ------------------------------------------------------------------

    def _get_deadline_assignee(self):
        return self.lead_id

    def _get_deadline_region(self):
        return self.region_id

    # --- approval (L4.3) -------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "vp",
                "label": self.env._("Marketing VP"),
                "group": "aftersales_service.group_vp",
                "regulation": "L4.3",
            }
        ]

    def _get_approval_content(self):
        return dict.fromkeys(
            [
                "company_id",
                "office_id",
                "date_from",
                "date_to",
                "kind",
                "notice",
                "method",
                "content",
                "regulation_ids",
                "cost",
                "date_completion",
                "lead_id",
                "member_ids",
            ]
        )

    def _get_approval_exclusions(self):
        return [
            *super()._get_approval_exclusions(),
            (self._get_team(), self.env._("belongs to the audit team")),
        ]

    def _check_submit(self):
        self._check_group("aftersales_audit.group_auditor")
        if self.state != "draft":
            raise UserError(self.env._("%s is no draft any more.", self.name))
        missing = [
            self._fields[name]._description_string(self.env)
            for name in ("method", "content", "date_completion", "regulation_ids")
            if not self[name]
        ]
        if missing:
            raise UserError(
                self.env._(
                    "The marketing VP decides on a complete plan (L4.3). Still missing in "
                    "%(plan)s: %(fields)s.",
                    plan=self.name,
                    fields=format_list(self.env, missing),
                )
            )

    def _check_approved(self):
        for plan in self:
            if not plan._is_approved():
                raise UserError(
                    self.env._(
                        "%s can't start yet: the marketing VP has to approve the plan first "
                        "(L4.3).",
                        plan.name,
                    )
                )

    def _is_changeable(self):
        self.ensure_one()
        return self.state in ("draft", "submitted", "approved")

    def _check_voidable(self):
        for plan in self:
            if not plan._is_changeable():
                raise UserError(
                    self.env._("%s has been started or closed and can't be changed.", plan.name)
                )

    # --- steps -----------------------------------------------------------------------------

    def _check_auditing(self):
        """Raise AccessError unless the current user belongs to the audit team."""
        self._check_group("aftersales_audit.group_auditor")
        for plan in self:
            if self.env.user not in plan._get_team():
                raise AccessError(
                    self.env._(
                        "Only the audit team of %s may do this: its leader and its members.",
                        plan.name,
                    )
                )

    def action_start(self):
        """Begin the approved audit, with one check per article (L4.3)."""
        for plan in self:
            plan.check_access("write")
            plan._check_auditing()
            plan.lock_for_update(allow_referencing=True)
            plan.invalidate_recordset()
            if not plan._is_changeable():
                raise UserError(
                    self.env._("%s has already been started, or was cancelled.", plan.name)
                )
            plan._check_approved()
            plan._check_team()
            # sudo: checks come from the approved plan only; nobody adds one by hand.
            self.env["aftersales.audit.check"].sudo().create(
                [
                    {"plan_id": plan.id, "regulation_id": regulation.id}
                    for regulation in plan.regulation_ids
                ]
            )
            plan._write_protected({"state": "in_progress", "date_started": fields.Datetime.now()})
            plan._deadline_event("started")
        return True

    def action_done(self):
        """Close the audit; every check has to be answered."""
        for plan in self:
            plan.check_access("write")
            plan._check_auditing()
            if plan.state != "in_progress":
                raise UserError(self.env._("%s is not in progress.", plan.name))
            unanswered = plan.check_ids.filtered(lambda check: check.result == "open")
            if unanswered:
                raise UserError(
                    self.env._(
                        "Not answered yet: %s. Give each a result; “not applicable” is one, too.",
                        format_list(self.env, unanswered.regulation_id.mapped("display_name")),
                    )
                )
            plan._write_protected({"state": "done", "date_done": fields.Datetime.now()})
            plan._deadline_event("done")
        return True

    def action_cancel(self, reason=None):
        """Cancel an audit that isn't finished, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the audit is cancelled."))
        for plan in self:
            plan.check_access("write")
            if plan.state in ("done", "cancelled"):
                raise UserError(self.env._("%s is closed and stays as it is.", plan.name))
            if self.env.user not in plan._get_team() | plan.requester_id | plan.create_uid:
                # the VP may stop an audit; a colleague of another team may not
                plan._check_group("aftersales_service.group_vp")
            plan._write_protected({"state": "cancelled", "approval_state": "draft"})
            plan._cancel_deadlines()
            plan.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel audit")
        )
