"""How long it takes to plan the calls after the sale to 10,000 customers, beside 1,000.

``make bench`` prints the figures; the bound leaves room for a busy machine.
"""

import time

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import TransactionCase, tagged

FEW, MANY = 1_000, 10_000
# ten times the customers may take ten times the time; the rest is room
BOUND = 20.0


@tagged("post_install", "-at_install")
class TestCampaignSpeed(TransactionCase):
    def test_campaign(self):
        """Speed: 10,000 customers with a unit each, called on as many days as that takes (M4)."""
        company = self.env.company
        policy = self.env["aftersales.warranty.policy"].create(
            {
                "name": "Bench",
                "line_ids": [Command.create({"component": "Whole unit", "duration": 12})],
            }
        )
        self.env["product.product"].create(
            {
                "name": "Bench unit",
                "default_code": "BENCH-UNIT",
                "is_storable": True,
                "tracking": "serial",
                "warranty_policy_id": policy.id,
            }
        )
        count = FEW + MANY
        self.env["res.partner"].create(
            [{"name": f"Bench customer {i}", "phone": f"+86 10 {i:08}"} for i in range(count)]
        )
        sold = fields.Date.today() - relativedelta(months=company.aftersales_callback_sale_months)
        result = self.env["aftersales.warranty.card"].load(
            ["partner_id", "product_id", "serial_number", "date_purchase"],
            [
                [f"Bench customer {i}", "BENCH-UNIT", f"BENCH{i:06}", str(sold)]
                for i in range(count)
            ],
        )
        self.assertEqual(len(result["ids"] or []), count, result["messages"])
        callbacks = self.env["aftersales.callback"]

        def measure(size):
            """Return the seconds and the queries of planning calls to ``size`` customers."""
            self.env.flush_all()
            self.env.invalidate_all()
            queries, start = self.cr.sql_log_count, time.perf_counter()
            self.assertEqual(len(callbacks._plan_sale(company, limit=size)), size)
            self.env.flush_all()
            return time.perf_counter() - start, self.cr.sql_log_count - queries

        few, few_queries = measure(FEW)
        many, many_queries = measure(MANY)
        print(
            f"\nCalls to {FEW} customers: {few:.1f} s, {few_queries} queries\n"
            f"Calls to {MANY} customers: {many:.1f} s, {1000 * many / MANY:.1f} ms each, "
            f"{many_queries / MANY:.2f} queries each; ratio {many / few:.2f}"
        )
        self.assertLess(many / few, BOUND)
        # what Odoo writes and reads goes in batches; nothing goes by the customer or the day
        self.assertLess(many_queries / MANY, 0.1)
