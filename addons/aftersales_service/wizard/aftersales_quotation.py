from odoo import api, fields, models
from odoo.tools import format_list


class AftersalesQuotation(models.TransientModel):
    """The plan of a service with its charges, before anything is done (H5, E6, H10).

    Whoever serves the request may quote: what is charged follows from the warranty, and prices
    from the price list.
    """

    _name = "aftersales.quotation"
    _description = "Quote a service"
    _regulations = ("L1.1", "R2", "E6", "H5", "H10")

    request_id = fields.Many2one("aftersales.request", required=True, readonly=True)
    partner_id = fields.Many2one(related="request_id.partner_id", related_sudo=False)
    card_id = fields.Many2one(related="request_id.card_id", related_sudo=False)
    currency_id = fields.Many2one(related="request_id.company_id.currency_id")
    caused_by_customer = fields.Boolean(help="Then the customer pays, whatever the card covers.")
    hours = fields.Float("Hour meter (h)", help="0: not known.")
    line_ids = fields.One2many("aftersales.quotation.line", "quotation_id", "Parts and services")
    warning = fields.Char(compute="_compute_amounts")
    amount_fee = fields.Monetary("Repair fee", compute="_compute_amounts")
    amount_tax = fields.Monetary("Taxes", compute="_compute_amounts")
    amount_total = fields.Monetary("Customer pays", compute="_compute_amounts")

    @api.depends("line_ids.product_id", "line_ids.quantity", "caused_by_customer", "hours")
    @api.depends_context("lang")
    def _compute_amounts(self):
        for quotation in self:
            order = quotation._get_planned_order()
            fees = order.order_line.filtered("is_repair_fee")
            free = (order.order_line - fees).filtered(
                lambda line: line.currency_id.is_zero(line.price_unit)
            )
            quotation.warning = bool(free) and self.env._(
                "%s: the price list says 0. Ask for the price before you quote.",
                format_list(self.env, free.product_id.mapped("display_name")),
            )
            quotation.amount_fee = quotation._to_company(order, sum(fees.mapped("price_subtotal")))
            quotation.amount_tax = quotation._to_company(order, order.amount_tax)
            quotation.amount_total = quotation._to_company(order, order.amount_total)

    def _get_planned_order(self):
        """Return the order that the lines would make, in memory."""
        self.ensure_one()
        request = self.request_id
        return self.env["sale.order"]._aftersales_new_charge(
            request.company_id, request.partner_id, self._prepare_entries()
        )

    def _to_company(self, order, amount):
        company = self.request_id.company_id
        today = fields.Date.context_today(self)
        return order.currency_id._convert(amount, company.currency_id, company, today)

    def _get_entitlements(self):
        """Return the entitlement of each product of the lines, for a service today."""
        company = self.request_id.company_id
        return self.card_id._get_service_entitlements(
            self.line_ids.product_id,
            company._aftersales_local(fields.Datetime.now()).date(),
            self.hours,
            self.caused_by_customer,
        )

    def _prepare_entries(self):
        """Return the lines that are charged, for `sale.order._aftersales_charge`."""
        entitlements = self._get_entitlements()
        return [
            {"product": product, "quantity": line.quantity, "repair_fee_rate": rate}
            for line in self.line_ids
            for product in line.product_id
            if (rate := self.card_id._get_charge_rate(product, entitlements[product])) is not None
        ]

    def action_confirm(self):
        """Write the quotation; it takes the place of one that nothing was charged with yet.

        :raises UserError: nothing is to be charged, or the earlier one is invoiced already
        """
        self.ensure_one()
        order = self.request_id._add_quotation(self._prepare_entries())
        if order.has_access("read"):
            return order._get_action_open()
        return {"type": "ir.actions.act_window_close"}
