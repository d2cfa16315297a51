from datetime import timedelta

import pytz
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools.date_utils import float_to_time
from odoo.tools.safe_eval import safe_eval


class AftersalesDeadlineRule(models.Model):
    """A time limit of the regulations: what starts it, how long it runs, what meets it."""

    _name = "aftersales.deadline.rule"
    _description = "Deadline rule"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="The article that sets this limit."
    )
    model_id = fields.Many2one(
        "ir.model",
        "Applies to",
        required=True,
        ondelete="cascade",
        domain=[("is_mail_thread", "=", True)],
    )
    model = fields.Char("Model name", related="model_id.model", store=True, index=True)
    domain = fields.Char(
        "Condition",
        default="[]",
        required=True,
        help="The limit is started only on records that meet this condition. It may compare dates "
        "with `today`.",
    )
    start_event = fields.Char(
        required=True, help="The event that starts the clock, such as “assigned”."
    )
    stop_event = fields.Char(
        required=True, help="The event that meets the promise, such as “arrived”."
    )
    unit = fields.Selection(
        [
            ("hours", "Hours, day and night"),
            ("working_hours", "Working hours"),
            ("days", "Days, until midnight"),
            ("working_days", "Working days, until midnight"),
            ("month_day", "Day of the next month"),
        ],
        required=True,
        default="hours",
    )
    offset = fields.Integer(
        required=True,
        default=1,
        help="How many hours or days, or which day of the next month (the last one if the month "
        "is shorter).",
    )
    time_of_day = fields.Float(
        "At",
        default=24.0,
        help="For a day of the next month: the hour of the company's clock. 24:00 is the end of "
        "that day.",
    )
    calendar_id = fields.Many2one(
        "resource.calendar",
        "Working hours",
        help="For working hours and days. Empty: the company's own calendar.",
    )
    company_id = fields.Many2one("res.company", help="Empty: applies in every company.")

    @api.constrains("unit", "offset", "time_of_day")
    def _check_offset(self):
        for rule in self:
            if rule.offset < 1 or (rule.unit == "month_day" and rule.offset > 31):
                raise ValidationError(
                    self.env._("“%s”: the number must be 1 or more (a day: 1 to 31).", rule.name)
                )
            if not 0 <= rule.time_of_day <= 24:
                raise ValidationError(
                    self.env._("“%s”: the hour must lie between 0:00 and 24:00.", rule.name)
                )

    def _applies_to(self, record):
        self.ensure_one()
        today = record.company_id._aftersales_local(fields.Datetime.now()).date()
        return bool(record.filtered_domain(safe_eval(self.domain, {"today": today})))

    def _get_due(self, start, company):
        """Return the moment until which the promise holds.

        :param datetime start: naive UTC
        :return: naive UTC; days end at midnight of the company's time zone
        """
        self.ensure_one()
        local = company._aftersales_local(start)
        if self.unit == "hours":
            return start + timedelta(hours=self.offset)
        if self.unit == "days":
            return company._aftersales_utc(local.date() + timedelta(days=self.offset))
        if self.unit == "month_day":
            day = local.date() + relativedelta(months=1, day=self.offset)
            if self.time_of_day == 24:
                return company._aftersales_utc(day)
            return company._aftersales_utc(day, float_to_time(self.time_of_day))
        calendar = self.calendar_id or company.resource_calendar_id
        if self.unit == "working_hours":
            planned = calendar.plan_hours(self.offset, local, compute_leaves=True)
        else:
            # plan_days counts the day it is given, so it is given the next one from its start
            tomorrow = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0)
            planned = calendar.plan_days(self.offset, tomorrow, compute_leaves=True)
        if not planned:
            raise ValidationError(
                self.env._(
                    "“%(rule)s”: the calendar “%(calendar)s” has no working time to count.",
                    rule=self.name,
                    calendar=calendar.name,
                )
            )
        if self.unit == "working_days":
            return company._aftersales_utc(planned.astimezone(local.tzinfo).date())
        return planned.astimezone(pytz.utc).replace(tzinfo=None)
