from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools.misc import format_date


class AftersalesReceipt(models.Model):
    """Goods of the customer that are taken along for repair, and handed back to him (E7, L2.2).

    One receipt has both halves, so that what went in is compared with what comes out. Each half is
    signed by the customer and locked; the goods stay his, and so does their warranty card.
    """

    _name = "aftersales.receipt"
    _description = "Receipt for goods"
    _regulations = ("L2.2", "E7", "H11")
    _inherit = ["aftersales.retention.mixin", "mail.thread", "mail.activity.mixin"]
    _sequence_code = "aftersales.receipt"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(related="request_id.company_id", store=True, index=True)
    state = fields.Selection(
        [
            ("draft", "To be signed"),
            ("taken", "In our hands"),
            ("returned", "Handed back"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    request_id = fields.Many2one(
        "aftersales.request",
        "Request",
        required=True,
        index=True,
        check_company=True,
        ondelete="restrict",
        domain=[("state", "not in", ("done", "cancelled"))],
    )
    partner_id = fields.Many2one(related="request_id.partner_id", store=True, index=True)
    phone = fields.Char(related="request_id.phone")
    center_id = fields.Many2one(
        related="request_id.center_id", string="Service center", store=True, index="btree_not_null"
    )
    card_id = fields.Many2one(related="request_id.card_id")
    product_id = fields.Many2one(
        "product.product",
        "Product",
        compute="_compute_from_request",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
    )
    serial_number = fields.Char(
        compute="_compute_from_request", store=True, readonly=False, precompute=True
    )
    quantity = fields.Integer(default=1, required=True)
    condition = fields.Text(
        help="How the goods look: scratches, dents, missing parts, what works and what doesn't.",
    )
    accessories = fields.Text(
        help="Everything that is handed over with it, one a line: cables, keys, covers, papers."
    )
    photo = fields.Image(max_width=1920, max_height=1920)
    place = fields.Selection(
        [("center", "Service center"), ("factory", "Factory workshop")],
        "Repaired in",
        required=True,
        default="center",
        help="The factory workshop repairs by a repair order.",
    )
    date_promised = fields.Date(
        "Promised for", tracking=True, help="The day told to the customer for the hand-back (L2.2)."
    )
    handed_by = fields.Char(
        "Handed over by", readonly=True, copy=False, help="Who signed at the take-in."
    )
    taken_on = fields.Datetime(readonly=True, copy=False)
    taken_by = fields.Many2one("res.users", readonly=True, copy=False)
    signature = fields.Image(readonly=True, copy=False, max_width=1024, max_height=1024)
    days = fields.Integer(
        "Days in our hands", compute="_compute_days", help="From take-in to hand-back or today."
    )
    repair_id = fields.Many2one(
        "repair.order",
        "Repair order",
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
        groups="stock.group_stock_user",
    )
    repair_state = fields.Selection(
        selection=lambda self: (
            self.env["repair.order"]._fields["state"]._description_selection(self.env)
        ),
        string="Repair",
        compute="_compute_repair_state",
    )
    return_condition = fields.Text(
        "Condition at the hand-back", copy=False, help="Compare it with the take-in."
    )
    return_photo = fields.Image(
        "Photo at the hand-back", copy=False, max_width=1920, max_height=1920
    )
    return_note = fields.Char(
        "Why to another person",
        copy=False,
        help="Needed when the goods go to somebody else than who handed them over: his "
        "authority, such as the customer's call or a letter.",
    )
    returned_to = fields.Char("Handed back to", readonly=True, copy=False)
    returned_on = fields.Datetime(readonly=True, copy=False)
    returned_by = fields.Many2one("res.users", readonly=True, copy=False)
    return_signature = fields.Image(readonly=True, copy=False, max_width=1024, max_height=1024)

    _quantity_positive = models.Constraint("CHECK(quantity > 0)", "At least one piece is taken in.")
    _serial_uniq = models.UniqueIndex(
        "(company_id, product_id, serial_number) WHERE state = 'taken'",
        "The unit of this serial number is in our hands already.",
    )

    @api.depends("request_id")
    def _compute_from_request(self):
        for receipt in self:
            receipt.product_id = receipt.request_id.product_id
            receipt.serial_number = receipt.request_id.serial_number

    @api.depends("taken_on", "returned_on")
    def _compute_days(self):
        now = fields.Datetime.now()
        for receipt in self:
            end = receipt.returned_on or now
            receipt.days = receipt.taken_on and (end - receipt.taken_on).days

    @api.depends("repair_id.state")
    def _compute_repair_state(self):
        # sudo: whoever sees the receipt may know how far the repair is
        for receipt in self.sudo():
            receipt.repair_state = receipt.repair_id.state

    @api.constrains("date_promised", "taken_on")
    def _check_date_promised(self):
        for receipt in self:
            day = receipt._get_local_day(receipt.taken_on or fields.Datetime.now())
            if receipt.date_promised and receipt.date_promised < day:
                raise ValidationError(self.env._("The hand-back can't be promised for the past."))

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "company_id",
            "partner_id",
            "center_id",
            "handed_by",
            "taken_on",
            "taken_by",
            "signature",
            "repair_id",
            "returned_to",
            "returned_on",
            "returned_by",
            "return_signature",
        }

    @api.model
    def _get_taken_fields(self):
        """Return the fields that the customer signs for at the take-in."""
        return {
            "request_id",
            "product_id",
            "serial_number",
            "quantity",
            "condition",
            "accessories",
            "photo",
            "place",
        }

    @api.model
    def _get_returned_fields(self):
        """Return the fields that the customer signs for at the hand-back."""
        return {"return_condition", "return_photo", "return_note"}

    @api.model_create_multi
    def create(self, vals_list):
        receipts = super().create(vals_list)
        if not self.env.su:
            # rules let through a receipt of one's own on a request that one can't touch
            receipts.request_id.check_access("write")
        for receipt in receipts:
            receipt._check_request_open()
        return receipts

    def write(self, vals):
        taken = self._get_changed_names(vals, self._get_taken_fields())
        returned = self._get_changed_names(vals, self._get_returned_fields())
        for receipt in self:
            if (taken and receipt.state != "draft") or (
                returned and receipt.state in ("returned", "cancelled")
            ):
                raise UserError(
                    self.env._(
                        "The customer has signed %s: what he signed for can't be changed.",
                        receipt.name,
                    )
                )
            if (
                not self.env.su
                and receipt.state != "draft"
                and receipt._get_changed_names(vals, {"date_promised"})
            ):
                raise UserError(
                    self.env._(
                        "The customer was promised a day for the hand-back of %s. Press “Move the "
                        "promise” and give the reason.",
                        receipt.name,
                    )
                )
        result = super().write(vals)
        if "request_id" in vals and not self.env.su:
            self.request_id.check_access("write")
        return result

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "state",
            "taken_on",
            "request_id.card_id.date_end",
        ]

    def _get_retention_start(self):
        if not self.taken_on:
            return False
        end = self.request_id.card_id.date_end
        return max(filter(None, (self._get_local_day(self.taken_on), end)))

    def _check_request_open(self):
        """Raise UserError if the request is closed."""
        # sudo: only the state is looked at
        request = self.sudo().request_id
        if request.state in ("done", "cancelled"):
            raise UserError(self.env._("%s is closed: nothing is taken in for it.", request.name))

    # --- take-in ---------------------------------------------------------------------------

    def action_take_in(self, handed_by, signature):
        """Take the goods over against the customer's signature (E7).

        :param str handed_by: name of the person who hands the goods over and signs
        :param signature: image, base64
        :raises UserError: something is missing, or the unit is in our hands already
        """
        for receipt in self:
            receipt._check_signed("draft", handed_by, signature)
            receipt._check_take_in()
            receipt._write_protected(
                {
                    "state": "taken",
                    "handed_by": handed_by.strip(),
                    "taken_on": fields.Datetime.now(),
                    "taken_by": self.env.uid,
                    "signature": signature,
                }
            )
            receipt.flush_recordset(["state"])  # the unique index counts what is in our hands
            if receipt.place == "factory":
                # sudo: the transfer and repair follow from the receipt; no rights on stock needed
                receipt.sudo()._start_repair()
        return True

    def _check_take_in(self):
        """Raise UserError unless the receipt says what the customer is to sign at the take-in."""
        self.ensure_one()
        self._check_request_open()
        if not (self.condition or "").strip():
            raise UserError(self.env._("Describe the condition of the goods first."))
        if not self.date_promised:
            raise UserError(self.env._("Promise the customer a day for the hand-back (E7)."))
        self._check_not_taken()

    def _check_signed(self, state, person, signature):
        """Check and lock what a signature on the receipt needs."""
        self.ensure_one()
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        if self.state != state:
            label = dict(self._fields["state"]._description_selection(self.env))[self.state]
            raise UserError(self.env._("%(receipt)s: %(state)s.", receipt=self.name, state=label))
        if not (person or "").strip() or not signature:
            raise UserError(self.env._("The customer's name and signature are needed."))

    def _check_not_taken(self):
        if not self.serial_number:
            return
        # sudo: another center may have it; only the number of its receipt is told
        other = self.sudo().search(
            [
                ("company_id", "=", self.company_id.id),
                ("product_id", "=", self.product_id.id),
                ("serial_number", "=", self.serial_number),
                ("state", "=", "taken"),
            ],
            limit=1,
        )
        if other:
            raise UserError(
                self.env._(
                    "The unit %(serial)s is in our hands already: %(receipt)s.",
                    serial=self.serial_number,
                    receipt=other.name,
                )
            )

    # --- factory workshop ------------------------------------------------------------------

    def _start_repair(self):
        """Take the unit into the workshop and open its repair order."""
        self.ensure_one()
        if self._is_stocked():
            self._move_unit(incoming=True)
        self.repair_id = self.env["repair.order"].create(self._prepare_repair_vals())

    def _is_stocked(self):
        """Tell whether stock keeps the unit: by quantity, or by a serial that is known."""
        return self.product_id.is_storable and (
            self.product_id.tracking == "none" or bool(self._get_lot())
        )

    def _get_lot(self):
        lot = self.card_id.lot_id
        return lot.filtered(
            lambda own: own.product_id == self.product_id and own.name == self.serial_number
        )

    def _get_warehouse(self):
        return self.env["stock.warehouse"].search(
            [("company_id", "=", self.company_id.id)], limit=1
        )

    def _prepare_repair_vals(self):
        workshop = self._get_warehouse()._get_customer_goods_location()
        day = self._get_local_day(self.taken_on)
        entitlement = self.card_id._get_service_entitlements(self.product_id, day)
        verdicts = {each["verdict"] for each in entitlement.values()}
        return {
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "product_id": self.product_id.id,
            "product_qty": self.quantity,
            "lot_id": self._get_lot().id,
            "picking_type_id": self._get_warehouse().repair_type_id.id,
            "product_location_src_id": workshop.id,
            "product_location_dest_id": workshop.id,
            "under_warranty": bool(verdicts) and verdicts <= {"covered", "exchange"},
            "internal_notes": self.condition,
        }

    def _move_unit(self, incoming):
        """Move the unit between the customer and the shelf for customers' goods."""
        self.ensure_one()
        warehouse = self._get_warehouse()
        workshop = warehouse._get_customer_goods_location()
        customers = self.partner_id.with_company(self.company_id).property_stock_customer
        source, destination = (customers, workshop) if incoming else (workshop, customers)
        picking = self.env["stock.picking"].create(
            {
                "picking_type_id": (warehouse.in_type_id if incoming else warehouse.out_type_id).id,
                "partner_id": self.partner_id.id,
                # the goods stay the customer's: they have no value for us
                "owner_id": self.partner_id.id,
                "location_id": source.id,
                "location_dest_id": destination.id,
                "origin": self.name,
                "company_id": self.company_id.id,
                "aftersales_take_in": incoming,
                "move_ids": [
                    Command.create(
                        {
                            "product_id": self.product_id.id,
                            "product_uom": self.product_id.uom_id.id,
                            "product_uom_qty": self.quantity,
                            "location_id": source.id,
                            "location_dest_id": destination.id,
                            "company_id": self.company_id.id,
                        }
                    )
                ],
            }
        )
        picking.action_confirm()
        move = picking.move_ids
        move.move_line_ids.unlink()
        move.move_line_ids = [
            Command.create(
                {
                    "product_id": self.product_id.id,
                    "lot_id": self._get_lot().id,
                    "owner_id": self.partner_id.id,
                    "quantity": self.quantity,
                    "location_id": source.id,
                    "location_dest_id": destination.id,
                    "picking_id": picking.id,
                }
            )
        ]
        move.picked = True
        picking._action_done()

    # --- the promised day ------------------------------------------------------------------

    def action_move_promise(self, date_promised, reason):
        """Promise the customer another day for the hand-back, with a reason (L2.2, E7).

        :param date date_promised: the day, in the company's time zone
        :param str reason: why, and what the customer said
        :raises UserError: without reason or day, or the goods aren't in our hands
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the promised day is moved."))
        day = fields.Date.to_date(date_promised)
        if not day:
            raise UserError(self.env._("Promise the customer a day for the hand-back (E7)."))
        for receipt in self:
            receipt.check_access("write")
            receipt.lock_for_update(allow_referencing=True)
            if receipt.state != "taken":
                raise UserError(self.env._("%s: the goods aren't in our hands.", receipt.name))
            if day < receipt._get_local_day(fields.Datetime.now()):
                raise ValidationError(self.env._("The hand-back can't be promised for the past."))
            before = receipt.date_promised
            receipt._write_protected({"date_promised": day})
            receipt.message_post(
                body=self.env._(
                    "Hand-back promised for %(day)s instead of %(before)s: %(reason)s",
                    day=format_date(self.env, day),
                    before=format_date(self.env, before),
                    reason=reason.strip(),
                )
            )
        return True

    def action_open_move_promise(self):
        """Open the window that asks for the new day and the reason."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Move the promise"),
            "res_model": "aftersales.receipt.promise",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_receipt_id": self.id},
        }

    # --- hand-back -------------------------------------------------------------------------

    def action_hand_back(self, returned_to, signature):
        """Hand the goods back against a signature (E7).

        :param str returned_to: name of the person who takes the goods and signs
        :param signature: image, base64
        :raises UserError: the repair isn't over, or something is missing
        """
        for receipt in self:
            receipt._check_signed("taken", returned_to, signature)
            receipt._check_hand_back()
            other = returned_to.strip() != receipt.handed_by
            if other and not (receipt.return_note or "").strip():
                raise UserError(
                    self.env._(
                        "%(receipt)s was handed over by %(person)s. Enter why the goods go to "
                        "another person.",
                        receipt=receipt.name,
                        person=receipt.handed_by,
                    )
                )
            receipt._write_protected(
                {
                    "state": "returned",
                    "returned_to": returned_to.strip(),
                    "returned_on": fields.Datetime.now(),
                    "returned_by": self.env.uid,
                    "return_signature": signature,
                }
            )
            receipt.flush_recordset(["state"])
            # sudo: as in `action_take_in`
            own = receipt.sudo()
            if own.repair_id and own._is_stocked():
                own._move_unit(incoming=False)
        return True

    def _check_hand_back(self):
        """Raise UserError unless the goods can be given back, whoever signs for them."""
        self.ensure_one()
        if not (self.return_condition or "").strip():
            raise UserError(
                self.env._("Describe the condition at the hand-back first; see the take-in.")
            )
        # sudo: as in `action_take_in`
        repair = self.sudo().repair_id
        if repair and repair.state not in ("done", "cancel"):
            raise UserError(
                self.env._(
                    "The repair %s is not finished: finish or cancel it, then hand the goods back.",
                    repair.name,
                )
            )

    def action_open_sign(self):
        """Open the window in which the customer signs, at the take-in or at the hand-back.

        :raises UserError: something is missing, before the customer is asked for his signature
        """
        self.ensure_one()
        if self.state == "taken":
            self._check_hand_back()
        else:
            self._check_take_in()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Customer's signature"),
            "res_model": "aftersales.receipt.sign",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_receipt_id": self.id,
                # at the hand-back, who brought it is the first to ask for
                "default_signed_by": self.handed_by or self.partner_id.name,
            },
        }

    def action_cancel(self, reason=None):
        """Cancel a receipt for goods that were not taken in, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the receipt is cancelled."))
        for receipt in self:
            receipt.check_access("write")
            if receipt.state != "draft":
                raise UserError(
                    self.env._("%s is signed: the goods have to be handed back.", receipt.name)
                )
            receipt._write_protected({"state": "cancelled"})
            receipt.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel receipt")
        )

    def action_view_repair(self):
        """Show the repair order of the factory workshop."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "repair.order",
            "res_id": self.repair_id.id,
            "views": [(False, "form")],
        }
