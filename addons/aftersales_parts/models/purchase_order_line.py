from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class PurchaseOrderLine(models.Model):
    _name = "purchase.order.line"
    _inherit = ["purchase.order.line", "aftersales.given.mixin"]

    aftersales_need_id = fields.Many2one(
        "aftersales.purchase.comparison.line",
        "Part needed",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The line of the purchase comparison that this line orders (M7).",
    )

    aftersales_freight_quote_id = fields.Many2one(
        "aftersales.purchase.quote",
        "Quote of the freight",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The quote of the purchase comparison whose freight this line orders (M7).",
    )

    # one for each part needed: whatever calls it, nothing is ordered twice
    _aftersales_need_uniq = models.UniqueIndex(
        "(aftersales_need_id) WHERE aftersales_need_id IS NOT NULL",
        "This part of the purchase comparison is ordered already.",
    )
    _aftersales_freight_uniq = models.UniqueIndex(
        "(aftersales_freight_quote_id) WHERE aftersales_freight_quote_id IS NOT NULL",
        "The freight of this quote is ordered already.",
    )

    @api.model
    def _get_approved_fields(self):
        """Return the names of the fields that were approved with the comparison."""
        return {
            *self._get_given_fields(),
            "discount",
            "order_id",
            "price_unit",
            "product_id",
            "product_qty",
            "product_uom_id",
            "tax_ids",
        }

    def _get_given_fields(self):
        return {"aftersales_need_id", "aftersales_freight_quote_id"}

    def _get_compared(self):
        """Return the lines that order what was approved with a comparison."""
        return self.filtered(lambda line: any(line[name] for name in self._get_given_fields()))

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        if not self.env.su and lines._get_compared():
            raise AccessError(self.env._("Orders of a comparison are created by it alone (M7)."))
        return lines

    def write(self, vals):
        if names := self._get_approved_fields() & vals.keys():
            if self._get_given_fields() & names and not self.env.su:
                raise AccessError(
                    self.env._("Orders of a comparison are created by it alone (M7).")
                )
            for line in self._get_compared():
                line._check_as_approved(vals, names)
        return super().write(vals)

    def _check_as_approved(self, vals, names):
        """Raise UserError if writing ``vals`` would change what was approved (M7)."""
        self.ensure_one()
        for name in names:
            field = self._fields[name]
            if field.convert_to_cache(vals[name], self) != field.convert_to_cache(self[name], self):
                raise UserError(self.order_id._get_as_approved_message(field))

    @api.constrains("order_id", "product_id")
    def _check_aftersales_need_id(self):
        for line in self:
            if (
                line.order_id.aftersales_comparison_id
                and line.product_id.type == "consu"
                and not line.aftersales_need_id
            ):
                raise UserError(
                    self.env._(
                        "%(part)s is not on the comparison that was approved for %(order)s (M7). "
                        "Order it separately.",
                        part=line.product_id.display_name,
                        order=line.order_id.name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_compared(self):
        for line in self._get_compared():
            raise UserError(line.order_id._get_as_approved_message(self._fields["product_id"]))

    def _is_arriving(self):
        """Tell whether some of the goods are still to come."""
        return any(move.state not in ("done", "cancel") for move in self.move_ids)
