from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSettlementPreflight(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.env["aftersales.settlement.line"]
        cls.terms = cls.env.ref("aftersales_parts.settlement_terms")
        cls.terms.rate_ids = [
            Command.create({"kind": "labour", "basis": "hour", "amount": 80}),
            Command.create({"kind": "travel", "basis": "km", "amount": 1.5}),
        ]

    def _preflight(self, record, role="technician"):
        record = record.with_user(self.users[role])
        record.invalidate_recordset(["preflight"])
        return str(record.preflight)

    def test_what_the_technician_sees(self):
        """M8.1–M8.8: the exact yuan per part, what stands against it, the total, the days left.

        Pump 2860 + 286 = 3146.00, twice 6292.00; gearbox 20600.00 without fee; outside 2999.99
        paid, 2860.00 claimed, 139.99 for the center. Parts 29752.00; 2 h × 80 and 40 km × 1.50,
        so 220.00 for service. On 20 November the list of November can be filed for 15 days more.
        """
        record = self._make_record(
            [
                self._part(self.pump, quantity=2),
                self._part(self.gearbox),
                self._part(
                    self.pump, source="outside", purchase_price=2999.99, purchase_number="1"
                ),
            ],
            day="2026-11-18",
            done=False,
        )
        record.request_id.distance = 40
        record.departure = "2026-11-18 04:00:00"
        self._consent(record)
        text = self._preflight(record)
        for figure in ("6,292.00", "20,600.00", "139.99", "29,752.00", "220.00", "29,972.00"):
            self.assertIn(figure, text)
        self.assertIn("15 days left", text)
        self.assertNotIn("99,999", text)

    def test_what_is_missing(self):
        """M8.1, M8.8, M8.9: no price, no consent, too late: each said before leaving."""
        filter_ = self._make_part("Filter", self.pump.part_class_id)
        record = self._make_record(
            [self._part(filter_), self._part(self.pump, source="outside")], done=False
        )
        text = self._preflight(record)
        self.assertIn("“Filter” has no wholesale price", text)
        self.assertIn("without written consent", text)
        self.assertIn("enter what was paid", text)
        self.assertNotIn("The settlement pays", text)
        late = self._make_record([self._part(self.pump)], done=False)
        self.assertIn("is forfeited (M8.9)", self._preflight(late))

    def test_form_before_saving(self):
        """M8.2: what stands on the form counts, saved or not."""
        record = self._make_record([self._part(self.pump)], done=False)
        with Form(record.with_user(self.users["technician"])) as form:
            self.assertIn("3,146.00", form.preflight)
            with form.part_ids.edit(0) as part:
                part.quantity = 3
            self.assertIn("9,438.00", form.preflight)

    def test_no_costs_are_told(self):
        """M7: neither cost nor sales price of a product shows, to technician or center."""
        self.pump.standard_price = 1777.77
        record = self._make_record([self._part(self.pump)], done=False)
        for role in ("technician", "center"):
            text = self._preflight(record, role)
            self.assertIn("3,146.00", text)
            self.assertNotIn("1,777", text)
            self.assertNotIn("99,999", text)

    def test_way_back_to_the_settlement(self):
        """M8.5: from record and tag to their lines and back; who sees no settlement, sees none."""
        record = self._make_record([self._part(self.pump)])
        settlement = self._generate()
        line = settlement.line_ids.filtered(lambda line: line.kind == "part")
        for document in (record, record.used_part_ids):
            own = document.with_user(self.users["center"])
            self.assertEqual(own.settlement_line_count, 1)
            self.assertEqual(own.action_view_settlement_lines()["res_id"], line.id)
            self.assertEqual(document.with_user(self.users["technician"]).settlement_line_count, 0)
        self.assertEqual(line.action_explain()["res_id"], line.id)
        self.assertEqual((line.record_id, line.used_part_id), (record, record.used_part_ids))
        self._return_parts()
        action = line.with_user(self.users["center"]).action_view_returns()
        self.assertEqual(action["res_id"], record.used_part_ids.return_line_ids.return_id.id)

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(
        parts=st.lists(
            st.tuples(
                st.sampled_from(["pump", "gearbox", "seal"]),
                st.sampled_from(["stock", "outside"]),
                st.integers(1, 3),
                st.integers(1, 3_000_000),
            ),
            min_size=1,
            max_size=4,
        ),
        price=st.integers(1, 3_000_000),
        rate=st.integers(0, 10_000),
        cap=st.integers(0, 10_000),
    )
    def test_never_another_figure(self, parts, price, rate, cap):
        """Pre-flight and settlement agree to the cent, whatever was fitted at whatever price.

        By hand, for each piece: the price and its fee, or the lesser of paid and cap; in cents.
        """
        savepoint = self.cr.savepoint()
        try:
            self.terms.write({"fee_rate": rate / 100, "outside_cap": cap / 100})
            self.pricelist.item_ids.write({"fixed_price": price / 100})
            record = self._make_record(
                [
                    self._part(
                        getattr(self, name),
                        quantity=quantity,
                        source=source,
                        purchase_price=paid / 100,
                        purchase_number="1",
                    )
                    for name, source, quantity, paid in parts
                ],
                done=False,
            )
            self._consent(record)
            payment = record._get_payment()
            expected = 0
            for name, source, quantity, paid in parts:
                if source == "outside":
                    piece = min(paid, self._half_up(price * cap, 10_000))
                else:
                    fee = self._half_up(price * rate, 10_000) if name == "pump" else 0
                    piece = price + fee
                expected += piece * quantity
            self.assertEqual(round(payment["amount_parts"] * 100), expected)
            self._validate(record)
            settlement = self._generate()
            lines = settlement.line_ids.filtered(lambda line: line.kind == "part")
            self.assertEqual(round(sum(lines.mapped("amount_claimed")) * 100), expected)
            self.assertEqual(round(sum(settlement.mapped("amount_claimed")) * 100), expected)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    def _half_up(self, numerator, denominator):
        return (2 * numerator + denominator) // (2 * denominator)
