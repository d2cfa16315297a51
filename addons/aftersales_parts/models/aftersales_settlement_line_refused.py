from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_list

from .aftersales_used_part import REFUSED


class AftersalesSettlementLine(models.Model):
    """What was paid for a part that turned out to be refused, and how it came back (M8.4)."""

    _inherit = "aftersales.settlement.line"  # pylint: disable=consider-merging-classes-inherited

    is_refused_since = fields.Boolean(
        "Paid, but refused since",
        compute="_compute_is_refused_since",
        search="_search_is_refused_since",
        compute_sudo=True,
        help="The part was settled as accepted, mostly as a loss borne by the company. It turned "
        "up and was deducted or rejected, or its keeper lost it afterwards.",
    )
    recovery_note = fields.Text(
        "How it was recovered",
        readonly=True,
        copy=False,
        help="Document by which the center paid back what was settled, or why it keeps it.",
    )

    @api.model
    def _get_refused_since_domain(self):
        lost = Domain("used_part_id.state", "=", "lost") & Domain(
            "used_part_id.loss_bearer", "=", "center"
        )
        return (
            Domain("result", "=", "payable")
            & Domain("settlement_id.state", "!=", "cancelled")
            & (Domain("used_part_id.result", "in", REFUSED) | lost)
        )

    @api.depends(
        "result",
        "settlement_id.state",
        "used_part_id.state",
        "used_part_id.result",
        "used_part_id.loss_bearer",
    )
    def _compute_is_refused_since(self):
        refused = self.filtered_domain(self._get_refused_since_domain())
        for line in self:
            line.is_refused_since = line in refused

    @api.model
    def _search_is_refused_since(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = self._get_refused_since_domain()
        return domain if True in value else ~domain

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_note_recovery"}

    def _note_refused_since(self):
        """Tell accountants and customer service what was paid for parts refused since (M8.4)."""
        deadlines = self.env["aftersales.deadline"]
        users = deadlines._get_group_users(self.env.ref("account.group_account_invoice"))
        users |= deadlines._get_group_users(
            self.env.ref("aftersales_service.group_customer_service")
        )
        for settlement, lines in self.grouped("settlement_id").items():
            company = settlement.company_id
            document = settlement.with_context(lang=company.partner_id.lang or self.env.lang)
            document.message_post(
                body=document.env._(
                    "Paid with this settlement, but refused since: %(tags)s. Recover %(amount)s "
                    "from the center; they are listed under After-sales ▸ Settlement ▸ Paid, but "
                    "refused.",
                    tags=format_list(document.env, lines.mapped("tag")),
                    amount=settlement.currency_id.format(sum(lines.mapped("amount_payable"))),
                ),
                partner_ids=users.filtered(
                    lambda user, company=company: company in user.company_ids
                ).partner_id.ids,
                subtype_xmlid="mail.mt_note",
            )

    def action_open_note_recovery(self):
        """Open the window that asks how the amount was recovered."""
        return self.env["aftersales.reason"]._open(
            self, "action_note_recovery", self.env._("Note the recovery")
        )

    def action_note_recovery(self, reason=None):
        """Note how a center paid back what was settled for refused parts, as an accountant.

        :param str reason: the document, or why nothing is recovered
        :raises AccessError: neither accountant nor customer service
        :raises UserError: no reason given, or a part is not refused
        """
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("aftersales_service.group_customer_service")
        self.check_access("read")
        if not (reason or "").strip():
            raise UserError(self.env._("Say by which document it was recovered, or why not."))
        if others := self.filtered(lambda line: not line.is_refused_since):
            tags = format_list(self.env, others.mapped("tag"))
            raise UserError(self.env._("Nothing is to be recovered for: %s", tags))
        # sudo: nobody writes on settled lines, and the note changes no figure of them
        lines = self.sudo()
        lines._write_protected({"recovery_note": reason.strip()})
        for settlement, own in lines.grouped("settlement_id").items():
            settlement.message_post(
                body=self.env._(
                    "Recovered for %(tags)s: %(note)s",
                    tags=format_list(self.env, own.mapped("tag")),
                    note=reason.strip(),
                )
            )
        return True
