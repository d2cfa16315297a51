from odoo import api, fields, models
from odoo.exceptions import ValidationError

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
    serial_removed = fields.Char("Serial removed", index="trigram")
    serial_reason = fields.Char(
        "Why the serials differ",
        help="Why a serial can't be read, or isn't the one that was fitted before.",
    )
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

    # --- serials: what went in, what came out (mistake 3) ------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._strip_serials(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._strip_serials(vals))

    @api.model
    def _strip_serials(self, vals):
        names = ("serial_fitted", "serial_removed")
        return {
            name: value.strip() if name in names and isinstance(value, str) else value
            for name, value in vals.items()
        }

    @api.constrains("product_id", "serial_fitted", "serial_removed", "record_id")
    def _check_serials(self):
        """A piece is fitted once, until it is taken off again; it isn't both fitted and removed."""
        for part in self.filtered("serial_fitted"):
            if part.serial_fitted == part.serial_removed:
                raise ValidationError(
                    self.env._(
                        "“%(part)s”: %(serial)s can't be the piece fitted and the piece taken off.",
                        part=part.product_id.display_name,
                        serial=part.serial_fitted,
                    )
                )
        fitted = self.filtered("serial_fitted")
        history = fitted._get_serial_history(fitted.mapped("serial_fitted"))
        for part in fitted:
            key = part.product_id, part.serial_fitted
            where = [line for line in history.get(key, ()) if line.serial_fitted == key[1]]
            gone = [line for line in history.get(key, ()) if line.serial_removed == key[1]]
            # sudo: only the number of the other record is told
            if other := part.sudo()._get_still_fitted(where, gone):
                raise ValidationError(
                    self.env._(
                        "“%(part)s” %(serial)s was fitted with %(record)s already, and never taken "
                        "off there. Read the number again.",
                        part=part.product_id.display_name,
                        serial=part.serial_fitted,
                        record=other.record_id.name,
                    )
                )

    def _get_serial_history(self, serials):
        """Return all lines that name one of ``serials``, by part and serial."""
        # sudo: a piece may have been fitted by another center
        lines = self.sudo().search(
            [
                ("product_id", "in", self.product_id.ids),
                ("company_id", "in", self.company_id.ids),
                ("state", "!=", "cancelled"),
                "|",
                ("serial_fitted", "in", serials),
                ("serial_removed", "in", serials),
            ]
        )
        history = {}
        for line in lines:
            for serial in {line.serial_fitted, line.serial_removed} & {*serials}:
                history.setdefault((line.product_id, serial), []).append(line)
        return history

    def _get_still_fitted(self, where, gone):
        """Return the line of ``where`` whose piece none of the lines ``gone`` took off again."""
        self.ensure_one()
        for other in where:
            if other == self or other.id == self._origin.id:
                continue
            taken = [
                line
                for line in gone
                if line.card_id == other.card_id
                and line.record_id != other.record_id
                and line._get_moment() >= other._get_moment()
            ]
            if not taken:
                return other
        return None

    def _get_moment(self):
        return self.record_id.arrival or self.record_id.create_date

    def _get_known_serials(self):
        """Return the serials of this kind of part that are in the unit, as far as records know."""
        self.ensure_one()
        card = self.record_id.card_id
        if not card or not self.product_id:
            return set()
        # sudo: what another center fitted counts, too; by the links, which are read for all the
        # parts of a record at once
        records = card.sudo().record_ids.filtered(
            lambda record: record.state == "done" and record != self.record_id._origin
        )
        lines = records.part_ids.filtered(lambda line: line.product_id == self.product_id)
        known = set()
        for line in lines.sorted(lambda line: line._get_moment()):
            known.discard(line.serial_removed)
            known.add(line.serial_fitted)
        return known - {False, ""}

    def _get_missing_serials(self):
        """Return which serial, or which reason, is missing on this line."""
        part = self.product_id.display_name
        if self.quantity > 1 and (self.serial_fitted or self.serial_removed):
            return [
                self.env._("“%s”: one line for each piece, because it has a serial number", part)
            ]
        if (self.serial_reason or "").strip():
            return []
        if bool(self.serial_fitted) != bool(self.serial_removed):
            return [
                self.env._("“%s”: the serial of the piece taken off, or why there is none", part)
                if self.serial_fitted
                else self.env._("“%s”: the serial of the piece fitted, or why there is none", part)
            ]
        known = self._get_known_serials() if self.serial_removed else set()
        if known and self.serial_removed not in known:
            return [
                self.env._(
                    "“%(part)s”: why %(serial)s came off, although %(known)s was fitted before",
                    part=part,
                    serial=self.serial_removed,
                    known=", ".join(sorted(known)),
                )
            ]
        return []

    @api.model
    def _get_signed_fields(self):
        return [
            "product_id",
            "quantity",
            "source",
            "serial_fitted",
            "serial_removed",
            "serial_reason",
            "disposition",
            "scrap_photo",
        ]

    def _get_missing(self):
        missing = super()._get_missing()
        missing += self._get_missing_serials()
        if self.disposition == "scrap" and not self.scrap_photo:
            missing.append(
                self.env._("Photo of the scrapped part “%s”", self.product_id.display_name)
            )
        return missing
