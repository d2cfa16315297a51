from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .aftersales_complaint_cause import KINDS


class AftersalesComplaintReportLine(models.Model):
    """Complaints of one kind about one unit and person in a month, copied when issued (C8)."""

    _name = "aftersales.complaint.report.line"
    _description = "Line of a complaint report"
    _inherit = "aftersales.document.entry"
    _order = "report_id, unit, person, kind, id"
    _rec_name = "unit"

    report_id = fields.Many2one(
        "aftersales.complaint.report",
        "Report",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
    )
    company_id = fields.Many2one(related="report_id.company_id", store=True)
    month = fields.Date(related="report_id.month", store=True)
    department_id = fields.Many2one("aftersales.department", "Department", readonly=True)
    center_id = fields.Many2one("res.partner", "Service center", readonly=True)
    unit = fields.Char(
        "Responsible unit", readonly=True, help="Empty: not determined, or nobody's fault."
    )
    person = fields.Char("Responsible person", readonly=True)
    kind = fields.Selection(KINDS, readonly=True)
    complaint_count = fields.Integer("Complaints", readonly=True)
    serious_count = fields.Integer("Serious", readonly=True)
    founded_count = fields.Integer("Founded", readonly=True)
    unfounded_count = fields.Integer("Unfounded", readonly=True)
    rate = fields.Float(compute="_compute_rate", store=True, digits=(16, 4), aggregator="sum")

    @api.depends("complaint_count", "report_id.unit_count", "report_id.per")
    def _compute_rate(self):
        for line in self:
            line.rate = line.report_id._get_rate(line.complaint_count)

    @api.model
    def _get_document_domain(self):
        reports = self.env["aftersales.complaint.report"]
        return Domain("report_id", "in", reports._search([]))

    def write(self, vals):
        self._check_draft()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_issued(self):
        self._check_draft()

    def _check_draft(self):
        if any(line.report_id.state != "draft" for line in self):
            raise UserError(self.env._("An issued report is frozen (C8)."))
