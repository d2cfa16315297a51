from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    aftersales_pricelist_id = fields.Many2one(
        related="company_id.aftersales_pricelist_id", readonly=False
    )
    aftersales_journal_id = fields.Many2one(
        related="company_id.aftersales_journal_id", readonly=False
    )
    aftersales_expense_account_id = fields.Many2one(
        related="company_id.aftersales_expense_account_id", readonly=False
    )
    aftersales_claims_account_id = fields.Many2one(
        related="company_id.aftersales_claims_account_id", readonly=False
    )
    aftersales_accrued_account_id = fields.Many2one(
        related="company_id.aftersales_accrued_account_id", readonly=False
    )
    aftersales_purchase_tax_id = fields.Many2one(
        related="company_id.aftersales_purchase_tax_id", readonly=False
    )
    aftersales_deposit_account_id = fields.Many2one(
        related="company_id.aftersales_deposit_account_id", readonly=False
    )
    aftersales_deposit_ratio = fields.Float(
        related="company_id.aftersales_deposit_ratio", readonly=False
    )
    aftersales_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Currency of settlements"
    )
    aftersales_tax_tolerance = fields.Monetary(
        related="company_id.aftersales_tax_tolerance",
        readonly=False,
        currency_field="aftersales_currency_id",
    )
    aftersales_fapiao_file_size = fields.Integer(
        related="company_id.aftersales_fapiao_file_size", readonly=False
    )
    aftersales_fapiao_archive_size = fields.Integer(
        related="company_id.aftersales_fapiao_archive_size", readonly=False
    )
    aftersales_fapiao_archive_files = fields.Integer(
        related="company_id.aftersales_fapiao_archive_files", readonly=False
    )
    aftersales_min_quotes = fields.Integer(
        related="company_id.aftersales_min_quotes", readonly=False
    )
    aftersales_used_part_days = fields.Integer(
        related="company_id.aftersales_used_part_days", readonly=False
    )
    aftersales_service_expense_account_id = fields.Many2one(
        related="company_id.aftersales_service_expense_account_id", readonly=False
    )
    aftersales_service_tax_id = fields.Many2one(
        related="company_id.aftersales_service_tax_id", readonly=False
    )
    aftersales_fapiao_tax_ids = fields.Many2many(
        related="company_id.aftersales_fapiao_tax_ids", readonly=False
    )
    aftersales_manufacturer_id = fields.Many2one(
        related="company_id.aftersales_manufacturer_id", readonly=False
    )
    aftersales_income_account_id = fields.Many2one(
        related="company_id.aftersales_income_account_id", readonly=False
    )
    aftersales_to_invoice_account_id = fields.Many2one(
        related="company_id.aftersales_to_invoice_account_id", readonly=False
    )
    aftersales_accrued_income_account_id = fields.Many2one(
        related="company_id.aftersales_accrued_income_account_id", readonly=False
    )
    aftersales_sale_tax_id = fields.Many2one(
        related="company_id.aftersales_sale_tax_id", readonly=False
    )
    aftersales_service_sale_tax_id = fields.Many2one(
        related="company_id.aftersales_service_sale_tax_id", readonly=False
    )
