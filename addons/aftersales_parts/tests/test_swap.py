from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, LockError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import SERVICE, freeze
from .test_center import QuotaCommon


@freeze
@tagged("post_install", "-at_install")
class TestSwap(QuotaCommon):
    """Two of the company's pumps on deposit (5720.00 of 6000.00), a hundred in the warehouse."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.location = cls.center._get_deposit_location(cls.company)

    def setUp(self):
        super().setUp()
        self._move("received", 1800)
        self._supply(self._quota())

    def _tags(self, *sources, product=None, **kwargs):
        """Return the tags of pumps that a record replaced, one from each of ``sources``."""
        parts = [self._part(product or self.pump, source=source) for source in sources]
        return self._make_record(parts, **kwargs).used_part_ids.sorted("name")

    def _swap(self, tags, user="clerk", **vals):
        return (
            self.env["aftersales.swap"]
            .with_user(self.users[user])
            .create(
                {
                    "center_id": self.center.id,
                    "line_ids": [Command.create({"used_part_id": tag.id}) for tag in tags],
                    **vals,
                }
            )
        )

    def _stock(self, location, product=None):
        return self.env["stock.quant"]._get_available_quantity(product or self.pump, location)

    def test_lines_of_its_transfer(self):
        """L1.6: no line that is done is put onto the transfer of a swap by hand."""
        stock_user = new_test_user(self.env, "swap_stock", groups="stock.group_stock_user")
        swap = self._swap(self._tags("deposit"))
        swap.action_done()
        picking = swap.sudo().picking_ids[:1]
        line = self.env["stock.move.line"].search(
            [
                ("state", "=", "done"),
                ("product_id", "=", self.pump.id),
                ("picking_id", "!=", picking.id),
            ],
            limit=1,
        )
        with self.assertRaisesRegex(UserError, "stays as it is"), self.cr.savepoint():
            line.with_user(stock_user).write({"picking_id": picking.id})

    def _assert_refused(self, swap, text, tags):
        """Assert that the swap is refused for ``text``, and that nothing has moved."""
        before = [self._stock(place) for place in (self.location, self.warehouse.lot_stock_id)]
        with self.assertRaisesRegex(UserError, text), self.cr.savepoint():
            swap.action_done()
        self.env.invalidate_all()
        self.assertEqual(swap.state, "draft")
        self.assertFalse(swap.sudo().picking_ids)
        self.assertFalse(tags.swap_line_id)
        after = [self._stock(place) for place in (self.location, self.warehouse.lot_stock_id)]
        self.assertEqual(before, after)

    # --- old for new -----------------------------------------------------------------------

    def test_from_the_deposit(self):
        """L1.6, L3.3: a pump fitted from the deposit: the old one to the office, a new one back."""
        tag = self._tags("deposit")
        self.assertEqual(self._stock(self.location), 1)
        swap = self._swap(tag)
        self.assertEqual(swap.office_id, self.office)
        swap.action_done()
        self.assertEqual((swap.state, swap.user_id), ("done", self.users["clerk"]))
        self.assertTrue(swap.date_done)
        self.assertEqual((tag.state, tag.keeper_id), ("held", self.office))
        self.assertEqual(tag.swap_line_id, swap.line_ids)
        self.assertEqual(self._location_of(tag), self.office._get_used_part_location(self.company))
        self.assertEqual(tag.event_ids[-1].event, "swapped")
        self.assertEqual(tag.event_ids[-1].note, swap.name)
        self.assertEqual(self._stock(self.location), 2)
        self.assertEqual(self._stock(self.warehouse.lot_stock_id), 97, "two first, one now")
        picking = swap.sudo().picking_ids
        self.assertEqual((picking.state, picking.origin), ("done", swap.name))
        self.assertFalse(tag._find_astray(tag._get_quants()), "the tag lies where it should")
        self.assertFalse(self._generate(), "and nothing is to be settled")

    def test_of_the_centers_own(self):
        """L1.6: for a pump that it had bought, the center gets one as its own, and no money."""
        tags = self._tags("stock", "stock")
        swap = self._swap(tags[0])
        self.assertEqual(swap.line_ids.supply, "center")
        swap.action_done()
        picking = swap.sudo().picking_ids
        self.assertEqual(picking.location_dest_id, self.center.property_stock_customer)
        self.assertEqual(picking.partner_id, self.center)
        self.assertEqual(self._stock(self.location), 2, "the deposit is another affair")
        settlement = self._generate()
        self.assertEqual(settlement.line_ids.used_part_id, tags[1])
        self.assertEqual(settlement.amount_claimed, 3146, "2860.00 and 10 % once")

    def test_both_at_once(self):
        """L1.6: parts of both kinds in one swap: two transfers, three tags."""
        tags = self._tags("deposit", "stock", "deposit")
        swap = self._swap(tags)
        swap.action_done()
        pickings = swap.sudo().picking_ids
        self.assertEqual(
            sorted(pickings.mapped(lambda p: (p.location_dest_id.usage, len(p.move_ids)))),
            [("customer", 1), ("internal", 2)],
        )
        self.assertEqual(tags.keeper_id, self.office)
        self.assertEqual(self._stock(self.location), 2)

    def test_office_answers_for_it(self):
        """L2.3: what was swapped counts as kept by the office, not by the center."""
        tags = self._tags("deposit", "stock")
        self._swap(tags[0]).action_done()
        center = self.center.with_user(self.users["customer_service"])
        self.assertEqual(center.used_part_held_count, 1)
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertIn("Used parts still kept at the center: 1", obstacles)

    def test_offices_return(self):
        """L2.3: the office's monthly return takes what it swapped; the center's only the rest."""
        tags = self._tags("deposit", "stock")
        self._swap(tags[0]).action_done()
        document = self._make_return(center=self.office, user=self.users["clerk"])
        self.assertEqual(document.line_ids.used_part_id, tags[0])
        own = self._make_return()
        self.assertEqual(own.line_ids.used_part_id, tags[1])
        with self.assertRaisesRegex(UserError, "is kept by Office"), self.cr.savepoint():
            own.line_ids.create({"return_id": own.id, "used_part_id": tags[0].id})
        self._approve(document)
        document.action_ship()
        self.assertEqual(tags[0].state, "shipped")
        self.assertEqual(self._location_of(tags[0]), self.warehouse.used_part_transit_loc_id)

    def test_collect(self):
        """L1.6: everything that may be swapped is added, once."""
        tags = self._tags("deposit", "stock")
        self._make_record([self._scrap(self.seal)])
        self._tags("stock", center=self.other)
        swap = self._swap(self.env["aftersales.used.part"], user="office_manager")
        swap.action_collect()
        self.assertEqual(swap.line_ids.used_part_id, tags)
        swap.action_collect()
        self.assertEqual(len(swap.line_ids), 2)
        swap.action_done()

    def test_in_the_form(self):
        """L1.6: center and tag are chosen; office and new part follow."""
        tag = self._tags("deposit")
        with Form(self.env["aftersales.swap"].with_user(self.users["logistics"])) as form:
            form.center_id = self.center
            self.assertEqual(form.office_id, self.office)
            with form.line_ids.new() as line:
                line.used_part_id = tag
                self.assertEqual(line.product_id, self.pump)
                self.assertEqual(line.supply, "deposit")
        form.record.action_done()
        self.assertEqual(form.record.state, "done")

    # --- no new part without the old one -----------------------------------------------------

    def test_without_old_part(self):
        """L1.6: a swap without a used part gives nothing."""
        swap = self._swap(self.env["aftersales.used.part"])
        with self.assertRaisesRegex(UserError, "no new part is given without an old one"):
            swap.action_done()

    def test_by_rpc_and_import(self):
        """L1.6: neither state nor transfer nor tag is written past the action."""
        tag = self._tags("deposit")
        for vals in ({"state": "done"}, {"date_done": "2026-11-20"}, {"user_id": self.env.uid}):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._swap(tag, **vals)
        swap = self._swap(tag)
        for record, vals in (
            (swap, {"state": "done"}),
            (swap.line_ids, {"state": "done"}),
            (swap.line_ids, {"center_id": self.other.id}),
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                record.write(vals)
        with self.assertRaises(AccessError), self.cr.savepoint():
            tag.with_user(self.users["clerk"]).swap_line_id = swap.line_ids
        picking = self._transfer(self.pump, 1, destination=self.warehouse.lot_stock_id.copy())
        with self.assertRaises(AccessError), self.cr.savepoint():
            picking.with_user(self.stock_user).aftersales_swap_id = swap

    def test_transfer_is_not_changed_afterwards(self):
        """L1.6: the transfer gives what the swap says: no piece more, no other place."""
        swap = self._swap(self._tags("stock"))
        swap.action_done()
        line = swap.sudo().picking_ids.move_line_ids.with_user(self.stock_user)
        for vals in ({"quantity": 5}, {"location_dest_id": self.location.id}):
            with self.assertRaisesRegex(UserError, "stays as it is"), self.cr.savepoint():
                line.write(vals)
        with self.assertRaisesRegex(UserError, "stays as it is"), self.cr.savepoint():
            line.copy({"quantity": 1})
        self.assertEqual(self._stock(self.warehouse.lot_stock_id), 97)

    def test_done_is_final(self):
        """L1.6: what was swapped is neither swapped again nor changed, cancelled or deleted."""
        swap = self._swap(self._tags("stock"))
        swap.action_done()
        for call in (
            swap.action_done,
            swap.action_collect,
            lambda: swap.action_cancel("Wrong"),
            lambda: swap.write({"office_id": False}),
            lambda: swap.line_ids.write({"product_id": self.seal.id}),
            lambda: swap.line_ids.create(
                {"swap_id": swap.id, "used_part_id": self._tags("stock").id}
            ),
            swap.line_ids.unlink,
            swap.unlink,
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                call()

    def test_short_stock(self):
        """L1.6: of two pumps one is in the warehouse: nothing moves at all."""
        quant = self.env["stock.quant"].search(
            [
                ("product_id", "=", self.pump.id),
                ("location_id", "=", self.warehouse.lot_stock_id.id),
            ]
        )
        quant.quantity = 1
        tags = self._tags("stock", "stock")
        swap = self._swap(tags)
        self._assert_refused(swap, f"(?s)Not free in .*{tags[1].name}: Pump", tags)
        swap.line_ids[1].unlink()
        swap.action_done()

    def test_reserved_stock_is_not_free(self):
        """L1.6: what is reserved for somebody else is not given away."""
        stock = self.warehouse.lot_stock_id
        quant = self.env["stock.quant"].search(
            [("product_id", "=", self.pump.id), ("location_id", "=", stock.id)]
        )
        self.env["stock.quant"]._update_reserved_quantity(self.pump, stock, quant.quantity)
        tag = self._tags("stock")
        self._assert_refused(self._swap(tag), "Not free in", tag)

    def test_quota_holds(self):
        """L3.3: 2860.00 on deposit and a new pump are 5720.00, a cent above the new quota."""
        tag = self._tags("deposit")
        self._quota(5719.99, lines={self.seal: 1})
        self._assert_refused(self._swap(tag), "0.01.* more than its quota", tag)

    def test_once_per_tag(self):
        """L1.6: a tag is on one swap; a cancelled one frees it; one swapped is never free."""
        tag = self._tags("stock")
        first = self._swap(tag)
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self._swap(tag)
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            first.action_cancel(" ")
        first.action_cancel("Tomorrow")
        second = self._swap(tag)
        second.action_done()
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self._swap(tag)
        obstacles = tag._get_swap_obstacles(second)
        self.assertIn(f"has been swapped with {second.name} already", obstacles[tag])

    def test_two_users_at_once(self):
        """L1.6: while one swaps, another one gets a sentence instead of a second pump."""
        tag = self._tags("stock")
        swap = self._swap(tag)
        with patch.object(type(swap), "lock_for_update", side_effect=LockError("locked")):
            self._assert_refused(swap, "Somebody else is working", tag)
        parts = type(self.env["aftersales.used.part"])
        with patch.object(parts, "lock_for_update", side_effect=LockError("locked")):
            self._assert_refused(swap, "Somebody else is working on these tags", tag)

    def test_tag_on_a_return(self):
        """L1.6: a tag that is packed for the factory is taken off the return first."""
        tag = self._tags("stock")
        document = self._make_return()
        swap = self._swap(tag)
        self._assert_refused(swap, f"is on the return {document.name}", tag)
        document.line_ids.unlink()
        swap.action_done()

    def test_who_does_not_keep_it_does_not_send_it(self):
        """L1.6, L2.5: neither applied for nor shipped: a tag that the office keeps by now."""
        tag = self._tags("stock")
        document = self._make_return()
        refused = f"Not kept by Hangzhou center any more: {tag.name}"
        tag._write_protected({"keeper_id": self.office.id})
        with self.assertRaisesRegex(UserError, refused), self.cr.savepoint():
            document.action_submit()
        tag._write_protected({"keeper_id": self.center.id})
        self._approve(document)
        tag._write_protected({"keeper_id": self.office.id})
        with self.assertRaisesRegex(UserError, refused), self.cr.savepoint():
            document.action_ship()

    def test_tag_that_is_claimed(self):
        """L1.6, M8.4: what a settlement claims is paid, not replaced; nothing is had twice."""
        tag = self._tags("stock")
        settlement = self._generate()
        swap = self._swap(tag)
        self._assert_refused(swap, f"already claimed in {settlement.name}", tag)
        settlement.with_user(self.users["customer_service"]).action_cancel("Swapped instead")
        swap.action_done()
        self.assertFalse(self._generate())

    def test_claimed_at_the_same_moment(self):
        """M8.4: a claim that slipped in while the part was swapped pays nothing."""
        tags = self._tags("stock", "stock")
        settlement = self._generate()
        swap = self._swap(tags[0])
        tags[0]._write_protected({"swap_line_id": swap.line_ids.id})
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        line = settlement.line_ids.filtered(lambda line: line.used_part_id == tags[0])
        self.assertEqual((line.result, line.amount_payable), ("replaced", 0))

    def test_not_under_warranty(self):
        """L1.6: what the customer broke he pays; there is no new part for it."""
        record = self._make_record([self._part(self.pump)], done=False)
        record.write({"responsibility": "customer", "advice": "Change the oil"})
        self._validate(record)
        tag = record.used_part_ids
        self._assert_refused(self._swap(tag), "the warranty doesn't bear “Pump”", tag)

    def test_tag_of_somebody_else(self):
        """L1.6: the center gives what it keeps, not what another one keeps or has sent."""
        foreign = self._tags("stock", center=self.other)
        self._assert_refused(self._swap(foreign), "is not kept by Hangzhou center", foreign)
        tag = self._tags("stock")
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        self._assert_refused(self._swap(tag), "On its way", tag)

    def test_another_part(self):
        """L1.6: a dearer part of the class, 3100.00 for 2860.00, needs the reason and customer
        service, which sees the prices; one at 2860.00 only the reason."""
        tag = self._tags("stock")
        swap = self._swap(tag)
        other = self._make_part("Pump B", self.pump.part_class_id)
        other.is_storable = True
        self._make_price(other, 3100)
        self.env["stock.quant"]._update_available_quantity(other, self.warehouse.lot_stock_id, 1)
        swap.line_ids.product_id = other
        self.assertEqual((swap.line_ids.old_price, swap.line_ids.new_price), (2860, 3100))
        self._assert_refused(swap, "say why “Pump B” is given for “Pump”", tag)
        swap.line_ids.reason = "The pump is no longer made"
        self._assert_refused(swap, "is dearer .* customer service has to agree first", tag)
        swap.action_ask_approval()
        self.assertIn("3,100.00", swap.message_ids[0].body)
        swap.line_ids.with_user(self.users["customer_service"]).action_approve()
        self._assert_refused(
            swap.with_user(self.users["customer_service"]), "a colleague has to swap", tag
        )
        swap.action_done()
        self.assertEqual(swap.sudo().picking_ids.move_ids.product_id, other)
        message = swap.message_ids.filtered(lambda m: "Other parts" in m.body)
        self.assertIn(self.users["customer_service"].partner_id, message.notified_partner_ids)
        for words in ("Pump B", "3,100.00", "2,860.00"):
            self.assertIn(words, message.body)

    def test_another_part_at_the_same_price(self):
        """L1.6: another part of the class that isn't dearer is given without asking."""
        swap = self._swap(self._tags("stock"))
        other = self._make_part("Pump B", self.pump.part_class_id)
        other.is_storable = True
        price = self._make_price(other, 2860.01)
        self.env["stock.quant"]._update_available_quantity(other, self.warehouse.lot_stock_id, 1)
        swap.line_ids.write({"product_id": other.id, "reason": "The pump is no longer made"})
        self.assertTrue(swap.needs_approval)
        price.fixed_price = 2860
        swap.line_ids.invalidate_recordset()
        swap.invalidate_recordset(["needs_approval"])
        self.assertFalse(swap.needs_approval)
        swap.action_done()

    def test_part_of_another_class(self):
        """L1.6: a gearbox for a pump: customer service agrees first, and not who swaps."""
        tag = self._tags("stock")
        swap = self._swap(tag, user="office_manager")
        line = swap.line_ids
        line.write({"product_id": self.gearbox.id, "reason": "A present"})
        self._assert_refused(swap, "customer service has to agree first", tag)
        swap.action_ask_approval()
        self.assertIn("20,600.00", swap.message_ids[0].body)
        for role in ("office_manager", "clerk", "logistics"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                line.with_user(self.users[role]).action_approve()
        with self.assertRaises(AccessError), self.cr.savepoint():
            line.approver_id = self.users["customer_service"]
        line.with_user(self.users["customer_service"]).action_approve()
        self.assertEqual(line.approver_id, self.users["customer_service"])
        self._assert_refused(
            swap.with_user(self.users["customer_service"]), "a colleague has to swap", tag
        )
        # what was agreed to was this part
        line.product_id = self.seal
        self.assertFalse(line.approver_id)
        self._assert_refused(swap, "customer service has to agree first", tag)
        line.product_id = self.gearbox
        line.with_user(self.users["customer_service"]).action_approve()
        swap.action_done()
        self.assertEqual(swap.sudo().picking_ids.move_ids.product_id, self.gearbox)

    def test_nobody_agrees_to_his_own(self):
        """L1.6: customer service that entered the line leaves it to a colleague."""
        swap = self._swap(self._tags("stock"), user="customer_service")
        swap.line_ids.write({"product_id": self.gearbox.id, "reason": "A present"})
        with self.assertRaisesRegex(AccessError, "a colleague has to agree"), self.cr.savepoint():
            swap.line_ids.action_approve()
        second = new_test_user(self.env, "parts_cs_2", groups=f"{SERVICE}customer_service")
        swap.line_ids.with_user(second).action_approve()
        swap.action_done()

    def test_missing_is_not_paid(self):
        """M10.3: of a part that a settlement lists as not returned, nobody says that it is paid."""
        tag = self._tags("stock")
        settlement = self._generate()
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        self.assertEqual(settlement.line_ids.result, "missing")
        self._assert_refused(self._swap(tag), "pays for it once it has come back", tag)

    def test_serial_of_the_new_part(self):
        """L1.6: a part with serials leaves by the serial that is named."""
        pump = self._make_part("Serial pump", self.pump.part_class_id)
        pump.write(
            {"is_storable": True, "tracking": "serial", "warranty_policy_id": self.policy.id}
        )
        lots = self.env["stock.lot"].create(
            [{"name": name, "product_id": pump.id} for name in ("P-1", "P-2")]
        )
        for lot in lots:
            self.env["stock.quant"]._update_available_quantity(
                pump, self.warehouse.lot_stock_id, 1, lot_id=lot
            )
        tag = self._tags("stock", product=pump)
        swap = self._swap(tag)
        self._assert_refused(swap, "name the serial of the new “Serial pump”", tag)
        swap.line_ids.serial = "P-7"
        self._assert_refused(swap, "Serial pump P-7", tag)
        swap.line_ids.serial = " P-2 "
        swap.action_done()
        self.assertEqual(swap.sudo().picking_ids.move_line_ids.lot_id, lots[1])
        self.assertFalse(lots.warranty_card_ids, "it wasn't sold to the center")

    # --- who, where, how long --------------------------------------------------------------

    def test_office_of_the_region(self):
        """L1.6: the center swaps with its own office; without one, a sentence says what to do."""
        foreign = self.env["res.partner"].create(
            {"name": "Elsewhere", "is_company": True, "is_regional_office": True}
        )
        with self.assertRaisesRegex(ValidationError, "not the office of"), self.cr.savepoint():
            self._swap(self._tags("stock"), office_id=foreign.id)
        self.region.office_id = False
        tag = self._tags("stock")
        self._assert_refused(self._swap(tag), "has no office", tag)
        with self.assertRaisesRegex(UserError, "no service center"), self.cr.savepoint():
            self._swap(tag, center_id=self.customer.id)

    def test_who_swaps(self):
        """L1.6: clerk, logistics and office manager swap; nobody else does."""
        tags = self._tags("stock", "stock", "stock")
        for role, tag in zip(("clerk", "logistics", "office_manager"), tags, strict=True):
            self._swap(tag, user=role).action_done()
        tag = self._tags("stock")
        draft = self._swap(tag)
        for role in ("center", "technician", "quality", "vp", "accountant"):
            user = self.users[role]
            for call in (
                draft.with_user(user).action_done,
                draft.with_user(user).action_collect,
                lambda user=user: draft.with_user(user).action_cancel("No"),
                lambda role=role: self._swap(self._tags("stock"), user=role),
            ):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    call()

    def test_who_sees(self):
        """L1.6: a center sees its own swaps, a manager those of his region, accountants all."""
        tags = self._tags("stock")
        swap = self._swap(tags)
        foreign_tag = self._tags("stock", center=self.other)
        foreign = self._swap(foreign_tag, center_id=self.other.id)
        stranger = new_test_user(self.env, "parts_stranger", groups=f"{SERVICE}office_manager")
        self.env["aftersales.region"].create({"name": "Elsewhere", "manager_id": stranger.id})
        expected = {
            self.users["center"]: swap,
            self.users["other_center"]: foreign,
            self.users["technician"]: swap.browse(),
            stranger: swap.browse(),
            self.users["office_manager"]: swap | foreign,
            self.users["quality"]: swap | foreign,
            self.users["accountant"]: swap | foreign,
        }
        for user, swaps in expected.items():
            for records in (swap | foreign, (swap | foreign).line_ids):
                own = records & (swaps if records._name == swaps._name else swaps.line_ids)
                domain = [("id", "in", records.ids)]
                model = records.with_user(user).browse()
                self.assertEqual(model.search(domain), own)
                self.assertEqual(model.search_count(domain), len(own))
                for hidden in records - own:
                    with self.assertRaises(AccessError):
                        hidden.with_user(user).read(["display_name"])
        with self.assertRaises(AccessError):
            self._swap(self._tags("stock")).with_user(stranger).action_done()
        # nor does he read of a foreign tag by naming it on a swap of his own
        region = self.env["aftersales.region"].search([("manager_id", "=", stranger.id)])
        region.office_id = self.office.copy()
        center = self._make_center("Elsewhere center", "91330109MA2AYBC37T")
        center.aftersales_region_id = region
        self.users["stranger"] = stranger
        with self.assertRaises(AccessError):
            self._swap(self._tags("stock"), user="stranger", center_id=center.id)

    def test_center_reads_its_tag(self):
        """L1.6: center and technician see on the tag by which swap it was replaced."""
        tag = self._tags("stock")
        swap = self._swap(tag)
        swap.action_done()
        for role in ("center", "technician"):
            shown = tag.with_user(self.users[role])
            self.assertEqual(shown.swap_number, swap.name)
            self.assertEqual(shown.keeper_id, self.office)

    def test_kept(self):
        """H11: a swap that took place is kept as long as the tags it took."""
        tag = self._tags("stock")
        swap = self._swap(tag)
        self.assertFalse(swap.retain_until)
        swap.action_done()
        self.assertEqual(swap.retain_until, tag.retain_until)

    def test_queries_do_not_grow(self):
        """Whether parts may be swapped is asked for all of them at once."""
        tags = self._tags(*["stock"] * 4)
        swap = self._swap(tags)
        counts = []
        for some in (tags[0], tags[0], tags):  # the first also fills the caches
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            some._get_swap_obstacles(swap)
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_receipt(self):
        """L1.6: the receipt names both parts and has room for both signatures."""
        swap = self._swap(self._tags("stock", "deposit"))
        swap.action_done()
        html, _type = (
            self.env["ir.actions.report"]
            .with_user(self.users["clerk"])
            .with_context(lang="en_US")
            ._render_qweb_html("aftersales_parts.report_swap_document", swap.ids)
        )
        text = html.decode()
        for words in (swap.name, *swap.line_ids.mapped("tag"), "Hangzhou center", "Office"):
            self.assertIn(words, text)
        self.assertEqual(text.count("Signature:"), 2)
