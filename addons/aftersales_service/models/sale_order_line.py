from odoo import api, fields, models


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    service_part_id = fields.Many2one(
        "aftersales.service.record.part",
        "Part fitted",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The part is in the machine already, so that nothing is delivered.",
    )
    is_repair_fee = fields.Boolean(readonly=True)
    repair_fee_rate = fields.Float(
        "Repair fee (%)",
        readonly=True,
        help="Of a part: the share of its price that is charged for the repair. Of the fee: the "
        "rate that it is computed by (L1.1).",
    )

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._check_service_access()
        lines._aftersales_update_repair_fee()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if "service_part_id" in vals:
            self._check_service_access()
        if vals.keys() & {"price_unit", "discount", "product_uom_qty", "product_id", "tax_ids"}:
            self._aftersales_update_repair_fee()
        return result

    def unlink(self):
        orders = self._aftersales_get_fee_orders()
        result = super().unlink()
        orders._aftersales_update_repair_fee()
        return result

    def _check_service_access(self):
        """Raise AccessError if a user names a part fitted that he may not see."""
        if self.service_part_id and not self.env.su:
            self.service_part_id.check_access("read")

    def _aftersales_update_repair_fee(self):
        self._aftersales_get_fee_orders()._aftersales_update_repair_fee()

    def _aftersales_get_fee_orders(self):
        """Return the orders of the parts among the lines that a repair fee is computed from."""
        return self.filtered(lambda line: line.repair_fee_rate and not line.is_repair_fee).order_id

    @api.model
    def _aftersales_prepare_vals(self, entry):
        """Return the values of the line of a part; see `sale.order._aftersales_charge`."""
        part, line = entry.get("part"), entry.get("line")
        vals = {
            "product_id": entry["product"].id,
            "product_uom_qty": entry["quantity"],
            "repair_fee_rate": entry["repair_fee_rate"],
        }
        if line:
            # the price that was quoted holds, whatever became of the price list
            vals |= {
                "name": line.name,
                "price_unit": line.price_unit,
                "discount": line.discount,
                "tax_ids": [fields.Command.set(line.tax_ids.ids)],
            }
        if part:
            vals |= {"service_part_id": part.id, "qty_delivered": entry["quantity"]}
        elif line:
            vals["qty_delivered"] = entry["quantity"]
        return vals

    def _aftersales_prepare_fee_vals(self, rate):
        return {
            "product_id": self.env.ref("aftersales_service.product_repair_fee").id,
            "name": self.env._("Repair fee: %s %% of the price of the parts", f"{rate:g}"),
            "product_uom_qty": 1,
            "is_repair_fee": True,
            "repair_fee_rate": rate,
            "sequence": 1000,
        }

    def _aftersales_drop(self):
        """Take the lines off their order, or leave them with nothing once it is confirmed."""
        kept = self._check_line_unlink()
        (self - kept).unlink()
        for line in kept:
            line.write({"product_uom_qty": 0, "price_unit": line.price_unit})

    def _aftersales_get_fee(self, fee):
        """Return the price of the line ``fee`` for the parts in ``self``.

        A share of their price without taxes, or with them if the fee's own price includes taxes.
        """
        included = any(tax.price_include for tax in fee.tax_ids)
        base = sum(self.mapped("price_total" if included else "price_subtotal"))
        currency = fee.order_id.currency_id
        return currency.round(base * fee.repair_fee_rate / 100)

    def _compute_discount(self):
        # the fee is a share of prices that are discounted already
        fees = self.filtered("is_repair_fee")
        fees.discount = 0
        return super(SaleOrderLine, self - fees)._compute_discount()

    def _aftersales_is_serviced(self):
        """Tell whether a technician brings what the line sells: nothing is delivered."""
        # sudo: whoever handles the order; only whether it is for a request is looked at
        return bool(self.service_part_id or self.order_id.sudo().aftersales_request_id)

    @api.depends("service_part_id", "order_id.aftersales_request_id")
    def _compute_qty_delivered_method(self):
        fitted = self.filtered(lambda line: line._aftersales_is_serviced())
        fitted.qty_delivered_method = "manual"
        return super(SaleOrderLine, self - fitted)._compute_qty_delivered_method()

    def _action_launch_stock_rule(self, **kwargs):
        lines = self.filtered(lambda line: not line._aftersales_is_serviced())
        return super(SaleOrderLine, lines)._action_launch_stock_rule(**kwargs)

    def _aftersales_get_posted_sales(self):
        """Return quantity and net amount that posted invoices less credit notes leave sold.

        :return: quantity in the line's unit, amount in its currency at the rate of each document
        """
        self.ensure_one()
        quantity = amount = 0.0
        for line in self.invoice_lines.filtered(lambda line: line.parent_state == "posted"):
            sign = -line.move_id.direction_sign
            quantity += sign * line.product_uom_id._compute_quantity(
                line.quantity, self.product_uom_id
            )
            amount += sign * line.currency_id._convert(
                line.price_subtotal, self.currency_id, line.company_id, line.date
            )
        return quantity, amount
