from odoo import models


class ResUsers(models.Model):
    _inherit = "res.users"

    def _get_aftersales_center(self):
        """Return the service center that the user belongs to; none: he is a central technician."""
        self.ensure_one()
        # sudo: only which center it is
        return self.sudo().commercial_partner_id.filtered("is_service_center")

    def _is_of_center(self, center):
        """Tell whether the user may be sent by ``center``: he belongs to it, or to none."""
        own = self._get_aftersales_center()
        return not own or not center or own == center.sudo().commercial_partner_id
