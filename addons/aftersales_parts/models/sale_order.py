from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class SaleOrder(models.Model):
    _inherit = "sale.order"

    is_aftersales_urgent = fields.Boolean(
        "Urgent service order",
        copy=False,
        help="The service center needs the parts for a repair that waits for them: they are sent "
        "at once, and earn no parts management fee (M8.7). Fixed once the order is confirmed.",
    )
    aftersales_urgent_request_id = fields.Many2one(
        "aftersales.request",
        "Needed for request",
        copy=False,
        index="btree_not_null",
        check_company=True,
        help="The repair that waits for the parts. Empty: whichever of the center needs them.",
    )
    aftersales_center_id = fields.Many2one(
        "res.partner",
        "Ordering service center",
        compute="_compute_aftersales_center_id",
        help="The service center that the customer of the order is, or belongs to.",
    )

    _aftersales_urgent_idx = models.Index("(partner_id) WHERE is_aftersales_urgent")

    @api.depends("partner_id")
    def _compute_aftersales_center_id(self):
        for order in self:
            order.aftersales_center_id = order.partner_id._get_service_center()

    # --- urgent service orders (M8.7) ------------------------------------------------------

    @api.onchange("partner_id")
    def _onchange_aftersales_partner(self):
        if not self.aftersales_center_id:
            self.is_aftersales_urgent = False
        if self.aftersales_urgent_request_id.center_id != self.aftersales_center_id:
            self.aftersales_urgent_request_id = False

    @api.constrains("is_aftersales_urgent", "aftersales_urgent_request_id", "partner_id")
    def _check_aftersales_urgent(self):
        for order in self:
            if order.is_aftersales_urgent and not order.aftersales_center_id:
                raise ValidationError(
                    self.env._(
                        "%s is no service center: only service centers order parts urgently for "
                        "a repair (M8.7).",
                        order.partner_id.display_name,
                    )
                )
            # sudo: only whether the request is the center's is asked
            request = order.sudo().aftersales_urgent_request_id
            if request and not order.is_aftersales_urgent:
                raise ValidationError(
                    self.env._(
                        "An order that is not urgent waits for no repair: mark it as urgent, or "
                        "leave the request empty (M8.7)."
                    )
                )
            if request and request.center_id != order.aftersales_center_id:
                raise ValidationError(
                    self.env._(
                        "%(request)s is not answered by %(center)s, so its parts are not ordered "
                        "for it.",
                        request=request.name,
                        center=order.aftersales_center_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        orders._check_urgent_request_access()
        return orders

    def write(self, vals):
        self._check_urgent_fixed(vals)
        result = super().write(vals)
        if vals.get("aftersales_urgent_request_id"):
            self._check_urgent_request_access()
        return result

    def _check_urgent_request_access(self):
        """Raise AccessError if a user names a request that he may not see."""
        if self.aftersales_urgent_request_id and not self.env.su:
            self.aftersales_urgent_request_id.check_access("read")

    def _check_urgent_fixed(self, vals):
        """Raise UserError if ``vals`` change whose urgent order it is, once it is confirmed."""
        names = {"is_aftersales_urgent", "aftersales_urgent_request_id", "partner_id"} & vals.keys()
        for order in self if names else self.browse():
            changed = {
                name
                for name in names
                if order._fields[name].convert_to_write(order[name], order) != (vals[name] or False)
            }
            if not order.is_aftersales_urgent:
                changed.discard("partner_id")
            if changed and order.state not in ("draft", "sent"):
                raise UserError(
                    self.env._(
                        "%s is confirmed: whether it is an urgent service order, of whom and for "
                        "what, is fixed (M8.7). If that is wrong, cancel it and write another one.",
                        order.name,
                    )
                )

    def _action_cancel(self):
        for order in self:
            if parts := order.order_line._aftersales_get_urgent_parts():
                raise UserError(
                    self.env._(
                        "%(order)s can't be cancelled: its parts have been fitted with "
                        "%(records)s (M8.7).",
                        order=order.name,
                        records=", ".join(parts.record_id.mapped("name")),
                    )
                )
        return super()._action_cancel()
