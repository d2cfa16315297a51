from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_list

from .account_move import forget_caller
from .aftersales_settlement_books import ACTIVITY


class AftersalesSettlement(models.Model):
    """How a settlement is taken back out of the books (M8.5)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_reverse"}

    def action_open_reverse(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_reverse", self.env._("Reverse settlement")
        )

    def action_reverse(self, reason=None):
        """Take a confirmed settlement back out of the books, as an accountant (M8.5).

        One that pays nothing, too: it is reconciled without ever being in the books. It is audited
        again. Customer service corrects and sends it again, or cancels it, so that its parts are
        filed anew (M8.9).

        :raises UserError: no reason, a fapiao is matched or in the books, or these are locked
        """
        self._check_group("account.group_account_user")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the settlement is reversed."))
        self._lock_for_books()
        for settlement in self:
            settlement._check_not_invoiced()
        self.filtered(lambda s: not s._is_unpaid())._check_state("posted", "confirmed")
        # sudo: the entry belongs to the settlement, whose accountant was checked above
        for settlement in forget_caller(self.sudo()):
            settlement._reverse(reason)
        return True

    def _check_not_invoiced(self):
        """Raise UserError while a fapiao stands: it would invoice what isn't credited."""
        self.ensure_one()
        fapiaos = self.match_ids.fapiao_id
        if standing := fapiaos.filtered(
            lambda f: f.bill_id and f.state == "posted" and not f.is_red
        ):
            raise UserError(
                self.env._(
                    "Fapiao %(fapiao)s of %(settlement)s is in the books. Who issued it has to "
                    "take it back by a red fapiao first: enter that one and apply it, then reverse "
                    "the settlement.",
                    fapiao=format_list(self.env, standing.mapped("name")),
                    settlement=self.name,
                )
            )
        if matched := fapiaos.filtered(lambda f: f.state in ("partly", "matched")):
            raise UserError(
                self.env._(
                    "Fapiao %(fapiao)s is matched to %(settlement)s. Undo the match first.",
                    fapiao=format_list(self.env, matched.mapped("name")),
                    settlement=self.name,
                )
            )

    def _is_unpaid(self):
        """Tell whether this was agreed on at zero, so that it needed no entry and no fapiao."""
        self.ensure_one()
        return (
            self.state == "reconciled"
            and not self.move_id
            and self.currency_id.is_zero(self.amount_payable)
        )

    def _reverse(self, reason):
        self.ensure_one()
        noted = self.line_ids.correction_id.filtered(lambda c: c._is_noted())
        move = self.move_id
        message = self.env._("Reversed before it was entered in the books: %s", reason)
        if move:
            reversal = self._reverse_entry(move)
            message = self.env._(
                "The entry %(entry)s was reversed by %(reversal)s: %(reason)s",
                entry=move._get_html_link(title=move.name),
                reversal=reversal._get_html_link(title=reversal.name),
                reason=reason,
            )
        self.activity_unlink([ACTIVITY])
        self._cancel_deadlines()
        self._write_protected(
            {"state": "audited", "move_id": False, "date_confirmed": False, "date_notice": False}
        )
        # what this list took back is to be recovered again
        noted.origin_line_id._write_protected({"recovery_note": False})
        self.message_post(body=message)

    def _reverse_entry(self, move):
        """Reverse the entry on a day on which the books are open, and undo its set-off.

        :raises UserError: the books are locked today, or an account would stay open
        """
        company = self.company_id
        date = company._aftersales_get_open_date(company._aftersales_today(), move.journal_id)
        own = move._for_aftersales()
        lines = self._get_entry_lines()
        reversal = own._reverse_moves(
            [
                {
                    "date": date,
                    "ref": self.env._("Reversal of %s", self.name),
                    "journal_id": move.journal_id.id,
                    "aftersales_settlement_id": self.id,
                }
            ],
            cancel=True,
        )
        own.aftersales_in_force = False
        reversal.line_ids.aftersales_settlement_id = self
        for use in ("claims", "accrued", "current"):
            if not lines[use].reconciled:
                self._raise_open(lines[use], lines[use].amount_residual)
        return reversal.with_env(self.env)
