from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tools import SQL


class AftersalesPurchaseComparisonLine(models.Model):
    """A part that is needed: from whom it was bought before, whose offer is taken, what arrived."""

    _name = "aftersales.purchase.comparison.line"
    _description = "Part needed"
    _inherit = "aftersales.approval.line.mixin"
    _approval_document = "comparison_id"
    _order = "comparison_id, id"
    _rec_name = "product_id"
    _check_company_auto = True

    comparison_id = fields.Many2one(
        "aftersales.purchase.comparison",
        "Comparison",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="comparison_id.company_id", store=True)
    currency_id = fields.Many2one(related="comparison_id.currency_id")
    product_id = fields.Many2one(
        "product.product",
        "Part",
        required=True,
        domain="[('type', '=', 'consu'), ('purchase_ok', '=', True), "
        "('company_id', 'in', (False, company_id))]",
        ondelete="restrict",
        check_company=True,
    )
    quantity = fields.Float(required=True, default=1, digits="Product Unit")
    uom_id = fields.Many2one(related="product_id.uom_id", string="Unit")
    note = fields.Char("Specification", help="Or a remark for the supplier.")
    previous_partner_id = fields.Many2one(
        "res.partner",
        "Previous supplier",
        compute="_compute_previous",
        store=True,
        help="Of the last confirmed order, or else the first in the product's list of vendors.",
    )
    previous_price = fields.Monetary(
        "Previous price",
        compute="_compute_previous",
        store=True,
        help="Per unit in the company's currency, net of the VAT that could be deducted.",
    )
    previous_date = fields.Date(
        "Previous order", compute="_compute_previous", store=True, help="Day of its confirmation."
    )
    price_ids = fields.One2many("aftersales.purchase.quote.line", "line_id", "Prices")
    supplier_count = fields.Integer(
        "Quotes",
        compute="_compute_supplier_count",
        help="Suppliers that quoted this part; each counts once.",
    )
    quote_id = fields.Many2one(
        "aftersales.purchase.quote",
        "Chosen",
        domain="[('comparison_id', '=', comparison_id)]",
        index="btree_not_null",
        copy=False,
        help="The supplier's quote that the part is bought by.",
    )
    supplier_id = fields.Many2one(related="quote_id.partner_id", string="Supplier")
    price = fields.Monetary(
        compute="_compute_price", store=True, help="Of the quote chosen, as quoted."
    )
    amount = fields.Monetary(compute="_compute_price", store=True)
    is_best = fields.Boolean(
        "Best price", compute="_compute_is_best", help="No other supplier is cheaper."
    )
    is_supplier_change = fields.Boolean(
        "Change of supplier",
        compute="_compute_is_supplier_change",
        store=True,
        help="The part was bought from another supplier before.",
    )
    purchase_line_ids = fields.One2many(
        "purchase.order.line",
        "aftersales_need_id",
        "Order lines",
        readonly=True,
        copy=False,
        groups="purchase.group_purchase_user",
    )
    order_name = fields.Char("Order", compute="_compute_arrival")
    order_state = fields.Selection(
        lambda self: self.env["purchase.order"]._fields["state"]._description_selection(self.env),
        "Status of the order",
        compute="_compute_arrival",
    )
    date_expected = fields.Datetime("Expected", compute="_compute_arrival")
    quantity_received = fields.Float("Received", compute="_compute_arrival", digits="Product Unit")
    arrival = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("partial", "In part"),
            ("complete", "All arrived"),
            ("short", "Too few"),
            ("excess", "Too many"),
            ("cancelled", "Cancelled"),
        ],
        compute="_compute_arrival",
        help="What was received against what was ordered; too few: the delivery is over, and not "
        "everything came.",
    )
    difference_ids = fields.One2many("aftersales.purchase.difference", "line_id", "Differences")

    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0)", "The quantity of each part has to be more than zero."
    )
    _product_uniq = models.Constraint(
        "UNIQUE(comparison_id, product_id)",
        "This part is already on the comparison: change its quantity there.",
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | self._get_derived_figures() | {"purchase_line_ids"}

    @api.constrains("quote_id", "comparison_id")
    def _check_quote_id(self):
        for line in self:
            if line.quote_id and line.quote_id.comparison_id != line.comparison_id:
                raise ValidationError(
                    self.env._("The quote of %s is on another comparison.", line.supplier_id.name)
                )

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.comparison_id._complete_prices()
        return lines

    @api.ondelete(at_uninstall=False)
    def _unlink_except_ordered(self):
        self.comparison_id._check_voidable()

    # --- previous purchase -----------------------------------------------------------------

    @api.depends("product_id", "company_id")
    def _compute_previous(self):
        for company, lines in self.grouped(
            lambda line: line.company_id or line.comparison_id.company_id
        ).items():
            previous = self._get_previous_purchases(company, lines.product_id._origin)
            for line in lines:
                partner, price, date = previous.get(line.product_id._origin, (False, 0, False))
                line.previous_partner_id = partner
                line.previous_price = price
                line.previous_date = date

    def _refresh_previous(self):
        """Look again from whom the parts were bought last."""
        for name in ("previous_partner_id", "previous_price", "previous_date"):
            self.env.add_to_compute(self._fields[name], self)

    @api.model
    def _get_previous_purchases(self, company, products):
        """Return {product: (supplier, net price per unit in the company's currency, date)}.

        Of the last confirmed order, or else of the first vendor in the product's list, without a
        date.
        """
        if not company or not products:
            return {}
        # sudo: from whom and for how much a part was bought is shown to those who compare
        env = self.sudo().env
        today = company._aftersales_local(fields.Datetime.now()).date()
        result = {}
        for seller in env["product.supplierinfo"].search(
            [
                ("product_tmpl_id", "in", products.product_tmpl_id.ids),
                ("product_id", "in", (False, *products.ids)),
                ("company_id", "in", (False, company.id)),
            ]
        ):
            if (seller.date_start or today) > today or (seller.date_end or today) < today:
                continue
            price = seller.currency_id._convert(
                seller.price_discounted, company.currency_id, company, today
            )
            for product in seller.product_id or seller.product_tmpl_id.product_variant_ids:
                result.setdefault(product.with_env(self.env), (seller.partner_id, price, False))
        for line in env["purchase.order.line"].browse(self._get_last_orders(company, products)):
            moment = line.order_id.date_approve
            price = line.order_id.currency_id._convert(
                line.price_subtotal / line.product_uom_qty, company.currency_id, company, moment
            )
            day = company._aftersales_local(moment).date()
            result[line.product_id.with_env(self.env)] = (line.partner_id, price, day)
        return result

    @api.model
    def _get_last_orders(self, company, products):
        """Return the ids of the order lines by which the products were bought last."""
        self.env["purchase.order"].flush_model(["company_id", "date_approve", "state"])
        self.env["purchase.order.line"].flush_model(["order_id", "product_id", "product_uom_qty"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (l.product_id) l.id
                  FROM purchase_order_line l
                  JOIN purchase_order o ON o.id = l.order_id
                 WHERE l.product_id IN %s
                   AND o.company_id = %s
                   AND o.state = 'purchase'
                   AND o.date_approve IS NOT NULL
                   AND l.product_uom_qty > 0
              ORDER BY l.product_id, o.date_approve DESC, l.id DESC
                """,
                products._ids,
                company.id,
            )
        )
        return [line_id for (line_id,) in rows]

    # --- choice ----------------------------------------------------------------------------

    @api.depends("price_ids.price", "price_ids.quote_id.commercial_partner_id")
    def _compute_supplier_count(self):
        # of all lines at once, or each would read its own
        self.price_ids.quote_id.fetch(["commercial_partner_id"])
        for line in self:
            quotes = line.price_ids.filtered("price").quote_id
            line.supplier_count = len(quotes.commercial_partner_id)

    def _get_offer(self):
        """Return the price that the chosen quote names for the part."""
        self.ensure_one()
        return self.price_ids.filtered(lambda price: price.quote_id == self.quote_id)[:1]

    @api.depends("quote_id", "quantity", "price_ids.price")
    def _compute_price(self):
        for line in self:
            line.price = line._get_offer().price
            amount = line.price * line.quantity
            line.amount = line.currency_id.round(amount) if line.currency_id else amount

    @api.depends("quote_id", "price_ids.cost")
    def _compute_is_best(self):
        for line in self:
            line.is_best = line._get_offer().is_best

    @api.depends("quote_id.commercial_partner_id", "previous_partner_id.commercial_partner_id")
    def _compute_is_supplier_change(self):
        for line in self:
            previous = line.previous_partner_id.commercial_partner_id
            chosen = line.quote_id.commercial_partner_id
            line.is_supplier_change = bool(previous and chosen) and previous != chosen

    def _prepare_order_line_vals(self):
        """Return the values of the order line: quantity, price and tax exactly as approved."""
        self.ensure_one()
        quote = self.quote_id
        return {
            "aftersales_need_id": self.id,
            "product_id": self.product_id.id,
            "product_qty": self.quantity,
            "product_uom_id": self.uom_id.id,
            "price_unit": quote._get_order_price(self.price, quote.tax_id),
            "discount": 0,
            "tax_ids": [Command.set(quote.tax_id.ids)],
            "date_planned": fields.Datetime.add(fields.Datetime.now(), days=quote.delay),
        }

    # --- arrival ---------------------------------------------------------------------------

    @api.depends(
        "quantity",
        "purchase_line_ids.state",
        "purchase_line_ids.date_planned",
        "purchase_line_ids.qty_received",
        "purchase_line_ids.move_ids.state",
    )
    def _compute_arrival(self):
        # sudo: whoever compares has no rights on orders and receipts, but sees what became of it
        for line in self.sudo():
            order_line = line.purchase_line_ids
            line.order_name = order_line.order_id.name
            line.order_state = order_line.state
            line.date_expected = order_line.date_planned
            line.quantity_received = order_line.qty_received
            line.arrival = order_line and line._get_arrival()

    def _get_arrival(self):
        self.ensure_one()
        order_line = self.purchase_line_ids
        gap = self.uom_id.compare(order_line.qty_received, order_line.product_qty)
        if order_line.state == "cancel" and not order_line.qty_received:
            return "cancelled"
        if gap > 0:
            return "excess"
        if not gap:
            return "complete"
        if order_line.move_ids and not order_line._is_arriving():
            return "short"
        return "partial" if order_line.qty_received else "waiting"

    def _note_differences(self):
        """Record what arrived otherwise than ordered, once nothing more is to come (M7).

        What is recorded counts: a difference that grows while it is open is corrected, one that
        grows after it was settled is recorded again for the rest.
        """
        model = self.env["aftersales.purchase.difference"]
        vals_list = []
        for line in self.filtered(lambda line: line.comparison_id.state == "ordered"):
            kind = line.arrival
            order_line = line.purchase_line_ids
            gap = abs(order_line.qty_received - order_line.product_qty)
            # nothing at all: the delivery was called off, not received with a difference
            if kind not in ("short", "excess") or not order_line.qty_received:
                continue
            noted = line.difference_ids.filtered(lambda d, kind=kind: d.kind == kind)
            opened = noted.filtered(lambda d: d.state == "open")[:1]
            rest = gap - sum((noted - opened).mapped("quantity"))
            if line.uom_id.compare(rest, 0) <= 0:
                continue
            if opened:
                opened.quantity = rest
            else:
                vals_list.append({"line_id": line.id, "kind": kind, "quantity": rest})
        return model.create(vals_list)
