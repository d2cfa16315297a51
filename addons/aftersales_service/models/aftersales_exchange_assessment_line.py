from odoo import fields, models


class AftersalesExchangeAssessmentLine(models.Model):
    """One answer that was given, in the words of that day, with its photo."""

    _name = "aftersales.exchange.assessment.line"
    _description = "Answer of an exchange assessment"
    _inherit = "aftersales.workflow.mixin"
    _order = "assessment_id, id"
    _rec_name = "question"

    assessment_id = fields.Many2one(
        "aftersales.exchange.assessment",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
    )
    answer_id = fields.Many2one(
        "aftersales.exchange.answer", "Answer given", readonly=True, ondelete="set null"
    )
    question = fields.Char(required=True, readonly=True)
    answer = fields.Char(required=True, readonly=True)
    photo = fields.Image(readonly=True, max_width=1920, max_height=1920)

    def _get_protected_fields(self):
        # only the questions themselves add lines
        return {"assessment_id", "answer_id", "question", "answer", "photo"}
