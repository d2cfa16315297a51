from datetime import time

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, format_list
from odoo.tools.misc import format_date

MONTHS = {"month": 1, "quarter": 3, "year": 12}


class AftersalesScorecard(models.Model):
    """服务考核: a technician, center or department appraised for a period (E5).

    What can be measured is counted by the system; the rest is given in points, with their
    source. The department submits it, the leadership decides; then it is final.
    """

    _name = "aftersales.scorecard"
    _description = "Scorecard"
    _regulations = ("E5", "H11")
    _inherit = [
        "aftersales.network.mixin",
        "aftersales.retention.mixin",
        "aftersales.approval.mixin",
    ]
    _sequence_code = "aftersales.scorecard"
    _order = "date_from desc, result desc, id desc"
    _check_company_auto = True
    _rec_names_search = ["name", "subject_name"]

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("approved", "Final"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    template_id = fields.Many2one(
        "aftersales.scorecard.template", "Template", required=True, ondelete="restrict", index=True
    )
    kind = fields.Selection(related="template_id.kind", string="Appraises", store=True)
    technician_id = fields.Many2one(
        "res.users", "Technician", index="btree_not_null", domain=[("share", "=", False)]
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        domain="[('is_service_center', '=', True)]",
        check_company=True,
        index="btree_not_null",
    )
    department_id = fields.Many2one(
        "aftersales.department", "Department", check_company=True, index="btree_not_null"
    )
    subject_name = fields.Char("Appraised", compute="_compute_subject", store=True)
    region_id = fields.Many2one(
        "aftersales.region", compute="_compute_subject", store=True, index="btree_not_null"
    )
    date_from = fields.Date("From", required=True)
    date_to = fields.Date("Until", compute="_compute_date_to", store=True)
    line_ids = fields.One2many("aftersales.scorecard.line", "scorecard_id", "Criteria", copy=False)
    is_rated = fields.Boolean("Rated", compute="_compute_result", store=True)
    result = fields.Float(
        compute="_compute_result",
        store=True,
        aggregator="avg",
        help="From 0 to 100: the scores of what is rated, by their weights.",
    )
    rated_weight = fields.Float(
        "Rated (%)",
        compute="_compute_result",
        store=True,
        aggregator="avg",
        help="How much of the weight could be rated. The rest had no data; its weight went to the "
        "others in proportion.",
    )
    unrated = fields.Char("Not rated", compute="_compute_unrated")
    grade_id = fields.Many2one(
        "aftersales.scorecard.grade",
        "Grade",
        compute="_compute_grade_id",
        store=True,
        ondelete="restrict",
    )
    consequence = fields.Text(
        "Reward or penalty",
        compute="_compute_consequence",
        store=True,
        readonly=False,
        help="Results come with rewards and penalties (E5). Proposed by the grade.",
    )
    note = fields.Text(
        "Analysis and help", help="What a weak result comes from, and how it is helped (E5)."
    )

    _subject_period_uniq = models.UniqueIndex(
        "(company_id, template_id, COALESCE(technician_id, 0), COALESCE(center_id, 0), "
        "COALESCE(department_id, 0), date_from) WHERE state <> 'cancelled'",
        "There is already a scorecard of this subject for the period.",
    )

    # --- whom it appraises -----------------------------------------------------------------

    @api.model
    def _get_subject_fields(self):
        """Return {kind: the field that names whom a scorecard of this kind appraises}."""
        return {
            "technician": "technician_id",
            "center": "center_id",
            "department": "department_id",
        }

    def _get_subject(self):
        self.ensure_one()
        return self[self._get_subject_fields()[self.kind]]

    @api.depends("kind", "technician_id", "center_id", "department_id")
    def _compute_subject(self):
        for scorecard in self:
            # sudo: the name of a colleague, and the region that he works in
            subject = scorecard.sudo()._get_subject() if scorecard.kind else scorecard.center_id
            scorecard.subject_name = subject.name
            partner = scorecard.sudo().technician_id.partner_id or scorecard.sudo().center_id
            scorecard.region_id = partner.commercial_partner_id.aftersales_region_id

    @api.depends("date_from", "template_id")
    def _compute_date_to(self):
        for scorecard in self:
            months = MONTHS.get(scorecard.template_id.period)
            scorecard.date_to = (
                scorecard.date_from
                and months
                and scorecard.date_from + relativedelta(months=months, days=-1)
            )

    @api.depends("name", "subject_name", "date_from")
    def _compute_display_name(self):
        for scorecard in self:
            month = scorecard.date_from and scorecard.date_from.strftime("%Y-%m")
            scorecard.display_name = " ".join(
                filter(None, (scorecard.name, scorecard.subject_name, month))
            )

    @api.constrains("kind", "technician_id", "center_id", "department_id", "template_id")
    def _check_subject(self):
        for scorecard in self:
            names = [n for n in self._get_subject_fields().values() if scorecard[n]]
            if names != [self._get_subject_fields()[scorecard.kind]]:
                raise ValidationError(
                    self.env._("A scorecard appraises exactly what its template is for.")
                )

    @api.constrains("date_from", "template_id")
    def _check_period(self):
        for scorecard in self:
            first, months = scorecard.date_from, MONTHS[scorecard.template_id.period]
            if first.day != 1 or (first.month - 1) % months:
                raise ValidationError(
                    self.env._(
                        "The period begins on the first day of a month, quarter or year, as the "
                        "template says."
                    )
                )

    def _get_moments(self):
        """Return first and last moment of the period in UTC, by the company's clock."""
        self.ensure_one()
        company = self.company_id
        return (
            company._aftersales_utc(self.date_from, time.min),
            company._aftersales_utc(self.date_to),
        )

    # --- what may be changed ---------------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "grade_id",
            "is_rated",
            "rated_weight",
            "result",
            "region_id",
            "subject_name",
        }

    @api.model
    def _get_fixed_fields(self):
        """Return the names of the fields that stay from the beginning."""
        return {"template_id", "date_from", "company_id", *self._get_subject_fields().values()}

    @api.model_create_multi
    def create(self, vals_list):
        scorecards = super().create(vals_list)
        # criteria can be added one by one
        scorecards.template_id._check_weights()
        figures = scorecards._get_figures()
        # sudo: lines come from the template, and are nobody's to add
        scorecards.line_ids.sudo().create(
            [
                {
                    "scorecard_id": scorecard.id,
                    "criterion_id": criterion.id,
                    "weight": criterion.weight,
                    **figures.get((scorecard.id, criterion.measure), {}),
                }
                for scorecard in scorecards
                for criterion in scorecard.template_id.criterion_ids
            ]
        )
        scorecards.invalidate_recordset(["line_ids"])
        return scorecards

    def write(self, vals):
        if self._get_changed_names(vals, self._get_fixed_fields()):
            raise UserError(
                self.env._("Whom a scorecard appraises, and when, stays. Make another one.")
            )
        if self._get_changed_names(vals, {"consequence", "note"}):
            self._check_draft()
        return super().write(vals)

    def _check_draft(self):
        for scorecard in self:
            if scorecard.state != "draft":
                raise UserError(
                    self.env._(
                        "%s is submitted and stays as it is. The leadership can refuse it, which "
                        "gives it back.",
                        scorecard.display_name,
                    )
                )

    def _is_own(self):
        """Tell whether the current user would appraise himself.

        A department appraises itself, as E5 says; a technician and a center don't.
        """
        self.ensure_one()
        user = self.env.user
        # sudo: only compared with the user
        scorecard = self.sudo()
        return user == scorecard.technician_id or (
            bool(scorecard.center_id)
            and user.sudo().partner_id.commercial_partner_id
            == scorecard.center_id.commercial_partner_id
        )

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "approval_round", "date_to"]

    def _get_retention_start(self):
        return self.approval_round and self.date_to

    # --- figures ---------------------------------------------------------------------------

    def action_measure(self):
        """Count the figures again; only in a draft."""
        for scorecard in self:
            scorecard.check_access("write")
        self._check_draft()
        self._measure()
        return True

    def _measure(self):
        """Write the figures as they are counted now."""
        figures = self._get_figures()
        # sudo: measured figures are the system's
        for line in self.sudo().line_ids.filtered(lambda li: li.kind == "measured"):
            vals = figures[line.scorecard_id.id, line.measure]
            if any(line[name] != value for name, value in vals.items()):
                line.write(vals)

    def _get_figures(self):
        """Return {(id of the scorecard, measure): values of its line}.

        The number of queries doesn't grow with the scorecards.
        """
        measures = self.env["aftersales.scorecard.measure"]
        result = {}
        # sudo: whom a scorecard appraises is only counted by
        for (template, _day, company), scorecards in (
            self.sudo().grouped(lambda s: (s.template_id, s.date_from, s.company_id)).items()
        ):
            name = self._get_subject_fields()[template.kind]
            start, end = scorecards[:1]._get_moments()
            for measure in set(template.criterion_ids.filtered("measure").mapped("measure")):
                figures = measures._measure(
                    measure, scorecards[name], template.kind, start, end, company
                )
                for scorecard in scorecards:
                    above, below = figures[scorecard[name]]
                    result[scorecard.id, measure] = {"numerator": above, "denominator": below}
        return result

    @api.depends("line_ids.score", "line_ids.is_rated", "line_ids.weight")
    def _compute_result(self):
        for scorecard in self:
            rated = scorecard.line_ids.filtered("is_rated")
            total = sum(rated.mapped("weight"))
            scorecard.is_rated = bool(total)
            scorecard.rated_weight = total
            scorecard.result = total and sum(line.score * line.weight for line in rated) / total

    @api.depends("line_ids.is_rated")
    @api.depends_context("lang")
    def _compute_unrated(self):
        for scorecard in self:
            names = scorecard.line_ids.filtered(lambda li: not li.is_rated).criterion_id.mapped(
                "name"
            )
            scorecard.unrated = format_list(self.env, names) if names else False

    @api.depends("result", "is_rated")
    def _compute_grade_id(self):
        grades = self.env["aftersales.scorecard.grade"]._get_grades()
        for scorecard in self:
            scorecard.grade_id = (
                scorecard.is_rated
                and (grades.filtered(lambda g, result=scorecard.result: g.score_from <= result)[:1])
            )

    @api.depends("grade_id")
    def _compute_consequence(self):
        grades = self.env["aftersales.scorecard.grade"]._get_grades()
        for company, scorecards in self.grouped("company_id").items():
            # the text is kept, so that it is the company's language, whoever draws up the scorecard
            lang = company.partner_id.lang
            proposals = grades.with_context(lang=lang).mapped("consequence")
            for scorecard in scorecards:
                # what somebody worded for the case stays
                if not scorecard.consequence or scorecard.consequence in proposals:
                    scorecard.consequence = scorecard.grade_id.with_context(lang=lang).consequence

    def _read_group_select(self, aggregate_spec, query):
        # a scorecard without any data has no result, which isn't the same as nought
        if aggregate_spec == "result:avg":
            return SQL(
                "AVG(%s) FILTER (WHERE %s)",
                self._field_to_sql(self._table, "result", query),
                self._field_to_sql(self._table, "is_rated", query),
            )
        return super()._read_group_select(aggregate_spec, query)

    # --- approval --------------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "leadership",
                "label": self.env._("Leadership"),
                "group": "aftersales_service.group_vp",
                "regulation": "E5",
            }
        ]

    def _get_approval_content(self):
        return {
            **dict.fromkeys(sorted(self._get_fixed_fields())),
            "result": None,
            "rated_weight": None,
            "grade_id": None,
            "consequence": None,
            "note": None,
            "line_ids": dict.fromkeys(
                ["criterion_id", "weight", "numerator", "denominator", "points", "source", "note"]
            ),
        }

    def _get_approval_exclusions(self):
        self.ensure_one()
        own = self.technician_id | self.department_id.manager_id
        if self.center_id:
            own |= self.center_id._get_center_users()
        return [
            *super()._get_approval_exclusions(),
            (own, self.env._("is appraised himself")),
        ]

    def _check_submit(self):
        if not self.env.user.has_group("aftersales_service.group_customer_service"):
            self._check_group("aftersales_service.group_office_manager")
        for scorecard in self:
            if scorecard._is_own():
                raise UserError(self.env._("Nobody appraises himself."))
            today = scorecard.company_id._aftersales_local(fields.Datetime.now()).date()
            if today <= scorecard.date_to:
                raise UserError(
                    self.env._(
                        "The period lasts until %s: its figures aren't complete yet.",
                        format_date(self.env, scorecard.date_to),
                    )
                )
            scorecard._measure()
            unexplained = scorecard.line_ids.filtered(
                lambda li: li.kind == "entered" and not li.is_rated and not (li.note or "").strip()
            )
            if unexplained:
                raise UserError(
                    self.env._(
                        "Give points, and say how they were found, or note why there are none: %s",
                        format_list(self.env, unexplained.criterion_id.mapped("name")),
                    )
                )
            if not scorecard.is_rated:
                raise UserError(
                    self.env._("%s has nothing to rate: no data.", scorecard.display_name)
                )

    def _check_voidable(self):
        for scorecard in self:
            if scorecard.state == "approved":
                raise UserError(
                    self.env._("%s is final and stays as it is (E5).", scorecard.display_name)
                )

    def action_cancel(self, reason=None):
        """Cancel a scorecard that isn't final, with a reason; another one may be made."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason: it is kept in the history."))
        for scorecard in self:
            scorecard.check_access("write")
            if scorecard.state not in ("draft", "submitted"):
                raise UserError(
                    self.env._("%s is final or cancelled already.", scorecard.display_name)
                )
            scorecard._write_protected({"state": "cancelled", "approval_state": "draft"})
            scorecard.flush_recordset(["state"])  # the unique index counts live ones only
            scorecard.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel scorecard")
        )

    # --- a period's scorecards at once -----------------------------------------------------

    @api.model
    def _generate(self, template, date_from, company, subjects=None):
        """Make the scorecards of all subjects of ``template`` that have none yet.

        In one batch: the number of queries doesn't grow with the subjects.

        :param date_from: first day of the period
        :param subjects: default all technicians, working centers or departments that the current
            user may appraise
        :return: the new scorecards
        """
        name = self._get_subject_fields()[template.kind]
        if subjects is None:
            subjects = self._get_subjects(template.kind, company)
        # sudo: a scorecard that this user doesn't see stands in the way as well
        groups = self.sudo()._read_group(
            Domain("template_id", "=", template.id)
            & Domain("company_id", "=", company.id)
            & Domain("date_from", "=", date_from)
            & Domain("state", "!=", "cancelled"),
            [name],
        )
        done = {subject.id for (subject,) in groups}
        return self.create(
            [
                {
                    "template_id": template.id,
                    "company_id": company.id,
                    "date_from": date_from,
                    name: subject.id,
                }
                for subject in subjects
                if subject.id not in done
            ]
        )

    @api.model
    def _get_subjects(self, kind, company):
        """Return whom the current user may appraise: his region's, or all for central roles."""
        user = self.env.user
        if kind == "department":
            return self.env["aftersales.department"].search(
                [("company_id", "in", (company.id, False))]
            )
        # sudo: which centers and technicians there are; restricted to the own region below
        centers = (
            self.env["res.partner"]
            .sudo()
            .search(
                [
                    ("center_state", "in", ("active", "suspended")),
                    ("company_id", "in", (company.id, False)),
                ]
            )
        )
        is_central = user.has_group("aftersales_service.group_customer_service")
        own = (
            centers.sudo(False) if is_central else centers.sudo(False)._filter_aftersales_visible()
        )
        if kind == "center":
            return own
        technicians = (
            self.env.ref("aftersales_service.group_technician")
            .sudo()
            .all_user_ids.filtered(lambda u: u.active and not u.share and company in u.company_ids)
        )
        if not is_central:
            technicians = technicians.filtered(lambda u: u.partner_id.commercial_partner_id in own)
        return technicians.sudo(False)
