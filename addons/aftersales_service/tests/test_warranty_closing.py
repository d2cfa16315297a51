from datetime import date

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import AftersalesCommon


class ClosingCase(AftersalesCommon):
    def _new_live_cards(self, card):
        return (card.lot_id.warranty_card_ids - card).filtered(lambda c: c.state == "open")


@tagged("post_install", "-at_install")
class TestWarrantyReturn(ClosingCase):
    """A unit that comes back for good ends its card; one that is repaired doesn't."""

    def test_return_closes(self):
        """E6, mistake 2: a return closes the card on its local day, and names the transfer."""
        with freeze_time("2026-07-01 02:00:00"):
            card, other = self._deliver("SN-1", "SN-2")
        with freeze_time("2026-08-01 17:00:00"):  # 2 August in Shanghai
            returned = self._return(card.move_id.picking_id, 2)
        for closed in card | other:
            self.assertEqual(closed.state, "closed")
            self.assertEqual(closed.date_closed, date(2026, 8, 2))
            self.assertEqual(closed.closing_move_id, returned.move_ids)
            self.assertIn(returned.name, closed.closing_reason)
            self.assertIn(returned.name, closed.message_ids.mapped("body")[0])

    def test_fault_before_return_stays_covered(self):
        """E6: what was repaired before the return stays covered, what came after isn't."""
        with freeze_time("2026-07-01 02:00:00"):
            card = self._deliver("SN-1")
        with freeze_time("2026-08-01 02:00:00"):
            self._return(card.move_id.picking_id)
        self.assertTrue(card._get_coverage(self.engine_part, date(2026, 7, 31)))
        self.assertTrue(card._get_coverage(self.engine_part, date(2026, 8, 1)))
        self.assertFalse(card._get_coverage(self.engine_part, date(2026, 8, 2)))

    def test_delivered_again(self):
        """Mistake 2: delivered again, the serial gets a card of its new customer and day."""
        with freeze_time("2026-07-01 02:00:00"):
            card = self._deliver("SN-1")
            self._return(card.move_id.picking_id)
        with freeze_time("2026-08-01 02:00:00"):
            self._new_delivery(card.lot_id, self.other_customer)._action_done()
        new = self._new_live_cards(card)
        self.assertEqual(new.partner_id, self.other_customer)
        self.assertEqual(new.date_start, date(2026, 8, 1))
        self.assertEqual(card.partner_id, self.customer)
        self.assertEqual(card.date_start, date(2026, 7, 1))
        self.assertEqual(card.state, "closed")

    def test_returned_by_warehouse_staff(self):
        """E6: whoever receives needs no right on cards."""
        worker = self._new_user("user", login="test_warehouse")
        worker.group_ids = self.env.ref("stock.group_stock_user")
        card = self._deliver("SN-1")
        wizard = self.env["stock.return.picking"].create({"picking_id": card.move_id.picking_id.id})
        wizard.product_return_moves.quantity = 1
        returned = wizard._create_return()
        returned.move_ids.picked = True
        returned.with_user(worker)._action_done()
        self.assertEqual(card.state, "closed")

    def test_plain_receipt(self):
        """E6: a unit received from a customer without naming its delivery closes the card too."""
        card = self._deliver("SN-1")
        self._receive(card)
        self.assertEqual(card.state, "closed")

    def _receive(self, card, **vals):
        """Return the done transfer that receives the unit from the customer, without a return."""
        source = card.move_id.location_dest_id
        stock = card.move_id.location_id
        receipt = self.env["stock.picking"].create(
            {
                "picking_type_id": card.move_id.picking_type_id.warehouse_id.in_type_id.id,
                "partner_id": card.partner_id.id,
                "location_id": source.id,
                "location_dest_id": stock.id,
                "move_ids": [
                    Command.create(
                        {
                            "product_id": self.machine.id,
                            "product_uom_qty": 1,
                            "location_id": source.id,
                            "location_dest_id": stock.id,
                        }
                    )
                ],
                **vals,
            }
        )
        receipt.action_confirm()
        receipt.move_ids.move_line_ids.lot_id = card.lot_id
        receipt.move_ids.picked = True
        receipt._action_done()
        self.assertEqual(receipt.state, "done")
        self.assertEqual(card.lot_id.product_qty, 1)
        return receipt

    def test_taken_in_for_repair(self):
        """E7: taking a unit in, whether by a receipt or a return, leaves the card valid."""
        card, other = self._deliver("SN-1", "SN-2")
        self._receive(card, aftersales_take_in=True)
        self.assertEqual(card.state, "open")
        picking = other.move_id.picking_id
        wizard = Form(
            self.env["stock.return.picking"].with_context(
                active_id=picking.id, active_model="stock.picking"
            )
        )
        wizard.aftersales_take_in = True
        wizard = wizard.save()
        wizard.product_return_moves.quantity = 1
        returned = wizard._create_return()
        self.assertTrue(returned.aftersales_take_in)
        self.assertFalse(returned.move_ids.to_refund)
        returned.move_ids.move_line_ids.lot_id = other.lot_id
        returned.move_ids.picked = True
        returned._action_done()
        self.assertEqual(other.lot_id.product_qty, 1)
        self.assertEqual(other.state, "open")
        self.assertEqual(other.sale_line_id.qty_delivered, 2, "the sale isn't undone")

    def test_handed_back(self):
        """E7, mistake 2: a repaired unit that is handed back keeps its first warranty."""
        with freeze_time("2026-07-01 02:00:00"):
            card = self._deliver("SN-1")
            returned = self._return(card.move_id.picking_id, aftersales_take_in=True)
        with freeze_time("2026-08-01 02:00:00"):
            self._return(returned)
        self.assertEqual(card.lot_id.warranty_card_ids, card)
        self.assertEqual(card.state, "open")
        self.assertEqual(card.date_start, date(2026, 7, 1))

    def test_return_undone(self):
        """Mistake 2: undoing a return makes the card valid again, without a second warranty."""
        with freeze_time("2026-07-01 02:00:00"):
            card = self._deliver("SN-1")
            returned = self._return(card.move_id.picking_id)
        self.assertEqual(card.state, "closed")
        with freeze_time("2026-08-01 02:00:00"):
            self._return(returned)
        self.assertEqual(card.lot_id.warranty_card_ids, card)
        self.assertEqual(card.state, "open")
        self.assertFalse(card.date_closed or card.closing_move_id or card.closing_reason)
        self.assertEqual(card.date_end, date(2027, 7, 1))

    def test_sold_again_after_take_in(self):
        """Mistake 2: a unit with a valid card that is sold to somebody else changes cards."""
        card = self._deliver("SN-1")
        self._receive(card, aftersales_take_in=True)
        self._new_delivery(card.lot_id, self.other_customer)._action_done()
        self.assertEqual(card.state, "closed")
        self.assertEqual(self._new_live_cards(card).partner_id, self.other_customer)

    def test_card_by_hand_before_delivery(self):
        """Mistake 2: the delivery of a unit whose card was issued by hand keeps that card."""
        lot = self._new_lots(["SN-1"])
        delivery = self._new_delivery(lot)
        card = self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "lot_id": lot.id,
                "date_purchase": fields.Date.today(),
            }
        )
        delivery._action_done()
        self.assertEqual(lot.warranty_card_ids, card)
        self.assertEqual(card.state, "open")

    def test_void_card_not_touched(self):
        """C4: a card that is void stays void when the unit comes back."""
        card = self._deliver("SN-1")
        card.action_void("Wrong customer")
        self._return(card.move_id.picking_id)
        self.assertEqual(card.state, "void")
        self.assertEqual(card.closing_reason, "Wrong customer")

    def _count_queries(self, quantity, product):
        serials = [f"{product.name} {quantity}-{i}" for i in range(quantity)]
        lots = self._new_lots(serials, product)
        delivery = self._new_delivery(lots)
        delivery._action_done()
        wizard = self.env["stock.return.picking"].create({"picking_id": delivery.id})
        wizard.product_return_moves.quantity = quantity
        returned = wizard._create_return()
        returned.move_ids.picked = True
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        returned._action_done()
        self.env.flush_all()
        count = self.cr.sql_log_count - before
        if product.warranty_policy_id:
            self.assertEqual(set(lots.warranty_card_ids.mapped("state")), {"closed"})
        return count

    def test_batch_queries(self):
        """Speed: what closing adds to a return hardly grows from 5 serials to 20."""
        plain = self._new_machine("Plain")
        for product in (plain, self.machine):
            self._count_queries(1, product)
        added_5 = self._count_queries(5, self.machine) - self._count_queries(5, plain)
        added_20 = self._count_queries(20, self.machine) - self._count_queries(20, plain)
        self.assertGreater(added_5, 0)
        self.assertLessEqual(added_20 - added_5, 5)


