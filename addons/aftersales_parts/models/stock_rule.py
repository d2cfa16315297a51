from odoo import models


class StockRule(models.Model):
    _inherit = "stock.rule"

    def _make_po_get_domain(self, company_id, values, partner):
        # what is ordered by a comparison stays as approved: nothing else is added to it
        domain = super()._make_po_get_domain(company_id, values, partner)
        return (*domain, ("aftersales_comparison_id", "=", False))
