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

    def _get_defective_location(self):
        """Return the location of the warehouse for units taken back, made when first needed."""
        self.ensure_one()
        if not self.defective_loc_id:
            self.defective_loc_id = self.env["stock.location"].create(
                {
                    "name": self.env._("Defective goods"),
                    "usage": "internal",
                    "location_id": self.view_location_id.id,
                    "company_id": self.company_id.id,
                }
            )
        return self.defective_loc_id
