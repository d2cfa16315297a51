from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class StockLocation(models.Model):
    _name = "stock.location"
    _inherit = ["stock.location", "aftersales.given.mixin"]

    deposit_center_id = fields.Many2one(
        "res.partner",
        "Parts on deposit with",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The service center that keeps the company's parts here, within its quota and "
        "against its deposit (L3.3).",
    )

    _deposit_center_uniq = models.UniqueIndex(
        "(deposit_center_id, company_id) WHERE deposit_center_id IS NOT NULL",
        "This service center already has a location for parts on deposit.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        self._check_deposit_center(any(vals.get("deposit_center_id") for vals in vals_list))
        return super().create(vals_list)

    def write(self, vals):
        self._check_deposit_center("deposit_center_id" in vals)
        if not self.env.su and {"location_id", "usage", "company_id", "active"} & vals.keys():
            self._check_storage_places()
        return super().write(vals)

    def _get_given_fields(self):
        return {"deposit_center_id"}

    def _check_storage_places(self):
        """Raise UserError if keepers store used parts here: their place is where it is (M10.1)."""
        # sudo: only whether there is such a place is asked, to decide on the refusal
        places = self.env["aftersales.storage.place"].sudo().with_context(active_test=False)
        if place := places.search([("location_id", "in", self.ids)], limit=1):
            raise UserError(
                self.env._(
                    "“%(place)s” of %(keeper)s is a storage place for used parts and is changed "
                    "under After-sales ▸ Used parts ▸ Storage places.",
                    place=place.name,
                    keeper=place.keeper_id.name,
                )
            )

    def _check_deposit_center(self, given):
        """Raise AccessError if a user gives the center: quota and deposit guard by it."""
        if given and not self.env.su:
            raise AccessError(
                self.env._(
                    "The location of a service center's parts on deposit is made by its parts "
                    "quota and can't be given by hand."
                )
            )

    def _get_deposit_locations(self):
        """Return the deposit locations that these locations are or lie in."""
        # sudo: only whether parts go to a service center on deposit is asked
        locations = self.sudo().with_context(active_test=False)
        return locations.search([("deposit_center_id", "!=", False), ("id", "parent_of", self.ids)])
