from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.migration import load_script
from odoo.tests import new_test_user, tagged
from odoo.tools import file_path, mute_logger

from .common import SERVICE, AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestBatchReturn(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cs = cls.users["customer_service"]
        cls.second_cs = new_test_user(
            cls.env, "parts_customer_service_2", groups=f"{SERVICE}customer_service"
        )
        cls.dealer = cls.env["res.partner"].create({"name": "Lamp dealer", "is_company": True})
        cls.lamp = cls.env["product.product"].create({"name": "Lamp", "is_storable": True})

    def _new_complaint(self, verdict="confirmed", **vals):
        """Return a batch complaint whose verification on site is done."""
        complaint = self.env["aftersales.complaint"].create(
            {
                "kind": "batch_quality",
                "partner_id": self.dealer.id,
                "product_id": self.lamp.id,
                "description": "Half of them flicker",
                "quantity": 120,
                "defective_quantity": 60,
                **vals,
            }
        )
        complaint._write_protected(
            {
                "state": "investigate",
                "batch_verdict": verdict,
                "batch_evidence": "58 of 120 flicker",
                "is_verified": bool(verdict),
            }
        )
        return complaint.with_user(self.cs)

    def test_return(self):
        """L1.3, L2.7: all goods go back, freight on the company, by special approval."""
        complaint = self._new_complaint()
        complaint.action_create_return()
        document = complaint.return_ids
        self.assertEqual(document.complaint_id, complaint)
        self.assertEqual(document.center_id, self.dealer)
        self.assertEqual(document.freight_payer, "company")
        self.assertEqual(document.line_ids.quantity, 120)
        self.assertIn("58 of 120", document.reason)
        with self.assertRaisesRegex(UserError, "approved first"), self.cr.savepoint():
            document.action_ship()
        document.action_submit()
        self.assertEqual(document.next_approval, "Special approval by customer service")
        with self.assertRaises(AccessError), self.cr.savepoint():
            document.action_approve()
        document.with_user(self.second_cs).action_approve()
        document.with_user(self.users["clerk"]).action_ship()
        picking = document.sudo().goods_picking_id
        self.assertEqual(picking.move_ids.product_uom_qty, 120)
        # kept apart from what can be sold
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self.assertEqual(picking.location_dest_id, warehouse.defective_loc_id)
        with self.assertRaisesRegex(UserError, "by scanning the tags and counting"):
            picking.button_validate()
        line = document.line_ids
        document.with_user(self.users["logistics"]).action_receive([], {line.id: 119})
        self.assertEqual(picking.state, "done")
        self.assertFalse(picking.backorder_ids)
        self.assertEqual(document.state, "received")
        # what was received counts
        self.assertEqual((line.quantity_shipped, line.quantity_received), (120, 119))
        self.assertTrue(document.deadline_ids)
        self._verify_return(document)
        self.assertEqual(document.state, "verified")
        self.assertEqual(line.quantity_accepted, 119)

    def test_only_confirmed(self):
        """L1.3: no return unless the fault was confirmed on site, and none twice."""
        for verdict in (False, "denied"):
            complaint = self._new_complaint(verdict)
            with self.assertRaisesRegex(UserError, "confirmed on site"), self.cr.savepoint():
                complaint.action_create_return()
        complaint = self._new_complaint()
        with self.assertRaises(AccessError), self.cr.savepoint():
            complaint.with_user(self.users["clerk"]).action_create_return()
        complaint.action_create_return()
        with self.assertRaisesRegex(UserError, "already"), self.cr.savepoint():
            complaint.action_create_return()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            complaint.return_ids.sudo().copy({"complaint_id": complaint.id})
        complaint.return_ids.action_cancel("Wrong product")
        complaint.action_create_return()

    def test_beside_the_monthly_one(self):
        """L2.6, L2.7: batches don't take the place of the month's return, nor each other's."""
        first, second = self._new_complaint(), self._new_complaint()
        first.action_create_return()
        second.action_create_return()
        self.assertEqual(first.return_ids.month, second.return_ids.month)

    def test_freight(self):
        """L1.3: the freight stays on the company; approved content stays, too."""
        complaint = self._new_complaint()
        complaint.action_create_return()
        document = complaint.return_ids
        with self.assertRaisesRegex(ValidationError, "freight"), self.cr.savepoint():
            document.freight_payer = "center"
        document.action_submit()
        document.with_user(self.second_cs).action_approve()
        document.line_ids.quantity = 200
        self.assertEqual(document.state, "draft")

    def test_nobody_links_by_hand(self):
        """L1.3, L2.7: the link that leads around the month can't be written by hand."""
        complaint = self._new_complaint()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.return"].with_user(self.cs).create(
                {"center_id": self.center.id, "complaint_id": complaint.id}
            )

    def test_complaint_waits(self):
        """L1.3: the complaint is closed only when the batch is back."""
        complaint = self._new_complaint()
        self.assertIn("return of the batch (L1.3)", complaint._get_missing("improve"))
        complaint.action_create_return()
        self.assertIn("return of the batch (L1.3)", complaint._get_missing("improve"))
        complaint.return_ids.sudo()._write_protected({"state": "received"})
        self.assertNotIn("return of the batch (L1.3)", complaint._get_missing("improve"))

    def test_dealer_without_user_is_told(self):
        """L2.8: the dealer, who has no user, is told of count, inspection and second look."""
        complaint = self._new_complaint()
        complaint.action_create_return()
        document = complaint.return_ids
        document.action_submit()
        document.with_user(self.second_cs).action_approve()
        document.with_user(self.users["clerk"]).action_ship()
        line = document.line_ids
        document.with_user(self.users["logistics"]).action_receive([], {line.id: 119})
        line.with_user(self.users["logistics"]).write(
            {
                "verdict": "deduct",
                "deduction_reason_id": self.env.ref("aftersales_parts.deduction_reason_D05").id,
                "quantity_refused": 20,
            }
        )
        self._verify_return(document)
        line.with_user(self.users["clerk"]).action_object("They flicker")
        second = new_test_user(self.env, "parts_quality_2", groups=f"{SERVICE}quality")
        line.with_user(second).action_review("accept", note="They do")
        told = document.sudo().message_ids.filtered(
            lambda message: self.dealer in message.notified_partner_ids
        )
        for text in ("received 119 of 120", "Inspected: ", "Objection to ", "Second look at "):
            with self.subTest(text=text):
                self.assertEqual(len(told.filtered(lambda m, text=text: text in m.body)), 1)
        self.assertLessEqual(self.cs.partner_id | self.second_cs.partner_id, told.partner_ids)

    def test_batch_of_the_previous_release(self):
        """L1.3: 120 faulty goods on the return itself become its line, approved as before."""
        complaint = self._new_complaint()
        complaint.action_create_return()
        document = complaint.return_ids.sudo()
        document.with_user(self.cs).action_submit()
        document.with_user(self.second_cs).action_approve()
        product = document.line_ids.product_id
        script = load_script(
            file_path("aftersales_parts/migrations/19.0.1.3.0/post-return.py"), "post-return"
        )
        self.env.flush_all()
        self.cr.execute("DELETE FROM aftersales_return_line WHERE return_id = %s", [document.id])
        self.cr.execute(
            "ALTER TABLE aftersales_return ADD COLUMN IF NOT EXISTS product_id int4, "
            "ADD COLUMN IF NOT EXISTS quantity numeric"
        )
        self.env.invalidate_all()
        self.cr.execute(
            "UPDATE aftersales_return SET product_id = %s, quantity = 120, approval_digest = %s "
            "WHERE id = %s",
            [product.id, script._get_old_digest(document, product.id, 120), document.id],
        )
        self.env.invalidate_all()
        for _twice in range(2):
            script.migrate(self.cr, "19.0.1.2.0")
            self.env.flush_all()
            self.env.invalidate_all()
        self.assertEqual((document.line_ids.product_id, document.line_ids.quantity), (product, 120))
        self.assertTrue(document.is_special)
        self.assertTrue(document._is_approved())
