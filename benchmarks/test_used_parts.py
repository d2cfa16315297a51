"""How long 10,000 tags take to create, and 1,000 to receive in one go, beside core's serials.

``make bench`` prints the figures; the bounds leave room for a busy machine.
"""

from time import process_time

import freezegun.api

from odoo.addons.aftersales_parts.tests.common import AftersalesPartsCommon, freeze
from odoo.fields import Command
from odoo.tests import tagged

# a tag is a serial with more to it: a record of its own, its life, and the rules of retention
BOUND_CREATE = 3.0
# ten times the tags may take ten times the time, and a little more
BOUND_GROWTH = 14.0
# what core asks for each serial that moves, and nothing that grows
BOUND_QUERIES = 12


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartSpeed(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.request = cls.env["aftersales.request"].create(
            {
                "card_id": cls.card.id,
                "region_id": cls.region.id,
                "center_id": cls.center.id,
                "description": "Does not lift",
                "phone": "+86 10 5555 0001",
                "request_date": "2026-11-20 00:30:00",
            }
        )
        cls.request._write_protected({"state": "assigned"})
        cls.parts = cls.env["aftersales.used.part"]

    def _make_records(self, number):
        """Return service records of which ``number`` parts were taken off, 20 with each."""
        return self.env["aftersales.service.record"].create(
            [
                {
                    "request_id": self.request.id,
                    "technician_id": self.env.uid,
                    "arrival": "2026-11-20 02:00:00",
                    "part_ids": [
                        Command.create({"product_id": self.pump.id, "quantity": 5})
                        for _line in range(4)
                    ],
                }
                for _record in range(number // 20)
            ]
        )

    def _measure(self, action):
        """Return the seconds and the queries of ``action``, and what it returned."""
        self.env.flush_all()
        self.env.invalidate_all()
        queries, start = self.cr.sql_log_count, freezegun.api.real_perf_counter()
        result = action()
        self.env.flush_all()
        return freezegun.api.real_perf_counter() - start, self.cr.sql_log_count - queries, result

    def _receive_serials(self, number):
        """Let core receive new serials, the least that any tag needs."""
        product = self.env.ref("aftersales_parts.product_used_part")
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.env.company)
        picking_type = warehouse.used_part_in_type_id
        source, destination = picking_type.default_location_src_id, warehouse.used_part_loc_id
        lots = self.env["stock.lot"].create(
            [{"name": f"BENCH-{i}", "product_id": product.id} for i in range(number)]
        )
        places = {"location_id": source.id, "location_dest_id": destination.id}
        picking = self.env["stock.picking"].create({"picking_type_id": picking_type.id, **places})
        move = self.env["stock.move"].create(
            {
                "product_id": product.id,
                "product_uom_qty": number,
                "picking_id": picking.id,
                **places,
            }
        )
        self.env["stock.move.line"].create(
            [
                {
                    "move_id": move.id,
                    "picking_id": picking.id,
                    "product_id": product.id,
                    "lot_id": lot.id,
                    "quantity": 1,
                    **places,
                }
                for lot in lots
            ]
        )
        move.picked = True
        picking._action_done()

    def test_create(self):
        """Speed: 10,000 tags cost ten times 1,000, and each a small multiple of core's serial."""
        self.parts._create_from_records(self._make_records(20))  # warm caches
        core, core_queries, _none = self._measure(lambda: self._receive_serials(1000))
        few = self._make_records(1000)
        thousand, queries, tags = self._measure(lambda: self.parts._create_from_records(few))
        self.assertEqual(len(tags), 1000)
        many = self._make_records(10000)
        all_of_it, all_queries, tags = self._measure(lambda: self.parts._create_from_records(many))
        self.assertEqual(len(tags), 10000)
        print(
            f"\nCore, 1,000 serials received: {core:.2f} ms each, {core_queries} queries\n"
            f"1,000 tags created: {thousand:.2f} ms each, {queries} queries; "
            f"ratio to core {thousand / core:.2f}\n"
            f"10,000 tags created: {all_of_it / 10:.2f} ms each, {all_queries} queries; "
            f"{all_of_it:.0f} s, ratio to 1,000 {all_of_it / thousand:.2f}"
        )
        self.assertLess(thousand / core, BOUND_CREATE)
        self.assertLess(all_of_it / thousand, BOUND_GROWTH)

    def test_store(self):
        """Speed, M10.1: 2,000 tags stored in one place cost ten times 200, not a hundred.

        By the work of the server alone: the storage of each part depends on all that lie there.
        """
        figures = []
        for number in (200, 2000):
            shelf = self.env["aftersales.storage.place"].create(
                {"name": f"Shelf {number}", "keeper_id": self.center.id, "storage": "careful"}
            )
            self.parts._create_from_records(self._make_records(number))
            held = self.parts.search([("place_id", "=", False), ("center_id", "=", self.center.id)])
            held = held.with_user(self.users["center"])
            self.env.flush_all()
            start = process_time()
            held._store(shelf)
            self.env.flush_all()
            figures.append(process_time() - start)
            self.assertEqual(len(held.filtered(lambda part: part.storage_state == "ok")), number)
            print(f"\n{number} tags stored: {1000 * figures[-1] / number:.1f} ms each")
        self.assertLess(figures[1] / figures[0], BOUND_GROWTH)

    def test_receive(self):
        """Speed: 1,000 tags received in one go cost ten times 100; queries per tag few."""
        figures = {}
        for number in (100, 1000):
            self.parts._create_from_records(self._make_records(number))
            document = (
                self.env["aftersales.return"]
                .with_user(self.users["center"])
                .create(
                    {
                        "center_id": self.center.id,
                        "is_special": True,
                        "special_reason": "Benchmark",
                    }
                )
            )
            document.action_collect()
            self._approve(document)
            shipping = self._measure(document.action_ship)
            tags = document.line_ids.used_part_id.mapped("name")
            self.assertEqual(len(tags), number)
            logistics = document.with_user(self.users["logistics"])
            receipt = self._measure(lambda: logistics.action_receive(tags))  # noqa: B023
            figures[number] = shipping, receipt
            for name, (seconds, queries, _result) in zip(
                ("shipped", "received"), (shipping, receipt), strict=True
            ):
                print(
                    f"\n{number} tags {name}: {seconds:.1f} s, {1000 * seconds / number:.1f} ms "
                    f"and {queries / number:.1f} queries each"
                )
        for few, many in zip(figures[100], figures[1000], strict=True):
            self.assertLess(many[0] / few[0], BOUND_GROWTH)
            self.assertLess(many[1] / 1000, BOUND_QUERIES)
