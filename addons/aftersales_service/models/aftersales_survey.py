from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesSurvey(models.Model):
    """调查表: the questions that a kind of callback asks; each call keeps them as read (M4, E8)."""

    _name = "aftersales.survey"
    _description = "Survey"
    _inherit = ["mail.thread"]
    _order = "kind, company_id, sequence, id"

    name = fields.Char(required=True, translate=True)
    kind = fields.Selection(
        selection=lambda self: self.env["aftersales.callback"]
        ._fields["kind"]
        ._description_selection(self.env),
        string="Asked",
        required=True,
        tracking=True,
        help="The kind of callback that asks these questions. Of several surveys the company's own "
        "comes before the shared one, then the first of the list.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="The article that demands these questions."
    )
    question_ids = fields.One2many(
        "aftersales.survey.question", "survey_id", "Questions", copy=True
    )
    answer_count = fields.Integer("Calls", compute="_compute_answer_count")

    def _compute_answer_count(self):
        counts = dict(
            self.env["aftersales.callback"]._read_group(
                [("survey_id", "in", self.ids)], ["survey_id"], ["__count"]
            )
        )
        for survey in self:
            survey.answer_count = counts.get(survey, 0)

    @api.constrains("name", "question_ids", "active")
    def _check_overall(self):
        for survey in self.filtered("active"):
            overall = survey.question_ids.filtered("is_overall")
            if len(overall) != 1 or overall.answer_kind != "grade":
                raise ValidationError(
                    self.env._(
                        "“%s” needs exactly one question about the satisfaction on the whole, "
                        "answered by a grade: the satisfaction rate goes by it (M3.5).",
                        survey.name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if any(survey.answer_count for survey in self):
            raise UserError(
                self.env._("A survey that customers answered can't be deleted. Archive it.")
            )

    @api.model
    def _get_survey(self, kind, company):
        """Return the survey that calls of ``kind`` ask in ``company``, or none."""
        return self.search(
            [("kind", "=", kind), ("company_id", "in", [company.id, False])],
            order="company_id, sequence, id",
            limit=1,
        )

    def _prepare_answers(self):
        """Return the questions as values of answers: worded as the caller reads them now."""
        return [question._prepare_answer_vals() for question in self.question_ids]
