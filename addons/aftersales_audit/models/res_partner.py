from odoo import fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    aftersales_office_region_ids = fields.One2many(
        "aftersales.region",
        "office_id",
        "Regions of the office",
        groups="aftersales_service.group_user",
        help="Their managers answer for the office and so can't audit it (L4.2).",
    )
