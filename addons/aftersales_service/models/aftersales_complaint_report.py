from datetime import time, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools.misc import format_date

from .res_company import COMPLAINT_RATE_BASES


class AftersalesComplaintReport(models.Model):
    """客户投诉月报: last month's complaints by unit and person, with the rate (C8).

    A draft follows the complaints. Issued, it is frozen: lines and figures are copies, and names
    are kept as text, so that nothing that happens later changes what was reported.
    """

    _name = "aftersales.complaint.report"
    _description = "Complaint report"
    _regulations = ("C8", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "month desc, id desc"
    _rec_name = "period"

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [("draft", "Draft"), ("issued", "Issued")],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    month = fields.Date(
        "Month (first day)",
        required=True,
        default=lambda self: self._get_last_month(self.env.company),
        help="The month, on the company's clock, in which the complaints were reported.",
    )
    period = fields.Char("Month", compute="_compute_period", store=True)
    basis = fields.Selection(
        COMPLAINT_RATE_BASES,
        "Rate per units",
        required=True,
        default=lambda self: self.env.company.aftersales_complaint_rate_basis,
        help="What the complaints are divided by; it is stated on the report.",
    )
    per = fields.Integer(
        "Complaints per so many units",
        required=True,
        default=lambda self: self.env.company.aftersales_complaint_rate_per,
    )
    line_ids = fields.One2many(
        "aftersales.complaint.report.line", "report_id", "By unit and person", readonly=True
    )
    complaint_count = fields.Integer("Complaints", readonly=True, copy=False)
    founded_count = fields.Integer("Founded", readonly=True, copy=False)
    unfounded_count = fields.Integer("Unfounded", readonly=True, copy=False)
    serious_count = fields.Integer("Serious", readonly=True, copy=False)
    unit_count = fields.Integer(
        "Units", readonly=True, copy=False, help="The denominator of the rate."
    )
    rate = fields.Float(
        compute="_compute_rate",
        store=True,
        digits=(16, 4),
        aggregator="avg",
        help="All complaints reported in the month, cancelled ones left out, per so many units.",
    )
    statement = fields.Char("How the rate is computed", compute="_compute_statement")
    date_computed = fields.Datetime("Computed on", readonly=True, copy=False)
    date_issued = fields.Datetime("Issued on", readonly=True, copy=False)
    issued_by = fields.Many2one("res.users", readonly=True, copy=False)

    _month_uniq = models.Constraint(
        "UNIQUE(company_id, month)", "There is already a report on this month."
    )
    _per_positive = models.Constraint(
        "CHECK(per > 0)", "The rate is per so many units: one at least."
    )

    @api.model
    def _get_last_month(self, company):
        """Return the first day of the month before this one, on the company's clock."""
        today = company._aftersales_local(fields.Datetime.now()).date()
        return today + relativedelta(months=-1, day=1)

    @api.depends("month")
    def _compute_period(self):
        for report in self:
            report.period = report.month and report.month.strftime("%Y-%m")

    @api.depends("complaint_count", "unit_count", "per")
    def _compute_rate(self):
        for report in self:
            report.rate = report._get_rate(report.complaint_count)

    def _get_rate(self, count):
        """Return ``count`` complaints per so many units; 0 where there are no units."""
        self.ensure_one()
        return self.unit_count and count * self.per / self.unit_count

    @api.depends("complaint_count", "unit_count", "per", "basis", "month")
    @api.depends_context("lang")
    def _compute_statement(self):
        for report in self:
            if not report.month:
                report.statement = False
                continue
            first, last = report._get_days()
            values = {
                "complaints": report.complaint_count,
                "units": report.unit_count,
                "per": report.per,
                "first": format_date(self.env, first),
                "last": format_date(self.env, last),
            }
            if not report.unit_count:
                report.statement = self.env._(
                    "No rate: there were no units from %(first)s to %(last)s to divide by.",
                    **values,
                )
            elif report.basis == "in_service":
                report.statement = self.env._(
                    "%(complaints)s complaints reported from %(first)s to %(last)s ÷ %(units)s "
                    "units in service on %(last)s × %(per)s",
                    **values,
                )
            else:
                report.statement = self.env._(
                    "%(complaints)s complaints reported from %(first)s to %(last)s ÷ %(units)s "
                    "units delivered in this time × %(per)s",
                    **values,
                )

    @api.constrains("month")
    def _check_month(self):
        for report in self:
            if report.month.day != 1:
                raise ValidationError(
                    self.env._("The month is given by its first day, such as 2026-11-01.")
                )
            if report.month > self._get_last_month(report.company_id):
                raise ValidationError(
                    self.env._("A month is reported on when it is over: %s", report.period)
                )

    def _get_days(self):
        """Return the first and the last day of the month."""
        self.ensure_one()
        return self.month, self.month + relativedelta(months=1, days=-1)

    # --- what may be changed ---------------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "line_ids",
            "complaint_count",
            "founded_count",
            "unfounded_count",
            "serious_count",
            "unit_count",
            "rate",
            "date_computed",
            "date_issued",
            "issued_by",
        }

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if month := fields.Date.to_date(vals.get("month")):
                vals["month"] = month.replace(day=1)
        reports = super().create(vals_list)
        reports._compute_lines()
        for report in reports:
            # the promise counts from the last second of the month
            last = report._get_days()[1]
            report._deadline_event("month_ended", report.company_id._aftersales_utc(last))
        return reports

    def write(self, vals):
        if not self.env.su and (
            changed := self._get_changed_names(vals, {"month", "company_id", "basis", "per"})
        ):
            self._check_draft()
            if changed & {"month", "company_id"}:
                raise UserError(
                    self.env._("A report stays with its month. Delete the draft and make another.")
                )
        result = super().write(vals)
        if {"basis", "per"} & vals.keys():
            self._compute_lines()
        return result

    def _check_draft(self):
        for report in self:
            if report.state != "draft":
                raise UserError(
                    self.env._("The report on %s is issued and frozen (C8).", report.period)
                )

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "month"]

    def _get_retention_start(self):
        return self.state == "issued" and self._get_days()[1]

    # --- deadlines -------------------------------------------------------------------------

    def _get_deadline_assignee(self):
        return self.env["aftersales.deadline"]._get_group_users(
            self.env.ref("aftersales_service.group_customer_service")
        )

    # --- figures (C8) ----------------------------------------------------------------------

    def _compute_lines(self):
        """Count the complaints anew; for drafts only."""
        for report in self:
            report._check_draft()
            # sudo: the report is of the whole company, whoever computes it
            groups = (
                self.env["aftersales.complaint"]
                .sudo()
                ._read_group(
                    report._get_complaint_domain(),
                    [
                        "responsible_department_id",
                        "responsible_center_id",
                        "responsible_id",
                        "kind",
                        "severity",
                        "verdict",
                    ],
                    ["__count"],
                )
            )
            lines = {}
            for department, center, person, kind, severity, verdict, count in groups:
                line = lines.setdefault(
                    (department, center, person, kind),
                    dict.fromkeys(self._get_counted_fields(), 0),
                )
                line["complaint_count"] += count
                line["serious_count"] += count * (severity == "serious")
                line["founded_count"] += count * (verdict == "founded")
                line["unfounded_count"] += count * (verdict == "unfounded")
            report._write_protected(
                {
                    "line_ids": [
                        Command.clear(),
                        *(
                            Command.create(
                                {
                                    "department_id": department.id,
                                    "center_id": center.id,
                                    "unit": center.name or department.name,
                                    "person": person.name,
                                    "kind": kind,
                                    **counts,
                                }
                            )
                            for (department, center, person, kind), counts in lines.items()
                        ),
                    ],
                    **{
                        name: sum(line[name] for line in lines.values())
                        for name in self._get_counted_fields()
                    },
                    "unit_count": report._count_units(),
                    "date_computed": fields.Datetime.now(),
                }
            )

    @api.model
    def _get_counted_fields(self):
        return ["complaint_count", "serious_count", "founded_count", "unfounded_count"]

    def _get_complaint_domain(self):
        """Return the domain of the complaints reported in the month, on the company's clock."""
        self.ensure_one()
        company = self.company_id
        first, last = self._get_days()
        return [
            ("company_id", "=", company.id),
            ("state", "!=", "cancelled"),
            ("date_reported", ">=", company._aftersales_utc(first, time.min)),
            ("date_reported", "<", company._aftersales_utc(last + timedelta(days=1), time.min)),
        ]

    def _count_units(self):
        """Return the number of units that the rate is per: with a warranty card that holds."""
        self.ensure_one()
        first, last = self._get_days()
        begun = Domain("date_delivery", "<=", last) | (
            Domain("date_delivery", "=", False) & Domain("date_purchase", "<=", last)
        )
        if self.basis == "in_service":
            wanted = begun & (Domain("date_closed", "=", False) | Domain("date_closed", ">", last))
        else:
            wanted = Domain("date_delivery", ">=", first) & Domain("date_delivery", "<=", last)
        # sudo: as above; only counted
        return (
            self.env["aftersales.warranty.card"]
            .sudo()
            .search_count(
                wanted
                & Domain("company_id", "=", self.company_id.id)
                & Domain("state", "!=", "void")
            )
        )

    def action_compute(self):
        """Count the complaints of a draft anew (C8)."""
        self._check_group("aftersales_service.group_customer_service")
        for report in self:
            report.check_access("write")
            report._check_draft()
        self._compute_lines()
        return True

    def action_issue(self):
        """Issue the report: counted once more, then frozen (C8).

        :raises AccessError: the user isn't customer service
        :raises UserError: it is issued already
        """
        self._check_group("aftersales_service.group_customer_service")
        for report in self:
            report.check_access("write")
            report.lock_for_update(allow_referencing=True)
            report.invalidate_recordset(["state"])
            report._check_draft()
            report._compute_lines()
            report._write_protected(
                {
                    "state": "issued",
                    "date_issued": fields.Datetime.now(),
                    "issued_by": self.env.uid,
                }
            )
            report._deadline_event("issued")
        return True

    def action_view_complaints(self):
        """Open the complaints of the month, as they are now."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_complaint"
        )
        return {**action, "domain": self._get_complaint_domain(), "context": {}}

    @api.ondelete(at_uninstall=False)
    def _unlink_except_issued(self):
        self._check_draft()

    @api.model
    def _cron_create(self):
        """Make the drafts of the months that are over, for companies that take complaints (C8)."""
        complaints = self.env["aftersales.complaint"]
        for company, first in complaints._read_group([], ["company_id"], ["date_reported:min"]):
            last = self._get_last_month(company)
            latest = self.search([("company_id", "=", company.id)], limit=1)
            month = (
                latest.month + relativedelta(months=1)
                if latest
                else company._aftersales_local(first).date().replace(day=1)
            )
            while month <= last:
                self.create(
                    {
                        "company_id": company.id,
                        "month": month,
                        "basis": company.aftersales_complaint_rate_basis,
                        "per": company.aftersales_complaint_rate_per,
                    }
                )
                month += relativedelta(months=1)
