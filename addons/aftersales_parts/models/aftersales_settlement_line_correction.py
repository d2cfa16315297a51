from odoo import fields, models

from .aftersales_settlement import AGREED_STATES

CHANGED_STATES = ("verified", "audited", "sent", "disputed")


class AftersalesSettlementLine(models.Model):
    """Lines by which an earlier list is corrected (M8.4, L1.7)."""

    _inherit = "aftersales.settlement.line"  # pylint: disable=consider-merging-classes-inherited

    correction_id = fields.Many2one(
        "aftersales.settlement.correction",
        "Correction",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )

    def _is_correctable(self):
        """Tell whether a ruling about warranty or fee can be carried out for the line (L1.7)."""
        self.ensure_one()
        state = self.settlement_id.state
        return state in AGREED_STATES or (self.result == "uncovered" and state in CHANGED_STATES)

    def _get_ruling_amount(self):
        """Return what a ruling may give for this settled line: warranty, fee, or None (L1.7)."""
        self.ensure_one()
        if self.kind != "part":
            return self.result in ("deducted", "reduced") and self.amount_deducted
        if self.result == "uncovered":
            return self.amount_claimed
        if self.result in ("payable", "reduced") and not self.amount_fee:
            terms = self.env["aftersales.settlement.terms"]._get_terms(
                self.company_id, self.price_date
            )
            return self.currency_id.round(self.amount_base * terms.fee_rate / 100)
        return 0

    def _get_ruling_reason(self):
        self.ensure_one()
        labels = dict(self._fields["result"]._description_selection(self.env))
        if self.kind == "part" and self.result != "uncovered":
            return self.env._("Without management fee")
        return labels[self.result]

    def _limit_correction(self):
        """Let corrections end with what was decided on their lines."""
        for line in self.sudo().filtered("correction_id"):
            correction = line.correction_id
            correction._limit(correction.amount_settled + line.amount_payable)

    def _cap_corrections(self):
        """Take back no more than what the lists of these lines pay; the rest waits (M8.4)."""
        # sudo: these figures follow from the others; nobody writes them
        for settlement, lines in self.sudo().grouped("settlement_id").items():
            taken = lines.filtered(lambda line: line.correction_id and line.amount_claimed < 0)
            if taken:
                taken._cap_to(settlement, settlement.line_ids - taken)

    def _cap_to(self, settlement, others):
        is_changed = settlement.state in CHANGED_STATES
        name = "amount_payable" if is_changed else "amount_claimed"
        room = max(sum(others.mapped(name)), 0)
        amounts = {}
        for line in self.sorted("id"):
            wanted = -line.amount_claimed if is_changed else -line.correction_id.amount_rest
            amounts[line] = -settlement.currency_id.round(min(wanted, room))
            room += amounts[line]
        if is_changed:
            self._change_payable(
                amounts, self.env._("What the list can't bear waits for the following one.")
            )
            return
        for line, amount in amounts.items():
            if not amount:
                line.unlink()
            elif line.currency_id.compare_amounts(amount, line.amount_claimed):
                line._write_protected(
                    {"price_unit": amount, "amount_base": amount, "amount_claimed": amount}
                )
