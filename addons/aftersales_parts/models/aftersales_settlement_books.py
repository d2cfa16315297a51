from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list

from .aftersales_settlement import CREDITED_STATES


class AftersalesSettlement(models.Model):
    """What a settlement enters in the books, and how it is closed there (M8.5, M8.6)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    def _get_net(self):
        """Return the payable amount without VAT, in the company's currency."""
        self.ensure_one()
        tax = self.company_id.aftersales_purchase_tax_id
        return self.currency_id.round(self.amount_payable / (1 + tax.amount / 100))

    def _post_entries(self):
        """Credit the payable amounts to the centers' parts accounts (M8.5).

        The center has not issued its invoice yet, so no VAT is booked: the net amount waits on
        the accrued account, the gross amount on the claims account until the fapiao arrives.
        """
        for company in self.company_id:
            company._aftersales_check_accounting()
        moves = self.env["account.move"].create([s._prepare_entry_vals() for s in self])
        moves.action_post()
        for settlement, move in zip(self, moves, strict=True):
            settlement._write_protected({"move_id": move.id, "state": "posted"})
            settlement._offset_invoices()

    def _prepare_entry_vals(self):
        company = self.company_id
        net, gross = self._get_net(), self.amount_payable
        # invoices are those of the company that a center belongs to, so its credit is, too
        partner = self.center_id.commercial_partner_id
        receivable = partner.with_company(company).property_account_receivable_id
        lines = [
            (company.aftersales_expense_account_id, net),
            (company.aftersales_claims_account_id, gross),
            (company.aftersales_accrued_account_id, -net),
            (receivable, -gross),
        ]
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": company.aftersales_journal_id.id,
            "currency_id": company.currency_id.id,
            "date": fields.Date.context_today(self),
            "ref": self.name,
            "aftersales_settlement_id": self.id,
            "line_ids": [
                fields.Command.create(
                    {
                        "account_id": account.id,
                        "partner_id": partner.id,
                        "currency_id": company.currency_id.id,
                        "name": f"{self.name} {self.center_id.name}",
                        "balance": balance,
                    }
                )
                for account, balance in lines
            ],
        }

    def _get_entry_lines(self):
        """Return the lines of the posted entry: expense, claims, accrued and receivable.

        Found by what they are, because the accounts in the settings may have changed since.
        """
        self.ensure_one()
        lines = self.move_id.line_ids
        debits = lines.filtered(lambda line: line.balance > 0)
        claims = debits.filtered(lambda line: line.account_type == "liability_payable")
        receivable = (lines - debits).filtered(lambda line: line.account_type == "asset_receivable")
        found = (debits - claims, claims, lines - debits - receivable, receivable)
        if any(len(line) != 1 for line in found):
            raise UserError(
                self.env._(
                    "The entry %(entry)s of %(settlement)s does not show which accounts are to be "
                    "cleared. Check the types of the accounts under Settings ▸ Invoicing ▸ "
                    "After-sales.",
                    entry=self.move_id.name,
                    settlement=self.name,
                )
            )
        return found

    def _offset_invoices(self):
        """Set the credit off against the center's open parts invoices, oldest first."""
        *_others, credit = self._get_entry_lines()
        invoices = self.env["account.move.line"].search(
            [
                ("partner_id", "child_of", credit.partner_id.id),
                ("company_id", "=", self.company_id.id),
                ("account_id", "=", credit.account_id.id),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
                ("balance", ">", 0),
                ("move_id.move_type", "=", "out_invoice"),
            ],
            order="date_maturity, id",
        )
        if invoices:
            (credit + invoices).reconcile()

    def action_reconcile(self):
        """Enter the center's bill from the matched fapiao and close all accounts (M8.6)."""
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("account.group_account_user")
        self._lock(*CREDITED_STATES)
        for settlement in self:
            fapiao = settlement.fapiao_ids
            if not fapiao:
                raise UserError(self.env._("No fapiao is matched to %s yet.", settlement.name))
            fapiao._run_checks()
            fapiao._check_postable()
            settlement._check_fapiao(fapiao)
            if settlement.amount_difference:
                raise UserError(
                    self.env._(
                        "%(settlement)s: the fapiao sums up to %(invoiced)s, confirmed is "
                        "%(payable)s. The difference of %(difference)s has to be corrected by the "
                        "service center (M8.6).",
                        settlement=settlement.name,
                        invoiced=settlement.currency_id.format(settlement.amount_invoiced),
                        payable=settlement.currency_id.format(settlement.amount_payable),
                        difference=settlement.currency_id.format(settlement.amount_difference),
                    )
                )
            # sudo: an accountant of invoices may lack rights on entries; what is posted follows
            # from the settlement and its fapiao, both checked above.
            settlement.sudo()._post_bill(fapiao.sudo())
            settlement._write_protected({"state": "reconciled"})
        return True

    def _check_fapiao(self, fapiao):
        """Raise UserError unless the fapiao is of this settlement's center and company."""
        self.ensure_one()
        seller = fapiao.center_id.commercial_partner_id
        payee = self.center_id.commercial_partner_id
        if seller != payee or fapiao.company_id != self.company_id:
            raise UserError(
                self.env._(
                    "Fapiao %(fapiao)s is not that of %(center)s, whom %(settlement)s pays. Undo "
                    "the match.",
                    fapiao=format_list(self.env, fapiao.mapped("name")),
                    center=self.center_id.name,
                    settlement=self.name,
                )
            )

    def _post_bill(self, fapiao):
        """Post the vendor bill with net, VAT and gross of the fapiao, and reconcile."""
        self.ensure_one()
        fapiao.ensure_one()
        self.company_id._aftersales_check_tax()
        _expense, claims, _accrued, _receivable = self._get_entry_lines()
        bill = self.env["account.move"].create(self._prepare_bill_vals(fapiao))
        fapiao._check_tax(bill.amount_tax)
        if tax_line := bill.line_ids.filtered("tax_line_id"):
            amount = {"amount_currency": fapiao.amount_tax}
            bill.write({"line_ids": [fields.Command.update(tax_line.id, amount)]})
        term_line = bill.line_ids.filtered(lambda line: line.display_type == "payment_term")
        term_line.account_id = claims.account_id
        fapiao._check_bill(bill)
        bill.action_post()
        self._close_accounts(bill)
        self._write_protected({"bill_id": bill.id})
        fapiao._write_protected({"bill_id": bill.id, "state": "posted"})

    def _close_accounts(self, bill):
        """Reconcile entry and bill; raise UserError unless both clearing accounts close (M8.6)."""
        _expense, claims, accrued, _receivable = self._get_entry_lines()
        moves = self.move_id + bill
        for account in claims.account_id + accrued.account_id:
            lines = moves.line_ids.filtered(lambda line, a=account: line.account_id == a)
            lines.filtered(lambda line: not line.reconciled).reconcile()
            if not all(lines.mapped("reconciled")):
                raise UserError(
                    self.env._(
                        "%(account)s would not close for %(settlement)s: %(amount)s would stay "
                        "open. Undo what its entry %(entry)s was reconciled with by hand, then try "
                        "again.",
                        account=account.display_name,
                        settlement=self.name,
                        amount=self.currency_id.format(sum(lines.mapped("amount_residual"))),
                        entry=self.move_id.name,
                    )
                )

    def _prepare_bill_vals(self, fapiao):
        company = self.company_id
        tax = company.aftersales_purchase_tax_id
        expense, claims, accrued, _receivable = self._get_entry_lines()
        net = -accrued.balance
        # the fapiao may split the gross amount a cent differently than we accrued it; that cent
        # belongs to the expense, so that the accrued account closes at zero
        amounts = [(accrued.account_id, net)]
        rest = self.currency_id.round(fapiao.amount_untaxed - net)
        if rest:
            amounts.append((expense.account_id, rest))
        return {
            "move_type": "in_invoice",
            "company_id": company.id,
            "partner_id": claims.partner_id.id,
            "currency_id": company.currency_id.id,
            # one line on the claims account, whatever terms the center has as a vendor
            "invoice_payment_term_id": False,
            "invoice_date": fapiao.date,
            "date": fields.Date.context_today(self),
            "ref": fapiao.name,
            "aftersales_settlement_id": self.id,
            "invoice_line_ids": [
                fields.Command.create(
                    {
                        "name": self.name,
                        "account_id": account.id,
                        "quantity": 1,
                        "price_unit": amount,
                        "tax_ids": [fields.Command.set(tax.ids)],
                    }
                )
                for account, amount in amounts
            ],
        }
