from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import PIXEL, SERVICE, freeze
from .test_return_window import ReturnCommon


@freeze
@tagged("post_install", "-at_install")
class TestReturnApplication(ReturnCommon):
    """不良品产品返厂申请表: who applies, what may go on it, appraisal and signature."""

    # --- sender ----------------------------------------------------------------------------

    def test_office_returns(self):
        """L2.3: an office's manager makes its return; his region sees it, a center doesn't."""
        model = self.env["aftersales.return"]
        self.assertEqual(
            model.with_user(self.second_manager).default_get(["center_id"])["center_id"],
            self.office.id,
        )
        document = self._make_goods(self.second_manager, self.office)
        self.assertEqual(document.region_id, self.region)
        self.assertIn(document, model.with_user(self.manager).search([]))
        self.assertIn(document, model.with_user(self.users["clerk"]).search([]))
        self.assertNotIn(document, model.with_user(self.users["center"]).search([]))
        stranger = new_test_user(self.env, "stranger", groups=f"{SERVICE}office_manager")
        self.assertNotIn(document, model.with_user(stranger).search([]))
        with self.assertRaises(AccessError), self.cr.savepoint():
            document.with_user(stranger).line_ids.read(["quantity"])
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._make_goods(stranger, self.office, is_special=True)
        document.action_submit()
        with self.assertRaisesRegex(AccessError, "somebody else has to decide"):
            document.action_approve()
        document.with_user(self.manager).action_approve()
        document.with_user(self.cs).action_approve()
        document.action_ship()
        self.assertEqual(document.state, "shipped")

    def test_only_centers_and_offices_return(self):
        """L2.3: nobody else is a sender, by RPC neither; a closed center isn't one any more."""
        with self._assert_user_error("neither a service center nor"):
            self._make_goods("clerk", self.customer)
        document = self._make_goods()
        self.center.sudo().center_state = "closed"
        with self.assertRaisesRegex(UserError, "is closed"), self.cr.savepoint():
            document.action_submit()
        self.center.sudo().center_state = "active"
        office = self._make_goods(self.manager, self.office)
        self.office.write({"is_regional_office": False, "aftersales_level": False})
        with self.assertRaisesRegex(UserError, "neither a service center nor"):
            office.action_submit()

    def test_open_return_keeps_the_center_open(self):
        """L2.10: a center isn't closed while a return of it waits for its answer."""
        document = self._make_approved()
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertIn(document.name, obstacles)
        document.action_cancel("Closed")
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertNotIn(document.name, obstacles)

    def test_receivers_do_not_send(self):
        """L2.4: logistics and quality may write on a return, but neither apply, ship nor cancel."""
        document = self._make_goods()
        for role in ("logistics", "quality"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_submit()
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_cancel("x")
        self._approve(document)
        for role in ("logistics", "quality"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_ship()
        for role in ("technician", "vp"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._make_goods(role)

    # --- goods -----------------------------------------------------------------------------

    def test_serial_is_needed(self):
        """L2.4: goods that go by serials have theirs, a line for each piece."""
        with self.assertRaisesRegex(UserError, "a line for each piece"), self.cr.savepoint():
            self._make_goods(lines=[{"product_id": self.lantern.id, "quantity": 2}])
        document = self._make_goods(lines=[{"product_id": self.lantern.id}])
        with self._assert_user_error("serial or lot number of: Lantern"):
            document.action_submit()
        document.line_ids.serial = " L-1 "
        self.assertEqual(document.line_ids.serial, "L-1")
        document.action_submit()
        self.assertEqual(document.state, "submitted")

    def test_serials_arrive_in_stock(self):
        """L2.8: a known and an unknown serial stand on the receipt, and lie where they should."""
        known = self.env["stock.lot"].create({"name": "L-1", "product_id": self.lantern.id})
        batch = self.env["product.product"].create(
            {"name": "Bulb", "is_storable": True, "tracking": "lot"}
        )
        document = self._make_approved(
            lines=[
                {"product_id": self.lantern.id, "serial": "L-1"},
                {"product_id": self.lantern.id, "serial": "L-2"},
                {"product_id": self.lantern.id, "serial": "L-3"},
                {"product_id": batch.id, "serial": "B-7", "quantity": 30},
                {"product_id": self.lamp.id, "quantity": 5},
            ]
        )
        document.action_ship()
        first, second, third, bulbs, lamps = document.line_ids
        document.with_user(self.users["logistics"]).action_receive(
            [], {first.id: 1, second.id: 1, third.id: 0, bulbs.id: 28, lamps.id: 5}
        )
        place = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).defective_loc_id
        quants = self.env["stock.quant"].search([("location_id", "=", place.id)])
        self.assertEqual(
            {(q.product_id.name, q.lot_id.name, q.quantity) for q in quants},
            {
                ("Lantern", "L-1", 1),
                ("Lantern", "L-2", 1),
                ("Bulb", "B-7", 28),
                ("Lamp", False, 5),
            },
        )
        self.assertIn(known, quants.lot_id)

    def _put_in_stock(self, serial, location=None):
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        lot = self.env["stock.lot"].create({"name": serial, "product_id": self.lantern.id})
        self.env["stock.quant"]._update_available_quantity(
            self.lantern, location or warehouse.lot_stock_id, 1, lot_id=lot
        )
        return lot

    def test_serial_in_stock_elsewhere(self):
        """Bad input: a serial that lies in our stock can't come back: at each step, and where."""
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        line = {"product_id": self.lantern.id, "serial": "L-9"}
        document = self._make_goods("clerk", lines=[line])
        lot = self._put_in_stock("L-9")
        with self._assert_user_error("is in stock already") as caught:
            document.action_submit()
        self.assertIn(stock.display_name, str(caught.exception))
        quant = lot.quant_ids.filtered(lambda q: q.quantity > 0)
        quant.sudo().quantity = 0
        document.action_submit()
        document.with_user(self.manager).action_approve()
        document.with_user(self.cs).action_approve()
        quant.sudo().quantity = 1
        with self.assertRaisesRegex(UserError, "is in stock already"), self.cr.savepoint():
            document.action_ship()
        quant.sudo().quantity = 0
        document.action_ship()
        quant.sudo().quantity = 1
        with self.assertRaisesRegex(UserError, "is in stock already"), self.cr.savepoint():
            document.with_user(self.users["logistics"]).action_receive(
                [], {document.line_ids.id: 1}
            )
        # not arrived: nothing to refuse
        document.with_user(self.users["logistics"]).action_receive([], {document.line_ids.id: 0})
        self.assertEqual(document.state, "received")

    def test_stock_of_others_is_not_told(self):
        """Mistake 6: a center learns that it is in stock, but not at which other center."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._put_in_stock("L-9", other.sudo()._get_deposit_location(self.company))
        document = self._make_goods(lines=[{"product_id": self.lantern.id, "serial": "L-9"}])
        with self.assertRaisesRegex(UserError, "one of its service centers") as caught:
            document.action_submit()
        self.assertNotIn("Nanjing", str(caught.exception))
        with self.assertRaisesRegex(UserError, "Nanjing"):
            document.with_user(self.users["clerk"]).action_submit()

    def test_serial_comes_back_once(self):
        """Bad input: the same serial twice, on one return or two, is refused; by import, too."""
        line = {"product_id": self.lantern.id, "serial": "L-1"}
        with self.assertRaisesRegex(UserError, "comes back once"), self.cr.savepoint():
            self._make_goods(lines=[line, line])
        first = self._make_goods(lines=[line])
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        user = self._make_center_user("nanjing", other)
        with self._assert_user_error("is on another return already") as caught:
            self._make_goods(user, other, lines=[line])
        self.assertNotIn(first.name, str(caught.exception))
        with self.assertRaisesRegex(UserError, first.name), self.cr.savepoint():
            self._make_goods("clerk", other, lines=[line])
        result = (
            self.env["aftersales.return.line"]
            .with_user(self.users["center"])
            .load(
                ["return_id/.id", "product_id/.id", "serial"],
                [[str(first.id), str(self.lantern.id), "L-1"]],
            )
        )
        self.assertFalse(result["ids"])
        first.action_cancel("Wrong")
        self.assertTrue(self._make_goods(user, other, lines=[line]))

    def test_serial_that_was_taken_back(self):
        """Bad input: what was accepted once comes again only if it was delivered again."""
        line = {"product_id": self.lantern.id, "serial": "L-1"}
        document = self._make_approved(lines=[line])
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive([], {document.line_ids.id: 1})
        self._verify_return(document)
        # scrapped since: not in stock, and not with anybody
        lot = self.env["stock.lot"].search([("name", "=", "L-1")])
        scrap = self.env["stock.scrap"].create(
            {
                "product_id": self.lantern.id,
                "lot_id": lot.id,
                "location_id": lot.location_id.id,
            }
        )
        scrap.do_scrap()
        with self.assertRaisesRegex(UserError, "comes back once"), self.cr.savepoint():
            self._make_goods(lines=[line], month="2026-12-01")
        # sold again: found, repaired and delivered
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        move = self.env["stock.move"].create(
            {
                "product_id": self.lantern.id,
                "product_uom_qty": 1,
                "location_id": warehouse.lot_stock_id.id,
                "location_dest_id": self.env.ref("stock.stock_location_customers").id,
            }
        )
        move._action_confirm()
        move.move_line_ids = [
            (0, 0, {**move._prepare_move_line_vals(quantity=1), "lot_id": lot.id})
        ]
        move.picked = True
        move._action_done()
        self.assertTrue(self._make_goods(lines=[line], month="2026-12-01"))

    def test_services_do_not_come_back(self):
        """L2.4: a service, what isn't kept in stock, and a used part without its tag: refused."""
        service = self.env["product.product"].create({"name": "Repair", "type": "service"})
        consumable = self.env["product.product"].create({"name": "Rag", "is_storable": False})
        for product in (
            service,
            consumable,
            self.env.ref("aftersales_parts.product_used_part"),
        ):
            with self.assertRaisesRegex(UserError, "is not kept in stock"), self.cr.savepoint():
                self._make_goods(lines=[{"product_id": product.id}])

    def test_archived_product_comes_back(self):
        """L2.4: goods that are sold no more come back all the same."""
        self.lamp.active = False
        document = self._make_approved()
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive([], {document.line_ids.id: 10})
        self.assertEqual(document.line_ids.quantity_received, 10)

    # --- appraisal and signature (L2.4) ----------------------------------------------------

    def _appraise(self, document, user, appraisal="12 looked at, all burnt", signature=PIXEL):
        action = document.with_user(user).action_open_appraise()
        wizard = (
            self.env["aftersales.return.appraise"]
            .with_user(user)
            .with_context(**action["context"])
            .create({"appraisal": appraisal, "signature": signature})
        )
        return wizard.action_appraise()

    def test_appraisal(self):
        """L2.4: the manager appraises and signs in the window; name, time and hash are kept."""
        document = self._make_goods()
        document.action_submit()
        self.assertTrue(document.with_user(self.manager).is_appraisal_next)
        self._appraise(document, self.manager)
        self.assertEqual(document.appraisal, "12 looked at, all burnt")
        self.assertEqual(document.appraiser_id, self.manager)
        self.assertEqual(str(document.date_appraised), "2026-11-20 02:00:00")
        self.assertTrue(document.appraisal_signature)
        self.assertIn("12 looked at", document.message_ids[0].body)
        entry = document.approval_ids[0]
        self.assertEqual((entry.step, entry.user_id), ("appraisal", self.manager))
        self.assertEqual(entry.digest, document.approval_digest)
        self.assertEqual(document.next_approval, "Customer service")
        self.assertFalse(document.is_appraisal_next)

    def test_appraisal_without_drawing(self):
        """L2.4: the decision itself is the signature; the plain method does, too."""
        document = self._make_goods()
        document.action_submit()
        self._appraise(document, self.manager, signature=False)
        self.assertEqual(document.appraiser_id, self.manager)
        plain = self._make_goods(center=self.office, user=self.second_manager)
        plain.action_submit()
        plain.with_user(self.manager).action_approve()
        self.assertEqual(plain.appraiser_id, self.manager)
        self.assertFalse(plain.appraisal)

    def test_appraisal_refused(self):
        """L2.4: not empty, not by others, not by who applied, not twice, not written by hand."""
        document = self._make_goods()
        with self._assert_user_error("doesn't wait for an appraisal"):
            document.with_user(self.manager).action_appraise("x")
        document.action_submit()
        with self.assertRaisesRegex(UserError, "Enter what"), self.cr.savepoint():
            document.with_user(self.manager).action_appraise("  ")
        for role in ("center", "clerk", "customer_service", "logistics", "quality"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_appraise("x")
        stranger = new_test_user(self.env, "stranger", groups=f"{SERVICE}office_manager")
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._appraise(document, stranger)
        for vals in (
            {"appraisal": "x"},
            {"appraiser_id": self.manager.id},
            {"appraisal_signature": PIXEL},
            {"date_appraised": "2026-01-01"},
        ):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                document.with_user(self.manager).write(vals)
        self._appraise(document, self.manager)
        with self.assertRaisesRegex(UserError, "doesn't wait for an appraisal"):
            document.with_user(self.second_manager).action_appraise("Again")

    def test_appraisal_is_void_with_the_approval(self):
        """L2.4: changed goods need a new appraisal; so does what was refused."""
        document = self._make_goods()
        document.action_submit()
        self._appraise(document, self.manager)
        document.line_ids.quantity = 12
        self.assertEqual(document.state, "draft")
        for name in ("appraisal", "appraiser_id", "date_appraised", "appraisal_signature"):
            self.assertFalse(document[name], name)
        document.action_submit()
        self._appraise(document, self.manager)
        document.with_user(self.cs).action_refuse("Pictures are missing")
        self.assertFalse(document.appraisal)
        self.assertEqual(document.state, "draft")
