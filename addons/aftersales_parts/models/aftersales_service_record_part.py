from odoo import fields, models
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

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"urgent_line_id"}

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
