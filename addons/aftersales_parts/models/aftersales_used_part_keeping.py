from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import format_list
from odoo.tools.misc import format_date

# the keepers: a center for its own parts, an office and the clerks for their region's
KEEPER_GROUPS = (
    "aftersales_service.group_center",
    "aftersales_service.group_office_manager",
    "aftersales_service.group_clerk",
)


class AftersalesUsedPart(models.Model):
    """How used parts are kept until they go back: places, crates, tags (M10.1, M10.3, M10.4)."""

    _inherit = "aftersales.used.part"  # pylint: disable=consider-merging-classes-inherited

    machine_kind_id = fields.Many2one(
        related="record_id.product_id.machine_kind_id",
        string="Machine kind",
        store=True,
        help="Used parts of machines of different kinds are kept apart (M10.1).",
    )
    place_id = fields.Many2one(
        "aftersales.storage.place",
        "Place",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Where the keeper has stored the part.",
    )
    package_id = fields.Many2one(
        "stock.package",
        "Crate",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The crate or bag in which the part is packed, or in which it came.",
    )
    storage_state = fields.Selection(
        [
            ("waiting", "Not stored yet"),
            ("ok", "In order"),
            ("violation", "Storage violation"),
        ],
        "Storage status",
        compute="_compute_storage_state",
        store=True,
        help="Whether the part lies where parts of its class and of its kind of machine may lie "
        "(M10.1). Empty: nobody keeps it any more.",
    )
    storage_issue = fields.Char("What is wrong", compute="_compute_storage_issue")
    can_keep = fields.Boolean(compute="_compute_can_keep")
    days_kept = fields.Integer(
        "Days kept",
        compute="_compute_days_kept",
        help="Since the part was taken off, in the company's time zone, while it waits to go back.",
    )
    is_kept_long = fields.Boolean(
        "Kept too long",
        compute="_compute_days_kept",
        search="_search_is_kept_long",
        help="Longer than the company's settings say.",
    )
    is_packed_apart = fields.Boolean(
        "Packed by repair",
        compute="_compute_is_packed_apart",
        search="_search_is_packed_apart",
        help="A part of gearbox or torque converter was taken off in the same repair: all its "
        "parts go into a crate or bag of their own (M10.4).",
    )
    scrap_photo = fields.Image(related="record_part_id.scrap_photo")
    print_count = fields.Integer(
        "Times printed",
        readonly=True,
        copy=False,
        help="How often the tag was printed; from the second time on it was a reprint.",
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"place_id", "package_id", "print_count"}

    # --- how long, and how -----------------------------------------------------------------

    @api.depends("state", "date_removed", "company_id.aftersales_used_part_days")
    def _compute_days_kept(self):
        for part in self:
            company = part.company_id
            kept = part.state == "held" and part.date_removed
            part.days_kept = kept and (self._get_today(company) - part.date_removed).days
            part.is_kept_long = part.days_kept > company.aftersales_used_part_days

    def _search_is_kept_long(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: the setting is a number of days, not a secret
        companies = self.env["res.company"].sudo().search([("id", "in", self.env.companies.ids)])
        return Domain.OR(
            Domain("company_id", "=", company.id)
            & Domain("state", "=", "held")
            & Domain(
                "date_removed",
                "<",
                self._get_today(company) - timedelta(days=company.aftersales_used_part_days),
            )
            for company in companies
        )

    @api.model
    def _get_today(self, company):
        """Return the day that it is in the time zone of ``company``."""
        return company._aftersales_local(fields.Datetime.now()).date()

    @api.depends(
        "state",
        "machine_kind_id",
        "product_id.part_class_id.storage",
        "place_id.storage",
        "place_id.machine_kind_id",
        "place_id.used_part_ids.machine_kind_id",
    )
    def _compute_storage_state(self):
        kinds = self._get_kinds_by_place()
        for part in self:
            if part.state != "held":
                part.storage_state = False
            elif not part.place_id:
                part.storage_state = "waiting"
            else:
                part.storage_state = "violation" if part._get_storage_issue(kinds) else "ok"

    @api.depends("storage_state")
    @api.depends_context("lang")
    def _compute_storage_issue(self):
        violated = self.filtered(lambda part: part.storage_state == "violation")
        (self - violated).storage_issue = False
        kinds = violated._get_kinds_by_place()
        for part in violated:
            part.storage_issue = part._get_storage_issue(kinds)

    def _get_kinds_by_place(self):
        """Return {place: kinds of the machines whose parts lie there} of where these parts lie."""
        # sudo: whatever lies in the place counts
        return {place: place.used_part_ids.machine_kind_id for place in self.sudo().place_id}

    def _get_storage_issue(self, kinds):
        """Return what is wrong with where the part is stored, or None (M10.1).

        :param dict kinds: kinds of the machines whose parts lie there, by place
        """
        self.ensure_one()
        place = self.sudo().place_id  # sudo: as in `_get_kinds_by_place`
        return place._get_issue(self.product_id.part_class_id, self.machine_kind_id, kinds[place])

    def _get_storage_issues(self, place):
        """Return {part: why it may not be stored in ``place``} of those that may not (M10.1)."""
        place = place.sudo()  # sudo: whatever lies in the place counts
        kinds = (place.used_part_ids | self.sudo()).machine_kind_id
        issues = {
            part: place._get_issue(part.product_id.part_class_id, part.machine_kind_id, kinds)
            for part in self
        }
        return {part: issue for part, issue in issues.items() if issue}

    @api.model
    def _format_issues(self, issues):
        """Return one line for each kind of issue, with the tags that it concerns."""
        tags = {}
        for part, issue in issues.items():
            tags.setdefault(issue, []).append(part.name)
        return "\n".join(
            f"{issue} ({format_list(self.env, names)})" for issue, names in tags.items()
        )

    @api.depends("state", "keeper_id")
    @api.depends_context("uid")
    def _compute_can_keep(self):
        held = self.filtered(lambda part: part.state == "held")
        keepable = held and held._filter_kept()
        for part in self:
            part.can_keep = part in keepable

    # --- the keeper's actions --------------------------------------------------------------

    def _filter_kept(self):
        """Return the parts that the current user keeps: a center only what lies with it."""
        user = self.env.user
        if any(user.has_group(group) for group in KEEPER_GROUPS[1:]):
            return self
        if not user.has_group(KEEPER_GROUPS[0]):
            return self.browse()
        # a center sees its parts that were swapped, which the office keeps now
        return self.filtered_domain([("keeper_id", "child_of", user.commercial_partner_id.id)])

    def _check_keeper(self):
        """Raise unless the current user keeps these parts, and they are of one keeper.

        :raises AccessError: the role doesn't keep parts, or others keep these
        :raises UserError: nothing was chosen, or parts of several keepers
        """
        self.check_access("read")
        user = self.env.user
        if not any(user.has_group(group) for group in KEEPER_GROUPS):
            raise AccessError(
                self.env._(
                    "Used parts are stored and packed by the service center that keeps them, by "
                    "its office or by a clerk."
                )
            )
        if others := self - self._filter_kept():
            raise AccessError(
                self.env._(
                    "Kept by somebody else: %s",
                    format_list(self.env, others.mapped("name")),
                )
            )
        if not self:
            raise UserError(self.env._("Choose the parts first."))
        if len(self.keeper_id) > 1 or len(self.company_id) > 1:
            raise UserError(
                self.env._(
                    "These parts are kept by several keepers: %s. Choose parts of one of them.",
                    format_list(self.env, self.keeper_id.mapped("name")),
                )
            )

    def action_open_store(self):
        """Open the window in which the place is chosen."""
        return self._open_keeping("aftersales.used.part.store", self.env._("Store"))

    def action_open_pack(self):
        """Open the window in which the crate is chosen."""
        return self._open_keeping("aftersales.used.part.pack", self.env._("Pack"))

    def _open_keeping(self, model, name):
        self._check_keeper()
        self._check_held()
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_used_part_ids": self.ids},
        }

    def _check_held(self):
        """Raise UserError, naming them, if parts aren't kept by a center or office any more."""
        if gone := self.filtered(lambda p: p.state != "held"):
            raise UserError(
                self.env._(
                    "Not kept here any more: %s. Only parts that wait to go back are stored and "
                    "packed.",
                    format_list(self.env, gone.mapped("name")),
                )
            )

    def _store(self, place):
        """Store the parts in ``place``, where the rules of storage allow it (M10.1).

        Crates move whole: what is in a crate with one of the parts is stored with it.

        :raises UserError: a part isn't held, not kept by the place's keeper, or may not lie there
        """
        parts = self | self._get_crate_contents()
        parts._check_keeper()
        parts._lock_in("held")
        place.check_access("read")
        parts._check_place(place)
        parts._check_storage(place)
        # sudo: keepers have no rights on stock; the move is within their own locations
        if elsewhere := parts.filtered(lambda p: p.place_id != place).sudo():
            elsewhere._move_to(place.sudo().location_id, "stored", note=place.name)

    def _check_storage(self, place):
        """Raise UserError, naming why, if parts may not be stored in ``place`` (M10.1)."""
        if issues := self._get_storage_issues(place):
            raise UserError(
                self.env._(
                    "“%(place)s” is no place for these parts (M10.1):\n%(issues)s",
                    place=place.sudo().name,
                    issues=self._format_issues(issues),
                )
            )

    def _check_place(self, place):
        """Raise UserError unless ``place`` is one of the parts' keeper."""
        if place.keeper_id != self.keeper_id or place.company_id != self.company_id:
            raise UserError(
                self.env._(
                    "“%(place)s” is a place of %(owner)s; these parts are kept by %(keeper)s.",
                    place=place.name,
                    owner=place.keeper_id.name,
                    keeper=self.keeper_id.name,
                )
            )
        if not place.active:
            raise UserError(self.env._("“%s” is archived and takes no parts.", place.name))

    # --- crates (M10.4) --------------------------------------------------------------------

    def _compute_is_packed_apart(self):
        records = self._get_repairs_packed_apart()
        for part in self:
            part.is_packed_apart = part.record_id in records

    def _search_is_packed_apart(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [
            (
                "record_id.used_part_ids",
                "any",
                [("product_id.part_class_id.pack_per_repair", "=", True)],
            )
        ]

    def _get_repairs_packed_apart(self):
        """Return the service records of these parts whose parts are packed by repair (M10.4)."""
        # sudo: whatever was taken off in the repair counts
        tags = self.sudo().search(
            [
                ("record_id", "in", self.record_id.ids),
                ("product_id.part_class_id.pack_per_repair", "=", True),
            ]
        )
        return tags.record_id.with_env(self.env)

    def _get_crate_contents(self):
        """Return all parts that keepers have in the crates of these."""
        # sudo: a crate moves with everything in it; whether this user may is asked afterwards
        contents = self.sudo().search(
            [("package_id", "in", self.package_id.ids), ("state", "=", "held")]
        )
        return contents.with_env(self.env)

    @api.model
    def _get_open_crates(self, keeper, company):
        """Return the crates in which ``keeper`` has parts that haven't been shipped yet."""
        parts = self.search(
            [
                ("keeper_id", "=", keeper.id),
                ("company_id", "=", company.id),
                ("state", "=", "held"),
                ("package_id", "!=", False),
            ]
        )
        return parts.package_id

    def _create_crate(self):
        """Return a new crate, with the next number."""
        sequence = self.env["ir.sequence"].sudo()  # sudo: whoever may pack takes the next number
        (number,) = sequence._aftersales_next_numbers("aftersales.crate", 1)
        # sudo: keepers have no rights on stock
        return self.env["stock.package"].sudo().create({"name": number})

    def _pack(self, crate, place=None):
        """Put the parts into ``crate`` and return it (M10.4).

        :param crate: a new one, or one in which the same keeper has parts
        :param place: storage place where it will stand; default where the parts are
        :raises UserError: a part isn't held, or may not be in this crate or place
        """
        self._check_keeper()
        self._lock_in("held")
        crate = crate.sudo()  # sudo: keepers have no rights on stock
        # sudo: what else is in the crate decides, whoever may see it
        inside = self.sudo().search(
            [("package_id", "=", crate.id), ("state", "in", ("held", "shipped"))]
        )
        if len(crate.quant_ids) != len(inside) or any(
            part.state != "held" or part.keeper_id != self.keeper_id for part in inside
        ):
            raise UserError(
                self.env._(
                    "%s is no crate of this keeper, or not here any more. Choose another one.",
                    crate.name,
                )
            )
        (inside | self.sudo())._check_one_crate()
        location = self._get_crate_location(inside, place)
        # what isn't stored yet may be packed first and stored with its crate
        if standing := place or self.env["aftersales.storage.place"]._find(location):
            self._check_place(standing)
            self.filtered(lambda p: p.place_id != standing)._check_storage(standing)
        self.sudo()._move_to(location, "packed", note=crate.name, package=crate)
        return crate

    def _get_crate_location(self, inside, place):
        """Return where the crate with these parts and those ``inside`` it will stand."""
        # sudo: keepers have no rights on stock
        standing = inside.lot_id.location_id
        chosen = place.sudo().location_id if place else standing or self.sudo().lot_id.location_id
        if len(chosen) != 1:
            raise UserError(
                self.env._("These parts lie in several places: choose where the crate will stand.")
            )
        if standing and chosen != standing:
            raise UserError(self.env._("This crate stands elsewhere. Store it there first."))
        return chosen

    def _check_one_crate(self):
        """Raise UserError if these parts may not share a crate (M10.4)."""
        records = self.record_id
        apart = self._get_repairs_packed_apart()
        if apart and len(records) > 1:
            raise UserError(
                self.env._(
                    "The parts of %s go into a crate of their own, because gearbox or torque "
                    "converter was repaired (M10.4).",
                    format_list(self.env, apart.mapped("name")),
                )
            )

    def _pack_by_repair(self, place=None):
        """Put the parts of each repair into a new crate, and return the crates (M10.4).

        Where all parts of a repair have to be together, all that the keeper has of it are packed.
        """
        self._check_keeper()
        apart = self._get_repairs_packed_apart()
        rest = self.search(
            [
                ("record_id", "in", apart.ids),
                ("keeper_id", "=", self.keeper_id.id),
                ("state", "=", "held"),
            ]
        )
        crates = self.env["stock.package"]
        for parts in (self | rest).sorted("name").grouped("record_id").values():
            crates |= parts._pack(parts._create_crate(), place)
        return crates

    def action_unpack(self):
        """Take the parts out of their crates; they stay where the crates stand.

        :raises UserError: a part isn't held, or in no crate
        """
        self._check_keeper()
        self._lock_in("held")
        if loose := self.filtered(lambda p: not p.package_id):
            raise UserError(
                self.env._("In no crate: %s", format_list(self.env, loose.mapped("name")))
            )
        # sudo: keepers have no rights on stock; the parts stay where they are
        for crate, parts in self.sudo().grouped("package_id").items():
            parts._move_to(
                parts.lot_id.location_id,
                "unpacked",
                note=crate.name,
                package=self.env["stock.package"],
            )
        return True

    def _check_packing(self):
        """Raise UserError unless these parts may go on their way as they are packed (M10.4).

        Of a repair of gearbox or torque converter, all that comes back is in one crate with
        nothing else. No crate goes without all that is in it.
        """
        # sudo: whatever else the keeper has of these repairs and crates counts
        parts = self.sudo()
        apart = parts._get_repairs_packed_apart()
        related = parts.search(
            [
                ("state", "=", "held"),
                ("keeper_id", "in", parts.keeper_id.ids),
                "|",
                ("record_id", "in", apart.ids),
                ("package_id", "in", parts.package_id.ids),
            ]
        )
        for record in apart:
            own = (parts | related).filtered(lambda p, record=record: p.record_id == record)
            crate = own.package_id
            inside = related.filtered(lambda p, crate=crate: p.package_id in crate)
            if len(crate) != 1 or own != own & inside or inside != own & inside:
                raise UserError(
                    self.env._(
                        "Gearbox or torque converter was repaired with %(record)s: everything that "
                        "was taken off goes back in one crate of its own, with nothing else in it "
                        "(M10.4). Choose these parts under After-sales ▸ Used parts ▸ Keeping and "
                        "press “Pack”: %(tags)s",
                        record=record.name,
                        tags=format_list(self.env, own.sorted("name").mapped("name")),
                    )
                )
        if left := related - parts:
            raise UserError(
                self.env._(
                    "In a crate with parts of this return, or of a repair that goes back whole, "
                    "but not on the return: %s. Put them on it, or unpack the crate.",
                    format_list(self.env, left.sorted("name").mapped("name")),
                )
            )

    # --- what stock knows ------------------------------------------------------------------

    def _move_to(self, location, event, state=None, **kwargs):
        pickings = super()._move_to(location, event, state, **kwargs)
        self._note_whereabouts()
        return pickings

    def _note_whereabouts(self):
        """Note the storage place and the crate in which stock has the parts now."""
        quants = self._get_quants()
        places = self.env["aftersales.storage.place"]._find(
            self.env["stock.location"].union(*(quant.location_id for quant in quants.values()))
        )
        by_location = places.grouped("location_id")
        groups = self.grouped(
            lambda p: (by_location.get(quants[p].location_id, places[:0]), quants[p].package_id)
        )
        for (place, crate), parts in groups.items():
            parts._write_protected({"place_id": place.id, "package_id": crate.id})

    def _prepare_move_line_vals(self, source, destination):
        # a transfer that is ticked tag by tag takes the parts out of their crates
        crate = self.package_id if self.state in ("held", "shipped") else self.package_id[:0]
        vals = super()._prepare_move_line_vals(source, destination)
        return {**vals, "package_id": crate.id}

    # --- tags (M10.3) ----------------------------------------------------------------------

    def action_print_tags(self):
        """Print the tags: one as a single label, several on sheets to cut (M10.3).

        :raises UserError: there is none
        """
        if not self:
            raise UserError(
                self.env._("There is no tag to print: tags come with a valid service record.")
            )
        name = "report_used_part_label_single" if len(self) == 1 else "report_used_part_label"
        return self.env.ref(f"aftersales_parts.{name}").report_action(self, config=False)

    def _note_printed(self):
        """Note in the life of each part that its tag is printed, or printed once more (M10.3)."""
        for count, parts in self.grouped("print_count").items():
            parts._write_protected({"print_count": count + 1})
            parts._log_event("printed", note=self.env._("Reprint %s", count) if count else False)

    def _prepare_labels(self):
        """Return what the labels say, a dict of texts for each tag (M10.3).

        No item of the tag is left blank: what doesn't exist, such as the serial of a part without
        one, is crossed out, so that nobody can fill it in afterwards.
        """
        # sudo: the label hangs on the part, for everybody who has it in his hands
        return [
            {name: value or "—" for name, value in tag._prepare_label_vals().items()}
            | {"reprint": max(tag.print_count - 1, 0)}
            for tag in self.sudo()
        ]

    def _prepare_label_vals(self):
        self.ensure_one()
        record = self.record_id
        return {
            "qr_code": self._get_qr_code(),
            "company": self.company_id.name,
            "number": self.name,
            "part": self.product_id.name,
            "part_code": self.product_id.default_code,
            "serial": self.serial,
            "machine": record.product_id.display_name,
            "machine_serial": record.serial_number or record.nameplate,
            "hours": record.hour_meter and f"{record.hour_meter:g}",
            "record": record.name,
            "center": self.center_id.name,
            "technician": record.technician_id.name,
            "customer": record.partner_id.name,
            "date": self.date_removed and format_date(self.env, self.date_removed),
            "fault": " ".join((record.fault or "").split()),
            "storage": " · ".join(self.product_id.part_class_id._get_keeping_hints()),
        }

    # --- packing lists (M10.4) -------------------------------------------------------------

    def _get_packed_crates(self):
        """Return the crates of these parts with all that is in each, for the packing list.

        :raises UserError: none of the parts is in a crate
        """
        if not self.package_id:
            raise UserError(self.env._("None of these parts is in a crate."))
        contents = self.search([("package_id", "in", self.package_id.ids)], order="name")
        return contents.grouped("package_id")
