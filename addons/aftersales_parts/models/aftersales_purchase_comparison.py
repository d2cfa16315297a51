from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_list

ACTIVITY_TYPE = "mail.mail_activity_data_todo"
CLERK = "aftersales_service.group_clerk"
MATRIX = "aftersales_parts.purchase_comparison_matrix"


class AftersalesPurchaseComparison(models.Model):
    """货比三家: parts needed, quotes side by side, the choice, its approval, orders, arrival (M7).

    The clerk compares, customer service approves, and the orders come out exactly as approved:
    once, and closed to changes (see `purchase.order`).
    """

    _name = "aftersales.purchase.comparison"
    _description = "Purchase comparison"
    _regulations = ("M7", "H11")
    _inherit = ["aftersales.retention.mixin", "aftersales.approval.mixin"]
    _sequence_code = "aftersales.purchase.comparison"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    is_urgent = fields.Boolean(
        "Urgent shortage",
        tracking=True,
        help="The part is missing right now: quotes are asked for by phone, and the order is "
        "marked urgent (M7).",
    )
    note = fields.Text("Remarks", help="What the parts are needed for.")
    line_ids = fields.One2many(
        "aftersales.purchase.comparison.line", "comparison_id", "Parts needed", copy=True
    )
    quote_ids = fields.One2many("aftersales.purchase.quote", "comparison_id", "Quotes", copy=False)
    supplier_count = fields.Integer(
        "Quotes compared",
        compute="_compute_supplier_count",
        help="How many suppliers quoted the part with the fewest quotes; a supplier counts once, "
        "however many quotes it gave.",
    )
    is_few_quotes = fields.Boolean(
        "Too few quotes",
        compute="_compute_supplier_count",
        help="Fewer suppliers quoted than the company's settings demand (M7).",
    )
    few_quotes_reason = fields.Text(
        "Reason for fewer quotes", copy=False, help="Such as: there is no other maker."
    )
    choice_reason = fields.Text(
        "Reason for the choice",
        copy=False,
        help="Why this is the best offer, all criteria taken together (M7).",
    )
    is_supplier_change = fields.Boolean(
        "Change of supplier", compute="_compute_is_supplier_change", store=True
    )
    supplier_changes = fields.Text(
        "Changes",
        compute="_compute_supplier_changes",
        help="The parts that were bought from another supplier before.",
    )
    supplier_change_reason = fields.Text(
        "Reason for the change of supplier",
        copy=False,
        help="The written request to change the supplier, which customer service reviews (M7).",
    )
    amount_freight = fields.Monetary(
        "Freight",
        compute="_compute_amount_total",
        store=True,
        help="What the chosen suppliers quoted as freight at our expense, VAT included.",
    )
    amount_total = fields.Monetary(
        "Total",
        compute="_compute_amount_total",
        store=True,
        help="What is to be paid for the parts chosen, with VAT and freight.",
    )
    matrix = fields.Html(
        "Comparison",
        compute="_compute_matrix",
        sanitize=False,
        help="Suppliers side by side. The best price is the lowest after deducting the VAT that a "
        "special VAT invoice lets us deduct.",
    )
    date_ordered = fields.Datetime("Ordered on", readonly=True, copy=False)
    order_ids = fields.One2many(
        "purchase.order",
        "aftersales_comparison_id",
        "Orders",
        readonly=True,
        copy=False,
        groups="purchase.group_purchase_user",
    )
    order_count = fields.Integer("Number of orders", compute="_compute_order_count")
    difference_ids = fields.One2many(
        "aftersales.purchase.difference", "comparison_id", "Arrival differences", copy=False
    )
    open_difference_count = fields.Integer(
        "Open arrival differences", compute="_compute_open_difference_count"
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("approved", "Approved"),
            ("ordered", "Ordered"),
            ("done", "Closed"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    # --- what is compared ------------------------------------------------------------------

    @api.depends("line_ids.supplier_count", "company_id.aftersales_min_quotes")
    def _compute_supplier_count(self):
        for comparison in self:
            counts = comparison.line_ids.mapped("supplier_count")
            # sudo: the figure of the settings is no secret
            minimum = comparison.company_id.sudo().aftersales_min_quotes
            comparison.supplier_count = min(counts, default=0)
            comparison.is_few_quotes = bool(counts) and comparison.supplier_count < minimum

    @api.depends("line_ids.is_supplier_change")
    def _compute_is_supplier_change(self):
        for comparison in self:
            comparison.is_supplier_change = any(comparison.line_ids.mapped("is_supplier_change"))

    @api.depends("line_ids.is_supplier_change", "line_ids.supplier_id")
    def _compute_supplier_changes(self):
        for comparison in self:
            comparison.supplier_changes = "\n".join(
                self.env._(
                    "%(part)s: %(old)s → %(new)s",
                    part=line.product_id.display_name,
                    old=line.previous_partner_id.display_name,
                    new=line.supplier_id.display_name,
                )
                for line in comparison.line_ids.filtered("is_supplier_change")
            )

    @api.depends("line_ids.amount", "line_ids.quote_id.freight")
    def _compute_amount_total(self):
        for comparison in self:
            lines = comparison.line_ids
            comparison.amount_freight = sum(lines.quote_id.mapped("freight"))
            comparison.amount_total = sum(lines.mapped("amount")) + comparison.amount_freight

    @api.depends(
        "line_ids.product_id",
        "line_ids.quantity",
        "line_ids.quote_id",
        "line_ids.previous_price",
        "quote_ids.partner_id",
        "quote_ids.date",
        "quote_ids.obtained",
        "quote_ids.contact",
        "quote_ids.evidence_name",
        "quote_ids.quality",
        "quote_ids.service",
        "quote_ids.payment_term_id",
        "quote_ids.transport",
        "quote_ids.delay",
        "quote_ids.freight",
        "quote_ids.freight_biller",
        "quote_ids.freight_tax_id",
        "quote_ids.invoice",
        "quote_ids.tax_id",
        "quote_ids.note",
        "quote_ids.price_ids.price",
    )
    @api.depends_context("lang")
    def _compute_matrix(self):
        for comparison in self:
            comparison.matrix = comparison.quote_ids and self.env["ir.qweb"]._render(
                MATRIX, {"doc": comparison, "offers": comparison._get_offers()}
            )

    def _get_offers(self):
        """Return the prices by need and quote: {line: {quote: price}}, without those of zero."""
        self.ensure_one()
        offers = {line._origin: {} for line in self.line_ids}
        for quote in self.quote_ids:
            for price in quote.price_ids.filtered("price"):
                if price.line_id._origin in offers:
                    offers[price.line_id._origin][quote] = price
        return offers

    def _complete_prices(self):
        """Give every quote a price for every part needed, zero until the supplier names one."""
        prices = self.quote_ids.price_ids
        known = {(price.quote_id, price.line_id) for price in prices}
        prices.create(
            [
                {"quote_id": quote.id, "line_id": line.id}
                for comparison in self
                for quote in comparison.quote_ids
                for line in comparison.line_ids
                if (quote, line) not in known
            ]
        )

    def action_add_quote(self):
        """Open the window in which a supplier's quote is recorded."""
        self.ensure_one()
        if not self.line_ids:
            raise UserError(self.env._("First enter the parts that are needed."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Quote"),
            "res_model": "aftersales.purchase.quote",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_comparison_id": self.id},
        }

    # --- approval --------------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "customer_service",
                "label": self.env._("Customer service"),
                "group": "aftersales_service.group_customer_service",
                "regulation": "M7",
            }
        ]

    def _get_approval_content(self):
        return {
            "company_id": None,
            "is_urgent": None,
            "note": None,
            "few_quotes_reason": None,
            "choice_reason": None,
            "supplier_change_reason": None,
            "line_ids": {
                "product_id": None,
                "quantity": None,
                "note": None,
                "quote_id": None,
                "previous_partner_id": None,
                "previous_price": None,
            },
            "quote_ids": {
                "partner_id": None,
                "date": None,
                "obtained": None,
                "contact": None,
                "evidence": None,
                "quality": None,
                "service": None,
                "payment_term_id": None,
                "transport": None,
                "delay": None,
                "freight": None,
                "freight_biller": None,
                "freight_tax_id": None,
                "invoice": None,
                "tax_id": None,
                "note": None,
                "price_ids": {"line_id": None, "price": None},
            },
        }

    def action_submit(self):
        # what was bought since the draft was made counts as the previous purchase, too
        for comparison in self.filtered(lambda c: c._is_submittable()):
            comparison.check_access("write")
            comparison.line_ids._refresh_previous()
        return super().action_submit()

    def _check_submit(self):
        self._check_group(CLERK)
        if not self.line_ids:
            raise UserError(self.env._("First enter the parts that are needed."))
        undecided = self.line_ids.filtered(lambda line: not line.price)
        if undecided:
            raise UserError(
                self.env._(
                    "Choose a supplier that quoted them for these parts: %s.",
                    format_list(self.env, undecided.product_id.mapped("display_name")),
                )
            )
        self.quote_ids.filtered(
            lambda quote: any(quote.price_ids.mapped("price"))
        )._check_complete()
        if self.is_few_quotes and not (self.few_quotes_reason or "").strip():
            raise UserError(
                self.env._(
                    "At least %(minimum)s suppliers have to be compared for each part (M7); there "
                    "are %(count)s. Record more quotes, or give the reason why there are fewer.",
                    minimum=self.company_id.sudo().aftersales_min_quotes,
                    count=self.supplier_count,
                )
            )
        if not (self.choice_reason or "").strip():
            raise UserError(self.env._("Give the reason for the choice."))
        if self.is_supplier_change and not (self.supplier_change_reason or "").strip():
            raise UserError(
                self.env._(
                    "Give the reason for the change of supplier (M7):\n%s", self.supplier_changes
                )
            )

    def _check_voidable(self):
        for comparison in self:
            if comparison.state in ("ordered", "done"):
                raise UserError(
                    self.env._(
                        "%s is ordered as it was approved, so it can't be changed any more.",
                        comparison.name,
                    )
                )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_ordered", "order_ids"}

    # --- orders ----------------------------------------------------------------------------

    @api.depends("order_ids")
    def _compute_order_count(self):
        # sudo: the clerk has no rights on purchase orders, but may know how many there are
        for comparison in self.sudo():
            comparison.order_count = len(comparison.order_ids)

    def action_order(self):
        """Create the requests for quotation, one per chosen supplier, exactly as approved (M7).

        Purchasing confirms and sends them.

        :raises UserError: not approved as it stands, or ordered already
        """
        for comparison in self:
            comparison._check_group(CLERK)
            comparison.check_access("write")
            comparison._lock_for_action()
            if comparison.state != "approved":
                raise UserError(
                    self.env._("%s is not approved, or was ordered already.", comparison.name)
                )
            comparison._check_approved()
            # sudo: whoever compares has no rights on purchase orders; what is ordered is exactly
            # what customer service approved
            orders = comparison.sudo()._create_orders()
            comparison._write_protected({"state": "ordered", "date_ordered": fields.Datetime.now()})
            comparison.message_post(
                body=self.env._("Ordered: %s", format_list(self.env, orders.mapped("name")))
            )
        return True

    def _create_orders(self):
        self.ensure_one()
        return (
            self.env["purchase.order"]
            .with_company(self.company_id)
            .create(
                [
                    self._prepare_order_vals(quote, lines)
                    for quote, lines in self.line_ids.grouped("quote_id").items()
                ]
            )
        )

    def _prepare_order_vals(self, quote, lines):
        self.ensure_one()
        return {
            "aftersales_comparison_id": self.id,
            "partner_id": quote.partner_id.id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "payment_term_id": quote.payment_term_id.id,
            # the taxes are those that the quote was compared with
            "fiscal_position_id": False,
            "origin": self.name,
            "priority": "1" if self.is_urgent else "0",
            "user_id": quote.partner_id.buyer_id.id,
            "note": self.env._("Transport: %s", quote.transport),
            "order_line": [
                Command.create(vals)
                for vals in (
                    *(line._prepare_order_line_vals() for line in lines),
                    *quote._prepare_freight_vals(),
                )
            ],
        }

    def action_view_orders(self):
        """Open the purchase orders; for users of the purchase application."""
        self.ensure_one()
        return self.order_ids._get_records_action(name=self.env._("Orders"))

    # --- arrival ---------------------------------------------------------------------------

    @api.depends("difference_ids.state")
    def _compute_open_difference_count(self):
        counts = dict(
            self.env["aftersales.purchase.difference"]._read_group(
                [("comparison_id", "in", self.ids), ("state", "=", "open")],
                ["comparison_id"],
                ["__count"],
            )
        )
        for comparison in self:
            comparison.open_difference_count = counts.get(comparison._origin, 0)

    def _ask_to_settle(self):
        """Ask whoever submitted it to settle open differences with the supplier, once."""
        # sudo: asked by whoever receives the goods, without rights on the comparison
        for comparison in self.sudo():
            asked = comparison.activity_search([ACTIVITY_TYPE])
            if not comparison.open_difference_count:
                asked.action_feedback()
            elif not asked:
                comparison.activity_schedule(
                    ACTIVITY_TYPE,
                    summary=self.env._("Settle arrival differences with the supplier"),
                    user_id=comparison.requester_id.id,
                )

    def action_done(self):
        """Close what has arrived, every difference being settled with the supplier (M7).

        :raises UserError: parts are on their way, or a difference is open
        """
        for comparison in self:
            comparison._check_group(CLERK)
            comparison.check_access("write")
            comparison._lock_for_action()
            if comparison.state != "ordered":
                raise UserError(self.env._("%s is not ordered.", comparison.name))
            comparison._check_arrived()
            comparison._write_protected({"state": "done"})
        return True

    def _check_arrived(self):
        self.ensure_one()
        waiting = self.line_ids.filtered(lambda line: line.arrival in ("waiting", "partial"))
        if waiting:
            raise UserError(
                self.env._(
                    "Not arrived in full yet: %s. Close the comparison after the last receipt.",
                    format_list(self.env, waiting.product_id.mapped("display_name")),
                )
            )
        unsettled = self.line_ids.filtered(
            lambda line: line.arrival in ("short", "excess") and not line.difference_ids
        )
        unsettled |= self.difference_ids.filtered(lambda d: d.state == "open").line_id
        if unsettled:
            raise UserError(
                self.env._(
                    "Differences at arrival have to be settled with the supplier first (M7): %s.",
                    format_list(self.env, unsettled.product_id.mapped("display_name")),
                )
            )

    def action_cancel(self, reason=None):
        """Cancel, with a reason; what is ordered only after its orders were cancelled."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the comparison is cancelled."))
        for comparison in self:
            comparison._check_group(CLERK)
            comparison.check_access("write")
            comparison._lock_for_action()
            # sudo: the clerk has no rights on purchase orders, but they decide
            orders = comparison.sudo().order_ids
            alive = orders.filtered(lambda order: order.state != "cancel")
            if comparison.state in ("done", "cancelled") or alive:
                raise UserError(
                    self.env._(
                        "%s can't be cancelled: it is closed, or its orders go on. Ask purchasing "
                        "to cancel them first.",
                        comparison.name,
                    )
                )
            if any(comparison.line_ids.mapped("quantity_received")):
                raise UserError(
                    self.env._("Parts of %s have arrived: close it instead.", comparison.name)
                )
            comparison._write_protected({"state": "cancelled", "approval_state": "draft"})
            comparison.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel the comparison")
        )

    # --- retention (H11) -------------------------------------------------------------------

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "approval_round", "date_ordered"]

    def _get_retention_start(self):
        # what was never submitted is a draft
        if not self.approval_round:
            return False
        return self._get_local_day(self.date_ordered or self.create_date)
