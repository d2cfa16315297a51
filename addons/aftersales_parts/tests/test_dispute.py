from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestPartsDispute(AftersalesPartsCommon):
    def test_return(self):
        """L1.7: a center disputes its own return, which stays while the dispute is open."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        dispute = self._dispute(return_id=document.id)
        self.assertEqual(dispute.partner_id, self.center)
        self.assertEqual(dispute.center_id, self.center)
        self.assertEqual(dispute.region_id, self.region)
        self.assertFalse(dispute.request_id)
        self.assertEqual(document.dispute_count, 1)
        with self.assertRaisesRegex(UserError, dispute.name):
            document.action_cancel("Never mind")
        dispute.with_user(self.users["customer_service"]).action_cancel("Found again")
        document.action_cancel("Never mind")

    def test_accountant(self):
        """An accountant opens settlements without seeing disputes."""
        self._make_record([self._part(self.pump)])
        self._return_parts()
        settlement = self._generate()
        dispute = self._dispute(settlement_id=settlement.id)
        self.assertEqual(dispute.partner_id, settlement.center_id)
        own = settlement.with_user(self.users["accountant"])
        self.env.invalidate_all()
        self.assertEqual(own.dispute_count, 0)
        with self.assertRaises(AccessError):
            self.env["aftersales.dispute"].with_user(self.users["accountant"]).search([])

    def _deducted(self, count=1):
        """Return the tags of pumps that were deducted, and their return."""
        tags = self._make_record([self._part(self.pump, quantity=count)]).used_part_ids
        reason = self.env.ref("aftersales_parts.deduction_reason_D05")
        document = self._return_parts(deductions=dict.fromkeys(tags.mapped("name"), reason.id))
        return tags.sorted("name"), document

    def test_ruling_is_paid_after_a_confirmed_settlement(self):
        """L1.7, M8.4: deducted in October, ruled: 2860.00 + 10 % = 3146.00 in November, once."""
        tag, document = self._deducted()
        october = self._generate()
        self._settle(october)
        self.assertEqual((october.line_ids.result, october.amount_payable), ("deducted", 0))
        self.assertFalse(self._generate("2026-11-01"), "not before the ruling")
        dispute = self._ruled(return_id=document.id)
        self.assertTrue(dispute.can_carry_out)
        dispute.action_carry_out(tag.ids)
        self.assertEqual((tag.state, tag.result), ("accepted", "accepted"))
        self.assertFalse(tag.deduction_reason_id)
        self.assertEqual(tag.event_ids[-2:].mapped("event"), ["ruled", "accepted"])
        self.assertIn(dispute.name, tag.event_ids[-1].note)
        self.assertIn(tag.name, dispute.message_ids[0].body)
        self.assertFalse(tag._check_ledger())
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertIn("accepted later that are not paid yet: 1", obstacles)
        self.assertFalse(self._generate().filtered(lambda s: s.state == "draft"))
        november = self._generate("2026-11-01")
        self.assertEqual(november.line_ids.used_part_id, tag)
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertNotIn("accepted later", obstacles)
        self._settle(november)
        self.assertEqual(november.amount_payable, 3146)
        self.assertEqual((october.line_ids.result, october.amount_payable), ("deducted", 0))
        for month in ("2026-10-01", "2026-11-01", "2026-12-01"):
            self.assertLessEqual(self._generate(month), october | november)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.cr.savepoint(),
        ):
            november.line_ids.sudo().copy({"settlement_id": october.id})
            self.env.flush_all()

    def test_ruling_before_the_audit(self):
        """L1.7, M8.4: ruled before the audit: the same settlement pays; none pays afterwards."""
        tag, document = self._deducted()
        october = self._generate()
        self._ruled(settlement_id=october.id).action_carry_out(tag.ids)
        self._settle(october)
        self.assertEqual((october.line_ids.result, october.amount_payable), ("payable", 3146))
        self.assertFalse(self._generate("2026-11-01"))

    def test_ruling_partly(self):
        """L1.7: of two pumps the ruling gives one: what is not named stays deducted."""
        tags, document = self._deducted(2)
        dispute = self._ruled("partly", return_id=document.id)
        wizard = self._open_wizard(dispute)
        self.assertEqual(wizard.line_ids.used_part_id, tags)
        self.assertFalse(wizard.line_ids.filtered("is_chosen"))
        wizard.line_ids.filtered(lambda line: line.used_part_id == tags[0]).is_chosen = True
        wizard.action_confirm()
        self.assertEqual(tags.mapped("result"), ["accepted", "deducted"])
        with self.assertRaisesRegex(UserError, "no ruling"), self.cr.savepoint():
            dispute.action_carry_out(tags[0].ids)

    def _open_wizard(self, dispute):
        action = dispute.action_open_carry_out()
        return dispute.env[action["res_model"]].browse(action["res_id"])

    def test_wizard_lists_what_is_claimed(self):
        """L1.7, M8.1: of several none is chosen; part, reason and amount are said."""
        tags, document = self._deducted(2)
        wizard = self._open_wizard(self._ruled(return_id=document.id))
        self.assertFalse(wizard.line_ids.filtered("is_chosen"))
        # 2860.00 + 10 % = 3146.00, before and after the settlement is generated
        self.assertEqual(wizard.line_ids.mapped("amount"), [3146, 3146])
        self.assertEqual(
            set(wizard.line_ids.mapped("reason")),
            {self.env.ref("aftersales_parts.deduction_reason_D05").name},
        )
        with self.assertRaisesRegex(UserError, "Choose"), self.cr.savepoint():
            wizard.action_confirm()
        self._generate()
        with Form(self._open_wizard(wizard.dispute_id)) as form:
            self.assertEqual(form.amount_chosen, 0)
            with form.line_ids.edit(0) as line:
                line.is_chosen = True
            self.assertEqual(form.amount_chosen, 3146)
        form.record.action_confirm()
        self.assertEqual(sorted(tags.mapped("result")), ["accepted", "deducted"])

    def test_wizard_chooses_the_only_part(self):
        """L1.7: if only one is refused, it is what the ruling is about."""
        tag, document = self._deducted()
        wizard = self._open_wizard(self._ruled(return_id=document.id))
        self.assertTrue(wizard.line_ids.is_chosen)
        wizard.action_confirm()
        self.assertEqual(tag.result, "accepted")

    def test_carried_out_once(self):
        """L1.7: what is carried out is dated, and no closed dispute asks for it again."""
        tags, document = self._deducted(2)
        dispute = self._ruled("partly", return_id=document.id)
        self.assertFalse(dispute.date_carried_out)
        dispute.action_carry_out(tags[0].ids)
        self.assertTrue(dispute.date_carried_out)
        self.assertTrue(dispute.can_carry_out)
        dispute.sudo()._write_protected({"state": "closed"})
        self.assertFalse(dispute.can_carry_out)
        with self.assertRaises(UserError), self.cr.savepoint():
            dispute.write({"date_carried_out": False})

    def test_later_verdict_is_not_ruled_on(self):
        """L1.7: sent back, kept again and refused anew: the ruling was about the first return."""
        tag, document = self._refused("reject", "return")
        document.action_done()
        dispute = self._ruled(return_id=document.id)
        tag.with_user(self.users["center"]).action_keep_again()
        again = self._make_return(month="2026-12-01")
        again.write({"is_special": True, "special_reason": "Once more"})
        self._approve(again)
        again.action_ship()
        again.with_user(self.users["logistics"]).action_receive(tag.mapped("name"))
        again.line_ids.with_user(self.users["quality"]).write(
            {
                "verdict": "deduct",
                "deduction_reason_id": self.env.ref("aftersales_parts.deduction_reason_D05").id,
            }
        )
        self._verify_return(again)
        self.assertFalse(dispute.can_carry_out)
        with self.assertRaisesRegex(UserError, "no ruling"), self.cr.savepoint():
            dispute.action_carry_out(tag.ids)

    def test_wizard_offers_what_was_settled_otherwise(self):
        """L1.7, M8.2, M8.4: lines without warranty or fee are offered, with what they would get.

        By hand: the seal without fee 10 % of 120.00 = 12.00; the pump, not covered, 3146.00.
        """
        self._make_record([self._part(self.pump), self._part(self.seal)])
        self._return_parts()
        october = self._generate()
        self._settle(october)
        dispute = self._ruled(settlement_id=october.id)
        self.assertFalse(dispute.carry_out_note)
        seal = october.line_ids.filtered(lambda line: line.product_id == self.seal)
        wizard = self._open_wizard(dispute)
        self.assertEqual(wizard.line_ids.settlement_line_id, seal)
        self.assertEqual(wizard.line_ids.amount, 12)
        (october.line_ids - seal)._write_protected({"result": "uncovered"})
        wizard = self._open_wizard(dispute)
        self.assertEqual(sorted(wizard.line_ids.mapped("amount")), [12, 3146])
        self.assertFalse(self._ruled("customer", settlement_id=october.id).can_carry_out)

    def test_ruling_is_carried_out_by_its_own_alone(self):
        """L1.7: neither without a ruling for the center, nor for other parts, nor by others."""
        tag, document = self._deducted()
        other = self._make_record([self._part(self.pump)]).used_part_ids
        for dispute in (
            self._dispute(return_id=document.id).with_user(self.users["customer_service"]),
            self._ruled("customer", return_id=document.id),
        ):
            self.assertFalse(dispute.can_carry_out)
            with self.assertRaisesRegex(UserError, "no ruling"), self.cr.savepoint():
                dispute.action_carry_out(tag.ids)
        dispute = self._ruled(return_id=document.id)
        with self.assertRaisesRegex(UserError, "no ruling"), self.cr.savepoint():
            dispute.action_carry_out(other.ids)
        for role in ("center", "office_manager", "clerk", "quality"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                dispute.with_user(self.users[role]).action_carry_out(tag.ids)

    def test_second_look_after_the_ruling(self):
        """L1.7: a ruling is final; no second look takes it back."""
        tag, document = self._deducted()
        self._ruled(return_id=document.id).action_carry_out(tag.ids)
        with self.assertRaisesRegex(UserError, "nothing to object"), self.cr.savepoint():
            document.line_ids.with_user(self.users["center"]).action_object("Once more")

    def test_ruling_on_a_loss(self):
        """L1.7, M10.3: lost at the center's charge, ruled otherwise: the company bears it."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        tag.with_user(self.users["customer_service"]).action_write_off("Fell off", "center")
        self._ruled(return_id=document.id).action_carry_out(tag.ids)
        self.assertEqual((tag.state, tag.result, tag.loss_bearer), ("lost", "accepted", "company"))
        october = self._generate()
        self._settle(october)
        self.assertEqual(october.amount_payable, 3146)

    def test_ruled_loss_turns_up(self):
        """L1.7, M10.3: lost, ruled, found and rejected: its first inspection may be objected to."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        own = tag.with_user(self.users["customer_service"])
        own.action_write_off("Fell off", "center")
        self._ruled(return_id=document.id).action_carry_out(tag.ids)
        own.action_found("Behind the gate")
        self.assertFalse(tag.ruling_id)
        document.with_user(self.users["logistics"]).action_receive(tag.mapped("name"))
        document.line_ids.with_user(self.users["quality"]).write(
            {
                "verdict": "reject",
                "deduction_reason_id": self.env.ref("aftersales_parts.deduction_reason_D05").id,
            }
        )
        self._verify_return(document)
        document.line_ids.with_user(self.users["center"]).action_object("It was complete")
        self.assertEqual(document.line_ids.objection_state, "open")

    def test_late_part_keeps_the_center_open(self):
        """L3.1, M8.4: missing in a confirmed month, accepted since, not paid yet: no closing."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        october = self._generate()
        self._settle(october)
        self.assertEqual(october.line_ids.result, "missing")
        self._return_parts().with_user(self.users["customer_service"]).action_done()
        self.assertEqual(tag.result, "accepted")
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertIn("accepted later that are not paid yet: 1", obstacles)
        november = self._generate("2026-11-01")
        self._settle(november)
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertNotIn("accepted later", obstacles)

    # --- what a ruling changes on the return ------------------------------------------------

    def _refused(self, verdict, outcome=None):
        """Return the tag of a refused pump, and its verified return with the decision on it."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        reason = self.env.ref("aftersales_parts.deduction_reason_D05")
        document = self._return_parts(deductions={tag.name: reason.id}, verdict=verdict)
        document = document.with_user(self.users["customer_service"])
        document.line_ids.outcome_refused = outcome or "keep"
        return tag, document

    def test_ruling_before_the_answer(self):
        """L1.7, L2.9: ruled before the answer, the part stays, and the slip says accepted."""
        for verdict, outcome in (("reject", "return"), ("deduct", "scrap")):
            with self.subTest(verdict=verdict):
                savepoint = self.cr.savepoint()
                tag, document = self._refused(verdict, outcome)
                dispute = self._ruled(return_id=document.id)
                before = document.message_ids
                dispute.action_carry_out(tag.ids)
                line = document.line_ids
                self.assertEqual((line.verdict, line.quantity_refused), ("accept", 0))
                self.assertEqual((line.quantity_accepted, line.outcome), (1, "settlement"))
                self.assertFalse(line.deduction_reason_id or line.outcome_refused)
                self.assertEqual(line.inspection_ids[-1].kind, "ruling")
                self.assertEqual(line.inspection_ids[-1].user_id, self.users["customer_service"])
                told = document.message_ids - before
                self.assertIn(dispute.name, told[0].body)
                self.assertIn(self.center, told.partner_ids)
                document.action_done()
                self.assertEqual(tag.state, "accepted")
                slip = document.message_ids.attachment_ids
                self.assertEqual(len(slip), 1)
                self.assertFalse(tag._check_ledger())
                savepoint.rollback()

    def test_ruling_after_the_answer(self):
        """L1.7, L2.10: answered before the ruling: the sender gets a new slip, that pays."""
        tag, document = self._refused("reject")
        document.action_done()
        self.assertEqual(len(document.message_ids.attachment_ids), 1)
        self._ruled(return_id=document.id).action_carry_out(tag.ids)
        line = document.line_ids
        self.assertEqual((line.quantity_accepted, line.outcome), (1, "settlement"))
        self.assertEqual(document.state, "done")
        self.assertEqual(len(document.message_ids.attachment_ids), 2)
        self.assertFalse(tag._check_ledger())

    def test_answer_moves_only_what_is_refused(self):
        """L2.9, M10.1: the answer sends back what is rejected, whatever its line once said."""
        tag, document = self._refused("reject", "return")
        line = document.line_ids
        tag._write_protected({"state": "accepted", "result": "accepted"})
        line.sudo()._send_back_parts()
        self.assertEqual(tag.state, "accepted")
        tag._write_protected({"state": "rejected", "result": "rejected"})
        line.sudo()._scrap_parts()
        self.assertEqual(tag.state, "rejected")

    def test_ruling_for_a_part_that_is_back(self):
        """L1.7, M8.4, M10.1: sent back, then ruled: paid once, kept, and has to come again."""
        tag, document = self._refused("reject", "return")
        document.action_done()
        self.assertEqual(tag.state, "returned")
        self._ruled(return_id=document.id).action_carry_out(tag.ids)
        self.assertEqual((tag.state, tag.result), ("held", "accepted"))
        self.assertFalse(tag._check_ledger())
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertIn("still kept at the center: 1", obstacles)
        october = self._generate()
        self._settle(october)
        self.assertEqual(october.amount_payable, 3146)
        again = self._make_return(month="2026-12-01")
        again.write({"is_special": True, "special_reason": "Ruled to be accepted"})
        self.assertEqual(again.line_ids.used_part_id, tag)
        self._approve(again)
        again.action_ship()
        self.assertFalse(tag._check_ledger())
        again.with_user(self.users["logistics"]).action_receive(tag.mapped("name"))
        self.assertFalse(tag._check_ledger())
        self._verify_return(again)
        again.with_user(self.users["customer_service"]).action_done()
        self.assertEqual((tag.state, tag.result), ("accepted", "accepted"))
        self.assertFalse(tag._check_ledger())
        self.assertFalse(self._generate("2026-11-01"))
