from odoo import models
from odoo.exceptions import UserError


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_done(self, cancel_backorder=False):
        # sudo runs the actions of records and returns, the only ways of a used part
        if not self.env.su and self._get_used_part_product() & self.product_id:
            raise UserError(
                self.env._(
                    "Used parts move only by service records and returns. A transfer, scrap or "
                    "adjustment of its own would break the chain from the machine to the factory."
                )
            )
        return super()._action_done(cancel_backorder=cancel_backorder)

    def _get_used_part_product(self):
        return (
            self.env.ref("aftersales_parts.product_used_part", raise_if_not_found=False)
            or (self.env["product.product"])
        )
