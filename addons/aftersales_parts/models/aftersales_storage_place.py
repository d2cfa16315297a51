from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AftersalesStoragePlace(models.Model):
    """存放地点: where a keeper stores used parts, a location in stock below his own (M10.1)."""

    _name = "aftersales.storage.place"
    _description = "Storage place"
    _regulations = ("M10.1",)
    _order = "keeper_id, sequence, name"
    _check_company_auto = True

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    keeper_id = fields.Many2one(
        "res.partner",
        "Keeper",
        required=True,
        index=True,
        ondelete="restrict",
        domain="['|', ('is_service_center', '=', True), ('aftersales_level', '=', 'office')]",
        default=lambda self: self._default_keeper_id(),
        help="The service center, office or logistics partner that stores used parts here.",
    )
    storage = fields.Selection(
        [("indoor", "Indoors"), ("outdoor", "Outdoors"), ("careful", "With care, indoors")],
        required=True,
        default="indoor",
        help="Only structural and exterior parts may lie outdoors; instruments and electrical "
        "parts need a place where they are kept with care (M10.1).",
    )
    machine_kind_id = fields.Many2one(
        "aftersales.machine.kind",
        "Only for",
        ondelete="restrict",
        help="Parts of machines of this kind only. Empty: the kind that lies here already decides, "
        "because different kinds are kept apart (M10.1).",
    )
    location_id = fields.Many2one(
        "stock.location", "Location", required=True, readonly=True, copy=False, ondelete="restrict"
    )
    used_part_ids = fields.One2many("aftersales.used.part", "place_id", "Used parts")
    used_part_count = fields.Integer("Parts stored", compute="_compute_used_part_counts")
    violation_count = fields.Integer("Storage violations", compute="_compute_used_part_counts")

    _name_uniq = models.UniqueIndex(
        "(keeper_id, company_id, name) WHERE active", "This keeper has such a place already."
    )
    _location_uniq = models.Constraint("UNIQUE(location_id)", "This location is a place already.")

    def _default_keeper_id(self):
        keeper = self.env.user.commercial_partner_id
        return keeper if keeper._may_keep_used_parts() else False

    def _compute_used_part_counts(self):
        groups = self.env["aftersales.used.part"]._read_group(
            [("place_id", "in", self.ids)], ["place_id", "storage_state"], ["__count"]
        )
        for place in self:
            counts = {state: count for where, state, count in groups if where == place}
            place.used_part_count = sum(counts.values())
            place.violation_count = counts.get("violation", 0)

    @api.depends("name", "storage")
    @api.depends_context("lang")
    def _compute_display_name(self):
        labels = dict(self._fields["storage"]._description_selection(self.env))
        for place in self:
            place.display_name = f"{place.name} ({labels[place.storage]})" if place.name else False

    @api.model_create_multi
    def create(self, vals_list):
        self.check_access("create")
        vals_list = [
            {**self.default_get(["keeper_id", "company_id"]), **vals} for vals in vals_list
        ]
        # whatever location a caller names, each place gets its own
        return super().create(
            [{**vals, "location_id": self._create_location(vals).id} for vals in vals_list]
        )

    @api.model
    def _create_location(self, vals):
        keeper = self.env["res.partner"].browse(vals.get("keeper_id")).sudo()
        company = self.env["res.company"].browse(vals.get("company_id")).sudo()
        if not keeper._may_keep_used_parts():
            raise UserError(
                self.env._(
                    "Choose the service center, office or logistics partner that stores parts here."
                )
            )
        # sudo: keepers have no rights on stock; whose places a user may create, the rules say
        return (
            self.env["stock.location"]
            .sudo()
            .create(
                {
                    "name": vals.get("name"),
                    "location_id": keeper._get_used_part_location(company).id,
                    "usage": "internal",
                    "company_id": company.id,
                }
            )
        )

    def write(self, vals):
        fixed = {"keeper_id", "company_id", "location_id"} & vals.keys()
        if any(place[name].id != vals[name] for place in self for name in fixed):
            raise UserError(
                self.env._("A place stays with its keeper. Archive it and create a new one.")
            )
        if "active" in vals and not vals["active"]:
            self._check_empty()
        result = super().write(vals)
        if location_vals := {n: vals[n] for n in ("name", "active") if n in vals}:
            # sudo: the location bears the name of its place, which this user just changed
            self.sudo().location_id.write(location_vals)
        return result

    def _check_empty(self):
        """Raise UserError, naming them, if parts lie in one of the places."""
        # sudo: what this user doesn't see lies there all the same
        full = self.sudo().with_context(active_test=False).filtered("used_part_ids")
        if full:
            raise UserError(
                self.env._(
                    "Parts still lie here: %s. Store them elsewhere first.",
                    format_list(self.env, full.mapped("name")),
                )
            )

    def action_view_used_parts(self):
        """Open the parts that are stored here."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_keeping")
        return {**action, "domain": [("place_id", "=", self.id)], "context": {}}

    @api.model
    def _find(self, locations):
        """Return the storage places that ``locations`` are, archived ones included."""
        # sudo: which place a location is, whoever's it is
        places = self.sudo().with_context(active_test=False)
        return places.search([("location_id", "in", locations.ids)])

    # --- the rules of storage (M10.1) ------------------------------------------------------

    def _get_issue(self, part_class, kind, kinds):
        """Return what forbids to store a part here, in words for the user, or None (M10.1).

        :param part_class: class of the part; a part without one is kept like most, indoors
        :param kind: kind of the machine that it was taken off, or none
        :param kinds: kinds of the machines whose parts lie here, the part itself included
        """
        self.ensure_one()
        storage = part_class.storage or "indoor"
        if self.storage == "outdoor" and storage != "outdoor":
            return self.env._(
                "%(part_class)s may not lie outdoors; only structural and exterior parts may.",
                part_class=part_class.name or self.env._("A part without a class"),
            )
        if storage == "careful" and self.storage != "careful":
            return self.env._("%s needs a place where parts are kept with care.", part_class.name)
        if kind and self.machine_kind_id and kind != self.machine_kind_id:
            return self.env._(
                "The place is for %(own)s only, this part is of: %(kind)s.",
                own=self.machine_kind_id.name,
                kind=kind.name,
            )
        if not self.machine_kind_id and kind and kinds - kind:
            return self.env._(
                "Parts of different machines lie together here: %s. Keep them apart.",
                format_list(self.env, (kinds | kind).mapped("name")),
            )
        return None
