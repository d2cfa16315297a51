from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestConsent(AftersalesCommon):
    """What the customer agreed to, and that nothing above it is signed or charged (H5, H7)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2025-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.tax = cls.env["account.tax"].create({"name": "VAT 13", "amount": 13})
        products = cls.pump | cls.engine_part | cls.seal
        (products | cls.env.ref("aftersales_service.product_repair_fee")).taxes_id = cls.tax
        cls.clerk.group_ids += cls.env.ref("sales_team.group_sale_salesman")
        cls.request = cls._new_request(cls.card)

    def _new_charged_record(self, *parts, **vals):
        """Return a complete record of the request, outside of the warranty."""
        return self._new_complete_record(
            self.request, [{"product_id": part.id} for part in parts], **vals
        )

    def _entry(self, user=None, **vals):
        """Return the window for a consent to the request, filled."""
        return (
            self.env["aftersales.consent.entry"]
            .with_user(user or self.clerk)
            .create(
                {
                    "request_id": self.request.id,
                    "how": "phone",
                    "amount": 100,
                    "explanation": "A new fan belt",
                    "given_by": "Wang Fang",
                    **vals,
                }
            )
        )

    # --- block (H7) ------------------------------------------------------------------------

    def test_cents(self):
        """H7: 120.00 + 10 % fee + 13 % = 149.16: agreed to the cent passes, a cent less doesn't."""
        record = self._new_charged_record(self.engine_part)
        self.assertEqual(record.request_id.charge_amount, 149.16)
        self._agree(self.request, 149.15)
        self.assertRegex(record.missing, r"Customer's consent to .*0\.01 more")
        with self.assertRaisesRegex(UserError, r"0\.01 more"), self.cr.savepoint():
            record.action_sign("Wang Fang", PIXEL)
        self._agree(self.request, 0.01)
        self.assertEqual(self.request.agreed_amount, 149.16)
        self.assertFalse(record.missing)
        record.action_sign("Wang Fang", PIXEL)
        record.action_done()
        self.assertEqual(record.state, "done")

    def test_free_work(self):
        """E6: what the warranty covers needs no consent."""
        with freeze_time("2025-08-01 02:00:00"):
            record = self._new_complete_record(
                self._new_request(self.card), [{"product_id": self.engine_part.id}]
            )
            self.assertEqual(record.request_id.charge_amount, 0)
            record.action_sign("Wang Fang", PIXEL)
        self.assertEqual(record.state, "signed")

    def test_customers_fault(self):
        """M3.2, H7: what the customer caused is charged in warranty, so that it needs consent."""
        with freeze_time("2025-08-01 02:00:00"):
            record = self._new_complete_record(
                self._new_request(self.card),
                [{"product_id": self.engine_part.id}],
                responsibility="customer",
            )
            self.assertRegex(record.missing, r"149\.16 more")

    def test_refused_claim_is_paid(self):
        """E6: a part that is fitted though its claim is refused is paid, with the fee of 10 %."""
        self.card.coverage_ids.sudo().after_expiry = "refuse"
        record = self._new_charged_record(self.engine_part)
        self.assertEqual(record.part_ids.verdict, "refuse")
        self.assertEqual(self.request.charge_amount, 149.16)

    def test_more_parts_later(self):
        """H7: a part that is added after the signature voids it, and asks for consent again."""
        record = self._new_charged_record(self.engine_part)
        self._agree(self.request)
        record.action_sign("Wang Fang", PIXEL)
        record.part_ids.create({"record_id": record.id, "product_id": self.seal.id})
        self.assertEqual(record.state, "draft")
        # 168.00 + 16.80, with 13 %: 208.824; on the whole 357.984 - 149.16
        with self.assertRaisesRegex(UserError, r"208\.82 more"):
            record.action_sign("Wang Fang", PIXEL)

    def test_import_meets_the_block(self):
        """H7: the state can't be written or imported past the consent."""
        record = self._new_charged_record(self.engine_part)
        with self.assertRaises(AccessError), self.cr.savepoint():
            record.write({"state": "signed"})
        result = (
            self.env[record._name]
            .with_user(self.technician)
            .load([".id", "state"], [[str(record.id), "signed"]])
        )
        self.assertTrue(result["messages"])
        self.assertEqual(record.state, "draft")

    def test_form_tells(self):
        """H7: the technician sees how much consent is missing before the customer signs."""
        record = self._new_charged_record(self.engine_part)
        with Form(record) as form:
            self.assertIn("149.16 more", form.missing)
            with form.part_ids.edit(0) as part:
                part.quantity = 2
            # 298.32
            self.assertIn("298.32 more", form.missing)

    # --- the document ----------------------------------------------------------------------

    def test_append_only(self):
        """H7, H11: nobody writes, changes or deletes a consent by hand."""
        consent = self._agree(self.request, 100)
        vals = {
            "request_id": self.request.id,
            "company_id": self.company.id,
            "kind": "extra",
            "how": "phone",
            "amount": 5000,
            "explanation": "x",
            "given_by": "x",
            "given_on": fields.Datetime.now(),
            "user_id": self.clerk.id,
        }
        for user in (self.technician, self.clerk, self.customer_service, self.administrator):
            with self.subTest(user=user.login):
                for act in (
                    lambda own: own.create(vals),
                    lambda own: own.write({"amount": 5000}),
                    lambda own: own.unlink(),
                ):
                    with self.assertRaises(AccessError), self.cr.savepoint():
                        act(consent.with_user(user))
        with self.assertRaisesRegex(UserError, "has to be kept until"):
            consent.sudo().unlink()
        self.assertEqual(self.request.agreed_amount, 100)

    def test_evidence(self):
        """H7: a signature on screen, the file of a paper or e-mail; never in the future."""
        for vals, words in (
            ({"how": "screen"}, "signature is missing"),
            ({"how": "paper"}, "as evidence"),
            ({"how": "email"}, "as evidence"),
            ({"how": "system"}, "customer service can't"),
            ({"given_on": fields.Datetime.now() + timedelta(minutes=5)}, "in the future"),
            ({"amount": 0}, "amount"),
        ):
            with (
                self.subTest(**vals),
                self.assertRaisesRegex(ValidationError, words),
                self.cr.savepoint(),
            ):
                self._entry(**vals).action_confirm()
        self._entry(how="screen", signature=PIXEL).action_confirm()
        self._entry(how="paper", evidence=PIXEL, evidence_name="a.png").action_confirm()
        paper, screen = self.request.consent_ids.sorted("how")
        self.assertEqual((screen.how, screen.signature), ("screen", PIXEL))
        self.assertEqual((paper.how, paper.evidence), ("paper", PIXEL))
        self.assertEqual(paper.user_id, self.clerk)
        self.assertEqual(self.request.agreed_amount, 200)

    def test_given_before_the_request(self):
        """H7: nobody agrees to the charges of a request that hasn't come in yet, to the minute."""
        self.request.request_date = "2026-11-20 02:00:30"
        for given_on in ("2020-01-01 00:00:00", "2026-11-20 01:59:59"):
            with (
                self.assertRaisesRegex(ValidationError, "came in on"),
                self.cr.savepoint(),
            ):
                self._entry(given_on=given_on).action_confirm()
        # the screen shows no seconds
        self._entry(given_on="2026-11-20 02:00:00").action_confirm()
        self.assertEqual(self.request.agreed_amount, 100)

    def test_phone(self):
        """H7: what is agreed by phone is recorded by a clerk, or proved; not by who does the work.

        The rule asks for no form; the signature is what a technician has on site.
        """
        both = self._new_user("clerk", login="test_clerk_technician")
        both.group_ids += self.technician.group_ids
        for user in (self.technician, self.center_user):
            with self.subTest(user=user.login):
                self.assertTrue(self._entry(user).is_proof_needed)
                with self.assertRaisesRegex(ValidationError, "by phone"), self.cr.savepoint():
                    self._entry(user).action_confirm()
                self._entry(user, evidence=PIXEL, evidence_name="chat.png").action_confirm()
                self._entry(user, how="screen", signature=PIXEL).action_confirm()
        self.assertFalse(self._entry(both).is_proof_needed)
        self._entry(both).action_confirm()
        self.assertEqual(self.request.agreed_amount, 500)
        consent = self.request.consent_ids.sorted("id")[-1]
        self.assertEqual((consent.given_by, consent.user_id), ("Wang Fang", both))
        # a clerk who does the work himself is a technician like the others
        self.request.sudo().technician_id = both
        self.assertTrue(self._entry(both).is_proof_needed)
        with self.assertRaisesRegex(ValidationError, "by phone"), self.cr.savepoint():
            self._entry(both).action_confirm()

    def test_phone_of_visitor(self):
        """H7: the technician of a visit is one who does the work, too."""
        both = self._new_user("clerk", login="test_clerk_technician")
        both.group_ids += self.technician.group_ids
        record = self._new_charged_record(self.engine_part)
        record.sudo().technician_id = both
        with self.assertRaisesRegex(ValidationError, "by phone"), self.cr.savepoint():
            self._entry(both).action_confirm()

    def test_portal_isnt_typed(self):
        """H7: only the portal itself says that the customer accepted there."""
        with self.assertRaises(ValueError):
            self._entry(how="portal")

    def test_withdrawn(self):
        """H7: a withdrawn consent stays on file and doesn't count; signed work keeps its own."""
        record = self._new_charged_record(self.engine_part)
        first = self._agree(self.request)
        second = self._agree(self.request, 50)
        with self.assertRaisesRegex(AccessError, "Clerk"):
            second.with_user(self.technician).action_withdraw("no")
        with self.assertRaisesRegex(UserError, "reason"):
            second.action_withdraw(" ")
        record.action_sign("Wang Fang", PIXEL)
        second.action_withdraw("He won't have the seal")
        self.assertEqual((second.state, second.amount), ("withdrawn", 50))
        self.assertEqual(second.withdrawn_by, self.clerk)
        self.assertEqual(self.request.agreed_amount, 149.16)
        with self.assertRaisesRegex(UserError, "has signed the work"), self.cr.savepoint():
            first.action_withdraw("Changed his mind")
        self.assertEqual(first.state, "given")
        with self.assertRaisesRegex(UserError, "doesn't count"):
            second.action_withdraw("Again")

    def test_cancelled_request(self):
        """H7: nothing is agreed on for a cancelled request."""
        self.request.action_cancel("Sold the machine")
        with self.assertRaisesRegex(UserError, "is cancelled"):
            self._agree(self.request, 10)

    # --- outside purchase (M8.8) -----------------------------------------------------------

    def test_outside(self):
        """M8.8: a part bought outside needs customer service's written consent, for that part."""
        with freeze_time("2025-08-01 02:00:00"):
            self.request = self._new_request(self.card)
            record = self._new_complete_record(
                self.request, [{"product_id": self.engine_part.id, "source": "outside"}]
            )
            self.assertIn("Written consent of customer service", record.missing)
            with self.assertRaisesRegex(UserError, "Fan belt"), self.cr.savepoint():
                record.action_sign("Wang Fang", PIXEL)
            vals = {"kind": "outside", "how": "system", "given_by": "Zhao Lei"}
            for user in (self.technician, self.clerk):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    self._entry(user, **vals).action_confirm()
            self._entry(self.customer_service, **vals, product_ids=self.pump.ids).action_confirm()
            self.assertTrue(record.missing)
            entry = self._entry(self.customer_service, **vals)
            self.assertEqual(entry.product_ids, self.engine_part)
            entry.action_confirm()
            consent = self.request.consent_ids.filtered(lambda c: c.product_ids == self.engine_part)
            self.assertEqual((consent.kind, consent.amount), ("outside", 0))
            self.assertFalse(record.missing)
            record.action_sign("Wang Fang", PIXEL)
            with self.assertRaisesRegex(UserError, "has signed the work"):
                consent.with_user(self.clerk).action_withdraw("No")

    def test_outside_on_paper(self):
        """M8.8: a clerk records the manufacturer's letter; the letter itself is needed."""
        vals = {"kind": "outside", "product_ids": self.pump.ids}
        for how in ("phone", "screen"):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self._entry(**vals, how=how, signature=PIXEL).action_confirm()
        with self.assertRaisesRegex(ValidationError, "as evidence"), self.cr.savepoint():
            self._entry(**vals, how="paper").action_confirm()
        self._entry(**vals, how="paper", evidence=PIXEL).action_confirm()
        self.assertEqual(self.request.consent_ids.product_ids, self.pump)
        with self.assertRaisesRegex(AccessError, "Clerk"):
            self._entry(self.center_user, **vals, how="paper", evidence=PIXEL).action_confirm()

    # --- roles -----------------------------------------------------------------------------

    def test_roles(self):
        """H1: a consent shows to those who see its request, and only they can add one."""
        consent = self._agree(self.request, 100)
        for user in (
            self.technician,
            self.center_user,
            self.office_manager,
            self.clerk,
            self.customer_service,
            self.quality,
        ):
            self._assert_visible(consent, user)
        for user in (self.other_technician, self.other_center_user, self.other_office_manager):
            self._assert_hidden(consent, user)
        for user in (self.other_technician, self.other_center_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError), self.cr.savepoint():
                self._entry(user).action_confirm()
        for user in (self.technician, self.center_user):
            self._entry(user, how="screen", signature=PIXEL).action_confirm()
        self.assertEqual(self.request.agreed_amount, 300)

    def test_colleague_on_the_record(self):
        """H7: a colleague who writes the record takes the consent without seeing the request."""
        record = self._new_charged_record(self.engine_part)
        record.sudo().technician_id = self.other_technician
        own = record.with_user(self.other_technician)
        self.env.invalidate_all()
        context = own.action_open_consent()["context"]
        form = Form(
            self.env["aftersales.consent.entry"]
            .with_user(self.other_technician)
            .with_context(**context)
        )
        self.assertEqual((form.amount, form.given_by), (149.16, self.customer.name))
        form.how = "phone"
        form.evidence = PIXEL
        form.explanation = "A new fan belt"
        form.save().action_confirm()
        self.assertEqual(self.request.consent_ids.record_id, record)
        own.action_sign("Wang Fang", PIXEL)

    # --- orders ----------------------------------------------------------------------------

    def test_order_above_the_agreed(self):
        """H7, E7: an order that was raised by a cent is neither confirmed nor invoiced."""
        record = self._new_charged_record(self.engine_part)
        self._agree(self.request)
        record.action_sign("Wang Fang", PIXEL)
        record.action_done()
        order = self.env["sale.order"].browse(
            record.with_user(self.clerk).action_charge()["res_id"]
        )
        self.assertEqual((order.amount_total, order.aftersales_request_id), (149.16, self.request))
        line = order.order_line.filtered("service_part_id")
        line.price_unit = 121
        # 133.10 with 13 %: 150.40
        with self.assertRaisesRegex(UserError, r"150\.40, .*1\.24 more"):
            order.action_confirm()
        line.price_unit = 120
        order.action_confirm()
        line.price_unit = 121
        with self.assertRaisesRegex(UserError, "Record the customer's consent first"):
            order._create_invoices()
        self._agree(self.request, 10)
        self.assertTrue(order._create_invoices())

    def test_two_visits(self):
        """H7: what two visits charge together stays within what was agreed."""
        first = self._new_charged_record(self.engine_part)
        second = self._new_charged_record(self.engine_part)
        self._agree(self.request, 149.16)
        with self.assertRaisesRegex(UserError, r"149\.16 more"):
            second.action_sign("Wang Fang", PIXEL)
        first.part_ids.unlink()
        second.action_sign("Wang Fang", PIXEL)

    def test_other_company(self):
        """H1: consents of another company don't show."""
        consent = self._agree(self.request, 100)
        company = self.env["res.company"].create({"name": "Other"})
        clerk = self._new_user(
            "clerk",
            login="test_clerk_2",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self._assert_hidden(consent, clerk)
