from odoo.exceptions import AccessError
from odoo.tests import tagged

from .test_request_web import PortalCommon, WebCommon


class ComplaintWebCommon(WebCommon):
    form = {
        "name": "Li Lei",
        "phone": "138 0013 8000",
        "kind": "service_late",
        "description": "Nobody came for three days",
        "demand": "An apology",
    }

    def _complained(self, path="/aftersales/complaint", **kwargs):
        """Return (answer, new complaints) of what is sent."""
        complaints = self.env["aftersales.complaint"]
        before = complaints.search([])
        answer = self._send(path, **kwargs)
        self.env.invalidate_all()
        return answer, complaints.search([]) - before


@tagged("post_install", "-at_install")
class TestComplaintForm(ComplaintWebCommon):
    def test_sent(self):
        """C1, C3, C9, H12: anybody complains in his own words; customer service is told at once."""
        colleague = self._new_user("customer_service", login="test_customer_service_2")
        admins = self.env.ref("aftersales_service.group_customer_service").all_user_ids
        handlers = admins.filtered(lambda user: user.active and not user.share)
        for user in handlers - colleague:
            self.env["aftersales.complaint"].create(
                {
                    "partner_id": self.customer.id,
                    "description": "Older",
                    "user_id": user.id,
                }
            )
        answer, complaint = self._complained(
            **self.form,
            product="Loader",
            serial="ZL50-26-0387",
            files=[("../../evil.html", self.photo, "text/html")],
        )
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(len(complaint), 1)
        self.assertIn(complaint.name, answer.text)
        self.assertEqual((complaint.channel, complaint.state), ("web", "record"))
        self.assertEqual((complaint.kind, complaint.topic), ("service_late", "service"))
        self.assertEqual(complaint.contact_name, "Li Lei")
        self.assertEqual(complaint.phone, "138 0013 8000")
        self.assertEqual(complaint.demand, "An apology")
        self.assertIn("Nobody came", complaint.description)
        self.assertIn("ZL50-26-0387", complaint.description)
        # whose machine it is, the register finds out
        self.assertFalse(complaint.card_id)
        self.assertNotEqual(complaint.partner_id, self.customer)
        # who has the fewest to see through
        self.assertEqual(complaint.user_id, colleague)
        self.assertEqual(complaint.activity_ids.user_id, colleague)
        self.assertIn("C9", complaint.deadline_ids.regulation_id.mapped("code"))
        steps = [complaint.with_context(lang=x)._get_web_next_step() for x in ("en_US", "zh_CN")]
        self.assertTrue(any(step in answer.text for step in steps))
        photo = self.env["ir.attachment"].search(
            [("res_model", "=", complaint._name), ("res_id", "=", complaint.id)]
        )
        self.assertEqual((photo.mimetype, photo.public), ("image/png", False))
        self.assertNotIn("evil", photo.name)

    def test_refused(self):
        """C3: what is missing or can't be is said beside the field; nothing is registered."""
        for data in (
            {**self.form, "name": " "},
            {**self.form, "phone": "no"},
            {**self.form, "description": ""},
            {**self.form, "kind": ""},
            # what only customer service judges
            {**self.form, "kind": "payment"},
            {**self.form, "website": "http://spam.example.com"},
        ):
            answer, complaint = self._complained(**data)
            self.assertFalse(complaint)
            if not data.get("website"):
                self.assertEqual(answer.status_code, 422)
                self.assertIn("invalid-feedback", answer.text)

    def test_nothing_else_is_taken(self):
        """C5: nobody judges his own complaint, or says who handles it, through the form."""
        _answer, complaint = self._complained(
            **self.form, severity="serious", verdict="founded", user_id="1", state="closed"
        )
        self.assertFalse(complaint.severity or complaint.verdict)
        self.assertEqual(complaint.state, "record")

    def test_flood(self):
        """Complaints count with the requests of an address."""
        self.parameters.set_param("aftersales_service.web_requests_per_hour", "1")
        self.env["aftersales.request.attempt"].search([]).unlink()
        self.assertTrue(self._complained(**self.form)[1])
        answer, complaint = self._complained(**self.form)
        self.assertEqual(answer.status_code, 429)
        self.assertFalse(complaint)

    def test_csrf(self):
        """Another page can't complain in the name of a visitor."""
        answer, complaint = self._complained(**self.form, token="")
        self.assertEqual(answer.status_code, 400)
        self.assertFalse(complaint)

    def test_registered_by_the_clerk(self):
        """C3: the clerk links the card, and the complaint goes on like any other."""
        _answer, complaint = self._complained(**self.form)
        own = complaint.with_user(self.clerk)
        own.card_id = self.card
        self.assertEqual(own.partner_id, self.customer)
        self.assertEqual(own.phone, "138 0013 8000")


@tagged("post_install", "-at_install")
class TestComplaintPortal(ComplaintWebCommon, PortalCommon):
    def _complained(self, path="/my/service/complaint", **kwargs):
        return super()._complained(path, **{"kind": "quality", "description": "Again", **kwargs})

    def test_about_a_request(self):
        """M12, H12: a customer complains about a service; who did it is known by it."""
        answer, complaint = self._complained(request_id=str(self.own.id))
        self.assertIn(complaint.name, answer.text)
        self.assertEqual(complaint.channel, "portal")
        self.assertEqual(complaint.request_id, self.own)
        self.assertEqual(complaint.card_id, self.card)
        self.assertEqual(complaint.partner_id, self.customer)
        self.assertEqual(complaint.contact_name, self.portal_user.name)
        # what the departments write to each other isn't sent to the customer
        self.assertNotIn(self.portal_user.partner_id, complaint.message_partner_ids)

    def test_foreign(self):
        """Requests and machines of others don't exist for him."""
        answer, complaint = self._complained(request_id=str(self.foreign.id))
        self.assertEqual(answer.status_code, 404)
        self.assertFalse(complaint)
        answer = self.url_open(f"/my/service/complaint?request_id={self.foreign.id}")
        self.assertEqual(answer.status_code, 404)
        self.assertNotIn("Secret", answer.text)
        answer, complaint = self._complained(card_id=str(self.other_card.id))
        self.assertIn("invalid-feedback", answer.text)
        self.assertFalse(complaint)

    def test_list(self):
        """H12: he sees that his complaints are handled, and nothing of how."""
        _answer, complaint = self._complained(card_id=str(self.card.id))
        foreign = self.env["aftersales.complaint"].create(
            {"partner_id": self.other_customer.id, "description": "Secret of the South"}
        )
        unpaid = self.env["aftersales.complaint"].create(
            {"partner_id": self.customer.id, "description": "Doesn't pay", "kind": "payment"}
        )
        complaint.message_post(body="Internal: the customer is difficult")
        page = self.url_open("/my/service").text
        self.assertIn(complaint.name, page)
        self.assertNotIn(foreign.name, page)
        # M12: what is handled because he withholds payment is no complaint of his
        self.assertNotIn(unpaid.name, page)
        self.assertNotIn("difficult", page)
        for operation in ("read", "write", "create", "unlink"):
            self.assertFalse(complaint.with_user(self.portal_user).has_access(operation))
        with self.assertRaises(AccessError):
            complaint.with_user(self.portal_user).action_record()
