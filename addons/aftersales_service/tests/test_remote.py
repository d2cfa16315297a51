from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import PIXEL
from .deadline_common import NINE, DeadlineCommon

ELEVEN = "2026-07-01 03:00:00"


@tagged("post_install", "-at_install")
@freeze_time(NINE)
class TestRemote(DeadlineCommon):
    """Help by phone first. Wednesday, 1 July 2026, 9:00 in Shanghai."""

    def _advise(self, request=None, user=None, date_callback=ELEVEN):
        """Return the request after help by phone, with a callback agreed for 11:00."""
        request = request or self._new_request(self.card)
        request.with_user(user or self.clerk).action_resolve("Check the fuse", date_callback)
        return request

    def _callback(self, request):
        return (
            self.env["aftersales.callback"]
            .search([("request_id", "=", request.id), ("kind", "=", "phone")])
            .with_user(self.customer_service)
        )

    def test_window(self):
        """H5, M1: the window demands the advice and the time, and names who gave it."""
        request = self._new_request(self.card)
        action = request.action_open_resolve()
        wizard = Form(
            self.env[action["res_model"]].with_user(self.clerk).with_context(**action["context"])
        )
        wizard.advice = "Check the fuse"
        with self.assertRaises(AssertionError):
            wizard.save()
        wizard.date_callback = ELEVEN
        wizard.adviser_id = self.technician
        wizard.save().action_confirm()
        self.assertEqual(request.state, "callback")
        self.assertEqual((request.advice, request.adviser_id), ("Check the fuse", self.technician))
        callback = self._callback(request)
        self.assertEqual(callback.date_planned, datetime.fromisoformat(ELEVEN))
        self.assertEqual((callback.partner_id, callback.state), (self.customer, "planned"))
        run = self._run(callback, "callback_promised")
        self.assertEqual((run.state, run.date_due), ("running", datetime.fromisoformat(ELEVEN)))

    def test_answered(self):
        """H3, M1: advice is an answer; the customer gets it in writing with the time."""
        request = self._new_request(self.card, channel="email")
        self._advise(request)
        self.assertEqual(self._run(request, "answer").state, "met")
        message = request.message_ids.filtered(lambda m: self.customer in m.notified_partner_ids)[0]
        self.assertIn("Check the fuse", message.body)
        self.assertIn("11:00", message.body)
        self.assertIn("11:00", request.acknowledgement)

    def test_refused(self):
        """M1: no callback without advice, in the past, or when somebody was there already."""
        request = self._new_request(self.card)
        for message, args in (
            ("what the customer was advised", (" ", ELEVEN)),
            ("called back", ("Check the fuse", False)),
            ("called back", ("Check the fuse", NINE)),
        ):
            with self.subTest(args), self.assertRaisesRegex(UserError, message):
                request.action_resolve(*args)
        self._advise(request)
        with self.assertRaisesRegex(UserError, "callback already"):
            self._advise(request)
        with self.assertRaisesRegex(UserError, "is waiting for the customer"):
            request.action_wait("Twice")
        on_site = self._assigned()
        self._new_record(on_site).arrival = NINE
        with self.assertRaisesRegex(UserError, "a technician was there"):
            self._advise(on_site)
        for vals in ({"state": "callback"}, {"advice": "x"}, {"resolution": "remote"}):
            with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                on_site.write(vals)
        with self.assertRaises(AccessError):
            self._advise(user=self.other_center_user)

    def test_solved(self):
        """H5: it helped: the request is done, remotely; nobody has to arrive any more."""
        request = self._advise(self._assigned())
        with self._at("2026-07-01 11:00"):
            self._callback(request).action_solved()
        self.assertEqual((request.state, request.resolution), ("done", "remote"))
        self.assertEqual(request.date_done, datetime.fromisoformat(ELEVEN))
        self.assertEqual(self._run(request, "arrival_city").state, "cancelled")
        self.assertEqual(self._run(request, "running_again").state, "met")

    def test_not_solved(self):
        """M1, M3.1: it didn't help: the visit's promises go on with what was left of them.

        Assigned 9:00, advised 9:30, called 11:00: of 2 hours 1.5 are left, so 12:30; of 24 hours
        23.5, so 10:30 the next day.
        """
        request = self._assigned()
        with self._at("2026-07-01 09:30"):
            self._advise(request)
        arrival, running = (self._run(request, n) for n in ("arrival_city", "running_again"))
        self.assertEqual((arrival.state, running.state), ("paused", "paused"))
        with self._at("2026-07-01 11:00"):
            self._callback(request).action_not_solved()
        self.assertEqual(request.state, "assigned")
        self.assertEqual((arrival.state, running.state), ("running", "running"))
        self.assertEqual(arrival.date_due, self._local("2026-07-01 12:30"))
        self.assertEqual(running.date_due, self._local("2026-07-02 10:30"))
        self.assertIn("didn't help", request.message_ids[0].body)

    def test_not_solved_new(self):
        """M1: what was never assigned is to be assigned; its clocks start then."""
        request = self._advise(self._new_request(self.card, date_assigned=NINE))
        self._callback(request).action_not_solved()
        self.assertEqual((request.state, request.date_assigned), ("new", False))
        request.action_assign()
        self.assertEqual(len(self._run(request, "arrival_city")), 1)

    def test_unreached(self):
        """M1: while the call is tried again the request waits; in the end somebody is sent."""
        self.company.aftersales_callback_attempts = 2
        request = self._advise()
        with self._at("2026-07-01 11:00"):
            self._callback(request).action_no_answer()
        self.assertEqual(request.state, "callback")
        with self._at("2026-07-02 11:00"):
            self._callback(request).action_no_answer()
        self.assertEqual(request.state, "new")

    def test_appointment_called_off(self):
        """H6: help by phone takes the place of a visit that was planned."""
        request = self._assigned()
        appointment = self.env["aftersales.appointment"].create(
            {"request_id": request.id, "date_start": "2026-07-01 06:00:00"}
        )
        self._advise(request)
        self.assertEqual(appointment.state, "cancelled")
        self.assertEqual(self._run(request, "visit_promised").state, "cancelled")

    def test_dispatch_after_all(self):
        """M1: a customer who calls earlier gets somebody; the call is cancelled."""
        request = self._advise()
        with self.assertRaisesRegex(UserError, "Say why"):
            request.action_dispatch(" ")
        request.action_dispatch("He called: it smokes")
        self.assertEqual(request.state, "new")
        self.assertEqual(self._callback(request).state, "cancelled")
        with self.assertRaisesRegex(UserError, "No callback is agreed"):
            request.action_dispatch("Again")

    def test_cancelled(self):
        """M1: nobody is called about a cancelled request."""
        request = self._advise()
        request.action_cancel("Sold the machine")
        self.assertEqual(self._callback(request).state, "cancelled")

    def test_share(self):
        """H5: of three requests done one was solved remotely: 33.3 %; open ones don't count."""
        requests = self._advise()
        self._callback(requests).action_solved()
        for _index in range(2):
            requests |= self._new_done_record(self._assigned()).request_id
        requests |= self._assigned()
        ((share, resolutions),) = requests._read_group(
            [("id", "in", requests.ids)], [], ["remote_share:avg", "__count"]
        )
        self.assertAlmostEqual(share, 100 / 3)
        self.assertEqual(resolutions, 4)
        self.assertEqual(requests[1].resolution, "on_site")

    def test_workshop(self):
        """H5, E7: what was taken in for the repair was solved in the workshop."""
        record = self._new_complete_record(self._assigned())
        receipt = self.env["aftersales.receipt"].create(
            {
                "request_id": record.request_id.id,
                "condition": "Starts",
                "accessories": "Key",
                "date_promised": "2026-07-04",
            }
        )
        receipt.action_take_in("Wang Fang", PIXEL)
        receipt.return_condition = "As taken in"
        receipt.action_hand_back("Wang Fang", PIXEL)
        self._sign(record).action_done()
        self.assertEqual(record.request_id.resolution, "workshop")
