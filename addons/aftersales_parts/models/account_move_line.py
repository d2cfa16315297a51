from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["account.move.line", "aftersales.given.mixin"]

    aftersales_return_line_id = fields.Many2one(
        "aftersales.return.line",
        "Returned goods",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The accepted goods of a return that this line credits (L2.9).",
    )
    aftersales_credited_line_id = fields.Many2one(
        "account.move.line",
        "Credited line",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The line of the invoice by which the returned goods were sold.",
    )

    aftersales_settlement_id = fields.Many2one(
        "aftersales.settlement",
        "Settlement",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The after-sales settlement that this item opens or closes.",
    )
    aftersales_credit_line_ids = fields.One2many(
        "account.move.line", "aftersales_credited_line_id", "Credited by"
    )
    aftersales_charged_part_id = fields.Many2one(
        "aftersales.used.part",
        "Part charged",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The part of the company's own that was not returned in order (L3.3).",
    )

    @api.model_create_multi
    def create(self, vals_list):
        names = self._get_aftersales_links()
        self._check_aftersales_link(any(vals.get(name) for vals in vals_list for name in names))
        lines = super().create(vals_list)
        lines.move_id._check_aftersales_free()
        return lines

    def write(self, vals):
        self._check_aftersales_link(bool(self._get_aftersales_links() & vals.keys()))
        fixed = {"move_id", "account_id", "partner_id", "currency_id"}
        amounts = {"balance", "debit", "credit", "amount_currency"}
        if (fixed | amounts) & vals.keys():
            self.move_id._check_aftersales_free()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_aftersales(self):
        self.move_id._check_aftersales_free()

    def remove_move_reconcile(self):
        # before core takes anything apart; the receivable line stays free for payments
        (self.matched_debit_ids | self.matched_credit_ids)._check_aftersales_free()
        return super().remove_move_reconcile()

    @api.model
    def _get_aftersales_links(self):
        """Return the names of the fields that only the actions of after-sales fill."""
        return {
            "aftersales_return_line_id",
            "aftersales_credited_line_id",
            "aftersales_charged_part_id",
            "aftersales_settlement_id",
        }

    def _get_given_fields(self):
        if self.env["account.move"]._is_aftersales_own_action():
            return set(self._fields)
        return self._get_aftersales_links()

    def _check_aftersales_link(self, given):
        """Raise AccessError if a user says what a line credits or charges."""
        if given and not self.env.su:
            raise AccessError(
                self.env._(
                    "What a line credits or charges can't be entered by hand: it follows from the "
                    "answer to the return, and from the parts that are to be charged."
                )
            )

    def _prepare_charge_credit_vals(self):
        """Return the draft credit note of these lines of one invoice, which charge used parts."""
        move = self.move_id
        return {
            "move_type": "out_refund",
            "company_id": move.company_id.id,
            "partner_id": move.partner_id.id,
            "currency_id": move.currency_id.id,
            "ref": move.name,
            "reversed_entry_id": move.id,
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": line.product_id.id,
                        "name": line.name,
                        "quantity": line.quantity,
                        "product_uom_id": line.product_uom_id.id,
                        "price_unit": line.price_unit,
                        "discount": line.discount,
                        "tax_ids": [Command.set(line.tax_ids.ids)],
                        "account_id": line.account_id.id,
                        "aftersales_credited_line_id": line.id,
                    }
                )
                for line in self
            ],
        }

    def _get_aftersales_uncredited(self):
        """Return {invoice line: quantity that was not credited yet}, in the product's unit.

        All credit notes to the customer count, drafts too: those made here, by core from the
        invoice or from the sale order, and those by hand, which are taken off the newest invoices
        before them. What was credited at the wholesale price was not found on any invoice. An
        allowance on the price takes off what it is worth, since no goods came back for it.
        """
        open_quantities = {line: line._get_product_quantity() for line in self}
        credits = self.search(
            [
                ("parent_state", "!=", "cancel"),
                ("move_id.move_type", "=", "out_refund"),
                ("display_type", "=", "product"),
                ("company_id", "in", self.company_id.ids),
                ("product_id", "in", self.product_id.ids),
                ("move_id.commercial_partner_id", "in", self.move_id.commercial_partner_id.ids),
                "|",
                ("aftersales_credited_line_id", "!=", False),
                ("aftersales_return_line_id", "=", False),
            ]
        )
        # first those of which it is known what they credit
        for credit in credits.sorted(lambda line: not line._is_credit_of_known()):
            quantity = credit._get_product_quantity()
            for line in credit._get_credited_among(self):
                if not (share := credit._get_credited_share(line)):
                    continue
                rounding = line.product_id.uom_id
                taken = min(rounding.round(quantity * share), open_quantities[line])
                open_quantities[line] -= taken
                quantity -= taken / share
        return open_quantities

    def _get_credited_share(self, line):
        """Return which part (0 to 1) of the price of the invoice line ``line`` this one credits."""
        self.ensure_one()
        if self.aftersales_credited_line_id:
            return 1
        # rates of two days would make equal prices differ
        amount = "price_subtotal" if self.currency_id == line.currency_id else "balance"
        price, credited = line._get_product_price(amount), self._get_product_price(amount)
        if self.company_id.currency_id.compare_amounts(credited, price) >= 0:
            return 1
        return credited / price

    def _get_product_price(self, amount):
        """Return what the field ``amount``, which is without VAT, makes for one product unit."""
        self.ensure_one()
        quantity = self._get_product_quantity()
        return abs(self[amount]) / quantity if quantity else 0

    def _is_credit_of_known(self):
        """Tell whether it is known which invoice or sale this line of a credit note credits."""
        self.ensure_one()
        return bool(
            self.aftersales_credited_line_id or self.move_id.reversed_entry_id or self.sale_line_ids
        )

    def _get_credited_among(self, lines):
        """Return those of the invoice lines ``lines`` that this line of a credit note credits."""
        self.ensure_one()
        if line := self.aftersales_credited_line_id:
            return line & lines
        own = lines.filtered(
            lambda line: (
                line.product_id == self.product_id
                and line.move_id.commercial_partner_id == self.move_id.commercial_partner_id
                and line.company_id == self.company_id
            )
        )
        if invoice := self.move_id.reversed_entry_id:
            return own.filtered(lambda line: line.move_id == invoice)
        if sales := self.sale_line_ids:
            return own.filtered(lambda line: line.sale_line_ids & sales)
        day = self.move_id.invoice_date
        return own.filtered(lambda line: not day or line.move_id.invoice_date <= day)

    def _get_product_quantity(self):
        """Return the quantity in the unit of the product."""
        self.ensure_one()
        unit = self.product_id.uom_id
        return (self.product_uom_id or unit)._compute_quantity(self.quantity, unit, round=False)


class AccountPartialReconcile(models.Model):
    _name = "account.partial.reconcile"
    _inherit = ["account.partial.reconcile", "aftersales.given.mixin"]

    def _get_given_fields(self):
        # undoing the reconciliation would reverse the move named here
        return {"exchange_move_id"}

    @api.ondelete(at_uninstall=False)
    def _unlink_except_aftersales(self):
        self._check_aftersales_free()

    def _check_aftersales_free(self):
        """Raise UserError if one of these closes a settlement's entry with its bill (M8.6).

        What the center pays or is paid on its parts account may be allocated freely.
        """
        debits = self.debit_move_id.move_id._get_aftersales_moves()
        credits = self.credit_move_id.move_id._get_aftersales_moves()
        self.filtered(
            lambda p: p.debit_move_id.move_id in debits and p.credit_move_id.move_id in credits
        ).debit_move_id.move_id._check_aftersales_free()


class AccountFullReconcile(models.Model):
    _name = "account.full.reconcile"
    _inherit = ["account.full.reconcile", "aftersales.given.mixin"]

    def _get_given_fields(self):
        return {"exchange_move_id"}
