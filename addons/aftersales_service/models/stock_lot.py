from odoo import fields, models


class StockLot(models.Model):
    _inherit = "stock.lot"

    warranty_card_ids = fields.One2many(
        "aftersales.warranty.card",
        "lot_id",
        "Warranty cards",
        groups="aftersales_service.group_user",
    )
