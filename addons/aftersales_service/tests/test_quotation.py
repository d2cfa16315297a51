from freezegun import freeze_time
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, tagged

from .common import PIXEL, AftersalesCommon


class QuotationCommon(AftersalesCommon):
    """A machine whose warranty is over, parts and services with prices and 13 % VAT."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2025-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.tax = cls.env["account.tax"].create({"name": "VAT 13", "amount": 13})
        cls.labour = cls.env.ref("aftersales_service.product_labour")
        cls.travel = cls.env.ref("aftersales_service.product_travel")
        cls.fee = cls.env.ref("aftersales_service.product_repair_fee")
        products = cls.pump | cls.engine_part | cls.seal | cls.fee | cls.labour | cls.travel
        products.taxes_id = cls.tax
        cls.labour.list_price = 200
        cls.clerk.group_ids += cls.env.ref("sales_team.group_sale_salesman_all_leads")
        cls.request = cls._new_request(cls.card)

    def _quote(self, *lines, user=None, **vals):
        """Return the quotation of ``lines``, pairs of product and quantity."""
        request = self.request.with_user(user or self.technician)
        window = (
            self.env["aftersales.quotation"]
            .with_user(user or self.technician)
            .create(
                {
                    "request_id": request.id,
                    "line_ids": [
                        Command.create({"product_id": product.id, "quantity": quantity})
                        for product, quantity in lines
                    ],
                    **vals,
                }
            )
        )
        window.action_confirm()
        return request.sudo()._get_open_quotation()

    def _accept(self, **vals):
        return self.request.with_user(self.clerk)._add_consent(
            {
                "kind": "quotation",
                "how": "phone",
                "explanation": "As quoted",
                "given_by": "Wang Fang",
                "given_on": fields.Datetime.now(),
                **vals,
            }
        )

    def _serve(self, *parts, **vals):
        """Return the signed record of the visit, on which ``parts`` were fitted."""
        record = self._new_complete_record(
            self.request, [{"product_id": p.id, "quantity": q} for p, q in parts], **vals
        )
        record.action_sign("Wang Fang", PIXEL)
        record.action_done()
        return record

    def _charge(self, record):
        action = record.with_user(self.clerk).action_charge()
        return self.env["sale.order"].browse(action["res_id"])


@tagged("post_install", "-at_install")
class TestQuotation(QuotationCommon):
    """Quotation before charged work, and one order from it to the invoice (H5, E6, E7, H10)."""

    # --- quotation -------------------------------------------------------------------------

    def test_quotation(self):
        """H5, L1.1, H10: 120.00 + 10 % fee + 2 h × 200.00 = 532.00, with 13 % 601.16."""
        order = self._quote((self.engine_part, 1), (self.labour, 2))
        self.assertEqual(order.amount_total, 601.16)
        fee = order.order_line.filtered("is_repair_fee")
        # the fee is a share of the parts, not of the work
        self.assertEqual(fee.price_unit, 12)
        self.assertEqual(order.aftersales_request_id, self.request)
        self.assertTrue(order.require_signature)
        self.assertFalse(order.require_payment)
        self.assertEqual(self.request.quotation_amount, 601.16)
        self.assertEqual(self.request.quotation_state, "waiting")
        self.assertEqual(self.request.agreed_amount, 0)

    def test_screen_says_what_is_quoted(self):
        """H5: the window shows verdict and price that the quotation has, for each role."""
        for user in (self.technician, self.center_user, self.clerk):
            self.request = self._new_request(self.card)
            action = self.request.with_user(user).action_quote()
            window = Form(
                self.env["aftersales.quotation"].with_user(user).with_context(**action["context"])
            )
            with window.line_ids.new() as line:
                line.product_id = self.engine_part
                self.assertEqual((line.verdict, line.amount), ("chargeable", 120))
            with window.line_ids.new() as line:
                line.product_id = self.travel
                line.quantity = 30
            self.assertEqual((window.amount_fee, window.amount_total), (12, 149.16))
            self.assertIn("Travel: the price list says 0", window.warning)
            window.line_ids.remove(1)
            self.assertFalse(window.warning)
            window.save().action_confirm()
            self.assertEqual(self.request.quotation_amount, 149.16)

    def test_warranty(self):
        """E6: in warranty parts and labour are free; what the customer caused is charged."""
        with freeze_time("2025-08-01 02:00:00"):
            self.request = self._new_request(self.card)
            with self.assertRaisesRegex(UserError, "Nothing is to be charged"):
                self._quote((self.engine_part, 1), (self.labour, 2))
            # the seals have no warranty
            order = self._quote((self.engine_part, 1), (self.seal, 1), (self.labour, 2))
            self.assertEqual(order.order_line.product_id, self.seal | self.fee)
            order = self._quote((self.engine_part, 1), (self.labour, 2), caused_by_customer=True)
            self.assertEqual(order.amount_total, 601.16)

    def test_material_cost_only(self):
        """R2: after the warranty of these terms only the material is charged."""
        self.card.coverage_ids.sudo().after_expiry = "parts"
        order = self._quote((self.engine_part, 1), (self.labour, 2))
        self.assertEqual(order.order_line.product_id, self.engine_part)
        self.assertEqual(order.amount_untaxed, 120)

    def test_quoted_again(self):
        """H5: a new quotation takes the place of the one before; an invoiced one stays."""
        first = self._quote((self.engine_part, 1))
        self._accept()
        second = self._quote((self.engine_part, 2))
        self.assertEqual((first.state, second.state), ("cancel", "draft"))
        self.assertEqual(self.request.agreed_amount, 149.16)
        self._accept()
        self.assertEqual(self.request.agreed_amount, 298.32)
        self.assertEqual(
            self.request.consent_ids.sorted("id").mapped("state"), ["replaced", "given"]
        )
        second._create_invoices().action_post()
        with self.assertRaisesRegex(UserError, "invoiced already"):
            self._quote((self.engine_part, 3))

    def test_one_quotation(self):
        """H7: nobody links an order to a request by hand, nor takes it off."""
        order = self._quote((self.engine_part, 1))
        orders = self.env["sale.order"].with_user(self.clerk)
        vals = {"partner_id": self.customer.id, "aftersales_request_id": self.request.id}
        with self.assertRaises(AccessError):
            orders.create(vals)
        sneaked = orders.with_context(default_aftersales_request_id=self.request.id)
        sneaked = sneaked.create({"partner_id": self.customer.id})
        self.assertFalse(sneaked.aftersales_request_id)
        with self.assertRaises(AccessError):
            order.with_user(self.clerk).write({"aftersales_request_id": False})
        self.assertFalse(order.copy().aftersales_request_id)

    def test_roles(self):
        """H1: only those who serve the request quote it; a closed request isn't quoted."""
        for user in (self.other_technician, self.other_center_user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._quote((self.engine_part, 1), user=user)
        for user in (self.quality, self.vp, self.logistics):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._quote((self.engine_part, 1), user=user)
        self.request.action_cancel("No")
        with self.assertRaisesRegex(UserError, "is closed"):
            self._quote((self.engine_part, 1), user=self.clerk)

    # --- acceptance ------------------------------------------------------------------------

    def test_accepted(self):
        """H5, H7: the consent is the quotation's amount, and confirms it; nothing is delivered."""
        self.engine_part.is_storable = True
        order = self._quote((self.engine_part, 1), (self.labour, 2))
        with self.assertRaisesRegex(UserError, "Record the customer's consent first"):
            order.with_user(self.clerk).action_confirm()
        consent = self._accept(how="screen", signature=PIXEL, amount=1)
        self.assertEqual((consent.amount, consent.order_id), (601.16, order))
        self.assertEqual((order.state, order.signed_by), ("sale", "Wang Fang"))
        self.assertFalse(order.picking_ids)
        self.assertEqual(self.request.quotation_state, "accepted")
        self.assertEqual(self.request.agreed_amount, 601.16)
        with self.assertRaisesRegex(UserError, "waits for an answer"):
            self._accept()

    def test_signature_by_hand(self):
        """H7: a salesman can't write the customer's signature on the quotation."""
        order = self._quote((self.engine_part, 1)).with_user(self.clerk)
        with self.assertRaises(AccessError):
            order.write({"signature": PIXEL, "signed_by": "x", "signed_on": "2026-01-01"})
        self.assertFalse(self.request.consent_ids)

    def test_payment_is_no_answer(self):
        """H7: a paid link doesn't confirm what nobody accepted."""
        order = self._quote((self.engine_part, 1))
        order.prepayment_percent = 0
        self.assertFalse(order._is_confirmation_amount_reached())
        self._accept()
        self.assertEqual(order.state, "sale")

    # --- charge ----------------------------------------------------------------------------

    def test_charge_as_quoted(self):
        """E7: quoted, accepted, served, charged with the same order, invoiced to the cent."""
        order = self._quote((self.engine_part, 1), (self.labour, 2))
        self._accept()
        record = self._serve((self.engine_part, 1))
        self.assertEqual(self._charge(record), order)
        self.assertEqual((order.service_record_id, order.amount_total), (record, 601.16))
        part = order.order_line.filtered("service_part_id")
        self.assertEqual((part.service_part_id, part.qty_delivered), (record.part_ids, 1))
        invoice = order._create_invoices()
        invoice.action_post()
        self.assertEqual(invoice.amount_total, 601.16)
        self.assertEqual(order.invoice_status, "invoiced")
        self.assertEqual(self._charge(record), order)
        self.assertEqual(self.env["sale.order"].search_count([("origin", "=", record.name)]), 0)

    def test_price_of_the_quotation_holds(self):
        """H10: the agreed price holds when the price list was raised meanwhile."""
        order = self._quote((self.engine_part, 1), (self.labour, 2))
        self._accept()
        self.engine_part.list_price = 500
        self.labour.list_price = 500
        record = self._serve((self.engine_part, 1))
        self._charge(record)
        self.assertEqual(order.amount_total, 601.16)

    def test_less_was_done(self):
        """E6: what wasn't fitted isn't charged, nor the fee on it."""
        order = self._quote((self.engine_part, 2), (self.seal, 1))
        self._accept()
        record = self._serve((self.engine_part, 1))
        self._charge(record)
        self.assertEqual(order.amount_total, 149.16)
        self.assertEqual(
            {line.product_id: line.product_uom_qty for line in order.order_line},
            {self.engine_part: 1, self.seal: 0, self.fee: 1},
        )

    def test_other_than_quoted(self):
        """H7: another part than quoted is on the same order, within the agreed amount."""
        order = self._quote((self.seal, 1))
        self._accept()
        # 168.00 + 10 % + 13 % = 208.82; the fan belt costs 149.16
        record = self._serve((self.engine_part, 1))
        self.assertEqual(self._charge(record), order)
        self.assertEqual(order.amount_total, 149.16)

    def test_locked_order(self):
        """E7: an accepted quotation that sales locks on confirmation is charged and locked."""
        self.env.ref("base.group_user").implied_ids += self.env.ref("sale.group_auto_done_setting")
        order = self._quote((self.engine_part, 2))
        self._accept()
        self.assertTrue(order.locked)
        self._charge(self._serve((self.engine_part, 1)))
        self.assertEqual((order.locked, order.amount_total), (True, 149.16))

    def test_unaccepted_quotation(self):
        """H7: a quotation that nobody accepted lets nothing be signed, services counted."""
        self._quote((self.labour, 2))
        record = self._new_complete_record(self.request)
        # 400.00 with 13 %
        self.assertRegex(record.missing, r"452\.00 more")
        self._accept()
        record.action_sign("Wang Fang", PIXEL)

    def test_covered_after_all(self):
        """E6: work that was quoted turns out to be covered: it isn't charged."""
        with freeze_time("2025-08-01 02:00:00"):
            self.request = self._new_request(self.card)
            order = self._quote((self.engine_part, 1), (self.labour, 2), caused_by_customer=True)
            self._accept()
            record = self._serve((self.engine_part, 1), (self.seal, 1))
            self._charge(record)
        # the seal only: 168.00 + 10 % + 13 %
        self.assertEqual(order.amount_total, 208.82)

    def test_second_visit(self):
        """H7: the second visit has a quotation and order of its own, nothing is charged twice."""
        first = self._quote((self.engine_part, 1))
        self._accept()
        record = self._new_complete_record(self.request, [{"product_id": self.engine_part.id}])
        record.action_sign("Wang Fang", PIXEL)
        self._charge(record)
        second = self._quote((self.seal, 1))
        self.assertNotEqual(first, second)
        visit = self._new_complete_record(self.request, [{"product_id": self.seal.id}])
        self.assertRegex(visit.missing, r"208\.82 more")
        self._accept()
        self.assertEqual(self.request.agreed_amount, 357.98)
        visit.action_sign("Wang Fang", PIXEL)
        self.assertEqual(self._charge(visit), second)
        self.assertEqual((first | second).mapped("amount_total"), [149.16, 208.82])

    def test_invoice_above_the_agreed(self):
        """H7: an invoice that was raised by a cent isn't posted; less is; a credit note counts."""
        order = self._quote((self.engine_part, 1))
        self._accept()
        self._charge(self._serve((self.engine_part, 1)))
        invoice = order._create_invoices()
        line = invoice.invoice_line_ids.filtered(
            lambda move_line: move_line.product_id == self.engine_part
        )
        line.price_unit = 120.01
        with self.assertRaisesRegex(UserError, r"0\.01 more"), self.cr.savepoint():
            invoice.action_post()
        line.price_unit = 120
        invoice.invoice_line_ids = [
            Command.create({"name": "Coffee", "quantity": 1, "price_unit": 5, "tax_ids": False})
        ]
        with self.assertRaisesRegex(UserError, r"5\.00 more"), self.cr.savepoint():
            invoice.action_post()
        invoice.invoice_line_ids[-1].unlink()
        invoice.action_post()
        self.assertEqual(self.request.sudo()._get_invoiced_amount(), 149.16)

    def test_charged_again(self):
        """H7: a credit note isn't taken back after the service was invoiced anew, by hand."""
        order = self._quote((self.engine_part, 1))
        self._accept()
        self._charge(self._serve((self.engine_part, 1)))
        first = order._create_invoices()
        first.action_post()
        refund = first._reverse_moves([{"invoice_date": first.invoice_date}])
        refund.action_post()
        order._create_invoices().action_post()
        with self.assertRaisesRegex(UserError, r"149\.16 more"), self.cr.savepoint():
            refund.button_draft()
        self.assertEqual(self.request.sudo()._get_invoiced_amount(), 149.16)

    def test_currency(self):
        """H7: a quotation in another currency is agreed at that day's rate, to the cent."""
        usd = self.env.ref("base.USD")
        usd.active = True
        usd.rate_ids.unlink()
        self.env["res.currency.rate"].create(
            [
                {"currency_id": usd.id, "name": "2026-01-01", "rate": 0.14},
                {"currency_id": usd.id, "name": "2026-12-02", "rate": 0.10},
            ]
        )
        pricelist = self.env["product.pricelist"].create({"name": "USD", "currency_id": usd.id})
        self.customer.property_product_pricelist = pricelist
        with freeze_time("2026-12-01 02:00:00"):
            order = self._quote((self.engine_part, 1))
            # 120.00 × 0.14 = 16.80 + 1.68 + 2.40
            self.assertEqual((order.currency_id, order.amount_total), (usd, 20.88))
            consent = self._accept()
            self.assertEqual(consent.amount, 149.14)
        with freeze_time("2026-12-03 02:00:00"):
            record = self._serve((self.engine_part, 1))
            self._charge(record)
            self.assertEqual(order.amount_total, 20.88)
            order._create_invoices().action_post()

    # --- everything that charges the service counts (E6, H7) --------------------------------

    def _charge_goods(self, amount=300):
        """Return the confirmed order of goods that the customer buys besides."""
        goods = self.env["product.product"].create(
            {"name": "Grease", "type": "service", "list_price": amount, "taxes_id": False}
        )
        order = self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "order_line": [Command.create({"product_id": goods.id})],
            }
        )
        order.action_confirm()
        return order

    def _new_charge(self, product=None):
        """Return the order of a service for which 149.16 were agreed and are to be charged."""
        order = self._quote((product or self.engine_part, 1))
        self._accept()
        self._charge(self._serve((product or self.engine_part, 1)))
        return order

    def _add_line(self, invoice, price, **vals):
        vals = {"name": "Extra", "quantity": 1, "price_unit": price, "tax_ids": False, **vals}
        invoice.write({"invoice_line_ids": [Command.create(vals)]})

    def _assert_refused(self, more, act):
        with self.assertRaisesRegex(UserError, more), self.cr.savepoint():
            act()

    def _new_accountant(self):
        """Return a clerk with all rights on sales and invoices."""
        accountant = self._new_user("clerk", login="test_clerk_accountant")
        accountant.group_ids += self.env.ref("account.group_account_manager")
        accountant.group_ids += self.env.ref("sales_team.group_sale_manager")
        return accountant

    def _get_invoiced(self):
        return self.request.sudo()._get_invoiced_amount()

    def test_mixed_invoice(self):
        """H7: on an invoice with goods, what belongs to no order is charged for the service."""
        order = self._new_charge()
        invoice = (order | self._charge_goods())._create_invoices()
        self.assertEqual((len(invoice), invoice.amount_total), (1, 449.16))
        self._add_line(invoice, 1000)
        self._assert_refused(r"(?s)1,000\.00 more.*on an invoice of its own", invoice.action_post)
        invoice.invoice_line_ids.filtered(lambda line: line.name == "Extra").unlink()
        invoice.action_post()
        self.assertEqual(self._get_invoiced(), 149.16)
        refund = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        refund.action_post()
        self.assertEqual(self._get_invoiced(), 0)

    def test_line_of_another_order(self):
        """H7: what is put on the goods' order above its amount is charged for the service."""
        order = self._new_charge()
        goods = self._charge_goods()
        invoice = (order | goods)._create_invoices()
        self._add_line(invoice, 40, sale_line_ids=goods.order_line.ids)
        self._assert_refused(r"40\.00 more", invoice.action_post)
        invoice.invoice_line_ids.filtered(lambda line: line.name == "Extra").unlink()
        own = invoice.invoice_line_ids.filtered(lambda line: order in line.sale_line_ids.order_id)
        own.sale_line_ids = goods.order_line
        self.assertEqual(invoice.aftersales_request_ids, self.request)
        invoice.action_post()
        self.assertEqual(self._get_invoiced(), 149.16)

    def test_tax_of_mixed_invoice(self):
        """H7: a tax that was raised by hand on an invoice with goods is charged for the service."""
        invoice = (self._new_charge() | self._charge_goods())._create_invoices()
        tax = invoice.line_ids.filtered("tax_line_id")
        invoice.line_ids = [Command.update(tax.id, {"amount_currency": tax.amount_currency - 5})]
        self.assertEqual(invoice.amount_total, 454.16)
        self._assert_refused(r"5\.00 more", invoice.action_post)

    def test_two_services_on_one_invoice(self):
        """H7: an invoice of two services; what belongs to no order is charged for either."""
        orders = self._new_charge()
        first = self.request
        self.request = self._new_request(self.card)
        orders |= self._new_charge(self.seal)
        invoice = orders._create_invoices()
        self.assertEqual(invoice.aftersales_request_ids, first | self.request)
        self._agree(self.request, 50)
        self._add_line(invoice, 40)
        self._assert_refused(rf"{first.name}: .*40\.00 more", invoice.action_post)
        invoice.invoice_line_ids.filtered(lambda line: line.name == "Extra").unlink()
        invoice.action_post()
        self.assertEqual((first | self.request).mapped("agreed_amount"), [149.16, 258.82])
        amounts = (first | self.request).sudo()._get_invoiced_amounts()
        self.assertEqual(list(amounts.values()), [149.16, 208.82])

    def test_rounded_globally(self):
        """H7: an invoice with goods and taxes rounded on the whole isn't refused for a cent."""
        self.company.tax_calculation_rounding_method = "round_globally"
        goods = self._charge_goods(0.33)
        goods.order_line.tax_ids = self.tax
        goods.order_line.price_unit = 0.33
        self.engine_part.list_price = 0.3
        order = self._quote((self.engine_part, 1))
        self._accept()
        self._charge(self._serve((self.engine_part, 1)))
        invoice = (order | goods)._create_invoices()
        invoice.action_post()
        self.assertEqual(self._get_invoiced(), order.amount_total)

    def test_typed_anew(self):
        """H7: lines that are deleted and typed anew on the draft are charged for the service."""
        invoice = self._new_charge()._create_invoices()
        invoice.invoice_line_ids.unlink()
        self._add_line(invoice, 149.17)
        self.assertFalse(invoice.invoice_line_ids.sale_line_ids)
        self._assert_refused(r"0\.01 more", invoice.action_post)
        invoice.invoice_line_ids.price_unit = 149.16
        invoice.action_post()
        self.assertEqual(self._get_invoiced(), 149.16)
        refund = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        refund.action_post()
        self.assertEqual(self._get_invoiced(), 0)

    def test_other_types(self):
        """H7: a draft that is made a receipt or an entry charges the service all the same."""
        order = self._new_charge()
        for move_type in ("out_receipt", "entry", "in_refund"):
            with self.subTest(move_type=move_type), self.cr.savepoint() as savepoint:
                invoice = order._create_invoices()
                self._add_line(invoice, 1000)
                invoice.write({"move_type": move_type, "invoice_date": "2026-07-01"})
                self._assert_refused(r"1,000\.00 more", invoice.action_post)
                # past the button, as by RPC
                self._assert_refused(
                    r"1,000\.00 more", lambda move=invoice: move.write({"state": "posted"})
                )
                savepoint.rollback()
        receipt = order._create_invoices()
        receipt.move_type = "out_receipt"
        receipt.action_post()
        self.assertEqual(self._get_invoiced(), 149.16)

    def test_posted_is_fixed(self):
        """H7: what a posted invoice charges for a service isn't changed past its buttons."""
        invoice = (self._new_charge() | self._charge_goods())._create_invoices()
        invoice.action_post()
        lines = invoice.invoice_line_ids.with_user(self._new_accountant())
        for vals in (
            {"price_unit": 1},
            {"quantity": 0},
            {"sale_line_ids": False},
            {"amount_currency": -1000, "balance": -1000},
        ):
            with self.subTest(**vals):
                self._assert_refused("Reset .* to draft", lambda v=vals: lines[0].write(v))
        vals = {"move_id": invoice.id, "name": "Extra", "price_unit": 1000}
        self._assert_refused("Reset .* to draft", lambda: lines.create(vals))
        lines[0].name = "Belt"  # the wording is free

    def test_copy(self):
        """H7: a duplicate of an invoice charges the service again."""
        invoice = self._new_charge()._create_invoices()
        invoice.action_post()
        copied = invoice.copy({"invoice_date": invoice.invoice_date})
        self.assertFalse(copied.invoice_line_ids.sale_line_ids)
        self._assert_refused(r"149\.16 more", copied.action_post)

    def test_credit_note_for_another(self):
        """H7: what is credited to somebody else doesn't make room for the customer to pay more."""
        order = self._new_charge()
        invoice = order._create_invoices()
        invoice.action_post()
        refund = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        refund.partner_id = self.env["res.partner"].create({"name": "A friend"})
        refund.action_post()
        self.assertEqual(self._get_invoiced(), 149.16)
        again = order._create_invoices()
        self._assert_refused(r"149\.16 more", again.action_post)

    def test_credit_note_taken_back(self):
        """H7: a credit note isn't taken back past its button after a new invoice."""
        order = self._new_charge()
        invoice = order._create_invoices()
        invoice.action_post()
        refund = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        refund.action_post()
        order._create_invoices().action_post()
        for state in ("draft", "cancel"):
            with self.subTest(state=state):
                self._assert_refused(
                    r"149\.16 more", lambda value=state: refund.write({"state": value})
                )

    def test_credit_of_goods(self):
        """H7: a reduction for the goods on a credit note makes no room for the service."""
        order = self._new_charge()
        goods = self._charge_goods()
        invoice = (order | goods)._create_invoices()
        invoice.action_post()
        refund = self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.customer.id,
                "invoice_date": invoice.invoice_date,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Reduction",
                            "quantity": 1,
                            "price_unit": price,
                            "tax_ids": False,
                            "sale_line_ids": lines.ids,
                        }
                    )
                    for price, lines in (
                        (1, order.order_line[0]),
                        (1, goods.order_line),
                        (100, goods.order_line.browse()),
                    )
                ],
            }
        )
        refund.action_post()
        self.assertEqual(self._get_invoiced(), 148.16)

    def test_down_payment(self):
        """H7: a down payment counts, and is taken off by the final invoice."""
        order = self._new_charge()
        window = (
            self.env["sale.advance.payment.inv"]
            .with_context(active_ids=order.ids, active_model="sale.order")
            .create({"advance_payment_method": "percentage", "amount": 50})
        )
        window.create_invoices()
        down = order.invoice_ids
        down.action_post()
        self.assertEqual(self._get_invoiced(), 74.58)
        final = order._create_invoices(final=True)
        final.action_post()
        self.assertEqual(final.amount_total, 74.58)
        self.assertEqual(self._get_invoiced(), 149.16)

    def test_memory_is_closed(self):
        """H7: nobody writes by hand which service an invoice charges, nor takes it off."""
        invoice = self._new_charge()._create_invoices()
        own = invoice.with_user(self._new_accountant())
        for command in (Command.clear(), Command.unlink(self.request.id), Command.set([])):
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.write({"aftersales_request_ids": [command]})
        moves = own.with_context(default_aftersales_request_ids=self.request.ids)
        move = moves.create({"move_type": "out_invoice", "partner_id": self.customer.id})
        self.assertFalse(move.aftersales_request_ids)
        own.invoice_line_ids.unlink()
        self.assertEqual(invoice.aftersales_request_ids, self.request)
        self.assertEqual(own.copy().sudo().aftersales_request_ids, self.request)

    def test_withdrawn_afterwards(self):
        """H7: a consent that is gone stops neither the payment nor what lowers the charge."""
        order = self._new_charge()
        invoice = order._create_invoices()
        invoice.action_post()
        self.request.consent_ids._write_protected({"state": "withdrawn"})
        invoice._reverse_moves([{"invoice_date": invoice.invoice_date}]).action_post()
        again = order._create_invoices
        self._assert_refused("Record the customer's consent first", again)

    def test_goods_alone(self):
        """E6: invoices of goods aren't touched, and cost no query more each."""
        invoices = self.env["account.move"]
        for _index in range(4):
            invoices |= self._charge_goods()._create_invoices()
        self.assertFalse(invoices.aftersales_request_ids)
        self.assertFalse(self.env["aftersales.request"]._get_invoiced_amounts())
        for count in (1, 3):
            self.env.flush_all()
            self.env.invalidate_all()
            batch, invoices = invoices[:count], invoices[count:]
            with self.assertQueryCount(1):
                batch.sudo()._get_charged_amounts()

    # --- invariant -------------------------------------------------------------------------

    @settings(
        max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        quoted=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=3),
        fitted=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=3),
        extra=st.integers(0, 200000),
        price=st.integers(1, 99999),
    )
    def test_never_above_the_agreed(self, quoted, fitted, extra, price):
        """H7: whatever was quoted, agreed and fitted: no more is signed or invoiced than agreed."""
        savepoint = self.cr.savepoint()
        try:
            products = [self.engine_part, self.seal, self.pump, self.labour]
            self.engine_part.list_price = price / 100
            self.request = self._new_request(self.card)
            self._quote(*((products[index], quantity) for index, quantity in quoted))
            self._accept()
            self._agree(self.request, extra / 100)
            agreed = self.request.agreed_amount
            record = self._new_complete_record(
                self.request,
                [{"product_id": products[index].id, "quantity": q} for index, q in fitted],
            )
            charge = self.request._get_charge_amount()
            currency = self.request.currency_id
            if currency.compare_amounts(charge, agreed) > 0:
                with self.assertRaises(UserError):
                    record.action_sign("Wang Fang", PIXEL)
                self.assertEqual(record.state, "draft")
            else:
                record.action_sign("Wang Fang", PIXEL)
                order = self._charge(record)
                # what was told before the signature is what is charged
                self.assertEqual(currency.compare_amounts(order.amount_total, charge), 0)
                if order.state != "sale":
                    order.action_confirm()
                order._create_invoices().action_post()
                self.assertLessEqual(
                    currency.compare_amounts(self.request.sudo()._get_invoiced_amount(), agreed), 0
                )
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],  # each example takes seconds
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["invoice", "mix", "retype", "receipt", "credit", "reset", "copy"]),
                st.integers(0, 3),
                st.integers(0, 1).map(lambda more: more * 123.45),
                st.booleans(),
            ),
            min_size=2,
            max_size=8,
        )
    )
    # nothing of the service is left for the second one: it is an invoice of goods only
    @example(steps=[("mix", 0, 123.45, False), ("mix", 0, 123.45, True), ("copy", 1, 123.45, True)])
    def test_never_charged_above_the_agreed(self, steps):
        """H7: in whatever order it is invoiced, typed anew, credited, reset: never above."""
        savepoint = self.cr.savepoint()
        try:
            self.request = self._new_request(self.card)
            order = self._new_charge()
            self._agree(self.request, 50)
            moves = ours = self.env["account.move"]
            for step, index, extra, post in steps:
                move = moves[index % len(moves)] if moves else moves
                done = self._try(lambda s=step, m=move: self._step(s, order, m)) or move
                moves |= done
                # an invoice without a line of the order is somebody's affair with other goods
                made_of = move if step in ("copy", "credit") else done
                if made_of in ours or order in done.invoice_line_ids.sale_line_ids.order_id:
                    ours |= done
                if extra and done:
                    self._try(lambda m=done, amount=extra: self._add_line(m, amount))
                if post:
                    self._try(done.action_post)
                # counted apart from the code: all that is posted, less the goods on it
                posted = ours.filtered(lambda m: m.state == "posted")
                charged = sum(posted.mapped("amount_total_signed"))
                for line in posted.invoice_line_ids:
                    if line.sale_line_ids and order not in line.sale_line_ids.order_id:
                        charged += line.move_id.direction_sign * line.price_total
                agreed = self.request.agreed_amount
                self.assertLessEqual(
                    self.request.currency_id.compare_amounts(charged, agreed), 0, steps
                )
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    def _try(self, act):
        """Return what ``act`` returns, or nothing if it is refused."""
        try:
            with self.cr.savepoint():
                return act()
        except UserError:
            return None

    def _step(self, step, order, move):
        """Do what a clerk or an accountant may try; return the new invoice, if there is one."""
        today = {"invoice_date": fields.Date.today()}
        if step == "invoice":
            return order._create_invoices()
        if step == "mix":
            return (order | self._charge_goods())._create_invoices()
        if step == "retype" and move:
            own = move.invoice_line_ids.filtered(lambda line: order in line.sale_line_ids.order_id)
            total = sum(own.mapped("price_total"))
            own.unlink()
            self._add_line(move, total)
        elif step == "receipt":
            move.filtered(lambda m: m.move_type == "out_invoice").move_type = "out_receipt"
        elif step == "credit" and move:
            return move._reverse_moves([today])
        elif step == "reset":
            move.button_draft()
        elif step == "copy" and move:
            return move.copy(today)
        return None


