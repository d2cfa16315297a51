from odoo import api, fields, models
from odoo.exceptions import UserError

from .account_move import forget_caller
from .aftersales_settlement import CREDITED_STATES


class AftersalesSettlement(models.Model):
    """How fapiao close what a settlement entered in the books (M8.6)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    def _get_cents(self):
        """Return what waits for a fapiao, in the smallest unit, so that sums are exact."""
        self.ensure_one()
        return round(self.amount_difference / self.currency_id.rounding)

    def _get_tax_gap(self, fapiao):
        """Return by how much the VAT of ``fapiao`` differs from what is expected for this kind."""
        tax = self.company_id._aftersales_get_books(self.direction, self.kind)["tax"]
        return abs(fapiao.amount_untaxed * tax.amount / 100 - fapiao.amount_tax)

    def _update_invoiced_state(self):
        """Bring the state of credited settlements in line with their fapiao (M8.6, M9.2)."""
        for settlement in self:
            complete = settlement.currency_id.is_zero(settlement.amount_difference)
            state = "invoiced" if complete else "posted"
            if settlement.state != state:
                settlement._write_protected({"state": state})
                if complete:
                    settlement._deadline_event("invoiced")
                else:
                    settlement._ask_anew()

    def _ask_anew(self):
        """Give the time for another invoice, because the one that was complete is gone (M9.2)."""
        self._write_protected({"date_notice": fields.Datetime.now()})
        self._deadline_event("confirmed")

    def _check_fapiao(self, fapiaos):
        """Raise UserError unless the fapiao are of this settlement's partner and company."""
        self.ensure_one()
        for fapiao in fapiaos:
            if (
                fapiao._get_match_partner() != self.partner_id
                or fapiao._get_match_direction() != self.direction
                or fapiao.company_id != self.company_id
            ):
                raise UserError(
                    self.env._(
                        "Fapiao %(fapiao)s is not that of %(partner)s, with whom %(settlement)s "
                        "is settled. Undo the match.",
                        fapiao=fapiao.name,
                        partner=self.partner_id.name,
                        settlement=self.name,
                    )
                )

    def action_reconcile(self):
        """Enter the bills of the matched fapiao and close all accounts, as an accountant (M8.6).

        Settlements that share fapiao go together, complete or not at all.

        :raises UserError: no fapiao, a difference, a check that failed, or accounts that would
            not close
        """
        self._check_accountant()
        self._lock_for_books()
        self._check_state(*CREDITED_STATES)
        done = self.browse()
        for settlement in self:
            if settlement not in done:
                group = settlement._get_matched_group()
                group._reconcile_group()
                done |= group
        return True

    def _get_matched_group(self):
        """Return these settlements with those that the fapiao to be posted tie them to."""
        group = self
        while True:
            fapiaos = group.match_ids.fapiao_id.filtered(lambda f: not f.bill_id)
            wider = group | fapiaos.match_ids.settlement_id
            if wider == group:
                return group.sorted("id")
            group = wider

    def _reconcile_group(self):
        """Post the bills of a group and close it; everything or nothing."""
        self._lock_for_books()
        fapiaos = self.match_ids.fapiao_id.filtered(lambda f: not f.bill_id)
        fapiaos._lock_for_books()
        fapiaos._run_checks()
        fapiaos._check_postable()
        for settlement in self:
            settlement._check_complete()
        for fapiao in fapiaos:
            if not fapiao.currency_id.is_zero(fapiao.amount_open):
                raise UserError(
                    self.env._(
                        "%(amount)s of fapiao %(fapiao)s are not matched yet.",
                        amount=fapiao.currency_id.format(fapiao.amount_open),
                        fapiao=fapiao.name,
                    )
                )
        # sudo: an accountant of invoices may lack rights on entries; what is posted follows from
        # the settlements and their fapiao, both checked above.
        settlements = forget_caller(self.sudo())
        # with a red one that takes back a part of a fapiao before that was posted
        reds = fapiaos.red_ids.filtered(lambda red: red.state == "matched")
        (fapiaos | reds).sorted(lambda f: (f.is_red, f.date, f.name)).with_env(
            settlements.env
        )._post_bills()
        settlements._close_accounts(fapiaos.with_env(settlements.env))
        settlements._write_protected({"state": "reconciled"})

    def _check_complete(self):
        """Raise UserError unless fapiao for exactly the payable amount are matched (M8.6)."""
        self.ensure_one()
        self._check_state(*CREDITED_STATES)
        fapiaos = self.match_ids.fapiao_id
        if not fapiaos:
            raise UserError(self.env._("No fapiao is matched to %s yet.", self.name))
        self._check_fapiao(fapiaos)
        if not self.currency_id.is_zero(self.amount_difference):
            raise UserError(
                self.env._(
                    "%(settlement)s: the fapiao sum up to %(invoiced)s, confirmed is %(payable)s. "
                    "The difference of %(difference)s has to be corrected by who issues them "
                    "(M8.6).",
                    settlement=self.name,
                    invoiced=self.currency_id.format(self.amount_invoiced),
                    payable=self.currency_id.format(self.amount_payable),
                    difference=self.currency_id.format(self.amount_difference),
                )
            )

    def _get_accrued_at(self, invoiced):
        """Return what of the accrued net is closed when ``invoiced`` gross of it is invoiced.

        By this alone shares are taken, so that any sequence of fapiao, red ones too, ends at
        exactly the accrued net when everything is invoiced, and at zero when nothing is.
        """
        self.ensure_one()
        lines = self._get_entry_lines()
        gross, net = abs(lines["claims"].balance), abs(lines["accrued"].balance)
        return self._get_share(self.currency_id, net, gross, invoiced)

    @api.model
    def _get_share(self, currency, net, gross, invoiced):
        """Return what of ``net`` belongs to ``invoiced`` of ``gross``, all in ``currency``."""
        return currency.round(net * invoiced / gross)

    def _close_accounts(self, fapiaos):
        """Set the bills of ``fapiaos`` off against the entries, exactly by their matches (M8.6).

        :raises UserError: a clearing account of these settlements would stay open
        """
        fapiaos._reconcile_with_entries()
        for settlement in self:
            found = settlement._get_entry_lines()
            lines = found["claims"] + found["accrued"]
            for line in lines.filtered(lambda line: not line.reconciled):
                settlement._raise_open(line, line.amount_residual)

    def _raise_open(self, line, amount):
        self.ensure_one()
        raise UserError(
            self.env._(
                "%(account)s would not close for %(settlement)s: %(amount)s would stay open. Undo "
                "what its entry %(entry)s was reconciled with by hand, then try again.",
                account=line.account_id.display_name,
                settlement=self.name,
                amount=self.currency_id.format(abs(amount)),
                entry=self.move_id.name,
            )
        )
