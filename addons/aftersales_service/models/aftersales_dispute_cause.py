from odoo import fields, models


class AftersalesDisputeCause(models.Model):
    """Why disputes arise, for the analysis that customer service gets (L3.5)."""

    _name = "aftersales.dispute.cause"
    _description = "Cause of disputes"
    _order = "sequence, id"

    name = fields.Char("Cause", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
