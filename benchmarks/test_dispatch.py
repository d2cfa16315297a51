"""How long the dispatch screen takes with 50 open requests, beside 10.

``make bench`` prints the figures; the bound leaves room for a busy machine.
"""

import time

from odoo.tests import TransactionCase, tagged

# five times the rows may take five times the time for rendering, and no more
BOUND = 6.0


@tagged("post_install", "-at_install")
class TestDispatchSpeed(TransactionCase):
    def test_screen(self):
        """Speed: 50 open requests with their proposed technicians, beside 10."""
        center = self.env["res.partner"].create(
            {"name": "Bench center", "is_company": True, "is_service_center": True}
        )
        group = self.env.ref("aftersales_service.group_technician")
        self.env["res.users"].create(
            [
                {
                    "name": f"Bench technician {i}",
                    "login": f"bench_technician_{i}",
                    "group_ids": [(4, group.id)],
                }
                for i in range(20)
            ]
        )
        requests = self.env["aftersales.request"].create(
            [
                {
                    "partner_id": partner.id,
                    "center_id": center.id,
                    "description": "Does not lift",
                    "phone": "+86 10 5555 0001",
                }
                for partner in self.env["res.partner"].create(
                    [{"name": f"Bench customer {i}"} for i in range(50)]
                )
            ]
        )
        view = self.env.ref("aftersales_service.view_request_dispatch_list")
        names = requests.get_view(view.id, "list")["models"]["aftersales.request"]
        spec = {
            name: {"fields": {"display_name": {}}} if requests._fields[name].relational else {}
            for name in names
        }

        def measure(ids):
            """Return the best of five runs in seconds, and its queries."""
            runs = []
            for _run in range(5):
                self.env.flush_all()
                self.env.invalidate_all()
                queries, start = self.cr.sql_log_count, time.perf_counter()
                requests.web_search_read([("id", "in", ids)], spec)
                runs.append((time.perf_counter() - start, self.cr.sql_log_count - queries))
            return min(runs)

        ten, ten_queries = measure(requests[:10].ids)
        fifty, fifty_queries = measure(requests.ids)
        print(
            f"\nDispatch list, 10 open requests: {1000 * ten:.0f} ms, {ten_queries} queries\n"
            f"Dispatch list, 50 open requests: {1000 * fifty:.0f} ms, {fifty_queries} queries; "
            f"ratio {fifty / ten:.2f}"
        )
        self.assertLess(fifty / ten, BOUND)
        self.assertLessEqual(fifty_queries, ten_queries + 2)
