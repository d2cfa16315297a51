from odoo import api, fields, models


class AftersalesUsedPartSupply(models.TransientModel):
    """The window in which it is chosen to whom used parts are sent on."""

    _name = "aftersales.used.part.supply"
    _description = "Send used parts to their supplier"

    used_part_ids = fields.Many2many("aftersales.used.part", string="Tags", required=True)
    used_part_count = fields.Integer("Parts", compute="_compute_used_part_count")
    supplier_id = fields.Many2one(
        "res.partner",
        "Supplier",
        required=True,
        domain="[('is_company', '=', True), ('is_service_center', '=', False)]",
    )

    @api.depends("used_part_ids")
    def _compute_used_part_count(self):
        for wizard in self:
            wizard.used_part_count = len(wizard.used_part_ids)

    def action_confirm(self):
        """Send the parts on to the supplier."""
        self.ensure_one()
        self.used_part_ids._send_to_supplier(self.supplier_id)
        return True
