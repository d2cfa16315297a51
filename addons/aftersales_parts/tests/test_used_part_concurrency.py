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

    # --- objection, second look, audit and disposal ----------------------------------------

    def _deduct(self):
        """Return (line of the deducted part, the settlement that waits for its audit)."""
        reason = self.env.ref("aftersales_parts.deduction_reason_D02")
        document = self.data._return_parts(deductions={self.tag.name: reason.id})
        settlement = self.data._generate()
        self.data._submit(settlement)
        line = document.line_ids.filtered(lambda line: line.used_part_id == self.tag)
        self._commit()
        return line, settlement

    def _object(self, line):
        line.action_object("It was complete")
        line.env.flush_all()

    def _review(self, line):
        line.action_review("accept", note="It is complete")
        line.env.flush_all()

    def _verify(self, settlement):
        settlement.action_verify()
        settlement.env.flush_all()

    @mute_logger("odoo.sql_db")
    def test_objection_before_audit(self):
        """M8.4: what the sender objects to at this moment isn't audited."""
        line, settlement = self._deduct()
        line = self._as("center", line)
        at_once, late = (self._as("customer_service", settlement) for _i in range(2))
        self._object(line)
        self._assert_waits(lambda: self._verify(at_once), at_once)
        line.env.cr.commit()
        self._assert_again(lambda: self._verify(late), late, "somebody else has to take a second")
        self._refresh()
        self.assertEqual(settlement.state, "submitted")

    @mute_logger("odoo.sql_db")
    def test_audit_before_objection(self):
        """M8.4: nobody objects any more to what is audited at this moment."""
        line, settlement = self._deduct()
        settlement = self._as("customer_service", settlement)
        at_once, late = (self._as("center", line) for _i in range(2))
        self._verify(settlement)
        self._assert_waits(lambda: self._object(at_once), at_once)
        settlement.env.cr.commit()
        self._assert_again(lambda: self._object(late), late, "Already settled")
        self._refresh()
        self.assertFalse(line.objection_state)

    @mute_logger("odoo.sql_db")
    def test_review_before_audit(self):
        """M8.4: what a second look accepts at this moment is audited as accepted, and paid."""
        line, settlement = self._deduct()
        self._object(line.with_user(self.users["center"]))
        self._commit()
        at_once, late = (self._as("customer_service", settlement) for _i in range(2))
        reviewer = self._as("logistics", line)
        self._review(reviewer)
        self._assert_waits(lambda: self._verify(at_once), at_once)
        reviewer.env.cr.commit()
        with self.assertRaises(SerializationFailure):
            self._verify(late)
        late.env.cr.rollback()
        late.env.invalidate_all()
        self._verify(late)
        late.env.cr.commit()
        self._refresh()
        paid = settlement.line_ids.filtered(lambda line: line.used_part_id == self.tag)
        self.assertEqual(paid.result, "payable")

    @mute_logger("odoo.sql_db")
    def test_objection_before_scrapping(self):
        """M10.1: what the sender objects to at this moment isn't scrapped."""
        line, _settlement = self._deduct()
        line = self._as("center", line)
        at_once, late = (self._as("quality", self.tag) for _i in range(2))
        self._object(line)
        self._assert_waits(at_once.action_scrap, at_once)
        line.env.cr.commit()
        self._assert_again(late.action_scrap, late, "somebody else has to take a second")
        self._refresh()
        self.assertEqual(self.tag.state, "deducted")

    @mute_logger("odoo.sql_db")
    def test_scrapping_before_objection(self):
        """M10.1: nobody objects any more to what is scrapped at this moment."""
        line, _settlement = self._deduct()
        scrapper = self._as("quality", self.tag)
        at_once, late = (self._as("center", line) for _i in range(2))
        scrapper.action_scrap()
        scrapper.env.flush_all()
        self._assert_waits(lambda: self._object(at_once), at_once)
        scrapper.env.cr.commit()
        self._assert_again(lambda: self._object(late), late, "the parts are gone already")
        self._refresh()
        self.assertFalse(line.objection_state)
