from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_list

from .aftersales_settlement import OPEN_STATES
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

    correction_ids = fields.One2many(
        "aftersales.settlement.correction", "origin_line_id", "Corrections"
    )
    amount_recovered = fields.Monetary(
        "Taken back",
        compute="_compute_amount_recovered",
        help="By later lists that are agreed on.",
    )
    amount_to_recover = fields.Monetary(
        "On or for a later list",
        compute="_compute_amount_recovered",
        help="What later lists have yet to take back; a list never pays less than 0 by it.",
    )

    @api.depends("correction_ids.amount_settled", "correction_ids.amount_rest")
    def _compute_amount_recovered(self):
        for line in self:
            # sudo: whoever sees the line sees what becomes of it
            taken = line.sudo()._get_claw_backs()
            line.amount_recovered = -sum(taken.mapped("amount_settled"))
            line.amount_to_recover = -sum(taken.mapped("amount_rest"))

    def _get_claw_backs(self):
        return self.correction_ids.filtered(lambda correction: correction.kind == "claw_back")

    @api.model
    def _get_refused_since_domain(self):
        lost = Domain("used_part_id.state", "=", "lost") & Domain(
            "used_part_id.loss_bearer", "=", "center"
        )
        return (
            Domain("result", "=", "payable")
            & Domain("used_part_id", "!=", False)
            # who let it be paid in spite of the inspection knew what it said
            & ~Domain("change_ids.amount", ">", 0)
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
        self._check_refused_since()
        # sudo: nobody writes on settled lines, and the note changes no figure of them
        lines = self.sudo()
        lines._stop_claw_back()
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

    def _check_refused_since(self):
        if others := self.filtered(lambda line: not line.is_refused_since):
            tags = format_list(self.env, others.mapped("tag"))
            raise UserError(self.env._("Nothing is to be recovered for: %s", tags))

    def _stop_claw_back(self):
        """Take no more back by later lists, because it was recovered otherwise.

        :raises UserError: a list that isn't agreed on yet takes it back
        """
        taken = self._get_claw_backs()
        if listed := taken.filtered(lambda correction: correction.state == "listed"):
            raise UserError(
                self.env._(
                    "%(tags)s: already taken back with %(settlements)s.",
                    tags=format_list(self.env, listed.mapped("label")),
                    settlements=format_list(
                        self.env,
                        listed.line_ids.settlement_id.filtered(
                            lambda s: s.state in OPEN_STATES
                        ).mapped("name"),
                    ),
                )
            )
        for correction in taken:
            correction._limit(correction.amount_settled)

    def action_claw_back(self):
        """Take back what was paid for refused parts with the centers' next lists, once (M8.4).

        A list never pays less than nothing by it: the rest waits for the following one.

        :raises AccessError: neither accountant nor customer service
        :raises UserError: a part is not refused, or is recovered already
        """
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("aftersales_service.group_customer_service")
        self.check_access("read")
        self._check_refused_since()
        if noted := self.filtered("recovery_note"):
            raise UserError(
                self.env._("Recovered already: %s", format_list(self.env, noted.mapped("tag")))
            )
        # sudo: the role is checked; the amounts are those that were paid
        lines = self.sudo()
        self.env["aftersales.settlement.correction"]._correct(
            [
                {
                    "origin_line_id": line.id,
                    "label": line.tag,
                    "kind": "claw_back",
                    "amount": -line.amount_payable,
                    "reason": line._get_claw_back_reason(),
                }
                for line in lines
            ]
        )
        for settlement, own in lines.grouped("settlement_id").items():
            settlement.message_post(
                body=self.env._(
                    "Taken back with the next list of the service center: %s",
                    format_list(self.env, own.mapped("tag")),
                )
            )
        return True

    def _get_claw_back_reason(self):
        self.ensure_one()
        part = self.used_part_id
        lang = self.company_id.partner_id.lang or self.env.lang
        part = part.with_context(lang=lang)
        labels = dict(part._fields["state"]._description_selection(part.env))
        return part.env._(
            "Paid with %(settlement)s, refused since: %(reason)s",
            settlement=self.settlement_id.name,
            reason=part.deduction_reason_id.name or labels[part.state],
        )
