from odoo import models
from odoo.exceptions import UserError


class StockLot(models.Model):
    _inherit = "stock.lot"

    def write(self, vals):
        if not self.env.su and {"name", "product_id", "company_id"} & vals.keys():
            # sudo: only whether the serial is a tag is asked, to decide on the refusal
            tags = self.env["aftersales.used.part"].sudo()
            if tags.search_count([("lot_id", "in", self.ids)], limit=1):
                raise UserError(
                    self.env._("The number of a tag is that of its service record and stays so.")
                )
        return super().write(vals)
