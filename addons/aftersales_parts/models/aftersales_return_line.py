from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import format_list

from .aftersales_return import UNSHIPPED


class AftersalesReturnLine(models.Model):
    """One tag, or a quantity of defective goods, on a return.

    What was announced, shipped, received and accepted is kept apart (L2.8).
    """

    _name = "aftersales.return.line"
    _description = "Return line"
    _inherit = ["aftersales.reference.mixin", "aftersales.approval.line.mixin"]
    _order = "return_id, id"
    _rec_name = "used_part_id"
    _approval_document = "return_id"

    return_id = fields.Many2one(
        "aftersales.return", "Return", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="return_id.company_id", store=True)
    center_id = fields.Many2one(related="return_id.center_id", store=True)
    region_id = fields.Many2one(related="return_id.region_id", store=True)
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Tag",
        ondelete="restrict",
        index="btree_not_null",
        help="The tag of a used part. Empty for defective goods, which go by quantity.",
    )
    product_id = fields.Many2one(
        "product.product",
        "Part or product",
        compute="_compute_product_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
    )
    serial = fields.Char(
        "Serial number",
        help="Of defective goods that have one; the lot number of those that go by lots.",
    )
    tracking = fields.Selection(related="product_id.tracking")
    reason = fields.Char("Why it comes back", help="The fault, for the application (L2.4).")
    uom_id = fields.Many2one(related="product_id.uom_id", string="Unit")
    quantity = fields.Float("Announced", required=True, default=1, digits="Product Unit")
    quantity_shipped = fields.Float("Shipped", readonly=True, copy=False, digits="Product Unit")
    quantity_received = fields.Float(
        "Received quantity",
        readonly=True,
        copy=False,
        digits="Product Unit",
        help="What was counted on arrival. On a difference this counts (L2.8).",
    )
    difference = fields.Float(
        compute="_compute_difference",
        store=True,
        digits="Product Unit",
        help="What arrived more or, with a minus, less than was shipped. What arrived counts "
        "(L2.8).",
    )
    verdict = fields.Selection(
        selection="_get_verdicts",
        string="Inspection",
        compute="_compute_verdict",
        store=True,
        readonly=False,
        required=True,
        default="accept",
        copy=False,
        help="Accept what qualifies; deduct what came back but is not paid; reject what counts as "
        "not returned (M8.4, M10.3).",
    )
    quantity_refused = fields.Float(
        "Refused",
        compute="_compute_quantity_refused",
        store=True,
        readonly=False,
        copy=False,
        digits="Product Unit",
        help="How much of what was received is deducted or rejected.",
    )
    quantity_accepted = fields.Float(
        "Accepted", compute="_compute_quantity_accepted", store=True, digits="Product Unit"
    )
    is_assembly = fields.Boolean(related="used_part_id.part_class_id.is_assembly")
    is_complete = fields.Boolean(
        "Complete",
        copy=False,
        help="The inspector saw that nothing was taken off the assembly, and that it was put "
        "together again if it was opened (M10.2). Assemblies are accepted only if it is ticked.",
    )
    note = fields.Char("Inspector's note", copy=False)
    inspector_id = fields.Many2one("res.users", "Inspected by", readonly=True, copy=False)
    date_inspected = fields.Datetime("Inspected on", readonly=True, copy=False)
    is_verified = fields.Boolean(
        "Verified",
        readonly=True,
        copy=False,
        help="The inspection of this line is closed. Only a second look on an objection of the "
        "sender changes what it said.",
    )
    objection = fields.Text(readonly=True, copy=False, help="What the sender objects to.")
    objection_state = fields.Selection(
        [("open", "Objection"), ("answered", "Looked at again")],
        "Second look",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )
    inspection_ids = fields.One2many(
        "aftersales.return.inspection", "line_id", "Inspection log", readonly=True
    )
    photo_ids = fields.One2many("aftersales.return.photo", "line_id", "Photos")
    photo_count = fields.Integer("Number of photos", compute="_compute_photo_count")
    record_id = fields.Many2one(related="used_part_id.record_id", string="Service record")
    part_state = fields.Selection(related="used_part_id.state", string="Status of the part")
    is_open = fields.Boolean(compute="_compute_is_open", store=True)
    is_received = fields.Boolean("Received", readonly=True, copy=False)
    date_received = fields.Datetime("Arrived", readonly=True, copy=False)
    is_missing = fields.Integer(
        "Missing", readonly=True, copy=False, help="1 if the tag was announced but did not arrive."
    )
    move_ids = fields.One2many("stock.move", "aftersales_return_line_id", "Moves")
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason",
        "Deduction",
        copy=False,
        help="Empty: the part is accepted when the return is verified.",
    )

    _used_part_uniq = models.Constraint(
        "UNIQUE(return_id, used_part_id)", "This tag is already on the return."
    )
    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0)", "The quantity that goes back has to be more than zero."
    )
    _tag_quantity = models.Constraint(
        "CHECK(used_part_id IS NULL OR quantity = 1)", "Each tag is one piece."
    )

    @api.depends("used_part_id")
    def _compute_product_id(self):
        for line in self:
            line.product_id = line.used_part_id.product_id or line.product_id

    @api.depends("deduction_reason_id")
    def _compute_verdict(self):
        for line in self:
            if not line.deduction_reason_id:
                line.verdict = "accept"
            elif line.verdict in (False, "accept"):
                line.verdict = "deduct"

    @api.depends("verdict", "quantity_received")
    def _compute_quantity_refused(self):
        for line in self:
            refused = line.verdict != "accept" and (line.quantity_refused or line.quantity_received)
            line.quantity_refused = min(refused or 0, line.quantity_received)

    @api.depends("quantity_received", "quantity_refused")
    def _compute_quantity_accepted(self):
        for line in self:
            line.quantity_accepted = line.quantity_received - line.quantity_refused

    @api.depends("quantity_received", "quantity_shipped", "is_received", "is_missing")
    def _compute_difference(self):
        for line in self:
            known = line.is_received or line.is_missing
            line.difference = known and line.quantity_received - line.quantity_shipped

    def _compute_photo_count(self):
        counts = dict(
            self.env["aftersales.return.photo"]._read_group(
                [("line_id", "in", self.ids)], ["line_id"], ["__count"]
            )
        )
        for line in self:
            line.photo_count = counts.get(line, 0)

    @api.depends("return_id.state", "is_verified")
    def _compute_is_open(self):
        for line in self:
            line.is_open = not line.is_verified and line.return_id.state not in (
                "verified",
                "done",
                "cancelled",
            )

    def _get_reference_fields(self):
        return {"return_id", "used_part_id"}

    def _get_protected_fields(self):
        return (
            super()._get_protected_fields()
            | self._get_derived_figures()
            | {
                "is_received",
                "date_received",
                "is_missing",
                "quantity_shipped",
                "quantity_received",
                "inspector_id",
                "date_inspected",
                "is_verified",
                "objection",
                "objection_state",
            }
        )

    @api.model
    def _get_verdicts(self):
        """Return what an inspection can say."""
        return [
            ("accept", self.env._("Accept")),
            ("deduct", self.env._("Deduct")),
            ("reject", self.env._("Reject")),
        ]

    @api.model
    def _get_inspection_fields(self):
        """Return the names of the fields that the inspection enters."""
        return {"verdict", "deduction_reason_id", "quantity_refused", "is_complete", "note"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_object"}

    @api.constrains("used_part_id", "product_id")
    def _check_product_id(self):
        for line in self:
            part = line.used_part_id
            if part and part.product_id != line.product_id:
                raise ValidationError(
                    self.env._(
                        "The tag %(tag)s is of “%(part)s”, not of “%(product)s”.",
                        tag=part.name,
                        part=part.product_id.display_name,
                        product=line.product_id.display_name,
                    )
                )

    @api.constrains("verdict", "deduction_reason_id", "quantity_refused")
    def _check_verdict(self):
        for line in self:
            if line.verdict != "accept" and not line.deduction_reason_id:
                raise ValidationError(
                    self.env._(
                        "Give the reason why “%s” is deducted or rejected (M8.4).",
                        line.display_name or line.product_id.display_name,
                    )
                )
            if not 0 <= line.quantity_refused <= line.quantity_received:
                raise ValidationError(
                    self.env._(
                        "“%(product)s”: between 0 and the %(received)g received can be refused.",
                        product=line.product_id.display_name,
                        received=line.quantity_received,
                    )
                )
            # an amount that is refused has a verdict, which has a reason and may be objected to
            refused = line.quantity_refused > 0
            if line.is_received and refused != (line.verdict != "accept"):
                raise ValidationError(
                    self.env._(
                        "“%s”: what is refused is deducted or rejected, and what is deducted or "
                        "rejected is refused (M8.4).",
                        line.display_name,
                    )
                )
            if line.used_part_id and 0 < line.quantity_refused < line.quantity_received:
                raise ValidationError(self.env._("%s is one piece.", line.display_name))

    def _get_return_reason(self):
        """Return why it comes back, for the application (L2.4): a used part by its record."""
        return self.reason or self.used_part_id.record_id.fault or ""

    # --- defective goods -------------------------------------------------------------------

    @api.constrains("product_id", "used_part_id", "quantity", "serial", "return_id")
    def _check_goods_entered(self):
        goods = self.filtered(lambda line: not line.used_part_id)
        # the batch of a complaint is taken over as it was reported, and completed afterwards
        goods.filtered(lambda line: not line.return_id.complaint_id)._check_products()
        goods._check_serials_once()

    def _check_goods(self):
        """Raise UserError unless these goods can go back as they are entered (L2.4)."""
        self._check_products()
        nameless = self.filtered(lambda line: line.tracking != "none" and not line.serial)
        if nameless:
            raise UserError(
                self.env._(
                    "Enter the serial or lot number of: %s",
                    format_list(self.env, nameless.product_id.mapped("display_name")),
                )
            )
        self._check_serials()

    def _check_products(self):
        used_part = self.env["stock.move"]._get_used_part_product()
        for line in self:
            if not line.product_id.is_storable or line.product_id == used_part:
                raise UserError(
                    self.env._(
                        "“%s” is not kept in stock, so it can't be returned as defective goods. "
                        "Services don't come back; used parts go by their tags; for goods let "
                        "your administrator switch on “Track Inventory”.",
                        line.product_id.display_name,
                    )
                )
            if line.tracking == "serial" and line.quantity != 1:
                raise UserError(
                    self.env._(
                        "“%s” goes by serial numbers: enter a line for each piece.",
                        line.product_id.display_name,
                    )
                )

    def _check_serials(self):
        """Raise UserError for a serial that is on another return, or in stock elsewhere."""
        self._check_serials_once()
        self._check_serials_in_stock()

    def _get_serial_key(self):
        """Return what a piece is known by, or None: lots have many pieces."""
        part = self.used_part_id
        serial = part.serial if part else self.serial
        if not serial or (not part and self.tracking == "lot"):
            return None
        return self.company_id.id, self.product_id.id, serial

    def _check_serials_once(self):
        """Raise UserError for a piece that comes back twice."""
        wanted = {key: line for line in self if (key := line._get_serial_key())}
        if not wanted:
            return
        serials = [serial for _company, _product, serial in wanted]
        # sudo: a return that this user doesn't see has the piece all the same
        others = self.sudo().search(
            [
                ("product_id", "in", self.product_id.ids),
                ("return_id.state", "!=", "cancelled"),
                "|",
                ("serial", "in", serials),
                ("used_part_id.serial", "in", serials),
            ]
        )
        delivered = others._get_delivered_again()
        for other in others:
            line = wanted.get(other._get_serial_key())
            if not line or line == other or not other._keeps_piece(delivered):
                continue
            raise UserError(
                self.env._(
                    "“%(product)s” %(serial)s is on %(document)s already: a piece comes back once.",
                    product=line.product_id.display_name,
                    serial=line.serial,
                    document=other.return_id._get_name_for_user(),
                )
            )

    def _keeps_piece(self, delivered):
        """Tell whether the piece is still on its way by this line, or was taken back by it."""
        if self.is_open:
            return True
        # what was sent back to its sender may come again, as what was delivered anew
        return self.quantity_accepted > 0 and self._get_serial_key() not in delivered

    def _get_delivered_again(self):
        """Return the keys of those pieces that left for a customer after they had come back."""
        closed = self.filtered(lambda line: not line.is_open and line.quantity_accepted)
        if not closed:
            return set()
        moves = self.env["stock.move.line"].search(
            [
                ("state", "=", "done"),
                ("product_id", "in", closed.product_id.ids),
                ("lot_id.name", "in", closed.mapped("serial")),
                ("location_dest_id.usage", "=", "customer"),
            ]
        )
        left = {}
        for move in moves:
            key = move.company_id.id, move.product_id.id, move.lot_id.name
            left[key] = max(left.get(key, move.date), move.date)
        return {
            key
            for line in closed
            if (key := line._get_serial_key()) in left
            and left[key] >= (line.date_received or left[key])
        }

    def _check_serials_in_stock(self):
        """Raise UserError for a serial that lies in stock of ours, and so can't come back."""
        wanted = {
            line._get_serial_key(): line
            for line in self
            if line.tracking == "serial" and line.serial
        }
        if not wanted:
            return
        # sudo: where the stock is, is asked for this refusal only
        quants = (
            self.env["stock.quant"]
            .sudo()
            .search(
                [
                    ("product_id", "in", self.product_id.ids),
                    ("lot_id.name", "in", self.mapped("serial")),
                    ("quantity", ">", 0),
                    ("location_id.usage", "in", ("internal", "transit")),
                ]
            )
        )
        for quant in quants:
            line = wanted.get((self.company_id[:1].id, quant.product_id.id, quant.lot_id.name))
            if not line or quant.company_id not in (line.company_id, quant.company_id.browse()):
                continue
            raise UserError(
                self.env._(
                    "“%(product)s” %(serial)s is in stock already (%(location)s), so it can't come "
                    "back from %(sender)s. Compare the number on the piece; if it is right, ask "
                    "logistics to correct the stock.",
                    product=line.product_id.display_name,
                    serial=line.serial,
                    location=line._get_place_for_user(quant.location_id),
                    sender=line.center_id.display_name,
                )
            )

    def _get_place_for_user(self, location):
        """Return the name of the location, unless it would tell of another service center."""
        user = self.env.user
        if (
            user.has_group("aftersales_service.group_clerk")
            or user.has_group("aftersales_service.group_logistics")
            or location.deposit_center_id == self.center_id
        ):
            return location.display_name
        return self.env._("with the company or one of its service centers")

    @api.constrains("deduction_reason_id", "product_id")
    def _check_deduction_reason(self):
        opened = (
            self.env.ref("aftersales_parts.deduction_reason_D03", raise_if_not_found=False)
            or self.env["aftersales.deduction.reason"]
        )
        for line in self.filtered("deduction_reason_id"):
            part_class = line.product_id.part_class_id
            if line.deduction_reason_id == opened and part_class.may_be_opened:
                raise ValidationError(
                    self.env._(
                        "“%(part)s” may come back opened, as every “%(part_class)s” (M10.2). "
                        "If parts of it are missing, choose the reason for stripped parts.",
                        part=line.display_name,
                        part_class=part_class.name,
                    )
                )

    @api.constrains("used_part_id", "return_id")
    def _check_used_part_id(self):
        self.return_id._check_on_spot()
        self.used_part_id._lock_anew()
        for line in self.filtered("used_part_id"):
            part = line.used_part_id
            if part.keeper_id != line.return_id.center_id:
                raise UserError(
                    self.env._(
                        "%(tag)s is kept by %(keeper)s, not by %(sender)s.",
                        tag=part.name,
                        keeper=part.keeper_id.name,
                        sender=line.return_id.center_id.name,
                    )
                )
            others = part.return_line_ids.filtered("is_open") - line
            if others:
                raise UserError(
                    self.env._(
                        "%(tag)s is already on the return %(document)s.",
                        tag=part.name,
                        document=others.return_id[:1].name,
                    )
                )

    def _check_held(self):
        """Raise UserError unless the senders keep the tags; nobody else moves them until we do."""
        self.used_part_id._lock()
        for document, lines in self.filtered("used_part_id").grouped("return_id").items():
            sender = document.center_id
            gone = lines.used_part_id.filtered(
                lambda part, sender=sender: part.state != "held" or part.keeper_id != sender
            )
            if gone:
                raise UserError(
                    self.env._(
                        "Not kept by %(sender)s any more: %(tags)s. Take them off the return.",
                        sender=sender.display_name,
                        tags=format_list(self.env, gone.mapped("name")),
                    )
                )

    @api.depends("used_part_id.name", "product_id.display_name")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.used_part_id.name or line.product_id.display_name

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("serial"):
                vals["serial"] = vals["serial"].strip()
        if not self.env.su:
            entered = self._get_inspection_fields()
            vals_list = [
                {name: value for name, value in vals.items() if name not in entered}
                for vals in vals_list
            ]
        return super().create(vals_list)

    def write(self, vals):
        if vals.get("serial"):
            vals = {**vals, "serial": vals["serial"].strip()}
        entered = self._get_inspection_fields() & vals.keys()
        if vals.get("verdict") == "accept":
            vals = {"deduction_reason_id": False, **vals}
        if not entered or self.env.su:
            return super().write(vals)
        self._check_inspector()
        if any(not line._is_inspectable() for line in self):
            raise UserError(
                self.env._(
                    "Verdicts are entered after receipt and before verification. Afterwards the "
                    "sender can object, which asks for a second look."
                )
            )
        before = {line: line._get_verdict_given() for line in self}
        noted = self._get_changed_names(vals, {"note", "is_complete"})
        result = super().write(vals)
        is_given = entered - {"note", "is_complete"}
        judged = self.filtered(
            lambda line: (
                line._get_verdict_given() != before[line] or (is_given and not line.inspector_id)
            )
        )
        judged._note_inspector()
        if noted:
            (self - judged)._log_inspection("note")
        return result

    def _get_verdict_given(self):
        """Return what makes another verdict of it: whoever changes that has inspected."""
        self.ensure_one()
        return self.verdict, self.deduction_reason_id, self.quantity_refused

    # --- inspection (M8.4, M10.2) ----------------------------------------------------------

    @api.model
    def _check_inspector(self):
        """Raise AccessError unless the user inspects returned goods: quality or logistics."""
        if not self.env.user.has_group("aftersales_service.group_quality"):
            self._check_group("aftersales_service.group_logistics")

    def _is_awaited(self):
        """Tell whether what was shipped may still arrive."""
        self.ensure_one()
        return not self.is_received and self.part_state in (False, "shipped")

    @api.model
    def _get_awaited_domain(self):
        """Return the domain of the shipped lines that ``_is_awaited`` holds for."""
        return (
            Domain("is_received", "=", False)
            & Domain("return_id.state", "not in", (*UNSHIPPED, "cancelled"))
            & (Domain("used_part_id", "=", False) | Domain("used_part_id.state", "=", "shipped"))
        )

    def _exceeds(self, quantity):
        """Tell whether ``quantity`` is more than what was shipped."""
        self.ensure_one()
        return self.product_id.uom_id.compare(quantity, self.quantity_shipped) > 0

    @api.model
    def _prepare_received_vals(self, quantity):
        return {
            "is_received": True,
            "is_missing": 0,
            "quantity_received": quantity,
            "date_received": fields.Datetime.now(),
        }

    def _is_inspectable(self):
        """Tell whether the piece lies before the inspector: received and not verified yet."""
        self.ensure_one()
        return (
            self.is_received
            and not self.is_verified
            and self.return_id.state == "received"
            and (not self.used_part_id or self.part_state == "received")
        )

    def action_accept(self):
        """Accept these lines and confirm that assemblies among them are complete (M10.2)."""
        self.write({"verdict": "accept", "deduction_reason_id": False, "is_complete": True})
        return True

    def action_open_inspect(self):
        """Open the window for a verdict on these lines: deduct or reject, with the reason."""
        return self._open_inspect(self.env._("Deduct or reject"), "deduct")

    def action_open_review(self):
        """Open the window for the second look."""
        return self._open_inspect(self.env._("Second look"), "accept")

    def _open_inspect(self, title, verdict):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "aftersales.return.inspect",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_line_ids": self.ids, "default_verdict": verdict},
        }

    def action_open_photos(self):
        """Show this line with its photos and its log."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Inspection of %s", self.display_name),
            "res_model": "aftersales.return.line",
            "res_id": self.id,
            "views": [
                (self.env.ref("aftersales_parts.view_return_line_inspection_form").id, "form")
            ],
            "target": "new",
        }

    def _close_inspection(self):
        """Fix what the inspection said of these lines, and give it to the tags.

        What nobody entered a verdict for is accepted by whoever closes the inspection.
        """
        unconfirmed = self.filtered(
            lambda line: line.is_assembly and line.verdict == "accept" and not line.is_complete
        )
        if unconfirmed:
            raise UserError(
                self.env._(
                    "Confirm that these assemblies are complete and put together again, or deduct "
                    "them (M10.2): %s",
                    format_list(self.env, unconfirmed.mapped("display_name")),
                )
            )
        self.filtered(lambda line: not line.inspector_id)._note_inspector()
        self._write_protected({"is_verified": True})
        # sudo: quality and logistics decide on the line; the tag follows.
        self.filtered("used_part_id").sudo()._note_verdict()

    def _note_inspector(self):
        """Note who gave the verdict; the log names all who gave one, the line the last of them."""
        self._write_protected(
            {"inspector_id": self.env.uid, "date_inspected": fields.Datetime.now()}
        )
        self._log_inspection("verdict")

    def _log_inspection(self, kind, **vals):
        """Add an entry to the log of each line, with what the line says now."""
        # sudo: nobody writes the log by himself, only what is said about a line
        return (
            self.env["aftersales.return.inspection"]
            .sudo()
            .create(
                [
                    {
                        "user_id": self.env.uid,
                        **line._prepare_inspection_vals(),
                        **vals,
                        "line_id": line.id,
                        "kind": kind,
                    }
                    for line in self
                ]
            )
        )

    def _prepare_inspection_vals(self):
        self.ensure_one()
        return {
            "verdict": self.verdict,
            "deduction_reason_id": self.deduction_reason_id.id,
            "quantity_received": self.quantity_received,
            "quantity_refused": self.quantity_refused,
            "note": self.note,
        }

    # --- objection and second look ---------------------------------------------------------

    def action_object(self, reason=None):
        """Object, for the sender, to what the inspection said; somebody else looks again.

        :param str reason: what is wrong with the verdict
        :raises UserError: nothing was refused, or it can't be looked at any more
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Say what is wrong with the verdict."))
        if not (
            self.env.user.has_group("aftersales_service.group_center")
            or self.env.user.has_group("aftersales_service.group_clerk")
        ):
            self._check_group("aftersales_service.group_office_manager")
        self.check_access("read")
        self._lock_for_review()
        for line in self:
            if not line.is_verified or line.verdict == "accept":
                raise UserError(
                    self.env._(
                        "“%s” was not deducted or rejected by a verified inspection: there is "
                        "nothing to object to.",
                        line.display_name,
                    )
                )
            if line.objection_state:
                raise UserError(
                    self.env._(
                        "The sender has objected to “%s” already, and a second look is final. "
                        "What stays disputed is a dispute: press “Dispute” on the return.",
                        line.display_name,
                    )
                )
        self._check_reviewable()
        self._write_protected({"objection_state": "open", "objection": reason.strip()})
        self._log_inspection("objection", note=reason.strip())
        for document, lines in self.grouped("return_id").items():
            document._note_objection(lines, reason.strip())
        return True

    def action_open_object(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_object", self.env._("Object to the verdict")
        )

    def _lock_for_review(self):
        """Lock the lines and their tags, and let whoever audits or disposes of these start again.

        :raises UserError: somebody else is at one of them
        """
        for document in self.return_id:
            document._lock_for_action()
        # sudo: the lock changes nothing, and not everybody who may object may write on tags
        self.sudo().used_part_id._lock_anew()
        self.invalidate_recordset()

    def _check_reviewable(self):
        """Raise UserError if a second look could no longer change anything."""
        # sudo: the sender has no rights on the parts' status at the factory, nor quality on
        # settlements; it is only told that it is too late
        parts = self.sudo().used_part_id
        gone = parts.filtered(lambda part: part.state not in ("accepted", "deducted", "rejected"))
        if gone:
            raise UserError(
                self.env._(
                    "There is nothing left to look at, the parts are gone already: %s. Open a "
                    "dispute on the return instead.",
                    format_list(self.env, gone.mapped("name")),
                )
            )
        if ruled := parts.filtered("ruling_id"):
            raise UserError(
                self.env._(
                    "A ruling has decided on these parts, which is final: %s",
                    format_list(self.env, ruled.mapped("name")),
                )
            )
        # what was paid for a loss doesn't rest on what the inspection said afterwards
        settled = parts._get_settlement_lines().filtered(lambda line: not line.is_refused_since)
        if settled:
            raise UserError(
                self.env._(
                    "Already settled with %(settlement)s: %(tags)s. Open a dispute on the "
                    "settlement or the return instead.",
                    settlement=format_list(self.env, settled.settlement_id.mapped("name")),
                    tags=format_list(self.env, settled.used_part_id.mapped("name")),
                )
            )
        for line in self:
            if line.date_answered and not line.used_part_id:
                raise UserError(
                    self.env._(
                        "%(document)s is answered, “%(product)s” is dealt with. Open a dispute on "
                        "the return instead.",
                        document=line.return_id.name,
                        product=line.product_id.display_name,
                    )
                )

    def _check_no_objection(self):
        """Raise UserError while a second look at any of these lines is owed to the sender."""
        if message := self._get_objection_message():
            raise UserError(message)

    def _get_objection_message(self):
        """Return a sentence that names the lines with an open objection, or False."""
        objected = self.filtered(lambda line: line.objection_state == "open")
        return objected and self.env._(
            "The sender objected to the inspection, somebody else has to take a second look: %s",
            self.return_id._format_tags(objected.mapped("display_name")),
        )

    def action_review(self, verdict, reason_id=None, note=None, quantity_refused=None):
        """Take a second look on an objection: what it says replaces the first verdict.

        :param str verdict: ``accept``, ``deduct`` or ``reject``
        :param int reason_id: deduction reason, unless accepted
        :param str note: what was found, for the sender
        :param float quantity_refused: of defective goods; None: all
        :raises AccessError: who inspected first, who objected, or a party
        :raises UserError: no objection is open, or it is too late
        """
        self._check_inspector()
        if not (note or "").strip():
            raise UserError(self.env._("Say what the second look found; the sender is told."))
        self.check_access("write")
        self._lock_for_review()
        for line in self:
            if line.objection_state != "open":
                raise UserError(
                    self.env._("Nobody waits for a second look at “%s”.", line.display_name)
                )
            if obstacle := line._get_review_obstacle():
                raise AccessError(obstacle)
        self._check_reviewable()
        for line in self:
            vals = {
                "verdict": verdict,
                "deduction_reason_id": verdict != "accept" and reason_id,
                "note": note.strip(),
                "objection_state": "answered",
                "is_complete": line.is_complete or verdict == "accept",
                "quantity_refused": 0,
                # what followed from the first verdict
                "outcome": False,
                "outcome_refused": False,
            }
            if verdict != "accept":
                refused = quantity_refused is not None and not line.used_part_id
                vals["quantity_refused"] = quantity_refused if refused else line.quantity_received
            line._write_protected(vals)
        self._log_inspection("review")
        # sudo: quality and logistics decide on the line; tag and proposal follow.
        self.filtered("used_part_id").sudo()._note_verdict()
        self.sudo()._propose_outcome()
        for document, lines in self.grouped("return_id").items():
            document._note_review(lines, note.strip())
        return True

    def _get_review_obstacle(self):
        """Return why the current user may not take the second look, or False."""
        self.ensure_one()
        user = self.env.user
        # sudo: only compared with the user
        log = self.sudo().inspection_ids
        if user in log.filtered(lambda entry: entry.kind == "verdict").user_id:
            return self.env._(
                "You inspected “%s” yourself: somebody else has to take the second look.",
                self.display_name,
            )
        if user in log.filtered(lambda entry: entry.kind == "objection").user_id:
            return self.env._(
                "You objected to the verdict on “%s”: somebody else has to take the second look.",
                self.display_name,
            )
        return False

    def _note_verdict(self):
        """Give the tags what the inspection said of them (M8.4)."""
        states = {"accept": "accepted", "deduct": "deducted", "reject": "rejected"}
        for (document, verdict, reason, note), lines in self.grouped(
            lambda line: (line.return_id, line.verdict, line.deduction_reason_id, line.note)
        ).items():
            note = ": ".join(filter(None, (reason.name, note)))
            lines.used_part_id._note_inspected(
                states[verdict], reason, return_id=document.id, note=note
            )
        self.used_part_id._note_refused_since()

    # --- transfers of defective goods ------------------------------------------------------

    def _create_receipt(self, warehouse):
        """Return the receipt of these goods, waiting to be counted."""
        picking = self.env["stock.picking"].create(self._prepare_receipt_vals(warehouse))
        picking.action_confirm()
        self._announce_lots()
        return picking

    def _announce_lots(self):
        """Put the announced serial and lot numbers on the moves of these goods."""
        tracked = self.filtered(lambda line: line.tracking != "none")
        lots = self.env["stock.lot"].search(
            [
                ("product_id", "in", tracked.product_id.ids),
                ("name", "in", tracked.mapped("serial")),
                ("company_id", "in", [*tracked.company_id.ids, False]),
            ]
        )
        by_name = {(lot.product_id, lot.name): lot for lot in lots}
        for line in tracked:
            lot = by_name.get((line.product_id, line.serial))
            line.move_ids.move_line_ids.write(
                {"lot_id": lot.id} if lot else {"lot_name": line.serial}
            )

    def _prepare_receipt_vals(self, warehouse):
        document = self.return_id
        # kept apart from goods that can be sold
        source = document.center_id.property_stock_customer
        destination = warehouse._get_defective_location()
        return {
            "picking_type_id": warehouse.in_type_id.id,
            "partner_id": document.center_id.id,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": document.name,
            "company_id": document.company_id.id,
            "move_ids": [
                Command.create(line._prepare_move_vals(source, destination)) for line in self
            ],
        }

    def _prepare_move_vals(self, source, destination):
        self.ensure_one()
        return {
            "product_id": self.product_id.id,
            "product_uom": self.product_id.uom_id.id,
            "product_uom_qty": self.quantity,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "company_id": self.company_id.id,
            "aftersales_return_line_id": self.id,
        }

    def _set_counted(self, quantity):
        """Put what was counted on the move of these goods."""
        self.ensure_one()
        picking = self.return_id.goods_picking_id
        move = self.move_ids.filtered(
            lambda move: move.picking_id == picking and move.state not in ("done", "cancel")
        )
        if not move:
            raise UserError(self.return_id._get_transfer_message(picking))
        move.quantity = quantity
        move.picked = True
