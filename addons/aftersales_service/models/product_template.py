from odoo import fields, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    warranty_policy_id = fields.Many2one(
        "aftersales.warranty.policy",
        "Warranty policy",
        domain=[("origin_id", "=", False)],
        help="A warranty card opens from this policy for each serial number delivered to a "
        "customer. Changing it never changes cards that were issued.",
    )
    trade_ids = fields.Many2many(
        "aftersales.qualification.type",
        "aftersales_product_trade_rel",
        "product_tmpl_id",
        "type_id",
        string="Special trades",
        domain=[("holder", "=", "person")],
        help="Whoever is sent to this product has to be certified for these, and for those of its "
        "categories (H2).",
    )
    is_aftersales_service = fields.Boolean(
        "After-sales service",
        help="Can be quoted for a service request at its sales price, beside the parts (H10).",
    )
