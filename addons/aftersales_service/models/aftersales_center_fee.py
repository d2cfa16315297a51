from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesCenterFee(models.Model):
    """The repair-fee allowance of a center: proposed by the office, decided by CS (L3.2)."""

    _name = "aftersales.center.fee"
    _description = "Agreed fee"
    _regulations = ("L3.2",)
    _inherit = ["aftersales.network.mixin", "aftersales.approval.mixin"]
    _order = "date_from desc, id desc"
    _rec_names_search = ["center_id"]
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("approved", "Agreed"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
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
    )
    region_id = fields.Many2one(
        related="center_id.aftersales_region_id",
        string="Region",
        store=True,
        index="btree_not_null",
    )
    amount = fields.Monetary("Fee per month", required=True)
    date_from = fields.Date("From", required=True)
    date_to = fields.Date("Until", help="Empty: until another fee is agreed.")
    date_ended = fields.Date(
        "Ended early on",
        readonly=True,
        copy=False,
        help="The last day: the day before the next fee, or when the center was closed.",
    )
    date_last = fields.Date("Last day", compute="_compute_date_last", store=True)
    note = fields.Text("Grounds", help="The area covered and the sales that justify it (L3.2).")
    decider_id = fields.Many2one("res.users", "Decided by", readonly=True, copy=False)
    application_id = fields.Many2one(
        "aftersales.center.application",
        "Application",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The center application that this fee was decided with.",
    )

    _amount_positive = models.Constraint("CHECK(amount > 0)", "The fee must be more than zero.")
    _date_order = models.Constraint(
        "CHECK(date_to >= date_from)", "The fee can't end before it begins."
    )

    @api.depends("date_to", "date_ended")
    def _compute_date_last(self):
        for fee in self:
            dates = [day for day in (fee.date_to, fee.date_ended) if day]
            fee.date_last = min(dates, default=False)

    @api.depends("center_id", "date_from")
    def _compute_display_name(self):
        for fee in self:
            fee.display_name = self.env._(
                "Fee of %(center)s from %(date)s",
                center=fee.center_id.name or "",
                date=fields.Date.to_string(fee.date_from) or "",
            )

    @api.constrains("center_id")
    def _check_center_id(self):
        for fee in self:
            if not fee.center_id.is_service_center:
                raise ValidationError(
                    self.env._("%s is no service center.", fee.center_id.display_name)
                )

    def write(self, vals):
        if not self.env.su and self._get_changed_names(vals, set(self._get_approval_content())):
            self._check_voidable()
        return super().write(vals)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_ended", "decider_id", "application_id"}

    # --- approval --------------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "customer_service",
                "label": self.env._("Customer service"),
                "group": "aftersales_service.group_customer_service",
                "regulation": "L3.2",
            }
        ]

    def _get_approval_content(self):
        return dict.fromkeys(["company_id", "center_id", "amount", "date_from", "date_to", "note"])

    def _check_submit(self):
        self._check_group("aftersales_service.group_office_manager")
        self._get_predecessor()

    def _prepare_approved_vals(self):
        return {**super()._prepare_approved_vals(), "decider_id": self.env.uid}

    def action_approve(self):
        """Agree to the fees. An open-ended one before ends on the day before (L3.2).

        :raises UserError: another agreed fee covers some of the days
        """
        # one decision at a time per center, or two overlapping fees could pass side by side;
        # sudo: whoever decides may not write on the partner
        self.center_id.sudo().lock_for_update(allow_referencing=True)
        result = super().action_approve()
        for fee in self.filtered(lambda f: f.state == "approved"):
            fee._get_predecessor()._write_protected(
                {"date_ended": fee.date_from - timedelta(days=1)}
            )
        return result

    def _get_predecessor(self):
        """Return the open-ended fee that this one follows, if any.

        :raises UserError: another agreed fee overlaps
        """
        self.ensure_one()
        # sudo: an agreed fee that this user doesn't see overlaps all the same
        overlapping = self.sudo().search(
            [
                ("id", "!=", self.id),
                ("center_id", "=", self.center_id.id),
                ("company_id", "=", self.company_id.id),
                ("state", "=", "approved"),
                "|",
                ("date_last", "=", False),
                ("date_last", ">=", self.date_from),
                *([("date_from", "<=", self.date_to)] if self.date_to else []),
            ]
        )
        predecessor = overlapping.filtered(
            lambda fee: not fee.date_last and fee.date_from < self.date_from
        )
        for other in overlapping - predecessor:
            raise UserError(
                self.env._(
                    "%(center)s has an agreed fee for some of these days already, from %(first)s "
                    "until %(last)s. Choose days that are free.",
                    center=self.center_id.display_name,
                    first=fields.Date.to_string(other.date_from),
                    last=fields.Date.to_string(other.date_last) or "…",
                )
            )
        return predecessor

    def _check_voidable(self):
        for fee in self:
            if fee.state in ("approved", "cancelled"):
                raise UserError(
                    self.env._(
                        "%s is decided and stays as it is. Propose another fee, which ends it.",
                        fee.display_name,
                    )
                )

    def action_cancel(self, reason=None):
        """Withdraw a proposal, or end an agreed fee today, with a reason.

        Ending an agreed fee is for customer service, which agreed to it.
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason: it is kept in the history."))
        for fee in self:
            fee.check_access("write")
            if fee.state == "cancelled" or fee.date_last and fee.date_last <= fee._get_today():
                raise UserError(self.env._("%s has already ended.", fee.display_name))
            if fee.state == "approved":
                fee._check_group("aftersales_service.group_customer_service")
            fee._end()
            fee.message_post(body=self.env._("Ended: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_cancel", self.env._("End fee"))

    def _get_today(self):
        return self.company_id._aftersales_local(fields.Datetime.now()).date()

    def _end(self):
        """End agreed fees today; what hasn't begun, or was never agreed, is cancelled."""
        for fee in self:
            today = fee._get_today()
            if fee.state == "approved" and fee.date_from <= today:
                fee._write_protected({"date_ended": today})
            else:
                fee._write_protected({"state": "cancelled", "approval_state": "draft"})

    # --- from the center application -------------------------------------------------------

    def _agree_by_application(self, application):
        """Take over the decision on ``application``, which named this fee (L3.1, L3.2)."""
        self.ensure_one()
        decision = application._get_round_entries().filtered(lambda a: a.decision == "approved")
        self._write_protected(
            {
                "approval_round": 1,
                "approval_digest": self._get_content_digest(self._get_approval_content()),
                "requester_id": application.requester_id.id,
                "approval_state": "approved",
                "state": "approved",
                "decider_id": decision[-1:].user_id.id,
                "application_id": application.id,
            }
        )
        (step,) = self._get_approval_steps()
        self.with_user(self.decider_id)._log_approval(
            "approved", step, self.env._("Decided with the application %s", application.name)
        )
