from odoo import api, fields, models


class AftersalesScorecardCriterion(models.Model):
    """One criterion of a scorecard: a measured figure, or points that somebody gives (E5)."""

    _name = "aftersales.scorecard.criterion"
    _description = "Criterion of a scorecard"
    _order = "sequence, id"

    template_id = fields.Many2one(
        "aftersales.scorecard.template", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="template_id.company_id", store=True)
    name = fields.Char("Criterion", required=True, translate=True)
    sequence = fields.Integer(default=10)
    weight = fields.Float("Weight (%)", required=True)
    kind = fields.Selection(
        [("measured", "Measured"), ("entered", "Points")],
        required=True,
        default="entered",
    )
    measure = fields.Selection(
        selection=lambda self: [*self.env["aftersales.scorecard.measure"]._get_measures().items()],
        help="What is counted. The figures on a scorecard open the records behind them.",
    )
    target = fields.Float(help="The figure that earns the full score.")
    worst = fields.Float(
        "No score at",
        help="The figure that earns nothing; in between the score is proportional. If it is more "
        "than the target, lower figures are better.",
    )
    better = fields.Selection(
        [("higher", "Higher is better"), ("lower", "Lower is better")],
        "Direction",
        compute="_compute_better",
    )
    scale = fields.Float("Points", default=10, help="The most points that can be given.")
    guidance = fields.Text(translate=True, help="What the points are given for.")
    regulation_id = fields.Many2one("aftersales.regulation", "Article", ondelete="restrict")

    _weight_positive = models.Constraint("CHECK(weight > 0)", "A weight is more than zero.")
    _scale_positive = models.Constraint(
        "CHECK(kind != 'entered' OR COALESCE(scale, 0) > 0)", "The most points are more than zero."
    )
    _target_differs = models.Constraint(
        "CHECK(kind != 'measured' OR COALESCE(target, 0) != COALESCE(worst, 0))",
        "The figure for the full score and the one for none can't be the same.",
    )
    _measure_given = models.Constraint(
        "CHECK(kind != 'measured' OR measure IS NOT NULL)",
        "Choose what is measured.",
    )

    @api.depends("target", "worst", "kind")
    def _compute_better(self):
        for criterion in self:
            criterion.better = criterion.kind == "measured" and (
                "higher" if criterion.target > criterion.worst else "lower"
            )

    @api.model_create_multi
    def create(self, vals_list):
        criteria = super().create(vals_list)
        criteria.template_id._check_unused()
        return criteria

    def write(self, vals):
        self.template_id._check_unused()
        result = super().write(vals)
        if {"weight", "template_id"} & vals.keys():
            self.template_id._check_weights()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self.template_id._check_unused()

    @api.constrains("measure", "template_id")
    def _check_measure(self):
        now = fields.Datetime.now()
        for criterion in self.filtered("measure"):
            # raises what speaks against it for this kind of subjects
            self.env["aftersales.scorecard.measure"]._get_spec(
                criterion.measure, criterion.template_id.kind, now, now, self.env.company
            )

    def _get_score(self, value):
        """Return the score from 0 to 100 for a measured ``value``, or for points given."""
        self.ensure_one()
        if self.kind == "entered":
            share = value / self.scale
        else:
            share = (value - self.worst) / (self.target - self.worst)
        return 100 * min(max(share, 0.0), 1.0)
