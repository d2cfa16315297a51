from odoo import fields, models

from .product_template import COST_VIEWERS


class ProductProduct(models.Model):
    _inherit = "product.product"

    # with average or last cost, it is what the company pays its suppliers
    standard_price = fields.Float(groups=COST_VIEWERS)
