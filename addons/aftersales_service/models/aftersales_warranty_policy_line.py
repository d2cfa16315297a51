from dateutil.relativedelta import relativedelta

from odoo import fields, models


class AftersalesWarrantyPolicyLine(models.Model):
    """The cover of one component, or of everything that no other line names."""

    _name = "aftersales.warranty.policy.line"
    _description = "Warranty policy line"
    _order = "policy_id, sequence, id"
    _rec_name = "component"

    policy_id = fields.Many2one(
        "aftersales.warranty.policy", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    component = fields.Char(required=True, translate=True, help="What is covered, in words.")
    categ_id = fields.Many2one(
        "product.category",
        "Parts of category",
        help="The line covers parts of this category and its subcategories. Empty: the whole "
        "unit, that is whatever no other line covers.",
    )
    kind = fields.Selection(
        [("repair", "Repair"), ("exchange", "Exchange"), ("none", "No warranty")],
        required=True,
        default="repair",
    )
    duration = fields.Integer(
        "Months", help="One month from 10 September ends with 10 October, which is still covered."
    )
    hour_limit = fields.Float(
        "Operating hours", help="Cover also ends at this hour-meter reading. 0: no limit."
    )

    _duration_positive = models.Constraint(
        "CHECK(kind = 'none' OR duration > 0)", "A warranty lasts one month or more."
    )
    _hour_limit_positive = models.Constraint(
        "CHECK(hour_limit >= 0)", "The hour limit can't be negative."
    )

    def unlink(self):
        policies = self.policy_id
        result = super().unlink()
        policies.exists()._check_line_ids()
        return result

    def _prepare_coverage_vals(self, start):
        self.ensure_one()
        # As Chinese law counts periods (Civil Code, art. 201 and 202): the first day isn't
        # counted, the last is the same day of the month, or the month's last if it has none.
        end = start + relativedelta(months=self.duration) if self.kind != "none" else False
        return {
            "sequence": self.sequence,
            "component": self.component,
            "categ_id": self.categ_id.id,
            "kind": self.kind,
            "date_start": start,
            "date_end": end,
            "hour_limit": self.hour_limit,
        }
