from itertools import product
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon

OCTOBER = fields.Date.to_date("2026-10-01")
# the last second of 5 November in Shanghai, and the first one of the 6th
LAST = "2026-11-05 15:59:59"
OVER = "2026-11-05 16:00:00"


@tagged("post_install", "-at_install")
class LateCommon(AftersalesPartsCommon):
    def _run_cron(self):
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60):
            self.env["aftersales.settlement"]._cron_forfeit()

    def _find(self, **vals):
        domain = [("center_id", "=", self.center.id), ("month", "=", OCTOBER)]
        return self.env["aftersales.settlement"].search(
            [*domain, *((name, "=", value) for name, value in vals.items())], order="supplement, id"
        )

    def _forfeited(self):
        """Return October's list with a pump and a seal, forfeited on 6 November at 0:00."""
        self._make_record([self._part(self.pump), self._scrap(self.seal)])
        settlement = self._generate()
        with freeze_time(OVER):
            self._run_cron()
        return settlement

    def _ask(self, settlement, user=None, **vals):
        return (
            self.env["aftersales.settlement.exception"]
            .with_user(user or self.users["center"])
            .create(
                {
                    "settlement_id": settlement.id,
                    "date_new": "2026-11-12",
                    "reason": "Typhoon: no power for a week",
                    **vals,
                }
            )
        )


