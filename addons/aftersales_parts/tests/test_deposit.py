from freezegun import freeze_time
from psycopg2.errors import CheckViolation, SerializationFailure

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import SERVICE, AftersalesPartsCommon, freeze


class DepositCommon(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account = cls.company.aftersales_deposit_account_id
        cls.bank = cls._bank_of(cls.company)
        cls.receivable = cls.center.property_account_receivable_id
        cls.other = cls._make_center("Nanjing center", "91320100MA1XNBWC5L")
        cls.users["other_center"] = cls._make_center_user("parts_other_center", cls.other)

    @classmethod
    def _bank_of(cls, company):
        return cls.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", company.id), ("currency_id", "=", False)],
            limit=1,
        )

    def _draft(self, kind, amount, **vals):
        return (
            self.env["aftersales.deposit"]
            .with_user(self.users["accountant"])
            .create({"center_id": self.center.id, "kind": kind, "amount": amount, **vals})
        )

    def _move(self, kind, amount, **vals):
        """Return a posted movement."""
        deposit = self._draft(kind, amount, **vals)
        deposit.action_post()
        return deposit

    def _balance(self, center=None, company=None):
        center = center or self.center
        company = company or self.company
        return company._aftersales_get_deposit_balances(center).get(center, 0)

    def _invoice(self, amount, date="2026-10-01", **vals):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.center.id,
                "invoice_date": date,
                "invoice_date_due": date,
                "invoice_line_ids": [
                    Command.create({"name": "Parts", "price_unit": amount, "tax_ids": False})
                ],
                **vals,
            }
        )
        invoice.action_post()
        return invoice

    def _items(self, deposit):
        return [
            (line.account_id, line.partner_id, line.debit, line.credit)
            for line in deposit.sudo().move_id.line_ids.sorted(lambda line: -line.balance)
        ]


