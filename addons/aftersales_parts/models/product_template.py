from odoo import fields, models


class ProductTemplate(models.Model):
    _name = "product.template"
    _inherit = ["product.template", "aftersales.product.cost.mixin"]

    part_class_id = fields.Many2one(
        "aftersales.part.class",
        "Part class",
        help="Decides how the used part is kept, whether it may be scrapped on the spot and "
        "whether a management fee is paid.",
    )
    is_dedicated_part = fields.Boolean(
        "Dedicated part",
        help="Made for our machines and bought from us or our approved suppliers: used in "
        "service, it earns the service center the parts management fee (M8.2).",
    )
    machine_kind_id = fields.Many2one(
        "aftersales.machine.kind",
        "Machine kind",
        help="What kind of machine this is. Used parts of different kinds are kept apart (M10.1).",
    )
