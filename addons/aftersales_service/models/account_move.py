from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    def _post(self, soft=True):
        posted = super()._post(soft=soft)
        posted.filtered(lambda move: move.move_type == "out_refund")._close_refunded_cards()
        posted.filtered(lambda move: move.move_type == "out_invoice")._check_agreed()
        return posted

    def button_draft(self):
        refunds = self.filtered(lambda m: m.move_type == "out_refund" and m.state == "posted")
        result = super().button_draft()
        # what it took back is charged again
        refunds._check_agreed()
        return result

    def _check_agreed(self):
        """Raise UserError if a service is invoiced above what its customer agreed to (H7)."""
        # sudo: accountants need no rights on requests
        lines = self.sudo().invoice_line_ids.sale_line_ids
        for request in lines.order_id.aftersales_request_id:
            request._check_agreed(request._get_invoiced_amount())

    def _get_service_amount(self, orders):
        """Return what the invoice charges for ``orders``, in its currency, taxes included.

        A line that belongs to no order is charged for the service if nothing else is on the
        invoice.
        """
        self.ensure_one()
        foreign = self.invoice_line_ids.sale_line_ids.order_id - orders
        if not foreign:
            return -self.direction_sign * self.amount_total
        lines = self.invoice_line_ids.filtered(lambda line: line.sale_line_ids.order_id & orders)
        return -self.direction_sign * sum(lines.mapped("price_total"))

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
