import re
import unicodedata

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import email_normalize, format_list, html2plaintext

_MEGABYTE = 1024 * 1024
# what may be a serial number: signs without spaces, one of them a digit
_NUMBER = re.compile(r"(?=[^\s]*\d)[A-Za-z0-9][A-Za-z0-9\-_/.]{3,62}[A-Za-z0-9]")
_MOST_NUMBERS = 200


class AftersalesMailIntakeMixin(models.AbstractModel):
    """Requests that come by e-mail: whatever arrives is taken, and nothing in it is trusted.

    The text is kept as plain text; the machine is linked only if it is the sender's own.
    """

    _name = "aftersales.mail.intake.mixin"
    _description = "Service requests by e-mail"

    @api.model
    def _detect_loop_sender_domain(self, email_from_normalized):
        return [
            ("channel", "=", "email"),
            ("partner_id.email_normalized", "=", email_from_normalized),
        ]

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Register a request from an e-mail; called by the mail gateway (M1, H3).

        :param dict msg_dict: the mail as core has parsed it; what is dropped is taken out of it
        :param dict custom_values: the defaults of the mail alias, such as the company
        """
        self._clean_mail(msg_dict)
        dropped = self._drop_large_files(msg_dict)
        vals = self._prepare_mail_vals(msg_dict, custom_values or {})
        # the answer follows when the mail itself is on the request
        request = self.with_context(aftersales_no_acknowledgement=True).create(vals)
        request = request.with_context(
            aftersales_no_acknowledgement=False, aftersales_dropped_files=", ".join(dropped)
        )
        request._note_dropped_files(dropped)
        return request

    def message_update(self, msg_dict, update_vals=None):
        """Take a further e-mail; on a closed request a clerk is told, its state stays."""
        self._clean_mail(msg_dict)
        dropped = self._drop_large_files(msg_dict)
        result = super().message_update(msg_dict, update_vals)
        for request in self:
            request._note_dropped_files(dropped)
            if request.state in ("done", "cancelled") and not self.env.context.get(
                "aftersales_automatic_mail"
            ):
                request._tell_clerks(
                    lambda request: request.env._(
                        "%s wrote about a closed request: answer, or register a follow-up.",
                        request.partner_id.display_name,
                    )
                )
        return result

    def _message_post_after_hook(self, message, msg_vals):
        result = super()._message_post_after_hook(message, msg_vals)
        if message.message_type == "email":
            self.filtered(
                lambda request: (
                    request.channel == "email"
                    and request.state == "new"
                    and not request.date_acknowledged
                )
            )._mail_acknowledgement()
        return result

    @api.model
    def _clean_mail(self, msg_dict):
        """Take out what the database can't hold."""
        for name in ("subject", "body"):
            if msg_dict.get(name):
                msg_dict[name] = type(msg_dict[name])(msg_dict[name].replace("\x00", ""))

    @api.model
    def _drop_large_files(self, msg_dict):
        """Leave out the files beyond the limit of a message, and return their names."""
        limit = self._get_intake_limit("mail_files_max_mb", 10) * _MEGABYTE
        kept, dropped, total = [], [], 0
        for attachment in msg_dict.get("attachments") or []:
            name, content = attachment[0], attachment[1]
            size = len(content or b"")
            if total + size > limit:
                dropped.append((name or "?")[:100])
            else:
                total += size
                kept.append(attachment)
        if dropped:
            msg_dict["attachments"] = kept
        return dropped

    @api.model
    def _get_intake_limit(self, name, default):
        """Return the limit ``name`` that the administrator set for what comes from outside."""
        # sudo: a limit is no secret
        parameters = self.env["ir.config_parameter"].sudo()
        try:
            return max(0, int(parameters.get_param(f"aftersales_service.{name}", default)))
        except ValueError:
            return default

    def _note_dropped_files(self, names):
        if names:
            self._message_log(
                body=self.env._(
                    "Files too large to be taken from the e-mail: %s. Ask the customer for smaller "
                    "ones if they are needed.",
                    format_list(self.env, names),
                )
            )

    @api.model
    def _prepare_mail_vals(self, msg_dict, custom_values):
        company = self.env["res.company"].browse(custom_values.get("company_id"))
        company = company.exists() or self.env.company
        partner = self._find_sender(msg_dict, company)
        text = self._get_mail_text(msg_dict)
        card, serial = self._find_mail_card(text, partner, company)
        return {
            "company_id": company.id,
            "channel": "email",
            "partner_id": partner.id,
            "card_id": card.id,
            "serial_reported": serial,
            "description": text,
            **custom_values,
        }

    @api.model
    def _find_sender(self, msg_dict, company):
        """Return the customer who wrote, or a new contact with the address that he gave."""
        partners = self.env["res.partner"]
        known = partners.browse(msg_dict.get("author_id") or []).exists()
        if known and known.company_id in (company, company.browse()):
            return known
        sender = (msg_dict.get("email_from") or "").replace("\x00", "").strip()
        if email_normalize(sender):
            found = self._partner_find_from_emails_single(
                [sender], filter_found=lambda p: p.company_id in (company, company.browse())
            )
            if found:
                return found
        return partners.create({"name": sender[:100] or self.env._("Unknown sender")})

    @api.model
    def _get_mail_text(self, msg_dict):
        """Return subject and text of the mail as plain text of sane length."""
        body = msg_dict.get("body") or ""
        body = html2plaintext(body[:200000], include_references=False) if body else ""
        subject = " ".join((msg_dict.get("subject") or "").split())
        limit = self._get_intake_limit("description_max_length", 4000)
        text = "\n".join(filter(None, (subject, body.strip())))
        if len(text) > limit:
            text = text[:limit].rstrip() + " …"
        return text or self.env._("(E-mail without text)")

    @api.model
    def _find_mail_card(self, text, partner, company):
        """Return (card, None) if the text names one machine of the sender, or (none, number).

        A machine of somebody else isn't linked: the sender would be told what its warranty
        promises. The number is kept for the clerk.
        """
        # sudo: the gateway works for nobody; what is found stays within the company
        cards = self.env["aftersales.warranty.card"].sudo()
        text = unicodedata.normalize("NFKC", text)
        numbers = list(dict.fromkeys(_NUMBER.findall(text)))[:_MOST_NUMBERS]
        if not numbers:
            return cards, False
        forms = cards._get_letter_cases(numbers)
        found = cards.search(
            Domain("company_id", "=", company.id)
            & Domain("state", "=", "open")
            & (Domain("serial_number", "in", forms) | Domain("name", "in", forms))
        )
        own = found.filtered(
            lambda card: card.partner_id.commercial_partner_id == partner.commercial_partner_id
        )
        if len(own) == 1:
            return own.sudo(False), False
        return cards, found[:1].serial_number if len(found) == 1 else False
