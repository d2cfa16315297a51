from dateutil.relativedelta import relativedelta

from odoo import api, fields, models


class AftersalesSettlementRebate(models.TransientModel):
    """The window that asks for amount and ground of a rebate, and if need be for whom (L3.2)."""

    _name = "aftersales.settlement.rebate"
    _description = "Add a rebate"

    settlement_id = fields.Many2one("aftersales.settlement", readonly=True)
    center_id = fields.Many2one(
        "res.partner", "Service center", domain=[("is_service_center", "=", True)]
    )
    month = fields.Date(
        default=lambda self: fields.Date.context_today(self) + relativedelta(months=-1, day=1),
        help="It is paid with the service fees of this month; a list of these is made if there is "
        "none that is a draft. Any day of it will do.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    amount = fields.Monetary(required=True, help="VAT included.")
    ground = fields.Text(required=True, help="What it is paid for; the center reads it.")

    @api.depends("settlement_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for wizard in self:
            company = wizard.settlement_id.company_id or self.env.company
            wizard.currency_id = company.currency_id

    def action_confirm(self):
        """Put the rebate on the list, and show that if it was looked for."""
        self.ensure_one()
        if self.settlement_id:
            self.settlement_id._add_rebate(self.amount, self.ground)
            return {"type": "ir.actions.act_window_close"}
        settlement = self.env["aftersales.settlement"]._get_rebate_list(self.center_id, self.month)
        settlement._add_rebate(self.amount, self.ground)
        return settlement._get_records_action(name=self.env._("Settlement"))