@tagged("post_install", "-at_install")
class TestSettlementSupplement(LateCommon):
    """What is found after the main list was filed (M8.3, M8.9)."""

    def test_supplement_in_time(self):
        """M8.3: found after filing, before the filing day: list 1, then 2; by hand 3146, 20600."""
        self._make_record([self._scrap(self.seal)])
        main = self._generate()
        self._submit(main)
        self._make_record([self._part(self.pump)])
        lists = self._generate()
        first = lists - main
        self.assertEqual((first.supplement, first.state, first.amount_claimed), (1, "draft", 3146))
        self.assertEqual(self._generate(), lists, "run twice")
        self.assertEqual(len(first.line_ids), 1)
        self._make_record([self._scrap(self.seal)])
        self._generate()
        self.assertEqual(first.amount_claimed, 3266, "the draft takes in what else is found")
        self._submit(first)
        self._make_record([self._part(self.gearbox)])
        second = self._generate() - lists
        self.assertEqual((second.supplement, second.amount_claimed), (2, 20600))
        self.assertEqual((main.amount_claimed, len(main.line_ids)), (120, 1))

    def test_supplement_of_last_second(self):
        """M8.3, M8.9: 23:59:59 of the 5th is in time, 0:00 of the 6th is forfeited."""
        self._make_record([self._scrap(self.seal)])
        main = self._generate()
        self._submit(main)
        generate = self.env["aftersales.settlement"]._generate
        self._make_record([self._part(self.pump)])
        in_time = generate(OCTOBER, self.center, moment=fields.Datetime.to_datetime(LAST)) - main
        self.assertEqual(in_time.state, "draft")
        self._make_record([self._part(self.gearbox)])
        lists = generate(OCTOBER, self.center, moment=fields.Datetime.to_datetime(OVER))
        late = lists - main - in_time
        self.assertEqual((late.state, late.supplement), ("forfeited", 2))
        self.assertEqual(late.line_ids.mapped("result"), ["forfeited"])
        self.assertEqual((late.amount_forfeited, late.amount_payable), (20600, 0))
        self.assertIn("M8.9", late.line_ids.explanation)
        self.assertTrue(late.message_ids.filtered(lambda m: "20,600.00" in (m.body or "")))
        self.assertEqual(in_time.state, "draft", "that is for the sweep")
        self.assertEqual(len(in_time.line_ids), 1)

    def test_cancelled_list_is_made_again(self):
        """M8.3: a cancelled main list is followed by a main list, not by a supplementary one."""
        self._make_record([self._scrap(self.seal)])
        main = self._generate()
        main.with_user(self.users["customer_service"]).action_cancel("Wrong")
        again = self._generate() - main
        self.assertEqual((again.supplement, again.amount_claimed), (0, 120))

    def test_unpriced_part_stops_nobody(self):
        """M8.1: one part without a price is named; the other parts and centers are listed."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        strange = self._make_part("Strange", self.env["aftersales.part.class"])
        record = self._make_record([self._part(strange), self._scrap(self.seal)])
        self._make_record([self._part(self.pump)], center=other)
        problems = {}
        lists = self.env["aftersales.settlement"]._generate(
            OCTOBER, moment=self._in_time(), problems=problems
        )
        self.assertEqual(sorted(lists.mapped("amount_claimed")), [120, 3146])
        self.assertEqual(list(problems), [self.center])
        (text,) = problems[self.center]
        tag = record.used_part_ids.filtered(lambda t: t.product_id == strange)
        self.assertIn(tag.name, text)
        self.assertIn("Strange", text)
        self.assertIn("M8.1", text)
        with self.assertRaisesRegex(UserError, "Strange"):
            self._generate()

    def test_queries_do_not_grow_with_lines(self):
        """Design §9: five times the lines on a list need no query more."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._part(self.pump, quantity=10)])
        self._make_record([self._part(self.pump, quantity=50)], center=other)
        counts = []
        for center in (self.center, other):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            lists = self._generate(centers=center)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(len(lists.line_ids), 50)
        self.assertLessEqual(counts[1], counts[0], "the second one finds caches filled")

    def test_region_stays(self):
        """M8.3: a center that moves to another region takes no settled month along."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self.center.aftersales_region_id = self.env["aftersales.region"].create({"name": "New"})
        self.env.flush_all()
        self.assertEqual(settlement.region_id, self.region)
        self.assertEqual(settlement.line_ids.region_id, self.region)


@tagged("post_install", "-at_install")
class TestSettlementForfeiture(LateCommon):
    """M8.9: what is not filed by the filing day is given up."""

    def test_forfeited_on_time(self):
        """M8.9: 23:59:59 a draft, 0:00 forfeited: 3266.00 lost, in words, and told."""
        self._make_record([self._part(self.pump), self._scrap(self.seal)])
        settlement = self._generate()
        with freeze_time(LAST):
            self._run_cron()
        self.assertEqual(settlement.state, "draft")
        run = settlement.deadline_ids
        with freeze_time(OVER):
            self._run_cron()
            self.assertEqual(settlement.state, "forfeited")
            self.assertEqual(set(settlement.line_ids.mapped("result")), {"forfeited"})
            self.assertEqual((settlement.amount_payable, settlement.amount_forfeited), (0, 3266))
            self.assertIn("3,266.00", settlement.forfeit_note)
            self.assertIn("(M8.9)", settlement.line_ids[0].explanation)
            message = settlement.message_ids.filtered(lambda m: "M8.9" in (m.body or ""))
            self.assertIn(self.users["center"].partner_id, message.partner_ids)
            self.assertEqual((run.state, run.date_escalation), ("missed", False))
            with self.assertRaisesRegex(UserError, "Forfeited"):
                settlement.with_user(self.users["center"]).action_submit()
        with freeze_time("2026-11-10 02:00:00"):
            self._run_cron()
            self.assertEqual(self._find(), settlement, "and once")
            self.assertEqual(self._generate("2026-11-01"), self.env["aftersales.settlement"])

    def test_never_listed(self):
        """M8.9: what no list held at the filing day is listed as forfeited; by hand 3146.00."""
        self._make_record([self._part(self.pump)])
        november = self._make_record([self._part(self.pump)], day="2026-11-03")
        with freeze_time(OVER):
            self._run_cron()
            self._run_cron()
        settlement = self._find()
        self.assertEqual((settlement.state, settlement.supplement), ("forfeited", 0))
        self.assertEqual(settlement.amount_forfeited, 3146)
        self.assertFalse(november.used_part_ids.settlement_line_ids)

    def test_listed_for_the_warning(self):
        """M8.9: on no list three days before, it is put on a draft, and the center is warned."""
        self._make_record([self._part(self.pump)])
        with freeze_time("2026-11-02 15:59:58"):
            self._run_cron()
            self.assertFalse(self._find())
        with freeze_time("2026-11-02 16:00:00"):
            self._run_cron()
            settlement = self._find()
            self.assertEqual((settlement.state, settlement.amount_claimed), ("draft", 3146))
            with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60):
                self.env["aftersales.deadline"]._cron_sweep()
        self.assertTrue(settlement.deadline_ids.date_warned)

    def test_unpriced_is_not_forfeited(self):
        """M8.1, M8.9: who couldn't file for want of a price files by a day after there is one.

        By hand: 1000.00 and the fee of 100.00, listed three days before 5 December, and lost then.
        """
        strange = self._make_part("Strange", self.env["aftersales.part.class"])
        tag = self._make_record([self._part(strange)]).used_part_ids
        with freeze_time(OVER):
            self._run_cron()
            self.assertEqual(str(tag.date_filing), "2026-12-05")
        with freeze_time("2026-11-20 02:00:00"):
            self._make_price(strange, 1000)
            self._run_cron()
        self.assertFalse(tag.settlement_line_ids)
        with freeze_time("2026-12-02 16:00:00"):
            self._run_cron()
        settlement = self._find()
        self.assertEqual((settlement.state, settlement.amount_claimed), ("draft", 1100))
        self.assertEqual(str(settlement.date_filing), "2026-12-05 15:59:59")
        with freeze_time("2026-12-05 16:00:00"):
            self._run_cron()
        self.assertEqual((settlement.state, settlement.amount_forfeited), ("forfeited", 1100))

    def test_unpriced_for_months(self):
        """M8.1, M8.9: each run moves the day while there is no price; never to a day too near."""
        strange = self._make_part("Strange", self.env["aftersales.part.class"])
        tag = self._make_record([self._part(strange)]).used_part_ids
        for moment, day in (
            ("2026-11-02 15:59:58", False),
            ("2026-11-02 16:00:00", "2026-12-05"),
            ("2026-12-02 15:59:58", "2026-12-05"),
            ("2026-12-02 16:00:00", "2027-01-05"),
        ):
            with self.subTest(moment=moment), freeze_time(moment):
                self._run_cron()
                self.assertEqual(str(tag.date_filing), str(day))
        self.assertFalse(tag.settlement_line_ids)

    def test_without_consent_is_not_forfeited(self):
        """M8.8, M8.9: the company's consent is not the center's to give, but the proof is."""
        record = self._make_record(
            [
                self._part(
                    self.pump, source="outside", purchase_price=2000, purchase_number="INV-1"
                ),
                self._part(self.seal),
            ]
        )
        pump, seal = record.used_part_ids.sorted("name")
        engine = self.registry["aftersales.service.record"]
        with (
            patch.object(engine, "_get_outside_consents", lambda records: set()),
            freeze_time(OVER),
        ):
            self._run_cron()
        self.assertEqual(str(pump.date_filing), "2026-12-05")
        self.assertEqual(seal.settlement_line_ids.result, "forfeited")

    def test_cancelled_after_filing_day_is_not_forfeited(self):
        """M8.9: what was filed in time and cancelled later can be filed by the next day; 3146.00.

        Cancelled a second time as a draft, it keeps that day.
        """
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        first = self._generate()
        self._submit(first)
        generate = self.env["aftersales.settlement"]._generate
        with freeze_time("2026-11-10 02:00:00"):
            first.with_user(self.users["customer_service"]).action_cancel("Wrong price list")
            self.assertEqual(str(tag.date_filing), "2026-12-05")
            self.assertTrue(first.message_ids.filtered(lambda m: "2026-12-05" in m.body))
            self._run_cron()
            self.assertFalse(tag.settlement_line_ids)
            second = generate(OCTOBER, self.center, ["parts"])
            self.assertEqual((second.state, second.amount_claimed), ("draft", 3146))
            self.assertEqual(str(second.date_filing), "2026-12-05 15:59:59")
            self.assertEqual(generate(OCTOBER, self.center, ["parts"]), second, "run twice")
            second.with_user(self.users["customer_service"]).action_cancel("Once more")
            self.assertEqual(str(tag.date_filing), "2026-12-05")
        with freeze_time("2026-11-30 02:00:00"):
            third = generate(OCTOBER, self.center, ["parts"])
            third.with_user(self.users["center"]).action_submit()
        self.assertEqual(third.state, "submitted")
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_filed")
        run = third.deadline_ids.filtered(lambda d: d.rule_id == rule)
        self.assertEqual((run.state, run.original_rate), ("met", 100))

    def test_cancelled_list_of_before_the_upgrade(self):
        """M8.9: of a list filed with the version before, which noted no day of that, likewise."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        settlement = self._generate()
        self._submit(settlement)
        settlement._write_protected({"date_filed": False})
        with freeze_time("2026-11-10 02:00:00"):
            settlement.with_user(self.users["customer_service"]).action_cancel("Wrong price list")
            self.assertEqual(str(tag.date_filing), "2026-12-05")

    def test_month_that_is_not_over(self):
        """M8.3: the list of a month is filed when it is over, and none is made before it begins."""
        self._make_record([self._part(self.pump)])
        generate = self.env["aftersales.settlement"]._generate
        with freeze_time("2026-10-31 15:59:59"):
            draft = generate(OCTOBER, self.center, ["parts"])
            with self.assertRaisesRegex(UserError, "2026-11-01"):
                draft.with_user(self.users["center"]).action_submit()
            with self.assertRaisesRegex(UserError, "2026-11"):
                generate(fields.Date.to_date("2026-11-01"), self.center, ["parts"])
        with freeze_time("2026-10-31 16:00:00"):
            draft.with_user(self.users["center"]).action_submit()
        self.assertEqual(draft.state, "submitted")

    def test_other_parts_are_forfeited_all_the_same(self):
        """M8.9: the later day is that of the cancelled list's parts; what never was listed is lost.

        By hand: 3146.00 on a draft, 120.00 lost; each on a list of its own number.
        """
        self._make_record([self._part(self.pump)])
        first = self._generate()
        self._submit(first)
        self._make_record([self._scrap(self.seal)])
        with freeze_time("2026-11-10 02:00:00"):
            first.with_user(self.users["customer_service"]).action_cancel("Wrong price list")
            lists = self.env["aftersales.settlement"]._generate(OCTOBER, self.center, ["parts"])
        by_state = {settlement.state: settlement for settlement in lists}
        self.assertEqual(by_state["draft"].amount_claimed, 3146)
        self.assertEqual(by_state["forfeited"].amount_forfeited, 120)
        self.assertEqual(set(lists.mapped("supplement")), {0, 1})

    def test_draft_is_cancelled_in_time(self):
        """M8.9: cancelling what nobody has filed gives no later day."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        self._generate().with_user(self.users["customer_service"]).action_cancel("Wrong")
        self.assertFalse(tag.date_filing)

    def test_cancelled_after_exception(self):
        """M8.9: what an exception opened again isn't lost by cancelling it."""
        settlement = self._forfeited()
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(settlement)
            exception.action_submit()
            exception.with_user(self.users["customer_service"]).action_approve()
            settlement.with_user(self.users["customer_service"]).action_cancel("Wrong")
            self._run_cron()
            again = self.env["aftersales.settlement"]._generate(OCTOBER, self.center, ["parts"])
        self.assertEqual((again.state, again.amount_claimed), ("draft", 3266))

    def test_filing_day_of_a_part_is_not_written(self):
        """M8.9: no role moves the filing day of a part by hand."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        for role in ("center", "clerk", "customer_service", "logistics"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                tag.with_user(self.users[role]).write({"date_filing": "2027-01-05"})

    def test_filed_and_services_stay(self):
        """M8.9, M9.1: neither a filed list nor one of service fees is forfeited."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self._submit(settlement)
        services = self.env["aftersales.settlement"].create(
            {"center_id": self.center.id, "month": OCTOBER, "kind": "service"}
        )
        self.assertFalse(services.date_filing)
        with freeze_time("2026-12-31 02:00:00"):
            self._run_cron()
        self.assertEqual((settlement.state, services.state), ("submitted", "draft"))

    def test_missing_part_is_not_forfeited_with_the_next_list(self):
        """M8.4, M8.9: on October's list in time and accepted later: it waits for the next list.

        By hand: November's list of 3146.00 (that pump) and 120.00 (a seal of November) is not
        filed; the seal is lost, and December pays the pump.
        """
        record = self._make_record([self._part(self.pump)])
        october = self._generate()
        self._settle(october)
        self._make_record([self._scrap(self.seal)], day="2026-11-02")
        self._return_parts()
        november = self._generate("2026-11-01")
        self.assertEqual(november.amount_claimed, 3266)
        with freeze_time("2026-12-06 02:00:00"):
            self._run_cron()
        self.assertEqual((november.state, november.amount_forfeited), ("forfeited", 120))
        december = self._generate("2026-12-01")
        self.assertEqual(december.line_ids.used_part_id, record.used_part_ids)
        self.assertEqual(december.amount_claimed, 3146)

    def test_nobody_forfeits_by_hand(self):
        """M8.9: neither state nor filing day nor number is written by hand, by RPC or import."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        for role in ("center", "clerk"):
            own = settlement.with_user(self.users[role])
            for vals in (
                {"state": "forfeited"},
                {"date_filing": "2027-01-01 00:00:00"},
                {"supplement": 3},
                {"region_id": self.env["aftersales.region"].create({"name": "X"}).id},
            ):
                with self.subTest(role=role, vals=vals), self.assertRaises(AccessError):
                    own.write(vals)
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.create(
                    {"center_id": self.center.id, "month": OCTOBER, "date_filing": "2027-01-01"}
                )

    def test_failure_stops_nobody(self):
        """M8.9: a list that can't be forfeited is left to the next run, the others go."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._scrap(self.seal)])
        self._make_record([self._scrap(self.seal)], center=other)
        lists = self._generate(centers=self.center | other)
        model = self.registry["aftersales.settlement"]
        forfeit = model._forfeit

        def fail(settlements):
            if self.center in settlements.center_id:
                raise ValueError("broken")
            return forfeit(settlements)

        with (
            freeze_time(OVER),
            patch.object(model, "_forfeit", fail),
            self.assertLogs("odoo.addons.aftersales_parts", "ERROR"),
        ):
            self._run_cron()
        by_center = {s.center_id: s.state for s in lists}
        self.assertEqual(by_center, {self.center: "draft", other: "forfeited"})

    def test_unlisted_parts_survive_one_center(self):
        """M8.9: what no list held is forfeited, whatever another center of the batch runs into."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._scrap(self.seal)])
        self._make_record([self._scrap(self.seal)], center=other)
        model = self.registry["aftersales.settlement"]
        add_lines = model._add_lines

        def fail(settlements, tags_by_settlement, assessments):
            if any(s.center_id == self.center for s in tags_by_settlement):
                raise ValueError("broken")
            return add_lines(settlements, tags_by_settlement, assessments)

        with (
            freeze_time(OVER),
            patch.object(model, "_add_lines", fail),
            self.assertLogs("odoo.addons.aftersales_parts", "ERROR"),
        ):
            self._run_cron()
        lists = self.env["aftersales.settlement"].search([("month", "=", OCTOBER)])
        self.assertEqual((lists.center_id, lists.state), (other, "forfeited"))

    def test_month_without_terms(self):
        """M8.3, M8.9: a month without terms has no filing day: it waits, the others are swept."""
        self.env.ref("aftersales_parts.settlement_terms").date_from = "2026-10-01"
        old = self._make_record([self._part(self.pump)], day="2026-09-20").used_part_ids
        october = self._make_record([self._scrap(self.seal)]).used_part_ids
        with (
            freeze_time(OVER),
            self.assertLogs("odoo.addons.aftersales_parts", "WARNING") as logs,
        ):
            self._run_cron()
        self.assertIn("no terms", logs.output[0])
        self.assertFalse(old.settlement_line_ids)
        self.assertEqual(str(old.date_filing), "2026-12-05")
        self.assertEqual(october.settlement_line_ids.result, "forfeited")

    def test_center_closes(self):
        """L2.12, M8.9: a forfeited list is over; it doesn't keep a center from being closed."""
        settlement = self._forfeited()
        self.assertEqual(settlement.state, "forfeited")
        obstacles = self.center._get_settlement_obstacles(self.company)
        self.assertFalse(obstacles)


