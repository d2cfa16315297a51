from datetime import datetime

from freezegun import freeze_time
from psycopg2.errors import ExclusionViolation, UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
@freeze_time(NINE)
class TestAppointment(DeadlineCommon):
    """Wednesday, 1 July 2026, 9:00 in Shanghai."""

    def _new_appointment(self, request=None, user=None, **vals):
        """Return a new appointment of 14:00 to 16:00 in Shanghai."""
        request = request or self._assigned()
        return (
            self.env["aftersales.appointment"]
            .with_user(user or self.clerk)
            .create({"request_id": request.id, "date_start": "2026-07-01 06:00:00", **vals})
        )

    def _reschedule(self, appointment, date_start="2026-07-02 02:00:00", **vals):
        values = {
            "reason": "The machine works in the pit",
            "agreed_with": "Foreman Li",
            "agreed_by": "phone",
            **vals,
        }
        return appointment.action_reschedule(date_start, **values)

    # --- making one ------------------------------------------------------------------------

    def test_new(self):
        """E7, H5: technician and length are proposed; the request and its promise follow."""
        request = self._assigned()
        with Form(
            self.env["aftersales.appointment"]
            .with_user(self.clerk)
            .with_context(default_request_id=request.id)
        ) as form:
            self.assertEqual(form.technician_id, self.technician)
            form.date_start = "2026-07-01 06:00:00"
            self.assertEqual(str(form.date_end), "2026-07-01 08:00:00")
        appointment = form.record
        self.assertEqual(appointment.state, "planned")
        self.assertEqual(request.appointment_id, appointment)
        self.assertEqual(request.date_visit_promised, datetime(2026, 7, 1, 6, 0))
        run = self._run(request, "visit_promised")
        self.assertEqual((run.state, run.date_due), ("running", datetime(2026, 7, 1, 6, 0)))
        self.company.aftersales_visit_hours = 1.5
        other = self._new_appointment(date_start="2026-07-01 01:00:00")
        self.assertEqual(other.date_end, datetime(2026, 7, 1, 2, 30))

    def test_customer_told(self):
        """H4, H6: the customer gets a message with technician and local time."""
        appointment = self._new_appointment()
        message = appointment.request_id.message_ids[0]
        self.assertIn(self.customer, message.notified_partner_ids)
        # Odoo's English has the clock of twelve hours
        self.assertRegex(message.body, r"14:00|\b2:00\sPM")
        self.assertIn(self.technician.name, message.body)

    def test_confirmed(self):
        """E7: agreed is what somebody agreed to, with a name and a way; at once or later."""
        appointment = self._new_appointment()
        for vals in ({}, {"agreed_with": "Foreman Li"}, {"agreed_with": " ", "agreed_by": "phone"}):
            appointment.write(vals)
            with self.assertRaisesRegex(UserError, "who agreed"):
                appointment.action_confirm()
        appointment.write({"agreed_with": "Foreman Li", "agreed_by": "phone"})
        appointment.with_user(self.technician).action_confirm()
        self.assertEqual(appointment.state, "confirmed")
        self.assertEqual(appointment.agreed_on, datetime.fromisoformat(NINE))
        at_once = self._new_appointment(
            date_start="2026-07-01 08:00:00", agreed_with="Foreman Li", agreed_by="phone"
        )
        self.assertEqual(at_once.state, "confirmed")

    def test_refused(self):
        """E7: no appointment without dispatch, in the past, or in the wrong order."""
        new = self._new_request(self.card)
        with self._at("2026-06-30 22:00"):
            old = self._assigned()
        for message, vals in (
            ("not assigned", {"request": new}),
            ("in the past", {"request": old, "date_start": "2026-06-30 15:59:59"}),
            ("before the request", {"date_start": "2025-07-01 06:00:00"}),
            ("agreed in the future", {"agreed_on": "2026-07-01 01:00:01"}),
        ):
            with (
                self.subTest(message),
                self.assertRaisesRegex((UserError, ValidationError), message),
                self.cr.savepoint(),
            ):
                self._new_appointment(**vals)
        # earlier on the same day: the technician has just left
        self._new_appointment(date_start="2026-07-01 01:00:00")

    @mute_logger("odoo.sql_db")
    def test_overlap(self):
        """E7: one technician is at one place at a time; the database sees to it as well."""
        self._new_appointment()
        second = self._assigned()
        for start in ("2026-07-01 04:00:01", "2026-07-01 06:00:00", "2026-07-01 07:59:59"):
            with (
                self.subTest(start),
                self.assertRaisesRegex(ExclusionViolation, "one_at_a_time"),
                self.cr.savepoint(),
            ):
                self._new_appointment(second, date_start=start)
        self._new_appointment(second, date_start="2026-07-01 08:00:00")
        self._new_appointment(date_start="2026-07-01 04:00:00")
        # at the same time, but another's
        self._new_appointment(technician_id=self.other_technician.id)

    @mute_logger("odoo.sql_db")
    def test_overlap_by_change(self):
        """E7: neither moving a visit nor giving it away makes two at once; a sentence says so."""
        self._new_appointment()
        later = self._new_appointment(date_start="2026-07-01 08:00:00")
        other = self._new_appointment(technician_id=self.other_technician.id)
        for record, vals in (
            (later, {"date_start": "2026-07-01 07:00:00"}),
            (other, {"technician_id": self.technician.id}),
            (other.request_id, {"technician_id": self.technician.id}),
        ):
            with (
                self.subTest(vals),
                self.assertRaises(ExclusionViolation) as error,
                self.cr.savepoint(),
            ):
                record.write(vals)
                record.flush_recordset()
            self.assertIn(
                "another appointment at this time",
                str(later._sql_error_to_message(error.exception)),
            )

    @mute_logger("odoo.sql_db")
    def test_one_per_request(self):
        """H6: there is one current appointment; another time is another agreement."""
        appointment = self._new_appointment()
        with self.assertRaises(UniqueViolation), self.cr.savepoint():
            self._new_appointment(appointment.request_id, date_start="2026-07-02 06:00:00")

    # --- rescheduling (H6) -----------------------------------------------------------------

    def test_rescheduled(self):
        """H6: the old one stays with the reason, the new one is linked; the promise follows."""
        old = self._new_appointment(agreed_with="Foreman Li", agreed_by="phone")
        request = old.request_id
        run = self._run(request, "visit_promised")
        new = self._reschedule(old.with_user(self.technician))
        self.assertEqual((old.state, new.state), ("rescheduled", "confirmed"))
        self.assertEqual((old.next_id, new.previous_id), (new, old))
        self.assertEqual(old.reason, "The machine works in the pit")
        self.assertEqual(old.date_start, datetime(2026, 7, 1, 6, 0))
        self.assertEqual(new.date_end, datetime(2026, 7, 2, 4, 0))
        self.assertEqual((new.agreed_with, new.agreed_by), ("Foreman Li", "phone"))
        self.assertEqual(request.appointment_id, new)
        self.assertEqual(request.date_visit_promised, datetime(2026, 7, 2, 2, 0))
        self.assertEqual(self._run(request, "visit_promised"), run)
        self.assertEqual(run.date_due, datetime(2026, 7, 2, 2, 0))
        self.assertEqual(run.date_due_original, datetime(2026, 7, 1, 6, 0))
        told = request.message_ids.filtered(lambda m: self.customer in m.notified_partner_ids)
        self.assertEqual(len(told), 2)
        self.assertIn("Foreman Li", told[0].body)
        # the old time is free again
        self._new_appointment()

    def test_reschedule_refused(self):
        """H6: not without reason, not without consent, not to the past, not twice."""
        appointment = self._new_appointment()
        for message, vals in (
            ("Give the reason", {"reason": " "}),
            ("customer's consent", {"agreed_with": ""}),
            ("customer's consent", {"agreed_by": "guess"}),
            ("before the request", {"date_start": "2026-06-01 01:00:00"}),
            ("agreed in the future", {"agreed_on": "2026-07-02 01:00:00"}),
            ("Enter the new time", {"date_start": "2026-07-01 06:00:00"}),
        ):
            with (
                self.subTest(message),
                self.assertRaisesRegex((UserError, ValidationError), message),
                self.cr.savepoint(),
            ):
                self._reschedule(appointment, **vals)
        self._reschedule(appointment)
        with self.assertRaisesRegex(UserError, "is closed"):
            self._reschedule(appointment)

    def test_reschedule_window(self):
        """H6: the window demands all of it, and can send another technician."""
        appointment = self._new_appointment()
        action = appointment.action_open_reschedule()
        wizard = Form(
            self.env[action["res_model"]].with_user(self.clerk).with_context(**action["context"])
        )
        self.assertEqual(wizard.technician_id, self.technician)
        wizard.date_start = "2026-07-03 02:00:00"
        wizard.technician_id = self.other_technician
        for name in ("reason", "agreed_with"):
            with self.assertRaises(AssertionError):
                wizard.save()
            wizard[name] = "Foreman Li"
        wizard.save().action_confirm()
        self.assertEqual(appointment.next_id.technician_id, self.other_technician)
        self.assertEqual(appointment.request_id.technician_id, self.other_technician)

    def test_agreed_time_closed(self):
        """H6, mistake 9: an agreed time isn't moved by hand; history isn't changed at all."""
        appointment = self._new_appointment()
        appointment.date_start = "2026-07-01 05:00:00"  # the customer hasn't agreed yet
        self.assertEqual(appointment.request_id.date_visit_promised, datetime(2026, 7, 1, 5, 0))
        appointment.write({"agreed_with": "Foreman Li", "agreed_by": "phone"})
        appointment.action_confirm()
        for vals in (
            {"date_start": "2026-07-02 05:00:00"},
            {"date_end": "2026-07-02 05:00:00"},
            {"agreed_with": "Somebody"},
        ):
            with self.subTest(vals), self.assertRaisesRegex(UserError, "press “Reschedule”"):
                appointment.write(vals)
        for vals in (
            {"state": "kept"},
            {"reason": "None"},
            {"next_id": appointment.id},
            {"center_id": self.other_center.id},
        ):
            with (
                self.subTest(vals),
                self.assertRaisesRegex(AccessError, "can't be changed by hand"),
            ):
                appointment.write(vals)
        with self.assertRaisesRegex(UserError, "is history"):
            appointment.request_id = self._assigned()
        appointment.action_cancel("Out of order")
        with self.assertRaisesRegex(UserError, "is history"):
            appointment.date_start = "2026-07-02 05:00:00"

    def test_promise_not_by_hand(self):
        """H6: what was promised to the customer isn't changed on the request, by RPC either."""
        request = self._assigned()
        request.date_visit_promised = "2026-07-01 07:00:00"  # agreed with the call
        with self.assertRaisesRegex(UserError, "reschedule the appointment"):
            request.date_visit_promised = "2026-07-01 08:00:00"
        self._new_appointment(request)
        for value in ("2026-07-01 08:00:00", False):
            with self.assertRaisesRegex(UserError, "reschedule the appointment"):
                request.date_visit_promised = value
        with self.assertRaisesRegex(UserError, "cancel it first"):
            request.technician_id = False

    # --- what becomes of it ----------------------------------------------------------------

    def test_kept(self):
        """E7: the arrival keeps the appointment; cancelling the record expects him again."""
        appointment = self._new_appointment()
        request = appointment.request_id
        with self._at("2026-07-01 14:00"):
            record = self._new_record(request)
            record.arrival = "2026-07-01 05:55:00"
            self.assertEqual((appointment.state, appointment.record_id), ("kept", record))
            self.assertFalse(request.appointment_id)
            self.assertEqual(self._run(request, "visit_promised").state, "met")
            record.action_cancel("Wrong machine")
        self.assertEqual((appointment.state, appointment.record_id), ("planned", record.browse()))
        self.assertEqual(request.appointment_id, appointment)

    def test_cancelled(self):
        """Mistake 4: a cancelled visit leaves the request to be dispatched; no promise is left."""
        appointment = self._new_appointment()
        request = appointment.request_id
        first = self._run(request, "visit_promised")
        with self.assertRaisesRegex(UserError, "Give the reason"):
            appointment.action_cancel(" ")
        appointment.with_user(self.center_user).action_cancel("The quarry is closed")
        self.assertEqual((appointment.state, request.state), ("cancelled", "assigned"))
        self.assertFalse(request.date_visit_promised)
        self.assertEqual(first.state, "cancelled")
        self.assertEqual(self._run(request, "running_again").state, "running")
        again = self._new_appointment(request, date_start="2026-07-03 06:00:00")
        self.assertEqual(request.appointment_id, again)
        second = self._run(request, "visit_promised") - first
        self.assertEqual((second.state, second.date_due), ("running", datetime(2026, 7, 3, 6, 0)))

    def test_no_show(self):
        """M3.1, mistake 4: who stood before a closed gate was in time; the next visit counts."""
        appointment = self._new_appointment()
        request = appointment.request_id
        with self.assertRaisesRegex(UserError, "is expected at"):
            appointment.action_no_show("Gate closed")
        with self._at("2026-07-01 14:00"):
            with self.assertRaisesRegex(UserError, "what you found"):
                appointment.action_no_show("")
            appointment.with_user(self.technician).action_no_show("Gate closed, no answer")
        self.assertEqual((appointment.state, request.state), ("no_show", "assigned"))
        promised = self._run(request, "visit_promised")
        self.assertEqual((promised.state, promised.date_met), ("met", datetime(2026, 7, 1, 6, 0)))
        band = self._run(request, "arrival_city")
        self.assertEqual(band.state, "late")  # 11:00 was promised, and 14:00 agreed
        with self._at("2026-07-01 15:00"):
            self._new_appointment(request, date_start="2026-07-02 02:00:00")
        with self._at("2026-07-02 10:30"):
            self._new_record(request).arrival = "2026-07-02 02:00:01"
        again = self._run(request, "visit_promised") - promised
        self.assertEqual(again.state, "late")
        self.assertEqual(promised.state, "met")
        self.assertEqual(band.date_met, datetime(2026, 7, 1, 6, 0))

    def test_request_cancelled(self):
        """H6: a cancelled request needs no visit; the customer's appointment goes with it."""
        appointment = self._new_appointment()
        appointment.request_id.action_cancel("Sold the machine")
        self.assertEqual((appointment.state, appointment.reason), ("cancelled", "Sold the machine"))
        self._new_appointment()

    def test_technician_follows(self):
        """E7: request and appointment name the same technician, whichever is changed."""
        appointment = self._new_appointment()
        request = appointment.request_id
        request.technician_id = self.other_technician
        self.assertEqual(appointment.technician_id, self.other_technician)
        appointment.technician_id = self.technician
        self.assertEqual(request.technician_id, self.technician)

    def test_retention(self):
        """H11: an appointment is kept as long as its request."""
        appointment = self._new_appointment()
        self.assertTrue(appointment.retain_until)
        self.assertGreaterEqual(appointment.retain_until, appointment.request_id.retain_until)
        with self.assertRaisesRegex(UserError, "has to be kept"):
            appointment.with_user(self.administrator).unlink()
        with self.assertRaises(AccessError):
            appointment.unlink()

    # --- who sees and makes them -----------------------------------------------------------

    def test_visible(self):
        """Mistake 6: a center, a technician and a region see their own appointments."""
        north = self._new_appointment()
        south = self._new_appointment(
            self._assigned(
                center_id=self.other_center.id,
                region_id=self.other_region.id,
                technician_id=self.other_technician.id,
            )
        )
        for user in (self.center_user, self.technician, self.office_manager):
            self._assert_visible(north, user)
            self._assert_hidden(south, user)
        for user in (self.clerk, self.customer_service, self.quality, self.vp):
            self._assert_visible(north | south, user)
        self._assert_hidden(north | south, self._new_user("user"))

    def test_made_by(self):
        """Mistake 6: each makes them for requests that he may write, for nobody else's."""
        for user in (self.center_user, self.technician, self.office_manager, self.clerk):
            with self.subTest(user.login):
                appointment = self._new_appointment(
                    user=user, date_start=f"2026-07-0{2 + user.id % 7} 0{user.id % 9}:00:00"
                )
                appointment.action_cancel("Test")
        request = self._assigned(center_id=self.other_center.id)
        for user, vals in (
            (self.center_user, {"technician_id": self.center_user.id}),
            (self.other_technician, {"technician_id": self.other_technician.id}),
            (self.quality, {}),
        ):
            with (
                self.subTest(user.login),
                self.assertRaises(AccessError),
                self.cr.savepoint(),
            ):
                self._new_appointment(request, user, **vals)
        with self.assertRaises(AccessError):
            self._new_appointment().with_user(self.other_center_user).action_cancel("No")

    def test_state_not_by_default(self):
        """Mistake 9: neither values nor the context nor an import give an appointment a state."""
        request = self._assigned()
        model = self.env["aftersales.appointment"].with_user(self.clerk)
        with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
            self._new_appointment(request, state="kept")
        vals = {"request_id": request.id, "date_start": "2026-07-01 06:00:00"}
        appointment = model.with_context(default_state="kept", default_reason="x").create(vals)
        self.assertEqual((appointment.state, appointment.reason), ("planned", False))
        result = model.load(
            ["request_id/.id", "date_start", "state"],
            [[str(self._assigned().id), "2026-07-02 06:00:00", "kept"]],
        )
        self.assertFalse(result["ids"])
        self.assertIn("can't be changed by hand", result["messages"][0]["message"])
