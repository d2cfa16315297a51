"""How long the month-end of 200 centers with 50 lines each takes, posting included.

Beside it, in the same run, what core takes to enter and post vendor bills of 50 lines.
``make bench`` prints the figures; the bounds leave room for a busy machine.
"""

from time import process_time

from odoo import fields
from odoo.addons.aftersales_parts.tests.common import AftersalesPartsCommon, freeze
from odoo.fields import Command
from odoo.tests import tagged

CENTERS = 200
LINES = 50
OCTOBER = fields.Date.to_date("2026-10-01")
# a line that is listed and credited, by what core takes for a line of a vendor bill
BOUND_RATIO = 0.1
# crediting a settlement, with its set-off, by what core takes for a bare entry of four lines
BOUND_ENTRY = 2.0
# four times the centers may take four times the time, and a little more
BOUND_GROWTH = 5.0


@freeze
@tagged("post_install", "-at_install")
class TestSettlementSpeed(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.settlements = cls.env["aftersales.settlement"]

    def _make_tags(self, centers, lines=LINES):
        """Let each of new ``centers`` have valid records with ``lines`` parts in October."""
        partners = self.env["res.partner"].create(
            [
                {
                    "name": f"Center {number}",
                    "is_company": True,
                    "is_service_center": True,
                    "aftersales_region_id": self.region.id,
                }
                for number in range(centers)
            ]
        )
        requests = self.env["aftersales.request"].create(
            [
                {
                    "card_id": self.card.id,
                    "region_id": self.region.id,
                    "center_id": center.id,
                    "description": "Does not lift",
                    "phone": "+86 10 5555 0001",
                    "request_date": "2026-10-20 00:30:00",
                }
                for center in partners
            ]
        )
        requests._write_protected({"state": "assigned"})
        records = self.env["aftersales.service.record"].create(
            [
                {
                    "request_id": request.id,
                    "technician_id": self.env.uid,
                    "arrival": "2026-10-20 02:00:00",
                    "part_ids": [
                        Command.create({"product_id": self.pump.id, "quantity": 10})
                        for _part in range(lines // 10)
                    ],
                }
                for request in requests
            ]
        )
        self.env["aftersales.used.part"]._create_from_records(records)
        records._write_protected({"state": "done"})
        return partners

    def _measure(self, action, *args):
        """Return the seconds and the queries of ``action``, and what it returned."""
        self.env.flush_all()
        self.env.invalidate_all()
        queries, start = self.cr.sql_log_count, process_time()
        result = action(*args)
        self.env.flush_all()
        return process_time() - start, self.cr.sql_log_count - queries, result

    def _generate_in_steps(self, centers):
        """List October of the centers as the month-end does, step by step."""
        problems = {}
        step = self.env["aftersales.settlement.generate"]._step_size
        for offset in range(0, len(centers), step):
            self.settlements._generate(
                OCTOBER,
                centers[offset : offset + step],
                ["parts"],
                self._in_time(),
                problems=problems,
            )
        self.assertFalse(problems)
        return self.settlements.search([("center_id", "in", centers.ids)])

    def _confirm(self, settlements):
        """Bring the lists to where they are confirmed, by what the flow writes."""
        settlements.line_ids._write_protected({"result": "payable"})
        for settlement in settlements:
            settlement.line_ids._write_protected({"amount_payable": 3146})
        settlements._write_protected(
            {"state": "confirmed", "date_confirmed": fields.Datetime.now()}
        )

    def _settle_month(self, centers):
        """Return the figures of listing and of crediting a month of ``centers`` centers."""
        partners = self._make_tags(centers)
        listed = self._measure(self._generate_in_steps, partners)
        settlements = listed[2]
        self.assertEqual(len(settlements.line_ids), centers * LINES)
        self._confirm(settlements)

        def post():
            step = self.env["aftersales.settlement.post"]._step_size
            for offset in range(0, centers, step):
                settlements[offset : offset + step]._post_entries()
            return partners

        posted = self._measure(post)
        self.assertEqual(set(settlements.mapped("state")), {"posted"})
        self.assertEqual(len(settlements.move_id), centers)
        return listed, posted

    def _bill(self, number):
        """Enter and post vendor bills of 50 lines by core's own means."""
        tax = self.company.aftersales_purchase_tax_id
        bills = self.env["account.move"].create(
            [
                {
                    "move_type": "in_invoice",
                    "partner_id": self.center.id,
                    "invoice_date": "2026-11-20",
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": "Part",
                                "quantity": 1,
                                "price_unit": 3146,
                                "tax_ids": [Command.set(tax.ids)],
                            }
                        )
                        for _line in range(LINES)
                    ],
                }
                for _bill in range(number)
            ]
        )
        bills.action_post()

    def _enter(self, partners):
        """Enter and post bare entries of four lines by core's own means."""
        books = self.company._aftersales_get_books("payable", "parts")
        accounts = (books["claims"], books["accrued"])
        entries = self.env["account.move"].create(
            [
                {
                    "move_type": "entry",
                    "journal_id": self.company.aftersales_journal_id.id,
                    "line_ids": [
                        Command.create(
                            {"account_id": account.id, "partner_id": partner.id, "balance": balance}
                        )
                        for account in accounts
                        for balance in (100, -100)
                    ],
                }
                for partner in partners
            ]
        )
        entries.action_post()

    def test_month_end(self):
        """Design §9: 10,000 lines listed and credited, in linear time, far below core's bills."""
        few = self._settle_month(CENTERS // 4)
        many = self._settle_month(CENTERS)
        bills = 4
        seconds, _queries, _result = self._measure(self._bill, bills)
        core = seconds / bills / LINES
        partners = many[1][2]
        seconds, _queries, _result = self._measure(self._enter, partners[:20])
        entry = seconds / 20
        print()
        for name, figures in (("list", many[0]), ("credit", many[1])):
            per_line = figures[0] / CENTERS / LINES
            print(
                f"{name}: {CENTERS} centers x {LINES} lines in {figures[0]:.2f} s and "
                f"{figures[1]} queries: {per_line * 1000:.3f} ms a line, "
                f"{figures[1] / CENTERS:.1f} queries a settlement"
            )
        ours = (many[0][0] + many[1][0]) / CENTERS / LINES
        print(
            f"together {ours * 1000:.3f} ms a line; a line of core's vendor bill "
            f"{core * 1000:.2f} ms: {ours / core:.3f} of it"
        )
        credit = many[1][0] / CENTERS
        print(
            f"credit of a settlement {credit * 1000:.1f} ms, core's bare entry of four lines "
            f"{entry * 1000:.1f} ms: {credit / entry:.2f} times"
        )
        growth = (many[0][0] + many[1][0]) / (few[0][0] + few[1][0])
        print(f"four times the centers: {growth:.2f} times the time")
        self.assertLess(ours / core, BOUND_RATIO)
        self.assertLess(credit / entry, BOUND_ENTRY)
        self.assertLess(growth, BOUND_GROWTH)

    def test_queries(self):
        """Design §9: the queries for a settlement don't grow with its lines."""
        counts = []
        for lines in (10, 10, 50):
            partners = self._make_tags(10, lines)
            _seconds, queries, settlements = self._measure(self._generate_in_steps, partners)
            self.assertEqual(len(settlements.line_ids), 10 * lines)
            counts.append(queries)
        print(f"\nlisting 10 centers: {counts[1]} queries for 10 lines each, {counts[2]} for 50")
        # core inserts in portions of 100
        self.assertLessEqual(counts[2], counts[1] + 2 * 10 * (50 - 10) // 100)
