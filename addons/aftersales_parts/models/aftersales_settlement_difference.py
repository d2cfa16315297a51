from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_list

from .aftersales_settlement_line_change import RAISED_KINDS

CENTER = "aftersales_service.group_center"
CLERK = "aftersales_service.group_clerk"
CUSTOMER_SERVICE = "aftersales_service.group_customer_service"


class AftersalesSettlementDifference(models.Model):
    """差异: a line that is found to be wrong, or to be missing, and what came of it (M8.5, M9.3).

    The service center objects to what the company audited, or our clerk to what the manufacturer
    pays. Entries are made, answered and withdrawn by their actions alone.
    """

    _name = "aftersales.settlement.difference"
    _description = "Difference"
    _regulations = ("M8.5", "M9.3", "H11")
    _inherit = ["aftersales.document.entry", "aftersales.workflow.mixin"]
    _order = "id desc"
    _rec_name = "label"

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="settlement_id.company_id", store=True)
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    center_id = fields.Many2one(related="settlement_id.center_id", store=True, index=True)
    direction = fields.Selection(related="settlement_id.direction")
    line_id = fields.Many2one(
        "aftersales.settlement.line",
        "Line",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="Empty: something is missing on the list.",
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Used part",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    label = fields.Char("Subject", readonly=True)
    amount_listed = fields.Monetary(
        "On the list", readonly=True, help="What the line pays, when it was found to be wrong."
    )
    amount_expected = fields.Monetary("Amount expected", readonly=True)
    amount_agreed = fields.Monetary(
        "Agreed", readonly=True, help="What the line pays after the answer."
    )
    cause = fields.Text(required=True, readonly=True, help="Why another amount is expected.")
    outcome = fields.Text("Answer", readonly=True)
    user_id = fields.Many2one(
        "res.users",
        "Found by",
        required=True,
        readonly=True,
        ondelete="restrict",
        default=lambda self: self.env.user,
    )
    date = fields.Datetime("Found on", required=True, readonly=True, default=fields.Datetime.now)
    decider_id = fields.Many2one("res.users", "Answered by", readonly=True, ondelete="restrict")
    date_decided = fields.Datetime("Answered on", readonly=True)
    state = fields.Selection(
        [
            ("open", "Open"),
            ("accepted", "Accepted"),
            ("refused", "Refused"),
            ("withdrawn", "Withdrawn"),
        ],
        "Status",
        default="open",
        required=True,
        readonly=True,
    )

    can_answer = fields.Boolean(compute="_compute_can_answer")
    can_withdraw = fields.Boolean(compute="_compute_can_answer")

    _line_open_uniq = models.UniqueIndex(
        "(line_id) WHERE state = 'open'",
        "There is an objection to this line already that isn't answered yet.",
    )

    def _get_protected_fields(self):
        # what somebody found, and what was answered, stays as it was said
        return {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    @api.model
    def _get_document_domain(self):
        # whoever may see a settlement may see what is wrong with it
        return Domain("settlement_id", "in", self.env["aftersales.settlement"]._search([]))

    # --- answers ---------------------------------------------------------------------------

    @api.depends("state", "direction", "settlement_id.state")
    @api.depends_context("uid")
    def _compute_can_answer(self):
        is_service, is_clerk, is_center = map(
            self.env.user.has_group, (CUSTOMER_SERVICE, CLERK, CENTER)
        )
        for difference in self:
            is_open = difference.state == "open"
            is_own = difference.settlement_id._is_own()
            if difference.direction == "payable":
                difference.can_answer = is_open and is_service and not is_own
                difference.can_withdraw = is_open and is_center and is_own
            else:
                difference.can_answer = difference.can_withdraw = is_open and is_clerk

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_withdraw"}

    def _check_answer(self):
        """Check role and state of who answers, and lock the lists."""
        payable = self.filtered(lambda difference: difference.direction == "payable")
        if payable:
            self._check_group(CUSTOMER_SERVICE)
            payable.settlement_id._check_other()
        if self - payable:
            # what the manufacturer says is entered by a clerk
            self._check_group(CLERK)
        self._lock_open()

    def _lock_open(self):
        self.check_access("read")
        # sudo: the role is checked; the list is locked, so that nobody confirms it meanwhile
        self.sudo().settlement_id._lock("disputed")
        self.invalidate_recordset(["state"])
        if answered := self.filtered(lambda difference: difference.state != "open"):
            raise UserError(
                self.env._(
                    "These are not open any more: %s",
                    format_list(self.env, answered.mapped("label")),
                )
            )

    def _accept(self, outcome, amount=None, deduction_reason=None):
        """Agree that the list is wrong, and let the line pay ``amount`` (M8.5, M9.3).

        What isn't listed is put on a list by generating the month again; what came after the
        filing day needs an exception first (M8.9).

        :param str outcome: the answer, for who objected
        :param float amount: in the company's currency, VAT included; default as expected
        :param deduction_reason: the code, if a part is paid less than before
        :raises AccessError: neither customer service, nor a clerk for the manufacturer
        :raises UserError: no answer given, not open, or an amount that the line can't pay
        """
        outcome = self._get_outcome_text(outcome)
        self._check_answer()
        for difference in self:
            line = difference.line_id
            if line:
                agreed = difference.amount_expected if amount is None else amount
                line._change_payable(
                    {line: agreed},
                    outcome,
                    deduction_reason or line.deduction_reason_id,
                    difference=difference,
                )
                line._limit_correction()
            else:
                line = difference._list_missing()
                agreed = line.amount_claimed
                outcome = self.env._(
                    "%(outcome)s (now on %(settlement)s)",
                    outcome=outcome,
                    settlement=line.settlement_id.name,
                )
            difference._decide("accepted", outcome, agreed)
        self.settlement_id._end_answers()
        return True

    def action_refuse(self, reason=None):
        """Leave the line as it is, with the reason (M8.5, M9.3).

        :raises AccessError: neither customer service, nor a clerk for the manufacturer
        :raises UserError: no reason given, or not open
        """
        outcome = self._get_outcome_text(reason)
        self._check_answer()
        for difference in self:
            difference._decide("refused", outcome, difference.line_id.amount_payable)
        self.settlement_id._end_answers()
        return True

    def action_withdraw(self, reason=None):
        """Take an objection back, as the one side that objected.

        :raises AccessError: of another center, or no clerk
        :raises UserError: no reason given, or not open
        """
        outcome = self._get_outcome_text(reason)
        payable = self.filtered(lambda difference: difference.direction == "payable")
        if payable:
            self._check_group(CENTER)
            payable.settlement_id._check_own()
        if self - payable:
            self._check_group(CLERK)
        self._lock_open()
        for difference in self:
            difference._decide("withdrawn", outcome, difference.line_id.amount_payable)
        self.settlement_id._end_objections()
        return True

    def _get_raised(self):
        """Return the accepted ones by which a line pays more than was claimed for it."""
        return self.filtered(
            lambda d: (
                d.state == "accepted"
                and d.line_id.kind in RAISED_KINDS
                and d.currency_id.compare_amounts(d.amount_agreed, d.line_id.amount_claimed) > 0
            )
        )

    def _get_outcome_text(self, text):
        text = (text or "").strip()
        if not text:
            raise UserError(self.env._("Write down the answer: it is kept with the difference."))
        return text

    def _decide(self, state, outcome, amount):
        self.ensure_one()
        self._write_protected(
            {
                "state": state,
                "outcome": outcome,
                "amount_agreed": amount,
                "decider_id": self.env.uid,
                "date_decided": fields.Datetime.now(),
            }
        )

    def _list_missing(self):
        """Return the line of what was missing, after generating the month again (M8.3, M8.9).

        :raises UserError: nothing can be claimed for it, or it is forfeited
        """
        self.ensure_one()
        settlement = self.settlement_id
        part, record = self.used_part_id, self.record_id
        # sudo: customer service has decided; the lists follow from the valid records alone
        lists = settlement.sudo().with_company(settlement.company_id)
        problems = {}
        if not settlement._find_listed(part, record):
            # what else of the month can't be claimed is no answer to this objection
            lists._generate(
                settlement.month, settlement.center_id, [settlement.kind], problems=problems
            )
        lines = settlement._find_listed(part, record)
        if not lines:
            message = self.env._(
                "Nothing can be claimed for %s: look at its service record. Refuse the "
                "objection, or let the record be put right first.",
                self.label,
            )
            raise UserError("\n".join([message, *problems.get(settlement.center_id, ())]))
        if all(line.result == "forfeited" for line in lines):
            raise UserError(
                self.env._(
                    "%(label)s came after the filing day and is forfeited on %(settlement)s "
                    "(M8.9). It needs an exception, which somebody else approves, before the "
                    "objection can be accepted.",
                    label=self.label,
                    settlement=lines[:1].settlement_id.name,
                )
            )
        return lines[-1:]

    def _open_answer(self, decision):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Answer the objection"),
            "res_model": "aftersales.settlement.answer",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_difference_ids": self.ids,
                "default_decision": decision,
            },
        }

    def action_open_accept(self):
        """Open the window for the answer."""
        return self._open_answer("accepted")

    def action_open_refuse(self):
        """Open the window for the answer."""
        return self._open_answer("refused")

    def action_open_withdraw(self):
        """Open the window that asks for the reason."""
        return self.env["aftersales.reason"]._open(
            self, "action_withdraw", self.env._("Take the objection back")
        )
