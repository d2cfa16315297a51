from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_list

ACTIVITY_TYPE = "aftersales_service.mail_activity_type_approval"


class AftersalesApprovalMixin(models.AbstractModel):
    """Approval in steps, closed unless everything needed is there.

    - The model names the steps (`_get_approval_steps`); without any, nothing can be submitted.
    - Steps are decided in order, each by a person with the step's group. Whoever
      `_get_approval_exclusions` names may not decide: who asked, and everybody who ever wrote on
      the content, by whatever way. Nobody decides twice in a round.
    - What is decided on (`_get_approval_content`) is hashed at submission. A change to it by any
      way voids the round, visibly; `_check_approved` compares once more before it lets pass.
    """

    _name = "aftersales.approval.mixin"
    _inherit = ["aftersales.workflow.mixin", "mail.thread", "mail.activity.mixin"]
    _description = "Approval"

    approval_state = fields.Selection(
        [
            ("draft", "Not submitted"),
            ("pending", "Waiting for approval"),
            ("approved", "Approved"),
            ("refused", "Refused"),
        ],
        "Approval",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    approval_round = fields.Integer(readonly=True, copy=False)
    approval_digest = fields.Char("Content hash", readonly=True, copy=False)
    requester_id = fields.Many2one(
        "res.users", "Submitted by", readonly=True, copy=False, help="May not decide on it."
    )
    approval_ids = fields.One2many(
        "aftersales.approval",
        "res_id",
        "Approval log",
        domain=lambda self: [("res_model", "=", self._name)],
        readonly=True,
        copy=False,
    )
    approval_author_ids = fields.One2many(
        "aftersales.approval.author",
        "res_id",
        "Worked on by",
        domain=lambda self: [("res_model", "=", self._name)],
        readonly=True,
        copy=False,
    )
    next_approval = fields.Char(
        "Waiting for",
        compute="_compute_next_approval",
        help="The role whose decision is needed next.",
    )
    can_decide = fields.Boolean(
        "Waiting for my decision",
        compute="_compute_next_approval",
        search="_search_can_decide",
    )
    approvers = fields.Char(
        "May decide", compute="_compute_approvers", help="Who was asked for the next decision."
    )
    approval_exclusions = fields.Char(
        "May not decide",
        compute="_compute_approval_exclusions",
        help="Nobody decides on what is his own, nor twice on the same document.",
    )
    approval_status = fields.Html(
        "Waiting for a decision",
        compute="_compute_approval_status",
        sanitize=False,
        help="Whose turn it is, who was asked, and who may not decide.",
    )

    # --- what a model declares -------------------------------------------------------------

    def _get_approval_steps(self):
        """Return the steps in order, each a dict with ``code``, ``label``, ``group`` (XML id)
        and optionally ``regulation`` (code of the article that demands it)."""
        return []

    def _get_approval_content(self):
        """Return the fields that are decided on, as a spec for `_get_content`."""
        return {}

    def _get_approval_exclusions(self):
        """Return who may not decide on this record, as pairs of users and the reason in words."""
        self.ensure_one()
        return [
            (self.requester_id, self.env._("submitted it")),
            (self.create_uid | self._get_content_authors(), self.env._("worked on it")),
        ]

    def _is_submittable(self):
        """Tell whether the record is where it is submitted from."""
        return self.state == "draft"

    def _check_submit(self):
        """Raise UserError if the record isn't ready to be submitted."""

    def _on_approval_void(self):
        """React when a change of the content voided the approval; state goes back to draft."""
        self._write_protected({"state": "draft"})

    # --- decisions -------------------------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "approval_state",
            "approval_round",
            "approval_digest",
            "requester_id",
        }

    @api.depends("approval_state", "approval_round", "approval_ids")
    @api.depends_context("uid", "lang")
    def _compute_next_approval(self):
        writable = self._filtered_access("write")
        for record in self:
            step = record._get_next_step()
            record.next_approval = step and step["label"]
            record.can_decide = (
                bool(step) and record in writable and not record._get_decision_obstacle(step)
            )

    @api.model
    def _search_can_decide(self, operator, value):
        if operator != "in":
            return NotImplemented
        # what waits is little, however many documents there are
        pending = self.search([("approval_state", "=", "pending")])
        return [("id", "in", pending.filtered("can_decide").ids)]

    @api.depends("approval_state", "activity_ids")
    def _compute_approvers(self):
        # sudo: whoever may read the document may know who was asked
        for record in self.sudo():
            users = record._get_approval_activities().user_id
            record.approvers = format_list(self.env, users.sorted("name").mapped("name"))

    @api.depends("approval_state", "approval_round", "approval_ids", "requester_id")
    @api.depends_context("lang")
    def _compute_approval_exclusions(self):
        for record in self:
            # sudo: names of colleagues only
            reasons = {}
            for users, reason in record.sudo()._get_all_exclusions():
                for user in users:
                    reasons.setdefault(user, reason)
            record.approval_exclusions = format_list(
                self.env,
                [
                    self.env._("%(user)s (%(reason)s)", user=user.name, reason=reason)
                    for user, reason in reasons.items()
                    if user.active
                ],
            )

    @api.depends("next_approval", "approvers", "approval_exclusions")
    @api.depends_context("uid", "lang")
    def _compute_approval_status(self):
        for record in self:
            if not record.next_approval:
                record.approval_status = False
                continue
            lines = [
                Markup("%s <strong>%s</strong>")
                % (self.env._("Waiting for the decision of:"), record.next_approval),
                self.env._("Asked: %s", record.approvers)
                if record.approvers
                else self.env._(
                    "Nobody could be asked: nobody else has this role here. Your administrator "
                    "can give it to a colleague."
                ),
                self.env._("May not decide: %s", record.approval_exclusions),
            ]
            record.approval_status = Markup("<br/>").join(lines)

    def _get_round_entries(self):
        """Return the decisions that count: those of the current round."""
        # sudo: whoever may read the record may know how far its approval is.
        return self.sudo().approval_ids.filtered(
            lambda a: a.round == self.approval_round and a.decision in ("approved", "refused")
        )

    def _get_next_step(self):
        """Return the step to be decided next, or None."""
        self.ensure_one()
        if self.approval_state != "pending":
            return None
        done = set(self._get_round_entries().mapped("step"))
        return next((s for s in self._get_approval_steps() if s["code"] not in done), None)

    def _get_all_exclusions(self):
        """Return the pairs of `_get_approval_exclusions`, and who has decided in this round."""
        self.ensure_one()
        return [
            *self._get_approval_exclusions(),
            (self._get_round_entries().user_id, self.env._("has decided already")),
        ]

    def _get_decision_obstacle(self, step):
        """Return why the current user can't decide ``step``, or False."""
        self.ensure_one()
        user = self.env.user
        if not user.active or not user.has_group(step["group"]):
            return self.env._(
                "“%(record)s” waits for the decision of “%(role)s”, which you are not.",
                record=self.display_name,
                role=step["label"],
            )
        if user in self._get_round_entries().user_id:
            return self.env._(
                "You have already decided a step of “%s”: the next one needs another person.",
                self.display_name,
            )
        for users, reason in self._get_approval_exclusions():
            if user in users:
                return self.env._(
                    "%(user)s may not decide on “%(record)s” (%(reason)s): somebody else has to "
                    "decide.",
                    user=user.name,
                    record=self.display_name,
                    reason=reason,
                )
        return False

    def _take_decision(self, decision, note=False):
        """Record the current user's decision on the next step.

        :raises UserError: nothing waits for a decision, or its content was changed
        :raises AccessError: this user may not decide
        """
        self.ensure_one()
        # a decision is a person's: what the code that calls may do doesn't count
        self = self.sudo(False)
        self.check_access("write")
        self._lock_for_decision()
        step = self._get_next_step()
        if not step:
            raise UserError(self.env._("“%s” is not waiting for a decision.", self.display_name))
        obstacle = self._get_decision_obstacle(step)
        if obstacle:
            raise AccessError(obstacle)
        if self.approval_digest != self._get_content_digest(self._get_approval_content()):
            raise UserError(
                self.env._(
                    "“%s” was changed after it was submitted. It has to be submitted again.",
                    self.display_name,
                )
            )
        self._log_approval(decision, step, note)
        return step

    def _lock_for_decision(self):
        """Lock the record against a decision or submission at the same moment."""
        self._lock_for_action()

    def _log_approval(self, decision, step=None, note=False):
        step = step or {"code": decision}
        regulation = self.env["aftersales.regulation"].search(
            [("code", "=", step.get("regulation"))], limit=1
        )
        # sudo: nobody may create entries of the log directly; this is the only place that does.
        self.env["aftersales.approval"].sudo().create(
            {
                "res_model": self._name,
                "res_id": self.id,
                "round": self.approval_round,
                "step": step["code"],
                "decision": decision,
                "user_id": self.env.uid,
                # given, or a default of the user's own would make it another day
                "date": fields.Datetime.now(),
                "note": note,
                "regulation_id": regulation.id,
                "digest": self.approval_digest,
            }
        )
        self.invalidate_recordset(["approval_ids"])

    def action_submit(self):
        """Ask for approval. Starts a new round; earlier decisions stay in the log."""
        for record in self:
            record.check_access("write")
            record._lock_for_decision()
            if not record._get_approval_steps():
                raise UserError(
                    record.env._(
                        "Nobody is named to approve “%s”, so it can't be submitted.",
                        record.display_name,
                    )
                )
            if not record._is_submittable():
                raise UserError(
                    record.env._(
                        "“%s” is no draft, so it can't be submitted (again).", record.display_name
                    )
                )
            record._check_submit()
            record._write_protected(
                {
                    "approval_state": "pending",
                    "approval_round": record.approval_round + 1,
                    "approval_digest": record._get_content_digest(record._get_approval_content()),
                    "requester_id": self.env.uid,
                    **record._prepare_submitted_vals(),
                }
            )
            record._log_approval("submitted")
            record._renew_approval_activities()
        return True

    def action_approve(self):
        """Approve the next step as the current user."""
        for record in self:
            record._take_decision("approved")
            if record._get_next_step():
                record._renew_approval_activities()
            else:
                record._write_protected(
                    {"approval_state": "approved", **record._prepare_approved_vals()}
                )
        return True

    def action_refuse(self, reason=None):
        """Refuse, with a reason. The record goes back to its author."""
        for record in self:
            if not (reason or "").strip():
                raise UserError(record.env._("Give the reason for the refusal."))
            record._take_decision("refused", reason)
            record._write_protected({"approval_state": "refused", **record._prepare_refused_vals()})
            # sudo: the requester is told whatever right the decider has on his contact
            record.sudo().message_post(
                body=record.env._("Refused: %s", reason),
                partner_ids=record.requester_id.sudo().partner_id.ids,
            )
        return True

    def action_open_refuse(self):
        """Open the window that asks for the reason of a refusal."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_refuse", self.env._("Refuse"))

    def _prepare_submitted_vals(self):
        return {"state": "submitted"}

    def _prepare_approved_vals(self):
        return {"state": "approved"}

    def _prepare_refused_vals(self):
        return {"state": "draft"}

    # --- the gate --------------------------------------------------------------------------

    def _is_approved(self):
        """Tell whether every step was approved for exactly the present content."""
        self.ensure_one()
        steps = self._get_approval_steps()
        approved = {e.step for e in self._get_round_entries() if e.decision == "approved"}
        return (
            bool(steps)
            and self.approval_state == "approved"
            and {s["code"] for s in steps} <= approved
            and self.approval_digest == self._get_content_digest(self._get_approval_content())
        )

    def _check_approved(self):
        """Raise UserError unless the record is approved as it stands."""
        for record in self:
            if not record._is_approved():
                labels = format_list(
                    self.env, [step["label"] for step in record._get_approval_steps()]
                )
                raise UserError(
                    record.env._(
                        "“%(record)s” has to be approved first: %(steps)s.",
                        record=record.display_name,
                        steps=labels,
                    )
                )

    # --- who wrote the content -------------------------------------------------------------

    def _get_content_authors(self):
        """Return the users who wrote on the content after it was created, in any round."""
        # sudo: who wrote on a document is no secret to whoever sees it
        return self.sudo().approval_author_ids.user_id

    def _note_content_author(self):
        """Note that the current user wrote on the content of these records.

        He stays an author in later rounds, too: what he wrote is still in it, or was the reason
        of what is.
        """
        user = self.env.user
        # sudo: nobody writes authors directly
        model = self.env["aftersales.approval.author"].sudo()
        others = self.sudo().filtered(lambda r: r.create_uid != user)
        if not others:
            return
        known = {
            author.res_id
            for author in model.search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", others.ids),
                    ("user_id", "=", user.id),
                ]
            )
        }
        new = others.filtered(lambda r: r.id not in known)
        model.create(
            [{"res_model": self._name, "res_id": record.id, "user_id": user.id} for record in new]
        )
        new.invalidate_recordset(["approval_author_ids", "approval_exclusions"])

    # --- whose turn it is ------------------------------------------------------------------

    def _get_approval_activities(self):
        activity_type = self.env.ref(ACTIVITY_TYPE)
        return self.activity_ids.filtered(lambda a: a.activity_type_id == activity_type)

    def _get_step_users(self, step):
        """Return who may decide ``step`` of this record.

        Those whose own role it is; only if there is none, those who have it by a wider role.
        """
        self.ensure_one()
        # sudo: users and groups are read to find the persons in charge
        group = self.env.ref(step["group"]).sudo()
        excluded = self.env["res.users"].union(*(u for u, _r in self._get_all_exclusions()))
        for users in (group.user_ids, group.all_user_ids):
            users = (users - excluded).filtered(lambda u: u.active and self._is_writable_by(u))
            if users:
                break
        return users

    def _is_writable_by(self, user):
        # by his own companies, not by those that the current user has chosen
        own = self.with_user(user).with_context(allowed_company_ids=user.company_ids.ids)
        return own.has_access("write")

    def _renew_approval_activities(self):
        """Tell those whose turn it is now, and nobody else."""
        # sudo: activities of others are made and closed as the approval goes on
        records = self.sudo()
        records._get_approval_activities().unlink()
        activity_type = self.env.ref(ACTIVITY_TYPE)
        vals_list = []
        for record in records:
            step = record._get_next_step()
            if not step:
                continue
            vals_list += [
                {
                    "res_model_id": self.env["ir.model"]._get_id(self._name),
                    "res_id": record.id,
                    "activity_type_id": activity_type.id,
                    # in the words of whoever reads it
                    "summary": record.with_context(lang=user.lang)._get_next_step()["label"],
                    "date_deadline": fields.Date.context_today(record),
                    "user_id": user.id,
                    "automated": True,
                }
                for user in record._get_step_users(step)
            ]
        # no mail for each: they find it among their activities
        self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True).create(
            vals_list
        )

    def write(self, vals):
        watched = self.browse()
        if self._get_approval_content().keys() & vals.keys():
            self._note_content_author()
            watched = self.filtered(lambda r: r.approval_state in ("pending", "approved"))
        result = super().write(vals)
        watched._void_changed_approval()
        if vals.get("approval_state", "pending") != "pending":
            self._renew_approval_activities()
        return result

    def _void_changed_approval(self):
        """Void the approval of the records whose content is no longer what was submitted."""
        for record in self:
            if record.approval_state not in ("pending", "approved"):
                continue
            if record.approval_digest == record._get_content_digest(record._get_approval_content()):
                continue
            record._check_voidable()
            record._log_approval("void")
            record._write_protected({"approval_state": "draft"})
            record._on_approval_void()
            # sudo: whoever may change the content may have no right to post on it
            record.sudo().message_post(
                body=record.env._(
                    "%s changed the content: the approval is void and has to be asked for again.",
                    record.env.user.name,
                )
            )

    def _check_voidable(self):
        """Raise UserError if the content may no longer change, because it was acted upon."""

    @api.ondelete(at_uninstall=False)
    def _unlink_except_submitted(self):
        if any(record.approval_round for record in self):
            raise UserError(
                self.env._("What was once submitted can't be deleted. Cancel it instead.")
            )
