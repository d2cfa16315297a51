from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestWarehouse(AftersalesPartsCommon):
    """A company with two warehouses, and one whose first warehouse is closed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.env["stock.warehouse"]._get_aftersales_warehouse(cls.company)
        cls.second = cls.env["stock.warehouse"].create(
            {"name": "Second", "code": "W2", "sequence": cls.first.sequence + 1}
        )

    def _make_tag(self):
        return self._make_record([self._part(self.pump)]).used_part_ids

    def _is_below(self, location, warehouse):
        return location.parent_path.startswith(warehouse.view_location_id.parent_path)

    def test_first_is_archived(self):
        """M10.3: what centers keep goes on in the other warehouse, with places and deposit."""
        location = self.center._get_used_part_location(self.company)
        deposit = self.center._get_deposit_location(self.company)
        place = (
            self.env["aftersales.storage.place"]
            .with_user(self.users["center"])
            .create({"name": "Shelf"})
        )
        self.first.active = False
        self.assertFalse(location.active or deposit.active)
        tag = self._make_tag()
        self.assertEqual(self._location_of(tag), location)
        self.assertTrue(location.active and self._is_below(location, self.second))
        self.assertEqual(self.center._get_deposit_location(self.company), deposit)
        self.assertTrue(deposit.active and self._is_below(deposit, self.second))
        tag.with_user(self.users["center"])._store(place)
        self.assertEqual(tag.place_id, place)
        self.assertTrue(place.sudo().location_id.active)
        self._return_parts()
        self.assertEqual(tag.state, "accepted")
        self.assertEqual(self._location_of(tag), self.second.used_part_loc_id)
        self.assertFalse(tag._find_astray(tag._get_quants()))

    def test_parts_keep_it_open(self):
        """M10.3: a warehouse in which used parts lie, or are on their way, isn't archived."""
        self._make_tag()
        with self.assertRaises(UserError), self.cr.savepoint():
            self.first.active = False
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        with self.assertRaises(UserError), self.cr.savepoint():
            self.first.active = False

    def test_second_becomes_first(self):
        """M10.3, L2.8: what is on its way or received when the order changes arrives all the same.

        New returns go to the warehouse that is first now.
        """
        shipped = self._make_tag()
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        held = self._make_tag()
        self.second.sequence = self.first.sequence - 1
        self.assertEqual(
            self.env["stock.warehouse"]._get_aftersales_warehouse(self.company), self.second
        )
        document.with_user(self.users["logistics"]).action_receive([shipped.name])
        self._verify_return(document)
        self.assertEqual(self._location_of(shipped), self.first.used_part_loc_id)
        later = self._make_return(month="2026-12-01")
        later.is_special, later.special_reason = True, "Batch"
        self._approve(later)
        later.action_ship()
        later.with_user(self.users["logistics"]).action_receive([held.name])
        self._verify_return(later)
        self.assertEqual(self._location_of(held), self.second.used_part_loc_id)
        tags = shipped | held
        self.assertEqual(set(tags.mapped("state")), {"accepted"})
        self.assertFalse(tags._find_astray(tags._get_quants()))
