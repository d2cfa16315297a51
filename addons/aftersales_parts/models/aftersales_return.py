from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_list


class AftersalesReturn(models.Model):
    """返厂单: what a center sends back in a month, approved, shipped, received (L2.3–L2.8)."""

    _name = "aftersales.return"
    _description = "Return"
    _regulations = ("L1.3", "L2.3", "L2.4", "L2.5", "L2.6", "L2.7", "L2.8", "H11")
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
        "Service center",
        required=True,
        domain="[('is_service_center', '=', True)]",
        index=True,
        tracking=True,
        check_company=True,
        default=lambda self: self._default_center_id(),
    )
    region_id = fields.Many2one(related="center_id.aftersales_region_id", store=True)
    complaint_id = fields.Many2one(
        "aftersales.complaint",
        "Complaint",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The complaint by which a whole batch goes back, at any time (L1.3, L2.7).",
    )
    product_id = fields.Many2one("product.product", "Faulty goods", check_company=True)
    quantity = fields.Float("Quantity announced", digits="Product Unit")
    quantity_received = fields.Float(
        "Quantity received",
        compute="_compute_quantity_received",
        digits="Product Unit",
        help="On a difference, what was received counts (L2.8).",
    )
    month = fields.Date(
        "Month (first day)",
        required=True,
        default=lambda self: fields.Date.context_today(self).replace(day=1),
        help="The month in which the goods are returned; one return per month (L2.6).",
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
    period = fields.Char("Month", compute="_compute_period")
    line_ids = fields.One2many("aftersales.return.line", "return_id", "Used parts")
    line_count = fields.Integer("Tags", compute="_compute_counts")
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
    date_shipped = fields.Datetime("Shipped on", readonly=True, copy=False)
    date_received = fields.Datetime("Arrived", readonly=True, copy=False)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Applied"),
            ("approved", "Approved"),
            ("shipped", "Shipped"),
            ("received", "Received"),
            ("verified", "Verified"),
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
        "(company_id, center_id, month) WHERE state <> 'cancelled' AND complaint_id IS NULL",
        "This service center already has a return in this month: a center returns once a month "
        "(L2.6). Add to that one while it is a draft, or wait for next month.",
    )

    _complaint_uniq = models.UniqueIndex(
        "(complaint_id) WHERE state <> 'cancelled'", "The batch is being returned already."
    )
    _quantity_positive = models.Constraint(
        "CHECK(quantity >= 0)", "The quantity can't be negative."
    )

    def _default_center_id(self):
        center = self.env.user.commercial_partner_id
        return center if center.is_service_center else False

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

    @api.depends("picking_id.move_ids.quantity", "picking_id.state")
    def _compute_quantity_received(self):
        for document in self:
            # sudo: whoever reads the return may know what arrived
            moves = document.sudo().picking_id.move_ids
            document.quantity_received = document.complaint_id and sum(
                move.quantity for move in moves if move.state == "done"
            )

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
                self.env._("A return stays with its service center. Cancel it and make a new one.")
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
            "date_shipped",
            "date_received",
        }

    # --- deadlines (L2.8, L2.10) -----------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id

    # --- approval (L2.4) -------------------------------------------------------------------

    def _get_approval_steps(self):
        if self.complaint_id:
            return [
                {
                    "code": "special",
                    "label": self.env._("Special approval by customer service"),
                    "group": "aftersales_service.group_customer_service",
                    "regulation": "L2.7",
                }
            ]
        return [
            {
                "code": "appraisal",
                "label": self.env._("Office or regional manager"),
                "group": "aftersales_service.group_office_manager",
                "regulation": "L2.4",
            },
            {
                "code": "customer_service",
                "label": self.env._("Customer service"),
                "group": "aftersales_service.group_customer_service",
                "regulation": "L2.4",
            },
        ]

    def _get_approval_content(self):
        return {
            "center_id": None,
            "month": None,
            "freight_payer": None,
            "reason": None,
            "complaint_id": None,
            "product_id": None,
            "quantity": None,
            "line_ids": {"used_part_id": None},
        }

    def _check_submit(self):
        if self.complaint_id:
            if not self.product_id or not self.quantity or self.line_ids:
                raise UserError(
                    self.env._(
                        "Enter product and quantity of the batch that goes back; used parts are "
                        "returned apart."
                    )
                )
            return
        if not self.line_ids:
            raise UserError(self.env._("%s is empty. Press “Collect used parts” first.", self.name))
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
            # sudo: the center ships without rights on stock; the transfer is exactly what was
            # approved.
            document.sudo()._ship()
        return True

    def _ship(self):
        self.ensure_one()
        parts = self.line_ids.used_part_id
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        if self.complaint_id:
            picking = self.env["stock.picking"].create(self._prepare_goods_picking_vals(warehouse))
        else:
            picking = parts._create_picking(
                warehouse.used_part_return_type_id,
                self.center_id._get_used_part_location(self.company_id),
                warehouse.used_part_loc_id,
                self.name,
            )
        picking.action_confirm()
        parts._write_protected({"state": "shipped"})
        self._write_protected(
            {
                "state": "shipped",
                "picking_id": picking.id,
                "date_shipped": fields.Datetime.now(),
            }
        )

    def _prepare_goods_picking_vals(self, warehouse):
        """Return the receipt of a faulty batch, kept apart from goods that can be sold."""
        source = self.center_id.property_stock_customer
        destination = warehouse.used_part_loc_id
        return {
            "picking_type_id": warehouse.in_type_id.id,
            "partner_id": self.center_id.id,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": self.name,
            "company_id": self.company_id.id,
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

    @api.model
    def _get_batches(self, pickings):
        """Return the returns of faulty batches that ``pickings`` receive."""
        return self.search([("picking_id", "in", pickings.ids), ("complaint_id", "!=", False)])

    def _note_goods_received(self):
        """Note that a batch arrived; what was received counts, whatever was announced (L2.8)."""
        for document in self:
            document._write_protected({"state": "received", "date_received": fields.Datetime.now()})
            document._deadline_event("arrived")
            document.message_post(
                body=self.env._(
                    "Received %(received)s of %(announced)s.",
                    received=document.quantity_received,
                    announced=document.quantity,
                )
            )

    def action_receive(self, tags):
        """Receive exactly the scanned tags; what was not scanned stays as backorder (L2.8).

        :param tags: list of tag numbers
        :raises UserError: not approved (L2.5), not on its way, or a tag that isn't on it
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self._check_approved()
        pending = self.line_ids.filtered(lambda line: not line.is_received)
        if not self.picking_id or not pending:
            raise UserError(self.env._("Nothing of %s is on its way.", self.name))
        numbers = [tag.strip() for tag in tags if tag.strip()]
        repeated = sorted({n for n in numbers if numbers.count(n) > 1})
        if repeated:
            raise UserError(
                self.env._("Scanned more than once: %s", format_list(self.env, repeated))
            )
        by_number = {line.used_part_id.name: line for line in self.line_ids}
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
        if not numbers:
            raise UserError(self.env._("No tag was scanned."))
        lines = self.env["aftersales.return.line"].union(*(by_number[n] for n in numbers))
        again = lines - pending
        if again:
            raise UserError(
                self.env._(
                    "Already received: %s",
                    format_list(self.env, again.used_part_id.mapped("name")),
                )
            )
        # sudo: logistics receives by tag; the transfer belongs to this return alone.
        self.sudo()._receive(lines.sudo(), (pending - lines).sudo())
        return True

    def _receive(self, lines, missing):
        """Move what arrived into the factory's location, and what didn't to the backorder."""
        picking = self.backorder_id or self.picking_id
        if picking.state in ("done", "cancel"):
            raise UserError(
                self.env._(
                    "The transfer %s is done or cancelled already. Ask the stock manager what "
                    "happened to the goods.",
                    picking.name,
                )
            )
        lots = lines.used_part_id.lot_id
        for move_line in picking.move_line_ids:
            move_line.picked = move_line.lot_id in lots
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
        lines._write_protected({"is_received": True, "is_missing": 0})
        missing._write_protected({"is_missing": 1})
        lines.used_part_id._write_protected({"state": "received"})
        self._write_protected(
            {
                "state": "received",
                "backorder_id": backorder.id,
                "date_received": fields.Datetime.now(),
            }
        )
        self._deadline_event("arrived")
        self.message_post(
            body=self.env._(
                "Received %(received)s of %(announced)s tags. Missing: %(missing)s",
                announced=len(self.line_ids),
                received=len(self.line_ids.filtered("is_received")),
                missing=format_list(self.env, missing.used_part_id.mapped("name"))
                or self.env._("none"),
            )
        )

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
            received = document.line_ids.filtered(lambda line: line.part_state == "received")
            for line in received:
                # sudo: quality and logistics decide on the line; the tag follows.
                line.used_part_id.sudo()._write_protected(
                    {
                        "state": "deducted" if line.deduction_reason_id else "accepted",
                        "deduction_reason_id": line.deduction_reason_id.id,
                    }
                )
            document._write_protected({"state": "verified"})
            document._deadline_event("verified")
            # with this, the sender sees what was accepted and what was not, and why
            document._deadline_event("answered")
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
