from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestUsedPart(AftersalesPartsCommon):
    def test_tags_bear_the_record_number(self):
        """M10.3: each piece taken off is a tag with the record's number, at its center."""
        record = self._make_record(
            [
                self._part(self.pump, serial_removed="P-1", serial_reason="New one has no number"),
                self._part(self.pump),
                self._part(self.gearbox),
            ]
        )
        tags = record.used_part_ids.sorted("name")
        self.assertEqual(
            tags.mapped("name"),
            [f"{record.name}-01", f"{record.name}-02", f"{record.name}-03"],
        )
        self.assertEqual(tags.mapped("product_id.name"), ["Pump", "Gearbox"])
        self.assertEqual(tags[0].serial, "P-1")
        self.assertEqual(set(tags.mapped("state")), {"held"})
        location = self.center._get_used_part_location(self.company)
        for tag in tags:
            self.assertEqual(self._location_of(tag), location)
        self.assertEqual(location.name, self.center.name)

    def test_no_tag_before_the_record_is_valid(self):
        """M3.4: a record that isn't valid yields nothing to claim."""
        record = self._make_record([self._part(self.pump)], done=False)
        self.assertFalse(record.used_part_ids)
        self._validate(record)
        self.assertEqual(len(record.used_part_ids), 1)

    def test_seal_is_scrapped_on_the_spot(self):
        """M10.1: rubber seals may be scrapped; the tag ends in the scrap location."""
        record = self._make_record([self._scrap(self.seal)])
        tag = record.used_part_ids
        self.assertEqual(tag.state, "scrapped")
        self.assertEqual(self._location_of(tag).usage, "inventory")

    def test_other_parts_may_not_be_scrapped(self):
        """M10.1: a pump has to come back; the record can't even be signed."""
        record = self._make_record([self._scrap(self.pump)], done=False)
        with self.assertRaisesRegex(UserError, "may not be scrapped"):
            record.action_sign("Customer", self._scrap(self.pump)["scrap_photo"])
        self.assertFalse(record.used_part_ids)

    def test_used_parts_are_never_available_for_sale(self):
        """M10.1: used parts lie beside the stock location and have no value."""
        record = self._make_record([self._part(self.pump)])
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        location = self._location_of(record.used_part_ids)
        self.assertFalse(location._child_of(warehouse.lot_stock_id))
        quant = self.env["stock.quant"].search([("lot_id", "=", record.used_part_ids.lot_id.id)])
        self.assertEqual(set(quant.mapped("value")), {0})

    def test_nobody_writes_a_tag(self):
        """M10.3: state and content of a tag follow from stock; no role writes or deletes it."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        for role in ("center", "customer_service", "logistics"):
            with self.assertRaises(AccessError):
                tag.with_user(self.users[role]).write({"state": "accepted"})
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            tag.unlink()

    def test_batch_costs_the_same_per_tag(self):
        """Speed: queries don't grow with the number of tags of a record."""
        small = self._make_record([self._part(self.pump, quantity=2)], done=False)
        large = self._make_record([self._part(self.pump, quantity=12)], done=False)
        self._validate(self._make_record([self._part(self.pump)], done=False))  # warm caches
        counts = []
        for record in (small, large):
            record.action_sign("Customer", self._scrap(self.pump)["scrap_photo"])
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            record.action_done()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        # core checks each serial's quant on its own: a small constant per tag remains
        self.assertLessEqual(counts[1] - counts[0], 10 * 8)
