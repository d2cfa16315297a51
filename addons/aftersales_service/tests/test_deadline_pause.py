from datetime import datetime, timedelta

from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadlinePause(DeadlineCommon):
    """Clocks that wait for the customer (mistake 5), each moment worked out by hand."""

    def _wait(self, request, start, end):
        with self._at(start):
            request.action_wait("The site is flooded")
        with self._at(end):
            request.action_resume()

    def test_hours(self):
        """M3.1: 24 hours from Wednesday 9:00; 3.5 hours of waiting are added, for both promises."""
        with freeze_time(NINE):
            request = self._assigned()
        run = self._run(request, "running_again")
        with self._at("2026-07-01 11:00"):
            request.action_wait("The site is flooded")
        self.assertEqual((run.state, run.date_paused), ("paused", datetime(2026, 7, 1, 3, 0)))
        self.assertTrue(request.is_waiting)
        # the first answer and the arrival don't wait for him
        self.assertEqual(self._run(request, "arrival_city").state, "running")
        with self._at("2026-07-01 14:30"):
            request.action_resume()
        self.assertEqual((run.state, run.date_paused), ("running", False))
        self.assertEqual(run.date_due, self._local("2026-07-02 12:30"))
        self.assertEqual(run.date_due_original, run.date_due)
        self.assertFalse(request.is_waiting)

    def test_twice(self):
        """M3.1: two waits of 1 h and 2 h add up to 3 h."""
        with freeze_time(NINE):
            request = self._assigned()
        self._wait(request, "2026-07-01 10:00", "2026-07-01 11:00")
        self._wait(request, "2026-07-01 20:00", "2026-07-01 22:00")
        self.assertEqual(
            self._run(request, "running_again").date_due, self._local("2026-07-02 12:00")
        )

    def _assert_weekend(self, unit, offset, due_before, due_after):
        """Assert the due moments of a run from Thursday 10:00 that waits Friday 16:00–Monday 9:00.

        2 July 2026 is a Thursday.
        """
        rule = self._new_rule(unit, offset, start="assigned", pause=True)
        with self._at("2026-07-02 10:00"):
            request = self._assigned()
        run = self._run(request, rule)
        with self.subTest(unit):
            self.assertEqual(run.date_due, self._local(due_before))
            self._wait(request, "2026-07-03 16:00", "2026-07-06 09:00")
            self.assertEqual(run.date_due, self._local(due_after))

    def test_weekend(self):
        """Mistake 5: what was left on Friday 16:00 is left on Monday 9:00, in each unit."""
        # 42 h until Sunday 10:00 are left... of 72 h from Thursday 10:00
        self._assert_weekend("hours", 72, "2026-07-05 10:00", "2026-07-08 03:00")
        # Thursday 10–12, 13–17: 6 h; Friday 8–12, 13–16: 7 h; Friday 16–17 and Monday 8–10 left
        self._assert_weekend("working_hours", 16, "2026-07-06 10:00", "2026-07-06 12:00")
        # two calendar days are left on Friday (until Sunday)
        self._assert_weekend("days", 3, "2026-07-05 23:59:59", "2026-07-08 23:59:59")
        # Monday and Tuesday are left on Friday: Tuesday and Wednesday
        self._assert_weekend("working_days", 3, "2026-07-07 23:59:59", "2026-07-08 23:59:59")

    def test_last_day(self):
        """L2.2: stopped on its last day, a (working) day is left, not nothing and not more."""
        for unit, resumed, due in (
            ("days", "2026-07-04 10:00", "2026-07-04 23:59:59"),
            # Saturday: the next working day is Monday
            ("working_days", "2026-07-04 10:00", "2026-07-06 23:59:59"),
            ("working_days", "2026-07-06 10:00", "2026-07-06 23:59:59"),
        ):
            rule = self._new_rule(unit, 1, start="assigned", pause=True)
            with self._at("2026-07-02 10:00"):
                request = self._assigned()
            self._wait(request, "2026-07-03 15:00", resumed)
            with self.subTest(unit=unit, resumed=resumed):
                self.assertEqual(self._run(request, rule).date_due, self._local(due))

    def test_holiday_while_waiting(self):
        """Mistake 5: working hours are counted again on the days that are worked then."""
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.calendar.id,
                "company_id": self.company.id,
                "resource_id": False,
                "date_from": self._local("2026-07-07 00:00"),
                "date_to": self._local("2026-07-07 23:59:59"),
            }
        )
        rule = self._new_rule("working_hours", 8, start="assigned", pause=True)
        with self._at("2026-07-01 09:00"):
            request = self._assigned()
        # 3 h of Wednesday are gone, 5 h are left: Monday 16–17, Wednesday 8–12
        self._wait(request, "2026-07-01 12:30", "2026-07-06 16:00")
        self.assertEqual(self._run(request, rule).date_due, self._local("2026-07-08 12:00"))

    def test_not_swept(self):
        """Mistake 5: a clock that stands still isn't missed, warned of or escalated."""
        with freeze_time(NINE):
            request = self._assigned()
        run = self._run(request, "running_again")
        with self._at("2026-07-01 11:00"):
            request.action_wait("The site is flooded")
        with self._at("2026-07-10 11:00"):
            self._sweep()
        self.assertEqual(run.state, "paused")
        self.assertFalse(run.date_warned)
        self.assertNotEqual(request.date_due, run.date_due)

    def test_met_while_waiting(self):
        """M3.1: what is done while the clock stands still is done in time; nothing waits on."""
        with freeze_time(NINE):
            request = self._assigned()
            record = self._new_complete_record(request)
        with self._at("2026-07-01 11:00"):
            request.action_wait("The site is flooded")
        with self._at("2026-07-09 11:00"):
            self._sign(record).action_done()
        run = self._run(request, "running_again")
        self.assertEqual((run.state, run.date_met), ("met", self._local("2026-07-09 11:00")))
        self.assertFalse(request.is_waiting)

    def test_cancelled_while_waiting(self):
        """Mistake 4: a request cancelled while it waits leaves nothing behind."""
        with freeze_time(NINE):
            request = self._assigned()
            request.action_wait("The site is flooded")
            request.action_cancel("Customer solved it")
        self.assertEqual(self._run(request, "running_again").state, "cancelled")
        self.assertFalse(request.is_waiting)

    def test_too_late_to_wait(self):
        """Mistake 5: a clock that has run out isn't saved by waiting, swept or not."""
        with freeze_time(NINE):
            request, swept = self._assigned(), self._assigned()
            (swept | request).invalidate_recordset()
        with self._at("2026-07-03 09:00"):
            request.action_wait("The site is flooded")
            self._sweep()
            self.assertEqual(self._run(request, "running_again").state, "missed")
            swept.action_wait("The site is flooded")
            self.assertEqual(self._run(swept, "running_again").state, "missed")
            swept.action_resume()
        self.assertEqual(
            self._run(swept, "running_again").date_due, self._local("2026-07-02 09:00")
        )

    @freeze_time(NINE)
    def test_refused(self):
        """M3.1: waiting needs a reason, a request that is open, and happens once at a time."""
        request = self._assigned()
        for reason in (None, "", "  "):
            with self.assertRaisesRegex(UserError, "what the customer has to do"):
                request.action_wait(reason)
        with self.assertRaisesRegex(UserError, "not waiting"):
            request.action_resume()
        request.action_wait("The site is flooded")
        self.assertIn("The site is flooded", request.message_ids[0].body)
        with self.assertRaisesRegex(UserError, "waiting for the customer already"):
            request.action_wait("Still flooded")
        request.action_resume()
        request.action_cancel("Wrong number")
        for action in (request.action_resume, lambda: request.action_wait("Late")):
            with self.assertRaisesRegex(UserError, "is closed"):
                action()

    @freeze_time(NINE)
    def test_roles(self):
        """Mistake 9: who works on the request stops its clock, by the window too; others can't."""
        for user in (self.technician, self.center_user, self.clerk, self.office_manager):
            request = self._assigned().with_user(user)
            action = request.action_open_wait()
            with self.subTest(user=user.login):
                self.env["aftersales.reason"].with_user(user).with_context(
                    **action["context"]
                ).create({"reason": "The site is flooded"}).action_confirm()
                self.assertTrue(request.is_waiting)
                with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                    request.is_waiting = False
                request.action_resume()
        for user in (self.other_center_user, self.other_technician, self.quality, self.vp):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                request.with_user(user).action_wait("The site is flooded")

    def test_any_pause_in_hours(self):
        """M3.1, for any wait: pausing for p moves a deadline in hours by exactly p."""
        rule = self._new_rule("hours", 24)
        start = self._local("2026-03-27 09:00")

        @settings(
            max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(
            before=st.integers(0, 24 * 3600),
            pauses=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3600)), max_size=4),
            zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]),
        )
        def check(before, pauses, zone):
            self.company.partner_id.tz = zone
            due = start + timedelta(hours=24)
            moment = start + timedelta(seconds=before)
            for pause, gap in pauses:
                if moment > due:
                    break
                resumed = moment + timedelta(seconds=pause)
                after = rule._get_resumed_due(due, moment, resumed, self.company)
                self.assertEqual(after - due, resumed - moment)
                due, moment = after, resumed + timedelta(seconds=gap)

        check()

    def test_any_pause_leaves_what_was_left(self):
        """Mistake 5, for any wait and unit: the new due moment is neither past nor earlier."""
        rules = [
            self._new_rule(unit, offset)
            for unit, offset in (("hours", 30), ("working_hours", 9), ("days", 3))
        ] + [self._new_rule("working_days", 3)]
        request = self.env["aftersales.request"].new({"company_id": self.company.id})

        @settings(
            max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(
            start=st.datetimes(datetime(2026, 6, 1), datetime(2026, 12, 1)),
            share=st.floats(0, 1),
            pause=st.integers(0, 30 * 24 * 3600),
            rule=st.sampled_from(rules),
        )
        def check(start, share, pause, rule):
            start = start.replace(microsecond=0)
            due = rule._get_due(start, request)
            paused = start + timedelta(seconds=int((due - start).total_seconds() * share))
            resumed = paused + timedelta(seconds=pause)
            after = rule._get_resumed_due(due, paused, resumed, self.company)
            self.assertGreaterEqual(after, resumed)
            self.assertGreaterEqual(after, due - timedelta(seconds=1))

        check()
