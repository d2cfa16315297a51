from odoo import api, models


class AftersalesRegulation(models.Model):
    _inherit = "aftersales.regulation"

    @api.model
    def _get_rule_models(self):
        return [
            *super()._get_rule_models(),
            "aftersales.part.class",
            "aftersales.deduction.reason",
        ]
