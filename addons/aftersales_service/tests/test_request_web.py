import io
import re

from freezegun import freeze_time
from PIL import Image

from odoo.addons.mail.tests.common import mail_new_test_user
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, tagged

from .common import AftersalesCommon


class WebCommon(AftersalesCommon, HttpCase):
    @classmethod
    @freeze_time("2026-06-01 01:00:00")
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls._deliver("ZL50-26-0387")
        cls.other_card = cls._deliver("ZL50-26-0999", partner=cls.other_customer)
        cls.parameters = cls.env["ir.config_parameter"]
        cls.parameters.set_param("aftersales_service.web_requests_per_hour", "100")
        stream = io.BytesIO()
        Image.new("RGB", (8, 8)).save(stream, "PNG")
        cls.photo = stream.getvalue()

    def _token(self, path):
        page = self.url_open(path)
        return re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)

    def _send(self, path="/aftersales/request", files=None, token=None, **data):
        data["csrf_token"] = token if token is not None else self._token(path)
        return self.url_open(
            path, data=data, files=[("photos", file) for file in files or []] or None
        )

    def _created(self, *args, **kwargs):
        """Return (answer, new requests) of what is sent."""
        requests = self.env["aftersales.request"]
        before = requests.search([])
        answer = self._send(*args, **kwargs)
        self.env.invalidate_all()
        return answer, requests.search([]) - before


