from odoo import fields, models


class AftersalesExchangeQuestion(models.Model):
    """One question on the way to an exchange verdict; its answers lead on (L1.2)."""

    _name = "aftersales.exchange.question"
    _description = "Exchange question"
    _order = "policy_id, sequence, id"

    policy_id = fields.Many2one(
        "aftersales.warranty.policy", "Policy", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    name = fields.Char("Question", required=True, translate=True)
    hint = fields.Text(translate=True, help="How to find out, for whoever looks at the product.")
    photo_required = fields.Boolean(
        "Photo needed", help="The answer is taken with a photo only, as evidence."
    )
    answer_ids = fields.One2many("aftersales.exchange.answer", "question_id", "Answers", copy=False)

    def _get_reachable(self):
        """Return these questions and all that their answers lead to."""
        reachable = todo = self
        while todo:
            todo = todo.answer_ids.next_question_id - reachable
            reachable |= todo
        return reachable
