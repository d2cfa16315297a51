from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AftersalesPurchaseQuoteLine(models.Model):
    """The price that a supplier quotes for a part; 0 when it does not offer the part."""

    _name = "aftersales.purchase.quote.line"
    _description = "Quoted price"
    _inherit = "aftersales.approval.line.mixin"
    _approval_document = "comparison_id"
    _order = "quote_id, line_id"
    _rec_name = "line_id"

    quote_id = fields.Many2one(
        "aftersales.purchase.quote", "Quote", required=True, index=True, ondelete="cascade"
    )
    comparison_id = fields.Many2one(related="quote_id.comparison_id", store=True, index=True)
    company_id = fields.Many2one(related="quote_id.company_id", store=True)
    currency_id = fields.Many2one(related="quote_id.currency_id")
    line_id = fields.Many2one(
        "aftersales.purchase.comparison.line",
        "Part",
        required=True,
        index=True,
        ondelete="cascade",
    )
    product_id = fields.Many2one(related="line_id.product_id", string="Product")
    quantity = fields.Float(related="line_id.quantity")
    uom_id = fields.Many2one(related="line_id.uom_id", string="Unit")
    price = fields.Monetary(help="Per unit as quoted, VAT included; 0: not offered.")
    cost = fields.Monetary(
        compute="_compute_cost",
        store=True,
        help="Per unit, net of the VAT that the supplier's invoice lets us deduct.",
    )
    is_best = fields.Boolean("Best price", compute="_compute_is_best")

    _price_positive = models.Constraint("CHECK(price >= 0)", "A price can't be negative.")
    _line_uniq = models.Constraint(
        "UNIQUE(quote_id, line_id)", "The quote already has a price for this part."
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | self._get_derived_figures()

    def _get_approved_line_fields(self):
        return {"quote_id", "line_id", "price"}

    @api.constrains("quote_id", "line_id")
    def _check_line_id(self):
        for price in self:
            if price.line_id.comparison_id != price.quote_id.comparison_id:
                raise ValidationError(
                    self.env._(
                        "%s is not needed on this comparison.", price.product_id.display_name
                    )
                )

    @api.depends("price", "quote_id.tax_id")
    def _compute_cost(self):
        for price in self:
            cost = price.quote_id._get_net_price(price.price, price.quote_id.tax_id)
            price.cost = price.currency_id.round(cost) if price.currency_id else cost

    @api.depends("cost", "line_id.price_ids.cost")
    def _compute_is_best(self):
        for price in self:
            costs = price.line_id.price_ids.filtered("price").mapped("cost")
            price.is_best = (
                bool(price.price)
                and price.currency_id.compare_amounts(price.cost, min(costs, default=0)) <= 0
            )
