from odoo import fields, models
from odoo.exceptions import UserError


class RepairOrder(models.Model):
    _inherit = "repair.order"

    aftersales_receipt_ids = fields.One2many(
        "aftersales.receipt", "repair_id", "Receipts", groups="aftersales_service.group_user"
    )

    def action_create_sale_order(self):
        # sudo: whoever repairs; only whether the unit was taken in for a request
        for repair in self.sudo():
            if request := repair.aftersales_receipt_ids.request_id:
                raise UserError(
                    self.env._(
                        "The customer is charged with the quotation of %s, because he has to "
                        "consent first (H7): quote the parts there.",
                        request.name,
                    )
                )
        return super().action_create_sale_order()
