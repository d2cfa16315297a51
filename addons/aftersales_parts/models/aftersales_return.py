from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list


class AftersalesReturn(models.Model):
    """返厂单: what a center or office sends back, from application to answer (L2.3–L2.11).

    Used parts travel by their tags, defective goods by product and quantity.
    """

    _name = "aftersales.return"
    _description = "Return"
    _regulations = (
        "L1.3",
        "L2.3",
        "L2.4",
        "L2.5",
        "L2.6",
        "L2.7",
        "L2.8",
        "L2.9",
        "L2.10",
        "L2.11",
        "H11",
    )
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.approval.mixin",
        "aftersales.deadline.mixin",
        "aftersales.dispute.mixin",
    ]
    _sequence_code = "aftersales.return"
    _dispute_field = "return_id"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    center_id = fields.Many2one(
        "res.partner",
        "Sender",
        required=True,
        domain="['|', ('is_service_center', '=', True), ('is_regional_office', '=', True)]",
        index=True,
        tracking=True,
        check_company=True,
        default=lambda self: self._default_center_id(),
        help="The service center or regional office that sends the goods back.",
    )
    region_id = fields.Many2one("aftersales.region", compute="_compute_region_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    complaint_id = fields.Many2one(
        "aftersales.complaint",
        "Complaint",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The complaint by which a whole batch goes back, at any time (L1.3, L2.7).",
    )
    is_special = fields.Boolean(
        "Special approval",
        tracking=True,
        help="For batch quality and exceptions: outside the sender's window and beside its return "
        "of the month, by special approval of customer service (L2.7).",
    )
    special_reason = fields.Text(
        "Reason for the special approval", help="Why the return can't wait for its window (L2.7)."
    )
    month = fields.Date(
        "Month (first day)",
        required=True,
        default=lambda self: fields.Date.context_today(self).replace(day=1),
        help="The month in which the goods are returned; one return per month (L2.6).",
    )
    date_window_start = fields.Date(
        "Window from",
        compute="_compute_date_window",
        store=True,
        help="First day on which the return may be shipped, by the week of its region (L2.11).",
    )
    date_window_end = fields.Date(
        "Window until",
        compute="_compute_date_window",
        store=True,
        help="Last day of the window. A return that misses it waits for the next one (L2.6).",
    )
    reason = fields.Text(help="Why the goods come back, for the application.")
    freight_payer = fields.Selection(
        [("company", "Company"), ("center", "Service center")],
        required=True,
        default="company",
        help="The company bears the freight of the monthly return (L2.3).",
    )
    carrier = fields.Char()
    waybill = fields.Char()
    freight_cost = fields.Monetary(help="What the carrier charges, VAT included (L2.3).")
    period = fields.Char("Month", compute="_compute_period")
    line_ids = fields.One2many("aftersales.return.line", "return_id", "Goods")
    line_count = fields.Integer(
        "Items", compute="_compute_counts", help="Tags and kinds of defective goods."
    )
    missing_count = fields.Integer("Missing", compute="_compute_counts")
    picking_id = fields.Many2one(
        "stock.picking", "Transfer", readonly=True, copy=False, check_company=True
    )
    backorder_id = fields.Many2one(
        "stock.picking",
        "Backorder",
        readonly=True,
        copy=False,
        check_company=True,
        help="The tags that were announced but did not arrive.",
    )
    goods_picking_id = fields.Many2one(
        "stock.picking",
        "Receipt of the goods",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The receipt of the defective goods, by what was counted.",
    )
    date_shipped = fields.Datetime("Shipped on", readonly=True, copy=False)
    date_received = fields.Datetime("Arrived", readonly=True, copy=False)
    date_verified = fields.Datetime("Verified on", readonly=True, copy=False)
    date_answered = fields.Datetime("Answered on", readonly=True, copy=False)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Applied"),
            ("approved", "Approved"),
            ("shipped", "Shipped"),
            ("received", "Received"),
            ("verified", "Verified"),
            ("done", "Answered"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _center_month_uniq = models.UniqueIndex(
        "(company_id, center_id, month) WHERE state <> 'cancelled' AND complaint_id IS NULL "
        "AND is_special IS NOT TRUE",
        "This sender already has a return in this month: goods are returned once a month (L2.6). "
        "Add to that one while it is a draft, or wait for next month.",
    )

    _complaint_uniq = models.UniqueIndex(
        "(complaint_id) WHERE state <> 'cancelled'", "The batch is being returned already."
    )
    _freight_cost_positive = models.Constraint(
        "CHECK(freight_cost >= 0)", "The freight can't cost less than nothing."
    )

    def _default_center_id(self):
        center = self.env.user.commercial_partner_id
        return center if center.is_service_center or center.is_regional_office else False

    @api.depends("center_id.aftersales_region_id", "center_id.is_regional_office")
    def _compute_region_id(self):
        """Take the region that the sender belongs to, or that it is the office of."""
        offices = self.center_id.filtered(lambda p: not p.aftersales_region_id)
        # sudo: the region is what the rights of the return go by
        regions = self.env["aftersales.region"].sudo().search([("office_id", "in", offices.ids)])
        by_office = {region.office_id: region for region in reversed(regions)}
        for document in self:
            sender = document.center_id
            document.region_id = sender.aftersales_region_id or by_office.get(sender._origin)

    @api.depends("month", "region_id.return_week")
    def _compute_date_window(self):
        for document in self:
            window = (False, False)
            if document.month:
                window = document.region_id._get_return_window(document.month)
            document.date_window_start, document.date_window_end = window

    @api.depends("month")
    def _compute_period(self):
        for document in self:
            document.period = document.month and document.month.strftime("%Y-%m")

    def _compute_counts(self):
        counts = {
            document: (count, missing)
            for document, count, missing in self.env["aftersales.return.line"]._read_group(
                [("return_id", "in", self.ids)], ["return_id"], ["__count", "is_missing:sum"]
            )
        }
        for document in self:
            document.line_count, document.missing_count = counts.get(document, (0, 0))

    @api.constrains("freight_payer", "complaint_id")
    def _check_freight_payer(self):
        for document in self:
            if document.complaint_id and document.freight_payer != "company":
                raise ValidationError(
                    self.env._("The company bears the freight of a faulty batch (L1.3).")
                )

    @api.constrains("month")
    def _check_month(self):
        for document in self:
            if document.month.day != 1:
                raise ValidationError(
                    self.env._("The month is given by its first day, such as 2026-11-01.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if month := fields.Date.to_date(vals.get("month")):
                vals["month"] = month.replace(day=1)
        return super().create(vals_list)

    def write(self, vals):
        if self._get_changed_names(vals, {"center_id", "company_id"}):
            raise UserError(
                self.env._("A return stays with its sender. Cancel it and make a new one.")
            )
        if not self.env.su and self._get_changed_names(vals, {"month"}):
            for document in self:
                if document.state != "draft":
                    raise UserError(
                        self.env._(
                            "%s has been applied for: its month stays, unless it misses its "
                            "window (L2.6).",
                            document.name,
                        )
                    )
        if vals.get("month"):
            vals = {**vals, "month": fields.Date.to_date(vals["month"]).replace(day=1)}
        return super().write(vals)

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "approval_round",
            "month",
            "date_received",
            "line_ids.used_part_id.retain_until",
        ]

    def _get_retention_start(self):
        # what was never applied for is a draft
        if not self.approval_round:
            return False
        return max(filter(None, (self.month, self._get_local_day(self.date_received))))

    def _get_retained_with(self):
        return self.line_ids.used_part_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "complaint_id",
            "picking_id",
            "backorder_id",
            "goods_picking_id",
            "date_shipped",
            "date_received",
            "date_verified",
            "date_answered",
        }

    # --- deadlines (L2.8, L2.10) -----------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id

    # --- approval (L2.4) -------------------------------------------------------------------

    def _get_approval_steps(self):
        appraisal = {
            "code": "appraisal",
            "label": self.env._("Office or regional manager"),
            "group": "aftersales_service.group_office_manager",
            "regulation": "L2.4",
        }
        special = {
            "code": "special",
            "label": self.env._("Special approval by customer service"),
            "group": "aftersales_service.group_customer_service",
            "regulation": "L2.7",
        }
        customer_service = {
            "code": "customer_service",
            "label": self.env._("Customer service"),
            "group": "aftersales_service.group_customer_service",
            "regulation": "L2.4",
        }
        if self.complaint_id:
            # a faulty batch was confirmed on site already
            return [special]
        return [appraisal, special if self.is_special else customer_service]

    def _get_approval_content(self):
        return {
            "center_id": None,
            "freight_payer": None,
            "reason": None,
            "complaint_id": None,
            "is_special": None,
            "special_reason": None,
            "line_ids": {
                "used_part_id": None,
                "product_id": None,
                "quantity": None,
                "serial": None,
                "reason": None,
            },
        }

    def _check_submit(self):
        if not self.line_ids:
            raise UserError(
                self.env._(
                    "%s is empty. Press “Collect used parts”, or add the defective goods first.",
                    self.name,
                )
            )
        if self.complaint_id and self.line_ids.used_part_id:
            raise UserError(
                self.env._("Used parts are returned apart from a faulty batch: take them off.")
            )
        if self.is_special and not (self.special_reason or "").strip():
            raise UserError(
                self.env._("Give the reason for which a special approval is asked for (L2.7).")
            )
        self.line_ids._check_held()

    def _check_voidable(self):
        if self.state not in ("draft", "submitted", "approved"):
            raise UserError(self.env._("%s is already on its way and can't be changed.", self.name))

    # --- steps -----------------------------------------------------------------------------

    def action_collect(self):
        """Put every used part that the center keeps, and no return has yet, on the return."""
        for document in self:
            document.check_access("write")
            if document.state != "draft" or document.complaint_id:
                raise UserError(
                    self.env._("%s is no draft of a return of used parts.", document.name)
                )
            parts = self.env["aftersales.used.part"].search(
                [
                    ("center_id", "=", document.center_id.id),
                    ("company_id", "=", document.company_id.id),
                    ("state", "=", "held"),
                    ("return_line_ids", "not any", [("is_open", "=", True)]),
                ],
                order="name",
            )
            self.env["aftersales.return.line"].create(
                [{"return_id": document.id, "used_part_id": part.id} for part in parts]
            )
        return True

    def action_ship(self):
        """Send the approved goods; the transfer waits to be received tag by tag."""
        for document in self:
            document.check_access("write")
            document.lock_for_update(allow_referencing=True)
            if document.state != "approved":
                document._check_approved()
                raise UserError(self.env._("%s has already been shipped.", document.name))
            document._check_approved()
            document.line_ids._check_held()
            document.line_ids.used_part_id._check_packing()
            # sudo: the center ships without rights on stock; the transfer is exactly what was
            # approved.
            document.sudo()._ship()
        return True

    def _ship(self):
        self.ensure_one()
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        vals = {"state": "shipped", "date_shipped": fields.Datetime.now()}
        if parts := self.line_ids.used_part_id:
            transit = warehouse.used_part_transit_loc_id
            parts._move_to(transit, "shipped", "shipped", origin=self.name, return_id=self.id)
            # what waits there is received tag by tag
            picking = parts._create_picking(
                warehouse.used_part_return_type_id, transit, warehouse.used_part_loc_id, self.name
            )
            picking.action_confirm()
            vals["picking_id"] = picking.id
        if goods := self._get_goods_lines():
            vals["goods_picking_id"] = goods._create_receipt(warehouse).id
        for line in self.line_ids:
            line._write_protected({"quantity_shipped": line.quantity})
        self._write_protected(vals)

    def _get_goods_lines(self):
        return self.line_ids.filtered(lambda line: not line.used_part_id)

    def action_receive(self, tags, quantities=None):
        """Receive exactly what was scanned and counted, whatever was announced (L2.8).

        Tags that were not scanned stay as backorder. Defective goods are counted in one go: what
        is not there does not come any more.

        :param tags: list of tag numbers
        :param dict quantities: counted quantity by id of the line of defective goods, for all of
            them, 0 for those that did not arrive; None: goods are not counted yet
        :raises UserError: not approved (L2.5), not on its way, or a tag that isn't on it
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self._check_approved()
        pending = self.line_ids.filtered(lambda line: line._is_awaited())
        if not (self.picking_id or self.goods_picking_id) or not pending:
            raise UserError(self.env._("Nothing of %s is on its way.", self.name))
        lines = self._find_scanned(tags)
        counted = self._find_counted(quantities)
        if not lines and not counted:
            raise UserError(self.env._("No tag was scanned."))
        # sudo: logistics receives by tag and count; the transfers belong to this return alone.
        document = self.sudo()
        if counted:
            document._receive_goods({line.sudo(): qty for line, qty in counted.items()})
        if lines:
            tags_pending = pending.filtered("used_part_id")
            document._receive(lines.sudo(), (tags_pending - lines).sudo())
        document._note_received()
        return True

    def _find_scanned(self, tags):
        """Return the lines of the tag numbers ``tags``, all of them on their way."""
        numbers = [tag.strip() for tag in tags if tag.strip()]
        repeated = sorted(number for number, count in Counter(numbers).items() if count > 1)
        if repeated:
            raise UserError(
                self.env._("Scanned more than once: %s", format_list(self.env, repeated))
            )
        by_number = {line.used_part_id.name: line for line in self.line_ids if line.used_part_id}
        unknown = [number for number in numbers if number not in by_number]
        if unknown:
            raise UserError(
                self.env._(
                    "Not on the register of %(document)s: %(tags)s. Set these parts aside; "
                    "untagged or unknown parts count as not returned (M10.3).",
                    document=self.name,
                    tags=format_list(self.env, unknown),
                )
            )
        lines = self.env["aftersales.return.line"].union(*(by_number[n] for n in numbers))
        again = lines.filtered("is_received")
        if again:
            raise UserError(
                self.env._(
                    "Already received: %s",
                    format_list(self.env, again.used_part_id.mapped("name")),
                )
            )
        if gone := lines.filtered(lambda line: not line._is_awaited()):
            raise UserError(
                self.env._(
                    "Written off: %s. Set these parts aside and tell customer service that they "
                    "have turned up.",
                    format_list(self.env, gone.used_part_id.mapped("name")),
                )
            )
        return lines

    def _find_counted(self, quantities):
        """Return {line: counted quantity} of the defective goods, all that are on their way."""
        if quantities is None:
            return {}
        # over RPC the keys of a dictionary are strings
        quantities = {int(line_id): quantity for line_id, quantity in quantities.items()}
        goods = self._get_goods_lines().filtered(lambda line: not line.is_received)
        if unknown := quantities.keys() - set(goods.ids):
            raise UserError(
                self.env._(
                    "Already counted, or not goods of %(document)s: %(lines)s",
                    document=self.name,
                    lines=format_list(self.env, [str(i) for i in sorted(unknown)]),
                )
            )
        uncounted = goods.filtered(lambda line: line.id not in quantities)
        if uncounted:
            raise UserError(
                self.env._(
                    "Count these, too; enter 0 for what did not arrive: %s",
                    format_list(self.env, uncounted.product_id.mapped("display_name")),
                )
            )
        if any(quantity < 0 for quantity in quantities.values()):
            raise UserError(self.env._("What was counted can't be less than nothing."))
        return {line: quantities[line.id] for line in goods}

    def _receive_goods(self, counted):
        """Take in what was counted of the defective goods; the rest of the receipt is off."""
        picking = self.goods_picking_id
        if picking.state in ("done", "cancel"):
            raise UserError(self._get_transfer_message(picking))
        for line, quantity in counted.items():
            line._set_counted(quantity)
        if any(counted.values()):
            picking.with_context(cancel_backorder=True)._action_done()
        else:
            picking.action_cancel()
        for line, quantity in counted.items():
            line._write_protected({"is_received": True, "quantity_received": quantity})

    def _get_transfer_message(self, picking):
        return self.env._(
            "The transfer %s is done or cancelled already. Ask the stock manager what happened to "
            "the goods.",
            picking.name,
        )

    def _receive(self, lines, missing):
        """Move what arrived into the factory's location, and what didn't to the backorder."""
        picking = self.backorder_id or self.picking_id
        if picking.state in ("done", "cancel"):
            raise UserError(self._get_transfer_message(picking))
        lots = lines.used_part_id.lot_id
        arrived = picking.move_line_ids.filtered(lambda line: line.lot_id in lots)
        arrived.picked = True
        (picking.move_line_ids - arrived).picked = False
        picking._action_done()
        lots.invalidate_recordset(["location_id"])
        astray = lots.filtered(lambda lot: lot.location_id != picking.location_dest_id)
        if astray:
            raise UserError(
                self.env._(
                    "Not where the service center keeps its used parts: %s",
                    format_list(self.env, astray.mapped("name")),
                )
            )
        backorder = picking.backorder_ids[:1]
        if backorder:
            # the backorder holds exactly the missing tags, whatever else the center keeps
            backorder.move_line_ids.unlink()
            self.env["stock.move.line"].create(
                [
                    {
                        **tag._prepare_move_line_vals(
                            picking.location_id, picking.location_dest_id
                        ),
                        "move_id": backorder.move_ids.id,
                        "picking_id": backorder.id,
                    }
                    for tag in missing.used_part_id
                ]
            )
        lines._write_protected({"is_received": True, "is_missing": 0, "quantity_received": 1})
        missing._write_protected({"is_missing": 1})
        lines.used_part_id._write_protected({"state": "received"})
        lines.used_part_id._log_event(
            "received",
            location_id=picking.location_dest_id.id,
            picking_id=picking.id,
            return_id=self.id,
        )
        self._write_protected({"backorder_id": backorder.id})

    def _note_received(self):
        """Note the arrival, and what differs from what was announced (L2.8)."""
        self._write_protected({"state": "received", "date_received": fields.Datetime.now()})
        self._deadline_event("arrived")
        tags = self.line_ids.filtered("used_part_id")
        missing = tags.filtered(lambda line: line._is_awaited())
        if tags:
            self.message_post(
                body=self.env._(
                    "Received %(received)s of %(announced)s tags. Missing: %(missing)s",
                    announced=len(tags),
                    received=len(tags.filtered("is_received")),
                    missing=format_list(self.env, missing.used_part_id.mapped("name"))
                    or self.env._("none"),
                )
            )
        for line in (self.line_ids - tags).filtered("is_received"):
            self.message_post(
                body=self.env._(
                    "%(product)s: received %(received)g of %(announced)g.",
                    product=line.product_id.display_name,
                    received=line.quantity_received,
                    announced=line.quantity_shipped,
                )
            )

    def _note_written_off(self, lines, note):
        """Note that what ``lines`` announced will not arrive any more.

        A return of which nothing else is awaited is thereby received, to be verified and answered.
        """
        lines._write_protected({"is_missing": 0})
        for document, own in lines.grouped("return_id").items():
            document.message_post(
                body=self.env._(
                    "Written off: %(tags)s. %(note)s",
                    tags=format_list(self.env, own.used_part_id.mapped("name")),
                    note=note,
                )
            )
            if document.backorder_id.state == "cancel":
                document._write_protected({"backorder_id": False})
            if document.state == "shipped" and not any(
                line._is_awaited() for line in document.line_ids
            ):
                document._note_received()

    def action_verify(self):
        """Close the inspection: what bears no deduction reason is accepted (L2.8, M8.4)."""
        for document in self:
            if not self.env.user.has_group("aftersales_service.group_quality"):
                document._check_group("aftersales_service.group_logistics")
            document.check_access("write")
            if document.state != "received":
                raise UserError(
                    self.env._("%s has not been received, or is verified already.", document.name)
                )
            uncounted = document._get_goods_lines().filtered(lambda line: not line.is_received)
            if uncounted:
                raise UserError(
                    self.env._(
                        "Not counted yet: %s",
                        format_list(self.env, uncounted.product_id.mapped("display_name")),
                    )
                )
            received = document.line_ids.filtered(lambda line: line.part_state == "received")
            # sudo: quality and logistics decide on the line; the tag follows.
            received.sudo()._note_verdict()
            document._write_protected({"state": "verified", "date_verified": fields.Datetime.now()})
            document._deadline_event("verified")
        return True

    def action_cancel(self, reason=None):
        """Cancel a return that hasn't been shipped, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the return is cancelled."))
        self._check_undisputed()
        for document in self:
            document.check_access("write")
            if document.state not in ("draft", "submitted", "approved"):
                raise UserError(
                    self.env._(
                        "%s is on its way or received and can't be cancelled.", document.name
                    )
                )
            document._write_protected({"state": "cancelled", "approval_state": "draft"})
            document._cancel_deadlines()
            document.flush_recordset(["state"])  # the unique index counts live returns only
            document.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel return")
        )

    def action_open_receive(self):
        """Open the window in which tags are scanned."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Receive"),
            "res_model": "aftersales.return.receive",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_return_id": self.id},
        }