@freeze
@tagged("post_install", "-at_install")
class TestDeposit(DepositCommon):
    def test_received(self):
        """L3.3: 20000.00 paid by the center: Dr outstanding receipts, Cr its deposit."""
        deposit = self._move("received", 20000, memo="Receipt 7")
        payment = deposit.sudo().payment_id
        self.assertEqual(deposit.state, "posted")
        self.assertEqual(
            self._items(deposit),
            [
                (payment.outstanding_account_id, self.center, 20000, 0),
                (self.account, self.center, 0, 20000),
            ],
        )
        self.assertTrue(payment.outstanding_account_id.reconcile, "so that the bank clears it")
        self.assertEqual(payment.state, "in_process", "until the bank statement confirms it")
        self.assertEqual(deposit.sudo().move_id.journal_id, self.bank)
        self.assertIn("Receipt 7", payment.memo)
        self.assertEqual((self._balance(), deposit.balance), (20000, 20000))

    def test_bank_statement_clears_the_payment(self):
        """L3.3: the bank is reconciled as for any payment, and the deposit stays."""
        deposit = self._move("received", 20000).sudo()
        payment = deposit.payment_id
        statement = self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.bank.id,
                "date": "2026-11-20",
                "payment_ref": "Deposit",
                "amount": 20000,
            }
        )
        _liquidity, suspense, _other = statement._seek_for_lines()
        suspense.account_id = payment.outstanding_account_id
        outstanding = payment._seek_for_lines()[0]
        (suspense + outstanding).reconcile()
        self.assertTrue(outstanding.reconciled)
        self.assertEqual(payment.state, "paid")
        self.assertEqual(self._balance(), 20000)
        with self.assertRaisesRegex(UserError, "matched with a bank statement"):
            deposit.with_user(self.users["accountant"]).action_reverse("Wrong")

    def test_locked_period(self):
        """L3.3: the movement bears the day on which the books took it, not one that is locked."""
        self.company.fiscalyear_lock_date = "2026-09-30"
        deposit = self._move("received", 1000, date="2026-09-15")
        self.assertEqual(deposit.date, deposit.sudo().move_id.date)
        self.assertGreater(str(deposit.date), "2026-09-30")

    def test_set_off_pays_the_oldest_invoices(self):
        """L3.3: 1500.50 of the deposit pays 1000.00 in full and 500.50 of 800.00.

        By hand: Dr deposit 1500.50, Cr receivable 1500.50; 299.50 of the newer stays open.
        """
        newer = self._invoice(800, "2026-10-15")
        older = self._invoice(1000, "2026-09-15")
        foreign = self._invoice(300, "2026-09-01", partner_id=self.other.id)
        self._move("received", 2000)
        deposit = self._move("used", 1500.50)
        self.assertEqual(
            self._items(deposit),
            [
                (self.account, self.center, 1500.50, 0),
                (self.receivable, self.center, 0, 1500.50),
            ],
        )
        self.assertEqual((older.amount_residual, newer.amount_residual), (0, 299.50))
        self.assertIn(older.payment_state, ("paid", "in_payment"))
        self.assertEqual(newer.payment_state, "partial")
        self.assertEqual(foreign.amount_residual, 300, "another center's invoice is not paid")
        self.assertEqual((self._balance(), deposit.balance), (499.50, 499.50))

    def test_set_off_against_a_chosen_invoice(self):
        """L3.3: the chosen invoice is paid, not the oldest one; no more than it is open."""
        older = self._invoice(1000, "2026-09-15")
        newer = self._invoice(800, "2026-10-15")
        self._move("received", 2000)
        with self.assertRaisesRegex(UserError, "owes .*800.00.*here"), self.cr.savepoint():
            self._move("used", 800.01, invoice_ids=newer.ids)
        self._move("used", 800, invoice_ids=newer.ids)
        self.assertEqual((older.amount_residual, newer.amount_residual), (1000, 0))
        self.assertIn(newer.payment_state, ("paid", "in_payment"))

    def test_set_off_against_nothing(self):
        """L3.3: what the center doesn't owe can't be set off, and nothing is posted."""
        self._move("received", 2000)
        deposit = self._draft("used", 100)
        with self.assertRaisesRegex(UserError, "owes .*0.00"):
            deposit.action_post()

    def test_refunded(self):
        """L3.3: Dr deposit, Cr outstanding payments; to the last cent, not one more."""
        self._move("received", 1000)
        deposit = self._draft("refunded", 1000.01)
        with self.assertRaisesRegex(UserError, "deposit of Hangzhou center is .*1,000.00"):
            deposit.action_post()
        deposit.amount = 1000
        deposit.action_post()
        payment = deposit.sudo().payment_id
        self.assertEqual(
            self._items(deposit),
            [
                (self.account, self.center, 1000, 0),
                (payment.outstanding_account_id, self.center, 0, 1000),
            ],
        )
        self.assertEqual((payment.payment_type, self._balance()), ("outbound", 0))

    def test_more_than_the_balance_is_not_set_off(self):
        """L3.3: one cent more than the deposit is refused; another center's doesn't help."""
        self._invoice(5000)
        self._move("received", 100)
        self._move("received", 9000, center_id=self.other.id)
        with self.assertRaisesRegex(UserError, "can't be taken"), self.cr.savepoint():
            self._move("used", 100.01)
        self._move("used", 100)
        self.assertEqual((self._balance(), self._balance(self.other)), (0, 9000))

    def test_opening_balance_counts(self):
        """L3.3: the balance is that of the books, so an opening entry is part of it."""
        equity = self.env["account.account"].search([("account_type", "=", "equity")], limit=1)
        self.env["account.move"].create(
            {
                "journal_id": self.company.aftersales_journal_id.id,
                "line_ids": [
                    Command.create({"account_id": equity.id, "balance": 700}),
                    Command.create(
                        {
                            "account_id": self.account.id,
                            "partner_id": self.center.id,
                            "balance": -700,
                        }
                    ),
                ],
            }
        ).action_post()
        self.assertEqual(self._balance(), 700)
        self.assertEqual(self._move("refunded", 650).balance, 50)

    def test_running_balance(self):
        """L3.3: the ledger shows the deposit after each movement, in the order of the dates."""
        self._invoice(5000)
        first = self._move("received", 1000, date="2026-11-01")
        last = self._move("used", 300, date="2026-11-10")
        between = self._move("received", 0.05, date="2026-11-05")
        other = self._move("received", 7, date="2026-11-02", center_id=self.other.id)
        movements = first | last | between | other
        movements.invalidate_recordset()
        self.assertEqual(
            [d.balance for d in (first, between, last, other)], [1000, 1000.05, 700.05, 7]
        )

    def test_running_balance_is_batched(self):
        """L3.3: the ledger takes as many queries for eight movements as for four."""
        movements = self.env["aftersales.deposit"].browse()
        counts = []
        for _i in range(2):
            for _j in range(4):
                movements |= self._move("received", 10)
            self.env.flush_all()
            self.env.invalidate_all()
            movements.mapped("name")
            before = self.cr.sql_log_count
            movements.mapped("balance")
            movements.mapped("available")
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])

    def test_only_accountants_post(self):
        """L3.3: who isn't an accountant neither enters nor posts nor reverses."""
        draft = self._draft("received", 100)
        for role in ("center", "clerk", "customer_service", "office_manager", "logistics", "vp"):
            deposits = self.env["aftersales.deposit"].with_user(self.users[role])
            with self.assertRaises(AccessError):
                deposits.create({"center_id": self.center.id, "amount": 5})
            with self.assertRaises(AccessError):
                draft.with_user(self.users[role]).action_post()
        draft.action_post()
        for role in ("center", "customer_service"):
            with self.assertRaises(AccessError):
                draft.with_user(self.users[role]).action_reverse("Reason")

    def test_who_sees_which_ledger(self):
        """L3.3: a center its own, a manager his region, central departments and accountants all."""
        mine = self._move("received", 100)
        region = self.env["aftersales.region"].create({"name": "Far"})
        self.other.aftersales_region_id = region
        theirs = self._move("received", 200, center_id=self.other.id)
        everything = mine | theirs
        expected = {
            "center": mine,
            "other_center": theirs,
            "office_manager": mine,
            "customer_service": everything,
            "clerk": everything,
            "vp": everything,
            "accountant": everything,
            "technician": everything.browse(),
            "quality": everything.browse(),
        }
        for role, visible in expected.items():
            deposits = self.env["aftersales.deposit"].with_user(self.users[role])
            found = deposits.search([("id", "in", everything.ids)])
            self.assertEqual(found, visible, role)
        own = mine.with_user(self.users["center"])
        self.assertEqual((own.balance, own.available), (100, 100))
        with self.assertRaises(AccessError):
            theirs.with_user(self.users["center"]).read(["amount"])

    def test_other_company(self):
        """L3.3: each company keeps its own deposit of a center, seen in that company only."""
        company = self._make_other_company()
        self._move("received", 100)
        accountant = self.users["accountant"]
        accountant.company_ids |= company
        deposit = (
            self.env["aftersales.deposit"]
            .with_user(accountant)
            .with_company(company)
            .create(
                {
                    "center_id": self.center.id,
                    "amount": 30,
                    "journal_id": self._bank_of(company).id,
                }
            )
        )
        deposit.action_post()
        self.assertEqual(self._balance(), 100)
        self.assertEqual(self._balance(company=company), 30)
        self.assertFalse(
            self.env["aftersales.deposit"]
            .with_user(self.users["customer_service"])
            .search([("company_id", "=", company.id)])
        )
        with self.assertRaises(UserError):
            self._draft("received", 5, journal_id=self._bank_of(company).id)

    def _make_other_company(self):
        company = self.env["res.company"].create(
            {"name": "American company", "country_id": self.env.ref("base.us").id}
        )
        self.env["account.chart.template"].try_loading(
            "generic_coa", company=company, install_demo=False
        )
        return company

    def test_another_chart(self):
        """L3.3: the generic chart gets its account, and 12.34 is posted and refunded by it."""
        company = self._make_other_company()
        account = company.aftersales_deposit_account_id
        self.assertEqual((account.account_type, account.reconcile), ("liability_current", True))
        self.assertFalse(company._aftersales_find_by_xmlid("l10n_cn_common_account_2241"))
        deposits = self.env["aftersales.deposit"].with_company(company)
        received, refunded = deposits.create(
            [
                {
                    "center_id": self.center.id,
                    "kind": kind,
                    "amount": 12.34,
                    "company_id": company.id,
                    "journal_id": self._bank_of(company).id,
                }
                for kind in ("received", "refunded")
            ]
        )
        received.with_user(SUPERUSER_ID).action_post()
        self.assertEqual(
            self._items(received),
            [
                (received.payment_id.outstanding_account_id, self.center, 12.34, 0),
                (account, self.center, 0, 12.34),
            ],
        )
        self.assertEqual(self._balance(company=company), 12.34)
        refunded.with_user(SUPERUSER_ID).action_post()
        self.assertEqual(self._balance(company=company), 0)

    def test_account_beside_other_payables(self):
        """L3.3: on the Chinese charts the account stands beside 其他应付款 2241."""
        if self.company.chart_template not in ("cn", "cn_large_bis"):
            self.skipTest("not a Chinese chart")
        self.assertEqual(self.account.code[:3], "224")
        self.assertEqual(self.account.account_type, "liability_current")

    def test_account_is_added_where_it_is_missing(self):
        """L3.3: a database from before the deposits gets the account, once."""
        self.company.aftersales_deposit_account_id = False
        self.company._aftersales_set_accounts()
        added = self.company.aftersales_deposit_account_id
        self.assertTrue(added)
        self.company._aftersales_set_accounts()
        self.assertEqual(self.company.aftersales_deposit_account_id, added)

    def test_account_with_deposits_is_kept(self):
        """L3.3: another account can't be chosen while deposits stand on this one."""
        self._move("received", 100)
        new = self.account.copy()
        with self.assertRaisesRegex(UserError, "Hangzhou center"):
            self.company.aftersales_deposit_account_id = new
        self._move("refunded", 100)
        self.company.aftersales_deposit_account_id = new

    def test_missing_account_is_named(self):
        """L3.3: without the account the message says where to choose it."""
        self.company.aftersales_deposit_account_id = False
        with self.assertRaisesRegex(UserError, "Settings ▸ Invoicing ▸ After-sales"):
            self._draft("received", 5).action_post()

    def test_foreign_currency_is_refused(self):
        """L3.3: neither a bank in another currency nor an invoice in one."""
        dollar = self.env.ref("base.USD")
        euro = self.env.ref("base.EUR")
        foreign = euro if self.company.currency_id == dollar else dollar
        foreign.active = True
        journal = self.env["account.journal"].create(
            {"name": "Foreign", "type": "bank", "code": "FRGN", "currency_id": foreign.id}
        )
        with self.assertRaisesRegex(UserError, f"is in {foreign.name}"), self.cr.savepoint():
            self._draft("received", 5, journal_id=journal.id).action_post()
        self._move("received", 5000)
        invoice = self._invoice(100, currency_id=foreign.id)
        deposit = self._draft("used", 10, invoice_ids=invoice.ids)
        with self.assertRaisesRegex(UserError, "can't be set off"):
            deposit.action_post()

    def test_amount_is_positive(self):
        """L3.3: neither nothing nor less than nothing; a reversal isn't entered by hand."""
        for amount in (0, -5):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.cr.savepoint(),
            ):
                self._draft("received", amount)
        posted = self._move("received", 100)
        with self.assertRaises(AccessError):
            self._draft("received", -100, reversed_id=posted.id)

    def test_not_in_the_future(self):
        """L3.3: money that comes tomorrow is no deposit today; the day is that of the company."""
        with (
            freeze_time("2026-11-19 15:59:59"),  # 23:59:59 on the 19th in Shanghai
            self.assertRaisesRegex(UserError, "in the future"),
            self.cr.savepoint(),
        ):
            self._move("received", 5, date="2026-11-20")
        with freeze_time("2026-11-19 16:00:00"):  # midnight
            self._move("received", 5, date="2026-11-20")

    def test_reverse(self):
        """L3.3: reversing 1500.50 set off opens the invoice again and restores the deposit."""
        invoice = self._invoice(2000)
        self._move("received", 3000)
        deposit = self._move("used", 1500.50)
        deposit.action_reverse("Wrong center")
        reversal = deposit.reversal_ids
        self.assertEqual((deposit.state, reversal.state), ("cancelled", "posted"))
        self.assertEqual((reversal.amount, reversal.change), (-1500.50, 1500.50))
        self.assertEqual(
            {
                account: sum(
                    (deposit | reversal)
                    .sudo()
                    .move_id.line_ids.filtered(lambda line, a=account: line.account_id == a)
                    .mapped("balance")
                )
                for account in (self.account, self.receivable)
            },
            {self.account: 0, self.receivable: 0},
        )
        self.assertEqual((invoice.amount_residual, self._balance()), (2000, 3000))
        with self.assertRaisesRegex(UserError, "Posted"):
            deposit.action_reverse("Again")
        with self.assertRaisesRegex(UserError, "reversal itself"):
            reversal.action_reverse("Again")

    def test_reverse_payment(self):
        """L3.3: the payment is cancelled, its entry and the reversing one add up to nothing."""
        deposit = self._move("received", 100)
        deposit.action_reverse("Entered twice")
        self.assertEqual(deposit.sudo().payment_id.state, "canceled")
        self.assertEqual(
            (deposit | deposit.reversal_ids).sudo().move_id.mapped("state"), ["posted"] * 2
        )
        self.assertEqual(self._balance(), 0)
        self.assertEqual(deposit.reversal_ids.balance, 0)

    def test_reversal_that_makes_the_deposit_negative(self):
        """L3.3: what has been set off since can't lose its cover."""
        self._invoice(5000)
        received = self._move("received", 100)
        self._move("used", 0.01)
        with self.assertRaisesRegex(UserError, "would become"):
            received.action_reverse("Wrong")

    def test_reason_is_asked_for(self):
        """L3.3: no reversal without a reason; the window leads to the action."""
        deposit = self._move("received", 100)
        with self.assertRaisesRegex(UserError, "reason"):
            deposit.action_reverse("  ")
        action = deposit.action_open_reverse()
        wizard = Form(
            self.env[action["res_model"]]
            .with_user(self.users["accountant"])
            .with_context(**action["context"])
        )
        wizard.reason = "Entered twice"
        wizard.save().action_confirm()
        self.assertEqual(deposit.state, "cancelled")

    def test_entry_can_not_be_undone(self):
        """L3.3: neither entry nor payment is reset, cancelled, changed or deleted on its own."""
        self._invoice(5000)
        received = self._move("received", 1000)
        used = self._move("used", 300)
        reversed_one = self._move("received", 50)
        reversed_one.action_reverse("Twice")
        movements = received | used | reversed_one | reversed_one.reversal_ids
        for move in movements.sudo().move_id:
            line = move.line_ids.filtered(lambda item: item.account_id == self.account)
            for change in (
                move.button_draft,
                move.button_cancel,
                move.unlink,
                lambda m=move: m._reverse_moves(cancel=True),
                lambda m=move: m.write({"date": "2026-11-01"}),
                lambda m=move: m.write({"state": "draft"}),
                lambda i=line: i.write({"partner_id": self.other.id}),
                lambda i=line: i.write({"account_id": self.receivable.id}),
            ):
                with self.assertRaises(UserError), self.cr.savepoint():
                    change()
        payment = received.sudo().payment_id
        for change in (
            payment.action_draft,
            payment.action_cancel,
            payment.action_reject,
            payment.unlink,
            lambda: payment.write({"amount": 1}),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()
        self.assertEqual(self._balance(), 700)

    def test_allocation_stays_free(self):
        """L3.3: which invoice the credit pays may be changed; the books stay as they are."""
        first = self._invoice(300)
        self._move("received", 1000)
        used = self._move("used", 300)
        credit = used.sudo().move_id.line_ids.filtered(lambda line: line.balance < 0)
        credit.remove_move_reconcile()
        second = self._invoice(300)
        debit = second.line_ids.filtered(lambda line: line.account_id == self.receivable)
        (credit + debit).reconcile()
        self.assertEqual((first.amount_residual, second.amount_residual), (300, 0))

    def test_posted_is_fixed(self):
        """L3.3: a posted movement is neither changed nor deleted nor posted again, by any way."""
        deposit = self._move("received", 100)
        for vals in (
            {"amount": 1},
            {"center_id": self.other.id},
            {"kind": "used"},
            {"date": "2026-01-01"},
        ):
            with self.assertRaisesRegex(UserError, "entered in the books"), self.cr.savepoint():
                deposit.write(vals)
        for vals in ({"state": "draft"}, {"move_id": False}, {"name": "DP1"}):
            with self.assertRaises(AccessError):
                deposit.write(vals)
        with self.assertRaises(UserError):
            deposit.action_post()
        with self.assertRaises(UserError):
            deposit.unlink()
        draft = self._draft("received", 5)
        draft.unlink()
        self.assertFalse(draft.exists())

    def test_only_of_service_centers(self):
        """L3.3: a customer has no deposit, whatever an import says."""
        deposit = self._draft("received", 100, center_id=self.customer.id)
        with self.assertRaisesRegex(UserError, "no service center"):
            deposit.action_post()

    def test_state_is_not_imported(self):
        """L3.3: an import can't bring in what looks posted."""
        with self.assertRaises(AccessError):
            self._draft("received", 100, state="posted")

    def test_two_at_once(self):
        """L3.3: while one accountant posts, another gets an error instead of a second refund."""
        partner = self.env.ref("base.partner_admin")  # one that both transactions see
        with self.registry.cursor() as other_cr:
            other = partner.with_env(api.Environment(other_cr, SUPERUSER_ID, {}))
            other._lock_aftersales_stock_account()
            with self.assertRaisesRegex(UserError, "this very moment"):
                partner._lock_aftersales_stock_account()
            other_cr.rollback()
        partner._lock_aftersales_stock_account()

    def test_one_after_the_other(self):
        """L3.3: who began before another one posted starts again instead of counting as before."""
        partner = self.env.ref("base.public_partner")
        with self.registry.cursor() as other_cr:
            other = partner.with_env(api.Environment(other_cr, SUPERUSER_ID, {}))
            other._lock_aftersales_stock_account()
            # the row keeps its values: nothing of the test stays in the database
            other_cr.commit()  # pylint: disable=invalid-commit
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(SerializationFailure),
            self.cr.savepoint(),
        ):
            partner._lock_aftersales_stock_account()


@tagged("post_install", "-at_install")
class TestDepositForm(DepositCommon):
    def test_entered_in_the_form(self):
        """L3.3: an accountant enters center and amount; journal, day and deposit are shown."""
        self._move("received", 40)
        form = Form(self.env["aftersales.deposit"].with_user(self.users["accountant"]))
        form.center_id = self.center
        form.amount = 60
        self.assertEqual(form.available, 40)
        self.assertEqual(form.journal_id.type, "bank")
        deposit = form.save()
        deposit.action_post()
        self.assertEqual(deposit.balance, 100)
        self.assertEqual(deposit.date, fields.Date.context_today(deposit))
        self.assertTrue(deposit.name.startswith("DP"))

    def test_new_role_sees_nothing(self):
        """L3.3: without a role nothing of the ledger is visible."""
        user = new_test_user(self.env, "parts_nothing", groups=f"{SERVICE}user")
        self._move("received", 40)
        self.assertFalse(self.env["aftersales.deposit"].with_user(user).search([]))
