from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    aftersales_retention_years = fields.Integer(
        related="company_id.aftersales_retention_years", readonly=False
    )
    aftersales_repair_warranty_days = fields.Integer(
        related="company_id.aftersales_repair_warranty_days", readonly=False
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
