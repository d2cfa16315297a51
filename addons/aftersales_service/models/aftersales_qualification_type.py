from odoo import fields, models


class AftersalesQualificationType(models.Model):
    """A kind of certificate: of a trade, of training, of a company (H2)."""

    _name = "aftersales.qualification.type"
    _description = "Kind of qualification"
    _order = "sequence, id"

    name = fields.Char("Qualification", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    holder = fields.Selection(
        [("person", "Person"), ("center", "Service center")], required=True, default="person"
    )
    remind_days = fields.Integer(
        "Remind before (days)",
        required=True,
        default=30,
        help="So many days before it ends, a certificate counts as expiring.",
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _remind_days_positive = models.Constraint(
        "CHECK(remind_days >= 0)", "The days of the reminder can't be negative."
    )
