from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import SerializationFailure

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, ConcurrencyCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSettlementLog(AftersalesPartsCommon):
    """The entries about a settlement: seen with it, written by its actions alone."""

    def setUp(self):
        super().setUp()
        self._make_record([self._scrap(self.seal)])
        self.settlement = self._generate()
        line = self.settlement.line_ids
        self.change = self.env["aftersales.settlement.change"].create(
            {
                "settlement_id": self.settlement.id,
                "line_id": line.id,
                "label": line.tag,
                "state": "verified",
                "amount_old": 120,
                "amount_new": 100.5,
                "reason": "Scratched",
            }
        )
        self.difference = self.env["aftersales.settlement.difference"].create(
            {
                "settlement_id": self.settlement.id,
                "line_id": line.id,
                "label": line.tag,
                "amount_listed": 100.5,
                "amount_expected": 120,
                "cause": "It was not",
            }
        )

    def test_seen_with_the_settlement(self):
        """M8.5: the own center and the central roles see the entries, nobody else does."""
        self.assertEqual(self.change.amount, -19.5)
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        foreign = self._make_center_user("parts_foreign", other)
        for entry in (self.change, self.difference):
            for role in ("center", "clerk", "customer_service", "office_manager", "accountant"):
                own = entry.with_user(self.users[role])
                self.assertEqual(own.search([("id", "=", entry.id)]), own)
                self.assertTrue(own.read(["label"]))
            for user in (foreign, self.users["technician"]):
                own = entry.with_user(user)
                self.assertFalse(own.search_count([("id", "=", entry.id)]))
                with self.assertRaises(AccessError):
                    own.read(["label"])

    def test_nobody_writes_them(self):
        """M8.4, M8.5: no role creates, writes or deletes an entry, by RPC or import."""
        for entry in (self.change, self.difference):
            vals = entry.copy_data()[0]
            for role in ("center", "clerk", "customer_service", "accountant", "vp"):
                own = entry.with_user(self.users[role])
                with self.assertRaises(AccessError):
                    own.create(vals)
                with self.assertRaises(UserError):
                    own.write({"label": "x"})
                with self.assertRaises(UserError):
                    own.unlink()
        # not even by the system
        with self.assertRaisesRegex(UserError, "can't be changed"):
            self.change.sudo().write({"amount_new": 120})
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            self.change.sudo().unlink()


class SettlementFlowCommon(AftersalesPartsCommon):
    """A list of October with a pump of 3146.00 and a scrapped seal of 120.00."""

    def setUp(self):
        super().setUp()
        self.d02 = self.env.ref("aftersales_parts.deduction_reason_D02")

    def _as(self, role, record):
        return record.with_user(self.users[role])

    def _pump_and_seal(self, returned=True):
        self._make_record([self._part(self.pump), self._scrap(self.seal)])
        if returned:
            self._return_parts()
        settlement = self._generate()
        pump = settlement.line_ids.filtered(lambda line: line.product_id == self.pump)
        return settlement, pump, settlement.line_ids - pump

    def _verified(self, **options):
        settlement, pump, seal = self._pump_and_seal(**options)
        self._submit(settlement)
        self._as("clerk", settlement).action_verify()
        return settlement, pump, seal

    def _sent(self, **options):
        settlement, pump, seal = self._verified(**options)
        self._as("customer_service", settlement).action_send()
        return settlement, pump, seal

    def _object(self, line, expected=None, cause="It was complete", role="center"):
        wizard = (
            self.env["aftersales.settlement.object"]
            .with_user(self.users[role])
            .with_context(default_settlement_id=line.settlement_id.id, default_line_id=line.id)
            .create({"cause": cause})
        )
        if expected is not None:
            wizard.amount_expected = expected
        wizard.action_confirm()
        return line.difference_ids.sorted("id")[-1:]

    def _pay(self, lines, role="customer_service", **vals):
        wizard = (
            self.env["aftersales.settlement.line.pay"]
            .with_user(self.users[role])
            .with_context(default_line_ids=lines.ids)
            .create({"reason": "Cracked housing", **vals})
        )
        return wizard.action_confirm()

    def _answer(self, differences, decision="accepted", role="customer_service", **vals):
        wizard = (
            self.env["aftersales.settlement.answer"]
            .with_user(self.users[role])
            .with_context(default_difference_ids=differences.ids, default_decision=decision)
            .create({"outcome": "Looked at the photos again", **vals})
        )
        return wizard.action_confirm()


