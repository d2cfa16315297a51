from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesCallbackCampaign(models.TransientModel):
    """Shows whom the company has to call after the sale, and plans the calls (M4)."""

    _name = "aftersales.callback.campaign"
    _description = "Calls after the sale"

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    months = fields.Integer(related="company_id.aftersales_callback_sale_months")
    daily = fields.Integer(related="company_id.aftersales_callback_daily")
    card_count = fields.Integer("Units", compute="_compute_counts")
    partner_count = fields.Integer("Customers", compute="_compute_counts")

    @api.depends("company_id")
    def _compute_counts(self):
        for campaign in self:
            domain = self.env["aftersales.callback"]._get_campaign_domain(campaign.company_id)
            [(campaign.card_count, campaign.partner_count)] = self.env[
                "aftersales.warranty.card"
            ]._read_group(domain, [], ["__count", "partner_id:count_distinct"])

    def action_plan(self):
        """Plan the calls and open them."""
        self.ensure_one()
        callbacks = self.env["aftersales.callback"]._plan_sale(self.company_id)
        if not callbacks:
            raise UserError(self.env._("All customers have been called, or are going to be."))
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_callback")
        return {**action, "domain": [("id", "in", callbacks.ids)], "context": {}}