@tagged("post_install", "-at_install")
class TestQuotationUi(AftersalesCommon, HttpCase):
    """The technician quotes on site and lets the customer sign (H5, H7)."""

    def test_quote_and_sign(self):
        """H5, L1.1: 120.00 + 10 % = 132.00, signed on the screen by the customer."""
        with freeze_time("2025-07-01 02:00:00"):
            card = self._deliver("SN-1")
        (self.engine_part | self.env.ref("aftersales_service.product_repair_fee")).taxes_id = False
        request = self._new_request(card)
        path = f"/odoo/action-aftersales_service.action_request/{request.id}"
        self.start_tour(path, "aftersales_consent_quote", login=self.technician.login)
        consent = request.consent_ids
        self.assertEqual((consent.kind, consent.how, consent.amount), ("quotation", "screen", 132))
        self.assertTrue(consent.signature)
        self.assertEqual(consent.user_id, self.technician)
        self.assertEqual(request.sudo().order_ids.state, "sale")


@tagged("post_install", "-at_install")
class TestQuotationPortal(QuotationCommon, HttpCase):
    """The customer accepts the quotation on its page (H5)."""

    def test_portal(self):
        """H5, H7: the signature on the page is a consent, and confirms the quotation once."""
        order = self._quote((self.engine_part, 1))
        token = order._portal_ensure_token()
        answer = self.make_jsonrpc_request(
            f"/my/orders/{order.id}/accept",
            {"access_token": token, "name": "Wang Fang", "signature": PIXEL.decode()},
        )
        self.assertTrue(answer.get("force_refresh"), answer)
        self.assertEqual(order.state, "sale")
        consent = self.request.consent_ids
        self.assertEqual((consent.how, consent.given_by), ("portal", "Wang Fang"))
        self.assertEqual((consent.amount, consent.order_id), (149.16, order))
        self.assertTrue(consent.signature)
        again = self.make_jsonrpc_request(
            f"/my/orders/{order.id}/accept",
            {"access_token": token, "name": "Wang Fang", "signature": PIXEL.decode()},
        )
        self.assertIn("error", again)
        self.assertEqual(len(self.request.consent_ids), 1)
