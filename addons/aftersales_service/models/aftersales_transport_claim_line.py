from odoo import api, fields, models
from odoo.fields import Domain


class AftersalesTransportClaimLine(models.Model):
    """One kind of goods that was damaged or lost on the way (L1.4)."""

    _name = "aftersales.transport.claim.line"
    _description = "Damaged or lost goods"
    _inherit = "aftersales.document.entry"
    _order = "claim_id, id"
    _check_company_auto = True

    claim_id = fields.Many2one(
        "aftersales.transport.claim", "Claim", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="claim_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    product_id = fields.Many2one("product.product", "Product", required=True, check_company=True)
    kind = fields.Selection(
        [("damage", "Damaged in transport"), ("loss", "Lost in transport")],
        required=True,
        default="damage",
    )
    quantity = fields.Float(required=True, default=1, digits="Product Unit")
    price = fields.Monetary("Value of one", required=True)
    amount = fields.Monetary(compute="_compute_amount", store=True)
    note = fields.Char("What is wrong")

    _positive = models.Constraint(
        "CHECK(quantity > 0 AND price >= 0)", "Quantity and value have to be positive."
    )

    @api.model
    def _get_document_domain(self):
        return Domain("claim_id", "in", self.env["aftersales.transport.claim"]._search([]))

    @api.depends("quantity", "price", "currency_id")
    def _compute_amount(self):
        for line in self:
            amount = line.quantity * line.price
            line.amount = line.currency_id.round(amount) if line.currency_id else amount

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._check_claim()
        return lines

    def write(self, vals):
        self._check_claim()
        result = super().write(vals)
        self._check_claim()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_claimed(self):
        self._check_claim()

    def _check_claim(self):
        """Raise unless the claims are still being prepared, by those who may."""
        if not self.env.su:
            self.claim_id.check_access("write")
            self.claim_id._check_role()
            self.claim_id._check_complaint_open()
            self.claim_id._check_state("draft")
