from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadlineAgreed(DeadlineCommon):
    """What is promised on a request beside the fixed arrival times, and who answers for it."""

    # --- agreed moments --------------------------------------------------------------------

    def test_answer_promised(self):
        """M1: an answer promised for 15:00 is due at 15:00; answering at 14:00 keeps it."""
        with freeze_time(NINE):
            request = self._new_request(self.card)
            self.assertFalse(self._run(request, "answer_promised"))
            request.date_answer_promised = "2026-07-01 07:00:00"
        run = self._run(request, "answer_promised")
        self.assertEqual((run.state, run.date_due), ("running", datetime(2026, 7, 1, 7, 0)))
        with self._at("2026-07-01 14:00"):
            request.action_answer()
        self.assertEqual(run.state, "met")
        self.assertEqual(request.date_answered, datetime(2026, 7, 1, 6, 0))

    @freeze_time(NINE)
    def test_promised_at_once(self):
        """M1: the same when the promise is entered with the call."""
        request = self._new_request(self.card, date_answer_promised="2026-07-01 07:00:00")
        self.assertEqual(self._run(request, "answer_promised").date_due, datetime(2026, 7, 1, 7, 0))

    @freeze_time(NINE)
    def test_agreed_anew(self):
        """M1, H6: the due moment follows the field, up and down; the first promise stays.

        Emptying the field doesn't take back the promise.
        """
        request = self._new_request(self.card, date_answer_promised="2026-07-01 07:00:00")
        run = self._run(request, "answer_promised")
        for moment, due in (
            ("2026-07-02 07:00:00", datetime(2026, 7, 2, 7, 0)),
            ("2026-07-01 05:00:00", datetime(2026, 7, 1, 5, 0)),
            (False, datetime(2026, 7, 1, 5, 0)),
        ):
            request.date_answer_promised = moment
            self.assertEqual(self._run(request, "answer_promised"), run)
            self.assertEqual(run.date_due, due)
            self.assertEqual(run.date_due_original, datetime(2026, 7, 1, 7, 0))

    def test_promised_again(self):
        """M1: after an answer, a second promise is a run of its own; the first isn't touched."""
        with freeze_time(NINE) as clock:
            request = self._new_request(self.card, date_answer_promised="2026-07-01 07:00:00")
            request.action_answer()
            first = self._run(request, "answer_promised")
            clock.move_to("2026-07-02 01:00:00")
            request.date_answer_promised = "2026-07-02 07:00:00"
            self.assertFalse(request.date_answered)
            second = self._run(request, "answer_promised") - first
            self.assertEqual((first.state, second.state), ("met", "running"))
            clock.move_to("2026-07-02 08:00:00")
            request.action_answer()
        self.assertEqual((first.state, second.state), ("met", "late"))
        self.assertEqual(first.date_met, datetime(2026, 7, 1, 1, 0))

    @freeze_time(NINE)
    def test_beyond_400_km(self):
        """M3.1: beyond 400 km the agreed visit is the promise; nearer it is one beside it."""
        request = self._assigned(401, date_visit_promised="2026-07-02 04:00:00")
        run = self._run(request, "arrival_beyond")
        self.assertEqual(run.date_due, datetime(2026, 7, 2, 4, 0))
        self.assertEqual(run.regulation_id.code, "M3.1")
        self.assertFalse(self._run(request, "visit_promised"))
        request = self._assigned(400, date_visit_promised="2026-07-02 04:00:00")
        self.assertFalse(self._run(request, "arrival_beyond"))
        self.assertEqual(self._run(request, "visit_promised").regulation_id.code, "H5")
        self.assertEqual(len(self._run(request, "arrival_400")), 1)

    @freeze_time(NINE)
    def test_past_promise_refused(self):
        """M1: nobody promises for a time before the call; a closed request gets no promise."""
        for name in ("date_answer_promised", "date_visit_promised"):
            with (
                self.assertRaisesRegex(ValidationError, "before the request was received"),
                self.cr.savepoint(),
            ):
                self._new_request(self.card, **{name: "2026-06-30 01:00:00"})
        request = self._assigned()
        request.action_cancel("Wrong number")
        with self.assertRaisesRegex(UserError, "is closed"):
            request.date_answer_promised = "2026-07-02 01:00:00"

    # --- first answer, danger --------------------------------------------------------------

    def test_answered(self):
        """H3: a written request is answered within 24 hours; a caller was answered on the phone."""
        with freeze_time(NINE):
            phone, email = (
                self._new_request(self.card, channel=channel) for channel in ("phone", "email")
            )
        self.assertFalse(self._run(phone, "answer"))
        run = self._run(email, "answer")
        self.assertEqual(run.date_due, self._local("2026-07-02 09:00"))
        with self._at("2026-07-02 09:00"):
            email.with_user(self.center_user).action_answer()
        self.assertEqual(run.state, "met")
        with self._at("2026-07-03 09:00"):
            email.action_answer()
        self.assertEqual(email.date_answered, self._local("2026-07-02 09:00"))

    def test_answered_by_visit(self):
        """H3: the technician at the machine is an answer, too."""
        with freeze_time(NINE):
            request = self._assigned(channel="web")
            self._new_record(request).arrival = NINE
        self.assertEqual(self._run(request, "answer").state, "met")
        self.assertEqual(request.date_answered, datetime.fromisoformat(NINE))

    def test_danger(self):
        """H3: danger to people is assigned within the hour, however it was told."""
        with freeze_time(NINE) as clock:
            request = self._new_request(self.card, urgency="2")
            self.assertEqual(self._run(request, "urgent").date_due, datetime(2026, 7, 1, 2, 0))
            clock.move_to("2026-07-01 01:30:00")
            request.action_assign()
        self.assertEqual(self._run(request, "urgent").state, "met")

    @freeze_time(NINE)
    def test_answer_roles(self):
        """Mistake 9: others don't answer for the center, and nobody writes the moment."""
        request = self._new_request(self.card, channel="email")
        for user in (self.other_center_user, self.other_technician, self.quality):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                request.with_user(user).action_answer()
        for user in (self.center_user, self.clerk, self.administrator):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex(AccessError, "can't be changed by hand"),
            ):
                request.with_user(user).date_answered = NINE

    # --- who answers for it ----------------------------------------------------------------

    def test_follows_assignment(self):
        """L1.5: what runs goes with the request to another center; what is decided stays."""
        self.other_center.aftersales_region_id = self.region
        with freeze_time(NINE) as clock:
            request = self._assigned()
            self._new_record(request)
            arrival, recovery = (
                self._run(request, "arrival_city"),
                self._run(request, "running_again"),
            )
            clock.move_to("2026-07-01 04:00:00")
            self._sweep()
            request.center_id = self.other_center
            self.assertEqual((arrival.state, arrival.partner_id), ("missed", self.center))
            self.assertEqual(recovery.partner_id, self.other_center)
            self.assertEqual(recovery.region_id, self.region)
            request.region_id = self.other_region
            self.assertEqual(recovery.region_id, self.other_region)
            self.assertEqual(arrival.region_id, self.region)
        self._assert_visible(recovery, self.other_center_user)
        self._assert_hidden(recovery | arrival, self.center_user)

    def test_record_follows_its_request(self):
        """E8: the record's deadline goes to the other center with the request."""
        with freeze_time(NINE):
            request = self._assigned()
            record = self._new_record(request)
            record.arrival = NINE
            run = record.deadline_ids
            self.assertEqual((run.partner_id, len(run)), (self.center, 1))
            request.center_id = self.other_center
        self.assertEqual(run.partner_id, self.other_center)

    def test_deleted_with_document(self):
        """H11: a request that nobody took up takes its deadlines along."""
        request = self._new_request(self.card, channel="email")
        run = request.deadline_ids
        self.assertTrue(run)
        request.unlink()
        self.assertFalse(run.exists())

    # --- same day --------------------------------------------------------------------------

    def test_handed_in_the_same_day(self):
        """E8: a record of a visit at 14:00 is valid by midnight; the 6th 0:00 is a day late."""
        for done, state in (("2026-07-05 23:59:59", "met"), ("2026-07-06 00:00:00", "late")):
            with self._at("2026-07-05 14:00"):
                record = self._sign(self._new_complete_record(self._assigned()))
            run = self._run(record, "record_same_day")
            self.assertEqual(run.date_due, self._local("2026-07-05 23:59:59"))
            with self._at(done):
                record.action_done()
            with self.subTest(done=done):
                self.assertEqual(run.state, state)

    def test_record_cancelled(self):
        """Mistake 4: a corrected arrival starts no second clock; cancelling leaves none running."""
        with freeze_time(NINE):
            record = self._new_record(self._assigned())
            record.arrival = NINE
            with self._at("2026-07-01 10:00"):
                record.arrival = "2026-07-01 01:30:00"
            self.assertEqual(len(self._run(record, "record_same_day")), 1)
            record.action_cancel("Wrong machine")
        self.assertEqual(self._run(record, "record_same_day").state, "cancelled")

    # --- promised repair and exchange (L2.2) -----------------------------------------------

    def _promised(self, card=None):
        """Return a request on whose visit of 1 July the repair was promised."""
        with self._at("2026-07-01 10:00"):
            request = self._assigned(card=card)
            self._new_record(request).arrival = "2026-07-01 02:00:00"
            request.with_user(self.technician).action_promise_repair()
        return request

    def test_promised_repair(self):
        """L2.2: promised on the 1st, the repair is due on the 4th at midnight, and can wait."""
        request = self._promised()
        run = self._run(request, "repair_promised")
        self.assertEqual(run.date_due, self._local("2026-07-04 23:59:59"))
        self.assertEqual(run.regulation_id.code, "L2.2")
        with self._at("2026-07-02 10:00"):
            request.action_wait("The machine is needed for the day")
        with self._at("2026-07-03 10:00"):
            request.action_resume()
        self.assertEqual(run.date_due, self._local("2026-07-05 23:59:59"))

    def test_exchange(self):
        """L2.2: overdue, the request says that an exchange is due; who offered it is recorded."""
        request = self._promised()
        with self._at("2026-07-04 23:59:59"):
            self._sweep()
            self.assertFalse(request.is_exchange_due)
            with self.assertRaisesRegex(UserError, "No promised repair"):
                request.action_offer_exchange()
        with self._at("2026-07-05 00:00"):
            self._sweep()
            self.assertTrue(request.is_exchange_due)
            self.assertIn(
                "offer the customer an exchange", "".join(request.message_ids.mapped("body"))
            )
            found = request.search([("is_exchange_due", "=", True), ("id", "=", request.id)])
            self.assertEqual(found, request)
            request.with_user(self.center_user).action_offer_exchange()
            self.assertEqual(request.exchange_offered_by, self.center_user)
            self.assertEqual(request.exchange_offered_on, self._local("2026-07-05 00:00"))
            with self.assertRaisesRegex(UserError, "already"):
                request.action_offer_exchange()

    def test_no_exchange_out_of_warranty(self):
        """L2.2: without a warranty the promise is kept track of, but no exchange is due."""
        with freeze_time("2024-06-01 01:00:00"):
            expired = self._deliver("SN-OLD")
        for card in (expired, self.env["aftersales.warranty.card"]):
            with self._at("2026-07-01 10:00"):
                request = self._new_request(card, partner_id=self.customer.id, distance=0)
                request.action_assign()
                self._new_record(request).arrival = "2026-07-01 02:00:00"
                request.action_promise_repair()
            with self._at("2026-07-05 00:00"):
                self._sweep()
            self.assertEqual(self._run(request, "repair_promised").state, "missed")
            self.assertFalse(request.is_exchange_due)

    @freeze_time(NINE)
    def test_promise_refused(self):
        """L2.2: a repair is promised on site, once, and by who works on the request."""
        request = self._assigned()
        with self.assertRaisesRegex(UserError, "enter the arrival"):
            request.action_promise_repair()
        self._new_record(request).arrival = NINE
        with self.assertRaises(AccessError):
            request.with_user(self.other_center_user).action_promise_repair()
        request.action_promise_repair()
        with self.assertRaisesRegex(UserError, "promised already"):
            request.action_promise_repair()
        for vals in (
            {"is_exchange_due": True},
            {"exchange_offered_on": NINE},
            {"date_repair_promised": False},
        ):
            with self.subTest(vals), self.assertRaisesRegex(AccessError, "can't be changed by"):
                request.write(vals)

    # --- finding ---------------------------------------------------------------------------

    def test_found_by_due(self):
        """M3.1: requests are found as late or due today, by each role among its own."""
        with self._at("2026-07-01 22:00"):
            # due at 24:00 plus, so the 2nd: arrival 0:00, recovery 22:00
            request = self._assigned()
            other = self._assigned(center_id=self.other_center.id)
        none = self._new_request(self.card)
        requests = request | other | none
        mine = [("id", "in", requests.ids)]
        late = [("date_due", "<", "now"), *mine]
        today = [("date_due", ">=", "today"), ("date_due", "<", "today +1d"), *mine]
        model = self.env["aftersales.request"].with_context(tz="Asia/Shanghai")
        for at, late_found, today_found in (
            ("2026-07-01 23:00", model, model),
            ("2026-07-02 00:00:01", request | other, request | other),
            ("2026-07-03 00:00:01", request | other, model),
        ):
            with self._at(at), self.subTest(at):
                self.assertEqual(model.search(late, order="id"), late_found)
                self.assertEqual(model.search(today, order="id"), today_found)
                own = model.with_user(self.center_user)
                self.assertEqual(own.search(late), late_found & request)
        due = request.date_due
        self.assertEqual(due, self._local("2026-07-02 00:00"))
        for domain, found in (
            ([("date_due", "=", due)], request | other),
            ([("date_due", "!=", due)], none),
            ([("date_due", "=", False)], none),
            ([("date_due", "!=", False)], request | other),
            ([("date_due", ">", due)], model),
            ([("date_due", ">=", due)], request | other),
            ([("date_due", "<=", due)], request | other),
        ):
            with self.subTest(domain):
                self.assertEqual(model.search(domain + mine, order="id"), found)
