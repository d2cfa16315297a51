from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AftersalesServiceRecordPart(models.Model):
    _inherit = "aftersales.service.record.part"

    source = fields.Selection(
        selection_add=[("deposit", "Parts on deposit")],
        ondelete={"deposit": "set default"},
        help="Where the new part came from. It decides the management fee (M8.7, M8.8). Parts on "
        "deposit are the company's: they leave its stock at the center, are replaced old for new "
        "and never paid by a settlement (L1.6, L3.3).",
    )
    used_part_ids = fields.One2many("aftersales.used.part", "record_part_id", "Used parts")
    urgent_line_id = fields.Many2one(
        "sale.order.line",
        "Urgent order line",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="What brought the part, found when the record becomes valid (M8.7).",
    )
    urgent_order = fields.Char(
        related="urgent_line_id.order_id.name",
        string="Urgent service order",
        store=True,
        help="The order by which the part was sent.",
    )

    currency_id = fields.Many2one(related="company_id.currency_id")
    purchase_price = fields.Monetary(
        "Paid outside (each)",
        copy=False,
        help="What one piece cost that was bought outside, VAT included. The settlement pays it up "
        "to its own price, without fee; the center bears the rest (M8.8).",
    )
    purchase_number = fields.Char("Supplier's invoice no.", copy=False)
    purchase_photo = fields.Image(
        "Supplier's invoice",
        copy=False,
        max_width=1920,
        max_height=1920,
        help="Photo of the invoice of the part bought outside. Its number will do as well.",
    )

    _purchase_price_positive = models.Constraint(
        "CHECK(purchase_price >= 0)", "The price paid outside can't be negative."
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"urgent_line_id"}

    def write(self, vals):
        self._check_purchase_open(vals)
        return super().write(vals)

    def _check_purchase_open(self, vals):
        """Raise UserError if proof of an outside purchase is changed on a closed record (M8.8).

        What is missing may be added until then and after, because the supplier's invoice may come
        later than the customer's signature, which isn't about it.
        """
        names = {"purchase_price", "purchase_number", "purchase_photo"} & vals.keys()
        for part in self if names else ():
            given = {name for name in names if part[name]}
            if part.state in ("done", "cancelled") and part._get_changed_names(vals, given):
                raise UserError(
                    self.env._(
                        "%(record)s is closed: what was noted about the purchase of “%(part)s” "
                        "can't be changed any more.",
                        record=part.record_id.name,
                        part=part.product_id.display_name,
                    )
                )

    def _is_covered(self):
        """Tell whether the warranty bears the part: its cover, and not the customer's fault."""
        self.ensure_one()
        record = self.record_id
        card = record.card_id
        terms = card.coverage_ids._find_terms(self.product_id._origin)
        return record.responsibility != "customer" and bool(
            card._find_coverage(terms, record._get_price_day(), record.hour_meter)
        )

    def _get_missing(self):
        missing = super()._get_missing()
        if self.disposition == "scrap" and not self.product_id.part_class_id.scrap_allowed:
            missing.append(
                self.env._(
                    "“%s” may not be scrapped on the spot: it has to come back",
                    self.product_id.display_name,
                )
            )
        return missing

    def _get_missing_deposit_serial(self, taken, quants):
        """Return what is wrong with the serial of a part on deposit, in words.

        :param taken: what of ``quants``, the part's stock on deposit, has the serial fitted
        """
        self.ensure_one()
        if not self.serial_fitted:
            return [
                self.env._(
                    "“%s”: the serial of the piece fitted, which says what leaves the parts on "
                    "deposit",
                    self.product_id.display_name,
                )
            ]
        if sum(taken.values()) >= self.quantity:
            return []
        there = quants.filtered(lambda quant: quant.quantity > 0).lot_id.mapped("name")
        return [
            self.env._(
                "“%(part)s” %(serial)s is not among the parts on deposit. There are: %(there)s",
                part=self.product_id.display_name,
                serial=self.serial_fitted,
                there=format_list(self.env, there) if there else self.env._("none"),
            )
        ]