@tagged("post_install", "-at_install")
class TestWarrantyRefund(ClosingCase):
    """What a credit note takes back ends its cards; a lower price doesn't."""

    def setUp(self):
        super().setUp()
        self.machine.invoice_policy = "order"
        self.machine.taxes_id = False
        self.cards = self._deliver("SN-1", "SN-2", "SN-3")
        self.invoice = self.cards.sale_line_id.order_id._create_invoices()
        self.invoice.action_post()

    def _refund(self, quantity=3, price=320000, invoice=None):
        """Return the posted credit note of ``quantity`` units at ``price``."""
        refund = (invoice or self.invoice)._reverse_moves([{"invoice_date": date(2026, 8, 1)}])
        refund.invoice_line_ids.write({"quantity": quantity, "price_unit": price})
        refund.action_post()
        return refund

    def _states(self):
        return self.cards.mapped("state")

    def test_refunded(self):
        """E6: a credit note for all units closes all cards, and is named on them."""
        refund = self._refund()
        self.assertEqual(self._states(), ["closed"] * 3)
        self.assertEqual(self.cards.closing_refund_id, refund)
        self.assertEqual(self.cards.mapped("date_closed"), [date(2026, 8, 1)] * 3)
        self.assertIn(refund.name, self.cards[0].closing_reason)

    def test_refunded_by_accountant(self):
        """E6: an accountant posts it without rights on cards."""
        accountant = self._new_user("user", login="test_accountant")
        accountant.group_ids = self.env.ref("account.group_account_invoice")
        refund = self.invoice._reverse_moves()
        refund.with_user(accountant).action_post()
        self.assertEqual(self._states(), ["closed"] * 3)

    def test_draft_closes_nothing(self):
        """E6: a credit note counts when it is posted."""
        self.invoice._reverse_moves()
        self.assertEqual(self._states(), ["open"] * 3)

    def test_price_reduced(self):
        """E6: whatever quantity it names, a credit note that lowers the price closes nothing."""
        for quantity, price in ((3, 1000), (1, 5000), (3, 319999.99)):
            with self.subTest(quantity=quantity, price=price), self.cr.savepoint() as savepoint:
                self._refund(quantity, price)
                self.assertEqual(self._states(), ["open"] * 3)
                self.assertFalse(self.cards.activity_ids)
                savepoint.rollback()

    def test_quantity_left_at_no_price(self):
        """E6: a credit note of the whole amount that keeps the quantity closes nothing."""
        self._refund(1, 960000)
        self.assertEqual(self._states(), ["open"] * 3)

    def test_some_units(self):
        """E6: one unit of three: which one is asked of customer service, and told on the cards."""
        refund = self._refund(1)
        self.assertEqual(self._states(), ["open"] * 3)
        activity = self.cards.activity_ids
        self.assertEqual(len(activity), 1)
        self.assertTrue(activity.user_id.has_group("aftersales_service.group_customer_service"))
        for card in self.cards:
            self.assertIn(refund.name, card.message_ids[0].body)
        self._refund(2)
        self.assertEqual(self._states(), ["closed"] * 3)

    def test_some_units_returned_before(self):
        """E6: nothing is asked when the return has told which unit it was."""
        card = self.cards[1]
        returned = self._return_of(card)
        self.assertEqual(self._states(), ["open", "closed", "open"])
        self._refund(1)
        self.assertEqual(self._states(), ["open", "closed", "open"])
        self.assertFalse(self.cards.activity_ids)
        self.assertEqual(card.closing_move_id, returned.move_ids)

    def _return_of(self, card):
        wizard = self.env["stock.return.picking"].create({"picking_id": card.move_id.picking_id.id})
        wizard.product_return_moves.quantity = 1
        returned = wizard._create_return()
        returned.move_ids.move_line_ids.unlink()
        returned.move_ids.move_line_ids = [
            Command.create(
                {
                    "product_id": self.machine.id,
                    "lot_id": card.lot_id.id,
                    "quantity": 1,
                    "location_id": returned.location_id.id,
                    "location_dest_id": returned.location_dest_id.id,
                }
            )
        ]
        returned.move_ids.picked = True
        returned._action_done()
        return returned

    def test_other_line_not_touched(self):
        """E6: refunding one line of an order leaves the cards of the others."""
        other = self._new_machine("Roller", self.policy, invoice_policy="order", taxes_id=False)
        card = self._deliver("SN-9", product=other)
        invoice = card.sale_line_id.order_id._create_invoices()
        invoice.action_post()
        self._refund(1, invoice=invoice)
        self.assertEqual(card.state, "closed")
        self.assertEqual(self._states(), ["open"] * 3)

    def test_invoice_of_card(self):
        """E4: a card whose proof is an invoice ends when that invoice is reversed entirely."""
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_date": "2026-07-01",
                "invoice_line_ids": [
                    Command.create({"name": "Loader", "quantity": 1, "price_unit": 1000})
                ],
            }
        )
        invoice.action_post()
        card = self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "serial_number": "SN-8",
                "date_purchase": "2026-07-01",
                "invoice_id": invoice.id,
            }
        )
        self._refund(1, 400, invoice)
        self.assertEqual(card.state, "open")
        refund = self._refund(1, 600, invoice)
        self.assertEqual(card.state, "closed")
        self.assertEqual(card.closing_refund_id, refund)

    def test_refund_cancelled(self):
        """E6: when the credit note was a mistake, customer service makes the card valid again."""
        refund = self._refund()
        refund.button_draft()
        refund.button_cancel()
        card = self.cards[0]
        self.assertEqual(card.state, "closed", "a person decides")
        card.with_user(self.customer_service).action_reopen("Credit note cancelled")
        self.assertEqual(card.state, "open")
        self.assertFalse(card.closing_refund_id)


