import base64
import hashlib

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import human_size
from odoo.tools.mimetypes import guess_mimetype

# what can be shown, printed and made smaller
IMAGE_TYPES = {"image/jpeg", "image/png", "image/webp"}


class AftersalesServiceRecordPhoto(models.Model):
    """A photo taken on site; the customer signs for it with the record (M3.4)."""

    _name = "aftersales.service.record.photo"
    _description = "Photo of a service"
    _inherit = ["aftersales.record.line.mixin"]
    _order = "record_id, kind, id"
    _rec_name = "kind"
    _record_field = "photo_ids"
    _changes_record = False

    kind = fields.Selection(
        [
            ("1_before", "Before the repair"),
            ("2_after", "After the repair"),
            ("3_nameplate", "Nameplate"),
            ("4_part", "Part"),
            ("5_other", "Other"),
        ],
        "Shows",
        required=True,
        default="1_before",
    )
    image = fields.Image("Photo", required=True, max_width=1920, max_height=1920)
    note = fields.Char(help="What is to be seen.")
    checksum = fields.Char(
        "SHA-256", compute="_compute_checksum", store=True, help="Of the photo as it is kept."
    )

    @api.depends("image")
    def _compute_checksum(self):
        for photo in self.with_context(bin_size=False):
            image = base64.b64decode(photo.image or b"")
            photo.checksum = image and hashlib.sha256(image).hexdigest()

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_image(vals.get("image"))
        return super().create(vals_list)

    def write(self, vals):
        if "image" in vals:
            self._check_image(vals["image"])
        return super().write(vals)

    @api.model
    def _check_image(self, image):
        """Raise ValidationError unless ``image`` is a photo by its content, and not too large.

        :param image: base64; what the caller calls it doesn't matter
        """
        try:
            content = base64.b64decode(image or b"")
        except ValueError:
            content = b""
        if guess_mimetype(content) not in IMAGE_TYPES:
            raise ValidationError(
                self.env._("This is no photo: take one as JPEG, PNG or WebP and add it again.")
            )
        # sudo: the limit holds for everybody
        parameters = self.env["ir.config_parameter"].sudo()
        limit = (
            int(parameters.get_param("aftersales_service.record_photo_max_mb", 20)) * 1024 * 1024
        )
        if len(content) > limit:
            raise ValidationError(
                self.env._(
                    "The photo is too large: %(size)s, and %(limit)s at most. Take it with a lower "
                    "resolution.",
                    size=human_size(len(content)),
                    limit=human_size(limit),
                )
            )

    @api.model
    def _get_signed_fields(self):
        return ["kind", "image", "note"]
