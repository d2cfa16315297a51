from odoo import api, fields, models


class AftersalesScorecardGrade(models.Model):
    """A band of results, with the reward or penalty that goes with it (E5)."""

    _name = "aftersales.scorecard.grade"
    _description = "Grade of scorecards"
    _order = "score_from desc"

    name = fields.Char("Grade", required=True, translate=True)
    score_from = fields.Float("From", required=True, help="The least result of this grade, 0–100.")
    consequence = fields.Text(
        "Reward or penalty",
        translate=True,
        help="Proposed on the scorecard, where it can be worded for the case.",
    )

    _score_range = models.Constraint(
        "CHECK(score_from >= 0 AND score_from <= 100)", "A grade begins between 0 and 100."
    )
    _score_unique = models.Constraint(
        "UNIQUE(score_from)", "There is already a grade that begins with this result."
    )

    @api.model
    def _get_grades(self):
        """Return all grades, the highest first."""
        return self.search([("score_from", ">=", 0)])
