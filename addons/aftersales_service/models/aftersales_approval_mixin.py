from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_list


class AftersalesApprovalMixin(models.AbstractModel):
    """Approval in steps, closed unless everything needed is there.

    - The model names the steps (`_get_approval_steps`); without any, nothing can be submitted.
    - Steps are decided in order, each by a person with the step's group. Who asked, and whoever
      `_get_approval_excluded_users` names, may not decide; nobody decides twice in a round.
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
    next_approval = fields.Char(
        "Waiting for",
        compute="_compute_next_approval",
        help="The role whose decision is needed next.",
    )
    can_decide = fields.Boolean(compute="_compute_next_approval")

    # --- what a model declares -------------------------------------------------------------

    def _get_approval_steps(self):
        """Return the steps in order, each a dict with ``code``, ``label``, ``group`` (XML id)
        and optionally ``regulation`` (code of the article that demands it)."""
        return []

    def _get_approval_content(self):
        """Return the fields that are decided on, as a spec for `_get_content`."""
        return {}

    def _get_approval_excluded_users(self):
        """Return the users who may not decide on this record."""
        return self.requester_id

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
        for record in self:
            step = record._get_next_step()
            record.next_approval = step and step["label"]
            record.can_decide = bool(step) and not record._get_decision_obstacle(step)

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

    def _get_decision_obstacle(self, step):
        """Return why the current user can't decide ``step``, or False."""
        self.ensure_one()
        user = self.env.user
        if not user.has_group(step["group"]):
            return self.env._(
                "“%(record)s” waits for the decision of “%(role)s”, which you are not.",
                record=self.display_name,
                role=step["label"],
            )
        if user in self._get_approval_excluded_users():
            return self.env._(
                "You submitted or wrote “%s”, or belong to it, so somebody else has to decide.",
                self.display_name,
            )
        if user in self._get_round_entries().user_id:
            return self.env._(
                "You have already decided a step of “%s”: the next one needs another person.",
                self.display_name,
            )
        return False

    def _take_decision(self, decision, note=False):
        """Record the current user's decision on the next step.

        :raises UserError: nothing waits for a decision, or its content was changed
        :raises AccessError: this user may not decide
        """
        self.ensure_one()
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset()
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
            if not record._get_approval_steps():
                raise UserError(
                    record.env._(
                        "Nobody is named to approve “%s”, so it can't be submitted.",
                        record.display_name,
                    )
                )
            if record.state != "draft":
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
        return True

    def action_approve(self):
        """Approve the next step as the current user."""
        for record in self:
            record._take_decision("approved")
            if not record._get_next_step():
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
            record.message_post(body=record.env._("Refused: %s", reason))
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

    def write(self, vals):
        watched = self.browse()
        if self._get_approval_content().keys() & vals.keys():
            watched = self.filtered(lambda r: r.approval_state in ("pending", "approved"))
        result = super().write(vals)
        watched._void_changed_approval()
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
