from odoo import api, fields, models


class AftersalesCenterQuotaLine(models.Model):
    _name = "aftersales.center.quota.line"
    _description = "First parts stock"
    _inherit = ["aftersales.approval.line.mixin"]
    _approval_document = "quota_id"

    quota_id = fields.Many2one(
        "aftersales.center.quota", "Quota", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="quota_id.company_id", store=True)
    currency_id = fields.Many2one(related="quota_id.currency_id")
    product_id = fields.Many2one(
        "product.product",
        "Part",
        required=True,
        domain="[('is_storable', '=', True), ('company_id', 'in', (False, company_id))]",
        ondelete="restrict",
    )
    quantity = fields.Float(required=True, default=1, digits="Product Unit")
    uom_id = fields.Many2one(related="product_id.uom_id", string="Unit")
    price_unit = fields.Monetary(
        "Wholesale price",
        compute="_compute_amount",
        help="Today's price by the list of the year; 0.00 when there is none.",
    )
    amount = fields.Monetary("Value", compute="_compute_amount")

    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0)", "The quantity of each part has to be more than zero."
    )

    @api.depends("product_id", "quantity", "company_id")
    def _compute_amount(self):
        self.price_unit = self.amount = 0
        now = fields.Datetime.now()
        for company, lines in self.grouped(
            lambda line: line.company_id or line.quota_id.company_id
        ).items():
            if not company.aftersales_pricelist_id:
                continue
            prices = company._aftersales_get_wholesale_prices(lines.product_id._origin, now)
            for line in lines:
                price, _rule = prices.get(line.product_id._origin, (0, None))
                line.price_unit = price
                line.amount = company.currency_id.round(price * line.quantity)
