from odoo import api, models
from odoo.exceptions import AccessError, UserError


class StockMoveLine(models.Model):
    _inherit = "stock.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        self._check_warehouse_user()
        lines = super().create(vals_list)
        lines._check_open_to_hands()
        # core books a line that is added to a move that is done, without a new move
        lines.filtered(lambda line: line.state == "done").move_id._check_deposit_stock()
        return lines

    def unlink(self):
        self._check_warehouse_user()
        self._check_open_to_hands()
        return super().unlink()

    def write(self, vals):
        self._check_warehouse_user()
        self._check_open_to_hands()
        # core corrects the stock when a line that is done is changed, without a new move
        before = {
            line: (line.quantity_product_uom, line.location_dest_id, line.product_id)
            for line in self
            if line.state == "done"
        }
        result = super().write(vals)
        self._check_open_to_hands()
        raised = self.browse(
            line.id
            for line, (quantity, location, product) in before.items()
            if line.quantity_product_uom > quantity
            or (line.location_dest_id, line.product_id) != (location, product)
        )
        raised.move_id._check_deposit_stock()
        return result

    @api.model
    def _check_warehouse_user(self):
        """Raise AccessError if somebody from outside the warehouse writes on stock by himself.

        Core lets every user do so, because stock follows from the documents of others; here
        people of service centers are users, too.
        """
        if not self.env.su and self.env.user._is_of_center_only():
            raise AccessError(
                self.env._("What is in stock is moved by the warehouse, not by service centers.")
            )

    def _check_open_to_hands(self):
        """Raise UserError if a user changes what only a document of after-sales moves (M10.3)."""
        if self.env.su:
            return
        # sudo: only whose transfers and parts these are is asked
        lines = self.sudo()
        if lines.product_id & lines.move_id._get_used_part_product():
            raise UserError(lines.move_id._get_used_part_message())
        lines.picking_id.with_env(self.env)._check_not_supplied()
        lines.picking_id.with_env(self.env)._check_not_returned()
