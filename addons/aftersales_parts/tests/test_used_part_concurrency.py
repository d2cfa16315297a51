from psycopg2.errors import SerializationFailure

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ConcurrencyCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartConcurrency(ConcurrencyCommon):
    """Two people at one tag at the same moment: one gets it, the other one hears of it."""

    def setUp(self):
        super().setUp()
        data = self.data
        (data.pump | data.seal).is_storable = True
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(data.company)
        self.env["stock.quant"]._update_available_quantity(data.pump, warehouse.lot_stock_id, 5)
        record = data._make_record([data._part(data.pump), data._part(data.seal)])
        self.tag, self.other_tag = record.used_part_ids.sorted("name")

    def _make_swap(self):
        return (
            self.env["aftersales.swap"]
            .with_user(self.users["clerk"])
            .create(
                {
                    "center_id": self.data.center.id,
                    "line_ids": [Command.create({"used_part_id": self.tag.id})],
                }
            )
        )

    def _make_draft(self):
        """Return a draft of a return that the tag isn't on yet."""
        return (
            self.env["aftersales.return"]
            .with_user(self.users["center"])
            .create({"center_id": self.data.center.id, "month": "2026-11-01"})
        )

    def _add(self, document):
        document.line_ids = [Command.create({"used_part_id": self.tag.id})]
        document.env.flush_all()

    def _assert_waits(self, call, record):
        """Assert that ``call`` is refused while another one is at the tag."""
        with self.assertRaisesRegex(UserError, "working on these tags this very moment"):
            call()
        record.env.cr.rollback()

    def _assert_again(self, call, record, text):
        """Assert that ``call``, begun before another one finished, is tried anew and refused."""
        with self.assertRaises(SerializationFailure):
            call()
        record.env.cr.rollback()
        record.env.invalidate_all()
        with self.assertRaisesRegex(UserError, text):
            call()
        record.env.cr.rollback()

    def _refresh(self):
        self.cr.rollback()
        self.env.invalidate_all()

    @mute_logger("odoo.sql_db")
    def test_swap_before_return(self):
        """L1.6: what the clerk swaps at this moment, the center puts on no return."""
        swap, document = self._make_swap(), self._make_draft()
        self._commit()
        swap = self._as("clerk", swap)
        at_once, late = (self._as("center", document) for _i in range(2))
        swap.action_done()
        swap.env.flush_all()
        self._assert_waits(lambda: self._add(at_once), at_once)
        swap.env.cr.commit()
        self._assert_again(lambda: self._add(late), late, "is kept by Office")
        self._refresh()
        self.assertEqual(self.tag.keeper_id, self.data.office)
        self.assertFalse(self.tag.return_line_ids)

    @mute_logger("odoo.sql_db")
    def test_return_before_swap(self):
        """L1.6: what the center puts on its return at this moment, nobody swaps."""
        swap, document = self._make_swap(), self._make_draft()
        self._commit()
        document = self._as("center", document)
        at_once, late = (self._as("clerk", swap) for _i in range(2))
        self._add(document)
        self._assert_waits(at_once.action_done, at_once)
        document.env.cr.commit()
        self._assert_again(late.action_done, late, f"is on the return {document.name}")
        self._refresh()
        self.assertEqual(self.tag.keeper_id, self.data.center)
        self.assertEqual(self.tag.return_line_ids.return_id.name, document.name)

    @mute_logger("odoo.sql_db")
    def test_two_returns(self):
        """L2.6: of two returns that take the same tag at this moment one gets it."""
        document = self._make_draft()
        special = document.copy({"is_special": True, "special_reason": "Batch"})
        self._commit()
        document, late = (self._as("center", record) for record in (document, special))
        self._add(document)
        document.env.cr.commit()
        self._assert_again(lambda: self._add(late), late, "is already on the return")

    @mute_logger("odoo.sql_db")
    def test_tag_is_taken_while_it_ships(self):
        """L2.5: neither application nor shipping goes on while somebody is at a tag."""
        document = self._make_draft()
        self._add(document)
        self._commit()
        other = self._as("clerk", self.tag)
        other._lock()
        applicant = self._as("center", document)
        self._assert_waits(applicant.action_submit, applicant)
        other.env.cr.rollback()
        self.data._approve(document)
        self._commit()
        other._lock()
        sender = self._as("center", document)
        self._assert_waits(sender.action_ship, sender)

    def _ship(self):
        document = self._make_draft()
        document.action_collect()
        self.data._approve(document)
        document.action_ship()
        self._commit()
        return document

    def _receive(self, document):
        document.action_receive([self.tag.name])
        document.env.flush_all()

    def _write_off(self, tag):
        tag.action_write_off("Lost", "company")
        tag.env.flush_all()

    @mute_logger("odoo.sql_db")
    def test_receipt_before_write_off(self):
        """M10.3: what logistics receives at this moment isn't written off as lost."""
        document = self._ship()
        receiver = self._as("logistics", document)
        at_once, late = (self._as("customer_service", self.tag) for _i in range(2))
        self._receive(receiver)
        with self.assertRaisesRegex(UserError, "this very moment"):
            self._write_off(at_once)
        at_once.env.cr.rollback()
        receiver.env.cr.commit()
        self._assert_again(lambda: self._write_off(late), late, "status is “Received”")
        self._refresh()
        self.assertEqual((self.tag.state, self.tag.result), ("received", False))

    @mute_logger("odoo.sql_db")
    def test_write_off_before_receipt(self):
        """M10.3: what is written off at this moment isn't received as well."""
        document = self._ship()
        customer_service = self._as("customer_service", self.tag)
        at_once, late = (self._as("logistics", document) for _i in range(2))
        self._write_off(customer_service)
        with self.assertRaisesRegex(UserError, "this very moment"):
            self._receive(at_once)
        at_once.env.cr.rollback()
        customer_service.env.cr.commit()
        self._assert_again(lambda: self._receive(late), late, f"Written off: {self.tag.name}")
        self._refresh()
        self.assertEqual((self.tag.state, self.tag.result), ("lost", "accepted"))
