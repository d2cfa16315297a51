from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.aftersales_callback import CAMPAIGN_BATCH


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
            campaign.card_count, campaign.partner_count = self.env[
                "aftersales.callback"
            ]._count_campaign(campaign.company_id)

    def action_plan(self):
        """Plan the first calls and open them; the daily job goes on with the others at once."""
        self.ensure_one()
        callbacks = self.env["aftersales.callback"]._plan_sale(self.company_id, CAMPAIGN_BATCH)
        if not callbacks:
            raise UserError(self.env._("All customers have been called, or are going to be."))
        self.invalidate_recordset(["card_count", "partner_count"])
        left = self.partner_count
        if left and not self.env.ref("aftersales_service.cron_callback_sale")._trigger():
            # the job is switched off
            callbacks |= self.env["aftersales.callback"]._plan_sale(self.company_id)
            left = 0
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_callback")
        action |= {"domain": [("id", "in", callbacks.ids)], "context": {}}
        if not left:
            return action
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "sticky": True,
                "message": self.env._(
                    "%(planned)s calls are planned. Those to the other %(left)s customers follow "
                    "in the background within minutes.",
                    planned=len(callbacks),
                    left=left,
                ),
                "next": action,
            },
        }
