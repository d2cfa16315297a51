from statistics import NormalDist

from odoo import api, fields, models
from odoo.tools import SQL

# of the interval that is shown beside the rate, as its label says
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
# who reads the two-monthly report
GROUPS_PASSED_ON = ",".join(
    f"aftersales_service.group_{name}" for name in ("clerk", "quality", "vp")
)


class AftersalesSatisfactionReport(models.Model):
    """客户满意率: every call that was due, whether or not anybody answered (M3.5).

    One row per call. The rates are averages over the rows of 100 or 0, so that those of a group
    are ratios of its sums; a rate of the customers reached leaves the other rows empty.
    """

    _name = "aftersales.satisfaction.report"
    _description = "Customer satisfaction"
    _regulations = ("M3.5",)
    _auto = False
    _order = "date desc, id desc"
    _rec_name = "date"
    _depends = {
        "aftersales.callback": [
            "center_id",
            "company_id",
            "correction_of_id",
            "date_first",
            "date_passed_on",
            "has_problem",
            "is_counted",
            "kind",
            "outcome",
            "product_id",
            "region_id",
            "satisfaction",
            "state",
            "technician_id",
        ],
        "aftersales.complaint": ["callback_id", "state"],
        "res.company": ["aftersales_satisfaction_target"],
    }

    date = fields.Date(
        readonly=True, help="For which the call was planned first, however late it was made."
    )
    company_id = fields.Many2one("res.company", readonly=True)
    kind = fields.Selection(
        selection=lambda self: self.env["aftersales.callback"]
        ._fields["kind"]
        ._description_selection(self.env),
        string="Kind of call",
        readonly=True,
    )
    center_id = fields.Many2one("res.partner", "Service center", readonly=True)
    region_id = fields.Many2one("aftersales.region", "Region", readonly=True)
    technician_id = fields.Many2one("res.users", "Technician", readonly=True)
    product_id = fields.Many2one("product.product", "Product", readonly=True)
    outcome = fields.Selection(
        selection=lambda self: [
            *self.env["aftersales.callback"]._fields["outcome"]._description_selection(self.env),
            ("open", self.env._("Not called in time")),
            ("cancelled", self.env._("Cancelled")),
        ],
        readonly=True,
    )
    satisfaction = fields.Selection(
        selection=lambda self: self.env["aftersales.callback"]
        ._fields["satisfaction"]
        ._description_selection(self.env),
        readonly=True,
    )
    due = fields.Integer(
        "Calls due", readonly=True, help="Closed calls, and those that should have been made."
    )
    reached = fields.Integer(readonly=True)
    satisfied = fields.Integer(readonly=True, help="“Satisfied” and “Very satisfied”.")
    neutral = fields.Integer(readonly=True)
    dissatisfied = fields.Integer(readonly=True, help="“Dissatisfied” and “Very dissatisfied”.")
    unreached = fields.Integer(
        "Not reached",
        readonly=True,
        help="No answer, refused, wrong number, or not called in time.",
    )
    cancelled = fields.Integer(
        readonly=True, help="Taken out of the calls due by customer service, with a reason."
    )
    corrected = fields.Integer(
        readonly=True, help="Calls whose entries customer service corrected later, with a reason."
    )
    # not for whoever may be complained of
    problem = fields.Integer(
        "Problems reported",
        readonly=True,
        groups=GROUPS_PASSED_ON,
        help="Calls in which the customer reported what somebody has to deal with (M4).",
    )
    passed_on = fields.Integer(
        "Calls passed on",
        readonly=True,
        groups=GROUPS_PASSED_ON,
        help="Calls that were passed on: to a department, or as a complaint (M4, E8).",
    )
    complaint = fields.Integer(
        "Complaints",
        readonly=True,
        groups=GROUPS_PASSED_ON,
        help="Calls of which a complaint was made.",
    )
    rate_due = fields.Float(
        "Satisfied of all due (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="Satisfied customers as a share of all calls due, those not reached included.",
    )
    rate_reached = fields.Float(
        "Satisfied of reached (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="Satisfied customers as a share of those reached.",
    )
    rate_low = fields.Float(
        "95 % interval from",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="Lower bound of the Wilson interval of the rate of those reached: with as few calls, "
        "the true rate may be as low.",
    )
    rate_high = fields.Float(
        "95 % interval to",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="Upper bound of the Wilson interval of the rate of those reached.",
    )
    target = fields.Float(
        "Target (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="The satisfaction that the company has to reach (M3.5).",
    )

    @property
    def _table_query(self):
        now = fields.Datetime.now()
        today = self.env.company._aftersales_local(now).date()
        return SQL(
            """
            SELECT call.*,
                   CASE WHEN due = 1 THEN 100.0 * satisfied END AS rate_due,
                   CASE WHEN reached = 1 THEN 100.0 * satisfied END AS rate_reached,
                   NULL::float AS rate_low,
                   NULL::float AS rate_high
              FROM (
                SELECT callback.id,
                       callback.date_first AS date,
                       callback.company_id,
                       callback.kind,
                       callback.center_id,
                       callback.region_id,
                       callback.technician_id,
                       callback.product_id,
                       CASE callback.state
                           WHEN 'done' THEN callback.outcome
                           WHEN 'cancelled' THEN 'cancelled'
                           ELSE 'open'
                       END AS outcome,
                       CASE WHEN reached.yes THEN callback.satisfaction END AS satisfaction,
                       (callback.state != 'cancelled')::int AS due,
                       reached.yes::int AS reached,
                       (reached.yes AND callback.satisfaction IN ('4', '5'))::int AS satisfied,
                       (reached.yes AND callback.satisfaction = '3')::int AS neutral,
                       (reached.yes AND callback.satisfaction IN ('1', '2'))::int AS dissatisfied,
                       (callback.state != 'cancelled' AND NOT reached.yes)::int AS unreached,
                       (callback.state = 'cancelled')::int AS cancelled,
                       (callback.correction_of_id IS NOT NULL)::int AS corrected,
                       (reached.yes AND callback.has_problem IS TRUE)::int AS problem,
                       (reached.yes AND (
                           callback.date_passed_on IS NOT NULL
                           OR original.date_passed_on IS NOT NULL
                           OR complained.yes
                       ))::int AS passed_on,
                       (reached.yes AND complained.yes)::int AS complaint,
                       company.aftersales_satisfaction_target AS target
                  FROM aftersales_callback callback
                  JOIN res_company company ON company.id = callback.company_id
             LEFT JOIN aftersales_callback original ON original.id = callback.correction_of_id
            CROSS JOIN LATERAL (
                    SELECT callback.state = 'done' AND callback.outcome = 'reached' AS yes
                  ) reached
            CROSS JOIN LATERAL (
                    SELECT EXISTS (
                        SELECT FROM aftersales_complaint complaint
                         WHERE complaint.callback_id IN (callback.id, original.id)
                           AND complaint.state != 'cancelled'
                    ) AS yes
                  ) complained
                 WHERE callback.is_counted
                   AND callback.kind != 'phone'
                   AND (callback.state != 'planned' OR callback.date_first < %s)
              ) call
            """,
            today,
        )

    def _read_group_select(self, aggregate_spec, query):
        """Compute the bounds of a group's interval from its sums (Wilson, 1927)."""
        if aggregate_spec not in ("rate_low:avg", "rate_high:avg"):
            return super()._read_group_select(aggregate_spec, query)
        reached = SQL("SUM(%s)", self._field_to_sql(self._table, "reached", query))
        return SQL(
            """CASE WHEN %(n)s > 0 THEN 100 * (
                   %(p)s + %(z)s * %(z)s / (2 * %(n)s) %(sign)s %(z)s * SQRT(
                       %(p)s * (1 - %(p)s) / %(n)s + %(z)s * %(z)s / (4.0 * %(n)s * %(n)s)
                   )
               ) / (1 + %(z)s * %(z)s / %(n)s) END""",
            n=reached,
            p=SQL(
                "(SUM(%s)::float / %s)",
                self._field_to_sql(self._table, "satisfied", query),
                reached,
            ),
            z=SQL("%s::float", Z),
            sign=SQL("-" if aggregate_spec == "rate_low:avg" else "+"),
        )

    @api.model
    def _get_interval(self, satisfied, reached):
        """Return the bounds, in percent, of the Wilson interval of ``satisfied`` / ``reached``."""
        if not reached:
            return 0.0, 0.0
        share, square = satisfied / reached, Z * Z
        middle = share + square / (2 * reached)
        half = Z * (share * (1 - share) / reached + square / (4 * reached * reached)) ** 0.5
        whole = 1 + square / reached
        return 100 * (middle - half) / whole, 100 * (middle + half) / whole
