from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .deadline_common import DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadlineRule(DeadlineCommon):
    """Due moments, each worked out by hand; July 2026 starts on a Wednesday.

    Shanghai is UTC+8 the whole year. Working time: Monday to Friday, 8–12 and 13–17.
    """

    def _get_due(self, rule, start):
        request = self.env["aftersales.request"].new({"company_id": self.company.id})
        return rule._get_due(start, request)

    def _assert_due(self, rule, start, due, zone="Asia/Shanghai"):
        with self.subTest(rule=rule.name, start=start):
            self.assertEqual(self._get_due(rule, self._local(start, zone)), self._local(due, zone))

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
        self.assertEqual(self._get_due(rule, start), datetime(2026, 7, 3, 15, 59, 59))
        self.company.partner_id.tz = "Europe/Berlin"
        self.assertEqual(self._get_due(rule, start), datetime(2026, 7, 2, 21, 59, 59))

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

    def test_calendar_of_another_zone(self):
        """M9.2, mistake 5: a calendar left in UTC has the company's hours and days all the same.

        Friday 17:00 UTC is Saturday in Shanghai, which is no working day for that.
        """
        self.calendar.tz = "UTC"
        self._assert_due(
            self._new_rule("working_days", 1), "2026-07-03 10:00", "2026-07-06 23:59:59"
        )
        self._assert_due(self._new_rule("working_hours", 2), "2026-07-03 16:00", "2026-07-06 09:00")
        rule = self._new_rule("working_hours", 8)
        left = [self._local(f"2026-07-0{day} 12:30") for day in (1, 2)]
        # paused Wednesday 12:30 with 5 hours left, until Thursday 12:30: 13–17 and Friday 8–9
        due = rule._get_resumed_due(self._local("2026-07-02 09:00"), *left, self.company)
        self.assertEqual(due, self._local("2026-07-03 09:00"))

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
                self._get_due(rule, datetime(2026, 7, 1))

    def test_impossible_values(self):
        """C8: offsets and hours that make no sense are refused."""
        for unit, offset, vals in (
            ("hours", 0, {}),
            ("hours", -2, {}),
            ("working_days", 0, {}),
            ("days", -1, {}),
            ("month_day", 0, {}),
            ("month_day", 32, {}),
        ):
            with (
                self.subTest(unit=unit, offset=offset),
                self.assertRaisesRegex(ValidationError, "[01] or more"),
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

    def test_month_ends(self):
        """L1.3, M8.3: over the end of a month, and 29 February only in a leap year."""
        days = self._new_rule("days", 2)
        self._assert_due(days, "2027-02-27 10:00", "2027-03-01 23:59:59")
        self._assert_due(days, "2028-02-27 10:00", "2028-02-29 23:59:59")
        self._assert_due(days, "2028-02-28 10:00", "2028-03-01 23:59:59")
        self._assert_due(self._new_rule("hours", 24), "2028-02-28 10:00", "2028-02-29 10:00")
        # Monday 28 February 2028; the 29th is a working day
        self._assert_due(
            self._new_rule("working_days", 1), "2028-02-28 10:00", "2028-02-29 23:59:59"
        )
        month_day = self._new_rule("month_day", 29)
        self._assert_due(month_day, "2027-01-31 10:00", "2027-02-28 23:59:59")
        self._assert_due(month_day, "2028-01-31 10:00", "2028-02-29 23:59:59")
        # started on the leap day itself
        self._assert_due(month_day, "2028-02-29 10:00", "2028-03-29 23:59:59")

    def test_same_day(self):
        """E8: 0 days last until midnight of the day on which it started."""
        rule = self._new_rule("days", 0)
        self._assert_due(rule, "2026-07-01 00:00", "2026-07-01 23:59:59")
        self._assert_due(rule, "2026-07-01 23:59:59", "2026-07-01 23:59:59")

    def test_night_in_working_hours(self):
        """Mistake 5: what starts at night begins to count in the morning."""
        rule = self._new_rule("working_hours", 9)
        # Wednesday 8–12, 13–17 are eight hours; the ninth is Thursday's first
        self._assert_due(rule, "2026-07-01 02:00", "2026-07-02 09:00")
        self._assert_due(rule, "2026-06-30 22:00", "2026-07-02 09:00")

    def test_two_companies(self):
        """C8: each company's days end by its own clock, in the same database."""
        berlin = self.env["res.company"].create({"name": "Berlin"})
        berlin.partner_id.tz = "Europe/Berlin"
        rule = self._new_rule("days", 1)
        requests = self.env["aftersales.request"]
        start = datetime(2026, 7, 1, 18, 0)  # 2 July 02:00 in Shanghai, 1 July 20:00 in Berlin
        dues = [
            rule._get_due(start, requests.new({"company_id": company.id}))
            for company in (self.company, berlin)
        ]
        self.assertEqual(dues, [datetime(2026, 7, 3, 15, 59, 59), datetime(2026, 7, 2, 21, 59, 59)])

    def test_working_days_over_clock_change(self):
        """Mistake 5: the night in which clocks are turned neither adds nor takes a day."""
        self.company.partner_id.tz = "Europe/Berlin"
        # around the clock on every day, so that an hour too early would be a day too early
        calendar = self._new_calendar("Always", range(7), ((0, 24),), "Europe/Berlin")
        rule = self._new_rule("working_days", 1, calendar_id=calendar.id)
        for start, due in (
            ("2026-03-28 12:00", "2026-03-29 23:59:59"),
            ("2026-03-29 01:00", "2026-03-30 23:59:59"),
            ("2026-10-24 12:00", "2026-10-25 23:59:59"),
            ("2026-10-25 01:00", "2026-10-26 23:59:59"),
        ):
            self._assert_due(rule, start, due, "Europe/Berlin")

    # --- what is shipped, and what is refused --------------------------------------------------

    def test_shipped(self):
        """E2: every time limit of the regulations is a rule that names its article."""
        rules = self.env["aftersales.deadline.rule"].search([])
        self.assertFalse(rules.filtered(lambda rule: not rule.regulation_id))
        codes = set(rules.regulation_id.mapped("code"))
        self.assertLessEqual(
            {
                *("L1.3", "L1.5", "L2.2", "L3.4", "L3.5"),
                *("R1", "E8", "M1", "M2", "M3.1", "M4", "M5", "M6", "M11"),
                *("C8", "C9", "H2", "H3", "H5"),
            },
            codes,
        )

    def test_dormant(self):
        """E2: a rule on documents that come later says so, is found by it, and starts nothing."""
        rule = self._rule("training")
        self.assertTrue(rule.is_dormant)
        self.assertEqual(rule.model, "aftersales.training")
        labels = dict(rule._fields["model"]._description_selection(self.env))
        self.assertEqual(labels[rule.model], "Training")
        self.assertFalse(self._rule("running_again").is_dormant)
        rules = self.env["aftersales.deadline.rule"]
        dormant = rules.search([("is_dormant", "=", True)])
        self.assertIn(rule, dormant)
        self.assertNotIn(self._rule("running_again"), dormant)
        self.assertEqual(rules.search([("is_dormant", "=", False)]), rules.search([]) - dormant)

    def _assert_refused(self, message, unit="hours", offset=1, **vals):
        with (
            self.subTest(message),
            self.assertRaisesRegex(ValidationError, message),
            self.cr.savepoint(),
        ):
            self._new_rule(unit, offset, **vals)

    def test_events_checked(self):
        """M3.1: a rule's events belong together; the message names what doesn't fit."""
        strange = self._event("reported", "aftersales.complaint")
        self._assert_refused(
            "starts on “Service request”, but “Complaint: Reported”", stop_event_id=strange.id
        )
        self._assert_refused("kept at the moment it starts", stop="received")
        self._assert_refused(
            "name both the event that stops", pause_event_id=self._event("waiting").id
        )
        waiting = self._event("waiting").id
        self._assert_refused(
            "can't both stop and resume", pause_event_id=waiting, resume_event_id=waiting
        )
        self._assert_refused("doesn't wait", "month_day", 5, pause=True)
        self._assert_refused(
            "doesn't wait", "agreed", date_field="date_answer_promised", pause=True
        )

    def test_agreed_field_checked(self):
        """M1: an agreed moment is a date or time of the document."""
        self._assert_refused("name the field", "agreed")
        for name in ("nonsense", "description", "create_uid"):
            self._assert_refused(
                f"“{name}” is no date or time of “Service request”", "agreed", date_field=name
            )
        # a model that doesn't exist yet can't be asked
        planned = self._event("planned", "aftersales.training")
        held = self._event("held", "aftersales.training")
        rule = self._new_rule(
            "agreed",
            start_event_id=planned.id,
            stop_event_id=held.id,
            date_field="date_planned",
            domain="[('kind', '=', 'x')]",
        )
        self.assertTrue(rule.is_dormant)

    def test_domain_checked(self):
        """M3.1: a condition that can't be used is refused when it is entered, not on the road."""
        for domain in (
            "[('nonsense', '=', 1)]",
            "[('card_id.nonsense', '=', 1)]",
            "[('distance', '<', 2]",
            "[('distance', 'about', 2)]",
            "[('distance', '<', yesterday)]",
            "distance < 2",
            "['&', ('distance', '<', 2)]",
        ):
            with (
                self.subTest(domain),
                self.assertRaisesRegex(ValidationError, "can't be used on “Service request”"),
                self.cr.savepoint(),
            ):
                self._new_rule(domain=domain)
        self.assertTrue(self._new_rule(domain="[('card_id.date_end', '>=', 'today')]"))

    def test_today_of_the_company(self):
        """M3.1: a warranty ends by the company's clock, not by UTC or the user's."""
        rule = self._new_rule(start="assigned", domain="[('card_id.date_end', '>=', 'today')]")
        self.assertEqual(str(self.card.date_end), "2027-06-01")
        for moment, found in (
            # in UTC still the day before
            ("2027-06-01 07:00", 1),
            ("2027-06-01 23:59", 1),
            # in UTC, and for the clerk, still 1 June
            ("2027-06-02 00:00", 0),
        ):
            self.clerk.tz = "UTC"
            with self.subTest(moment), self._at(moment):
                self.assertEqual(len(self._run(self._assigned(), rule)), found)

    def test_warning_checked(self):
        """M8.9: a warning to a role needs the role; hours aren't negative."""
        self._assert_refused("choose the role", warning_hours=1, warning_to="group")
        self._assert_refused("can't be negative", warning_hours=-1)
        self._assert_refused("can't be negative", escalation_hours=-1)

    def test_events_fixed(self):
        """E2: an administrator renames events; what the code goes by stays, for everybody."""
        event = self._event("assigned").with_user(self.administrator)
        event.name = "Handed to the center"
        self.assertEqual(event.display_name, "Service request: Handed to the center")
        for vals in ({"code": "x"}, {"model": "res.partner"}):
            with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                event.write(vals)
        with self.assertRaisesRegex(AccessError, "Event of a deadline"):
            event.unlink()
        for user in (self.clerk, self.center_user, self.customer_service, self.vp):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                event.with_user(user).name = "x"
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._rule("running_again").with_user(user).offset = 48

    @mute_logger("odoo.sql_db")
    def test_event_code_unique(self):
        """E2: a document has one event of a code."""
        with self.assertRaisesRegex(UniqueViolation, "code_unique"), self.cr.savepoint():
            self._event("assigned").copy()

    def test_used_rule_kept(self):
        """M3.1: a rule under which promises were made is archived, not deleted with them."""
        rule = self._new_rule(start="assigned")
        self._assigned()
        with self.assertRaisesRegex(UserError, "Archive it"), self.cr.savepoint():
            rule.unlink()
        unused = self._new_rule(start="visit_promised")
        unused.unlink()
        self.assertFalse(unused.exists())

    def test_never_before_start(self):
        """Mistake 5, for any start: no clock runs out before it starts, whatever its unit."""
        rules = [
            self._new_rule(unit, offset)
            for unit, offset in (
                *(("hours", 1), ("working_hours", 1), ("days", 0), ("days", 3)),
                *(("working_days", 1), ("working_days", 7), ("month_day", 1), ("month_day", 31)),
            )
        ]

        @settings(
            max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(
            start=st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)),
            rule=st.sampled_from(rules),
            zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles"]),
        )
        def check(start, rule, zone):
            self.company.partner_id.tz = zone
            start = start.replace(microsecond=0)
            self.assertGreaterEqual(self._get_due(rule, start), start)

        check()
