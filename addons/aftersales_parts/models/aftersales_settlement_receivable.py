from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_list

CLERK = "aftersales_service.group_clerk"
ACCOUNTANT = "account.group_account_invoice"


class AftersalesSettlement(models.Model):
    """What we claim from the manufacturer as a service center: its result, checked (M9.1–M9.3)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    def _check_direction(self, direction):
        """Raise UserError unless the lists are paid in ``direction``."""
        labels = dict(self._fields["direction"]._description_selection(self.env))
        for settlement in self:
            if settlement.direction != direction:
                raise UserError(
                    self.env._(
                        "%(settlement)s is of the kind “%(direction)s”, where this is not done.",
                        settlement=settlement.name,
                        direction=labels[settlement.direction],
                    )
                )

    def _receive_result(self, results):
        """Enter what the manufacturer pays; whatever differs from the claim is traced (M9.3).

        When every line has its result and no difference is open, the accountants check the list.
        Results may come in parts, and once more after the manufacturer has corrected them.

        :param dict results: {line: (amount in the company's currency with VAT, reason)}; the
            reason of the manufacturer is needed where the amount is not the one claimed
        :raises AccessError: no clerk
        :raises UserError: not filed with the manufacturer, a line of another list, or no reason
        """
        self.ensure_one()
        self._check_group(CLERK)
        self._check_direction("receivable")
        self._lock("submitted", "verified", "disputed")
        lines = self.env["aftersales.settlement.line"].union(*results)
        if others := lines - self.line_ids:
            raise UserError(
                self.env._(
                    "These lines are not on %(settlement)s: %(lines)s",
                    settlement=self.name,
                    lines=format_list(self.env, others.mapped("display_name")),
                )
            )
        # sudo: the figures that nobody may write by hand are fixed here
        for line in lines.sudo().filtered(lambda line: line.result == "open"):
            # until the manufacturer says otherwise, what was claimed is paid
            line._write_protected(line._prepare_payable_vals(line.amount_claimed))
        as_claimed = self.env._("The manufacturer pays as claimed.")
        results = {
            line: (self.currency_id.round(amount), (reason or "").strip() or as_claimed)
            for line, (amount, reason) in results.items()
        }
        deviating = lines.filtered(
            lambda line: self.currency_id.compare_amounts(results[line][0], line.amount_claimed)
        )
        if unexplained := deviating.filtered(lambda line: results[line][1] == as_claimed):
            raise UserError(
                self.env._(
                    "The manufacturer pays otherwise than claimed. Enter the reason it gives: %s",
                    format_list(self.env, unexplained.mapped("display_name")),
                )
            )
        changed = self.env["aftersales.settlement.line"]
        for reason, own in lines.grouped(lambda line: results[line][1]).items():
            changed |= own._change_payable({line: results[line][0] for line in own}, reason)
        self._trace_results(lines, deviating & changed.with_env(self.env), results)
        self._advance_receivable()
        return True

    def _trace_results(self, lines, deviating, results):
        """Open a difference for each of ``deviating``, and end those that are over (M9.3)."""
        # sudo: differences are made and ended by the results alone
        known = self.sudo().difference_ids.filtered(lambda difference: difference.state == "open")
        by_line = known.grouped("line_id")
        for line in lines:
            amount, reason = results[line]
            if line in by_line and not self.currency_id.compare_amounts(
                amount, line.amount_claimed
            ):
                by_line[line]._decide("accepted", reason, amount)
        self.env["aftersales.settlement.difference"].sudo().create(
            [
                {
                    "settlement_id": self.id,
                    "line_id": line.id,
                    "used_part_id": line.used_part_id.id,
                    "record_id": line.record_id.id,
                    "label": line.display_name,
                    "amount_listed": results[line][0],
                    "amount_expected": line.amount_claimed,
                    "cause": results[line][1],
                    "user_id": self.env.uid,
                }
                for line in deviating
                if line not in by_line
            ]
        )

    def _advance_receivable(self):
        """Let lists go on as soon as every line has its result and nothing is open (M9.3)."""
        for settlement in self:
            if any(line.result == "open" for line in settlement.line_ids):
                state = "submitted"
            else:
                state = "disputed" if settlement._get_open_differences() else "verified"
            if settlement.state != state:
                settlement._write_protected({"state": state})

    def action_open_result(self):
        """Open the window in which what the manufacturer pays is entered for all open lines."""
        self.ensure_one()
        lines = self.line_ids.filtered(lambda line: line.result == "open") or self.line_ids
        return lines.action_open_change()

    def action_check_books(self):
        """Check with the books what the manufacturer pays, as an accountant (M9.1).

        :raises AccessError: no accountant
        :raises UserError: not ours to claim, its result isn't complete, or a difference is open
        """
        self._check_group(ACCOUNTANT)
        self._check_direction("receivable")
        self._lock("verified")
        for settlement in self:
            settlement._check_answered()
        self._write_protected({"state": "audited"})
        return True
