from odoo import api, fields, models


class AftersalesReturnAppraise(models.TransientModel):
    """The window in which the office or regional manager appraises and signs (L2.4)."""

    _name = "aftersales.return.appraise"
    _description = "Appraise a return"
    _inherit = "aftersales.reference.mixin"

    return_id = fields.Many2one("aftersales.return", required=True, readonly=True)
    center_id = fields.Many2one(related="return_id.center_id", related_sudo=False)
    reason = fields.Text(related="return_id.reason", related_sudo=False)
    special_reason = fields.Text(related="return_id.special_reason", related_sudo=False)
    line_count = fields.Integer(related="return_id.line_count", related_sudo=False)
    appraisal = fields.Text(
        required=True, help="What you found when you looked at the goods: fault, condition, count."
    )
    signature = fields.Binary(attachment=False)

    def _get_reference_fields(self):
        return {"return_id"}

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards.return_id.check_access("write")
        return wizards

    def action_appraise(self):
        """Put the appraisal and the signature under the application."""
        self.ensure_one()
        return self.return_id.action_appraise(self.appraisal, self.signature)
