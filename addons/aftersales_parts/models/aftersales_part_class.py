from odoo import fields, models


class AftersalesPartClass(models.Model):
    """What a kind of part means for keeping, scrapping and paying it (M8.7, M10.1)."""

    _name = "aftersales.part.class"
    _description = "Part class"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    storage = fields.Selection(
        [
            ("indoor", "Indoors"),
            ("outdoor", "Outdoors allowed"),
            ("careful", "With care, indoors"),
        ],
        required=True,
        default="indoor",
        help="How a keeper has to store the used part (M10.1).",
    )
    scrap_allowed = fields.Boolean(
        "May be scrapped on the spot", help="Rubber seals, for instance, need not come back."
    )
    management_fee = fields.Boolean(
        "Management fee",
        default=True,
        help="Off for assemblies, which get no parts management fee (M8.7).",
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _code_unique = models.Constraint("UNIQUE(code)", "There is already a class of this code.")
