from odoo import api, fields, models
from odoo.fields import Domain

CENTER = "aftersales_service.group_center"
CLERK = "aftersales_service.group_clerk"
CUSTOMER_SERVICE = "aftersales_service.group_customer_service"
ACCOUNTANT = "account.group_account_invoice"


class AftersalesSettlement(models.Model):
    """Whose turn it is, and what comes next."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    next_step = fields.Char("Next", compute="_compute_next_step")
    is_my_turn = fields.Boolean(
        "Mine to do", compute="_compute_is_my_turn", search="_search_is_my_turn"
    )
    is_own = fields.Boolean(compute="_compute_is_own")

    @api.depends(
        "state", "kind", "direction", "difference_ids.state", "amount_payable", "verifier_id"
    )
    @api.depends_context("lang")
    def _compute_next_step(self):
        for settlement in self:
            settlement.next_step = settlement._get_next_step()

    def _get_next_step(self):
        """Return in words what comes next and who has to do it, or False."""
        self.ensure_one()
        if self.direction == "receivable":
            return self._get_next_receivable_step()
        amount = self.currency_id.format(self.amount_payable)
        steps = {
            "draft": self.env._(
                "The service center checks the list and files it, or a clerk for it, together "
                "with the list of the returned used parts."
            )
            if self.kind == "parts"
            else self.env._("A clerk verifies the fees against the service records."),
            "submitted": self.env._(
                "A clerk verifies the list as soon as the used parts are inspected."
            ),
            "verified": self.env._(
                "Customer service audits the list, by somebody else than %s who verified it, and "
                "pays less where it has to.",
                # sudo: the name of who verified it is told to whoever sees the list
                self.sudo().verifier_id.name,
            )
            if self.verifier_id
            else self.env._("Customer service audits the list, and pays less where it has to."),
            "audited": self.env._("Customer service sends the result to the service center."),
            "sent": self.env._(
                "The service center confirms %s, or objects to the lines that are wrong.", amount
            ),
            "disputed": self.env._(
                "Customer service answers the open objections: %s.", self.difference_count
            )
            if self.difference_count
            else self.env._("All is answered: customer service sends the list again."),
            "confirmed": self.env._("The books refused the entry: an accountant posts it."),
            "posted": self.env._(
                "Credited. The service center issues a VAT special invoice of exactly %s.", amount
            ),
            "invoiced": self.env._("The fapiao is complete: an accountant posts the bill."),
        }
        return steps.get(self.state, False)

    def _get_next_receivable_step(self):
        amount = self.currency_id.format(self.amount_payable)
        steps = {
            "draft": self.env._("A clerk checks the list and files it with the manufacturer."),
            "submitted": self.env._("A clerk enters what the manufacturer pays, line by line."),
            "disputed": self.env._(
                "The manufacturer pays otherwise than claimed: a clerk finds out why and takes it "
                "up with the manufacturer (%s open).",
                self.difference_count,
            )
            if self.difference_count
            else self.env._("All is answered: a clerk hands the list to the accountants."),
            "verified": self.env._("An accountant checks %s with the books.", amount),
            "audited": self.env._("Customer service confirms %s to the manufacturer.", amount),
            "confirmed": self.env._("The books refused the entry: an accountant posts it."),
            "posted": self.env._("An accountant issues the VAT invoice of exactly %s.", amount),
            "invoiced": self.env._("The fapiao is complete: an accountant posts it."),
        }
        return steps.get(self.state, False)

    @api.model
    def _get_turn_domain(self):
        """Return the domain of the settlements that the current user has to do something with."""
        user = self.env.user
        own = Domain("center_id", "child_of", user.commercial_partner_id.ids)
        payable = Domain("direction", "=", "payable")
        receivable = Domain("direction", "=", "receivable")
        service = Domain("kind", "=", "service")
        turns = []
        if user.has_group(CENTER):
            drafts = Domain("state", "=", "draft") & ~service
            turns.append(payable & own & (drafts | Domain("state", "in", ("sent", "posted"))))
        if user.has_group(CLERK):
            made = Domain("state", "=", "draft") & (receivable | service)
            entered = Domain("state", "=", "disputed") & receivable
            turns.append(made | entered | Domain("state", "=", "submitted"))
        if user.has_group(CUSTOMER_SERVICE):
            turns.append(payable & Domain("state", "in", ("audited", "disputed")))
            verified = Domain("state", "=", "verified") & Domain("verifier_id", "!=", user.id)
            turns.append(payable & verified)
            turns.append(receivable & Domain("state", "=", "audited"))
        if user.has_group(ACCOUNTANT):
            turns.append(receivable & Domain("state", "in", ("verified", "posted")))
            turns.append(Domain("state", "in", ("confirmed", "invoiced")))
        return Domain.OR(turns)

    @api.depends("state", "kind", "direction", "center_id", "verifier_id")
    @api.depends_context("uid")
    def _compute_is_my_turn(self):
        mine = self.filtered_domain(self._get_turn_domain())
        for settlement in self:
            settlement.is_my_turn = settlement in mine

    @api.model
    def _search_is_my_turn(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = self._get_turn_domain()
        return domain if True in value else ~domain

    @api.depends("center_id")
    @api.depends_context("uid")
    def _compute_is_own(self):
        for settlement in self:
            settlement.is_own = settlement._is_own()

    def _is_own(self):
        """Tell whether the current user belongs to the service center that is paid."""
        self.ensure_one()
        # sudo: only compared with the user's own company
        center = self.sudo().center_id.commercial_partner_id
        return self.direction == "payable" and center == self.env.user.commercial_partner_id
