from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AftersalesWarrantyPolicyLine(models.Model):
    """The cover of one component, or of everything that no other line names."""

    _name = "aftersales.warranty.policy.line"
    _description = "Warranty policy line"
    _inherit = "aftersales.warranty.terms.mixin"
    _order = "policy_id, sequence, id"
    _rec_name = "component"

    policy_id = fields.Many2one(
        "aftersales.warranty.policy", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", help="Empty: the article of the policy."
    )

    @api.constrains("policy_id", "product_id", "categ_id", "claimant")
    def _check_component_once(self):
        """Refuse two lines of a policy that would both hold for the same claim."""
        for policy in self.policy_id:
            seen = {}
            for line in policy.line_ids:
                key = (line.product_id, line.categ_id, line.claimant)
                if key in seen:
                    raise ValidationError(
                        self.env._(
                            "“%(policy)s”: “%(first)s” and “%(second)s” would both hold for the "
                            "same part. Keep one of them, or name another part, category or "
                            "claimant.",
                            policy=policy.name,
                            first=seen[key].component,
                            second=line.component,
                        )
                    )
                seen[key] = line

    @api.constrains("after_expiry", "repair_fee_rate")
    def _check_repair_fee_rate(self):
        for line in self:
            if line.after_expiry == "fee" and not line.repair_fee_rate:
                raise ValidationError(
                    self.env._(
                        "“%s”: enter the repair fee in percent, or charge the parts only.",
                        line.component,
                    )
                )

    def unlink(self):
        policies = self.policy_id
        result = super().unlink()
        policies.exists()._check_line_ids()
        return result

    def _prepare_coverage_vals(self, card):
        """Return the values of the cover that ``card`` promises by this line."""
        self.ensure_one()
        date_start, date_end = self._get_window(card._get_basis_dates())
        vals = {name: self[name] for name in self._get_terms_fields()}
        return {
            **vals,
            "product_id": self.product_id.id,
            "categ_id": self.categ_id.id,
            "policy_line_id": self.id,
            "sequence": self.sequence,
            "regulation_id": (self.regulation_id or self.policy_id.regulation_id).id,
            "date_start": date_start,
            "date_end": date_end,
        }