@freeze
@tagged("post_install", "-at_install")
class TestSettlementFlow(SettlementFlowCommon):
    # --- filing (M8.3) ---------------------------------------------------------------------

    def test_filed_with_the_return(self):
        """M8.3: the list says which tags are where; those on no shipped return are named."""
        self._make_record([self._part(self.pump, quantity=2), self._scrap(self.seal)])
        settlement = self._generate()
        own = self._as("center", settlement)
        self.assertEqual((own.tags_kept, own.return_count), (2, 0))
        for tag in settlement.line_ids.used_part_id.filtered(lambda t: t.state == "held"):
            self.assertIn(tag.name, own.returned_note)
        self._submit(settlement)
        self.assertEqual(settlement.state, "submitted")
        self.assertTrue(settlement.date_filed)
        self.assertTrue(own.returned_note, "still warned of after filing")
        document = self._make_return()
        self._approve(document)
        own.invalidate_recordset()
        self.assertEqual((own.tags_kept, own.return_ids), (2, document))
        document.action_ship()
        own.invalidate_recordset()
        self.assertEqual((own.tags_kept, own.tags_shipped), (0, 2))
        self.assertFalse(own.returned_note)
        tags = document.line_ids.used_part_id.sorted("name")
        document.with_user(self.users["logistics"]).action_receive(tags[:1].mapped("name"))
        own.invalidate_recordset()
        self.assertEqual((own.tags_received, own.tags_shipped, own.tags_missing), (1, 0, 1))
        self.assertEqual(own.action_view_returns()["domain"], [("id", "in", document.ids)])

    def test_whereabouts_in_few_queries(self):
        """M8.3: the counts of ten tags need no more queries than those of two."""
        self._make_record([self._part(self.pump, quantity=2)])
        settlement = self._generate()
        own = self._as("center", settlement)

        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertTrue(own.returned_note)
            return self.cr.sql_log_count - before

        count()
        few = count()
        self._make_record([self._part(self.pump, quantity=8)])
        self._generate()
        self.assertLessEqual(count(), few)

    def test_nothing_to_file(self):
        """M8.3: an empty list isn't filed; a list of service fees is filed by nobody (M9.1)."""
        empty = self.env["aftersales.settlement"].create(
            {"center_id": self.center.id, "month": "2026-10-01"}
        )
        with self.assertRaisesRegex(UserError, "no lines to file"):
            self._submit(empty)
        fees = self._make_fees()
        with self.assertRaisesRegex(UserError, "nobody files"):
            self._submit(fees)

    # --- audit (M8.4) ----------------------------------------------------------------------

    def test_audit_pays_less(self):
        """M8.4: 1000.00 of 3146.00, with code and reason; the log keeps the old amount.

        By hand: payable 3266.00, then 1000.00 + 120.00 = 1120.00, deducted 2146.00.
        """
        settlement, pump, seal = self._verified()
        self.assertEqual(settlement.amount_payable, 3266)
        with self.assertRaisesRegex(UserError, "deduction code"):
            self._pay(pump, mode="amount", amount=1000)
        with self.assertRaisesRegex(UserError, "reason"):
            self._pay(pump, mode="nothing", reason=" ")
        for amount in (3146.01, -0.01):
            with self.assertRaisesRegex(UserError, "between 0 and"):
                self._pay(pump, mode="amount", amount=amount, deduction_reason_id=self.d02.id)
        self._pay(pump, mode="amount", amount=1000, deduction_reason_id=self.d02.id)
        self.assertEqual((pump.result, pump.amount_payable), ("reduced", 1000))
        self.assertEqual(pump.deduction_reason_id, self.d02)
        self.assertEqual(settlement.amount_payable, 1120)
        self.assertEqual(settlement.amount_deducted, 2146)
        change = settlement.change_ids
        self.assertEqual(
            (change.line_id, change.amount_old, change.amount_new, change.state),
            (pump, 3146, 1000, "verified"),
        )
        self.assertEqual(change.user_id, self.users["customer_service"])
        self.assertEqual(change.reason, "Cracked housing")
        self.assertIn("Cracked housing", self._as("center", pump).explanation)
        self._pay(pump | seal, mode="all", reason="Nothing is cracked")
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"payable"})
        self.assertEqual((settlement.amount_payable, len(settlement.change_ids)), (3266, 2))
        self._pay(pump | seal, mode="nothing", deduction_reason_id=self.d02.id)
        self.assertEqual(settlement.amount_payable, 0)
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"deducted"})

    def test_audit_by_its_role(self):
        """M8.4: no other role, no center with a central role, and nothing once it is sent."""
        settlement, pump, _seal = self._verified()
        for role in ("center", "clerk", "accountant", "office_manager", "quality", "vp"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._as(role, pump)._audit({pump: 0}, "x", self.d02)
        both = self._make_center_user("parts_both", self.center)
        both.group_ids += self.env.ref("aftersales_service.group_customer_service")
        own = settlement.with_user(both)
        for step in ("action_audit", "action_send"):
            with self.assertRaisesRegex(AccessError, "to which you belong"):
                getattr(own, step)()
        with self.assertRaisesRegex(AccessError, "to which you belong"):
            pump.with_user(both)._audit({pump: 0}, "x", self.d02)
        self._as("customer_service", settlement).action_send()
        with self.assertRaisesRegex(UserError, "Checked"):
            self._pay(pump, mode="nothing", deduction_reason_id=self.d02.id)

    def test_missing_part_is_paid_once(self):
        """M8.4: what another list pays by now isn't paid here by changing the amount."""
        settlement, pump, _seal = self._verified(returned=False)
        self.assertEqual(pump.result, "missing")
        self.env.flush_all()  # the unique index leaves out what is missing
        pump.sudo().copy({"settlement_id": self._make_list("2026-11-01").id, "result": "open"})
        with self.assertRaisesRegex(UserError, "Settled elsewhere"):
            self._pay(pump, mode="all")

    def _make_list(self, month, **vals):
        return self.env["aftersales.settlement"].create(
            {"center_id": self.center.id, "month": month, **vals}
        )

    def test_audited_by_another(self):
        """M8.4: who verified a list neither audits it nor sends it unaudited, whatever his role."""
        settlement, pump, _seal = self._pump_and_seal()
        self._submit(settlement)
        # customer service may do what a clerk does
        service = self._as("customer_service", settlement)
        service.action_verify()
        self.assertEqual(settlement.verifier_id, self.users["customer_service"])
        self.assertFalse(service.is_my_turn)
        self.assertFalse(pump.with_user(service.env.user).can_change)
        for step in (service.action_audit, service.action_send):
            with self.assertRaisesRegex(AccessError, "a colleague"):
                step()
        with self.assertRaisesRegex(AccessError, "a colleague"):
            self._pay(pump, mode="amount", amount=3000, deduction_reason_id=self.d02.id)
        colleague = settlement.with_user(self._make_service("parts_service_2"))
        self.assertTrue(colleague.is_my_turn)
        self.assertTrue(pump.with_user(colleague.env.user).can_change)
        colleague.action_audit()
        self.assertEqual(settlement.auditor_id, colleague.env.user)
        # what is audited goes to the center, whoever sends it
        service.action_send()
        for name in ("verifier_id", "auditor_id"):
            with self.assertRaises(AccessError):
                colleague.write({name: self.users["clerk"].id})

    def _make_service(self, login):
        """Return another user of customer service."""
        return new_test_user(self.env, login, groups="aftersales_service.group_customer_service")

    def test_context_hides_no_step(self):
        """H11, M8.4: who took which step is in the history, whatever the caller asks for."""
        settlement, _pump, _seal = self._pump_and_seal()
        self._submit(settlement)
        clerk = self._as("clerk", settlement)
        clerk.with_context(tracking_disable=True, mail_notrack=True).action_verify()
        self.env.flush_all()
        self.cr.precommit.run()
        steps = settlement.message_ids.tracking_value_ids.filtered(
            lambda value: value.field_id.name == "state"
        )
        self.assertIn("Checked", steps.mapped("new_value_char"))

    def test_verified_once_more(self):
        """M8.4: sent back and verified by another, the first one may audit the list."""
        with freeze_time("2026-11-03 02:00:00"):
            settlement = self._pump_and_seal()[0]
            self._submit(settlement)
            service = self._as("customer_service", settlement)
            service.action_verify()
            service.action_bounce("Look at it again")
            self.assertFalse(settlement.verifier_id)
            self._submit(settlement)
            self._as("clerk", settlement).action_verify()
            service.action_send()
        self.assertEqual(settlement.auditor_id, self.users["customer_service"])

    def test_audit_pays_no_more_than_claimed(self):
        """M8.4, M8.5: fees of 200.00 don't become 200.01 by the audit, but by an objection.

        The center expects 210.00 then, so that 210.01 is refused, too.
        """
        settlement = self._make_fees()
        line = settlement.line_ids[0]
        self._as("clerk", settlement).action_verify()
        with self.assertRaisesRegex(UserError, "between 0 and the"), self.cr.savepoint():
            self._pay(line, mode="amount", amount=200.01)
        self._pay(line, mode="amount", amount=199.99)
        self._as("customer_service", settlement).action_send()
        difference = self._object(line, 210, "Half an hour more")
        with self.assertRaisesRegex(UserError, "between 0 and the"), self.cr.savepoint():
            self._answer(difference, amount=210.01)
        self._answer(difference, amount=210)
        self.assertEqual(line.amount_payable, 210)
        # who agreed to more than was claimed doesn't send it alone
        with self.assertRaisesRegex(AccessError, "a colleague"):
            self._as("customer_service", settlement).action_send()
        settlement.with_user(self._make_service("parts_service_2")).action_send()
        self._as("center", settlement).action_confirm(265.5)

    def test_what_was_raised_is_sent_by_a_colleague(self):
        """M8.4: neither an objection taken back nor setting aside sends what one agreed to."""
        settlement = self._make_fees()
        labour, travel = settlement.line_ids
        service = self._as("customer_service", settlement)
        colleague = settlement.with_user(self._make_service("parts_service_2"))
        self._as("clerk", settlement).action_verify()
        service.action_send()
        raised, other = self._object(labour, 210), self._object(travel, 55)
        self._answer(raised, amount=210)
        self._as("center", other).action_withdraw("It was right")
        self.assertEqual(settlement.state, "disputed")
        with self.assertRaisesRegex(AccessError, "a colleague"):
            service.action_send()
        colleague.action_send()
        self.env.flush_all()
        self._object(travel, 55)
        with self.assertRaisesRegex(AccessError, "a colleague"):
            service.action_set_aside("To be answered later")
        colleague.action_set_aside("To be answered later")
        self.assertEqual((settlement.state, settlement.amount_payable), ("sent", 210))

    def test_steps_in_batch(self):
        """M8.4, M8.5: verify, audit and send several lists at once."""
        first = self._pump_and_seal()[0]
        self._submit(first)
        self._make_record([self._scrap(self.seal)], day="2026-09-10")
        second = self._generate("2026-09-01")
        self._submit(second)
        both = self._as("customer_service", first | second)
        self._as("clerk", both).action_verify()
        both.action_audit()
        both.action_send()
        self.assertEqual(set(both.mapped("state")), {"sent"})

    # --- sent back -------------------------------------------------------------------------

    def test_recall_before_confirmation(self):
        """M8.5: what was sent wrongly is taken back, changed and sent again; told to the center.

        By hand: the pump at 2000.00 instead of 3146.00; what the center had open pays nothing.
        """
        settlement, pump, _seal = self._sent()
        seen = (
            self.env["aftersales.settlement.confirm"]
            .with_user(self.users["center"])
            .create({"settlement_id": settlement.id, "amount_payable": settlement.amount_payable})
        )
        for role in ("center", "clerk", "accountant"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._as(role, settlement).action_recall("Wrong fee")
        own = self._as("customer_service", settlement)
        with self.assertRaisesRegex(UserError, "why"):
            own.action_recall(" ")
        own.action_recall("Wrong fee")
        self.assertEqual(settlement.state, "audited")
        message = settlement.message_ids.filtered(lambda m: "Wrong fee" in (m.body or ""))
        self.assertIn(self.users["center"].partner_id, message.partner_ids)
        with self.assertRaises(UserError), self.cr.savepoint():
            seen.action_confirm()
        self._pay(pump, mode="amount", amount=2000, deduction_reason_id=self.d02.id)
        own.action_send()
        with self.assertRaisesRegex(UserError, "by now"), self.cr.savepoint():
            seen.action_confirm()
        self._as("center", settlement).action_confirm(2120)
        self.assertEqual(settlement.amount_payable, 2120)
        with self.assertRaisesRegex(UserError, "can only be done"):
            own.action_recall("Too late")

    def test_silent_center_is_reminded(self):
        """M8.5: a center has five working days to confirm or object, and is reminded.

        Monday 2 November to Monday 9th; recalled, it has to do nothing; sent again, five new days.
        """
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_answered")
        with freeze_time("2026-11-02 02:00:00"):
            settlement, _pump, seal = self._sent()

        def runs():
            own = settlement.deadline_ids.filtered(lambda d: d.rule_id == rule)
            return own.sorted("id")

        self.assertEqual(runs().mapped("state"), ["running"])
        self.assertEqual(str(runs().date_due), "2026-11-09 15:59:59")
        with (
            freeze_time("2026-11-09 02:00:00"),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60),
        ):
            self.env["aftersales.deadline"]._cron_sweep()
        self.assertTrue(runs().date_warned)
        activities = self.env["mail.activity"].search(
            [("aftersales_deadline_id", "in", runs().ids)]
        )
        self.assertIn(self.users["center"], activities.user_id)
        with freeze_time("2026-11-09 03:00:00"):
            self._as("customer_service", settlement).action_recall("Wrong fee")
            self.assertEqual(runs().mapped("state"), ["cancelled"])
            self._as("customer_service", settlement).action_send()
            self.assertEqual(runs().mapped("state"), ["cancelled", "running"])
            self._object(seal, 100)
        self.assertEqual(runs().mapped("state"), ["cancelled", "met"])

    def test_recall_after_the_deadline_starts_anew(self):
        """M8.5: missed on the 9th, recalled on the 10th, sent on the 11th: until the 18th."""
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_answered")
        with freeze_time("2026-11-02 02:00:00"):
            settlement, _pump, _seal = self._sent()
        with (
            freeze_time("2026-11-10 02:00:00"),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60),
        ):
            self.env["aftersales.deadline"]._cron_sweep()
            runs = settlement.deadline_ids.filtered(lambda d: d.rule_id == rule)
            self.assertEqual(runs.state, "missed")
            self._as("customer_service", settlement).action_recall("Wrong fee")
        with freeze_time("2026-11-11 02:00:00"):
            self._as("customer_service", settlement).action_send()
        runs = settlement.deadline_ids.filtered(lambda d: d.rule_id == rule).sorted("id")
        self.assertEqual(runs.mapped("state"), ["late", "running"])
        self.assertEqual(str(runs[-1].date_due), "2026-11-18 15:59:59")
        with freeze_time("2026-11-12 02:00:00"):
            self._as("center", settlement).action_confirm()
        self.assertEqual(runs.mapped("state"), ["late", "met"])

    def test_sent_back(self):
        """M8.3, M8.9: back to draft in time, with the reason; its deadline runs again."""
        with freeze_time("2026-11-03 02:00:00"):
            settlement, pump, _seal = self._verified()
            with self.assertRaises(AccessError):
                self._as("center", settlement).action_bounce("Wrong")
            with self.assertRaisesRegex(UserError, "put right"):
                self._as("clerk", settlement).action_bounce(" ")
            self._as("clerk", settlement).action_bounce("The pump isn't ours")
        self.assertEqual(settlement.state, "draft")
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"open"})
        self.assertEqual(settlement.amount_payable, 0)
        change = pump.change_ids
        self.assertEqual((change.amount_old, change.amount_new), (3146, 0))
        message = settlement.message_ids.filtered(lambda m: "The pump isn" in (m.body or ""))
        self.assertIn(self.users["center"].partner_id, message.notified_partner_ids)
        runs = settlement.deadline_ids.filtered(
            lambda run: run.rule_id
            == self.env.ref("aftersales_parts.deadline_rule_settlement_filed")
        )
        self.assertEqual(sorted(runs.mapped("state")), ["met", "running"])
        self._submit(settlement)
        self._as("clerk", settlement).action_verify()
        self.assertEqual(settlement.amount_payable, 3266)

    def test_not_sent_back_too_late(self):
        """M8.9: after the filing day a list sent back would be forfeited: it isn't sent back.

        M8.4: what is verified goes back to be verified by somebody else, and is not lost.
        """
        settlement, _pump, _seal = self._pump_and_seal()
        self._submit(settlement)
        with self.assertRaisesRegex(UserError, "would be forfeited"):
            self._as("clerk", settlement).action_bounce("Wrong")
        service = self._as("customer_service", settlement)
        service.action_verify()
        with self.assertRaisesRegex(AccessError, "a colleague"):
            service.action_audit()
        filed = settlement.date_filed
        service.action_bounce("To be verified by a clerk")
        self.assertEqual((settlement.state, settlement.date_filed), ("submitted", filed))
        self.assertFalse(settlement.verifier_id)
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"open"})
        self._as("clerk", settlement).action_verify()
        self.assertEqual(settlement.amount_payable, 3266)
        self._as("customer_service", settlement).action_audit()
        with self.assertRaisesRegex(UserError, "Filed"):
            self._as("clerk", settlement).action_bounce("Wrong")

    # --- the center's view (M8.5) ----------------------------------------------------------

    def test_objection_accepted(self):
        """M8.5: deducted 1000.00 instead of 3146.00; the center objects, 2000.00 is agreed on."""
        settlement, pump, _seal = self._verified()
        self._pay(pump, mode="amount", amount=1000, deduction_reason_id=self.d02.id)
        self._as("customer_service", settlement).action_send()
        difference = self._object(pump)
        self.assertEqual(settlement.state, "disputed")
        self.assertEqual((difference.amount_listed, difference.amount_expected), (1000, 3146))
        self.assertEqual(difference.user_id, self.users["center"])
        message = settlement.message_ids[0]
        self.assertIn(self.users["customer_service"].partner_id, message.notified_partner_ids)
        own = self._as("center", settlement)
        with self.assertRaisesRegex(UserError, "Sent"):
            own.action_confirm()
        service = self._as("customer_service", settlement)
        with self.assertRaisesRegex(UserError, "not answered yet"):
            service.action_send()
        self._answer(difference, amount=2000)
        self.assertEqual(
            (difference.state, difference.amount_agreed, difference.decider_id),
            ("accepted", 2000, self.users["customer_service"]),
        )
        self.assertEqual((pump.result, pump.amount_payable), ("reduced", 2000))
        self.assertEqual(pump.change_ids.sorted("id")[-1].difference_id, difference)
        service.action_send()
        own.action_confirm(2120)
        self.assertEqual((settlement.state, settlement.amount_payable), ("posted", 2120))

    def test_time_to_answer(self):
        """M8.5: a company may set a time limit from the objection to its answer."""
        rule = self.env["aftersales.deadline.rule"].create(
            {
                "name": "Objections answered within 3 days",
                "regulation_id": self.env.ref("aftersales_service.regulation_M8_5").id,
                "start_event_id": self.env.ref(
                    "aftersales_parts.deadline_event_settlement_disputed"
                ).id,
                "stop_event_id": self.env.ref("aftersales_parts.deadline_event_settlement_sent").id,
                "unit": "days",
                "offset": 3,
            }
        )
        settlement, pump, _seal = self._sent()
        self._answer(self._object(pump, 0), "refused")
        run = settlement.deadline_ids.filtered(lambda d: d.rule_id == rule)
        self.assertEqual(run.state, "running")
        self._as("customer_service", settlement).action_send()
        self.assertEqual(run.state, "met")

    def test_objection_refused(self):
        """M8.5, L1.7: refused with a reason, it isn't repeated: what is left is a dispute."""
        settlement, pump, _seal = self._verified()
        self._pay(pump, mode="nothing", deduction_reason_id=self.d02.id)
        self._as("customer_service", settlement).action_send()
        difference = self._object(pump)
        with self.assertRaisesRegex(UserError, "already"):
            self._object(pump)
        self._answer(difference, "refused")
        self.assertEqual((difference.state, difference.amount_agreed), ("refused", 0))
        self.assertEqual(pump.difference_state, "refused")
        self._as("customer_service", settlement).action_send()
        with self.assertRaisesRegex(UserError, "open a dispute"):
            self._object(pump)
        self._as("center", settlement).action_confirm(120)
        self.assertEqual(settlement.state, "posted")

    def test_objection_withdrawn(self):
        """M8.5: the center takes its last objection back and confirms at once."""
        settlement, pump, _seal = self._sent()
        difference = self._object(pump, 3000, "We were paid too much")
        with self.assertRaises(AccessError):
            self._as("customer_service", difference).action_withdraw("No")
        self._as("center", difference).action_withdraw("A slip")
        self.assertEqual((difference.state, settlement.state), ("withdrawn", "sent"))
        with self.assertRaisesRegex(UserError, "Disputed"):
            self._as("center", difference).action_withdraw("Again")
        self._as("center", settlement).action_confirm(3266)

    def test_objection_by_its_own_alone(self):
        """M8.5: neither another center, nor the company, nor on what isn't sent."""
        settlement, pump, _seal = self._verified()
        with self.assertRaisesRegex(UserError, "Sent"):
            self._object(pump, 0)
        self._as("customer_service", settlement).action_send()
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self.users["foreign"] = self._make_center_user("parts_foreign", other)
        for role in ("foreign", "clerk", "customer_service"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._object(pump, 0, role=role)
        # a foreign list tells nothing through the windows either
        self.env.invalidate_all()
        window = self.env["aftersales.settlement.object"].with_user(self.users["foreign"])
        with self.assertRaises(AccessError):
            window.create({"settlement_id": settlement.id, "line_id": pump.id, "cause": "x"}).read(
                ["explanation", "amount_listed"]
            )
        window = self.env["aftersales.settlement.confirm"].with_user(self.users["foreign"])
        with self.assertRaises(AccessError):
            window.create({"settlement_id": settlement.id, "amount_payable": 1}).read(
                ["amount_claimed"]
            )
        for expected, message in ((3146, "already"), (-1, "between 0"), (3200, "between 0")):
            with self.assertRaisesRegex(UserError, message):
                self._object(pump, expected)
        with self.assertRaisesRegex(UserError, "why"):
            self._object(pump, 0, " ")
        self.assertEqual(settlement.state, "sent")

    def test_windows_of_others(self):
        """Mistake 6: no center sees or changes what another one, or the company, is entering."""
        settlement, pump, _seal = self._sent()
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        foreign = self._make_center_user("parts_foreign", other)
        confirming = self._as("center", settlement).action_open_confirm()
        objecting = self._as("center", pump).action_open_object()
        windows = [
            self.env[action["res_model"]]
            .with_user(self.users["center"])
            .with_context(**action["context"])
            .create(vals)
            for action, vals in (
                (confirming, {}),
                (objecting, {"amount_expected": 3000, "cause": "x"}),
            )
        ]
        for window in windows:
            hidden = window.with_user(foreign)
            self.assertFalse(hidden.search([("id", "=", window.id)]))
            self.assertFalse(hidden._read_group([], [], ["__count"])[0][0])
            with self.assertRaises(AccessError):
                hidden.read(["settlement_id"])
            with self.assertRaises(AccessError):
                hidden.write({"settlement_id": settlement.id})
            with self.assertRaises(AccessError):
                hidden.action_confirm()
        windows[1].with_user(self.users["center"]).action_confirm()
        self.assertEqual(settlement.difference_ids.amount_expected, 3000)

    def test_answers_by_their_role(self):
        """M8.5: only customer service answers, and nobody of the center."""
        settlement, pump, _seal = self._sent()
        difference = self._object(pump, 0)
        for role in ("center", "clerk", "accountant", "vp"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._as(role, difference)._accept("x")
            with self.assertRaises(AccessError):
                self._as(role, difference).action_refuse("x")
        both = self._make_center_user("parts_both", self.center)
        both.group_ids += self.env.ref("aftersales_service.group_customer_service")
        with self.assertRaisesRegex(AccessError, "to which you belong"):
            difference.with_user(both).action_refuse("x")

    def test_confirmed_as_seen(self):
        """M8.5: if the amount changed since the center looked at it, nothing is confirmed."""
        settlement, pump, _seal = self._sent()
        own = self._as("center", settlement)
        action = own.action_open_confirm()
        wizard = (
            self.env["aftersales.settlement.confirm"]
            .with_user(self.users["center"])
            .with_context(**action["context"])
            .create({})
        )
        self.assertEqual(wizard.amount_payable, 3266)
        difference = self._object(pump, 3000)
        self._answer(difference, deduction_reason_id=self.d02.id)
        self._as("customer_service", settlement).action_send()
        with self.assertRaisesRegex(UserError, "3,120.00.*not.*3,266.00"):
            wizard.action_confirm()
        own.action_confirm(3120)

    def test_missing_on_the_list(self):
        """M8.5, M8.9: a part that isn't listed: in time it gets listed, later it is forfeited."""
        with freeze_time("2026-11-03 02:00:00"):
            settlement, _pump, _seal = self._sent()
            tag = self._make_record([self._scrap(self.seal)], day="2026-10-30").used_part_ids
            own = self._as("center", settlement)
            own._object([{"used_part_id": tag.id, "amount_expected": 120, "cause": "Not listed"}])
            difference = settlement.difference_ids
            self.assertEqual((difference.label, difference.amount_listed), (tag.name, 0))
            with self.assertRaisesRegex(UserError, "already"):
                own._object([{"used_part_id": tag.id, "amount_expected": 120, "cause": "x"}])
            # a part of the same month that has no price yet is no answer to this objection
            strange = self._make_part("Strange", self.env["aftersales.part.class"])
            self._make_record([self._part(strange)], day="2026-10-30")
            self._answer(difference)
            line = self.env["aftersales.settlement.line"].search([("used_part_id", "=", tag.id)])
            self.assertEqual(difference.state, "accepted")
            self.assertEqual((difference.amount_agreed, line.amount_claimed), (120, 120))
            self.assertEqual((line.settlement_id.supplement, line.result), (1, "open"))
            self.assertIn(line.settlement_id.name, difference.outcome)
        late = self._make_record([self._scrap(self.seal)], day="2026-10-31").used_part_ids
        own._object([{"used_part_id": late.id, "amount_expected": 120, "cause": "Not listed"}])
        with self.assertRaisesRegex(UserError, "is forfeited on"), self.cr.savepoint():
            self._answer(settlement._get_open_differences())
        self._answer(settlement._get_open_differences(), "refused")
        self.assertEqual(settlement.difference_ids.sorted("id")[-1].amount_agreed, 0)
        foreign = self._make_record(
            [self._scrap(self.seal)],
            center=self._make_center("Nanjing center", "91310115MA1K3QXE7G"),
        ).used_part_ids
        with self.assertRaises(AccessError):
            own._object([{"used_part_id": foreign.id, "amount_expected": 120, "cause": "x"}])
        listed = settlement.line_ids[:1].used_part_id
        with self.assertRaisesRegex(UserError, "is on this list"):
            own._object([{"used_part_id": listed.id, "amount_expected": 1, "cause": "x"}])

    # --- set aside -------------------------------------------------------------------------

    def test_set_aside(self):
        """M8.5: the disputed pump goes to list 1, the seal is confirmed; then the pump, once.

        By hand: 3266.00 = 120.00 now + 3146.00 on the supplementary list.
        """
        settlement, pump, seal = self._sent()
        difference = self._object(pump, 3000)
        service = self._as("customer_service", settlement)
        for role in ("center", "clerk", "accountant"):
            with self.assertRaises(AccessError):
                self._as(role, settlement).action_set_aside("x")
        with self.assertRaisesRegex(UserError, "why"):
            service.action_set_aside("")
        service.action_set_aside("The supplier has to be asked")
        rest = pump.settlement_id
        self.assertNotEqual(rest, settlement)
        self.assertEqual(
            (rest.supplement, rest.state, rest.month), (1, "disputed", settlement.month)
        )
        self.assertEqual((rest.region_id, rest.date_filing), (self.region, settlement.date_filing))
        self.assertEqual(difference.settlement_id, rest)
        self.assertEqual((settlement.state, settlement.amount_payable), ("sent", 120))
        self.assertEqual(rest.amount_payable, 3146)
        self._as("center", settlement).action_confirm(120)
        self.assertEqual(settlement.state, "posted")
        self._answer(difference, "refused")
        self._as("customer_service", rest).action_send()
        self._as("center", rest).action_confirm(3146)
        self.assertEqual(rest.state, "posted")
        self.assertEqual(self._generate() & rest, rest & self._generate())
        self.assertEqual(len((settlement | rest).line_ids), 2)

    def test_set_aside_leaves_something(self):
        """M8.5: if all is disputed, or nothing, nothing is set aside."""
        settlement, pump, seal = self._sent()
        service = self._as("customer_service", settlement)
        with self.assertRaisesRegex(UserError, "No line"):
            service.action_set_aside("x")
        self._object(pump, 0)
        self._object(seal, 0)
        with self.assertRaisesRegex(UserError, "Every line"):
            service.action_set_aside("x")

    def test_formal_dispute(self):
        """L1.7, M8.5: a dispute about the pump holds the list, unless the pump is set aside."""
        settlement, pump, _seal = self._sent()
        dispute = self._dispute(settlement_id=settlement.id, settlement_line_ids=[(6, 0, pump.ids)])
        own = self._as("center", settlement)
        self.assertIn(dispute.name, own.dispute_note)
        with self.assertRaisesRegex(UserError, dispute.name):
            own.action_confirm()
        self._as("customer_service", settlement).action_set_aside("Disputed")
        rest = pump.settlement_id
        own.invalidate_recordset()
        self.assertFalse(own.dispute_note)
        own.action_confirm(120)
        service = self._as("customer_service", rest)
        service.action_send()
        with self.assertRaisesRegex(UserError, dispute.name):
            self._as("center", rest).action_confirm()
        with self.assertRaisesRegex(UserError, dispute.name):
            service.action_cancel("x")
        self.assertIn(pump.used_part_id, pump.used_part_id._get_disputed())
        with self.assertRaisesRegex(UserError, "stays with its lines"):
            dispute.write({"settlement_line_ids": [(5, 0, 0)]})
        self._as("customer_service", dispute).action_cancel("Agreed")
        self._as("center", rest).action_confirm(3146)

    def test_dispute_names_its_own_lines(self):
        """L1.7: a dispute names lines of its settlement only."""
        settlement, pump, _seal = self._sent()
        self._make_record([self._scrap(self.seal)], day="2026-09-10")
        other = self._generate("2026-09-01")
        with self.assertRaisesRegex(ValidationError, "isn't a line"):
            self._dispute(settlement_id=other.id, settlement_line_ids=[(6, 0, pump.ids)])

    def test_ruling_before_the_confirmation(self):
        """L1.7, M8.5: deducted and sent, then ruled: this very list pays 3146.00, no other."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        reason = self.env.ref("aftersales_parts.deduction_reason_D05")
        self._return_parts(deductions={tag.name: reason.id})
        october = self._generate()
        self._submit(october)
        self._as("clerk", october).action_verify()
        self._as("customer_service", october).action_send()
        dispute = self._ruled(settlement_id=october.id)
        dispute.action_carry_out(tag.ids)
        self.assertEqual((october.line_ids.result, october.amount_payable), ("payable", 3146))
        self.assertIn(dispute.name, october.change_ids.reason)
        self._as("center", october).action_confirm(3146)
        self.assertFalse(self._generate("2026-11-01"))

    # --- service fees (M9.1–M9.4) ----------------------------------------------------------

    def _make_fees(self, amounts=(200, 55.5), **vals):
        settlement = self._make_list("2026-10-01", **{"kind": "service", **vals})
        record = self._make_record([], done=False)
        record.no_parts = True
        self._validate(record)
        self.env["aftersales.settlement.line"].create(
            [
                {
                    "settlement_id": settlement.id,
                    "kind": kind,
                    "record_id": record.id,
                    "unit": "hour",
                    "price_unit": amount,
                    "amount_base": amount,
                    "amount_claimed": amount,
                }
                for kind, amount in zip(("labour", "travel"), amounts, strict=True)
            ]
        )
        return settlement

    def test_service_fees(self):
        """M9.1, M9.3: a clerk verifies, customer service sends, the center finds 10.00 missing."""
        settlement = self._make_fees()
        with self.assertRaises(AccessError):
            self._as("center", settlement).action_verify()
        self._as("clerk", settlement).action_verify()
        self.assertEqual(settlement.amount_payable, 255.5)
        self._as("clerk", settlement).action_bounce("Forgot the travel")
        self.assertEqual(settlement.state, "draft")
        self._as("clerk", settlement).action_verify()
        self._as("customer_service", settlement).action_send()
        line = settlement.line_ids[0]
        difference = self._object(line, 210, "Half an hour more")
        self._answer(difference)
        self.assertEqual((line.result, line.amount_payable), ("payable", 210))
        settlement.with_user(self._make_service("parts_service_2")).action_send()
        self._as("center", settlement).action_confirm(265.5)
        self.assertEqual(settlement.date_confirmed, fields.Datetime.now())

    # --- receivable (M9.1–M9.3) ------------------------------------------------------------

    def _claimed(self):
        """Return our own claims against the manufacturer, filed: 200.00 and 55.50."""
        settlement = self._make_fees(direction="receivable")
        with self.assertRaises(AccessError):
            self._as("center", settlement).action_submit()
        with freeze_time(self._in_time()):
            self._as("clerk", settlement).action_submit()
        return settlement, settlement.line_ids[0], settlement.line_ids[1]

    def test_receivable_as_claimed(self):
        """M9.1: entered by a clerk, checked by an accountant, confirmed by customer service."""
        settlement, first, second = self._claimed()
        clerk = self._as("clerk", settlement)
        with self.assertRaisesRegex(UserError, "where this is not done"):
            clerk.action_verify()
        clerk._receive_result({first: (200, "")})
        self.assertEqual(settlement.state, "submitted", "one line has no result yet")
        with self.assertRaisesRegex(UserError, "Checked"):
            self._as("accountant", settlement).action_check_books()
        clerk._receive_result({second: (55.5, False)})
        self.assertEqual((settlement.state, settlement.amount_payable), ("verified", 255.5))
        self.assertFalse(settlement.change_ids)
        for role in ("clerk", "customer_service"):
            with self.assertRaises(AccessError):
                self._as(role, settlement).action_check_books()
        with self.assertRaisesRegex(UserError, "Audited"):
            self._as("customer_service", settlement).action_confirm()
        self._as("accountant", settlement).action_check_books()
        with self.assertRaises(AccessError):
            self._as("accountant", settlement).action_confirm()
        self.assertEqual(settlement.state, "audited")

    def test_receivable_differences(self):
        """M9.3: 150.00 instead of 200.00: traced; the manufacturer corrects it, or is right."""
        settlement, first, second = self._claimed()
        clerk = self._as("clerk", settlement)
        with self.assertRaisesRegex(UserError, "Enter the reason"):
            clerk._receive_result({first: (150, " ")})
        with self.assertRaises(AccessError):
            self._as("accountant", settlement)._receive_result({first: (200, "")})
        clerk._receive_result({first: (150, "Three hours"), second: (55.5, "")})
        self.assertEqual((settlement.state, settlement.amount_payable), ("disputed", 205.5))
        difference = settlement.difference_ids
        self.assertEqual(
            (difference.line_id, difference.amount_listed, difference.amount_expected),
            (first, 150, 200),
        )
        self.assertEqual(difference.cause, "Three hours")
        self.assertEqual(
            settlement.change_ids.mapped(lambda c: (c.amount_old, c.amount_new)), [(200, 150)]
        )
        # corrected by the manufacturer
        clerk._receive_result({first: (200, "Four hours after all")})
        self.assertEqual((difference.state, difference.amount_agreed), ("accepted", 200))
        self.assertEqual((settlement.state, settlement.amount_payable), ("verified", 255.5))
        # and the other one, which the manufacturer is right about
        clerk._receive_result({second: (50, "No overtime")})
        rest = settlement.difference_ids - difference
        with self.assertRaises(AccessError):
            self._as("vp", rest).action_refuse("x")
        self._answer(rest, "refused", role="clerk")
        self.assertEqual((settlement.state, settlement.amount_payable), ("verified", 250))
        self._as("accountant", settlement).action_bounce("The books say 255.50")
        self.assertEqual(settlement.state, "submitted")
        self._pay(settlement.line_ids, role="clerk", mode="all", reason=False)
        self.assertEqual((settlement.state, settlement.amount_payable), ("verified", 255.5))

    def test_set_aside_of_what_we_claim(self):
        """M9.3: what the manufacturer decides isn't set aside: the list stays disputed."""
        settlement = self._claimed()[0]
        lines = settlement.line_ids
        self._pay(lines[0], role="clerk", mode="amount", amount=150, reason="Two hours only")
        self._pay(lines[1], role="clerk")
        self.assertEqual(settlement.state, "disputed")
        with self.assertRaisesRegex(UserError, "not done"):
            self._as("customer_service", settlement).action_set_aside("Later")
        self.assertEqual(settlement.state, "disputed")

    def test_answer_window_of_another_company(self):
        """M8.5: no window tells an amount of a company that its user doesn't belong to."""
        settlement, pump, _seal = self._sent()
        difference = self._object(pump, 3000)
        other = self.env["res.company"].create({"name": "Another company"})
        user = new_test_user(
            self.env,
            "parts_service_other",
            groups="aftersales_service.group_customer_service",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        with self.assertRaises(AccessError):
            self.env["aftersales.settlement.answer"].with_user(user).create(
                {"difference_ids": [(6, 0, difference.ids)], "outcome": "x"}
            )
        with self.assertRaises(AccessError):
            settlement.with_user(user).read(["amount_payable"])

    def test_receivable_of_another_list(self):
        """M9.1: a result is entered for the lines of the list alone, and only for our claims."""
        settlement, first, _second = self._claimed()
        other, pump, _seal = self._verified()
        with self.assertRaisesRegex(UserError, "not on"):
            self._as("clerk", settlement)._receive_result({pump: (1, "x")})
        with self.assertRaisesRegex(UserError, "where this is not done"):
            self._as("clerk", other)._receive_result({pump: (1, "x")})

    # --- whose turn it is ------------------------------------------------------------------

    def test_turn(self):
        """M8.3–M8.5: at each step exactly those have it among theirs who can do it."""
        settlement, pump, _seal = self._pump_and_seal()

        def turn():
            settlement.invalidate_recordset()
            self.assertTrue(settlement.next_step)
            roles = ("center", "clerk", "customer_service", "accountant", "vp")
            found = [
                role
                for role in roles
                if self._as(role, settlement).search(
                    [("is_my_turn", "=", True), ("id", "=", settlement.id)]
                )
            ]
            self.assertEqual(
                found, [role for role in roles if self._as(role, settlement).is_my_turn]
            )
            return found

        self.assertEqual(turn(), ["center"])
        self._submit(settlement)
        # customer service may do what a clerk does
        self.assertIn("clerk", turn())
        self.assertNotIn("center", turn())
        self._as("clerk", settlement).action_verify()
        self.assertEqual(turn(), ["customer_service"])
        self._as("customer_service", settlement).action_send()
        self.assertEqual(turn(), ["center"])
        self._object(pump, 0)
        self.assertEqual(turn(), ["customer_service"])


@freeze
@tagged("post_install", "-at_install")
class TestSettlementCorrection(SettlementFlowCommon):
    """What a later list corrects, because an earlier one is agreed on for good."""

    def setUp(self):
        super().setUp()
        # may be scrapped on the spot, and costs with the fee 2860.00 + 286.00 = 3146.00
        self.cover = self._make_part("Cover", self.env.ref("aftersales_parts.part_class_seal"))
        self._make_price(self.cover, 2860)

    def _paid_and_refused(self):
        """Return the line of a pump that October paid with 3146.00, and that was refused since."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        service = tag.with_user(self.users["customer_service"])
        service.action_write_off("Fell off", "company")
        october = self._generate()
        self._settle(october)
        self.assertEqual(october.amount_payable, 3146)
        service.action_found("Behind the gate")
        document.with_user(self.users["logistics"]).action_receive(tag.mapped("name"))
        document.line_ids.with_user(self.users["quality"]).write(
            {"verdict": "reject", "deduction_reason_id": self.d02.id}
        )
        self._verify_return(document)
        line = october.line_ids
        self.assertTrue(line.is_refused_since)
        return line

    def _november(self, *parts):
        self._make_record([self._scrap(product) for product in parts], day="2026-11-10")
        return self._generate("2026-11-01")

    def _settle_in(self, settlement):
        self._settle(settlement)
        return settlement

    def test_claw_back_waits_for_what_the_list_bears(self):
        """M8.4: 3146.00 is taken back: 120.00 with November, the rest of 3026.00 waits.

        December takes back as much as it claims, and more as it grows.
        """
        line = self._paid_and_refused()
        self._as("accountant", line).action_claw_back()
        correction = line.correction_ids
        self.assertEqual((correction.amount, correction.state), (-3146, "waiting"))
        november = self._november(self.seal)
        taken = november.line_ids.filtered(lambda ln: ln.kind == "correction")
        self.assertEqual((taken.amount_claimed, taken.origin_line_id), (-120, line))
        self.assertEqual(november.amount_claimed, 0)
        self.assertIn(line.settlement_id.name, self._as("center", taken).explanation)
        self._settle_in(november)
        self.assertEqual((november.amount_payable, november.state), (0, "reconciled"))
        self.assertEqual((line.amount_recovered, line.amount_to_recover), (120, 3026))
        self.assertEqual(correction.state, "waiting")
        self.assertFalse(line.recovery_note)
        # more may be borne by the same list as it grows, until it is filed
        with freeze_time("2026-12-10 02:00:00") as clock:
            self._make_record([self._scrap(self.seal)], day="2026-12-10")
            december = self._generate("2026-12-01")
            self.assertEqual(sorted(december.line_ids.mapped("amount_claimed")), [-120, 120])
            clock.move_to("2026-12-11 02:00:00")
            self._make_record([self._scrap(self.seal)], day="2026-12-11")
            self._generate("2026-12-01")
        self.assertEqual(sorted(december.line_ids.mapped("amount_claimed")), [-240, 120, 120])

    def test_claw_back_in_full(self):
        """M8.4: 3146.00 of 20720.00 are taken back at once; the note says by which list."""
        line = self._paid_and_refused()
        self._make_record(
            [self._scrap(self.seal), self._scrap(self.cover), self._scrap(self.cover)],
            day="2026-11-10",
        )
        november = self._generate("2026-11-01")
        self._as("customer_service", line).action_claw_back()
        # 120.00 + 2 × 3146.00 − 3146.00
        self.assertEqual(november.amount_claimed, 3266)
        with self.assertRaisesRegex(UserError, "already"):
            self._as("accountant", line).action_note_recovery("By bank")
        with self.assertRaisesRegex(UserError, "already"):
            self._as("accountant", line).action_claw_back()
        self._settle_in(november)
        self.assertEqual(november.amount_payable, 3266)
        self.assertEqual(line.correction_ids.state, "done")
        self.assertIn(november.name, line.recovery_note)
        self.assertIn("3,146.00", line.recovery_note)
        with self.assertRaisesRegex(UserError, "Recovered already"):
            self._as("accountant", line).action_claw_back()
        self.assertFalse(self._generate("2026-12-01").line_ids.filtered("correction_id"), "once")

    def test_reversed_list_takes_nothing_back(self):
        """M8.4: the list that took back 3146.00 is reversed: they wait again, and no note lies."""
        line = self._paid_and_refused()
        self._as("accountant", line).action_claw_back()
        november = self._november(self.cover, self.cover)
        self._settle_in(november)
        self.assertIn(november.name, line.recovery_note)
        bookkeeper = new_test_user(self.env, "parts_keeper", groups="account.group_account_user")
        november.with_user(bookkeeper).action_reverse("Wrong")
        self.assertFalse(line.recovery_note)
        self.assertEqual((line.amount_recovered, line.amount_to_recover), (0, 3146))
        self._as("customer_service", november).action_send()
        self._as("center", november).action_confirm()
        self.assertIn(november.name, line.recovery_note)

    def test_claw_back_shrinks_with_the_list(self):
        """M8.4: what is deducted in the audit can't be set off: the list never goes below 0."""
        line = self._paid_and_refused()
        self._as("accountant", line).action_claw_back()
        november = self._november(self.cover, self.seal)
        taken = november.line_ids.filtered("correction_id")
        self.assertEqual((taken.amount_claimed, november.amount_claimed), (-3146, 120))
        self._submit(november)
        self._as("clerk", november).action_verify()
        self.assertEqual(november.amount_payable, 120)
        cover = november.line_ids.filtered(lambda line: line.product_id == self.cover)
        self._pay(cover, mode="nothing", deduction_reason_id=self.d02.id)
        # 120.00 for the seal, so that 120.00 are taken back
        self.assertEqual((taken.amount_payable, november.amount_payable), (-120, 0))
        self._pay(cover, mode="amount", amount=3000, deduction_reason_id=self.d02.id)
        self.assertEqual((taken.amount_payable, november.amount_payable), (-3120, 0))
        self._as("customer_service", november).action_send()
        self._as("center", november).action_confirm(0)
        self.assertEqual((line.amount_recovered, line.amount_to_recover), (3120, 26))

    def test_claw_back_given_up(self):
        """M8.4: the center objects, customer service agrees: nothing more is taken back."""
        line = self._paid_and_refused()
        self._as("accountant", line).action_claw_back()
        november = self._november(self.cover)
        taken = november.line_ids.filtered("correction_id")
        self._submit(november)
        self._as("clerk", november).action_verify()
        self._as("customer_service", november).action_send()
        self._answer(self._object(taken, 0, "Our carrier's letter"))
        self.assertEqual((taken.amount_payable, november.amount_payable), (0, 3146))
        self._as("customer_service", november).action_send()
        self._as("center", november).action_confirm(3146)
        self.assertEqual((line.correction_ids.amount, line.correction_ids.state), (0, "done"))
        self.assertEqual((line.amount_recovered, line.amount_to_recover), (0, 0))

    def test_claw_back_of_a_cancelled_list(self):
        """M8.4: the list is cancelled: the amount waits again, and is recovered otherwise."""
        line = self._paid_and_refused()
        self._as("accountant", line).action_claw_back()
        november = self._november(self.seal)
        self._as("customer_service", november).action_cancel("Wrong")
        self.assertEqual(line.correction_ids.state, "waiting")
        self._as("accountant", line).action_note_recovery("Bank transfer of 3 December")
        self.assertEqual(line.correction_ids.state, "done")
        self.assertFalse(self._november(self.seal).line_ids.filtered("correction_id"))

    def test_claw_back_by_its_roles(self):
        """M8.4: accountants and customer service, for what was paid and refused, nothing else."""
        line = self._paid_and_refused()
        for role in ("center", "clerk", "office_manager", "vp", "quality"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._as(role, line).action_claw_back()
        self._make_record([self._scrap(self.seal)], day="2026-09-10")
        other = self._generate("2026-09-01")
        self._settle(other)
        with self.assertRaisesRegex(UserError, "Nothing is to be recovered"):
            self._as("accountant", other.line_ids).action_claw_back()
        for role in ("center", "accountant", "customer_service"):
            with self.assertRaises(AccessError):
                self._as(role, self.env["aftersales.settlement.correction"]).create(
                    {
                        "origin_line_id": line.id,
                        "kind": "ruling",
                        "amount": 99,
                        "reason": "x",
                    }
                )

    # --- rulings (L1.7) --------------------------------------------------------------------

    def test_ruling_about_the_fee(self):
        """L1.7, M8.2: the seal gets 10 % of 120.00 = 12.00 with the next list, once."""
        self._make_record([self._scrap(self.seal)])
        october = self._generate()
        self._settle(october)
        dispute = self._ruled(settlement_id=october.id)
        self.assertTrue(dispute.can_carry_out)
        action = dispute.action_open_carry_out()
        wizard = dispute.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(wizard.line_ids.settlement_line_id, october.line_ids)
        self.assertEqual(wizard.line_ids.amount, 12)
        wizard.line_ids.is_chosen = True
        wizard.line_ids.amount = 12.01
        with self.assertRaisesRegex(UserError, "up to"):
            wizard.action_confirm()
        wizard.line_ids.amount = 12
        wizard.action_confirm()
        correction = dispute.correction_ids
        self.assertEqual((correction.amount, correction.state), (12, "waiting"))
        self.assertFalse(dispute.can_carry_out)
        # nothing else is to be settled in November: the ruling alone makes the list, in time
        late = fields.Datetime.to_datetime("2026-12-20")
        month = fields.Date.to_date("2026-11-01")
        self.assertFalse(october._generate(month, self.center, moment=late))
        november = self._generate("2026-11-01")
        line = november.line_ids
        self.assertEqual((line.kind, line.amount_claimed), ("correction", 12))
        self.assertEqual(
            (line.origin_line_id, line.record_id), (october.line_ids, october.line_ids.record_id)
        )
        self.assertIn(dispute.name, line.explanation)
        self._settle_in(november)
        self.assertEqual((november.amount_payable, correction.state), (12, "done"))
        self.assertFalse(self._generate("2026-12-01"))
        with self.assertRaises(UserError):
            dispute.action_carry_out([], corrections={october.line_ids.id: 12})

    def test_ruling_about_the_warranty(self):
        """L1.7, M8.4: taken for not under warranty, ruled: 120.00 as claimed, or less."""
        record = self._make_record([self._scrap(self.seal)], done=False)
        record.write({"responsibility": "customer", "advice": "Keep the seals clean"})
        self._validate(record)
        october = self._generate()
        self._settle(october)
        self.assertEqual(october.line_ids.result, "uncovered")
        dispute = self._ruled("partly", settlement_id=october.id)
        for role in ("center", "clerk", "accountant", "office_manager"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._as(role, dispute).action_carry_out([], corrections={october.line_ids.id: 1})
        dispute.action_carry_out([], corrections={october.line_ids.id: 60})
        self.assertEqual(self._settle_in(self._generate("2026-11-01")).amount_payable, 60)
        self.assertEqual((october.amount_payable, october.state), (0, "reconciled"))

    def test_ruling_about_the_warranty_before_the_confirmation(self):
        """L1.7: the list that isn't agreed on yet pays by itself, and no other."""
        record = self._make_record([self._scrap(self.seal)], done=False)
        record.write({"responsibility": "customer", "advice": "Keep the seals clean"})
        self._validate(record)
        october = self._generate()
        self._submit(october)
        self._as("clerk", october).action_verify()
        self._as("customer_service", october).action_send()
        dispute = self._ruled(settlement_id=october.id)
        dispute.action_carry_out([], corrections={october.line_ids.id: 120})
        self.assertFalse(dispute.correction_ids)
        self.assertEqual(october.amount_payable, 120)
        self._as("center", october).action_confirm(120)
        self.assertFalse(self._generate("2026-11-01"))


@tagged("post_install", "-at_install")
class TestSettlementMoment(ConcurrencyCommon):
    """Center and company at the same moment, each with a connection of its own."""

    def setUp(self):
        super().setUp()
        with freeze_time("2026-11-20 02:00:00"):
            self.data._make_record([self.data._scrap(self.data.seal)])
            self.settlement = self.data._generate()
            self.data._submit(self.settlement)
            self.settlement.with_user(self.users["clerk"]).action_verify()
            self.settlement.with_user(self.users["customer_service"]).action_send()
            self._commit()

    def test_confirming_and_objecting(self):
        """M8.5: one confirms, the other objects at the same moment: one of them is refused."""
        confirming = self._as("center", self.settlement)
        objecting = self._as("center", self.settlement)
        confirming.action_confirm(120)
        line = objecting.line_ids
        with mute_logger("odoo.sql_db"), self.assertRaises(UserError):
            objecting._object([{"line_id": line.id, "amount_expected": 0, "cause": "x"}])
        confirming.env.flush_all()
        confirming.env.cr.commit()  # pylint: disable=invalid-commit
        objecting.env.cr.rollback()
        with self.assertRaisesRegex(UserError, "Sent"):
            objecting._object([{"line_id": line.id, "amount_expected": 0, "cause": "x"}])
        objecting.env.cr.rollback()

    def test_disputing_and_confirming(self):
        """L1.7, M8.5: a dispute that is opened at the same moment holds the list all the same."""
        disputing = self._as("clerk", self.settlement)
        confirming = self._as("center", self.settlement)
        disputing.env["aftersales.dispute"].create(
            {"settlement_id": disputing.id, "reason": "Two tags were not counted"}
        )
        disputing.env.flush_all()
        disputing.env.cr.commit()  # pylint: disable=invalid-commit
        with mute_logger("odoo.sql_db"), self.assertRaises(SerializationFailure):
            confirming.action_confirm(120)
        confirming.env.cr.rollback()
        confirming.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "dispute"):
            confirming.action_confirm(120)
        confirming.env.cr.rollback()

    def test_two_objections(self):
        """M8.5: two users object to the same line at the same moment: one objection."""
        first = self._as("center", self.settlement)
        second = self._as("center", self.settlement)
        vals = {"line_id": first.line_ids.id, "amount_expected": 0, "cause": "x"}
        first._object([vals])
        with mute_logger("odoo.sql_db"), self.assertRaises(UserError):
            second._object([vals])
        first.env.flush_all()
        first.env.cr.commit()  # pylint: disable=invalid-commit
        second.env.cr.rollback()
        with self.assertRaisesRegex(UserError, "already"):
            second._object([vals])
        second.env.cr.rollback()
