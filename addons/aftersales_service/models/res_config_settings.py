from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    aftersales_retention_years = fields.Integer(
        related="company_id.aftersales_retention_years", readonly=False
    )
    aftersales_repair_warranty_days = fields.Integer(
        related="company_id.aftersales_repair_warranty_days", readonly=False
    )
    aftersales_repeat_fault_days = fields.Integer(
        related="company_id.aftersales_repeat_fault_days", readonly=False
    )
    aftersales_repair_fee_rate = fields.Float(
        related="company_id.aftersales_repair_fee_rate", readonly=False
    )
    aftersales_callback_hour = fields.Float(
        related="company_id.aftersales_callback_hour", readonly=False
    )
    aftersales_callback_attempts = fields.Integer(
        related="company_id.aftersales_callback_attempts", readonly=False
    )
    aftersales_effect_check_days = fields.Integer(
        related="company_id.aftersales_effect_check_days", readonly=False
    )
    aftersales_complaint_rate_basis = fields.Selection(
        related="company_id.aftersales_complaint_rate_basis", readonly=False
    )
    aftersales_complaint_rate_per = fields.Integer(
        related="company_id.aftersales_complaint_rate_per", readonly=False
    )
    aftersales_visit_hours = fields.Float(
        related="company_id.aftersales_visit_hours", readonly=False
    )
    aftersales_callback_sale_months = fields.Integer(
        related="company_id.aftersales_callback_sale_months", readonly=False
    )
    aftersales_callback_daily = fields.Integer(
        related="company_id.aftersales_callback_daily", readonly=False
    )
    aftersales_callback_report_months = fields.Integer(
        related="company_id.aftersales_callback_report_months", readonly=False
    )
    aftersales_callback_report_days = fields.Integer(
        related="company_id.aftersales_callback_report_days", readonly=False
    )
    aftersales_satisfaction_target = fields.Float(
        related="company_id.aftersales_satisfaction_target", readonly=False
    )
    aftersales_alias_name = fields.Char(
        "Mailbox for service requests",
        compute="_compute_aftersales_alias_name",
        inverse="_inverse_aftersales_alias_name",
        help="E-mails to this address become service requests.",
    )
    aftersales_alias_domain = fields.Char(related="company_id.alias_domain_id.name")

    @api.depends("company_id")
    def _compute_aftersales_alias_name(self):
        for settings in self:
            settings.aftersales_alias_name = settings.company_id.aftersales_alias_id.alias_name

    def _inverse_aftersales_alias_name(self):
        for settings in self:
            settings.company_id._set_aftersales_alias(settings.aftersales_alias_name)
