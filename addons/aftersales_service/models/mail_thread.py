import codecs

from odoo import api, models

# what mail programs call GB 2312 or GBK has signs of its successor
_WIDER_CHARSETS = dict.fromkeys(("gb2312", "gbk", "cp936", "x-gbk"), "gb18030")
# values of Precedence by which machines say that they are machines
_BULK = {"bulk", "list", "junk", "auto_reply"}


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def _message_parse_extract_payload(self, message, message_dict, save_original=False):
        """Let a charset that nobody knows, or a wrong one, garble signs but lose no mail."""
        for part in message.walk():
            charset = part.get_content_charset()
            if part.get_content_maintype() == "text" and charset:
                wider = _WIDER_CHARSETS.get(charset)
                if not wider:
                    try:
                        codecs.lookup(charset)
                        continue
                    except (LookupError, ValueError):
                        wider = "utf-8"
                part.set_param("charset", wider)
        return super()._message_parse_extract_payload(
            message, message_dict, save_original=save_original
        )

    @api.model
    def _message_route_process(self, message, message_dict, routes):
        if self._is_automatic_mail(message):
            self = self.with_context(  # pylint: disable=context-overridden
                {**self.env.context, "aftersales_automatic_mail": True}
            )
            if self._is_automatic_answer(message):
                # an answering machine asks for no service
                routes = [
                    route for route in routes or () if route[0] != "aftersales.request" or route[1]
                ]
        return super()._message_route_process(message, message_dict, routes)

    @api.model
    def _is_automatic_mail(self, message):
        """Tell whether a machine wrote the mail, so that no machine may answer it (RFC 3834)."""
        submitted = (message.get("Auto-Submitted") or "no").split(";")[0].strip().lower()
        return (
            submitted != "no"
            or (message.get("Precedence") or "").strip().lower() in _BULK
            or bool(message.get("X-Autoreply") or message.get("X-Autorespond"))
            or bool(message.get("List-Id") or message.get("List-Unsubscribe"))
        )

    @api.model
    def _is_automatic_answer(self, message):
        """Tell whether the mail is an answer of a machine, of an absent person's say."""
        submitted = (message.get("Auto-Submitted") or "").split(";")[0].strip().lower()
        precedence = (message.get("Precedence") or "").strip().lower()
        return (
            submitted == "auto-replied"
            or precedence == "auto_reply"
            or bool(message.get("X-Autoreply") or message.get("X-Autorespond"))
        )
