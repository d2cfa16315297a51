from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list

# the amounts are neither the center's claim nor agreed on
CHANGEABLE_STATES = ("submitted", "verified", "audited", "sent", "disputed")
# another document decides on these, so that no amount brings them back
FINAL_RESULTS = ("replaced", "forfeited")
# results by which another settlement may still pay the part
UNPAID_RESULTS = ("missing", "deducted")
# of these an objection may expect more than the company listed
RAISED_KINDS = ("labour", "travel", "maintenance", "allowance")


class AftersalesSettlementLine(models.Model):
    """How the amount of a line changes after filing, and what is found to be wrong (M8.4, M8.5)."""

    _inherit = "aftersales.settlement.line"  # pylint: disable=consider-merging-classes-inherited

    change_ids = fields.One2many("aftersales.settlement.change", "line_id", "Changes")
    difference_ids = fields.One2many("aftersales.settlement.difference", "line_id", "Differences")
    difference_state = fields.Selection(
        selection=lambda self: (
            self.env["aftersales.settlement.difference"]
            ._fields["state"]
            ._description_selection(self.env)
        ),
        string="Objection",
        compute="_compute_difference_state",
        help="What became of the last objection to this line.",
    )
    settlement_state = fields.Selection(related="settlement_id.state", string="Settlement status")
    can_object = fields.Boolean(compute="_compute_can_object")
    can_change = fields.Boolean(compute="_compute_can_object")

    @api.depends("difference_ids.state")
    def _compute_difference_state(self):
        for line in self:
            line.difference_state = line.difference_ids.sorted("id")[-1:].state

    @api.depends(
        "settlement_id.state",
        "settlement_id.direction",
        "settlement_id.verifier_id",
        "difference_ids.state",
    )
    @api.depends_context("uid")
    def _compute_can_object(self):
        is_service = self.env.user.has_group("aftersales_service.group_customer_service")
        for settlement, lines in self.grouped("settlement_id").items():
            can_object = settlement._can_object()
            lines.can_change = (
                is_service
                and settlement.direction == "payable"
                and settlement.state in ("verified", "audited")
                and not settlement._is_own()
                and settlement.verifier_id != self.env.user
            )
            for line in lines:
                line.can_object = can_object and line.difference_state != "open"

    def _check_no_difference(self):
        """Raise UserError while an objection to one of the lines is open."""
        if lines := self.filtered(lambda line: line.difference_state == "open"):
            raise UserError(
                self.env._(
                    "An objection to the settlement is open: %s",
                    format_list(
                        self.env,
                        [f"{line.display_name} ({line.settlement_id.name})" for line in lines],
                    ),
                )
            )

    def _check_range(self, amount, expected=None):
        """Raise UserError unless ``amount`` is one that the line can pay.

        A part is paid by its price (M8.1), a correction by its ground. Of what the company itself
        lists, the center may expect more than was put down, a rebate apart, which is granted by
        nothing but a rebate; without that, nobody grants more. The manufacturer may grant us more
        than we claim.

        :param float expected: what the center expects instead, by its objection
        """
        self.ensure_one()
        compare = self.currency_id.compare_amounts
        lowest, highest = sorted((0, self.amount_claimed))
        if expected and self.kind in RAISED_KINDS:
            highest = max(highest, expected)
        is_limited = self.settlement_id.direction == "payable"
        if compare(amount, lowest) < 0 or (is_limited and compare(amount, highest) > 0):
            raise UserError(
                self.env._(
                    "%(line)s: what is paid lies between 0 and the %(claimed)s that are claimed.",
                    line=self.display_name,
                    claimed=self.currency_id.format(highest),
                )
            )

    def _change_payable(self, amounts, reason, deduction_reason=None, difference=None):
        """Change what the lines pay; the only way that an amount changes after filing (M8.4).

        Each change keeps the old amount, who changed it and why, in an entry that nobody can
        write or delete. Roles and state of the settlement are checked by the action that calls.

        :param dict amounts: {line: new payable amount in the company's currency, VAT included}
        :param str reason: why, for the entry
        :param deduction_reason: the code of the deduction, needed where a part is paid less
        :param difference: the objection that is answered by it
        :raises UserError: no reason or code, an amount out of range, a line that another document
            decides on, or a list that isn't filed or is agreed on
        """
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Give the reason: it is kept with the change."))
        # sudo: nobody writes figures by hand; the caller has checked who changes them
        lines = self.sudo()
        lines.settlement_id._check_state(*CHANGEABLE_STATES)
        changed = lines.filtered(
            lambda line: line.currency_id.compare_amounts(line.amount_payable, amounts[line])
        )
        vals_list = []
        for line in changed:
            amount = line.currency_id.round(amounts[line])
            line._check_payable(amount, deduction_reason, difference)
            vals_list.append(line._prepare_change_vals(amount, reason, deduction_reason))
        changed._check_unpaid_elsewhere()
        # sudo: as above
        self.env["aftersales.settlement.change"].sudo().create(
            [{**vals, "difference_id": difference and difference.id} for vals in vals_list]
        )
        for line, vals in zip(changed, vals_list, strict=True):
            line._write_protected(line._prepare_payable_vals(vals["amount_new"], deduction_reason))
        return changed

    def _check_payable(self, amount, deduction_reason, difference=None):
        """Raise UserError unless the line may pay ``amount``, answering ``difference`` if given."""
        self.ensure_one()
        if self.result in FINAL_RESULTS:
            labels = dict(self._fields["result"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "%(line)s is “%(result)s”: what it pays can't be changed.",
                    line=self.display_name,
                    result=labels[self.result],
                )
            )
        self._check_range(amount, difference and difference.amount_expected)
        if (
            self.kind == "part"
            and self.settlement_id.direction == "payable"
            and amount < min(self.amount_payable, self.amount_claimed)
            and not deduction_reason
        ):
            raise UserError(
                self.env._(
                    "%s: choose the deduction code by which less is paid.", self.display_name
                )
            )

    def _check_unpaid_elsewhere(self):
        """Raise UserError if another settlement pays a part that this one would pay now (M8.4)."""
        parts = self.filtered(lambda line: line.result in UNPAID_RESULTS).used_part_id
        others = self.search(
            [
                ("used_part_id", "in", parts.ids),
                ("id", "not in", self.ids),
                ("result", "not in", UNPAID_RESULTS),
            ]
        )
        if others:
            raise UserError(
                self.env._(
                    "Settled elsewhere already: %s",
                    format_list(
                        self.env, [f"{line.tag} ({line.settlement_id.name})" for line in others]
                    ),
                )
            )

    def _prepare_change_vals(self, amount, reason, deduction_reason=None):
        self.ensure_one()
        return {
            "settlement_id": self.settlement_id.id,
            "line_id": self.id,
            "label": self.display_name,
            "state": self.settlement_id.state,
            "amount_old": self.amount_payable,
            "amount_new": amount,
            "reason": reason,
            "deduction_reason_id": deduction_reason and deduction_reason.id,
            "user_id": self.env.uid,
        }

    def _prepare_payable_vals(self, amount, deduction_reason=None):
        self.ensure_one()
        less = self.currency_id.round(self.amount_claimed - amount)
        if less <= 0 or self.kind == "correction":
            result, code = "payable", self.env["aftersales.deduction.reason"]
        else:
            result = "reduced" if amount else "deducted"
            code = deduction_reason or self.deduction_reason_id
        return {
            "amount_payable": amount,
            "result": result,
            "deduction_reason_id": code.id,
            "deduction_rate": less / self.amount_claimed * 100 if code else 0,
        }

    def _reopen(self, reason):
        """Let lines that were verified be open again, with an entry of what they had paid."""
        paid = self.filtered("amount_payable")
        # sudo: entries follow from what happens to the lines
        self.env["aftersales.settlement.change"].sudo().create(
            [line._prepare_change_vals(0, reason) for line in paid]
        )
        self._write_protected(
            {
                "result": "open",
                "amount_payable": 0,
                "deduction_reason_id": False,
                "deduction_rate": 0,
            }
        )

    # --- what the service center sees ------------------------------------------------------

    def _explain_result(self):
        text = super()._explain_result()
        # sudo: whoever sees the line sees how its amount came about
        last = self.sudo().change_ids.sorted("id")[-1:]
        if not last:
            return text
        return self.env._(
            "%(text)s. Changed from %(old)s by %(user)s: %(reason)s",
            text=text,
            old=self.currency_id.format(last.amount_old),
            user=last.user_id.name,
            reason=last.reason,
        )

    def action_open_object(self):
        """Open the window that asks what is wrong with the line."""
        self.ensure_one()
        return self.settlement_id._open_objection(
            {"default_settlement_id": self.settlement_id.id, "default_line_id": self.id}
        )

    # --- audit -----------------------------------------------------------------------------

    def action_open_change(self):
        """Open the window that asks what the lines pay instead."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change the amount"),
            "res_model": "aftersales.settlement.line.pay",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_line_ids": self.ids},
        }

    def _audit(self, amounts, reason, deduction_reason=None):
        """Let the lines pay other amounts than the verification said, as customer service (M8.4).

        :param dict amounts: {line: new payable amount in the company's currency, VAT included}
        :raises AccessError: not customer service, of the center that is paid, or who verified it
        :raises UserError: not being audited, or see `_change_payable`
        """
        settlements = self.settlement_id
        self._check_group("aftersales_service.group_customer_service")
        settlements._check_other()
        settlements._check_direction("payable")
        settlements._lock("verified", "audited")
        settlements._check_auditor()
        self._change_payable(amounts, reason, deduction_reason)
        self._limit_correction()
        settlements.line_ids._cap_corrections()
        return True
