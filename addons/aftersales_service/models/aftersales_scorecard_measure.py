from odoo import api, fields, models
from odoo.fields import Domain


class AftersalesScorecardMeasure(models.AbstractModel):
    """The figures that scorecards measure, each a share of records that anybody can look up (E5).

    A measure is a method ``_measure_<code>(kind, start, end)`` that says which records are
    counted above and below the line. An addon adds one by such a method and a line in
    `_get_measures`. Because the figures are counted by the very domains by which the records are
    shown, they can't differ.
    """

    _name = "aftersales.scorecard.measure"
    _description = "Measured figures of scorecards"

    @api.model
    def _get_measures(self):
        """Return {code: label} of the measures."""
        return {
            "arrival": self.env._("Arrived in time (%)"),
            "answer": self.env._("Answered in time (%)"),
            "same_day": self.env._("Records valid the same day (%)"),
            "satisfaction": self.env._("Customers satisfied, of all calls (%)"),
            "rating": self.env._("Rated well when signed (%)"),
            "repeat": self.env._("Visits whose fault came back (%)"),
            "complaint": self.env._("Founded complaints per 100 visits"),
            "incident": self.env._("Serious founded complaints per 100 visits"),
        }

    @api.model
    def _get_spec(self, code, kind, start, end, company):
        """Return what the measure ``code`` counts.

        :param str kind: technician, center or department
        :param start: begin of the period, naive UTC; ``end`` its last second
        :return: pair of what is counted above and below the line, each a dict with ``model``,
            ``domain`` and ``field``, the field that names the subject, or None where all of the
            company counts for everybody
        :raises ValidationError: the measure isn't for this kind
        """
        # days are those of the company's clock
        measures = self.with_company(company)
        parts = getattr(measures, f"_measure_{code}")(kind, start, end)
        own = Domain("company_id", "=", company.id)
        return [{**part, "domain": part["domain"] & own} for part in parts]

    @api.model
    def _measure(self, code, subjects, kind, start, end, company):
        """Return {subject: (numerator, denominator)} for ``subjects`` of one kind.

        Two queries, however many subjects there are.
        """
        above, below = (
            self._count(part, subjects) for part in self._get_spec(code, kind, start, end, company)
        )
        return {subject: (above[subject], below[subject]) for subject in subjects}

    @api.model
    def _count(self, part, subjects):
        # sudo: an office manager measures what his center did for other regions, too; what comes
        # out is two numbers
        model = self.env[part["model"]].sudo()
        name = part["field"]
        if not name:
            return dict.fromkeys(subjects, model.search_count(part["domain"]))
        keys = {subject: subject for subject in subjects}
        if model._fields[name].comodel_name != subjects._name:
            # persons are partners in some documents
            keys = {subject: subject.sudo().partner_id for subject in subjects}
        ids = [key.id for key in keys.values()]
        groups = model._read_group(part["domain"] & Domain(name, "in", ids), [name], ["__count"])
        counts = {record.id: count for record, count in groups}
        return {subject: counts.get(key.id, 0) for subject, key in keys.items()}

    @api.model
    def _get_subject_field(self, kind):
        return {"technician": "technician_id", "center": "center_id", "department": None}[kind]

    @api.model
    def _share(self, model, kind, base, hit):
        """Return what a share of the same kind of records counts."""
        part = {"model": model, "field": self._get_subject_field(kind)}
        return [{**part, "domain": base & hit}, {**part, "domain": base}]

    @api.model
    def _measure_deadlines(self, kind, start, end, model, event):
        """Return what the share of documents with kept promises counts.

        Of promises that fell due in the period and were kept or broken; a document with several
        of them keeps its word only if all are kept. What is called off, or waits for the
        customer, doesn't count.
        """
        # sudo: deadlines only choose the documents that are counted
        deadlines = self.env["aftersales.deadline"].sudo()
        due = (
            Domain("res_model", "=", model)
            & Domain("rule_id.stop_event_id.code", "=", event)
            & Domain("date_due", ">=", start)
            & Domain("date_due", "<=", end)
        )

        def having(states):
            query = deadlines._search(due & Domain("state", "in", states))
            return Domain("id", "in", query.subselect("res_id"))

        broken = having(("late", "missed"))
        return self._share(model, kind, having(("met", "late", "missed")), ~broken)

    @api.model
    def _measure_arrival(self, kind, start, end):
        return self._measure_deadlines(kind, start, end, "aftersales.request", "arrived")

    @api.model
    def _measure_answer(self, kind, start, end):
        return self._measure_deadlines(kind, start, end, "aftersales.request", "answered")

    @api.model
    def _measure_same_day(self, kind, start, end):
        return self._measure_deadlines(kind, start, end, "aftersales.service.record", "done")

    @api.model
    def _measure_satisfaction(self, kind, start, end):
        """The rate of the satisfaction report, by all calls that were due in the period (M3.5).

        Who wasn't reached, or wasn't even called, counts below the line as well.
        """
        first, last = (self.env.company._aftersales_local(m).date() for m in (start, end))
        today = self.env.company._aftersales_local(fields.Datetime.now()).date()
        base = (
            Domain("is_counted", "=", True)
            & Domain("kind", "!=", "phone")
            & Domain("date_first", ">=", first)
            & Domain("date_first", "<=", last)
            & Domain("state", "!=", "cancelled")
            & (Domain("state", "!=", "planned") | Domain("date_first", "<", today))
        )
        hit = (
            Domain("state", "=", "done")
            & Domain("outcome", "=", "reached")
            & Domain("satisfaction", "in", ("4", "5"))
        )
        return self._share("aftersales.callback", kind, base, hit)

    @api.model
    def _get_visits(self, start, end):
        """Return the domain of the valid visits of the period."""
        return (
            Domain("state", "=", "done")
            & Domain("arrival", ">=", start)
            & Domain("arrival", "<=", end)
        )

    @api.model
    def _measure_rating(self, kind, start, end):
        """Of the visits that the customer rated when he signed: satisfied or better (H9)."""
        base = self._get_visits(start, end) & Domain("signoff_rating", ">", 0)
        return self._share(
            "aftersales.service.record", kind, base, Domain("signoff_rating", ">=", 4)
        )

    @api.model
    def _measure_repeat(self, kind, start, end):
        """Counted for who did the first of the two repairs, not for who has to repeat it (E4)."""
        records = self.env["aftersales.service.record"].sudo()
        # sudo: only which visits were repeated, whoever repeated them
        query = records._search(Domain("is_repeat", "=", True) & Domain("state", "=", "done"))
        return self._share(
            "aftersales.service.record",
            kind,
            self._get_visits(start, end),
            Domain("id", "in", query.subselect("repeat_of_id")),
        )

    @api.model
    def _measure_complaint(self, kind, start, end):
        return self._per_visit(kind, start, end, Domain.TRUE)

    @api.model
    def _measure_incident(self, kind, start, end):
        return self._per_visit(kind, start, end, Domain("severity", "=", "serious"))

    @api.model
    def _per_visit(self, kind, start, end, hit):
        """Return what the founded complaints by the valid visits of the period count."""
        name = {
            "technician": "responsible_id",
            "center": "responsible_center_id",
            "department": "responsible_department_id",
        }[kind]
        return [
            {
                "model": "aftersales.complaint",
                "field": name,
                "domain": Domain("is_founded", "=", True)
                & Domain("date_reported", ">=", start)
                & Domain("date_reported", "<=", end)
                & hit,
            },
            {
                "model": "aftersales.service.record",
                "field": self._get_subject_field(kind),
                "domain": self._get_visits(start, end),
            },
        ]
