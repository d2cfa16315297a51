from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import PIXEL, SERVICE, freeze
from .test_center import QuotaCommon

BEFORE = "2026-10-19 02:00:00"  # the day before the services of these tests


@freeze
@tagged("post_install", "-at_install")
class TestUrgentOrder(QuotaCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesman = new_test_user(
            cls.env,
            "parts_sales",
            groups=f"{SERVICE}clerk,sales_team.group_sale_salesman_all_leads",
        )

    def _urgent(self, product, **vals):
        return self._part(product, source="urgent", **vals)

    def _order_before(self, product, quantity=1, **kwargs):
        order = self._order_urgently(product, quantity, **kwargs)
        order.date_order = BEFORE
        order.picking_ids.move_ids.filtered(lambda move: move.state == "done").date = BEFORE
        return order

    def test_pieces_are_used_once(self):
        """M8.7: the order's two pumps are fitted once; a third didn't come with it."""
        order = self._order_urgently(self.pump, 2)
        record = self._make_record([self._urgent(self.pump, quantity=2)])
        self.assertEqual(record.part_ids.urgent_line_id, order.order_line)
        self.assertEqual(record.part_ids.urgent_order, order.name)
        second = self._make_record([self._urgent(self.pump)], done=False)
        self.assertIn("“Pump”: an urgent service order of Hangzhou center", second.missing)
        with self.assertRaisesRegex(UserError, "an urgent service order"), self.cr.savepoint():
            self._validate(second)
        self._order_urgently(self.pump)
        self._validate(second)

    def test_settlement_names_the_order(self):
        """M8.7: 2860.00 without fee, because of the order that is named."""
        order = self._order_urgently(self.pump)
        record = self._make_record([self._urgent(self.pump)])
        line = self._generate().line_ids
        self.assertEqual((line.amount_fee, line.amount_claimed), (0, 2860))
        self.assertIn(f"urgent order {order.name}", line.explanation)
        # one from before orders were named stays as it is
        record.part_ids._write_protected({"urgent_line_id": False})
        line.invalidate_recordset(["explanation"])
        self.assertIn("0 %, urgent order)", line.explanation)

    def test_only_the_right_order_counts(self):
        """M8.7: confirmed, urgent, of this center and this part."""
        self._order_urgently(self.gearbox)
        self._order_urgently(self.pump, partner_id=self.other.id)
        plain = self._order_urgently(self.pump, is_aftersales_urgent=False)
        draft = plain.copy({"is_aftersales_urgent": True})
        record = self._make_record([self._urgent(self.pump)], done=False)
        self.assertIn("an urgent service order of Hangzhou center", record.missing)
        draft.action_confirm()
        record.invalidate_recordset(["missing"])
        self.assertFalse(record.missing)

    def test_pieces_of_two_orders(self):
        """M8.7: each line names one order, so that two pumps of two orders are two lines."""
        first, second = (self._order_urgently(self.pump) for _i in range(2))
        record = self._make_record([self._urgent(self.pump, quantity=2)], done=False)
        for order in (first, second):
            self.assertIn(f"{order.name} × 1", record.missing)
        record.part_ids = [
            Command.update(record.part_ids.id, {"quantity": 1}),
            Command.create(self._urgent(self.pump)),
        ]
        self._validate(record)
        self.assertEqual(record.part_ids.urgent_line_id, (first | second).order_line)

    def test_own_request_first(self):
        """M8.7: the order for this request is used before one for any; another's is not."""
        record = self._make_record([self._urgent(self.pump)], done=False)
        other = self._make_record([self._urgent(self.pump)], done=False)
        foreign = self._order_urgently(self.pump, aftersales_urgent_request_id=other.request_id.id)
        self.assertTrue(record.missing)
        self._order_urgently(self.pump)
        own = self._order_urgently(self.pump, aftersales_urgent_request_id=record.request_id.id)
        self._validate(record)
        self.assertEqual(record.part_ids.urgent_line_id, own.order_line)
        self._validate(other)
        self.assertEqual(other.part_ids.urgent_line_id, foreign.order_line)

    def test_left_over_of_a_closed_request(self):
        """M8.7: what a repair didn't need is in stock: the next one uses it, as urgent."""
        closed = self._make_record([self._part(self.seal)], done=False)
        order = self._order_before(self.pump, aftersales_urgent_request_id=closed.request_id.id)
        closed.part_ids.disposition = "return"
        self._validate(closed)
        record = self._make_record([self._part(self.pump)], done=False)
        self.assertIn(f"1 of it came with urgent order {order.name}", record.missing)

    def test_nobody_says_stock_instead(self):
        """M8.7: while the request's urgent pump is not used, a pump from stock is refused."""
        record = self._make_record([self._part(self.pump)], done=False)
        self.assertFalse(record.missing)
        order = self._order_before(
            self.pump, deliver=False, aftersales_urgent_request_id=record.request_id.id
        )
        record.invalidate_recordset(["missing"])
        self.assertIn(f"“Pump”: 1 of it came with urgent order {order.name}", record.missing)
        with self.assertRaisesRegex(UserError, "source “Urgent order”"), self.cr.savepoint():
            self._validate(record)
        # a second one may be from stock
        record.part_ids = [Command.create(self._urgent(self.pump))]
        self.assertFalse(record.missing)
        self._validate(record)
        self.assertEqual(self._generate().amount_fee, 286, "on one of two")

    def test_delivered_for_any_request(self):
        """M8.7: an order for whichever repair counts from its delivery, not before."""
        record = self._make_record([self._part(self.pump)], done=False)
        order = self._order_before(self.pump, deliver=False)
        self.assertFalse(record.missing)
        order.picking_ids.move_ids.quantity = 1
        order.picking_ids.move_ids.picked = True
        order.picking_ids._action_done()
        order.picking_ids.move_ids.date = BEFORE
        record.invalidate_recordset(["missing"])
        self.assertIn(order.name, record.missing)
        # ordered after the visit, it can't have been what was fitted
        order.date_order = "2026-10-21 02:00:00"
        record.invalidate_recordset(["missing"])
        self.assertFalse(record.missing)

    def test_ordered_after_the_arrival(self):
        """M8.7: ordered for the request once the technician had looked, it is no stock either."""
        record = self._make_record([self._part(self.pump)], done=False)
        order = self._order_before(
            self.pump, deliver=False, aftersales_urgent_request_id=record.request_id.id
        )
        order.date_order = "2026-10-20 04:00:00"
        # arrived before the order was written, left after it; or said to have left before
        for departure in ("2026-10-20 08:00:00", "2026-10-20 03:00:00"):
            record.departure = departure
            record.invalidate_recordset(["missing"])
            self.assertIn(f"1 of it came with urgent order {order.name}", record.missing)

    def test_delivered_during_the_visit(self):
        """M8.7: for whichever repair: what was ordered and came before the technician left."""
        order = self._order_before(self.pump)
        order.date_order = order.picking_ids.move_ids.date = "2026-10-20 04:00:00"
        record = self._make_record([self._part(self.pump)], done=False)
        for departure, counts in (("2026-10-20 08:00:00", True), ("2026-10-20 03:59:59", False)):
            record.departure = departure
            record.invalidate_recordset(["missing"])
            self.assertEqual(order.name in (record.missing or ""), counts)

    def test_delivered_after_the_visit(self):
        """M8.7: ordered before the visit for whichever repair, two pumps that came a week
        later, before the record is completed, can't have been fitted; those that came by then are
        listed."""
        record = self._make_record([self._part(self.pump, quantity=2)], done=False)
        record.departure = "2026-10-20 08:00:00"
        order = self._order_before(self.pump, 2)
        move = order.picking_ids.move_ids
        move.date = "2026-10-27 02:00:00"
        self.assertFalse(record.missing)
        move.date = "2026-10-20 08:00:00"
        record.invalidate_recordset(["missing"])
        self.assertIn(f"“Pump”: 2 of it came with urgent order {order.name}", record.missing)

    def test_given_back(self):
        """M8.7: a pump that was sent back brought nothing: it neither covers nor blocks."""
        order = self._order_before(self.pump)
        wizard = (
            self.env["stock.return.picking"]
            .with_context(active_id=order.picking_ids.id, active_model="stock.picking")
            .create({"picking_id": order.picking_ids.id})
        )
        wizard.product_return_moves.quantity = 1
        returned = wizard._create_return()
        returned.action_assign()
        returned.move_ids.picked = True
        returned._action_done()
        stock = self._make_record([self._part(self.pump)], done=False)
        urgent = self._make_record([self._urgent(self.pump)], done=False)
        self.assertFalse(stock.missing)
        self.assertIn("an urgent service order", urgent.missing)

    def test_taken_meanwhile(self):
        """M8.7: two signed records name the one pump: the second is refused, nothing half done."""
        self._order_urgently(self.pump)
        first, second = (
            self._make_record([self._urgent(self.pump)], done=False) for _i in range(2)
        )
        for record in (first, second):
            record.with_user(self.users["technician"]).action_sign("Customer", PIXEL)
        first.with_user(self.users["technician"]).action_done()
        with self.assertRaisesRegex(UserError, "can't become valid"), self.cr.savepoint():
            second.with_user(self.users["technician"]).action_done()
        self.env.invalidate_all()
        self.assertEqual(second.state, "signed")

    def test_mark_is_fixed_with_the_order(self):
        """M8.7: once confirmed, the order stays urgent, or not, and its center's."""
        order = self._order_urgently(self.pump).with_user(self.salesman)
        plain = order.copy()
        self.assertFalse(plain.is_aftersales_urgent)
        plain.action_confirm()
        request = self._make_record([self._part(self.seal)], done=False).request_id
        for changed, vals in (
            (order, {"is_aftersales_urgent": False}),
            (order, {"aftersales_urgent_request_id": request.id}),
            (order, {"partner_id": self.other.id}),
            (plain, {"is_aftersales_urgent": True}),
        ):
            with self.assertRaisesRegex(UserError, "is fixed"), self.cr.savepoint():
                changed.write(vals)
        order.write({"is_aftersales_urgent": True, "client_order_ref": "7"})

    def test_what_was_fitted_stays_ordered(self):
        """M8.7: an order whose part is in a machine is neither cancelled nor lowered."""
        order = self._order_urgently(self.pump, 2, deliver=False)
        self._make_record([self._urgent(self.pump, quantity=2)])
        with self.assertRaisesRegex(ValidationError, "have been fitted"), self.cr.savepoint():
            order.order_line.product_uom_qty = 1
        with self.assertRaisesRegex(UserError, "can't be cancelled"), self.cr.savepoint():
            order.with_user(self.salesman).action_cancel()

    def test_only_centers_order_urgently(self):
        """M8.7: a customer's order is never an urgent service order; nor for a foreign request."""
        orders = self.env["sale.order"].with_user(self.salesman)
        with self.assertRaisesRegex(ValidationError, "no service center"), self.cr.savepoint():
            orders.create({"partner_id": self.customer.id, "is_aftersales_urgent": True})
        request = self._make_record([self._part(self.seal)], done=False).request_id
        with self.assertRaisesRegex(ValidationError, "not answered by"), self.cr.savepoint():
            orders.create(
                {
                    "partner_id": self.other.id,
                    "is_aftersales_urgent": True,
                    "aftersales_urgent_request_id": request.id,
                }
            )
        with self.assertRaisesRegex(ValidationError, "mark it as urgent"), self.cr.savepoint():
            orders.create(
                {"partner_id": self.center.id, "aftersales_urgent_request_id": request.id}
            )
        blind = new_test_user(self.env, "parts_blind", groups="sales_team.group_sale_salesman")
        with self.assertRaises(AccessError), self.cr.savepoint():
            orders.with_user(blind).create(
                {
                    "partner_id": self.center.id,
                    "is_aftersales_urgent": True,
                    "aftersales_urgent_request_id": request.id,
                }
            )

    def test_marked_in_the_form(self):
        """M8.7: a contact of the center orders for it; another customer takes the mark away."""
        contact = self.users["center"].partner_id
        with Form(self.env["sale.order"].with_user(self.salesman)) as form:
            form.partner_id = contact
            self.assertEqual(form.aftersales_center_id, self.center)
            form.is_aftersales_urgent = True
            form.partner_id = self.customer
            self.assertFalse(form.is_aftersales_urgent)
            form.partner_id = contact
            form.is_aftersales_urgent = True
            with form.order_line.new() as line:
                line.product_id = self.pump
        order = form.record
        order.action_confirm()
        self.assertEqual(order.picking_ids.priority, "1", "it is sent first")
        self._make_record([self._urgent(self.pump)])

    def test_link_is_not_written_by_hand(self):
        """M8.7: which order brought the part is found by the system."""
        order = self._order_urgently(self.pump)
        record = self._make_record([self._part(self.seal)], done=False)
        with self.assertRaises(AccessError):
            record.part_ids.with_user(self.users["technician"]).urgent_line_id = order.order_line.id
