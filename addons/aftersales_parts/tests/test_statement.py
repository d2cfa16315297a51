from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestStatement(AftersalesPartsCommon):
    """对账单: a center's parts account of a period, from posted journal items (M8.5, M8.6)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax = cls.env["account.tax"].search(
            [("company_id", "=", cls.company.id), ("type_tax_use", "=", "sale")], limit=1
        )

    def _invoice(self, amount, day, post=True, move_type="out_invoice", partner=None):
        move = self.env["account.move"].create(
            {
                "move_type": move_type,
                "partner_id": (partner or self.center).id,
                "invoice_date": day,
                "date": day,
                "invoice_line_ids": [
                    Command.create({"name": "Parts", "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        if post:
            move.action_post()
        return move

    def _pay(self, amount, day):
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.center.id,
                "amount": amount,
                "date": day,
            }
        )
        payment.with_context(force_payment_move=True).action_post()
        if not payment.move_id:
            payment._generate_journal_entry()
            payment.move_id.action_post()
        return payment

    def _statement(self, role="accountant", **vals):
        statement = (
            self.env["aftersales.statement"]
            .with_user(self.users[role])
            .create(
                {
                    "center_id": self.center.id,
                    "date_from": "2026-11-01",
                    "date_to": "2026-11-30",
                    **vals,
                }
            )
        )
        statement.action_compute()
        return statement

    def _fill(self):
        """Book what the tests below work out by hand."""
        self._invoice(1000.10, "2026-10-05")
        self._invoice(200, "2026-10-06", move_type="out_refund")
        self._invoice(5000.05, "2026-11-03")
        self._invoice(777, "2026-11-03", post=False)
        self._invoice(999, "2026-11-04", partner=self._make_center("Other", "91330109MA2A00001"))
        self._pay(300.15, "2026-11-10")
        self._make_record([self._part(self.pump)])
        self._return_parts()
        settlement = self._generate()
        self._settle(settlement)
        deposit = (
            self.env["aftersales.deposit"]
            .with_user(self.users["accountant"])
            .create({"center_id": self.center.id, "amount": 20000, "date": "2026-11-12"})
        )
        deposit.action_post()
        self._invoice(60, "2026-12-01")
        return settlement

    def test_figures(self):
        """M8.5: by hand: 1,000.10 − 200.00 = 800.10; + 5,000.05 − 300.15 − 3,146.00 = 2,354.00.

        Drafts, other centers and later days don't count; the deposit stands apart.
        """
        settlement = self._fill()
        for role in ("accountant", "center", "clerk", "vp", "office_manager", "customer_service"):
            statement = self._statement(role)
            self.assertEqual(statement.balance_opening, 800.10, role)
            self.assertEqual(statement.amount_debit, 5000.05)
            self.assertEqual(statement.amount_credit, 3446.15)
            self.assertEqual(statement.balance_closing, 2354.00)
            self.assertEqual(
                statement.movement_ids.mapped("kind"), ["invoice", "payment", "settlement"]
            )
            self.assertEqual(statement.movement_ids.mapped("balance"), [5800.15, 5500.00, 2354.00])
            self.assertEqual(statement.movement_ids[2].label, settlement.name)
            self.assertEqual(statement.deposit_opening, 0)
            self.assertEqual(statement.deposit_closing, 20000)
            self.assertEqual(statement.deposit_ids.mapped("credit"), [20000])
            self.assertEqual(statement.amount_awaited, 3146)
            self.assertEqual(statement.awaited_ids.label, settlement.name)

    def test_fapiao_awaited_as_of_the_day(self):
        """M8.6: what was closed later was open then; before it was credited, there is none."""
        settlement = self._fill()
        claims = self.company.aftersales_claims_account_id
        debit = settlement.move_id.line_ids.filtered(lambda line: line.account_id == claims)
        entry = self.env["account.move"].create(
            {
                "date": "2026-12-05",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": self.center.id,
                            "balance": balance,
                        }
                    )
                    for account, balance in (
                        (claims, -1000),
                        (self.company.aftersales_expense_account_id, 1000),
                    )
                ],
            }
        )
        entry.action_post()
        (debit + entry.line_ids.filtered(lambda line: line.account_id == claims)).reconcile()
        self.assertEqual(self._statement().amount_awaited, 3146)
        later = self._statement(date_from="2026-12-01", date_to="2026-12-31")
        self.assertEqual(later.amount_awaited, 2146)
        self.assertEqual(later.balance_opening, 2354)
        self.assertEqual(later.balance_closing, 2414)
        earlier = self._statement(date_from="2026-10-01", date_to="2026-10-31")
        self.assertEqual((earlier.amount_awaited, earlier.balance_opening), (0, 0))
        self.assertEqual(earlier.balance_closing, 800.10)

    def test_others(self):
        """A center sees its own account only, whatever it writes, and nobody forges figures."""
        self._fill()
        elsewhere = self._make_center("Elsewhere", "91330109MA2A00002")
        user = self._make_center_user("parts_elsewhere", elsewhere)
        foreign = self.env["aftersales.statement"].with_user(user)
        with self.assertRaises(AccessError), self.cr.savepoint():
            foreign.create({"center_id": self.center.id}).action_compute()
        with self.assertRaises(AccessError), self.cr.savepoint():
            foreign.create({"center_id": elsewhere.id, "balance_closing": -99})
        own = foreign.create({"center_id": elsewhere.id})
        own.action_compute()
        for vals in (
            {"balance_closing": -99},
            {"line_ids": [Command.create({"section": "account"})]},
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                own.write(vals)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.statement.line"].with_user(user).create(
                {"statement_id": own.id, "section": "account"}
            )
        # what was computed for one center is gone when another is chosen
        own.center_id = self.center
        self.assertFalse(own.line_ids or own.is_computed)
        for action in (own.action_print, own.action_xlsx, own.action_compute):
            with self.assertRaises(AccessError), self.cr.savepoint():
                action()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["ir.actions.report"].with_user(user)._render_qweb_html(
                "aftersales_parts.report_statement", own.ids
            )
        statement = self._statement()
        for records in (statement, statement.line_ids):
            with self.assertRaises(AccessError), self.cr.savepoint():
                records.with_user(user).read(["currency_id"])
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._statement("technician")

    def test_defaults_and_period(self):
        """The month before is proposed, a center's user his center; a wrong period says so."""
        statement = self.env["aftersales.statement"].with_user(self.users["center"]).create({})
        self.assertEqual(statement.center_id, self.center)
        self.assertEqual(f"{statement.date_from} {statement.date_to}", "2026-10-01 2026-10-31")
        with self.assertRaisesRegex(UserError, "ends before"):
            self._statement(date_from="2026-12-01")

    def test_print_and_workbook(self):
        """M8.5: the print and the workbook say what the screen says."""
        settlement = self._fill()
        statement = self._statement("center")
        html, _kind = (
            self.env["ir.actions.report"]
            .with_user(self.users["center"])
            ._render_qweb_html("aftersales_parts.report_statement", statement.ids)
        )
        for text in ("800.10", "2,354.00", "20,000.00", "3,146.00", settlement.name):
            self.assertIn(text, html.decode())
        sheets = list(statement._get_xlsx_sheets("statement"))
        self.assertEqual(len(sheets), 3)
        self.assertEqual(sum(row["debit"] for row in sheets[0].rows), 5000.05)
        self.assertEqual(sum(row["open"] for row in sheets[2].rows), 3146)
