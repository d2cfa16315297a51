from odoo import fields, models


class StockWarehouse(models.Model):
    _inherit = "stock.warehouse"

    defective_loc_id = fields.Many2one(
        "stock.location",
        "Defective goods",
        check_company=True,
        copy=False,
        help="Where exchanged units are taken back to. Beside the stock, so that none is sold.",
    )

    customer_goods_loc_id = fields.Many2one(
        "stock.location",
        "Goods of customers",
        check_company=True,
        copy=False,
        help="Where the units are that customers handed over for repair. Beside the stock, so that "
        "none is sold.",
    )

    def _get_defective_location(self):
        """Return the location of the warehouse for units taken back, made when first needed."""
        self.ensure_one()
        if not self.defective_loc_id:
            self.defective_loc_id = self._create_aftersales_location(self.env._("Defective goods"))
        return self.defective_loc_id

    def _get_customer_goods_location(self):
        """Return the location for units taken in for repair, made when first needed."""
        self.ensure_one()
        if not self.customer_goods_loc_id:
            self.customer_goods_loc_id = self._create_aftersales_location(
                self.env._("Goods of customers")
            )
        return self.customer_goods_loc_id

    def _create_aftersales_location(self, name):
        return self.env["stock.location"].create(
            {
                "name": name,
                "usage": "internal",
                "location_id": self.view_location_id.id,
                "company_id": self.company_id.id,
            }
        )