@tagged("post_install", "-at_install")
class TestSettlementException(LateCommon):
    """M8.9: customer service may grant a later filing day, for a good reason."""

    def test_granted(self):
        """M8.9: the center asks, customer service grants: a draft again, filed by the 12th."""
        settlement = self._forfeited()
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(settlement)
            self.assertEqual(exception.amount, 3266)
            exception.action_submit()
            self.assertEqual(exception.state, "submitted")
            cs = exception.with_user(self.users["customer_service"])
            self.assertTrue(cs.can_decide)
            cs.action_approve()
            self.assertEqual(exception.decider_id, self.users["customer_service"])
            self.assertEqual(str(exception.date_filing_old), LAST)
            self.assertEqual(settlement.state, "draft")
            self.assertEqual(str(settlement.date_filing), "2026-11-12 15:59:59")
            self.assertEqual(set(settlement.line_ids.mapped("result")), {"open"})
            self.assertEqual((settlement.amount_claimed, settlement.amount_forfeited), (3266, 0))
            runs = settlement.deadline_ids.sorted("id")
            self.assertEqual(runs.mapped("state"), ["missed", "running"])
            self.assertEqual(str(runs[1].date_due), "2026-11-12 15:59:59")
            with self.assertRaisesRegex(UserError, "waiting for a decision"):
                cs.action_approve()
        with freeze_time("2026-11-12 15:59:59"):
            self._run_cron()
            settlement.with_user(self.users["center"]).action_submit()
        self.assertEqual(settlement.state, "submitted")

    def test_not_used(self):
        """M8.9: what isn't filed by the new day either is forfeited again, and may be asked anew.

        What is found in between is late all the same: it goes on a list of its own.
        """
        settlement = self._forfeited()
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(settlement)
            exception.action_submit()
            exception.with_user(self.users["customer_service"]).action_approve()
            self._make_record([self._part(self.gearbox)])
            self._run_cron()
            self.assertEqual(settlement.amount_claimed, 3266)
            self.assertEqual(self._find(supplement=1).state, "forfeited")
        with freeze_time("2026-11-12 16:00:00"):
            self._run_cron()
            self.assertEqual(settlement.state, "forfeited")
            self._ask(settlement, date_new="2026-11-20").action_submit()

    def test_who_decides(self):
        """M8.9: who asks never decides, nor somebody of the center; nobody else has the right."""
        settlement = self._forfeited()
        with freeze_time("2026-11-09 02:00:00"):
            for role in ("center", "clerk", "office_manager"):
                exception = self._ask(settlement, self.users[role])
                exception.action_submit()
                with self.assertRaises(AccessError), self.cr.savepoint():
                    exception.action_approve()
                exception.action_cancel()
            cs = self.users["customer_service"]
            exception = self._ask(settlement, cs)
            exception.action_submit()
            with self.assertRaisesRegex(AccessError, "submitted it"), self.cr.savepoint():
                exception.action_approve()
            exception.action_cancel()
            member = self._make_center_user("parts_cs_of_center", self.center)
            member.group_ids += self.env.ref("aftersales_service.group_customer_service")
            exception = self._ask(settlement)
            exception.action_submit()
            with self.assertRaisesRegex(AccessError, "belongs to"), self.cr.savepoint():
                exception.with_user(member).action_approve()
            for role in ("accountant", "technician", "logistics"):
                with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                    self._ask(settlement, self.users[role])

    def test_refused(self):
        """M8.9: refused with a reason, the list stays forfeited; the center may ask better."""
        settlement = self._forfeited()
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(settlement)
            exception.action_submit()
            with self.assertRaisesRegex(UserError, "stays as it was submitted"):
                exception.date_new = "2026-12-31"
            exception.with_user(self.users["customer_service"]).action_refuse("No typhoon there")
        self.assertEqual((exception.state, settlement.state), ("draft", "forfeited"))

    def test_what_can_not_be_asked(self):
        """M8.9: not for a filed list, nor a day that is over or before, nor twice at once."""
        settlement = self._forfeited()
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(settlement, date_new="2026-11-08")
            with self.assertRaisesRegex(UserError, "today or later"):
                exception.action_submit()
            exception.date_new = "2026-11-09"
            exception.action_submit()
            other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
            stranger = self._make_center_user("parts_other_center", other)
            self.assertFalse(exception.with_user(stranger).search([]))
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.cr.savepoint(),
            ):
                self._ask(settlement)
            exception.action_cancel()
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._ask(settlement, stranger)
            self._make_record([self._scrap(self.seal)], day="2026-09-20")
            filed = self._generate("2026-09-01")
            self._submit(filed)
            with self.assertRaisesRegex(UserError, "nothing to grant"):
                self._ask(filed)

    def test_not_by_rescheduling(self):
        """M8.9: rescheduling the deadline would leave the filing day; it is refused."""
        self._make_record([self._part(self.pump)])
        with freeze_time("2026-11-02 02:00:00"):
            run = self._generate().deadline_ids.with_user(self.users["customer_service"])
            with self.assertRaisesRegex(UserError, "by an exception"):
                run.action_reschedule("2026-11-20 02:00:00", "Typhoon")
        self.assertEqual(str(run.date_due), LAST)

    def test_extension(self):
        """M8.9: asked for in time, the draft simply gets the later day, and its deadline, too."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        with freeze_time("2026-11-04 02:00:00"):
            exception = self._ask(settlement)
            exception.action_submit()
            exception.with_user(self.users["customer_service"]).action_approve()
            self.assertEqual(settlement.deadline_ids.mapped("state"), ["running"])
            self.assertEqual(str(settlement.deadline_ids.date_due), "2026-11-12 15:59:59")
        with freeze_time(OVER):
            self._run_cron()
        self.assertEqual(settlement.state, "draft")


@tagged("post_install", "-at_install")
class TestSettlementRadar(LateCommon):
    """M8.9: ahead of the filing day, what each center is about to lose."""

    def _open(self, role):
        action = self.env["aftersales.settlement.radar"].with_user(self.users[role]).action_open()
        return self.env["aftersales.settlement.radar"].browse(action["domain"][0][2])

    def test_figures(self):
        """M8.9: by hand: draft 3146 (pump), on no list 120 (seal), not valid 20600 (gearbox).

        A part without a price counts, with no amount. 3 days, 5 hours and 59 minutes are left.
        """
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        with freeze_time("2026-11-02 10:00:00"):
            self._make_record([self._part(self.pump)])
            self._make_record([self._scrap(self.seal)], center=other)
            self._generate()
            strange = self._make_part("Strange", self.env["aftersales.part.class"])
            self._make_record([self._scrap(self.seal)])
            record = self._make_record([self._part(strange)])
            open_record = self._make_record([self._part(self.gearbox)], done=False)
            rows = self._open("clerk")
            self.assertEqual(rows.mapped("center_id"), self.center | other)
            row = rows[0]
            self.assertEqual(
                row.read(row._get_figures())[0],
                {
                    "id": row.id,
                    "amount_draft": 3146,
                    "count_draft": 1,
                    "amount_unlisted": 120,
                    "count_unlisted": 2,
                    "count_blocked": 1,
                    "amount_invalid": 20600,
                    "count_invalid": 1,
                    "amount_total": 23866,
                },
            )
            self.assertEqual(str(row.date_filing), LAST)
            self.assertEqual((row.days_left, row.time_left, row.urgency), (3, "3 d 5 h", "later"))
            self.assertEqual(rows[1].amount_total, 120)
            found = {
                name: self.env[
                    (action := getattr(row, f"action_view_{name}")())["res_model"]
                ].search(action["domain"])
                for name in ("drafts", "unlisted", "invalid")
            }
            self.assertEqual(found["drafts"], self._find())
            self.assertEqual(len(found["unlisted"]), 2)
            self.assertIn(record.used_part_ids, found["unlisted"])
            self.assertEqual(found["invalid"], open_record)
            # listed and filed, nothing of it can be lost any more
            problems = {}
            lists = self.env["aftersales.settlement"]._generate(OCTOBER, problems=problems)
            for settlement in lists:
                self._submit(settlement, self.users["clerk"])
            self.assertEqual(self._open("clerk")[0].amount_total, 20600)

    def test_who_sees(self):
        """M8.9: the center its own, the office manager the region's, nobody another one's rows."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        other.aftersales_region_id = self.env["aftersales.region"].create({"name": "Other"})
        with freeze_time("2026-11-02 02:00:00"):
            self._make_record([self._part(self.pump)])
            request = self.env["aftersales.request"].create(
                {
                    "card_id": self.card.id,
                    "description": "Fault",
                    "region_id": other.aftersales_region_id.id,
                    "center_id": other.id,
                    "technician_id": self.users["technician"].id,
                    "request_date": "2026-10-20 00:30:00",
                }
            )
            request.action_assign()
            self._make_record([self._part(self.pump)], center=other, request=request)
            rows = self._open("clerk")
            self.assertEqual(rows.center_id, self.center | other)
            self.assertEqual(self._open("vp").center_id, self.center | other)
            self.assertEqual(self._open("center").center_id, self.center)
            self.assertEqual(self._open("office_manager").center_id, self.center)
            with self.assertRaises(AccessError):
                rows.with_user(self.users["center"]).read(["amount_total"])
            for role in ("technician", "logistics"):
                with self.subTest(role=role), self.assertRaises(AccessError):
                    self._open(role).with_user(self.users[role]).read(["amount_total"])

    def test_radar_equals_preflight(self):
        """M8.9: whatever stands against parts, the radar counts what the pre-flight says is paid.

        Over responsibility and source of the parts, of records that aren't valid, of parts on no
        list and on a draft; without price and without proof, too.
        """
        strange = self._make_part("Strange", self.env["aftersales.part.class"])
        kinds = [
            self._part(self.pump, quantity=2),
            self._part(self.gearbox),
            self._part(self.pump, source="outside", purchase_price=2000, purchase_number="INV-1"),
            self._part(strange),
        ]
        records = self.env["aftersales.service.record"]
        expected = 0
        with freeze_time("2026-11-02 10:00:00"):
            for stage, responsibility in product(
                ("draft", "unlisted", "listed"), ("product", "customer")
            ):
                for kind in kinds:
                    record = self._make_record([kind], done=False)
                    record.write({"responsibility": responsibility, "advice": "Keep the oil clean"})
                    self._consent(record)
                    if stage != "draft":
                        self._validate(record)
                    records |= record
                    expected += record._get_payment()["amount_parts"]
                    with self.subTest(stage=stage, responsibility=responsibility, kind=kind):
                        if stage == "listed":
                            self.env["aftersales.settlement"]._generate(
                                OCTOBER, self.center, ["parts"], problems={}
                            )
                        self.assertEqual(sum(self._open("clerk").mapped("amount_total")), expected)
        # by hand: 2 x 3146 + 20600 + 2000, three times
        self.assertEqual(expected, 3 * 28892)
        with freeze_time(OVER):
            self._run_cron()
        lost = self._find(state="forfeited")
        self.assertEqual(sum(lost.mapped("amount_forfeited")), 2 * 28892)
        uncovered = lost.line_ids.filtered(lambda line: line.result == "uncovered")
        self.assertEqual(set(uncovered.record_id.mapped("responsibility")), {"customer"})

    def test_uncovered_is_not_forfeited(self):
        """M8.9: what the warranty doesn't bear was worth nothing: 120.00 lost, not 3266.00."""
        record = self._make_record([self._part(self.pump)], done=False)
        record.write({"responsibility": "customer", "advice": "Keep the oil clean"})
        self._validate(record)
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        with freeze_time("2026-11-03 02:00:00"):
            self.assertEqual(self._open("center").amount_draft, 120)
        with freeze_time(OVER):
            self._run_cron()
        self.assertEqual((settlement.state, settlement.amount_forfeited), ("forfeited", 120))
        self.assertIn("120.00", settlement.forfeit_note)
        with freeze_time("2026-11-09 02:00:00"):
            exception = self._ask(settlement)
            exception.action_submit()
            exception.with_user(self.users["customer_service"]).action_approve()
        self.assertEqual(settlement.line_ids.mapped("result"), ["open", "open"])

    def test_radar_of_parts_put_off(self):
        """M8.9: what may be filed by a later day of its own is told with that day; 3146.00."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        self._submit(settlement)
        with freeze_time("2026-11-10 02:00:00"):
            settlement.with_user(self.users["customer_service"]).action_cancel("Wrong")
            row = self._open("center")
        self.assertEqual((row.amount_unlisted, row.amount_total), (3146, 3146))
        self.assertEqual((row.period, str(row.date_filing)), ("2026-10", "2026-12-05 15:59:59"))

    def test_radar_urgency_by_rule(self):
        """M8.9: soon is when the center is warned, by the deadline rule: 72 hours, then 120."""
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_filed")
        self._make_record([self._part(self.pump)])
        for moment, hours, urgency in (
            ("2026-11-02 15:00:00", 72, "later"),
            ("2026-11-02 16:00:00", 72, "soon"),
            ("2026-11-01 02:00:00", 120, "soon"),
        ):
            with self.subTest(moment=moment, hours=hours), freeze_time(moment):
                rule.warning_hours = hours
                self.assertEqual(self._open("center").urgency, urgency)

    def test_warning_tells_amount(self):
        """M8.9: three days before, the center's users are told what is at stake; 23746.00.

        By hand: 3146.00 on the draft and 20600.00 of a record that isn't valid yet.
        """
        with freeze_time("2026-11-02 15:59:59"):
            self._make_record([self._part(self.pump)])
            settlement = self._generate()
            self._make_record([self._part(self.gearbox)], done=False)
            with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60):
                self.env["aftersales.deadline"]._cron_sweep()
            activity = self.env["mail.activity"].search(
                [
                    ("aftersales_deadline_id", "in", settlement.deadline_ids.ids),
                    ("user_id", "=", self.users["center"].id),
                ]
            )
        self.assertIn("23,746.00", activity.summary)


@tagged("post_install", "-at_install")
class TestSettlementMonthEnd(LateCommon):
    """The month-end in steps, which survives what one center runs into."""

    def _make_wizard(self, role="clerk"):
        return (
            self.env["aftersales.settlement.generate"]
            .with_user(self.users[role])
            .create({"month": "2026-10-31"})
        )

    @freeze_time("2026-11-02 02:00:00")
    def test_steps(self):
        """M8.1, M8.3: steps of ten; an unpriced part is named; started again, the rest is done."""
        strange = self._make_part("Strange", self.env["aftersales.part.class"])
        self._make_record([self._part(strange), self._scrap(self.seal)])
        centers = self.center
        for number in range(11):
            center = self._make_center(f"Center {number}", f"91330109MA2AYBC{number:03}")
            self._make_record([self._scrap(self.seal)], center=center)
            centers |= center
        self.patch(self.registry["aftersales.settlement.generate"], "_step_size", 10)
        wizard = self._make_wizard()
        action = wizard.action_start()
        self.assertEqual(action["params"]["total"], 12)
        step = wizard.run_step()
        self.assertEqual((step["done"], step["total"]), (10, 12))
        # closed, and started again
        wizard = self._make_wizard()
        self.assertLessEqual(wizard.action_start()["params"]["total"], 3)
        problems = []
        while True:
            step = wizard.run_step()
            problems += step["problems"]
            if step["done"] == step["total"]:
                break
        self.assertEqual([problem["name"] for problem in problems], [self.center.display_name])
        self.assertIn("Strange", problems[0]["text"])
        lists = self.env["aftersales.settlement"].search(wizard.action_finish()["domain"])
        self.assertEqual(lists.center_id, centers)
        self.assertEqual(lists.mapped("amount_claimed"), [120] * 12)

    @freeze_time("2026-11-02 02:00:00")
    def test_one_fails(self):
        """Whatever one center runs into, the others are done, and it is named."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._scrap(self.seal)])
        self._make_record([self._scrap(self.seal)], center=other)
        model = self.registry["aftersales.settlement"]
        add_lines = model._add_lines

        def fail(settlements, tags_by_settlement, assessments):
            if any(s.center_id == other for s in tags_by_settlement):
                raise UserError(self.env._("Nanjing is closed"))
            return add_lines(settlements, tags_by_settlement, assessments)

        wizard = self._make_wizard()
        wizard.action_start()
        with patch.object(model, "_add_lines", fail):
            step = wizard.run_step()
        self.assertEqual(
            step["problems"], [{"name": "Nanjing center", "text": "Nanjing is closed"}]
        )
        self.assertEqual(self._find().amount_claimed, 120)
        self.assertFalse(self.env["aftersales.settlement"].search([("center_id", "=", other.id)]))

    @freeze_time("2026-11-02 02:00:00")
    def test_step_goes_on_past_a_locked_center(self):
        """Who somebody else works on comes last, and is named if that one doesn't end."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._scrap(self.seal)])
        self._make_record([self._scrap(self.seal)], center=other)
        model = self.registry["aftersales.settlement"]
        add_lines = model._add_lines
        busy = [3]

        def fail(settlements, tags_by_settlement, assessments):
            if any(s.center_id == other for s in tags_by_settlement) and busy[0]:
                busy[0] -= 1
                raise ConcurrencyError("locked")
            return add_lines(settlements, tags_by_settlement, assessments)

        with patch.object(model, "_add_lines", fail):
            for times, texts in ((2, []), (9, ["Somebody else"])):
                busy[0] = times
                wizard = self._make_wizard()
                total = wizard.action_start()["params"]["total"]
                first = wizard.run_step()
                self.assertEqual((first["done"], first["problems"]), (total - 1, []))
                self.assertEqual(self._find().amount_claimed, 120)
                last = wizard.run_step()
                self.assertEqual(last["done"], total)
                for problem, text in zip(last["problems"], texts, strict=True):
                    self.assertEqual(problem["name"], "Nanjing center")
                    self.assertIn(text, problem["text"])
                own = self.env["aftersales.settlement"].search([("center_id", "=", other.id)])
                self.assertEqual(bool(own), not texts)
                own.line_ids.unlink()
                own.unlink()

    @freeze_time("2026-11-02 02:00:00")
    def test_center_generates_its_own(self):
        """M8.3: a center makes its own list, and by no parameter another one's."""
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._scrap(self.seal)])
        self._make_record([self._scrap(self.seal)], center=other)
        wizard = self._make_wizard("center")
        self.assertEqual(wizard.action_start()["params"]["total"], 1)
        wizard.run_step()
        wizard.write({"step_ids": other.ids})
        wizard.run_step()
        self.assertEqual(self.env["aftersales.settlement"].search([]).center_id, self.center)

    def test_nothing_to_do(self):
        """M8.3: without anything to list, the dialog isn't even opened."""
        with self.assertRaisesRegex(UserError, "Nothing of this month"):
            self._make_wizard().action_start()

    def test_post_in_steps(self):
        """M8.5: confirmed lists that weren't credited are credited by an accountant, in steps."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        model = self.registry["aftersales.settlement"]
        with patch.object(model, "_post_entries", lambda settlements: None):
            self._settle(settlement)
        self.assertEqual((settlement.state, settlement.move_id.id), ("confirmed", False))
        with self.assertRaises(AccessError), self.cr.savepoint():
            settlement.with_user(self.users["clerk"]).action_post()
        wizard = (
            self.env["aftersales.settlement.post"].with_user(self.users["accountant"]).create({})
        )
        wizard.action_start()
        self.assertEqual(wizard.run_step(), {"total": 1, "done": 1, "problems": []})
        self.assertEqual((settlement.state, settlement.move_id.state), ("posted", "posted"))


@tagged("post_install", "-at_install")
class TestSettlementServiceList(LateCommon):
    """Lists of service fees are the company's, and of our own workshops the manufacturer's (M9)."""

    def setUp(self):
        super().setUp()
        self.env.ref("aftersales_parts.settlement_terms").rate_ids = [
            Command.create({"kind": "travel", "basis": "visit", "amount": 100})
        ]

    def _generate_as(self, role, kinds=None):
        model = self.env["aftersales.settlement"].with_user(self.users[role])
        return model._generate(OCTOBER, kinds=kinds, moment=self._in_time())

    def test_both_kinds(self):
        """M9.1: the clerk makes both lists; run again nothing changes; a third visit is added.

        By hand: two visits of 100.00 for travel on two days, then a third one.
        """
        for day in ("2026-10-20", "2026-10-21"):
            self._make_record([self._scrap(self.seal)], day=day)
        lists = self._generate_as("clerk")
        by_kind = {settlement.kind: settlement for settlement in lists}
        self.assertEqual(by_kind["parts"].amount_claimed, 240)
        services = by_kind["service"]
        self.assertEqual((services.amount_claimed, services.supplement), (200, 0))
        self.assertEqual(self._generate_as("clerk"), lists)
        self.assertEqual(services.amount_claimed, 200)
        self._make_record([self._scrap(self.seal)], day="2026-10-22")
        self.assertEqual(self._generate_as("clerk", ["service"]), services)
        self.assertEqual(services.amount_claimed, 300)
        services._write_protected({"state": "verified"})
        self._make_record([self._scrap(self.seal)], day="2026-10-23")
        more = self._generate_as("clerk", ["service"]) - services
        self.assertEqual((more.supplement, more.amount_claimed, more.state), (1, 100, "draft"))

    def test_center_lists_no_services(self):
        """M9.1: the list of service fees comes from the company; a center makes only its parts."""
        self._make_record([self._scrap(self.seal)])
        self.assertEqual(self._generate_as("center").mapped("kind"), ["parts"])
        self.assertFalse(self._generate_as("center", ["service"]))

    def test_nobody_makes_lists_by_hand(self):
        """M8.3: lists follow from the valid records alone: neither center nor clerk makes one."""
        for role in ("center", "clerk", "customer_service", "accountant", "office_manager"):
            for direction in ("payable", "receivable"):
                with self.subTest(role=role), self.assertRaises(AccessError):
                    self.env["aftersales.settlement"].with_user(self.users[role]).create(
                        {"center_id": self.center.id, "month": OCTOBER, "direction": direction}
                    )

    def test_list_of_the_other_direction_is_not_completed(self):
        """M8.5, M9.3: what a center is paid isn't claimed from the manufacturer, however begun."""
        self.company.aftersales_manufacturer_id = self.env["res.partner"].create(
            {"name": "Manufacturer", "is_company": True}
        )
        wrong = self.env["aftersales.settlement"].create(
            {"center_id": self.center.id, "month": OCTOBER, "direction": "receivable"}
        )
        self._make_record([self._scrap(self.seal)])
        made = self._generate_as("clerk", ["parts"])
        self.assertEqual(
            (made.direction, made.supplement, made.amount_claimed), ("payable", 0, 120)
        )
        self.assertFalse(wrong.line_ids)
        self.assertEqual(self._generate_as("clerk", ["parts"]), made)

    def test_no_default_of_the_caller_moves_a_list(self):
        """M8.1, M8.3: what is listed belongs to the company whose records it is, and is payable."""
        other = self.env["res.company"].create({"name": "Another company"})
        self._make_record([self._scrap(self.seal)])
        user = self.users["center"]
        self.env["ir.default"].set("aftersales.settlement", "company_id", other.id, user.id)
        model = self.env["aftersales.settlement"].with_user(user)
        made = model.with_context(
            default_company_id=other.id, default_direction="receivable", default_supplement=7
        )._generate(OCTOBER, moment=self._in_time())
        self.assertEqual((made.company_id, made.line_ids.company_id), (self.company, self.company))
        self.assertEqual((made.direction, made.supplement), ("payable", 0))
        # nor does anything else put a part of one company on a list of another
        self.env.ref("aftersales_parts.settlement_terms").copy({"company_id": other.id})
        moved = self.env["aftersales.settlement"].create(
            {"center_id": self.center.id, "month": OCTOBER, "company_id": other.id}
        )
        lines = self.env["aftersales.settlement.line"]
        (vals,) = made.line_ids.with_env(self.env).copy_data({"settlement_id": moved.id})
        made.line_ids.with_env(self.env).unlink()
        with self.assertRaisesRegex(UserError, vals["tag"]):
            lines.create(vals)

    def test_own_workshop(self):
        """M8.5: what our own workshop did is claimed from the manufacturer that is set."""
        workshop = self._make_center("Own workshop", "91330109MA2AYBC999")
        workshop.parent_id = self.company.partner_id
        workshop.is_company = False
        self._make_record([self._scrap(self.seal)], center=workshop)
        self._make_record([self._scrap(self.seal)])
        self.company.aftersales_manufacturer_id = self.env["res.partner"].create(
            {"name": "Manufacturer", "is_company": True}
        )
        lists = self._generate_as("clerk", ["parts"])
        directions = {settlement.center_id: settlement.direction for settlement in lists}
        self.assertEqual(directions, {workshop: "receivable", self.center: "payable"})
