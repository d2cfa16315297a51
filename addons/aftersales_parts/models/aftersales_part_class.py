from odoo import api, fields, models


class AftersalesPartClass(models.Model):
    """What a kind of part means for keeping, packing and paying it (M8.7, M10.1–M10.4)."""

    _name = "aftersales.part.class"
    _description = "Part class"
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    storage = fields.Selection(
        [
            ("indoor", "Indoors"),
            ("outdoor", "Outdoors allowed"),
            ("careful", "With care, indoors"),
        ],
        required=True,
        default="indoor",
        help="How a keeper has to store the used part (M10.1).",
    )
    scrap_allowed = fields.Boolean(
        "May be scrapped on the spot", help="Rubber seals, for instance, need not come back."
    )
    terms_ids = fields.Many2many(
        "aftersales.settlement.terms",
        "aftersales_settlement_terms_part_class_rel",
        "class_id",
        "terms_id",
        "Without fee by",
        readonly=True,
        help="Settlement terms that exclude the class from the parts management fee (M8.7).",
    )
    management_fee = fields.Boolean(
        "Management fee",
        compute="_compute_management_fee",
        search="_search_management_fee",
        help="Off: the settlement terms in force today exclude the class from the parts management "
        "fee, as the assemblies are (M8.7).",
    )
    is_assembly = fields.Boolean(
        "Assembly", help="Comes back whole: opened ones are put together again before (M10.2)."
    )
    may_be_opened = fields.Boolean(
        "May come back opened", help="Need not be put together again; the final drive (M10.2)."
    )
    pack_per_repair = fields.Boolean(
        "Packed by repair",
        help="When such a part was taken off, all parts of that repair are packed together in a "
        "crate or bag of their own, with nothing else in it (M10.4).",
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _code_unique = models.Constraint("UNIQUE(code)", "There is already a class of this code.")

    @api.depends_context("company")
    @api.depends("terms_ids")
    def _compute_management_fee(self):
        excluded = self._get_current_terms().excluded_class_ids
        for part_class in self:
            part_class.management_fee = part_class._origin not in excluded

    @api.model
    def _search_management_fee(self, operator, value):
        if operator != "in":
            return NotImplemented
        excluded = self._get_current_terms().excluded_class_ids
        return [("id", "not in" if True in value else "in", excluded.ids)]

    @api.model
    def _get_current_terms(self):
        """Return the settlement terms in force today in the current company, or none."""
        company = self.env.company
        today = company._aftersales_local(fields.Datetime.now()).date()
        # sudo: whether a class earns a fee is told to whoever sees the class
        terms = self.env["aftersales.settlement.terms"].sudo()
        return terms.with_context(active_test=True)._get_terms_by_day(company, [today])[today]

    def _get_keeping_hints(self):
        """Return how a part is kept and comes back, in words for its label (M10.1, M10.2).

        A part without a class is kept like most: indoors, and complete.
        """
        part_class = self or self.new({"storage": "indoor"})
        labels = dict(self._fields["storage"]._description_selection(self.env))
        hints = [part_class.name or self.env._("No class"), labels[part_class.storage]]
        if part_class.pack_per_repair:
            hints.append(self.env._("Packed with its repair"))
        if part_class.may_be_opened:
            hints.append(self.env._("May come back opened"))
        elif part_class.is_assembly:
            hints.append(self.env._("Put together again"))
        return hints
