from odoo import models
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG


class MailTrackingValue(models.Model):
    _inherit = "mail.tracking.value"

    def write(self, vals):
        self.mail_message_id._check_aftersales_kept()
        return super().write(vals)

    def unlink(self):
        if not (self.env.su and self.env.context.get(MODULE_UNINSTALL_FLAG)):
            self.mail_message_id._check_aftersales_kept()
        return super().unlink()
