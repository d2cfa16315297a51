from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import SQL, format_list

from .aftersales_settlement import AGREED_STATES, OPEN_STATES

VIEWERS = (
    "aftersales_service.group_user,account.group_account_invoice,account.group_account_readonly"
)


class ResPartner(models.Model):
    _inherit = "res.partner"

    used_part_location_id = fields.Many2one(
        "stock.location",
        "Used-part location",
        company_dependent=True,
        readonly=True,
        help="Where the used parts that this service center or office keeps are booked.",
    )
    used_part_held_count = fields.Integer(
        "Used parts held",
        compute="_compute_center_counts",
        search="_search_used_part_held_count",
        groups=VIEWERS,
    )
    settlement_open_amount = fields.Monetary(
        "Unsettled",
        compute="_compute_settlement_open_amount",
        groups=VIEWERS,
        help="What settlements that are not confirmed yet claim, or pay once they are audited.",
    )
    fapiao_missing_count = fields.Integer(
        "Fapiao missing",
        compute="_compute_center_counts",
        search="_search_fapiao_missing_count",
        groups=VIEWERS,
        help="Confirmed settlements for which the center's invoice is still to come.",
    )
    fapiao_missing_amount = fields.Monetary(
        "Amount without fapiao",
        compute="_compute_fapiao_missing_amount",
        groups=VIEWERS,
        help="Confirmed by settlements, for which the center's invoice is still to come: no fapiao "
        "is matched.",
    )
    fapiao_matched_amount = fields.Monetary(
        "Matched, not in the books",
        compute="_compute_fapiao_missing_amount",
        groups=VIEWERS,
        help="Fapiao that are matched to settlements and wait to be reconciled.",
    )
    fapiao_missing_due = fields.Monetary(
        "Fapiao not due yet",
        compute="_compute_fapiao_missing_amount",
        groups=VIEWERS,
        help="Within the working days that the settlement terms give for the invoice (M9.2).",
    )
    fapiao_missing_30 = fields.Monetary(
        "Up to 30 days late", compute="_compute_fapiao_missing_amount", groups=VIEWERS
    )
    fapiao_missing_60 = fields.Monetary(
        "31–60 days late", compute="_compute_fapiao_missing_amount", groups=VIEWERS
    )
    fapiao_missing_90 = fields.Monetary(
        "61–90 days late", compute="_compute_fapiao_missing_amount", groups=VIEWERS
    )
    fapiao_missing_older = fields.Monetary(
        "More than 90 days late", compute="_compute_fapiao_missing_amount", groups=VIEWERS
    )
    center_deposit_balance = fields.Monetary(
        "Deposit",
        compute="_compute_deposit_and_quota",
        groups=VIEWERS,
        help="What the center has paid as a deposit and not got back, by the books (L3.3).",
    )
    center_deposit_required = fields.Monetary(
        "Deposit required",
        compute="_compute_deposit_and_quota",
        groups=VIEWERS,
        help="By the parts quota that is in force today.",
    )
    parts_quota_amount = fields.Monetary(
        "Parts quota",
        compute="_compute_deposit_and_quota",
        groups=VIEWERS,
        help="Value of the parts that the center may keep on deposit today, at wholesale prices.",
    )
    deposit_stock_value = fields.Monetary(
        "Parts on deposit",
        compute="_compute_deposit_and_quota",
        groups=VIEWERS,
        help="Value of the company's parts that the center keeps, at today's wholesale prices.",
    )
    parts_quota_use = fields.Float(
        "Quota used (%)", compute="_compute_deposit_and_quota", groups=VIEWERS
    )

    # --- figures of a center (L3.6) --------------------------------------------------------

    @api.model
    def _get_central_groups(self):
        return [
            *super()._get_central_groups(),
            "account.group_account_invoice",
            "account.group_account_readonly",
        ]

    @api.model
    def _get_center_counters(self):
        return {
            **super()._get_center_counters(),
            "used_part_held_count": (
                "aftersales.used.part",
                "keeper_id",
                [("state", "=", "held")],
            ),
            "fapiao_missing_count": (
                "aftersales.settlement",
                "center_id",
                self._get_fapiao_missing_domain(),
            ),
        }

    def _search_used_part_held_count(self, operator, value):
        return self._search_center_count("used_part_held_count", operator, value)

    def _search_fapiao_missing_count(self, operator, value):
        return self._search_center_count("fapiao_missing_count", operator, value)

    @api.depends_context("uid", "company")
    def _compute_settlement_open_amount(self):
        amounts = {}
        for center, state, claimed, payable in self.env["aftersales.settlement"]._read_group(
            [
                ("center_id", "in", self.ids),
                ("company_id", "=", self.env.company.id),
                ("state", "in", OPEN_STATES),
            ],
            ["center_id", "state"],
            ["amount_claimed:sum", "amount_payable:sum"],
        ):
            amount = claimed if state in ("draft", "submitted") else payable
            amounts[center] = amounts.get(center, 0) + amount
        for partner in self:
            partner.settlement_open_amount = amounts.get(partner._origin, 0)

    @api.model
    def _get_fapiao_missing_domain(self):
        """Return the domain of the settlements that a center has to invoice yet (M9.2)."""
        return [("state", "in", ("confirmed", "posted")), ("direction", "=", "payable")]

    @api.model
    def _get_fapiao_ages(self):
        """Return [(field, most days late, or None)] of the amounts by age, from young to old."""
        return [
            ("fapiao_missing_due", 0),
            ("fapiao_missing_30", 30),
            ("fapiao_missing_60", 60),
            ("fapiao_missing_90", 90),
            ("fapiao_missing_older", None),
        ]

    @api.depends_context("uid", "company")
    def _compute_fapiao_missing_amount(self):
        ages = self._get_fapiao_ages()
        company = self.env.company
        today = company._aftersales_today()
        domain = [("center_id", "in", self.ids), ("company_id", "=", company.id)]
        settlements = self.env["aftersales.settlement"].search_fetch(
            [*domain, *self._get_fapiao_missing_domain()],
            ["center_id", "amount_difference", "date_invoice_due"],
        )
        # sudo: of settlements that this user may see, only the sums of their matches are read
        visible = self.env["aftersales.settlement"]._search(
            [*domain, ("direction", "=", "payable")]
        )
        matched = dict(
            self.env["aftersales.fapiao.match"]
            .sudo()
            ._read_group(
                [("settlement_id", "in", visible), ("fapiao_id.bill_id", "=", False)],
                ["center_id"],
                ["amount:sum"],
            )
        )
        amounts = {}
        for settlement in settlements:
            due = settlement.date_invoice_due
            late = (today - company._aftersales_local(due).date()).days if due else 0
            name = next(name for name, most in ages if most is None or late <= most)
            key = settlement.center_id, name
            amounts[key] = amounts.get(key, 0) + settlement.amount_difference
        for partner in self:
            own = {name: amounts.get((partner._origin, name), 0) for name, _most in ages}
            partner.update(
                {
                    **own,
                    "fapiao_missing_amount": sum(own.values()),
                    "fapiao_matched_amount": matched.get(partner._origin, 0),
                }
            )

    @api.depends_context("uid", "company")
    def _compute_deposit_and_quota(self):
        company = self.env.company
        # sudo: the company's settings and figures of centers that this user may see, without
        # rights in accounting and stock
        centers = self._origin.filtered("is_service_center")._filter_aftersales_visible().sudo()
        balances = company.sudo()._aftersales_get_deposit_balances(centers)
        values, _unpriced = centers._get_deposit_stock_values(company.sudo())
        quotas = centers.env["aftersales.center.quota"]._get_in_force(centers, company)
        for partner in self:
            center = partner._origin
            quota = quotas.get(center)
            value = values.get(center, 0)
            partner.center_deposit_balance = balances.get(center, 0)
            partner.center_deposit_required = quota.deposit_required if quota else 0
            partner.parts_quota_amount = quota.amount if quota else 0
            partner.deposit_stock_value = value
            partner.parts_quota_use = 100 * value / quota.amount if quota and quota.amount else 0

    # --- becoming and ceasing to be a center (L3.1) ----------------------------------------

    def _establish_service_center(self, application):
        result = super()._establish_service_center(application)
        company = application.company_id
        self._get_used_part_location(company)
        self._get_deposit_location(company)
        if company.aftersales_pricelist_id:
            self.with_company(company).property_product_pricelist = company.aftersales_pricelist_id
        self._propose_quota(application)
        self._expect_deposit(application)
        return result

    def _propose_quota(self, application):
        """Draft the parts quota of the application, unless the center has one already (L3.3)."""
        quotas = self.env["aftersales.center.quota"]
        company = application.company_id
        domain = [
            ("center_id", "=", self.id),
            ("company_id", "=", company.id),
            ("state", "!=", "cancelled"),
        ]
        if application.stock_amount and not quotas.search_count(domain, limit=1):
            vals = {
                "center_id": self.id,
                "company_id": company.id,
                "amount": application.stock_amount,
                "deposit_ratio": company.aftersales_deposit_ratio,
                "note": self.env._("From the application %s.", application.name),
            }
            if application.deposit_amount:
                vals["deposit_ratio"] = 100 * application.deposit_amount / application.stock_amount
            # the office proposed it with its application; whoever pressed the button may decide
            author = application.requester_id
            quotas.with_user(author).sudo().with_company(company).create(vals)

    def _expect_deposit(self, application):
        """Draft the receipt of the application's deposit, unless there is one already (L3.3)."""
        deposits = self.env["aftersales.deposit"]
        company = application.company_id
        domain = [("center_id", "=", self.id), ("company_id", "=", company.id)]
        expected = deposits.search_count([*domain, ("state", "=", "draft")], limit=1)
        paid = company._aftersales_get_deposit_balances(self)
        if application.deposit_amount and not (expected or paid):
            deposits.with_company(company).create(
                {
                    "center_id": self.id,
                    "company_id": company.id,
                    "amount": application.deposit_amount,
                    "memo": self.env._("From the application %s.", application.name),
                }
            )

    def _get_center_obstacles(self, company):
        obstacles = super()._get_center_obstacles(company)
        # sudo: what this user doesn't see keeps the center open all the same
        center, company = self.sudo(), company.sudo()
        return (
            obstacles
            + center._get_used_part_obstacles(company)
            + center._get_charge_obstacles(company)
            + center._get_return_obstacles(company)
            + center._get_settlement_obstacles(company)
            + center._get_money_obstacles(company)
        )

    def _get_used_part_obstacles(self, company):
        obstacles = []
        in_company = [("company_id", "=", company.id)]
        domain = [("center_id", "child_of", self.id), *in_company]
        # those swapped with the office are no longer the center's affair
        kept = [("keeper_id", "child_of", self.id), *in_company]
        parts = self.env["aftersales.used.part"]
        counts = dict(
            parts._read_group([*kept, ("state", "in", ("held", "shipped"))], ["state"], ["__count"])
        )
        if held := counts.get("held"):
            obstacles.append(self.env._("Used parts still kept at the center: %s", held))
        if shipped := counts.get("shipped"):
            obstacles.append(self.env._("Used parts on their way: %s", shipped))
        settled = self.env["aftersales.settlement.line"].search_fetch(domain, ["used_part_id"])
        claimable = [*domain, *parts._get_claimable_domain()]
        if unlisted := parts.search_count([*claimable, ("id", "not in", settled.used_part_id.ids)]):
            obstacles.append(self.env._("Used parts that are on no settlement yet: %s", unlisted))
        closed = settled.filtered(
            lambda line: (
                line.result in ("missing", "deducted") and line.settlement_id.state in AGREED_STATES
            )
        )
        late = (closed.used_part_id - (settled - closed).used_part_id).filtered(
            lambda part: part.result == "accepted" and part._is_claimable() and part._is_covered()
        )
        if late:
            obstacles.append(
                self.env._("Used parts accepted later that are not paid yet: %s", len(late))
            )
        return obstacles

    def _get_charge_obstacles(self, company):
        """Return what is not settled yet of the company's own parts that didn't come back."""
        parts = self.env["aftersales.used.part"]
        kept = [("keeper_id", "child_of", self.id), ("company_id", "=", company.id)]
        obstacles = []
        if owed := parts.search_count([*kept, ("charge_state", "=", "to_charge")]):
            obstacles.append(self.env._("Parts of ours that are to be charged: %s", owed))
        drafts = [("charge_line_id.parent_state", "=", "draft")]
        if drafted := parts.search_count([*kept, ("charge_state", "=", "charged"), *drafts]):
            obstacles.append(self.env._("Parts of ours on draft invoices: %s", drafted))
        if over := parts.search_count([*kept, ("charge_state", "=", "to_credit")]):
            obstacles.append(self.env._("Parts charged that are no longer owed: %s", over))
        return obstacles

    def _get_return_obstacles(self, company):
        documents = self.env["aftersales.return"].search(
            [
                ("center_id", "child_of", self.id),
                ("company_id", "=", company.id),
                ("state", "not in", ("done", "cancelled")),
            ]
        )
        if not documents:
            return []
        return [
            self.env._(
                "Returns that are not answered yet: %s",
                format_list(self.env, documents.mapped("name")),
            )
        ]

    def _get_settlement_obstacles(self, company):
        settlements = self.env["aftersales.settlement"].search(
            [
                ("center_id", "child_of", self.id),
                ("company_id", "=", company.id),
                ("state", "not in", ("reconciled", "forfeited", "cancelled")),
            ]
        )
        obstacles = []
        confirmed = settlements.filtered(lambda s: s.state in AGREED_STATES)
        if unsettled := settlements - confirmed:
            obstacles.append(
                self.env._(
                    "Settlements not confirmed yet: %s",
                    format_list(self.env, unsettled.mapped("name")),
                )
            )
        if confirmed:
            obstacles.append(
                self.env._(
                    "Settlements whose fapiao is missing: %(names)s (%(amount)s)",
                    names=format_list(self.env, confirmed.mapped("name")),
                    amount=company.currency_id.format(sum(confirmed.mapped("amount_payable"))),
                )
            )
        return obstacles

    def _get_money_obstacles(self, company):
        obstacles = []
        currency = company.currency_id
        values, unpriced = self._get_deposit_stock_values(company)
        quantity = sum(sum(parts.values()) for parts in self._get_deposit_stock(company).values())
        if values.get(self) or unpriced:
            obstacles.append(
                self.env._(
                    "Parts on deposit still at the center: %(quantity)g pieces worth %(value)s",
                    quantity=quantity,
                    value=currency.format(values.get(self, 0)),
                )
            )
        if balance := company._aftersales_get_deposit_balances(self).get(self):
            obstacles.append(self.env._("Deposit not refunded yet: %s", currency.format(balance)))
        groups = self.env["account.move.line"]._read_group(
            [
                ("partner_id", "child_of", self.id),
                ("company_id", "=", company.id),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
                "|",
                ("account_type", "=", "asset_receivable"),
                # what waits for fapiao is named with its settlement
                "&",
                ("account_type", "=", "liability_payable"),
                ("move_id.aftersales_settlement_id", "=", False),
            ],
            ["account_type"],
            ["amount_residual:sum", "move_id:count_distinct"],
        )
        for account_type, amount, count in groups:
            if account_type == "asset_receivable":
                text = self.env._(
                    "Open on its receivable account: %(amount)s in %(count)s documents",
                    amount=currency.format(amount),
                    count=count,
                )
            else:
                text = self.env._(
                    "Open on its payable account: %(amount)s in %(count)s documents",
                    amount=currency.format(amount),
                    count=count,
                )
            obstacles.append(text)
        return obstacles

    # --- locations -------------------------------------------------------------------------

    def _get_used_part_location(self, company):
        """Return where a center, office or logistics partner keeps used parts, created when it is
        first needed.

        :raises UserError: the partner is none of them, or the company has no warehouse
        """
        self.ensure_one()
        office = self.filtered(lambda partner: partner.aftersales_level == "office")
        keeper = (self._get_service_center() or office or self.commercial_partner_id).with_company(
            company
        )
        if not keeper.used_part_location_id:
            if keeper != office:
                keeper._check_service_center()
            keeper.used_part_location_id = keeper._create_center_location(company, keeper.name)
        keeper._revive_center_location(keeper.used_part_location_id)
        return keeper.used_part_location_id

    def _may_keep_used_parts(self):
        """Tell whether it keeps used parts and returns goods: service centers do, and the offices
        and logistics partners that collect from them (L1.6, L2.3)."""
        return self.is_service_center or self.aftersales_level == "office"

    def _keeps_used_parts(self):
        """Tell whether it keeps used parts today: an office, or a center that isn't closed."""
        self.ensure_one()
        center = self._get_service_center()
        return self.aftersales_level == "office" or bool(center and center.center_state != "closed")

    def _get_deposit_location(self, company):
        """Return the center's location for parts on deposit, created when it is first needed.

        :raises UserError: the partner is no service center, or the company has no warehouse
        """
        self.ensure_one()
        location = self._find_deposit_location(company)
        self._revive_center_location(location)
        if not location:
            self._check_service_center()
        return location or self._create_center_location(
            company, self.env._("%s: parts on deposit", self.name), deposit_center_id=self.id
        )

    def _find_deposit_location(self, company):
        """Return the center's location for parts on deposit, or none."""
        # sudo: which location it is, is decided by the quota, not by rights in stock
        locations = self.env["stock.location"].sudo().with_context(active_test=False)
        domain = [("deposit_center_id", "in", self.ids), ("company_id", "=", company.id)]
        return locations.search(domain, limit=1)

    def _get_service_center(self):
        """Return the service center that the partner is or belongs to, or none."""
        company = self.commercial_partner_id
        return (self | company).filtered("is_service_center")[:1]

    def _check_service_center(self):
        """Raise UserError unless the partner is a service center."""
        self.ensure_one()
        if not self.is_service_center:
            raise UserError(
                self.env._(
                    "%s is no service center, so it has neither parts nor a deposit of ours.",
                    self.display_name,
                )
            )

    def _create_center_location(self, company, name, **vals):
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(company)
        if not warehouse:
            raise UserError(
                self.env._("%s needs a warehouse before parts can be kept.", company.name)
            )
        location = self.env["stock.location"].create(
            {
                "name": name,
                "location_id": warehouse.service_center_loc_id.id,
                "usage": "internal",
                "company_id": company.id,
                **vals,
            }
        )
        # what the center's users may see in stock is remembered with the record rules
        self.env.registry.clear_cache()
        return location

    def _get_network_fields(self):
        # what people of the center see in stock, and where their used parts go, follows from it
        return super()._get_network_fields() | {"used_part_location_id"}

    def _revive_center_location(self, location):
        """Take a location that was archived with its warehouse over to the present one."""
        # sudo: which location it is was decided before; whoever asks may have no rights on stock
        location = location.sudo()
        if location and not location.active:
            warehouses = self.env["stock.warehouse"].sudo()
            warehouse = warehouses._get_aftersales_warehouse(location.company_id)
            location.write({"location_id": warehouse.service_center_loc_id.id, "active": True})

    def _get_own_locations(self):
        """Return the locations of the keepers that the partner is or has, for record rules.

        That is where their used parts and the parts on deposit with them lie, in the companies
        that the user works with.
        """
        # sudo: where the own things lie is no secret
        partners = self.sudo().with_context(active_test=False)
        keepers = partners.search(
            [
                ("id", "child_of", self.ids),
                "|",
                ("is_service_center", "=", True),
                ("aftersales_level", "=", "office"),
            ]
        )
        locations = partners.env["stock.location"].search(
            [("deposit_center_id", "in", keepers.ids)]
        )
        for company in self.env.companies:
            locations |= keepers.with_company(company).used_part_location_id
        return locations

    # --- deposit and quota (L3.3) ----------------------------------------------------------

    def _lock_aftersales_stock_account(self):
        """Let nobody else post deposits of these centers or move their parts until this is done.

        :raises UserError: somebody else is just doing so
        """
        centers = self.sudo()  # sudo: a lock changes nothing of the partner
        try:
            centers.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody else is entering a deposit or moving parts of %s this very moment. "
                    "Try again when that is done.",
                    format_list(self.env, centers.mapped("name")),
                )
            ) from error
        if centers:
            # A lock alone would let a transaction that began before ours count by what it saw
            # then. A new version of the row makes it start again, with our figures.
            self.env.cr.execute(
                SQL("UPDATE res_partner SET write_date = write_date WHERE id IN %s", centers._ids)
            )

    def _get_parts_quota(self, company, date=None):
        """Return the parts quota of the center in force on ``date``, or none (L3.3).

        :param date date: in the company's time zone; default today
        """
        quotas = self.env["aftersales.center.quota"]
        return quotas._get_in_force(self, company, date).get(self, quotas)

    def _get_deposit_stock(self, company):
        """Return {center: {part: quantity}} of the company's parts that the centers keep."""
        locations = self.env["stock.location"].search(
            [("deposit_center_id", "in", self.ids), ("company_id", "=", company.id)]
        )
        stock = {}
        if not locations:
            return stock
        centers = {location.id: location.deposit_center_id for location in locations}
        for location, product, quantity in self.env["stock.quant"]._read_group(
            [("location_id", "child_of", locations.ids)],
            ["location_id", "product_id"],
            ["quantity:sum"],
        ):
            ids = (int(part) for part in location.parent_path.split("/") if part)
            center = next(centers[id_] for id_ in ids if id_ in centers)
            parts = stock.setdefault(center, {})
            parts[product] = parts.get(product, 0) + quantity
        return stock

    def _get_deposit_stock_values(self, company):
        """Return ({center: value of its parts on deposit}, parts without a wholesale price).

        The value is in the company's currency, at today's wholesale prices, VAT included.
        """
        stock = self._get_deposit_stock(company)
        products = self.env["product.product"].union(
            *(p for parts in stock.values() for p in parts)
        )
        prices = {}
        if products and company.aftersales_pricelist_id:
            prices = company._aftersales_get_wholesale_prices(products, fields.Datetime.now())
        values = {
            center: company.currency_id.round(
                sum(
                    prices[product][0] * quantity
                    for product, quantity in parts.items()
                    if product in prices
                )
            )
            for center, parts in stock.items()
        }
        return values, products.filtered(lambda p: p not in prices)

    def _check_parts_quota(self, company, supply=None):
        """Raise UserError unless the center may keep what it has and ``supply`` on deposit (L3.3).

        Its value at today's wholesale prices has to be within the quota in force, and the deposit
        that the quota requires has to be paid.

        :param dict supply: product → quantity in the product's unit, on top of what is there
        """
        self.ensure_one()
        # sudo: every part, the quota and the deposit count, whatever this user may see
        center, company = self.sudo(), company.sudo()
        if center.center_state != "active":
            raise UserError(
                self.env._("%s is no active service center, so it gets no parts.", center.name)
            )
        quota = center._get_parts_quota(company)
        if not quota:
            raise UserError(
                self.env._(
                    "%s has no approved parts quota today, so it gets no parts on deposit (L3.3).",
                    center.name,
                )
            )
        currency = company.currency_id
        balance = company._aftersales_get_deposit_balances(center).get(center, 0)
        if currency.compare_amounts(balance, quota.deposit_required) < 0:
            raise UserError(
                self.env._(
                    "%(center)s has paid a deposit of %(paid)s; its quota %(quota)s requires "
                    "%(required)s, so %(missing)s is missing before it gets parts (L3.3).",
                    center=center.name,
                    paid=currency.format(balance),
                    quota=quota.name,
                    required=currency.format(quota.deposit_required),
                    missing=currency.format(quota.deposit_required - balance),
                )
            )
        values, unpriced = center._get_deposit_stock_values(company)
        value = values.get(center, 0)
        if supply:
            products = self.env["product.product"].union(*supply)
            prices = company._aftersales_get_wholesale_prices(products, fields.Datetime.now())
            unpriced |= products.filtered(lambda p: p not in prices)
            value += sum(prices[p][0] * qty for p, qty in supply.items() if p in prices)
        if unpriced:
            raise UserError(quota._get_unpriced_message(unpriced))
        if currency.compare_amounts(value, quota.amount) > 0:
            raise UserError(
                self.env._(
                    "%(center)s would keep parts worth %(value)s on deposit, %(excess)s more than "
                    "its quota %(quota)s of %(amount)s allows (L3.3).",
                    center=center.name,
                    value=currency.format(value),
                    excess=currency.format(value - quota.amount),
                    quota=quota.name,
                    amount=currency.format(quota.amount),
                )
            )

    # --- screens ---------------------------------------------------------------------------

    def action_view_used_parts_held(self):
        """Open the used parts that the center keeps."""
        action = self._action_view_of_center("aftersales_parts.action_used_part")
        domain = [("keeper_id", "=", self.id), ("state", "=", "held")]
        return {**action, "domain": domain, "context": {}}

    def action_view_settlements(self):
        """Open the settlements of the center."""
        return self._action_view_of_center("aftersales_parts.action_settlement")

    def action_view_fapiao_missing(self):
        """Open the settlements for which the center's invoice is missing."""
        return self._action_view_of_center(
            "aftersales_parts.action_settlement", self._get_fapiao_missing_domain()
        )

    def action_view_deposits(self):
        """Open the deposit ledger of the center."""
        return self._action_view_of_center("aftersales_parts.action_deposit")

    def action_view_quotas(self):
        """Open the parts quotas of the center."""
        return self._action_view_of_center("aftersales_parts.action_center_quota")

    def _action_view_of_center(self, xmlid, domain=()):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return {
            **action,
            "domain": [("center_id", "=", self.id), *domain],
            "context": {"default_center_id": self.id},
        }
