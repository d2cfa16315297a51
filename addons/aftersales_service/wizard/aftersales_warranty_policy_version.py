from odoo import fields, models


class AftersalesWarrantyPolicyVersion(models.TransientModel):
    """Asks from which day a new version of a policy holds."""

    _name = "aftersales.warranty.policy.version"
    _description = "New version of a warranty policy"

    policy_id = fields.Many2one("aftersales.warranty.policy", required=True, readonly=True)
    date = fields.Date(
        "Holds from",
        required=True,
        help="For units delivered or bought from this day on. The present version ends the day "
        "before; cards that were issued keep their cover.",
    )

    def action_confirm(self):
        """Make the version and open it."""
        self.ensure_one()
        version = self.policy_id._start_version(self.date)
        return {
            "type": "ir.actions.act_window",
            "res_model": version._name,
            "res_id": version.id,
            "views": [(False, "form")],
        }
