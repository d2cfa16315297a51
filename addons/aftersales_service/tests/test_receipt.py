from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools.misc import format_date

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestReceipt(AftersalesCommon):
    """Goods taken in for repair and handed back (E7, L2.2)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls._deliver("SN-1")
        cls.request = cls._new_request(cls.card)

    def _new_receipt(self, user=None, **vals):
        return (
            self.env["aftersales.receipt"]
            .with_user(user or self.technician)
            .create(
                {
                    "request_id": self.request.id,
                    "condition": "Scratched on the left, starts",
                    "accessories": "Key\nManual",
                    "date_promised": fields.Date.today() + timedelta(days=3),
                    **vals,
                }
            )
        )

    def _take_in(self, **vals):
        receipt = self._new_receipt(**vals)
        receipt.action_take_in("Wang Fang", PIXEL)
        return receipt

    def _stock(self):
        """Return where in our stock the unit is, and whose it is."""
        quant = self.env["stock.quant"].search(
            [
                ("lot_id", "=", self.card.lot_id.id),
                ("quantity", ">", 0),
                ("location_id.usage", "=", "internal"),
            ]
        )
        return quant.location_id, quant.owner_id

    # --- both halves -----------------------------------------------------------------------

    def test_take_in_and_hand_back(self):
        """E7: product and serial from the request; each half signed by whom and when."""
        with freeze_time("2026-10-01 02:00:00"):
            receipt = self._take_in(date_promised="2026-10-04")
            self.assertEqual(receipt.product_id, self.machine)
            self.assertEqual(receipt.serial_number, "SN-1")
            self.assertEqual((receipt.state, receipt.handed_by), ("taken", "Wang Fang"))
            self.assertEqual(receipt.taken_by, self.technician)
        with freeze_time("2026-10-04 02:00:00"):
            self.env.invalidate_all()
            self.assertEqual(receipt.days, 3)
            with self.assertRaisesRegex(UserError, "condition at the hand-back"):
                receipt.action_hand_back("Wang Fang", PIXEL)
            receipt.return_condition = "As at the take-in, repaired"
            receipt.action_hand_back("Wang Fang", PIXEL)
        self.assertEqual((receipt.state, receipt.returned_to), ("returned", "Wang Fang"))
        self.assertEqual(receipt.returned_on, fields.Datetime.to_datetime("2026-10-04 02:00:00"))

    def test_needed(self):
        """E7: no take-in without condition, promise, name and signature."""
        for vals, words in (
            ({"condition": " "}, "condition of the goods"),
            ({"date_promised": False}, "Promise the customer"),
        ):
            with self.assertRaisesRegex(UserError, words):
                self._take_in(**vals)
        receipt = self._new_receipt()
        for person, signature in ((" ", PIXEL), ("Wang Fang", False)):
            with self.assertRaisesRegex(UserError, "name and signature"):
                receipt.action_take_in(person, signature)
        with self.assertRaisesRegex(UserError, "for the past"):
            self._new_receipt(date_promised=fields.Date.today() - timedelta(days=2))

    def test_needed_before_signing(self):
        """E7: what is missing is said before the customer signs, not after."""
        for vals, words in (
            ({"condition": " "}, "condition of the goods"),
            ({"date_promised": False}, "Promise the customer"),
        ):
            with self.assertRaisesRegex(UserError, words), self.cr.savepoint():
                self._new_receipt(**vals).action_open_sign()
        with self.assertRaisesRegex(UserError, "condition at the hand-back"):
            self._take_in().action_open_sign()

    def test_other_person(self):
        """E7: to another person the goods go with a reason only, which is kept."""
        receipt = self._take_in()
        receipt.return_condition = "Repaired"
        with self.assertRaisesRegex(UserError, "was handed over by Wang Fang"):
            receipt.action_hand_back("Li Na", PIXEL)
        receipt.return_note = "The customer called, she shows his letter"
        receipt.action_hand_back("Li Na", PIXEL)
        self.assertEqual((receipt.handed_by, receipt.returned_to), ("Wang Fang", "Li Na"))

    def test_signed_is_locked(self):
        """E7: what the customer signed isn't changed, by no role, nor written by hand."""
        receipt = self._take_in()
        for vals in ({"condition": "New"}, {"accessories": ""}, {"quantity": 2}):
            with self.subTest(**vals), self.assertRaisesRegex(UserError, "has signed"):
                receipt.with_user(self.customer_service).write(vals)
        for vals in ({"state": "returned"}, {"signature": False}, {"handed_by": "x"}):
            with self.subTest(**vals), self.assertRaises(AccessError):
                receipt.with_user(self.administrator).write(vals)
        with self.assertRaisesRegex(UserError, "has to be kept"):
            receipt.with_user(self.clerk).unlink()
        with self.assertRaisesRegex(UserError, "has to be handed back|have to be handed back"):
            receipt.action_cancel("Mistake")
        with self.assertRaisesRegex(UserError, "In our hands"):
            receipt.action_take_in("Somebody else", PIXEL)
        receipt.return_condition = "Repaired"
        receipt.action_hand_back("Wang Fang", PIXEL)
        with self.assertRaisesRegex(UserError, "has signed"):
            receipt.return_condition = "Broken"
        with self.assertRaisesRegex(UserError, "Handed back"):
            receipt.action_hand_back("Wang Fang", PIXEL)

    def test_same_serial_twice(self):
        """E7: a unit that is in our hands isn't taken in again before it was handed back."""
        receipt = self._take_in()
        with self.assertRaisesRegex(UserError, f"in our hands already: {receipt.name}"):
            self._take_in()
        receipt.return_condition = "Repaired"
        receipt.action_hand_back("Wang Fang", PIXEL)
        self.assertEqual(self._take_in().state, "taken")

    def test_request_waits(self):
        """E7: the request is neither finished nor cancelled while goods are in our hands."""
        receipt = self._take_in()
        with self.assertRaisesRegex(UserError, f"hand it back on {receipt.name}"):
            self.request.action_cancel("No")
        record = self._sign(self._new_complete_record(self.request))
        with self.assertRaisesRegex(UserError, "still in our hands"), self.cr.savepoint():
            record.action_done()
        receipt.return_condition = "Repaired"
        receipt.action_hand_back("Wang Fang", PIXEL)
        record.action_done()
        self.assertEqual(self.request.state, "done")
        with self.assertRaisesRegex(UserError, "nothing is taken in"):
            self._new_receipt(user=self.clerk)

    # --- factory workshop ------------------------------------------------------------------

    def test_factory(self):
        """E7: the workshop gets a repair order; the unit stays the customer's and in warranty."""
        receipt = self._take_in(place="factory")
        repair = receipt.sudo().repair_id
        self.assertEqual(repair.lot_id, self.card.lot_id)
        self.assertEqual(repair.partner_id, self.customer)
        self.assertTrue(repair.under_warranty)
        self.assertEqual(receipt.repair_state, "draft")
        place, owner = self._stock()
        warehouse = self.env["stock.warehouse"].search(
            [("company_id", "=", self.company.id)], limit=1
        )
        self.assertEqual(owner, self.customer)
        self.assertFalse(place._child_of(warehouse.lot_stock_id))
        self.assertEqual(self.card.state, "open")
        receipt.return_condition = "Repaired"
        with self.assertRaisesRegex(UserError, "is not finished"):
            receipt.action_hand_back("Wang Fang", PIXEL)
        self.assertTrue(repair.action_validate())
        self.assertEqual(repair.state, "confirmed")
        repair.action_repair_start()
        repair.action_repair_end()
        self.env.invalidate_all()
        self.assertEqual(receipt.repair_state, "done")
        receipt.action_hand_back("Wang Fang", PIXEL)
        self.assertFalse(self._stock()[0])
        self.assertEqual(self.card.state, "open")
        self.assertEqual(self.card.lot_id.warranty_card_ids, self.card)

    def test_factory_out_of_warranty(self):
        """E6: a repair after the warranty isn't under warranty; a cancelled one hands back."""
        with freeze_time("2029-10-01 02:00:00"):
            receipt = self._take_in(place="factory", date_promised="2029-10-04")
            repair = receipt.sudo().repair_id
            self.assertFalse(repair.under_warranty)
            with self.assertRaisesRegex(UserError, "charged with the quotation"):
                repair.action_create_sale_order()
            repair.action_repair_cancel()
            receipt.return_condition = "Not repaired: too dear"
            receipt.action_hand_back("Wang Fang", PIXEL)
        self.assertEqual(receipt.state, "returned")

    # --- roles -----------------------------------------------------------------------------

    def test_roles(self):
        """H1: a receipt shows to those who see its request; only they write one."""
        receipt = self._take_in()
        for user in (self.technician, self.center_user, self.office_manager, self.clerk):
            self._assert_visible(receipt, user)
        for user in (self.other_technician, self.other_center_user, self.other_office_manager):
            self._assert_hidden(receipt, user)
        for user in (self.other_technician, self.other_center_user, self.quality):
            with self.subTest(user=user.login), self.assertRaises(AccessError), self.cr.savepoint():
                self._new_receipt(user)
        window = self.env["aftersales.receipt.sign"]
        with self.assertRaises(AccessError), self.cr.savepoint():
            window.with_user(self.other_center_user).create(
                {"receipt_id": receipt.id, "signed_by": "x", "signature": PIXEL}
            )

    def test_window(self):
        """E7: one window takes the signature of either half."""
        receipt = self._new_receipt(self.center_user)
        window = self.env["aftersales.receipt.sign"].with_user(self.center_user)
        context = receipt.action_open_sign()["context"]
        window.with_context(**context).create({"signature": PIXEL}).action_sign()
        self.assertEqual((receipt.state, receipt.handed_by), ("taken", self.customer.name))
        receipt.return_condition = "Repaired"
        context = receipt.action_open_sign()["context"]
        window.with_context(**context).create({"signature": PIXEL}).action_sign()
        self.assertEqual(receipt.state, "returned")

    def test_print(self):
        """E7: two copies, each with the accessories and, at the hand-back, both signatures."""
        receipt = self._take_in()
        reports = self.env["ir.actions.report"].with_user(self.technician)
        name = "aftersales_service.report_receipt"
        page = reports._render_qweb_html(name, receipt.ids)[0].decode()
        self.assertEqual(page.count("Take-in Receipt"), 2)
        self.assertEqual(page.count("Manual"), 2)
        receipt.return_condition = "Repaired"
        receipt.action_hand_back("Wang Fang", PIXEL)
        self.env.flush_all()
        page = reports._render_qweb_html(name, receipt.ids)[0].decode()
        self.assertEqual((page.count("Hand-back Receipt"), page.count('alt="Signature"')), (2, 4))

    # --- the promised day ------------------------------------------------------------------

    def test_promise_is_moved_with_reason(self):
        """L2.2, E7: after the take-in the promised day moves with a reason only, and is traced."""
        receipt = self._new_receipt()
        first, day = receipt.date_promised, receipt.date_promised + timedelta(days=5)
        receipt.date_promised = day  # nobody has signed yet
        receipt.date_promised = first
        receipt.action_take_in("Wang Fang", PIXEL)
        for user in (self.technician, self.center_user, self.clerk):
            with self.assertRaisesRegex(UserError, "Move the promise"), self.cr.savepoint():
                receipt.with_user(user).write({"date_promised": day})
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            receipt.action_move_promise(day, " ")
        with self.assertRaisesRegex(UserError, "Promise the customer a day"), self.cr.savepoint():
            receipt.action_move_promise(False, "Pump is late")
        past = receipt._get_local_day(receipt.taken_on) - timedelta(days=1)
        with self.assertRaisesRegex(ValidationError, "past"), self.cr.savepoint():
            receipt.action_move_promise(past, "Pump is late")
        action = receipt.with_user(self.technician).action_open_move_promise()
        window = (
            self.env[action["res_model"]]
            .with_user(self.technician)
            .with_context(**action["context"])
            .create({"date": day, "reason": "Pump is late"})
        )
        window.action_confirm()
        self.assertEqual(receipt.date_promised, day)
        body = receipt.message_ids.filtered(lambda m: "Pump is late" in (m.body or ""))
        self.assertEqual(len(body), 1)
        self.assertIn(format_date(self.env, first), body.body)
        self.assertIn(format_date(self.env, day), body.body)
        other = self.env[action["res_model"]].with_user(self.other_technician)
        with self.assertRaises(AccessError), self.cr.savepoint():
            other.create({"receipt_id": receipt.id, "date": day, "reason": "Mine"}).action_confirm()
