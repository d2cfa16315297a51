from odoo import models


class AftersalesNetworkMixin(models.AbstractModel):
    """Documents on service centers, which a manager keeps for the own region only."""

    _name = "aftersales.network.mixin"
    _description = "Document of the service network"

    def _get_scope_fields(self):
        """Return the names of the fields by which rules decide whose document it is."""
        return {"center_id", "region_id", "partner_id", "company_id"}

    def write(self, vals):
        result = super().write(vals)
        if not self.env.su and self._get_scope_fields() & vals.keys():
            # rules look at a document before the change: nobody may hand it on to others
            self.check_access("write")
        return result
