from datetime import datetime, time, timedelta

import pytz
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools.date_utils import float_to_time
from odoo.tools.safe_eval import safe_eval


class AftersalesDeadlineRule(models.Model):
    """A time limit of the regulations: what starts it, how long it runs, what meets it.

    A rule may be about a kind of document that no addon has brought yet: it then lies dormant.
    """

    _name = "aftersales.deadline.rule"
    _description = "Deadline rule"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="The article that sets this limit."
    )
    model = fields.Selection(
        selection=lambda self: self.env["aftersales.deadline.event"]._get_documents(),
        string="Applies to",
        compute="_compute_model",
        store=True,
        index=True,
        help="The kind of document that the starting event happens to.",
    )
    is_dormant = fields.Boolean(
        "Not in use yet",
        compute="_compute_is_dormant",
        search="_search_is_dormant",
        help="No installed addon has this kind of document with these events. The rule starts to "
        "work by itself when one does.",
    )
    domain = fields.Char(
        "Applies if",
        default="[]",
        required=True,
        help="The limit is started only on records that meet this condition. It may compare dates "
        "with “today”, the day on the company's clock.",
    )
    start_event_id = fields.Many2one(
        "aftersales.deadline.event",
        "Starts when",
        required=True,
        ondelete="cascade",
        index=True,
        help="The event that starts the clock.",
    )
    stop_event_id = fields.Many2one(
        "aftersales.deadline.event",
        "Kept when",
        required=True,
        ondelete="cascade",
        index=True,
        domain="[('model', '=', model)]",
        help="The event that keeps the promise.",
    )
    pause_event_id = fields.Many2one(
        "aftersales.deadline.event",
        "Stands still when",
        ondelete="restrict",
        domain="[('model', '=', model)]",
        help="The event that stops the clock, such as waiting for the customer. Empty: nothing "
        "stops it.",
    )
    resume_event_id = fields.Many2one(
        "aftersales.deadline.event",
        "Goes on when",
        ondelete="restrict",
        domain="[('model', '=', model)]",
        help="What was left when the clock was stopped is left from then on.",
    )
    unit = fields.Selection(
        [
            ("hours", "Hours, day and night"),
            ("working_hours", "Working hours"),
            ("days", "Days, until midnight"),
            ("working_days", "Working days, until midnight"),
            ("month_day", "Day of the next month"),
            ("agreed", "Agreed moment on the document"),
        ],
        required=True,
        default="hours",
    )
    offset = fields.Integer(
        "Limit",
        required=True,
        default=1,
        help="How many hours or days (0 days: until midnight of the same day), or which day of "
        "the next month (the last one if the month is shorter).",
    )
    time_of_day = fields.Float(
        "At",
        default=24.0,
        help="For a day of the next month: the hour of the company's clock. 24:00 is the end of "
        "that day.",
    )
    date_field = fields.Char(
        "Agreed in the field",
        help="The date or time on the document that was agreed. The deadline follows it when it "
        "is changed; a date lasts until midnight.",
    )
    calendar_id = fields.Many2one(
        "resource.calendar",
        "Working hours",
        help="For working hours and days. Empty: the company's own calendar.",
    )
    company_id = fields.Many2one("res.company", help="Empty: applies in every company.")
    warning_hours = fields.Float(
        "Warn before (h)", help="Hours before the due moment. 0: nobody is warned."
    )
    warning_to = fields.Selection(
        [
            ("assignee", "Technician or person in charge"),
            ("responsible", "All users of the responsible partner"),
            ("manager", "Regional manager"),
            ("group", "A role"),
        ],
        "Who is warned",
        default="assignee",
        required=True,
        help="Only users who may see the document are told.",
    )
    warning_group_id = fields.Many2one("res.groups", "Role to warn")
    escalate = fields.Boolean(
        "Escalate when missed",
        default=True,
        help="To whoever answers one level above the responsible partner (L1.5).",
    )
    escalation_hours = fields.Float(
        "One level up every (h)",
        default=24,
        help="If it is still not done after so many hours, the next level is told. 0: only the "
        "first level.",
    )
    escalation_group_id = fields.Many2one(
        "res.groups",
        "Above the top",
        default=lambda self: self.env.ref("aftersales_service.group_customer_service", False),
        help="The role that is told when nobody is left above in the network.",
    )

    @api.depends("start_event_id")
    def _compute_model(self):
        for rule in self:
            rule.model = rule.start_event_id.model

    @api.model
    def _get_live_models(self):
        """Return the names of the models that raise events."""
        mixin = self.pool["aftersales.deadline.mixin"]
        return [
            name
            for name, model in self.pool.items()
            if issubclass(model, mixin) and not model._abstract
        ]

    @api.depends("model")
    def _compute_is_dormant(self):
        live = self._get_live_models()
        for rule in self:
            rule.is_dormant = bool(rule.model) and rule.model not in live

    @api.model
    def _search_is_dormant(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain("model", "not in" if True in value else "in", self._get_live_models())

    # --- checks ----------------------------------------------------------------------------

    @api.constrains("unit", "offset", "time_of_day", "warning_hours", "escalation_hours")
    def _check_offset(self):
        for rule in self:
            least = 0 if rule.unit in ("days", "agreed") else 1
            if rule.offset < least or (rule.unit == "month_day" and rule.offset > 31):
                raise ValidationError(
                    self.env._(
                        "“%(rule)s”: the number must be %(least)s or more (a day of the month: 1 "
                        "to 31).",
                        rule=rule.name,
                        least=least,
                    )
                )
            if not 0 <= rule.time_of_day <= 24:
                raise ValidationError(
                    self.env._("“%s”: the hour must lie between 0:00 and 24:00.", rule.name)
                )
            if rule.warning_hours < 0 or rule.escalation_hours < 0:
                raise ValidationError(
                    self.env._("“%s”: the hours before and after can't be negative.", rule.name)
                )

    @api.constrains("start_event_id", "stop_event_id", "pause_event_id", "resume_event_id", "unit")
    def _check_events(self):
        for rule in self:
            events = (
                rule.start_event_id
                | rule.stop_event_id
                | rule.pause_event_id
                | rule.resume_event_id
            )
            strange = events.filtered(lambda e, rule=rule: e.model != rule.start_event_id.model)
            if strange:
                raise ValidationError(
                    self.env._(
                        "“%(rule)s” starts on “%(document)s”, but “%(event)s” never happens there. "
                        "Choose events of the same kind of document.",
                        rule=rule.name,
                        document=rule.start_event_id.document,
                        event=strange[0].display_name,
                    )
                )
            if rule.start_event_id == rule.stop_event_id:
                raise ValidationError(
                    self.env._("“%s” would be kept at the moment it starts.", rule.name)
                )
            if bool(rule.pause_event_id) != bool(rule.resume_event_id):
                raise ValidationError(
                    self.env._(
                        "“%s”: name both the event that stops the clock and the one after which "
                        "it goes on, or neither.",
                        rule.name,
                    )
                )
            if rule.pause_event_id and rule.pause_event_id == rule.resume_event_id:
                raise ValidationError(
                    self.env._("“%s”: one event can't both stop and resume the clock.", rule.name)
                )
            if rule.pause_event_id and rule.unit in ("month_day", "agreed"):
                raise ValidationError(
                    self.env._(
                        "“%s”: a fixed or agreed date doesn't wait. Remove the events that stop "
                        "the clock; an agreed date is agreed anew instead.",
                        rule.name,
                    )
                )

    @api.constrains("warning_to", "warning_group_id", "warning_hours")
    def _check_warning(self):
        for rule in self:
            if rule.warning_hours and rule.warning_to == "group" and not rule.warning_group_id:
                raise ValidationError(self.env._("“%s”: choose the role to warn.", rule.name))

    @api.constrains("unit", "date_field", "start_event_id")
    def _check_date_field(self):
        for rule in self.filtered(lambda r: r.unit == "agreed"):
            if not rule.date_field:
                raise ValidationError(
                    self.env._("“%s”: name the field in which the moment is agreed.", rule.name)
                )
            if rule.is_dormant:
                continue
            field = self.env[rule.model]._fields.get(rule.date_field)
            if not field or field.type not in ("date", "datetime"):
                raise ValidationError(
                    self.env._(
                        "“%(rule)s”: “%(field)s” is no date or time of “%(document)s”.",
                        rule=rule.name,
                        field=rule.date_field,
                        document=rule.start_event_id.document,
                    )
                )

    @api.constrains("domain", "start_event_id")
    def _check_domain(self):
        for rule in self.filtered(lambda r: not r.is_dormant):
            # sudo: nothing is read; the condition is only put into words for the database
            model = self.env[rule.model].sudo()
            try:
                model._search(Domain(rule._eval_domain()))
            except Exception as error:  # whatever a wrong expression may raise
                raise ValidationError(
                    self.env._(
                        "“%(rule)s”: the condition can't be used on “%(document)s”: %(error)s",
                        rule=rule.name,
                        document=rule.start_event_id.document,
                        error=error,
                    )
                ) from error

    # --- what the mixin asks ---------------------------------------------------------------

    @api.model
    @tools.ormcache("model", "event", cache="default")
    def _get_rule_ids(self, model, event):
        """Return the ids of the active rules that the event of this code matters to."""
        return tuple(
            # sudo: rules are read to be obeyed, not shown
            self.sudo()
            .search(
                [("model", "=", model)]
                + ["|"] * 3
                + [
                    (f"{kind}_event_id.code", "=", event)
                    for kind in ("start", "stop", "pause", "resume")
                ]
            )
            .ids
        )

    @api.model
    @tools.ormcache("model", cache="default")
    def _get_date_fields(self, model):
        """Return the names of the fields of ``model`` in which moments are agreed."""
        rules = (
            # sudo: as above
            self.sudo()
            .with_context(active_test=False)
            .search([("model", "=", model), ("unit", "=", "agreed")])
        )
        return frozenset(rules.mapped("date_field"))

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        self.env.registry.clear_cache()
        return rules

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: promises that this user doesn't see count as well
        run = self.env["aftersales.deadline"].sudo().search([("rule_id", "in", self.ids)], limit=1)
        if run:
            raise UserError(
                self.env._(
                    "Promises were made by “%s”, and their history is kept. Archive it instead.",
                    run.rule_id.name,
                )
            )

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    def _eval_domain(self):
        self.ensure_one()
        return safe_eval(self.domain)

    def _applies_to(self, record):
        self.ensure_one()
        # “today” in a domain is that of the context's time zone
        record = record.with_context(tz=record.company_id._aftersales_tz().zone)
        return bool(record.filtered_domain(self._eval_domain()))

    # --- clocks ----------------------------------------------------------------------------

    def _get_due(self, start, record):
        """Return the moment until which the promise on ``record`` holds.

        :param datetime start: naive UTC
        :return: naive UTC, never before ``start``; days end at midnight of the company's time
            zone; False if the moment is yet to be agreed
        """
        self.ensure_one()
        company = record.company_id
        if self.unit == "agreed":
            due = self._get_agreed(record)
            return due and max(start, due)
        if self.unit == "hours":
            return start + timedelta(hours=self.offset)
        day = company._aftersales_local(start).date()
        if self.unit == "days":
            return company._aftersales_utc(day + timedelta(days=self.offset))
        if self.unit == "month_day":
            day += relativedelta(months=1, day=self.offset)
            if self.time_of_day == 24:
                return company._aftersales_utc(day)
            return company._aftersales_utc(day, float_to_time(self.time_of_day))
        if self.unit == "working_hours":
            return self._plan_hours(self.offset, start, company)
        return self._plan_days(self.offset, day + timedelta(days=1), company)

    def _get_agreed(self, record):
        """Return the moment that is agreed on ``record``, naive UTC, or False."""
        value = record[self.date_field]
        if value and not isinstance(value, datetime):
            return record.company_id._aftersales_utc(value)
        return value

    def _get_resumed_due(self, due, paused, resumed, company):
        """Return the due moment after the clock stood still; what was left is left again.

        All moments are naive UTC.

        :param datetime due: the due moment until now, not before ``paused``
        :param datetime paused: when the clock was stopped
        :param datetime resumed: when it goes on
        """
        self.ensure_one()
        if self.unit == "hours":
            return due + (resumed - paused)
        if self.unit == "working_hours":
            left = self._get_calendar(company).get_work_hours_count(
                pytz.utc.localize(paused), pytz.utc.localize(due)
            )
            return self._plan_hours(left, resumed, company) if left else resumed
        local = company._aftersales_local
        paused_day, due_day, day = (local(moment).date() for moment in (paused, due, resumed))
        if self.unit == "days":
            return company._aftersales_utc(day + (due_day - paused_day))
        left = self._count_days(paused_day, due_day, company)
        if not left:
            # it was stopped on its last day: of that, a working day is left
            return self._plan_days(1, day, company)
        return self._plan_days(left, day + timedelta(days=1), company)

    def _get_calendar(self, company):
        """Return the calendar, its hours read on the company's clock whatever zone it names."""
        calendar = self.calendar_id or company.resource_calendar_id
        # the context key by which core has a calendar read in another zone
        return calendar.with_context(employee_timezone=company._aftersales_tz())

    def _get_midnight(self, day, company):
        """Return the beginning of ``day`` as an aware moment in the company's time zone."""
        return company._aftersales_local(company._aftersales_utc(day, time.min))

    def _get_working_days(self, after, until, company):
        """Return the working days after ``after`` up to and with ``until``, in order."""
        tz = company._aftersales_tz()
        intervals = self._get_calendar(company)._work_intervals_batch(
            self._get_midnight(after + timedelta(days=1), company),
            self._get_midnight(until + timedelta(days=1), company),
        )[False]
        return sorted({start.astimezone(tz).date() for start, _stop, _meta in intervals})

    def _count_days(self, after, until, company):
        """Return the number of working days after ``after`` up to and with ``until``."""
        return len(self._get_working_days(after, until, company))

    def _iter_working_days(self, after, company):
        """Yield the working days after ``after``, one after the other, without end.

        The calendar is read a year at a time, so that many days cost no query each.

        :raises ValidationError: the calendar has a year without working time
        """
        while True:
            until = after + timedelta(days=366)
            yield from self._check_planned(self._get_working_days(after, until, company), company)
            after = until

    def _plan_hours(self, hours, start, company):
        planned = self._get_calendar(company).plan_hours(
            hours, company._aftersales_local(start), compute_leaves=True
        )
        return self._check_planned(planned, company).astimezone(pytz.utc).replace(tzinfo=None)

    def _plan_days(self, days, first, company):
        """Return the end of the ``days``-th working day, counted from the day ``first`` on."""
        planned = self._get_calendar(company).plan_days(
            days, self._get_midnight(first, company), compute_leaves=True
        )
        planned = self._check_planned(planned, company).astimezone(company._aftersales_tz())
        return company._aftersales_utc(planned.date())

    def _check_planned(self, planned, company):
        if not planned:
            raise ValidationError(
                self.env._(
                    "“%(rule)s”: the calendar “%(calendar)s” has no working time to count.",
                    # days are counted without a rule, too
                    rule=self.name or company.name,
                    calendar=self._get_calendar(company).name,
                )
            )
        return planned
