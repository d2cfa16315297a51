from odoo import api, fields, models
from odoo.exceptions import AccessError


class AftersalesCallbackAnswer(models.Model):
    """A question as the customer was asked it, and what he answered (M4, E8)."""

    _name = "aftersales.callback.answer"
    _description = "Answer of a customer"
    _inherit = "aftersales.workflow.mixin"
    _order = "callback_id, sequence, id"

    callback_id = fields.Many2one(
        "aftersales.callback", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="callback_id.company_id", store=True)
    question_id = fields.Many2one(
        "aftersales.survey.question",
        "From the survey",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
    )
    sequence = fields.Integer(readonly=True)
    name = fields.Char("Question", required=True, readonly=True, help="As it was asked.")
    answer_kind = fields.Selection(
        selection=lambda self: self.env["aftersales.survey.question"]
        ._fields["answer_kind"]
        ._description_selection(self.env),
        required=True,
        readonly=True,
    )
    expected = fields.Selection([("yes", "Yes"), ("no", "No")], "Good answer", readonly=True)
    is_overall = fields.Boolean("On the whole", readonly=True)
    grade = fields.Selection(
        selection=lambda self: self.env["aftersales.callback"]
        ._fields["satisfaction"]
        ._description_selection(self.env)
    )
    yes_no = fields.Selection([("yes", "Yes"), ("no", "No")], "Yes or no")
    text = fields.Char()
    is_skipped = fields.Boolean(
        "Doesn't apply", help="The customer can't say, such as of repairs when there were none."
    )
    is_answered = fields.Boolean(compute="_compute_is_answered", store=True)
    is_problem = fields.Boolean(
        "Problem reported",
        compute="_compute_is_answered",
        store=True,
        help="The customer is dissatisfied, or says that something isn't as it should be.",
    )

    @api.depends("grade", "yes_no", "text", "is_skipped", "answer_kind", "expected")
    def _compute_is_answered(self):
        for answer in self:
            value = not answer.is_skipped and answer[answer.answer_kind or "grade"]
            answer.is_answered = bool(value)
            answer.is_problem = bool(value) and (
                (answer.answer_kind == "grade" and value in ("1", "2"))
                or (
                    answer.answer_kind == "yes_no"
                    and bool(answer.expected)
                    and value != answer.expected
                )
            )

    def _get_protected_fields(self):
        return {name for name in self._fields if name not in self._get_answer_fields()} - set(
            models.MAGIC_COLUMNS
        )

    @api.model
    def _get_answer_fields(self):
        """Return the names of the fields that the caller fills."""
        return {"grade", "yes_no", "text", "is_skipped"}

    @api.model_create_multi
    def create(self, vals_list):
        if vals_list and not self.env.su:
            raise AccessError(
                self.env._("The questions are those of the survey: press “Start the call”.")
            )
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            self.callback_id._check_caller()
        return super().write(vals)

    def _get_answer_label(self):
        """Return the answer in words, for prints."""
        self.ensure_one()
        if self.is_skipped:
            return self._fields["is_skipped"]._description_string(self.env)
        field = self._fields[self.answer_kind]
        value = self[self.answer_kind]
        if self.answer_kind == "text" or not value:
            return value or ""
        return dict(field._description_selection(self.env))[value]
