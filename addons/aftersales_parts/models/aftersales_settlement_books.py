from odoo import api, fields, models
from odoo.exceptions import LockError, RedirectWarning, UserError
from odoo.fields import Domain
from odoo.tools import format_list

from .account_move import forget_caller

ACTIVITY = "aftersales_parts.mail_activity_type_books"


class AftersalesSettlement(models.Model):
    """What a settlement enters in the books, and with whom (M8.5)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    partner_id = fields.Many2one(
        "res.partner",
        "Booked with",
        compute="_compute_partner_id",
        store=True,
        precompute=True,
        index=True,
        help="With whom the books are kept, fixed when the settlement was made: the company that "
        "the service center belongs to, or the manufacturer whom we claim from.",
    )
    move_id = fields.Many2one(
        "account.move",
        "Settlement entry",
        readonly=True,
        copy=False,
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    entry_ids = fields.One2many(
        "account.move",
        "aftersales_settlement_id",
        "Entries",
        readonly=True,
        help="The entry with those that were reversed, and their reversals.",
    )
    match_ids = fields.One2many("aftersales.fapiao.match", "settlement_id", "Matches")
    fapiao_ids = fields.Many2many(
        "aftersales.fapiao", string="Fapiao", compute="_compute_fapiao_ids"
    )
    bill_ids = fields.Many2many("account.move", string="Bills", compute="_compute_fapiao_ids")
    amount_invoiced = fields.Monetary(
        "Amount invoiced", compute="_compute_amount_invoiced", store=True
    )
    amount_difference = fields.Monetary(
        "Not invoiced yet",
        compute="_compute_amount_invoiced",
        store=True,
        help="What the fapiao still lacks; it has to be zero to the cent.",
    )

    # who the partner belongs to may change later, the books don't
    @api.depends("center_id", "direction", "company_id")
    def _compute_partner_id(self):
        for settlement in self:
            if settlement.direction == "receivable":
                partner = settlement.company_id.aftersales_manufacturer_id
            else:
                partner = settlement.center_id
            settlement.partner_id = partner.commercial_partner_id

    @api.depends("match_ids.fapiao_id.bill_id")
    def _compute_fapiao_ids(self):
        for settlement in self:
            settlement.fapiao_ids = settlement.match_ids.fapiao_id
            settlement.bill_ids = settlement.match_ids.fapiao_id.bill_id

    @api.depends("match_ids.amount", "match_ids.fapiao_id.is_red", "amount_payable")
    def _compute_amount_invoiced(self):
        for settlement in self:
            # sudo: the center sees what it has invoiced without access to the company's fapiao
            matches = settlement.sudo().match_ids
            settlement.amount_invoiced = sum(match._get_signed_amount() for match in matches)
            settlement.amount_difference = settlement.currency_id.round(
                settlement.amount_payable - settlement.amount_invoiced
            )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"move_id"}

    def _lock_for_books(self):
        """Lock against what others do this very moment, and read afresh.

        :raises UserError: somebody else is at it
        """
        self.check_access("write")
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody else is working on %s this very moment. Reload the page and look "
                    "what has changed.",
                    format_list(self.env, self.mapped("name")),
                )
            ) from error
        self.invalidate_recordset()

    def _get_sign(self):
        """Return 1 if we owe the amount, -1 if it is owed to us: every entry is mirrored."""
        return -1 if self.direction == "receivable" else 1

    def _get_net(self):
        """Return the payable amount without VAT, in the company's currency."""
        self.ensure_one()
        tax = self.company_id._aftersales_get_books(self.direction, self.kind)["tax"]
        return self.currency_id.round(self.amount_payable / (1 + tax.amount / 100))

    def _post_entries(self):
        """Credit the payable amounts at once, as far as the books are open (M8.5).

        What they refuse stays confirmed: nothing is lost, and accountants are asked to post it.
        """
        settlements = forget_caller(self)
        if not settlements._try_to_enter():
            return
        for settlement in settlements:
            if error := settlement._try_to_enter():
                settlement._ask_accountants(error)

    def _try_to_enter(self):
        """Enter all of these in the books or none; return why not, or False."""
        try:
            with self.env.cr.savepoint():
                self._enter_in_books()
        except (UserError, RedirectWarning) as error:
            self.invalidate_recordset()
            return error.args[0]
        return False

    def action_post(self):
        """Enter confirmed settlements in the books that these had refused, as an accountant.

        Many at once: what is refused again stays confirmed, and is told with the reason.

        :raises UserError: not confirmed, posted by somebody else meanwhile, or all are refused
        """
        self._check_accountant()
        self._lock_for_books()
        self._check_state("confirmed")
        # sudo: an accountant of invoices may lack rights on entries; what is posted follows from
        # the confirmed figures alone
        settlements = forget_caller(self.sudo())
        errors = {}
        if settlements._try_to_enter():
            for settlement in settlements:
                if error := settlement._try_to_enter():
                    errors[settlement] = error
        messages = [f"{settlement.name}: {error}" for settlement, error in errors.items()]
        if len(errors) == len(self):
            raise UserError("\n".join(messages))
        settlements.filtered("move_id").activity_unlink([ACTIVITY])
        if not messages:
            return True
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "message": "\n".join(
                    [self.env._("Posted: %s", len(self) - len(errors)), *messages]
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _check_accountant(self):
        """Raise AccessError unless the user keeps the books."""
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("account.group_account_user")

    def _ask_accountants(self, reason):
        """Plan for the accountants to post what the books refused, with the reason."""
        self.ensure_one()
        # sudo: users of the role are read to find those in charge, and get an activity
        settlement = self.sudo()
        settlement.activity_unlink([ACTIVITY])
        users = self.env["res.users"]
        for xmlid in ("account.group_account_user", "account.group_account_invoice"):
            users = users or self.env.ref(xmlid).sudo().all_user_ids.filtered(
                lambda user: user.active and not user.share and self.company_id in user.company_ids
            )
        for user in users:
            settlement.activity_schedule(
                ACTIVITY,
                summary=settlement.with_context(lang=user.lang).env._(
                    "Post the confirmed settlement"
                ),
                note=reason,
                user_id=user.id,
            )
        settlement.message_post(
            body=self.env._("Confirmed, but not entered in the books yet: %s", reason)
        )

    def _enter_in_books(self):
        """Post the entries of confirmed settlements and set them off (M8.5).

        The center has not issued its invoice yet, so no VAT is booked: the net amount waits on
        the accrued account, the gross amount on the claims account until the fapiao arrives.

        :raises UserError: accounts are missing, the books are locked, or an amount is negative
        """
        for company, direction, kind in {(s.company_id, s.direction, s.kind) for s in self}:
            company._aftersales_check_accounting(direction, kind)
        moves = self.env["account.move"]._for_aftersales()
        moves = moves.create([s._prepare_entry_vals() for s in self])
        moves.action_post()
        for settlement, move in zip(self, moves, strict=True):
            settlement._write_protected({"move_id": move.id})
        self._write_protected({"state": "posted"})
        self._offset_invoices()

    def _prepare_entry_vals(self):
        company, partner = self.company_id, self.partner_id
        if self.currency_id.compare_amounts(self.amount_payable, 0) <= 0:
            raise UserError(
                self.env._(
                    "%(settlement)s is about %(amount)s, for which no fapiao can be issued.",
                    settlement=self.name,
                    amount=self.currency_id.format(self.amount_payable),
                )
            )
        books = company._aftersales_get_books(self.direction, self.kind)
        net, gross, sign = self._get_net(), self.amount_payable, self._get_sign()
        partner_accounts = partner.with_company(company)
        current = (
            partner_accounts.property_account_receivable_id
            if sign > 0
            else partner_accounts.property_account_payable_id
        )
        lines = [
            (books["result"], net),
            (books["claims"], gross),
            (books["accrued"], -net),
            (current, -gross),
        ]
        day = company._aftersales_local(self.date_confirmed or fields.Datetime.now()).date()
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": company.aftersales_journal_id.id,
            "currency_id": company.currency_id.id,
            "date": company._aftersales_get_open_date(day, company.aftersales_journal_id),
            "ref": self.name,
            "aftersales_settlement_id": self.id,
            "aftersales_in_force": True,
            "line_ids": [
                fields.Command.create(
                    {
                        "account_id": account.id,
                        "partner_id": partner.id,
                        "currency_id": company.currency_id.id,
                        "name": f"{self.name} {self.center_id.name}",
                        "balance": sign * balance,
                        "aftersales_settlement_id": self.id,
                    }
                )
                for account, balance in lines
            ],
        }

    def _get_entry_lines(self):
        """Return {use: line} of the posted entry: result, claims, accrued and current.

        Found by what they are, because the accounts in the settings may have changed since.
        """
        self.ensure_one()
        sign = self._get_sign()
        types = ("liability_payable", "asset_receivable")
        claims_type, current_type = types if sign > 0 else reversed(types)
        lines = self.move_id.line_ids
        debits = lines.filtered(lambda line: sign * line.balance > 0)
        claims = debits.filtered(lambda line: line.account_type == claims_type)
        current = (lines - debits).filtered(lambda line: line.account_type == current_type)
        found = {
            "result": debits - claims,
            "claims": claims,
            "accrued": lines - debits - current,
            "current": current,
        }
        if any(len(line) != 1 for line in found.values()):
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
        """Set the credits off against the partners' open invoices, oldest first.

        Only those in the company's currency: any other would make an exchange difference of a
        rate that nobody agreed on. They are named instead.
        """
        lines = {settlement: settlement._get_entry_lines()["current"] for settlement in self}
        credits = self.env["account.move.line"].union(*lines.values())
        found = self.env["account.move.line"].search(
            self._get_debt_domain(credits), order="date_maturity, id"
        )

        def get_key(line):
            return line.company_id, line.partner_id.commercial_partner_id, line.account_type

        debts = found.grouped(get_key)
        plans, others = [], []
        for key, own in credits.grouped(get_key).items():
            open_lines = debts.get(key, found.browse())
            invoices = open_lines.filtered(
                lambda line, own=own: (
                    line.account_id in own.account_id
                    and line.move_id.move_type in ("out_invoice", "in_invoice")
                )
            )
            foreign = invoices.filtered(lambda line: line.currency_id != line.company_currency_id)
            if foreign:
                self.filtered(lambda s, own=own: lines[s] in own)._note_foreign(foreign)
            for account, same in own.grouped("account_id").items():
                if due := (invoices - foreign).filtered(lambda x, a=account: x.account_id == a):
                    plans.append(same + due)
            if rest := open_lines - invoices:
                others.append((own, rest))
        if plans:
            self.env["account.move.line"]._reconcile_plan(plans)
        for own, rest in others:
            floating = self.filtered(lambda s, own=own: lines[s] in own and not lines[s].reconciled)
            floating._note_other_debts(rest)

    @api.model
    def _get_debt_domain(self, credits):
        """Return what is open the other way round with the partners of the lines ``credits``."""
        signs = {"asset_receivable": ">", "liability_payable": "<"}
        return Domain.AND(
            [
                Domain("partner_id", "child_of", credits.partner_id.ids),
                Domain("company_id", "in", credits.company_id.ids),
                Domain("parent_state", "=", "posted"),
                Domain("reconciled", "=", False),
                Domain.OR(
                    Domain("account_type", "=", name) & Domain("amount_residual", signs[name], 0)
                    for name in set(credits.mapped("account_type"))
                ),
            ]
        )

    def _note_other_debts(self, lines):
        for settlement in self:
            settlement.message_post(
                body=self.env._(
                    "Also open with %(partner)s, and not set off because it is no invoice, or on "
                    "another account: %(debts)s. An accountant sets it off.",
                    partner=settlement.partner_id.name,
                    debts=format_list(
                        self.env,
                        [
                            f"{line.move_id.name} "
                            f"{line.company_currency_id.format(abs(line.amount_residual))}"
                            for line in lines
                        ],
                    ),
                )
            )

    def _note_foreign(self, lines):
        for settlement in self:
            settlement.message_post(
                body=self.env._(
                    "Open invoices in another currency were left alone: %s. An accountant sets "
                    "them off at the rate agreed on.",
                    format_list(
                        self.env,
                        [
                            f"{line.move_id.name} "
                            f"{line.currency_id.format(abs(line.amount_residual_currency))}"
                            for line in lines
                        ],
                    ),
                )
            )

    def action_view_move(self):
        """Open the settlement entry."""
        self.ensure_one()
        return self.move_id._get_records_action(name=self.env._("Settlement entry"))

    def action_view_bill(self):
        """Open the bills of the fapiao, or our invoices."""
        self.ensure_one()
        return self.bill_ids._get_records_action(name=self.env._("Bills"))
