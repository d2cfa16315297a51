from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path, mute_logger

from .common import freeze
from .test_center import QuotaCommon


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartCharge(QuotaCommon):
    """Two pumps of the company at the center; what doesn't come back in order is charged."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reason = cls.env.ref("aftersales_parts.deduction_reason_D05")
        cls.cs = cls.users["customer_service"]
        cls.accountant = cls.users["accountant"]
        cls.vat = cls.env["account.tax"].create(
            {"name": "VAT 13", "amount": 13, "type_tax_use": "sale", "company_id": cls.company.id}
        )
        cls.pump.taxes_id = [Command.set(cls.vat.ids)]

    def setUp(self):
        super().setUp()
        self._move("received", 1800)
        self._supply(self._quota())

    def _tag(self, source="deposit"):
        return self._make_record([self._part(self.pump, source=source)]).used_part_ids

    def _refused(self, verdict="deduct", answer=True):
        """Return the tag of a part from deposit that was refused, and the return."""
        tag = self._tag()
        document = self._return_parts(deductions={tag.name: self.reason.id}, verdict=verdict)
        if answer:
            document.with_user(self.cs).action_done()
        return tag, document

    def _charge(self, tags):
        tags.with_user(self.accountant).action_charge()
        return tags.charge_line_id.move_id

    def _obstacles(self):
        return "\n".join(self.center._get_center_obstacles(self.company))

    def test_deducted_part_is_charged_once(self):
        """L3.3: a pump of 2,860.00 from deposit, deducted: 2,860.00 owed with VAT, once.

        By hand: 2860.00 / 1.13 = 2530.97 net, 329.03 VAT.
        """
        tag, document = self._refused(answer=False)
        self.assertFalse(tag.charge_state, "nothing is final before the answer")
        with self.assertRaisesRegex(UserError, "Only possible"), self.cr.savepoint():
            tag.with_user(self.accountant).action_charge()
        document.with_user(self.cs).action_done()
        self.assertEqual(tag.charge_state, "to_charge")
        # what the price is today doesn't matter: it was 2860.00 on the day of service
        self.pricelist.item_ids.filtered(
            lambda item: item.product_id == self.pump
        ).date_end = "2026-11-01 00:00:00"
        self._make_price(self.pump, 3000, date_start="2026-11-01 00:00:01")
        invoice = self._charge(tag)
        self.assertEqual((invoice.move_type, invoice.state), ("out_invoice", "draft"))
        self.assertEqual(invoice.partner_id, self.center)
        self.assertEqual(
            (invoice.amount_untaxed, invoice.amount_tax, invoice.amount_total),
            (2530.97, 329.03, 2860),
        )
        self.assertIn(tag.name, invoice.invoice_line_ids.name)
        self.assertEqual(tag.charge_state, "charged")
        self.assertIn("charged", tag.event_ids.mapped("event"))
        with self.assertRaisesRegex(UserError, "Only possible"), self.cr.savepoint():
            tag.with_user(self.accountant).action_charge()
        invoice.with_user(self.accountant).action_post()
        self.assertEqual(tag.charge_state, "charged")
        self.assertFalse(self._generate(), "and no settlement pays for it")

    def test_lost_part_of_the_center(self):
        """L3.3, M10.3: lost, borne by the center: charged; borne by the company: not."""
        tags = self._tag() | self._tag()
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        own, ours = tags
        own.with_user(self.cs).action_write_off("Fell off", "center")
        ours.with_user(self.cs).action_write_off("Fell off", "company")
        self.assertEqual((own.charge_state, ours.charge_state), ("to_charge", False))

    def test_paid_in_advance_is_not_charged(self):
        """M8.4: what the center bought itself is just not paid; accepted parts owe nothing."""
        tag = self._tag("stock")
        self._return_parts(deductions={tag.name: self.reason.id}).with_user(self.cs).action_done()
        self.assertFalse(tag.charge_state)
        own = self._tag()
        document = self._make_return(month="2026-12-01")
        document.is_special = True
        document.special_reason = "Urgent"
        self._approve(document)
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive(own.mapped("name"))
        self._verify_return(document)
        document.with_user(self.cs).action_done()
        self.assertEqual((own.result, own.charge_state), ("accepted", False))

    def _lost_by_the_office(self):
        """Return the tag of a part that the office took in a swap and lost."""
        tag = self._tag("stock")
        swap = (
            self.env["aftersales.swap"]
            .with_user(self.users["clerk"])
            .create(
                {
                    "center_id": self.center.id,
                    "line_ids": [Command.create({"used_part_id": tag.id})],
                }
            )
        )
        swap.action_done()
        document = self._make_return(self.office, self.users["clerk"])
        self._approve(document)
        document.action_ship()
        tag.with_user(self.cs).action_write_off("Fell off", "center")
        return tag

    def test_swapped_part_is_charged_to_who_sent_it(self):
        """L1.6, L3.3: the office took the used part and didn't return it: it owes 2,860.00."""
        invoice = self._charge(self._lost_by_the_office())
        self.assertEqual(invoice.partner_id, self.office)
        self.assertEqual(invoice.amount_total, 2860)

    def test_own_office_is_not_charged(self):
        """L3.3: the company doesn't invoice itself; customer service waives that."""
        self.office.write({"is_company": False, "parent_id": self.company.partner_id.id})
        tag = self._lost_by_the_office()
        with self.assertRaisesRegex(UserError, "would charge itself"), self.cr.savepoint():
            tag.with_user(self.accountant).action_charge()
        other, _document = self._refused()
        action = (tag | other).with_user(self.accountant).action_charge()
        self.assertEqual((tag | other).mapped("charge_state"), ["to_charge", "charged"])
        self.assertRegex(action["params"]["message"], f"itself.*{tag.name}")
        self.assertNotIn(other.name, action["params"]["message"])
        self.assertEqual(action["params"]["next"]["res_id"], other.charge_line_id.move_id.id)
        tag.with_user(self.cs).action_waive_charge("Own office")
        self.assertEqual(tag.charge_state, "waived")

    def test_unpriced_part_stops_no_other(self):
        """M8.1: one part has no price on its day: it is named, the other is charged 2,860.00."""
        old = self._make_record(
            [self._part(self.pump, source="deposit")], day="2026-10-10"
        ).used_part_ids
        tag = self._tag()
        names = [old.name, tag.name]
        document = self._return_parts(deductions=dict.fromkeys(names, self.reason.id))
        document.with_user(self.cs).action_done()
        self.pricelist.item_ids.filtered(
            lambda item: item.product_id == self.pump
        ).date_start = "2026-10-15 00:00:00"
        action = (old | tag).with_user(self.cs).action_charge()
        self.assertEqual((old | tag).mapped("charge_state"), ["to_charge", "charged"])
        message = action["params"]["message"]
        self.assertRegex(message, f"No wholesale price.*{old.name}")
        self.assertRegex(message, r"Draft invoices: 1.*2,860\.00")
        with self.assertRaisesRegex(UserError, "No wholesale price"), self.cr.savepoint():
            old.with_user(self.cs).action_charge()

    def test_nothing_is_charged_while_disputed(self):
        """L1.7, L3.3: neither drafted nor posted while a dispute about its return is open."""
        tag, document = self._refused()
        disputes = self.env["aftersales.dispute"].with_user(self.users["clerk"])
        vals = {"reason": "It is no such crack", "return_id": document.id}
        dispute = disputes.create(vals)
        with self.assertRaisesRegex(UserError, f"dispute.*{tag.name}"), self.cr.savepoint():
            tag.with_user(self.accountant).action_charge()
        dispute.with_user(self.cs).action_cancel("Agreed")
        invoice = self._charge(tag)
        dispute = disputes.create(vals)
        with self.assertRaisesRegex(UserError, dispute.name), self.cr.savepoint():
            invoice.with_user(self.accountant).action_post()
        dispute.with_user(self.cs).action_cancel("Agreed")
        invoice.with_user(self.accountant).action_post()
        self.assertEqual((invoice.state, tag.charge_state), ("posted", "charged"))

    def test_undone_invoice(self):
        """L3.3: cancelled, deleted or credited invoices charge nothing, nor is it charged twice."""
        tag, _document = self._refused()
        first = self._charge(tag)
        first.button_cancel()
        self.assertEqual(tag.charge_state, "to_charge")
        second = self._charge(tag)
        self.assertNotEqual(first, second)
        first.button_draft()
        with self.assertRaisesRegex(UserError, "is charged by"), self.cr.savepoint():
            first.action_post()
        first.unlink()
        self.assertEqual(tag.charge_state, "charged")
        second.invoice_line_ids.unlink()
        self.assertEqual(tag.charge_state, "to_charge")
        third = self._charge(tag)
        third.unlink()
        self.assertEqual(tag.charge_state, "to_charge")
        fourth = self._charge(tag)
        fourth.action_post()
        with self.assertRaisesRegex(UserError, "credit note only"), self.cr.savepoint():
            fourth._reverse_moves(cancel=True)
        fourth._reverse_moves().action_post()
        self.assertEqual(fourth.payment_state, "reversed")
        self.assertEqual(tag.charge_state, "to_charge")
        self.assertEqual(fourth.copy().invoice_line_ids.aftersales_charged_part_id, tag.browse())

    def _refund(self, invoice, amount):
        """Post another credit note of the center, and set it off against the invoice."""
        refund = self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.center.id,
                "invoice_date": "2026-11-20",
                "invoice_line_ids": [
                    Command.create({"name": "Lamps", "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        refund.action_post()
        lines = (invoice | refund).line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()

    def test_set_off_with_another_credit_note(self):
        """L3.3: a charge of 2,860.00 that is set off against goods credited stays charged."""
        tag, _document = self._refused()
        invoice = self._charge(tag)
        invoice.action_post()
        self._refund(invoice, 2860)
        self.assertEqual(invoice.payment_state, "reversed", "as core calls what is set off")
        self.assertEqual(tag.charge_state, "charged")
        with self.assertRaisesRegex(UserError, "Only possible"), self.cr.savepoint():
            tag.with_user(self.accountant).action_charge()

    def test_set_off_and_partly_credited(self):
        """L3.3: of two pumps, 5,720.00, one is credited and one set off: that stays charged.

        It is charged no more once core's credit notes reach the whole amount.
        """
        one, other = self._tag(), self._tag()
        document = self._return_parts(
            deductions=dict.fromkeys([one.name, other.name], self.reason.id)
        )
        document.with_user(self.cs).action_done()
        invoice = self._charge(one | other)
        invoice.action_post()
        self.assertEqual(invoice.amount_total, 5720)
        vals = one.charge_line_id._prepare_charge_credit_vals()
        self.env["account.move"].create(vals).action_post()
        self._refund(invoice, 2860)
        self.assertEqual(invoice.payment_state, "reversed")
        self.assertEqual((one | other).mapped("charge_state"), ["to_charge", "charged"])
        rest = invoice._reverse_moves()
        rest.invoice_line_ids[0].unlink()
        rest.action_post()
        self.assertEqual(other.charge_state, "to_charge")

    def _sent_back(self, source="deposit"):
        """Return the tag of a part that was rejected and sent back to the center."""
        tag = self._tag(source)
        document = self._return_parts(deductions={tag.name: self.reason.id}, verdict="reject")
        document.line_ids.with_user(self.cs).outcome_refused = "return"
        document.with_user(self.cs).action_done()
        return tag

    def _return_again(self, tag, *keeper, verdict="accept"):
        """Let the center, or who keeps the part now, keep it again and return it once more."""
        tag.with_user(keeper[1] if keeper else self.users["center"]).action_keep_again()
        document = self._make_return(*keeper, month="2026-12-01")
        document.write({"is_special": True, "special_reason": "Mended"})
        self._approve(document)
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive(tag.mapped("name"))
        if verdict != "accept":
            document.line_ids.with_user(self.users["quality"]).write(
                {"verdict": verdict, "deduction_reason_id": self.reason.id}
            )
        self._verify_return(document)
        document.with_user(self.cs).action_done()
        return document

    def test_kept_again_stays_owed(self):
        """L3.3: charged 2,860.00 and kept again: owed until it is accepted, however often."""
        tag = self._sent_back()
        invoice = self._charge(tag)
        invoice.action_post()
        self._return_again(tag, verdict="reject")
        self.assertEqual((tag.result, tag.charge_state), ("rejected", "charged"))
        self.assertFalse(invoice.message_ids.filtered(lambda m: "No longer owed" in m.body))
        self.assertEqual(tag.charge_line_id.move_id, invoice)

    def test_kept_again_is_to_be_charged(self):
        """L3.3: what the center keeps for ever after a rejection is charged, and says why."""
        tag = self._sent_back()
        tag.with_user(self.users["center"]).action_keep_again()
        self.assertEqual(tag.charge_state, "to_charge")
        self.assertIn("to be charged: 1", self._obstacles())
        line = self._charge(tag).invoice_line_ids
        self.assertEqual(line.price_total, 2860)
        self.assertIn(self.reason.name, line.name)

    def test_debtor_is_whose_part_was_refused_first(self):
        """L3.3: the center stripped it; the office that took it over later owes nothing."""
        tag = self._sent_back()
        self.center.sudo().center_state = "closed"
        tag.with_user(self.cs).action_hand_over("Closed")
        self._return_again(tag, self.office, self.users["clerk"], verdict="reject")
        self.assertEqual((tag.keeper_id, tag.charge_state), (self.office, "to_charge"))
        self.assertEqual(self._charge(tag).partner_id, self.center)

    def test_refused_before_the_swap(self):
        """L1.6: refused while the center had paid for it, then swapped: the office owes nothing."""
        tag = self._sent_back("stock")
        tag.with_user(self.users["center"]).action_keep_again()
        with freeze_time("2026-11-22 05:00"):
            swap = self.env["aftersales.swap"].with_user(self.users["clerk"])
            lines = [Command.create({"used_part_id": tag.id})]
            swap.create({"center_id": self.center.id, "line_ids": lines}).action_done()
        self.assertTrue(tag.swap_line_id)
        self.assertFalse(tag.charge_state)

    def test_no_longer_owed(self):
        """L3.3: charged as rejected, accepted later: accountants are told, and credit it."""
        tag = self._sent_back()
        invoice = self._charge(tag)
        invoice.action_post()
        self._return_again(tag)
        self.assertEqual(tag.charge_state, "to_credit")
        message = invoice.message_ids.filtered(lambda m: "No longer owed" in m.body)
        self.assertIn(tag.name, message.body)
        self.assertIn(self.accountant.partner_id, message.partner_ids)
        tag.with_user(self.accountant).action_credit_charge()
        credit = invoice.invoice_line_ids.aftersales_credit_line_ids.move_id
        self.assertEqual((credit.move_type, credit.amount_total), ("out_refund", 2860))
        self.assertEqual(tag.charge_state, "to_credit", "until the credit note is posted")
        tag.with_user(self.accountant).action_credit_charge()
        self.assertEqual(invoice.invoice_line_ids.aftersales_credit_line_ids.move_id, credit)
        credit.action_post()
        self.assertFalse(tag.charge_state)
        self.assertEqual(invoice.payment_state, "reversed")

    def test_draft_no_longer_owed(self):
        """L3.3: a draft for a part accepted later isn't posted; crediting deletes it."""
        tag = self._sent_back()
        invoice = self._charge(tag)
        self._return_again(tag)
        with self.assertRaisesRegex(UserError, "no longer owed"), self.cr.savepoint():
            invoice.action_post()
        tag.with_user(self.accountant).action_credit_charge()
        self.assertFalse(invoice.exists())
        self.assertFalse(tag.charge_state)

    def test_waive(self):
        """L3.3: customer service waives, with a reason that stays; no longer once it is over."""
        tag = self._sent_back()
        with self.assertRaises(AccessError), self.cr.savepoint():
            tag.with_user(self.accountant).action_waive_charge("Goodwill")
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            tag.with_user(self.cs).action_waive_charge(" ")
        tag.with_user(self.cs).action_waive_charge("Goodwill")
        self.assertEqual(tag.charge_state, "waived")
        self.assertEqual(tag.event_ids[-1].note, "Goodwill")
        with self.assertRaisesRegex(UserError, "Only possible"), self.cr.savepoint():
            tag.with_user(self.accountant).action_charge()
        self._return_again(tag)
        self.assertFalse(tag.charge_state or tag.charge_waiver)

    def test_charge_after_all(self):
        """L3.3: a waiver given by mistake is taken back, with a reason, and 2,860.00 charged."""
        tag, _document = self._refused()
        with self.assertRaisesRegex(UserError, "Only possible"), self.cr.savepoint():
            tag.with_user(self.cs).action_charge_after_all("Wrong one")
        tag.with_user(self.cs).action_waive_charge("Goodwill")
        for role in ("center", "office_manager", "logistics", "quality", "clerk"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                tag.with_user(self.users[role]).action_charge_after_all("Mine")
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            tag.with_user(self.cs).action_charge_after_all(" ")
        tag.with_user(self.accountant).action_charge_after_all("Wrong one")
        self.assertEqual((tag.charge_state, tag.charge_waiver), ("to_charge", False))
        self.assertEqual(tag.event_ids[-2:].mapped("event"), ["waived", "unwaived"])
        self.assertEqual(tag.event_ids[-2:].mapped("note"), ["Goodwill", "Wrong one"])
        self.assertEqual(self._charge(tag).amount_total, 2860)

    def test_waive_several(self):
        """L3.3: customer service waives several chosen in the list, by one reason, and back."""
        one, other = self._tag(), self._tag()
        names = [one.name, other.name]
        document = self._return_parts(deductions=dict.fromkeys(names, self.reason.id))
        document.with_user(self.cs).action_done()
        tags = (one | other).with_user(self.cs)
        for open_window, state in (
            (tags.action_open_waive_charge, "waived"),
            (tags.action_open_charge_after_all, "to_charge"),
        ):
            context = open_window()["context"]
            window = self.env["aftersales.reason"].with_user(self.cs).with_context(**context)
            window.create({"reason": "Goodwill"}).action_confirm()
            self.assertEqual(set(tags.mapped("charge_state")), {state})
        for button in ("action_open_waive_charge", "action_open_charge_after_all"):
            view = self.env.ref("aftersales_parts.view_used_part_charge_list")
            arch = tags.get_view(view.id, "list")["arch"]
            self.assertIn(button, arch)

    def test_list_says_who_owes_what(self):
        """L3.3: debtor and 2,860.00 stand in the list, of the day of each part, in one go."""
        vals = [self._part(self.pump, source="deposit")]
        tags = self._tag() | self._make_record(vals, day="2026-10-10").used_part_ids
        names = tags.mapped("name")
        document = self._return_parts(deductions=dict.fromkeys(names, self.reason.id))
        self.assertFalse(any(tags.mapped("charge_price")), "nothing is owed before the answer")
        document.with_user(self.cs).action_done()
        item = self.pricelist.item_ids.filtered(lambda item: item.product_id == self.pump)
        item.date_start = "2026-10-15 00:00:00"
        earlier = self._make_price(self.pump, 2500, date_end="2026-10-14 23:59:59")
        for user in (self.cs, self.accountant):
            own = tags.with_user(user)
            self.assertEqual(own.charge_debtor_id, self.center)
            self.assertEqual(own.mapped("charge_price"), [2860, 2500])
        # another period of prices costs its rules, another part nothing
        one, both = self._count_queries(tags[:1]), self._count_queries(tags)
        self.assertLessEqual(both, one + 1)
        earlier.unlink()
        item.date_start = False
        self.assertEqual(self._count_queries(tags), self._count_queries(tags[:1]))
        self.assertEqual(tags.mapped("charge_price"), [2860, 2860])
        self._charge(tags[1:])
        item.fixed_price = 3000
        self.env.invalidate_all()
        self.assertEqual(tags.mapped("charge_price"), [3000, 2860], "as the invoice says")

    def _count_queries(self, tags):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        tags.with_user(self.cs).read(["charge_price", "charge_debtor_id"])
        return self.cr.sql_log_count - before

    def test_only_who_charges_filters_by_it(self):
        """L3.3: centers and technicians have no filters of charges, nor the columns."""
        view = self.env.ref("aftersales_parts.view_used_part_search")
        parts = self.env["aftersales.used.part"]
        for role, seen in (("customer_service", True), ("accountant", True), ("center", False)):
            with self.subTest(role=role):
                own = parts.with_user(self.users[role])
                arch = own.get_view(view.id, "search")["arch"]
                self.assertEqual('name="to_charge"' in arch, seen)
                self.assertEqual("charge_price" in own.fields_get(), seen)

    def test_only_actions_charge(self):
        """L3.3: by no way does anybody forge a charge, its waiver or its link."""
        tag, _document = self._refused()
        for role in ("center", "office_manager", "logistics", "quality"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                tag.with_user(self.users[role]).action_charge()
        for vals in ({"charge_state": False}, {"charge_waiver": "x"}, {"charge_line_id": False}):
            with self.subTest(vals=vals), self.assertRaises(AccessError), self.cr.savepoint():
                tag.with_user(self.users["clerk"]).write({**vals, "charge_waiver": "x"})
        line = {"name": "Forged", "aftersales_charged_part_id": tag.id}
        vals = {"move_type": "out_invoice", "partner_id": self.center.id}
        moves = self.env["account.move"].with_user(self.accountant)
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            moves.create({**vals, "invoice_line_ids": [Command.create(line)]})
        forged = moves.with_context(default_aftersales_charged_part_id=tag.id).create(
            {**vals, "invoice_line_ids": [Command.create({"name": "Forged"})]}
        )
        self.assertFalse(forged.invoice_line_ids.aftersales_charged_part_id)
        line = self._charge(tag).invoice_line_ids.with_user(self.accountant)
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            line.write({"aftersales_charged_part_id": False})
        copy = line.with_context(default_aftersales_charged_part_id=tag.id).copy()
        self.assertFalse(copy.aftersales_charged_part_id)
        other = self._tag()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            other._write_protected({"charge_line_id": tag.charge_line_id.id})
            other.flush_recordset()

    def test_closing_the_center(self):
        """L3.3: a center isn't closed while its parts are to be charged, drafted or credited."""
        tag, _document = self._refused()
        self.assertIn("to be charged: 1", self._obstacles())
        invoice = self._charge(tag)
        self.assertNotIn("to be charged", self._obstacles())
        self.assertIn("on draft invoices: 1", self._obstacles())
        invoice.action_post()
        self.assertNotIn("on draft invoices", self._obstacles())
        self.assertIn("Open on its receivable account", self._obstacles())

    def test_charge_is_no_sale(self):
        """L2.9: a charge is no invoice by which returned goods were sold."""
        tag, document = self._refused()
        self._charge(tag).action_post()
        self.assertFalse(document.line_ids.sudo()._find_invoice_lines(self.center))

    def test_earlier_refusals_after_update(self):
        """L3.3: what 19.0.1.2.0 refused and answered is owed from the update on, not by chance."""
        tag, document = self._refused()
        self._sql("UPDATE aftersales_return_line SET date_answered = NULL")
        self._sql("UPDATE aftersales_used_part SET charge_state = NULL")
        path = file_path("aftersales_parts/migrations/19.0.1.3.0/post-return_answer.py")
        for _twice in range(2):
            load_script(path, "post-return_answer").migrate(self.cr, "19.0.1.2.0")
            self.env.flush_all()
            self.env.invalidate_all()
            self.assertEqual(tag.charge_state, "to_charge")
        self.assertEqual(document.line_ids.date_answered, document.date_answered)
        self._charge(tag)
        self.assertEqual(tag.charge_state, "charged")

    def _sql(self, query):
        self.env.flush_all()
        self.cr.execute(SQL(query))
        self.env.invalidate_all()
