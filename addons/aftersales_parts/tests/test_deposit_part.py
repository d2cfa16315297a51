from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import PIXEL, freeze
from .test_center import QuotaCommon


@freeze
@tagged("post_install", "-at_install")
class TestDepositPart(QuotaCommon):
    """Two pumps of the company at the center, within its quota and against its deposit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.location = cls.center._get_deposit_location(cls.company)

    def setUp(self):
        super().setUp()
        self._move("received", 1800)
        self._supply(self._quota())

    def _deposit(self, product, **vals):
        return self._part(product, source="deposit", **vals)

    def _there(self, product=None):
        return sum(
            self.env["stock.quant"]
            .search(
                [
                    ("location_id", "child_of", self.location.id),
                    ("product_id", "=", (product or self.pump).id),
                ]
            )
            .mapped("quantity")
        )

    def _pickings(self, record):
        return self.env["stock.picking"].search([("aftersales_record_id", "in", record.ids)])

    def test_fitted_parts_leave_the_deposit(self):
        """L1.6, L3.3: one of two pumps goes to the customer; 2860.00 of 5720.00 stay."""
        record = self._make_record([self._deposit(self.pump)], done=False)
        self.assertEqual(self._there(), 2, "nothing moves before the record is valid")
        self._validate(record)
        picking = self._pickings(record)
        self.assertEqual(len(picking), 1)
        self.assertEqual(picking.state, "done")
        self.assertEqual(picking.location_id, self.location)
        self.assertEqual(picking.location_dest_id, self.customer.property_stock_customer)
        self.assertEqual(picking.origin, record.name)
        self.assertEqual(self._there(), 1)
        values, _unpriced = self.center._get_deposit_stock_values(self.company)
        self.assertEqual(values[self.center], 2860)
        self.assertEqual(len(record.used_part_ids), 1, "the used part comes back all the same")

    def test_one_transfer_for_all(self):
        """L1.6: pumps on two lines and seals leave with one transfer; bought parts don't move."""
        self._transfer(self.seal, 2)
        record = self._make_record(
            [
                self._deposit(self.pump),
                self._deposit(self.pump),
                self._scrap(self.seal, source="deposit", quantity=2),
                self._part(self.gearbox),
            ]
        )
        moves = self._pickings(record).move_ids
        self.assertEqual(len(moves.picking_id), 1)
        self.assertEqual(sorted(moves.mapped("quantity")), [1, 1, 2])
        self.assertEqual((self._there(), self._there(self.seal)), (0, 0))

    def test_never_claimed(self):
        """L1.6, M8.4: of two pumps fitted, the company's own is never paid, only the other one.

        By hand: 2860.00 + 10 % = 3146.00 once. Nor does it keep the center from being closed.
        """
        record = self._make_record([self._deposit(self.pump), self._part(self.pump)])
        own, bought = record.used_part_ids.sorted("name")
        settlement = self._generate()
        self.assertEqual(settlement.line_ids.used_part_id, bought)
        self.assertEqual(settlement.amount_claimed, 3146)
        self._return_parts()
        self._settle(settlement)
        self.assertEqual(settlement.amount_payable, 3146)
        later = self._generate("2026-11-01") | self._generate()
        self.assertNotIn(own, later.line_ids.used_part_id)
        obstacles = "\n".join(self.center._get_center_obstacles(self.company))
        self.assertNotIn("on no settlement yet", obstacles)

    def test_answer_to_the_return(self):
        """L2.9, L3.3: the receipt slip promises payment for the part bought, not for the other."""
        record = self._make_record([self._deposit(self.pump), self._part(self.pump)])
        own, bought = record.used_part_ids.sorted("name")
        lines = self._return_parts().line_ids.grouped("used_part_id")
        self.assertEqual(lines[bought].outcome, "settlement")
        self.assertEqual(lines[own].outcome, "replaced")
        with self.assertRaisesRegex(ValidationError, "Replaced in kind"), self.cr.savepoint():
            lines[own].with_user(self.users["customer_service"]).outcome = "settlement"
        lines[own].return_id.with_user(self.users["customer_service"]).action_done()
        self.assertIn("supplied by the company", lines[own].follow_up)
        self.assertIn("settlement", lines[bought].follow_up)

    def test_only_deposit_parts_make_no_settlement(self):
        """M8.4: a month with nothing but the company's own parts has nothing to settle."""
        self._make_record([self._deposit(self.pump)])
        self.assertFalse(self._generate())

    def test_too_few_are_named(self):
        """L1.6, M3.4: part, needed and there; all lines of the part count together."""
        record = self._make_record(
            [self._deposit(self.pump), self._deposit(self.pump, quantity=2)], done=False
        )
        self.assertIn("“Pump”: 3 needed, 2 among the parts on deposit", record.missing)
        with self.assertRaisesRegex(UserError, "3 needed, 2 among"), self.cr.savepoint():
            self._validate(record)
        record.part_ids[1].quantity = 1
        self.assertFalse(record.missing)
        self.assertIn("replaced old for new and not paid: Pump", record.preflight)

    def test_other_centers_parts_do_not_count(self):
        """L3.3: a center without parts on deposit has none, whatever its neighbour keeps."""
        record = self._make_record([self._deposit(self.pump)], center=self.other, done=False)
        self.assertIn("1 needed, 0 among", record.missing)

    def test_last_piece_is_taken_once(self):
        """L1.6: two signed records need the last pump: the second is refused, nothing half done."""
        self._make_record([self._deposit(self.pump)])
        first, second = (
            self._make_record([self._deposit(self.pump)], done=False) for _i in range(2)
        )
        for record in (first, second):
            self._consent(record)
            record.with_user(self.users["technician"]).action_sign("Customer", PIXEL)
        first.with_user(self.users["technician"]).action_done()
        with (
            self.assertRaisesRegex(UserError, "(?s)can't become valid.*1 needed, 0 among"),
            self.cr.savepoint(),
        ):
            second.with_user(self.users["technician"]).action_done()
        self.env.invalidate_all()
        self.assertEqual((second.state, self._there()), ("signed", 0))
        self.assertFalse(second.used_part_ids)
        self.assertFalse(self._pickings(second))

    def test_said_to_be_from_stock(self):
        """L3.3: who says “stock” is reminded of what is on deposit, and so is the auditor."""
        record = self._make_record([self._part(self.pump), self._part(self.gearbox)], done=False)
        self.assertIn("“Pump” is said to be from stock, and 2 of it", record.preflight)
        self.assertNotIn("“Gearbox” is said", record.preflight)
        record.part_ids = [Command.create(self._deposit(self.pump, quantity=2))]
        record.invalidate_recordset(["preflight"])
        self.assertNotIn("said to be from stock", record.preflight)
        record.part_ids[-1].quantity = 1
        record.invalidate_recordset(["preflight"])
        self.assertIn("and 1 of it", record.preflight)
        self.assertFalse(record.missing, "it may be so all the same")
        self._validate(record)
        settlement = self._generate()
        notes = {line.product_id: line.deposit_note for line in settlement.line_ids}
        self.assertEqual(
            notes, {self.pump: "1 of it on deposit now: was it one of these?", self.gearbox: False}
        )
        shown = settlement.with_user(self.users["customer_service"]).line_ids
        self.assertEqual(len(shown.filtered("deposit_note")), 1)

    def test_note_costs_no_query_per_line(self):
        """L3.3: the deposits are looked up once for all lines of a settlement."""
        self._make_record([self._part(self.pump, quantity=6)])
        lines = self._generate().line_ids
        lines = lines.browse(lines.ids)  # read together, wherever they come from
        counts = []
        for some in (lines[0], lines[0], lines):  # the first also fills the caches
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            some.mapped("deposit_note")
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_two_at_once(self):
        """L1.6: while another one takes parts of the center, the record waits, cleanly."""
        record = self._make_record([self._deposit(self.pump)], done=False)
        with (
            patch.object(
                type(self.center),
                "_lock_aftersales_stock_account",
                side_effect=UserError("this very moment"),
            ),
            self.assertRaisesRegex(UserError, "this very moment"),
            self.cr.savepoint(),
        ):
            self._validate(record)
        self.assertEqual(self._there(), 2)

    def test_serial_decides_the_piece(self):
        """L1.6: of parts with serials, that which was fitted leaves, or what is wrong is named."""
        pump = self._make_part("Serial pump", self.pump.part_class_id)
        pump.write(
            {"is_storable": True, "tracking": "serial", "warranty_policy_id": self.policy.id}
        )
        lots = self.env["stock.lot"].create(
            [{"name": name, "product_id": pump.id} for name in ("P-1", "P-2")]
        )
        for lot in lots:
            self.env["stock.quant"]._update_available_quantity(pump, self.location, 1, lot_id=lot)
        values = {"serial_removed": "P-0"}
        record = self._make_record(
            [self._deposit(pump, serial_reason="Unreadable", **values)], done=False
        )
        self.assertIn("“Serial pump”: the serial of the piece fitted", record.missing)
        record.part_ids.serial_fitted = "P-7"
        self.assertIn("“Serial pump” P-7 is not among the parts on deposit.", record.missing)
        self.assertIn("There are: P-1", record.missing)
        record.part_ids.serial_fitted = "P-2"
        self.assertFalse(record.missing)
        self._validate(record)
        self.assertEqual(self._pickings(record).move_line_ids.lot_id, lots[1])
        self.assertEqual(self._there(pump), 1)
        self.assertFalse(lots.warranty_card_ids, "the repair's warranty, no card of its own (H8)")

    def test_what_was_taken_is_told_by_the_record_only(self):
        """L1.6: a transfer can't be passed off as that of a record."""
        record = self._make_record([self._deposit(self.pump)])
        picking = self._transfer(self.seal, 1, destination=self.warehouse.lot_stock_id)
        with self.assertRaisesRegex(AccessError, "can't be given by hand"):
            picking.with_user(self.stock_user).aftersales_record_id = record
        copied = (
            picking.with_user(self.stock_user)
            .with_context(default_aftersales_record_id=record.id)
            .copy()
        )
        self.assertFalse(copied.aftersales_record_id)

    def test_queries_do_not_grow(self):
        """What is there is asked for once, however many lines there are."""
        counts = []
        for number in (1, 2):
            record = self._make_record([self._deposit(self.pump)] * number, done=False)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            record._allocate_deposit()
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])
