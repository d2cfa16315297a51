from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesSwap(models.Model):
    """以旧换新: an office takes used parts from a center and gives it new ones for them (L1.6).

    What is said of offices goes for logistics partners, too.
    Both happen at once or not at all: no new part leaves without the old one.
    """

    _name = "aftersales.swap"
    _description = "Old-for-new swap"
    _regulations = ("L1.6", "L2.3", "L3.3", "H11")
    _inherit = [
        "aftersales.reference.mixin",
        "aftersales.retention.mixin",
        "aftersales.supply.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.swap"
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
        check_company=True,
        tracking=True,
        help="It gives the used parts and gets the new ones.",
    )
    region_id = fields.Many2one(related="center_id.aftersales_region_id", store=True)
    office_id = fields.Many2one(
        "res.partner",
        "Office",
        compute="_compute_office_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('aftersales_level', '=', 'office')]",
        check_company=True,
        help="Office or logistics partner: it takes the used parts, keeps them, and sends them to "
        "the factory with its monthly return (L2.3). Default: the one that answers for the "
        "center, or the office of its region.",
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        "From warehouse",
        required=True,
        default=lambda self: self._default_warehouse_id(),
        check_company=True,
        help="The new parts come from its stock.",
    )
    line_ids = fields.One2many("aftersales.swap.line", "swap_id", "Parts")
    line_count = fields.Integer("Pieces", compute="_compute_line_count")
    needs_approval = fields.Boolean(compute="_compute_needs_approval")
    picking_ids = fields.One2many("stock.picking", "aftersales_swap_id", "Transfers")
    date_done = fields.Datetime("Swapped on", readonly=True, copy=False)
    user_id = fields.Many2one("res.users", "Swapped by", readonly=True, copy=False)
    state = fields.Selection(
        [("draft", "Draft"), ("done", "Swapped"), ("cancelled", "Cancelled")],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    def _default_warehouse_id(self):
        # sudo: whoever swaps needn't have rights on stock
        return self.env["stock.warehouse"].sudo()._get_aftersales_warehouse(self.env.company)

    @api.depends("center_id")
    def _compute_office_id(self):
        for swap in self:
            swap.office_id = swap.center_id and swap.center_id._get_responsible_office()

    def _compute_line_count(self):
        counts = dict(
            self.env["aftersales.swap.line"]._read_group(
                [("swap_id", "in", self.ids)], ["swap_id"], ["__count"]
            )
        )
        for swap in self:
            swap.line_count = counts.get(swap, 0)

    @api.depends("line_ids.needs_approval")
    def _compute_needs_approval(self):
        for swap in self:
            swap.needs_approval = any(swap.line_ids.mapped("needs_approval"))

    @api.constrains("center_id")
    def _check_center(self):
        for swap in self:
            swap.center_id._check_service_center()

    @api.constrains("center_id", "office_id")
    def _check_office(self):
        for swap in self.filtered("office_id"):
            center = swap.center_id
            own = center._get_responsible_office() | center.aftersales_region_id.office_id
            if swap.office_id not in own:
                raise ValidationError(
                    self.env._(
                        "%(office)s is not the office of %(center)s, which swaps with the office "
                        "or logistics partner that answers for it, or the office of its region "
                        "(L1.6).",
                        office=swap.office_id.name,
                        center=center.name,
                    )
                )

    def write(self, vals):
        if self._get_changed_names(vals, {"center_id", "company_id"}):
            raise UserError(
                self.env._("A swap stays with its service center. Cancel it and write another one.")
            )
        if self._get_changed_names(vals, {"office_id", "warehouse_id"}):
            self._check_draft()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        if any(swap.state != "draft" for swap in self):
            raise UserError(self.env._("Only a draft swap can be deleted."))

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_done", "user_id", "picking_ids"}

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "date_done", "create_date"]

    def _get_retention_start(self):
        if self.state == "draft":
            return False
        return self._get_local_day(self.date_done or self.create_date)

    def _get_retained_with(self):
        return self.line_ids.used_part_id

    # --- flow ------------------------------------------------------------------------------

    def _check_role(self):
        roles = ("clerk", "logistics", "office_manager")
        if not any(self.env.user.has_group(f"aftersales_service.group_{role}") for role in roles):
            self._check_group("aftersales_service.group_clerk")

    def _check_draft(self):
        for swap in self:
            if swap.state != "draft":
                raise UserError(
                    self.env._("%s is swapped or cancelled, and stays as it is.", swap.name)
                )

    def action_collect(self):
        """Add every used part that the center keeps and that may be swapped."""
        self._check_role()
        for swap in self:
            swap.check_access("write")
            swap._check_draft()
            parts = self.env["aftersales.used.part"].search(
                [
                    ("keeper_id", "=", swap.center_id.id),
                    ("company_id", "=", swap.company_id.id),
                    ("state", "=", "held"),
                    ("swap_line_ids", "not any", [("state", "in", ("draft", "done"))]),
                ],
                order="name",
            )
            obstacles = parts._get_swap_obstacles(swap)
            swap.line_ids = [
                fields.Command.create({"used_part_id": part.id})
                for part in parts
                if part not in obstacles
            ]
        return True

    def action_done(self):
        """Take the used parts and give the new ones, in one transaction (L1.6).

        :raises UserError: a part can't be swapped, none is in stock, or the new parts would be
            more than the center's quota allows; then nothing has moved
        """
        self._check_role()
        for swap in self:
            swap.check_access("write")
            swap._lock_for_action()
            swap._check_draft()
            # sudo: parts and stock follow from the swap, on which its users have no rights
            swap.sudo()._swap()
            swap._write_protected(
                {
                    "state": "done",
                    "date_done": fields.Datetime.now(),
                    "user_id": self.env.uid,
                }
            )
            swap._tell_other_parts()
        return True

    def action_ask_approval(self):
        """Ask customer service to agree to dearer parts or parts of another class (L1.6)."""
        self.ensure_one()
        self._check_role()
        self.check_access("write")
        self._check_draft()
        lines = self.line_ids.filtered("needs_approval")
        if not lines:
            raise UserError(self.env._("Nothing of %s waits for customer service.", self.name))
        self._tell_customer_service(
            self.env._("Please agree to these parts, or tell what else to give:"), lines
        )
        return True

    def _tell_other_parts(self):
        """Tell customer service which other parts were given, at which wholesale prices."""
        if other := self.line_ids.filtered(lambda line: line.product_id != line.old_product_id):
            self._tell_customer_service(self.env._("Other parts than the old ones given:"), other)

    def _tell_customer_service(self, title, lines):
        # sudo: colleagues of the role are read to tell them
        group = self.env.ref("aftersales_service.group_customer_service").sudo()
        users = self.env["aftersales.deadline"].sudo()._get_group_users(group)
        own = users.filtered(lambda user: self.company_id in user.company_ids)
        self.message_post(
            body=Markup("<br/>").join([title, *(line._describe_exchange() for line in lines)]),
            partner_ids=own.partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )

    def _swap(self):
        self.ensure_one()
        if not self.line_ids:
            raise UserError(
                self.env._(
                    "%s names no used part, and no new part is given without an old one (L1.6).",
                    self.name,
                )
            )
        if not self.office_id:
            raise UserError(
                self.env._(
                    "%s has no office that could take the used parts. Name who answers for it, or "
                    "the office of its region.",
                    self.center_id.name,
                )
            )
        parts = self.line_ids.used_part_id
        parts._lock_in("held")
        self._check_parts()
        self._take_old()
        self._give_new()

    def _check_parts(self):
        """Raise UserError, naming them, if any of the parts can't be swapped."""
        obstacles = self.line_ids.used_part_id._get_swap_obstacles(self)
        sentences = [*obstacles.values(), *self.line_ids._get_obstacles()]
        if sentences:
            raise UserError(
                self.env._(
                    "%(swap)s can't be done:\n%(obstacles)s",
                    swap=self.name,
                    obstacles="\n".join(f"• {sentence}" for sentence in sentences),
                )
            )

    def _take_old(self):
        """Move the used parts from the center to the office, which keeps them from now on."""
        parts = self.line_ids.used_part_id
        location = self.office_id._get_used_part_location(self.company_id)
        parts._move_to(location, "swapped", origin=self.name, note=self.name)
        parts._write_protected({"keeper_id": self.office_id.id})
        for line in self.line_ids:
            line.used_part_id._write_protected({"swap_line_id": line.id})

    def _give_new(self):
        """Move the new parts out of the warehouse, to where those were that are in machines now."""
        stock = self.warehouse_id.lot_stock_id
        center = self.center_id.with_company(self.company_id)
        taken = self.line_ids._take_from_stock(stock)
        for kind, lines in self.line_ids.grouped("supply").items():
            destination = (
                center._get_deposit_location(self.company_id)
                if kind == "deposit"
                else center.property_stock_customer
            )
            self._supply(
                center,
                stock,
                destination,
                [(line.product_id, taken[line]) for line in lines],
                aftersales_swap_id=self.id,
            )

    def action_cancel(self, reason=None):
        """Cancel a swap that has not taken place, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the swap is cancelled."))
        self._check_role()
        for swap in self:
            swap.check_access("write")
            swap._lock_for_action()
            swap._check_draft()
            swap._write_protected({"state": "cancelled"})
            swap.message_post(body=self.env._("Cancelled: %s", reason))
        self.line_ids.flush_recordset(["state"])  # the unique index counts live ones
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_cancel", self.env._("Cancel swap"))

    # --- screens ---------------------------------------------------------------------------

    def action_view_pickings(self):
        """Open the transfers of the new parts; for users of the stock application."""
        self.ensure_one()
        return self.picking_ids._get_records_action(name=self.env._("Transfers"))

    def action_view_used_parts(self):
        """Open the used parts that were swapped."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_used_part")
        parts = self.line_ids.used_part_id
        return {**action, "domain": [("id", "in", parts.ids)], "context": {}}
