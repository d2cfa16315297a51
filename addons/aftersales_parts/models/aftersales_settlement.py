from datetime import time, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# not agreed on yet
OPEN_STATES = ("draft", "submitted", "verified", "audited", "sent", "disputed")
# credited to the center, and not closed in the books yet
CREDITED_STATES = ("posted", "invoiced")
# the figures are agreed on and final
AGREED_STATES = ("confirmed", *CREDITED_STATES, "reconciled")


class AftersalesSettlement(models.Model):
    """代垫服务费用清单: a month's parts that a center paid in advance, and how they are paid back.

    Confirmed by the center, the payable amount is credited to the center's parts account before
    its VAT invoice arrives (M8.5); the invoice is then matched to the cent (M8.6).
    """

    _name = "aftersales.settlement"
    _description = "Settlement"
    _regulations = ("M8.1", "M8.2", "M8.3", "M8.4", "M8.5", "M8.6", "M8.7", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "aftersales.dispute.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.settlement"
    _dispute_field = "settlement_id"
    _order = "month desc, id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        required=True,
        domain="[('is_service_center', '=', True)]",
        index=True,
        check_company=True,
    )
    region_id = fields.Many2one(
        "aftersales.region",
        compute="_compute_region_id",
        store=True,
        precompute=True,
        index="btree_not_null",
        help="Region of the center when the list was made.",
    )
    month = fields.Date(
        "Month (first day)",
        required=True,
        index=True,
        help="The month of the services, given by its first day.",
    )
    direction = fields.Selection(
        [
            ("payable", "We pay a service center"),
            ("receivable", "The manufacturer pays us"),
        ],
        required=True,
        default="payable",
    )
    kind = fields.Selection(
        [("parts", "Parts paid in advance"), ("service", "Service fees")],
        required=True,
        default="parts",
    )
    supplement = fields.Integer(
        "Supplementary list",
        required=True,
        readonly=True,
        default=0,
        aggregator=None,
        help="0: the list of the month. 1, 2 …: what was found after that was filed.",
    )
    period = fields.Char("Month", compute="_compute_period")
    line_ids = fields.One2many("aftersales.settlement.line", "settlement_id", "Lines")
    amount_parts = fields.Monetary(
        "Amount before fee",
        compute="_compute_amounts",
        store=True,
        help="Parts at the settlement price, and services, before the management fee.",
    )
    amount_fee = fields.Monetary("Management fee", compute="_compute_amounts", store=True)
    amount_claimed = fields.Monetary("Claimed", compute="_compute_amounts", store=True)
    amount_payable = fields.Monetary(
        "Payable",
        compute="_compute_amounts",
        store=True,
        help="What the center is credited and has to invoice, VAT included.",
    )
    amount_deducted = fields.Monetary(
        "Deducted",
        compute="_compute_amounts",
        store=True,
        help="What was claimed and is not paid: not returned, deducted, not under warranty.",
    )
    amount_forfeited = fields.Monetary(
        "Forfeited",
        compute="_compute_amounts",
        store=True,
        help="What was claimed, but not filed in time (M8.9).",
    )
    date_filing = fields.Datetime(
        "To be filed until",
        compute="_compute_date_filing",
        store=True,
        precompute=True,
        # a list of parts that were put off is made with their day
        readonly=False,
        index="btree_not_null",
        help="End of the filing day, in the company's time zone, by the terms in force when the "
        "list was made (M8.3). What is not filed by then is forfeited (M8.9).",
    )
    date_confirmed = fields.Datetime("Confirmed on", readonly=True, copy=False)
    date_notice = fields.Datetime(
        "Invoice asked for anew",
        readonly=True,
        copy=False,
        help="When a red fapiao or an undone match took the invoice back after it was complete: "
        "from then on there is time for another one (M9.2).",
    )
    date_invoice_due = fields.Datetime(
        "To be invoiced until",
        compute="_compute_date_invoice_due",
        store=True,
        copy=False,
        help="End of the last working day for the VAT invoice, by the settlement terms in force on "
        "the day of the confirmation (M8.6, M9.2); anew where the invoice was taken back.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Filed"),
            ("verified", "Checked"),
            ("audited", "Audited"),
            ("sent", "Sent"),
            ("disputed", "Disputed"),
            ("confirmed", "Confirmed"),
            ("posted", "Credited"),
            ("invoiced", "Invoiced"),
            ("reconciled", "Reconciled"),
            ("forfeited", "Forfeited"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _period_uniq = models.UniqueIndex(
        "(company_id, center_id, month, kind, direction, supplement) WHERE state <> 'cancelled'",
        "This service center already has a settlement of this month.",
    )

    @api.depends(lambda self: [f"line_ids.{name}" for name in ("result", *self._get_line_sums())])
    def _compute_amounts(self):
        names = self._get_line_sums()
        groups = self.env["aftersales.settlement.line"]._read_group(
            [("settlement_id", "in", self.ids)],
            ["settlement_id", "result"],
            [f"{name}:sum" for name in names],
        )
        totals = {}
        for settlement, result, *sums in groups:
            total = totals.setdefault(settlement.id, dict.fromkeys((*names, "forfeited"), 0))
            for name, amount in zip(names, sums, strict=True):
                total[name] += amount
            if result == "forfeited":
                total["forfeited"] += sums[names.index("amount_claimed")]
        for settlement in self:
            total = totals.get(settlement.id, {})
            settlement.amount_parts = total.get("amount_base", 0)
            settlement.amount_fee = total.get("amount_fee", 0)
            settlement.amount_claimed = total.get("amount_claimed", 0)
            settlement.amount_payable = total.get("amount_payable", 0)
            settlement.amount_deducted = total.get("amount_deducted", 0)
            settlement.amount_forfeited = total.get("forfeited", 0)

    @api.model
    def _get_line_sums(self):
        """Return the amounts of lines that add up to those of the settlement."""
        return ["amount_base", "amount_fee", "amount_claimed", "amount_payable", "amount_deducted"]

    @api.depends("month")
    def _compute_period(self):
        for document in self:
            document.period = document.month and document.month.strftime("%Y-%m")

    @api.depends("center_id")
    def _compute_region_id(self):
        # fixed with the center: who moves to another region later takes no settled month along
        for settlement in self:
            settlement.region_id = settlement.center_id.aftersales_region_id

    @api.depends("month", "company_id", "kind")
    def _compute_date_filing(self):
        for (company, month, kind), settlements in self.grouped(
            lambda s: (s.company_id, s.month, s.kind)
        ).items():
            # M9.1: the list of service fees comes from the manufacturer, nobody has to file it
            settlements.date_filing = (
                month and kind == "parts" and self._get_filing_day(company, month)
            )

    @api.model
    def _get_filing_day(self, company, month):
        """Return the end of the filing day of ``month``, naive UTC (M8.3).

        :raises UserError: no settlement terms were in force
        """
        terms = self.env["aftersales.settlement.terms"]._get_terms(company, month)
        return company._aftersales_utc(month + relativedelta(months=1, day=terms.filing_day))

    @api.depends("date_confirmed", "date_notice", "company_id")
    def _compute_date_invoice_due(self):
        terms = self.env["aftersales.settlement.terms"]
        rules = self.env["aftersales.deadline.rule"]
        for settlement in self:
            company, moment = settlement.company_id, settlement.date_confirmed
            day = moment and company._aftersales_local(moment).date()
            days = day and terms._get_terms_by_day(company, [day])[day].invoice_days
            if days and settlement.date_notice:
                day = company._aftersales_local(settlement.date_notice).date()
            settlement.date_invoice_due = bool(days) and rules._plan_days(
                days, day + timedelta(days=1), company
            )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if month := fields.Date.to_date(vals.get("month")):
                vals["month"] = month.replace(day=1)
        settlements = super().create(vals_list)
        for (company, month), group in settlements.grouped(
            lambda s: (s.company_id, s.month)
        ).items():
            next_month = month + relativedelta(months=1)
            group._deadline_event("month_ended", company._aftersales_utc(next_month, time.min))
        return settlements

    def write(self, vals):
        fixed = {"center_id", "month", "kind", "direction", "company_id"}
        if self._get_changed_names(vals, fixed):
            raise UserError(
                self.env._(
                    "Center, month and kind of a settlement are fixed. Cancel it and generate the "
                    "right one."
                )
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        if any(settlement.state != "draft" for settlement in self):
            raise UserError(self.env._("Only a draft settlement can be deleted."))

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "state",
            "month",
            "date_confirmed",
            "line_ids.used_part_id.retain_until",
        ]

    def _get_retention_start(self):
        if self.state == "draft":
            return False
        return max(filter(None, (self.month, self._get_local_day(self.date_confirmed))))

    def _get_retained_with(self):
        return self.line_ids.used_part_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "date_confirmed",
            "date_filing",
            "date_notice",
            "supplement",
        }

    # --- deadlines (M8.3, M9.2) ------------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id
