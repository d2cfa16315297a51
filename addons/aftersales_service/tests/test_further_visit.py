from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
@freeze_time(NINE)
class TestFurtherVisit(DeadlineCommon):
    """One request, several visits. Wednesday, 1 July 2026, 9:00 in Shanghai."""

    def _first_visit(self, request=None, arrival="2026-07-01 10:30", **vals):
        """Return the valid record of a visit that leaves something to be done."""
        request = request or self._assigned()
        with self._at(arrival):
            return self._new_done_record(
                request,
                further_visit=True,
                further_visit_reason="A pump has to come",
                **vals,
            )

    def _appoint(self, request, date_start):
        return self.env["aftersales.appointment"].create(
            {"request_id": request.id, "date_start": date_start}
        )

    def test_reason_required(self):
        """E7, M3.4: why somebody has to come again may not be left blank."""
        record = self._new_complete_record(self._assigned(), further_visit=True)
        self.assertEqual(record.missing, "Why another visit")
        with self.assertRaisesRegex(UserError, "Why another visit"):
            self._sign(record)

    def test_stays_open(self):
        """E7, M3.1: the request waits for the next visit, and the machine doesn't run yet."""
        record = self._first_visit()
        request = record.request_id
        self.assertEqual((record.state, request.state), ("done", "assigned"))
        self.assertTrue(request.needs_visit)
        self.assertFalse(request.resolution)
        self.assertEqual(self._run(request, "arrival_city").state, "met")
        running = self._run(request, "running_again")
        self.assertEqual((running.state, running.date_due), ("running", datetime(2026, 7, 2, 1, 0)))
        with self._at("2026-07-02 09:00:01"):
            self._sweep()
            self._new_done_record(request)
        self.assertEqual((request.state, request.needs_visit), ("done", False))
        self.assertEqual(running.state, "late")
        self.assertEqual(len(request.record_ids.filtered(lambda r: r.state == "done")), 2)

    def test_second_promise(self):
        """M3.1, H5: each visit keeps its own promise; a correction corrects only its own.

        The first came at 10:30 within the 2 hours. The second was promised for 14:00 the next day,
        came at 14:00:01 by what was entered first, and at 13:59 as corrected.
        """
        record = self._first_visit()
        request = record.request_id
        with self._at("2026-07-01 11:00"):
            appointment = self._appoint(request, "2026-07-02 06:00:00")
        run = self._run(request, "visit_promised")
        self.assertEqual((run.state, run.date_due), ("running", datetime(2026, 7, 2, 6, 0)))
        arrival = self._run(request, "arrival_city")
        with self._at("2026-07-02 15:00"):
            second = self._new_record(request)
            second.arrival = "2026-07-02 06:00:01"
            self.assertEqual((request.state, request.needs_visit), ("in_progress", False))
            self.assertEqual((appointment.state, appointment.record_id), ("kept", second))
            self.assertEqual(run.state, "late")
            second.arrival = "2026-07-02 05:59:00"
            self.assertEqual((run.state, run.date_met), ("met", datetime(2026, 7, 2, 5, 59)))
        self.assertEqual(arrival.date_met, datetime(2026, 7, 1, 2, 30))
        self.assertEqual(arrival.state, "met")

    def test_promised_repair(self):
        """L2.2: what needs another visit can still be promised, and is due in three days."""
        request = self._first_visit().request_id
        with self._at("2026-07-01 12:00"):
            request.action_promise_repair()
        run = self._run(request, "repair_promised")
        self.assertEqual(run.date_due, self._local("2026-07-04 23:59:59"))
        with self._at("2026-07-03 10:00"):
            self._new_done_record(request)
        self.assertEqual(run.state, "met")

    def test_exchange_offered(self):
        """L2.2: the promise runs on over the visits; when it is missed the exchange is offered."""
        request = self._first_visit().request_id
        request.action_promise_repair()
        self._first_visit(request, "2026-07-03 10:00")
        with self._at("2026-07-05 00:00:01"):
            self._sweep()
            self.assertTrue(request.is_exchange_due)
            request.action_offer_exchange()
            self._new_done_record(request)
        self.assertEqual(self._run(request, "repair_promised").state, "late")

    def test_waiting_between(self):
        """M3.1: the customer stops the clock between two visits; what was left is left.

        Assigned 9:00; waiting from 12:00 to 12:00 the next day: 21 hours are left, so 9:00 on
        the 3rd.
        """
        request = self._first_visit().request_id
        with self._at("2026-07-01 12:00"):
            request.action_wait("He has to clear the site")
        with self._at("2026-07-02 12:00"):
            request.action_resume()
        running = self._run(request, "running_again")
        self.assertEqual(running.date_due, self._local("2026-07-03 09:00"))

    def test_rescheduled_between(self):
        """H6: the promise of the second visit follows its appointment."""
        request = self._first_visit().request_id
        with self._at("2026-07-01 11:00"):
            appointment = self._appoint(request, "2026-07-02 06:00:00")
            new = appointment.action_reschedule(
                "2026-07-03 06:00:00", "The pump comes later", "Foreman Li", "phone"
            )
        run = self._run(request, "visit_promised")
        self.assertEqual((run.state, run.date_due), ("running", datetime(2026, 7, 3, 6, 0)))
        with self._at("2026-07-03 14:00"):
            self._new_done_record(request)
        self.assertEqual((run.state, new.state, request.state), ("met", "kept", "done"))

    def test_open_appointment_called_off(self):
        """Mistake 4: when the request is finished without it, the next visit is called off."""
        request = self._first_visit().request_id
        with self._at("2026-07-01 12:00"):
            record = self._new_complete_record(request)
            appointment = self._appoint(request, "2026-07-03 06:00:00")
            self._sign(record).action_done()
        self.assertEqual((request.state, appointment.state), ("done", "cancelled"))
        self.assertEqual(self._run(request, "visit_promised").state, "cancelled")
