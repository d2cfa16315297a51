from odoo import fields, models


class AftersalesFaultCause(models.Model):
    """A kind of cause that faults are counted and compared by (M3.2)."""

    _name = "aftersales.fault.cause"
    _description = "Kind of fault cause"
    _order = "sequence, id"

    name = fields.Char("Kind of cause", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
