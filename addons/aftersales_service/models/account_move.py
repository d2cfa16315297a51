from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_list


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "aftersales.given.mixin"]

    aftersales_request_ids = fields.Many2many(
        "aftersales.request",
        string="Service requests",
        compute="_compute_aftersales_request_ids",
        store=True,
        copy=False,
        groups="aftersales_service.group_user",
        help="The services charged here, also when the lines of their orders were deleted and "
        "typed anew. No more may be charged than their customers agreed to (H7).",
    )

    @api.depends("invoice_line_ids.sale_line_ids.order_id.aftersales_request_id")
    def _compute_aftersales_request_ids(self):
        for move in self:
            orders = move.invoice_line_ids.sale_line_ids.order_id
            move.aftersales_request_ids |= orders.aftersales_request_id

    @api.model_create_multi
    def create(self, vals_list):
        self._check_requests_given(any(vals.get("aftersales_request_ids") for vals in vals_list))
        return super().create(vals_list)

    def write(self, vals):
        self._check_requests_given("aftersales_request_ids" in vals)
        if not vals.keys() & {"state", "move_type", "partner_id", "currency_id"}:
            return super().write(vals)
        before = self._get_charged_amounts()
        result = super().write(vals)
        self._check_agreed(before)
        return result

    def copy(self, default=None):
        copies = super().copy(default)
        for move, copied in zip(self.sudo(), copies.sudo(), strict=True):
            # sudo: a copy charges the same, or takes it back, whoever makes it
            copied.aftersales_request_ids |= move.aftersales_request_ids
        return copies

    def _post(self, soft=True):
        posted = super()._post(soft=soft)
        posted.filtered(lambda move: move.move_type == "out_refund")._close_refunded_cards()
        return posted

    def _get_given_fields(self):
        return {"aftersales_request_ids"}

    # --- consent (H5, H7) ------------------------------------------------------------------

    def _check_requests_given(self, given):
        """Raise AccessError if a user says which service is charged: it follows from the lines."""
        if given and not self.env.su:
            raise AccessError(
                self.env._("Which service an invoice charges follows from the orders on it.")
            )

    def _get_charged_amounts(self):
        """Return what is invoiced by now for each service that is charged here; a dict."""
        # sudo: accountants need no rights on requests
        return self.sudo().aftersales_request_ids._get_invoiced_amounts()

    def _check_agreed(self, before):
        """Raise UserError if more is charged for a service than its customer agreed to (H7).

        :param dict before: see `_get_charged_amounts`; what lowers the charge is never refused
        """
        for request, amount in self._get_charged_amounts().items():
            if request.currency_id.compare_amounts(amount, before.get(request, 0)) > 0:
                request._check_agreed(amount, self._get_agreed_hint(request))

    def _get_agreed_hint(self, request):
        """Return what to do about lines that don't belong to the orders of ``request``."""
        # sudo: as above
        moves = self.sudo().filtered(
            lambda move: request in move.aftersales_request_ids
            and any(
                request not in line.sale_line_ids.order_id.aftersales_request_id
                for line in move.invoice_line_ids
                if line.display_type == "product"
            )
        )
        if not moves:
            return ""
        return self.env._(
            "What belongs to no order on %s, or exceeds the other orders, counts as well: put what "
            "isn't charged for the service on an invoice of its own.",
            format_list(self.env, moves.mapped("display_name")),
        )

    def _get_service_charge(self, request):
        """Return what is charged for ``request``, taxes included, and its currency.

        Everything, less the lines of other orders, as far as what these come to. On a credit note
        with such lines, the rest counts as far as it did on the invoice that it reverses.

        :return: a pair; the amount of a credit note is negative
        """
        self.ensure_one()
        if not self.is_sale_document(include_receipts=True):
            # no kind of entry lowers what the customer pays but a credit note
            owed = self.line_ids.filtered(
                lambda line: line.account_type in ("asset_receivable", "liability_payable")
            )
            return max(sum(owed.mapped("balance")), 0), self.company_currency_id
        own, rest = self._split_service_amount(request)
        if self.move_type == "out_refund" and rest > 0 and self._get_foreign_lines(request):
            reversed_move = self.reversed_entry_id
            charged = request in reversed_move.aftersales_request_ids
            rest = min(rest, reversed_move._split_service_amount(request)[1]) if charged else 0
        return -self.direction_sign * (own + rest), self.currency_id

    def _split_service_amount(self, request):
        """Return the total of the lines of ``request``, and what belongs to no order."""
        foreign = self._get_foreign_lines(request)
        if not foreign:
            return self.amount_total, 0
        linked = self.invoice_line_ids.filtered("sale_line_ids")
        rest = self.amount_total - self._get_total_of(linked)
        # more than other orders come to isn't theirs
        rest += max(self._get_total_of(foreign) - self._get_orders_total(foreign), 0)
        return self._get_total_of(linked - foreign), max(self.currency_id.round(rest), 0)

    def _get_orders_total(self, lines):
        """Return what the orders of ``lines`` come to, in the currency of the invoice."""
        day = self.invoice_date or fields.Date.context_today(self)
        return sum(
            order.currency_id._convert(
                order.amount_total, self.currency_id, self.company_id, day, round=False
            )
            for order in lines.sale_line_ids.order_id
        )

    def _get_foreign_lines(self, request):
        """Return the lines that belong to orders, but to none of ``request``."""
        return self.invoice_line_ids.filtered(
            lambda line: line.sale_line_ids
            and request not in line.sale_line_ids.order_id.aftersales_request_id
        )

    def _get_total_of(self, lines):
        """Return the total of ``lines`` as if they were alone on the invoice."""
        taxes = self.env["account.tax"]
        company = self.company_id
        base_lines = [
            self._prepare_product_base_line_for_taxes_computation(line)
            for line in lines
            if line.display_type == "product"
        ]
        taxes._add_tax_details_in_base_lines(base_lines, company)
        taxes._round_base_lines_tax_details(base_lines, company)
        return taxes._get_tax_totals_summary(base_lines, self.currency_id, company)[
            "total_amount_currency"
        ]

    def _check_service_open(self):
        """Raise UserError if one of these is posted and charges a service (H7)."""
        # sudo: as above
        if moves := self.sudo().filtered(
            lambda move: move.state == "posted" and move.aftersales_request_ids
        ):
            raise UserError(
                self.env._(
                    "%s charges a service. Reset it to draft before you change its amounts, so "
                    "that they are compared with what the customer agreed to.",
                    format_list(self.env, moves.mapped("display_name")),
                )
            )

    # --- cards (E6) ------------------------------------------------------------------------

    def _close_refunded_cards(self):
        """Close the cards of units that these posted credit notes take back (E6).

        A sales order line is taken back when neither quantity nor amount remains of all that was
        posted on it, an invoice when its credit notes reach its amount. A credit note for some
        units of a line can't say which: customer service is asked. One that only lowers the price
        changes nothing.
        """
        # sudo: accountants need no rights on cards
        refunds = self.sudo()
        sale_lines = refunds.invoice_line_ids.sale_line_ids
        invoices = refunds.reversed_entry_id
        if not sale_lines and not invoices:
            return
        cards = refunds.env["aftersales.warranty.card"].search(
            [
                ("state", "=", "open"),
                "|",
                ("sale_line_id", "in", sale_lines.ids),
                ("invoice_id", "in", invoices.ids),
            ]
        )
        if not cards:
            return
        for refund in refunds:
            gone = cards.browse()
            for line, group in cards.grouped("sale_line_id").items():
                if refund._takes_back_line(line):
                    gone |= group
            for invoice, group in cards.grouped("invoice_id").items():
                if refund._takes_back_invoice(invoice):
                    gone |= group
            gone._close(
                self.env._("Refunded with %s", refund.name),
                refund.invoice_date,
                closing_refund_id=refund.id,
            )
            cards -= gone
            for line, group in cards.grouped("sale_line_id").items():
                if refund._takes_back_some(line, len(group)):
                    group._ask_which_unit(refund)

    def _takes_back_line(self, sale_line):
        """Tell whether, with this credit note, nothing remains sold of ``sale_line``."""
        if sale_line not in self.invoice_line_ids.sale_line_ids:
            return False
        quantity, amount = sale_line._aftersales_get_posted_sales()
        return (
            sale_line.product_uom_id.compare(quantity, 0) <= 0
            and sale_line.currency_id.compare_amounts(amount, 0) <= 0
        )

    def _takes_back_invoice(self, invoice):
        """Tell whether the credit notes of ``invoice`` reach its amount."""
        if not invoice or invoice != self.reversed_entry_id:
            return False
        refunds = invoice.reversal_move_ids.filtered(lambda move: move.state == "posted")
        refunded = sum(refunds.mapped("amount_total_signed"))
        return (
            invoice.company_currency_id.compare_amounts(-refunded, invoice.amount_total_signed) >= 0
        )

    def _takes_back_some(self, sale_line, card_count):
        """Tell whether this credit note takes back some of the ``card_count`` units on cards."""
        lines = self.invoice_line_ids.filtered(lambda line: sale_line in line.sale_line_ids)
        refunded = sum(lines.mapped("quantity"))
        if not sale_line or sale_line.product_uom_id.is_zero(refunded):
            return False
        sold = sale_line.invoice_lines.filtered(
            lambda line: line.move_id.move_type == "out_invoice" and line.parent_state == "posted"
        )
        price = sum(sold.mapped("price_subtotal")) / (sum(sold.mapped("quantity")) or 1)
        quantity, _amount = sale_line._aftersales_get_posted_sales()
        return (
            # less than the price per unit is a reduction of the price
            self.currency_id.compare_amounts(sum(lines.mapped("price_subtotal")), refunded * price)
            >= 0
            and sale_line.product_uom_id.compare(quantity, card_count) < 0
        )
