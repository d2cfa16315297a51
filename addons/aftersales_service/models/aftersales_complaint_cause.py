from odoo import fields, models

# the kinds of complaints; deadline rules and causes go by them
KINDS = [
    ("quality", "Product quality"),
    ("batch_quality", "Batch quality"),
    ("service_late", "Service late or poor"),
    ("conduct", "Conduct of staff"),
    ("transport", "Transport"),
    ("contract", "Contract"),
    ("payment", "Payment withheld"),
    ("suggestion", "Suggestion"),
    ("other", "Other"),
]
CATEGORIES = [
    ("quality", "Abnormal quality"),
    ("human", "Not quality (human)"),
    ("other", "Other"),
]


class AftersalesComplaintCause(models.Model):
    """What complaints are caused by, and which department answers for it (C2, E3)."""

    _name = "aftersales.complaint.cause"
    _description = "Cause of complaints"
    _regulations = ("C2", "E3")
    _order = "sequence, id"

    name = fields.Char("Cause", required=True, translate=True)
    sequence = fields.Integer(
        default=10, help="The first cause of a kind decides who handles complaints of this kind."
    )
    active = fields.Boolean(default=True)
    kind = fields.Selection(
        KINDS,
        "Kind of complaint",
        required=True,
        default="other",
        help="Complaints of this kind are handed to the department (E3).",
    )
    category = fields.Selection(
        CATEGORIES, required=True, default="other", help="How the cause is counted (C2)."
    )
    department_id = fields.Many2one(
        "aftersales.department", "Department", required=True, ondelete="restrict"
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")
