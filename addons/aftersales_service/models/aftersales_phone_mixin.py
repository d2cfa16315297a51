import re
import unicodedata

from odoo import api, fields, models, tools
from odoo.fields import Domain

# what may follow a number: an extension, or a second number
_EXTENSION = re.compile(r"转|分机|ext|[x#,;/、，；]", re.IGNORECASE)
_PHONE_SIGNS = re.compile(r"\+?[\d\s().\-]+")
# fewer digits are no number that somebody could be found by
_LEAST_DIGITS = 7


class AftersalesPhoneMixin(models.AbstractModel):
    """Documents and partners that are found by their phone number, however it is written."""

    _name = "aftersales.phone.mixin"
    _description = "Found by phone number"

    aftersales_phone_digits = fields.Char(
        "Phone digits",
        compute="_compute_aftersales_phone_digits",
        store=True,
        index="trigram",
        help="The number without country code, leading zero, extension and separators, by which "
        "callers are found.",
    )

    def _get_phone_depends(self):
        """Return the names of the fields that the digits follow from."""
        return ["phone"]

    def _get_phone_country(self):
        """Return the country in which a number without country code is dialled, or none."""
        return self.env["res.country"]

    @api.depends(lambda self: self._get_phone_depends())
    def _compute_aftersales_phone_digits(self):
        for record in self:
            record.aftersales_phone_digits = self._get_phone_digits(
                record.phone, record._get_phone_country().phone_code
            )

    @api.model
    @tools.ormcache()
    def _get_calling_codes(self):
        """Return the calling codes of all countries, as texts."""
        # sudo: the codes are public, and the same for everybody
        countries = self.env["res.country"].sudo().search([("phone_code", "!=", 0)])
        return frozenset(str(country.phone_code) for country in countries)

    @api.model
    def _get_phone_digits(self, text, calling_code=0):
        """Return the digits by which a phone number is compared, or False.

        “+86 (0)10-5555 0001 转 8”, “010 55550001” and “0086 10 55550001” are the same number.

        :param int calling_code: of the country that a number without one belongs to
        """
        text = unicodedata.normalize("NFKC", text or "").strip()
        text = _EXTENSION.split(text)[0]
        digits = re.sub(r"[^0-9]", "", text)
        own = str(calling_code or "")
        if text.startswith("+") or digits.startswith("00"):
            digits = digits.removeprefix("00")
            # no calling code begins with another one that is assigned to a whole country
            codes = self._get_calling_codes()
            code = next((digits[:n] for n in (1, 2, 3) if digits[:n] in codes), "")
            digits = digits.removeprefix(code)
        elif own and digits.startswith(own) and len(digits) > 11:
            # a number copied with its country code, but without the plus
            digits = digits.removeprefix(own)
        return digits.lstrip("0") or False

    @api.model
    def _is_phone(self, text):
        """Tell whether ``text`` can be a whole phone number."""
        text = _EXTENSION.split(unicodedata.normalize("NFKC", text or "").strip())[0].strip()
        return bool(_PHONE_SIGNS.fullmatch(text)) and (
            len(self._get_phone_digits(text) or "") >= _LEAST_DIGITS
        )

    @api.model
    def _get_phone_domain(self, text):
        """Return the domain of those who have the number ``text``, area code or not.

        Served by the trigram index, so that it reads no whole table.
        """
        digits = self._get_phone_digits(text, self.env.company.country_id.phone_code)
        if not self._is_phone(text) or not digits:
            return Domain.FALSE
        return Domain("aftersales_phone_digits", "=ilike", f"%{digits}")
