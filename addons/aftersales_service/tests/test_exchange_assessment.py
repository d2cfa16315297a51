from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Date
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PIXEL, AftersalesCommon

# 10:00 on 20 November 2026 in Shanghai
NOW = "2026-11-20 02:00:00"


class ExchangeCommon(AftersalesCommon):
    """An energy-saving lamp, with the policy and the questions that are shipped."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(NOW))
        cls.lamp_policy = cls.env.ref("aftersales_service.policy_energy_saving_lamp")
        cls.lamp = cls.env["product.product"].create(
            {
                "name": "Energy-saving lamp 12 W",
                "is_storable": True,
                "warranty_policy_id": cls.lamp_policy.id,
                "categ_id": cls.categ_machine.id,
            }
        )

    @classmethod
    def _answer_of(cls, name):
        return cls.env.ref(f"aftersales_service.exchange_answer_{name}")

    @classmethod
    def _new_assessment(cls, user=None, **vals):
        return (
            cls.env["aftersales.exchange.assessment"]
            .with_user(user or cls.clerk)
            .create(
                {
                    "product_id": cls.lamp.id,
                    "partner_id": cls.customer.id,
                    "proof": PIXEL,
                    "photo": PIXEL,
                    **vals,
                }
            )
        )

    @classmethod
    def _answer(cls, assessment, *names):
        for name in names:
            assessment.write({"answer_id": cls._answer_of(name).id, "answer_photo": PIXEL})
            assessment.action_next()
        return assessment

    @classmethod
    def _judged(cls, *names, **vals):
        return cls._answer(cls._new_assessment(**vals), *names)

    @classmethod
    def _granted(cls, **vals):
        """Return a confirmed verdict to exchange."""
        assessment = cls._judged(
            "unlit", "cap_new", "tube_clear", **{"date_purchase": "2026-10-01", **vals}
        )
        assessment.action_done()
        return assessment


@tagged("post_install", "-at_install")
class TestExchangeAssessment(ExchangeCommon):
    def _assert_verdict(self, assessment, verdict, reason, code="L1.2"):
        self.assertEqual(assessment.verdict, verdict)
        self.assertRegex(assessment.reason, reason)
        self.assertEqual(assessment.regulation_id.code, code)

    # --- the rules of the lamp -------------------------------------------------------------

    def test_questions_in_order(self):
        """L1.2: lit? cap? tube? – asked one after the other."""
        assessment = self._new_assessment(date_purchase="2026-10-01")
        asked = []
        for name in ("unlit", "cap_new", "tube_clear"):
            asked.append(assessment.question_id)
            self.assertEqual(assessment.question_number, len(asked))
            self._answer(assessment, name)
        self.assertEqual(asked, list(self.lamp_policy.question_ids))
        self.assertFalse(assessment.question_id)
        self.assertEqual(
            assessment.line_ids.mapped("answer"),
            ["No, or it is broken", "Not aged, at least 80 % new", "No, it is clear"],
        )

    def test_a_lit(self):
        """L1.2 A: a lamp that lights up isn't exchanged, however new it is."""
        self._assert_verdict(self._judged("lit"), "refuse", "lights up")

    def test_b_cap_new(self):
        """L1.2 B: unlit with a cap that isn't aged is exchanged one for one."""
        assessment = self._judged("unlit", "cap_new", "tube_clear", date_purchase="2026-10-01")
        self._assert_verdict(assessment, "exchange", "within 12 months")

    def test_b_cap_aged(self):
        """L1.2 B: an aged cap isn't exchanged."""
        self._assert_verdict(self._judged("unlit", "cap_aged"), "refuse", "cap has aged")

    def test_c_tube_dark(self):
        """L1.2 C: a grey tube or blackened bridges aren't exchanged."""
        self._assert_verdict(self._judged("unlit", "cap_new", "tube_dark"), "refuse", "grey")

    def test_d_dealer(self):
        """L1.2 D: a dealer has 15 months from manufacture, the last day included."""
        for made, verdict in (("2025-08-20", "exchange"), ("2025-08-19", "refuse")):
            with self.subTest(made=made):
                assessment = self._judged(
                    "unlit",
                    "cap_new",
                    "tube_clear",
                    claimant="dealer",
                    date_manufacture=made,
                    proof=False,
                )
                self._assert_verdict(assessment, verdict, "15 months")

    def test_d_consumer(self):
        """L1.2 D: a consumer has 12 months from purchase, the last day included."""
        for bought, verdict in (("2025-11-20", "exchange"), ("2025-11-19", "refuse")):
            with self.subTest(bought=bought):
                assessment = self._judged("unlit", "cap_new", "tube_clear", date_purchase=bought)
                self._assert_verdict(assessment, verdict, "12 months")

    def test_claimants_apart(self):
        """L1.2 D: the dealer's period is no consumer's, and the other way round."""
        days = {"date_manufacture": "2025-09-01", "date_purchase": "2025-10-01"}
        path = ("unlit", "cap_new", "tube_clear")
        self.assertEqual(self._judged(*path, claimant="dealer", **days).verdict, "exchange")
        self.assertEqual(self._judged(*path, claimant="consumer", **days).verdict, "refuse")

    def test_periods_are_data(self):
        """L1.2: 15 and 12 months stand in the policy, not in the program."""
        line = self.lamp_policy.line_ids.filtered(lambda line: line.claimant == "dealer")
        line.duration = 3
        assessment = self._judged(
            "unlit", "cap_new", "tube_clear", claimant="dealer", date_manufacture="2026-08-19"
        )
        self._assert_verdict(assessment, "refuse", "3 months")

    def test_local_day(self):
        """L1.2: the day of the claim is the company's, so midnight in Shanghai ends the period."""
        for moment, verdict in (
            ("2026-11-20 15:59:59", "exchange"),
            ("2026-11-20 16:00:00", "refuse"),
        ):
            with freeze_time(moment):
                assessment = self._judged(
                    "unlit", "cap_new", "tube_clear", date_purchase="2025-11-20"
                )
            self.assertEqual(assessment.verdict, verdict, moment)

    def test_missing_day(self):
        """L1.2 D: without the printed code nothing is judged; the message says what to do."""
        assessment = self._judged("unlit", "cap_new", claimant="dealer")
        with self.assertRaisesRegex(UserError, "“Made on” is missing.*printed"):
            self._answer(assessment, "tube_clear")
        assessment.date_manufacture = "2026-01-05"
        self._answer(assessment, "tube_clear")
        self.assertEqual(assessment.verdict, "exchange")

    def test_missing_proof(self):
        """L2.2: a consumer's claim needs the proof of purchase."""
        assessment = self._judged("unlit", "cap_new", proof=False, date_purchase="2026-10-01")
        with self.assertRaisesRegex(UserError, "proof of purchase"):
            self._answer(assessment, "tube_clear")
        assessment.proof = PIXEL
        self._answer(assessment, "tube_clear")
        self.assertEqual(assessment.verdict, "exchange")

    def test_impossible_days(self):
        """L1.2: days in the future, or bought before it was made, are refused."""
        for vals, message in (
            ({"date_purchase": "2026-11-21"}, "after the day of the claim"),
            ({"date_manufacture": "2027-01-01"}, "after the day of the claim"),
            ({"date_purchase": "2026-01-01", "date_manufacture": "2026-02-01"}, "before it was"),
        ):
            with self.subTest(vals=vals), self.assertRaisesRegex(ValidationError, message):
                self._new_assessment(**vals)

    # --- answering -------------------------------------------------------------------------

    def test_no_answer(self):
        """L1.2: a question isn't passed over, nor answered with another question's answer."""
        assessment = self._new_assessment()
        with self.assertRaisesRegex(UserError, "Choose an answer"):
            assessment.action_next()
        assessment.answer_id = self._answer_of("tube_clear")
        with self.assertRaisesRegex(UserError, "Choose an answer"):
            assessment.action_next()
        self.assertFalse(assessment.line_ids)

    def test_photo_of_answer(self):
        """L1.2: the state of the cap is taken with a photo, which is kept with the answer."""
        assessment = self._judged("unlit")
        assessment.answer_id = self._answer_of("cap_new")
        with self.assertRaisesRegex(UserError, "add a photo"):
            assessment.action_next()
        self._answer(assessment, "cap_new")
        self.assertTrue(assessment.line_ids[-1].photo)
        self.assertFalse(assessment.answer_photo)

    def test_back(self):
        """L1.2: going back takes the last answer and the verdict away."""
        assessment = self._judged("unlit", "cap_aged")
        assessment.action_back()
        self.assertFalse(assessment.verdict or assessment.reason or assessment.regulation_id)
        self.assertEqual(assessment.line_ids.mapped("answer"), ["No, or it is broken"])
        self._answer(assessment, "cap_new")
        self.assertEqual(
            assessment.question_id, self.env.ref("aftersales_service.exchange_question_tube")
        )

    def test_changed_basis_judged_again(self):
        """L1.2: a day or claimant corrected after the verdict takes the verdict back."""
        assessment = self._judged("unlit", "cap_new", "tube_clear", date_purchase="2026-10-01")
        assessment.date_purchase = "2024-10-01"
        self.assertFalse(assessment.verdict)
        self.assertEqual(len(assessment.line_ids), 2)
        self._answer(assessment, "tube_clear")
        self.assertEqual(assessment.verdict, "refuse")

    def test_other_product_starts_anew(self):
        """L1.2: another product with another policy begins with the first question."""
        assessment = self._judged("unlit", "cap_new")
        assessment.product_id = self.machine
        self.assertFalse(assessment.line_ids)
        self.assertEqual(assessment.policy_id, self.policy)
        with self.assertRaisesRegex(UserError, "has no questions"):
            assessment.action_next()

    def test_no_policy(self):
        """L1.2: a product without policy has nothing to be judged by."""
        self.lamp.warranty_policy_id = False
        with self.assertRaisesRegex(UserError, "No warranty policy"):
            self._new_assessment().action_next()

    # --- the verdict is locked -------------------------------------------------------------

    def test_photo_for_exchange(self):
        """L1.2: an exchange isn't confirmed without photo, unless the policy doesn't ask for it."""
        assessment = self._judged(
            "unlit", "cap_new", "tube_clear", photo=False, date_purchase="2026-10-01"
        )
        with self.assertRaisesRegex(UserError, "photo of the product"):
            assessment.action_done()
        self.lamp_policy.exchange_photo_required = False
        assessment.action_done()
        self.assertEqual(assessment.state, "done")

    def test_refusal_without_photo(self):
        """L1.2: a refusal needs no photo of the product."""
        assessment = self._judged("lit", photo=False)
        assessment.action_done()
        self.assertEqual(assessment.state, "done")

    def test_no_verdict_to_confirm(self):
        """L1.2: half answered, nothing can be confirmed."""
        with self.assertRaisesRegex(UserError, "no verdict yet"):
            self._judged("unlit").action_done()

    def test_verdict_not_written(self):
        """L1.2: no role writes verdict, reason or state by RPC, at creation neither."""
        assessment = self._judged("lit")
        for vals in (
            {"verdict": "exchange"},
            {"reason": "Because"},
            {"state": "done"},
            {"date": "2025-01-01"},
            {"policy_id": self.policy.id},
            {"user_id": self.vp.id},
        ):
            for user in (self.clerk, self.customer_service, self.administrator):
                with (
                    self.subTest(vals=vals, user=user.login),
                    self.assertRaisesRegex(AccessError, "can't be changed by hand"),
                ):
                    assessment.with_user(user).write(vals)
            with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                self._new_assessment(**vals)

    def test_answers_not_written(self):
        """L1.2: answers come from the questions only."""
        assessment = self._judged("unlit")
        vals = {"assessment_id": assessment.id, "question": "Cap?", "answer": "New"}
        for user in (self.clerk, self.center_user, self.administrator):
            lines = assessment.line_ids.with_user(user)
            with self.assertRaises(AccessError):
                lines.create(vals)
            with self.assertRaises(AccessError):
                lines.write({"answer": "Yes"})
            with self.assertRaises(AccessError):
                lines.unlink()
        with self.assertRaises(AccessError):
            assessment.write({"line_ids": [Command.create(vals)]})

    def test_locked(self):
        """L1.2: once confirmed, neither photos nor days nor answers change."""
        assessment = self._granted()
        other = (
            b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5C"
            b"YII="
        )
        for vals in (
            {"photo": False},
            {"photo": other},
            {"proof": False},
            {"date_purchase": "2026-11-01"},
            {"claimant": "dealer"},
            {"partner_id": self.other_customer.id},
            {"product_id": self.machine.id},
            {"answer_id": self._answer_of("lit").id},
        ):
            for user in (self.clerk, self.customer_service, self.administrator):
                with (
                    self.subTest(vals=vals, user=user.login),
                    self.assertRaisesRegex(UserError, "locked"),
                ):
                    assessment.with_user(user).write(vals)
        for call in (assessment.action_next, assessment.action_back, assessment.action_done):
            with self.assertRaisesRegex(UserError, "decided or cancelled"):
                call()
        with self.assertRaisesRegex(UserError, "kept until"):
            assessment.unlink()
        with self.assertRaises(AccessError):
            self.env["ir.attachment"].with_user(self.clerk).search(
                [
                    ("res_model", "=", assessment._name),
                    ("res_id", "=", assessment.id),
                    ("res_field", "=", "photo"),
                ]
            ).unlink()

    def test_words_are_frozen(self):
        """L1.2: what was asked and answered stays, when the questions are reworded or deleted."""
        assessment = self._judged("lit")
        assessment.action_done()
        question = self.lamp_policy.question_ids[0]
        question.name = "Other"
        self._answer_of("lit").reason = "Other"
        self.assertEqual(assessment.line_ids.question, "Does the lamp light up?")
        self.assertRegex(assessment.reason, "lights up")
        question.unlink()
        self.assertEqual(assessment.line_ids.question, "Does the lamp light up?")

    def test_cancel(self):
        """L1.2: only clerks and customer service cancel, with a reason."""
        assessment = self._granted(user=self.center_user)
        with self.assertRaisesRegex(AccessError, "Clerk"):
            assessment.action_cancel("Mistake")
        with self.assertRaisesRegex(UserError, "reason"):
            assessment.with_user(self.clerk).action_cancel(" ")
        assessment.with_user(self.customer_service).action_cancel("Wrong unit")
        self.assertEqual(assessment.state, "cancelled")
        self.assertIn("Wrong unit", assessment.message_ids[0].body)

    # --- questions -------------------------------------------------------------------------

    def _new_questions(self, count):
        policy = self._new_policy(12)
        questions = self.env["aftersales.exchange.question"].create(
            [{"policy_id": policy.id, "name": f"Question {n}"} for n in range(1, count + 1)]
        )
        return policy, questions

    def _new_answer(self, question, **vals):
        return self.env["aftersales.exchange.answer"].create(
            {"question_id": question.id, "name": "Yes", **vals}
        )

    def test_circle(self):
        """L1.2: questions that lead round in a circle are refused at once."""
        _policy, (first, second, third) = self._new_questions(3)
        self._new_answer(first, next_question_id=second.id)
        self._new_answer(second, next_question_id=third.id)
        for target in (first, second, third):
            with (
                self.subTest(target=target.name),
                self.assertRaisesRegex(ValidationError, "circle"),
            ):
                self._new_answer(third, next_question_id=target.id)

    def test_other_policy(self):
        """L1.2: an answer doesn't lead to the question of another policy."""
        _policy, first = self._new_questions(1)
        _other, foreign = self._new_questions(1)
        with self.assertRaisesRegex(ValidationError, "another policy"):
            self._new_answer(first, next_question_id=foreign.id)

    def test_incomplete_questions(self):
        """L1.2: open ends, two beginnings, a period without cover are named and judge nothing."""
        policy, (first, second) = self._new_questions(2)
        self._new_answer(first, outcome="window")
        self.assertRegex(policy.exchange_problem, "“Question 2” has no answers")
        self.assertRegex(policy.exchange_problem, "More than one question could be the first")
        self.assertRegex(policy.exchange_problem, "how long the product is exchanged")
        product = self._new_machine("Lamp", policy)
        with self.assertRaisesRegex(UserError, "have to be completed first"):
            self._new_assessment(product_id=product.id).action_next()
        self._new_answer(first, next_question_id=second.id)
        self._new_answer(second, outcome="repair", reason="The driver is replaced.")
        policy.line_ids.kind = "exchange"
        self.assertFalse(policy.exchange_problem)

    def test_reason_needed(self):
        """L1.2: a verdict without reason isn't accepted, nor an answer that leads nowhere."""
        _policy, first = self._new_questions(1)
        with self.assertRaisesRegex(ValidationError, "enter the reason"):
            self._new_answer(first, outcome="refuse")
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(Exception, "next_question"),
            self.cr.savepoint(),
        ):
            self._new_answer(first, outcome="next")

    def test_shipped_questions_are_complete(self):
        """L1.2: what is shipped for the lamp leads to a verdict on every way."""
        self.assertFalse(self.lamp_policy._get_exchange_problems())

    def test_new_version_has_its_own_questions(self):
        """L1.2: a later version of the policy takes the questions along, each with its own ways."""
        version = self.lamp_policy._start_version(Date.to_date("2027-01-01"))
        self.assertEqual(len(version.question_ids), 3)
        self.assertFalse(version.question_ids & self.lamp_policy.question_ids)
        self.assertFalse(version._get_exchange_problems())
        self.assertEqual(version.question_ids.answer_ids.next_question_id.policy_id, version)
        self.assertEqual(version._get_first_question().name, "Does the lamp light up?")

    def test_from_request(self):
        """L1.2: opened from a request, the assessment knows card, customer, product and center."""
        card = self._deliver("LAMP-REQ", product=self._new_machine("Lamp", self.lamp_policy))
        request = self._new_request(card)
        self.assertTrue(request.has_exchange_questions)
        self.assertTrue(card.has_exchange_questions)
        other = self._new_request(self._deliver("NO-QUESTIONS"))
        self.assertFalse(other.has_exchange_questions)
        self.assertFalse(other.card_id.has_exchange_questions)
        context = request.action_new_assessment()["context"]
        model = self.env["aftersales.exchange.assessment"].with_context(**context)
        assessment = model.with_user(self.center_user).create({})
        self.assertEqual(assessment.card_id, card)
        self.assertEqual(assessment.partner_id, card.partner_id)
        self.assertEqual(assessment.product_id, card.product_id)
        self.assertEqual(assessment.center_id, self.center)
        self.assertEqual(assessment.date_purchase, card.date_delivery)
        self.assertEqual(assessment.policy_id, card.policy_id)

    def test_repair_verdict(self):
        """L2.1: a verdict to repair leads to a request, filled from the assessment."""
        policy, first = self._new_questions(1)
        answer = self._new_answer(first, outcome="repair", reason="The driver is replaced.")
        assessment = self._new_assessment(product_id=self._new_machine("Lamp", policy).id)
        assessment.answer_id = answer
        assessment.action_next()
        assessment.action_done()
        context = assessment.action_new_request()["context"]
        self.assertEqual(context["default_description"], "The driver is replaced.")
        self.assertEqual(context["default_partner_id"], self.customer.id)

    # --- roles -----------------------------------------------------------------------------

    def test_roles(self):
        """Mistake 6: a center its own, a technician his own, an office its region, others all."""
        north = self._judged("unlit", user=self.center_user)
        self.assertEqual(north.center_id, self.center)
        south = self._judged(
            "unlit", user=self.other_center_user, partner_id=self.other_customer.id
        )
        own = self._judged("unlit", user=self.technician, partner_id=self.other_customer.id)
        for user, seen, hidden in (
            (self.center_user, north, south | own),
            (self.other_center_user, south, north | own),
            (self.technician, own, north | south),
            (self.other_technician, self.env[north._name], north | south | own),
            (self.office_manager, north, south | own),
            (self.other_office_manager, south | own, north),
            (self.clerk, north | south | own, self.env[north._name]),
            (self.quality, north | south | own, self.env[north._name]),
        ):
            with self.subTest(user=user.login):
                for documents in (seen, seen.sudo().line_ids):
                    if documents:
                        self._assert_visible(documents, user)
                for documents in (hidden, hidden.sudo().line_ids):
                    if documents:
                        self._assert_hidden(documents, user)

    def test_whole_way_as_center_and_technician(self):
        """L2.1: center and technician judge a product without any other role."""
        for user in (self.center_user, self.technician):
            with self.subTest(user=user.login):
                assessment = self._granted(user=user)
                self.assertEqual(assessment.verdict, "exchange")
                self.assertEqual(assessment.user_id, user)

    def test_not_for_others(self):
        """L2.1: who only looks on judges nothing; a center judges for no other."""
        for user in (self.logistics, self.quality, self.vp, self.office_manager):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._new_assessment(user=user)
        with self.assertRaises(AccessError):
            self._new_assessment(user=self.center_user, center_id=self.other_center.id)
        south = self._judged("unlit", user=self.other_center_user)
        with self.assertRaises(AccessError):
            south.with_user(self.center_user).action_back()
        card = self._deliver("SN-FOREIGN", partner=self.other_customer)
        with self.assertRaises(AccessError):
            self._new_assessment(
                user=self.center_user,
                card_id=card.id,
                product_id=card.product_id.id,
                partner_id=card.partner_id.id,
            )

    def test_not_handed_on(self):
        """Mistake 6: a center can't hand its assessment to another one."""
        assessment = self._judged("unlit", user=self.center_user)
        with self.assertRaises(AccessError), self.cr.savepoint():
            assessment.center_id = self.other_center
        self.assertEqual(assessment.center_id, self.center)

    def test_other_company(self):
        """Mistake 6: another company's assessments aren't seen."""
        company = self.env["res.company"].create({"name": "Another company"})
        stranger = self._new_user("clerk", login="test_clerk_2", company_id=company.id)
        self._assert_hidden(self._judged("lit"), stranger)


