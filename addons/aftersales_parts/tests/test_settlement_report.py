from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze

MEASURES = (
    "claimed",
    "open",
    "forfeited",
    "deducted",
    "paid_later",
    "confirmed",
    "invoiced",
    "missing",
)


@freeze
@tagged("post_install", "-at_install")
class TestSettlementReport(AftersalesPartsCommon):
    """The analysis of settlements sums up to the settlements, and shows each user his own."""

    def _make_all(self):
        """Make a settlement in each stage.

        October: pump 3,146.00 accepted, pump 3,146.00 deducted, seal 120.00 missing; confirmed.
        September: pump 3,146.00, draft. August of another center: seal 120.00, forfeited.
        """
        tags = self._make_record(
            [self._part(self.pump, quantity=2), self._part(self.seal)]
        ).used_part_ids.sorted("name")
        self.reason = self.env["aftersales.deduction.reason"].search([("rate", "=", 100)], limit=1)
        self._return_parts(
            missing=tags[2].mapped("name"), deductions={tags[1].name: self.reason.id}
        )
        self.october = self._generate()
        self._settle(self.october)
        self._make_record([self._part(self.pump)], day="2026-09-20")
        self.september = self._generate("2026-09-01")
        self.other = self._make_center("Elsewhere", "91330109MA2A00001")
        self._make_record([self._part(self.seal)], center=self.other, day="2026-08-20")
        self.august = self._generate("2026-08-01", centers=self.other)
        self.august.line_ids._write_protected({"result": "forfeited"})
        self.august._write_protected({"state": "forfeited"})
        return self.october | self.september | self.august

    def _sums(self, domain=(), user=None):
        report = self.env["aftersales.settlement.report"]
        report = report.with_user(user) if user else report
        ours = [("center_id", "in", (self.center | self.other).ids)]
        ((*sums,),) = report._read_group(
            [*ours, *domain], aggregates=[f"amount_{name}:sum" for name in MEASURES]
        )
        return dict(zip(MEASURES, sums, strict=True))

    def test_sums(self):
        """M8.4–M8.9: by hand: claimed 6,412.00 + 3,146.00 + 120.00 = 9,678.00 becomes 3,146.00
        not agreed, 120.00 forfeited, 3,266.00 deducted and 3,146.00 confirmed."""
        settlements = self._make_all()
        sums = self._sums()
        self.assertEqual(
            sums,
            {
                "claimed": 9678,
                "open": 3146,
                "forfeited": 120,
                "deducted": 3266,
                "paid_later": 0,
                "confirmed": 3146,
                "invoiced": 0,
                "missing": 3146,
            },
        )
        self.assertEqual(sums["claimed"], sum(settlements.mapped("amount_claimed")))
        self.assertEqual(sums["deducted"], sum(settlements.mapped("amount_deducted")))
        self.assertEqual(
            sums["claimed"], sum(sums[n] for n in ("open", "forfeited", "deducted", "confirmed"))
        )

    def test_dimensions(self):
        """M8.4: by month, center, region, kind and reason: each yuan is in one group."""
        self._make_all()
        report = self.env["aftersales.settlement.report"]
        domain = [("center_id", "in", (self.center | self.other).ids)]
        by_reason = dict(
            report._read_group(domain, ["deduction_reason_id"], ["amount_deducted:sum"])
        )
        self.assertEqual(by_reason[self.reason], 3146)
        self.assertEqual(by_reason[self.env["aftersales.deduction.reason"]], 120)
        by_center = dict(report._read_group(domain, ["center_id"], ["amount_claimed:sum"]))
        self.assertEqual(by_center, {self.center: 9558, self.other: 120})
        for groupby in ("month:month", "region_id", "kind", "result", "direction", "state"):
            groups = report._read_group(domain, [groupby], ["amount_claimed:sum"])
            self.assertEqual(sum(amount for _group, amount in groups), 9678, groupby)
        rows = report.search([("settlement_id", "=", self.october.id)])
        self.assertEqual(len(rows), 4)  # payable, deducted, missing, and what is invoiced
        self.assertEqual(rows[0].action_open()["res_id"], self.october.id)

    def test_invoiced(self):
        """M8.6: matched fapiao count as invoiced, in part, too; the rest is missing."""
        self._make_all()
        fapiao = self._make_fapiao(net=884.96, tax=115.04, gross=1000.00)
        self.env["aftersales.fapiao.match"].sudo().create(
            {"fapiao_id": fapiao.id, "settlement_id": self.october.id, "amount": 1000}
        )
        sums = self._sums()
        self.assertEqual((sums["invoiced"], sums["missing"]), (1000, 2146))

    def test_late_part_is_not_deducted(self):
        """M8.4: 3,146.00 missing in October, accepted in November: deducted, but paid later."""
        self._make_record([self._part(self.pump)])
        self._settle(self._generate())
        self.other = self.center
        sums = self._sums()
        self.assertEqual((sums["deducted"], sums["paid_later"]), (3146, 0))
        self._return_parts()
        november = self._generate("2026-11-01")
        self.assertEqual(self._sums()["paid_later"], 0)
        self._settle(november)
        sums = self._sums()
        self.assertEqual((sums["deducted"], sums["paid_later"]), (3146, 3146))
        self.assertEqual((sums["claimed"], sums["confirmed"]), (6292, 3146))

    def test_cancelled(self):
        """What is cancelled is in no sum."""
        self._make_all()
        self.september.with_user(self.users["customer_service"]).action_cancel("Wrong month")
        self.assertEqual(self._sums()["claimed"], 6532)

    def test_roles(self):
        """M8.5: a center sees its own, also grouped; a manager the own region; others nothing."""
        self._make_all()
        report = self.env["aftersales.settlement.report"]
        for role in ("clerk", "customer_service", "vp", "accountant", "office_manager"):
            self.assertEqual(self._sums(user=self.users[role])["claimed"], 9678, role)
        self.assertEqual(self._sums(user=self.users["center"])["claimed"], 9558)
        own = report.with_user(self.users["center"])
        groups = own._read_group([], ["center_id"], ["amount_claimed:sum"])
        self.assertEqual(groups, [(self.center, 9558)])
        foreign = report.search([("settlement_id", "=", self.august.id)])
        with self.assertRaises(AccessError):
            foreign.with_user(self.users["center"]).read(["amount_claimed"])
        self.assertFalse(report.with_user(self.users["technician"]).search([]))
        self.region.manager_id = False
        self.assertFalse(report.with_user(self.users["office_manager"]).search([]))
