from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class AftersalesSwapLine(models.Model):
    """One used part, and the new part that the center gets for it."""

    _name = "aftersales.swap.line"
    _description = "Part swapped"
    _inherit = ["aftersales.reference.mixin", "aftersales.workflow.mixin"]
    _order = "swap_id, id"
    _rec_name = "tag"
    _check_company_auto = True

    swap_id = fields.Many2one(
        "aftersales.swap", "Swap", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="swap_id.company_id", store=True)
    center_id = fields.Many2one(related="swap_id.center_id", store=True)
    region_id = fields.Many2one(related="swap_id.region_id", store=True)
    state = fields.Selection(related="swap_id.state", store=True)
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Used part",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
        help="The tag of the part that the center gives.",
    )
    tag = fields.Char(related="used_part_id.name", store=True)
    old_product_id = fields.Many2one(related="used_part_id.product_id", string="Old part")
    product_id = fields.Many2one(
        "product.product",
        "New part",
        compute="_compute_product_id",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        domain=[("is_storable", "=", True)],
        ondelete="restrict",
        check_company=True,
        help="The same part, or another one of its class that replaces it; then the reason is "
        "needed. For a dearer part, or one of another class, customer service has to agree.",
    )
    reason = fields.Char(
        "Why another part", help="Needed when the new part isn't the same as the old one."
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    old_price = fields.Monetary(
        "Price of the old part",
        compute="_compute_prices",
        help="Wholesale price, VAT included, at the moment of the swap; until then today's.",
    )
    new_price = fields.Monetary(
        "Price of the new part",
        compute="_compute_prices",
        help="Wholesale price, VAT included, at the moment of the swap; until then today's.",
    )
    needs_approval = fields.Boolean(
        compute="_compute_needs_approval",
        help="The new part is dearer than the old one or of another class, and customer service "
        "has not agreed yet.",
    )
    approver_id = fields.Many2one(
        "res.users",
        "Agreed by",
        readonly=True,
        copy=False,
        help="Who agreed, for customer service, that a dearer part or one of another class is "
        "given.",
    )
    serial = fields.Char(
        "Serial of the new part", help="Needed when the part is kept by serial numbers."
    )
    tracking = fields.Selection(related="product_id.tracking")
    supply = fields.Selection(
        [("deposit", "Parts on deposit"), ("center", "The center's own")],
        "Becomes",
        compute="_compute_supply",
        help="What was fitted from the parts on deposit is put back there and stays the company's; "
        "for what the center had bought itself, it gets one as its own.",
    )

    _used_part_uniq = models.UniqueIndex(
        "(used_part_id) WHERE state <> 'cancelled'",
        "This used part is on another swap already. A tag is swapped once.",
    )

    @api.depends("used_part_id")
    def _compute_product_id(self):
        for line in self:
            line.product_id = line.used_part_id.product_id

    @api.depends("used_part_id")
    def _compute_supply(self):
        for line in self:
            # sudo: whoever sees the swap sees what becomes of the new part
            source = line.sudo().used_part_id.record_part_id.source
            line.supply = line.used_part_id and ("deposit" if source == "deposit" else "center")

    @api.depends("product_id", "used_part_id", "swap_id.date_done")
    def _compute_prices(self):
        self.old_price = self.new_price = 0
        # sudo: the wholesale prices of the parts on the swap, whose list only few may read
        for (company, moment), lines in (
            self.sudo().grouped(lambda line: (line.company_id, line.swap_id.date_done)).items()
        ):
            products = lines.product_id | lines.old_product_id
            if not products or not company.aftersales_pricelist_id:
                continue
            prices = company._aftersales_get_wholesale_prices(
                products._origin, moment or fields.Datetime.now()
            )
            for line in lines:
                line.old_price = prices.get(line.old_product_id._origin, (0,))[0]
                line.new_price = prices.get(line.product_id._origin, (0,))[0]

    @api.depends("product_id", "used_part_id", "approver_id", "old_price", "new_price")
    def _compute_needs_approval(self):
        for line in self:
            line.needs_approval = line._has_to_be_agreed() and not line.approver_id

    def _has_to_be_agreed(self):
        """Tell whether the new part is of another class, or dearer, than the old one."""
        self.ensure_one()
        return self._is_of_another_class() or self._is_dearer()

    def _is_dearer(self):
        """Tell whether the new part is another one, with a higher wholesale price."""
        self.ensure_one()
        return (
            self.product_id != self.old_product_id
            and self.currency_id.compare_amounts(self.new_price, self.old_price) > 0
        )

    def _is_of_another_class(self):
        """Tell whether the new part is another one than the old, and not of its class."""
        self.ensure_one()
        # sudo: whoever sees the swap sees the parts
        new, old = self.sudo().product_id, self.sudo().old_product_id
        own = old.part_class_id
        return bool(new and old) and new != old and (not own or new.part_class_id != own)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"approver_id"}

    def _get_reference_fields(self):
        return {"swap_id", "used_part_id"}

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create([self._strip_serial(vals) for vals in vals_list])
        lines._check_open()
        return lines

    @api.model
    def _strip_serial(self, vals):
        serial = vals.get("serial")
        return {**vals, "serial": serial.strip()} if isinstance(serial, str) else vals

    def write(self, vals):
        vals = self._strip_serial(vals)
        if self._get_changed_names(
            vals, {"swap_id", "used_part_id", "product_id", "reason", "serial"}
        ):
            self._check_open()
        # what was agreed to was these two parts
        changed = self._get_changed_names(vals, {"used_part_id", "product_id"})
        result = super().write(vals)
        if "swap_id" in vals or "used_part_id" in vals:
            self._check_open()
        if changed:
            self.filtered("approver_id")._write_protected({"approver_id": False})
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        self.swap_id._check_draft()

    def _check_open(self):
        """Raise an error unless the swaps are drafts, and the user may see the used parts."""
        self.swap_id._check_draft()
        if not self.env.su:
            self.swap_id.check_access("write")
            self.used_part_id.check_access("read")

    # --- a dearer part, or one of another class --------------------------------------------

    def action_approve(self):
        """Agree, for customer service, to dearer parts or parts of another class (L1.6).

        :raises AccessError: not customer service, or who entered the line himself
        :raises UserError: nothing waits for it
        """
        self._check_group("aftersales_service.group_customer_service")
        self.check_access("write")
        self.swap_id._check_draft()
        for line in self:
            if not line.needs_approval or not (line.reason or "").strip():
                raise UserError(
                    self.env._(
                        "%s: there is nothing to agree to, or the reason is missing.", line.tag
                    )
                )
            if self.env.user in line.create_uid | line.write_uid | line.swap_id.create_uid:
                raise AccessError(
                    self.env._(
                        "%s: you entered it yourself, so a colleague has to agree.", line.tag
                    )
                )
            line._write_protected({"approver_id": self.env.uid})
            line.swap_id.message_post(
                body=self.env._("Customer service agrees: %s", line._describe_exchange())
            )
        return True

    def _describe_exchange(self):
        """Return which part is given for which, why, and their wholesale prices, in words."""
        self.ensure_one()
        return self.env._(
            "%(tag)s: “%(new)s” (%(new_price)s) for “%(old)s” (%(old_price)s), because: %(reason)s",
            tag=self.tag,
            new=self.product_id.display_name,
            new_price=self.currency_id.format(self.new_price),
            old=self.old_product_id.display_name,
            old_price=self.currency_id.format(self.old_price),
            reason=self.reason or "–",
        )

    # --- what stands against it ------------------------------------------------------------

    def _get_obstacles(self):
        """Return what is wrong with the new parts, in words."""
        obstacles = []
        for line in self:
            if line.product_id != line.old_product_id and not (line.reason or "").strip():
                obstacles.append(
                    self.env._(
                        "%(tag)s: say why “%(new)s” is given for “%(old)s”.",
                        tag=line.tag,
                        new=line.product_id.display_name,
                        old=line.old_product_id.display_name,
                    )
                )
            elif line.needs_approval and not line._is_of_another_class():
                obstacles.append(
                    self.env._(
                        "%(tag)s: “%(new)s” is dearer than “%(old)s” (%(new_price)s for "
                        "%(old_price)s), so customer service has to agree first.",
                        tag=line.tag,
                        new=line.product_id.display_name,
                        old=line.old_product_id.display_name,
                        new_price=line.currency_id.format(line.new_price),
                        old_price=line.currency_id.format(line.old_price),
                    )
                )
            elif line.needs_approval:
                obstacles.append(
                    self.env._(
                        "%(tag)s: “%(new)s” is not of the class of “%(old)s”, so customer service "
                        "has to agree first.",
                        tag=line.tag,
                        new=line.product_id.display_name,
                        old=line.old_product_id.display_name,
                    )
                )
            elif line._has_to_be_agreed() and line.approver_id.id == self.env.uid:
                obstacles.append(
                    self.env._(
                        "%s: you agreed to it yourself, so a colleague has to swap.", line.tag
                    )
                )
            if line.product_id.tracking == "serial" and not line.serial:
                obstacles.append(
                    self.env._(
                        "%(tag)s: name the serial of the new “%(part)s”.",
                        tag=line.tag,
                        part=line.product_id.display_name,
                    )
                )
        return obstacles

    def _take_from_stock(self, location):
        """Return {line: {quant: 1}} of what lies free in ``location``.

        :raises UserError: something is not there
        """
        quants = self.env["stock.quant"].search(
            [("location_id", "child_of", location.id), ("product_id", "in", self.product_id.ids)],
            order="in_date, id",
        )
        rest = {quant: quant.available_quantity for quant in quants}
        taken, short = {}, []
        for line in self:
            own = quants.filtered(lambda quant, p=line.product_id: quant.product_id == p)
            if line.product_id.tracking == "serial":
                own = own.filtered(lambda quant, s=line.serial: quant.lot_id.name == s)
            taken[line] = line.swap_id._take(1, own, rest)
            if sum(taken[line].values()) < 1:
                short.append(f"• {line.tag}: {line.product_id.display_name} {line.serial or ''}")
        if short:
            raise UserError(
                self.env._(
                    "Not free in %(location)s, so nothing is swapped:\n%(parts)s\nTake these "
                    "lines off, or wait until the parts are there.",
                    location=location.display_name,
                    parts="\n".join(short),
                )
            )
        return taken
