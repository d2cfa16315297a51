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
