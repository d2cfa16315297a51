import base64
from email.message import Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from freezegun import freeze_time

from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestRequestMail(AftersalesCommon):
    @classmethod
    @freeze_time("2026-06-01 01:00:00")
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("mail.catchall.alias", "catchall")
        cls.domain = cls.env["mail.alias.domain"].create({"name": "maker.example.com"})
        cls.company.alias_domain_id = cls.domain
        cls.company._set_aftersales_alias("service")
        cls.customer.email = "quarry@north.example.com"
        cls.card = cls._deliver("ZL50-26-0387")
        cls.other_card = cls._deliver("ZL50-26-0999", partner=cls.other_customer)

    def _mail(self, body="The boom sinks", sender="Quarry <quarry@north.example.com>", **headers):
        headers = {
            "From": sender,
            "To": "service@maker.example.com",
            "Subject": "Loader broken",
            "Message-Id": f"<{self.env.cr.now().timestamp()}-{id(body)}-{len(self._seen)}@x>",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self._seen.append(headers["Message-Id"])
        if isinstance(body, MIMEMultipart):
            for name, value in headers.items():
                body[name] = value
            return body.as_bytes()
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        return head + b"\r\n" + (body if isinstance(body, bytes) else body.encode())

    def setUp(self):
        super().setUp()
        self._seen = []

    def _receive(self, *args, **kwargs):
        """Return the request that the mail gateway makes of the mail, or none."""
        requests = self.env["aftersales.request"]
        before = requests.search([])
        self.env["mail.thread"].message_process(False, self._mail(*args, **kwargs))
        return requests.search([]) - before

    def _answers(self, request):
        return request.message_ids.filtered(
            lambda m: m.author_id == self.company.partner_id and m.partner_ids
        )

    def test_received(self):
        """M1, H3, H4: a customer's mail becomes a request with 24 hours; he gets the number."""
        request = self._receive("ZL50-26-0387: the boom <b>sinks</b>")
        self.assertEqual(request.partner_id, self.customer)
        self.assertEqual(request.card_id, self.card)
        self.assertEqual(request.channel, "email")
        self.assertFalse(request.technician_id)
        self.assertEqual(request.description, "Loader broken\nZL50-26-0387: the boom <b>sinks</b>")
        self.assertIn("H3", request.deadline_ids.regulation_id.mapped("code"))
        self.assertTrue(request.date_acknowledged)
        answer = self._answers(request)
        self.assertEqual(len(answer), 1)
        self.assertIn(request.name, answer.body)
        self.assertEqual(answer.partner_ids, self.customer)
        self.assertEqual(
            request.message_ids.filtered(lambda m: m.message_type == "email").author_id,
            self.customer,
        )

    def test_unknown_sender(self):
        """M1: an unknown sender becomes a contact; a foreign machine isn't linked to him."""
        request = self._receive("ZL50-26-0387 broken", sender="Li Lei <li.lei@new.example.com>")
        self.assertEqual(request.partner_id.name, "Li Lei")
        self.assertEqual(request.partner_id.email, "li.lei@new.example.com")
        self.assertFalse(request.card_id)
        self.assertEqual(request.serial_reported, "ZL50-26-0387")
        self.assertNotIn("Northern", self._answers(request).body)

    def test_several_serials(self):
        """M1: nothing is guessed when two machines are named."""
        self._deliver("ZL50-26-0388")
        request = self._receive("ZL50-26-0387 or zl50-26-0388")
        self.assertFalse(request.card_id)
        self.assertFalse(request.serial_reported)
        # one of them is somebody else's: the own one is meant
        request = self._receive("ZL50-26-0387 like ZL50-26-0999")
        self.assertEqual(request.card_id, self.card)

    def test_large_attachment(self):
        """H4: 20 MB are dropped, with a note and in the answer; what is small stays."""
        mail = MIMEMultipart()
        mail.attach(MIMEText("See the film", "plain", "utf-8"))
        for name, size in (("photo.jpg", 1000), ("film.mp4", 20 * 1024 * 1024)):
            part = MIMEApplication(b"x" * size)
            part.add_header("Content-Disposition", "attachment", filename=name)
            mail.attach(part)
        request = self._receive(mail)
        names = request.message_ids.attachment_ids.mapped("name")
        self.assertEqual(names, ["photo.jpg"])
        self.assertTrue(request.message_ids.filtered(lambda m: "film.mp4" in m.body))
        self.assertIn("film.mp4", self._answers(request).body)

    def test_broken_encoding(self):
        """H4: a charset nobody knows, wrong bytes and GBK named GB2312 lose no mail."""
        request = self._receive(
            "动臂".encode(),
            Content_Type="text/plain; charset=x-klingon",
            Content_Transfer_Encoding="8bit",
        )
        self.assertIn("动臂", request.description)
        request = self._receive(
            b"broken \xff\xfe\x00 bytes",
            Content_Type="text/plain; charset=utf-8",
            Content_Transfer_Encoding="8bit",
        )
        self.assertIn("broken", request.description)
        request = self._receive(
            base64.b64encode("镕基动臂".encode("gbk")),
            Content_Type="text/plain; charset=gb2312",
            Content_Transfer_Encoding="base64",
        )
        self.assertIn("镕基动臂", request.description)

    def test_empty(self):
        """H4: without text and subject it is a request all the same."""
        request = self._receive("", Subject="")
        self.assertEqual(request.description, "(E-mail without text)")
        request = self._receive("", sender="nonsense")
        self.assertTrue(request.partner_id)
        self.assertFalse(request.date_acknowledged)

    def test_html(self):
        """Foreign HTML is shown as text, scripts and styles aren't kept."""
        request = self._receive(
            "<p onclick='x()'>The <b>boom</b> sinks</p><script>alert(1)</script>",
            Content_Type="text/html; charset=utf-8",
        )
        self.assertNotIn("<", request.description)
        self.assertIn("boom", request.description)
        bodies = "".join(request.message_ids.mapped("body"))
        self.assertNotIn("<script", bodies)
        self.assertNotIn("onclick", bodies)
        long = self._receive("x" * 100000)
        self.assertLess(len(long.description), 4010)

    def test_automatic(self):
        """H3: an answering machine makes no request; a mailing list gets no answer."""
        self.assertFalse(self._receive(Auto_Submitted="auto-replied"))
        self.assertFalse(self._receive(Precedence="auto_reply"))
        for headers in (
            {"Auto_Submitted": "auto-generated"},
            {"Precedence": "bulk"},
            {"List_Id": "<x.example.com>"},
        ):
            request = self._receive(**headers)
            self.assertTrue(request)
            self.assertFalse(self._answers(request))
            self.assertFalse(request.date_acknowledged)
        self.assertTrue(self._answers(self._receive(Auto_Submitted="no")))

    def test_flood(self):
        """H3: a sender who floods the mailbox is stopped by the limit, others are not."""
        self.env["ir.config_parameter"].set_param("mail.gateway.loop.threshold", "3")
        for _i in range(3):
            self.assertTrue(self._receive())
        self.assertFalse(self._receive())
        self.assertTrue(self._receive(sender="other@new.example.com"))

    def test_reply(self):
        """H3: an answer to our mail is noted on the request; nothing new is made."""
        request = self._receive()
        count = len(request.message_ids)
        answer = self._answers(request)
        self.assertFalse(self._receive("Any news?", In_Reply_To=answer.message_id))
        self.assertEqual(len(request.message_ids), count + 1)
        self.assertEqual(len(self._answers(request)), 1)

    def test_reply_to_closed(self):
        """E7: a reply to a closed request is noted, a clerk is told; it stays closed."""
        request = self._receive()
        answer = self._answers(request)
        request.with_user(self.clerk).action_cancel("Solved")
        self.assertFalse(request.activity_ids)
        self._receive("Broken again", In_Reply_To=answer.message_id)
        self.assertEqual(request.state, "cancelled")
        self.assertIn(self.clerk, request.activity_ids.user_id)
        self.assertIn("Northern Quarry", request.activity_ids[0].summary)
        self.assertIn("Broken again", request.message_ids[0].body)
        count = len(request.activity_ids)
        self._receive("I am away", In_Reply_To=answer.message_id, Auto_Submitted="auto-replied")
        self.assertEqual(len(request.activity_ids), count)

    def test_bounce(self):
        """H3: a bounced answer makes no request."""
        request = self._receive()
        bounce = MIMEMultipart("report", **{"report-type": "delivery-status"})
        bounce.attach(MIMEText("Undelivered", "plain", "utf-8"))
        status = Message()
        status["Content-Type"] = "message/delivery-status"
        field = Message()
        field["Final-Recipient"] = "rfc822; quarry@north.example.com"
        status.set_payload([field])
        bounce.attach(status)
        self.assertFalse(
            self._receive(
                bounce,
                sender="MAILER-DAEMON@north.example.com",
                To="bounce@maker.example.com",
                References=self._answers(request).message_id,
            )
        )

    def test_settings(self):
        """H3: the mailbox is a setting; without a name nothing is taken."""
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.aftersales_alias_name, "service")
        settings.aftersales_alias_name = "repairs"
        settings.execute()
        self.assertEqual(
            self.company.aftersales_alias_id.alias_full_name, "repairs@maker.example.com"
        )
        self.assertTrue(self._receive(To="repairs@maker.example.com"))
