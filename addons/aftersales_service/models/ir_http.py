from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        """Open the day's work to technicians and centers that chose no other home page."""
        info = super().session_info()
        user = self.env.user
        if not info.get("home_action_id") and (
            user.has_group("aftersales_service.group_technician")
            or user.has_group("aftersales_service.group_center")
        ):
            info["home_action_id"] = self.env.ref("aftersales_service.action_my_work").id
        return info
