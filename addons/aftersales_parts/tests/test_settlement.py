from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
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
        self._order_urgently(self.pump)
        self._make_record(
            [
                self._part(self.pump),
                self._part(self.gearbox),
                self._part(self.pump, source="urgent"),
                self._part(
                    self.pump, source="outside", purchase_price=2860, purchase_number="20261234"
                ),
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
            }
        )
        self._make_record([self._part(self.pump)], day="2026-10-19")
        self._make_record([self._part(self.pump)], day="2026-10-20")
        self.assertEqual(self._generate().line_ids.mapped("amount_fee"), [286.0, 228.8])

    def test_part_without_price_is_refused(self):
        """M8.1: no price on the day of service, no claim; never the product's sales price."""
        filter_ = self._make_part("Filter", self.env.ref("aftersales_parts.part_class_hydraulic"))
        self._make_record([self._part(filter_)])
        with self.assertRaisesRegex(UserError, "“Filter” has no wholesale price on"):
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
        record = self._make_record([self._part(self.pump)])
        engine = self.env["aftersales.settlement.line"]
        for arrival, price in (("2026-12-31 15:30:00", 2860), ("2026-12-31 16:30:00", 3000)):
            self.env.cr.execute(
                "UPDATE aftersales_service_record SET arrival = %s WHERE id = %s",
                [arrival, record.id],
            )
            record.invalidate_recordset(["arrival"])
            (assessment,) = engine._assess_parts(record.part_ids).values()
            self.assertEqual(assessment["price"], price)

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

    def test_each_visit_claimed_once(self):
        """M8.3, E7: two visits on one request are two records, each claimed once."""
        first = self._make_record([self._part(self.pump)], done=False)
        first.write({"further_visit": True, "further_visit_reason": "The gearbox has to come"})
        self._validate(first)
        request = first.request_id
        self.assertEqual(request.state, "assigned")
        second = self._make_record(
            [self._part(self.gearbox)], day="2026-10-22", done=False, request=request
        )
        self.assertEqual(self._generate().line_ids.record_id, first)
        self._validate(second)
        self.assertEqual(request.state, "done")
        settlement = self._generate()
        self.assertEqual(settlement.line_ids.record_id, first | second)
        self.assertEqual(len(settlement.line_ids), 2)

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
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
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
        self._submit(settlement)
        with self.assertRaisesRegex(UserError, "not inspected yet"):
            settlement.with_user(self.users["clerk"]).action_verify()

    def test_each_step_in_its_order_and_role(self):
        """M8.4, M8.5: customer service audits and sends, the center confirms; nothing else."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        center = settlement.with_user(self.users["center"])
        service = settlement.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "Filed"):
            service.action_verify()
        self._submit(settlement)
        with self.assertRaisesRegex(AccessError, "Customer service"):
            center.action_verify()
        settlement.with_user(self.users["clerk"]).action_verify()
        with self.assertRaisesRegex(UserError, "Sent"):
            center.action_confirm()
        service.action_send()
        with self.assertRaisesRegex(AccessError, "Service center"):
            service.action_confirm()
        center.action_confirm()
        with self.assertRaisesRegex(UserError, "Sent"):
            center.action_confirm()
        with self.assertRaisesRegex(UserError, "Credited"):
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
        # the totals that fapiao and entry go by
        own = settlement.with_user(self.users["center"])
        for name in ("amount_parts", "amount_fee", "amount_claimed", "amount_payable"):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                own.write({name: 99999})

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
        """M8.4: a list of which nothing is payable is done without an entry: no fapiao comes."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        self._settle(settlement)
        self.assertEqual(settlement.state, "reconciled")
        self.assertTrue(settlement.date_confirmed)
        self.assertFalse(settlement.move_id)

    def test_saving_settings_keeps_the_price_list(self):
        """M8.1: whoever saves a setting must not archive the wholesale price list with it."""
        self.env["res.config.settings"].create({}).execute()
        self.assertTrue(self.pricelist.active)
        self.assertEqual(self.company.aftersales_pricelist_id, self.pricelist)

    def test_missing_accounts_are_named(self):
        """M8.5: without accounts the confirmation stands, and accountants are told which."""
        self.company.aftersales_accrued_account_id = False
        settlement = self._confirmed()
        self.assertEqual(settlement.state, "confirmed")
        self.assertFalse(settlement.move_id)
        self.assertIn("Accrued after-sales, uninvoiced", settlement.activity_ids[0].note)
        self.assertIn("Accrued after-sales, uninvoiced", settlement.message_ids[0].body)

    def test_entry_can_not_be_reset(self):
        """M8.5: resetting the entry to draft would tear the books apart."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self._settle(settlement)
        with self.assertRaisesRegex(UserError, "belongs to an after-sales settlement"):
            settlement.move_id.button_draft()

    def _confirmed(self, part=None):
        """Return a confirmed settlement of 120.00, or of ``part``."""
        self._make_record([part or self._scrap(self.seal)])
        settlement = self._generate()
        self._settle(settlement)
        return settlement

    def _refused(self):
        """Return a context that expects the refusal of a change to a settlement's entry."""
        return self.assertRaisesRegex(UserError, "belongs to an after-sales settlement")

    def test_entry_can_not_be_undone(self):
        """M8.5: neither reset, cancel, delete nor reverse; reference, accounts, amounts stay."""
        move = self._confirmed().move_id
        manager = self._make_accounting_manager()
        for env_move in (move, move.with_user(manager)):
            for undo in (
                env_move.button_draft,
                env_move.button_cancel,
                env_move._reverse_moves,
                env_move.with_context(force_delete=True).unlink,
                env_move.line_ids.with_context(force_delete=True).unlink,
            ):
                with self._refused(), self.cr.savepoint():
                    undo()
            for vals in ({"state": "draft"}, {"state": "cancel"}, {"ref": "x"}):
                with self._refused(), self.cr.savepoint():
                    env_move.write(vals)
            line = env_move.line_ids[0]
            for vals in (
                {"account_id": self.company.aftersales_accrued_account_id.id},
                {"partner_id": self.customer.id},
                {"balance": 1},
                {"debit": 1},
                {"credit": 1},
                {"amount_currency": 1},
            ):
                with self._refused(), self.cr.savepoint():
                    line.write(vals)
        self.assertEqual((move.state, len(move.line_ids)), ("posted", 4))

    def _make_accounting_manager(self):
        return new_test_user(
            self.env, "parts_accounting_manager", groups="account.group_account_manager"
        )

    def test_link_of_an_entry_is_not_written_by_hand(self):
        """M8.5: the guard can't be taken off by a write, nor put on an entry of one's own."""
        settlement = self._confirmed()
        manager = self._make_accounting_manager()
        moves = self.env["account.move"].with_user(manager)
        link = {"aftersales_settlement_id": settlement.id}
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            settlement.move_id.with_user(manager).aftersales_settlement_id = False
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            moves.create({"move_type": "entry", **link})
        moves = moves.with_context(default_aftersales_settlement_id=settlement.id)
        self.assertFalse(moves.create({"move_type": "entry"}).aftersales_settlement_id)
        # even if it were gone, the settlement knows its entry
        settlement.move_id.sudo().aftersales_settlement_id = False
        with self._refused():
            settlement.move_id.with_user(manager).button_draft()

    def test_other_entries_stay_free(self):
        """Entries that no settlement posted are changed as ever."""
        invoice = self._make_invoice(self.center, 100)
        invoice.ref = "x"
        invoice.button_draft()
        invoice.line_ids[0].name = "y"
        invoice.button_cancel()
        self.assertEqual(invoice.state, "cancel")

    def _make_invoice(self, partner, amount):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": "2026-11-02",
                "invoice_line_ids": [
                    (0, 0, {"name": "Parts", "price_unit": amount, "tax_ids": [(5, 0, 0)]})
                ],
            }
        )
        invoice.action_post()
        return invoice

    def test_payment_allocation_stays_free(self):
        """M8.5: the credit on the center's parts account may be allocated anew."""
        invoice = self._make_invoice(self.center, 1000)
        settlement = self._confirmed()
        credit = settlement.move_id.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        self.assertEqual(invoice.amount_residual, 880)
        credit.remove_move_reconcile()
        self.assertEqual(invoice.amount_residual, 1000)
        (
            credit + invoice.line_ids.filtered(lambda x: x.account_id == credit.account_id)
        ).reconcile()
        self.assertEqual(invoice.amount_residual, 880)

    def test_center_that_is_a_contact(self):
        """M8.5: a center that is a branch of a company: its invoices are the company's.

        By hand: 1000.00 invoiced less 120.00 credited leaves 880.00.
        """
        # the stock location of used parts is that of the parent company, too
        parent = self._make_center("Group", False)
        self.center.write({"is_company": False, "parent_id": parent.id})
        self.assertEqual(self.center.commercial_partner_id, parent)
        invoice = self._make_invoice(self.center, 1000)
        settlement = self._confirmed()
        self.assertEqual(settlement.move_id.line_ids.partner_id, parent)
        self.assertEqual(invoice.amount_residual, 880)

    def test_entry_is_in_the_currency_of_the_company(self):
        """M8.5: a journal in another currency doesn't turn 120.00 into something else."""
        foreign = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("id", "!=", self.company.currency_id.id)], limit=1)
        )
        foreign.active = True
        self.company.aftersales_journal_id = self.env["account.journal"].create(
            {"name": "Foreign", "code": "AFX", "type": "general", "currency_id": foreign.id}
        )
        move = self._confirmed().move_id
        self.assertEqual(move.currency_id, self.company.currency_id)
        self.assertEqual(move.line_ids.currency_id, self.company.currency_id)
        self.assertEqual(sum(move.line_ids.mapped("debit")), 226.19)  # 120 + 120 / 1.13

    def test_tax_that_can_not_be_used(self):
        """M8.5, M8.6: no credit as long as the bill could never be entered."""
        tax = self.company.aftersales_purchase_tax_id
        self.company.aftersales_purchase_tax_id = False
        settlement = self._confirmed().with_user(self.users["accountant"])

        def refuse(vals):
            with self.assertRaisesRegex(UserError, "“Other.*exactly one line"), self.cr.savepoint():
                self.company.aftersales_purchase_tax_id = tax.copy({"name": "Other", **vals})
                settlement.action_post()

        refuse({"price_include_override": "tax_included"})
        refuse({"amount_type": "fixed"})
        split = [
            (5, 0, 0),
            (0, 0, {"document_type": "invoice", "repartition_type": "base"}),
            (0, 0, {"document_type": "invoice", "repartition_type": "tax", "factor_percent": 60}),
            (0, 0, {"document_type": "invoice", "repartition_type": "tax", "factor_percent": 40}),
            (0, 0, {"document_type": "refund", "repartition_type": "base"}),
            (0, 0, {"document_type": "refund", "repartition_type": "tax", "factor_percent": 60}),
            (0, 0, {"document_type": "refund", "repartition_type": "tax", "factor_percent": 40}),
        ]
        refuse({"repartition_line_ids": split})
        self.assertEqual(settlement.state, "confirmed")
        self.assertFalse(settlement.move_id)
        self.company.aftersales_purchase_tax_id = tax
        settlement.action_post()
        self.assertEqual(settlement.state, "posted")

    def test_accounts_of_the_wrong_type(self):
        """M8.5: the two clearing accounts have to be told apart by their type."""
        self.company.aftersales_claims_account_id = self.company.aftersales_accrued_account_id
        settlement = self._confirmed()
        self.assertEqual(settlement.state, "confirmed")
        self.assertIn("has to be a Payable account", settlement.activity_ids[0].note)

    def test_only_the_own_center_confirms(self):
        """M8.5: a user of another center with a central role sees it, but doesn't decide."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        user = self._make_center_user("parts_two_roles", other)
        user.group_ids += self.env.ref("aftersales_service.group_vp")
        foreign = settlement.with_user(user)
        self.assertEqual(foreign.amount_claimed, 120)
        with self.assertRaisesRegex(AccessError, "decided on by Hangzhou"), self.cr.savepoint():
            foreign.action_submit()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._submit(settlement, self.users["accountant"])
        self._submit(settlement, self.users["clerk"])
        settlement.with_user(self.users["clerk"]).action_verify()
        settlement.with_user(self.users["customer_service"]).action_send()
        with self.assertRaisesRegex(AccessError, "decided on by Hangzhou"), self.cr.savepoint():
            foreign.action_confirm()
        self.assertEqual(settlement.state, "sent")
        settlement.with_user(self.users["center"]).action_confirm()

    def test_price_of_zero_is_no_price(self):
        """M8.1: 0.00 on the list is a price not entered yet; the part is named, not given away."""
        self.pricelist.item_ids.filtered(lambda i: i.product_id == self.pump).fixed_price = 0
        self._make_record([self._part(self.pump)])
        with self.assertRaisesRegex(UserError, "“Pump” has no wholesale price"):
            self._generate()

    def test_part_out_of_warranty_is_not_paid(self):
        """M8.4: no coverage, or damage by the customer: 0.00, with the reason; by hand 120.00."""
        self._make_record([self._scrap(self.seal)])
        record = self._make_record([self._scrap(self.seal)], done=False)
        record.write({"responsibility": "customer", "advice": "Keep the seals clean"})
        self._validate(record)
        expired = self._make_record([self._scrap(self.seal)], day="2026-10-21")
        self.card.coverage_ids.date_end = "2026-10-20"
        self.assertFalse(expired.part_ids.coverage_id)
        settlement = self._generate()
        self._settle(settlement)
        self.assertEqual(
            settlement.line_ids.sorted("tag").mapped(
                lambda line: (line.result, line.amount_claimed, line.amount_payable)
            ),
            [("payable", 120, 120), ("uncovered", 120, 0), ("uncovered", 120, 0)],
        )
        self.assertEqual(settlement.amount_payable, 120)
        self.assertIn("Not under warranty", settlement.line_ids.sorted("tag")[2].explanation)

    def test_missing_part_that_arrives_later_is_paid_once(self):
        """M8.4: missing in October, accepted in November: paid with November, once.

        By hand: October 120.00 (seal kit), November 3146.00 (pump of October) and 120.00.
        """
        record = self._make_record([self._part(self.pump), self._scrap(self.seal)])
        tag = record.used_part_ids.filtered(lambda t: t.product_id == self.pump)
        october = self._generate()
        self._settle(october)
        self.assertEqual(october.amount_payable, 120)
        self._make_record([self._scrap(self.seal)], day="2026-11-02")
        november = self._generate("2026-11-01")
        self.assertEqual(november.amount_claimed, 120, "not accepted yet")
        self._return_parts()
        self.assertEqual(tag.state, "accepted")
        self.assertEqual(self._generate(), october)
        self.assertEqual(len(october.line_ids), 2, "a closed month stays as it is")
        self.assertEqual(self._generate("2026-11-01"), november)
        self.assertEqual(self._generate("2026-11-01"), november)
        self.assertEqual(november.line_ids.sorted("tag").mapped("amount_claimed"), [3146, 120])
        self._settle(november)
        self.assertEqual(november.amount_payable, 3266)
        self.assertEqual(october.line_ids.sorted("tag").mapped("result"), ["missing", "payable"])
        self.assertFalse(self._generate("2026-12-01"))
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            november.line_ids.filtered(lambda line: line.used_part_id == tag).sudo().copy()
