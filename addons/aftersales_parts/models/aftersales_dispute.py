from odoo import api, fields, models


class AftersalesDispute(models.Model):
    """A center may dispute what was counted of its return or deducted from its settlement."""

    _inherit = "aftersales.dispute"

    return_id = fields.Many2one(
        "aftersales.return",
        "Return",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    settlement_id = fields.Many2one(
        "aftersales.settlement",
        "Settlement",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )

    @api.model
    def _get_subject_fields(self):
        return ["return_id", "settlement_id", *super()._get_subject_fields()]

    def _get_claimant(self):
        own = self.return_id or self.settlement_id
        return own.center_id if own else super()._get_claimant()
