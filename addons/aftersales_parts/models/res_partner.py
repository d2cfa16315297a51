from odoo import fields, models
from odoo.exceptions import UserError


class ResPartner(models.Model):
    _inherit = "res.partner"

    used_part_location_id = fields.Many2one(
        "stock.location",
        "Used-part location",
        company_dependent=True,
        readonly=True,
        help="Where the used parts that this service center keeps are booked.",
    )

    def _get_used_part_location(self, company):
        """Return the center's location for used parts, created when it is first needed.

        :raises UserError: the partner is no service center, or the company has no warehouse
        """
        self.ensure_one()
        center = self if self.is_service_center else self.commercial_partner_id
        center = center.with_company(company)
        if center.used_part_location_id:
            return center.used_part_location_id
        if not center.is_service_center:
            raise UserError(
                self.env._("%s is no service center, so it keeps no used parts.", center.name)
            )
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(company)
        if not warehouse:
            raise UserError(
                self.env._("%s needs a warehouse before used parts can be kept.", company.name)
            )
        center.used_part_location_id = self.env["stock.location"].create(
            {
                "name": center.name,
                "location_id": warehouse.service_center_loc_id.id,
                "usage": "internal",
                "company_id": company.id,
            }
        )
        return center.used_part_location_id
