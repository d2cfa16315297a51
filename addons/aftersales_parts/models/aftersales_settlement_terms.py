from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesSettlementTerms(models.Model):
    """The figures by which parts used under warranty are settled, in force from a date."""

    _name = "aftersales.settlement.terms"
    _description = "Settlement terms"
    _order = "date_from desc, id desc"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: in force in every company.")
    date_from = fields.Date("In force from", required=True)
    fee_rate = fields.Float(
        "Parts management fee (%)",
        required=True,
        digits=(5, 2),
        help="Of the wholesale price of dedicated parts used in service (M8.2).",
    )
    urgent_fee = fields.Boolean(
        "Fee on urgent orders", help="Off: parts shipped on an urgent order get no fee (M8.7)."
    )
    filing_day = fields.Integer(
        required=True,
        help="Day of the next month until whose end the list has to be filed (M8.3).",
    )

    _fee_rate_range = models.Constraint(
        "CHECK(fee_rate >= 0 AND fee_rate <= 100)", "The fee lies between 0 and 100 %."
    )
    _filing_day_range = models.Constraint(
        "CHECK(filing_day BETWEEN 1 AND 28)", "The filing day lies between 1 and 28."
    )

    @api.model
    def _get_terms(self, company, date):
        """Return the terms in force in ``company`` on ``date``.

        :raises UserError: there are none
        """
        terms = self.search(
            [("company_id", "in", [company.id, False]), ("date_from", "<=", date)],
            order="company_id, date_from desc",
            limit=1,
        )
        if not terms:
            raise UserError(
                self.env._(
                    "No settlement terms are in force on %s. An administrator has to enter them "
                    "under After-sales ▸ Configuration ▸ Settlement terms.",
                    fields.Date.to_string(date),
                )
            )
        return terms
