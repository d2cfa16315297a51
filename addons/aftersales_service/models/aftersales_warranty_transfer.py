from odoo import api, fields, models
from odoo.exceptions import AccessError


class AftersalesWarrantyTransfer(models.Model):
    """A unit passed on to a new owner; written once and kept."""

    _name = "aftersales.warranty.transfer"
    _description = "Change of owner"
    _inherit = "aftersales.given.mixin"
    _regulations = ("E4",)
    _order = "date desc, id desc"
    _rec_name = "card_id"

    card_id = fields.Many2one(
        "aftersales.warranty.card", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="card_id.company_id", store=True)
    from_partner_id = fields.Many2one("res.partner", "From", required=True, readonly=True)
    to_partner_id = fields.Many2one("res.partner", "To", required=True, readonly=True)
    date = fields.Date(required=True, readonly=True, help="The day on which the owner changed.")
    reason = fields.Text(required=True, readonly=True)
    user_id = fields.Many2one("res.users", "Recorded by", required=True, readonly=True)

    def write(self, vals):
        if self:
            raise AccessError(self.env._("A change of owner is kept as it was recorded."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(self.env._("A change of owner is kept as it was recorded."))
