from odoo import fields, models


class AftersalesCenterCriterion(models.Model):
    """What a sales point should bring to become a service center (L3.1)."""

    _name = "aftersales.center.criterion"
    _description = "Criterion for a service center"
    _order = "sequence, id"

    name = fields.Char("Criterion", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    is_mandatory = fields.Boolean(
        "Mandatory", help="An application that doesn't meet it can't be submitted."
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")
