from odoo import fields, models


class AftersalesRequestResolve(models.TransientModel):
    """The window that asks for the advice given from afar and the callback agreed (H5, M1)."""

    _name = "aftersales.request.resolve"
    _description = "Help by phone"

    request_id = fields.Many2one("aftersales.request", required=True, readonly=True)
    description = fields.Text(related="request_id.description", related_sudo=False)
    advice = fields.Text("Advice given", required=True)
    date_callback = fields.Datetime(
        "Callback agreed for", required=True, help="When the customer wants to be called back."
    )
    adviser_id = fields.Many2one(
        "res.users",
        "Advice by",
        required=True,
        default=lambda self: self.env.user,
        domain=[("share", "=", False)],
    )

    def action_confirm(self):
        """Note the advice and plan the callback."""
        self.ensure_one()
        self.request_id.action_resolve(self.advice, self.date_callback, self.adviser_id.id)
        return {"type": "ir.actions.act_window_close"}
