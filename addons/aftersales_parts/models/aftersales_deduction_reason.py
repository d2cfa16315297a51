from odoo import fields, models


class AftersalesDeductionReason(models.Model):
    """Why a part is not paid, or not in full (M8.4)."""

    _name = "aftersales.deduction.reason"
    _description = "Deduction reason"
    _order = "code"

    code = fields.Char(required=True)
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _code_unique = models.Constraint("UNIQUE(code)", "There is already a reason of this code.")
