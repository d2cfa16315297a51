from odoo import api, fields, models
from odoo.exceptions import ValidationError

BASES = {
    "labour": ("hour", "visit"),
    "travel": ("km", "visit"),
    "maintenance": ("visit",),
}


class AftersalesSettlementRate(models.Model):
    """What a service under warranty pays by the settlement terms: a line of their fee tables."""

    _name = "aftersales.settlement.rate"
    _description = "Service fee"
    _order = "terms_id, kind, machine_kind_id, step_id, distance_from, id"

    terms_id = fields.Many2one(
        "aftersales.settlement.terms", required=True, ondelete="cascade", index=True
    )
    currency_id = fields.Many2one(related="terms_id.currency_id")
    kind = fields.Selection(
        [
            ("labour", "Labour"),
            ("travel", "Travel"),
            ("maintenance", "Mandatory maintenance"),
        ],
        "Fee for",
        required=True,
        default="labour",
    )
    machine_kind_id = fields.Many2one(
        "aftersales.machine.kind",
        "Machine kind",
        ondelete="restrict",
        help="Empty: all machines that no other line is for.",
    )
    basis = fields.Selection(
        [("hour", "hour of work"), ("km", "km"), ("visit", "visit")],
        "Per",
        required=True,
        default="hour",
        help="Hours are those from the arrival to the end of the work. Kilometres are those of "
        "the request, from the center to the machine, one way.",
    )
    step_id = fields.Many2one(
        "aftersales.maintenance.step", "Maintenance", ondelete="restrict", index="btree_not_null"
    )
    distance_from = fields.Float("More than (km)", digits=(16, 1), aggregator=None)
    distance_to = fields.Float(
        "Up to (km)", digits=(16, 1), aggregator=None, help="0: however far it is."
    )
    amount = fields.Monetary(required=True, aggregator=None, help="VAT included.")

    _amount_positive = models.Constraint("CHECK(amount >= 0)", "A fee can't be negative.")
    _distance_order = models.Constraint(
        "CHECK(distance_from >= 0 AND (distance_to = 0 OR distance_to > distance_from))",
        "The distance can't end before it begins.",
    )

    @api.depends("kind", "machine_kind_id", "step_id")
    def _compute_display_name(self):
        labels = dict(self._fields["kind"]._description_selection(self.env))
        for rate in self:
            names = (labels.get(rate.kind), rate.step_id.name, rate.machine_kind_id.name)
            rate.display_name = " · ".join(filter(None, names))

    @api.onchange("kind")
    def _onchange_kind(self):
        self.basis = BASES[self.kind][0] if self.kind else False

    @api.constrains("kind", "basis", "step_id", "distance_from", "distance_to")
    def _check_kind(self):
        for rate in self:
            if rate.basis not in BASES[rate.kind]:
                labels = dict(self._fields["basis"]._description_selection(self.env))
                raise ValidationError(
                    self.env._(
                        "“%(rate)s” is paid per: %(bases)s.",
                        rate=rate.display_name,
                        bases=", ".join(labels[basis] for basis in BASES[rate.kind]),
                    )
                )
            if bool(rate.step_id) != (rate.kind == "maintenance"):
                raise ValidationError(
                    self.env._(
                        "A fee for mandatory maintenance names the maintenance, no other fee does."
                    )
                )
            if rate.kind != "travel" and (rate.distance_from or rate.distance_to):
                raise ValidationError(self.env._("Only travel is paid by distance."))

    @api.constrains(
        "terms_id", "kind", "machine_kind_id", "step_id", "distance_from", "distance_to"
    )
    def _check_overlap(self):
        for rate in self:
            for other in rate.terms_id.rate_ids - rate:
                if (rate.kind, rate.machine_kind_id, rate.step_id) == (
                    other.kind,
                    other.machine_kind_id,
                    other.step_id,
                ) and rate._overlaps(other):
                    raise ValidationError(
                        self.env._(
                            "“%s” is there twice. Each fee needs one line for each machine kind "
                            "and distance.",
                            rate.display_name,
                        )
                    )

    def _overlaps(self, other):
        first, last = (self + other).sorted("distance_from")
        return not first.distance_to or first.distance_to > last.distance_from

    def _reaches(self, distance):
        """Tell whether the line is for a visit ``distance`` km away."""
        self.ensure_one()
        above = distance > self.distance_from or not self.distance_from
        return above and (not self.distance_to or distance <= self.distance_to)

    # --- the tables of terms that were agreed by stay --------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        rates = super().create(vals_list)
        rates.terms_id._check_unused()
        return rates

    def write(self, vals):
        self.terms_id._check_unused()
        result = super().write(vals)
        self.terms_id._check_unused()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self.terms_id._check_unused()
