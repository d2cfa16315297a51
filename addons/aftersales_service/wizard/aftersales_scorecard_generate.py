from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.aftersales_scorecard import MONTHS


class AftersalesScorecardGenerate(models.TransientModel):
    """Asks for the template and period of the scorecards to make."""

    _name = "aftersales.scorecard.generate"
    _description = "Make scorecards"

    template_id = fields.Many2one("aftersales.scorecard.template", "Template", required=True)
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    date = fields.Date(
        "Period of",
        required=True,
        default=lambda self: (
            self.env.company._aftersales_local(fields.Datetime.now()).date()
            - relativedelta(months=1)
        ),
        help="Any day of the month, quarter or year that is appraised.",
    )
    date_from = fields.Date("From", compute="_compute_date_from")

    @api.depends("template_id", "date")
    def _compute_date_from(self):
        for wizard in self:
            months = MONTHS.get(wizard.template_id.period)
            day = wizard.date
            wizard.date_from = (
                day and months and day.replace(day=1, month=day.month - (day.month - 1) % months)
            )

    def action_confirm(self):
        """Make the scorecards that are missing, and show those of the period."""
        self.ensure_one()
        scorecards = self.env["aftersales.scorecard"]
        scorecards._generate(self.template_id, self.date_from, self.company_id)
        domain = [("template_id", "=", self.template_id.id), ("date_from", "=", self.date_from)]
        if not scorecards.search_count(domain, limit=1):
            raise UserError(self.env._("There is nobody to appraise by this template."))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_scorecard"
        )
        return {**action, "domain": domain, "context": {}, "target": "main"}
