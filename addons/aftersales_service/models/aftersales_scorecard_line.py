from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import float_round


class AftersalesScorecardLine(models.Model):
    """One criterion on a scorecard, with what was measured or given (E5).

    Lines come with their scorecard. Measured figures are the system's: nobody writes them.
    """

    _name = "aftersales.scorecard.line"
    _description = "Line of a scorecard"
    _inherit = "aftersales.approval.line.mixin"
    _approval_document = "scorecard_id"
    _order = "sequence, id"
    _rec_name = "criterion_id"

    scorecard_id = fields.Many2one(
        "aftersales.scorecard", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="scorecard_id.company_id", store=True)
    criterion_id = fields.Many2one(
        "aftersales.scorecard.criterion",
        "Criterion",
        required=True,
        readonly=True,
        ondelete="restrict",
        index=True,
    )
    sequence = fields.Integer(related="criterion_id.sequence", store=True)
    kind = fields.Selection(related="criterion_id.kind")
    measure = fields.Selection(related="criterion_id.measure")
    target = fields.Float(related="criterion_id.target")
    scale = fields.Float(related="criterion_id.scale", string="Out of")
    guidance = fields.Text(related="criterion_id.guidance")
    regulation_id = fields.Many2one(related="criterion_id.regulation_id")
    weight = fields.Float("Weight (%)", readonly=True)
    numerator = fields.Float("Counted", readonly=True, digits=(16, 0))
    denominator = fields.Float("Out of all", readonly=True, digits=(16, 0))
    value = fields.Float("Figure", compute="_compute_score", store=True, aggregator="avg")
    points = fields.Float(help="What somebody gives, as far as nothing can be measured.")
    source = fields.Selection(
        [
            ("spot_check", "On-site check"),
            ("survey", "Survey"),
            ("feedback", "Feedback"),
        ],
        "Found by",
        help="How the points were found (E5). Without it the criterion isn't rated.",
    )
    note = fields.Char("Remarks", help="What the points rest on, or why there are none.")
    is_rated = fields.Boolean("Rated", compute="_compute_score", store=True)
    score = fields.Float(
        compute="_compute_score",
        store=True,
        aggregator="avg",
        help="From 0 to 100.",
    )
    effective_weight = fields.Float(
        "Weight used (%)",
        compute="_compute_effective_weight",
        store=True,
        help="What isn't rated has no weight; the others get it in proportion.",
    )

    _criterion_uniq = models.UniqueIndex(
        "(scorecard_id, criterion_id)", "Each criterion is rated once."
    )

    @api.depends("numerator", "denominator", "points", "source")
    def _compute_score(self):
        for line in self:
            if line.kind == "measured":
                line.is_rated = line.denominator > 0
                line.value = line.is_rated and 100 * line.numerator / line.denominator
            else:
                line.is_rated = bool(line.source)
                line.value = line.is_rated and line.points
            line.score = line.is_rated and line.criterion_id._get_score(line.value)

    @api.depends("weight", "is_rated", "scorecard_id.line_ids.is_rated")
    def _compute_effective_weight(self):
        for line in self:
            rated = line.scorecard_id.line_ids.filtered("is_rated")
            total = sum(rated.mapped("weight"))
            line.effective_weight = line.is_rated and total and 100 * line.weight / total

    @api.constrains("points", "criterion_id")
    def _check_points(self):
        for line in self:
            if line.kind == "entered" and not 0 <= line.points <= line.scale:
                raise ValidationError(
                    self.env._(
                        "“%(criterion)s” gets from 0 to %(scale)s points.",
                        criterion=line.criterion_id.name,
                        scale=float_round(line.scale, precision_digits=2),
                    )
                )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "scorecard_id",
            "criterion_id",
            "weight",
            "numerator",
            "denominator",
            "value",
            "score",
            "is_rated",
            "effective_weight",
            "sequence",
        }

    def write(self, vals):
        given = {"points", "source"} & vals.keys()
        if given or "note" in vals:
            self.scorecard_id._check_draft()
        if given and not self.env.su:
            for line in self:
                if line.kind != "entered":
                    raise AccessError(
                        self.env._("“%s” is measured, nobody gives points.", line.criterion_id.name)
                    )
                if line.scorecard_id._is_own():
                    raise AccessError(
                        self.env._("Nobody appraises himself: somebody else gives the points.")
                    )
        return super().write(vals)

    def _get_figure_text(self):
        """Return the figure in words for the print: counted out of all, or points."""
        self.ensure_one()
        if not self.is_rated:
            return self.env._("Not rated")
        if self.kind == "measured":
            return f"{self.value:.1f} ({self.numerator:.0f} / {self.denominator:.0f})"
        return f"{self.points:g} / {self.scale:g}"

    def action_view_counted(self):
        """Show the records that are counted above the line."""
        return self._view_records(0)

    def action_view_all(self):
        """Show the records that the figure is a share of."""
        return self._view_records(1)

    def _view_records(self, index):
        self.ensure_one()
        if self.kind != "measured":
            raise UserError(self.env._("Nothing was counted: these are points."))
        scorecard = self.scorecard_id
        part = self.env["aftersales.scorecard.measure"]._get_spec(
            self.measure, scorecard.kind, *scorecard._get_moments(), scorecard.company_id
        )[index]
        domain = part["domain"]
        subject = scorecard._get_subject()
        # sudo: only the ids of what was counted are looked up; the user's own rules say what of
        # it he sees
        model = self.env[part["model"]].sudo()
        if name := part["field"]:
            key = subject
            if model._fields[name].comodel_name != subject._name:
                key = subject.sudo().partner_id
            domain &= Domain(name, "=", key.id)
        return {
            "type": "ir.actions.act_window",
            "name": self.criterion_id.name,
            "res_model": part["model"],
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", model.search(domain).ids)],
            "context": {"create": False},
        }
