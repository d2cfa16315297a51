from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_list


class AftersalesReturnLine(models.Model):
    """One tag, or a quantity of defective goods, on a return.

    What was announced, shipped, received and accepted is kept apart (L2.8).
    """

    _name = "aftersales.return.line"
    _description = "Return line"
    _inherit = "aftersales.approval.line.mixin"
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
    serial = fields.Char("Serial number", help="Of defective goods that have one.")
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
    verdict = fields.Selection(
        [("accept", "Accept"), ("deduct", "Deduct"), ("reject", "Reject")],
        "Inspection",
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
    note = fields.Char("Inspector's note", copy=False)
    inspector_id = fields.Many2one("res.users", "Inspected by", readonly=True, copy=False)
    record_id = fields.Many2one(related="used_part_id.record_id", string="Service record")
    part_state = fields.Selection(related="used_part_id.state", string="Status of the part")
    is_open = fields.Boolean(compute="_compute_is_open", store=True)
    is_received = fields.Boolean("Received", readonly=True, copy=False)
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

    @api.depends("return_id.state")
    def _compute_is_open(self):
        for line in self:
            line.is_open = line.return_id.state not in ("verified", "done", "cancelled")

    def _get_protected_fields(self):
        return (
            super()._get_protected_fields()
            | self._get_derived_figures()
            | {
                "is_received",
                "is_missing",
                "quantity_shipped",
                "quantity_received",
                "inspector_id",
            }
        )

    @api.model
    def _get_inspection_fields(self):
        """Return the names of the fields that the inspection enters."""
        return {"verdict", "deduction_reason_id", "quantity_refused", "note"}

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

    @api.constrains("used_part_id", "return_id")
    def _check_used_part_id(self):
        for line in self.filtered("used_part_id"):
            part = line.used_part_id
            if part.center_id != line.return_id.center_id:
                raise UserError(
                    self.env._(
                        "%(tag)s belongs to %(owner)s, not to %(center)s.",
                        tag=part.name,
                        owner=part.center_id.name,
                        center=line.return_id.center_id.name,
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
        gone = self.used_part_id.filtered(lambda p: p.state != "held")
        if gone:
            raise UserError(
                self.env._(
                    "Not at the service center any more: %s. Take them off the return.",
                    format_list(self.env, gone.mapped("name")),
                )
            )

    @api.depends("used_part_id.name", "product_id.display_name")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.used_part_id.name or line.product_id.display_name

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            entered = self._get_inspection_fields()
            vals_list = [
                {name: value for name, value in vals.items() if name not in entered}
                for vals in vals_list
            ]
        return super().create(vals_list)

    def write(self, vals):
        if self._get_inspection_fields() & vals.keys() and not self.env.su:
            if not self.env.user.has_group("aftersales_service.group_quality"):
                self._check_group("aftersales_service.group_logistics")
            if any(not line._is_inspectable() for line in self):
                raise UserError(
                    self.env._("Deductions are entered after receipt and before verification.")
                )
        return super().write(vals)

    def _is_awaited(self):
        """Tell whether what was shipped may still arrive."""
        self.ensure_one()
        return not self.is_received and self.part_state in (False, "shipped")

    def _is_inspectable(self):
        """Tell whether the piece lies before the inspector: received and not verified yet."""
        self.ensure_one()
        if self.used_part_id:
            return self.part_state == "received"
        return self.is_received and self.return_id.state == "received"

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

    # --- transfers of defective goods ------------------------------------------------------

    def _create_receipt(self, warehouse):
        """Return the receipt of these goods, waiting to be counted."""
        picking = self.env["stock.picking"].create(self._prepare_receipt_vals(warehouse))
        picking.action_confirm()
        return picking

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
        move = self.move_ids.filtered(lambda move: move.state not in ("done", "cancel"))
        move.quantity = quantity
        move.picked = True
