from odoo import models
from odoo.exceptions import UserError


class MailMessage(models.Model):
    _inherit = "mail.message"

    def write(self, vals):
        if names := self._get_aftersales_kept_fields() & vals.keys():
            self.filtered(
                lambda message: any(message._differs(name, vals[name]) for name in names)
            )._check_aftersales_kept()
        return super().write(vals)

    def unlink(self):
        # the system itself deletes mails that it has sent; for the chatter it empties a message
        if not self.env.su:
            self._check_aftersales_kept()
        return super().unlink()

    def _get_aftersales_kept_fields(self):
        """Return the names of the fields that make out what was said, by whom, when and where.

        The system completes a message when it is sent by mail, and changes what it says only for
        the user who edits it in the chatter.
        """
        if self.env.su:
            return {"body"}
        return {
            "attachment_ids",
            "author_id",
            "body",
            "date",
            "email_from",
            "message_type",
            "model",
            "res_id",
            "tracking_value_ids",
        }

    def _differs(self, name, value):
        # a user who may write the message may read it
        field = self._fields[name]
        return field.convert_to_write(self[name], self) != value

    def _check_aftersales_kept(self):
        """Raise UserError if one of the messages belongs to a document that is kept (H11).

        Core lets everybody who may write on a document delete what others noted on it.
        """
        # sudo: model and id are read, to decide whether the change is refused
        owners = [(message.model, message.res_id) for message in self.sudo()]
        if documents := self.env["aftersales.retention.mixin"]._get_retained(owners):
            raise UserError(
                self.env._(
                    "What was noted on %s has to be kept as it is (H11). Add another note instead.",
                    documents[0].display_name,
                )
            )
