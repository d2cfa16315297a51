from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesCenterQuota(models.Model):
    """Value of parts that a service center may keep on deposit, proposed and approved (L3.3).

    The approved quota with the latest start is in force; an older one is never changed, so that
    it stays visible what was allowed when.
    """

    _name = "aftersales.center.quota"
    _description = "Parts quota"
    _regulations = ("L3.3",)
    _inherit = ["aftersales.network.mixin", "aftersales.approval.mixin"]
    _sequence_code = "aftersales.center.quota"
    _order = "date_from desc, id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        required=True,
        domain="[('is_service_center', '=', True)]",
        index=True,
        check_company=True,
        tracking=True,
    )
    region_id = fields.Many2one(related="center_id.aftersales_region_id", store=True)
    date_from = fields.Date(
        "Valid from",
        required=True,
        default=fields.Date.context_today,
        tracking=True,
        help="Until the next approved quota of the same service center begins.",
    )
    amount = fields.Monetary(
        "Quota",
        tracking=True,
        help="Value at wholesale prices, VAT included, of the parts that the center may keep on "
        "deposit; by the sales of the area that it covers.",
    )
    deposit_ratio = fields.Float(
        "Deposit ratio (%)",
        default=lambda self: self.env.company.aftersales_deposit_ratio,
        tracking=True,
        help="Per cent of the quota that the center pays as a deposit before it gets parts.",
    )
    deposit_required = fields.Monetary(
        "Deposit required", compute="_compute_deposit_required", store=True
    )
    deposit_balance = fields.Monetary("Deposit paid", compute="_compute_use")
    stock_value = fields.Monetary(
        "Parts on deposit",
        compute="_compute_use",
        help="What the center keeps of ours today, at wholesale prices; parts without a wholesale "
        "price are not counted here, but nothing is supplied until they have one.",
    )
    note = fields.Text("Reason", help="Why this quota: sales of the area, models in service.")
    line_ids = fields.One2many(
        "aftersales.center.quota.line", "quota_id", "First parts stock", copy=True
    )
    amount_lines = fields.Monetary(
        "First stock",
        compute="_compute_amount_lines",
        help="The first parts stock at the wholesale prices of today.",
    )
    picking_ids = fields.One2many("stock.picking", "aftersales_quota_id", "Transfers")
    supply_state = fields.Selection(
        [("none", "Not supplied"), ("open", "Being supplied"), ("done", "Supplied")],
        "First stock supplied",
        compute="_compute_supply_state",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Proposed"),
            ("approved", "Approved"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _amounts_positive = models.Constraint(
        "CHECK(amount >= 0 AND deposit_ratio >= 0)",
        "Neither the quota nor the deposit ratio can be negative.",
    )

    @api.depends("amount", "deposit_ratio", "currency_id")
    def _compute_deposit_required(self):
        for quota in self:
            required = quota.amount * quota.deposit_ratio / 100
            currency = quota.currency_id
            quota.deposit_required = currency.round(required) if currency else required

    @api.depends("center_id", "company_id")
    def _compute_use(self):
        for company, quotas in self.grouped("company_id").items():
            centers = quotas.center_id._origin._filter_aftersales_visible()
            balances = company._aftersales_get_deposit_balances(centers) if company else {}
            # sudo: only the value of centers that this user may see, without rights in stock
            values = centers.sudo()._get_deposit_stock_values(company)[0] if company else {}
            for quota in quotas:
                quota.deposit_balance = balances.get(quota.center_id._origin, 0)
                quota.stock_value = values.get(quota.center_id._origin, 0)

    @api.depends("line_ids.amount")
    def _compute_amount_lines(self):
        for quota in self:
            quota.amount_lines = sum(quota.line_ids.mapped("amount"))

    @api.depends("picking_ids.state")
    def _compute_supply_state(self):
        for quota in self:
            # sudo: whether the parts were sent is no secret to whoever sees the quota
            states = set(quota.sudo().picking_ids.mapped("state")) - {"cancel"}
            quota.supply_state = "none" if not states else "done" if states == {"done"} else "open"

    # --- approval (L3.3) -------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "customer_service",
                "label": self.env._("Customer service"),
                "group": "aftersales_service.group_customer_service",
                "regulation": "L3.3",
            }
        ]

    def _get_approval_content(self):
        return {
            "company_id": None,
            "center_id": None,
            "date_from": None,
            "amount": None,
            "deposit_ratio": None,
            "note": None,
            "line_ids": {"product_id": None, "quantity": None},
        }

    def _check_submit(self):
        if not self.env.user.has_group("aftersales_service.group_office_manager"):
            self._check_group("aftersales_service.group_customer_service")
        self.center_id._check_service_center()
        unpriced = self.line_ids.filtered(lambda line: not line.price_unit)
        if unpriced:
            raise UserError(self._get_unpriced_message(unpriced.product_id))
        if self.currency_id.compare_amounts(self.amount_lines, self.amount) > 0:
            raise UserError(
                self.env._(
                    "The first parts stock is worth %(lines)s at wholesale prices, more than the "
                    "quota of %(quota)s.",
                    lines=self.currency_id.format(self.amount_lines),
                    quota=self.currency_id.format(self.amount),
                )
            )

    @api.model
    def _get_unpriced_message(self, products):
        return self.env._(
            "No wholesale price today, so the value of these parts is unknown (M8.1):\n%s\nAdd "
            "them to the price list of the year.",
            "\n".join(f"• {product.display_name}" for product in products),
        )

    def _check_voidable(self):
        for quota in self:
            # sudo: transfers count, whether or not this user sees them
            if quota.state == "cancelled" or quota.sudo().picking_ids or quota._is_started():
                raise UserError(
                    self.env._(
                        "%s holds as it was approved. Propose a new quota instead; it takes over "
                        "on its day.",
                        quota.name,
                    )
                )

    def _is_started(self):
        """Tell whether the approved quota has come into force."""
        self.ensure_one()
        today = self.company_id._aftersales_local(fields.Datetime.now()).date()
        return self.state == "approved" and self.date_from <= today

    def action_cancel(self, reason=None):
        """Cancel a quota that is not in force yet, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the quota is cancelled."))
        if not self.env.user.has_group("aftersales_service.group_office_manager"):
            self._check_group("aftersales_service.group_customer_service")
        self.check_access("write")
        self._check_voidable()
        for quota in self:
            quota._write_protected({"state": "cancelled", "approval_state": "draft"})
            quota.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel quota")
        )

    # --- the quota in force ----------------------------------------------------------------

    @api.model
    def _get_in_force(self, centers, company, date=None):
        """Return {center: quota in force on ``date``}, of those that the current user may see.

        :param date date: in the company's time zone; default today
        """
        date = date or company._aftersales_local(fields.Datetime.now()).date()
        quotas = self.search(
            [
                ("center_id", "in", centers.ids),
                ("company_id", "=", company.id),
                ("state", "=", "approved"),
                ("date_from", "<=", date),
            ]
        )
        in_force = {}
        for quota in quotas:  # latest start first
            in_force.setdefault(quota.center_id, quota)
        return in_force

    # --- first supply ----------------------------------------------------------------------

    def action_supply(self):
        """Prepare the transfer of the first parts stock to the center, as the approved quota says.

        :raises UserError: not approved or not in force, supplied already, deposit not paid, or
            more than the quota
        """
        self.ensure_one()
        if not self.env.user.has_group("aftersales_service.group_logistics"):
            self._check_group("aftersales_service.group_clerk")
        self.check_access("read")
        # sudo: clerks and logistics supply what was approved, without rights on quota and stock
        quota = self.sudo()
        quota.lock_for_update(allow_referencing=True)
        quota._check_suppliable()
        quota._create_supply()
        return self.action_view_pickings()

    def _check_suppliable(self):
        self.ensure_one()
        self._check_approved()
        if self.center_id._get_parts_quota(self.company_id) != self:
            raise UserError(
                self.env._("%s is not in force today, so nothing is supplied by it.", self.name)
            )
        if not self.line_ids:
            raise UserError(self.env._("%s names no parts for the first stock.", self.name))
        live = self.picking_ids.filtered(lambda p: p.state != "cancel")
        if live:
            raise UserError(
                self.env._(
                    "The first stock of %(quota)s is already supplied by %(transfers)s.",
                    quota=self.name,
                    transfers=", ".join(live.mapped("name")),
                )
            )
        supply = {}
        for line in self.line_ids:
            supply[line.product_id] = supply.get(line.product_id, 0) + line.quantity
        self.center_id._check_parts_quota(self.company_id, supply)

    def _create_supply(self):
        picking = self.env["stock.picking"].create(self._prepare_supply_vals())
        picking.action_confirm()
        picking.action_assign()
        return picking

    def _prepare_supply_vals(self):
        self.ensure_one()
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        picking_type = warehouse.center_supply_type_id
        source = picking_type.default_location_src_id
        destination = self.center_id._get_deposit_location(self.company_id)
        return {
            "picking_type_id": picking_type.id,
            "partner_id": self.center_id.id,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": self.name,
            "company_id": self.company_id.id,
            "aftersales_quota_id": self.id,
            "move_ids": [
                fields.Command.create(
                    {
                        "product_id": line.product_id.id,
                        "product_uom": line.product_id.uom_id.id,
                        "product_uom_qty": line.quantity,
                        "location_id": source.id,
                        "location_dest_id": destination.id,
                        "company_id": self.company_id.id,
                    }
                )
                for line in self.line_ids
            ],
        }

    def action_view_pickings(self):
        """Open the transfers of the first parts stock; for users of the stock application."""
        self.ensure_one()
        if not self.env["stock.picking"].has_access("read"):
            return True
        return self.picking_ids._get_records_action(name=self.env._("First parts stock"))
