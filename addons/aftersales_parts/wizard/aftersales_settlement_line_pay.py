from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesSettlementLinePay(models.TransientModel):
    """The window in which lines of a settlement get another amount (M8.4, M9.3).

    In the audit by customer service, and of what the manufacturer pays by a clerk.
    """

    _name = "aftersales.settlement.line.pay"
    _description = "Change what settlement lines pay"

    line_ids = fields.Many2many("aftersales.settlement.line", readonly=True)
    settlement_id = fields.Many2one(related="line_ids.settlement_id")
    direction = fields.Selection(related="settlement_id.direction")
    currency_id = fields.Many2one(related="line_ids.currency_id")
    line_count = fields.Integer("Lines", compute="_compute_amounts")
    amount_claimed = fields.Monetary("Claimed", compute="_compute_amounts")
    amount_before = fields.Monetary("Paid so far", compute="_compute_amounts")
    mode = fields.Selection(
        [
            ("all", "As claimed"),
            ("nothing", "Nothing"),
            ("amount", "Another amount"),
        ],
        "Pay",
        required=True,
        default="all",
    )
    amount = fields.Monetary(help="VAT included. Of several lines, each pays this amount.")
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason",
        "Deduction",
        ondelete="cascade",
        help="The code by which parts are paid less.",
    )
    reason = fields.Text(help="Why. It is kept with the change, and the service center sees it.")

    @api.depends("line_ids")
    def _compute_amounts(self):
        for wizard in self:
            wizard.line_count = len(wizard.line_ids)
            wizard.amount_claimed = sum(wizard.line_ids.mapped("amount_claimed"))
            wizard.amount_before = sum(wizard.line_ids.mapped("amount_payable"))

    def _get_amount(self, line):
        if self.mode == "all":
            return line.amount_claimed
        return self.amount if self.mode == "amount" else 0

    def action_confirm(self):
        """Let the lines pay that."""
        self.ensure_one()
        settlements = self.line_ids.settlement_id
        if len(settlements) > 1:
            raise UserError(self.env._("Choose lines of one settlement only."))
        amounts = {line: self._get_amount(line) for line in self.line_ids}
        if settlements.direction == "receivable":
            return settlements._receive_result(
                {line: (amount, self.reason) for line, amount in amounts.items()}
            )
        return self.line_ids._audit(amounts, self.reason, self.deduction_reason_id)
