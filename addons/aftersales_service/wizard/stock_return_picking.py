from odoo import fields, models


class StockReturnPicking(models.TransientModel):
    _inherit = "stock.return.picking"

    aftersales_take_in = fields.Boolean(
        "Taken in for repair",
        help="The units stay the customer's and go back to him: their warranty cards stay valid, "
        "and so does the quantity delivered on the sales order.",
    )
    aftersales_from_customer = fields.Boolean(compute="_compute_aftersales_from_customer")

    def _compute_aftersales_from_customer(self):
        for wizard in self:
            wizard.aftersales_from_customer = wizard.picking_id.location_dest_id.usage == "customer"

    def _prepare_picking_default_values(self):
        return {
            **super()._prepare_picking_default_values(),
            "aftersales_take_in": self.aftersales_take_in,
        }


class StockReturnPickingLine(models.TransientModel):
    _inherit = "stock.return.picking.line"

    def _prepare_move_default_values(self, new_picking):
        vals = super()._prepare_move_default_values(new_picking)
        if new_picking.aftersales_take_in:
            vals["to_refund"] = False
        return vals
