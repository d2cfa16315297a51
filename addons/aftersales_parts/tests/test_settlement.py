from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSettlement(AftersalesPartsCommon):
    def test_fee_on_dedicated_parts_only(self):
        """M8.2, M8.7, M8.8: 10 % on the pump; none on assembly, urgent order, outside purchase.

        By hand: pump 2860 + 286 = 3146; gearbox 20600; urgent pump 2860; outside pump 2860;
        seal kit (no dedicated part) 120. Parts 29300, fee 286, claimed 29586.
        """
        self._make_record(
            [
                self._part(self.pump),
                self._part(self.gearbox),
                self._part(self.pump, source="urgent"),
                self._part(self.pump, source="outside"),
                self._scrap(self.seal),
            ]
        )
        settlement = self._generate()
        self.assertEqual(
            settlement.line_ids.sorted("tag").mapped(
                lambda line: (line.price_unit, line.amount_fee, line.fee_reason)
            ),
            [
                (2860, 286, "dedicated"),
                (20600, 0, "assembly"),
                (2860, 0, "urgent"),
                (2860, 0, "outside"),
                (120, 0, "not_dedicated"),
            ],
        )
        self.assertEqual(settlement.amount_parts, 29300)
        self.assertEqual(settlement.amount_fee, 286)
        self.assertEqual(settlement.amount_claimed, 29586)
        self.assertEqual(settlement.amount_payable, 0, "nothing is payable before the audit")

    def test_fee_is_rounded_to_the_cent(self):
        """M8.2: 10 % of 1234.55 is 123.455, that is 123.46 yuan, on the line."""
        self.pricelist.item_ids.filtered(lambda i: i.product_id == self.pump).fixed_price = 1234.55
        self._make_record([self._part(self.pump)])
        line = self._generate().line_ids
        self.assertEqual((line.amount_fee, line.amount_claimed), (123.46, 1358.01))

    def test_rate_comes_from_the_terms_of_the_day(self):
        """M8.2: the fee of the terms in force on the day of service, not a constant."""
        self.env["aftersales.settlement.terms"].create(
            {
                "name": "From 20 October",
                "date_from": "2026-10-20",
                "fee_rate": 8,
                "filing_day": 5,
                "invoice_days": 7,
            }
        )
        self._make_record([self._part(self.pump)], day="2026-10-19")
        self._make_record([self._part(self.pump)], day="2026-10-20")
        self.assertEqual(self._generate().line_ids.mapped("amount_fee"), [286.0, 228.8])

    def test_part_without_price_is_refused(self):
        """M8.1: no price on the day of service, no claim; never the product's sales price."""
        filter_ = self._make_part("Filter", self.env.ref("aftersales_parts.part_class_hydraulic"))
        self._make_record([self._part(filter_)])
        with self.assertRaisesRegex(UserError, "No wholesale price.*\n.*Filter"):
            self._generate()
        self.assertFalse(
            self.env["aftersales.settlement"].search([("center_id", "=", self.center.id)]).line_ids
        )

    def test_price_is_that_of_the_year(self):
        """M8.1: the list of the year of service, with its edge at local midnight.

        31 December 2026, 23:30 in Shanghai is 15:30 UTC: still the price of 2026.
        """
        self._make_price(
            self.pump, 3000, date_start="2026-12-31 16:00:00", date_end="2027-12-31 15:59:59"
        )
        record = self._make_record([self._part(self.pump)], done=False)
        prices = (
            self.env["aftersales.settlement"]
            .create({"center_id": self.center.id, "month": "2026-12-01"})
            ._get_prices
        )
        self._validate(record)
        tag = record.used_part_ids
        for arrival, price in (("2026-12-31 15:30:00", 2860), ("2026-12-31 16:30:00", 3000)):
            self.env.cr.execute(
                "UPDATE aftersales_service_record SET arrival = %s WHERE id = %s",
                [arrival, record.id],
            )
            record.invalidate_recordset(["arrival"])
            self.assertEqual(prices(tag)[tag][0], price)

    def test_month_edges(self):
        """M8.3: the month of the service is that of the company's clock."""
        first = self._make_record([self._part(self.pump)], day="2026-10-01")
        last = self._make_record([self._part(self.pump)], day="2026-10-31")
        self._make_record([self._part(self.pump)], day="2026-09-30")
        self._make_record([self._part(self.pump)], day="2026-11-01")
        self.assertEqual(self._generate().line_ids.record_id, first | last)

    def test_generating_twice_changes_nothing(self):
        """Mistake 11: one settlement per center and month, each part in it once."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        self.assertEqual(self._generate(), settlement)
        self.assertEqual(len(settlement.line_ids), 1)
        self._make_record([self._part(self.gearbox)])
        self.assertEqual(self._generate(), settlement)
        self.assertEqual(len(settlement.line_ids), 2)
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            settlement.create({"center_id": self.center.id, "month": "2026-10-09"})

    def test_audit_pays_only_accepted_parts(self):
        """M8.4: accepted is paid; missing and deducted are not, with the code; by hand 3266."""
        record = self._make_record(
            [
                self._part(self.pump),
                self._part(self.gearbox),
                self._part(self.pump),
                self._scrap(self.seal),
            ]
        )
        tags = record.used_part_ids.sorted("name")
        reason = self.env.ref("aftersales_parts.deduction_reason_D02")
        self._return_parts(missing=[tags[1].name], deductions={tags[2].name: reason})
        settlement = self._generate()
        settlement.with_user(self.users["center"]).action_submit()
        settlement.with_user(self.users["customer_service"]).action_verify()
        lines = settlement.line_ids.sorted("tag")
        self.assertEqual(lines.mapped("result"), ["payable", "missing", "deducted", "payable"])
        self.assertEqual(lines.mapped("amount_payable"), [3146, 0, 0, 120])
        self.assertEqual(lines[2].deduction_reason_id, reason)
        self.assertEqual(settlement.amount_payable, 3266)
        self.assertIn("3,266", settlement.currency_id.format(settlement.amount_payable))

    def test_audit_waits_for_the_inspection(self):
        """M8.4: a part that is received but not inspected can't be audited."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive(
            document.line_ids.used_part_id.mapped("name")
        )
        settlement = self._generate()
        settlement.action_submit()
        with self.assertRaisesRegex(UserError, "not inspected yet"):
            settlement.with_user(self.users["customer_service"]).action_verify()

    def test_each_step_in_its_order_and_role(self):
        """M8.4, M8.5: customer service audits and sends, the center confirms; nothing else."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        center = settlement.with_user(self.users["center"])
        service = settlement.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "Filed"):
            service.action_verify()
        center.action_submit()
        with self.assertRaisesRegex(AccessError, "Customer service"):
            center.action_verify()
        service.action_verify()
        with self.assertRaisesRegex(UserError, "Sent"):
            center.action_confirm()
        service.action_send()
        with self.assertRaisesRegex(AccessError, "Service center"):
            service.action_confirm()
        center.action_confirm()
        with self.assertRaisesRegex(UserError, "Sent"):
            center.action_confirm()
        with self.assertRaisesRegex(UserError, "Confirmed"):
            service.action_cancel("x")

    def test_figures_can_not_be_written(self):
        """Mistake 11: neither state nor figures by RPC, for no role."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        clerk = settlement.with_user(self.users["clerk"])
        with self.assertRaisesRegex(AccessError, "by hand"):
            clerk.write({"state": "confirmed"})
        with self.assertRaises(AccessError):
            clerk.line_ids.write({"price_unit": 1})
        with self.assertRaises(AccessError):
            clerk.write({"line_ids": [(1, clerk.line_ids.id, {"amount_payable": 99})]})

    def test_cancelling_releases_the_parts(self):
        """Mistake 11: after cancelling, the same parts can be settled once more, once."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        service = settlement.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "reason"):
            service.action_cancel("")
        service.action_cancel("Wrong")
        again = self._generate()
        self.assertNotEqual(again, settlement)
        self.assertEqual(len(again.line_ids), 1)

    def test_confirmation_credits_the_parts_account(self):
        """M8.5: by hand: gross 3266.00, net at 13 % 2890.27 (3266 / 1.13 = 2890.265)."""
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.center.id,
                "invoice_date": "2026-11-02",
                "invoice_line_ids": [
                    (0, 0, {"name": "Parts", "price_unit": 5000, "tax_ids": [(5, 0, 0)]})
                ],
            }
        )
        invoice.action_post()
        record = self._make_record([self._part(self.pump), self._scrap(self.seal)])
        self._return_parts()
        settlement = self._generate()
        self._settle(settlement)
        company = self.company
        move = settlement.move_id
        self.assertEqual((move.state, move.ref), ("posted", settlement.name))
        self.assertEqual(
            {line.account_id: (line.debit, line.credit) for line in move.line_ids},
            {
                company.aftersales_expense_account_id: (2890.27, 0),
                company.aftersales_claims_account_id: (3266.00, 0),
                company.aftersales_accrued_account_id: (0, 2890.27),
                self.center.property_account_receivable_id: (0, 3266.00),
            },
        )
        self.assertEqual(invoice.amount_residual, 5000 - 3266)
        self.assertEqual(set(record.used_part_ids.mapped("state")), {"accepted", "scrapped"})

    def test_nothing_payable_posts_nothing(self):
        """M8.4: a list of which nothing is payable is confirmed without an entry."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        self._settle(settlement)
        self.assertEqual(settlement.state, "confirmed")
        self.assertFalse(settlement.move_id)

    def test_missing_accounts_are_named(self):
        """M8.5: without accounts the confirmation is refused, says which, and posts nothing."""
        self.company.aftersales_accrued_account_id = False
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        with self.assertRaisesRegex(UserError, "Accrued after-sales, uninvoiced"):
            self._settle(settlement)

    def test_entry_can_not_be_reset(self):
        """M8.5: resetting the entry to draft would tear the books apart."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self._settle(settlement)
        with self.assertRaisesRegex(UserError, "belongs to an after-sales settlement"):
            settlement.move_id.button_draft()
