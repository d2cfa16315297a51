from odoo import fields, models


class AftersalesComplaintCriterion(models.Model):
    """What makes a complaint serious (C5, H12)."""

    _name = "aftersales.complaint.criterion"
    _description = "Criterion of a serious complaint"
    _order = "sequence, id"

    name = fields.Char("Criterion", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    regulation_id = fields.Many2one("aftersales.regulation", "Article")
