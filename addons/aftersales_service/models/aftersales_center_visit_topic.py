from odoo import fields, models


class AftersalesCenterVisitTopic(models.Model):
    """What a support visit is about (L3.4)."""

    _name = "aftersales.center.visit.topic"
    _description = "Topic of support visits"
    _order = "sequence, id"

    name = fields.Char("Topic", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    guidance = fields.Text(translate=True, help="What to look into, for the visitor.")
