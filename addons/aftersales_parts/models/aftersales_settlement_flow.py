from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from .aftersales_settlement import OPEN_STATES


class AftersalesSettlement(models.Model):
    """Who does what with a settlement, from filing to confirmation (M8.3–M8.5)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

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
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset(["state"])
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

        :raises AccessError: neither clerk nor of the center
        :raises UserError: no draft, without lines, or its filing day is over (M8.9)
        """
        if not self.env.user.has_group("aftersales_service.group_clerk"):
            self._check_group("aftersales_service.group_center")
            self._check_own()
        self._file()
        return True

    def _file(self, moment=None):
        """File the list at ``moment`` (naive UTC, default now), if its day isn't over (M8.9)."""
        moment = moment or fields.Datetime.now()
        self._lock("draft")
        for settlement in self:
            if not settlement.line_ids:
                raise UserError(self.env._("%s has no lines to file.", settlement.name))
            settlement._check_filing_day(moment)
        self._write_protected({"state": "submitted"})
        self._deadline_event("filed", moment)

    def action_verify(self):
        """Compare the list with the inspected used parts, which fixes what each line pays (M8.4).

        :raises AccessError: neither clerk nor customer service
        :raises UserError: not filed, or a part was received and not inspected
        """
        if not self.env.user.has_group("aftersales_service.group_clerk"):
            self._check_group("aftersales_service.group_customer_service")
        self._lock("submitted")
        # sudo: the figures that nobody may write by hand are fixed here
        self.sudo().line_ids._verify()
        self._write_protected({"state": "verified"})
        return True

    def action_audit(self):
        """Approve the verified list as customer service (M8.4)."""
        self._check_group("aftersales_service.group_customer_service")
        self._lock("verified")
        self._write_protected({"state": "audited"})
        return True

    def action_send(self):
        """Send the audited result to the center; what is verified only is audited by it (M8.5)."""
        self._check_group("aftersales_service.group_customer_service")
        self.filtered(lambda s: s.state == "verified").action_audit()
        self._lock("audited")
        self._write_protected({"state": "sent"})
        for settlement in self:
            settlement.message_subscribe(settlement.center_id.ids)
            settlement.message_post(
                body=self.env._(
                    "The settlement %(number)s of %(month)s has been audited: %(payable)s of "
                    "%(claimed)s are payable. Please confirm it.",
                    number=settlement.name,
                    month=settlement.period,
                    payable=settlement.currency_id.format(settlement.amount_payable),
                    claimed=settlement.currency_id.format(settlement.amount_claimed),
                ),
                subtype_xmlid="mail.mt_comment",
                partner_ids=settlement.center_id.ids,
            )
        return True

    def action_confirm(self):
        """Confirm as the service center; the amount is credited at once (M8.5)."""
        self._check_group("aftersales_service.group_center")
        self._lock("sent")
        self._check_own()
        self._write_protected({"state": "confirmed", "date_confirmed": fields.Datetime.now()})
        # of what is not paid, no fapiao will come: then nothing is left to be done
        unpaid = self.filtered(lambda s: s.currency_id.is_zero(s.amount_payable))
        unpaid._write_protected({"state": "reconciled"})
        paid = self - unpaid
        paid._deadline_event("confirmed")
        # sudo: the center confirms; the entry follows from the confirmed figures alone
        paid.sudo()._post_entries()
        return True

    def action_cancel(self, reason=None):
        """Cancel a settlement that is not confirmed yet; its parts can be settled again."""
        self._check_group("aftersales_service.group_customer_service")
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
        # sudo: lines of a cancelled list are released, so that their parts can be settled again
        self.sudo().line_ids.unlink()
        self._write_protected({"state": "cancelled"})
        self._cancel_deadlines()
        self.flush_recordset(["state"])  # the unique index counts live settlements only
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel settlement")
        )
