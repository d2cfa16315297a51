from odoo import api, fields, models
from odoo.exceptions import AccessError


class AftersalesCallbackAttempt(models.Model):
    """One call to a customer, whether or not it was answered; written once and kept (M4)."""

    _name = "aftersales.callback.attempt"
    _description = "Attempt to call"
    _inherit = "aftersales.given.mixin"
    _order = "date, id"
    _rec_name = "callback_id"

    callback_id = fields.Many2one(
        "aftersales.callback", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="callback_id.company_id", store=True)
    date = fields.Datetime("Called on", required=True, readonly=True)
    user_id = fields.Many2one("res.users", "Called by", required=True, readonly=True)
    outcome = fields.Selection(
        selection=lambda self: self.env["aftersales.callback"]
        ._fields["outcome"]
        ._description_selection(self.env),
        required=True,
        readonly=True,
    )
    phone = fields.Char("Number called", readonly=True)
    note = fields.Char(readonly=True)

    def write(self, vals):
        if self:
            raise AccessError(self.env._("An attempt to call is kept as it was recorded."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(self.env._("An attempt to call is kept as it was recorded."))
