from dateutil.relativedelta import relativedelta

from odoo import fields, models


class AftersalesWarrantyTermsMixin(models.AbstractModel):
    """The terms of one component: promised by a policy's line, frozen on a card's cover (L1.1)."""

    _name = "aftersales.warranty.terms.mixin"
    _description = "Warranty terms"

    component = fields.Char(required=True, translate=True, help="What is covered, in words.")
    product_id = fields.Many2one(
        "product.product",
        "Part",
        help="The line covers this part alone, and outranks lines for a category.",
    )
    categ_id = fields.Many2one(
        "product.category",
        "Parts of category",
        help="The line covers parts of this category and its subcategories. Without a part or a "
        "category it covers the whole unit, that is whatever no other line covers.",
    )
    kind = fields.Selection(
        [("repair", "Repair"), ("exchange", "Exchange"), ("none", "No warranty")],
        required=True,
        default="repair",
    )
    claimant = fields.Selection(
        [("consumer", "Consumer"), ("dealer", "Dealer")],
        help="The line holds for claims of consumers or of dealers only. Empty: for both.",
    )
    duration = fields.Integer(
        "Months", help="One month from 10 September ends with 10 October, which is still covered."
    )
    start_basis = fields.Selection(
        [
            ("delivery", "Delivery"),
            ("purchase", "Purchase"),
            ("installation", "Installation"),
            ("manufacture", "Manufacture"),
        ],
        "Runs from",
        required=True,
        default="delivery",
        help="The day that the months are counted from. Purchase and delivery stand in for each "
        "other, and delivery for an installation that isn't recorded yet.",
    )
    hour_limit = fields.Float(
        "Operating hours", help="Cover also ends at this hour-meter reading. 0: no limit."
    )
    after_expiry = fields.Selection(
        [
            ("fee", "Parts and repair fee"),
            ("parts", "Parts only"),
            ("free", "Free of charge"),
            ("refuse", "Not accepted"),
        ],
        required=True,
        default="fee",
        help="What holds outside of the cover: the parts are charged together with a repair fee "
        "(L1.1), the parts alone (R2), nothing at all, or the claim is refused.",
    )
    repair_fee_rate = fields.Float(
        "Repair fee (%)",
        default=lambda self: self.env.company.aftersales_repair_fee_rate,
        help="Of the price of the parts replaced, when they are charged (L1.1).",
    )

    _duration_positive = models.Constraint(
        "CHECK(kind = 'none' OR duration > 0)", "A warranty lasts one month or more."
    )
    _hour_limit_positive = models.Constraint(
        "CHECK(hour_limit >= 0)", "The hour limit can't be negative."
    )
    _repair_fee_rate_positive = models.Constraint(
        "CHECK(repair_fee_rate >= 0)", "The repair fee can't be negative."
    )

    def _get_terms_fields(self):
        """Return the names of the fields that a card's cover copies from the policy."""
        return [
            "component",
            "product_id",
            "categ_id",
            "kind",
            "claimant",
            "duration",
            "start_basis",
            "hour_limit",
            "after_expiry",
            "repair_fee_rate",
        ]

    def _get_window(self, dates):
        """Return the first and the last day that are covered, or two times False.

        As Chinese law counts periods (Civil Code, art. 201 and 202): the first day isn't counted,
        the last is the same day of the month, or the month's last if it has none.

        :param dict dates: the days that the unit's cover can run from, by start basis
        """
        self.ensure_one()
        start = next((dates[b] for b in self._get_bases() if dates.get(b)), False)
        if not start or self.kind == "none":
            return start, False
        return start, start + relativedelta(months=self.duration)

    def _get_bases(self):
        """Return the start bases in the order in which they are looked for."""
        return {
            "delivery": ("delivery", "purchase"),
            "purchase": ("purchase", "delivery"),
            "installation": ("installation", "delivery", "purchase"),
            # nothing can stand in for the date that is printed on the product itself
            "manufacture": ("manufacture",),
        }[self.start_basis]

    def _find_terms(self, product, claimant="consumer"):
        """Return the line that holds for ``product`` as a part of the unit, or none.

        The part's own line outranks that of its nearest category, and that the line for the whole
        unit; of two such lines the one for this kind of claimant.
        """
        lines = self.filtered(lambda line: line.claimant in (False, claimant)).sorted(
            lambda line: not line.claimant
        )
        own = lines.filtered(lambda line: product and line.product_id == product)
        if own:
            return own[0]
        by_category = {}
        for line in lines.filtered(lambda line: not line.product_id):
            by_category.setdefault(line.categ_id.id, line)
        categories = [int(i) for i in (product.categ_id.parent_path or "").split("/") if i]
        return next(
            (by_category[i] for i in reversed(categories) if i in by_category),
            by_category.get(False, self.browse()),
        )
