import re
import unicodedata

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AftersalesRegionCity(models.Model):
    """A city that belongs to another region than the rest of its province (L2.11)."""

    _name = "aftersales.region.city"
    _description = "City of an after-sales region"
    _order = "state_id, id"

    name = fields.Char("City", required=True, translate=True)
    other_names = fields.Char(
        "Also written", help="Other ways in which addresses write the city, separated by commas."
    )
    region_id = fields.Many2one("aftersales.region", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="region_id.company_id", store=True)
    state_id = fields.Many2one("res.country.state", "Province", required=True, ondelete="restrict")

    @api.constrains("name", "other_names", "state_id", "region_id")
    def _check_places(self):
        self.region_id._check_places()
        for region in self.region_id:
            # within a region a city is listed once
            seen = {}
            for city in region.city_ids:
                for key in city._get_keys():
                    other = seen.setdefault((city.state_id.id, key), city)
                    if other != city:
                        raise ValidationError(
                            self.env._(
                                "%(city)s is listed twice in the region “%(region)s”.",
                                city=city.name,
                                region=region.name,
                            )
                        )

    @api.model
    def _get_key(self, name):
        """Return ``name`` without what addresses write differently: case, 市, “City”, width."""
        key = " ".join(unicodedata.normalize("NFKC", name or "").casefold().split())
        return re.sub(r"(?<=.)(市| city| shi)$", "", key)

    def _get_keys(self):
        """Return every way to write the city: in each language, and the other names."""
        self.ensure_one()
        names = re.split(r"[,，、;；]", self.other_names or "")
        # without a language: the source, in English, which need not be installed
        for code in (None, *dict(self.env["res.lang"].get_installed())):
            names.append(self.with_context(lang=code, prefetch_langs=True).name)
        return {self._get_key(name) for name in names} - {""}
