from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesSwapLine(models.Model):
    """One used part, and the new part that the center gets for it."""

    _name = "aftersales.swap.line"
    _description = "Part swapped"
    _inherit = "aftersales.workflow.mixin"
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
        help="The same part, or one that replaces it; then the reason is needed.",
    )
    reason = fields.Char(
        "Why another part", help="Needed when the new part isn't the same as the old one."
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
        result = super().write(vals)
        if "swap_id" in vals or "used_part_id" in vals:
            self._check_open()
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
