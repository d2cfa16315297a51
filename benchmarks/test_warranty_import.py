"""How long the import of 10,000 warranty cards takes, beside core's own serial numbers.

``make bench`` prints the figures; the bound leaves room for a busy machine.
"""

import time

from odoo.fields import Command
from odoo.tests import TransactionCase, tagged

CARDS = 10_000
BOUND = 6.0


@tagged("post_install", "-at_install")
class TestWarrantyImportSpeed(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.partner"].create([{"name": f"Bench customer {i}"} for i in range(500)])
        cls.policy = cls.env["aftersales.warranty.policy"].create(
            {
                "name": "Bench",
                "line_ids": [
                    Command.create({"component": component, "duration": months, "categ_id": categ})
                    for component, months, categ in (
                        ("Whole unit", 12, False),
                        ("Other parts", 6, cls.env["product.category"].create({"name": "B"}).id),
                    )
                ],
            }
        )

    def _new_product(self, code, policy=None):
        return self.env["product.product"].create(
            {
                "name": code,
                "default_code": code,
                "is_storable": True,
                "tracking": "serial",
                "warranty_policy_id": policy and policy.id,
            }
        )

    def _measure(self, work):
        """Return the seconds and the queries that ``work`` takes, written to the database."""
        self.env.flush_all()
        self.env.invalidate_all()
        queries, start = self.cr.sql_log_count, time.perf_counter()
        work()
        self.env.flush_all()
        return time.perf_counter() - start, self.cr.sql_log_count - queries

    def test_import(self):
        """Speed: 10,000 cards with new serials in one file, beside 10,000 serials of core."""
        plain = self._new_product("BENCH-CORE")
        self._new_product("BENCH-CARD", self.policy)

        def create_serials(prefix):
            return self._measure(
                lambda: self.env["stock.lot"].create(
                    [{"name": f"{prefix}{i:06}", "product_id": plain.id} for i in range(CARDS)]
                )
            )[0]

        before = create_serials("BEFORE")
        rows = [
            [f"Bench customer {i % 500}", "BENCH-CARD", f"CARD{i:06}", "2026-01-15"]
            for i in range(CARDS)
        ]
        fields = ["partner_id", "product_id", "serial_number", "date_purchase"]
        results = []
        cards, queries = self._measure(
            lambda: results.append(self.env["aftersales.warranty.card"].load(fields, rows))
        )
        self.assertEqual(len(results[0]["ids"]), CARDS, results[0]["messages"])
        core = (before + create_serials("AFTER")) / 2
        print(
            f"\n{CARDS} warranty cards imported, serials included: {cards:.1f} s, "
            f"{1000 * cards / CARDS:.1f} ms each, {queries / CARDS:.2f} queries each\n"
            f"{CARDS} serials of Odoo alone: {core:.1f} s; ratio {cards / core:.2f}"
        )
        self.assertLess(cards / core, BOUND)
        rows[CARDS // 2][3] = "2199-01-01"
        refused, _queries = self._measure(
            lambda: results.append(self.env["aftersales.warranty.card"].load(fields, rows[:5000]))
        )
        self.assertFalse(results[1]["ids"])
        print(f"5000 rows refused with a sentence each: {refused:.1f} s")
