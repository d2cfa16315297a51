from unittest.mock import patch

from odoo.exceptions import AccessError, LockError, UserError
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

    # --- life of a part --------------------------------------------------------------------

    def _get_life(self, tag):
        return tag.event_ids.mapped("event")

    def test_life_of_a_part(self):
        """M10.3: each step is noted with its place, and stock has the part just there."""
        record = self._make_record([self._part(self.pump), self._part(self.pump)])
        tag, missing = record.used_part_ids.sorted("name")
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self._return_parts(missing=[missing.name])
        self.assertEqual(self._get_life(tag), ["removed", "shipped", "received", "accepted"])
        self.assertEqual(
            tag.event_ids.mapped("user_id.login"),
            ["parts_technician", "parts_center", "parts_logistics", "parts_quality"],
        )
        self.assertEqual(
            tag.event_ids[1:3].location_id,
            warehouse.used_part_transit_loc_id + warehouse.used_part_loc_id,
        )
        self.assertEqual((tag.state, tag.result), ("accepted", "accepted"))
        self.assertEqual(self._get_life(missing), ["removed", "shipped"])
        self.assertEqual(self._location_of(missing), warehouse.used_part_transit_loc_id)
        self.assertFalse(missing.result)

    def test_transit_is_no_stock_for_sale(self):
        """M10.1: what is on its way lies beside the stock location, too."""
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        transit = warehouse.used_part_transit_loc_id
        self.assertEqual(transit.usage, "transit")
        self.assertFalse(transit._child_of(warehouse.lot_stock_id))

    def test_events_are_append_only(self):
        """M10.3: nobody, with all rights either, changes, deletes or makes up an event."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        with self.assertRaisesRegex(UserError, "can't be changed"):
            tag.event_ids.sudo().write({"note": "x"})
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            tag.event_ids.sudo().unlink()
        for user in (self.users["customer_service"], self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                tag.event_ids.with_user(user).create({"used_part_id": tag.id, "event": "kept"})

    def test_events_tell_no_more_than_their_tag(self):
        """Mistake 6: a center sees the life of its own parts only, however it asks."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        other = self._make_center_user("other", self._make_center("Other", "91310115MA1K3QXE7G"))
        events = self.env["aftersales.used.part.event"]
        own = events.with_user(self.users["center"])
        self.assertEqual(own.search([("used_part_id", "=", tag.id)]), tag.event_ids)
        self.assertEqual(own.browse(tag.event_ids.ids).mapped("event"), ["removed"])
        self.assertFalse(events.with_user(other).search([]))
        self.assertFalse(events.with_user(other)._read_group([], ["event"], ["__count"]))
        with self.assertRaises(AccessError):
            tag.event_ids.with_user(other).read(["event"])

    def test_part_elsewhere_is_not_moved(self):
        """M10.3: what isn't where its status says is named and not moved."""
        record = self._make_record([self._part(self.pump), self._part(self.pump)])
        good, bad = record.used_part_ids
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        # sudo: what a stock manager could do to the database behind everybody's back
        quant = self.env["stock.quant"].sudo().search([("lot_id", "=", bad.lot_id.id)])
        quant.filtered(lambda q: q.quantity > 0).location_id = warehouse.lot_stock_id
        with self.assertRaisesRegex(UserError, bad.name), self.cr.savepoint():
            (good + bad)._move_to(warehouse.used_part_loc_id, "received", "received")
        good._move_to(warehouse.used_part_transit_loc_id, "shipped", "shipped")
        self.assertEqual(self._location_of(good), warehouse.used_part_transit_loc_id)

    def test_two_people_at_one_tag(self):
        """Faults: a tag that somebody else is working on is refused with a clear sentence."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        with (
            patch.object(type(tag), "lock_for_update", side_effect=LockError("locked")),
            self.assertRaisesRegex(UserError, "Somebody else"),
        ):
            tag._lock_in("held")
        with self.assertRaisesRegex(UserError, f"“Kept”: {tag.name}"):
            tag._lock_in("shipped")

    def test_crate_moves_whole_or_is_opened(self):
        """M10.4: a crate travels with all that is in it; what leaves it alone is taken out."""
        tags = self._make_record([self._part(self.pump, quantity=3)]).used_part_ids
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        crate = self.env["stock.package"].create({"name": "C-1"})
        home = self.center._get_used_part_location(self.company)
        tags[:2]._move_to(home, "packed", package=crate)
        self.assertEqual(crate.quant_ids.lot_id, tags[:2].lot_id)
        tags._move_to(warehouse.used_part_transit_loc_id, "shipped", "shipped")
        self.assertEqual(crate.quant_ids.lot_id, tags[:2].lot_id)
        self.assertEqual(crate.location_id, warehouse.used_part_transit_loc_id)
        tags[0]._move_to(warehouse.used_part_loc_id, "received", "received")
        self.assertEqual(crate.quant_ids.lot_id, tags[1].lot_id)

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
        self.assertLessEqual(counts[1] - counts[0], 10 * 4)

    def test_moving_costs_the_same_per_tag(self):
        """Speed: beside core's few queries for each serial, none grow with the tags."""
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        few = self._make_record([self._part(self.pump, quantity=2)]).used_part_ids
        many = self._make_record([self._part(self.pump, quantity=12)]).used_part_ids
        warm = self._make_record([self._part(self.pump)]).used_part_ids
        counts = []
        for tags in (warm, few, many):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            tags._move_to(warehouse.used_part_transit_loc_id, "shipped", "shipped")
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        # core finds, reserves, locks and moves the quant of each serial on its own
        self.assertLessEqual(counts[2] - counts[1], 10 * 10)
