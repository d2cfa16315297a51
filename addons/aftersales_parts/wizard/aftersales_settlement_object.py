from odoo import api, fields, models


class AftersalesSettlementObject(models.TransientModel):
    """The window that asks what is wrong with a line, or missing on a list (M8.5, M9.3)."""

    _name = "aftersales.settlement.object"
    _description = "Object to a settlement"

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, readonly=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="settlement_id.company_id", related_sudo=False)
    currency_id = fields.Many2one(related="settlement_id.currency_id", related_sudo=False)
    center_id = fields.Many2one(related="settlement_id.center_id", related_sudo=False)
    kind = fields.Selection(related="settlement_id.kind", related_sudo=False)
    line_id = fields.Many2one("aftersales.settlement.line", readonly=True, ondelete="cascade")
    explanation = fields.Char(related="line_id.explanation", related_sudo=False)
    amount_claimed = fields.Monetary(related="line_id.amount_claimed", related_sudo=False)
    amount_listed = fields.Monetary(
        related="line_id.amount_payable", related_sudo=False, string="On the list"
    )
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Missing used part",
        ondelete="cascade",
        domain="[('center_id', '=', center_id), ('company_id', '=', company_id)]",
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Missing service record",
        ondelete="cascade",
        domain="[('center_id', '=', center_id), ('company_id', '=', company_id), "
        "('state', '=', 'done')]",
    )
    amount_expected = fields.Monetary(
        "Amount that you expect",
        compute="_compute_amount_expected",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="VAT included.",
    )
    cause = fields.Text("Why", required=True)

    @api.depends("line_id")
    def _compute_amount_expected(self):
        for wizard in self:
            wizard.amount_expected = wizard.line_id.amount_claimed

    @api.model_create_multi
    def create(self, vals_list):
        windows = super().create(vals_list)
        # the window shows amounts of what it is about
        windows.settlement_id.check_access("read")
        windows.line_id.check_access("read")
        return windows

    def action_confirm(self):
        """Hand the objection in."""
        self.ensure_one()
        self.settlement_id._object(
            [
                {
                    "line_id": self.line_id.id,
                    "used_part_id": self.used_part_id.id,
                    "record_id": self.record_id.id,
                    "amount_expected": self.amount_expected,
                    "cause": self.cause,
                }
            ]
        )
        return True
