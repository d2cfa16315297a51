from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_list

AT_FACTORY = ("received", "accepted", "deducted", "rejected")
REFUSED = ("deducted", "rejected")
ENDED = ("scrapped", "supplier", "returned", "lost")


class AftersalesUsedPart(models.Model):
    """服务旧件: one part that was taken off, with its tag; the tag is a serial in stock (M10.3)."""

    _name = "aftersales.used.part"
    _description = "Used part"
    _regulations = ("M10.1", "M10.3", "H11")
    _inherit = ["aftersales.retention.mixin", "mail.thread"]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Tag", required=True, readonly=True, index="trigram")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    record_part_id = fields.Many2one(
        "aftersales.service.record.part", "Replaced part", required=True, readonly=True, index=True
    )
    record_id = fields.Many2one(
        related="record_part_id.record_id", string="Service record", store=True, index=True
    )
    product_id = fields.Many2one("product.product", "Part", required=True, readonly=True)
    part_class_id = fields.Many2one(related="product_id.part_class_id")
    serial = fields.Char("Serial number", readonly=True)
    center_id = fields.Many2one(
        "res.partner", "Service center", required=True, readonly=True, index=True
    )
    keeper_id = fields.Many2one(
        "res.partner",
        "Kept by",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        help="Who keeps the part and has to return it: the service center, or the office or "
        "logistics partner with which it was swapped for a new one.",
    )
    region_id = fields.Many2one(related="record_id.region_id", store=True)
    machine_serial = fields.Char(related="record_id.serial_number", string="Machine")
    date_removed = fields.Date("Taken off", readonly=True)
    lot_id = fields.Many2one(
        "stock.lot", "Tag in stock", required=True, readonly=True, check_company=True
    )
    location_id = fields.Many2one(related="lot_id.location_id", string="Location")
    return_line_ids = fields.One2many("aftersales.return.line", "used_part_id", "Returns")
    # whether a part is on a list doesn't depend on who asks
    settlement_line_ids = fields.One2many(
        "aftersales.settlement.line",
        "used_part_id",
        "Settlement lines",
        bypass_search_access=True,
        groups="aftersales_service.group_center,aftersales_service.group_clerk,"
        "aftersales_service.group_office_manager,aftersales_service.group_vp,"
        "account.group_account_invoice,account.group_account_readonly",
    )
    swap_line_ids = fields.One2many("aftersales.swap.line", "used_part_id", "Swaps")
    swap_line_id = fields.Many2one(
        "aftersales.swap.line",
        "Swapped by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The center got a new part for this one, so that no settlement pays for it.",
    )
    swap_number = fields.Char(
        related="swap_line_id.swap_id.name",
        string="Swapped with",
        help="The old-for-new swap by which the center got a new part for this one (L1.6).",
    )
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason", "Deduction", readonly=True, copy=False
    )
    result = fields.Selection(
        [("accepted", "Accepted"), ("deducted", "Deducted"), ("rejected", "Rejected")],
        "Inspection",
        readonly=True,
        copy=False,
        help="What the inspection said, whatever becomes of the part afterwards. The settlement "
        "pays by it.",
    )
    date_filing = fields.Date(
        "To be filed by",
        readonly=True,
        copy=False,
        help="Later than the filing day of its month, because a list that was filed in time was "
        "cancelled, or because price, terms or consent were missing (M8.9). Empty: the filing day "
        "of its month.",
    )
    event_ids = fields.One2many("aftersales.used.part.event", "used_part_id", "Life of the part")
    settlement_line_count = fields.Integer(compute="_compute_settlement_line_count")
    # not tracked: the events tell more, and nobody can change them
    state = fields.Selection(
        [
            ("held", "Kept"),
            ("shipped", "On its way"),
            ("received", "Received"),
            ("accepted", "Accepted"),
            ("deducted", "Deducted"),
            ("rejected", "Rejected"),
            ("scrapped", "Scrapped"),
            ("supplier", "Sent on to the supplier"),
            ("returned", "Returned to the center"),
            ("lost", "Written off"),
        ],
        "Status",
        default="held",
        required=True,
        readonly=True,
    )

    _name_company_uniq = models.Constraint(
        "UNIQUE(name, company_id)", "This tag number exists already."
    )

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A tag can't be deleted: every part taken off stays traceable."))

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "date_removed", "record_id.retain_until"]

    def _get_retention_start(self):
        return self.date_removed

    def _get_retained_with(self):
        return self.record_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "date_filing",
            "deduction_reason_id",
            "keeper_id",
            "result",
            "swap_line_id",
        }

    @api.model
    def _get_claimable_domain(self):
        """Return the domain of used parts whose new part the center paid in advance (M8.4).

        Parts on deposit are the company's, and swapped ones are replaced in kind (L1.6, L3.3).
        """
        return [("record_part_id.source", "!=", "deposit"), ("swap_line_id", "=", False)]

    @api.model
    def _get_unlisted_domain(self):
        """Return the domain of used parts that could be settled and are on no list (M8.3)."""
        return (
            Domain(self._get_claimable_domain())
            & Domain("record_id.state", "=", "done")
            & Domain("settlement_line_ids", "=", False)
        )

    def _get_listable(self, assessments, problems):
        """Return those of the parts that can stand on a list as they are (M8.1, M8.8).

        :param dict assessments: those of the engine, by replaced part
        :param dict problems: gets the sentences about the others added, by center
        """
        refused = self.filtered(lambda tag: not assessments[tag.record_part_id]["is_listable"])
        for tag in refused:
            problems.setdefault(tag.center_id, []).extend(
                self.env._("%(tag)s: %(sentence)s", tag=tag.name, sentence=sentence)
                for sentence in assessments[tag.record_part_id]["obstacles"]
            )
        return self - refused

    def _is_claimable(self):
        """Tell whether the center paid the new part in advance (M8.4)."""
        self.ensure_one()
        # sudo: only whether the part was swapped is asked, which decides on what follows
        return bool(self.sudo().filtered_domain(self._get_claimable_domain()))

    def _is_covered(self):
        """Tell whether the warranty bears the part: its coverage, and not the customer's fault."""
        self.ensure_one()
        return self.record_part_id._is_covered()

    @api.depends_context("uid")
    def _compute_settlement_line_count(self):
        # by the user's own rights: whoever doesn't see settlements isn't told either
        counts = dict(
            self.env["aftersales.settlement.line"]._read_group(
                [("used_part_id", "in", self.ids)], ["used_part_id"], ["__count"]
            )
        )
        for part in self:
            part.settlement_line_count = counts.get(part, 0)

    def action_view_settlement_lines(self):
        """Open what settlements pay for the part."""
        self.ensure_one()
        lines = self.env["aftersales.settlement.line"]
        return lines._get_action_explain([("used_part_id", "=", self.id)])

    def _get_swap_obstacles(self, swap):
        """Return {part: why it can't be swapped}, of the parts that can't (L1.6)."""
        # sudo: settlements and returns count, whatever this user may see
        parts = self.sudo().browse(self.ids)  # read at once, wherever they come from
        in_parts = [("used_part_id", "in", self.ids)]
        claims = parts.env["aftersales.settlement.line"].search(in_parts).grouped("used_part_id")
        open_lines = parts.env["aftersales.return.line"].search(
            [*in_parts, ("return_id.state", "in", ("draft", "submitted", "approved"))]
        )
        returns = open_lines.grouped("used_part_id")
        obstacles = {}
        for part in parts:
            reason = part._get_swap_obstacle(
                swap,
                claims[part].settlement_id if part in claims else None,
                returns[part].return_id if part in returns else None,
            )
            if reason:
                obstacles[part.with_env(self.env)] = reason
        return obstacles

    def _get_swap_obstacle(self, swap, settlements, returns):
        self.ensure_one()
        if self.swap_line_id:
            return self.env._(
                "%(tag)s has been swapped with %(swap)s already.",
                tag=self.name,
                swap=self.swap_number,
            )
        if self.state != "held" or self.keeper_id != swap.center_id:
            return self.env._(
                "%(tag)s is not kept by %(center)s, so it can't give it.",
                tag=self.name,
                center=swap.center_id.name,
            )
        if settlements:
            return self.env._(
                "%(tag)s is already claimed in %(settlements)s, which pays for it once it has come "
                "back and is accepted. So there is no new one for it.",
                tag=self.name,
                settlements=format_list(self.env, settlements.mapped("name")),
            )
        if returns:
            return self.env._(
                "%(tag)s is on the return %(returns)s. Take it off there first.",
                tag=self.name,
                returns=format_list(self.env, returns.mapped("name")),
            )
        if self.result:
            return self.env._(
                "%s has been inspected already: what the inspection said holds.", self.name
            )
        if not self._is_covered():
            return self.env._(
                "%(tag)s: the warranty doesn't bear “%(part)s”. The customer pays for it, so there "
                "is no new one for it.",
                tag=self.name,
                part=self.product_id.display_name,
            )
        return None

    @api.model
    def _create_from_records(self, records):
        """Tag each part taken off and book it into its center's location.

        The tag number is the record's number and the part's sequence in it (M10.3).

        :param records: valid service records
        """
        vals_list = []
        for record in records:
            pieces = [part for part in record.part_ids for _i in range(part.quantity)]
            vals_list += [
                self._prepare_from_part_vals(part, f"{record.name}-{number:02d}")
                for number, part in enumerate(pieces, 1)
            ]
        product = self.env.ref("aftersales_parts.product_used_part")
        # the first event says all that messages about the creation would
        quiet = self.with_context(mail_create_nolog=True, mail_create_nosubscribe=True)
        lots = quiet.env["stock.lot"].create(
            [
                {
                    "name": vals["name"],
                    "product_id": product.id,
                    "company_id": vals["company_id"],
                }
                for vals in vals_list
            ]
        )
        for vals, lot in zip(vals_list, lots, strict=True):
            vals["lot_id"] = lot.id
        tags = quiet.create(vals_list).with_env(self.env)
        tags._book_taken_off()
        tags.filtered(lambda t: t.record_part_id.disposition == "scrap")._scrap()
        return tags

    def _prepare_from_part_vals(self, part, number):
        center = part.record_id.center_id
        return {
            "name": number,
            "company_id": part.company_id.id,
            "record_part_id": part.id,
            "product_id": part.product_id.id,
            "serial": part.serial_removed,
            "center_id": center.id,
            "keeper_id": center.id,
            "date_removed": part.record_id.service_date,
        }

    def _book_taken_off(self):
        """Move new tags from the customer into their center's location."""
        batches = []
        warehouses = self._get_warehouses()
        for (company, center, record), tags in self.grouped(
            lambda t: (t.company_id, t.center_id, t.record_id)
        ).items():
            picking_type = warehouses[company].used_part_in_type_id
            source = picking_type.default_location_src_id
            location = center._get_used_part_location(company)
            batches.append((tags, picking_type, source, location, record.name))
        pickings = self._create_pickings(batches)
        pickings._complete()
        for (tags, _type, _source, location, _origin), picking in zip(
            batches, pickings, strict=True
        ):
            tags._log_event("removed", location_id=location.id, picking_id=picking.id)

    def _scrap(self):
        """Scrap parts on the spot, which their class has to allow (M10.1)."""
        for company, tags in self.grouped("company_id").items():
            tags._move_to(company._aftersales_get_scrap_location(), "scrapped", "scrapped")

    # --- life of a part --------------------------------------------------------------------

    def _log_event(self, event, **vals):
        """Note one event in the life of each part.

        :param str event: value of the event's selection
        :param vals: values of the event: date, location_id, return_id, picking_id, note
        """
        # sudo: nobody may write into the life of a part by himself, only what happens to it
        return (
            self.env["aftersales.used.part.event"]
            .sudo()
            .create([{**vals, "used_part_id": part.id, "event": event} for part in self])
        )

    def _lock_in(self, *states):
        """Lock the parts against what others do at the same moment, and check their state.

        :raises UserError: somebody else is at one of them, or one is in none of ``states``
        """
        self._lock()
        labels = dict(self._fields["state"]._description_selection(self.env))
        for state, parts in self.filtered(lambda p: p.state not in states).grouped("state").items():
            raise UserError(
                self.env._(
                    "This can't be done while the status is “%(state)s”: %(tags)s",
                    state=labels[state],
                    tags=format_list(self.env, parts.mapped("name")),
                )
            )

    def _lock(self):
        """Lock the parts against what others do at the same moment, and read them anew.

        :raises UserError: somebody else is at one of them
        """
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody else is working on these tags this very moment. Reload the page "
                    "and look what has changed."
                )
            ) from error
        self.invalidate_recordset(["state", "keeper_id", "result", "deduction_reason_id"])

    def _lock_anew(self):
        """Lock the parts, and let whoever began before that start again, with what we do now.

        For documents that name parts without changing them: a lock alone ends with us, and a
        swap that began before would overlook the document.

        :raises UserError: somebody else is at one of them
        """
        self._lock()
        if self:
            self.env.cr.execute(
                SQL(
                    "UPDATE aftersales_used_part SET write_date = write_date WHERE id IN %s",
                    self._ids,
                )
            )

    def _move_to(
        self,
        location,
        event,
        state=None,
        *,
        origin=None,
        picking_type=None,
        note=None,
        return_id=None,
        package=None,
        partner=None,
    ):
        """Move the parts from wherever they are to ``location``, and note what happened.

        One transfer, done at once, for each location that they come from. A crate moves along if
        all that is in it moves; otherwise the parts are taken out of it. The queries don't grow
        with the parts, but for those that core needs for each serial.

        :param location: of the parts' company
        :param str event: what happens, noted in the life of each part
        :param str state: status of the parts from now on; default as it is
        :param str origin: what the transfers are for; default the only tag
        :param picking_type: default that of used-part returns
        :param str note: for the event
        :param int return_id: the return by which they move
        :param partner: with whom the transfers are; default who keeps the parts
        :param package: crate into which they are put; an empty one: out of their crates
        :return: the transfers
        :raises UserError: a part isn't where its status says
        """
        self._lock_in(*dict(self._fields["state"].selection))
        quants = self._get_quants()
        self._check_in_place(quants)
        whole = self._get_whole_crates(quants)
        warehouses = self._get_warehouses()
        groups = self.grouped(lambda p: (p.company_id, quants[p].location_id))
        pickings = self._create_pickings(
            [
                (
                    parts,
                    picking_type or warehouses[company].used_part_return_type_id,
                    source,
                    location,
                    origin or (parts.name if len(parts) == 1 else False),
                )
                for (company, source), parts in groups.items()
            ],
            crates={
                part: (quant.package_id, quant.package_id & whole if package is None else package)
                for part, quant in quants.items()
            },
        )
        if partner:
            pickings.partner_id = partner
        pickings._complete()
        if state:
            self._write_protected({"state": state})
        for parts, picking in zip(groups.values(), pickings, strict=True):
            parts._log_event(
                event,
                location_id=location.id,
                picking_id=picking.id,
                return_id=return_id,
                note=note,
            )
        return pickings

    def _note_inspected(self, result, reason, **vals):
        """Note what the inspection said about the parts (M8.4).

        :param str result: accepted, deducted or rejected
        :param reason: deduction reason, empty if accepted
        :param vals: values of the event
        """
        self._lock_in(*AT_FACTORY)
        self._write_protected({"state": result, "result": result, "deduction_reason_id": reason.id})
        if result in REFUSED:
            # a ruling decided on an earlier arrival; this one may be objected to
            self._write_protected({"ruling_id": False})
        self._log_event(result, **vals)

    @api.model
    def _get_factory_states(self):
        """Return the states of the parts that lie at the factory."""
        return AT_FACTORY

    @api.model
    def _get_ended_states(self):
        """Return the states in which nothing more is expected of a part."""
        return ENDED

    def _get_whereabouts(self):
        """Return where the part is on its way back, or None if it isn't to come back (M8.3).

        :return: ``kept``, ``shipped``, ``received`` or ``missing``
        """
        self.ensure_one()
        if self.state == "lost":
            return "missing"
        if self.state == "shipped":
            open_lines = self.return_line_ids.filtered(lambda line: not line.is_received)
            return "missing" if any(open_lines.mapped("is_missing")) else "shipped"
        if self.state == "held":
            # inspected and sent back: it was there
            return "received" if self.result else "kept"
        return "received" if self.result or self.state != "scrapped" else None

    def _get_settlement_lines(self):
        """Return the settlement lines that have fixed whether these parts are paid (M8.4).

        Not those of parts that hadn't come back then: these are paid when they are accepted.
        """
        # sudo: who receives or inspects may not read settlements, only whether there is one
        return (
            self.env["aftersales.settlement.line"]
            .sudo()
            .search(
                [
                    ("used_part_id", "in", self.ids),
                    ("kind", "=", "part"),
                    ("result", "in", ("payable", "reduced", "deducted", "uncovered")),
                    ("settlement_id.state", "not in", ("cancelled", "forfeited")),
                ]
            )
        )

    # --- where the parts are ---------------------------------------------------------------

    def _get_warehouses(self):
        """Return {company: warehouse to which its parts come back}."""
        warehouses = self.env["stock.warehouse"]
        return {
            company: warehouses._get_aftersales_warehouse(company) for company in self.company_id
        }

    def _get_quants(self):
        """Return {part: its quant in stock}, an empty or several quants where stock is wrong."""
        # sudo: where a part is follows from stock, on which its keepers have no rights
        quants = self.env["stock.quant"].sudo()
        found = quants.search([("lot_id", "in", self.sudo().lot_id.ids), ("quantity", ">", 0)])
        by_lot = found.grouped("lot_id")
        return {part: by_lot.get(part.sudo().lot_id, quants) for part in self}

    def _get_homes(self):
        """Return {part: locations in or below which its status says it lies}."""
        parts = self.sudo()
        warehouses = (
            parts.env["stock.warehouse"]
            .with_context(active_test=False)
            .search([("company_id", "in", parts.company_id.ids)])
            .grouped("company_id")
        )
        awaited = parts.filtered(lambda p: p.state == "shipped")._get_awaited_from()
        kept = parts.filtered(lambda p: p.state in ("held", "returned"))
        keepers = {
            (keeper, company): keeper._get_used_part_location(company)
            for keeper, company in kept.grouped(lambda p: (p.keeper_id, p.company_id))
        }
        homes = {}
        for part in parts:
            own = warehouses[part.company_id]
            if part.state in ("held", "returned"):
                home = keepers[part.keeper_id, part.company_id]
            elif part.state == "shipped":
                home = awaited.get(part) or own.used_part_transit_loc_id
            elif part.state in AT_FACTORY:
                home = own.used_part_loc_id
            else:
                home = parts.env["stock.location"]
            homes[part.with_env(self.env)] = home
        return homes

    def _get_awaited_from(self):
        """Return {part: location from which the transfer of a return still waits to take it}."""
        by_lot = self._get_awaiting_lines().grouped("lot_id")
        return {part: by_lot[part.lot_id].location_id for part in self if part.lot_id in by_lot}

    def _get_awaiting_lines(self):
        """Return the lines of those transfers of returns that wait to take these parts.

        Not those of transfers that were made by hand: nobody could receive the parts by these.
        """
        lines = self._get_waiting_lines()
        pickings = lines.picking_id.ids
        returns = self.env["aftersales.return"].search(
            ["|", ("picking_id", "in", pickings), ("backorder_id", "in", pickings)]
        )
        awaiting = returns.picking_id | returns.backorder_id
        return lines.filtered(lambda line: line.picking_id in awaiting)

    def _get_waiting_lines(self):
        """Return the lines of transfers that wait to take these parts."""
        return self.env["stock.move.line"].search(
            [
                ("lot_id", "in", self.lot_id.ids),
                ("state", "not in", ("draft", "done", "cancel")),
                ("picking_id", "!=", False),
            ]
        )

    def _is_at(self, location, homes):
        """Tell whether ``location`` is where the status of the part says."""
        if self.state in ("scrapped", "lost"):
            return location.usage == "inventory"
        if self.state == "supplier":
            return location.usage == "supplier"
        return any(location.parent_path.startswith(home.parent_path) for home in homes)

    def _find_astray(self, quants):
        """Return the parts that stock has elsewhere than their status says, or not once."""
        homes = self._get_homes()
        return self.filtered(
            lambda part: len(quants[part]) != 1
            or quants[part].quantity != 1
            or not part._is_at(quants[part].location_id, homes[part])
        )

    def _check_in_place(self, quants):
        """Raise UserError, naming them, if any parts aren't where their status says."""
        if astray := self._find_astray(quants):
            raise UserError(
                self.env._(
                    "By the stock, these parts are not where their status says: %s. Ask an "
                    "administrator to look under After-sales ▸ Configuration ▸ Check the tags.",
                    format_list(self.env, astray.mapped("name")),
                )
            )

    def _get_whole_crates(self, quants):
        """Return the crates of which these parts are all that is in them."""
        crates = self.env["stock.package"].sudo()
        numbers = {}
        for quant in quants.values():
            for crate in quant.package_id:
                crates |= crate
                numbers[crate] = numbers.get(crate, 0) + 1
        return crates.filtered(lambda crate: len(crate.quant_ids) == numbers[crate])

    # --- transfers -------------------------------------------------------------------------

    def _create_picking(self, picking_type, source, destination, origin):
        """Return a new transfer of exactly these tags, not done yet."""
        return self._create_pickings([(self, picking_type, source, destination, origin)])

    @api.model
    def _create_pickings(self, batches, crates=None):
        """Return new transfers, not done yet, one move each, with one line per tag.

        :param batches: list of (tags, operation type, source, destination, origin)
        :param crates: {tag: (crate that it is in, crate that it will be in)}
        """
        crates = crates or {}
        pickings = self.env["stock.picking"].create(
            [tags._prepare_picking_vals(*args) for tags, *args in batches]
        )
        moves = self.env["stock.move"].create(
            [
                {**tags._prepare_move_vals(source, destination), "picking_id": picking.id}
                for (tags, _type, source, destination, _origin), picking in zip(
                    batches, pickings, strict=True
                )
            ]
        )
        vals_list = []
        for (tags, _type, source, destination, _origin), move in zip(batches, moves, strict=True):
            for tag in tags:
                vals = tag._prepare_move_line_vals(source, destination)
                vals |= {"move_id": move.id, "picking_id": move.picking_id.id}
                if tag in crates:
                    present, future = crates[tag]
                    vals |= {"package_id": present.id, "result_package_id": future.id}
                vals_list.append(vals)
        self.env["stock.move.line"].create(vals_list)
        return pickings

    def _prepare_picking_vals(self, picking_type, source, destination, origin):
        return {
            "picking_type_id": picking_type.id,
            "partner_id": self.keeper_id.id if len(self.keeper_id) == 1 else False,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": origin,
            "company_id": self.company_id.id,
        }

    def _prepare_move_vals(self, source, destination):
        product = self.lot_id.product_id
        return {
            "product_id": product.id,
            "product_uom": product.uom_id.id,
            "product_uom_qty": len(self),
            "location_id": source.id,
            "location_dest_id": destination.id,
            "company_id": self.company_id.id,
        }

    def _prepare_move_line_vals(self, source, destination):
        self.ensure_one()
        return {
            "product_id": self.lot_id.product_id.id,
            "product_uom_id": self.lot_id.product_id.uom_id.id,
            "lot_id": self.lot_id.id,
            "quantity": 1,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "company_id": self.company_id.id,
        }
