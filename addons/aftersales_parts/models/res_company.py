from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class ResCompany(models.Model):
    _inherit = "res.company"

    aftersales_pricelist_id = fields.Many2one(
        "product.pricelist",
        "Wholesale price list",
        help="The manufacturer's wholesale prices of the year, VAT included, by which parts used "
        "under warranty are settled (M8.1).",
    )
    aftersales_journal_id = fields.Many2one(
        "account.journal",
        "Settlement journal",
        domain=[("type", "=", "general")],
        check_company=True,
        help="The journal in which confirmed settlements are entered.",
    )
    aftersales_expense_account_id = fields.Many2one(
        "account.account", "Warranty expense", check_company=True
    )
    aftersales_claims_account_id = fields.Many2one(
        "account.account",
        "Claims awaiting fapiao",
        domain=[("account_type", "=", "liability_payable")],
        check_company=True,
        help="Its open debit per service center is what was credited without an invoice so far.",
    )
    aftersales_accrued_account_id = fields.Many2one(
        "account.account",
        "Accrued after-sales, uninvoiced",
        domain=[("account_type", "=", "liability_current"), ("reconcile", "=", True)],
        check_company=True,
        help="Net of confirmed settlements until the center's invoice is entered.",
    )
    aftersales_purchase_tax_id = fields.Many2one(
        "account.tax",
        "VAT on centers' invoices",
        domain=[("type_tax_use", "=", "purchase")],
        check_company=True,
        help="The input VAT expected on the invoices that service centers issue.",
    )

    aftersales_tax_tolerance = fields.Monetary(
        "VAT tolerance",
        default=0.05,
        help="By how much the VAT on a fapiao may differ from rate × net because the tax system "
        "rounds each line. The bill always takes the fapiao's own figure.",
    )

    def _aftersales_set_accounts(self):
        """Add the two clearing accounts and choose the rest, as far as nothing is set.

        Works on any chart of accounts: the new codes are the next free ones after the company's
        own payable account, never codes fixed here.
        """
        self.ensure_one()
        company = self.with_company(self)
        payable = company.partner_id.property_account_payable_id
        if not payable:
            return
        if not self.aftersales_claims_account_id:
            self.aftersales_claims_account_id = company._aftersales_create_account(
                payable,
                "liability_payable",
                lambda env: env._("Payable – claims awaiting fapiao"),
            )
        if not self.aftersales_accrued_account_id:
            self.aftersales_accrued_account_id = company._aftersales_create_account(
                payable,
                "liability_current",
                lambda env: env._("Accrued after-sales, uninvoiced"),
            )
        if not self.aftersales_expense_account_id:
            self.aftersales_expense_account_id = company._aftersales_find_expense_account()
        if not self.aftersales_purchase_tax_id:
            self.aftersales_purchase_tax_id = self.account_purchase_tax_id
        if not self.aftersales_journal_id:
            journals = company.env["account.journal"]
            self.aftersales_journal_id = journals.search(
                [*journals._check_company_domain(self), ("type", "=", "general")], limit=1
            )

    def _aftersales_find_expense_account(self):
        """Return the selling expenses of the Chinese charts, or the chart's default expense."""
        template = self.env["account.chart.template"]
        for xmlid in ("l10n_cn_account_5601", "l10n_cn_large_bis_account_6601"):
            if account := template.ref(xmlid, raise_if_not_found=False):
                return account
        return self.expense_account_id

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

    def _aftersales_check_accounting(self):
        """Raise UserError, naming what is missing, unless settlements can be posted."""
        self.ensure_one()
        names = [
            "aftersales_journal_id",
            "aftersales_expense_account_id",
            "aftersales_claims_account_id",
            "aftersales_accrued_account_id",
            "aftersales_purchase_tax_id",
        ]
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
        self._aftersales_check_account_types()
        self._aftersales_check_tax()

    def _aftersales_check_account_types(self):
        """Raise UserError unless the clearing accounts can be told apart and be reconciled."""
        claims, accrued = self.aftersales_claims_account_id, self.aftersales_accrued_account_id
        if (
            claims.account_type != "liability_payable"
            or accrued.account_type != "liability_current"
            or not (claims.reconcile and accrued.reconcile)
        ):
            raise UserError(
                self.env._(
                    "“%(claims)s” has to be a payable account and “%(accrued)s” a current "
                    "liability, and both have to allow reconciliation. An accountant has to "
                    "change this under Accounting ▸ Configuration ▸ Chart of Accounts.",
                    claims=claims.display_name,
                    accrued=accrued.display_name,
                )
            )

    def _aftersales_check_tax(self):
        """Raise UserError unless a bill with the VAT of the settings can equal a fapiao.

        Net = gross / (1 + rate), and the one tax line takes the fapiao's own figure.
        """
        self.ensure_one()
        tax = self.aftersales_purchase_tax_id
        lines = tax.invoice_repartition_line_ids.filtered(lambda r: r.repartition_type == "tax")
        if (
            tax.amount_type != "percent"
            or tax.price_include
            or len(lines) != 1
            or tax.company_id not in self.parent_ids
        ):
            raise UserError(
                self.env._(
                    "The tax “%(tax)s” can't be used for centers' invoices: it has to be a "
                    "percentage of the price, not included in the price, with exactly one line "
                    "for the tax in its distribution for invoices, and of %(company)s. An "
                    "accountant has to choose another one under Settings ▸ Invoicing ▸ "
                    "After-sales.",
                    tax=tax.name,
                    company=self.name,
                )
            )