class PortalCommon(WebCommon):
    """A customer signed in to the portal, with a request of his own and one of somebody else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal_user = mail_new_test_user(
            cls.env, login="portal_north", password="portal_north", groups="base.group_portal"
        )
        cls.portal_user.partner_id.parent_id = cls.customer
        cls.own = cls._new_request(cls.card)
        cls.foreign = cls._new_request(cls.other_card, description="Secret of the South")

    def setUp(self):
        super().setUp()
        self.authenticate("portal_north", "portal_north")


@tagged("post_install", "-at_install")
class TestRequestForm(WebCommon):
    form = {"name": "Li Lei", "phone": "138 0013 8000", "description": "The boom sinks"}

    def _assert_next_step(self, request, answer):
        """Assert that the page tells what happens next, in whatever language it is."""
        steps = [request.with_context(lang=lang)._get_next_step() for lang in ("en_US", "zh_CN")]
        self.assertTrue(any(step in answer.text for step in steps), steps)

    def test_sent(self):
        """H3, H4: anybody gets a number and the time of the answer; the clerk gets the photo."""
        answer, request = self._created(
            **self.form,
            product="Loader",
            email="li.lei@new.example.com",
            files=[("../../evil.html", self.photo, "text/html")],
        )
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(len(request), 1)
        self.assertIn(request.name, answer.text)
        self._assert_next_step(request, answer)
        self.assertEqual(request.channel, "web")
        self.assertEqual(request.partner_id.name, "Li Lei")
        self.assertEqual(request.partner_id.email, "li.lei@new.example.com")
        self.assertEqual(request.phone, "138 0013 8000")
        self.assertIn("Loader", request.description)
        self.assertFalse(request.technician_id)
        self.assertIn("H3", request.deadline_ids.regulation_id.mapped("code"))
        self.assertTrue(request.date_acknowledged)
        photo = self.env["ir.attachment"].search(
            [("res_model", "=", request._name), ("res_id", "=", request.id)]
        )
        self.assertEqual(photo.mimetype, "image/png")
        self.assertTrue(photo.name.endswith(".png"))
        self.assertNotIn("evil", photo.name)
        self.assertFalse(photo.public)

    def test_danger(self):
        """H3: danger to people alarms the clerks and tells the sender to keep away."""
        answer, request = self._created(**self.form, danger="1")
        self.assertEqual(request.urgency, "2")
        self._assert_next_step(request, answer)
        self.assertIn(self.clerk, request.activity_ids.user_id)

    def test_nothing_is_told(self):
        """A serial that exists and one that doesn't get the same answer, to the letter."""
        texts = set()
        for serial in ("ZL50-26-0387", "ZL50-26-0000", self.card.name):
            answer, request = self._created(**self.form, serial=serial)
            self.assertFalse(request.card_id)
            self.assertEqual(request.serial_reported, serial)
            self.assertNotEqual(request.partner_id, self.customer)
            texts.add(re.sub(r"csrf_token: \"[^\"]+\"|SR\d+|\d+:\d\d", "", answer.text))
        self.assertEqual(len(texts), 1)

    def test_phone_of_a_customer(self):
        """A stranger with a customer's number isn't taken for him; the clerk links the card."""
        _answer, request = self._created(
            **{**self.form, "phone": "010 5555 0001"}, serial="ZL50-26-0378"
        )
        self.assertNotEqual(request.partner_id, self.customer)
        request = request.with_user(self.clerk)
        # the nearest number first
        self.assertEqual(request.card_choice_ids[0], self.card)
        request.serial_reported = False
        self.assertEqual(request.card_choice_ids, self.card)
        request.card_id = self.card
        self.assertEqual(request.partner_id, self.customer)
        self.assertFalse(request.has_card_choice)

    def test_known_product(self):
        """H4: of the customer's machines, only those of the product known are offered."""
        _answer, request = self._created(**{**self.form, "phone": "010 5555 0001"})
        self.assertEqual(request.with_user(self.clerk).card_choice_ids, self.card)
        request.product_id = self.pump
        self.assertFalse(request.with_user(self.clerk).has_card_choice)

    def test_contact_of_the_form(self):
        """H4: linked to a customer, a request leaves no second contact; its number stays."""
        _answer, request = self._created(**self.form, serial="ZL50-26-0387")
        reporter = request.partner_id
        self.assertEqual(reporter.name, "Li Lei")
        request.with_user(self.clerk).card_id = self.card
        self.assertEqual(request.partner_id, self.customer)
        self.assertFalse(reporter.active)
        self.assertEqual(request.phone, "138 0013 8000")
        self.assertIn("Li Lei", request.message_ids.mapped("body")[0])

    def test_contact_known_otherwise(self):
        """H4: whoever is a customer himself, or has another request, stays."""
        self.other_customer.email = "known@example.com"
        _answer, known = self._created(**self.form, email="known@example.com")
        _answer, again = self._created(**self.form)
        reporter = again.partner_id
        self._new_request(partner_id=reporter.id, product_id=self.machine.id)
        for request in (known, again):
            request.with_user(self.clerk).card_id = self.card
            self.assertEqual(request.partner_id, self.customer)
        self.assertTrue(self.other_customer.active)
        self.assertTrue(reporter.active)

    def test_refused(self):
        """H4: what is missing or wrong is said beside the field, and what was typed stays."""
        for data in (
            {**self.form, "name": " "},
            {**self.form, "phone": "no"},
            {**self.form, "email": "nonsense"},
            {**self.form, "description": ""},
        ):
            answer, request = self._created(**data)
            self.assertEqual(answer.status_code, 422)
            self.assertFalse(request)
            self.assertIn("invalid-feedback", answer.text)
        answer, request = self._created(name="<script>alert(1)</script>", phone="", description="x")
        self.assertNotIn("<script>alert(1)", answer.text)

    def test_photos_refused(self):
        """Only photos, not too many, not too large: by their content, whatever their name."""
        self.parameters.set_param("aftersales_service.photo_max_mb", "1")
        noise = self.photo + b"\0" * (1024 * 1024)
        for files in (
            [("photo.png", b"<svg onload='alert(1)'/>", "image/png")],
            [("photo.png", b"MZ" + b"\0" * 100, "image/png")],
            [("photo.png", self.photo[:20], "image/png")],
            [("photo.png", noise, "image/png")],
            [(f"{i}.png", self.photo, "image/png") for i in range(6)],
        ):
            answer, request = self._created(**self.form, files=files)
            self.assertEqual(answer.status_code, 422)
            self.assertFalse(request)

    def test_honeypot(self):
        """A machine that fills the hidden field is thanked, and nothing is registered."""
        answer, request = self._created(**self.form, website="spam")
        self.assertEqual(answer.status_code, 200)
        self.assertFalse(request)

    def test_flood(self):
        """One address sends so many requests an hour; no address is kept."""
        self.parameters.set_param("aftersales_service.web_requests_per_hour", "2")
        self.env["aftersales.request.attempt"].search([]).unlink()
        for _i in range(2):
            self.assertTrue(self._created(**self.form)[1])
        answer, request = self._created(**self.form)
        self.assertEqual(answer.status_code, 429)
        self.assertFalse(request)
        attempts = self.env["aftersales.request.attempt"].search([])
        self.assertNotIn("127.0.0.1", attempts.mapped("address"))

    def test_mails_to_one_address(self):
        """H4: what a stranger types isn't mailed to others, nor the same address flooded."""
        self.parameters.set_param("aftersales_service.web_acknowledgements_per_hour", "2")
        self.env["aftersales.request.attempt"].search([]).unlink()
        form = {**self.form, "name": "Buy at evil.example.com", "product": "Evil product"}
        mailed = []
        for _i in range(3):
            answer, request = self._created(**form, email="Victim@Example.com")
            self.assertEqual(answer.status_code, 200)
            self.assertIn(request.name, answer.text)
            mailed += [bool(request.date_acknowledged)]
            for message in request.message_ids.filtered(lambda m: m.subtype_id.internal is False):
                self.assertNotIn("vil", f"{message.subject} {message.body}")
        self.assertEqual(mailed, [True, True, False])
        _answer, request = self._created(**form, email="somebody.else@example.com")
        self.assertTrue(request.date_acknowledged)

    def test_csrf(self):
        """Another page can't send the form in the name of a visitor."""
        answer, request = self._created(**self.form, token="")
        self.assertEqual(answer.status_code, 400)
        self.assertFalse(request)

    def test_colleague(self):
        """Nobody writes in the name of an employee by his e-mail address."""
        self.clerk.email = "clerk@maker.example.com"
        _answer, request = self._created(**self.form, email="clerk@maker.example.com")
        self.assertNotEqual(request.partner_id, self.clerk.partner_id)


