from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadline(DeadlineCommon):
    """Promises on requests, from 9:00 of 1 July 2026 in Shanghai."""

    def _arrival(self, request):
        return request.deadline_ids.filtered(lambda d: d.rule_id.stop_event_id.code == "arrived")

    def _recovery(self, request):
        rule = self.env.ref("aftersales_service.deadline_rule_running_again")
        return request.deadline_ids.filtered(lambda d: d.rule_id == rule)

    @freeze_time(NINE)
    def test_arrival_by_distance(self):
        """M3.1: 2 h in the city, 6 h within 200 km, 8 h within 300, 10 h within 400."""
        for distance, due in [
            (0, "2026-07-01 03:00:00"),
            (0.5, "2026-07-01 07:00:00"),
            (200, "2026-07-01 07:00:00"),
            (200.5, "2026-07-01 09:00:00"),
            (300, "2026-07-01 09:00:00"),
            (301, "2026-07-01 11:00:00"),
            (400, "2026-07-01 11:00:00"),
        ]:
            with self.subTest(distance=distance):
                request = self._assigned(distance)
                deadline = self._arrival(request)
                self.assertEqual(len(deadline), 1)
                self.assertEqual(deadline.date_due, datetime.fromisoformat(due))
                self.assertEqual(deadline.date_start, datetime.fromisoformat(NINE))
                self.assertEqual(deadline.state, "running")
                self.assertEqual(deadline.partner_id, self.center)
                self.assertEqual(deadline.regulation_id.code, "M3.1")
                self.assertEqual(request.date_due, deadline.date_due)

    @freeze_time(NINE)
    def test_beyond_400_km(self):
        """M3.1: beyond 400 km the arrival is agreed by hand; recovery is promised all the same."""
        request = self._assigned(401)
        self.assertFalse(self._arrival(request))
        self.assertEqual(self._recovery(request).date_due, datetime(2026, 7, 2, 1, 0))

    @freeze_time(NINE)
    def test_recovery(self):
        """M3.1: the machine runs again within 24 hours, at any distance."""
        for distance in (0, 250):
            deadline = self._recovery(self._assigned(distance))
            self.assertEqual(len(deadline), 1)
            self.assertEqual(deadline.date_due, datetime(2026, 7, 2, 1, 0))

    @freeze_time(NINE)
    def test_starts_when_assigned(self):
        """M3.1, mistake 5: nothing runs before the center knows of it."""
        with freeze_time("2026-06-30 01:00:00"):
            request = self._new_request(self.card)
        self.assertFalse(request.deadline_ids)
        self.assertFalse(request.date_due)
        request.action_assign()
        self.assertEqual(
            set(request.deadline_ids.mapped("date_start")), {datetime.fromisoformat(NINE)}
        )

    @freeze_time(NINE)
    def test_only_in_warranty(self):
        """M3.1: the promise is made in warranty: not without card, on a void or an expired one."""
        request = self._new_request(partner_id=self.customer.id)
        request.action_assign()
        self.assertNotIn("M3.1", request.deadline_ids.regulation_id.mapped("code"))
        with freeze_time("2024-06-01 01:00:00"):
            expired = self._deliver("SN-2")
        self.assertEqual(str(expired.date_end), "2025-06-01")
        self.card.action_void("Stolen")
        for card in (self.card, expired):
            with self.subTest(card.serial_number):
                deadlines = self._assigned(card=card).deadline_ids
                self.assertNotIn("M3.1", deadlines.regulation_id.mapped("code"))

    def test_met_in_time(self):
        """M3.1: arrival on the due second is in time, and the record's end meets recovery."""
        with freeze_time(NINE) as clock:
            request = self._assigned()
            record = self._new_record(request)
            clock.move_to("2026-07-01 04:00:00")
            record.write(self._complete_vals(request, arrival="2026-07-01 03:00:00"))
            self.assertEqual(self._arrival(request).state, "met")
            self.assertEqual(self._arrival(request).date_met, datetime(2026, 7, 1, 3, 0))
            self.assertEqual(self._recovery(request).state, "running")
            self.assertEqual(request.date_due, datetime(2026, 7, 2, 1, 0))
            clock.move_to("2026-07-02 01:00:00")
            self._sign(record).action_done()
        self.assertEqual(self._recovery(request).state, "met")
        self.assertEqual(self._recovery(request).date_met, datetime(2026, 7, 2, 1, 0))
        self.assertFalse(request.date_due)

    def test_met_late(self):
        """M3.1: one second after the due moment is late, and stays so."""
        with freeze_time(NINE) as clock:
            request = self._assigned()
            record = self._new_record(request)
            clock.move_to("2026-07-01 04:00:00")
            record.write(self._complete_vals(request, arrival="2026-07-01 03:00:01"))
            self.assertEqual(self._arrival(request).state, "late")
            clock.move_to("2026-07-02 01:00:01")
            self._sign(record).action_done()
            self.assertEqual(self._recovery(request).state, "late")
            self._sweep()
        self.assertEqual(set(request.deadline_ids.mapped("state")), {"late"})

    def test_arrival_corrected(self):
        """M3.1: when the arrival is corrected before signing, the promise is judged by it."""
        with freeze_time(NINE) as clock:
            request = self._assigned()
            record = self._new_record(request)
            clock.move_to("2026-07-01 06:00:00")
            record.arrival = "2026-07-01 02:00:00"
            self.assertEqual(self._arrival(request).state, "met")
            record.arrival = "2026-07-01 05:00:00"
        self.assertEqual(self._arrival(request).date_met, datetime(2026, 7, 1, 5, 0))
        self.assertEqual(self._arrival(request).state, "late")

    def test_missed(self):
        """M3.1: the sweep marks what is overdue as missed, and only that."""
        with freeze_time(NINE) as clock:
            city, far = self._assigned(0), self._assigned(400)
            clock.move_to("2026-07-01 03:00:00")
            self._sweep()
            self.assertEqual(self._arrival(city).state, "running")
            clock.move_to("2026-07-01 03:00:01")
            self._sweep()
        self.assertEqual(self._arrival(city).state, "missed")
        self.assertFalse(self._arrival(city).date_met)
        self.assertEqual(self._arrival(far).state, "running")
        self.assertEqual(self._recovery(city).state, "running")
        self.assertEqual(city.date_due, datetime(2026, 7, 1, 3, 0))

    def test_missed_then_late(self):
        """M3.1: what comes after it was missed is met late, never in time."""
        with freeze_time(NINE) as clock:
            request = self._assigned()
            clock.move_to("2026-07-01 05:00:00")
            self._sweep()
            self.assertEqual(self._arrival(request).state, "missed")
            self._new_record(request).arrival = "2026-07-01 05:00:00"
        self.assertEqual(self._arrival(request).state, "late")
        self.assertEqual(self._arrival(request).date_met, datetime(2026, 7, 1, 5, 0))

    def test_arrival_told_later(self):
        """M3.1: an arrival in time that is only entered in the evening was in time."""
        with freeze_time(NINE) as clock:
            request = self._assigned()
            clock.move_to("2026-07-01 10:00:00")
            self._sweep()
            self._new_record(request).arrival = "2026-07-01 02:30:00"
        self.assertEqual(self._arrival(request).state, "met")

    def test_sweep_in_batches(self):
        """M3.1: the sweep goes batch by batch and tells the scheduler how many are left."""
        self.env["aftersales.deadline"].search([])._cancel()
        self.env["aftersales.deadline.rule"].search([]).write({"escalate": False})
        with freeze_time(NINE) as clock:
            requests = self._assigned() | self._assigned() | self._assigned()
            clock.move_to("2026-07-01 05:00:00")
            progress = self._sweep(batch=2)
        self.assertEqual(
            [(call.args, call.kwargs) for call in progress.call_args_list],
            [((2,), {"remaining": 1}), ((1,), {"remaining": 0})],
        )
        self.assertEqual(set(self._arrival(requests).mapped("state")), {"missed"})

    def test_cron(self):
        """M3.1: the scheduled action does it."""
        with freeze_time(NINE):
            request = self._assigned()
        with freeze_time("2026-07-01 05:00:00"), self.enter_registry_test_mode():
            self.env.ref("aftersales_service.cron_deadline_sweep").method_direct_trigger()
        self.assertEqual(self._arrival(request).state, "missed")

    def test_cancelled_with_request(self):
        """Mistake 4: a cancelled request leaves no clock running; what was missed stays so."""
        with freeze_time(NINE) as clock:
            request = self._assigned()
            clock.move_to("2026-07-01 05:00:00")
            self._sweep()
            request.action_cancel("Customer solved it")
            self.assertEqual(request.deadline_ids.mapped("state"), ["missed", "cancelled"])
            clock.move_to("2026-08-01 05:00:00")
            self._sweep()
        self.assertEqual(request.deadline_ids.mapped("state"), ["missed", "cancelled"])

    def test_met_stays_when_cancelled(self):
        """M3.1: cancelling doesn't wipe out a promise that was kept or broken."""
        with freeze_time(NINE):
            request = self._assigned()
            self._new_record(request).arrival = NINE
            request.with_user(self.clerk).action_cancel("Customer refused")
        self.assertEqual(self._arrival(request).state, "met")
        self.assertEqual(self._recovery(request).state, "cancelled")

    @freeze_time(NINE)
    def test_rule_of_another_company(self):
        """M3.1: a rule of another company starts nothing here; one of this company does."""
        rule = self.env.ref("aftersales_service.deadline_rule_arrival_city")
        rule.company_id = self.env["res.company"].create({"name": "Another company"})
        self.assertFalse(self._arrival(self._assigned()))
        rule.company_id = self.company
        self.assertEqual(len(self._arrival(self._assigned())), 1)

    @freeze_time(NINE)
    def test_rule_changed_later(self):
        """M3.1: changing the rule doesn't move promises that were made."""
        request = self._assigned()
        self.env.ref("aftersales_service.deadline_rule_arrival_city").offset = 48
        self.assertEqual(self._arrival(request).date_due, datetime(2026, 7, 1, 3, 0))
        self.assertEqual(self._arrival(self._assigned()).date_due, datetime(2026, 7, 3, 1, 0))

    @freeze_time(NINE)
    def test_not_written(self):
        """Mistake 9: nobody moves, meets, adds or deletes a deadline by hand."""
        deadline = self._arrival(self._assigned())
        for user in (self.center_user, self.clerk, self.administrator):
            own = deadline.with_user(user)
            with self.subTest(user=user.login):
                for vals in ({"date_due": "2030-01-01"}, {"state": "met"}, {"date_met": NINE}):
                    with self.assertRaisesRegex(AccessError, "Deadline"):
                        own.write(vals)
                with self.assertRaisesRegex(AccessError, "Deadline"):
                    own.copy()
                with self.assertRaisesRegex(AccessError, "Deadline"):
                    own.unlink()

    @freeze_time(NINE)
    def test_opens_document(self):
        """M3.1: from the deadline a user gets to the request."""
        request = self._assigned()
        deadline = self._arrival(request)
        action = deadline.with_user(self.center_user).action_open_record()
        self.assertEqual((action["res_model"], action["res_id"]), (request._name, request.id))
        self.assertEqual(deadline.record_name, request.name)
        self.assertFalse(deadline.is_overdue)
        with freeze_time(deadline.date_due + timedelta(seconds=1)):
            # before any sweep
            self.env.invalidate_all()
            self.assertEqual(deadline.state, "running")
            self.assertTrue(deadline.is_overdue)
            self.assertTrue(request.is_overdue)
