from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import float_compare


class AftersalesScorecardTemplate(models.Model):
    """What technicians, centers or departments are appraised by, and with what weight (E5)."""

    _name = "aftersales.scorecard.template"
    _description = "Scorecard template"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    kind = fields.Selection(
        [
            ("technician", "Technician"),
            ("center", "Service center"),
            ("department", "Department"),
        ],
        "Appraises",
        required=True,
        default="technician",
    )
    period = fields.Selection(
        [("month", "Month"), ("quarter", "Quarter"), ("year", "Year")],
        required=True,
        default="month",
    )
    criterion_ids = fields.One2many(
        "aftersales.scorecard.criterion", "template_id", "Criteria", copy=True
    )
    is_used = fields.Boolean(
        compute="_compute_is_used",
        help="There are scorecards by this template; it stays as it is, so that they can be "
        "compared. Duplicate it for other criteria, and archive it.",
    )

    def _compute_is_used(self):
        # sudo: a scorecard that this user doesn't see rests on the template as well
        used = (
            self.env["aftersales.scorecard"]
            .sudo()
            ._read_group([("template_id", "in", self.ids)], ["template_id"])
        )
        used = self.browse(template.id for (template,) in used)
        for template in self:
            template.is_used = template in used

    @api.constrains("kind")
    def _check_measures(self):
        self.criterion_ids._check_measure()

    @api.constrains("criterion_ids")
    def _check_criteria(self):
        # one without criteria is being written; it can't be used yet
        self.filtered("criterion_ids")._check_weights()

    def _check_weights(self):
        """Raise ValidationError unless the weights make 100 %."""
        for template in self:
            total = sum(template.criterion_ids.mapped("weight"))
            if float_compare(total, 100, precision_digits=2):
                raise ValidationError(
                    self.env._(
                        "The weights of “%(template)s” add up to %(total)s %%, not to 100 %%.",
                        template=template.name,
                        total=round(total, 2),
                    )
                )

    def _check_unused(self):
        """Raise UserError if scorecards rest on the template."""
        for template in self.filtered("is_used"):
            raise UserError(
                self.env._(
                    "There are scorecards by “%s”, which could no longer be compared. Duplicate "
                    "the template, change the copy and archive this one.",
                    template.name,
                )
            )

    def write(self, vals):
        if {"criterion_ids", "kind", "period", "company_id"} & vals.keys():
            self._check_unused()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self._check_unused()
