from odoo import api, fields, models
from odoo.exceptions import AccessError


class AftersalesCallbackReportLine(models.Model):
    """The figures of one question, center, region or product in a callback report (M4)."""

    _name = "aftersales.callback.report.line"
    _description = "Figures of a callback report"
    _order = "report_id, sequence, id"

    report_id = fields.Many2one(
        "aftersales.callback.report", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="report_id.company_id", store=True)
    sequence = fields.Integer(readonly=True)
    dimension = fields.Selection(
        [
            ("total", "Total"),
            ("kind", "By kind of call"),
            ("question", "By question"),
            ("center", "By service center"),
            ("region", "By region"),
            ("product", "By product"),
        ],
        required=True,
        readonly=True,
    )
    key = fields.Char(
        required=True, readonly=True, help="By which a line is found in the report before."
    )
    name = fields.Char("Figures for", required=True, readonly=True)
    due = fields.Integer(
        "Calls due", readonly=True, help="Of a question: the customers who could answer it."
    )
    reached = fields.Integer(readonly=True)
    satisfied = fields.Integer(readonly=True, help="Of a yes-or-no question: the good answers.")
    neutral = fields.Integer(readonly=True)
    dissatisfied = fields.Integer(
        readonly=True, help="Of a yes-or-no question: the answers that are a problem."
    )
    unreached = fields.Integer("Not reached", readonly=True)
    cancelled = fields.Integer(
        readonly=True, help="Planned wrongly, and taken out of the calls due with a reason."
    )
    corrected = fields.Integer(
        readonly=True, help="Calls whose entries customer service corrected later, with a reason."
    )
    problem = fields.Integer(
        "Problems reported",
        readonly=True,
        help="Calls in which the customer reported what somebody has to deal with (M4).",
    )
    passed_on = fields.Integer(
        "Calls passed on",
        readonly=True,
        help="Calls that were passed on: to a department, or as a complaint (M4, E8).",
    )
    complaint = fields.Integer(
        "Complaints", readonly=True, help="Calls of which a complaint was made."
    )
    rate_due = fields.Float("Satisfied of all due (%)", readonly=True, digits=(16, 2))
    rate_reached = fields.Float("Satisfied of reached (%)", readonly=True, digits=(16, 2))
    rate_low = fields.Float("95 % interval from", readonly=True, digits=(16, 2))
    rate_high = fields.Float("95 % interval to", readonly=True, digits=(16, 2))
    has_previous = fields.Boolean("Compared", readonly=True)
    rate_previous = fields.Float("Period before (%)", readonly=True, digits=(16, 2))
    change = fields.Float(
        "Change (points)",
        compute="_compute_change",
        digits=(16, 2),
        help="Of the rate of those reached against the period before, in percentage points.",
    )

    @api.depends("rate_reached", "rate_previous", "has_previous", "reached")
    def _compute_change(self):
        for line in self:
            compared = line.has_previous and line.reached
            line.change = line.rate_reached - line.rate_previous if compared else 0

    @api.model_create_multi
    def create(self, vals_list):
        if vals_list and not self.env.su:
            raise AccessError(self.env._("The figures of a report are counted, not entered."))
        return super().create(vals_list)
