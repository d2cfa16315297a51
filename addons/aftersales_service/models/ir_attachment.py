from odoo import api, models
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG
from odoo.exceptions import AccessError, UserError
from odoo.tools.misc import format_date


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
        if self._get_aftersales_kept_fields() & vals.keys():
            self._check_aftersales_kept()
        return super().write(vals)

    def unlink(self):
        if not self.env.su:
            self._check_aftersales_files(self._get_aftersales_owners())
        if not (self.env.su and self.env.context.get(MODULE_UNINSTALL_FLAG)):
            self._check_aftersales_kept()
        return super().unlink()

    def _get_aftersales_kept_fields(self):
        """Return the names of the fields that make out a file and where it belongs."""
        return {"datas", "db_datas", "name", "raw", "res_id", "res_model", "type", "url"}

    def _check_aftersales_kept(self):
        """Raise UserError if one of the files belongs to a document that is kept (H11).

        For the system, too: the web client deletes files in the chatter with its rights. The
        values of fields are the document's own matter, see `_check_aftersales_files`.
        """
        # sudo: only the owner is read, to decide whether the change is refused
        owners = [(file.res_model, file.res_id) for file in self.sudo() if not file.res_field]
        if documents := self.env["aftersales.retention.mixin"]._get_retained(owners):
            raise UserError(
                self.env._(
                    "The files on %(document)s have to be kept until %(date)s (H11). Add the "
                    "right one and say in a note which one holds.",
                    document=documents[0].display_name,
                    date=format_date(self.env, documents[0].retain_until),
                )
            )

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
