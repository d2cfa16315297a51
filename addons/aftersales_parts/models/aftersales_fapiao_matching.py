from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import format_list

# of how many open items sums are tried, and how many steps are taken at most
MAX_ITEMS = 24
MAX_STEPS = 20000


class AftersalesFapiao(models.Model):
    """Which settlements a fapiao invoices (M8.6)."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    match_ids = fields.One2many("aftersales.fapiao.match", "fapiao_id", "Matches", readonly=True)
    settlement_ids = fields.Many2many(
        "aftersales.settlement",
        string="Settlements",
        compute="_compute_settlement_ids",
        search="_search_settlement_ids",
    )
    amount_matched = fields.Monetary(
        "Matched",
        compute="_compute_amount_matched",
        store=True,
        help="What of the gross amount is matched to settlements.",
    )
    amount_open = fields.Monetary(
        "Not matched yet",
        compute="_compute_amount_matched",
        store=True,
        help="What of the gross amount still waits for a settlement.",
    )

    @api.depends("match_ids.settlement_id")
    def _compute_settlement_ids(self):
        for fapiao in self:
            fapiao.settlement_ids = fapiao.match_ids.settlement_id

    def _search_settlement_ids(self, operator, value):
        if operator not in ("in", "any", "="):
            return NotImplemented
        return [("match_ids.settlement_id", operator, value)]

    @api.depends(
        "match_ids.amount",
        "amount_total",
        "red_ids.state",
        "red_ids.amount_total",
        "red_ids.match_ids.amount",
    )
    def _compute_amount_matched(self):
        for fapiao in self:
            applied = fapiao.red_ids.filtered(lambda red: red.state != "read")
            taken_back = sum(applied.match_ids.mapped("amount"))
            matched = sum(fapiao.match_ids.mapped("amount")) - taken_back
            fapiao.amount_matched = matched
            # red fapiao are negative, and aren't matched but applied to their blue one
            fapiao.amount_open = not fapiao.is_red and fapiao.currency_id.round(
                fapiao.amount_total + sum(applied.mapped("amount_total")) - matched
            )

    # --- who and when ----------------------------------------------------------------------

    def _check_accountant(self):
        """Raise AccessError unless the user keeps the books."""
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("account.group_account_user")

    def _lock_for_books(self):
        """Lock against what other accountants do this very moment.

        :raises UserError: somebody else is at it
        """
        self.check_access("write")
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody else is matching or posting fapiao %s this very moment. Reload the "
                    "page and look what has changed.",
                    format_list(self.env, self.mapped("name")),
                )
            ) from error
        self.invalidate_recordset()

    def _lock_matchable(self):
        self._lock_for_books()
        for fapiao in self:
            if fapiao.state not in ("read", "partly"):
                raise UserError(self.env._("Fapiao %s is matched already.", fapiao.name))
            if fapiao.is_red:
                raise UserError(
                    self.env._(
                        "Fapiao %s is a red one: it takes back its blue one and is matched to no "
                        "settlement.",
                        fapiao.name,
                    )
                )

    def _check_match_amount(self, settlement, amount):
        """Raise UserError if more would be matched than either side has open."""
        self.ensure_one()
        for open_amount, name in (
            (self.amount_open, self.name),
            (settlement.amount_difference, settlement.name),
        ):
            if (
                self.currency_id.compare_amounts(amount, 0) <= 0
                or self.currency_id.compare_amounts(amount, open_amount) > 0
            ):
                raise UserError(
                    self.env._(
                        "%(amount)s can't be matched: %(document)s has %(open)s open.",
                        amount=self.currency_id.format(amount),
                        document=name,
                        open=self.currency_id.format(open_amount),
                    )
                )

    def _update_match_state(self):
        """Bring the state of fapiao that aren't posted in line with their matches."""
        for fapiao in self:
            if not fapiao.match_ids:
                state = "read"
            elif fapiao.currency_id.is_zero(fapiao.amount_open):
                state = "matched"
            else:
                state = "partly"
            if fapiao.state != state:
                fapiao._write_protected({"state": state})

    # --- actions ---------------------------------------------------------------------------

    def action_match(self):
        """Carry out the matches that fit to the cent and leave no doubt, as an accountant (M8.6).

        :raises UserError: none does; the reasons are named
        """
        self._check_accountant()
        self._lock_matchable()
        # what failed when it was entered may have been put right since
        self._run_checks()
        proposals = self._propose_matches()
        exact = [proposal for proposal in proposals if proposal["exact"]]
        rest = [proposal for proposal in proposals if not proposal["exact"]]
        if not exact:
            raise UserError("\n".join(proposal["reason"] for proposal in rest))
        # one at a time: whoever waited here finds it taken
        for proposal in exact:
            self.env["aftersales.fapiao.match"]._match(proposal["amounts"])
        if not rest:
            return True
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "message": "\n".join(
                    [
                        self.env._("Matched: %s", sum(len(p["fapiaos"]) for p in exact)),
                        *(proposal["reason"] for proposal in rest),
                    ]
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_match_by_hand(self):
        """Open the window in which an accountant enters what belongs to which settlement."""
        self.ensure_one()
        self._check_accountant()
        self._lock_matchable()
        return self.env["aftersales.fapiao.match.by.hand"]._open(self)

    def action_unmatch(self):
        """Undo the matches of fapiao that aren't posted, as an accountant."""
        for fapiao in self:
            if not fapiao.match_ids:
                raise UserError(self.env._("Fapiao %s is not matched.", fapiao.name))
        return self.match_ids.action_undo()

    def action_reconcile(self):
        """Enter the matched fapiao in the books and close their settlements (M8.6)."""
        for fapiao in self:
            if not fapiao.match_ids:
                raise UserError(self.env._("Match fapiao %s first.", fapiao.name))
        return self.match_ids.settlement_id.action_reconcile()

    def action_view_bill(self):
        """Open the vendor bill, or our invoice."""
        self.ensure_one()
        return self.bill_id._get_records_action(name=self.env._("Bill"))

    # --- proposals -------------------------------------------------------------------------

    @api.model
    def _get_unmatched_domain(self):
        """Return the domain of the fapiao that wait for a match."""
        return [
            ("company_id", "in", self.env.companies.ids),
            ("state", "in", ("read", "partly")),
            ("is_red", "=", False),
        ]

    def _propose_matches(self):
        """Return how these fapiao, or else all that wait, could be matched to settlements (M8.6).

        Oldest first and always the same for the same documents. First what fits one to one, then
        one fapiao for several settlements, several for one, all for all; the rest is a partial
        match or none, with the reason.

        :return: list of dicts: ``fapiaos``, ``settlements``, ``amounts`` (list of (fapiao,
            settlement, amount)), ``exact`` (fits to the cent without a doubt), ``difference``
            (what the fapiao lack for the settlements; negative: they are too much) and
            ``reason``, a sentence
        """
        fapiaos = self or self.search(self._get_unmatched_domain())
        fapiaos = fapiaos.filtered(lambda f: f.state in ("read", "partly") and not f.is_red)
        proposals = []
        groups = fapiaos.sorted(lambda f: (f.date, f.name)).grouped(
            lambda f: (f.company_id, f._get_match_partner(), f._get_match_direction())
        )
        waiting = self._find_waiting(groups)
        for key, own in groups.items():
            if not key[1]:
                proposals += [own._propose_nothing(f._get_no_partner_message(), f) for f in own]
            else:
                proposals += own._propose_group(waiting.get(key, []))
        return proposals

    def _get_match_partner(self):
        """Return whom the books are kept with: the company of the center, or the buyer."""
        partner = self.partner_id if self.direction == "issued" else self.center_id
        return partner.commercial_partner_id

    def _get_match_direction(self):
        """Return the direction of the settlements that the fapiao can invoice."""
        return "receivable" if self.direction == "issued" else "payable"

    @api.model
    def _find_waiting(self, keys):
        """Return {(company, partner, direction): settlements that lack a fapiao, oldest first}."""
        settlements = self.env["aftersales.settlement"].search(
            [
                ("company_id", "in", [company.id for company, _partner, _direction in keys]),
                ("partner_id", "in", [partner.id for _company, partner, _direction in keys]),
                ("state", "=", "posted"),
            ],
            order="month, id",
        )
        return settlements.grouped(lambda s: (s.company_id, s.partner_id, s.direction))

    def _propose_nothing(self, reason, fapiaos, difference=0):
        return {
            "fapiaos": fapiaos,
            "settlements": self.env["aftersales.settlement"],
            "amounts": [],
            "exact": False,
            "difference": difference,
            "reason": reason,
        }

    def _propose_group(self, waiting):
        """Return proposals for the fapiao of one partner and the settlements that wait for it."""
        fapiaos, waiting, doubts = list(self), list(waiting), {}
        # each takes what it proposes out of the lists
        proposals = [
            *self._take_singles(fapiaos, waiting),
            *self._take_settlement_sums(fapiaos, waiting, doubts),
            *self._take_fapiao_sums(fapiaos, waiting, doubts),
            *self._take_all(fapiaos, waiting, doubts),
        ]
        return proposals + [
            fapiao._propose_partial(waiting, *doubts.get(fapiao, ([], True))) for fapiao in fapiaos
        ]

    def _take_singles(self, fapiaos, waiting):
        for fapiao in list(fapiaos):
            same = [s for s in waiting if s._get_cents() == fapiao._get_cents()]
            if same:
                # by the VAT, a fapiao for fees is not taken for one for parts
                best = min(same, key=lambda s, f=fapiao: s._get_tax_gap(f))
                reason = self._get_single_reason(best, same)
                fapiaos.remove(fapiao)
                waiting.remove(best)
                yield self._propose_exact([fapiao], [best], reason)

    def _take_settlement_sums(self, fapiaos, waiting, doubts):
        for fapiao in list(fapiaos):
            found, complete = self._find_sums(waiting, fapiao._get_cents())
            if len(found) == 1 and complete:
                fapiaos.remove(fapiao)
                for settlement in found[0]:
                    waiting.remove(settlement)
                names = format_list(self.env, [s.name for s in found[0]])
                yield self._propose_exact([fapiao], found[0], self.env._("Sum of %s.", names))
            elif found or not complete:
                doubts[fapiao] = (found, complete)

    def _take_fapiao_sums(self, fapiaos, waiting, doubts):
        for settlement in list(waiting):
            rest = [f for f in fapiaos if f not in doubts]
            found, complete = self._find_sums(rest, settlement._get_cents())
            if len(found) == 1 and complete:
                waiting.remove(settlement)
                for fapiao in found[0]:
                    fapiaos.remove(fapiao)
                reason = self.env._("Together exactly %s.", settlement.name)
                yield self._propose_exact(found[0], [settlement], reason)
            elif found:
                doubts.update({f: ([[settlement]], False) for items in found for f in items})

    def _take_all(self, fapiaos, waiting, doubts):
        if len(fapiaos) < 2 or len(waiting) < 2 or doubts:
            return
        if sum(f._get_cents() for f in fapiaos) == sum(s._get_cents() for s in waiting):
            reason = self.env._("Together exactly everything that waits for a fapiao.")
            yield self._propose_exact(list(fapiaos), list(waiting), reason)
            fapiaos.clear()
            waiting.clear()

    def _get_cents(self):
        """Return what waits for a settlement, in the smallest unit, so that sums are exact."""
        self.ensure_one()
        return round(self.amount_open / self.currency_id.rounding)

    def _get_single_reason(self, settlement, same):
        if len(same) == 1:
            return self.env._("The amount is exactly that of %s.", settlement.name)
        return self.env._(
            "The amount is exactly that of %(count)s settlements: %(names)s. %(chosen)s is taken, "
            "by its VAT and age.",
            count=len(same),
            names=format_list(self.env, [s.name for s in same]),
            chosen=settlement.name,
        )

    @api.model
    def _propose_exact(self, fapiaos, settlements, reason):
        """Return the proposal to match all of these to each other, oldest to oldest."""
        amounts, rest = [], [[s, s.amount_difference] for s in settlements]
        for fapiao in fapiaos:
            left = fapiao.amount_open
            while rest and not fapiao.currency_id.is_zero(left):
                settlement, lacking = rest[0]
                part = min(left, lacking)
                amounts.append((fapiao, settlement, part))
                left = fapiao.currency_id.round(left - part)
                rest[0][1] = fapiao.currency_id.round(lacking - part)
                if fapiao.currency_id.is_zero(rest[0][1]):
                    rest.pop(0)
        return {
            "fapiaos": self.browse().union(*fapiaos),
            "settlements": self.env["aftersales.settlement"].union(*settlements),
            "amounts": amounts,
            "exact": True,
            "difference": 0,
            "reason": reason,
        }

    @api.model
    def _find_sums(self, items, target):
        """Return (subsets of two or more ``items`` that sum up to ``target``, whether all tried).

        At most two are looked for: with two, the amount alone does not tell which is meant.
        """
        cents = [(item, item._get_cents()) for item in items]
        cents = [(item, amount) for item, amount in cents if 0 < amount < target]
        complete = len(cents) <= MAX_ITEMS
        cents = cents[:MAX_ITEMS]
        left = [0]
        for _item, amount in reversed(cents):
            left.append(left[-1] + amount)
        left.reverse()
        found, steps = [], 0
        stack = [(0, target, ())]
        while stack and len(found) < 2:
            index, rest, chosen = stack.pop()
            steps += 1
            if steps > MAX_STEPS:
                return found, False
            if not rest:
                found.append([cents[i][0] for i in chosen])
            elif index < len(cents) and left[index] >= rest:
                stack.append((index + 1, rest, chosen))
                if cents[index][1] <= rest:
                    stack.append((index + 1, rest - cents[index][1], (*chosen, index)))
        return found, complete

    def _propose_partial(self, waiting, found, complete):
        """Return the proposal for a fapiao that nothing fits to the cent, with the reason."""
        self.ensure_one()
        if not waiting:
            partner = self._get_match_partner()
            return self._propose_nothing(
                self.env._("%s has no confirmed settlement that waits for a fapiao.", partner.name),
                self,
                -self.amount_open,
            )
        nearest = min(waiting, key=lambda s: abs(s._get_cents() - self._get_cents()))
        difference = self.currency_id.round(nearest.amount_difference - self.amount_open)
        return {
            "fapiaos": self,
            "settlements": nearest,
            "amounts": [(self, nearest, min(self.amount_open, nearest.amount_difference))],
            "exact": False,
            "difference": difference,
            "reason": self._get_doubt_message(found, complete)
            or self._get_difference_message(waiting, nearest, difference),
        }

    def _get_doubt_message(self, found, complete):
        if len(found) > 1:
            return self.env._(
                "Fapiao %(fapiao)s of %(amount)s could be more than one thing: %(sums)s. Match it "
                "by hand.",
                fapiao=self.name,
                amount=self.currency_id.format(self.amount_open),
                sums="; ".join(" + ".join(item.name for item in items) for items in found),
            )
        if found:
            return self.env._(
                "Fapiao %(fapiao)s of %(amount)s may be part of %(document)s, but other sums fit, "
                "too. Match it by hand.",
                fapiao=self.name,
                amount=self.currency_id.format(self.amount_open),
                document=format_list(self.env, [item.name for item in found[0]]),
            )
        if not complete:
            return self.env._(
                "So many settlements wait for fapiao %s that not every sum was tried. Match it by "
                "hand.",
                self.name,
            )
        return False

    def _get_no_partner_message(self):
        if self.direction == "issued":
            return self.env._(
                "No partner has the tax number %s. Enter it on the manufacturer's form.",
                self.buyer_vat,
            )
        return self.env._(
            "No service center has the tax number %s. Enter it on the center's form.",
            self.seller_vat,
        )

    def _get_difference_message(self, waiting, nearest, difference):
        message = self.env._(
            "No confirmed settlement of %(partner)s amounts to %(amount)s. Waiting: %(waiting)s",
            partner=self._get_match_partner().name,
            amount=self.currency_id.format(self.amount_open),
            waiting=format_list(
                self.env,
                [f"{s.name} {s.currency_id.format(s.amount_difference)}" for s in waiting],
            ),
        )
        values = {
            "settlement": nearest.name,
            "difference": self.currency_id.format(abs(difference)),
        }
        if difference > 0:
            text = self.env._("For %(settlement)s %(difference)s are lacking.", **values)
        else:
            text = self.env._("For %(settlement)s it is %(difference)s too much.", **values)
        return f"{message} {text}"
