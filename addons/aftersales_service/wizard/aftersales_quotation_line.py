from odoo import api, fields, models

from ..models.aftersales_entitlement_mixin import VERDICTS


class AftersalesQuotationLine(models.TransientModel):
    """A part or service of the plan, with what the warranty says about it."""

    _name = "aftersales.quotation.line"
    _description = "Part or service to quote"

    quotation_id = fields.Many2one("aftersales.quotation", required=True, ondelete="cascade")
    product_id = fields.Many2one(
        "product.product",
        "Part or service",
        required=True,
        domain=[
            ("sale_ok", "=", True),
            "|",
            ("type", "=", "consu"),
            ("is_aftersales_service", "=", True),
        ],
    )
    quantity = fields.Float(default=1, required=True, digits="Product Unit")
    currency_id = fields.Many2one(related="quotation_id.currency_id")
    verdict = fields.Selection(VERDICTS, compute="_compute_verdict")
    reason = fields.Char("Why", compute="_compute_verdict")
    amount = fields.Monetary(
        compute="_compute_verdict", help="Without the repair fee and taxes. 0: free of charge."
    )

    _quantity_positive = models.Constraint("CHECK(quantity > 0)", "Quote at least something.")

    @api.depends("product_id", "quantity", "quotation_id.caused_by_customer", "quotation_id.hours")
    @api.depends_context("lang")
    def _compute_verdict(self):
        # a line that was just added has no product yet, and in the form no quotation either
        empty = self.filtered(lambda line: not (line.product_id and line.quotation_id.request_id))
        empty.verdict = empty.reason = False
        empty.amount = 0
        for quotation, lines in (self - empty).grouped("quotation_id").items():
            entitlements = quotation._get_entitlements()
            order = quotation._get_planned_order()
            amounts = {
                line.product_id: line.price_unit * (1 - line.discount / 100)
                for line in order.order_line
                if not line.is_repair_fee
            }
            for line in lines:
                entitlement = entitlements.get(line.product_id) or {}
                line.verdict = entitlement.get("verdict", False)
                line.reason = entitlement.get("reason", False)
                line.amount = quotation._to_company(
                    order, amounts.get(line.product_id, 0) * line.quantity
                )
