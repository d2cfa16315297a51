from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import format_list

# in the context of what after-sales actions do to entries of their own: an object has an identity,
# which no caller can put into a context from outside, unlike a key or a value
OWN_ACTION = object()


def forget_caller(records):
    """Return ``records`` without what the caller put into the context, but language and companies.

    Defaults (``default_…``) and the switches of accounting would reach what after-sales enters in
    the books on his behalf.
    """
    kept = {"lang", "tz", "allowed_company_ids"}
    return records.with_context(  # pylint: disable=context-overridden
        {key: value for key, value in records.env.context.items() if key in kept}
    )


class AccountMove(models.Model):
    _inherit = "account.move"

    aftersales_settlement_id = fields.Many2one(
        "aftersales.settlement",
        "Settlement",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The after-sales settlement that this entry belongs to.",
    )
    aftersales_in_force = fields.Boolean(
        "Settlement entry in force",
        readonly=True,
        copy=False,
        help="The one entry by which the settlement is credited, as long as it isn't reversed.",
    )
    aftersales_return_id = fields.Many2one(
        "aftersales.return",
        "Return",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The return of goods that this credit note credits (L2.9).",
    )
    aftersales_deposit_ids = fields.One2many(
        "aftersales.deposit", "move_id", "Deposit movement", readonly=True
    )
    aftersales_fapiao_ids = fields.One2many("aftersales.fapiao", "bill_id", "Fapiao", readonly=True)
    aftersales_fapiao_state = fields.Selection(
        [
            ("none", "Without fapiao"),
            ("unmatched", "Not matched"),
            ("posted", "Posted"),
            ("reversed", "Reversed"),
        ],
        "Fapiao status",
        compute="_compute_aftersales_fapiao_state",
        search="_search_aftersales_fapiao_state",
        help="Not matched: a fapiao with this reference was entered, and is matched to no "
        "settlement, so that it didn't make this bill.",
    )
    aftersales_settlement_ids = fields.Many2many(
        "aftersales.settlement",
        string="Settlements",
        compute="_compute_aftersales_settlement_ids",
        search="_search_aftersales_settlement_ids",
    )

    _aftersales_in_force_uniq = models.UniqueIndex(
        "(aftersales_settlement_id) WHERE aftersales_in_force",
        "This settlement is entered in the books already.",
    )

    @api.depends("aftersales_fapiao_ids.state", "ref")
    def _compute_aftersales_fapiao_state(self):
        # sudo: only the state of the fapiao that belongs to a bill the user sees is told
        unmatched = self.sudo()._find_aftersales_unmatched()
        for move in self:
            fapiao = move.sudo().aftersales_fapiao_ids[:1]
            if fapiao:
                move.aftersales_fapiao_state = (
                    "reversed" if fapiao.state == "reversed" else "posted"
                )
            elif (move.company_id.id, move.ref) in unmatched:
                move.aftersales_fapiao_state = "unmatched"
            else:
                move.aftersales_fapiao_state = "none" if move.is_invoice() else False

    def _find_aftersales_unmatched(self):
        """Return {(id of a company, number)} of the fapiao with these references, in no bill."""
        fapiaos = self.env["aftersales.fapiao"].search_fetch(
            [("name", "in", list(filter(None, self.mapped("ref")))), ("bill_id", "=", False)],
            ["company_id", "name"],
        )
        return {(fapiao.company_id.id, fapiao.name) for fapiao in fapiaos}

    def _search_aftersales_fapiao_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        fapiaos = self.env["aftersales.fapiao"]
        bills = [("move_type", "in", self.get_invoice_types())]
        waiting = fapiaos.sudo().search([("bill_id", "=", False)]).mapped("name")
        domains = {
            "reversed": [("aftersales_fapiao_ids.state", "=", "reversed")],
            "posted": [("aftersales_fapiao_ids.state", "=", "posted")],
            "unmatched": [("aftersales_fapiao_ids", "=", False), ("ref", "in", waiting)],
            "none": [("aftersales_fapiao_ids", "=", False), ("ref", "not in", waiting)],
            False: [("move_type", "not in", self.get_invoice_types())],
        }
        return Domain.OR(
            Domain(domain) & (Domain(bills) if key else Domain.TRUE)
            for key, domain in domains.items()
            if key in value
        )

    @api.depends("aftersales_settlement_id", "aftersales_fapiao_ids.match_ids")
    def _compute_aftersales_settlement_ids(self):
        for move in self:
            matched = move.aftersales_fapiao_ids.match_ids.settlement_id
            move.aftersales_settlement_ids = move.aftersales_settlement_id | matched

    def _search_aftersales_settlement_ids(self, operator, value):
        if operator in ("not in", "not any", "not ilike", "!="):
            return NotImplemented
        return Domain("aftersales_settlement_id", operator, value) | Domain(
            "aftersales_fapiao_ids.match_ids.settlement_id", operator, value
        )

    @api.model_create_multi
    def create(self, vals_list):
        names = self._get_aftersales_links()
        self._check_aftersales_link(any(vals.get(name) for vals in vals_list for name in names))
        return super().create(vals_list)

    def write(self, vals):
        self._check_aftersales_link(bool(self._get_aftersales_links() & vals.keys()))
        fixed = {"ref", "partner_id", "currency_id", "date", "invoice_date"}
        if fixed & vals.keys() or vals.get("state") in ("draft", "cancel"):
            self._check_aftersales_free()
        if vals.get("state") == "cancel":
            self._note_aftersales_undone(
                lambda move: self.env._(
                    "The credit note %s was cancelled.",
                    move._get_html_link(title=move.display_name),
                )
            )
        return super().write(vals)

    def unlink(self):
        self._note_aftersales_undone(
            lambda move: self.env._("The credit note %s was deleted.", move.display_name)
        )
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_aftersales(self):
        self._check_aftersales_free()

    def _post(self, soft=True):
        self._check_aftersales_fapiao()
        self._check_aftersales_credited()
        self._check_aftersales_charged()
        return super()._post(soft)

    def button_draft(self):
        self._check_aftersales_free()
        return super().button_draft()

    def button_cancel(self):
        self._check_aftersales_free()
        return super().button_cancel()

    def _reverse_moves(self, default_values_list=None, cancel=False):
        self._check_aftersales_free()
        if cancel and (charged := self.filtered("invoice_line_ids.aftersales_charged_part_id")):
            raise UserError(
                self.env._(
                    "%s charges used parts. Make a credit note only: what is still owed can be "
                    "charged anew under After-sales ▸ Settlement ▸ To be charged.",
                    format_list(self.env, charged.mapped("display_name")),
                )
            )
        return super()._reverse_moves(default_values_list=default_values_list, cancel=cancel)

    def _check_aftersales_link(self, given):
        """Raise AccessError if a user gives settlement or return: only their own actions do."""
        if given and not self.env.su:
            raise AccessError(
                self.env._(
                    "The settlement or return of an entry can't be entered by hand: confirm or "
                    "reconcile the settlement, or answer the return instead."
                )
            )

    @api.model
    def _get_aftersales_links(self):
        """Return the names of the fields that only after-sales documents fill."""
        return {"aftersales_settlement_id", "aftersales_in_force", "aftersales_return_id"}

    def _get_given_fields(self):
        if self._is_aftersales_own_action():
            return set(self._fields)
        return super()._get_given_fields() | self._get_aftersales_links()

    def _note_aftersales_undone(self, get_message):
        """Note on the returns that their credit notes are no more; they can be made again."""
        # sudo: accountants have no rights on returns; the note only says what they did
        for move in self.sudo().filtered(lambda m: m.aftersales_return_id and m.state != "cancel"):
            move.aftersales_return_id.message_post(body=get_message(move))

    def _check_aftersales_fapiao(self):
        """Raise UserError if a bill by hand has the number of a fapiao (mistake 12).

        The fapiao is posted from its own form, or has been: the bill would be paid twice.
        """
        moves = self.filtered(lambda move: move.ref and move.is_purchase_document())
        if not moves or self._is_aftersales_own_action():
            return
        # sudo: a fapiao counts whoever may see it
        fapiaos = (
            self.env["aftersales.fapiao"]
            .sudo()
            .search(
                [
                    ("name", "in", [move.ref.strip() for move in moves]),
                    ("company_id", "in", moves.company_id.ids),
                ]
            )
        )
        for move in moves:
            if fapiaos.filtered(
                lambda f, m=move: f.name == m.ref.strip() and f.company_id == m.company_id
            ):
                raise UserError(
                    self.env._(
                        "%(ref)s is the number of a fapiao under After-sales ▸ Settlement ▸ "
                        "Fapiao. Its bill is posted from the fapiao, so that nothing is paid "
                        "twice.",
                        ref=move.ref,
                    )
                )

    def _is_aftersales_own_action(self):
        return self.env.context.get("aftersales_own_action") is OWN_ACTION

    def _for_aftersales(self):
        """Return these to create, post or reverse what an after-sales document enters.

        Nothing of the caller counts, neither his context nor the defaults that he keeps.
        """
        return forget_caller(self).with_context(aftersales_own_action=OWN_ACTION)

    def _copy_recurring_entries(self):
        # what a document has entered is entered once
        if self._is_aftersales_own_action():
            return None
        # sudo: a move belongs to its document whether or not this user may see that
        own = self.sudo().filtered(
            lambda move: (
                move.aftersales_settlement_id
                or move.aftersales_fapiao_ids
                or move.aftersales_deposit_ids
                or move.aftersales_return_id
                or move.line_ids.aftersales_charged_part_id
                or move.line_ids.aftersales_credited_line_id
            )
        )
        return super(AccountMove, self - own)._copy_recurring_entries()

    def _check_aftersales_credited(self):
        """Raise UserError if more would be credited than was accepted (L2.9).

        A cancelled credit note that was made again could be taken up once more.
        """
        # sudo: what was credited by others counts, too
        moves = self.sudo().filtered("aftersales_return_id")
        # two accountants who post at once must not see each other's as a draft
        moves.commercial_partner_id._lock_aftersales_stock_account()
        lines = moves.invoice_line_ids.aftersales_return_line_id
        for line, quantity in lines._get_credited_quantities(self).items():
            if line.uom_id.compare(quantity, line.quantity_accepted) > 0:
                raise UserError(
                    self.env._(
                        "“%(product)s” of the return %(document)s: %(accepted)g were accepted, but "
                        "%(credited)g would be credited. Look at the other credit notes of the "
                        "return.",
                        product=line.product_id.display_name,
                        document=line.return_id.name,
                        accepted=line.quantity_accepted,
                        credited=quantity,
                    )
                )

    def _check_aftersales_charged(self):
        """Raise UserError if a part is charged by another line, disputed or not owed (L3.3, L1.7).

        A cancelled invoice whose parts were charged anew could be taken up once more.
        """
        # sudo: accountants see the invoice, which is to say what is due, whatever else they see
        lines = self.sudo().invoice_line_ids.filtered("aftersales_charged_part_id")
        lines.aftersales_charged_part_id._lock()
        lines.aftersales_charged_part_id._check_undisputed()
        for line in lines:
            part = line.aftersales_charged_part_id
            if part.charge_line_id != line:
                raise UserError(
                    self.env._(
                        "%(tag)s is charged by %(invoice)s. Take it off this one.",
                        tag=part.name,
                        invoice=part.charge_line_id.move_id.display_name,
                    )
                )
            if part.charge_state == "to_credit":
                raise UserError(
                    self.env._("%s is no longer owed. Take it off the invoice.", part.name)
                )

    def _notify_aftersales_charged(self, messages):
        """Return the action that tells how many drafts were made, and what was left out.

        :param list messages: what was left out, and why
        """
        # sudo: customer service has no rights in accounting, but has just made these
        totals = [
            currency.format(sum(moves.mapped("amount_total")))
            for currency, moves in self.sudo().grouped("currency_id").items()
        ]
        made = self.env._(
            "Draft invoices: %(number)s, in all %(total)s.",
            number=len(self),
            total=format_list(self.env, totals),
        )
        shown = {"type": "ir.actions.act_window_close"}
        if self.has_access("read"):
            shown = self._get_records_action(name=self.env._("Invoices"))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if messages else "success",
                "sticky": bool(messages),
                "message": "\n".join([made, *messages]),
                "next": shown,
            },
        }

    def _get_aftersales_moves(self):
        """Return those of these moves that a settlement or fapiao has posted.

        Settlement and fapiao say so, too, so that no write on the move can take it out.
        """
        posted = self.filtered(lambda move: move.state == "posted")
        if not posted:
            return posted
        # sudo: a move belongs to its settlement whether or not this user may see that
        moves = posted.sudo()
        settlements = moves.env["aftersales.settlement"].search([("move_id", "in", posted.ids)])
        own = moves.filtered(lambda m: m.aftersales_settlement_id or m.aftersales_fapiao_ids)
        return (own | (moves & settlements.move_id)).sudo(self.env.su)

    def _get_aftersales_deposit_moves(self):
        """Return those of these moves that are movements of a deposit, as that says."""
        posted = self.filtered(lambda move: move.state == "posted")
        if not posted:
            return posted
        # sudo: a move belongs to its movement whether or not this user may see that
        deposits = self.env["aftersales.deposit"].sudo()
        return posted & deposits.search(deposits._get_guarded_domain(posted.ids)).move_id

    def _check_aftersales_free(self):
        """Raise UserError if a settlement or deposit has posted one of these moves (M8.5, L3.3)."""
        if self._is_aftersales_own_action():
            return
        if moves := self._get_aftersales_moves():
            raise UserError(
                self.env._(
                    "%s belongs to an after-sales settlement: changing, cancelling or reversing it "
                    "would tear apart settlement, fapiao and books. Enter a red fapiao, or let an "
                    "accountant reverse the settlement.",
                    format_list(self.env, moves.mapped("name")),
                )
            )
        if moves := self._get_aftersales_deposit_moves():
            raise UserError(
                self.env._(
                    "%s belongs to the deposit of a service center: changing, cancelling or "
                    "reversing it here would tear apart deposit and books. Reverse the movement "
                    "under After-sales ▸ Settlement ▸ Deposits.",
                    format_list(self.env, moves.mapped("name")),
                )
            )
