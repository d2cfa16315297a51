import random
from contextlib import contextmanager
from unittest.mock import patch

from freezegun import freeze_time
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, ConcurrencyCommon, freeze

RATES = (13, 9, 6, 3)
property_test = settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


class BooksCommon(AftersalesPartsCommon):
    """Confirmed settlements of any amount, and fapiao of any rates for them."""

    @classmethod
    def _set_up_data(cls):
        result = super()._set_up_data()
        taxes = cls.company.aftersales_fapiao_tax_ids
        for use in ("purchase", "sale"):
            own = taxes.filtered(lambda tax, u=use: tax.type_tax_use == u)
            if 3 not in own.mapped("amount"):
                taxes |= own[0].copy({"name": "3%", "amount": 3})
        cls.company.aftersales_fapiao_tax_ids = taxes
        cls.users["bookkeeper"] = new_test_user(
            cls.env, "parts_bookkeeper", groups="account.group_account_user"
        )
        cls.number = 0
        return result

    def _settlement(self, amount, month="2026-10-01", center=None, post=True, **vals):
        """Return a settlement of ``amount`` that the center has confirmed."""
        settlement = self.env["aftersales.settlement"].create(
            {"center_id": (center or self.center).id, "month": month, "kind": "service", **vals}
        )
        self.env["aftersales.settlement.line"].create(
            {
                "settlement_id": settlement.id,
                "kind": "labour",
                "tag": "Labour",
                "amount_claimed": amount,
                "amount_payable": amount,
                "result": "payable",
            }
        )
        settlement._write_protected({"state": "confirmed", "date_confirmed": fields.Datetime.now()})
        if post:
            settlement._post_entries()
            self.assertEqual(settlement.state, "posted")
        return settlement

    def _fapiao(self, groups, blue=None, issued=False, **vals):
        """Return a fapiao entered by hand, with {rate: (net, VAT)} in yuan, as the accountant."""
        type(self).number += 1
        us = {"vat": self.company.vat, "name": self.company.name}
        them = {"vat": "91330109MA2AYBC366", "name": "Hangzhou center"}
        seller, buyer = (us, them) if issued else (them, us)
        net = round(sum(group[0] for group in groups.values()), 2)
        tax = round(sum(group[1] for group in groups.values()), 2)
        fapiao = (
            self.env["aftersales.fapiao"]
            .with_user(self.users["accountant"])
            .create(
                {
                    "source": "manual",
                    "number": f"26332{self.number:015d}",
                    "kind": "special",
                    "date": "2026-11-20",
                    "seller_name": seller["name"],
                    "seller_vat": seller["vat"],
                    "buyer_name": buyer["name"],
                    "buyer_vat": buyer["vat"],
                    "blue_number": blue and blue.number,
                    "confirmation_number": blue and "33010826111000000001",
                    "amount_untaxed": net,
                    "amount_tax": tax,
                    "amount_total": round(net + tax, 2),
                    "line_ids": [
                        Command.create(
                            {
                                "name": "Service",
                                "tax_rate": rate,
                                "amount_untaxed": group[0],
                                "amount_tax": group[1],
                            }
                        )
                        for rate, group in groups.items()
                    ],
                    **vals,
                }
            )
        )
        if blue:
            fapiao._write_protected({"blue_id": blue.id})
        return fapiao

    def _split(self, gross, rates=(6,), weights=(1,)):
        """Return {rate: (net, VAT)} that sums up to ``gross``, as the tax system rounds."""
        cents = round(gross * 100)
        left, groups = cents, {}
        for number, (rate, weight) in enumerate(zip(rates, weights, strict=False), start=1):
            part = left if number == len(rates) else min(left, cents * weight // sum(weights))
            left -= part
            net = round(part / (1 + rate / 100))
            if part:
                groups[rate] = (net / 100, (part - net) / 100)
        return groups

    def _match(self, *amounts):
        matches = self.env["aftersales.fapiao.match"].with_user(self.users["accountant"])
        return matches._match(list(amounts))

    def _accept(self, fapiaos, reason="Agreed on with the center"):
        """Accept what failed and may be accepted, as another accountant than who entered it."""
        for check in fapiaos.check_ids.filtered("is_acceptable"):
            check.with_user(self.users["bookkeeper"]).action_accept(reason)

    def _open(self, name, partner=None):
        """Return the balance of the partner on an account of the settings, and what is open."""
        lines = self.env["account.move.line"].search(
            [
                ("account_id", "=", self.company[f"aftersales_{name}_account_id"].id),
                ("partner_id", "=", (partner or self.center).id),
                ("parent_state", "=", "posted"),
            ]
        )
        return (
            round(sum(lines.mapped("balance")), 2),
            round(sum(lines.mapped("amount_residual")), 2),
        )

    def _assert_bill(self, fapiao):
        """Check that the bill equals the fapiao to the cent, by rate, too."""
        bill = fapiao.sudo().bill_id
        sign = -1 if fapiao.is_red else 1
        self.assertEqual(
            [round(bill[n], 2) for n in ("amount_untaxed", "amount_tax", "amount_total")],
            [round(sign * fapiao[n], 2) for n in ("amount_untaxed", "amount_tax", "amount_total")],
        )
        for rate, (net, tax) in fapiao._get_tax_groups().items():
            base = bill.line_ids.filtered(lambda x, r=rate: r in x.tax_ids.mapped("amount"))
            taxes = bill.line_ids.filtered(lambda x, r=rate: x.tax_line_id.amount == r)
            self.assertEqual(round(abs(sum(base.mapped("balance"))), 2), round(abs(net), 2))
            self.assertEqual(round(abs(sum(taxes.mapped("balance"))), 2), round(abs(tax), 2))

    def _assert_closed(self, settlements):
        self.assertEqual(set(settlements.mapped("state")), {"reconciled"})
        for name in ("claims", "accrued"):
            self.assertEqual(self._open(name), (0, 0))
        states = set(settlements.bill_ids.mapped("payment_state"))
        self.assertLessEqual(states, {"paid", "reversed"})


@freeze
@tagged("post_install", "-at_install")
class TestMatching(BooksCommon):
    def test_one_fapiao_for_several_months(self):
        """M8.6: 1060.00 + 530.00 on one fapiao of 1590.00; by hand net 1000 + 500, VAT 90."""
        september = self._settlement(1060, "2026-09-01")
        october = self._settlement(530)
        other = self._settlement(77, "2026-08-01")
        fapiao = self._fapiao({6: (1500, 90)})
        (proposal,) = fapiao._propose_matches()
        self.assertTrue(proposal["exact"])
        self.assertEqual(proposal["settlements"], september | october)
        fapiao.action_match()
        self.assertEqual(fapiao.settlement_ids, september | october)
        self.assertEqual((fapiao.state, september.state), ("matched", "invoiced"))
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        self.assertEqual(self._open("claims"), (77, 77))
        self.assertEqual((september | october).bill_ids, fapiao.sudo().bill_id)
        self.assertEqual(other.state, "posted")

    def test_several_fapiao_for_one_month(self):
        """M8.6: partial amounts wait; 1000.00 is closed by 400.00 and 600.00 together."""
        settlement = self._settlement(1000)
        first = self._fapiao(self._split(400))
        with self.assertRaisesRegex(UserError, "600.00 are lacking"), self.cr.savepoint():
            first.action_match()
        self._match((first, settlement, 400))
        self.assertEqual((first.state, settlement.state), ("matched", "posted"))
        self.assertEqual(settlement.amount_difference, 600)
        with self.assertRaisesRegex(UserError, "difference of.*600.00"), self.cr.savepoint():
            first.action_reconcile()
        second = self._fapiao(self._split(600))
        second.action_match()
        self.assertEqual(settlement.state, "invoiced")
        settlement.with_user(self.users["accountant"]).action_reconcile()
        self._assert_closed(settlement)
        self.assertEqual(len(settlement.bill_ids), 2)
        for fapiao in first | second:
            self._assert_bill(fapiao)

    def test_two_at_once_for_one_month(self):
        """M8.6: two files of one drop, 400.00 + 600.00, are proposed together for 1000.00."""
        settlement = self._settlement(1000)
        fapiaos = self._fapiao(self._split(400)) | self._fapiao(self._split(600))
        fapiaos.action_match()
        self.assertEqual(settlement.state, "invoiced")
        self.assertEqual(settlement.fapiao_ids, fapiaos)

    def test_all_for_all(self):
        """M8.6: 300 + 500 against 700 + 100: only together they fit, oldest to oldest."""
        first = self._settlement(700, "2026-09-01")
        second = self._settlement(100)
        fapiaos = self._fapiao(self._split(300)) | self._fapiao(self._split(500))
        fapiaos.action_match()
        self.assertEqual(
            [(m.fapiao_id, m.settlement_id, m.amount) for m in fapiaos.match_ids],
            [
                (fapiaos[0], first, 300),
                (fapiaos[1], first, 400),
                (fapiaos[1], second, 100),
            ],
        )
        fapiaos[0].action_reconcile()
        self._assert_closed(first | second)

    def test_doubt_is_said(self):
        """M8.6: 300.00 is 100 + 200 or 120 + 180: nothing is matched, both are named."""
        names = [
            self._settlement(amount, f"2026-{month:02d}-01").name
            for month, amount in ((6, 100), (7, 200), (8, 120), (9, 180))
        ]
        fapiao = self._fapiao(self._split(300))
        with self.assertRaisesRegex(UserError, "more than one thing") as caught:
            fapiao.action_match()
        for name in names:
            self.assertIn(name, caught.exception.args[0])
        self.assertEqual(fapiao.state, "read")

    def test_same_amount_twice(self):
        """M8.6: of two settlements of 120.00 the one whose VAT fits is taken, else the oldest."""
        fees = self._settlement(120, "2026-09-01")
        parts = self._settlement(120, "2026-10-01", kind="parts")
        later = self._settlement(120, "2026-11-01")
        fapiao = self._fapiao(self._split(120, (13,)))
        (proposal,) = fapiao._propose_matches()
        self.assertEqual(proposal["settlements"], parts)
        self.assertIn("3 settlements", proposal["reason"])
        fapiao.action_match()
        self._fapiao(self._split(120)).action_match()
        self.assertEqual((fees.state, later.state), ("invoiced", "posted"))

    def test_reasons(self):
        """M8.6: what can't be matched has a reason: nothing waits, no center, a difference."""
        fapiao = self._fapiao(self._split(50))
        reason = fapiao._propose_matches()[0]["reason"]
        self.assertIn("no confirmed settlement that waits", reason)
        settlement = self._settlement(49)
        (proposal,) = fapiao._propose_matches()
        self.assertEqual((proposal["exact"], proposal["difference"]), (False, -1))
        self.assertRegex(proposal["reason"], f"{settlement.name}.*1.00 too much")
        self.center.vat = False
        stranger = self._fapiao(self._split(49))
        self.assertIn("No service center has", stranger._propose_matches()[0]["reason"])

    def test_too_much_is_refused(self):
        """M8.6: neither more than the fapiao nor more than the settlement can be matched."""
        settlement = self._settlement(100)
        fapiao = self._fapiao(self._split(150))
        for amount in (150, 100.01, 0, -5):
            with self.assertRaisesRegex(UserError, "can't be matched"), self.cr.savepoint():
                self._match((fapiao, settlement, amount))
        self._match((fapiao, settlement, 100))
        self.assertEqual((fapiao.state, fapiao.amount_open), ("partly", 50))
        fapiao.match_ids.action_undo()
        self.assertEqual((fapiao.state, settlement.state), ("read", "posted"))

    def test_roles(self):
        """M8.6: matches are made by accountants; a center sees its own, others nothing."""
        settlement = self._settlement(100)
        fapiao = self._fapiao(self._split(100))
        for role in ("center", "clerk", "customer_service", "technician", "vp"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.env["aftersales.fapiao.match"].with_user(self.users[role])._match(
                    [(fapiao.with_user(self.users[role]), settlement, 100)]
                )
        match = self._match((fapiao, settlement, 100))
        for role in ("center", "customer_service", "accountant"):
            self.assertEqual(match.with_user(self.users[role]).amount, 100)
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        stranger = self._make_center_user("parts_stranger", other)
        self.assertFalse(match.with_user(stranger).search([]))
        for role in ("accountant", "center"):
            own = match.with_user(self.users[role])
            for refused in (
                lambda m=own: m.write({"amount": 1}),
                lambda m=own: m.unlink(),
                lambda m=own: m.create(
                    {"fapiao_id": fapiao.id, "settlement_id": settlement.id, "amount": 1}
                ),
            ):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    refused()
        with self.assertRaises(AccessError), self.cr.savepoint():
            match.with_user(self.users["customer_service"]).action_undo()
        with self.assertRaises(AccessError), self.cr.savepoint():
            settlement.with_user(self.users["accountant"]).write({"amount_invoiced": 1})

    def test_queries_do_not_grow(self):
        """Design 9: proposals for 8 centers take as many queries as for 2."""
        centers = [self._make_center(f"Center {n}", f"9133010{n}MA2AYBC366") for n in range(8)]
        fapiaos = self.env["aftersales.fapiao"]
        for center in centers:
            self._settlement(100, center=center)
            fapiaos |= self._fapiao(self._split(100), seller_vat=center.vat)
        counts = []
        for batch in (fapiaos[:2], fapiaos):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            proposals = batch._propose_matches()
            counts.append(self.cr.sql_log_count - before)
            self.assertTrue(all(proposal["exact"] for proposal in proposals))
        self.assertEqual(*counts)


@freeze
@tagged("post_install", "-at_install")
class TestPosting(BooksCommon):
    def test_mixed_rates(self):
        """M8.6: 1130.00 at 13 %, 109.00 at 9 %, 1.03 at 3 % on one fapiao, to the cent.

        By hand: net 1000 + 100 + 1 = 1101, VAT 130 + 9 + 0.03 = 139.03, gross 1240.03; accrued
        was 1240.03 / 1.06 = 1169.84, so that 68.84 less is expense.
        """
        settlement = self._settlement(1240.03)
        self.assertEqual(self._open("accrued"), (-1169.84, -1169.84))
        fapiao = self._fapiao({13: (1000, 130), 9: (100, 9), 3: (1, 0.03)})
        fapiao.action_match()
        self._accept(fapiao)
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        self._assert_closed(settlement)
        expense = self.company.aftersales_service_expense_account_id
        lines = fapiao.sudo().bill_id.line_ids.filtered(lambda x: x.account_id == expense)
        self.assertEqual(round(sum(lines.mapped("balance")), 2), -68.84)

    def test_rate_that_is_not_accepted(self):
        """M8.6: VAT of 5 % is none of the company's rates; the books are unchanged."""
        settlement = self._settlement(105)
        fapiao = self._fapiao({5: (100, 5)})
        fapiao.action_match()
        self._accept(fapiao)
        with self.assertRaisesRegex(UserError, "VAT of 5 % is not accepted"), self.cr.savepoint():
            fapiao.action_reconcile()
        self.assertEqual(settlement.state, "invoiced")

    def test_vat_beyond_the_tolerance(self):
        """M8.6: 0.05 may be rounding of lines, 0.06 is not; the bill takes the fapiao's figure."""
        self._settlement(106.05)
        fapiao = self._fapiao({6: (100, 6.05)})
        fapiao.action_match()
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        self._settlement(106.06, "2026-09-01")
        fapiao = self._fapiao({6: (100, 6.06)})
        fapiao.action_match()
        with self.assertRaisesRegex(UserError, "6.06|rate"), self.cr.savepoint():
            fapiao.action_reconcile()

    def _check(self, fapiao, code):
        return fapiao.check_ids.filtered(lambda check: check.code == code)

    def test_other_rate_is_shown_with_what_it_costs(self):
        """M8.6: 1130.00 at 3 % instead of 13 %: by hand 130.00 - 32.91 = 97.09 of VAT are lost.

        Another accountant than who typed it in accepts it with a reason; nobody else does.
        """
        settlement = self._settlement(1130, kind="parts")
        fapiao = self._fapiao({3: (1097.09, 32.91)})
        self.assertEqual(self._check(fapiao, "rate").result, "impossible")
        fapiao.action_match()
        check = self._check(fapiao, "rate")
        self.assertEqual((check.result, check.is_acceptable), ("failed", True))
        self.assertIn("97.09", check.detail)
        with self.assertRaisesRegex(UserError, "97.09(.|\n)*accepts it with a reason"):
            fapiao.action_reconcile()
        own = check.with_user(self.users["accountant"])
        other = check.with_user(self.users["bookkeeper"])
        for who, reason, error in (
            (own, "Agreed", "another accountant"),
            (other, " ", "Give the reason"),
        ):
            with self.assertRaisesRegex(UserError, error):
                who.action_accept(reason)
        for role in ("center", "customer_service", "clerk"):
            with self.assertRaises(AccessError):
                check.with_user(self.users[role]).action_accept("x")
        window = other.action_ask_acceptance()
        reasons = self.env["aftersales.reason"].with_user(self.users["bookkeeper"])
        reasons.with_context(**window["context"]).create(
            {"reason": "Small taxpayer"}
        ).action_confirm()
        self.assertEqual(
            (check.result, check.accepted_by_id, check.accept_reason, bool(check.accepted_at)),
            ("accepted", self.users["bookkeeper"], "Small taxpayer", True),
        )
        self.assertIn("Small taxpayer", fapiao.message_ids[0].body)
        self.assertFalse(fapiao.failed_count)
        with self.assertRaisesRegex(UserError, "nothing that can be accepted"):
            other.action_accept("Twice")
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        self._assert_closed(settlement)
        self.assertEqual(check.accepted_by_id, self.users["bookkeeper"])

    def test_acceptance_holds_for_the_same_figures_only(self):
        """M8.6: what is typed in anew after the acceptance has to be accepted anew."""
        self._settlement(1130, kind="parts")
        fapiao = self._fapiao({3: (1097.09, 32.91)})
        fapiao.action_match()
        self._accept(fapiao)
        check = self._check(fapiao, "rate")
        fapiao.with_context(lang="zh_CN").action_check()
        self.assertEqual(check.result, "accepted")
        fapiao.action_unmatch()
        fapiao.action_check()
        self.assertEqual((check.result, check.accept_reason), ("impossible", False))
        fapiao.action_match()
        self.assertEqual(check.result, "failed")

    def test_other_failures_are_not_accepted(self):
        """M8.6: an ordinary invoice stays refused, whatever the reason."""
        self._settlement(1130, kind="parts")
        fapiao = self._fapiao({13: (1000, 130)}, kind="ordinary")
        fapiao.action_match()
        check = self._check(fapiao, "kind").with_user(self.users["bookkeeper"])
        with self.assertRaisesRegex(UserError, "nothing that can be accepted"):
            check.action_accept("Please")
        with self.assertRaises(AccessError), self.cr.savepoint():
            check.write({"result": "accepted"})
        with self.assertRaisesRegex(UserError, "special VAT invoice"):
            fapiao.action_reconcile()

    def test_fapiao_between_two_confirmations(self):
        """M8.6: issued after the first and before the second confirmation: accepted, with why."""
        settlement = self._settlement(106)
        fapiao = self._fapiao({6: (100, 6)}, date="2026-11-18")
        settlement._write_protected({"date_confirmed": "2026-11-19 04:00:00"})
        fapiao.action_match()
        self.assertEqual(self._check(fapiao, "confirmed").result, "failed")
        with self.assertRaisesRegex(UserError, "before the settlement was confirmed"):
            fapiao.action_reconcile()
        self._accept(fapiao, "Reversed for our own error; the amount is the same")
        fapiao.action_reconcile()
        self._assert_closed(settlement)

    def test_difference_of_net_by_kind(self):
        """M8.6: one fapiao for parts and service; what the wrong rate of parts costs is parts'.

        By hand: parts 1130.00 at 3 % instead of 13 %: net 1097.09 instead of 1000.00, so 97.09
        more expense of parts; service 106.00 at 6 % as agreed: no difference.
        """
        settlements = self._settlement(1130, kind="parts") | self._settlement(106)
        fapiao = self._fapiao({6: (100, 6), 3: (1097.09, 32.91)})
        fapiao.action_match()
        self._accept(fapiao)
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        self._assert_closed(settlements)
        found = {}
        for line in fapiao.sudo().bill_id.invoice_line_ids:
            key = line.aftersales_settlement_id.kind, line.account_id, line.tax_ids.amount
            found[key] = round(found.get(key, 0) + line.balance, 2)
        accrued = self.company.aftersales_accrued_account_id
        expense = self.company.aftersales_expense_account_id
        self.assertEqual(
            found,
            {
                ("parts", accrued, 3): 1000,
                ("parts", expense, 3): 97.09,
                ("service", accrued, 6): 100,
            },
        )

    def test_exempt_line(self):
        """M8.6: a file without a rate and without VAT is exempt: 0 %, not the nearest rate."""
        fapiao = self.env["aftersales.fapiao"].new(
            {
                "company_id": self.company.id,
                "direction": "received",
                "line_ids": [
                    Command.create({"has_rate": False, "amount_untaxed": 100, "amount_tax": 0})
                ],
                "amount_untaxed": 100,
                "amount_total": 100,
            }
        )
        self.assertEqual(fapiao._get_posting_groups(), {0: (100, 0)})

    def test_who_changed_the_figures_accepts_nothing(self):
        """M8.6: nor does who typed figures, or a line, into the fapiao of somebody else."""
        self._settlement(1130, kind="parts")
        fapiao = self._fapiao({3: (1097.09, 32.91)})
        bookkeeper = self.users["bookkeeper"]
        fapiao.with_user(bookkeeper).line_ids.name = "Other"
        fapiao.remark = "Last changed by who entered it"
        fapiao.action_match()
        check = self._check(fapiao, "rate")
        for user in (bookkeeper, self.users["accountant"]):
            with self.assertRaisesRegex(UserError, "another accountant"):
                check.with_user(user).action_accept("Agreed on")
        self.assertEqual(check.result, "failed")

    def test_acceptance_ends_with_its_match(self):
        """M8.6: what was accepted of one settlement isn't of another one of the same figures."""
        first = self._settlement(1130, kind="parts")
        fapiao = self._fapiao({3: (1097.09, 32.91)})
        match = self._match((fapiao, first, 1130))
        self._accept(fapiao)
        self.assertEqual(self._check(fapiao, "rate").result, "accepted")
        match.action_undo()
        self.assertEqual(self._check(fapiao, "rate").result, "impossible")
        second = self._settlement(1130, "2026-09-01", kind="parts")
        self._match((fapiao, second, 1130))
        check = self._check(fapiao, "rate")
        self.assertEqual((check.result, check.accept_reason), ("failed", False))

    def test_empty_lines_give_no_tolerance(self):
        """M8.6: 0.06 of VAT too much is not hidden by lines of nothing, or by a rate of 999 %."""
        self._settlement(106.06)
        empty = {"name": "x", "tax_rate": 999, "amount_untaxed": 0, "amount_tax": 0}
        lines = [
            Command.create({"name": "x", "tax_rate": 6, "amount_untaxed": 100, "amount_tax": 6.05}),
            Command.create({**empty, "tax_rate": 6, "amount_untaxed": 0, "amount_tax": 0.01}),
            *(Command.create(empty) for _line in range(200)),
        ]
        fapiao = self._fapiao({6: (100, 6.06)}, line_ids=lines)
        # by hand: half a cent × 1.06 for the first line, half a cent × 1.06 for the second
        self.assertEqual(fapiao._get_tax_tolerance(), 0.05)
        with self.assertRaisesRegex(UserError, "at the rate of"):
            fapiao._check_taxes({6: (100, 6.06)})
        odd = [
            Command.create({**empty, "amount_untaxed": 10, "amount_tax": 99.9})
            for _line in range(20)
        ]
        fapiao = self._fapiao({6: (200, 1998)}, line_ids=odd)
        highest = max(self.company.aftersales_fapiao_tax_ids.mapped("amount"))
        self.assertAlmostEqual(fapiao._get_tax_tolerance(), 20 * 0.005 * (1 + highest / 100))

    def test_tolerance_follows_the_rounding_of_lines(self):
        """M8.6: 1 to 200 lines rounded each by itself pass; 0.10 beyond what rounding gives don't.

        The tax system keeps the gross of each line, and rounds its net or its VAT.
        """

        def make(lines, rate):
            net = round(sum(line[0] for line in lines), 2)
            tax = round(sum(line[1] for line in lines), 2)
            return self.env["aftersales.fapiao"].new(
                {
                    "company_id": self.company.id,
                    "amount_untaxed": net,
                    "amount_tax": tax,
                    "line_ids": [
                        Command.create({"amount_untaxed": a, "amount_tax": b, "tax_rate": rate})
                        for a, b in lines
                    ],
                }
            ), {rate: (net, tax)}

        @settings(
            max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(
            cents=st.lists(st.integers(1, 10_000_000), min_size=1, max_size=200),
            rate=st.sampled_from(RATES),
            by_gross=st.booleans(),
        )
        def check(cents, rate, by_gross):
            if by_gross:
                nets = [round(c / (1 + rate / 100)) for c in cents]
                lines = [(n / 100, (c - n) / 100) for c, n in zip(cents, nets, strict=True)]
            else:
                lines = [(c / 100, round(c * rate / 100) / 100) for c in cents]
            fapiao, groups = make(lines, rate)
            fapiao._check_taxes(groups)
            (net, tax) = groups[rate]
            limit = max(0.05, len(lines) * 0.005 * (1 + rate / 100))
            wrong = {rate: (net, round(net * rate / 100 + limit + 0.1, 2))}
            with self.assertRaisesRegex(UserError, "at the rate of"):
                fapiao._check_taxes(wrong)

        check()

    def test_one_cent(self):
        """M8.6: 0.01 has no VAT at all, and is closed all the same."""
        settlement = self._settlement(0.01)
        fapiao = self._fapiao({6: (0.01, 0)})
        fapiao.action_match()
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        self._assert_closed(settlement)

    def test_reference_in_the_books_blocks(self):
        """Mistake 12: a bill with the fapiao's number by hand blocks, and the other way round."""
        settlement = self._settlement(106)
        fapiao = self._fapiao({6: (100, 6)})
        vals = {
            "move_type": "in_invoice",
            "partner_id": self.center.id,
            "invoice_date": "2026-11-20",
            "ref": fapiao.name,
            "invoice_line_ids": [Command.create({"name": "x", "price_unit": 100})],
        }
        bill = self.env["account.move"].create(vals)
        fapiao.action_match()
        with self.assertRaisesRegex(UserError, "in the books already"), self.cr.savepoint():
            fapiao.action_reconcile()
        bill.unlink()
        fapiao.action_reconcile()
        self._assert_closed(settlement)
        again = self.env["account.move"].create(vals)
        with self.assertRaisesRegex(UserError, "posted from the fapiao"), self.cr.savepoint():
            again.action_post()
        again.ref = f" {fapiao.name} "
        with self.assertRaisesRegex(UserError, "posted from the fapiao"), self.cr.savepoint():
            again.action_post()

    def test_every_amount_and_rate(self):
        """M8.6: many settlements and fapiao of mixed rates, 0.01 to 1,000,000.00: all is zero.

        Sums of lines = totals = ledger, whatever is matched to what.
        """
        amount = st.integers(min_value=1, max_value=100_000_000)

        @property_test
        @example(payable=[1], cuts=[], rates=list(RATES), weights=[1, 1, 1, 1])
        @example(payable=[2, 5], cuts=[500], rates=list(RATES), weights=[1, 1, 1, 1])
        @example(payable=[100_000_000], cuts=[], rates=list(RATES), weights=[9, 1, 5, 3])
        @given(
            payable=st.lists(amount, min_size=1, max_size=3),
            cuts=st.lists(st.integers(min_value=0, max_value=1000), max_size=2),
            rates=st.lists(st.sampled_from(RATES), min_size=1, max_size=4, unique=True),
            weights=st.lists(st.integers(min_value=1, max_value=9), min_size=4, max_size=4),
        )
        def check(payable, cuts, rates, weights):
            with self.env.cr.savepoint() as savepoint:
                settlements = self.env["aftersales.settlement"].union(
                    *(
                        self._settlement(cents / 100, f"2026-{month:02d}-01")
                        for month, cents in enumerate(payable, start=1)
                    )
                )
                total = sum(payable)
                edges = sorted({0, total, *(total * cut // 1000 for cut in cuts)})
                fapiaos = self.env["aftersales.fapiao"].union(
                    *(
                        self._fapiao(self._split((end - begin) / 100, rates, weights))
                        for begin, end in zip(edges, edges[1:], strict=False)
                    )
                )
                fapiaos = fapiaos.with_user(self.users["accountant"])
                self._match(*self._get_fifo(fapiaos, settlements))
                self._accept(fapiaos)
                fapiaos.action_reconcile()
                for fapiao in fapiaos:
                    self._assert_bill(fapiao)
                self._assert_closed(settlements)
                self.assertEqual(
                    round(sum(settlements.bill_ids.mapped("amount_total")), 2), total / 100
                )
                self.assertFalse(settlements._compare_with_ledger())
                savepoint.rollback()
            self.env.invalidate_all()

        check()

    def test_shares_of_every_cent(self):
        """M8.6: 0.01 to 100.00 at each rate, cent by cent, and 50,000 amounts to 1,000,000.00.

        However an amount is cut into fapiao, their shares of the accrued net are never less than
        nothing, and sum up to exactly that net.
        """
        settlements, currency = self.env["aftersales.settlement"], self.company.currency_id
        chance = random.Random(8)
        grosses = [*range(1, 10_001), *(chance.randint(1, 100_000_000) for _ in range(12_500))]
        for rate in RATES:
            for cents in grosses:
                gross = cents / 100
                net = currency.round(gross / (1 + rate / 100))
                cuts = sorted(chance.randint(0, cents) for _ in range(2))
                shares = [
                    round(100 * settlements._get_share(currency, net, gross, cut / 100))
                    for cut in (0, *cuts, cents)
                ]
                self.assertEqual((shares[0], shares[-1]), (0, round(100 * net)), (rate, cents))
                self.assertEqual(shares, sorted(shares), (rate, cents, cuts))

    def test_bill_of_every_amount(self):
        """M8.6: a bill has the net of the fapiao by rate, and closes the share of each settlement.

        100 fapiao of 1 to 4 rates, for all of one or several settlements from 0.01 to
        1,000,000.00, or for a part of the last.
        """
        cents = (1, 2, 5, 7, 99, 100, 33_333, 106_000, 1_234_567, 99_999_999, 100_000_000)
        settlements = self.env["aftersales.settlement"].union(
            *(
                self._settlement(amount / 100, f"2025-{month:02d}-01")
                for month, amount in enumerate(cents, start=1)
            )
        )
        chance = random.Random(86)
        for _number in range(100):
            chosen = chance.sample(settlements.ids, chance.randint(1, 3))
            rates = chance.sample(RATES, chance.randint(1, 4))
            weights = [chance.randint(1, 9) for _rate in rates]
            amounts = [round(s.amount_payable * 100) for s in settlements.browse(chosen)]
            amounts[-1] = chance.choice((amounts[-1], chance.randint(1, amounts[-1])))
            groups = self._split(sum(amounts) / 100, rates, weights)
            fapiao = self._new_fapiao(groups, zip(chosen, amounts, strict=True))
            shares = fapiao.match_ids._get_accrued_shares()
            by_rate, closed = {}, {}
            for line in fapiao._prepare_bill_lines(shares):
                tax = self.env["account.tax"].browse(line["tax_ids"][0][2]).amount
                cent = round(line["price_unit"] * 100)
                by_rate[tax] = by_rate.get(tax, 0) + cent
                settlement = settlements.browse(line["aftersales_settlement_id"])
                accrued = settlement._get_entry_lines()["accrued"].account_id
                if line["account_id"] == accrued.id:
                    closed[settlement] = closed.get(settlement, 0) + cent
            where = (groups, amounts)
            nets = {rate: round(net * 100) for rate, (net, _tax) in groups.items()}
            self.assertEqual({k: v for k, v in by_rate.items() if v or k in nets}, nets, where)
            for match, share in shares.items():
                self.assertEqual(closed.get(match.settlement_id, 0), round(share * 100), where)

    def _new_fapiao(self, groups, amounts):
        """Return a fapiao in memory, matched to settlements: [(id, amount in cents)]."""
        net = round(sum(group[0] for group in groups.values()), 2)
        tax = round(sum(group[1] for group in groups.values()), 2)
        return self.env["aftersales.fapiao"].new(
            {
                "company_id": self.company.id,
                "amount_untaxed": net,
                "amount_tax": tax,
                "amount_total": round(net + tax, 2),
                "line_ids": [
                    Command.create(
                        {"tax_rate": rate, "amount_untaxed": group[0], "amount_tax": group[1]}
                    )
                    for rate, group in groups.items()
                ],
                "match_ids": [
                    Command.create({"settlement_id": number, "amount": cents / 100})
                    for number, cents in amounts
                ],
            }
        )

    def _get_fifo(self, fapiaos, settlements):
        return fapiaos._propose_exact(list(fapiaos), list(settlements), "")["amounts"]

    def _hostile_defaults(self, user):
        """Return a context of defaults that would spoil entries, and keep one of them for good."""
        tax = self.company.aftersales_fapiao_tax_ids[0]
        self.env["ir.default"].with_user(user).set(
            "account.move", "auto_post", "monthly", user_id=True
        )
        return {
            "default_auto_post": "monthly",
            "default_tax_ids": [Command.set(tax.ids)],
            "default_date_maturity": "2030-01-01",
            "default_name": "Spoilt",
            "default_analytic_distribution": {},
            "check_move_validity": False,
        }

    def _assert_own(self, moves):
        """Check that nothing of the caller's defaults stands in these moves, and no copies."""
        self.assertEqual(set(moves.mapped("auto_post")), {"no"})
        self.assertFalse(
            self.env["account.move"].search_count([("auto_post_origin_id", "in", moves.ids)])
        )
        self.assertNotIn("Spoilt", moves.mapped("name") + moves.line_ids.mapped("name"))
        self.assertNotIn("2030-01-01", [str(day) for day in moves.line_ids.mapped("date_maturity")])

    def test_defaults_of_the_caller_reach_no_entry(self):
        """M8.5, M8.6: entry, bill, refund and reversal are made by the settlement alone.

        Whatever defaults the center or the accountant puts into the context, or keeps: no copy
        of the entry would credit the center once more every month.
        """
        settlement = self._settlement(1060, post=False)
        settlement._write_protected({"state": "sent", "date_confirmed": False})
        center, accountant = self.users["center"], self.users["accountant"]
        bad = self._hostile_defaults(center)
        settlement.with_user(center).with_context(**bad).action_confirm()
        self.assertEqual(settlement.state, "posted")
        self._assert_own(settlement.move_id)
        self.assertFalse(settlement.move_id.line_ids.tax_ids)
        bad = self._hostile_defaults(accountant)
        blue = self._fapiao({6: (1000, 60)})
        blue.action_match()
        blue.with_context(**bad).action_reconcile()
        self._assert_bill(blue)
        red = self._fapiao({6: (-1000, -60)}, blue=blue)
        red.with_context(**bad)._apply_red()
        self._assert_bill(red)
        self._assert_own((blue | red).sudo().bill_id)
        bookkeeper = self.users["bookkeeper"]
        bad = self._hostile_defaults(bookkeeper)
        settlement.with_user(bookkeeper).with_context(**bad).action_reverse("Wrong")
        self._assert_own(settlement.entry_ids)
        self.assertEqual(len(settlement.entry_ids), 2)

    def test_no_entry_recurs(self):
        """M8.5: what a document has entered is never copied by the automatic posting of core."""
        settlement = self._settlement(1060)
        settlement.move_id.auto_post = "monthly"
        settlement.move_id._copy_recurring_entries()
        self.assertFalse(
            self.env["account.move"].search_count([("ref", "=", settlement.name)], limit=2) - 1
        )

    def test_error_in_the_middle(self):
        """A crash between entry and bill, or bill and reconciliation, leaves the books as is."""
        settlement = self._settlement(106)
        fapiao = self._fapiao({6: (100, 6)})
        fapiao.action_match()
        moves = self.env["account.move"].search_count([])
        with (
            patch.object(
                self.registry["aftersales.fapiao"],
                "_reconcile_with_entries",
                side_effect=UserError("Crash"),
            ),
            self.assertRaisesRegex(UserError, "Crash"),
            self.cr.savepoint(),
        ):
            fapiao.action_reconcile()
        self.env.invalidate_all()
        self.assertEqual(self.env["account.move"].search_count([]), moves)
        self.assertEqual((fapiao.state, settlement.state), ("matched", "invoiced"))
        other = self._settlement(53, "2026-09-01", post=False)
        with patch.object(
            self.registry["aftersales.settlement"],
            "_offset_invoices",
            side_effect=UserError("Crash"),
        ):
            other._post_entries()
        self.assertEqual((other.state, other.move_id.id), ("confirmed", False))
        self.assertEqual(self.env["account.move"].search_count([]), moves)
        self.assertIn("Crash", other.activity_ids[0].note)

    def test_locked_books(self):
        """M8.5: locked today: confirmed, accountants are told; dated when the books are open."""
        self.company.fiscalyear_lock_date = "2026-11-30"
        settlement = self._settlement(106, post=False)
        settlement._post_entries()
        self.assertEqual(settlement.state, "confirmed")
        self.assertIn("locked until", settlement.activity_ids[0].note)
        users = settlement.activity_ids.user_id
        self.assertIn(self.users["bookkeeper"], users)
        own = settlement.with_user(self.users["accountant"])
        with self.assertRaisesRegex(UserError, "locked until"), self.cr.savepoint():
            own.action_post()
        with self.assertRaises(AccessError), self.cr.savepoint():
            settlement.with_user(self.users["customer_service"]).action_post()
        with freeze_time("2026-12-02 02:00:00"):
            own.action_post()
        self.assertEqual(settlement.state, "posted")
        self.assertEqual(str(settlement.move_id.date), "2026-12-02")
        self.assertFalse(settlement.activity_ids)
        with self.assertRaisesRegex(UserError, "Credited"), self.cr.savepoint():
            own.action_post()

    def test_day_of_the_confirmation(self):
        """M8.5: posted later in an open period, the entry bears the day of the confirmation."""
        account = self.company.aftersales_accrued_account_id
        self.company.aftersales_accrued_account_id = False
        settlements = self._settlement(106, post=False) | self._settlement(
            53, "2026-09-01", post=False
        )
        settlements._post_entries()
        self.assertEqual(set(settlements.mapped("state")), {"confirmed"})
        self.company.aftersales_accrued_account_id = account
        with freeze_time("2026-12-02 02:00:00"):
            settlements.with_user(self.users["accountant"]).action_post()
        self.assertEqual(
            [str(date) for date in settlements.move_id.mapped("date")], ["2026-11-20"] * 2
        )

    def test_batch_posts_what_it_can(self):
        """M8.5: of two, the one that the books refuse is named and stays confirmed."""
        good = self._settlement(106, post=False)
        bad = self._settlement(0, "2026-09-01", post=False)
        result = (good | bad).with_user(self.users["accountant"]).action_post()
        self.assertIn(bad.name, result["params"]["message"])
        self.assertEqual((good.state, bad.state), ("posted", "confirmed"))

    def test_hard_lock_of_the_bill(self):
        """M8.6: a tax lock over today holds back the bill, and nothing else is lost."""
        self._settlement(106)
        fapiao = self._fapiao({6: (100, 6)})
        fapiao.action_match()
        self.company.tax_lock_date = "2026-11-30"
        with self.assertRaisesRegex(UserError, "locked until"), self.cr.savepoint():
            fapiao.action_reconcile()
        self.assertEqual(fapiao.state, "matched")

    def test_one_entry_per_settlement(self):
        """M8.5: the database itself refuses a second entry of a settlement."""
        settlement = self._settlement(106)
        twin = settlement.move_id.copy()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.cr.savepoint(),
        ):
            twin.sudo().write(
                {"aftersales_settlement_id": settlement.id, "aftersales_in_force": True}
            )

    def test_foreign_currency_is_left_alone(self):
        """M8.5: the credit is set off against yuan only; the dollar invoice is named."""
        dollar = self.env.ref("base.USD")
        dollar.active = True
        invoices = {}
        for name, currency, price in (("usd", dollar, 50), ("cny", self.company.currency_id, 70)):
            invoices[name] = self.env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": self.center.id,
                    "currency_id": currency.id,
                    "invoice_date": "2026-10-01",
                    "invoice_line_ids": [
                        Command.create({"name": "x", "price_unit": price, "tax_ids": False})
                    ],
                }
            )
            invoices[name].action_post()
        settlement = self._settlement(106)
        self.assertEqual(invoices["usd"].payment_state, "not_paid")
        self.assertIn(invoices["cny"].payment_state, ("paid", "in_payment", "reversed"))
        self.assertEqual(settlement._get_entry_lines()["current"].amount_residual, -36)
        self.assertIn(invoices["usd"].name, "".join(settlement.message_ids.mapped("body")))

    def test_open_balance_is_named(self):
        """M8.5: 300.00 of an opening balance are not set off, and the settlement says so.

        By hand: the invoice of 200.00 is set off, 860.00 of 1060.00 are left.
        """
        account = self.center.property_account_receivable_id
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": "2026-01-01",
                "line_ids": [
                    Command.create(
                        {"account_id": a.id, "partner_id": self.center.id, "balance": balance}
                    )
                    for a, balance in (
                        (account, 300),
                        (self.company.aftersales_accrued_account_id, -300),
                    )
                ],
            }
        )
        entry.action_post()
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.center.id,
                "invoice_date": "2026-10-01",
                "invoice_line_ids": [
                    Command.create({"name": "x", "price_unit": 200, "tax_ids": False})
                ],
            }
        )
        invoice.action_post()
        settlement = self._settlement(1060)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(settlement._get_entry_lines()["current"].amount_residual, -860)
        body = "".join(settlement.message_ids.mapped("body"))
        self.assertIn(entry.name, body)
        self.assertIn("300.00", body)
        self.assertNotIn(invoice.name, body)

    def test_queries_of_posting(self):
        """Design 9: entries of 16 settlements cost few queries more each than those of 4."""
        centers = [self._make_center(f"Center {n}", f"913301{n:02d}MA2AYBC366") for n in range(20)]
        self._settlement(1, "2026-01-01")
        counts = []
        for batch in (centers[:4], centers[4:]):
            settlements = self.env["aftersales.settlement"].union(
                *(self._settlement(106, center=center, post=False) for center in batch)
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            settlements._post_entries()
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
            self.assertEqual(set(settlements.mapped("state")), {"posted"})
        self.assertLess((counts[1] - counts[0]) / 12, 25)


@freeze
@tagged("post_install", "-at_install")
class TestRed(BooksCommon):
    def _posted(self, gross=1060):
        settlement = self._settlement(gross)
        fapiao = self._fapiao(self._split(gross))
        fapiao.action_match()
        fapiao.action_reconcile()
        return settlement, fapiao

    def _red(self, blue, gross, rates=(6,)):
        groups = self._split(gross, rates)
        groups = {rate: (-net, -tax) for rate, (net, tax) in groups.items()}
        return self._fapiao(groups, blue=blue)

    def test_before_posting(self):
        """M8.6: a red fapiao undoes the match; both are reversed, the settlement waits again."""
        settlement = self._settlement(1060)
        blue = self._fapiao(self._split(1060))
        blue.action_match()
        red = self._red(blue, 1060)
        red._apply_red()
        self.assertEqual((red.state, blue.state), ("reversed", "reversed"))
        self.assertEqual((settlement.state, settlement.amount_difference), ("posted", 1060))
        self.assertFalse(settlement.match_ids)
        new = self._fapiao(self._split(1060))
        new.action_match()
        new.action_reconcile()
        self._assert_closed(settlement)

    def test_part_before_posting(self):
        """M8.6: 60.00 of 1060.00 taken back before posting: bill 1060, refund 60, 1000 closed."""
        settlement = self._settlement(1000)
        blue = self._fapiao(self._split(1060))
        red = self._red(blue, 60)
        red._apply_red()
        self.assertEqual((blue.state, blue.amount_open), ("read", 1000))
        blue.action_match()
        blue.action_reconcile()
        self._assert_bill(blue)
        self._assert_bill(red)
        self._assert_closed(settlement)
        self.assertEqual((red.state, blue.state), ("posted", "posted"))

    def test_after_posting(self):
        """M8.6: a refund to the cent of the red one; both accounts are open again, then closed."""
        settlement, blue = self._posted()
        red = self._red(blue, 1060)
        red._apply_red()
        self._assert_bill(red)
        self.assertEqual(red.sudo().bill_id.move_type, "in_refund")
        self.assertEqual((settlement.state, blue.state), ("posted", "reversed"))
        self.assertEqual(self._open("claims"), (1060, 1060))
        self.assertEqual(self._open("accrued"), (-1000, -1000))
        entry = settlement._get_entry_lines()
        self.assertEqual(entry["claims"].amount_residual, 1060)
        self.assertEqual(entry["accrued"].amount_residual, -1000)
        self.assertEqual(settlement.amount_difference, 1060)
        with self.assertRaisesRegex(UserError, "applied already"), self.cr.savepoint():
            red._apply_red()
        new = self._fapiao(self._split(1060, (13,)))
        new.action_match()
        self._accept(new)
        new.action_reconcile()
        self._assert_bill(new)
        self.assertEqual(self._open("claims"), (0, 0))
        self.assertEqual(self._open("accrued"), (0, 0))
        self.assertEqual(settlement.state, "reconciled")

    def test_part_after_posting(self):
        """M8.6: 106.00 of 1060.00 taken back: exactly 106.00 and 100.00 are open again."""
        settlement, blue = self._posted()
        red = self._red(blue, 106)
        red._apply_red()
        self.assertEqual((settlement.state, blue.state), ("posted", "posted"))
        self.assertEqual(self._open("claims"), (106, 106))
        self.assertEqual(self._open("accrued"), (-100, -100))
        with self.assertRaisesRegex(UserError, "954.00 are left|take back"), self.cr.savepoint():
            self._red(blue, 954.01)._apply_red()
        new = self._fapiao(self._split(106))
        new.action_match()
        new.action_reconcile()
        self.assertEqual(self._open("claims"), (0, 0))
        self.assertEqual(self._open("accrued"), (0, 0))
        self.assertEqual(settlement.state, "reconciled")
        self.assertFalse(settlement._compare_with_ledger())

    def test_several_settlements(self):
        """M8.6: taken back from the last settlement first; the first stays closed."""
        first, second = self._settlement(530, "2026-09-01"), self._settlement(530)
        blue = self._fapiao(self._split(1060))
        blue.action_match()
        blue.action_reconcile()
        self._red(blue, 212)._apply_red()
        self.assertEqual((first.state, second.state), ("reconciled", "posted"))
        self.assertEqual(second.amount_difference, 212)
        self.assertTrue(first._get_entry_lines()["claims"].reconciled)
        self.assertEqual(second._get_entry_lines()["claims"].amount_residual, 212)
        self.assertEqual(second._get_entry_lines()["accrued"].amount_residual, -200)

    def _due(self, settlement):
        """Return the day until which the fapiao is due, and the states of its deadlines."""
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_invoiced")
        deadlines = settlement.deadline_ids.filtered(lambda d: d.rule_id == rule).sorted("id")
        day = self.company._aftersales_local(deadlines[-1:].date_due).date()
        self.assertEqual(deadlines[-1:].date_due, settlement.date_invoice_due)
        return str(day), deadlines.mapped("state")

    def test_deadline_after_red_fapiao(self):
        """M9.2: the red one of Wednesday 10 February gives 7 working days, until the 19th."""
        settlement = self._settlement(1060)
        settlement._deadline_event("confirmed")
        self.assertEqual(self._due(settlement), ("2026-12-01", ["running"]))
        blue = self._fapiao(self._split(1060))
        blue.action_match()
        blue.action_reconcile()
        with freeze_time("2027-02-10 02:00:00"):
            self._red(blue, 500)._apply_red()
            self.assertEqual(self._due(settlement), ("2027-02-19", ["met", "running"]))
            self.assertEqual(self.center.fapiao_missing_due, 500)
        with freeze_time("2027-02-12 02:00:00"):
            # what is missing already isn't given more time by the next one
            self._red(blue, 100)._apply_red()
            self.assertEqual(self._due(settlement), ("2027-02-19", ["met", "running"]))
            self.assertEqual(self.center.fapiao_missing_amount, 600)

    def test_deadline_after_undone_match(self):
        """M9.2: undone on Wednesday 10 February, the invoice is asked for until the 19th."""
        settlement = self._settlement(1060)
        settlement._deadline_event("confirmed")
        fapiao = self._fapiao(self._split(1060))
        fapiao.action_match()
        self.assertEqual(self._due(settlement), ("2026-12-01", ["met"]))
        with freeze_time("2027-02-10 02:00:00"):
            fapiao.match_ids.action_undo()
            self.assertEqual(self._due(settlement), ("2027-02-19", ["met", "running"]))
            fapiao.action_match()
            self.assertEqual(self._due(settlement), ("2027-02-19", ["met", "met"]))

    def test_role(self):
        """M8.6: only accountants apply a red fapiao."""
        _settlement, blue = self._posted()
        red = self._red(blue, 1060)
        for role in ("center", "customer_service"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                red.with_user(self.users[role])._apply_red()

    def test_any_sequence(self):
        """M8.6: whatever is invoiced, taken back and invoiced again, the ledger follows exactly.

        After each step the claims account is open by what isn't invoiced, and accrued by its
        net; with everything invoiced both are zero.
        """

        @property_test
        @given(
            payable=st.integers(min_value=3, max_value=100_000_000),
            shares=st.lists(st.integers(min_value=1, max_value=1000), min_size=1, max_size=4),
            rates=st.lists(st.sampled_from(RATES), min_size=1, max_size=3, unique=True),
        )
        def check(payable, shares, rates):
            with self.env.cr.savepoint() as savepoint:
                settlement = self._settlement(payable / 100)
                for share in shares:
                    fapiao = self._fapiao(
                        self._split(settlement.amount_difference, rates, (5, 3, 2))
                    )
                    fapiao.action_match()
                    self._accept(fapiao)
                    fapiao.action_reconcile()
                    self._assert_bill(fapiao)
                    self.assertEqual(self._open("claims"), (0, 0))
                    self.assertEqual(self._open("accrued"), (0, 0))
                    gross = round(fapiao.amount_total * 100)
                    red = self._red(fapiao, max(gross * share // 1000, 1) / 100, rates[:1])
                    red._apply_red()
                    self._assert_bill(red)
                    difference = round(settlement.amount_difference, 2)
                    self.assertEqual(difference, -red.amount_total)
                    self.assertEqual(self._open("claims"), (difference, difference))
                    lines = settlement._get_entry_lines()
                    self.assertEqual(round(lines["claims"].amount_residual, 2), difference)
                    self.assertFalse(settlement._compare_with_ledger())
                savepoint.rollback()
            self.env.invalidate_all()

        check()


@freeze
@tagged("post_install", "-at_install")
class TestReversal(BooksCommon):
    def _invoice(self, price):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.center.id,
                "invoice_date": "2026-10-01",
                "invoice_line_ids": [
                    Command.create({"name": "x", "price_unit": price, "tax_ids": False})
                ],
            }
        )
        invoice.action_post()
        return invoice

    def test_reversal(self):
        """M8.5: entry and reversal close each other on all accounts, the invoice is open again.

        Then it is audited, and can be sent, confirmed and posted once more, by a new entry.
        """
        invoice = self._invoice(500)
        settlement = self._settlement(1060)
        self.assertEqual(invoice.amount_residual, 0)
        entry = settlement.move_id
        own = settlement.with_user(self.users["bookkeeper"])
        with self.assertRaisesRegex(UserError, "Give the reason"), self.cr.savepoint():
            own.action_reverse(" ")
        own.action_reverse("Wrong month")
        self.assertEqual((settlement.state, settlement.move_id.id), ("audited", False))
        self.assertEqual(invoice.amount_residual, 500)
        lines = settlement.entry_ids.line_ids
        self.assertEqual(len(settlement.entry_ids), 2)
        for account in lines.account_id:
            of_account = lines.filtered(lambda x, a=account: x.account_id == a)
            self.assertEqual(sum(of_account.mapped("balance")), 0)
            if account.reconcile:
                self.assertTrue(all(of_account.mapped("reconciled")))
        self.assertIn("Wrong month", settlement.message_ids[0].body)
        self.assertFalse(settlement._compare_with_ledger())
        settlement.with_user(self.users["customer_service"]).action_send()
        settlement.with_user(self.users["center"]).action_confirm()
        self.assertEqual(settlement.state, "posted")
        self.assertNotEqual(settlement.move_id, entry)
        self.assertEqual(invoice.amount_residual, 0)
        for move in settlement.entry_ids:
            with self.assertRaisesRegex(UserError, "belongs to an after-sales"):
                move.button_draft()

    def test_not_while_a_fapiao_stands(self):
        """M8.6: matched: undo the match; posted: a red fapiao first; then it is reversed."""
        settlement = self._settlement(1060)
        own = settlement.with_user(self.users["bookkeeper"])
        blue = self._fapiao(self._split(1060))
        blue.action_match()
        with self.assertRaisesRegex(UserError, "Undo the match"), self.cr.savepoint():
            own.action_reverse("Wrong")
        blue.action_reconcile()
        self.assertEqual(settlement.state, "reconciled")
        with self.assertRaisesRegex(UserError, "red fapiao first: enter"), self.cr.savepoint():
            own.action_reverse("Wrong")
        groups = {6: (-1000, -60)}
        self._fapiao(groups, blue=blue)._apply_red()
        own.action_reverse("Wrong")
        for name in ("claims", "accrued"):
            self.assertEqual(self._open(name), (0, 0))
        self.assertEqual(settlement.state, "audited")

    def test_roles_and_locks(self):
        """M8.5: accountants only, and on a day on which the books are open."""
        settlement = self._settlement(1060)
        for role in ("center", "customer_service", "clerk", "accountant"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                settlement.with_user(self.users[role]).action_reverse("Wrong")
        own = settlement.with_user(self.users["bookkeeper"])
        self.company.fiscalyear_lock_date = "2026-11-30"
        with self.assertRaisesRegex(UserError, "locked until"), self.cr.savepoint():
            own.action_reverse("Wrong")
        with freeze_time("2026-12-02 02:00:00"):
            own.action_reverse("Wrong")
        reversal = settlement.entry_ids.filtered("reversed_entry_id")
        self.assertEqual(str(reversal.date), "2026-12-02")

    def test_reverse_of_zero_list(self):
        """M8.5: what was agreed on at 0.00 by mistake was never in the books, and is reversed."""
        settlement = self._settlement(1060, post=False)
        settlement.line_ids._write_protected({"result": "missing", "amount_payable": 0})
        settlement._write_protected({"state": "sent", "date_confirmed": False})
        settlement.with_user(self.users["center"]).action_confirm(0)
        self.assertEqual((settlement.state, settlement.move_id.id), ("reconciled", False))
        settlement.with_user(self.users["bookkeeper"]).action_reverse("The parts have arrived")
        self.assertEqual((settlement.state, settlement.date_confirmed), ("audited", False))

    def test_key_of_the_context(self):
        """The guard of entries can't be taken off by a key that a caller puts in the context."""
        settlement = self._settlement(1060)
        for value in (True, 1, "OWN_ACTION"):
            move = settlement.move_id.with_context(aftersales_own_action=value)
            with self.assertRaisesRegex(UserError, "belongs to an after-sales"):
                move.button_draft()


@freeze
@tagged("post_install", "-at_install")
class TestBooksScreens(BooksCommon):
    def test_match_by_hand(self):
        """M8.6: 500.00 of two waiting settlements; 120.00 and 380.00 are entered, 0.00 is left."""
        first, second = self._settlement(300, "2026-09-01"), self._settlement(400)
        fapiao = self._fapiao(self._split(500))
        wizard = self.env["aftersales.fapiao.match.by.hand"].with_user(self.users["accountant"])
        action = fapiao.action_match_by_hand()
        wizard = wizard.browse(action["res_id"])
        self.assertEqual(wizard.line_ids.mapped("amount"), [300, 200])
        self.assertEqual(wizard.amount_left, 0)
        with Form(wizard) as form:
            for number, amount in enumerate((120, 380)):
                with form.line_ids.edit(number) as line:
                    line.amount = amount
        wizard.action_match()
        self.assertEqual((first.amount_invoiced, second.amount_invoiced), (120, 380))
        self.assertEqual(fapiao.state, "matched")
        nothing = self._fapiao(self._split(5))
        (first | second)._write_protected({"state": "cancelled"})
        with self.assertRaisesRegex(UserError, "no confirmed settlement"):
            nothing.action_match_by_hand()
        with self.assertRaises(AccessError):
            fapiao.with_user(self.users["customer_service"]).action_match_by_hand()

    def _figures(self):
        self.env.invalidate_all()
        center = self.center.with_user(self.users["accountant"])
        return [center[name] for name, _most in center._get_fapiao_ages()]

    def test_missing_by_age(self):
        """M9.2: confirmed on Friday 20 November, due on Tuesday 1 December; late by days.

        By hand: 30 days late is 31 December, 60 is 30 January, 90 is 1 March.
        """
        settlement = self._settlement(106)
        self._settlement(53, "2026-09-01", direction="receivable", post=False)
        self.assertEqual(str(settlement.date_invoice_due), "2026-12-01 15:59:59")
        for day, expected in (
            ("2026-12-01", [106, 0, 0, 0, 0]),
            ("2026-12-02", [0, 106, 0, 0, 0]),
            ("2026-12-31", [0, 106, 0, 0, 0]),
            ("2027-01-01", [0, 0, 106, 0, 0]),
            ("2027-01-30", [0, 0, 106, 0, 0]),
            ("2027-01-31", [0, 0, 0, 106, 0]),
            ("2027-03-01", [0, 0, 0, 106, 0]),
            ("2027-03-02", [0, 0, 0, 0, 106]),
        ):
            with freeze_time(f"{day} 02:00:00"):
                self.assertEqual(self._figures(), expected, day)
        self.assertEqual(self.center.fapiao_missing_amount, 106)
        self.assertEqual(self.center.fapiao_missing_count, 1)
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        stranger = self._make_center_user("parts_stranger", other)
        self.assertFalse(other.with_user(stranger).fapiao_missing_amount)
        with self.assertRaises(AccessError):
            self.center.with_user(stranger).read(["fapiao_missing_30"])

    def test_missing_equals_centers_and_ledger(self):
        """M8.6: dashboard, center and claims account agree on what is missing and what waits.

        By hand: 1000 with 400 matched misses 600; 530 in full, not in the books; 212 confirmed,
        while the books are locked: 812 are missing, 930 matched; 1530 stand on the claims account.
        """
        first, second = self._settlement(1000), self._settlement(530, "2026-09-01")
        self._settlement(212, "2026-08-01", post=False)
        part = self._fapiao(self._split(400))
        self._match((part, first, 400))
        whole = self._fapiao(self._split(530))
        self._match((whole, second, 530))

        def get_figures():
            self.center.invalidate_recordset()
            ((missing, matched),) = self.env["aftersales.settlement.report"]._read_group(
                [("center_id", "=", self.center.id)],
                aggregates=["amount_missing:sum", "amount_matched:sum"],
            )
            self.assertEqual(self.center.fapiao_missing_amount, missing)
            self.assertEqual(self.center.fapiao_matched_amount, matched)
            return missing, matched, *self._open("claims")

        self.assertEqual(get_figures(), (812, 930, 1530, 1530))
        self.assertEqual(self.center.fapiao_missing_count, 2)
        whole.action_reconcile()
        self.assertEqual(get_figures(), (812, 400, 1000, 1000))

    def test_bill_shows_its_fapiao(self):
        """M8.6: number, state and settlement on the bill, its list and its filters."""
        settlement = self._settlement(106)
        fapiao = self._fapiao({6: (100, 6)})
        fapiao.action_match()
        moves = self.env["account.move"].with_user(self.users["accountant"])
        by_hand = self.env["account.move"].create(
            [
                {"move_type": "in_invoice", "partner_id": self.center.id, "ref": ref}
                for ref in (fapiao.name, "other")
            ]
        )
        self.assertEqual(by_hand.mapped("aftersales_fapiao_state"), ["unmatched", "none"])
        domain = [("id", "in", by_hand.ids)]
        found = moves.search([*domain, ("aftersales_fapiao_state", "=", "unmatched")])
        self.assertEqual(found.ids, by_hand[0].ids)
        found = moves.search([*domain, ("aftersales_fapiao_state", "!=", "unmatched")])
        self.assertEqual(found.ids, by_hand[1].ids)
        by_hand.unlink()
        fapiao.action_reconcile()
        bill = fapiao.sudo().bill_id
        self.assertEqual(bill.aftersales_fapiao_state, "posted")
        self.assertEqual(bill.aftersales_settlement_ids, settlement)
        found = moves.search([("aftersales_settlement_ids", "in", settlement.ids)])
        self.assertEqual(set(found.ids), {bill.id, settlement.move_id.id})
        found = moves.search([("aftersales_settlement_ids", "ilike", settlement.name)])
        self.assertEqual(len(found), 2)
        self.assertIn(bill, moves.search([("aftersales_fapiao_state", "=", "posted")]))

    def test_bill_for_a_buyer(self):
        """Who has no rights on fapiao, settlements and deposits isn't shown them on bills."""
        buyer = new_test_user(self.env, "parts_buyer", groups="purchase.group_purchase_user")
        names = (
            "aftersales_fapiao_ids",
            "aftersales_fapiao_state",
            "aftersales_settlement_ids",
            "aftersales_deposit_ids",
        )
        for user, shown in ((buyer, False), (self.users["accountant"], True)):
            arch = self.env["account.move"].with_user(user).get_view(view_type="form")["arch"]
            for name in names:
                self.assertEqual(f'"{name}"' in arch, shown, name)

    def test_ledger_agrees_or_tells(self):
        """M9.4: everything agrees; a partial by hand and an entry by hand are listed."""
        differences = self.env["aftersales.ledger.difference"].with_user(self.users["accountant"])
        before = len(differences.sudo()._compare(self.company))
        settlement = self._settlement(106)
        self.assertEqual(len(differences.sudo()._compare(self.company)), before)
        claims = settlement._get_entry_lines()["claims"]
        move = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": "2026-11-20",
                "line_ids": [
                    Command.create(
                        {"account_id": account.id, "balance": balance, "partner_id": self.center.id}
                    )
                    for account, balance in (
                        (claims.account_id, -6),
                        (self.company.aftersales_expense_account_id, 6),
                    )
                ],
            }
        )
        move.action_post()
        found = differences.sudo()._compare(self.company)[-1]
        self.assertEqual((found.partner_id, found.difference), (self.center, -6))
        (claims + move.line_ids.filtered(lambda x: x.balance < 0)).reconcile()
        action = differences.action_compare()
        found = differences.search(action["domain"])
        found = found.filtered(lambda d: d.settlement_id == settlement)
        self.assertEqual((found.amount_expected, found.amount_found), (106, 100))
        for role in ("center", "clerk"):
            with self.assertRaises(AccessError):
                differences.with_user(self.users[role]).action_compare()

    def test_other_company(self):
        """M8.6: an accountant of one company neither sees nor matches what is another's."""
        company = self.env["res.company"].create({"name": "Other company"})
        settlement = self._settlement(106)
        fapiao = self._fapiao({6: (100, 6)})
        match = self._match((fapiao, settlement, 106))
        user = new_test_user(
            self.env,
            "parts_other_accountant",
            groups="account.group_account_user",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self.assertFalse(match.with_user(user).search([]))
        for refused in (
            match.with_user(user).action_undo,
            fapiao.with_user(user).action_reconcile,
            lambda: settlement.with_user(user).action_reverse("x"),
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                refused()


@freeze
@tagged("post_install", "-at_install")
class TestReceivable(BooksCommon):
    def test_mirror_image(self):
        """M8.5, M8.6: we are the center: what we owe for parts is paid, our invoice closes all.

        By hand: 2260.00 with 13 % on parts: net 2000, VAT 260.
        """
        maker = self.env["res.partner"].create(
            {"name": "Hangzhou center", "is_company": True, "vat": "91330109MA2AYBC366"}
        )
        self.center.vat = False
        self.company.aftersales_manufacturer_id = maker
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": maker.id,
                "invoice_date": "2026-10-01",
                "ref": "P-1",
                "invoice_line_ids": [
                    Command.create({"name": "x", "price_unit": 1000, "tax_ids": False})
                ],
            }
        )
        bill.action_post()
        settlement = self._settlement(2260, kind="parts", direction="receivable")
        self.assertEqual(settlement.partner_id, maker)
        self.assertEqual(bill.amount_residual, 0)
        self.assertEqual(self._open("to_invoice", maker), (-2260, -2260))
        self.assertEqual(self._open("accrued_income", maker), (2000, 2000))
        fapiao = self._fapiao({13: (2000, 260)}, issued=True)
        self.assertEqual(fapiao.direction, "issued")
        fapiao.action_match()
        fapiao.action_reconcile()
        self._assert_bill(fapiao)
        invoice = fapiao.sudo().bill_id
        self.assertEqual((invoice.move_type, invoice.payment_state), ("out_invoice", "paid"))
        self.assertEqual(self._open("to_invoice", maker), (0, 0))
        self.assertEqual(self._open("accrued_income", maker), (0, 0))
        self.assertEqual(settlement.state, "reconciled")
        red = self._fapiao({13: (-2000, -260)}, blue=fapiao, issued=True)
        red._apply_red()
        self.assertEqual(red.sudo().bill_id.move_type, "out_refund")
        self.assertEqual(self._open("to_invoice", maker), (-2260, -2260))
        settlement.with_user(self.users["bookkeeper"]).action_reverse("Wrong")
        self.assertEqual(self._open("to_invoice", maker), (0, 0))
        self.assertEqual(self._open("accrued_income", maker), (0, 0))
        self.assertEqual(bill.amount_residual, 1000)

    def test_missing_settings_are_named(self):
        """M8.5: what the receivable side needs is named, each by its label."""
        self.company.aftersales_income_account_id = False
        with self.assertRaisesRegex(UserError, "Income from warranty.*Manufacturer we claim"):
            self.company._aftersales_check_accounting("receivable", "service")


@tagged("post_install", "-at_install")
class TestBooksConcurrency(ConcurrencyCommon):
    """Two accountants at the same moment, each by a connection of his own."""

    @contextmanager
    def _lost(self):
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(Exception, "this very moment|could not serialize"),
        ):
            yield

    def _prepare(self):
        books = type("Books", (BooksCommon,), {"env": self.env})
        books.company = self.env.company
        books.center, books.users = self.data.center, self.users
        books.number = 900
        return books()

    @freeze
    def test_posting_and_matching_at_once(self):
        """M8.5, M8.6: of two who post or match at once, one wins; there is one entry, one match."""
        data = self._prepare()
        settlement = data._settlement(106, post=False)
        fapiao = data._fapiao({6: (100, 6)})
        self._commit()
        first = self._as("accountant", settlement)
        second = self._as("accountant", settlement)
        first.action_post()
        first.env.flush_all()
        with self._lost():
            second.action_post()
        second.env.cr.rollback()
        first.env.cr.commit()  # pylint: disable=invalid-commit
        third = self._as("accountant", settlement)
        with self.assertRaisesRegex(UserError, "Credited"):
            third.action_post()
        third.env.cr.rollback()
        mine, yours = self._as("accountant", fapiao), self._as("accountant", fapiao)
        mine.action_match()
        mine.env.flush_all()
        with self._lost():
            yours.action_match()
        yours.env.cr.rollback()
        mine.env.cr.commit()  # pylint: disable=invalid-commit
        mine, yours = self._as("accountant", fapiao), self._as("accountant", fapiao)
        mine.action_reconcile()
        mine.env.flush_all()
        with self._lost():
            yours.action_reconcile()
        yours.env.cr.rollback()
        mine.env.cr.commit()  # pylint: disable=invalid-commit
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertEqual(settlement.state, "reconciled")
        self.assertEqual(len(settlement.entry_ids), 1)
        self.assertEqual(len(settlement.bill_ids), 1)
