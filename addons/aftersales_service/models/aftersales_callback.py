from datetime import timedelta
from itertools import chain, islice, repeat

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools.date_utils import float_to_time
from odoo.tools.misc import format_date

# customers whose calls are planned in one transaction
CAMPAIGN_BATCH = 500


class AftersalesCallback(models.Model):
    """回访: a customer is called, every attempt is kept, and the last outcome counts (E8, M4).

    A call that reaches nobody is tried again as often as the company says, and then closed as
    unreached; it stays in every denominator. Whoever did the work neither makes nor answers it.
    """

    _name = "aftersales.callback"
    _description = "Callback"
    _regulations = ("E8", "M1", "M3.5", "M4", "M12", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "aftersales.complaint.source.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.callback"
    _complaint_link = "callback_id"
    _order = "date_planned, id"
    _rec_names_search = ["name", "partner_id", "phone"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    kind = fields.Selection(
        [
            ("service", "After a service"),
            ("phone", "After help by phone"),
            ("sale", "After the sale"),
            ("complaint", "After a complaint"),
        ],
        required=True,
        default="sale",
        index=True,
        help="After a service: the day after (E8). After help by phone: at the agreed time (M1). "
        "After the sale: three months later (M4). After a complaint: to follow it up (M12).",
    )
    state = fields.Selection(
        [("planned", "Planned"), ("done", "Done"), ("cancelled", "Cancelled")],
        "Status",
        default="planned",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
        index=True,
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        check_company=True,
        index="btree_not_null",
        help="The service that the customer is asked about.",
    )
    request_id = fields.Many2one(
        "aftersales.request",
        "Request",
        compute="_compute_request_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
    )
    complaint_id = fields.Many2one(
        "aftersales.complaint",
        "Follows up",
        check_company=True,
        index="btree_not_null",
        help="The closed complaint about which the customer is asked whether he is content (M12).",
    )
    card_id = fields.Many2one(
        "aftersales.warranty.card",
        "Warranty card",
        compute="_compute_card_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
    )
    serial_number = fields.Char(related="card_id.serial_number")
    card_ids = fields.Many2many(
        "aftersales.warranty.card",
        "aftersales_callback_card_rel",
        "callback_id",
        "card_id",
        "Units asked about",
        readonly=True,
        copy=False,
        help="After the sale a customer is called once about all units that are due (M4).",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Customer",
        compute="_compute_from_links",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        check_company=True,
        index=True,
    )
    phone = fields.Char(
        compute="_compute_phone",
        store=True,
        readonly=False,
        precompute=True,
        help="The number to call.",
    )
    product_id = fields.Many2one(
        "product.product",
        "Product",
        compute="_compute_from_links",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        compute="_compute_from_links",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        help="The center that did the service; after a sale the one that served the unit last.",
    )
    technician_id = fields.Many2one(
        "res.users",
        "Technician",
        compute="_compute_from_links",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
    )
    region_id = fields.Many2one(
        "aftersales.region",
        "Region",
        compute="_compute_from_links",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
    )
    date_planned = fields.Datetime(
        "Call on",
        required=True,
        default=lambda self: self._get_next_moment(self.env.company),
        tracking=True,
        index=True,
        help="When the customer is called next. After help by phone: the agreed time (M1).",
    )
    date_first = fields.Date(
        "First planned for",
        compute="_compute_date_first",
        store=True,
        readonly=False,
        precompute=True,
        copy=False,
        index=True,
        help="The day, in the company's time zone, that the call counts for in all statistics, "
        "however often it is tried or put off.",
    )
    user_id = fields.Many2one(
        "res.users",
        "Caller",
        domain=[("share", "=", False)],
        copy=False,
        index="btree_not_null",
        help="Who is to call; when the call is closed, who called last.",
    )
    attempt_ids = fields.One2many(
        "aftersales.callback.attempt", "callback_id", "Attempts", readonly=True, copy=False
    )
    attempt_count = fields.Integer(
        "Number of attempts", readonly=True, copy=False, help="How often the customer was called."
    )
    attempt_note = fields.Char(
        "Note on this attempt",
        copy=False,
        help="Is kept with the attempt that is noted next.",
    )
    date_called = fields.Datetime(
        "Closed on", readonly=True, copy=False, help="When the last attempt was made."
    )
    outcome = fields.Selection(
        [
            ("reached", "Reached"),
            ("no_answer", "No answer"),
            ("refused", "Declined to answer"),
            ("wrong_number", "Wrong number"),
        ],
        readonly=True,
        copy=False,
        tracking=True,
        help="How the call ended. All outcomes count in the denominator of the satisfaction rate.",
    )
    survey_id = fields.Many2one(
        "aftersales.survey", "Survey", readonly=True, copy=False, index="btree_not_null"
    )
    date_started = fields.Datetime(
        "Call started",
        readonly=True,
        copy=False,
        help="Somebody is calling the customer, or was when the last attempt ended.",
    )
    answer_ids = fields.One2many("aftersales.callback.answer", "callback_id", "Answers", copy=False)
    satisfaction = fields.Selection(
        [
            ("5", "Very satisfied"),
            ("4", "Satisfied"),
            ("3", "Neutral"),
            ("2", "Dissatisfied"),
            ("1", "Very dissatisfied"),
        ],
        compute="_compute_from_answers",
        store=True,
        tracking=True,
        help="The answer to the question about the whole. “Satisfied” and “Very satisfied” count "
        "as satisfied (M3.5).",
    )
    has_problem = fields.Boolean(
        "Problem reported",
        compute="_compute_from_answers",
        store=True,
        help="An answer that has to be passed on to a department (M4).",
    )
    history_ids = fields.Many2many(
        "aftersales.service.record", "Services so far", compute="_compute_history_ids"
    )
    is_quality_problem = fields.Boolean(
        "Serious quality problem",
        copy=False,
        tracking=True,
        help="Is reported to customer service and the regional manager at once (M4).",
    )
    date_escalated = fields.Datetime(
        "Reported at once on",
        readonly=True,
        copy=False,
        help="When customer service and the regional manager were told that the customer is very "
        "dissatisfied, or has a serious quality problem (M4).",
    )
    department_id = fields.Many2one(
        "aftersales.department",
        "Passed on to",
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The department that deals with what the customer reported (M4).",
    )
    date_passed_on = fields.Datetime("Passed on", readonly=True, copy=False)
    remarks = fields.Text(
        "Suggestions and wishes", copy=False, help="In the customer's own words (E8)."
    )
    is_solved = fields.Boolean(
        "Solved by phone",
        readonly=True,
        copy=False,
        help="The help given by phone was enough (M1).",
    )
    correction_of_id = fields.Many2one(
        "aftersales.callback",
        "Corrects",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The closed call whose entries were wrong; it stays as it was.",
    )
    correction_ids = fields.One2many("aftersales.callback", "correction_of_id", "Corrections")
    correction_reason = fields.Text("Reason of the correction", readonly=True, copy=False)
    is_counted = fields.Boolean(
        "Counts",
        default=True,
        readonly=True,
        copy=False,
        help="Of a call and its corrections, the last one that was closed counts. What somebody "
        "planned beyond the follow-up plan of a complaint doesn't.",
    )
    is_extra = fields.Boolean(
        "Beyond the plan",
        readonly=True,
        copy=False,
        help="Somebody planned it to follow up a complaint, beyond the follow-up plan: it is kept, "
        "but doesn't count in the satisfaction (M3.5).",
    )
    is_late = fields.Boolean("Late", compute="_compute_is_late", search="_search_is_late")

    _service_once = models.UniqueIndex(
        "(record_id) WHERE kind = 'service' AND state != 'cancelled' AND correction_of_id IS NULL",
        "The customer is already called about this service record.",
    )
    _sale_once = models.UniqueIndex(
        "(card_id) WHERE kind = 'sale' AND state != 'cancelled' AND correction_of_id IS NULL",
        "The customer is already called about the sale of this unit.",
    )

    # --- what follows from the links -------------------------------------------------------

    @api.depends("record_id")
    def _compute_request_id(self):
        for callback in self:
            callback.request_id = callback.record_id.request_id or callback.request_id

    @api.depends("record_id", "request_id")
    def _compute_card_id(self):
        for callback in self:
            callback.card_id = (
                callback.record_id.card_id or callback.request_id.card_id or callback.card_id
            )

    # only the links themselves: a call that is planned stays the call that it was planned as
    @api.depends("record_id", "request_id", "card_id")
    def _compute_from_links(self):
        # sudo: what the links say is taken over, whoever plans the call
        cards = self.sudo().filtered(lambda c: not c.record_id and not c.request_id).card_id
        latest = cards._get_latest_records()
        for callback in self:
            own = callback.sudo()
            source = own.record_id or own.request_id
            service = source or latest.get(own.card_id) or own.record_id
            callback.partner_id = source.partner_id or own.card_id.partner_id or own.partner_id
            callback.product_id = source.product_id or own.card_id.product_id or own.product_id
            callback.center_id = service.center_id or own.center_id
            # who sold the unit is asked about after a sale, not who repaired it last
            callback.technician_id = source.technician_id or own.technician_id
            callback.region_id = service.region_id or own.region_id
        by_company = self.filtered(lambda c: c.partner_id and not c.region_id).grouped(
            lambda c: c.company_id or c.env.company
        )
        for company, callbacks in by_company.items():
            regions = self.env["aftersales.region"]._get_regions(callbacks.partner_id, company)
            for callback in callbacks:
                callback.region_id = regions[callback.partner_id]

    @api.depends("partner_id", "request_id")
    def _compute_phone(self):
        for callback in self:
            # sudo: the number that the request gave is the one to call
            callback.phone = (
                callback.sudo().request_id.phone or callback.partner_id.phone or callback.phone
            )

    # only when it is planned: a call that is put off stays in its month
    @api.depends("company_id")
    def _compute_date_first(self):
        for callback in self:
            company = callback.company_id or self.env.company
            callback.date_first = callback.date_first or (
                callback.date_planned and company._aftersales_local(callback.date_planned).date()
            )

    @api.depends("answer_ids.grade", "answer_ids.is_skipped", "answer_ids.is_problem")
    def _compute_from_answers(self):
        for callback in self:
            overall = callback.answer_ids.filtered(lambda a: a.is_overall and a.is_answered)
            callback.satisfaction = overall[:1].grade
            callback.has_problem = any(callback.answer_ids.mapped("is_problem"))

    def _compute_history_ids(self):
        """Show the caller the last services of the unit, or else of the customer."""
        for callback in self:
            link = "card_id" if callback.card_id else "partner_id"
            callback.history_ids = self.env["aftersales.service.record"].search(
                [(link, "=", callback[link].id), ("state", "=", "done")],
                order="service_date desc, id desc",
                limit=5,
            )

    @api.depends("state", "date_planned")
    def _compute_is_late(self):
        now = fields.Datetime.now()
        for callback in self:
            callback.is_late = (
                callback.state == "planned"
                and bool(callback.date_planned)
                and callback.date_planned < now
            )

    @api.model
    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("state", "=", "planned"), ("date_planned", "<", fields.Datetime.now())]

    @api.constrains("kind", "record_id", "request_id", "card_id")
    def _check_links(self):
        for callback in self:
            # sudo: whether it is valid is all that is looked at
            record = callback.sudo().record_id
            if callback.kind == "service" and record.state != "done":
                raise ValidationError(
                    self.env._(
                        "The call after a service needs a valid service record: it is planned by "
                        "itself when the record becomes valid (E8)."
                    )
                )
            if callback.kind == "phone" and not callback.request_id:
                raise ValidationError(
                    self.env._("Choose the request that was helped with by phone (M1).")
                )
            if callback.kind == "sale" and not callback.card_id:
                raise ValidationError(
                    self.env._("Choose the warranty card of the unit that was sold (M4).")
                )

    @api.constrains("date_first", "company_id")
    def _check_period_open(self):
        """A call of a period that is reported on already would be in no report (M4)."""
        # a correction counts for the period of what it corrects
        calls = self.filtered(lambda c: c.date_first and not c.correction_of_id)
        if not calls:
            return
        # sudo: only whether the period is closed
        reports = self.env["aftersales.callback.report"].sudo()
        issued = reports.search(
            [
                ("company_id", "in", calls.company_id.ids),
                ("state", "=", "issued"),
                ("date_from", "<=", max(calls.mapped("date_first"))),
                ("date_to", ">=", min(calls.mapped("date_first"))),
            ]
        ).grouped("company_id")
        for callback in calls:
            for report in issued.get(callback.company_id, ()):
                if report.date_from <= callback.date_first <= report.date_to:
                    raise ValidationError(
                        self.env._(
                            "The calls until %s are reported already (M4). Plan this one for a "
                            "later day.",
                            format_date(self.env, report.date_to),
                        )
                    )

    # --- planning --------------------------------------------------------------------------

    @api.model
    def _get_next_moment(self, company):
        """Return when calls are made on the next day of the company's clock, naive UTC (E8)."""
        day = company._aftersales_local(fields.Datetime.now()).date() + timedelta(days=1)
        return company._aftersales_utc(day, float_to_time(company.aftersales_callback_hour))

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            # who is called about whom follows from the document, not from whoever plans the call
            derived = self._get_derived_fields()
            self = self.with_context(  # pylint: disable=context-overridden
                {
                    key: value
                    for key, value in self.env.context.items()
                    if key.removeprefix("default_") not in derived
                }
            )
            defaults = self.default_get([*self._get_link_fields(), "complaint_id"])
            vals_list = [self._take_from_links({**defaults, **vals}) for vals in vals_list]
        vals_list = [
            {**vals, "card_ids": vals.get("card_ids") or [Command.set([vals["card_id"]])]}
            if vals.get("card_id") and vals.get("kind") == "sale"
            else vals
            for vals in vals_list
        ]
        # without follower: who did the work isn't told how the customer answers
        callbacks = super(
            AftersalesCallback, self.with_context(mail_create_nosubscribe=True)
        ).create(vals_list)
        if not self.env.su:
            callbacks.filtered(lambda c: c.kind == "complaint")._set_extra()
        for callback in callbacks.filtered(lambda c: c.kind == "sale" and not c.card_ids):
            # sudo: the card that the link led to
            callback.sudo().card_ids = callback.card_id
        # a correction promises nobody a call
        callbacks.filtered(lambda c: not c.correction_of_id)._deadline_event("planned")
        callbacks._follow_deadline()
        return callbacks

    @api.model
    def _get_link_fields(self):
        """Return the names of the fields that say what the call is about."""
        return ["record_id", "request_id", "card_id"]

    def _take_from_links(self, vals):
        """Return ``vals`` without what follows from the links, as the document linked says it.

        Of a call after a complaint, customer, unit and center are those of the complaint.
        """
        links = self._get_link_fields()
        derived = self._get_derived_fields()
        complaint = self.env["aftersales.complaint"].browse(vals.get("complaint_id") or [])
        if complaint:
            complaint.check_access("read")
            own = {k: v for k, v in vals.items() if k not in derived and k not in links}
            # sudo: the complaint may be read
            return {**own, **complaint.sudo()._prepare_follow_up_vals()}
        if any(vals.get(link) for link in links):
            return {k: v for k, v in vals.items() if k not in derived}
        return vals

    def _set_extra(self):
        """Mark what somebody planned after a complaint: the satisfaction counts the plan (M3.5).

        Otherwise a contented customer would be asked as often as it takes.

        :raises UserError: no complaint is followed up, or a call of it is planned already
        """
        for callback in self:
            # sudo: a call that this user doesn't see is planned as well
            complaint = callback.sudo().complaint_id
            if not complaint:
                raise UserError(
                    self.env._(
                        "Choose the complaint that the call follows up: calls that nobody "
                        "complained before would count in the satisfaction as well (M3.5)."
                    )
                )
            planned = complaint.follow_up_ids.filtered(lambda c: c.state == "planned") - callback
            if planned:
                raise UserError(
                    self.env._(
                        "%(call)s follows up %(complaint)s already: make this call, or put it off.",
                        call=planned[0].name,
                        complaint=complaint.name,
                    )
                )
        self._write_protected({"is_extra": True, "is_counted": False})

    def _follow_deadline(self):
        """Move calls after a service to the day until which they are due.

        The rule says whether that is the next day or the next working day (E8).
        """
        # sudo: whoever plans the call; when it is due is set by the rule
        for callback in self.sudo().filtered(lambda c: c.kind == "service" and c.date_due):
            company = callback.company_id
            due = company._aftersales_local(callback.date_due).date()
            planned = company._aftersales_local(callback.date_planned)
            if due != planned.date():
                moment = company._aftersales_utc(due, planned.time())
                callback.write({"date_planned": moment, "date_first": due})

    # --- campaign (M4) ---------------------------------------------------------------------

    @api.model
    def _cron_plan_sale(self):
        """Plan the calls to the customers whose units were sold months ago, in batches (M4)."""
        sold = self.env["aftersales.warranty.card"]._read_group(
            [("state", "=", "open")], ["company_id"]
        )
        for (company,) in sold:
            while planned := self._plan_sale(company, limit=CAMPAIGN_BATCH):
                _cards, left = self._count_campaign(company)
                if not self.env["ir.cron"]._commit_progress(len(planned), remaining=left):
                    return

    @api.model
    def _count_campaign(self, company):
        """Return how many units and how many customers calls are to be planned about (M4)."""
        [counts] = self.env["aftersales.warranty.card"]._read_group(
            self._get_campaign_domain(company), [], ["__count", "partner_id:count_distinct"]
        )
        return counts

    @api.model
    def _get_campaign_domain(self, company):
        """Return the domain of the cards whose customers are to be called after the sale (M4).

        Valid cards of units bought (or else delivered) the company's months ago or longer, that no
        such call was ever planned for; a cancelled call was cancelled for a reason.
        """
        today = company._aftersales_local(fields.Datetime.now()).date()
        months = relativedelta(months=company.aftersales_callback_sale_months)
        limit = today - months
        # three months from 30 and from 31 March both end with 30 June
        while limit + timedelta(days=1) + months <= today:
            limit += timedelta(days=1)
        return (
            Domain("company_id", "=", company.id)
            & Domain("state", "=", "open")
            & Domain("partner_id.active", "=", True)
            & (
                Domain("date_purchase", "<=", limit)
                | (Domain("date_purchase", "=", False) & Domain("date_delivery", "<=", limit))
            )
            & Domain("callback_ids", "not any", [("kind", "=", "sale")])
        )

    @api.model
    def _plan_sale(self, company, limit=None):
        """Plan one call to each customer about the units that are due; return the calls (M4).

        They are spread over the working days to come, as many a day as the company can make. Each
        is due until the end of its day. The number of queries doesn't grow with the cards.

        :param int limit: the most customers to plan calls to
        """
        by_customer = self.env["aftersales.warranty.card"]._read_group(
            self._get_campaign_domain(company),
            ["partner_id"],
            ["id:recordset"],
            limit=limit,
            order="date_delivery:min, id:min",
        )
        if not by_customer:
            return self.browse()
        open_calls = self.search_count(
            [("company_id", "=", company.id), ("kind", "=", "sale"), ("state", "=", "planned")]
        )
        moments = self._get_campaign_moments(company, open_calls, len(by_customer))
        # sudo: which units a call is about follows from the cards; callers can't say it
        return self.sudo().create(
            [
                self._prepare_sale_vals(company, cards.sorted("date_delivery, id"), moment)
                for (_partner, cards), moment in zip(by_customer, moments, strict=True)
            ]
        )

    @api.model
    def _get_campaign_moments(self, company, taken, count):
        """Return the ends, naive UTC, of the working days of ``count`` calls after ``taken``."""
        today = company._aftersales_local(fields.Datetime.now()).date()
        moments = chain.from_iterable(
            repeat(company._aftersales_utc(day), company.aftersales_callback_daily)
            for day in self.env["aftersales.deadline.rule"]._iter_working_days(today, company)
        )
        return islice(moments, taken, taken + count)

    @api.model
    def _prepare_sale_vals(self, company, cards, moment):
        return {
            "kind": "sale",
            "company_id": company.id,
            # the unit that was sold last
            "card_id": cards[-1].id,
            "card_ids": [Command.set(cards.ids)],
            "date_planned": moment,
        }

    def _drop_cards(self, cards, reason):
        """Ask no more about ``cards``; a planned call about nothing else is cancelled."""
        for callback in self:
            left = callback.card_ids - cards
            if left:
                callback.write({"card_ids": [Command.set(left.ids)]})
                if callback.card_id in cards:
                    callback.write({"card_id": left[-1].id})
            else:
                # without its units, so that a next owner is called
                callback.write({"card_ids": [Command.clear()]})
                callback._cancel(reason)

    @api.model
    def _get_derived_fields(self):
        """Return the names of the fields that follow from record, request or card."""
        return {
            "card_ids",
            "center_id",
            "partner_id",
            "product_id",
            "region_id",
            "technician_id",
        }

    def _get_frozen_fields(self):
        """Return the names of the fields that stay as the call was planned."""
        return self._get_derived_fields() | {
            "company_id",
            "kind",
            "record_id",
            "request_id",
            "card_id",
            "complaint_id",
        }

    def _get_answer_fields(self):
        """Return the names of the fields that only the caller fills, while the call is open."""
        return {"attempt_note", "is_quality_problem", "remarks"}

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "attempt_count",
            "attempt_ids",
            "correction_ids",
            "correction_of_id",
            "correction_reason",
            "date_called",
            "date_escalated",
            "date_first",
            "date_passed_on",
            "date_started",
            "has_problem",
            "is_counted",
            "is_extra",
            "is_solved",
            "outcome",
            "satisfaction",
            "survey_id",
        }

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_correct"}

    def write(self, vals):
        if not self.env.su:
            if self._get_changed_names(vals, self._get_frozen_fields()):
                raise UserError(
                    self.env._(
                        "A call stays with the customer and the service it was planned for. Cancel "
                        "it and plan another one."
                    )
                )
            if self._get_changed_names(vals, self._get_answer_fields()):
                self._check_caller()
            if self._get_changed_names(vals, {"date_planned", "phone", "user_id"}):
                self._check_planned()
        result = super().write(vals)
        if vals.get("is_quality_problem"):
            self._escalate()
        return result

    def _check_planned(self):
        """Raise UserError if a call is closed: it then stays as it ended."""
        for callback in self:
            if callback.state != "planned":
                raise UserError(
                    self.env._("%s is closed and can't be changed any more.", callback.name)
                )

    def _check_caller(self):
        """Raise unless the user may call: a clerk who did none of the work (anchors: no gaming).

        :raises AccessError: no clerk, or no right to write the call
        :raises UserError: the call is closed, or is about the user's own work
        """
        self._check_group("aftersales_service.group_clerk")
        user = self.env.user
        for callback in self:
            callback.check_access("write")
            callback._check_planned()
            if callback.correction_of_id:
                self._check_group("aftersales_service.group_customer_service")
                callback.correction_of_id._check_not_own_entries()
            # sudo: only compared with the user
            own = callback.sudo()
            center = own.center_id.commercial_partner_id - own.company_id.partner_id
            if user == own.technician_id or (center and user.commercial_partner_id == center):
                raise UserError(
                    self.env._(
                        "%s is about your own work: a colleague has to call the customer.",
                        callback.name,
                    )
                )

    def _check_not_own_entries(self):
        """Raise UserError if the user made the call, or one that it corrects."""
        self.ensure_one()
        # sudo: only compared with the user
        call = self.sudo()
        while call:
            if self.env.user in call.attempt_ids.user_id | call.user_id:
                raise UserError(
                    self.env._(
                        "You made %s yourself: a colleague has to correct what you entered.",
                        call.name,
                    )
                )
            call = call.correction_of_id

    # --- archive and deadlines -------------------------------------------------------------

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "date_first", "card_id.date_end"]

    def _get_retention_start(self):
        if self.state == "planned" and not self.attempt_count:
            return False
        return max(filter(None, (self.card_id.date_end, self.date_first)))

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        if not self.env.su:
            raise UserError(
                self.env._("Calls aren't deleted, because all of them count. Cancel it instead.")
            )

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        # nobody in particular is the caller yet: all who may call are told
        return self.user_id or self.env["aftersales.deadline"]._get_group_users(
            self.env.ref("aftersales_service.group_clerk")
        )

    # --- calling ---------------------------------------------------------------------------

    def action_start(self):
        """Begin to call: show the questions, and tell colleagues who is calling (M4, E8).

        :raises UserError: there is no survey for this kind of call
        """
        for callback in self:
            callback._check_caller()
            if not callback.answer_ids:
                callback._ask_questions()
            callback._write_protected(
                {"date_started": fields.Datetime.now(), "user_id": self.env.uid}
            )
        return True

    def _ask_questions(self):
        """Keep the questions with the call, in the words in which they are asked."""
        self.ensure_one()
        survey = self.env["aftersales.survey"]._get_survey(self.kind, self.company_id)
        if not survey and self.kind != "phone":
            raise UserError(
                self.env._(
                    "There is no survey for this kind of call. Ask your administrator for one: "
                    "Configuration, Surveys."
                )
            )
        survey._check_overall()
        # sudo: the questions come from the survey, never from the caller
        self.env["aftersales.callback.answer"].sudo().create(
            [{"callback_id": self.id, **vals} for vals in survey._prepare_answers()]
        )
        self._write_protected({"survey_id": survey.id})

    def action_no_answer(self):
        """Note that nobody answered; the call is tried again, or closed as unreached (M4)."""
        return self._note_unreached("no_answer")

    def action_wrong_number(self):
        """Note that the number is wrong, and have the customer's data updated (C1)."""
        self._note_unreached("wrong_number")
        for callback in self:
            callback._ask_for_number()
        return True

    def action_refused(self):
        """Close the call: the customer doesn't want to answer."""
        return self._close("refused")

    def action_reached(self):
        """Close the call with what the customer answered.

        :raises UserError: answers are missing
        """
        for callback in self:
            callback._check_answered()
        return self._close("reached")

    def action_solved(self):
        """Close the call after help by phone: it helped (M1)."""
        return self._close_phone(True)

    def action_not_solved(self):
        """Close the call after help by phone: somebody has to come (M1)."""
        return self._close_phone(False)

    def _close_phone(self, is_solved):
        if any(callback.kind != "phone" for callback in self):
            raise UserError(self.env._("Only help by phone is asked whether it was enough."))
        return self._close("reached", is_solved=is_solved)

    def _check_answered(self):
        """Raise UserError unless the customer answered what the call was for."""
        self.ensure_one()
        if self.kind == "phone":
            raise UserError(self.env._("Say whether the help by phone solved the problem (M1)."))
        if not self.answer_ids:
            raise UserError(
                self.env._("%s: start the call, and ask the customer the questions.", self.name)
            )
        missing = [
            answer.name
            for answer in self.answer_ids
            if not answer.is_answered
            and answer.answer_kind != "text"
            # how satisfied the customer is on the whole is what the call is for
            and (answer.is_overall or not answer.is_skipped)
        ]
        if missing:
            raise UserError(
                self.env._(
                    "%(callback)s: these questions are still open:\n%(questions)s",
                    callback=self.name,
                    questions="\n".join(f"• {question}" for question in missing),
                )
            )

    def _note_unreached(self, outcome):
        """Note an attempt that reached nobody; the last one allowed closes the call."""
        for callback in self:
            callback._note_attempt(outcome)
            if callback.attempt_count >= callback.company_id.aftersales_callback_attempts:
                callback._finish(outcome)
            else:
                moment = self._get_next_moment(callback.company_id)
                callback._write_protected({"date_planned": moment, "date_started": False})
        return True

    def _close(self, outcome, **vals):
        for callback in self:
            callback._note_attempt(outcome)
            callback._finish(outcome, **vals)
        return True

    def _note_attempt(self, outcome):
        """Keep who called when, and how it ended; the first attempt keeps the promise (E8)."""
        self.ensure_one()
        self._check_caller()
        self.lock_for_update(allow_referencing=True)
        now = fields.Datetime.now()
        # sudo: nobody may write attempts by hand; who may call was checked
        self.env["aftersales.callback.attempt"].sudo().create(
            {
                "callback_id": self.id,
                "date": now,
                "user_id": self.env.uid,
                "outcome": outcome,
                "phone": self.phone,
                "note": self.attempt_note,
            }
        )
        self._write_protected({"attempt_count": self.attempt_count + 1, "attempt_note": False})
        if self.attempt_count == 1:
            self._deadline_event("called", now)
        self._escalate()

    def _finish(self, outcome, **vals):
        """Close the call; what it was planned for reacts."""
        self.ensure_one()
        self._write_protected(
            {
                "state": "done",
                "outcome": outcome,
                "date_called": fields.Datetime.now(),
                "user_id": self.env.uid,
                **vals,
            }
        )
        if self.correction_of_id:
            self._write_protected({"is_counted": True})
            self.correction_of_id._write_protected({"is_counted": False})
        if self.kind == "phone":
            # sudo: who calls need not have the right to take the request further
            self.sudo().request_id._on_callback(self.sudo())
        if self.complaint_id:
            # sudo: as above, for the complaint that is followed up
            self.sudo().complaint_id._on_callback(self.sudo())

    def _ask_for_number(self):
        """Ask whoever keeps the customers' data for the right number (C1)."""
        self.ensure_one()
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Wrong number: update the customer's data (C1)"),
            note=self.env._(
                "%(phone)s isn't the number of %(customer)s.",
                phone=self.phone or self.env._("No number"),
                customer=self.partner_id.display_name,
            ),
            user_id=self.env.uid,
        )

    def action_cancel(self, reason=None):
        """Cancel a call that was planned wrongly, with a reason; for customer service.

        Cancelled calls leave the denominator and are shown beside it, so that those who call
        can't cancel, and nobody what has begun.

        :raises UserError: the call has begun, or the user is the one who is to call
        """
        self._check_group("aftersales_service.group_customer_service")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the call is cancelled."))
        for callback in self:
            callback.check_access("write")
            callback._check_planned()
            if not callback.correction_of_id:
                callback._check_cancellable()
        self._cancel(reason.strip())
        return True

    def _check_cancellable(self):
        """Raise UserError unless the call may have been planned wrongly (M3.5)."""
        self.ensure_one()
        if self.attempt_count or self.date_started:
            raise UserError(
                self.env._(
                    "%s has begun, so its outcome counts. Only a call that was planned wrongly is "
                    "cancelled, such as one planned twice.",
                    self.name,
                )
            )
        if self.user_id == self.env.user:
            raise UserError(
                self.env._("%s is yours to make: a colleague has to cancel it.", self.name)
            )

    def _cancel(self, reason):
        """Cancel planned calls, whoever caused it."""
        self._write_protected({"state": "cancelled"})
        self._cancel_deadlines()
        body = self.env._("Cancelled: %s", reason)
        self._message_log_batch(bodies=dict.fromkeys(self.ids, body))

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_cancel", self.env._("Cancel call"))

    # --- reported at once, passed on (M4) --------------------------------------------------

    def _escalate(self):
        """Tell customer service and the regional manager of what can't wait, once (M4)."""
        for callback in self:
            if callback.date_escalated or not (
                callback.satisfaction == "1" or callback.is_quality_problem
            ):
                continue
            # sudo: who is told is decided by the role, not by what the caller may see
            users = callback.sudo()._get_escalation_users()
            callback._write_protected({"date_escalated": fields.Datetime.now()})
            for user in users:
                own = callback.with_context(lang=user.lang)
                # sudo: the system plans it, for whomever
                own.sudo().activity_schedule(
                    "aftersales_service.mail_activity_type_callback",
                    summary=own._get_escalation_text(),
                    note=own.remarks,
                    user_id=user.id,
                )
            own = callback.with_context(lang=callback.company_id.partner_id.lang or self.env.lang)
            own.message_post(
                body=own.env._(
                    "%(text)s Told: %(users)s",
                    text=own._get_escalation_text(),
                    users=", ".join(users.mapped("name")),
                ),
                partner_ids=users.partner_id.ids,
            )

    def _get_escalation_text(self):
        """Return what can't wait, as a sentence."""
        self.ensure_one()
        if self.is_quality_problem:
            return self.env._("%s reports a serious quality problem.", self.partner_id.display_name)
        return self.env._("%s is very dissatisfied.", self.partner_id.display_name)

    def _get_escalation_users(self):
        """Return customer service and the regional manager, or whoever stands above them.

        Nothing is lost for want of people: without customer service the marketing VP is told, and
        without one the administrators.
        """
        self.ensure_one()
        get_users = self.env["aftersales.deadline"]._get_group_users
        for name in ("customer_service", "vp", "administrator"):
            group = self.env.ref(f"aftersales_service.group_{name}")
            users = get_users(group).filtered(lambda user: self.company_id in user.company_ids)
            if users:
                break
        manager = self.region_id.manager_id
        return users | manager.filtered(
            lambda user: user.active and self.company_id in user.company_ids
        )

    def action_pass_on(self):
        """Tell the department, and print the survey form of the call for it (M4).

        :raises UserError: no department is chosen, or the call has not begun
        """
        self._check_group("aftersales_service.group_clerk")
        for callback in self:
            callback.check_access("write")
            if not callback.department_id:
                raise UserError(
                    self.env._("%s: choose the department that it is passed on to.", callback.name)
                )
            if not callback.answer_ids:
                raise UserError(self.env._("%s: the customer said nothing yet.", callback.name))
            callback._write_protected({"date_passed_on": fields.Datetime.now()})
            members = callback.department_id._get_members()
            # only those who may open it
            members = members.filtered(
                lambda user, own=callback: own.with_user(user)._filtered_access("read")
            )
            callback.message_post(
                body=self.env._(
                    "Passed on to %(department)s: %(remarks)s",
                    department=callback.department_id.name,
                    remarks=callback.remarks or "–",
                ),
                partner_ids=members.partner_id.ids,
            )
        return self.env.ref("aftersales_service.report_callback").report_action(self)

    # --- corrections -----------------------------------------------------------------------

    def action_correct(self, reason=None):
        """Open a new entry that corrects a closed call, with a reason; for customer service.

        The call stays as it was, and counts until the new entry is closed. Nobody corrects what he
        entered himself.
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_customer_service")
        self.check_access("write")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the entries were wrong."))
        if self.state != "done" or not self.is_counted or self.kind == "phone":
            raise UserError(
                self.env._("%s can't be corrected: only a closed call that counts can.", self.name)
            )
        self._check_not_own_entries()
        # sudo: corrections that this user doesn't see count as well
        if self.sudo().correction_ids.filtered(lambda c: c.state == "planned"):
            raise UserError(self.env._("%s is being corrected already.", self.name))
        # sudo: a new entry that only its actions may fill, as the call itself
        correction = self.sudo().create(self._prepare_correction_vals(reason.strip()))
        for answer in self.sudo().answer_ids:
            answer.copy({"callback_id": correction.id})
        self.message_post(body=self.env._("To be corrected: %s", reason.strip()))
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": correction.id,
            "views": [(False, "form")],
        }

    def _prepare_correction_vals(self, reason):
        names = self._get_frozen_fields() | {"phone", "remarks", "survey_id", "date_first"}
        vals = {
            name: self._fields[name].convert_to_write(self.sudo()[name], self) for name in names
        }
        return {
            **vals,
            "correction_of_id": self.id,
            "correction_reason": reason,
            "is_counted": False,
            "date_planned": fields.Datetime.now(),
        }

    def action_open_correct(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_correct", self.env._("Correct the entries")
        )
