from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path

from .common import PIXEL, AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSettlementEngine(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.env["aftersales.settlement.line"]
        cls.terms = cls.env.ref("aftersales_parts.settlement_terms")

    def _outside(self, price, product=None, **vals):
        vals = {"purchase_number": "4400201130", "purchase_price": price, **vals}
        return self._part(product or self.pump, source="outside", **vals)

    def _assess(self, *parts, done=True, **kwargs):
        record = self._make_record(list(parts), done=done, **kwargs)
        return list(self.engine._assess_parts(record.part_ids).values())

    # --- price, fee, exclusions (M8.1, M8.2, M8.7) -----------------------------------------

    def test_figures_of_a_part(self):
        """M8.1, M8.2: 2860.00 of the list of 2026 + 10 % = 286.00, together 3146.00."""
        (pump,) = self._assess(self._part(self.pump))
        self.assertEqual(
            [pump[name] for name in ("price", "amount_base", "amount_fee", "amount_claimed")],
            [2860, 2860, 286, 3146],
        )
        self.assertEqual((pump["fee_reason"], pump["terms"]), ("dedicated", self.terms))
        self.assertEqual(pump["price_date"], fields.Date.to_date("2026-10-20"))
        self.assertTrue(pump["is_payable"] and pump["is_listable"])
        self.assertFalse(pump["obstacles"])

    def test_half_a_cent(self):
        """M8.2: halves of a cent go up: 10 % of 0.05 is 0.005, that is 0.01; of 0.04, nothing."""
        item = self.pricelist.item_ids.filtered(lambda i: i.product_id == self.pump)
        for price, fee in ((0.05, 0.01), (0.04, 0), (0.14, 0.01), (0.15, 0.02), (1.05, 0.11)):
            item.fixed_price = price
            (pump,) = self._assess(self._part(self.pump))
            self.assertEqual(pump["amount_fee"], fee, price)
            self.assertAlmostEqual(pump["amount_claimed"], price + fee, 9)

    def test_exclusions_are_versioned_by_date(self):
        """M8.7: the gearbox without fee until 19 October, with 10 % = 2060.00 from the 20th on."""
        later = self.terms.copy({"date_from": "2026-10-20", "name": "Later"})
        later.excluded_class_ids -= self.gearbox.part_class_id
        for day, fee in (("2026-10-19", 0), ("2026-10-20", 2060)):
            (gearbox,) = self._assess(self._part(self.gearbox), day=day)
            self.assertEqual((gearbox["amount_fee"], gearbox["amount_base"]), (fee, 20600))
        part_class = self.gearbox.part_class_id
        self.assertEqual(part_class.terms_ids, self.terms)
        self.assertTrue(part_class.management_fee, "by the terms in force today")
        search = self.env["aftersales.part.class"].search
        self.assertIn(part_class, search([("management_fee", "=", True)]))
        later.excluded_class_ids += part_class
        part_class.invalidate_recordset(["management_fee"])
        self.assertFalse(part_class.management_fee)
        self.assertIn(part_class, search([("management_fee", "=", False)]))

    def test_own_terms_before_general_ones(self):
        """M8.2: the company's own terms hold, even if general ones are newer; not another's."""
        self.terms.copy({"date_from": "2026-10-10", "fee_rate": 6})
        other = self.env["res.company"].create({"name": "Other"})
        self.terms.copy({"date_from": "2026-10-15", "fee_rate": 5, "company_id": other.id})
        (pump,) = self._assess(self._part(self.pump))
        self.assertEqual(pump["amount_fee"], 171.6)
        self.terms.copy({"date_from": "2026-01-01", "fee_rate": 8, "company_id": self.company.id})
        (pump,) = self._assess(self._part(self.pump))
        self.assertEqual(pump["amount_fee"], 228.8)

    def test_urgent_fee_by_terms(self):
        """M8.7: none on urgent orders, unless the terms grant it."""
        self._order_urgently(self.pump, quantity=2)
        urgent = self._part(self.pump, source="urgent")
        self.assertEqual(self._assess(urgent)[0]["amount_fee"], 0)
        self.terms.urgent_fee = True
        self.assertEqual(self._assess(urgent)[0]["amount_fee"], 286)

    # --- what stands against it ------------------------------------------------------------

    def test_obstacles(self):
        """M8.1, L3.3, M3.2: no price, no list, the customer's fault: each in a sentence."""
        filter_ = self._make_part("Filter", self.pump.part_class_id)
        record = self._make_record([self._part(filter_), self._part(self.pump)], done=False)
        assess = self.engine._assess_parts
        first, second = assess(record.part_ids).values()
        self.assertIn("“Filter” has no wholesale price", first["obstacles"][0])
        self.assertFalse(first["is_listable"])
        self.assertTrue(second["is_payable"])
        record.responsibility = "customer"
        second = assess(record.part_ids)[record.part_ids[1]]
        self.assertIn("customer pays", second["obstacles"][0])
        self.assertTrue(second["is_listable"])
        self.assertFalse(second["is_payable"])
        self.company.aftersales_pricelist_id = False
        self.assertIn(
            "No wholesale price list", assess(record.part_ids)[record.part_ids[1]]["obstacles"][0]
        )

    def test_no_terms(self):
        """M8.2: before any terms are in force nothing can be claimed; it is said where to go."""
        self.terms.date_from = "2026-10-21"
        (pump,) = self._assess(self._part(self.pump))
        self.assertFalse(pump["is_listable"])
        self.assertIn("Settlement terms", pump["obstacles"][0])

    def test_queries_do_not_grow(self):
        """Ten times the parts and records, the same number of queries."""

        def count(number):
            records = self.env["aftersales.service.record"].union(
                *(
                    self._make_record([self._part(self.pump), self._part(self.gearbox)])
                    for _i in range(number)
                )
            )
            self.env.flush_all()
            self.env.invalidate_all()
            parts = self.env["aftersales.service.record.part"].browse(records.part_ids.ids)
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.engine._assess_parts(parts)
            return self.cr.sql_log_count - before

        count(1)  # what is cached for good
        self.assertEqual(count(1), count(10))

    # --- outside purchases (M8.8) ----------------------------------------------------------

    def test_outside_purchase_is_capped(self):
        """M8.8: 3000.01 paid, 2860.00 is the price: 2860.00 without fee, 140.01 for the center."""
        dear, equal, cheap = self._assess(
            self._outside(3000.01), self._outside(2860), self._outside(1999.99)
        )
        self.assertEqual(
            [(a["amount_claimed"], a["amount_excess"]) for a in (dear, equal, cheap)],
            [(2860, 140.01), (2860, 0), (1999.99, 0)],
        )
        self.assertEqual({a["amount_fee"] for a in (dear, equal, cheap)}, {0})
        settlement = self._generate()
        self.assertEqual(settlement.amount_claimed, 7719.99)
        texts = settlement.line_ids.sorted("tag").mapped("explanation")
        for figure in ("3,000.01", "2,860.00", "140.01", "100 %"):
            self.assertIn(figure, texts[0])
        self.assertNotIn("bears", texts[1])

    def test_cap_by_terms(self):
        """M8.8: a cap of 33.33 % of 2860.00 is 953.238, that is 953.24."""
        self.terms.outside_cap = 33.33
        (part,) = self._assess(self._outside(1000))
        self.assertEqual((part["amount_claimed"], part["amount_excess"]), (953.24, 46.76))

    def test_outside_purchase_needs_proof(self):
        """M8.8: price and invoice may follow the signature, but nothing is claimed before."""
        record = self._make_record([self._part(self.pump, source="outside")])
        part = record.part_ids.with_user(self.users["technician"])
        assess = self.engine._assess_parts
        self.assertIn("supplier's invoice", assess(part)[part]["obstacles"][0])
        part.purchase_price = 2500
        self.assertFalse(assess(part)[part]["is_listable"])
        part.purchase_photo = PIXEL
        self.assertEqual(assess(part)[part]["amount_claimed"], 2500)
        with self.assertRaisesRegex(UserError, "closed"), self.cr.savepoint():
            part.purchase_price = 2860
        with self.assertRaisesRegex(UserError, "closed"), self.cr.savepoint():
            part.purchase_photo = False
        part.purchase_number = "123"

    def test_outside_purchase_needs_consent(self):
        """M8.8: without customer service's consent nothing is claimed."""
        record = self._make_record([self._outside(2500)], done=False)
        (part,) = record.part_ids
        (assessment,) = self.engine._assess_parts(part).values()
        self.assertIn("without written consent", assessment["obstacles"][0])
        self._consent(record)
        (assessment,) = self.engine._assess_parts(part).values()
        self.assertTrue(assessment["is_payable"])

    # --- deductions (M8.4) -----------------------------------------------------------------

    def test_share_of_a_deduction(self):
        """M8.4: 50 % of 3146.00 off is 1573.00; 33.33 % of 3146.00 is 1048.5618, so 2097.44."""
        half = self.env.ref("aftersales_parts.deduction_reason_D06")
        third = self.env.ref("aftersales_parts.deduction_reason_D03")
        whole = self.env.ref("aftersales_parts.deduction_reason_D02")
        half.rate, third.rate = 50, 33.33
        record = self._make_record([self._part(self.pump, quantity=4)])
        tags = record.used_part_ids.sorted("name")
        self._return_parts(
            deductions={tags[0].name: half, tags[1].name: third, tags[2].name: whole}
        )
        settlement = self._generate()
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        lines = settlement.line_ids.sorted("tag")
        self.assertEqual(lines.mapped("result"), ["reduced", "reduced", "deducted", "payable"])
        self.assertEqual(lines.mapped("amount_payable"), [1573, 2097.44, 0, 3146])
        self.assertEqual(lines.mapped("amount_deducted"), [1573, 1048.56, 3146, 0])
        self.assertEqual(settlement.amount_claimed, 12584)
        self.assertEqual(settlement.amount_deducted, 5767.56)
        self.assertEqual(settlement.amount_payable, 6816.44)
        self.assertIn("D06", lines[0].explanation)
        self.assertIn("50 % less", lines[0].explanation)
        # what the reason says later doesn't change what was explained
        half.rate = 20
        self.assertIn("50 % less", lines[0].explanation)

    # --- terms stay (design: snapshots) ----------------------------------------------------

    def test_terms_of_agreed_settlements_stay(self):
        """M8.2: figures that a confirmed settlement goes by can't be changed, a copy can."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self.terms.fee_rate = 11
        self._settle(settlement)
        self.terms.invalidate_recordset(["is_used"])
        self.assertTrue(self.terms.is_used)
        for vals in (
            {"fee_rate": 12},
            {"excluded_class_ids": [(5, 0, 0)]},
            {"date_from": "2026-10-01"},
            {"active": False},
        ):
            with self.assertRaisesRegex(UserError, "new terms"), self.cr.savepoint():
                self.terms.write(vals)
        with self.assertRaisesRegex(UserError, "new terms"), self.cr.savepoint():
            self.terms.unlink()
        self.terms.name = "Old terms"
        copy = self.terms.copy({"date_from": "2026-12-01"})
        copy.fee_rate = 12
        self.assertEqual(copy.excluded_class_ids, self.terms.excluded_class_ids)

    def test_rights_on_terms(self):
        """Everybody reads the terms, the administrator changes them."""
        for role in ("center", "technician", "clerk", "customer_service"):
            terms = self.terms.with_user(self.users[role])
            self.assertEqual(terms.fee_rate, 10)
            with self.assertRaises(AccessError):
                terms.fee_rate = 20

    # --- days to invoice (M8.6, M9.2) ------------------------------------------------------

    def test_invoice_deadline_by_terms(self):
        """M9.2: confirmed on Monday 2 November 2026: 7 working days end on Wednesday the 11th."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self._settle(settlement)
        confirmed = self.company._aftersales_local(settlement.date_confirmed).date()
        due = self.company._aftersales_local(settlement.date_invoice_due)
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_invoiced")
        self.assertEqual(rule.unit, "agreed")
        deadline = settlement.deadline_ids.filtered(lambda d: d.rule_id == rule)
        self.assertEqual(deadline.date_due, settlement.date_invoice_due)
        days = rule._get_working_days(confirmed, due.date(), self.company)
        self.assertEqual((len(days), days[-1]), (7, due.date()))

    def test_other_days_by_other_terms(self):
        """M9.2: three working days by terms from the day of the confirmation on."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        today = self.company._aftersales_local(fields.Datetime.now()).date()
        self.terms.copy({"date_from": today, "invoice_days": 3})
        self._settle(settlement)
        due = self.company._aftersales_local(settlement.date_invoice_due).date()
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_invoiced")
        self.assertEqual(len(rule._get_working_days(today, due, self.company)), 3)


@freeze
@tagged("post_install", "-at_install")
class TestTermsMigration(AftersalesPartsCommon):
    """Terms, rule and lines are put into the shape of the previous release and brought up again."""

    def _migrate(self):
        for _twice in range(2):
            for name in ("pre-settlement-line", "post-terms"):
                self.env.flush_all()
                path = file_path(f"aftersales_parts/migrations/19.0.1.4.0/{name}.py")
                load_script(path, name).migrate(self.cr, "19.0.1.3.0")
                self.env.invalidate_all()

    def test_update(self):
        """M8.7, M9.2: own classes without fee, own days to invoice and old lines stay as they were.

        The rule said 10 working days, and 12 in one company by a rule of its own.
        """
        self._make_record([self._part(self.pump)])
        line = self._generate().line_ids
        terms = self.env.ref("aftersales_parts.settlement_terms")
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_invoiced")
        other = self.env["res.company"].create({"name": "Other"})
        rule.write({"unit": "working_days", "offset": 10, "date_field": False})
        own = rule.copy({"company_id": other.id, "offset": 12})
        terms.excluded_class_ids = False
        self.env.flush_all()
        hydraulic = self.pump.part_class_id
        self.cr.execute(
            SQL("ALTER TABLE aftersales_part_class ADD COLUMN management_fee boolean DEFAULT true")
        )
        self.cr.execute(
            SQL(
                "UPDATE aftersales_part_class SET management_fee = false WHERE id = %s",
                hydraulic.id,
            )
        )
        self.cr.execute(
            SQL(
                "UPDATE aftersales_settlement_line SET terms_id = NULL, amount_base = NULL "
                "WHERE id = %s",
                line.id,
            )
        )
        self.env.invalidate_all()
        self._migrate()
        self.assertEqual(terms.excluded_class_ids, hydraulic)
        self.assertEqual(terms.invoice_days, 10)
        of_other = terms.search([("company_id", "=", other.id)])
        self.assertEqual((of_other.invoice_days, of_other.fee_rate), (12, 10))
        self.assertEqual(of_other.excluded_class_ids, hydraulic)
        self.assertEqual(set((rule + own).mapped("unit")), {"agreed"})
        self.assertEqual(set((rule + own).mapped("date_field")), {"date_invoice_due"})
        self.assertEqual((line.terms_id, line.amount_base), (terms, 2860))
