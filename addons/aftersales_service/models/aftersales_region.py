from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_list


class AftersalesRegion(models.Model):
    """Provinces served by one regional office and its service centers (L1.5, L2.11)."""

    _name = "aftersales.region"
    _description = "After-sales region"
    _order = "return_week, name"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)
    state_ids = fields.Many2many(
        "res.country.state", string="Provinces", help="A province belongs to one region only."
    )
    office_id = fields.Many2one(
        "res.partner", "Regional office", domain=[("is_regional_office", "=", True)]
    )
    manager_id = fields.Many2one(
        "res.users", "Regional manager", help="Sees and appraises what happens in the region."
    )
    center_ids = fields.One2many(
        "res.partner",
        "aftersales_region_id",
        "Service centers",
        domain=[("is_service_center", "=", True)],
    )
    return_week = fields.Selection(
        [("1", "First week"), ("2", "Second week"), ("3", "Third week"), ("4", "Fourth week")],
        help="The week of the month in which used parts and defective goods are returned (L2.11).",
    )

    @api.constrains("state_ids", "company_id", "active")
    def _check_state_ids(self):
        for region in self:
            domain = [("id", "!=", region.id), ("state_ids", "in", region.state_ids.ids)]
            if region.company_id:
                domain.append(("company_id", "in", [region.company_id.id, False]))
            other = self.search(domain, limit=1)
            if other:
                raise ValidationError(
                    self.env._(
                        "%(states)s already belong to the region “%(region)s”.",
                        states=format_list(
                            self.env, (region.state_ids & other.state_ids).mapped("name")
                        ),
                        region=other.name,
                    )
                )

    @api.model
    def _get_region(self, partner, company):
        """Return the region of ``company`` that ``partner``'s province belongs to, or none."""
        return self.search(
            [
                ("state_ids", "in", partner.state_id.ids),
                ("company_id", "in", [company.id, False]),
            ],
            limit=1,
        )
