from odoo import api, fields, models

from .aftersales_entitlement_mixin import VERDICTS


class AftersalesServiceRecordPart(models.Model):
    """A part that was replaced on site: what was fitted, and what was taken off."""

    _name = "aftersales.service.record.part"
    _description = "Replaced part"
    _inherit = ["aftersales.record.line.mixin"]
    _order = "record_id, id"
    _check_company_auto = True
    _rec_name = "product_id"
    _record_field = "part_ids"

    card_id = fields.Many2one(related="record_id.card_id", store=True, index="btree_not_null")
    center_id = fields.Many2one(related="record_id.center_id", store=True)
    product_id = fields.Many2one(
        "product.product",
        "Part",
        required=True,
        domain=[("type", "=", "consu")],
        check_company=True,
        index=True,
    )
    quantity = fields.Integer(required=True, default=1, help="Each piece gets its own tag.")
    source = fields.Selection(
        [
            ("stock", "Center's own stock"),
            ("urgent", "Urgent order"),
            ("outside", "Bought outside"),
        ],
        required=True,
        default="stock",
        help="Where the new part came from. It decides the management fee (M8.7, M8.8).",
    )
    serial_fitted = fields.Char("Serial fitted", index="trigram")
    serial_removed = fields.Char("Serial removed")
    disposition = fields.Selection(
        [("return", "Return"), ("scrap", "Scrap on the spot")],
        "Removed part",
        required=True,
        default="return",
        help="What happens to the part that was taken off.",
    )
    scrap_photo = fields.Image(
        "Photo of the scrapped part",
        max_width=1920,
        max_height=1920,
        help="Needed when the removed part is scrapped on the spot.",
    )
    coverage_id = fields.Many2one(
        "aftersales.warranty.coverage", "Covered by", compute="_compute_entitlement"
    )
    verdict = fields.Selection(
        VERDICTS,
        compute="_compute_entitlement",
        help="Whether the customer pays for the part. What the customer caused is charged.",
    )
    verdict_reason = fields.Char("Why", compute="_compute_entitlement")
    repair_part_id = fields.Many2one(
        "aftersales.service.record.part",
        "Fitted before by",
        compute="_compute_entitlement",
        help="The earlier repair whose own warranty covers this part (H8).",
    )
    service_date = fields.Date(related="record_id.service_date")

    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0)", "At least one piece was replaced."
    )

    @api.depends(
        "product_id",
        "record_id.card_id",
        "record_id.service_date",
        "record_id.hour_meter",
        "record_id.responsibility",
    )
    @api.depends_context("lang")
    def _compute_entitlement(self):
        for record, parts in self.grouped("record_id").items():
            entitlements = parts._get_entitlements() if record.service_date else {}
            for part in parts:
                entitlement = entitlements.get(part.product_id) or {}
                part.coverage_id = entitlement.get("coverage", False)
                part.verdict = entitlement.get("verdict", False)
                part.verdict_reason = entitlement.get("reason", False)
                part.repair_part_id = entitlement.get("repair_part", False)

    def _get_entitlements(self):
        """Return what the customer is entitled to for the parts of one record, by product."""
        return self.record_id._get_entitlements(self.product_id)

    @api.model
    def _get_signed_fields(self):
        return [
            "product_id",
            "quantity",
            "source",
            "serial_fitted",
            "serial_removed",
            "disposition",
            "scrap_photo",
        ]

    def _get_missing(self):
        missing = super()._get_missing()
        if self.disposition == "scrap" and not self.scrap_photo:
            missing.append(
                self.env._("Photo of the scrapped part “%s”", self.product_id.display_name)
            )
        return missing
