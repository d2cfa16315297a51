from datetime import time

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_list


class AftersalesSettlement(models.Model):
    """代垫服务费用清单: a month's parts that a center paid in advance, and how they are paid back.

    Confirmed by the center, the payable amount is credited to the center's parts account before
    its VAT invoice arrives (M8.5); the invoice is then matched to the cent (M8.6).
    """

    _name = "aftersales.settlement"
    _description = "Settlement"
    _regulations = ("M8.1", "M8.2", "M8.3", "M8.4", "M8.5", "M8.6", "M8.7", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "aftersales.dispute.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.settlement"
    _dispute_field = "settlement_id"
    _order = "month desc, id desc"
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
    )
    region_id = fields.Many2one(related="center_id.aftersales_region_id", store=True)
    month = fields.Date(
        "Month (first day)",
        required=True,
        index=True,
        help="The month of the services, given by its first day.",
    )
    direction = fields.Selection(
        [("payable", "We pay a service center")],
        required=True,
        default="payable",
    )
    kind = fields.Selection([("parts", "Parts paid in advance")], required=True, default="parts")
    period = fields.Char("Month", compute="_compute_period")
    line_ids = fields.One2many("aftersales.settlement.line", "settlement_id", "Lines")
    amount_parts = fields.Monetary("Parts amount", compute="_compute_amounts", store=True)
    amount_fee = fields.Monetary("Management fee", compute="_compute_amounts", store=True)
    amount_claimed = fields.Monetary("Claimed", compute="_compute_amounts", store=True)
    amount_payable = fields.Monetary(
        "Payable",
        compute="_compute_amounts",
        store=True,
        help="What the center is credited and has to invoice, VAT included.",
    )
    date_filing = fields.Datetime(
        "To be filed until",
        compute="_compute_date_filing",
        help="End of the filing day, in the company's time zone (M8.3).",
    )
    date_confirmed = fields.Datetime("Confirmed on", readonly=True, copy=False)
    move_id = fields.Many2one(
        "account.move",
        "Settlement entry",
        readonly=True,
        copy=False,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    bill_id = fields.Many2one(
        "account.move",
        "Vendor bill",
        readonly=True,
        copy=False,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    fapiao_ids = fields.One2many("aftersales.fapiao", "settlement_id", "Fapiao")
    amount_invoiced = fields.Monetary("Invoiced", compute="_compute_amount_invoiced")
    amount_difference = fields.Monetary(
        "Not invoiced yet",
        compute="_compute_amount_invoiced",
        help="What the fapiao still lacks; it has to be zero to the cent.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Filed"),
            ("verified", "Audited"),
            ("sent", "Sent"),
            ("confirmed", "Confirmed"),
            ("reconciled", "Reconciled"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _period_uniq = models.UniqueIndex(
        "(company_id, center_id, month, kind, direction) WHERE state <> 'cancelled'",
        "This service center already has a settlement of this month.",
    )

    @api.depends(
        "line_ids.price_unit",
        "line_ids.amount_fee",
        "line_ids.amount_claimed",
        "line_ids.amount_payable",
    )
    def _compute_amounts(self):
        names = ("price_unit", "amount_fee", "amount_claimed", "amount_payable")
        sums = {
            settlement.id: values
            for settlement, *values in self.env["aftersales.settlement.line"]._read_group(
                [("settlement_id", "in", self.ids)],
                ["settlement_id"],
                [f"{name}:sum" for name in names],
            )
        }
        for settlement in self:
            (
                settlement.amount_parts,
                settlement.amount_fee,
                settlement.amount_claimed,
                settlement.amount_payable,
            ) = sums.get(settlement.id, (0, 0, 0, 0))

    @api.depends("month")
    def _compute_period(self):
        for document in self:
            document.period = document.month and document.month.strftime("%Y-%m")

    @api.depends("month", "company_id")
    def _compute_date_filing(self):
        for (company, month), settlements in self.grouped(
            lambda s: (s.company_id, s.month)
        ).items():
            if not month:
                settlements.date_filing = False
                continue
            terms = self.env["aftersales.settlement.terms"]._get_terms(company, month)
            settlements.date_filing = company._aftersales_utc(
                month + relativedelta(months=1, day=terms.filing_day)
            )

    @api.depends("fapiao_ids.amount_total", "amount_payable")
    def _compute_amount_invoiced(self):
        for settlement in self:
            # sudo: the center sees what it has invoiced without access to the company's fapiao
            settlement.amount_invoiced = sum(settlement.sudo().fapiao_ids.mapped("amount_total"))
            settlement.amount_difference = settlement.currency_id.round(
                settlement.amount_payable - settlement.amount_invoiced
            )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if month := fields.Date.to_date(vals.get("month")):
                vals["month"] = month.replace(day=1)
        settlements = super().create(vals_list)
        for (company, month), group in settlements.grouped(
            lambda s: (s.company_id, s.month)
        ).items():
            next_month = month + relativedelta(months=1)
            group._deadline_event("month_ended", company._aftersales_utc(next_month, time.min))
        return settlements

    def write(self, vals):
        fixed = {"center_id", "month", "kind", "direction", "company_id"}
        if self._get_changed_names(vals, fixed):
            raise UserError(
                self.env._(
                    "Center, month and kind of a settlement are fixed. Cancel it and generate the "
                    "right one."
                )
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        if any(settlement.state != "draft" for settlement in self):
            raise UserError(self.env._("Only a draft settlement can be deleted."))

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "state",
            "month",
            "date_confirmed",
            "line_ids.used_part_id.retain_until",
        ]

    def _get_retention_start(self):
        if self.state == "draft":
            return False
        return max(filter(None, (self.month, self._get_local_day(self.date_confirmed))))

    def _get_retained_with(self):
        return self.line_ids.used_part_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"move_id", "bill_id", "date_confirmed"}

    # --- deadlines (M8.3, M9.2) ------------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id

    # --- generation (M8.3) -----------------------------------------------------------------

    @api.model
    def _generate(self, month, centers=None):
        """Return the settlements of ``month``, made or completed from the valid service records.

        Safe to run again: a part is settled once, drafts are completed, others left alone; what
        they left out is said in their chatter.

        :param date month: any day of the month of the services
        :param centers: the service centers; default all that have something to settle
        :raises UserError: a part has no wholesale price on its day of service (M8.1)
        """
        month = month.replace(day=1)
        company = self.env.company
        in_centers = [("center_id", "in", centers.ids)] if centers else []
        tags = self.env["aftersales.used.part"].search(
            [
                ("company_id", "=", company.id),
                ("record_id.state", "=", "done"),
                ("date_removed", ">=", month),
                ("date_removed", "<", month + relativedelta(months=1)),
                *self.env["aftersales.used.part"]._get_claimable_domain(),
                *in_centers,
            ],
            order="name",
        )
        late = self._find_late_tags(month, in_centers)
        tags = (tags | late) - self._find_settled_tags(tags | late, month)
        existing = self.search(
            [
                ("company_id", "=", company.id),
                ("month", "=", month),
                ("kind", "=", "parts"),
                ("direction", "=", "payable"),
                ("state", "!=", "cancelled"),
                *in_centers,
            ]
        )
        by_center = {settlement.center_id: settlement for settlement in existing}
        new_centers = tags.center_id.filtered(lambda c: c not in by_center)
        created = self.create([{"center_id": c.id, "month": month} for c in new_centers])
        by_center.update({settlement.center_id: settlement for settlement in created})
        for center, center_tags in tags.grouped("center_id").items():
            settlement = by_center[center]
            if settlement.state == "draft":
                settlement._add_lines(center_tags)
            elif left_out := center_tags - late:
                settlement._note_left_out(left_out)
        return existing | created

    @api.model
    def _get_missing_domain(self, month):
        """Return the domain of lines that were not returned when an earlier month was closed.

        Or deducted, and a ruling has accepted the part since (L1.7).
        """
        return [
            "|",
            ("result", "=", "missing"),
            "&",
            ("result", "=", "deducted"),
            ("used_part_id.ruling_id", "!=", False),
            ("settlement_id.month", "<", month),
            ("settlement_id.state", "in", ("confirmed", "reconciled")),
        ]

    @api.model
    def _find_late_tags(self, month, in_centers):
        """Return parts that were missing in an earlier month and have been accepted since (M8.4).

        The closed month stays as the center confirmed it; they are paid with ``month``.
        """
        return (
            self.env["aftersales.settlement.line"]
            .search(
                [
                    ("company_id", "=", self.env.company.id),
                    ("used_part_id.result", "=", "accepted"),
                    *in_centers,
                    *self._get_missing_domain(month),
                ]
            )
            .used_part_id
        )

    @api.model
    def _find_settled_tags(self, tags, month):
        """Return those of ``tags`` that a settlement holds or has paid or refused already."""
        lines = self.env["aftersales.settlement.line"].search([("used_part_id", "in", tags.ids)])
        missing = lines.filtered_domain(self._get_missing_domain(month)).filtered(
            lambda line: line.used_part_id.result == "accepted"
        )
        return (lines - missing).used_part_id

    def _note_left_out(self, tags):
        """Say in the chatter which parts came too late for this list and what they claim (M8.3)."""
        self.ensure_one()
        prices = self._get_prices(tags)
        lines = self.env["aftersales.settlement.line"]
        claimed = sum(
            lines._prepare_vals(self, tag, *prices[tag])["amount_claimed"]
            for tag in tags
            if tag in prices
        )
        self.message_post(
            body=self.env._(
                "Left out, because this settlement is no longer a draft: %(tags)s. They would "
                "claim %(claimed)s. As long as it is not confirmed, cancel it and generate it "
                "again to take them in.",
                tags=format_list(self.env, tags.mapped("name")),
                claimed=self.currency_id.format(claimed),
            )
        )

    def _add_lines(self, tags):
        """Add a line for each tag, priced by the year's list on its day of service (M8.1)."""
        self.ensure_one()
        lines = self.env["aftersales.settlement.line"]
        prices = self._get_prices(tags)
        unpriced = tags.filtered(lambda t: t not in prices)
        if unpriced:
            raise UserError(
                self.env._(
                    "No wholesale price on the day of service, so these parts can't be claimed "
                    "(M8.1):\n%s\nAdd them to the price list of the year.",
                    "\n".join(
                        f"• {t.name} {t.product_id.display_name} ({t.date_removed})"
                        for t in unpriced
                    ),
                )
            )
        # sudo: lines hold only figures that the system computes; nobody writes them
        lines.sudo().create([lines._prepare_vals(self, tag, *prices[tag]) for tag in tags])

    def _get_prices(self, tags):
        """Return {tag: (price, rule)} for the tags that have a wholesale price (M8.1)."""
        prices = {}
        for arrival, day_tags in tags.grouped(lambda t: t.record_id.arrival).items():
            found = self.company_id._aftersales_get_wholesale_prices(day_tags.product_id, arrival)
            prices.update({t: found[t.product_id] for t in day_tags if t.product_id in found})
        return prices

    # --- flow ------------------------------------------------------------------------------

    def _check_state(self, *states):
        labels = dict(self._fields["state"]._description_selection(self.env))
        for settlement in self:
            if settlement.state not in states:
                raise UserError(
                    self.env._(
                        "%(settlement)s is “%(state)s”; this can only be done when it is "
                        "“%(expected)s”.",
                        settlement=settlement.name,
                        state=labels[settlement.state],
                        expected=labels[states[0]],
                    )
                )

    def _lock(self, *states):
        """Check access, lock, and check the state on what is then the truth."""
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset(["state"])
        self._check_state(*states)

    def _check_own(self):
        """Raise AccessError unless the user belongs to the service center (M8.5).

        Whoever sees other centers' settlements by a central role still decides for his own only.
        """
        own = self.env.user.commercial_partner_id
        for settlement in self:
            if settlement.center_id.commercial_partner_id != own:
                raise AccessError(
                    self.env._(
                        "%(settlement)s is decided on by %(center)s. Ask a user of that service "
                        "center.",
                        settlement=settlement.name,
                        center=settlement.center_id.name,
                    )
                )

    def action_submit(self):
        """File the list, as the service center or for it as a clerk (M8.3)."""
        if not self.env.user.has_group("aftersales_service.group_clerk"):
            self._check_group("aftersales_service.group_center")
            self._check_own()
        self._lock("draft")
        for settlement in self:
            if not settlement.line_ids:
                raise UserError(self.env._("%s has no lines to file.", settlement.name))
        self._write_protected({"state": "submitted"})
        self._deadline_event("filed")
        return True

    def action_verify(self):
        """Audit the list against the inspected used parts (M8.4)."""
        self._check_group("aftersales_service.group_customer_service")
        self._lock("submitted")
        # sudo: the auditor fixes figures that nobody may write by hand
        self.sudo().line_ids._verify()
        self._write_protected({"state": "verified"})
        return True

    def action_send(self):
        """Send the audited result to the center (M8.5)."""
        self._check_group("aftersales_service.group_customer_service")
        self._lock("verified")
        self._write_protected({"state": "sent"})
        for settlement in self:
            settlement.message_subscribe(settlement.center_id.ids)
            settlement.message_post(
                body=self.env._(
                    "The settlement %(number)s of %(month)s has been audited: %(payable)s of "
                    "%(claimed)s are payable. Please confirm it.",
                    number=settlement.name,
                    month=settlement.period,
                    payable=settlement.currency_id.format(settlement.amount_payable),
                    claimed=settlement.currency_id.format(settlement.amount_claimed),
                ),
                subtype_xmlid="mail.mt_comment",
                partner_ids=settlement.center_id.ids,
            )
        return True

    def action_confirm(self):
        """Confirm as the service center; the amount is credited at once (M8.5)."""
        self._check_group("aftersales_service.group_center")
        self._lock("sent")
        self._check_own()
        for settlement in self:
            # of what is not paid, no fapiao will come: then nothing is left to be done
            is_paid = not settlement.currency_id.is_zero(settlement.amount_payable)
            settlement._write_protected(
                {
                    "state": "confirmed" if is_paid else "reconciled",
                    "date_confirmed": fields.Datetime.now(),
                }
            )
            if is_paid:
                settlement._deadline_event("confirmed")
                # sudo: the center confirms; the entry follows from the confirmed figures alone
                settlement.sudo()._post_entry()
        return True

    def action_cancel(self, reason=None):
        """Cancel a settlement that is not confirmed yet; its parts can be settled again."""
        self._check_group("aftersales_service.group_customer_service")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the settlement is cancelled."))
        self._check_undisputed()
        self._lock("draft", "submitted", "verified", "sent")
        for settlement in self:
            settlement.message_post(
                body=self.env._(
                    "Cancelled: %(reason)s (%(count)s lines, %(amount)s claimed)",
                    reason=reason,
                    count=len(settlement.line_ids),
                    amount=settlement.currency_id.format(settlement.amount_claimed),
                )
            )
        # sudo: lines of a cancelled list are released, so that their parts can be settled again
        self.sudo().line_ids.unlink()
        self._write_protected({"state": "cancelled"})
        self._cancel_deadlines()
        self.flush_recordset(["state"])  # the unique index counts live settlements only
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel settlement")
        )

    # --- books -----------------------------------------------------------------------------

    def _get_net(self):
        """Return the payable amount without VAT, in the company's currency."""
        self.ensure_one()
        tax = self.company_id.aftersales_purchase_tax_id
        return self.currency_id.round(self.amount_payable / (1 + tax.amount / 100))

    def _post_entry(self):
        """Credit the payable amount to the center's parts account (M8.5).

        The center has not issued its invoice yet, so no VAT is booked: the net amount waits on
        the accrued account, the gross amount on the claims account until the fapiao arrives.
        """
        self.ensure_one()
        self.company_id._aftersales_check_accounting()
        move = self.env["account.move"].create(self._prepare_entry_vals())
        move.action_post()
        self._write_protected({"move_id": move.id})
        self._offset_invoices()

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
        self._lock("confirmed")
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

    # --- screens ---------------------------------------------------------------------------

    def action_view_move(self):
        return self._action_view_account_move(self.move_id)

    def action_view_bill(self):
        return self._action_view_account_move(self.bill_id)

    def _action_view_account_move(self, move):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": move.id,
            "views": [(False, "form")],
        }
