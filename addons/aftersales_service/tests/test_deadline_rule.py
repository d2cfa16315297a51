from datetime import datetime

import pytz

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestDeadlineRule(AftersalesCommon):
    """Due moments, each worked out by hand; July 2026 starts on a Wednesday.

    Shanghai is UTC+8 the whole year. Working time: Monday to Friday, 8–12 and 13–17.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.calendar = cls.env["resource.calendar"].create(
            {
                "name": "Day shift",
                "tz": "Asia/Shanghai",
                "company_id": cls.company.id,
                "attendance_ids": [Command.clear()]
                + [
                    Command.create(
                        {
                            "name": f"{day} {start}",
                            "dayofweek": str(day),
                            "hour_from": start,
                            "hour_to": end,
                            "day_period": period,
                        }
                    )
                    for day in range(5)
                    for start, end, period in ((8, 12, "morning"), (13, 17, "afternoon"))
                ],
            }
        )

    def _new_rule(self, unit, offset, **vals):
        return self.env["aftersales.deadline.rule"].create(
            {
                "name": f"{offset} {unit}",
                "model_id": self.env["ir.model"]._get_id("aftersales.request"),
                "start_event": "received",
                "stop_event": "done",
                "unit": unit,
                "offset": offset,
                "calendar_id": self.calendar.id,
                **vals,
            }
        )

    def _local(self, text, zone="Asia/Shanghai"):
        """Return the naive UTC moment at which clocks in ``zone`` show ``text``."""
        local = pytz.timezone(zone).localize(datetime.fromisoformat(text))
        return local.astimezone(pytz.utc).replace(tzinfo=None)

    def _assert_due(self, rule, start, due, zone="Asia/Shanghai"):
        with self.subTest(rule=rule.name, start=start):
            self.assertEqual(
                rule._get_due(self._local(start, zone), self.company), self._local(due, zone)
            )

    def test_hours(self):
        """M3.1: hours run day and night, over midnight, lunch and the weekend."""
        self._assert_due(self._new_rule("hours", 2), "2026-07-01 11:00", "2026-07-01 13:00")
        self._assert_due(self._new_rule("hours", 6), "2026-07-01 22:30", "2026-07-02 04:30")
        self._assert_due(self._new_rule("hours", 24), "2026-07-03 16:00", "2026-07-04 16:00")
        # 29 March 2026, the night in which Europe turns its clocks, is a night like others
        self._assert_due(self._new_rule("hours", 24), "2026-03-28 20:00", "2026-03-29 20:00")

    def test_hours_over_clock_change(self):
        """M3.1: 24 hours stay 24 hours where the clocks are turned meanwhile."""
        self.company.partner_id.tz = "Europe/Berlin"
        self._assert_due(
            self._new_rule("hours", 24), "2026-03-28 20:00", "2026-03-29 21:00", "Europe/Berlin"
        )

    def test_days(self):
        """L1.3: two days after the report, until midnight of the company's clock."""
        rule = self._new_rule("days", 2)
        self._assert_due(rule, "2026-07-01 09:00", "2026-07-03 23:59:59")
        self._assert_due(rule, "2026-07-01 00:00", "2026-07-03 23:59:59")
        # still the 30th in UTC
        self._assert_due(rule, "2026-07-01 01:30", "2026-07-03 23:59:59")
        self._assert_due(rule, "2026-07-01 23:59:59", "2026-07-03 23:59:59")
        self._assert_due(self._new_rule("days", 1), "2026-12-31 12:00", "2027-01-01 23:59:59")

    def test_days_in_two_time_zones(self):
        """L1.3: the same moment has another day, and so another due moment, elsewhere."""
        rule = self._new_rule("days", 1)
        start = datetime(2026, 7, 1, 18, 0)  # 2 July 02:00 in Shanghai, 1 July 20:00 in Berlin
        self.assertEqual(rule._get_due(start, self.company), datetime(2026, 7, 3, 15, 59, 59))
        self.company.partner_id.tz = "Europe/Berlin"
        self.assertEqual(rule._get_due(start, self.company), datetime(2026, 7, 2, 21, 59, 59))

    def test_working_days(self):
        """M9.2, mistake 5: seven working days after the notice, weekends left out."""
        # Thursday 2 July: 3, 6, 7, 8, 9, 10, 13
        self._assert_due(
            self._new_rule("working_days", 7), "2026-07-02 10:00", "2026-07-13 23:59:59"
        )
        rule = self._new_rule("working_days", 1)
        self._assert_due(rule, "2026-07-02 10:00", "2026-07-03 23:59:59")
        self._assert_due(rule, "2026-07-03 10:00", "2026-07-06 23:59:59")
        self._assert_due(rule, "2026-07-03 23:30", "2026-07-06 23:59:59")
        self._assert_due(rule, "2026-07-04 10:00", "2026-07-06 23:59:59")
        self._assert_due(rule, "2026-07-05 23:30", "2026-07-06 23:59:59")
        # Monday 00:30 in Shanghai, Sunday in UTC: the start day doesn't count
        self._assert_due(rule, "2026-07-06 00:30", "2026-07-07 23:59:59")

    def test_working_days_over_holiday(self):
        """M9.2, mistake 5: a public holiday is no working day."""
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.calendar.id,
                "company_id": self.company.id,
                "resource_id": False,
                "date_from": self._local("2026-07-06 00:00"),
                "date_to": self._local("2026-07-07 23:59:59"),
            }
        )
        # Friday 3 July: neither the weekend nor the 6th and 7th
        self._assert_due(
            self._new_rule("working_days", 1), "2026-07-03 10:00", "2026-07-08 23:59:59"
        )
        self._assert_due(self._new_rule("working_hours", 2), "2026-07-03 16:00", "2026-07-08 09:00")

    def test_working_hours(self):
        """Mistake 5: working hours stand still over lunch, at night and on the weekend."""
        rule = self._new_rule("working_hours", 2)
        self._assert_due(rule, "2026-07-01 09:00", "2026-07-01 11:00")
        self._assert_due(rule, "2026-07-01 11:00", "2026-07-01 14:00")
        self._assert_due(rule, "2026-07-01 12:30", "2026-07-01 15:00")
        self._assert_due(rule, "2026-07-01 16:00", "2026-07-02 09:00")
        self._assert_due(rule, "2026-07-03 16:00", "2026-07-06 09:00")
        self._assert_due(rule, "2026-07-04 03:00", "2026-07-06 10:00")

    def test_company_calendar(self):
        """Mistake 5: without a calendar of its own a rule goes by the company's."""
        self.company.resource_calendar_id = self.calendar
        rule = self._new_rule("working_hours", 2, calendar_id=False)
        self._assert_due(rule, "2026-07-01 11:00", "2026-07-01 14:00")

    def test_month_day(self):
        """C8, M8.3: a day of the next month at an hour, or until its end."""
        rule = self._new_rule("month_day", 5, time_of_day=17.0)
        self._assert_due(rule, "2026-01-31 10:00", "2026-02-05 17:00")
        self._assert_due(rule, "2026-02-01 00:30", "2026-03-05 17:00")
        # the last evening of January in UTC, 1 February in Shanghai
        self._assert_due(rule, "2026-02-01 03:00", "2026-03-05 17:00")
        self._assert_due(rule, "2026-12-31 23:59:59", "2027-01-05 17:00")
        self._assert_due(
            self._new_rule("month_day", 5, time_of_day=8.5), "2026-01-31 10:00", "2026-02-05 08:30"
        )
        self._assert_due(self._new_rule("month_day", 5), "2026-01-31 10:00", "2026-02-05 23:59:59")

    def test_month_day_of_short_month(self):
        """M8.3: day 31 means the last day where the month is shorter."""
        rule = self._new_rule("month_day", 31)
        self._assert_due(rule, "2026-01-15 10:00", "2026-02-28 23:59:59")
        self._assert_due(rule, "2028-01-31 10:00", "2028-02-29 23:59:59")
        self._assert_due(rule, "2026-03-31 10:00", "2026-04-30 23:59:59")
        self._assert_due(rule, "2026-02-28 10:00", "2026-03-31 23:59:59")

    def test_no_working_time(self):
        """Mistake 5: a calendar without working time is named, rather than due at once."""
        empty = self.calendar.create({"name": "Closed", "attendance_ids": [Command.clear()]})
        self.assertFalse(empty.attendance_ids)
        for unit in ("working_hours", "working_days"):
            rule = self._new_rule(unit, 1, calendar_id=empty.id)
            with self.subTest(unit), self.assertRaisesRegex(ValidationError, "“Closed” has no"):
                rule._get_due(datetime(2026, 7, 1), self.company)

    def test_impossible_values(self):
        """C8: offsets and hours that make no sense are refused."""
        for unit, offset, vals in (
            ("hours", 0, {}),
            ("hours", -2, {}),
            ("working_days", 0, {}),
            ("month_day", 0, {}),
            ("month_day", 32, {}),
        ):
            with (
                self.subTest(unit=unit, offset=offset),
                self.assertRaisesRegex(ValidationError, "1 or more"),
                self.cr.savepoint(),
            ):
                self._new_rule(unit, offset, **vals)
        for hour in (-1, 24.5):
            with (
                self.subTest(hour=hour),
                self.assertRaisesRegex(ValidationError, "between 0:00 and 24:00"),
                self.cr.savepoint(),
            ):
                self._new_rule("month_day", 5, time_of_day=hour)
        self.assertEqual(self._new_rule("hours", 32).offset, 32)
