from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import format_datetime

from .common import AftersalesCommon

NINE = "2026-07-01 01:00:00"  # 09:00 in Shanghai, a Wednesday


@tagged("post_install", "-at_install")
class TestAcknowledgement(AftersalesCommon):
    @classmethod
    @freeze_time("2026-06-01 01:00:00")
    def setUpClass(cls):
        super().setUpClass()
        cls.company.partner_id.tz = "Asia/Shanghai"
        cls.card = cls._deliver("SN-1")

    def _at(self, utc):
        return format_datetime(self.env, utc, tz="Asia/Shanghai", dt_format="short")

    @freeze_time(NINE)
    def test_next_step(self):
        """H4: number, next step and expected time, from the rules, each worked out by hand."""
        request = self._new_request(self.card)
        self.assertIn(request.name, request.acknowledgement)
        # in warranty the machine runs again within 24 hours; the way isn't known yet
        self.assertIn(
            f"We call you to make an appointment; we expect to be done by "
            f"{self._at('2026-07-02 01:00:00')}.",
            request.acknowledgement,
        )
        self.assertIn("Your service center: Center North", request.acknowledgement)
        # 150 km: 6 hours
        request.distance = 150
        self.assertIn(
            f"A technician is with you by {self._at('2026-07-01 07:00:00')}.",
            request.acknowledgement,
        )
        request.date_visit_promised = "2026-07-03 02:00:00"
        self.assertIn(
            f"A technician calls on you at {self._at('2026-07-03 02:00:00')}.",
            request.acknowledgement,
        )

    @freeze_time(NINE)
    def test_next_step_in_writing(self):
        """H3, H4: who writes is told that he gets an answer within 24 hours, portal included."""
        for channel in ("email", "web", "portal"):
            request = self._new_request(self.card, channel=channel)
            self.assertIn(
                f"We answer you by {self._at('2026-07-02 01:00:00')}.", request.acknowledgement
            )

    @freeze_time(NINE)
    def test_next_step_danger(self):
        """H3, H4: in danger the customer is told to stop the machine; somebody within the hour."""
        request = self._new_request(self.card, urgency="2")
        self.assertIn("Please stop the machine", request.acknowledgement)
        self.assertIn(f"by {self._at('2026-07-01 02:00:00')}.", request.acknowledgement)

    @freeze_time(NINE)
    def test_told_on_the_phone(self):
        """H4: without e-mail the clerk reads the text out and notes it; nothing is sent."""
        request = self._new_request(self.card)
        self.assertFalse(request.date_acknowledged)
        with self.assertRaisesRegex(UserError, "no e-mail address"), self.cr.savepoint():
            request.action_mail_acknowledgement()
        text = request.acknowledgement
        request.action_acknowledge()
        self.assertEqual(str(request.date_acknowledged), NINE)
        self.assertIn(text.splitlines()[0], request.message_ids[0].body)
        self.assertFalse(request.message_ids.notified_partner_ids & self.customer)
        with self.assertRaises(AccessError), self.cr.savepoint():
            request.date_acknowledged = False

    @freeze_time(NINE)
    def test_sent_when_registered(self):
        """H4: with an e-mail address the customer gets the text at once, in his language."""
        self.customer.email = "quarry@north.example.com"
        request = self._new_request(self.card)
        self.assertEqual(str(request.date_acknowledged), NINE)
        message = request.message_ids.filtered(lambda m: self.customer in m.partner_ids)
        self.assertEqual(len(message), 1)
        self.assertIn(request.name, message.subject)
        self.assertIn(request.name, message.body)
        self.assertIn(self._at("2026-07-02 01:00:00"), message.body)
        self.assertEqual(message.author_id, self.company.partner_id)
        mail = self.env["mail.mail"].sudo().search([("mail_message_id", "=", message.id)])
        self.assertIn(self.customer, mail.recipient_ids)
        self.assertIn("auto-replied", mail.headers)

    @freeze_time(NINE)
    def test_not_sent_on_import(self):
        """H4: customers of requests that are imported aren't written to years later."""
        self.customer.email = "quarry@north.example.com"
        requests = self.env["aftersales.request"].with_user(self.clerk)
        request = requests.with_context(import_file=True).create(
            {"card_id": self.card.id, "description": "x"}
        )
        self.assertFalse(request.date_acknowledged)
        self.assertFalse(request.message_ids.filtered("partner_ids"))

    # --- danger to people ------------------------------------------------------------------

    def _alerts(self, request):
        kind = self.env.ref("aftersales_service.mail_activity_type_request")
        return request.sudo().activity_ids.filtered(lambda a: a.activity_type_id == kind)

    @freeze_time(NINE)
    def test_danger(self):
        """H3: danger to people reaches the clerks at once, and stops when it is assigned."""
        calm = self._new_request(self.card)
        self.assertFalse(self._alerts(calm))
        request = self._new_request(self.card, urgency="2")
        alerts = self._alerts(request)
        self.assertIn(self.clerk, alerts.user_id)
        self.assertIn("Northern Quarry", alerts[0].summary)
        self.assertEqual(str(alerts[0].date_deadline), "2026-07-01")
        # on top of every list
        self.assertEqual((calm | request).search([("id", "in", (calm | request).ids)])[0], request)
        request.action_assign()
        self.assertFalse(self._alerts(request))

    @freeze_time(NINE)
    def test_danger_noticed_later(self):
        """H3: what turns out to be dangerous gets the hour from then on."""
        request = self._new_request(self.card)
        with freeze_time("2026-07-01 03:00:00"):
            request.urgency = "2"
        self.assertTrue(self._alerts(request))
        deadline = request.deadline_ids.filtered(lambda d: d.regulation_id.code == "H3")
        self.assertEqual(str(deadline.date_due), "2026-07-01 04:00:00")
        request.urgency = "0"
        self.assertFalse(self._alerts(request))

    # --- reopening -------------------------------------------------------------------------

    def test_follow_up(self):
        """E7: a closed request stays closed; its follow-up is filled from it, linked both ways."""
        request = self._new_request(self.card, phone="139 1111 2222")
        with self.assertRaisesRegex(UserError, "still open"), self.cr.savepoint():
            request.action_follow_up()
        self._new_done_record(request)
        for vals in ({"state": "new"}, {"state": "in_progress"}):
            with self.assertRaisesRegex(UserError, "Press “Follow-up”"), self.cr.savepoint():
                request.write(vals)
        with self.assertRaisesRegex(UserError, "Press “Follow-up”"), self.cr.savepoint():
            request.action_answer()
        with self.assertRaises(AccessError), self.cr.savepoint():
            request.with_user(self.technician).action_follow_up()
        action = request.action_follow_up()
        follow_up = request.browse(action["res_id"])
        self.assertEqual(request.state, "done")
        self.assertEqual(follow_up.state, "new")
        self.assertEqual(follow_up.origin_id, request)
        self.assertEqual(request.follow_up_ids, follow_up)
        self.assertEqual(request.follow_up_count, 1)
        self.assertEqual(follow_up.card_id, self.card)
        self.assertEqual(follow_up.phone, "139 1111 2222")
        self.assertIn(request.name, follow_up.description)
        with self.assertRaises(AccessError), self.cr.savepoint():
            follow_up.origin_id = False

    def test_follow_up_after_transfer(self):
        """E4: a card that belongs to somebody else by now isn't on the follow-up."""
        request = self._new_request(self.card)
        request.action_cancel("Wrong number")
        self.card.sudo().partner_id = self.other_customer
        follow_up = request.browse(request.action_follow_up()["res_id"])
        self.assertFalse(follow_up.card_id)
        self.assertEqual(follow_up.partner_id, self.customer)
        self.assertEqual(follow_up.product_id, self.machine)

    # --- from the check of the entitlement -------------------------------------------------

    def test_from_entitlement_check(self):
        """E6: the request takes over the part and the hours that were asked about."""
        check = self.env["aftersales.entitlement"].with_user(self.clerk)
        check = check.create({"search": "SN-1", "part_id": self.pump.id, "hours": 321.5})
        action = check.action_new_request()
        requests = self.env["aftersales.request"].with_user(self.clerk)
        request = requests.with_context(**action["context"]).create({"description": "Pump"})
        self.assertEqual(request.card_id, self.card)
        self.assertEqual(request.part_id, self.pump)
        self.assertEqual(request.hour_meter, 321.5)
