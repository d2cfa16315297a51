from odoo import fields, models


class AftersalesMachineKind(models.Model):
    """A kind of machine, whose used parts are kept apart from those of other kinds (M10.1)."""

    _name = "aftersales.machine.kind"
    _description = "Machine kind"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _code_unique = models.Constraint("UNIQUE(code)", "There is already a kind of this code.")
