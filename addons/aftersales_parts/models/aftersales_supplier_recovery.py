from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_list


class AftersalesSupplierRecovery(models.Model):
    """What a supplier is asked to make good for parts of its that failed under warranty.

    Used parts and defective goods go to the supplier with the list; it answers for each of them.
    """

    _name = "aftersales.supplier.recovery"
    _description = "Supplier recovery"
    _regulations = ("M10.1", "H11")
    _inherit = ["aftersales.reference.mixin", "aftersales.retention.mixin", "mail.thread"]
    _sequence_code = "aftersales.supplier.recovery"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner",
        "Supplier",
        required=True,
        index=True,
        check_company=True,
        tracking=True,
        domain="[('is_company', '=', True), ('is_service_center', '=', False)]",
    )
    line_ids = fields.One2many(
        "aftersales.supplier.recovery.line", "recovery_id", "Parts and goods"
    )
    line_count = fields.Integer("Parts", compute="_compute_line_count")
    amount_claimed = fields.Monetary("Claimed", compute="_compute_amounts", store=True)
    amount_accepted = fields.Monetary("Accepted", compute="_compute_amounts", store=True)
    amount_recovered = fields.Monetary(
        "Recovered",
        copy=False,
        tracking=True,
        help="What the supplier has paid or credited in the end, without VAT.",
    )
    reference = fields.Char(
        "Supplier's reference",
        copy=False,
        help="Number of the supplier's answer, credit note or payment.",
    )
    note = fields.Text()
    date_sent = fields.Datetime("Sent on", readonly=True, copy=False)
    date_answered = fields.Datetime("Answered on", readonly=True, copy=False)
    state = fields.Selection(
        [("draft", "Draft"), ("sent", "Sent"), ("answered", "Answered"), ("closed", "Closed")],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _amount_recovered_positive = models.Constraint(
        "CHECK(amount_recovered >= 0)", "No less than nothing can be recovered."
    )

    def _compute_line_count(self):
        counts = dict(
            self.env["aftersales.supplier.recovery.line"]._read_group(
                [("recovery_id", "in", self.ids)], ["recovery_id"], ["__count"]
            )
        )
        for document in self:
            document.line_count = counts.get(document, 0)

    @api.depends("line_ids.amount_claimed", "line_ids.amount_accepted")
    def _compute_amounts(self):
        for document in self:
            document.amount_claimed = sum(document.line_ids.mapped("amount_claimed"))
            document.amount_accepted = sum(document.line_ids.mapped("amount_accepted"))

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "date_sent",
            "line_ids.used_part_id.retain_until",
        ]

    def _get_retention_start(self):
        # what was never sent is a draft
        return self._get_local_day(self.date_sent)

    def _get_retained_with(self):
        return self.line_ids.used_part_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_sent", "date_answered"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_reopen"}

    def write(self, vals):
        if not self.env.su:
            if self._get_changed_names(vals, {"partner_id", "company_id"}):
                self._check_state("draft")
            if self._get_changed_names(vals, {"amount_recovered"}):
                self._check_state("answered")
        return super().write(vals)

    def _check_state(self, *states):
        """Raise UserError unless all these lists are in one of ``states``."""
        labels = dict(self._fields["state"]._description_selection(self.env))
        for document in self:
            if document.state not in states:
                raise UserError(
                    self.env._(
                        "%(document)s is “%(state)s”; this can only be done when it is "
                        "“%(expected)s”.",
                        document=document.name,
                        state=labels[document.state],
                        expected=format_list(self.env, [labels[s] for s in states], "or"),
                    )
                )

    def _check_role(self):
        if not self.env.user.has_group("aftersales_service.group_quality"):
            self._check_group("aftersales_service.group_customer_service")

    def _begin(self, *states):
        """Check role and state, with the list locked against others."""
        self.ensure_one()
        self._check_role()
        self.check_access("write")
        self._lock_for_action()
        self._check_state(*states)

    # --- steps -----------------------------------------------------------------------------

    def action_collect(self):
        """Put all accepted parts and goods that this supplier sells, and are on no list, on it.

        Parts that were sent on to it already, without a list, are put on it, too.
        """
        for document in self:
            document._begin("draft")
            parts = self.env["aftersales.used.part"].search(
                document._get_parts_domain(), order="name"
            )
            goods = self.env["aftersales.return.line"].search(document._get_goods_domain())
            if not (parts or goods):
                raise UserError(
                    self.env._(
                        "Nothing accepted of %s waits to be recovered. Is it entered as the "
                        "vendor of the parts?",
                        document.partner_id.display_name,
                    )
                )
            self.env["aftersales.supplier.recovery.line"].create(
                [{"recovery_id": document.id, "used_part_id": part.id} for part in parts]
                + [{"recovery_id": document.id, "return_line_id": line.id} for line in goods]
            )
        return True

    def _get_goods_domain(self):
        partner = self.partner_id.commercial_partner_id
        asked = Domain("recovery_id.state", "=", "draft") | Domain(
            "partner_id", "child_of", partner.id
        )
        return (
            self.env["aftersales.return.line"]._get_left_domain()
            & Domain("company_id", "=", self.company_id.id)
            & Domain("product_id.product_tmpl_id.seller_ids.partner_id", "child_of", partner.id)
            & Domain("recovery_line_ids", "not any", asked)
        )

    def _get_parts_domain(self):
        partner = self.partner_id.commercial_partner_id
        sold = Domain("state", "=", "accepted") & Domain(
            "product_id.product_tmpl_id.seller_ids.partner_id", "child_of", partner.id
        )
        sent = Domain("state", "=", "supplier") & Domain("supplier_id", "child_of", partner.id)
        # what another supplier refused may be this one's
        claimed = Domain("result", "!=", "refused") | Domain("partner_id", "child_of", partner.id)
        return (
            Domain("company_id", "=", self.company_id.id)
            & Domain("result", "=", "accepted")
            & Domain("recovery_line_ids", "not any", claimed)
            & (sold | sent)
        )

    def action_send(self):
        """Send list and parts to the supplier, as quality or customer service.

        The parts truly move to the supplier's location, as far as they aren't there.

        :raises UserError: the list is empty, or a part isn't there or is disputed
        """
        for document in self:
            document._begin("draft")
            if not document.line_ids:
                raise UserError(self.env._("%s is empty. Press “Collect” first.", document.name))
            document.line_ids._check_used_part_id()
            parts = document.line_ids.used_part_id.filtered(lambda part: part.state != "supplier")
            if parts:
                parts._lock_in("accepted")
                parts._check_undisputed()
                parts._move_to_supplier(document.partner_id, origin=document.name)
            document.line_ids.filtered("return_line_id")._send_goods()
            document._write_protected({"state": "sent", "date_sent": fields.Datetime.now()})
        return True

    def action_answer(self):
        """Close the supplier's answer: each part is accepted with an amount or refused.

        :raises UserError: there are parts without an answer
        """
        for document in self:
            document._begin("sent")
            open_lines = document.line_ids.filtered(lambda line: not line.result)
            if open_lines:
                raise UserError(
                    self.env._(
                        "Enter first what the supplier answered about: %s",
                        format_list(self.env, open_lines[:10].mapped("display_name")),
                    )
                )
            document._write_protected({"state": "answered", "date_answered": fields.Datetime.now()})
        return True

    def action_open_reopen(self):
        """Open the window that asks why the answer is reopened."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_reopen", self.env._("Reopen answer")
        )

    def action_reopen(self, reason=None):
        """Let the supplier's answer be corrected, as customer service, until the list is closed.

        :param str reason: what was wrong, for the log
        :raises AccessError: not customer service
        :raises UserError: no reason given, or the list isn't answered, or closed already
        """
        self._check_group("aftersales_service.group_customer_service")
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Give the reason why the answer is reopened."))
        for document in self:
            document._begin("answered")
            document._write_protected({"state": "sent", "date_answered": False})
            document.message_post(body=self.env._("Answer reopened: %s", reason))
        return True

    def action_close(self):
        """Close the list when the supplier has paid or credited what it had accepted.

        :raises UserError: another amount was recovered, and no note says why
        """
        for document in self:
            document._begin("answered")
            difference = document.amount_accepted - document.amount_recovered
            if not document.currency_id.is_zero(difference) and not (document.note or "").strip():
                raise UserError(
                    self.env._(
                        "%(recovered)s were recovered of %(accepted)s that the supplier had "
                        "accepted. Say in the note why.",
                        recovered=document.currency_id.format(document.amount_recovered),
                        accepted=document.currency_id.format(document.amount_accepted),
                    )
                )
            document._write_protected({"state": "closed"})
        return True