@tagged("post_install", "-at_install")
class TestWarrantyByHand(ClosingCase):
    """Closing, reopening and voiding by a person."""

    def setUp(self):
        super().setUp()
        self.card = self._deliver("SN-1")

    def test_closed_by_customer_service(self):
        """E6: customer service closes a card with a reason; nobody else does."""
        for user in (self.clerk, self.office_manager, self.logistics, self.quality, self.vp):
            with self.assertRaisesRegex(AccessError, "Customer service"):
                self.card.with_user(user).action_close("Scrapped")
        card = self.card.with_user(self.customer_service)
        for reason in (None, " "):
            with self.assertRaisesRegex(UserError, "reason why the card is closed"):
                card.action_close(reason)
        card.action_close("Scrapped")
        self.assertEqual(self.card.state, "closed")
        self.assertEqual(self.card.closing_reason, "Scrapped")
        with self.assertRaisesRegex(UserError, "isn't valid any more"):
            card.action_close("Scrapped")

    def test_closed_from_window(self):
        """E6: the windows for closing and reopening ask for the reason."""
        for opener, method, state in (
            ("action_open_close", "action_close", "closed"),
            ("action_open_reopen", "action_reopen", "open"),
        ):
            action = getattr(self.card.with_user(self.customer_service), opener)()
            self.assertEqual(action["context"]["default_method"], method)
            window = (
                self.env["aftersales.reason"]
                .with_user(self.customer_service)
                .with_context(**action["context"])
                .create({"reason": "As agreed"})
            )
            window.action_confirm()
            self.assertEqual(self.card.state, state)

    def test_not_reopened_in_stock(self):
        """Mistake 2: a card isn't valid again while the unit is in our stock."""
        self._return(self.card.move_id.picking_id)
        card = self.card.with_user(self.customer_service)
        with self.assertRaisesRegex(UserError, "in our stock"):
            card.action_reopen("By mistake")
        self.assertEqual(self.card.state, "closed")

    def test_not_reopened_beside_another(self):
        """Mistake 2: nor beside another valid card of the serial."""
        self._return(self.card.move_id.picking_id)
        self._new_delivery(self.card.lot_id, self.other_customer)._action_done()
        with self.assertRaisesRegex(UserError, "already has a valid warranty card"):
            self.card.with_user(self.customer_service).action_reopen("By mistake")

    def test_reopened_by_customer_service_only(self):
        """Mistake 9: nobody else reopens a card, and not without a reason."""
        self.card.with_user(self.customer_service).action_close("Scrapped")
        for user in (self.clerk, self.logistics, self.vp):
            with self.assertRaisesRegex(AccessError, "Customer service"):
                self.card.with_user(user).action_reopen("Why not")
        card = self.card.with_user(self.customer_service)
        with self.assertRaisesRegex(UserError, "reason why the card is valid again"):
            card.action_reopen("")
        card.action_reopen("It runs after all")
        self.assertEqual(self.card.state, "open")
        with self.assertRaisesRegex(UserError, "isn't closed"):
            card.action_reopen("Once more")

    def test_void_is_final(self):
        """C4: a void card is neither voided again nor reopened; a closed one may be voided."""
        self.card.with_user(self.customer_service).action_close("Scrapped")
        self.card.with_user(self.clerk).action_void("Never sold")
        self.assertEqual(self.card.state, "void")
        self.assertEqual(self.card.closing_reason, "Never sold")
        with self.assertRaisesRegex(UserError, "void already"):
            self.card.action_void("Again")
        with self.assertRaisesRegex(UserError, "isn't closed"):
            self.card.with_user(self.customer_service).action_reopen("Why not")

    def test_not_written(self):
        """Mistake 9: when and why a card ended isn't written by hand, by no role."""
        for name, value in {
            "date_closed": "2026-01-01",
            "closing_reason": "Nobody knows",
            "closing_move_id": self.card.move_id.id,
            "state": "closed",
        }.items():
            for user in (self.clerk, self.customer_service, self.administrator):
                with (
                    self.subTest(name=name, user=user.login),
                    self.assertRaisesRegex(AccessError, "changed by hand"),
                ):
                    self.card.with_user(user).write({name: value})

    def test_shown_on_serial(self):
        """E4: the serial number shows until when it is covered, and leads to its card."""
        self.env.user.group_ids |= self.env.ref("aftersales_service.group_clerk")
        lot = self.card.lot_id
        self.assertEqual(lot.warranty_card_count, 1)
        self.assertEqual(lot.warranty_until, self.card.date_end)
        self.assertEqual(lot.action_view_warranty_cards()["res_id"], self.card.id)
        self.card.action_void("Wrong")
        lot.invalidate_recordset()
        self.assertFalse(lot.warranty_until)
