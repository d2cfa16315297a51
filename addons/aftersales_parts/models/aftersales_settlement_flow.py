from datetime import time

from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from .aftersales_settlement import OPEN_STATES

ACCOUNTANT = "account.group_account_invoice"
CENTER = "aftersales_service.group_center"
CLERK = "aftersales_service.group_clerk"
CUSTOMER_SERVICE = "aftersales_service.group_customer_service"


class AftersalesSettlement(models.Model):
    """Who does what with a settlement, from filing to confirmation (M8.3–M8.5)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    verifier_id = fields.Many2one("res.users", "Checked by", readonly=True, copy=False)
    auditor_id = fields.Many2one(
        "res.users",
        "Audited by",
        readonly=True,
        copy=False,
        help="Somebody else than who verified the list, or put a rebate on it.",
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"verifier_id", "auditor_id"}

    def _check_state(self, *states):
        labels = dict(self._fields["state"]._description_selection(self.env))
        for settlement in self:
            if settlement.state not in states:
                raise UserError(
                    self.env._(
                        "%(settlement)s is “%(state)s”; this can only be done when it is "
                        "“%(expected)s”.",
                        settlement=settlement.name,
                        state=labels[settlement.state],
                        expected=labels[states[0]],
                    )
                )

    def _lock(self, *states):
        """Check access, lock, and check the state on what is then the truth."""
        self._lock_for_books()
        self.line_ids.invalidate_recordset()
        self._check_state(*states)

    def _check_own(self):
        """Raise AccessError unless the user belongs to the service center (M8.5).

        Whoever sees other centers' settlements by a central role still decides for his own only.
        """
        own = self.env.user.commercial_partner_id
        for settlement in self:
            if settlement.center_id.commercial_partner_id != own:
                raise AccessError(
                    self.env._(
                        "%(settlement)s is decided on by %(center)s. Ask a user of that service "
                        "center.",
                        settlement=settlement.name,
                        center=settlement.center_id.name,
                    )
                )

    def action_submit(self):
        """File the list, as the service center or for it as a clerk (M8.3).

        What we claim ourselves is filed with the manufacturer by a clerk.

        :raises AccessError: neither clerk nor of the center
        :raises UserError: no draft, without lines, or its filing day is over (M8.9)
        """
        if any(settlement.direction == "receivable" for settlement in self):
            self._check_group(CLERK)
        elif not self.env.user.has_group(CLERK):
            self._check_group(CENTER)
            self._check_own()
        self._file()
        return True

    def _file(self, moment=None):
        """File the list at ``moment`` (naive UTC, default now), if its day isn't over (M8.9)."""
        moment = moment or fields.Datetime.now()
        self._lock("draft")
        for settlement in self:
            settlement._check_submit(moment)
        self._write_protected({"state": "submitted", "date_filed": moment})
        self._deadline_event("filed", moment)

    def _check_submit(self, moment):
        """Raise UserError unless the list can be filed at ``moment``, naive UTC (M8.3, M8.9)."""
        self.ensure_one()
        if not self.line_ids:
            raise UserError(self.env._("%s has no lines to file.", self.name))
        if self._is_made_by_company():
            raise UserError(
                self.env._(
                    "Service fees are listed by the company and checked by the service center "
                    "(M9.1): nobody files %s, a clerk verifies it.",
                    self.name,
                )
            )
        ended = self.month + relativedelta(months=1)
        if self.company_id._aftersales_local(moment).date() < ended:
            raise UserError(
                self.env._(
                    "%(month)s isn't over: %(settlement)s can be filed from %(date)s on (M8.3).",
                    month=self.period,
                    settlement=self.name,
                    date=fields.Date.to_string(ended),
                )
            )
        self._check_filing_day(moment)

    def _is_made_by_company(self):
        """Tell whether the company itself lists what it pays, so that nobody files it (M9.1)."""
        self.ensure_one()
        return self.kind == "service" and self.direction == "payable"

    def action_verify(self):
        """Compare the list with the inspected used parts, which fixes what each line pays (M8.4).

        Service fees, which nobody files, are verified at once (M9.1).

        :raises AccessError: neither clerk nor customer service, or of the center that is paid
        :raises UserError: not filed, or a part was received and not inspected
        """
        if not self.env.user.has_group(CLERK):
            self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        self._check_direction("payable")
        made = self.filtered(lambda s: s._is_made_by_company())
        (self - made)._lock("submitted")
        made._lock("draft")
        for settlement in made:
            if not settlement.line_ids:
                raise UserError(self.env._("%s has no lines to verify.", settlement.name))
        # sudo: the figures that nobody may write by hand are fixed here
        self.sudo().line_ids._verify()
        self._write_protected({"state": "verified", "verifier_id": self.env.uid})
        self.line_ids._cap_corrections()
        return True

    def action_audit(self):
        """Approve the verified lists as customer service (M8.4).

        :raises AccessError: not customer service, of the center that is paid, or who verified it
        :raises UserError: not verified
        """
        self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        self._check_direction("payable")
        self._lock("verified")
        self._check_auditor()
        self._write_protected({"state": "audited", "auditor_id": self.env.uid})
        return True

    def _check_auditor(self):
        """Raise AccessError if the user audits what he verified or granted himself (M8.4, L3.2)."""
        for settlement in self:
            # sudo: only whether the user himself did it is asked
            rebates = settlement.sudo().line_ids.filtered(lambda line: line.kind == "rebate")
            if self.env.user in settlement.verifier_id | rebates.create_uid:
                raise AccessError(
                    self.env._(
                        "You have verified %(settlement)s, or put a rebate on it: a colleague "
                        "of customer service has to audit it (M8.4, L3.2).",
                        settlement=settlement.name,
                    )
                )

    def action_open_bounce(self):
        """Open the window that asks for the reason."""
        return self.env["aftersales.reason"]._open(
            self, "action_bounce", self.env._("Send the list back")
        )

    def action_bounce(self, reason=None):
        """Send lists back before the audit, with what has to be put right (M8.3).

        A list of parts is a draft again and has to be filed once more by its filing day; after
        that it would be forfeited, so that it only goes back to whoever verifies it. What the
        manufacturer or the accountants send back goes to the clerk.

        :raises AccessError: neither clerk nor customer service, or of the center that is paid
        :raises UserError: no reason, not before the audit, or the filing day of what isn't
            verified is over (M8.9)
        """
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Say what has to be put right."))
        receivable = self.filtered(lambda s: s.direction == "receivable")
        payable = self - receivable
        is_checker = self.env.user.has_group(ACCOUNTANT)
        if not self.env.user.has_group(CLERK) and not (is_checker and not payable):
            self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        payable._lock("submitted", "verified")
        filed = () if is_checker else ("submitted",)
        receivable._lock("verified", "audited", *filed)
        now = fields.Datetime.now()
        late = payable.filtered(lambda s: not s._is_fileable(now))
        to_verify = late.filtered(lambda s: s.state == "verified")
        if refused := late - to_verify:
            raise UserError(
                self.env._(
                    "The filing day of %s is over: sent back, it would be forfeited (M8.9). "
                    "Put right in the audit what has to be paid otherwise, or cancel it: its "
                    "parts can then be filed anew until the next filing day.",
                    refused[0].name,
                )
            )
        returned = receivable.filtered(lambda s: s.state != "submitted")
        returned._write_protected({"state": "submitted"})
        # sudo: what the verification fixed is open again
        (self - returned).sudo().line_ids._reopen(reason)
        to_verify._write_protected({"state": "submitted", "verifier_id": False})
        drafts = self - returned - to_verify
        drafts._write_protected({"state": "draft", "date_filed": False, "verifier_id": False})
        for settlement in drafts:
            ended = settlement.month + relativedelta(months=1)
            settlement._deadline_event(
                "month_ended", settlement.company_id._aftersales_utc(ended, time.min)
            )
        for settlement in self:
            settlement.message_post(body=self.env._("Sent back: %s", reason))
        (payable & drafts)._inform_center(
            lambda document: document.env._(
                "The settlement %(number)s of %(month)s was sent back: %(reason)s",
                number=document.name,
                month=document.period,
                reason=reason,
            )
        )
        return True

    def action_send(self):
        """Send the audited result to the center; what is verified only is audited by it (M8.5).

        What was disputed is sent again as soon as every objection is answered.

        :raises AccessError: not customer service, of the center that is paid, who verified what
            is not audited yet, or who agreed to more than was claimed
        :raises UserError: not audited, or an objection isn't answered
        """
        self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        self._check_direction("payable")
        self.filtered(lambda s: s.state == "verified").action_audit()
        self._lock("audited", "disputed")
        for settlement in self:
            settlement._check_answered()
        self._check_agreed()
        self._send()
        return True

    def _check_agreed(self):
        """Raise AccessError if the user sends what he agreed to above the claim (M8.4, L3.2)."""
        for settlement in self:
            # sudo: only whether the user himself did it is asked
            if self.env.user in settlement.sudo().difference_ids._get_raised().decider_id:
                raise AccessError(
                    self.env._(
                        "You have agreed to more on %(settlement)s than was claimed: a colleague "
                        "of customer service has to send it (M8.4, L3.2).",
                        settlement=settlement.name,
                    )
                )

    def _send(self):
        """Let the center check the result (M8.5)."""
        self._write_protected({"state": "sent"})
        self._deadline_event("sent")
        self._inform_center(
            lambda document: document.env._(
                "The settlement %(number)s of %(month)s has been audited: %(payable)s of "
                "%(claimed)s are payable. Please confirm it, or object to the lines that are "
                "wrong.",
                number=document.name,
                month=document.period,
                payable=document.currency_id.format(document.amount_payable),
                claimed=document.currency_id.format(document.amount_claimed),
            )
        )

    def action_open_recall(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_recall", self.env._("Recall from the service center")
        )

    def action_recall(self, reason=None):
        """Take back what was sent and isn't confirmed, to put it right and send it again (M8.5).

        :raises AccessError: not customer service, or of the center that is paid
        :raises UserError: no reason, or not waiting for the center any more
        """
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Say why the list is recalled."))
        self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        self._check_direction("payable")
        self._lock("sent")
        self._write_protected({"state": "audited"})
        self._cancel_deadlines()
        # also what the center has missed: when it is sent again, its time begins anew
        self._deadline_event("answered")
        self._inform_center(
            lambda document: document.env._(
                "The settlement %(number)s of %(month)s was recalled and will be sent again: "
                "%(reason)s",
                number=document.name,
                month=document.period,
                reason=reason,
            )
        )
        return True

    def action_open_confirm(self):
        """Open the window that tells the exact amount."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Confirm %s", self.name),
            "res_model": "aftersales.settlement.confirm",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_settlement_id": self.id,
                "default_amount_payable": self.amount_payable,
            },
        }

    def action_confirm(self, amount=None):
        """Confirm as the service center; the amount is credited at once (M8.5).

        What the manufacturer pays us is confirmed by customer service, after the accountants
        have checked it (M9.1).

        :param float amount: what the user has seen, in the company's currency with VAT; if the
            list pays something else by now, nothing is confirmed
        :raises AccessError: not of the center that is paid
        :raises UserError: not sent, disputed, or changed meanwhile
        """
        receivable = self.filtered(lambda s: s.direction == "receivable")
        payable = self - receivable
        if receivable:
            self._check_group(CUSTOMER_SERVICE)
            receivable._lock("audited")
        if payable:
            self._check_group(CENTER)
            payable._lock("sent")
            payable._check_own()
        self._check_answered()
        self._check_undisputed_lines()
        self._check_seen(amount)
        self._write_protected({"state": "confirmed", "date_confirmed": fields.Datetime.now()})
        payable._deadline_event("answered")
        # of what is not paid, no fapiao will come: then nothing is left to be done
        unpaid = self.filtered(lambda s: s.currency_id.is_zero(s.amount_payable))
        unpaid._write_protected({"state": "reconciled"})
        paid = self - unpaid
        paid._deadline_event("confirmed")
        # sudo: the center confirms; the entry follows from the confirmed figures alone
        paid.sudo()._post_entries()
        self._note_corrections()
        return True

    def _check_seen(self, amount):
        """Raise UserError if a list doesn't pay the ``amount`` any more that the user has seen."""
        for settlement in self:
            if amount is not None and settlement.currency_id.compare_amounts(
                amount, settlement.amount_payable
            ):
                raise UserError(
                    self.env._(
                        "%(settlement)s pays %(amount)s by now, not %(seen)s. Look at it again, "
                        "then confirm it.",
                        settlement=settlement.name,
                        amount=settlement.currency_id.format(settlement.amount_payable),
                        seen=settlement.currency_id.format(amount),
                    )
                )

    def action_cancel(self, reason=None):
        """Cancel a settlement that is not confirmed yet; its parts can be settled again.

        What was filed in time, or by an exception can be, is not lost by that: its parts can be
        filed anew until the next filing day of which the center can be warned (M8.9).

        :raises AccessError: not customer service, or of the center that is paid
        :raises UserError: no reason, disputed (L1.7), or confirmed already
        """
        self._check_group(CUSTOMER_SERVICE)
        self._check_other()
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the settlement is cancelled."))
        self._check_undisputed()
        self._lock(*OPEN_STATES)
        for settlement in self:
            settlement.message_post(
                body=self.env._(
                    "Cancelled: %(reason)s (%(count)s lines, %(amount)s claimed)",
                    reason=reason,
                    count=len(settlement.line_ids),
                    amount=settlement.currency_id.format(settlement.amount_claimed),
                )
            )
        self._put_off_cancelled()
        # sudo: lines of a cancelled list are released, so that their parts can be settled again
        self.sudo().line_ids.unlink()
        self._write_protected({"state": "cancelled"})
        self._cancel_deadlines()
        self.flush_recordset(["state"])  # the unique index counts live settlements only
        return True

    def _put_off_cancelled(self):
        """Give the parts of lists that are not the center's to lose another filing day (M8.9)."""
        for settlement in self:
            granted = settlement.exception_ids.filtered(lambda e: e.state == "approved")
            # sudo: the day follows from the lists; who cancels them need not see every part
            tags = settlement.sudo().line_ids.used_part_id
            if not tags or (settlement.state == "draft" and not granted):
                continue
            if day := tags._put_off(settlement.company_id):
                settlement._inform_center(
                    lambda document, day=day: document.env._(
                        "The settlement %(number)s of %(month)s was cancelled. Its parts can be "
                        "filed anew until %(day)s (M8.9).",
                        number=document.name,
                        month=document.period,
                        day=fields.Date.to_string(day),
                    )
                )

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel settlement")
        )
