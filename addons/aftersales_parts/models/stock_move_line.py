from odoo import api, models


class StockMoveLine(models.Model):
    _inherit = "stock.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.picking_id._check_not_supplied()
        return lines

    def unlink(self):
        self.picking_id._check_not_supplied()
        return super().unlink()

    def write(self, vals):
        self.picking_id._check_not_supplied()
        if not vals.keys() & {"quantity", "product_uom_id", "product_id", "location_dest_id"}:
            return super().write(vals)
        # core corrects the stock when a line that is done is changed, without a new move
        before = {
            line: (line.quantity_product_uom, line.location_dest_id, line.product_id)
            for line in self
            if line.state == "done"
        }
        result = super().write(vals)
        raised = self.browse(
            line.id
            for line, (quantity, location, product) in before.items()
            if line.quantity_product_uom > quantity
            or (line.location_dest_id, line.product_id) != (location, product)
        )
        raised.move_id._check_deposit_stock()
        return result
