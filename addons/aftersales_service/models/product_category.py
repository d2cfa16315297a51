from odoo import fields, models


class ProductCategory(models.Model):
    _inherit = "product.category"

    trade_ids = fields.Many2many(
        "aftersales.qualification.type",
        "aftersales_category_trade_rel",
        "categ_id",
        "type_id",
        string="Special trades",
        domain=[("holder", "=", "person")],
        help="Whoever is sent to a product of this category, or of one below it, has to be "
        "certified for these (H2).",
    )
