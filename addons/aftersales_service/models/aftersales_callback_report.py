from datetime import time, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools.misc import format_date

GRADES = {
    "5": "satisfied",
    "4": "satisfied",
    "3": "neutral",
    "2": "dissatisfied",
    "1": "dissatisfied",
}
EMPTY = dict.fromkeys(("due", "reached", "satisfied", "neutral", "dissatisfied"), 0)


class AftersalesCallbackReport(models.Model):
    """The statistics of two months' callbacks for the manager, frozen when issued (M4)."""

    _name = "aftersales.callback.report"
    _description = "Callback report"
    _regulations = ("M4", "M3.5", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.callback.report"
    _order = "date_from desc, id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
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
    date_from = fields.Date(
        "From", required=True, readonly=True, help="First day of the period, in the company's time."
    )
    date_to = fields.Date("Until", required=True, readonly=True, help="Last day of the period.")
    date_planned = fields.Date(
        "Due on", required=True, readonly=True, help="Issued until the end of this day (M4)."
    )
    group_id = fields.Many2one(
        "res.groups",
        "Addressee",
        required=True,
        default=lambda self: self.env.ref("aftersales_service.group_vp", False),
        domain=lambda self: [
            ("privilege_id", "=", self.env.ref("aftersales_service.privilege_aftersales").id)
        ],
        help="The role that is told when the report is issued; by the article the manager.",
    )
    conclusion = fields.Text(
        "Conclusions", help="What the figures say, and what is going to be done."
    )
    line_ids = fields.One2many(
        "aftersales.callback.report.line", "report_id", "Figures", readonly=True, copy=False
    )
    target = fields.Float("Target (%)", readonly=True, copy=False, digits=(16, 1))
    date_refreshed = fields.Datetime("Figures of", readonly=True, copy=False)
    date_issued = fields.Datetime("Issued on", readonly=True, copy=False)
    issued_by = fields.Many2one("res.users", readonly=True, copy=False)

    _period_once = models.UniqueIndex(
        "(company_id, date_from)", "There is a report of this period already."
    )

    @api.depends("name", "date_from", "date_to")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for report in self:
            report.display_name = self.env._(
                "%(report)s (%(first)s – %(last)s)",
                report=report.name,
                first=format_date(self.env, report.date_from),
                last=format_date(self.env, report.date_to),
            )

    @api.model_create_multi
    def create(self, vals_list):
        reports = super().create(vals_list)
        for report in reports:
            start = report.company_id._aftersales_utc(report.date_from, time.min)
            report._deadline_event("period_started", start)
        return reports

    def write(self, vals):
        if self._get_changed_names(vals, {"conclusion", "group_id"}):
            self._check_draft()
        return super().write(vals)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "company_id",
            "date_from",
            "date_issued",
            "date_planned",
            "date_refreshed",
            "date_to",
            "issued_by",
            "line_ids",
            "target",
        }

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "date_to"]

    def _get_retention_start(self):
        return self.state == "issued" and self.date_to

    def _check_draft(self):
        """Raise UserError if a report is issued: it then stays as it was read."""
        for report in self:
            if report.state != "draft":
                raise UserError(
                    self.env._("%s is issued and can't be changed any more.", report.name)
                )

    # --- periods ---------------------------------------------------------------------------

    @api.model
    def _get_period(self, company, day):
        """Return the first and the last day of the period that ``day`` lies in.

        Periods of the company's months are counted from January on.
        """
        months = company.aftersales_callback_report_months
        first = day.replace(day=1) - relativedelta(months=(day.month - 1) % months)
        last = first + relativedelta(months=months) - timedelta(days=1)
        # a period that doesn't divide the year ends with it
        return first, min(last, first.replace(month=12, day=31))

    @api.model
    def _cron_prepare(self):
        """Open the report of the period that began, and put the figures into those that ended."""
        called = self.env["aftersales.callback"]._read_group([], ["company_id"])
        for (company,) in called:
            today = company._aftersales_local(fields.Datetime.now()).date()
            self._open_period(company, today)
        for report in self.search([("state", "=", "draft")]):
            if report._is_over():
                report._refresh()

    @api.model
    def _open_period(self, company, day):
        """Return the report of the period of ``day``; open it if it isn't yet (M4)."""
        first, last = self._get_period(company, day)
        domain = [("company_id", "=", company.id), ("date_from", "=", first)]
        return self.search(domain, limit=1) or self.with_company(company).create(
            {
                "company_id": company.id,
                "date_from": first,
                "date_to": last,
                "date_planned": last + timedelta(days=company.aftersales_callback_report_days),
            }
        )

    def _is_over(self):
        """Tell whether the period is over, on the company's clock."""
        self.ensure_one()
        today = self.company_id._aftersales_local(fields.Datetime.now()).date()
        return today > self.date_to

    # --- figures ---------------------------------------------------------------------------

    def action_refresh(self):
        """Take the figures anew, as long as the report isn't issued."""
        self._check_group("aftersales_service.group_customer_service")
        self._check_draft()
        self.check_access("write")
        self._refresh()
        return True

    def _refresh(self):
        """Replace the figures by those of now."""
        for report in self:
            previous = report._get_previous_rates()
            lines = report._prepare_lines(report.date_from, report.date_to)
            report._write_protected(
                {
                    "line_ids": [
                        Command.clear(),
                        *(
                            Command.create(
                                {
                                    **line,
                                    "sequence": index,
                                    "has_previous": line["key"] in previous,
                                    "rate_previous": previous.get(line["key"], 0),
                                }
                            )
                            for index, line in enumerate(lines)
                        ),
                    ],
                    "target": report.company_id.aftersales_satisfaction_target,
                    "date_refreshed": fields.Datetime.now(),
                }
            )

    def _get_previous_rates(self):
        """Return {key: rate of those reached} of the period before.

        As it was issued; taken anew where it never was.
        """
        self.ensure_one()
        first, last = self._get_period(self.company_id, self.date_from - timedelta(days=1))
        report = self.search(
            [
                ("company_id", "=", self.company_id.id),
                ("date_from", "=", first),
                ("state", "=", "issued"),
            ]
        )
        lines = (
            report.line_ids.read(["key", "reached", "rate_reached"])
            if report
            else self._prepare_lines(first, last)
        )
        return {line["key"]: line["rate_reached"] for line in lines if line["reached"]}

    def _prepare_lines(self, first, last):
        """Return the figures of the calls that were first planned for the days given.

        One line for all calls, then by kind, question, center, region and product.
        """
        self.ensure_one()
        domain = Domain(
            [
                ("company_id", "=", self.company_id.id),
                ("date", ">=", first),
                ("date", "<=", last),
            ]
        )
        lines = [
            self._prepare_line("total", "total", self.env._("All calls"), counts)
            for _key, counts in self._get_counts(domain, None)
        ]
        kinds = dict(
            self.env["aftersales.callback"]._fields["kind"]._description_selection(self.env)
        )
        lines += [
            self._prepare_line("kind", f"kind-{kind}", kinds[kind], counts)
            for kind, counts in self._get_counts(domain, "kind")
        ]
        lines += self._prepare_question_lines(first, last)
        for dimension in ("center", "region", "product"):
            lines += [
                self._prepare_line(
                    dimension,
                    f"{dimension}-{record.id}",
                    record.display_name or self.env._("None"),
                    counts,
                )
                for record, counts in self._get_counts(domain, f"{dimension}_id")
            ]
        return lines

    @api.model
    def _get_counts(self, domain, group):
        """Return [(value of ``group``, its sums)] of the calls that meet ``domain``."""
        names = [
            *("due", "reached", "satisfied", "neutral", "dissatisfied", "unreached"),
            *("cancelled", "corrected", "problem", "passed_on", "complaint"),
        ]
        # sudo: the figures are those of the whole company, whoever takes them
        rows = (
            self.env["aftersales.satisfaction.report"]
            .sudo()
            ._read_group(domain, [group] if group else [], [f"{name}:sum" for name in names])
        )
        return [
            (row[0] if group else None, dict(zip(names, row[bool(group) :], strict=True)))
            for row in rows
        ]

    def _prepare_question_lines(self, first, last):
        """Return the figures of each question; whom it didn't apply to isn't counted as asked."""
        # sudo: as above
        groups = (
            self.env["aftersales.callback.answer"]
            .sudo()
            ._read_group(
                [
                    ("answer_kind", "!=", "text"),
                    ("callback_id.company_id", "=", self.company_id.id),
                    ("callback_id.date_first", ">=", first),
                    ("callback_id.date_first", "<=", last),
                    ("callback_id.outcome", "=", "reached"),
                    ("callback_id.is_counted", "=", True),
                ],
                ["question_id", "name", "answer_kind", "expected", "grade", "yes_no", "is_skipped"],
                ["__count"],
                order="question_id, name",
            )
        )
        lines = {}
        for question, name, kind, expected, grade, yes_no, is_skipped, count in groups:
            key = f"question-{question.id or name}"
            label = question.name or name
            line = lines.setdefault(key, {"name": label, "sequence": question.sequence, **EMPTY})
            if is_skipped or not (grade if kind == "grade" else yes_no):
                continue
            line["due"] += count
            line["reached"] += count
            if kind == "grade":
                name = GRADES[grade]
            elif expected:
                name = "satisfied" if yes_no == expected else "dissatisfied"
            else:
                name = "neutral"
            line[name] += count
        return [
            self._prepare_line("question", key, line.pop("name"), line)
            for key, line in sorted(lines.items(), key=lambda item: item[1].pop("sequence") or 0)
        ]

    @api.model
    def _prepare_line(self, dimension, key, name, counts):
        """Return the values of a line, rates and interval included."""
        counts = {key: count or 0 for key, count in counts.items()}
        low, high = self.env["aftersales.satisfaction.report"]._get_interval(
            counts["satisfied"], counts["reached"]
        )
        return {
            "dimension": dimension,
            "key": key,
            "name": name,
            **counts,
            "rate_due": counts["due"] and 100 * counts["satisfied"] / counts["due"],
            "rate_reached": counts["reached"] and 100 * counts["satisfied"] / counts["reached"],
            "rate_low": low,
            "rate_high": high,
        }

    # --- issuing ---------------------------------------------------------------------------

    def action_issue(self):
        """Freeze the figures and tell the addressee (M4).

        :raises UserError: the period isn't over
        """
        self._check_group("aftersales_service.group_customer_service")
        for report in self:
            report.check_access("write")
            report.lock_for_update(allow_referencing=True)
            report._check_draft()
            if not report._is_over():
                raise UserError(
                    self.env._(
                        "%(report)s can't be issued before its period is over, on %(date)s.",
                        report=report.name,
                        date=format_date(self.env, report.date_to),
                    )
                )
            report._refresh()
            report._write_protected(
                {
                    "state": "issued",
                    "date_issued": fields.Datetime.now(),
                    "issued_by": self.env.uid,
                }
            )
            report._deadline_event("issued")
            users = self.env["aftersales.deadline"]._get_group_users(report.sudo().group_id)
            users = users.filtered(lambda user, own=report: own.company_id in user.company_ids)
            report.message_post(
                body=self.env._("The callback report %s is issued.", report.display_name),
                partner_ids=users.partner_id.ids,
            )
        return True
