from odoo import api, fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    service_record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
        help="The service outside of the warranty that is charged with this order.",
    )

    _service_record_uniq = models.UniqueIndex(
        "(service_record_id) WHERE state != 'cancel'",
        "This service has already been charged on another order. Reload the page.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        orders._check_service_access()
        return orders

    def write(self, vals):
        result = super().write(vals)
        if "service_record_id" in vals:
            self._check_service_access()
        return result

    def _check_service_access(self):
        """Raise AccessError if a user names a service that he may not see as the one charged.

        It would count as charged, and nobody could charge it any more.
        """
        if self.service_record_id and not self.env.su:
            self.service_record_id.check_access("read")

    @api.model
    def _aftersales_charge(self, company, partner, entries, **vals):
        """Return a new quotation that charges ``entries``, with the repair fee on top (L1.1).

        :param list entries: dicts with ``product``, ``quantity``, ``repair_fee_rate`` in percent,
            and optionally ``part``, the line of the service record that was fitted
        """
        order = self.with_company(company).create(
            self._aftersales_prepare_charge_vals(company, partner, entries, **vals)
        )
        order._aftersales_update_repair_fee()
        return order

    @api.model
    def _aftersales_prepare_charge_vals(self, company, partner, entries, **vals):
        return {
            "company_id": company.id,
            "partner_id": partner.id,
            "order_line": [
                fields.Command.create(self.env["sale.order.line"]._aftersales_prepare_vals(entry))
                for entry in entries
            ],
            **vals,
        }

    @api.model
    def _aftersales_get_prices(self, company, partner, product, quantity, rate):
        """Return what a part would cost: dict of part, fee, tax and total in company currency.

        An order is made in memory, so that price list, taxes and rounding are those of a real one.
        """
        entry = {"product": product, "quantity": quantity, "repair_fee_rate": rate}
        # sudo: whoever checks a claim may tell the customer the price, without rights on sales;
        # nothing is saved.
        orders = self.sudo().with_company(company)
        vals = self._aftersales_prepare_charge_vals(company, partner, [entry])
        order = orders.new(vals)
        part = order.order_line
        fees = part.browse()
        if rate:
            fees = part.new({"order_id": order.id, **part._aftersales_prepare_fee_vals(rate)})
            order.order_line += fees
            fees.price_unit = part._aftersales_get_fee(fees)
        currency = order.currency_id
        today = fields.Date.context_today(self)
        amounts = {
            "part": part.price_subtotal,
            "fee": fees.price_subtotal,
            "tax": part.price_tax + fees.price_tax,
            "total": part.price_total + fees.price_total,
        }
        return {
            name: currency._convert(amount, company.currency_id, company, today)
            for name, amount in amounts.items()
        }

    def _aftersales_update_repair_fee(self):
        """Let the repair fee of quotations follow the parts, one line per rate (L1.1)."""
        for order in self:
            if order.state not in ("draft", "sent"):
                continue
            fees = order.order_line.filtered("is_repair_fee")
            parts = (order.order_line - fees).filtered("repair_fee_rate").grouped("repair_fee_rate")
            fees.filtered(lambda line, rates=parts: line.repair_fee_rate not in rates).unlink()
            for rate, lines in parts.items():
                fee = fees.exists().filtered(lambda line, r=rate: line.repair_fee_rate == r)
                fee[1:].unlink()  # of a copied line
                fee = fee[:1]
                if not fee:
                    fee = lines.create(
                        {"order_id": order.id, **lines._aftersales_prepare_fee_vals(rate)}
                    )
                fee.price_unit = lines._aftersales_get_fee(fee)

    def _get_action_open(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
        }
