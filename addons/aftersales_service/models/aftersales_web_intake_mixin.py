import io
import re

from PIL import Image

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import email_normalize
from odoo.tools.mimetypes import guess_mimetype

_MEGABYTE = 1024 * 1024
_PHOTO_TYPES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_LINE = re.compile(r"\s+")


class AftersalesWebIntakeMixin(models.AbstractModel):
    """Requests from the public page and the customer portal: checked before they are taken."""

    _name = "aftersales.web.intake.mixin"
    _description = "Service requests from the web"

    @api.model
    def _get_web_errors(self, form, fields_required):
        """Return {field of the form: sentence} for what is missing or can't be right.

        :param dict form: what was sent, all texts
        :param fields_required: names of the fields that have to be filled
        """
        errors = {
            name: self.env._("Please fill this in.")
            for name in fields_required
            if not (form.get(name) or "").strip()
        }
        phone, email = (form.get("phone") or "").strip(), (form.get("email") or "").strip()
        if phone and not self.env["res.partner"]._is_phone(phone):
            errors["phone"] = self.env._("This is no phone number.")
        if email and not email_normalize(email):
            errors["email"] = self.env._("This is no e-mail address.")
        return errors

    @api.model
    def _get_photo_limits(self):
        """Return how many photos may be sent with a form, and of how many MB each."""
        return {
            "photo_max_count": self._get_intake_limit("photo_max_count", 5),
            "photo_max_mb": self._get_intake_limit("photo_max_mb", 5),
        }

    @api.model
    def _check_photos(self, files):
        """Return the photos sent, as pairs of a name of ours and the content.

        What a file is, its content says; its name and type are the sender's words.

        :param files: uploaded files, with ``read`` and ``filename``
        :raises UserError: too many, too large, or no photo
        """
        limits = self._get_photo_limits()
        most, limit = limits["photo_max_count"], limits["photo_max_mb"]
        files = [file for file in files if file and file.filename]
        if len(files) > most:
            raise UserError(self.env._("Please send %s photos at most.", most))
        photos = []
        for number, file in enumerate(files, 1):
            content = file.read(limit * _MEGABYTE + 1)
            if len(content) > limit * _MEGABYTE:
                raise UserError(self.env._("Each photo may have %s MB at most.", limit))
            extension = _PHOTO_TYPES.get(guess_mimetype(content))
            if not extension or not self._is_image(content):
                raise UserError(self.env._("Please send photos only: JPEG, PNG or WebP."))
            photos.append((self.env._("Photo %s", number) + f".{extension}", content))
        return photos

    @api.model
    def _is_image(self, content):
        """Tell whether ``content`` can be read as an image, without unpacking it."""
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.verify()
        except Exception:  # noqa: BLE001
            # broken files make the library raise whatever it stumbles over
            return False
        return True

    @api.model
    def _clean_line(self, text, limit=100):
        """Return ``text`` in one line of at most ``limit`` signs, or False."""
        text = (text or "").replace("\x00", "")
        return _LINE.sub(" ", text).strip()[:limit] or False

    @api.model
    def _prepare_web_vals(self, form):
        """Return the values of a request from the public page, sent by anybody.

        Nobody is believed to be who he says: customer and card are linked by the clerk, only an
        e-mail address, to which alone the answer goes, finds its customer.
        """
        company = self.env.company
        limit = self._get_intake_limit("description_max_length", 4000)
        line = self._clean_line
        details = [
            (self.env._("Product"), line(form.get("product"))),
            (self.env._("Name"), line(form.get("name"))),
        ]
        text = (form.get("description") or "").replace("\x00", "").strip()[:limit]
        details = [f"{label}: {value}" for label, value in details if value]
        return {
            "company_id": company.id,
            "channel": "web",
            "partner_id": self._find_web_partner(form, company).id,
            "phone": line(form.get("phone"), 40),
            "serial_reported": line(form.get("serial")),
            "urgency": "2" if form.get("danger") else "0",
            "description": "\n".join([text, *details]),
        }

    @api.model
    def _find_web_partner(self, form, company):
        """Return the customer of the e-mail address, or a new contact as the form says."""
        # sudo: the public page is sent by nobody in particular
        partners = self.env["res.partner"].sudo()
        email = email_normalize(form.get("email"))
        if email:
            found = partners.search(
                [
                    ("email_normalized", "=", email),
                    ("company_id", "in", (company.id, False)),
                ],
                limit=2,
            )
            # nobody writes in the name of a colleague
            if len(found) == 1 and all(user.share for user in found.user_ids):
                return found
        return partners.create(
            {
                "name": self._clean_line(form.get("name")),
                "phone": self._clean_line(form.get("phone"), 40),
                "email": email,
                "lang": self.env.lang or company.partner_id.lang,
            }
        )

    def _archive_web_partner(self, partner):
        """Archive the contact that the form made, once the request is linked to a customer.

        What the form said stays on the request; only who is nobody else's contact goes.
        """
        self.ensure_one()
        # sudo: the clerk who links the request needn't see who else knows the contact
        partner = partner.sudo().with_context(active_test=False)
        if (
            self.channel != "web"
            or partner.create_date != self.create_date
            or partner.parent_id
            or partner.child_ids
            or partner.user_ids
            or self.env["aftersales.warranty.card"]
            .sudo()
            .search_count([("partner_id", "=", partner.id)], limit=1)
            or self.sudo().search_count([("partner_id", "=", partner.id)], limit=1)
        ):
            return
        partner.active = False
        self._message_log(
            body=self.env._("The contact made from the web form was archived: %s", partner.name)
        )

    @api.model
    def _limit_acknowledgements(self, email):
        """Return the model, without acknowledgement if ``email`` got enough of them this hour.

        Whose address it is, nobody knows; the page itself tells number and next step.
        """
        address = email_normalize(email)
        if not address:
            return self
        limit = self._get_intake_limit("web_acknowledgements_per_hour", 2)
        sent = self.env["aftersales.request.attempt"]._count_attempt(f"mailto:{address}")
        return self.with_context(aftersales_no_acknowledgement=sent > limit)

    @api.model
    def _register_web(self, vals, photos):
        """Create the request with its photos and return it, with all rights; vals are checked."""
        # sudo: whoever sends the form has no rights on requests; what is written was checked
        request = self.sudo().create(vals)
        self._attach_photos(request, photos)
        return request

    @api.model
    def _attach_photos(self, document, photos):
        """Keep the photos that a customer sent with ``document``, and show them in its history."""
        if not photos:
            return
        owner = {"res_model": document._name, "res_id": document.id}
        # sudo: whoever sends the form has no rights on the document; what is written was checked
        files = (
            self.env["ir.attachment"]
            .sudo()
            .create([{**owner, "name": name, "raw": content} for name, content in photos])
        )
        document._message_log(body=self.env._("Photos of the customer"), attachment_ids=files.ids)

    # --- the customer portal ---------------------------------------------------------------

    @api.model
    def _prepare_portal_vals(self, form, card, partner):
        """Return the values of a request of the customer ``partner`` on his own ``card``."""
        limit = self._get_intake_limit("description_max_length", 4000)
        vals = {
            "company_id": (card.company_id or self.env.company).id,
            "channel": "portal",
            "card_id": card.id,
            "partner_id": (card.partner_id or partner).id,
            "serial_reported": False if card else self._clean_line(form.get("serial")),
            "urgency": "2" if form.get("danger") else "0",
            "description": (form.get("description") or "").replace("\x00", "").strip()[:limit],
        }
        if phone := self._clean_line(form.get("phone"), 40):
            vals["phone"] = phone
        return vals

    def _post_portal_message(self, text, partner):
        """Add the plain ``text`` of the customer; on a closed request a clerk is told."""
        self.ensure_one()
        self.message_post(
            body=text,
            author_id=partner.id,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        if self.state in ("done", "cancelled"):
            self._tell_clerks(
                lambda request: request.env._(
                    "%s wrote about a closed request: answer, or register a follow-up.",
                    request.partner_id.display_name,
                )
            )

    def _get_portal_domain(self, partner):
        """Return the domain of the requests that the customer ``partner`` may see."""
        return [("partner_id", "child_of", partner.commercial_partner_id.ids)]

    def _get_portal_messages(self):
        """Return what was written between us and the customer; notes are internal."""
        self.ensure_one()
        comment = self.env.ref("mail.mt_comment")
        return self.message_ids.filtered(
            lambda message: (
                message.subtype_id == comment
                and not message.is_internal
                and message.message_type in ("comment", "email", "notification", "auto_comment")
                and message.body
            )
        )
