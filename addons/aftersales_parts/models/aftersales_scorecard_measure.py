from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain


class AftersalesScorecardMeasure(models.AbstractModel):
    _inherit = "aftersales.scorecard.measure"

    @api.model
    def _get_measures(self):
        return {**super()._get_measures(), "used_part": self.env._("Used parts accepted (%)")}

    @api.model
    def _measure_used_part(self, kind, start, end):
        """Of the used parts that arrived at the factory in the period and were judged (M10.1)."""
        if kind == "technician":
            raise ValidationError(
                self.env._("Used parts are returned by service centers, not by technicians.")
            )
        base = Domain("result", "!=", False) & Domain(
            "return_line_ids",
            "any",
            [("date_received", ">=", start), ("date_received", "<=", end)],
        )
        return self._share("aftersales.used.part", kind, base, Domain("result", "=", "accepted"))
