from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class PurchaseOrder(models.Model):
    _name = "purchase.order"
    _inherit = ["purchase.order", "aftersales.given.mixin"]

    aftersales_comparison_id = fields.Many2one(
        "aftersales.purchase.comparison",
        "Purchase comparison",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="The approved comparison that the order carries out; supplier, parts, quantities, "
        "prices and payment terms are as approved there (M7).",
    )

    @api.model
    def _get_approved_fields(self):
        """Return the names of the fields that were approved with the comparison."""
        return {
            "aftersales_comparison_id",
            "company_id",
            "currency_id",
            "fiscal_position_id",
            "partner_id",
            "payment_term_id",
        }

    def _get_given_fields(self):
        return {"aftersales_comparison_id"}

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        if not self.env.su and any(orders.mapped("aftersales_comparison_id")):
            raise AccessError(self.env._("Orders of a comparison are created by it alone (M7)."))
        return orders

    def write(self, vals):
        if names := self._get_approved_fields() & vals.keys():
            if "aftersales_comparison_id" in names and not self.env.su:
                raise AccessError(
                    self.env._("Orders of a comparison are created by it alone (M7).")
                )
            self._check_as_approved(vals, names)
        return super().write(vals)

    def _check_as_approved(self, vals, names):
        """Raise UserError if writing ``vals`` would change what was approved (M7)."""
        for order in self.filtered("aftersales_comparison_id"):
            for name in names:
                field = self._fields[name]
                if field.convert_to_cache(vals[name], order) != field.convert_to_cache(
                    order[name], order
                ):
                    raise UserError(order._get_as_approved_message(field))

    def _get_as_approved_message(self, field):
        # sudo: whoever orders may know which comparison decided, without rights on it
        return self.env._(
            "“%(field)s” of %(order)s is as approved on %(comparison)s (M7). To buy otherwise, "
            "cancel the order and compare again.",
            field=field._description_string(self.env),
            order=self.name,
            comparison=self.sudo().aftersales_comparison_id.name,
        )

    def button_confirm(self):
        # sudo: only whether the comparison still holds is asked
        for comparison in self.sudo().aftersales_comparison_id:
            if comparison.state == "cancelled":
                raise UserError(
                    self.env._(
                        "%s was cancelled, so nothing is ordered by it any more.", comparison.name
                    )
                )
        return super().button_confirm()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_compared(self):
        for order in self:
            if order.aftersales_comparison_id:
                raise UserError(
                    self.env._(
                        "%s belongs to a purchase comparison and is kept with it: cancel it "
                        "instead of deleting it.",
                        order.name,
                    )
                )
