from bisect import bisect_left, bisect_right

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
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

    aftersales_deposit_account_id = fields.Many2one(
        "account.account",
        "Deposits of service centers",
        domain=[("account_type", "=", "liability_current"), ("reconcile", "=", True)],
        check_company=True,
        help="Its credit per service center is the deposit that the center has paid (L3.3).",
    )
    aftersales_deposit_ratio = fields.Float(
        "Deposit ratio",
        default=100,
        help="Per cent of the parts quota that a service center pays as a deposit, proposed on "
        "new quotas (L3.3).",
    )
    aftersales_min_quotes = fields.Integer(
        "Quotes to compare",
        default=3,
        help="From how many suppliers each part needs a quote before it is bought, unless a "
        "reason says why there are fewer (M7).",
    )
    aftersales_tax_tolerance = fields.Monetary(
        "VAT tolerance",
        default=0.05,
        help="By how much the VAT on a fapiao may differ from rate × net because the tax system "
        "rounds each line. The bill always takes the fapiao's own figure.",
    )

    aftersales_fapiao_file_size = fields.Integer(
        "Largest file of a fapiao",
        default=5,
        help="Megabytes that one XML, OFD or PDF file may have; larger ones are refused.",
    )
    aftersales_fapiao_archive_size = fields.Integer(
        "Largest archive of fapiao",
        default=200,
        help="Megabytes that the files of one archive may have in all when they are unpacked.",
    )
    aftersales_fapiao_archive_files = fields.Integer(
        "Files in an archive of fapiao",
        default=2000,
        help="How many files one archive may have; larger ones are refused.",
    )

    aftersales_used_part_days = fields.Integer(
        "Used parts go back within",
        default=30,
        help="Days that a used part may be kept before it goes back; older ones are marked on the "
        "keeper's screen.",
    )

    _aftersales_fapiao_limits_positive = models.Constraint(
        "CHECK(aftersales_fapiao_file_size > 0 AND aftersales_fapiao_archive_size > 0"
        " AND aftersales_fapiao_archive_files > 0)",
        "The limits of fapiao files have to be positive.",
    )
    _aftersales_used_part_days_positive = models.Constraint(
        "CHECK(aftersales_used_part_days >= 0)", "The days can't be negative."
    )
    _aftersales_min_quotes_positive = models.Constraint(
        "CHECK(aftersales_min_quotes > 0)", "At least one quote has to be compared."
    )
    _aftersales_deposit_ratio_positive = models.Constraint(
        "CHECK(aftersales_deposit_ratio >= 0)", "The deposit ratio can't be negative."
    )

    def write(self, vals):
        if "aftersales_deposit_account_id" in vals:
            self._aftersales_check_deposit_account(vals["aftersales_deposit_account_id"])
        return super().write(vals)

    def _aftersales_check_deposit_account(self, account_id):
        """Raise UserError if another account is chosen while deposits stand on the present one.

        The balance of a center is that of this account: it would seem to be gone.
        """
        for company in self:
            account = company.aftersales_deposit_account_id
            if not account or account.id == account_id:
                continue
            centers = company._aftersales_get_deposit_balances()
            if centers:
                raise UserError(
                    self.env._(
                        "Deposits of %(centers)s stand on %(account)s. Transfer them to the new "
                        "account by a journal entry first, then choose it here.",
                        centers=format_list(self.env, [c.display_name for c in centers]),
                        account=account.display_name,
                    )
                )

    def _aftersales_get_deposit_balances(self, centers=None):
        """Return {center: deposit it has paid}, in the company's currency, zero left out.

        Always from the posted journal items, never a stored sum. Every accounting user may book
        on the account; whoever asks for a center has to be allowed to see it.

        :param centers: the service centers; default all that have a deposit
        """
        self.ensure_one()
        domain = [
            ("account_id", "=", self.aftersales_deposit_account_id.id),
            ("company_id", "=", self.id),
            ("parent_state", "=", "posted"),
            ("partner_id", "in", centers.ids)
            if centers is not None
            else ("partner_id", "!=", False),
        ]
        # sudo: the callers ask for centers that they may see, without rights in accounting
        groups = (
            self.env["account.move.line"]
            .sudo()
            ._read_group(domain, ["partner_id"], ["balance:sum"])
        )
        return {
            center.with_env(self.env): -balance
            for center, balance in groups
            if not self.currency_id.is_zero(balance)
        }

    def _aftersales_get_wholesale_prices(self, products, moment):
        """Return {product: (price, rule)} of the products that have a wholesale price (M8.1).

        A price that no rule of the list sets is no price: core would fall back to the product's
        sales price, and to yesterday's one outside the dates of the list. Neither is 0.00.

        :param datetime moment: when the price is asked for, in UTC
        :raises UserError: no wholesale price list is chosen
        """
        self.ensure_one()
        if not self.aftersales_pricelist_id:
            raise UserError(
                self.env._(
                    "Choose the wholesale price list under Settings ▸ Invoicing ▸ After-sales."
                )
            )
        items = self.env["product.pricelist.item"]
        found = self.aftersales_pricelist_id._compute_price_rule(
            products, 1, currency=self.currency_id, date=moment
        )
        prices = {}
        for product in products:
            price, rule = found[product.id]
            if rule and self.currency_id.compare_amounts(price, 0) > 0:
                prices[product] = (self.currency_id.round(price), items.browse(rule))
        return prices

    def _aftersales_get_prices_by_moment(self, products_by_moment):
        """Return {(product, moment): (price, rule)} of what has a wholesale price then (M8.1).

        Asked once per period in which the same prices hold, however many moments there are.

        :param dict products_by_moment: products by datetime in UTC
        """
        self.ensure_one()
        periods = self._aftersales_get_price_periods(products_by_moment)
        by_period = {}
        for moment, products in products_by_moment.items():
            by_period.setdefault(periods[moment], []).append(products)
        found = {
            period: self._aftersales_get_wholesale_prices(
                self.env["product.product"].union(*group), period
            )
            for period, group in by_period.items()
        }
        return {
            (product, moment): found[periods[moment]][product]
            for moment, products in products_by_moment.items()
            for product in products
            if product in found[periods[moment]]
        }

    def _aftersales_get_price_periods(self, moments):
        """Return {moment: one of the moments at which the same wholesale prices hold} (M8.1).

        So that prices of many days are asked for once per period. Rules that follow another list,
        and lists in another currency, may change any day.

        :param moments: datetimes in UTC
        """
        self.ensure_one()
        pricelist = self.aftersales_pricelist_id
        items = self.env["product.pricelist.item"].search_fetch(
            [
                ("pricelist_id", "=", pricelist.id),
                "|",
                "|",
                ("date_start", "!=", False),
                ("date_end", "!=", False),
                ("base", "=", "pricelist"),
            ],
            ["date_start", "date_end", "base"],
        )
        if pricelist.currency_id != self.currency_id or "pricelist" in items.mapped("base"):
            return {moment: moment for moment in moments}
        starts = sorted(set(items.filtered("date_start").mapped("date_start")))
        ends = sorted(set(items.filtered("date_end").mapped("date_end")))
        first, periods = {}, {}
        for moment in moments:
            # rules hold from their start to their end, both included
            period = bisect_right(starts, moment), bisect_left(ends, moment)
            periods[moment] = first.setdefault(period, moment)
        return periods

    def _aftersales_prepare_wholesale_vals(self, partner, product, price):
        """Return the values of an invoice line to ``partner`` at a wholesale price, VAT included.

        :param float price: in the company's currency, VAT included (M8.1)
        """
        self.ensure_one()
        position = self.env["account.fiscal.position"]._get_fiscal_position(partner)
        taxes = position.map_tax(product.taxes_id._filter_taxes_by_company(self))
        if taxes and not all(taxes.mapped("price_include")):
            price = taxes._get_tax_details(
                price,
                1.0,
                rounding_method="round_globally",
                product=product,
                special_mode="total_included",
            )["total_excluded"]
        return {
            "product_id": product.id,
            "product_uom_id": product.uom_id.id,
            "price_unit": price,
            "tax_ids": [Command.set(taxes.ids)],
        }

    def _aftersales_get_loss_location(self):
        """Return where goods that are gone are booked: the inventory loss of used parts."""
        product = self.env.ref("aftersales_parts.product_used_part")
        return product.with_company(self).property_stock_inventory

    def _aftersales_get_scrap_location(self):
        """Return where scrapped goods are booked, apart from what is gone if possible."""
        loss = self._aftersales_get_loss_location()
        return (
            self.env["stock.location"].search(
                [
                    ("company_id", "=", self.id),
                    ("usage", "=", "inventory"),
                    ("id", "!=", loss.id),
                ],
                order="id",
                limit=1,
            )
            or loss
        )

    def _aftersales_check_deposits(self):
        """Raise UserError unless movements of deposits can be posted."""
        self.ensure_one()
        account = self.aftersales_deposit_account_id
        if not account or not self.aftersales_journal_id:
            raise UserError(
                self.env._(
                    "Deposits can't be entered in the books of %s yet. An accountant has to choose "
                    "the account of the deposits and the settlement journal under Settings ▸ "
                    "Invoicing ▸ After-sales.",
                    self.name,
                )
            )
        if account.account_type != "liability_current" or not account.reconcile:
            raise UserError(
                self.env._(
                    "“%s” has to be a current liability and has to allow reconciliation. An "
                    "accountant has to change this under Accounting ▸ Configuration ▸ Chart of "
                    "Accounts.",
                    account.display_name,
                )
            )