@tagged("post_install", "-at_install")
class TestExchange(ExchangeCommon):
    """The exchange itself, with real goods."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.company.id)], limit=1
        )

    def _stock(self, product, lot=None):
        self.env["stock.quant"]._update_available_quantity(
            product, self.warehouse.lot_stock_id, 1, lot_id=lot
        )

    def _do(self, picking):
        for move in picking.move_ids:
            move.picked = True
        picking._action_done()

    def _pickings(self, assessment):
        pickings = assessment.sudo().picking_ids
        back = pickings.filtered(lambda picking: picking.location_id.usage == "customer")
        return back, pickings - back

    def test_stock_moves(self):
        """L1.2 B, L2.1: one comes back to the defective goods, one goes out from stock."""
        self._stock(self.lamp)
        assessment = self._granted()
        self.assertEqual(assessment.exchange_state, "none")
        assessment.action_exchange()
        back, out = self._pickings(assessment)
        self.assertEqual(assessment.exchange_state, "waiting")
        self.assertEqual((back | out).partner_id, self.customer)
        self.assertEqual(set((back | out).mapped("origin")), {assessment.name})
        self.assertEqual(out.state, "assigned")
        self._do(back)
        assessment.invalidate_recordset()
        self.assertEqual(assessment.exchange_state, "returned")
        self._do(out)
        assessment.invalidate_recordset()
        self.assertEqual(assessment.exchange_state, "done")
        defective = self.warehouse.defective_loc_id
        quants = self.env["stock.quant"]
        self.assertEqual(quants._get_available_quantity(self.lamp, defective), 1)
        # what came back is not for sale
        self.assertEqual(quants._get_available_quantity(self.lamp, self.warehouse.lot_stock_id), 0)

    def test_new_card(self):
        """L2.1: the replacement with a serial number gets a card of its own, with proof."""
        lamp = self._new_machine("Lamp with serial", self.lamp_policy)
        card = self._deliver("LAMP-OLD", product=lamp)
        new = self._new_lots(["LAMP-NEW"], lamp)
        self._stock(lamp, new)
        assessment = self._granted(
            card_id=card.id, product_id=lamp.id, proof=False, date_purchase="2026-11-20"
        )
        assessment.action_exchange()
        back, out = self._pickings(assessment)
        self.assertEqual(back.move_line_ids.lot_id, card.lot_id)
        self._do(back)
        self.assertEqual(card.state, "closed")
        self._do(out)
        self.assertEqual(card.lot_id.location_id, self.warehouse.defective_loc_id)
        replacement = new.warranty_card_ids
        self.assertEqual(replacement.exchange_assessment_id, assessment.sudo())
        self.assertEqual(replacement.partner_id, self.customer)
        self.assertTrue(replacement.has_proof)
        self.assertEqual(replacement.date_delivery, Date.to_date("2026-11-20"))
        self.assertEqual(assessment.replacement_card_ids, replacement)
        self.assertEqual(self.env["stock.lot"].browse(new.id).location_id.usage, "customer")

    def test_card_without_serial(self):
        """L2.1: without serial numbers the card closes, too, and another one opens."""
        card = self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.lamp.id,
                "date_delivery": "2026-09-01",
            }
        )
        self._stock(self.lamp)
        assessment = self._granted(card_id=card.id, date_purchase="2026-09-01")
        assessment.action_exchange()
        back, out = self._pickings(assessment)
        self._do(back)
        self.assertEqual(card.state, "closed")
        self.assertIn(assessment.name, card.message_ids[0].body)
        self.assertFalse(assessment.replacement_card_ids)
        self._do(out)
        replacement = assessment.replacement_card_ids
        self.assertEqual(replacement.state, "open")
        self.assertEqual(replacement.date_delivery, Date.to_date("2026-11-20"))
        self.assertTrue(replacement.has_proof)

    def test_exchanged_once(self):
        """L2.1: an exchange is ordered once, and a unit's card grants one exchange only."""
        assessment = self._granted()
        assessment.action_exchange()
        with self.assertRaisesRegex(UserError, "ordered already"):
            assessment.action_exchange()
        card = self._deliver("LAMP-1", product=self._new_machine("Lamp", self.lamp_policy))
        vals = {
            "card_id": card.id,
            "product_id": card.product_id.id,
            "date_purchase": "2026-11-20",
        }
        self._granted(**vals)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.cr.savepoint(),
        ):
            self._granted(**vals)

    def test_only_confirmed(self):
        """L2.1: without a confirmed positive verdict nothing is exchanged."""
        draft = self._judged("unlit", "cap_new", "tube_clear", date_purchase="2026-10-01")
        refused = self._judged("lit")
        refused.action_done()
        for assessment in (draft, refused):
            with self.assertRaisesRegex(UserError, "no confirmed verdict"):
                assessment.action_exchange()
        with self.assertRaisesRegex(AccessError, "Clerk"):
            self._granted(user=self.center_user).action_exchange()

    def test_cancel_before(self):
        """L2.1: cancelled in time, the transfers are cancelled with the verdict."""
        assessment = self._granted()
        assessment.action_exchange()
        assessment.action_cancel("Customer kept it")
        self.assertEqual(set(assessment.sudo().picking_ids.mapped("state")), {"cancel"})

    def test_cancel_after(self):
        """L2.1: what has come back can't be cancelled away."""
        assessment = self._granted()
        assessment.action_exchange()
        self._do(self._pickings(assessment)[0])
        with self.assertRaisesRegex(UserError, "verdict stays"):
            assessment.action_cancel("Customer kept it")

    def test_void_card(self):
        """L1.2: a void card gives no exchange."""
        card = self._deliver("LAMP-2", product=self._new_machine("Lamp", self.lamp_policy))
        card.action_void("Issued twice")
        assessment = self._judged(
            "unlit",
            "cap_new",
            "tube_clear",
            card_id=card.id,
            product_id=card.product_id.id,
            date_purchase="2026-11-20",
        )
        self.assertEqual(assessment.verdict, "refuse")
        self.assertIn("isn't valid", assessment.reason)

    def test_void_card_whatever_the_questions(self):
        """L1.2: nor does it where the answer grants the exchange without looking at the period."""
        self._answer_of("tube_clear").write({"outcome": "exchange", "reason": "One for one"})
        card = self._deliver("LAMP-4", product=self._new_machine("Lamp", self.lamp_policy))
        vals = {"card_id": card.id, "product_id": card.product_id.id}
        answers = ("unlit", "cap_new", "tube_clear")
        self.assertEqual(self._judged(*answers, **vals).verdict, "exchange")
        card.action_void("Issued twice")
        self.assertEqual(self._judged(*answers, **vals).verdict, "refuse")

    def test_transfer_not_by_hand(self):
        """L2.1: whose cards a transfer closes and opens follows from the assessment alone."""
        worker = self._new_user("user", login="test_warehouse")
        worker.group_ids = self.env.ref("stock.group_stock_user")
        assessment = self._granted()
        delivery = self._new_delivery(self._new_lots(["SN-X"])).with_user(worker)
        with self.assertRaisesRegex(AccessError, "made on its assessment"):
            delivery.aftersales_assessment_id = assessment
        vals = {
            "picking_type_id": delivery.picking_type_id.id,
            "aftersales_assessment_id": assessment.id,
        }
        with self.assertRaisesRegex(AccessError, "made on its assessment"):
            delivery.create(vals)

    def test_card_of_another(self):
        """L1.2: product, customer and days of the card can't be given otherwise."""
        card = self._deliver("LAMP-3", product=self._new_machine("Lamp", self.lamp_policy))
        with self.assertRaisesRegex(ValidationError, "isn't what the warranty card"):
            self._new_assessment(card_id=card.id, product_id=self.lamp.id)

    def test_slip(self):
        """L2.1: the slip says verdict, reason and article, and where the product is repaired."""
        assessment = self._judged("lit")
        assessment.action_done()
        html, _type = (
            self.env["ir.actions.report"]
            .with_user(self.clerk)
            ._render_qweb_html("aftersales_service.report_exchange_assessment", assessment.ids)
        )
        html = html.decode()
        for text in (assessment.name, "not exchanged", "lights up", "L1.2", self.center.name):
            self.assertIn(text, html)
        self.assertIn("data:image/png;base64", html)
