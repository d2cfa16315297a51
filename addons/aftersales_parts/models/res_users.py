from odoo import models


class ResUsers(models.Model):
    _inherit = "res.users"

    def _is_of_center_only(self):
        """Tell whether the user is here for a service center, or as a technician, and no more.

        What core shows to every employee is then too much. The record rules on stock exempt the
        same roles.
        """
        self.ensure_one()
        if not (
            self.has_group("aftersales_service.group_center")
            or self.has_group("aftersales_service.group_technician")
        ):
            return False
        return not any(self.has_group(group) for group in self._get_factory_groups())

    def _get_factory_groups(self):
        """Return the groups of those who work with stock and its costs at the company."""
        return (
            "aftersales_service.group_clerk",
            "aftersales_service.group_office_manager",
            "aftersales_service.group_logistics",
            "aftersales_service.group_quality",
            "aftersales_service.group_vp",
            "product.group_product_manager",
            "purchase.group_purchase_user",
            "sales_team.group_sale_salesman",
            "stock.group_stock_user",
            "account.group_account_invoice",
            "account.group_account_readonly",
        )
