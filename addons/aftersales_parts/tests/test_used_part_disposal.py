from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import SQL

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartDisposal(AftersalesPartsCommon):
    """What becomes of a part at the factory, or when it never gets there."""

    def setUp(self):
        super().setUp()
        self.record = self._make_record([self._part(self.pump, quantity=4)])
        self.tags = self.record.used_part_ids.sorted("name")
        self.warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self.reason = self.env.ref("aftersales_parts.deduction_reason_D02")

    def _inspect(self, missing=(), **verdicts):
        """Return the parts but the ``missing``; ``verdicts`` name the last of their numbers."""
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        arrived = self.tags - self.env["aftersales.used.part"].union(*missing)
        document.with_user(self.users["logistics"]).action_receive(arrived.mapped("name"))
        for number, verdict in verdicts.items():
            line = document.line_ids.filtered(lambda ln, n=number: ln.used_part_id.name[-1] == n[1])
            line.with_user(self.users["quality"]).write(
                {"deduction_reason_id": self.reason.id, "verdict": verdict}
            )
        self._verify_return(document)
        return document.sudo()

    def _events(self, tag):
        return tag.event_ids.mapped("event")

    # --- at the factory --------------------------------------------------------------------

    def test_scrap_at_the_factory(self):
        """M10.1: what was accepted or deducted is scrapped by a transfer; the result stays."""
        self._inspect(_2="deduct", _3="reject")
        chosen = self.tags[:2].with_user(self.users["quality"])
        chosen.action_scrap()
        self.assertEqual(set(chosen.mapped("state")), {"scrapped"})
        self.assertEqual(chosen.mapped("result"), ["accepted", "deducted"])
        for tag in chosen:
            self.assertEqual(self._location_of(tag).usage, "inventory")
            self.assertEqual(self._events(tag)[-1], "scrapped")
            self.assertEqual(tag.event_ids[-1].sudo().picking_id.state, "done")
        with self.assertRaisesRegex(UserError, "Rejected"):
            self.tags[2].with_user(self.users["quality"]).action_scrap()
        with self.assertRaisesRegex(UserError, "Scrapped"):
            chosen.action_scrap()

    def test_send_to_supplier(self):
        """L2.9: parts go on to the chosen supplier, with a delivery to him."""
        self._inspect(_2="deduct")
        supplier = self.env["res.partner"].create({"name": "Pump maker", "is_company": True})
        chosen = self.tags[:2].with_user(self.users["logistics"])
        action = chosen.action_open_supplier()
        form = Form(
            self.env[action["res_model"]]
            .with_user(self.users["logistics"])
            .with_context(**action["context"])
        )
        form.supplier_id = supplier
        self.assertEqual(form.used_part_count, 2)
        form.save().action_confirm()
        self.assertEqual(set(chosen.mapped("state")), {"supplier"})
        self.assertEqual(chosen.supplier_id, supplier)
        for tag in chosen:
            self.assertEqual(self._location_of(tag).usage, "supplier")
        picking = chosen[0].event_ids[-1].sudo().picking_id
        self.assertEqual(
            (picking.partner_id, picking.picking_type_id, picking.move_line_ids.lot_id),
            (supplier, self.warehouse.out_type_id, chosen.sudo().lot_id),
        )

    def test_rejected_part_goes_back_and_comes_again(self):
        """L2.9, M10.3: rejected → back at the center → kept again → returned → accepted → paid."""
        self._inspect(_1="reject")
        tag = self.tags[0]
        settlement = self._generate()
        self._settle(settlement)
        line = settlement.line_ids.filtered(lambda ln: ln.used_part_id == tag)
        self.assertEqual(line.result, "missing")
        with self.assertRaisesRegex(UserError, "Rejected"):
            tag.with_user(self.users["center"]).action_keep_again()
        tag.with_user(self.users["logistics"]).action_return_to_center()
        self.assertEqual(tag.state, "returned")
        self.assertEqual(self._location_of(tag), self.center._get_used_part_location(self.company))
        tag.with_user(self.users["center"]).action_keep_again()
        self.assertEqual((tag.state, tag.result), ("held", False))
        self.assertFalse(tag.deduction_reason_id)
        self.assertIn(self.reason.name, tag.event_ids[-1].note)
        document = self._make_return(month="2026-12-01")
        document.write({"is_special": True, "special_reason": "Kept again"})
        self.assertEqual(document.line_ids.used_part_id, tag)
        self._approve(document)
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive([tag.name])
        self._verify_return(document)
        self.assertEqual(
            self._events(tag),
            ["removed", "shipped", "received", "rejected", "returned", "kept"]
            + ["shipped", "received", "accepted"],
        )
        self.assertEqual(self._generate("2026-11-01").line_ids.used_part_id, tag)

    def test_who_disposes(self):
        """M10.1: quality and logistics dispose; the center only keeps again what is its own."""
        self._inspect(_1="reject")
        for role in ("center", "clerk", "customer_service", "office_manager"):
            tags = self.tags.with_user(self.users[role])
            with self.assertRaises(AccessError):
                tags[1].action_scrap()
            with self.assertRaises(AccessError):
                tags[1].action_open_supplier()
            with self.assertRaises(AccessError):
                tags[1]._send_to_supplier(self.customer)
            with self.assertRaises(AccessError):
                tags[0].action_return_to_center()
        self.tags[0].with_user(self.users["quality"]).action_return_to_center()
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        for user in (other, self.users["technician"], self.users["logistics"]):
            with self.assertRaises(AccessError):
                self.tags[0].with_user(user).action_keep_again()
        self.assertEqual(self.tags[0].state, "returned")

    def test_disputed_part_stays(self):
        """L1.7: while the return is disputed, its parts stay as evidence."""
        document = self._inspect()
        dispute = (
            self.env["aftersales.dispute"]
            .with_user(self.users["clerk"])
            .create({"return_id": document.id, "reason": "Wrongly deducted"})
        )
        with self.assertRaisesRegex(UserError, dispute.name):
            self.tags.with_user(self.users["quality"]).action_scrap()

    # --- lost on the way -------------------------------------------------------------------

    def _wait_by_hand(self, tag):
        """Return two moves of a transfer that nobody but the system could make: one of the tag."""
        source = self._location_of(tag)
        stock = self.warehouse.lot_stock_id
        picking = self.env["stock.picking"].create(
            {
                "picking_type_id": self.warehouse.int_type_id.id,
                "location_id": stock.id,
                "location_dest_id": stock.id,
            }
        )
        self.pump.is_storable = True
        moves = self.env["stock.move"].create(
            [
                {
                    "picking_id": picking.id,
                    "product_id": product.id,
                    "product_uom_qty": 1,
                    "location_id": stock.id,
                    "location_dest_id": stock.id,
                }
                for product in (tag.lot_id.product_id, self.pump)
            ]
        )
        moves._action_confirm(merge=False)
        self.env["stock.move.line"].create(
            {
                "move_id": moves[0].id,
                "picking_id": picking.id,
                "product_id": tag.lot_id.product_id.id,
                "lot_id": tag.lot_id.id,
                "quantity": 0,
                "location_id": stock.id,
                "location_dest_id": stock.id,
            }
        )
        self.assertNotEqual(source, stock)
        return moves

    def test_transfers_of_others(self):
        """M10.3: a loss cancels its own move alone; a stray transfer says not where a tag is."""
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        tag = self.tags[3]
        moves = self._wait_by_hand(tag)
        transit = self.warehouse.used_part_transit_loc_id
        self.assertEqual(tag.sudo()._get_awaited_from(), {tag: transit})
        arrived = (self.tags - tag).mapped("name")
        document.with_user(self.users["logistics"]).action_receive(arrived)
        self._verify_return(document)
        self._write_off(tag)
        self.assertEqual(tag.state, "lost")
        self.assertEqual(moves[0].state, "cancel")
        self.assertNotEqual(moves[1].state, "cancel")

    def _write_off(self, tags, bearer="company", role="customer_service"):
        return tags.with_user(self.users[role]).action_write_off("Lost by the carrier", bearer)

    def test_loss_borne_by_the_company(self):
        """M10.3: the company bears the loss: the part is settled, the backorder goes."""
        document = self._inspect(missing=[self.tags[3]])
        backorder = document.backorder_id
        lost = self.tags[3]
        self.assertEqual(document.missing_count, 1)
        self._write_off(lost)
        self.assertEqual((lost.state, lost.result), ("lost", "accepted"))
        self.assertEqual(self._location_of(lost).usage, "inventory")
        self.assertEqual(document.missing_count, 0)
        self.assertFalse(document.backorder_id)
        self.assertEqual(backorder.state, "cancel")
        self.assertIn("Lost by the carrier", lost.event_ids[-1].note)
        self.assertEqual(lost.event_ids[-1].return_id, document)
        settlement = self._generate()
        self._settle(settlement)
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"payable"})

    def test_loss_borne_by_the_center(self):
        """M10.3: the center bears the loss: not returned, not paid; what else misses may come."""
        document = self._inspect(missing=self.tags[2:])
        self._write_off(self.tags[3], "center")
        self.assertEqual((self.tags[3].state, self.tags[3].result), ("lost", False))
        self.assertEqual(document.missing_count, 1)
        self.assertEqual(document.backorder_id.move_line_ids.lot_id, self.tags[2].lot_id)
        self.assertEqual(document.backorder_id.move_ids.product_uom_qty, 1)
        logistics = document.with_user(self.users["logistics"])
        with self.assertRaisesRegex(UserError, f"Written off: {self.tags[3].name}"):
            logistics.action_receive([self.tags[3].name])
        logistics.action_receive([self.tags[2].name])
        self.assertEqual(self.tags[2].state, "received")
        self._verify_return(logistics)
        settlement = self._generate()
        self._settle(settlement)
        by_tag = {line.used_part_id: line.result for line in settlement.line_ids}
        self.assertEqual(
            [by_tag[tag] for tag in self.tags], ["payable", "payable", "payable", "missing"]
        )

    def test_whole_consignment_is_lost(self):
        """L2.10: when nothing of a return can arrive any more, it is verified and answered."""
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        document = document.sudo()
        self._write_off(self.tags)
        self.assertEqual(document.picking_id.state, "cancel")
        self.assertEqual(document.state, "received")
        with self.assertRaisesRegex(UserError, "Written off"):
            document.with_user(self.users["logistics"]).action_receive([self.tags[0].name])
        self._verify_return(document)
        self.assertEqual(document.state, "verified")

    def test_sender_is_told_of_the_loss(self):
        """M10.3, L2.8: who bears the loss is told to the center, with or without a login."""
        document = self._inspect(missing=self.tags[3])
        self.users["center"].active = False
        before = document.message_ids
        self._write_off(self.tags[3], "center")
        message = (document.message_ids - before).filtered("body")
        self.assertIn("borne by: Service center", message.body)
        self.assertLessEqual(
            self.center | self.users["office_manager"].partner_id, message.notified_partner_ids
        )

    def test_loss_after_the_answer(self):
        """L2.10: what is written off after the answer is answered at once, with a slip."""
        document = self._inspect(missing=[self.tags[3]])
        document.with_user(self.users["customer_service"]).action_done()
        line = document.line_ids.filtered(lambda ln: ln.used_part_id == self.tags[3])
        self.assertFalse(line.date_answered)
        before = document.message_ids
        self._write_off(self.tags[3], "center")
        self.assertEqual(document.state, "done")
        self.assertTrue(line.date_answered)
        self.assertIn("Service center", line.follow_up)
        self.assertNotIn(False, [moment for moment, _lines in document._get_slip_answers()])
        slip = (document.message_ids - before).filtered("attachment_ids")
        self.assertIn(self.center, slip.partner_ids)

    def test_what_can_not_be_written_off(self):
        """M10.3: only what is on its way, with reason and bearer, by customer service."""
        with self.assertRaisesRegex(UserError, "Kept"):
            self._write_off(self.tags)
        self._inspect(missing=[self.tags[3]])
        with self.assertRaisesRegex(UserError, "Accepted"):
            self._write_off(self.tags)
        lost = self.tags[3]
        customer_service = lost.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "Give the reason"):
            customer_service.action_write_off("  ", "company")
        with self.assertRaisesRegex(UserError, "who bears"):
            customer_service.action_write_off("Lost", "carrier")
        for role in ("center", "clerk", "logistics", "quality", "office_manager"):
            with self.assertRaises(AccessError):
                self._write_off(lost, role=role)
        self.assertEqual(lost.state, "shipped")

    def test_loss_after_settlement(self):
        """M8.4: a loss of a part that is settled as something else isn't borne any more."""
        self.env.flush_all()
        # a closed record can't be changed: this one was the customer's fault from the beginning
        self.cr.execute(
            SQL(
                "UPDATE aftersales_service_record SET responsibility = 'customer' WHERE id = %s",
                self.record.id,
            )
        )
        self.env.invalidate_all()
        self._inspect(missing=[self.tags[3]])
        settlement = self._generate()
        self._settle(settlement)
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"uncovered"})
        with self.assertRaisesRegex(UserError, settlement.name):
            self._write_off(self.tags[3])
        self._write_off(self.tags[3], "center")
        self.assertEqual(self.tags[3].state, "lost")

    def test_missing_part_is_paid_after_its_loss(self):
        """M8.4: settled as not returned, then lost at the company's cost: paid with next month."""
        self._inspect(missing=[self.tags[3]])
        self._settle(self._generate())
        form = Form(
            self.env["aftersales.used.part.write.off"]
            .with_user(self.users["customer_service"])
            .with_context(default_used_part_ids=self.tags[3].ids)
        )
        form.reason = "Lost by the carrier"
        form.bearer = "company"
        form.save().action_confirm()
        self.assertEqual(self._generate("2026-11-01").line_ids.used_part_id, self.tags[3])

    # --- security --------------------------------------------------------------------------

    def test_nothing_by_hand(self):
        """M10.3: result, keeper, supplier and bearer follow from the actions alone."""
        for vals in (
            {"result": "accepted"},
            {"keeper_id": self.customer.id},
            {"supplier_id": self.customer.id},
            {"loss_bearer": "company"},
            {"deduction_reason_id": self.reason.id},
        ):
            for role in ("customer_service", "quality"):
                with self.assertRaises(AccessError):
                    self.tags.with_user(self.users[role]).write(vals)
