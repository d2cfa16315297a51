from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list, formatLang

KINDS = [
    ("quotation", "Quotation accepted"),
    ("extra", "Extra cost"),
    ("outside", "Outside purchase"),
]
WAYS = [
    ("screen", "Signature on screen"),
    ("portal", "Customer portal"),
    ("phone", "Phone"),
    ("paper", "On paper"),
    ("email", "E-mail"),
    ("system", "Given here by customer service"),
]


class AftersalesConsent(models.Model):
    """What the customer agreed to pay, or customer service to have bought, and the proof (H7).

    A consent is only ever added, by the request. A later one replaces it, or it is withdrawn with
    a reason; it is never changed and never deleted.
    """

    _name = "aftersales.consent"
    _description = "Consent"
    _regulations = ("H5", "H7", "M8.8", "H11")
    _inherit = ["aftersales.retention.mixin"]
    _sequence_code = "aftersales.consent"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, default="/")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [("given", "Given"), ("replaced", "Superseded"), ("withdrawn", "Withdrawn")],
        "Status",
        default="given",
        required=True,
        readonly=True,
        help="Only a consent that is given counts. A new quotation that is accepted replaces what "
        "was agreed before and has not been charged yet.",
    )
    request_id = fields.Many2one(
        "aftersales.request",
        "Request",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        check_company=True,
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="The visit on which the consent was asked for.",
    )
    partner_id = fields.Many2one(related="request_id.partner_id", store=True, index=True)
    order_id = fields.Many2one(
        "sale.order",
        "Quotation",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        groups="sales_team.group_sale_salesman",
        help="The quotation that was accepted, or that the consent adds to.",
    )
    kind = fields.Selection(
        KINDS,
        required=True,
        readonly=True,
        help="Quotation and extra cost: the customer agrees to pay (H5, H7). Outside purchase: "
        "customer service agrees in writing that parts are bought elsewhere (M8.8).",
    )
    explanation = fields.Text(
        "What was explained",
        required=True,
        readonly=True,
        help="The plan and its charges, as they were explained before the answer (H5).",
    )
    amount = fields.Monetary(
        readonly=True,
        help="What was agreed to, taxes included. Of a quotation: all of it; of extra cost: what "
        "comes on top.",
    )
    product_ids = fields.Many2many(
        "product.product",
        string="Parts",
        readonly=True,
        help="The parts that may be bought outside.",
    )
    given_by = fields.Char("Given by", required=True, readonly=True, help="The person who agreed.")
    given_on = fields.Datetime("Given on", required=True, readonly=True)
    how = fields.Selection(
        WAYS,
        required=True,
        readonly=True,
    )
    signature = fields.Image(readonly=True, max_width=1024, max_height=1024)
    evidence = fields.Binary(readonly=True, attachment=True)
    evidence_name = fields.Char(readonly=True)
    user_id = fields.Many2one("res.users", "Recorded by", required=True, readonly=True)
    withdrawn_on = fields.Datetime(readonly=True)
    withdrawn_by = fields.Many2one("res.users", readonly=True)
    withdrawn_reason = fields.Text("Why withdrawn", readonly=True)

    _amount_positive = models.Constraint("CHECK(amount >= 0)", "An amount can't be negative.")

    def _get_protected_fields(self):
        # everything: a consent is evidence
        return super()._get_protected_fields() | {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_withdraw"}

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "given_on", "request_id.card_id.date_end"]

    def _get_retention_start(self):
        return max(
            filter(None, (self._get_local_day(self.given_on), self.request_id.card_id.date_end))
        )

    @api.constrains("given_on", "request_id")
    def _check_given_on(self):
        for consent in self:
            if consent.given_on > fields.Datetime.now():
                raise ValidationError(self.env._("A consent can't be given in the future."))
            received = consent.request_id.request_date
            # screens show no seconds
            if consent.given_on < received.replace(second=0, microsecond=0):
                raise ValidationError(
                    self.env._(
                        "%(request)s came in on %(day)s: what its charges are can't have been "
                        "agreed to before. Correct when the consent was given.",
                        request=consent.request_id.name,
                        day=consent.company_id._aftersales_format(received),
                    )
                )

    @api.constrains("kind", "amount", "product_ids")
    def _check_content(self):
        for consent in self:
            if consent.kind == "extra" and consent.currency_id.is_zero(consent.amount):
                raise ValidationError(
                    self.env._("Enter the amount that the customer agreed to pay on top.")
                )
            if consent.kind == "outside" and not consent.product_ids:
                raise ValidationError(self.env._("Name the parts that may be bought outside."))

    @api.constrains("how", "signature", "evidence")
    def _check_evidence(self):
        for consent in self:
            if consent.how in ("screen", "portal") and not consent.signature:
                raise ValidationError(self.env._("The signature is missing."))
            if consent.how in ("paper", "email") and not consent.evidence:
                raise ValidationError(
                    self.env._("Add the signed paper or the e-mail as a file, as evidence.")
                )
            if (
                consent.how == "phone"
                and not consent.evidence
                and consent.request_id._is_proof_needed(consent.user_id)
            ):
                raise ValidationError(
                    self.env._(
                        "What the customer agrees to by phone is recorded by a clerk who doesn't "
                        "do the work: ask one to call. Or let the customer sign, or add the "
                        "message or recording as a file, as evidence (H7)."
                    )
                )
            if consent.kind == "outside" and consent.how not in ("paper", "email", "system"):
                raise ValidationError(
                    self.env._(
                        "Parts are bought outside with a written consent only: on paper, by "
                        "e-mail, or given here by customer service (M8.8)."
                    )
                )
            if consent.kind != "outside" and consent.how == "system":
                raise ValidationError(
                    self.env._("Say how the customer gave the consent: customer service can't.")
                )

    def _get_message(self):
        """Return the sentence that tells of the consent in the history of the request."""
        self.ensure_one()
        values = {
            "name": self.name,
            "person": self.given_by,
            "how": dict(self._fields["how"]._description_selection(self.env))[self.how],
            "amount": formatLang(self.env, self.amount, currency_obj=self.currency_id),
            "parts": format_list(self.env, self.product_ids.mapped("display_name")),
        }
        if self.kind == "outside":
            return self.env._(
                "%(name)s: %(person)s agreed that %(parts)s may be bought outside (%(how)s).",
                **values,
            )
        if self.kind == "extra":
            return self.env._(
                "%(name)s: %(person)s agreed to pay %(amount)s more (%(how)s).", **values
            )
        return self.env._("%(name)s: %(person)s accepted to pay %(amount)s (%(how)s).", **values)

    def action_withdraw(self, reason=None):
        """Note that a consent no longer holds; it stays on file (H7).

        :raises UserError: work that the customer has signed rests on it
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the consent is withdrawn."))
        self._check_group("aftersales_service.group_clerk")
        for consent in self:
            request = consent.request_id
            request.check_access("write")
            request.lock_for_update(allow_referencing=True)
            if consent.state != "given":
                raise UserError(self.env._("%s doesn't count any more.", consent.name))
            consent._write_protected(
                {
                    "state": "withdrawn",
                    "withdrawn_on": fields.Datetime.now(),
                    "withdrawn_by": self.env.uid,
                    "withdrawn_reason": reason.strip(),
                }
            )
            request._check_signed_agreed(consent)
            request.message_post(
                body=self.env._(
                    "Consent %(consent)s withdrawn: %(reason)s", consent=consent.name, reason=reason
                )
            )
        return True

    def action_open_withdraw(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_withdraw", self.env._("Withdraw consent")
        )
