from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list
from odoo.tools.misc import format_date

# the fields that a settlement is entered by: on which side we are, and what is settled
SIDES = {
    "payable": {
        "claims": "aftersales_claims_account_id",
        "accrued": "aftersales_accrued_account_id",
        "parts": ("aftersales_expense_account_id", "aftersales_purchase_tax_id"),
        "service": ("aftersales_service_expense_account_id", "aftersales_service_tax_id"),
    },
    "receivable": {
        "claims": "aftersales_to_invoice_account_id",
        "accrued": "aftersales_accrued_income_account_id",
        "parts": ("aftersales_income_account_id", "aftersales_sale_tax_id"),
        "service": ("aftersales_income_account_id", "aftersales_service_sale_tax_id"),
    },
}
# account types of the claims and of the accrued account
TYPES = {
    "payable": ("liability_payable", "liability_current"),
    "receivable": ("asset_receivable", "asset_current"),
}


class ResCompany(models.Model):
    """By which accounts and taxes settlements are entered in the books."""

    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    aftersales_service_expense_account_id = fields.Many2one(
        "account.account",
        "Service fee expense",
        check_company=True,
        help="Where labour, travel and maintenance fees are entered; it may be the account of the "
        "warranty expense.",
    )
    aftersales_service_tax_id = fields.Many2one(
        "account.tax",
        "VAT on service fees",
        domain=[("type_tax_use", "=", "purchase")],
        check_company=True,
        help="The input VAT expected on the invoices for labour, travel and maintenance fees.",
    )
    aftersales_fapiao_tax_ids = fields.Many2many(
        "account.tax",
        "aftersales_company_fapiao_tax_rel",
        "company_id",
        "tax_id",
        "VAT rates on fapiao",
        domain=[("type_tax_use", "in", ("purchase", "sale")), ("amount_type", "=", "percent")],
        check_company=True,
        help="Besides the expected ones. A fapiao with any of these rates is entered as it is, "
        "also with several of them. Purchase taxes hold for the service centers' invoices, sales "
        "taxes for ours.",
    )
    aftersales_manufacturer_id = fields.Many2one(
        "res.partner",
        "Manufacturer we claim from",
        domain=[("is_company", "=", True)],
        check_company=True,
        help="Set it if the company is a service center itself: what its own centers did under "
        "warranty is then claimed from this manufacturer.",
    )
    aftersales_income_account_id = fields.Many2one(
        "account.account", "Income from warranty service", check_company=True
    )
    aftersales_to_invoice_account_id = fields.Many2one(
        "account.account",
        "Claims to be invoiced",
        domain=[("account_type", "=", "asset_receivable")],
        check_company=True,
        help="Its open credit is what the manufacturer credited and we haven't invoiced yet.",
    )
    aftersales_accrued_income_account_id = fields.Many2one(
        "account.account",
        "Accrued after-sales income",
        domain=[("account_type", "=", "asset_current"), ("reconcile", "=", True)],
        check_company=True,
        help="Net of settlements that the manufacturer credited until our invoice is entered.",
    )
    aftersales_sale_tax_id = fields.Many2one(
        "account.tax",
        "VAT on our invoices for parts",
        domain=[("type_tax_use", "=", "sale")],
        check_company=True,
    )
    aftersales_service_sale_tax_id = fields.Many2one(
        "account.tax",
        "VAT on our invoices for service fees",
        domain=[("type_tax_use", "=", "sale")],
        check_company=True,
    )

    # --- choosing accounts -----------------------------------------------------------------

    def _aftersales_set_accounts(self):
        """Add the accounts of the addon and choose the rest, as far as nothing is set.

        Works on any chart of accounts: the new codes are the next free ones after a related
        account of the chart, never codes fixed here.
        """
        self.ensure_one()
        company = self.with_company(self)
        payable = company.partner_id.property_account_payable_id
        if not payable:
            return
        receivable = company.partner_id.property_account_receivable_id or payable
        other_payables = company._aftersales_find_by_xmlid("l10n_cn_common_account_2241")
        for name, sibling, account_type, get_name in (
            (
                "aftersales_claims_account_id",
                payable,
                "liability_payable",
                lambda env: env._("Payable – claims awaiting fapiao"),
            ),
            (
                "aftersales_accrued_account_id",
                payable,
                "liability_current",
                lambda env: env._("Accrued after-sales, uninvoiced"),
            ),
            (
                "aftersales_deposit_account_id",
                # 其他应付款, beside which deposits are expected in China
                other_payables or payable,
                "liability_current",
                lambda env: env._("Deposits of service centers"),
            ),
            (
                "aftersales_to_invoice_account_id",
                receivable,
                "asset_receivable",
                lambda env: env._("Receivable – claims to be invoiced"),
            ),
            (
                "aftersales_accrued_income_account_id",
                receivable,
                "asset_current",
                lambda env: env._("Accrued after-sales income"),
            ),
        ):
            if not self[name]:
                self[name] = company._aftersales_create_account(sibling, account_type, get_name)
        for name, value in company._aftersales_get_chart_defaults().items():
            if not self[name]:
                self[name] = value

    def _aftersales_get_chart_defaults(self):
        """Return {field: account, tax or journal} that the chart has for the addon."""
        find = self._aftersales_find_by_xmlid
        # the selling expenses and other operating income of the Chinese charts
        expense = find("l10n_cn_account_5601", "l10n_cn_large_bis_account_6601")
        income = find("l10n_cn_account_5051", "l10n_cn_large_bis_account_6051")
        expense = self.aftersales_expense_account_id or expense or self.expense_account_id
        journals = self.env["account.journal"]
        taxes = self.env["account.tax"]
        usable = taxes.search(
            [
                *taxes._check_company_domain(self),
                ("type_tax_use", "in", ("purchase", "sale")),
                ("amount_type", "=", "percent"),
                ("amount", ">", 0),
            ]
        ).filtered(lambda tax: self._aftersales_can_use_tax(tax))
        return {
            "aftersales_expense_account_id": expense,
            "aftersales_service_expense_account_id": expense,
            "aftersales_income_account_id": income or self.income_account_id,
            "aftersales_purchase_tax_id": self.account_purchase_tax_id,
            "aftersales_sale_tax_id": self.account_sale_tax_id,
            "aftersales_service_tax_id": find(
                "l10n_cn_purchase_excluded_6", "l10n_cn_tax_large_bis_purchase_excluded_6"
            )
            or self.account_purchase_tax_id,
            "aftersales_service_sale_tax_id": find(
                "l10n_cn_sales_excluded_6", "l10n_cn_tax_large_bis_sales_excluded_6"
            )
            or self.account_sale_tax_id,
            "aftersales_fapiao_tax_ids": usable,
            "aftersales_journal_id": journals.search(
                [*journals._check_company_domain(self), ("type", "=", "general")], limit=1
            ),
        }

    def _aftersales_find_by_xmlid(self, *xmlids):
        """Return the first record of the company's chart with one of the XML ids, or none."""
        template = self.env["account.chart.template"].with_company(self)
        for xmlid in xmlids:
            if record := template.ref(xmlid, raise_if_not_found=False):
                return record
        return None

    def _aftersales_create_account(self, sibling, account_type, get_name):
        account = self.env["account.account"].create(
            {
                "name": get_name(self.env),
                "code": self.env["account.account"]._search_new_account_code(sibling.code),
                "account_type": account_type,
                "reconcile": True,
                "company_ids": [fields.Command.set(self.ids)],
            }
        )
        for code, _name in self.env["res.lang"].get_installed():
            localized = account.with_context(lang=code)
            localized.name = get_name(localized.env)
        return account

    # --- using them ------------------------------------------------------------------------

    def _aftersales_get_books(self, direction, kind):
        """Return {use: account or tax} by which a settlement is entered.

        The uses are ``result`` (the expense or income), ``claims``, ``accrued`` and ``tax``.

        :param str direction: payable or receivable
        :param str kind: parts or service
        """
        self.ensure_one()
        side = SIDES[direction]
        result, tax = side[kind]
        return {
            "result": self[result],
            "claims": self[side["claims"]],
            "accrued": self[side["accrued"]],
            "tax": self[tax],
        }

    def _aftersales_check_accounting(self, direction="payable", kind="parts"):
        """Raise UserError, naming what is missing, unless such settlements can be posted."""
        self.ensure_one()
        side = SIDES[direction]
        names = ["aftersales_journal_id", side["claims"], side["accrued"], *side[kind]]
        if direction == "receivable":
            names.append("aftersales_manufacturer_id")
        missing = [self._fields[n]._description_string(self.env) for n in names if not self[n]]
        if missing:
            raise UserError(
                self.env._(
                    "Settlements can't be entered in the books of %(company)s yet. An accountant "
                    "has to choose under Settings ▸ Invoicing ▸ After-sales: %(missing)s.",
                    company=self.name,
                    missing=format_list(self.env, missing),
                )
            )
        self._aftersales_check_account_types(direction)
        self._aftersales_check_tax(self[side[kind][1]])

    def _aftersales_check_account_types(self, direction):
        """Raise UserError unless the clearing accounts can be told apart and be reconciled."""
        claims, accrued = (self[SIDES[direction][use]] for use in ("claims", "accrued"))
        claims_type, accrued_type = TYPES[direction]
        if (
            claims.account_type != claims_type
            or accrued.account_type != accrued_type
            or not (claims.reconcile and accrued.reconcile)
        ):
            types = dict(
                self.env["account.account"]._fields["account_type"]._description_selection(self.env)
            )
            raise UserError(
                self.env._(
                    "“%(claims)s” has to be a %(claims_type)s account and “%(accrued)s” one of "
                    "%(accrued_type)s, and both have to allow reconciliation. An accountant has "
                    "to change this under Accounting ▸ Configuration ▸ Chart of Accounts.",
                    claims=claims.display_name,
                    claims_type=types[claims_type],
                    accrued=accrued.display_name,
                    accrued_type=types[accrued_type],
                )
            )

    def _aftersales_can_use_tax(self, tax):
        """Tell whether a bill with ``tax`` can equal a fapiao.

        Net = gross / (1 + rate), and the one tax line takes the fapiao's own figure.
        """
        return (
            tax.amount_type == "percent"
            and not tax.price_include
            and tax.tax_exigibility != "on_payment"
            and not tax.include_base_amount
            and tax.company_id in self.parent_ids
            and all(
                len(lines.filtered(lambda line: line.repartition_type == "tax")) == 1
                for lines in (tax.invoice_repartition_line_ids, tax.refund_repartition_line_ids)
            )
        )

    def _aftersales_check_tax(self, taxes):
        """Raise UserError unless bills with ``taxes`` can equal a fapiao."""
        self.ensure_one()
        for tax in taxes:
            if not self._aftersales_can_use_tax(tax):
                raise UserError(
                    self.env._(
                        "The tax “%(tax)s” can't be used for centers' invoices: it has to be a "
                        "percentage of the price, not included in the price, due on invoice, with "
                        "exactly one line for the tax in its distribution for invoices and for "
                        "refunds, and of %(company)s. An accountant has to choose another one "
                        "under Settings ▸ Invoicing ▸ After-sales.",
                        tax=tax.name,
                        company=self.name,
                    )
                )

    def _aftersales_get_fapiao_tax(self, rate, direction):
        """Return the tax for lines of a fapiao with VAT of ``rate`` per cent, or none for 0 %.

        :raises UserError: no such rate is accepted, or its tax can't be used
        """
        self.ensure_one()
        if not rate:
            return self.env["account.tax"]
        taxes = self._aftersales_get_fapiao_taxes(direction).filtered(lambda t: t.amount == rate)
        if not taxes:
            raise UserError(
                self.env._(
                    "VAT of %(rate)g %% is not accepted on fapiao. If it is right, an accountant "
                    "adds the tax under Settings ▸ Invoicing ▸ After-sales ▸ VAT rates on fapiao; "
                    "else ask for a fapiao with the right rate.",
                    rate=rate,
                )
            )
        self._aftersales_check_tax(taxes[0])
        return taxes[0]

    def _aftersales_get_fapiao_taxes(self, direction):
        """Return the taxes that are accepted on fapiao, those expected first."""
        self.ensure_one()
        use = "purchase" if direction == "payable" else "sale"
        expected = self.env["account.tax"].union(
            *(self[SIDES[direction][kind][1]] for kind in ("parts", "service"))
        )
        taxes = expected | self.aftersales_fapiao_tax_ids
        return taxes.filtered(lambda tax: tax.type_tax_use == use)

    def _aftersales_get_clearing_accounts(self):
        """Return the accounts on which settlements wait for their fapiao."""
        self.ensure_one()
        return self.env["account.account"].union(
            *(self[side[use]] for side in SIDES.values() for use in ("claims", "accrued"))
        )

    def _aftersales_get_bill_journal(self, direction):
        """Return the journal of vendor bills, or of our invoices.

        :raises UserError: there is none
        """
        self.ensure_one()
        journals = self.env["account.journal"]
        journal = journals.search(
            [
                *journals._check_company_domain(self),
                ("type", "=", "purchase" if direction == "payable" else "sale"),
                ("currency_id", "in", (False, self.currency_id.id)),
            ],
            limit=1,
        )
        if not journal:
            raise UserError(
                self.env._(
                    "%(company)s has no purchase or sales journal in %(currency)s, so no fapiao "
                    "can be entered. An accountant adds it under Accounting ▸ Configuration ▸ "
                    "Journals.",
                    company=self.name,
                    currency=self.currency_id.name,
                )
            )
        return journal

    def _aftersales_today(self):
        """Return today's date in the company's time zone."""
        return self._aftersales_local(fields.Datetime.now()).date()

    def _aftersales_get_open_date(self, date, journal, has_tax=False):
        """Return ``date`` if the books are open then, else today (lock dates of accounting).

        :param bool has_tax: whether the tax lock date counts, too
        :raises UserError: the books are locked today, too
        """
        self.ensure_one()
        if not self._get_violated_lock_dates(date, has_tax, journal):
            return date
        today = self._aftersales_today()
        if locks := self._get_violated_lock_dates(today, has_tax, journal):
            raise UserError(
                self.env._(
                    "The books of %(company)s are locked until %(date)s (%(locks)s), so nothing "
                    "can be entered today. An accountant posts it when they are open.",
                    company=self.name,
                    date=format_date(self.env, locks[-1][0]),
                    locks=self._format_lock_dates(locks),
                )
            )
        return today
