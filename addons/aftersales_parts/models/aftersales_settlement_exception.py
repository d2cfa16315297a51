from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesSettlementException(models.Model):
    """A later filing day for one list, for a good reason, granted by customer service (M8.9)."""

    _name = "aftersales.settlement.exception"
    _description = "Filing exception"
    _regulations = ("M8.9",)
    _inherit = ["aftersales.approval.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "settlement_id"
    _check_company_auto = True

    settlement_id = fields.Many2one(
        "aftersales.settlement",
        required=True,
        ondelete="restrict",
        index=True,
        check_company=True,
    )
    company_id = fields.Many2one(related="settlement_id.company_id", store=True)
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    center_id = fields.Many2one(related="settlement_id.center_id", store=True, index=True)
    region_id = fields.Many2one(related="settlement_id.region_id", store=True)
    month = fields.Date(related="settlement_id.month", store=True)
    period = fields.Char(related="settlement_id.period")
    amount = fields.Monetary(
        related="settlement_id.amount_claimed",
        help="What the list claims, and the center would lose without the exception.",
    )
    date_filing_old = fields.Datetime("Filing day before", readonly=True, copy=False)
    date_new = fields.Date(
        "New filing day",
        required=True,
        tracking=True,
        help="The list can be filed until the end of this day, in the company's time zone.",
    )
    reason = fields.Text(required=True, help="Why the list was not, or can't be, filed in time.")
    decider_id = fields.Many2one("res.users", "Decided by", readonly=True, copy=False)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Waits for customer service"),
            ("approved", "Granted"),
            ("cancelled", "Withdrawn"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _settlement_open_uniq = models.UniqueIndex(
        "(settlement_id) WHERE state IN ('draft', 'submitted')",
        "An exception has been asked for this list already.",
    )

    @api.depends("settlement_id", "date_new")
    def _compute_display_name(self):
        for exception in self:
            exception.display_name = self.env._(
                "Exception for %(settlement)s until %(date)s",
                settlement=exception.settlement_id.name or "",
                date=fields.Date.to_string(exception.date_new) or "",
            )

    @api.constrains("reason")
    def _check_reason(self):
        if any(not exception.reason.strip() for exception in self):
            raise ValidationError(self.env._("Give the reason for the exception."))

    @api.model_create_multi
    def create(self, vals_list):
        exceptions = super().create(vals_list)
        for exception in exceptions:
            exception._check_askable()
        return exceptions

    def write(self, vals):
        content = set(self._get_approval_content())
        decided = any(exception.state != "draft" for exception in self)
        if not self.env.su and decided and self._get_changed_names(vals, content):
            raise UserError(
                self.env._(
                    "What customer service decides on stays as it was submitted. Withdraw the "
                    "exception and ask for another one."
                )
            )
        return super().write(vals)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"decider_id", "date_filing_old"}

    def _check_askable(self):
        """Raise UserError unless the list is lost, or can still be filed (M8.9)."""
        self.ensure_one()
        self.settlement_id.check_access("read")
        # sudo: the state of a list that this user may read
        settlement = self.settlement_id.sudo()
        if settlement.state not in ("draft", "forfeited") or not settlement.date_filing:
            raise UserError(
                self.env._(
                    "%s has been filed, or needn't be: there is nothing to grant an exception for.",
                    settlement.name,
                )
            )

    def _get_new_filing_day(self):
        """Return the end of the new filing day, naive UTC."""
        self.ensure_one()
        return self.sudo().company_id._aftersales_utc(self.date_new)

    def _check_new_day(self):
        """Raise UserError unless the new day is yet to end, and later than the present one."""
        self.ensure_one()
        day = self._get_new_filing_day()
        if day < fields.Datetime.now() or day <= self.settlement_id.date_filing:
            raise UserError(
                self.env._(
                    "%s: the new filing day has to be today or later, and after the present one.",
                    self.display_name,
                )
            )

    # --- approval --------------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "customer_service",
                "label": self.env._("Customer service"),
                "group": "aftersales_service.group_customer_service",
                "regulation": "M8.9",
            }
        ]

    def _get_approval_content(self):
        return dict.fromkeys(["settlement_id", "date_new", "reason"])

    def _get_approval_exclusions(self):
        # sudo: who belongs to the center that would be paid
        users = (
            self.sudo()
            .env["res.users"]
            .search([("partner_id", "child_of", self.sudo().center_id.commercial_partner_id.id)])
        )
        return [
            *super()._get_approval_exclusions(),
            (users, self.env._("belongs to the service center")),
        ]

    def _check_submit(self):
        self._check_askable()
        self._check_new_day()

    def _prepare_submitted_vals(self):
        return {
            **super()._prepare_submitted_vals(),
            "date_filing_old": self.settlement_id.date_filing,
        }

    def _prepare_approved_vals(self):
        return {**super()._prepare_approved_vals(), "decider_id": self.env.uid}

    def action_approve(self):
        """Grant the exception as customer service: the list is a draft again (M8.9).

        :raises AccessError: not customer service, asked for it, or of the center
        :raises UserError: the new day is over, or the list has been filed since
        """
        for exception in self.filtered(lambda e: e.state == "submitted"):
            # sudo: the list is locked against the sweep, which may just forfeit it
            exception.settlement_id.sudo()._lock_for_action()
            exception._check_submit()
        result = super().action_approve()
        for exception in self.filtered(lambda e: e.state == "approved"):
            settlement = exception.settlement_id
            settlement._reopen(exception._get_new_filing_day())
            # sudo: the decision is told on the list, whoever may write there
            settlement.sudo().message_post(
                body=self.env._(
                    "Exception granted: this list can be filed until %(filing)s. Reason: "
                    "%(reason)s",
                    filing=settlement.company_id._aftersales_format(settlement.date_filing),
                    reason=exception.reason,
                ),
                partner_ids=settlement.center_id.ids,
            )
        return result

    def action_cancel(self):
        """Withdraw what is not decided on yet.

        :raises UserError: decided on already
        """
        for exception in self:
            exception.check_access("write")
            exception._lock_for_decision()
            if exception.state not in ("draft", "submitted"):
                raise UserError(
                    self.env._("“%s” has been decided on already.", exception.display_name)
                )
        self._write_protected({"state": "cancelled", "approval_state": "draft"})
        self.flush_recordset(["state"])  # the unique index counts open exceptions only
        return True


class AftersalesSettlement(models.Model):
    """The exceptions that were asked for a list (M8.9)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    exception_ids = fields.One2many(
        "aftersales.settlement.exception", "settlement_id", "Filing exceptions"
    )

    def action_open_exception(self):
        """Open the exception that waits for the list, or a new one to be asked for (M8.9)."""
        self.ensure_one()
        waiting = self.exception_ids.filtered(lambda e: e.state in ("draft", "submitted"))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Filing exception"),
            "res_model": "aftersales.settlement.exception",
            "res_id": waiting.id,
            "views": [(False, "form")],
            "context": {
                "default_settlement_id": self.id,
                "default_date_new": self._get_next_filing_day(self.company_id),
            },
        }
