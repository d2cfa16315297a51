from odoo import api, models
from odoo.exceptions import AccessError


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            self._check_aftersales_files(
                [(vals.get("res_model"), vals.get("res_field")) for vals in vals_list]
            )
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            self._check_aftersales_files([(vals.get("res_model"), vals.get("res_field"))])
            self._check_aftersales_files(self._get_aftersales_owners())
        return super().write(vals)

    def unlink(self):
        if not self.env.su:
            self._check_aftersales_files(self._get_aftersales_owners())
        return super().unlink()

    def _get_aftersales_owners(self):
        # sudo: only model and field are read, to decide whether the change is refused
        return [(attachment.res_model, attachment.res_field) for attachment in self.sudo()]

    def _check_aftersales_files(self, owners):
        """Raise AccessError if a file is the value of a field of an after-sales document.

        Core would let whoever may write the document exchange the file behind the model's back:
        the customer's signature, the photo of a scrapped part, the original of a fapiao.
        """
        if any((model or "").startswith("aftersales.") and field for model, field in owners):
            raise AccessError(
                self.env._(
                    "This file belongs to a field of an after-sales document. Change it on the "
                    "document itself."
                )
            )
