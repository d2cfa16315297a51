from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AftersalesExchangeAnswer(models.Model):
    """What can be answered to a question, and where that leads: on, or to a verdict (L1.2)."""

    _name = "aftersales.exchange.answer"
    _description = "Exchange answer"
    _order = "question_id, sequence, id"

    question_id = fields.Many2one(
        "aftersales.exchange.question", "Question", required=True, ondelete="cascade", index=True
    )
    policy_id = fields.Many2one(related="question_id.policy_id")
    sequence = fields.Integer(default=10)
    name = fields.Char("Answer", required=True, translate=True)
    outcome = fields.Selection(
        [
            ("next", "Next question"),
            ("exchange", "Exchange"),
            ("repair", "Repair"),
            ("refuse", "No exchange"),
            ("window", "By the period of the cover"),
        ],
        "Leads to",
        required=True,
        default="next",
        help="By the period of the cover: exchanged as long as the policy's cover for this kind "
        "of claimant runs, refused afterwards.",
    )
    next_question_id = fields.Many2one(
        "aftersales.exchange.question",
        "Next question",
        domain="[('policy_id', '=', policy_id), ('id', '!=', question_id)]",
        ondelete="restrict",
        index="btree_not_null",
    )
    reason = fields.Text(
        translate=True, help="The verdict in a sentence, as the customer reads it on the slip."
    )
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="Empty: the article of the policy."
    )

    _next_question = models.Constraint(
        "CHECK((outcome = 'next') = (next_question_id IS NOT NULL))",
        "Name the next question for an answer that leads on, and none for a verdict.",
    )

    @api.constrains("outcome", "reason")
    def _check_reason(self):
        for answer in self:
            if answer.outcome in ("exchange", "repair", "refuse") and not answer.reason:
                raise ValidationError(
                    self.env._(
                        "“%(question)s – %(answer)s”: enter the reason of the verdict, which the "
                        "customer reads.",
                        question=answer.question_id.name,
                        answer=answer.name,
                    )
                )

    @api.constrains("question_id", "next_question_id")
    def _check_next_question_id(self):
        for answer in self:
            following = answer.next_question_id
            if following and following.policy_id != answer.question_id.policy_id:
                raise ValidationError(
                    self.env._(
                        "“%(next)s” belongs to another policy than “%(question)s”.",
                        next=following.name,
                        question=answer.question_id.name,
                    )
                )
            if answer.question_id in following._get_reachable():
                raise ValidationError(
                    self.env._(
                        "The answer “%(answer)s” to “%(question)s” would lead round in a circle: "
                        "nobody would ever come to a verdict.",
                        answer=answer.name,
                        question=answer.question_id.name,
                    )
                )
