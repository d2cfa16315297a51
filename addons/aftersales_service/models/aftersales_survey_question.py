from odoo import fields, models


class AftersalesSurveyQuestion(models.Model):
    """One question of a survey (M4, E8)."""

    _name = "aftersales.survey.question"
    _description = "Question of a survey"
    _order = "sequence, id"

    survey_id = fields.Many2one("aftersales.survey", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    name = fields.Char("Question", required=True, translate=True)
    answer_kind = fields.Selection(
        [("grade", "Satisfaction, five grades"), ("yes_no", "Yes or no"), ("text", "Text")],
        "Answer",
        required=True,
        default="grade",
    )
    expected = fields.Selection(
        [("yes", "Yes"), ("no", "No")],
        "Good answer",
        help="The other answer is a problem that is passed on. Empty: neither is.",
    )
    is_overall = fields.Boolean(
        "On the whole",
        help="The satisfaction rate goes by the answer to this question (M3.5).",
    )

    _expected_yes_no = models.Constraint(
        "CHECK(expected IS NULL OR answer_kind = 'yes_no')",
        "Only a question answered by yes or no has a good answer.",
    )

    def _prepare_answer_vals(self):
        self.ensure_one()
        return {
            "question_id": self.id,
            "sequence": self.sequence,
            "name": self.name,
            "answer_kind": self.answer_kind,
            "expected": self.expected,
            "is_overall": self.is_overall,
        }
