from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Domain

from ..models.aftersales_xlsx_mixin import XlsxColumn, XlsxSheet
from ..report.paper import Table

WIDTHS = {
    "date": 9,
    "document": 16,
    "kind": 13,
    "label": 26,
    "debit": 12,
    "credit": 12,
    "balance": 12,
}
AWAITED_WIDTHS = {"date": 9, "document": 16, "label": 51, "amount": 12, "open": 12}


class AftersalesStatement(models.TransientModel):
    """对账单: what a service center's parts account shows for a period (M8.5, M8.6).

    From posted journal items alone, in the company's currency: what the center owes for parts,
    what settlements have credited, what was paid. The deposit stands apart, and so does what was
    credited while its fapiao is still to come.
    """

    _name = "aftersales.statement"
    _description = "Statement of account"
    _inherit = ["aftersales.workflow.mixin", "aftersales.xlsx.mixin"]

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        required=True,
        domain="[('is_service_center', '=', True)]",
        default=lambda self: self._default_center_id(),
    )
    date_from = fields.Date(
        "From", required=True, default=lambda self: self._get_default_period()[0]
    )
    date_to = fields.Date("To", required=True, default=lambda self: self._get_default_period()[1])
    line_ids = fields.One2many("aftersales.statement.line", "statement_id", readonly=True)
    movement_ids = fields.One2many(
        "aftersales.statement.line", "statement_id", domain=[("section", "=", "account")]
    )
    deposit_ids = fields.One2many(
        "aftersales.statement.line", "statement_id", domain=[("section", "=", "deposit")]
    )
    awaited_ids = fields.One2many(
        "aftersales.statement.line", "statement_id", domain=[("section", "=", "awaited")]
    )
    balance_opening = fields.Monetary(
        "Opening balance",
        readonly=True,
        help="What the center owed before; with a minus, was owed.",
    )
    amount_debit = fields.Monetary("Debit", readonly=True)
    amount_credit = fields.Monetary("Credit", readonly=True)
    balance_closing = fields.Monetary(
        "Closing balance", readonly=True, help="What the center owes then; with a minus, is owed."
    )
    deposit_opening = fields.Monetary("Deposit before", readonly=True)
    deposit_closing = fields.Monetary("Deposit after", readonly=True)
    amount_awaited = fields.Monetary(
        "Fapiao awaited",
        readonly=True,
        help="Credited by settlements until then, for which the fapiao was not entered yet.",
    )
    is_computed = fields.Boolean(readonly=True)

    @api.model
    def _default_center_id(self):
        """Return the service center of a user who belongs to one and sees no other."""
        user = self.env.user
        partners = self.env["res.partner"]
        if user.has_group("aftersales_service.group_center") and not any(
            user.has_group(group) for group in partners._get_central_groups()
        ):
            own = user.commercial_partner_id
            return partners.search(
                [("id", "child_of", own.id), ("is_service_center", "=", True)], limit=1
            )
        return partners

    @api.model
    def _get_default_period(self):
        """Return first and last day of the month before this one, in the company's time zone."""
        today = self.env.company._aftersales_local(fields.Datetime.now()).date()
        first = today + relativedelta(months=-1, day=1)
        return first, first + relativedelta(day=31)

    @api.depends("center_id", "date_from", "date_to")
    def _compute_display_name(self):
        for statement in self:
            # sudo: only the name of a center whose account the user asks for
            name = statement.center_id.sudo().name or self.env._("Statement of account")
            statement.display_name = f"{name} {statement.date_from} – {statement.date_to}"

    def _check_readable(self):
        """Raise AccessError unless the user may see the center's account in this company."""
        for statement in self:
            if (
                statement.company_id not in self.env.companies
                or not statement.center_id._filter_aftersales_visible()
            ):
                raise AccessError(
                    self.env._("You may see the accounts of your own service centers only.")
                )

    def _get_protected_fields(self):
        # what the company prints as its books, nobody writes
        return {
            name
            for name, field in self._fields.items()
            if field.store and field.readonly and name not in models.MAGIC_COLUMNS
        } | {"line_ids", "movement_ids", "deposit_ids", "awaited_ids"}

    def write(self, vals):
        result = super().write(vals)
        if {"center_id", "date_from", "date_to"} & vals.keys():
            # what was computed is of another center or period
            self.sudo().line_ids.unlink()
            self._write_protected({"is_computed": False})
        return result

    # --- from the books --------------------------------------------------------------------

    def action_compute(self):
        """Read the account from the books.

        :raises AccessError: another center's account, or another company's
        :raises UserError: no center, or a period that ends before it begins
        """
        self.ensure_one()
        self._check_readable()
        if self.date_to < self.date_from:
            raise UserError(self.env._("The period ends before it begins."))
        self.center_id._check_service_center()
        # sudo: a center sees its own account without rights in accounting; who may see it was
        # checked above
        vals = self.sudo()._prepare_account_vals()
        self.sudo().line_ids.unlink()
        self.sudo().write({**vals, "is_computed": True})
        return True

    def _get_item_domain(self):
        partner = self.center_id.commercial_partner_id
        return Domain(
            [
                ("company_id", "=", self.company_id.id),
                ("parent_state", "=", "posted"),
                ("partner_id", "child_of", partner.id),
                ("date", "<=", self.date_to),
            ]
        )

    def _prepare_account_vals(self):
        company = self.company_id
        account = self._prepare_section(
            "account", Domain("account_type", "=", "asset_receivable"), 1
        )
        deposit = self._prepare_section(
            "deposit", Domain("account_id", "=", company.aftersales_deposit_account_id.id), -1
        )
        awaited = self._prepare_awaited()
        return {
            "balance_opening": account[0],
            "amount_debit": sum(line["debit"] for line in account[1]),
            "amount_credit": sum(line["credit"] for line in account[1]),
            "balance_closing": account[2],
            "deposit_opening": deposit[0],
            "deposit_closing": deposit[2],
            "amount_awaited": sum(line["open"] for line in awaited),
            "line_ids": [Command.create(line) for line in [*account[1], *deposit[1], *awaited]],
        }

    def _prepare_section(self, section, domain, sign):
        """Return opening balance, lines of the period, closing balance.

        :param int sign: 1 if debits add to the balance that is shown, -1 if credits do
        """
        items = self.env["account.move.line"]
        domain = self._get_item_domain() & domain
        currency = self.currency_id
        ((before,),) = items._read_group(
            domain & Domain("date", "<", self.date_from), aggregates=["balance:sum"]
        )
        balance = opening = currency.round(sign * (before or 0))
        lines = []
        for item in items.search(domain & Domain("date", ">=", self.date_from), order="date, id"):
            balance = currency.round(balance + sign * item.balance)
            lines.append(
                {
                    "section": section,
                    "date": item.date,
                    "document": item.move_id.name,
                    "kind": self._get_kind(item),
                    "label": item.move_id.ref or item.name,
                    "debit": item.debit,
                    "credit": item.credit,
                    "balance": balance,
                }
            )
        return opening, lines, balance

    def _get_kind(self, item):
        """Return what an item of the account is, a value of the lines' selection."""
        move = item.move_id
        if move.aftersales_deposit_ids:
            return "deposit"
        if move.aftersales_settlement_id:
            return "settlement"
        if move.origin_payment_id or move.statement_line_id:
            return "payment"
        return {"out_invoice": "invoice", "out_refund": "credit_note"}.get(move.move_type, "other")

    def _prepare_awaited(self):
        """Return what settlements credited until then and no fapiao had been entered for.

        As the books stood on the last day: what was reconciled later was still open then.
        """
        items = self.env["account.move.line"].search(
            self._get_item_domain()
            & Domain("account_id", "=", self.company_id.aftersales_claims_account_id.id)
            & Domain("balance", ">", 0),
            order="date, id",
        )
        closed = dict(
            self.env["account.partial.reconcile"]._read_group(
                [("debit_move_id", "in", items.ids), ("max_date", "<=", self.date_to)],
                ["debit_move_id"],
                ["amount:sum"],
            )
        )
        currency = self.currency_id
        lines = []
        for item in items:
            rest = currency.round(item.balance - closed.get(item, 0))
            if not currency.is_zero(rest):
                lines.append(
                    {
                        "section": "awaited",
                        "date": item.date,
                        "document": item.move_id.name,
                        "kind": self._get_kind(item),
                        "label": item.move_id.ref or item.name,
                        "debit": item.balance,
                        "open": rest,
                    }
                )
        return lines

    # --- on paper and as a workbook --------------------------------------------------------

    def _get_print_name(self):
        """Return the name of the file to which the statement is printed."""
        self.ensure_one()
        return f"{self.env._('Statement of account')} {self.display_name}"

    def _get_print_facts(self):
        """Return what the head of the print says, as pairs of a label and a text."""
        self.ensure_one()
        money = self.currency_id.format
        center, company = self.center_id.sudo(), self.company_id.sudo()
        return [
            (self.env._("Service center"), center.name),
            (self.env._("Tax number"), center.commercial_partner_id.vat or "—"),
            (self.env._("Company"), company.name),
            (self.env._("Period"), f"{self.date_from} – {self.date_to}"),
            (self.env._("Opening balance"), money(self.balance_opening)),
            (self.env._("Debit"), money(self.amount_debit)),
            (self.env._("Credit"), money(self.amount_credit)),
            (self.env._("Closing balance"), money(self.balance_closing)),
        ]

    def _get_columns(self):
        env = self.env
        return [
            XlsxColumn("date", env._("Date"), "date"),
            XlsxColumn("document", env._("Entry")),
            XlsxColumn("kind", env._("Kind of entry")),
            XlsxColumn("label", env._("Reference"), "long"),
            XlsxColumn("debit", env._("Debit"), "amount", True),
            XlsxColumn("credit", env._("Credit"), "amount", True),
            XlsxColumn("balance", env._("Balance"), "amount"),
        ]

    def _get_awaited_columns(self):
        env = self.env
        return [
            XlsxColumn("date", env._("Date"), "date"),
            XlsxColumn("document", env._("Entry")),
            XlsxColumn("label", env._("Settlement"), "long"),
            XlsxColumn("amount", env._("Credit"), "amount", True),
            XlsxColumn("open", env._("Fapiao awaited"), "amount", True),
        ]

    def _get_rows(self, section):
        kinds = dict(self.line_ids._fields["kind"]._description_selection(self.env))
        return [
            {
                "date": line.date,
                "document": line.document,
                "kind": kinds[line.kind],
                "label": line.label,
                "debit": line.debit,
                "credit": line.credit,
                "balance": line.balance,
                "amount": line.debit,
                "open": line.open,
            }
            for line in self.line_ids
            if line.section == section
        ]

    def _get_tables(self):
        """Return the tables of the print: account, deposit, and what awaits its fapiao."""
        self.ensure_one()
        env, money = self.env, self.currency_id.format
        rows, deposits, awaited = map(self._get_rows, ("account", "deposit", "awaited"))
        return [
            Table(
                self._get_columns(),
                WIDTHS,
                rows,
                {name: sum(row[name] for row in rows) for name in ("debit", "credit")},
                env._("Parts account"),
                self._get_closing_note(),
            ),
            Table(
                self._get_columns(),
                WIDTHS,
                deposits,
                {name: sum(row[name] for row in deposits) for name in ("debit", "credit")},
                env._("Deposit"),
                env._("Deposit: %s", money(self.deposit_closing)),
            ),
            Table(
                self._get_awaited_columns(),
                AWAITED_WIDTHS,
                awaited,
                {name: sum(row[name] for row in awaited) for name in ("amount", "open")},
                env._("Credited, fapiao awaited"),
            ),
        ]

    def _get_closing_note(self):
        amount = self.currency_id.format(abs(self.balance_closing))
        if self.currency_id.compare_amounts(self.balance_closing, 0) < 0:
            return self.env._("The company owes the service center %s.", amount)
        return self.env._("The service center owes the company %s.", amount)

    def _get_xlsx_titles(self):
        return {**super()._get_xlsx_titles(), "statement": self.env._("Statement of account")}

    def _get_xlsx_sheets(self, code):
        env = self.env
        self.ensure_one()
        facts = [f"{label}: {value}" for label, value in self._get_print_facts()]
        facts = ["    ".join(facts[:4]), "    ".join(facts[4:])]
        rows, deposits, awaited = map(self._get_rows, ("account", "deposit", "awaited"))
        columns = self._get_columns()
        yield XlsxSheet(
            env._("Parts account"),
            env._("Statement of account"),
            facts,
            columns,
            rows,
            [self._get_closing_note()],
        )
        yield XlsxSheet(env._("Deposit"), env._("Deposit"), facts[:1], columns, deposits)
        title = env._("Credited, fapiao awaited")
        yield XlsxSheet(title, title, facts[:1], self._get_awaited_columns(), awaited)

    def action_print(self):
        """Print the statement (PDF)."""
        self.ensure_one()
        self.action_compute()
        return self.env.ref("aftersales_parts.report_statement").report_action(self, config=False)

    def action_xlsx(self):
        """Download the statement as a workbook."""
        self.ensure_one()
        self.action_compute()
        return self._action_xlsx("statement")
