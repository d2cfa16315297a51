from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from ..models.aftersales_settlement import AGREED_STATES
from .common import freeze
from .test_books import RATES, BooksCommon, property_test
from .test_settlement_flow import SettlementFlowCommon
from .test_settlement_late import OVER, LateCommon

permille = st.integers(min_value=1, max_value=999)
LIVES = st.fixed_dictionaries(
    {
        "parts": st.lists(
            st.sampled_from(("accepted", "deducted", "missing", "scrapped")),
            min_size=2,
            max_size=4,
        ),
        "is_late": st.booleans(),
        "audited": st.none() | permille,
        "objection": st.sampled_from((None, "accepted", "refused", "set aside")),
        "is_clawed_back": st.booleans(),
        "reversed": st.sampled_from((None, "first", "last")),
        "cuts": st.lists(permille, max_size=2),
        "rates": st.lists(st.sampled_from(RATES), min_size=1, max_size=3, unique=True),
        "red": st.none() | permille,
    }
)


@freeze
@tagged("post_install", "-at_install")
class TestSettlementLife(SettlementFlowCommon, LateCommon, BooksCommon):
    """From the used part to the last cent of its fapiao, whatever happens on the way."""

    def test_whole_life(self):
        """M8.3–M8.9: sums of lines = totals = ledger at each step, and nothing is paid twice.

        With everything invoiced, claims and accrued are zero.
        """

        @settings(property_test, max_examples=6)
        @given(life=LIVES)
        def check(life):
            with self.env.cr.savepoint() as savepoint:
                self._live(life)
                savepoint.rollback()
            self.env.invalidate_all()

        check()

    def _live(self, life):
        october = self._list(life["parts"], life["is_late"])
        lists = self._audit(october, life["audited"], life["objection"])
        self._check()
        if life["is_clawed_back"]:
            lists |= self._claw_back(lists)
        self._check()
        for settlement in self._get_reversible(lists, life["reversed"]):
            settlement.with_user(self.users["bookkeeper"]).action_reverse("Wrong")
            self._check()
            self._as("customer_service", settlement).action_send()
            self._as("center", settlement).action_confirm()
            self._check()
        self._invoice(lists, life["cuts"], life["rates"], life["red"])
        self.assertEqual(set(lists.mapped("state")), {"reconciled"})
        for name in ("claims", "accrued"):
            self.assertEqual(self._open(name), (0, 0))

    def _list(self, fates, is_late):
        """Return October's list, filed; late: forfeited first, then granted an exception."""
        parts = [
            self._scrap(self.seal) if f == "scrapped" else self._part(self.pump) for f in fates
        ]
        tags = self._make_record(parts).used_part_ids.sorted("id")
        by_fate = dict(zip(tags.mapped("name"), fates, strict=True))
        kept = {name: fate for name, fate in by_fate.items() if fate != "scrapped"}
        if kept and set(kept.values()) != {"missing"}:
            self._return_parts(
                missing=[name for name, fate in kept.items() if fate == "missing"],
                deductions={n: self.d02.id for n, fate in kept.items() if fate == "deducted"},
            )
        october = self._generate()
        self._check()
        if not is_late:
            self._submit(october)
            return october
        with freeze_time(OVER):
            self._run_cron()
        self.assertEqual(october.state, "forfeited")
        self.assertEqual(october.amount_forfeited, october.amount_claimed)
        self._check()
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(october)
            exception.action_submit()
            exception.with_user(self.users["customer_service"]).action_approve()
            self._as("center", october).action_submit()
        return october

    def _ask(self, settlement):
        return (
            self.env["aftersales.settlement.exception"]
            .with_user(self.users["center"])
            .create(
                {
                    "settlement_id": settlement.id,
                    "date_new": "2026-11-12",
                    "reason": "Typhoon: no power for a week",
                }
            )
        )

    def _audit(self, october, share, objection):
        """Return the confirmed lists: October's, and what was set aside of it."""
        self._as("clerk", october).action_verify()
        self._check()
        paid = october.line_ids.filtered("amount_payable")
        if share and paid:
            amount = round(paid[0].amount_payable * share / 1000, 2)
            self._pay(paid[0], mode="amount", amount=amount, deduction_reason_id=self.d02.id)
            self._check()
        self._as("customer_service", october).action_send()
        lists = october
        if objection:
            line = october.line_ids[-1:]
            difference = self._object(line, round(line.amount_claimed / 3, 2))
            if objection == "set aside":
                self._as("customer_service", october).action_set_aside("Ask the supplier")
                lists |= line.settlement_id
                self._check()
            if objection == "refused":
                self._answer(difference, "refused")
            else:
                self._answer(difference, deduction_reason_id=self.d02.id)
            self._as("customer_service", line.settlement_id).action_send()
        for settlement in lists:
            self._as("center", settlement).action_confirm(settlement.amount_payable)
        return lists

    def _claw_back(self, lists):
        """Return November's list, which takes back what was paid for a part of ``lists``."""
        paid = lists.line_ids.filtered("amount_payable")[:1]
        self.env["aftersales.settlement.correction"]._correct(
            [
                {
                    "origin_line_id": line.id,
                    "label": line.tag,
                    "kind": "claw_back",
                    "amount": -line.amount_payable,
                    "reason": "Refused since",
                }
                for line in paid
            ]
        )
        self._make_record([self._scrap(self.seal)] * 2, day="2026-11-10")
        november = self._generate("2026-11-01")
        self._settle(november)
        self.assertLessEqual(
            -sum(november.line_ids.filtered("correction_id").mapped("amount_payable")),
            sum(paid.mapped("amount_payable")),
        )
        return november

    def _get_reversible(self, lists, which):
        if which == "first":
            return lists[:1]
        return lists[-1:] if which else lists.browse()

    def _invoice(self, lists, cuts, rates, red):
        """Invoice ``lists`` by fapiao cut anywhere; take a part back and invoice that again."""
        credited = lists.filtered("move_id")
        total = round(sum(credited.mapped("amount_payable")) * 100)
        edges = sorted({0, total, *(total * cut // 1000 for cut in cuts)})
        fapiaos = self.env["aftersales.fapiao"].union(
            *(
                self._fapiao(self._split((end - begin) / 100, rates, (5, 3, 2)))
                for begin, end in zip(edges, edges[1:], strict=False)
            )
        )
        if not fapiaos:
            return
        fapiaos = fapiaos.with_user(self.users["accountant"])
        self._match(*fapiaos._propose_exact(list(fapiaos), list(credited), "")["amounts"])
        self._accept(fapiaos)
        self._check()
        fapiaos.action_reconcile()
        self._check()
        if red:
            blue = fapiaos[0]
            gross = max(round(blue.amount_total * 100) * red // 1000, 1) / 100
            groups = self._split(gross, rates[:1])
            taken = self._fapiao({r: (-net, -tax) for r, (net, tax) in groups.items()}, blue=blue)
            taken._apply_red()
            self._check()
            again = self._fapiao(self._split(gross, rates, (5, 3, 2)))
            open_lists = lists.filtered(lambda s: s.state == "posted")
            self._match(*again._propose_exact([again], list(open_lists), "")["amounts"])
            self._accept(again)
            again.action_reconcile()
            self._check()

    def _check(self):
        """Lines = totals = ledger = dashboard = center, and no tag is paid twice."""
        settlements = self.env["aftersales.settlement"].search(
            [("center_id", "=", self.center.id), ("state", "!=", "cancelled")]
        )
        for settlement in settlements:
            lines = settlement.line_ids
            for name in ("claimed", "payable", "deducted"):
                self._equal(sum(lines.mapped(f"amount_{name}")), settlement[f"amount_{name}"])
            if settlement.state in AGREED_STATES:
                self._equal(
                    settlement.amount_claimed,
                    settlement.amount_payable + settlement.amount_deducted,
                )
            self.assertGreaterEqual(settlement.amount_payable, 0)
        agreed = settlements.filtered(lambda s: s.state in AGREED_STATES)
        tags = agreed.line_ids.filtered(lambda x: x.kind == "part" and x.amount_payable)
        self.assertEqual(len(tags), len(tags.used_part_id), "paid twice")
        credited = agreed.filtered("move_id")
        payable = sum(credited.mapped("amount_payable"))
        account = self.center.property_account_receivable_id
        current = self.env["account.move.line"].search(
            [
                ("account_id", "=", account.id),
                ("partner_id", "=", self.center.id),
                ("parent_state", "=", "posted"),
            ]
        )
        self._equal(-sum(current.mapped("balance")), payable)
        waiting = agreed.match_ids.filtered(lambda m: not m.fapiao_id.bill_id)
        matched = sum(waiting.mapped("amount"))
        missing = sum(agreed.mapped("amount_difference"))
        self._equal(self._open("claims")[0], missing + matched)
        self._equal(self._open("claims")[1], missing + matched)
        self.assertFalse(settlements._compare_with_ledger())
        ((reported, on_the_way),) = self.env["aftersales.settlement.report"]._read_group(
            [("center_id", "=", self.center.id)],
            aggregates=["amount_missing:sum", "amount_matched:sum"],
        )
        self.center.invalidate_recordset()
        self._equal(reported or 0, missing)
        self._equal(self.center.fapiao_missing_amount, missing)
        self._equal(on_the_way or 0, matched)

    def _equal(self, amount, expected):
        self.assertEqual(round(amount, 2), round(expected, 2))
