from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_list

MARKS = [
    ("0", "Not judged"),
    ("1", "Poor"),
    ("2", "Weak"),
    ("3", "Fair"),
    ("4", "Good"),
    ("5", "Excellent"),
]


class AftersalesPurchaseQuote(models.Model):
    """What a supplier offers: price, quality, payment, transport, service and invoice (M7)."""

    _name = "aftersales.purchase.quote"
    _description = "Quote"
    _inherit = "aftersales.approval.line.mixin"
    _approval_document = "comparison_id"
    _order = "comparison_id, id"
    _rec_name = "partner_id"
    _check_company_auto = True

    comparison_id = fields.Many2one(
        "aftersales.purchase.comparison",
        "Comparison",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="comparison_id.company_id", store=True)
    currency_id = fields.Many2one(related="comparison_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner",
        "Supplier",
        required=True,
        index=True,
        check_company=True,
        ondelete="restrict",
    )
    commercial_partner_id = fields.Many2one(
        related="partner_id.commercial_partner_id", string="Company of the supplier", store=True
    )
    date = fields.Date("Quoted on", required=True, default=fields.Date.context_today)
    obtained = fields.Selection(
        [("phone", "Phone"), ("fax", "Fax"), ("mail", "Mail")],
        "Obtained by",
        required=True,
        default="mail",
        help="On an urgent shortage by phone (M7).",
    )
    contact = fields.Char("Given by", help="Who named the prices; necessary by phone.")
    evidence = fields.Binary(
        attachment=True, help="The quote itself; necessary unless it came by phone."
    )
    evidence_name = fields.Char("File name")
    price_ids = fields.One2many("aftersales.purchase.quote.line", "quote_id", "Prices")
    quality = fields.Selection(MARKS, default="0", required=True)
    service = fields.Selection(MARKS, default="0", required=True)
    payment_term_id = fields.Many2one(
        "account.payment.term",
        "Payment terms",
        check_company=True,
        help="As the contract or agreement says; the order and its bill are due by them.",
    )
    transport = fields.Char(help="How the parts travel, and who pays, such as: by road, free.")
    delay = fields.Integer("Delivery (days)", default=1, help="From the order to the arrival.")
    freight = fields.Monetary(
        "Freight at our expense",
        help="VAT included. Counts in the comparison and in the total that is approved.",
    )
    freight_biller = fields.Selection(
        [("supplier", "The supplier"), ("carrier", "The carrier")],
        "Freight billed by",
        required=True,
        default="supplier",
        help="The supplier bills it with the parts, so it stands on the order. What the carrier "
        "bills itself does not.",
    )
    freight_tax_id = fields.Many2one(
        "account.tax",
        "VAT of the freight to deduct",
        domain=[("type_tax_use", "=", "purchase"), ("amount_type", "=", "percent")],
        compute="_compute_freight_tax_id",
        store=True,
        readonly=False,
        check_company=True,
        help="Contained in the freight. Empty: nothing can be deducted.",
    )
    freight_cost = fields.Monetary(
        "Freight, net", compute="_compute_amounts", help="Net of its VAT to deduct."
    )
    invoice = fields.Selection(
        [
            ("special", "Special VAT invoice"),
            ("ordinary", "Ordinary VAT invoice"),
            ("none", "No invoice"),
        ],
        help="Only the VAT of a special invoice can be deducted.",
    )
    tax_id = fields.Many2one(
        "account.tax",
        "VAT to deduct",
        domain=[("type_tax_use", "=", "purchase"), ("amount_type", "=", "percent")],
        compute="_compute_tax_id",
        store=True,
        readonly=False,
        check_company=True,
        help="Contained in the prices quoted.",
    )
    note = fields.Char("Remarks")
    amount_total = fields.Monetary(
        "Total", compute="_compute_amounts", help="As quoted, VAT included, without freight."
    )
    amount_cost = fields.Monetary(
        "Cost", compute="_compute_amounts", help="Net of the VAT to deduct, with freight."
    )
    is_complete = fields.Boolean(
        "Quotes every part", compute="_compute_amounts", help="Only then totals can be compared."
    )
    is_best = fields.Boolean("Best total", compute="_compute_is_best")
    is_chosen = fields.Boolean("Chosen", compute="_compute_is_chosen")

    _delay_positive = models.Constraint(
        "CHECK(delay >= 0)", "The days to the delivery can't be negative."
    )
    _freight_positive = models.Constraint("CHECK(freight >= 0)", "Freight can't be negative.")

    def _get_protected_fields(self):
        return super()._get_protected_fields() | self._get_derived_figures()

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        comparison = self.env["aftersales.purchase.comparison"].browse(values.get("comparison_id"))
        if "price_ids" in fields_list:
            values["price_ids"] = [
                Command.create({"line_id": line.id}) for line in comparison.line_ids
            ]
        if "obtained" in fields_list and comparison.is_urgent:
            values["obtained"] = "phone"
        return values

    @api.model_create_multi
    def create(self, vals_list):
        quotes = super().create(vals_list)
        quotes.comparison_id._complete_prices()
        return quotes

    @api.depends("invoice", "comparison_id.company_id")
    def _compute_tax_id(self):
        for quote in self:
            if quote.invoice != "special":
                quote.tax_id = False
            elif not quote.tax_id:
                # sudo: the company's usual VAT is no secret
                company = quote.comparison_id.company_id.sudo()
                quote.tax_id = company.account_purchase_tax_id.filtered(
                    lambda tax: tax.amount_type == "percent"
                )

    @api.depends("freight_biller", "tax_id")
    def _compute_freight_tax_id(self):
        for quote in self:
            quote.freight_tax_id = quote.freight_biller == "supplier" and quote.tax_id

    @api.constrains("tax_id", "freight_tax_id", "freight_biller", "invoice")
    def _check_tax_id(self):
        for quote in self:
            for tax in quote.tax_id | quote.freight_tax_id:
                if tax.type_tax_use != "purchase" or tax.amount_type != "percent":
                    raise ValidationError(
                        self.env._("%s is no percentage on purchases.", tax.display_name)
                    )
            deducted = quote.tax_id
            if quote.freight_biller == "supplier":
                deducted |= quote.freight_tax_id
            if deducted and quote.invoice != "special":
                raise ValidationError(
                    self.env._("Without a special VAT invoice there is no VAT to deduct.")
                )

    @api.depends(
        "freight",
        "freight_tax_id",
        "price_ids.price",
        "price_ids.cost",
        "price_ids.line_id.quantity",
    )
    def _compute_amounts(self):
        for quote in self:
            prices = quote.price_ids
            quote.amount_total = sum(price.price * price.line_id.quantity for price in prices)
            freight = quote._get_net_price(quote.freight, quote.freight_tax_id)
            quote.freight_cost = quote.currency_id.round(freight) if quote.currency_id else freight
            quote.amount_cost = quote.freight_cost + sum(
                price.cost * price.line_id.quantity for price in prices
            )
            quote.is_complete = bool(prices) and all(prices.mapped("price"))

    @api.depends("amount_cost", "is_complete", "comparison_id.quote_ids.amount_cost")
    def _compute_is_best(self):
        for quote in self:
            others = quote.comparison_id.quote_ids.filtered("is_complete")
            quote.is_best = quote.is_complete and all(
                quote.currency_id.compare_amounts(quote.amount_cost, other.amount_cost) <= 0
                for other in others
            )

    @api.depends("comparison_id.line_ids.quote_id")
    def _compute_is_chosen(self):
        for quote in self:
            quote.is_chosen = quote._origin in quote.comparison_id.line_ids.quote_id._origin

    @api.model
    def _get_net_price(self, price, tax):
        """Return what is left of a quoted ``price`` without its ``tax`` that can be deducted."""
        return price / (1 + tax.amount / 100)

    @api.model
    def _get_order_price(self, price, tax):
        """Return the unit price of the order that comes to the quoted ``price``, VAT included."""
        return price if tax.price_include else self._get_net_price(price, tax)

    def _prepare_freight_vals(self):
        """Return the values of the order lines for the freight: one, or none.

        What the carrier bills is not the supplier's to bill.
        """
        self.ensure_one()
        if not self.freight or self.freight_biller == "carrier":
            return []
        product = self.env.ref("aftersales_parts.product_freight")
        return [
            {
                "aftersales_freight_quote_id": self.id,
                "product_id": product.id,
                "product_qty": 1,
                "product_uom_id": product.uom_id.id,
                "price_unit": self._get_order_price(self.freight, self.freight_tax_id),
                "discount": 0,
                "tax_ids": [Command.set(self.freight_tax_id.ids)],
                "date_planned": fields.Datetime.add(fields.Datetime.now(), days=self.delay),
            }
        ]

    def _check_complete(self):
        """Raise UserError unless each quote says what the regulation compares (M7)."""
        problems = []
        for quote in self:
            missing = [
                quote._fields[name]._description_string(self.env)
                for name in quote._get_missing_fields()
            ]
            if missing:
                problems.append(
                    self.env._(
                        "%(supplier)s: %(fields)s",
                        supplier=quote.partner_id.display_name,
                        fields=format_list(self.env, missing),
                    )
                )
        if problems:
            raise UserError(
                self.env._(
                    "Price, quality, payment, transport, service and invoice are compared (M7). "
                    "Still to be recorded:\n%s",
                    "\n".join(problems),
                )
            )

    def _get_missing_fields(self):
        """Return the names of the fields that the quote lacks to be compared."""
        self.ensure_one()
        missing = [name for name in ("quality", "service") if self[name] == "0"]
        missing += [name for name in ("payment_term_id", "transport", "invoice") if not self[name]]
        if self.invoice == "special" and not self.tax_id:
            missing.append("tax_id")
        source = "contact" if self.obtained == "phone" else "evidence"
        return missing if self[source] else [*missing, source]

    def action_choose(self):
        """Take this supplier for every part that it quotes."""
        self.ensure_one()
        self.comparison_id.check_access("write")
        self.price_ids.filtered("price").line_id.quote_id = self
        return True
