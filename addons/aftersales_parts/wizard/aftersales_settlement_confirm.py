from odoo import api, fields, models


class AftersalesSettlementConfirm(models.TransientModel):
    """The window that tells the exact amount before a settlement is confirmed (M8.5, M8.6)."""

    _name = "aftersales.settlement.confirm"
    _description = "Confirm a settlement"

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, readonly=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="settlement_id.currency_id", related_sudo=False)
    direction = fields.Selection(related="settlement_id.direction", related_sudo=False)
    period = fields.Char(related="settlement_id.period", related_sudo=False)
    line_count = fields.Integer("Lines", compute="_compute_line_count")
    amount_claimed = fields.Monetary(related="settlement_id.amount_claimed", related_sudo=False)
    amount_payable = fields.Monetary(
        "Payable",
        required=True,
        readonly=True,
        help="As you see it now. If it changes meanwhile, nothing is confirmed.",
    )

    @api.depends("settlement_id")
    def _compute_line_count(self):
        for wizard in self:
            wizard.line_count = len(wizard.settlement_id.line_ids)

    @api.model_create_multi
    def create(self, vals_list):
        windows = super().create(vals_list)
        # the window shows amounts of what it is about
        windows.settlement_id.check_access("read")
        return windows

    def action_confirm(self):
        """Confirm exactly this amount."""
        self.ensure_one()
        return self.settlement_id.action_confirm(self.amount_payable)
