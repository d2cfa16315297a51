from odoo import api, fields, models


class AftersalesRegulation(models.Model):
    """One article of a company's regulations, which rules and decisions point to."""

    _name = "aftersales.regulation"
    _description = "Regulation"
    _order = "sequence, code"
    _rec_names_search = ["code", "name"]

    code = fields.Char(required=True, help="The article's number, as used all over the system.")
    name = fields.Char("Title", required=True, translate=True)
    text = fields.Text(
        translate=True, help="What the article demands, in short and in our own words."
    )
    source = fields.Char(translate=True, help="The document that the article comes from.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _code_unique = models.Constraint("UNIQUE(code)", "There is already an article of this code.")

    @api.depends("code", "name")
    def _compute_display_name(self):
        for regulation in self:
            regulation.display_name = f"{regulation.code} {regulation.name or ''}".strip()
