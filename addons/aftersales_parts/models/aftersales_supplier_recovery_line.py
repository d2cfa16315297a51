from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesSupplierRecoveryLine(models.Model):
    """One used part, or a quantity of defective goods, for which a supplier is asked to pay."""

    _name = "aftersales.supplier.recovery.line"
    _description = "Line of a supplier recovery"
    _inherit = ["aftersales.reference.mixin", "aftersales.workflow.mixin"]
    _order = "recovery_id, id"
    _rec_name = "used_part_id"
    _check_company_auto = True

    recovery_id = fields.Many2one(
        "aftersales.supplier.recovery",
        "Supplier recovery",
        required=True,
        ondelete="cascade",
        index=True,
    )
    company_id = fields.Many2one(related="recovery_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(related="recovery_id.partner_id", store=True)
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Tag",
        ondelete="restrict",
        index="btree_not_null",
        check_company=True,
        help="The tag of a used part. Empty for defective goods, which go by quantity.",
    )
    return_line_id = fields.Many2one(
        "aftersales.return.line",
        "Defective goods",
        ondelete="restrict",
        index="btree_not_null",
        check_company=True,
        help="The line of the return with which they came.",
    )
    return_id = fields.Many2one(related="return_line_id.return_id")
    product_id = fields.Many2one(
        "product.product", "Part or product", compute="_compute_product_id", store=True
    )
    quantity = fields.Float(
        compute="_compute_quantity", store=True, readonly=False, digits="Product Unit"
    )
    is_back = fields.Boolean(
        "Came back",
        readonly=True,
        copy=False,
        help="The supplier refused it, and it was taken in again: that answer stays.",
    )
    serial = fields.Char(compute="_compute_serial")
    record_id = fields.Many2one(related="used_part_id.record_id")
    part_state = fields.Selection(related="used_part_id.state", string="Status of the part")
    machine_serial = fields.Char(related="used_part_id.machine_serial")
    amount_claimed = fields.Monetary(
        "Claimed",
        compute="_compute_amount_claimed",
        store=True,
        readonly=False,
        help="Proposed is the supplier's purchase price, or else the cost of the product. Without "
        "VAT.",
    )
    result = fields.Selection([("accepted", "Accepted"), ("refused", "Refused")], "Answer")
    amount_accepted = fields.Monetary(
        "Accepted", compute="_compute_amount_accepted", store=True, readonly=False
    )
    refusal_reason = fields.Char("Why refused")

    _used_part_claimed_uniq = models.UniqueIndex(
        "(used_part_id) WHERE result IS DISTINCT FROM 'refused'",
        "For each part one supplier at a time is asked to pay.",
    )
    _amount_claimed_positive = models.Constraint(
        "CHECK(amount_claimed >= 0)", "No less than nothing can be claimed."
    )

    _one_thing = models.Constraint(
        "CHECK(num_nonnulls(used_part_id, return_line_id) = 1)",
        "A line is about one tag, or about defective goods.",
    )
    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0 AND (used_part_id IS NULL OR quantity = 1))",
        "The quantity has to be more than zero; each tag is one piece.",
    )
    _return_line_uniq = models.Constraint(
        "UNIQUE(recovery_id, return_line_id)", "These goods are on the list already."
    )

    def _get_reference_fields(self):
        return {"recovery_id", "used_part_id", "return_line_id"}

    def _get_protected_fields(self):
        return self._get_derived_figures() | {"is_back"}

    @api.depends("used_part_id", "return_line_id")
    def _compute_product_id(self):
        for line in self:
            line.product_id = line.used_part_id.product_id or line.return_line_id.product_id

    @api.depends("used_part_id", "return_line_id")
    def _compute_serial(self):
        for line in self:
            line.serial = line.used_part_id.serial or line.return_line_id.serial

    @api.depends("used_part_id", "return_line_id")
    def _compute_quantity(self):
        for line in self:
            line.quantity = 1 if line.used_part_id else line.return_line_id.quantity_left

    @api.depends("used_part_id.name", "product_id.display_name")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.used_part_id.name or line.product_id.display_name

    @api.depends("product_id", "quantity", "recovery_id.partner_id")
    def _compute_amount_claimed(self):
        for (document, product), lines in self.grouped(
            lambda line: (line.recovery_id, line.product_id)
        ).items():
            price = product and document.company_id and self._get_price(document, product)
            for line in lines:
                line.amount_claimed = (price or 0) * line.quantity

    @api.model
    def _get_price(self, document, product):
        """Return the purchase price of ``product`` in the company's currency, or its cost."""
        company = document.company_id
        # sudo: quality claims by prices that it has no right to read in general
        product = product.sudo().with_company(company)
        seller = self._find_seller(product, document.partner_id.sudo())
        if not seller:
            return product.standard_price
        today = company._aftersales_local(fields.Datetime.now()).date()
        return seller.currency_id._convert(
            seller.price_discounted, company.currency_id, company, today
        )

    @api.model
    def _find_seller(self, product, partner):
        """Return the price for one piece of ``partner``, whichever of its contacts it is of."""
        company = partner.commercial_partner_id
        contacts = product.seller_ids.partner_id.filtered(
            lambda contact: contact.commercial_partner_id == company
        )
        for contact in (partner & contacts) | (company & contacts) | contacts:
            if seller := product._select_seller(partner_id=contact, quantity=1):
                return seller
        return self.env["product.supplierinfo"]

    @api.depends("result", "amount_claimed")
    def _compute_amount_accepted(self):
        for line in self:
            line.amount_accepted = line.result == "accepted" and (
                line.amount_accepted or line.amount_claimed
            )

    @api.constrains("used_part_id", "recovery_id")
    def _check_used_part_id(self):
        for line in self.filtered("used_part_id"):
            part = line.used_part_id
            supplier = line.recovery_id.partner_id.commercial_partner_id
            if part.result != "accepted" or part.state not in ("accepted", "supplier"):
                raise ValidationError(
                    self.env._(
                        "%s can't be claimed: only parts that were accepted and lie at the "
                        "factory, or are at the supplier already.",
                        part.name,
                    )
                )
            if part.state == "supplier" and part.supplier_id.commercial_partner_id != supplier:
                raise ValidationError(
                    self.env._(
                        "%(part)s was sent on to %(supplier)s.",
                        part=part.name,
                        supplier=part.supplier_id.display_name,
                    )
                )
            before = part.recovery_line_ids.filtered(
                lambda other, line=line, supplier=supplier: (
                    other != line and other.partner_id.commercial_partner_id == supplier
                )
            )
            if before:
                raise ValidationError(
                    self.env._(
                        "%(supplier)s was asked to pay for %(part)s already, by %(document)s.",
                        supplier=supplier.display_name,
                        part=part.name,
                        document=before[0].recovery_id.name,
                    )
                )

    @api.constrains("return_line_id", "quantity", "recovery_id")
    def _check_return_line_id(self):
        for line in self.filtered("return_line_id"):
            # what is sent already was checked then
            if line.recovery_id.state != "draft":
                continue
            goods = line.return_line_id
            others = goods.recovery_line_ids - line
            waiting = others.filtered(lambda other: other.recovery_id.state == "draft")
            left = goods.quantity_left - sum(waiting.mapped("quantity"))
            if goods.uom_id.compare(line.quantity, left) > 0:
                raise ValidationError(
                    self.env._(
                        "Of “%(product)s” on %(document)s, %(left)g are there that were accepted "
                        "and answered, and are on no other list.",
                        product=goods.display_name,
                        document=goods.return_id.name,
                        left=left,
                    )
                )

    @api.constrains("result", "amount_accepted", "refusal_reason")
    def _check_result(self):
        for line in self:
            currency = line.currency_id
            if (
                currency.compare_amounts(line.amount_accepted, 0) < 0
                or currency.compare_amounts(line.amount_accepted, line.amount_claimed) > 0
            ):
                raise ValidationError(
                    self.env._(
                        "%(part)s: between 0 and the %(claimed)s claimed can be accepted.",
                        part=line.display_name,
                        claimed=currency.format(line.amount_claimed),
                    )
                )
            if line.result == "refused" and not (line.refusal_reason or "").strip():
                raise ValidationError(
                    self.env._("Enter why the supplier refused %s.", line.display_name)
                )

    @api.model
    def _get_claim_fields(self):
        """Return the names of the fields that say what is claimed."""
        return {"recovery_id", "used_part_id", "return_line_id", "quantity", "amount_claimed"}

    @api.model
    def _get_answer_fields(self):
        """Return the names of the fields that hold the supplier's answer."""
        return {"result", "amount_accepted", "refusal_reason"}

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            # given empty, so that no default of the caller's takes their place
            empty = dict.fromkeys(self._get_answer_fields(), False)
            vals_list = [{**vals, **empty} for vals in vals_list]
        self.flush_model(["result"])  # the unique index leaves out what was refused
        lines = super().create(vals_list)
        lines._check_draft()
        return lines

    def write(self, vals):
        if not self.env.su:
            if self._get_changed_names(vals, self._get_claim_fields()):
                self._check_draft()
            if self._get_changed_names(vals, {"result"}) and any(self.mapped("is_back")):
                raise UserError(self.env._("What came back stays refused."))
            if self._get_changed_names(vals, self._get_answer_fields()):
                # afterwards the answer is what the list was closed and recovered by
                self.recovery_id._check_state("sent")
        result = super().write(vals)
        if "recovery_id" in vals:
            self._check_draft()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        self._check_draft()

    def _check_draft(self):
        if not self.env.su:
            self.recovery_id._check_state("draft")

    # --- defective goods -------------------------------------------------------------------

    def _send_goods(self):
        """Move the defective goods of one list to its supplier; role and state were checked."""
        if not self:
            return
        document = self.recovery_id
        # sudo: the move is exactly what the list says; quality has no rights on stock
        lines = self.sudo()
        lines.return_line_id._lock_left()
        lines._check_return_line_id()
        lines.return_line_id.return_id._check_undisputed()
        warehouse = lines.return_line_id._get_warehouse()
        partner = document.partner_id.with_company(document.company_id)
        lines.return_line_id._move_left(
            {line.return_line_id: line.quantity for line in lines},
            warehouse._get_defective_location(),
            partner.sudo().property_stock_supplier,
            warehouse.out_type_id,
            document.name,
            document.partner_id,
        )
        for line in lines:
            goods = line.return_line_id
            goods._write_protected({"quantity_disposed": goods.quantity_disposed + line.quantity})

    def action_take_back(self):
        """Take goods in that their supplier refused: to be scrapped, or for another one.

        :raises AccessError: neither quality nor logistics
        :raises UserError: used parts, which go by their tags; goods not refused, or there already
        """
        self.ensure_one()
        self.env["aftersales.return.line"]._check_inspector()
        self.check_access("read")
        # sudo: the move is exactly what happened; logistics only reads the lists
        line = self.sudo()
        line.return_line_id._lock_left()
        line.invalidate_recordset(["is_back", "result"])
        if not line.return_line_id or line.result != "refused" or line.is_back:
            raise UserError(
                self.env._(
                    "“%s” can't come back: only goods that the supplier refused do, once. Used "
                    "parts come back by their tags.",
                    line.display_name,
                )
            )
        document, goods = line.recovery_id, line.return_line_id
        warehouse = goods._get_warehouse()
        goods._move_left(
            {goods: line.quantity},
            document.partner_id.with_company(document.company_id).property_stock_supplier,
            warehouse._get_defective_location(),
            warehouse.in_type_id,
            document.name,
            document.partner_id,
        )
        goods._write_protected({"quantity_disposed": goods.quantity_disposed - line.quantity})
        line._write_protected({"is_back": True})
        document.message_post(
            body=self.env._(
                "Came back: %(quantity)g × %(product)s",
                quantity=line.quantity,
                product=line.display_name,
            )
        )
        return True
