from odoo import api, fields, models


class AftersalesReceiptSign(models.TransientModel):
    """The window in which the customer signs a take-in or hand-back on the screen."""

    _name = "aftersales.receipt.sign"
    _description = "Customer's signature on a receipt"

    receipt_id = fields.Many2one("aftersales.receipt", required=True, readonly=True)
    state = fields.Selection(related="receipt_id.state")
    product_id = fields.Many2one(related="receipt_id.product_id", related_sudo=False)
    serial_number = fields.Char(related="receipt_id.serial_number", related_sudo=False)
    condition = fields.Text(related="receipt_id.condition", related_sudo=False)
    accessories = fields.Text(related="receipt_id.accessories", related_sudo=False)
    return_condition = fields.Text(related="receipt_id.return_condition", related_sudo=False)
    signed_by = fields.Char("Name of the person who signs", required=True)
    signature = fields.Binary(required=True, attachment=False)

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards.receipt_id.check_access("write")
        return wizards

    def action_sign(self):
        """Take the goods in, or hand them back, with the signature."""
        self.ensure_one()
        receipt = self.receipt_id
        if receipt.state == "taken":
            return receipt.action_hand_back(self.signed_by, self.signature)
        return receipt.action_take_in(self.signed_by, self.signature)
