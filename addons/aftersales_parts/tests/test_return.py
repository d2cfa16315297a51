from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestReturn(AftersalesPartsCommon):
    def setUp(self):
        super().setUp()
        self.record = self._make_record([self._part(self.pump), self._part(self.gearbox)])
        self.tags = self.record.used_part_ids.sorted("name")

    # --- approval --------------------------------------------------------------------------

    def test_shipping_needs_both_approvals(self):
        """L2.4, L2.5: no shipping before office manager and customer service approved."""
        document = self._make_return()
        self._pack_repairs(document.line_ids.used_part_id)
        self.assertEqual(document.line_ids.used_part_id, self.tags)
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            document.action_ship()
        document.action_submit()
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            document.action_ship()
        document.with_user(self.users["office_manager"]).action_approve()
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            document.action_ship()
        self.assertEqual(document.next_approval, "Customer service")
        document.with_user(self.users["customer_service"]).action_approve()
        document.action_ship()
        self.assertEqual(document.state, "shipped")
        self.assertEqual(set(self.tags.mapped("state")), {"shipped"})

    def test_steps_are_decided_in_order(self):
        """L2.4: customer service can't decide before the office manager's appraisal."""
        document = self._make_return()
        document.action_submit()
        with self.assertRaisesRegex(AccessError, "Office or regional manager"):
            document.with_user(self.users["customer_service"]).action_approve()
        self.assertEqual(document.approval_state, "pending")

    def test_requester_may_not_approve(self):
        """L2.4: who applies can't decide, whatever roles he has."""
        manager = self.users["office_manager"]
        manager.group_ids += self.env.ref("aftersales_service.group_clerk")
        document = self._make_return(user=manager)
        document.action_submit()
        with self.assertRaisesRegex(AccessError, "somebody else has to decide"):
            document.action_approve()

    def test_nobody_approves_twice(self):
        """L2.4: the second step needs a second person."""
        manager = self.users["office_manager"]
        manager.group_ids += self.env.ref("aftersales_service.group_customer_service")
        document = self._make_return()
        document.action_submit()
        document = document.with_user(manager)
        document.action_approve()
        with self.assertRaisesRegex(AccessError, "already decided"):
            document.action_approve()

    def test_one_decision_per_step_in_the_database(self):
        """Two people deciding the same step at once: the second is refused by the database."""
        document = self._make_return()
        document.action_submit()
        document.with_user(self.users["office_manager"]).action_approve()
        entry = document.approval_ids.filtered(lambda a: a.decision == "approved")
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            entry.sudo().copy()

    def test_change_voids_the_approval(self):
        """L2.4: what was approved is frozen; touching the lines voids it, visibly."""
        document = self._make_return()
        self._approve(document)
        self.assertEqual(document.state, "approved")
        document.line_ids[0].unlink()
        self.assertEqual(document.approval_state, "draft")
        self.assertEqual(document.state, "draft")
        self.assertIn("void", document.approval_ids.mapped("decision"))
        self.assertIn("approval is void", document.message_ids[0].body)
        with self.assertRaisesRegex(UserError, "has to be approved first"):
            document.action_ship()

    def test_import_can_not_sneak_in_a_line(self):
        """Mistake 9: a line added by import after approval voids it too."""
        document = self._make_return()
        document.line_ids[0].unlink()
        self._approve(document)
        result = self.env["aftersales.return.line"].load(
            ["return_id/.id", "used_part_id/.id"], [[str(document.id), str(self.tags[0].id)]]
        )
        self.assertTrue(result["ids"])
        self.assertEqual(document.state, "draft")

    def test_state_can_not_be_written(self):
        """L2.5: no role reaches a state but by its action, by RPC or import either."""
        document = self._make_return()
        document.action_submit()
        for vals in (
            {"state": "approved"},
            {"approval_state": "approved"},
            {"requester_id": False},
        ):
            with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                document.write(vals)
        with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
            document.create(
                {"center_id": self.center.id, "month": "2026-12-01", "state": "approved"}
            )

    def test_log_is_append_only(self):
        """L2.4: the log of decisions can't be changed or deleted, by nobody."""
        document = self._make_return()
        document.action_submit()
        with self.assertRaisesRegex(UserError, "can't be changed"):
            document.approval_ids.sudo().write({"note": "x"})
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            document.approval_ids.sudo().unlink()
        with self.assertRaises(AccessError):
            self.env["aftersales.approval"].with_user(self.users["customer_service"]).create(
                {
                    "res_model": document._name,
                    "res_id": document.id,
                    "round": 1,
                    "step": "appraisal",
                    "decision": "approved",
                    "user_id": self.users["office_manager"].id,
                }
            )
        with self.assertRaisesRegex(UserError, "kept until"):
            document.sudo().unlink()

    def test_refusal_needs_a_reason(self):
        """L2.4: a refusal goes back with its reason, and can be applied for again."""
        document = self._make_return()
        document.action_submit()
        manager = document.with_user(self.users["office_manager"])
        with self.assertRaisesRegex(UserError, "reason"):
            manager.action_refuse("  ")
        manager.action_refuse("Not cleaned")
        self.assertEqual((document.state, document.approval_state), ("draft", "refused"))
        document.action_submit()
        self.assertEqual(document.approval_round, 2)
        self.assertEqual(len(document.approval_ids), 3)

    # --- one per month ---------------------------------------------------------------------

    def test_one_return_per_center_and_month(self):
        """L2.6: a second return in the month is refused; after cancelling it is possible."""
        document = self._make_return()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            self._make_return(month="2026-11-15")
        with self.assertRaisesRegex(UserError, "reason"):
            document.action_cancel()
        document.action_cancel("Wrong month")
        self.assertEqual(self._make_return().line_ids.used_part_id, self.tags)

    def test_cancelled_return_stays_cancelled(self):
        """L2.4: a cancelled return can't be submitted again."""
        document = self._make_return()
        document.action_cancel("Wrong month")
        with self.assertRaisesRegex(UserError, "is no draft"):
            document.action_submit()
        self.assertEqual(document.state, "cancelled")

    def test_number_can_not_be_written(self):
        """L2.4: the number that forms and tags bear can't be changed or chosen by RPC."""
        document = self._make_return()
        with self.assertRaisesRegex(AccessError, "by hand"):
            document.name = "RT-1"
        with self.assertRaisesRegex(AccessError, "by hand"):
            document.create({"center_id": self.center.id, "month": "2026-12-01", "name": "X"})

    def test_log_tells_no_more_than_its_document(self):
        """Mistake 6: the decisions on a center's return are hidden from another center."""
        document = self._make_return()
        document.action_submit()
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        log = self.env["aftersales.approval"]
        domain = [("res_model", "=", document._name)]
        self.assertEqual(log.with_user(self.users["center"]).search(domain), document.approval_ids)
        self.assertFalse(log.with_user(other).search(domain))
        with self.assertRaises(AccessError):
            document.approval_ids.with_user(other).read(["note"])

    def test_tag_of_another_center(self):
        """M10.3: a tag of another center can't be put on the return."""
        other = self._make_center("Other", "91310115MA1K3QXE7G")
        document = self._make_return(center=other, user=self.users["clerk"])
        with self.assertRaisesRegex(UserError, "is kept by Hangzhou center"):
            self.env["aftersales.return.line"].create(
                {"return_id": document.id, "used_part_id": self.tags[0].id}
            )

    # --- receiving -------------------------------------------------------------------------

    def _ship(self):
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        return document

    def test_backorder_holds_exactly_the_missing_tag(self):
        """L2.8: the actual receipt prevails; the missing tag, and only it, is the backorder."""
        document = self._ship()
        # another tag that the center keeps must not slip onto the backorder
        kept = self._make_record([self._part(self.pump)]).used_part_ids
        document.with_user(self.users["logistics"]).action_receive([self.tags[0].name])
        self.assertEqual(document.state, "received")
        self.assertEqual(document.picking_id.move_line_ids.lot_id, self.tags[0].lot_id)
        self.assertEqual(document.backorder_id.move_line_ids.lot_id, self.tags[1].lot_id)
        self.assertEqual(document.backorder_id.state, "assigned")
        self.assertEqual(document.missing_count, 1)
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        center_location = self.center._get_used_part_location(self.company)
        self.assertEqual(self._location_of(self.tags[0]), warehouse.used_part_loc_id)
        self.assertEqual(self._location_of(self.tags[1]), warehouse.used_part_transit_loc_id)
        self.assertEqual(self._location_of(kept), center_location)
        self.assertEqual(self.tags.mapped("state"), ["received", "shipped"])

    def test_missing_tag_arrives_later(self):
        """L2.8: what was missing is received from the backorder when it comes."""
        document = self._ship()
        logistics = document.with_user(self.users["logistics"])
        logistics.action_receive([self.tags[0].name])
        self._verify_return(logistics)
        with self.assertRaisesRegex(UserError, "Already received"):
            logistics.action_receive([self.tags[0].name])
        logistics.action_receive([self.tags[1].name])
        self.assertFalse(document.backorder_id)
        self.assertEqual(document.missing_count, 0)
        self._verify_return(logistics)
        self.assertEqual(self.tags.mapped("state"), ["accepted", "accepted"])
        with self.assertRaisesRegex(UserError, f"Already received: {self.tags[1].name}"):
            logistics.action_receive([self.tags[1].name])
        with self.assertRaisesRegex(UserError, "Nothing of"):
            logistics.action_receive([])

    def test_unknown_and_repeated_tags(self):
        """M10.3: an unknown tag is not returned; one scanned twice is said so; nothing moves."""
        document = self._ship().with_user(self.users["logistics"])
        with self.assertRaisesRegex(UserError, "Not on the register.*XYZ-99"):
            document.action_receive([self.tags[0].name, "XYZ-99"])
        with self.assertRaisesRegex(UserError, "more than once"):
            document.action_receive([self.tags[0].name, f" {self.tags[0].name}"])
        with self.assertRaisesRegex(UserError, "No tag"):
            document.action_receive(["", " "])
        self.assertEqual(document.state, "shipped")
        self.assertEqual(set(self.tags.mapped("state")), {"shipped"})

    def test_only_logistics_receives(self):
        """L2.8: the count is the logistics department's."""
        document = self._ship()
        with self.assertRaisesRegex(AccessError, "Logistics"):
            document.with_user(self.users["center"]).action_receive([self.tags[0].name])

    def test_transfer_can_not_be_validated_alone(self):
        """L2.5: the transfer's own button would bypass register and approval: refused."""
        document = self._ship()
        with self.assertRaisesRegex(UserError, "by scanning the tags"):
            document.picking_id.button_validate()

    def test_deduction_needs_role_and_time(self):
        """M8.4: quality enters the deduction with its code, after receipt."""
        document = self._ship()
        reason = self.env.ref("aftersales_parts.deduction_reason_D02")
        line = document.line_ids[0]
        with self.assertRaisesRegex(UserError, "after receipt"):
            line.with_user(self.users["quality"]).deduction_reason_id = reason
        document.with_user(self.users["logistics"]).action_receive(self.tags.mapped("name"))
        with self.assertRaisesRegex(AccessError, "Logistics"):
            line.with_user(self.users["center"]).deduction_reason_id = reason
        line.with_user(self.users["quality"]).deduction_reason_id = reason
        self._verify_return(document)
        self.assertEqual(self.tags.mapped("state"), ["deducted", "accepted"])
        self.assertEqual(self.tags[0].deduction_reason_id, reason)

    def test_shipped_return_can_not_change(self):
        """L2.4: once on its way, neither lines nor cancelling."""
        document = self._ship()
        with self.assertRaisesRegex(UserError, "on its way"):
            document.line_ids[0].unlink()
        with self.assertRaisesRegex(UserError, "can't be cancelled"):
            document.action_cancel("x")

    def test_return_stays_with_its_center(self):
        """L2.6: moving a return to another center would take that center's month."""
        other = self._make_center("Other", "91310115MA1K3QXE7G")
        document = self._make_return()
        with self.assertRaisesRegex(UserError, "stays with its sender"):
            document.center_id = other

    def test_reason_is_part_of_what_is_approved(self):
        """L2.4: the application states the reason; changing it voids the approval."""
        document = self._make_return()
        self._approve(document)
        document.reason = "Another reason"
        self.assertEqual((document.state, document.approval_state), ("draft", "draft"))

    def test_tags_move_by_their_documents_only(self):
        """M10.3: neither a transfer of one's own nor cancelling ours nor renaming a tag."""
        document = self._ship()
        logistics = self.users["logistics"]
        logistics.group_ids += self.env.ref("stock.group_stock_user")
        picking = document.picking_id.with_user(logistics)
        with self.assertRaisesRegex(UserError, "stays with it"), self.cr.savepoint():
            picking.action_cancel()
        with self.assertRaisesRegex(UserError, "Used parts move only"), self.cr.savepoint():
            picking.move_ids._action_done()
        with self.assertRaisesRegex(UserError, "stays so"), self.cr.savepoint():
            self.tags[0].lot_id.with_user(logistics).name = "X"
        picking.sudo().action_cancel()
        with self.assertRaisesRegex(UserError, "takes in .* is gone"), self.cr.savepoint():
            document.with_user(logistics).action_receive([self.tags[0].name])

    def test_deduction_is_quality_s_from_the_start(self):
        """M8.4: a center can't choose a deduction when it adds a line."""
        document = self._make_return()
        tag = document.line_ids[0].used_part_id
        document.line_ids[0].unlink()
        line = (
            self.env["aftersales.return.line"]
            .with_user(self.users["center"])
            .create(
                {
                    "return_id": document.id,
                    "used_part_id": tag.id,
                    "deduction_reason_id": self.env.ref("aftersales_parts.deduction_reason_D02").id,
                }
            )
        )
        self.assertFalse(line.deduction_reason_id)

    def test_month_of_an_application_stays(self):
        """L2.6: what was applied for isn't moved to another month by hand."""
        document = self._make_return()
        document.month = "2026-12-05"
        self.assertEqual(str(document.month), "2026-12-01")
        document.action_submit()
        with self.assertRaisesRegex(UserError, "its month stays"):
            document.month = "2026-11-01"

    def test_lines_of_a_transfer_are_closed(self):
        """M10.3, L2.5: nobody takes tags off a transfer, changes or deletes it by its lines."""
        document = self._ship()
        stock_user = new_test_user(self.env, "stock_user", groups="stock.group_stock_user")
        picking = document.sudo().picking_id
        lines = picking.move_line_ids
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        self.pump.is_storable = True
        other = self.env["stock.move"].create(
            {
                "product_id": self.pump.id,
                "product_uom_qty": 1,
                "location_id": stock.id,
                "location_dest_id": self.env.ref("stock.stock_location_customers").id,
            }
        )
        done = self.env["stock.move.line"].search(
            [("lot_id", "in", self.tags.lot_id.ids), ("state", "=", "done")]
        )
        for user in (stock_user, self.users["center"], self.users["technician"]):
            for attack in (
                lambda u: lines.with_user(u).write({"picking_id": False}),
                lambda u: lines.with_user(u).write({"state": "done"}),
                lambda u: done.with_user(u).write({"date": "2020-01-01"}),
                lambda u: lines.with_user(u).unlink(),
                lambda u: lines[:1].with_user(u).copy(),
                lambda u: picking.with_user(u).do_unreserve(),
                lambda u: picking.with_user(u).action_assign(),
                lambda u: picking.with_user(u).unlink(),
                lambda u: picking.move_ids.with_user(u).write({"picking_id": False}),
                lambda u: picking.move_ids.with_user(u).unlink(),
                # nor does anything else get onto it
                lambda u: other.with_user(u).write({"picking_id": picking.id}),
                lambda u: other.with_user(u).copy({"picking_id": picking.id}),
                lambda u: picking.with_user(u).write({"state": "cancel"}),
                lambda u: picking.with_user(u).write({"location_dest_id": stock.id}),
                lambda u: picking.move_ids.with_user(u).write(
                    {"aftersales_return_line_id": document.line_ids[0].id}
                ),
            ):
                with (
                    self.subTest(user=user.login),
                    self.assertRaises(UserError),
                    self.cr.savepoint(),
                ):
                    attack(user)
        document.with_user(self.users["logistics"]).action_receive(self.tags.mapped("name"))
        self.assertEqual(set(self.tags.mapped("state")), {"received"})

    def test_stock_is_not_reserved_by_those_outside(self):
        """L1.6: a center or technician can't keep stock from others by a line of a move."""
        self.pump.is_storable = True
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        self.env["stock.quant"]._update_available_quantity(self.pump, stock, 3)
        for role in ("center", "technician"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                self.env["stock.move.line"].with_user(self.users[role]).create(
                    {
                        "product_id": self.pump.id,
                        "product_uom_id": self.pump.uom_id.id,
                        "quantity": 3,
                        "location_id": stock.id,
                        "location_dest_id": stock.id,
                        "company_id": self.company.id,
                    }
                )
