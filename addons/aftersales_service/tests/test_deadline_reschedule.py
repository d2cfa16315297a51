from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadlineReschedule(DeadlineCommon):
    """Rescheduling with a reason, and what it does to the figures (H6)."""

    def _rescheduled(self, date="2026-07-03 01:00:00", user=None):
        """Return the run of “running again”, due on 2 July 1:00 UTC, rescheduled to ``date``."""
        run = self._run(self._assigned(), "running_again")
        run.with_user(user or self.customer_service).action_reschedule(date, "Part on its way")
        return run

    @freeze_time(NINE)
    def test_kept(self):
        """H6: the new moment counts, the first promise stays, the reason is in the history."""
        run = self._rescheduled()
        self.assertEqual(run.date_due, datetime(2026, 7, 3, 1, 0))
        self.assertEqual(run.date_due_original, datetime(2026, 7, 2, 1, 0))
        self.assertEqual((run.reschedule_count, run.state), (1, "running"))
        request = self.env["aftersales.request"].browse(run.res_id)
        body = request.message_ids[0].body
        self.assertIn("Part on its way", body)
        self.assertIn("Machine running again", body)
        # as the company's clock shows it
        self.assertRegex(body, r"7/2.*\b0?9:00.* to .*7/3.*\b0?9:00")
        self.assertEqual(request.message_ids[0].author_id, self.customer_service.partner_id)

    @freeze_time(NINE)
    def test_roles(self):
        """H6: customer service and the managers of the region; nobody else, not by RPC either."""
        for user in (self.customer_service, self.administrator, self.office_manager):
            with self.subTest(user=user.login):
                self.assertEqual(self._rescheduled(user=user).reschedule_count, 1)
        member = self._new_user("office_manager", login="test_office_member")
        member.partner_id.parent_id = self.office
        self.assertEqual(self._rescheduled(user=member).reschedule_count, 1)
        run = self._run(self._assigned(), "running_again")
        for user in (
            self.clerk,
            self.center_user,
            self.technician,
            self.quality,
            self.vp,
            self.other_office_manager,
            self.other_center_user,
        ):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                run.with_user(user).action_reschedule("2026-07-03 01:00:00", "Part on its way")
            self.assertEqual(run.reschedule_count, 0)
        self.assertTrue(run.with_user(self.office_manager).can_reschedule)
        self.assertFalse(run.with_user(self.center_user).can_reschedule)

    @freeze_time(NINE)
    def test_foreign_region(self):
        """Mistake 6: a manager who sees other regions as a clerk reschedules only his own."""
        both = self._new_user("clerk", login="test_clerk_manager")
        both.group_ids += self.env.ref("aftersales_service.group_office_manager")
        self.other_region.manager_id = both
        run = self._run(self._assigned(), "running_again")
        with self.assertRaisesRegex(AccessError, "managers of the region"):
            run.with_user(both).action_reschedule("2026-07-03 01:00:00", "Part on its way")
        self.region.manager_id = both
        run.with_user(both).action_reschedule("2026-07-03 01:00:00", "Part on its way")
        self.assertEqual(run.reschedule_count, 1)

    @freeze_time(NINE)
    def test_refused(self):
        """H6: not without reason, not to the past, not once it is met, cancelled or waiting."""
        request = self._assigned()
        run = self._run(request, "running_again").with_user(self.customer_service)
        for reason in (None, "", " \n"):
            with self.assertRaisesRegex(UserError, "Give the reason"):
                run.action_reschedule("2026-07-03 01:00:00", reason)
        for date in (False, "2026-06-30 01:00:00", NINE):
            with self.assertRaisesRegex(UserError, "only be rescheduled to the future"):
                run.action_reschedule(date, "Part on its way")
        request.action_wait("The site is flooded")
        with self.assertRaisesRegex(UserError, "standing still"):
            run.action_reschedule("2026-07-03 01:00:00", "Part on its way")
        request.action_resume()
        self._sign(self._new_complete_record(request)).action_done()
        with self.assertRaisesRegex(UserError, "is met"):
            run.action_reschedule("2026-07-03 01:00:00", "Part on its way")
        request = self._assigned()
        request.action_cancel("Wrong number")
        with self.assertRaisesRegex(UserError, "cancelled"):
            self._run(request, "running_again").with_user(self.customer_service).action_reschedule(
                "2026-07-03 01:00:00", "Part on its way"
            )

    @freeze_time(NINE)
    def test_not_written(self):
        """Mistake 9: nobody writes what rescheduling, pausing, warning and escalation note."""
        run = self._run(self._assigned(), "running_again")
        for user in (self.center_user, self.office_manager, self.customer_service):
            for vals in (
                {"date_due_original": "2030-01-01"},
                {"reschedule_count": 0},
                {"date_warned": NINE},
                {"date_escalation": False},
                {"partner_id": self.other_center.id},
                {"region_id": self.other_region.id},
                {"met_rate": 100},
            ):
                with self.subTest(user=user.login, vals=vals), self.assertRaises(AccessError):
                    run.with_user(user).write(vals)

    @freeze_time(NINE)
    def test_window(self):
        """H6: by the button and its window, for whom the button is there."""
        run = self._run(self._assigned(), "running_again").with_user(self.office_manager)
        wizard = (
            self.env["aftersales.deadline.reschedule"]
            .with_user(self.office_manager)
            .with_context(**run.action_open_reschedule()["context"])
            .create({"date": "2026-07-03 01:00:00", "reason": "Part on its way"})
        )
        self.assertEqual(wizard.date_due, datetime(2026, 7, 2, 1, 0))
        wizard.action_confirm()
        self.assertEqual(run.date_due, datetime(2026, 7, 3, 1, 0))
        for user in (self.clerk, self.center_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.env["aftersales.deadline.reschedule"].with_user(user).create(
                    {"deadline_id": run.id, "date": "2026-07-03", "reason": "x"}
                )

    def _rates(self, *runs):
        """Return the shares met, by the last and by the first promise, of ``runs``."""
        runs = self.env["aftersales.deadline"].union(*runs)
        [(count, met, original)] = runs._read_group(
            [("id", "in", runs.ids)],
            [],
            ["__count", "met_rate:avg", "original_rate:avg"],
        )
        self.assertEqual(count, len(runs))
        return met, original

    def test_rates(self):
        """M3.5: of four decided promises two were met, one of them as first promised.

        Running and cancelled ones count neither way, in the whole and by region.
        """
        rule = self._rule("running_again")
        with freeze_time(NINE) as clock:
            requests = [self._assigned() for _i in range(6)]
            in_time, moved, late, missed, running, cancelled = [
                self._run(request, rule) for request in requests
            ]
            self.assertFalse(any(self._rates(running)))
            cancelled._cancel()
            running.with_user(self.customer_service).action_reschedule("2026-08-01", "Strike")
            moved.with_user(self.customer_service).action_reschedule(
                "2026-07-05 01:00:00", "Part on its way"
            )
            in_time._meet(datetime(2026, 7, 1, 10, 0))
            clock.move_to("2026-07-04 01:00:00")
            self._sweep()
            moved._meet(datetime(2026, 7, 4, 1, 0))
            late._meet(datetime(2026, 7, 4, 1, 0))
        self.assertEqual(
            [run.state for run in (in_time, moved, late, missed, running, cancelled)],
            ["met", "met", "late", "missed", "running", "cancelled"],
        )
        runs = (in_time, moved, late, missed, running, cancelled)
        self.assertEqual(self._rates(*runs), (50, 25))
        union = in_time.union(*runs)
        groups = union._read_group(
            [("id", "in", union.ids)],
            ["rule_id", "region_id", "partner_id"],
            ["met_rate:avg"],
        )
        self.assertEqual(groups, [(rule, self.region, self.center, 50)])

    def test_missed_runs_again(self):
        """H6: a missed one may be promised anew, but its first promise stays broken."""
        with freeze_time(NINE) as clock:
            run = self._run(self._assigned(), "running_again")
            clock.move_to("2026-07-02 02:00:00")
            self._sweep()
            self.assertEqual(run.state, "missed")
            run.with_user(self.customer_service).action_reschedule("2026-07-03", "Part ordered")
            self.assertEqual((run.state, run.date_escalation), ("running", False))
            run._meet(datetime(2026, 7, 2, 10, 0))
        self.assertEqual((run.state, run.met_rate, run.original_rate), ("met", 100, 0))
