from odoo import api, fields, models

from ..models.aftersales_consent import KINDS, WAYS


class AftersalesConsentEntry(models.TransientModel):
    """The window in which a consent is taken: on the screen, or as it was given elsewhere (H7)."""

    _name = "aftersales.consent.entry"
    _description = "Take a consent"

    request_id = fields.Many2one("aftersales.request", readonly=True)
    record_id = fields.Many2one("aftersales.service.record", readonly=True)
    currency_id = fields.Many2one("res.currency", compute="_compute_amounts")
    kind = fields.Selection(
        KINDS,
        required=True,
        default="extra",
    )
    how = fields.Selection(
        [way for way in WAYS if way[0] != "portal"],
        required=True,
        default="screen",
    )
    agreed_amount = fields.Monetary("Agreed so far", compute="_compute_amounts")
    charge_amount = fields.Monetary(
        "To be charged", compute="_compute_amounts", help="Taxes included, as it stands now."
    )
    quotation_amount = fields.Monetary("Quotation", compute="_compute_amounts")
    amount = fields.Monetary(
        "Agrees to pay on top",
        compute="_compute_amount",
        store=True,
        readonly=False,
        precompute=True,
        help="Taxes included.",
    )
    explanation = fields.Text(
        "What was explained",
        compute="_compute_explanation",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    product_ids = fields.Many2many(
        "product.product",
        string="Parts",
        compute="_compute_product_ids",
        store=True,
        readonly=False,
        precompute=True,
        domain=[("type", "=", "consu")],
    )
    given_by = fields.Char("Given by", required=True)
    given_on = fields.Datetime("Given on", required=True, default=fields.Datetime.now)
    signature = fields.Binary(attachment=False)
    evidence = fields.Binary("File", attachment=False)
    evidence_name = fields.Char()
    is_proof_needed = fields.Boolean("Evidence needed", compute="_compute_is_proof_needed")

    def _get_request(self):
        """Return the request with all rights, after a check that the user may serve it."""
        self.ensure_one()
        served = self.record_id or self.request_id
        served.check_access("write")
        # sudo: a colleague may write the record without seeing the request
        return self.record_id.sudo().request_id or self.request_id.sudo()

    @api.depends("request_id", "record_id")
    def _compute_amounts(self):
        for entry in self:
            request = entry._get_request()
            entry.currency_id = request.currency_id
            entry.agreed_amount = request._get_agreed_amount()
            entry.charge_amount = request._get_charge_amount()
            entry.quotation_amount = request._get_orders_amount(request._get_open_quotation())

    @api.depends("request_id", "record_id", "how")
    @api.depends_context("uid")
    def _compute_is_proof_needed(self):
        for entry in self:
            entry.is_proof_needed = entry.how in ("paper", "email") or (
                entry.how == "phone" and entry._get_request()._is_proof_needed(self.env.user)
            )

    @api.depends("request_id", "record_id")
    def _compute_amount(self):
        for entry in self:
            entry.amount = max(entry.charge_amount - entry.agreed_amount, 0)

    @api.depends("kind", "request_id", "record_id")
    @api.depends_context("lang")
    def _compute_explanation(self):
        for entry in self:
            order = entry._get_request()._get_open_quotation()
            if entry.kind == "quotation" and order:
                entry.explanation = order._aftersales_get_summary()
            else:
                entry.explanation = False

    @api.depends("kind", "request_id", "record_id")
    def _compute_product_ids(self):
        for entry in self:
            parts = entry._get_request().record_ids.part_ids.filtered(
                lambda part: part.source == "outside" and part.state == "draft"
            )
            entry.product_ids = parts.product_id if entry.kind == "outside" else False

    def action_confirm(self):
        """Write the consent down on the request."""
        self.ensure_one()
        self._get_request().sudo(False)._add_consent(self._prepare_consent_vals(), self.record_id)
        return {"type": "ir.actions.act_window_close"}

    def _prepare_consent_vals(self):
        return {
            "kind": self.kind,
            "how": self.how,
            "amount": self.amount if self.kind == "extra" else 0,
            "explanation": self.explanation,
            "product_ids": self.product_ids.ids if self.kind == "outside" else [],
            "given_by": self.given_by,
            "given_on": self.given_on,
            "signature": self.signature if self.how == "screen" else False,
            "evidence": self.evidence,
            "evidence_name": self.evidence_name,
        }
