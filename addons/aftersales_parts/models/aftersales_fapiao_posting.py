from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list

# types of the bill and of its refund, by direction of the settlements
MOVE_TYPES = {
    "payable": ("in_invoice", "in_refund"),
    "receivable": ("out_invoice", "out_refund"),
}


class AftersalesFapiao(models.Model):
    """How a fapiao is entered in the books, to the cent (M8.6)."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    def _post_bills(self):
        """Post a bill for each of these fapiao, or a refund for each red one.

        Net, VAT of each rate and gross are those of the fapiao, and the accrued accounts of the
        settlements get exactly what is invoiced of them.

        :raises UserError: the VAT is not that of the rates, a bill with this number is there
            already, or the books are locked
        """
        self._check_not_billed()
        shares = self.match_ids._get_accrued_shares()
        bills = self.env["account.move"]._for_aftersales()
        bills = bills.create([f._prepare_bill_vals(shares) for f in self])
        for fapiao, bill in zip(self, bills, strict=True):
            fapiao._adjust_bill(bill)
        bills.action_post()
        for fapiao, bill in zip(self, bills, strict=True):
            fapiao._write_protected({"bill_id": bill.id, "state": "posted"})

    def _check_not_billed(self):
        """Raise UserError if a bill with the number of a fapiao is in the books (mistake 12)."""
        moves = self.env["account.move"].search(
            [
                ("company_id", "in", self.company_id.ids),
                ("move_type", "in", ("in_invoice", "in_refund", "out_invoice", "out_refund")),
                ("ref", "in", self.mapped("name")),
                ("state", "!=", "cancel"),
            ]
        )
        for fapiao in self:
            partner = fapiao._get_match_partner()
            twins = moves.filtered(
                lambda m, f=fapiao, p=partner: (
                    m.ref == f.name
                    and m.company_id == f.company_id
                    and m.commercial_partner_id == p
                )
            )
            if twins:
                raise UserError(
                    self.env._(
                        "Fapiao %(fapiao)s is in the books already, as %(bill)s. Nothing is paid "
                        "twice: delete that bill, or make a credit note and change its reference, "
                        "before you post the fapiao here.",
                        fapiao=fapiao.name,
                        bill=format_list(self.env, twins.mapped("display_name")),
                    )
                )

    def _get_settlement_claims(self):
        """Return the claims lines of the entries that the fapiao invoices.

        :raises UserError: they stand on several accounts, which one bill can't close
        """
        self.ensure_one()
        settlements = (self | self.blue_id).match_ids.settlement_id
        claims = self.env["account.move.line"].union(
            *(s._get_entry_lines()["claims"] for s in settlements)
        )
        if len(claims.account_id) > 1:
            raise UserError(
                self.env._(
                    "The settlements of fapiao %(fapiao)s were entered on different accounts: "
                    "%(accounts)s. One bill can't close them: match each settlement with a fapiao "
                    "of its own.",
                    fapiao=self.name,
                    accounts=format_list(self.env, claims.account_id.mapped("display_name")),
                )
            )
        return claims

    def _prepare_bill_vals(self, shares):
        """Return the bill; its lines are the accrued shares, split by rate of VAT."""
        self.ensure_one()
        direction = self._get_match_direction()
        company = self.company_id
        claims = self._get_settlement_claims()
        move_type = MOVE_TYPES[direction][self.is_red]
        journal = company._aftersales_get_bill_journal(direction)
        return {
            "move_type": move_type,
            "company_id": company.id,
            "journal_id": journal.id,
            "partner_id": claims.partner_id.id,
            "currency_id": company.currency_id.id,
            # one line on the claims account, whatever terms the partner has
            "invoice_payment_term_id": False,
            "fiscal_position_id": False,
            "invoice_date": self.date,
            "date": company._aftersales_get_open_date(
                company._aftersales_today(), journal, has_tax=True
            ),
            "ref": self.name,
            "invoice_line_ids": [
                fields.Command.create(vals) for vals in self._prepare_bill_lines(shares)
            ],
        }

    def _prepare_bill_lines(self, shares):
        """Return the lines of the bill: each accrued share under the rates of the fapiao.

        What the fapiao has more or less net than was accrued belongs to the expense or income.
        """
        company, direction = self.company_id, self._get_match_direction()
        currency = self.currency_id
        lines = []
        for match, nets in self._allot_groups(self._get_posting_groups()).items():
            entry = match.settlement_id._get_entry_lines()
            # a red one without matches was never accrued, whatever its blue one closes
            share = shares[match] if match in self.match_ids else 0
            for number, (rate, net) in enumerate(nets, start=1):
                tax = company._aftersales_get_fapiao_tax(rate, direction)
                # the last rate takes what is left, so that accrued is closed in any case
                part = share if number == len(nets) else max(0, min(net, share))
                share = currency.round(share - part)
                for use, amount in (("accrued", part), ("result", currency.round(net - part))):
                    if not currency.is_zero(amount):
                        account = entry[use].account_id
                        lines.append(self._prepare_bill_line(account, amount, tax, match))
        return lines

    def _allot_groups(self, groups):
        """Return {match: [(rate, net)]}: which rates of the fapiao belong to which settlement.

        By the gross amounts; a rate goes to the settlements that were accrued at it first. So a
        difference of net is that of the settlement for which the wrong rate was taken.
        """
        currency = self.currency_id
        matches = self.match_ids or self.blue_id.match_ids
        rest = {match: match.amount for match in matches}
        left = {rate: currency.round(net + tax) for rate, (net, tax) in groups.items()}
        cells = {}

        def allot(rate, match, amount):
            cells[match, rate] = cells.get((match, rate), 0) + amount
            rest[match] = currency.round(rest[match] - amount)
            left[rate] = currency.round(left[rate] - amount)

        rates = sorted(groups, reverse=True)
        fitting = {rate: matches.filtered(lambda m, r=rate: m._is_accrued_at(r)) for rate in rates}
        for found in (fitting, dict.fromkeys(rates, matches)):
            for rate in rates:
                for match in found[rate]:
                    amount = min(left[rate], rest[match])
                    if currency.compare_amounts(amount, 0) > 0:
                        allot(rate, match, amount)
        # discounts of a rate by itself, and cents
        for rate in rates:
            if left[rate] or not any(key[1] == rate for key in cells):
                allot(rate, (fitting[rate] or matches)[-1], left[rate])
        return self._split_nets(groups, cells, matches)

    def _split_nets(self, groups, cells, matches):
        """Return {match: [(rate, net)]} with the nets of ``groups`` by the gross of ``cells``."""
        currency = self.currency_id
        nets = {match: [] for match in matches}
        for rate, (net, _tax) in groups.items():
            own = [(match, gross) for (match, r), gross in cells.items() if r == rate]
            total = currency.round(sum(gross for _match, gross in own))
            done, before = 0, 0
            for match, gross in own:
                done += gross
                after = currency.round(net * done / total) if total else net
                nets[match].append((rate, currency.round(after - before)))
                before = after
        # by rate, the highest first; a settlement always has one, so that it is closed
        first = max(groups)
        return {m: sorted(found, reverse=True) or [(first, 0)] for m, found in nets.items()}

    @api.model
    def _prepare_bill_line(self, account, amount, tax, match):
        return {
            "name": match.settlement_id.name,
            "account_id": account.id,
            "quantity": 1,
            "price_unit": amount,
            "tax_ids": [fields.Command.set(tax.ids)],
            "aftersales_settlement_id": match.settlement_id.id,
        }

    def _get_posting_groups(self):
        """Return {rate: (net, VAT)}, where the file gives no rate by the accepted one that fits.

        The amounts of a red fapiao are turned: a refund is positive.
        """
        self.ensure_one()
        taxes = self.company_id._aftersales_get_fapiao_taxes(self._get_match_direction())
        rates = taxes.mapped("amount") or [0]
        groups, sign = {}, self._get_amount_sign()
        for rate, (net, tax) in self._get_tax_groups().items():
            net, tax = sign * net, sign * tax
            if rate is None:
                # no VAT is exempt (0 %), unless it is so little that it rounds to nothing
                fits = [*rates, 0] if not tax else rates
                rate = min(fits, key=lambda r, n=net, t=tax: round(abs(n * r / 100 - t), 2))
            sums = groups.get(rate, (0, 0))
            groups[rate] = tuple(
                self.currency_id.round(a + b) for a, b in zip(sums, (net, tax), strict=True)
            )
        return groups

    def _get_amount_sign(self):
        return -1 if self.is_red else 1

    def _adjust_bill(self, bill):
        """Give the draft ``bill`` the VAT of the fapiao and the claims account.

        :raises UserError: the VAT differs by more than the tolerance, or the bill doesn't equal
            the fapiao to the cent
        """
        self.ensure_one()
        groups = self._get_posting_groups()
        self._check_taxes(groups)
        commands = []
        for rate, (_net, amount) in groups.items():
            lines = bill.line_ids.filtered(lambda x, r=rate: x.tax_line_id.amount == r)
            if tax_line := lines.filtered("tax_line_id")[:1]:
                amount *= bill.direction_sign
                commands.append(fields.Command.update(tax_line.id, {"amount_currency": amount}))
        if commands:
            bill.write({"line_ids": commands})
        term_line = bill.line_ids.filtered(lambda line: line.display_type == "payment_term")
        term_line.account_id = self._get_settlement_claims().account_id
        self._check_bill(bill)

    def _check_taxes(self, groups):
        """Raise UserError if the VAT is not that of the rates, but for roundings of lines."""
        self.ensure_one()
        currency = self.currency_id
        expected = {rate: currency.round(net * rate / 100) for rate, (net, _tax) in groups.items()}
        gap = sum(abs(tax - net * rate / 100) for rate, (net, tax) in groups.items())
        # what each group's expected VAT itself is rounded by is no fault
        tolerance = self._get_tax_tolerance() + currency.rounding / 2 * (len(groups) - 1)
        if currency.compare_amounts(gap, tolerance) > 0:
            raise UserError(
                self.env._(
                    "The VAT of fapiao %(number)s is %(actual)s, but %(expected)s at the rate of "
                    "%(tax)s. Ask the service center for a fapiao with the right rate.",
                    number=self.name,
                    actual=currency.format(self.amount_tax),
                    expected=currency.format(sum(expected.values())),
                    tax=format_list(self.env, [f"{rate:g}%" for rate in groups]),
                )
            )

    def _check_bill(self, bill):
        """Raise UserError unless the bill equals the fapiao to the cent."""
        self.ensure_one()
        sign = self._get_amount_sign()
        pairs = [
            (bill[name], sign * self[name])
            for name in ("amount_untaxed", "amount_tax", "amount_total")
        ]
        if any(self.currency_id.compare_amounts(a, b) for a, b in pairs):
            raise UserError(
                self.env._(
                    "The bill would not equal fapiao %(number)s to the cent: %(bill)s against "
                    "%(fapiao)s. Are its VAT rates among those in the settings?",
                    number=self.name,
                    bill=format_list(self.env, [self.currency_id.format(a) for a, _b in pairs]),
                    fapiao=format_list(self.env, [self.currency_id.format(b) for _a, b in pairs]),
                )
            )

    # --- reconciliation --------------------------------------------------------------------

    def _reconcile_with_entries(self):
        """Set the bills of these blue fapiao off against their refunds and the entries.

        Each match by its own amount: core would pair the lines by age, so that a red fapiao could
        not tell which settlement it opens again.
        """
        vals_list = []
        for fapiao in self:
            term_line = fapiao._get_bill_lines("claims")
            for red in fapiao.red_ids.filtered("bill_id"):
                refund_line = red._get_bill_lines("claims")
                vals_list += self._pair([term_line], [refund_line])
            for match in fapiao.match_ids:
                entry = match.settlement_id._get_entry_lines()
                taken_back = fapiao.red_ids.match_ids.filtered(
                    lambda m, s=match.settlement_id: m.settlement_id == s
                )
                rest = match.amount - sum(taken_back.mapped("amount"))
                if not fapiao.currency_id.is_zero(rest):
                    vals_list.append(self._prepare_partial(term_line, entry["claims"], rest))
                own = fapiao._get_bill_lines("accrued", match.settlement_id)
                refunds = self.browse().union(*taken_back.fapiao_id)
                others = [
                    line
                    for red in refunds
                    for line in red._get_bill_lines("accrued", match.settlement_id)
                ]
                vals_list += self._pair(own, [*others, entry["accrued"]])
        self._reconcile_exactly(vals_list)

    def _get_bill_lines(self, use, settlement=None):
        """Return the line of the bill on the claims account, or those on the accrued account."""
        self.ensure_one()
        lines = self.bill_id.line_ids
        if use == "claims":
            return lines.filtered(lambda line: line.display_type == "payment_term")
        account = settlement._get_entry_lines()["accrued"].account_id
        return lines.filtered(
            lambda line: line.aftersales_settlement_id == settlement and line.account_id == account
        )

    @api.model
    def _pair(self, lines, others):
        """Return the partial reconciliations that close ``lines`` with ``others``, in order."""
        vals_list = []
        rest = [[other, abs(other.balance)] for other in others]
        for line in lines:
            left = abs(line.balance)
            while rest and not line.company_currency_id.is_zero(left):
                part = min(left, rest[0][1])
                vals_list.append(self._prepare_partial(line, rest[0][0], part))
                left = line.company_currency_id.round(left - part)
                rest[0][1] = line.company_currency_id.round(rest[0][1] - part)
                if line.company_currency_id.is_zero(rest[0][1]):
                    rest.pop(0)
        return vals_list

    @api.model
    def _prepare_partial(self, line, other, amount):
        debit, credit = (line, other) if line.balance > 0 else (other, line)
        return {
            "debit_move_id": debit.id,
            "credit_move_id": credit.id,
            "amount": amount,
            "debit_amount_currency": amount,
            "credit_amount_currency": amount,
        }

    @api.model
    def _reconcile_exactly(self, vals_list):
        """Create the partial reconciliations, and the full ones that they complete.

        All lines are in the company's currency, and their taxes due on invoice, so that neither
        exchange differences nor cash-basis entries arise.

        :raises UserError: a line has less open, because it was reconciled by hand
        """
        move_lines = self.env["account.move.line"]
        left = {}
        for vals in vals_list:
            for name in ("debit_move_id", "credit_move_id"):
                line = move_lines.browse(vals[name])
                rest = left.get(line, abs(line.amount_residual)) - vals["amount"]
                left[line] = line.company_currency_id.round(rest)
                if left[line] < 0:
                    line.move_id.aftersales_settlement_id._raise_open(line, rest)
        partials = self.env["account.partial.reconcile"].create(vals_list)
        lines = partials.debit_move_id | partials.credit_move_id
        for own in lines._all_reconciled_lines().grouped("matching_number").values():
            if all(line.reconciled for line in own) and not own.full_reconcile_id:
                self.env["account.full.reconcile"].create(
                    {
                        "partial_reconcile_ids": [
                            fields.Command.set((own.matched_debit_ids | own.matched_credit_ids).ids)
                        ],
                        "reconciled_line_ids": [fields.Command.set(own.ids)],
                    }
                )
