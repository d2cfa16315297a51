from odoo import models
from odoo.exceptions import UserError

from .account_move import OWN_ACTION, forget_caller


class AftersalesFapiao(models.Model):
    """How a red fapiao takes back its blue one, and what waits for a new one then (M8.6)."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    def _apply_red(self):
        """Take back by these red fapiao what their blue ones invoiced (M8.6).

        Before it is posted, the match of the blue one is undone; afterwards a refund of exactly
        the red amounts is posted, and its settlements are open again by exactly that.

        :raises UserError: not red, without a blue one, applied already, more than the blue one
            has left, or a check failed
        """
        self._check_accountant()
        for red in self.sorted(lambda f: (f.date, f.name)):
            red._apply_one_red()
        return True

    def _apply_one_red(self):
        self.ensure_one()
        blue = self.blue_id
        if not self.is_red or not blue:
            raise UserError(
                self.env._("%s is not tied to the blue fapiao that it takes back.", self.name)
            )
        settlements = blue.match_ids.settlement_id
        (self | blue)._lock_for_books()
        settlements._lock_for_books()
        if self.state != "read":
            raise UserError(self.env._("The red fapiao %s has been applied already.", self.name))
        if blue.currency_id.compare_amounts(-self.amount_total, blue._get_standing()) > 0:
            raise UserError(
                self.env._(
                    "The red fapiao %(red)s takes back %(amount)s, but of %(blue)s only "
                    "%(standing)s are left.",
                    red=self.name,
                    amount=self.currency_id.format(-self.amount_total),
                    blue=blue.name,
                    standing=self.currency_id.format(blue._get_standing()),
                )
            )
        self._run_checks()
        self._check_postable()
        if blue.bill_id:
            # sudo: an accountant of invoices may lack rights on entries; what is posted follows
            # from the two fapiao, both checked above
            forget_caller(self.sudo())._take_back_posted()
        else:
            self._take_back_unposted()

    def _get_standing(self):
        """Return what of the gross amount applied red fapiao have not taken back."""
        applied = self.red_ids.filtered(lambda red: red.state != "read")
        return self.currency_id.round(self.amount_total + sum(applied.mapped("amount_total")))

    def _take_back_unposted(self):
        """Undo the matches of the blue fapiao, which isn't in the books yet.

        What is left of it waits for a match again; the red one is posted together with it.
        """
        blue = self.blue_id
        settlements = blue.match_ids.settlement_id
        # sudo: nobody deletes a match by hand; who may undo it was checked
        blue.match_ids.sudo().unlink()
        settlements._update_invoiced_state()
        self._write_protected({"state": "matched"})
        if blue.currency_id.is_zero(blue._get_standing()):
            reds = blue.red_ids.filtered(lambda red: red.state == "matched")
            (blue | reds)._write_protected({"state": "reversed"})
        else:
            blue._update_match_state()

    def _take_back_posted(self):
        """Post the refund, and open the settlements again by exactly its amount."""
        blue = self.blue_id
        matches = self.env["aftersales.fapiao.match"].create(self._prepare_red_matches())
        self._post_bills()
        self.bill_id.reversed_entry_id = blue.bill_id
        blue._undo_reconciliation()
        blue._reconcile_with_entries()
        if blue.currency_id.is_zero(blue._get_standing()):
            blue._write_protected({"state": "reversed"})
        for settlement in matches.settlement_id:
            settlement._update_invoiced_state()
            settlement.message_post(
                body=self.env._(
                    "The red fapiao %(red)s takes back %(amount)s of %(blue)s. This much is to be "
                    "invoiced again.",
                    red=self.name,
                    amount=settlement.currency_id.format(
                        sum(m.amount for m in matches if m.settlement_id == settlement)
                    ),
                    blue=blue.name,
                )
            )

    def _prepare_red_matches(self):
        """Return matches that take the red amount off those of the blue fapiao, the last first."""
        currency = self.currency_id
        left, vals_list = -self.amount_total, []
        for match in self.blue_id.match_ids.sorted("id", reverse=True):
            taken_back = self.blue_id.red_ids.match_ids.filtered(
                lambda m, s=match.settlement_id: m.settlement_id == s
            )
            part = min(left, currency.round(match.amount - sum(taken_back.mapped("amount"))))
            if currency.compare_amounts(part, 0) > 0:
                vals_list.append(
                    {
                        "fapiao_id": self.id,
                        "settlement_id": match.settlement_id.id,
                        "amount": part,
                    }
                )
                left = currency.round(left - part)
        return vals_list

    def _undo_reconciliation(self):
        """Take apart the bill, its refunds and the entries, to set them off anew."""
        self.ensure_one()
        lines = self._get_bill_lines("claims")
        for settlement in self.match_ids.settlement_id:
            lines |= self._get_bill_lines("accrued", settlement)
        partials = lines.matched_debit_ids | lines.matched_credit_ids
        partials.with_context(aftersales_own_action=OWN_ACTION).unlink()
