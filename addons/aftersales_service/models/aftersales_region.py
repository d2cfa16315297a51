from collections import defaultdict
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import format_list


class AftersalesRegion(models.Model):
    """Provinces and cities served by one regional office and its centers (L1.5, L2.11)."""

    _name = "aftersales.region"
    _description = "After-sales region"
    _regulations = ("L2.11", "L1.5")
    _order = "return_week, sequence, name"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="Empty: the region of every company.",
    )
    state_ids = fields.Many2many(
        "res.country.state", string="Provinces", help="A province belongs to one region only."
    )
    city_ids = fields.One2many(
        "aftersales.region.city",
        "region_id",
        "Cities",
        help="Cities that belong to this region although their province doesn't. A city outranks "
        "its province.",
    )
    place_name = fields.Char(
        "Places served", compute="_compute_place_name", search="_search_place_name"
    )
    office_id = fields.Many2one(
        "res.partner", "Regional office", domain=[("is_regional_office", "=", True)]
    )
    manager_id = fields.Many2one(
        "res.users", "Regional manager", help="Sees and appraises what happens in the region."
    )
    center_ids = fields.One2many(
        "res.partner",
        "aftersales_region_id",
        "Service centers",
        domain=[("is_service_center", "=", True)],
    )
    return_week = fields.Selection(
        [("1", "First week"), ("2", "Second week"), ("3", "Third week"), ("4", "Fourth week")],
        help="The week of the month in which used parts and defective goods are returned (L2.11).",
    )

    def _get_return_window(self, month):
        """Return first and last day of the window for returns in ``month`` (L2.11).

        A week of the month is days 1 to 7, 8 to 14, 15 to 21 or 22 to 28: each has every weekday
        once, whatever day the month begins with. Without a week, the whole month is the window.

        :param date month: any day of the month
        """
        first = month.replace(day=1)
        if not self.return_week:
            return first, first + relativedelta(months=1, days=-1)
        start = first + timedelta(weeks=int(self.return_week) - 1)
        return start, start + timedelta(days=6)

    @api.depends("state_ids.name", "city_ids.name")
    @api.depends_context("lang")
    def _compute_place_name(self):
        for region in self:
            places = region.state_ids.mapped("name") + region.city_ids.mapped("name")
            region.place_name = format_list(self.env, places, style="unit-short")

    @api.model
    def _search_place_name(self, operator, value):
        """Find who serves a province, a listed city, or any city that an address names."""
        if operator not in ("ilike", "=") or not isinstance(value, str):
            return NotImplemented
        key = self.env["aftersales.region.city"]._get_key(value)
        if not key:
            return Domain.TRUE
        cities = self.env["aftersales.region.city"].search([("region_id.active", "=", True)])
        regions = cities.filtered(lambda city: any(key in k for k in city._get_keys())).region_id
        # which province a city lies in is known from the addresses of partners
        groups = self.env["res.partner"]._read_group(
            [("city", "ilike", key), ("state_id", "!=", False)], ["state_id", "city"], limit=100
        )
        addresses = [
            self.env["res.partner"].new({"state_id": state.id, "city": city})
            for state, city in groups
        ]
        for company in self.env.companies:
            regions |= self.browse().union(*self._get_regions(addresses, company).values())
        return Domain("id", "in", regions.ids) | Domain("state_ids.name", "ilike", value)

    @api.constrains("state_ids", "city_ids", "company_id", "active")
    def _check_places(self):
        for region in self.filtered("active"):
            domain = [("id", "!=", region.id)]
            if region.company_id:
                domain.append(("company_id", "in", [region.company_id.id, False]))
            cities = region._get_city_regions()
            for other in self.search(domain):
                places = (region.state_ids & other.state_ids).mapped("name")
                places += [
                    region._get_city(*city).name
                    for city in cities.keys() & other._get_city_regions().keys()
                ]
                if places:
                    raise ValidationError(
                        self.env._(
                            "%(places)s already belong to the region “%(other)s” and can't belong "
                            "to “%(region)s” as well.",
                            places=format_list(self.env, sorted(set(places))),
                            other=other.name,
                            region=region.name,
                        )
                    )

    def _get_city_regions(self):
        """Return the region of each listed city, by province and each way to write the city."""
        return {
            (city.state_id.id, key): city.region_id
            for city in self.city_ids
            for key in city._get_keys()
        }

    def _get_city(self, state_id, key):
        return self.city_ids.filtered(
            lambda city: city.state_id.id == state_id and key in city._get_keys()
        )[:1]

    @api.model
    def _get_region(self, partner, company):
        """Return the region of ``company`` that ``partner``'s address lies in, or none (L2.11)."""
        return self._get_regions([partner], company)[partner]

    @api.model
    def _get_regions(self, partners, company):
        """Return the region of each of ``partners``, the city before the province (L2.11).

        An address without a province is found by its city, if that is listed only once.
        The number of queries doesn't grow with ``partners``.

        :return: dict from partner to region, an empty one where none serves the address
        """
        regions = self.search([("company_id", "in", [company.id, False])])
        by_state = {state.id: region for region in regions for state in region.state_ids}
        by_city = regions._get_city_regions()
        by_key = defaultdict(self.browse)
        for (_state_id, key), region in by_city.items():
            by_key[key] |= region
        result = {}
        for partner in partners:
            key = self.env["aftersales.region.city"]._get_key(partner.city)
            state_id = partner.state_id.id
            if state_id:
                region = by_city.get((state_id, key)) or by_state.get(state_id)
            else:
                region = by_key.get(key)
            result[partner] = region if region and len(region) == 1 else self.browse()
        return result
