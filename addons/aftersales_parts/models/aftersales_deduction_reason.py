from odoo import fields, models


class AftersalesDeductionReason(models.Model):
    """Why a part is not paid, or not in full (M8.4)."""

    _name = "aftersales.deduction.reason"
    _description = "Deduction reason"
    _order = "code"
    _rec_names_search = ["code", "name"]

    code = fields.Char(required=True)
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    rate = fields.Float(
        "Deducted (%)",
        required=True,
        default=100,
        digits=(5, 2),
        help="Share of the claimed amount, fee included, that is not paid. 100: nothing is paid.",
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _code_unique = models.Constraint("UNIQUE(code)", "There is already a reason of this code.")
    _rate_range = models.Constraint(
        "CHECK(rate > 0 AND rate <= 100)", "More than 0 % and at most 100 % is deducted."
    )
