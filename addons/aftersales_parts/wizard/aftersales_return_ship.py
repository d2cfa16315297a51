from odoo import api, fields, models


class AftersalesReturnShip(models.TransientModel):
    """The window in which the sender says how the goods travel, and ships them (L2.3)."""

    _name = "aftersales.return.ship"
    _description = "Ship a return"
    _inherit = "aftersales.reference.mixin"

    return_id = fields.Many2one("aftersales.return", required=True, readonly=True)
    freight_payer = fields.Selection(related="return_id.freight_payer", related_sudo=False)
    currency_id = fields.Many2one(related="return_id.currency_id", related_sudo=False)
    line_count = fields.Integer(related="return_id.line_count", related_sudo=False)
    carrier = fields.Char(
        compute="_compute_freight", store=True, readonly=False, required=True, precompute=True
    )
    waybill = fields.Char(compute="_compute_freight", store=True, readonly=False, precompute=True)
    freight_cost = fields.Monetary(
        compute="_compute_freight", store=True, readonly=False, precompute=True
    )
    package_count = fields.Integer(
        "Packages", compute="_compute_freight", store=True, readonly=False, precompute=True
    )

    def _get_reference_fields(self):
        return {"return_id"}

    @api.depends("return_id")
    def _compute_freight(self):
        for wizard in self:
            for name in self._get_freight_fields():
                wizard[name] = wizard.return_id[name]

    @api.model
    def _get_freight_fields(self):
        return ("carrier", "waybill", "freight_cost", "package_count")

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards.return_id.check_access("write")
        return wizards

    def action_ship(self):
        """Ship the goods and print the register, which travels with them (L2.4)."""
        self.ensure_one()
        self.return_id.write({name: self[name] for name in self._get_freight_fields()})
        self.return_id.action_ship()
        return {**self.return_id.action_print_register(), "close_on_report_download": True}
