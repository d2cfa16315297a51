from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.http import request
from odoo.tools import formatLang


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "aftersales.given.mixin"]

    service_record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
        help="The service outside of the warranty that is charged with this order.",
    )

    aftersales_request_id = fields.Many2one(
        "aftersales.request",
        "Service request",
        compute="_compute_aftersales_request_id",
        store=True,
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
        help="What is charged for this request needs the customer's consent first (H5, H7).",
    )

    _service_record_uniq = models.UniqueIndex(
        "(service_record_id) WHERE state != 'cancel'",
        "This service has already been charged on another order. Reload the page.",
    )

    _aftersales_quotation_uniq = models.UniqueIndex(
        "(aftersales_request_id) WHERE state != 'cancel' AND service_record_id IS NULL",
        "The request has another quotation already. Reload the page.",
    )

    @api.depends("service_record_id")
    def _compute_aftersales_request_id(self):
        for order in self:
            # sudo: whether the user may name the service is checked apart
            served = order.sudo().service_record_id.request_id
            order.aftersales_request_id = served or order.aftersales_request_id

    @api.model_create_multi
    def create(self, vals_list):
        self._check_request_given(any(vals.get("aftersales_request_id") for vals in vals_list))
        orders = super().create(vals_list)
        orders._check_service_access()
        return orders

    def write(self, vals):
        signed = self.filtered("aftersales_request_id") if vals.get("signature") else self.browse()
        if signed and not self.env.su:
            raise AccessError(
                self.env._("The customer signs on the quotation's own page, or in the request.")
            )
        self._check_request_given("aftersales_request_id" in vals)
        result = super().write(vals)
        if "service_record_id" in vals:
            self._check_service_access()
        for order in signed:
            order._aftersales_note_signature()
        return result

    def _get_given_fields(self):
        return {"aftersales_request_id"}

    def _check_request_given(self, given):
        """Raise AccessError if a user gives the request: it is what the consent is asked for."""
        if given and not self.env.su:
            raise AccessError(
                self.env._("Write quotations for a request with its button “Quotation”.")
            )

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
    def _aftersales_new_charge(self, company, partner, entries, **vals):
        """Return the order that `_aftersales_charge` would make, in memory only.

        So price list, taxes and rounding are those of a real one.
        """
        # sudo: whoever serves the customer may tell the price, without rights on sales; nothing is
        # saved.
        orders = self.sudo().with_company(company)
        order = orders.new(self._aftersales_prepare_charge_vals(company, partner, entries, **vals))
        parts = order.order_line.filtered("repair_fee_rate").grouped("repair_fee_rate")
        for rate, lines in parts.items():
            fee = lines.new({"order_id": order.id, **lines._aftersales_prepare_fee_vals(rate)})
            order.order_line |= fee
            fee.price_unit = lines._aftersales_get_fee(fee)
        return order

    @api.model
    def _aftersales_get_prices(self, company, partner, product, quantity, rate):
        """Return what a part would cost: dict of part, fee, tax and total in company currency."""
        entry = {"product": product, "quantity": quantity, "repair_fee_rate": rate}
        order = self._aftersales_new_charge(company, partner, [entry])
        fees = order.order_line.filtered("is_repair_fee")
        part = order.order_line - fees
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
        """Let the repair fee of quotations follow the parts."""
        self.filtered(lambda order: order.state in ("draft", "sent"))._aftersales_set_repair_fee()

    def _aftersales_set_repair_fee(self):
        """Set the repair fee by the parts, one line per rate (L1.1)."""
        for order in self:
            fees = order.order_line.filtered("is_repair_fee")
            parts = (order.order_line - fees).filtered("repair_fee_rate").grouped("repair_fee_rate")
            fees.filtered(
                lambda line, rates=parts: line.repair_fee_rate not in rates
            )._aftersales_drop()
            for rate, lines in parts.items():
                fee = fees.exists().filtered(lambda line, r=rate: line.repair_fee_rate == r)
                fee[1:]._aftersales_drop()  # of a copied line
                fee = fee[:1]
                if not fee:
                    fee = lines.create(
                        {"order_id": order.id, **lines._aftersales_prepare_fee_vals(rate)}
                    )
                fee.price_unit = lines._aftersales_get_fee(fee)

    # --- consent (H5, H7) ------------------------------------------------------------------

    def action_confirm(self):
        for order in self:
            order._aftersales_check_agreed()
        return super().action_confirm()

    def _create_invoices(self, grouped=False, final=False, date=None):
        for order in self:
            order._aftersales_check_agreed()
        return super()._create_invoices(grouped=grouped, final=final, date=date)

    def _aftersales_check_agreed(self):
        """Raise UserError if the customer agreed to pay less than the orders of the request (H7).

        Where customers accept quotations is no matter: a consent is on file for each.
        """
        self.ensure_one()
        # sudo: a salesman needn't see the request to be held to what its customer agreed to
        own = self.sudo()
        if served := own.aftersales_request_id:
            charged = served.order_ids.filtered(
                lambda order: order.state != "cancel" and order.service_record_id
            )
            served._check_agreed(served._get_orders_amount(own | charged))

    def _aftersales_get_quoted_lines(self):
        """Return the lines that quote a part or service, by product."""
        quoted = {}
        for line in self._aftersales_get_charged_lines().filtered("product_uom_qty"):
            quoted.setdefault(line.product_id, line)
        return quoted

    def _aftersales_get_charged_lines(self):
        return self.order_line.filtered(
            lambda line: line.product_id and not line.is_repair_fee and not line.is_downpayment
        )

    def _aftersales_get_terms(self):
        """Return the values by which another order has the same prices and taxes."""
        return {
            name: self[name].id for name in ("pricelist_id", "fiscal_position_id") if self[name]
        }

    def _is_confirmation_amount_reached(self):
        # paying by a link isn't a consent: who paid for a service is asked all the same
        return super()._is_confirmation_amount_reached() and not self._aftersales_is_unanswered()

    def _aftersales_is_unanswered(self):
        """Tell whether this is the quotation of a service that nobody has accepted yet."""
        # sudo: only whether there is an answer
        order = self.sudo()
        return bool(order.aftersales_request_id) and order.state in ("draft", "sent")

    def _aftersales_get_summary(self):
        """Return what is quoted at which price, as text."""
        self.ensure_one()
        return "\n".join(
            f"{line.name.splitlines()[0]} × {line.product_uom_qty:g}: "
            f"{formatLang(self.env, line.price_total, currency_obj=line.currency_id)}"
            for line in self.order_line
            if not line.display_type
        )

    def _aftersales_note_signature(self):
        """Record the consent of the customer who signed the quotation on its page (H5)."""
        self.ensure_one()
        if not self._aftersales_is_unanswered():
            return
        # the page works with all rights: who opened it is known to the web request alone
        user = request.env.user if request else self.env.user
        self.aftersales_request_id._add_consent(
            {
                "kind": "quotation",
                # a colleague who opened the page let the customer sign on his screen
                "how": "portal" if user.share else "screen",
                "user_id": user.id,
                "explanation": self._aftersales_get_summary(),
                "given_by": self.signed_by or self.partner_id.name,
                "given_on": self.signed_on or fields.Datetime.now(),
                "signature": self.signature,
            }
        )

    def _aftersales_accept(self, consent):
        """Confirm the quotation, because the customer accepted it (H5)."""
        self.ensure_one()
        if self.signature:
            return  # signed on its own page, which confirms it
        if consent.signature:
            super().write(
                {
                    "signature": consent.signature,
                    "signed_by": consent.given_by,
                    "signed_on": consent.given_on,
                }
            )
        self.action_confirm()

    def _aftersales_withdraw(self):
        """Cancel the quotation, because another one takes its place."""
        for order in self:
            if any(move.state == "posted" for move in order.invoice_ids):
                raise UserError(
                    self.env._(
                        "%s has been invoiced already. Record the consent to the extra cost "
                        "instead.",
                        order.name,
                    )
                )
            order.action_unlock()
            order._action_cancel()
            order.flush_recordset(["state"])  # the unique index counts live ones

    def _aftersales_take_over(self, record, entries):
        """Charge the service ``record`` with this quotation, at the prices quoted.

        What was fitted takes the place of what was planned; nothing is charged twice.

        :param list entries: see `_aftersales_charge`; with ``line``, the line that quotes it
        """
        self.ensure_one()
        locked = self.locked
        self.action_unlock()
        planned = self._aftersales_get_charged_lines()
        charged = planned.browse()
        for entry in entries:
            vals = charged._aftersales_prepare_vals(entry)
            line = entry.get("line") or charged.browse()
            if line and line not in charged:
                line.write(vals)
            else:
                line = line.create({"order_id": self.id, **vals})
            charged |= line
        (planned - charged)._aftersales_drop()
        self.service_record_id = record
        self.flush_recordset(["service_record_id"])  # the unique index counts open quotations
        self._aftersales_set_repair_fee()
        if locked:
            self.action_lock()
        if self.state == "sale":
            self._aftersales_check_agreed()

    def _get_action_open(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
        }
