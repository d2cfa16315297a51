from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class StockMove(models.Model):
    _name = "stock.move"
    _inherit = ["stock.move", "aftersales.given.mixin"]

    aftersales_return_line_id = fields.Many2one(
        "aftersales.return.line",
        "Line of a return",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The defective goods that this move takes in.",
    )

    def _get_given_fields(self):
        return {"aftersales_return_line_id"}

    @api.model
    def _prepare_merge_moves_distinct_fields(self):
        # each line of a return is counted by itself
        return [*super()._prepare_merge_moves_distinct_fields(), "aftersales_return_line_id"]

    def _action_done(self, cancel_backorder=False):
        # sudo runs the actions of records and returns, the only ways of a used part
        if not self.env.su and self._get_used_part_product() & self.product_id:
            raise UserError(self._get_used_part_message())
        moves = super()._action_done(cancel_backorder=cancel_backorder)
        moves._check_deposit_stock()
        moves._note_arrival_differences()
        return moves

    @api.model
    def _get_used_part_message(self):
        return self.env._(
            "Used parts move only by service records and returns. A transfer, scrap or "
            "adjustment of its own would break the chain from the machine to the factory."
        )

    @api.model_create_multi
    def create(self, vals_list):
        moves = super().create(vals_list)
        if not self.env.su and moves.aftersales_return_line_id:
            raise AccessError(
                self.env._("The moves of a return are made by the return and can't be given.")
            )
        moves._check_not_returned({"picking_id": False})
        return moves

    def write(self, vals):
        self._check_not_returned(vals)
        result = super().write(vals)
        if "picking_id" in vals:
            self._check_not_returned(vals)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_returned(self):
        # sudo: only whether a return travels by the transfer is asked
        self.sudo().picking_id.with_env(self.env)._check_not_returned()

    def _check_not_returned(self, vals):
        """Raise an error if a user takes a move off its return, or puts one on it (L2.5)."""
        if self.env.su:
            return
        if "aftersales_return_line_id" in vals:
            raise AccessError(
                self.env._("The moves of a return are made by the return and can't be given.")
            )
        if vals.keys() & {
            "picking_id",
            "state",
            "product_id",
            "product_uom_qty",
            "quantity",
            "picked",
            "location_id",
            "location_dest_id",
            "move_line_ids",
        }:
            # sudo: only whether a return travels by the transfer is asked
            self.sudo().picking_id.with_env(self.env)._check_not_returned()

    def _action_cancel(self):
        result = super()._action_cancel()
        self._note_arrival_differences()
        return result

    def _note_arrival_differences(self):
        """Record what of a purchase comparison arrived otherwise than ordered (M7)."""
        # sudo: whoever receives the goods has no rights on comparisons
        self.sudo().purchase_line_id.aftersales_need_id._note_differences()

    def _check_deposit_stock(self):
        """Raise UserError if a center now keeps more than its quota and deposit allow (L3.3).

        Asked of what is there after the move, whatever kind of transfer brought it.
        """
        for location in self.move_line_ids.location_dest_id._get_deposit_locations():
            location.deposit_center_id._lock_aftersales_stock_account()
            location.deposit_center_id.with_env(self.env)._check_parts_quota(location.company_id)

    def _get_used_part_product(self):
        return (
            self.env.ref("aftersales_parts.product_used_part", raise_if_not_found=False)
            or (self.env["product.product"])
        )

    def _get_warranty_partner(self):
        # a part fitted in a repair has the warranty of the repair, and no card of its own (H8);
        # one given for an old part is not sold to the center
        if self.picking_id.aftersales_record_id or self.picking_id.aftersales_swap_id:
            return self.env["res.partner"]
        return super()._get_warranty_partner()

    def _get_new_picking_values(self):
        values = super()._get_new_picking_values()
        # sudo: warehouse staff see that it is urgent, without rights on the order
        if any(self.sudo().sale_line_id.order_id.mapped("is_aftersales_urgent")):
            values["priority"] = "1"
        return values
