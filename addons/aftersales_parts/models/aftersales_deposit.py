from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list

from .account_move import forget_caller


class AftersalesDeposit(models.Model):
    """押金: one movement of the deposit that a service center pays for its parts stock (L3.3).

    Money in and out is a payment of the accounting application, so that the bank is reconciled as
    usual; what is set off against invoices is an entry. The balance of a center is never stored:
    it is that of its journal items on the deposit account.
    """

    _name = "aftersales.deposit"
    _description = "Deposit movement"
    _regulations = ("L3.3",)
    _inherit = ["aftersales.workflow.mixin", "mail.thread", "mail.activity.mixin"]
    _sequence_code = "aftersales.deposit"
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        required=True,
        domain="[('is_service_center', '=', True)]",
        index=True,
        check_company=True,
        tracking=True,
    )
    region_id = fields.Many2one(related="center_id.aftersales_region_id", store=True)
    kind = fields.Selection(
        [("received", "Received"), ("used", "Set off"), ("refunded", "Refunded")],
        required=True,
        default="received",
        tracking=True,
        help="Set off: used to pay what the service center owes, such as unpaid parts invoices.",
    )
    date = fields.Date(required=True, default=fields.Date.context_today, tracking=True)
    amount = fields.Monetary(
        required=True,
        tracking=True,
        help="In the company's currency; negative only on the reversal of another movement.",
    )
    change = fields.Monetary(
        compute="_compute_change",
        store=True,
        help="What the movement adds to the deposit; negative when it is set off or refunded.",
    )
    balance = fields.Monetary(
        compute="_compute_balance",
        help="Deposit of the service center after this movement, by the deposit account.",
    )
    available = fields.Monetary(
        "Deposit today",
        compute="_compute_available",
        help="What the service center has paid and not got back, by the deposit account.",
    )
    journal_id = fields.Many2one(
        "account.journal",
        "Bank or cash",
        domain=[("type", "in", ("bank", "cash"))],
        check_company=True,
        default=lambda self: self._default_journal_id(),
        help="Where the money comes in or goes out.",
    )
    invoice_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        domain="[('move_type', '=', 'out_invoice'), ('state', '=', 'posted'), "
        "('commercial_partner_id', 'parent_of', center_id), ('company_id', '=', company_id), "
        "('payment_state', 'in', ('not_paid', 'partial'))]",
        check_company=True,
        copy=False,
        groups="account.group_account_invoice,account.group_account_readonly",
        help="The unpaid invoices against which it is set off; none chosen: the oldest first.",
    )
    memo = fields.Char(help="Shown on the payment or entry, such as the number of the receipt.")
    payment_id = fields.Many2one(
        "account.payment",
        "Payment",
        readonly=True,
        copy=False,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    move_id = fields.Many2one(
        "account.move",
        "Journal entry",
        readonly=True,
        copy=False,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    reversed_id = fields.Many2one(
        "aftersales.deposit",
        "Reversal of",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
    )
    reversal_ids = fields.One2many("aftersales.deposit", "reversed_id", "Reversed by")
    state = fields.Selection(
        [("draft", "Draft"), ("posted", "Posted"), ("cancelled", "Reversed")],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _amount_sign = models.Constraint(
        "CHECK(amount > 0 AND reversed_id IS NULL OR amount < 0 AND reversed_id IS NOT NULL)",
        "The amount of a deposit movement is more than zero. To take a movement back, reverse it.",
    )
    _reversed_uniq = models.UniqueIndex(
        "(reversed_id) WHERE reversed_id IS NOT NULL", "This movement is reversed already."
    )

    def _default_journal_id(self):
        company = self.env.company
        journals = self.env["account.journal"]
        # sudo: only a proposal, which an accountant sees and posts
        return journals.sudo().search(
            [
                *journals._check_company_domain(company),
                ("type", "=", "bank"),
                ("currency_id", "in", (False, company.currency_id.id)),
            ],
            limit=1,
        )

    @api.depends("kind", "amount")
    def _compute_change(self):
        for deposit in self:
            sign = 1 if deposit.kind == "received" else -1
            deposit.change = sign * deposit.amount

    @api.depends("state", "center_id", "company_id")
    def _compute_balance(self):
        self.balance = 0
        for (company, account), deposits in (
            self.filtered("move_id")
            .grouped(lambda d: (d.company_id, d.company_id.aftersales_deposit_account_id))
            .items()
        ):
            # sudo: the balance of a movement that this user may read; nobody needs rights in
            # accounting to know his own deposit
            lines = (
                self.env["account.move.line"]
                .sudo()
                .search_fetch(
                    [
                        ("account_id", "=", account.id),
                        ("company_id", "=", company.id),
                        ("parent_state", "=", "posted"),
                        ("partner_id", "in", deposits.center_id.ids),
                    ],
                    ["partner_id", "move_id", "balance"],
                    order="date, id",
                )
            )
            sums, after = {}, {}
            for line in lines:
                center = line.partner_id.id
                sums[center] = sums.get(center, 0) - line.balance
                after[line.move_id.id, center] = sums[center]
            for deposit in deposits:
                key = (deposit.sudo().move_id.id, deposit.center_id.id)
                deposit.balance = company.currency_id.round(after.get(key, 0))

    @api.depends("center_id", "company_id", "state")
    def _compute_available(self):
        for company, deposits in self.grouped("company_id").items():
            centers = deposits.center_id._origin._filter_aftersales_visible()
            balances = company._aftersales_get_deposit_balances(centers) if company else {}
            for deposit in deposits:
                deposit.available = balances.get(deposit.center_id._origin, 0)

    def write(self, vals):
        fixed = {
            "company_id",
            "center_id",
            "kind",
            "date",
            "amount",
            "journal_id",
            "invoice_ids",
            "memo",
        }
        posted = self.filtered(lambda d: d.state != "draft")
        if posted._get_changed_names(vals, fixed):
            raise UserError(
                self.env._(
                    "%s is entered in the books and can't be changed. Reverse it and enter the "
                    "right one.",
                    format_list(self.env, posted.mapped("name")),
                )
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        if any(deposit.state != "draft" for deposit in self):
            raise UserError(
                self.env._("A posted movement of a deposit can't be deleted. Reverse it instead.")
            )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"payment_id", "move_id", "reversed_id"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_reverse"}

    # --- posting (L3.3) --------------------------------------------------------------------

    def action_post(self):
        """Enter the movement in the books as an accountant (L3.3).

        :raises UserError: not a draft, more than the deposit or than what is owed, a date in the
            future, or accounts and journals that can't be used
        """
        self._lock("draft")
        for deposit in self:
            deposit._check_postable()
            # sudo: an accountant of invoices may lack rights on entries; what is posted follows
            # from the movement that was checked above.
            deposit = forget_caller(deposit.sudo())
            if deposit.kind == "used":
                move = deposit._post_set_off()
            else:
                payment = deposit._post_payment()
                deposit._write_protected({"payment_id": payment.id})
                move = payment.move_id
            # in a period that is locked, the books take the next day that is open
            deposit._write_protected({"move_id": move.id, "date": move.date, "state": "posted"})
            deposit._check_balance()
        return True

    def _check_accountant(self):
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("account.group_account_user")

    def _lock(self, state):
        """Check role, access and state, with the deposits of the centers locked."""
        self._check_accountant()
        self.check_access("write")
        self.center_id._lock_aftersales_stock_account()
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset(["state"])
        labels = dict(self._fields["state"]._description_selection(self.env))
        for deposit in self:
            if deposit.state != state:
                raise UserError(
                    self.env._(
                        "%(deposit)s is “%(state)s”; this can only be done when it is "
                        "“%(expected)s”.",
                        deposit=deposit.name,
                        state=labels[deposit.state],
                        expected=labels[state],
                    )
                )

    def _check_postable(self):
        """Raise UserError unless date, journal and balance allow to post the draft."""
        self.ensure_one()
        self.center_id._check_service_center()
        self.company_id._aftersales_check_deposits()
        if self.date > self.company_id._aftersales_local(fields.Datetime.now()).date():
            raise UserError(
                self.env._("%s is dated in the future. Post it when the day has come.", self.name)
            )
        if self.kind != "used":
            self._check_journal()
        if self.kind != "received":
            self._check_available()
        if self.kind == "refunded":
            self._check_refundable()

    def _check_journal(self):
        journal = self.journal_id
        if not journal:
            raise UserError(self.env._("Choose the bank or cash journal of %s first.", self.name))
        if journal.type not in ("bank", "cash"):
            raise UserError(
                self.env._("“%s” is neither a bank nor a cash journal.", journal.display_name)
            )
        if journal.currency_id and journal.currency_id != self.currency_id:
            raise UserError(
                self.env._(
                    "Deposits are kept in %(currency)s, but “%(journal)s” is in %(other)s. Choose "
                    "a journal in %(currency)s.",
                    currency=self.currency_id.name,
                    journal=journal.display_name,
                    other=journal.currency_id.name,
                )
            )

    def _check_available(self):
        """Raise UserError if more is set off or refunded than the center's deposit."""
        balances = self.company_id._aftersales_get_deposit_balances(self.center_id)
        balance = balances.get(self.center_id, 0)
        if self.currency_id.compare_amounts(self.amount, balance) > 0:
            raise UserError(
                self.env._(
                    "The deposit of %(center)s is %(balance)s, so %(amount)s can't be taken from "
                    "it.",
                    center=self.center_id.name,
                    balance=self.currency_id.format(balance),
                    amount=self.currency_id.format(self.amount),
                )
            )

    def _check_balance(self):
        """Raise UserError if the deposit became negative, as a reversal could make it."""
        balances = self.company_id._aftersales_get_deposit_balances(self.center_id)
        balance = balances.get(self.center_id, 0)
        if self.currency_id.compare_amounts(balance, 0) < 0:
            raise UserError(
                self.env._(
                    "The deposit of %(center)s would become %(balance)s. Reverse first what was "
                    "set off or refunded from it.",
                    center=self.center_id.name,
                    balance=self.currency_id.format(balance),
                )
            )

    def _check_refundable(self):
        """Raise UserError if parts on deposit would no longer be secured after the refund."""
        center, company = self.center_id, self.company_id
        # sudo: the check must count all stock and the quota, whatever this accountant may see
        values, unpriced = center.sudo()._get_deposit_stock_values(company)
        if not (values.get(center) or unpriced):
            return
        quota = center.sudo()._get_parts_quota(company)
        balance = company._aftersales_get_deposit_balances(center).get(center, 0)
        left = balance - self.amount
        if self.currency_id.compare_amounts(left, quota.deposit_required) < 0:
            raise UserError(
                self.env._(
                    "%(center)s still keeps parts on deposit worth %(value)s. After the refund "
                    "%(left)s would be left, but its quota requires %(required)s. Have the parts "
                    "returned or approve a smaller quota first (L3.3).",
                    center=center.name,
                    value=self.currency_id.format(values.get(center, 0)),
                    left=self.currency_id.format(left),
                    required=self.currency_id.format(quota.deposit_required),
                )
            )

    def _get_label(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        label = f"{self.name} {self.env._('Deposit')}: {kinds[self.kind]}"
        return f"{label} – {self.memo}" if self.memo else label

    def _post_payment(self):
        payment = (
            self.env["account.payment"]
            .with_company(self.company_id)
            # the entry is made at once, with the outstanding account that the bank clears
            .with_context(force_payment_move=True)
            .create(self._prepare_payment_vals())
        )
        payment.action_post()
        return payment

    def _prepare_payment_vals(self):
        self.ensure_one()
        received = self.kind == "received"
        return {
            "payment_type": "inbound" if received else "outbound",
            "partner_type": "customer",
            "partner_id": self.center_id.id,
            "amount": self.amount,
            "currency_id": self.currency_id.id,
            "date": self.date,
            "journal_id": self.journal_id.id,
            "memo": self._get_label(),
            "destination_account_id": self.company_id.aftersales_deposit_account_id.id,
        }

    def _post_set_off(self):
        """Post the deposit against what the center owes, reconciled with it; return the entry."""
        self.ensure_one()
        allocations = self._allocate(self._get_open_lines())
        move = self.env["account.move"]._for_aftersales()
        move = move.create(self._prepare_set_off_vals(allocations))
        move.action_post()
        for account, (_amount, lines) in allocations.items():
            credit = move.line_ids.filtered(
                lambda line, a=account: line.account_id == a and line.balance < 0
            )
            (credit + lines).reconcile()
        return move

    def _get_open_lines(self):
        """Return what the center owes in the company's currency, oldest first.

        :raises UserError: a chosen invoice is in another currency
        """
        domain = [
            ("partner_id", "child_of", self.center_id.commercial_partner_id.id),
            ("company_id", "=", self.company_id.id),
            ("account_type", "=", "asset_receivable"),
            ("parent_state", "=", "posted"),
            ("reconciled", "=", False),
            ("balance", ">", 0),
        ]
        if self.invoice_ids:
            domain.append(("move_id", "in", self.invoice_ids.ids))
        lines = self.env["account.move.line"].search(domain, order="date_maturity, date, id")
        foreign = lines.filtered(lambda line: line.currency_id != self.currency_id)
        if self.invoice_ids and foreign:
            raise UserError(
                self.env._(
                    "%(invoices)s are not in %(currency)s, so the deposit can't be set off "
                    "against them.",
                    invoices=format_list(self.env, foreign.move_id.mapped("name")),
                    currency=self.currency_id.name,
                )
            )
        return lines - foreign

    def _allocate(self, lines):
        """Return {receivable account: (amount, lines)} that together take the whole movement."""
        rest, allocations = self.amount, {}
        for line in lines:
            part = min(rest, line.amount_residual)
            if self.currency_id.compare_amounts(part, 0) <= 0:
                break
            amount, taken = allocations.get(line.account_id, (0, lines.browse()))
            allocations[line.account_id] = (amount + part, taken + line)
            rest = self.currency_id.round(rest - part)
        if not self.currency_id.is_zero(rest):
            raise UserError(
                self.env._(
                    "%(center)s owes %(open)s here, so %(amount)s of the deposit can't be set off.",
                    center=self.center_id.name,
                    open=self.currency_id.format(self.amount - rest),
                    amount=self.currency_id.format(self.amount),
                )
            )
        return allocations

    def _prepare_set_off_vals(self, allocations):
        company, center = self.company_id, self.center_id
        lines = [(company.aftersales_deposit_account_id, center, self.amount)]
        # invoices are those of the company that a center belongs to, so its credit is, too
        lines += [
            (account, center.commercial_partner_id, -amount)
            for account, (amount, _lines) in allocations.items()
        ]
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": company.aftersales_journal_id.id,
            "currency_id": company.currency_id.id,
            "date": self.date,
            "ref": self.name,
            "line_ids": [
                fields.Command.create(
                    {
                        "account_id": account.id,
                        "partner_id": partner.id,
                        "currency_id": company.currency_id.id,
                        "name": self._get_label(),
                        "balance": balance,
                    }
                )
                for account, partner, balance in lines
            ],
        }

    # --- reversal --------------------------------------------------------------------------

    def action_reverse(self, reason=None):
        """Take a posted movement back by a reversing entry of today, as an accountant.

        :raises UserError: no reason, not posted, matched with the bank, itself a reversal, or the
            deposit would become negative
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the movement is reversed."))
        self._lock("posted")
        for deposit in self:
            deposit._check_reversible()
            # sudo: as for posting; nobody may enter a negative movement by hand
            reversal = deposit.sudo()._reverse(reason)
            deposit._check_balance()
            deposit.message_post(
                body=self.env._(
                    "Reversed by %(reversal)s: %(reason)s", reversal=reversal.name, reason=reason
                )
            )
        return True

    def action_open_reverse(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_reverse", self.env._("Reverse"))

    def _check_reversible(self):
        if self.reversed_id:
            raise UserError(
                self.env._("%s is a reversal itself. Enter the movement again instead.", self.name)
            )
        liquidity = self.sudo().payment_id and self.sudo().payment_id._seek_for_lines()[0]
        if liquidity and (liquidity.matched_debit_ids or liquidity.matched_credit_ids):
            raise UserError(
                self.env._(
                    "%s is matched with a bank statement: the money has moved. Refund it, or undo "
                    "the match first.",
                    self.name,
                )
            )

    def _reverse(self, reason):
        self.ensure_one()
        today = self.company_id._aftersales_local(fields.Datetime.now()).date()
        reversal = self.create(
            {
                "company_id": self.company_id.id,
                "center_id": self.center_id.id,
                "kind": self.kind,
                "date": today,
                "amount": -self.amount,
                "journal_id": self.journal_id.id,
                "memo": reason,
                "reversed_id": self.id,
            }
        )
        # as long as the state is cancelled without a reversing entry, the entry is not guarded
        self._write_protected({"state": "cancelled"})
        self.flush_recordset(["state"])
        move = self.move_id._for_aftersales()._reverse_moves(
            [{"date": today, "ref": reversal.name, "journal_id": self.move_id.journal_id.id}],
            cancel=True,
        )
        if self.payment_id:
            self.payment_id.state = "canceled"
        reversal._write_protected({"move_id": move.id, "state": "posted"})
        reversal.flush_recordset(["move_id", "state"])
        return reversal

    # --- screens ---------------------------------------------------------------------------

    def action_view_move(self):
        """Open the journal entry."""
        self.ensure_one()
        return self.move_id._get_records_action(name=self.env._("Journal entry"))

    def action_view_payment(self):
        """Open the payment."""
        self.ensure_one()
        return self.payment_id._get_records_action(name=self.env._("Payment"))

    @api.model
    def _get_guarded_domain(self, move_ids):
        """Return the domain of the movements to which one of the entries belongs."""
        return [
            ("move_id", "in", move_ids),
            "|",
            ("state", "=", "posted"),
            ("reversal_ids.state", "=", "posted"),
        ]