@tagged("post_install", "-at_install")
class TestRequestPortal(PortalCommon):
    def test_list(self):
        """H4: the customer sees the requests of his company, no others, and their number."""
        page = self.url_open("/my/service").text
        self.assertIn(self.own.name, page)
        self.assertNotIn(self.foreign.name, page)
        counters = self.make_jsonrpc_request(
            "/my/counters", {"counters": ["aftersales_request_count"]}
        )
        self.assertEqual(counters["aftersales_request_count"], 1)
        self.assertIn("/my/service", self.url_open("/my").text)

    def test_page(self):
        """H4: state, next step and messages; notes, other fields and names stay inside."""
        self.own.message_post(body="Internal: the customer is difficult")
        self.own.message_post(
            body="We come on Monday",
            subtype_xmlid="mail.mt_comment",
            author_id=self.technician.partner_id.id,
        )
        page = self.url_open(f"/my/service/{self.own.id}").text
        self.assertIn(self.own.name, page)
        self.assertIn("We come on Monday", page)
        self.assertNotIn("difficult", page)
        self.assertNotIn(self.technician.name, page)
        self.assertIn('id="next_step"', page)

    def test_foreign(self):
        """Requests of others don't exist for him, by whatever way."""
        for path in (f"/my/service/{self.foreign.id}", "/my/service/999999999"):
            answer = self.url_open(path)
            self.assertEqual(answer.status_code, 404)
            self.assertNotIn("Secret", answer.text)
        count = len(self.foreign.message_ids)
        token = self._token("/my/service/new")
        answer = self.url_open(
            f"/my/service/{self.foreign.id}/message", data={"message": "x", "csrf_token": token}
        )
        self.assertEqual(answer.status_code, 404)
        self.assertEqual(len(self.foreign.message_ids), count)

    def test_rpc(self):
        """Mistake 6: the portal user has no rights on the models, on his own requests neither."""
        for name in (
            "aftersales.request",
            "aftersales.warranty.card",
            "aftersales.service.record",
            "aftersales.deadline",
            "aftersales.request.attempt",
        ):
            model = self.env[name].with_user(self.portal_user)
            for operation in ("read", "write", "create", "unlink"):
                self.assertFalse(model.has_access(operation), (name, operation))
        for record in (self.own, self.foreign):
            with self.assertRaises(AccessError):
                record.with_user(self.portal_user).read(["description"])
            for method in ("action_answer", "action_acknowledge", "action_follow_up"):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    getattr(record.with_user(self.portal_user), method)()
        messages = self.env["mail.message"].with_user(self.portal_user)
        self.assertFalse(
            messages.search([("model", "=", "aftersales.request"), ("body", "ilike", "South")])
        )

    def test_new(self):
        """E7, mistake 6: a request on an own machine; he isn't its technician."""
        answer, request = self._created(
            "/my/service/new",
            card_id=str(self.card.id),
            description="<b>Again</b>",
            technician_id=str(self.portal_user.id),
            state="done",
            files=[("a.png", self.photo, "image/png")],
        )
        self.assertEqual(answer.status_code, 200)
        self.assertIn(request.name, answer.text)
        self.assertEqual(request.card_id, self.card)
        self.assertEqual(request.partner_id, self.customer)
        self.assertEqual(request.channel, "portal")
        self.assertEqual(request.state, "new")
        self.assertFalse(request.technician_id)
        self.assertFalse(request.activity_ids)
        self.assertEqual(request.description, "<b>Again</b>")
        self.assertNotIn("<b>Again", answer.text)
        self.assertIn("H3", request.deadline_ids.regulation_id.mapped("code"))
        self.assertNotIn(self.portal_user.partner_id, request.message_partner_ids)

    def test_new_on_foreign_card(self):
        """A card of somebody else is refused like one that doesn't exist."""
        for card_id in (str(self.other_card.id), "999999999", "x"):
            answer, request = self._created(
                "/my/service/new", card_id=card_id, description="Mine now"
            )
            if card_id == "x":
                self.assertFalse(request.card_id)
                continue
            self.assertFalse(request)
            self.assertIn("invalid-feedback", answer.text)
            self.assertNotIn("ZL50-26-0999", answer.text)

    def test_message(self):
        """H4: the customer writes; his text is text. On a closed request a clerk is told."""
        path = f"/my/service/{self.own.id}"
        self.url_open(
            f"{path}/message",
            data={"message": "<img src=x onerror=alert(1)>", "csrf_token": self._token(path)},
        )
        message = self.own.message_ids[0]
        self.assertEqual(message.author_id, self.portal_user.partner_id)
        self.assertNotIn("<img", message.body)
        self.assertNotIn("<img src=x", self.url_open(path).text)
        self.own.action_cancel("Solved")
        self.url_open(f"{path}/message", data={"message": "Again", "csrf_token": self._token(path)})
        self.env.invalidate_all()
        self.assertEqual(self.own.state, "cancelled")
        self.assertIn(self.clerk, self.own.activity_ids.user_id)

    def test_signed_out(self):
        """Without signing in there is only the public form."""
        self.authenticate(None, None)
        self.assertIn("/web/login", self.url_open(f"/my/service/{self.own.id}").url)
