from odoo import api, fields, models


class AftersalesSettlementAnswer(models.TransientModel):
    """The window in which objections to a settlement are answered (M8.5, M9.3)."""

    _name = "aftersales.settlement.answer"
    _description = "Answer objections to a settlement"

    difference_ids = fields.Many2many(
        "aftersales.settlement.difference", "aftersales_settlement_answer_rel", readonly=True
    )
    currency_id = fields.Many2one(related="difference_ids.currency_id")
    decision = fields.Selection(
        [("accepted", "Accept"), ("refused", "Refuse")], required=True, default="accepted"
    )
    is_listed = fields.Boolean(compute="_compute_is_listed")
    amount = fields.Monetary(
        "Agreed amount",
        compute="_compute_amount",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="What the line pays then, VAT included.",
    )
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason",
        "Deduction",
        ondelete="cascade",
        help="Needed if a part is paid less than before.",
    )
    outcome = fields.Text("Answer", required=True)

    @api.depends("difference_ids")
    def _compute_is_listed(self):
        for wizard in self:
            single = len(wizard.difference_ids) == 1
            wizard.is_listed = single and bool(wizard.difference_ids.line_id)

    @api.depends("difference_ids")
    def _compute_amount(self):
        for wizard in self:
            single = len(wizard.difference_ids) == 1
            wizard.amount = wizard.difference_ids.amount_expected if single else 0

    @api.model_create_multi
    def create(self, vals_list):
        windows = super().create(vals_list)
        # the window shows amounts of what it is about
        windows.difference_ids.check_access("read")
        return windows

    def action_confirm(self):
        """Give the answer."""
        self.ensure_one()
        if self.decision == "refused":
            return self.difference_ids.action_refuse(self.outcome)
        return self.difference_ids._accept(
            self.outcome,
            # of several, each gets what was expected
            self.amount if self.is_listed else None,
            self.deduction_reason_id,
        )
