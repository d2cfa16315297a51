from psycopg2.errors import SerializationFailure

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestReturnAnswer(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cs = cls.users["customer_service"]
        cls.vat = cls.env["account.tax"].create(
            {"name": "VAT 13", "amount": 13, "type_tax_use": "sale", "company_id": cls.company.id}
        )
        cls.lamp, cls.tube = cls.env["product.product"].create(
            [
                {
                    "name": name,
                    "is_storable": True,
                    "list_price": 99999,
                    "taxes_id": [Command.set(cls.vat.ids)],
                }
                for name in ("Lamp", "Tube")
            ]
        )
        cls.reason = cls.env.ref("aftersales_parts.deduction_reason_D05")
        cls.warehouse = cls.env["stock.warehouse"]._get_aftersales_warehouse(cls.company)

    # --- makers ----------------------------------------------------------------------------

    def _stock(self, product, quantity):
        self.env["stock.quant"]._update_available_quantity(
            product, self.warehouse.lot_stock_id, quantity
        )

    def _invoice(self, day, lines, partner=None, **vals):
        """Return a posted invoice to the center of lines (product, quantity, price, discount)."""
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or self.center).id,
                "invoice_date": day,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "quantity": quantity,
                            "price_unit": price,
                            "discount": discount,
                            "tax_ids": [Command.set(self.vat.ids)],
                        }
                    )
                    for product, quantity, price, discount in lines
                ],
                **vals,
            }
        )
        invoice.action_post()
        return invoice

    def _verified(self, goods, refused=None, parts=False, **vals):
        """Return a verified return of ``goods``, a list of (product, quantity, lot if any).

        :param refused: {product: quantity refused}
        :param parts: whether the used parts that the center keeps come along
        """
        document = (
            self.env["aftersales.return"]
            .with_user(self.users["center"])
            .create({"center_id": self.center.id, "month": "2026-11-01", **vals})
        )
        if parts:
            document.action_collect()
        document.line_ids = [
            Command.create(
                {"product_id": product.id, "quantity": quantity, "reason": "Dark", "serial": serial}
            )
            for product, quantity, serial in ((*item, False)[:3] for item in goods)
        ]
        self._approve(document)
        document.action_ship()
        tags = document.line_ids.used_part_id.mapped("name")
        lines = document.line_ids.filtered(lambda line: not line.used_part_id)
        document.with_user(self.users["logistics"]).action_receive(
            tags, {line.id: line.quantity for line in lines} if lines else None
        )
        for line in lines:
            if quantity := (refused or {}).get(line.product_id):
                line.with_user(self.users["quality"]).write(
                    {"deduction_reason_id": self.reason.id, "quantity_refused": quantity}
                )
        self._verify_return(document)
        return document.with_user(self.cs)

    def _line(self, document, product):
        return document.line_ids.filtered(lambda line: line.product_id == product)

    def _credits(self, document):
        return self.env["account.move"].search([("aftersales_return_id", "=", document.id)])

    # --- proposal and decision -------------------------------------------------------------

    def test_proposal(self):
        """L2.9: goods in stock are exchanged, others credited, refused ones go back."""
        self._stock(self.lamp, 5)
        document = self._verified([(self.lamp, 6), (self.tube, 2)], {self.lamp: 1})
        lamp, tube = self._line(document, self.lamp), self._line(document, self.tube)
        # 5 of 6 lamps accepted: exactly what is in stock
        self.assertEqual((lamp.outcome, lamp.outcome_refused), ("exchange", "return"))
        self.assertEqual((tube.outcome, tube.outcome_refused), ("credit", False))

    def test_proposal_counts_stock_once(self):
        """L2.9: two lines of one product don't take the same stock."""
        self._stock(self.lamp, 5)
        document = self._verified([(self.lamp, 3), (self.lamp, 3)])
        self.assertEqual(document.line_ids.mapped("outcome"), ["exchange", "credit"])

    def test_used_parts_are_settled(self):
        """M8.4: accepted used parts are paid by the settlement; refused ones stay, undecided."""
        tags = self._make_record([self._part(self.pump), self._part(self.gearbox)]).used_part_ids
        document = self._return_parts(deductions={tags[0].name: self.reason.id})
        lines = {line.used_part_id: line for line in document.line_ids}
        self.assertEqual(lines[tags[1]].outcome, "settlement")
        self.assertFalse(lines[tags[0]].outcome)
        self.assertEqual(lines[tags[0]].outcome_refused, "keep")

    def test_uncovered_parts_are_not_settled(self):
        """M8.4, L2.9: the slip promises no payment for what the audit will not pay.

        One pump under warranty, one broken by its user, one after the warranty's end.
        """
        covered = self._make_record([self._part(self.pump)])
        broken = self._make_record([self._part(self.pump)], done=False)
        broken.write({"responsibility": "customer", "advice": "Keep it clean"})
        self._validate(broken)
        expired = self._make_record([self._part(self.pump)], day="2026-10-21")
        self.card.coverage_ids.date_end = "2026-10-20"
        document = self._return_parts()
        document.with_user(self.cs).action_done()
        by_record = {line.record_id: line for line in document.line_ids}
        self.assertEqual(
            [by_record[record].outcome for record in (covered, broken, expired)],
            ["settlement", "uncovered", "uncovered"],
        )
        self.assertIn("not settled", by_record[broken].follow_up)
        settlement = self._generate()
        self._settle(settlement)
        self.assertEqual(
            {line.used_part_id.record_id: line.result for line in settlement.line_ids},
            {covered: "payable", broken: "uncovered", expired: "uncovered"},
        )
        goods = self._verified([(self.tube, 1)], is_special=True, special_reason="Wet")
        with self.assertRaisesRegex(ValidationError, "is no used part"), self.cr.savepoint():
            goods.line_ids.outcome = "uncovered"

    def test_answer_leaves_alone_what_came_again(self):
        """L2.9, M10.3: a part sent back, kept again and on its way once more isn't torn back."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._return_parts(deductions={tag.name: self.reason.id}, verdict="reject")
        line = document.line_ids
        line.with_user(self.users["customer_service"]).outcome_refused = "return"
        tag.with_user(self.users["logistics"]).action_return_to_center()
        tag.with_user(self.users["center"]).action_keep_again()
        again = self._make_return(month="2026-12-01")
        again.is_special = True
        again.special_reason = "Urgent"
        self._approve(again)
        again.action_ship()
        document.with_user(self.users["customer_service"]).action_done()
        self.assertEqual(tag.state, "shipped")
        again.with_user(self.users["logistics"]).action_receive(tag.mapped("name"))
        self.assertEqual(tag.state, "received")
        self.assertFalse(tag._check_ledger())

    def test_only_customer_service_decides(self):
        """L2.9: by no way does anybody else decide, nor before or after its time."""
        document = self._verified([(self.tube, 2)])
        line = document.line_ids
        for role in ("center", "office_manager", "logistics", "quality", "clerk"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                line.with_user(self.users[role]).outcome = "exchange"
        with self.assertRaises(AccessError), self.cr.savepoint():
            document.with_user(self.users["quality"]).line_ids = [
                Command.update(line.id, {"outcome": "exchange"})
            ]
        result = (
            self.env["aftersales.return.line"]
            .with_user(self.users["clerk"])
            .load([".id", "outcome"], [[str(line.id), "exchange"]])
        )
        self.assertFalse(result["ids"])
        line.outcome = "exchange"
        self.assertEqual(line.outcome, "exchange")
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            line.date_answered = "2026-11-20 00:00:00"
        self._stock(self.tube, 2)
        document.action_done()
        with self.assertRaisesRegex(UserError, "before the answer"), self.cr.savepoint():
            line.outcome = "credit"

    def test_nothing_is_decided_beforehand(self):
        """L2.9: neither values nor defaults of whoever adds the line decide."""
        document = self._make_return()
        line = (
            self.env["aftersales.return.line"]
            .with_user(self.users["center"])
            .with_context(default_outcome="exchange", default_outcome_refused="scrap")
            .create(
                {
                    "return_id": document.id,
                    "product_id": self.tube.id,
                    "outcome": "credit",
                    "scrap_agreement": "Yes",
                }
            )
        )
        self.assertFalse(line.outcome or line.outcome_refused or line.scrap_agreement)
        with self.assertRaisesRegex(UserError, "after the verification"), self.cr.savepoint():
            line.with_user(self.cs).outcome = "credit"

    def test_parts_and_goods_are_dealt_with_apart(self):
        """M8.4, M10.1: no credit note for a used part; goods don't stay with the manufacturer."""
        self._make_record([self._part(self.pump)])
        document = self._verified([(self.tube, 2)], {self.tube: 2}, parts=True)
        tag = document.line_ids.filtered("used_part_id")
        with self.assertRaisesRegex(ValidationError, "is a used part"), self.cr.savepoint():
            tag.outcome = "credit"
        goods = document.line_ids - tag
        with self.assertRaisesRegex(ValidationError, "is no used part"), self.cr.savepoint():
            goods.outcome_refused = "keep"
        with self.assertRaisesRegex(ValidationError, "is no used part"), self.cr.savepoint():
            goods.outcome = "settlement"

    # --- what is missing -------------------------------------------------------------------

    def test_nothing_is_answered_undecided(self):
        """L2.10: what is missing is said on the form, and nothing happens without it."""
        document = self._verified([(self.lamp, 3), (self.tube, 2)], {self.tube: 1})
        tube = self._line(document, self.tube)
        document.line_ids.write({"outcome": False})
        tube.outcome_refused = "scrap"
        undecided, unagreed = document.missing_answer.split("\n")
        self.assertRegex(undecided, "Decide what follows for: Lamp.+Tube")
        self.assertRegex(unagreed, "who of the sender agreed that these goods are scrapped: Tube")
        with self.assertRaisesRegex(UserError, "can't be answered yet"), self.cr.savepoint():
            document.action_done()
        self.assertEqual(document.state, "verified")
        self.assertFalse(self._credits(document))

    def test_more_than_shipped_needs_a_reason(self):
        """L2.8, L2.9: 2 shipped, 5 arrived: all 5 are credited if customer service says why."""
        document = self._make_return()
        document.line_ids = [Command.create({"product_id": self.tube.id, "quantity": 2})]
        self._approve(document)
        document.action_ship()
        line = document.line_ids
        logistics = document.with_user(self.users["logistics"])
        logistics.action_receive([], {line.id: 5}, is_excess_confirmed=True)
        self._verify_return(document)
        self._stock(self.tube, 9)
        document = document.with_user(self.cs)
        for outcome in ("credit", "exchange"):
            line.with_user(self.cs).outcome = outcome
            with self.assertRaisesRegex(UserError, "Say why more"), self.cr.savepoint():
                document.action_done()
        with self.assertRaises(AccessError), self.cr.savepoint():
            line.with_user(self.users["logistics"]).excess_reason = "x"
        line.with_user(self.cs).excess_reason = "The sender counted wrong, Ms Wang"
        self.assertFalse(document.missing_answer)
        document.action_done()
        self.assertEqual(line.sudo().exchange_move_id.product_uom_qty, 5)

    def test_only_customer_service_answers(self):
        """L2.9: the answer is customer service's, and comes after the verification."""
        self._stock(self.tube, 2)
        document = self._verified([(self.tube, 2)])
        for role in ("center", "office_manager", "logistics", "quality", "clerk", "accountant"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_done()
        document.action_done()
        with self.assertRaisesRegex(UserError, "has to be verified"), self.cr.savepoint():
            document.action_done()

    def test_deadline_is_met_by_the_answer_alone(self):
        """L2.10: verifying doesn't answer; the answer does."""
        self._stock(self.tube, 2)
        document = self._verified([(self.tube, 2)])
        rule = self.env.ref("aftersales_parts.deadline_rule_return_answered")
        deadline = document.deadline_ids.filtered(lambda d: d.rule_id == rule)
        self.assertEqual(deadline.state, "running")
        # arrived on the 20th at 10:00 in Shanghai: until the 23rd
        self.assertEqual(str(deadline.date_due)[:10], "2026-11-23")
        document.action_done()
        self.assertEqual(deadline.state, "met")

    # --- exchange --------------------------------------------------------------------------

    def test_exchange(self):
        """L2.9: the accepted quantity is delivered to the sender from stock, reserved at once."""
        self._stock(self.lamp, 10)
        document = self._verified([(self.lamp, 6)], {self.lamp: 2})
        document.action_done()
        move = document.line_ids.sudo().exchange_move_id
        self.assertEqual((move.product_uom_qty, move.state), (4, "assigned"))
        picking = move.picking_id
        self.assertEqual(picking.partner_id, self.center)
        self.assertEqual(picking.picking_type_id, self.warehouse.out_type_id)
        self.assertEqual(picking.location_id, self.warehouse.lot_stock_id)
        self.assertEqual(picking.origin, document.name)
        self.assertIn(picking.name, document.line_ids.follow_up)
        self.assertFalse(self._credits(document))

    def test_exchange_keeps_lines_apart(self):
        """L2.9: two lines of a product get a move each in one delivery."""
        self._stock(self.lamp, 10)
        document = self._verified([(self.lamp, 1), (self.lamp, 2)])
        document.action_done()
        moves = document.line_ids.sudo().exchange_move_id
        self.assertEqual(moves.mapped("product_uom_qty"), [1, 2])
        self.assertEqual(len(moves.picking_id), 1)

    def test_exchange_of_a_service(self):
        """L2.9: what is no goods can't be delivered, and nothing else happens then."""
        self._stock(self.lamp, 1)
        document = self._verified([(self.lamp, 1), (self.tube, 1)])
        self.tube.type = "service"
        document.line_ids.outcome = "exchange"
        with self.assertRaisesRegex(UserError, "they are no goods: Tube"), self.cr.savepoint():
            document.action_done()
        self.assertFalse(document.line_ids.sudo().exchange_move_id)
        self.assertEqual(document.state, "verified")

    # --- credit note -----------------------------------------------------------------------

    def test_credit_by_the_latest_invoices(self):
        """L2.9: 4 at 21.50 and 2 at 19.90 less 10 %: 121.82 net, 15.84 VAT, 137.66."""
        old = self._invoice("2026-09-01", [(self.lamp, 10, 19.90, 10)])
        new = self._invoice("2026-10-01", [(self.lamp, 4, 21.50, 0), (self.tube, 9, 5, 0)])
        document = self._verified([(self.lamp, 7)], {self.lamp: 1})
        document.line_ids.outcome = "credit"
        document.action_done()
        credit = self._credits(document)
        self.assertEqual((credit.move_type, credit.state), ("out_refund", "draft"))
        self.assertEqual(credit.partner_id, self.center)
        self.assertEqual(
            [
                (line.quantity, line.price_unit, line.discount, line.price_subtotal)
                for line in credit.invoice_line_ids
            ],
            [(4, 21.50, 0, 86.00), (2, 19.90, 10, 35.82)],
        )
        self.assertEqual(
            credit.invoice_line_ids.aftersales_credited_line_id,
            new.invoice_line_ids[0] + old.invoice_line_ids,
        )
        self.assertEqual(credit.invoice_line_ids.tax_ids, self.vat)
        self.assertEqual(
            (credit.amount_untaxed, credit.amount_tax, credit.amount_total),
            (121.82, 15.84, 137.66),
        )
        self.assertEqual(credit.ref, document.name)
        self.assertIn("137.66", document.line_ids.follow_up)
        # two invoices: accountants choose which to set off
        self.assertFalse(credit.reversed_entry_id)
        credit.with_user(self.users["accountant"]).action_post()
        self.assertIn(credit.name, document.line_ids.follow_up)

    def test_never_more_than_was_invoiced(self):
        """L2.9: what was credited before, by core as well, isn't credited again."""
        invoice = self._invoice("2026-10-01", [(self.lamp, 10, 20, 0)])
        by_hand = invoice._reverse_moves()
        by_hand.invoice_line_ids.quantity = 3
        document = self._verified([(self.lamp, 5)])
        document.line_ids.outcome = "credit"
        document.action_done()
        # 10 - 3 - 5 = 2 left; 3 come back in a further return
        document = self._verified([(self.lamp, 3)], is_special=True, special_reason="Wet")
        document.line_ids.outcome = "credit"
        with (
            self.assertRaisesRegex(UserError, "of the 3 to be credited, only 2 were"),
            self.cr.savepoint(),
        ):
            document.action_done()
        self.assertFalse(self._credits(document))
        by_hand.button_cancel()
        document.action_done()
        self.assertEqual(self._credits(document).amount_untaxed, 60)

    def test_credit_in_another_unit(self):
        """L2.9: sold by the dozen at 200.00, returned 6 pieces: 100.00 and 13.00 VAT."""
        dozen = self.env.ref("uom.product_uom_dozen")
        invoice = self._invoice("2026-10-01", [(self.lamp, 1, 200, 0)])
        invoice.button_draft()
        invoice.invoice_line_ids.product_uom_id = dozen
        invoice.invoice_line_ids.price_unit = 200
        invoice.action_post()
        document = self._verified([(self.lamp, 6)])
        document.line_ids.outcome = "credit"
        document.action_done()
        credit = self._credits(document)
        self.assertEqual((credit.amount_untaxed, credit.amount_tax), (100, 13))
        self.assertEqual(credit.reversed_entry_id, invoice)
        left = invoice.invoice_line_ids._get_aftersales_uncredited()
        self.assertEqual(left, {invoice.invoice_line_ids: 6})

    def test_credit_in_the_currency_of_the_invoice(self):
        """L2.9: what was sold in another currency is credited in it, apart."""
        other = self.env["res.currency"].search(
            [("id", "!=", self.company.currency_id.id), ("active", "in", (True, False))], limit=1
        )
        other.active = True
        self._invoice("2026-10-01", [(self.lamp, 2, 10, 0)], currency_id=other.id)
        self._invoice("2026-10-02", [(self.tube, 2, 7, 0)])
        document = self._verified([(self.lamp, 2), (self.tube, 2)])
        document.line_ids.outcome = "credit"
        document.action_done()
        credits = self._credits(document).sorted("amount_untaxed")
        self.assertEqual(credits.mapped("amount_untaxed"), [14, 20])
        self.assertEqual(credits[0].currency_id, self.company.currency_id)
        self.assertEqual(credits[1].currency_id, other)

    def _credit_by_hand(self, quantity, day="2026-11-01", post=True, **vals):
        credit = self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.center.id,
                "invoice_date": day,
                "invoice_line_ids": [
                    Command.create(
                        {"product_id": self.lamp.id, "quantity": quantity, "price_unit": 20, **vals}
                    )
                ],
            }
        )
        if post:
            credit.action_post()
        return credit

    def _uncredited(self, invoice):
        return list(invoice.invoice_line_ids._get_aftersales_uncredited().values())

    def test_credit_notes_by_hand_count(self):
        """L2.9: 10 invoiced, 3 + 2 credited by hand without reversal: 5 left, 6 are refused.

        Neither those cancelled count, nor those before the invoice, of others or another product.
        """
        invoice = self._invoice("2026-10-01", [(self.lamp, 10, 20, 0), (self.tube, 4, 5, 0)])
        self._credit_by_hand(3)
        self._credit_by_hand(2, day=False, post=False)
        self._credit_by_hand(1).button_cancel()
        self._credit_by_hand(1, day="2026-09-30")
        self.assertEqual(self._uncredited(invoice), [5, 4])
        document = self._verified([(self.lamp, 6)])
        document.line_ids.outcome = "credit"
        with (
            self.assertRaisesRegex(UserError, "of the 6 to be credited, only 5 were"),
            self.cr.savepoint(),
        ):
            document.action_done()

    def test_allowance_by_hand_is_taken_off_by_value(self):
        """L2.9: 0.50 off each of 100 at 20.00 is 50.00, the worth of 2.5: 97.5 are left.

        So 10 that come back are credited, but not all 100: 2,000.00 and 50.00 are too much.
        """
        invoice = self._invoice("2026-10-01", [(self.lamp, 100, 20, 0)])
        self._credit_by_hand(100, price_unit=0.5)
        self.assertEqual(self._uncredited(invoice), [97.5])
        of_core = invoice._reverse_moves()
        of_core.invoice_line_ids.price_unit = 0.1
        self.assertEqual(self._uncredited(invoice), [97])
        document = self._verified([(self.lamp, 10)])
        document.line_ids.outcome = "credit"
        document.action_done()
        self.assertEqual(self._credits(document).amount_untaxed, 200)
        self.assertEqual(self._uncredited(invoice), [87])

    def test_dearer_credit_by_hand_takes_no_more_pieces(self):
        """L2.9: 3 credited by hand at 25.00 are 3 of the 10 sold at 20.00; 0.00 takes none."""
        invoice = self._invoice("2026-10-01", [(self.lamp, 10, 20, 0)])
        self._credit_by_hand(3, price_unit=25)
        self._credit_by_hand(5, price_unit=0)
        self.assertEqual(self._uncredited(invoice), [7])

    def test_credit_note_by_hand_is_taken_off_the_newest(self):
        """L2.9: of 4 and 10 invoiced, 6 credited by hand: none of the 4, 8 of the 10 are left."""
        old = self._invoice("2026-09-01", [(self.lamp, 10, 20, 0)])
        new = self._invoice("2026-10-01", [(self.lamp, 4, 20, 0)])
        self._credit_by_hand(6)
        lines = new.invoice_line_ids + old.invoice_line_ids
        self.assertEqual(list(lines._get_aftersales_uncredited().values()), [0, 8])

    def test_credit_note_of_the_sale_order(self):
        """L2.9: 5 sold, 3 came back and core credits them from the order: 2 are left."""
        self._stock(self.lamp, 5)
        self.lamp.invoice_policy = "delivery"
        order = self.env["sale.order"].create(
            {
                "partner_id": self.center.id,
                "order_line": [
                    Command.create(
                        {"product_id": self.lamp.id, "product_uom_qty": 5, "price_unit": 20}
                    )
                ],
            }
        )
        order.action_confirm()
        order.picking_ids.move_ids.write({"quantity": 5, "picked": True})
        order.picking_ids._action_done()
        invoice = order._create_invoices()
        invoice.invoice_date = "2026-10-01"
        invoice.action_post()
        self.assertEqual(self._uncredited(invoice), [5])
        back = self.env["stock.return.picking"].create({"picking_id": order.picking_ids.id})
        back.product_return_moves.write({"quantity": 3, "to_refund": True})
        picking = back._create_return()
        picking.move_ids.write({"quantity": 3, "picked": True})
        picking._action_done()
        credit = order._create_invoices(final=True)
        self.assertEqual((credit.move_type, credit.reversed_entry_id.id), ("out_refund", False))
        self.assertEqual(self._uncredited(invoice), [2])

    def _credit_of_known_partner(self):
        """Return a draft credit note to a partner that other transactions see, too."""
        self._invoice("2026-10-01", [(self.lamp, 2, 10, 0)])
        document = self._verified([(self.lamp, 2)])
        document.line_ids.outcome = "credit"
        document.action_done()
        credit = self._credits(document)
        credit.partner_id = self.env.ref("base.partner_admin")
        self.env.flush_all()
        return credit

    def test_two_accountants_post_at_once(self):
        """L2.9: while one posts a credit note, another gets an error instead of a second one."""
        credit = self._credit_of_known_partner()
        with self.registry.cursor() as other_cr:
            other = credit.commercial_partner_id.with_env(
                api.Environment(other_cr, SUPERUSER_ID, {})
            )
            other._lock_aftersales_stock_account()
            with self.assertRaisesRegex(UserError, "this very moment"), self.cr.savepoint():
                credit.with_user(self.users["accountant"]).action_post()
            other_cr.rollback()
        credit.with_user(self.users["accountant"]).action_post()
        self.assertEqual(credit.state, "posted")

    def test_who_began_before_posts_anew(self):
        """L2.9: who began before another one posted starts again instead of counting as then."""
        credit = self._credit_of_known_partner()
        with self.registry.cursor() as other_cr:
            other = credit.commercial_partner_id.with_env(
                api.Environment(other_cr, SUPERUSER_ID, {})
            )
            other._lock_aftersales_stock_account()
            # the row keeps its values: nothing of the test stays in the database
            other_cr.commit()  # pylint: disable=invalid-commit
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(SerializationFailure),
            self.cr.savepoint(),
        ):
            credit.action_post()

    def test_credit_by_the_wholesale_price(self):
        """L2.9, M8.1: no invoice: 3 × 2,860.00 with VAT = 8,580.00 = 7,592.92 + 987.08."""
        self.pump.write({"is_storable": True, "taxes_id": [Command.set(self.vat.ids)]})
        document = self._verified([(self.pump, 3)])
        document.line_ids.outcome = "credit"
        document.action_done()
        credit = self._credits(document)
        self.assertEqual(
            (credit.amount_untaxed, credit.amount_tax, credit.amount_total),
            (7592.92, 987.08, 8580.00),
        )
        self.assertTrue(credit.invoice_line_ids.name.startswith("Pump\n"))

    def test_wholesale_price_with_tax_included(self):
        """M8.1: where prices include VAT, the wholesale price is taken as it is."""
        included = self.vat.copy({"name": "VAT incl", "price_include_override": "tax_included"})
        self.pump.write({"is_storable": True, "taxes_id": [Command.set(included.ids)]})
        document = self._verified([(self.pump, 1)])
        document.line_ids.outcome = "credit"
        document.action_done()
        self.assertEqual(self._credits(document).amount_total, 2860)

    def test_no_price_at_all(self):
        """L2.9: neither invoice nor wholesale price: said before anything happens."""
        self._stock(self.lamp, 3)
        document = self._verified([(self.lamp, 3), (self.tube, 2)])
        with self.assertRaisesRegex(UserError, "wholesale price of Tube"), self.cr.savepoint():
            document.action_done()
        self.assertFalse(self._line(document, self.lamp).sudo().exchange_move_id)
        self.assertEqual(document.state, "verified")

    def test_credit_goes_to_the_commercial_partner(self):
        """L2.9: invoices and credit notes are those of the company that the sender belongs to."""
        group = self.env["res.partner"].create({"name": "Group", "is_company": True})
        self.center.write({"is_company": False, "parent_id": group.id})
        self._invoice("2026-10-01", [(self.lamp, 2, 10, 0)], partner=group)
        document = self._verified([(self.lamp, 2)])
        document.line_ids.outcome = "credit"
        document.action_done()
        self.assertEqual(self._credits(document).partner_id, group)

    def test_credit_note_is_made_again(self):
        """L2.9: a deleted or cancelled credit note is seen and made again, but never twice."""
        self._invoice("2026-10-01", [(self.lamp, 2, 10, 0)])
        self._stock(self.tube, 1)
        document = self._verified([(self.lamp, 2), (self.tube, 1)])
        self._line(document, self.lamp).outcome = "credit"
        document.action_done()
        delivery = self._line(document, self.tube).sudo().exchange_move_id
        self.assertFalse(document.is_answer_undone)
        with self.assertRaisesRegex(UserError, "Nothing of what"), self.cr.savepoint():
            document.action_carry_out()
        accountant = self.users["accountant"]
        self._credits(document).with_user(accountant).unlink()
        document.invalidate_recordset()
        self.assertTrue(document.is_answer_undone)
        self.assertIn(document, document.search([("is_answer_undone", "=", True)]))
        self.assertIn("was deleted", document.message_ids[0].body)
        self.assertEqual(
            self._line(document, self.lamp).follow_up, "Credit note deleted or cancelled"
        )
        with self.assertRaises(AccessError), self.cr.savepoint():
            document.with_user(self.users["clerk"]).action_carry_out()
        document.action_carry_out()
        again = self._credits(document)
        self.assertEqual(again.amount_untaxed, 20)
        self.assertEqual(self._line(document, self.tube).sudo().exchange_move_id, delivery)
        again.with_user(accountant).button_cancel()
        self.assertIn("was cancelled", document.message_ids[0].body)
        document.invalidate_recordset()
        self.assertTrue(document.is_answer_undone)
        document.action_carry_out()
        document.invalidate_recordset()
        self.assertFalse(document.is_answer_undone)
        (self._credits(document) - again).with_user(accountant).action_post()
        # the cancelled one can't be taken up any more
        again.with_user(accountant).button_draft()
        with self.assertRaisesRegex(UserError, "4 would be credited"), self.cr.savepoint():
            again.with_user(accountant).action_post()

    def test_links_can_not_be_forged(self):
        """L2.9: nobody says by hand what a credit note credits; accountants see it."""
        invoice = self._invoice("2026-10-01", [(self.lamp, 2, 10, 0)])
        document = self._verified([(self.lamp, 2)])
        document.line_ids.outcome = "credit"
        document.action_done()
        accountant = self.users["accountant"]
        credit = self._credits(document).with_user(accountant)
        self.assertEqual(credit.aftersales_return_id.name, document.name)
        self.assertEqual(credit.invoice_line_ids.aftersales_return_line_id, document.line_ids)
        line = invoice.invoice_line_ids.with_user(accountant)
        for write in (
            lambda: credit.write({"aftersales_return_id": False}),
            lambda: line.write({"aftersales_return_line_id": document.line_ids.id}),
            lambda: line.write({"aftersales_credited_line_id": line.id}),
        ):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                write()
        copied = line.with_context(default_aftersales_credited_line_id=line.id).copy()
        self.assertFalse(copied.aftersales_credited_line_id)
        self.assertFalse(credit.copy().aftersales_return_id)

    # --- refused goods ---------------------------------------------------------------------

    def test_refused_goods_go_back(self):
        """L2.9: what was refused is sent back from among the defective goods."""
        self._stock(self.lamp, 10)
        document = self._verified([(self.lamp, 6)], {self.lamp: 2})
        document.action_done()
        move = document.line_ids.sudo().back_move_id
        self.assertEqual((move.product_uom_qty, move.state), (2, "assigned"))
        self.assertEqual(move.location_id, self.warehouse._get_defective_location())
        self.assertEqual(move.picking_id.partner_id, self.center)
        self.assertEqual(move.origin_returned_move_id, document.line_ids.sudo().move_ids)
        move.picked = True
        move.picking_id._action_done()
        self.assertEqual(self._in(self.warehouse._get_defective_location()), 4)

    def test_refused_lot_goes_back_to_its_sender(self):
        """L2.9: goods that go by lots go back with the lot they came with, not with another's."""
        oil = self.env["product.product"].create(
            {"name": "Oil", "is_storable": True, "tracking": "lot"}
        )
        other, own = self.env["stock.lot"].create(
            [{"name": name, "product_id": oil.id} for name in ("LOT-A", "LOT-B")]
        )
        # another sender's, which came first
        defective = self.warehouse._get_defective_location()
        self.env["stock.quant"]._update_available_quantity(oil, defective, 9, lot_id=other)
        document = self._verified([(oil, 5, own.name)], {oil: 2})
        document.line_ids.outcome = "credit"
        self._invoice("2026-10-01", [(oil, 5, 10, 0)])
        document.action_done()
        back = self._line(document, oil).sudo().back_move_id
        self.assertEqual(back.move_line_ids.mapped("lot_id"), own)
        self.assertEqual(back.quantity, 2)
        back.picked = True
        back.picking_id._action_done()
        rest = self.env["stock.quant"]._get_available_quantity
        self.assertEqual(rest(oil, defective, lot_id=other), 9)
        self.assertEqual(rest(oil, defective, lot_id=own), 3)

    def _in(self, location):
        return sum(
            self.env["stock.quant"]
            .search([("product_id", "=", self.lamp.id), ("location_id", "=", location.id)])
            .mapped("quantity")
        )

    def test_refused_goods_are_scrapped(self):
        """L2.9: with the sender's consent the refused goods are scrapped in stock, at once."""
        document = self._verified([(self.lamp, 6)], {self.lamp: 6})
        document.line_ids.write({"outcome_refused": "scrap", "scrap_agreement": " "})
        with self.assertRaisesRegex(UserError, "agreed that"), self.cr.savepoint():
            document.action_done()
        document.line_ids.scrap_agreement = "Mr Li, by phone, 20 Nov"
        document.action_done()
        self.assertEqual(self._in(self.warehouse._get_defective_location()), 0)
        scrap = self.env["stock.scrap"].search([("origin", "=", document.name)])
        self.assertEqual((scrap.scrap_qty, scrap.state), (6, "done"))
        self.assertEqual(document.line_ids.follow_up, "Scrap")

    def test_refused_goods_that_are_gone(self):
        """L2.9: what doesn't lie there any more can't be scrapped, and nothing is answered."""
        document = self._verified([(self.lamp, 6)], {self.lamp: 6})
        self.env["stock.quant"]._update_available_quantity(
            self.lamp, self.warehouse._get_defective_location(), -1
        )
        document.line_ids.write({"outcome_refused": "scrap", "scrap_agreement": "Mr Li"})
        with self.assertRaisesRegex(UserError, "not that much"), self.cr.savepoint():
            document.action_done()
        self.assertEqual(document.state, "verified")

    # --- used parts ------------------------------------------------------------------------

    def _answered_part(self, verdict, outcome):
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive([tag.name])
        document.line_ids.with_user(self.users["quality"]).write(
            {"verdict": verdict, "deduction_reason_id": self.reason.id}
        )
        self._verify_return(document)
        document = document.with_user(self.cs)
        document.line_ids.outcome_refused = outcome
        document.action_done()
        return tag

    def test_rejected_part_goes_back(self):
        """L2.9: a rejected part truly moves back to who kept it."""
        tag = self._answered_part("reject", "return")
        self.assertEqual((tag.state, tag.result), ("returned", "rejected"))
        self.assertEqual(self._location_of(tag), self.center._get_used_part_location(self.company))
        self.assertEqual(tag.event_ids[-1].event, "returned")
        self.assertTrue(tag.event_ids[-1].return_id)

    def test_deducted_part_is_scrapped_or_stays(self):
        """M10.1: a deducted part is the manufacturer's: it may be scrapped."""
        tag = self._answered_part("deduct", "scrap")
        self.assertEqual((tag.state, tag.result), ("scrapped", "deducted"))
        self.assertEqual(self._location_of(tag).usage, "inventory")

    def test_deducted_part_does_not_go_back(self):
        """M10.1: refused by the model."""
        with self.assertRaisesRegex(ValidationError, "belongs to the manufacturer"):
            self._answered_part("deduct", "return")

    def test_late_arrival_gets_a_further_answer(self):
        """L2.8, L2.10: what arrives after the answer gets one of its own, with a deadline."""
        tags = self._make_record([self._part(self.pump), self._part(self.gearbox)]).used_part_ids
        self._stock(self.lamp, 9)
        document = self._make_return()
        document.line_ids = [Command.create({"product_id": self.lamp.id, "quantity": 2})]
        self._approve(document)
        document.action_ship()
        goods = self._line(document, self.lamp)
        logistics = document.with_user(self.users["logistics"])
        logistics.action_receive([tags[0].name], {goods.id: 2})
        self._verify_return(logistics)
        document = document.with_user(self.cs)
        document.action_done()
        first = goods.sudo().exchange_move_id
        logistics.action_receive([tags[1].name])
        self.assertEqual(document.state, "received")
        self._verify_return(logistics)
        document.action_done()
        self.assertEqual(document.state, "done")
        self.assertEqual(goods.sudo().exchange_move_id, first)
        rule = self.env.ref("aftersales_parts.deadline_rule_return_answered")
        runs = document.deadline_ids.filtered(lambda d: d.rule_id == rule)
        self.assertEqual(runs.mapped("state"), ["met", "met"])
        slips = document.message_ids.attachment_ids
        self.assertEqual(len(slips), 2)

    # --- receipt slip ----------------------------------------------------------------------

    def test_slip_is_sent(self):
        """L2.9: the slip says quantities, reason and what follows, and goes to the sender."""
        self._invoice("2026-10-01", [(self.tube, 2, 10, 0)])
        self._stock(self.lamp, 10)
        document = self._verified([(self.lamp, 6), (self.tube, 2)], {self.lamp: 2})
        self._line(document, self.lamp).sudo().note = "Cap aged"
        self._line(document, self.tube).outcome = "credit"
        document.action_done()
        message = document.message_ids.filtered("attachment_ids")
        self.assertIn(self.users["center"].partner_id, message.notified_partner_ids)
        self.assertIn(self.center, message.notified_partner_ids)
        text = message.attachment_ids.raw.decode()
        reason = self.reason.with_context(lang=self.center.lang)
        for word in ("Lamp", reason.code, reason.name, "Cap aged", "22.60"):
            self.assertIn(word, text)
        self.assertIn(self._line(document, self.lamp).sudo().exchange_move_id.picking_id.name, text)
        # the sender reads what followed, without rights on stock or accounting
        own = document.with_user(self.users["center"])
        self.assertIn("22.60", self._line(own, self.tube).follow_up)

    def test_slip_of_many_lines(self):
        """L2.9: what followed is read with as many queries for 40 lines as for 20."""
        document = self._verified([(self.lamp, 1)] * 40)
        self._stock(self.lamp, 100)
        document.line_ids.write({"outcome": "exchange"})
        document.action_done()
        self.env.flush_all()

        def count(lines):
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            lines.with_user(self.users["center"]).browse(lines.ids).mapped("follow_up")
            return self.cr.sql_log_count - before

        lines = document.line_ids
        self.assertEqual(count(lines[:20]), count(lines))

    # --- rulings about goods ----------------------------------------------------------------

    def test_ruling_on_goods_before_the_answer(self):
        """L1.7, L2.9: 3 of 10 refused, 2 ruled to be accepted: the answer credits 9."""
        self._invoice("2026-09-01", [(self.lamp, 10, 20, 0)])
        document = self._verified([(self.lamp, 10)], {self.lamp: 3})
        line = self._line(document, self.lamp)
        self._ruled("partly", return_id=document.id).action_carry_out([], {line.id: 2})
        self.assertEqual((line.quantity_accepted, line.quantity_refused), (9, 1))
        self.assertEqual((line.verdict, document.state), ("deduct", "verified"))
        document.action_done()
        # 9 x 20.00 + 13 % VAT
        self.assertEqual(self._credits(document).amount_total, 203.4)

    def test_ruling_on_goods_after_the_answer(self):
        """L1.7, L2.9: 7 credited, 3 scrapped, then ruled: 3 more are credited, once."""
        self._invoice("2026-09-01", [(self.lamp, 10, 20, 0)])
        document = self._verified([(self.lamp, 10)], {self.lamp: 3})
        line = self._line(document, self.lamp)
        line.write({"outcome_refused": "scrap", "scrap_agreement": "Mr Li, by phone"})
        document.action_done()
        self.assertEqual(self._credits(document).amount_total, 158.2)
        dispute = self._ruled(return_id=document.id)
        self.assertTrue(dispute.can_carry_out)
        for wrong in (0, -1, 3.5):
            with self.assertRaisesRegex(UserError, "between 0 and"), self.cr.savepoint():
                dispute.action_carry_out([], {line.id: wrong})
        slips = len(document.message_ids.attachment_ids)
        dispute.action_open_carry_out()
        action = dispute.action_open_carry_out()
        wizard = dispute.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual((wizard.line_ids.return_line_id, wizard.line_ids.quantity), (line, 3))
        wizard.action_confirm()
        self.assertEqual((line.quantity_accepted, line.verdict), (10, "accept"))
        # 158.20 + 3 x 20.00 + 13 % VAT = 67.80
        self.assertEqual(sorted(self._credits(document).mapped("amount_total")), [67.8, 158.2])
        self._credits(document).action_post()
        # three are scrapped already
        self.assertEqual(line.quantity_left, 7)
        self.assertEqual(document.state, "done")
        self.assertEqual(len(document.message_ids.attachment_ids), slips + 1)
        self.assertFalse(document.is_answer_undone)
        with self.assertRaisesRegex(UserError, "no ruling"), self.cr.savepoint():
            dispute.action_carry_out([], {line.id: 1})

    def test_ruling_on_goods_after_an_exchange(self):
        """L1.7, L2.9: 2 of 3 exchanged, the third is credited by the ruling alone."""
        self._invoice("2026-09-01", [(self.lamp, 10, 20, 0)])
        self._stock(self.lamp, 5)
        document = self._verified([(self.lamp, 3)], {self.lamp: 1})
        line = self._line(document, self.lamp)
        line.write({"outcome_refused": "scrap", "scrap_agreement": "Mr Li, by phone"})
        document.action_done()
        self._ruled(return_id=document.id).action_carry_out([], {line.id: 1})
        self.assertEqual(self._credits(document).amount_total, 22.6)
        self.assertEqual(line.exchange_move_id.product_uom_qty, 2)
        self.assertIn("Exchange", line.follow_up)

    def test_ruling_on_goods_that_went_back(self):
        """L1.7, L2.9: what is with its sender isn't credited; the dispute says what to do."""
        self._invoice("2026-09-01", [(self.lamp, 10, 20, 0)])
        document = self._verified([(self.lamp, 3)], {self.lamp: 1})
        line = self._line(document, self.lamp)
        document.action_done()
        dispute = self._ruled(return_id=document.id)
        self.assertFalse(dispute.can_carry_out)
        self.assertIn("went back", dispute.carry_out_note)
        with self.assertRaisesRegex(UserError, "no ruling"), self.cr.savepoint():
            dispute.action_carry_out([], {line.id: 1})
