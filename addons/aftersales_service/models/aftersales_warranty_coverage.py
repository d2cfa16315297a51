from odoo import fields, models


class AftersalesWarrantyCoverage(models.Model):
    """A line of cover, frozen on the card when it was issued."""

    _name = "aftersales.warranty.coverage"
    _description = "Warranty cover"
    _order = "card_id, sequence, id"
    _rec_name = "component"

    card_id = fields.Many2one(
        "aftersales.warranty.card", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="card_id.company_id", store=True)
    sequence = fields.Integer()
    component = fields.Char(required=True)
    categ_id = fields.Many2one("product.category", "Parts of category")
    kind = fields.Selection(
        [("repair", "Repair"), ("exchange", "Exchange"), ("none", "No warranty")], required=True
    )
    date_start = fields.Date("From", required=True)
    date_end = fields.Date("Until", help="The last day that is covered.")
    hour_limit = fields.Float("Operating hours", help="0: no limit")

    def _covers(self, date, hours=0.0):
        """Tell whether a fault on ``date`` at ``hours`` of operation is covered."""
        self.ensure_one()
        return (
            self.kind != "none"
            and self.date_start <= date <= self.date_end
            and (not self.hour_limit or hours <= self.hour_limit)
        )
