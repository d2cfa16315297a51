from odoo import api, fields, models
from odoo.fields import Domain

OPEN = ("running", "missed")


class AftersalesDeadlineMixin(models.AbstractModel):
    """Runs the deadline rules of a model: events start, stop and meet them."""

    _name = "aftersales.deadline.mixin"
    _description = "Deadlines"

    deadline_ids = fields.One2many(
        "aftersales.deadline",
        "res_id",
        "Deadlines",
        domain=lambda self: [("res_model", "=", self._name)],
        readonly=True,
        copy=False,
    )
    date_due = fields.Datetime(
        "Next deadline",
        compute="_compute_date_due",
        search="_search_date_due",
        help="The earliest promise that is still open.",
    )
    is_overdue = fields.Boolean(
        "Overdue",
        compute="_compute_date_due",
        help="The moment of the next deadline is over, whether or not anybody was told yet.",
    )

    def _compute_date_due(self):
        # sudo: whoever may read the document may know until when it is due
        groups = dict(
            self.env["aftersales.deadline"]
            .sudo()
            ._read_group(
                self._get_open_domain() & Domain("res_id", "in", self.ids),
                ["res_id"],
                ["date_due:min"],
            )
        )
        now = fields.Datetime.now()
        for record in self:
            record.date_due = groups.get(record.id, False)
            # not by a view: the “now” of the web client is no UTC, as its moments are
            record.is_overdue = bool(record.date_due) and record.date_due < now

    @api.model
    def _search_date_due(self, operator, value):
        if operator in ("<", "<="):
            return self._find_due(Domain("date_due", operator, value))
        if operator in (">", ">="):
            earlier = "<=" if operator == ">" else "<"
            return self._find_due() & ~self._find_due(Domain("date_due", earlier, value))
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            self._find_due(Domain("date_due", "<=", moment))
            & ~self._find_due(Domain("date_due", "<", moment))
            if moment
            else ~self._find_due()
            for moment in value
        )

    @api.model
    def _get_open_domain(self):
        return Domain("res_model", "=", self._name) & Domain("state", "in", OPEN)

    @api.model
    def _find_due(self, domain=Domain.TRUE):
        """Return the domain of the documents with an open deadline that meets ``domain``."""
        # sudo: it only filters documents that the user may see
        query = self.env["aftersales.deadline"].sudo()._search(self._get_open_domain() & domain)
        return Domain("id", "in", query.subselect("res_id"))

    # --- what a model declares -------------------------------------------------------------

    def _get_deadline_partner(self):
        """Return the partner who has to keep the promises on this record."""
        return self.env["res.partner"]

    def _get_deadline_region(self):
        """Return the region that the promises on this record are counted for."""
        return self.env["aftersales.region"]

    def _get_deadline_assignee(self):
        """Return the user who works on this record and is warned first."""
        return self.env["res.users"]

    def _get_deadline_fields(self):
        """Return the names of the fields that partner and region of the deadlines follow from."""
        return set()

    def _get_deadline_stakes(self, deadlines):
        """Return {deadline: amount that is lost if it is missed}, where money is at stake.

        In the currency of the deadline's company; it is told with the warning.
        """
        return {}

    def _check_reschedule(self, deadline):
        """Raise UserError if ``deadline`` of this record isn't moved by itself."""

    def _on_deadline_missed(self, deadlines):
        """React when the ``deadlines`` of these records were missed."""

    # --- events ----------------------------------------------------------------------------

    def write(self, vals):
        result = super().write(vals)
        rules = self.env["aftersales.deadline.rule"]
        if (self._get_deadline_fields() | rules._get_date_fields(self._name)) & vals.keys():
            self._update_deadlines()
        return result

    def unlink(self):
        # sudo: a deadline ends with its document
        deadlines = self.sudo().deadline_ids
        result = super().unlink()
        deadlines.unlink()
        return result

    def _deadline_event(self, event, moment=None, since=None):
        """Start, stop, resume and meet the deadlines that go by ``event``.

        :param str event: code of an event of this model
        :param datetime moment: when it happened, naive UTC; default now
        :param datetime since: meet or correct only what was promised after this moment, naive
            UTC, because the event has happened before; default everything
        """
        moment = moment or fields.Datetime.now()
        rules = self.env["aftersales.deadline.rule"]
        # sudo: deadlines follow from events; no user creates or changes one directly.
        rules = rules.sudo().browse(rules._get_rule_ids(self._name, event))
        deadlines = self.sudo().deadline_ids.filtered(lambda d: d.rule_id in rules)

        def going_by(kind):
            return deadlines.filtered(
                lambda d: d.rule_id[f"{kind}_event_id"].code == event
                and (not since or d.date_start > since)
            )

        going_by("stop")._get_meetable()._meet(moment)
        going_by("pause")._pause(moment)
        going_by("resume")._resume(moment)
        # a promise that is still open isn't made twice; a new moment can be agreed on, though
        running = {
            (d.res_id, d.rule_id)
            for d in deadlines
            if d.state in ("running", "paused")
            or (d.state == "missed" and d.rule_id.unit != "agreed")
        }
        vals_list = [
            vals
            for record in self.sudo()
            for rule in rules.filtered(lambda r: r.start_event_id.code == event)
            if (record.id, rule) not in running
            and rule.company_id in (record.company_id, rule.company_id.browse())
            and rule._applies_to(record)
            and (vals := record._prepare_deadline_vals(rule, moment))
        ]
        if vals_list:
            self.env["aftersales.deadline"].sudo().create(vals_list)
        self.invalidate_recordset(["deadline_ids", "date_due", "is_overdue"])

    def _get_deadline_name(self):
        """Return how deadlines call this record: by its number, or in the company's language."""
        if getattr(self, "_sequence_code", None):
            return self.name
        lang = self.company_id.partner_id.lang or self.env.lang
        return self.with_context(lang=lang).display_name

    def _prepare_deadline_vals(self, rule, moment):
        """Return the values of a new run, or None if its moment is yet to be agreed."""
        self.ensure_one()
        due = rule._get_due(moment, self)
        if not due:
            return None
        return {
            "rule_id": rule.id,
            "res_model": self._name,
            "res_id": self.id,
            "record_name": self._get_deadline_name(),
            "partner_id": self._get_deadline_partner().id,
            "region_id": self._get_deadline_region().id,
            "company_id": self.company_id.id,
            "date_start": moment,
            "date_due_original": due,
            **self.env["aftersales.deadline"]._prepare_due_vals(rule, due),
        }

    def _update_deadlines(self):
        """Let what still runs follow the document: its responsible partner, its agreed moment."""
        for record in self.sudo():
            partner, region = record._get_deadline_partner(), record._get_deadline_region()
            for deadline in record.deadline_ids.filtered(
                lambda d: d.state in ("running", "paused")
            ):
                vals = {}
                if (deadline.partner_id, deadline.region_id) != (partner, region):
                    vals = {"partner_id": partner.id, "region_id": region.id}
                rule = deadline.rule_id
                due = rule.unit == "agreed" and rule._get_due(deadline.date_start, record)
                # who empties the field doesn't get rid of the promise
                if due and due != deadline.date_due:
                    vals |= {"date_warned": False, **deadline._prepare_due_vals(rule, due)}
                if vals:
                    deadline._write_protected(vals)
        self.invalidate_recordset(["date_due", "is_overdue"])

    def _cancel_deadlines(self):
        """Cancel what is running, because the record was cancelled; missed stays missed."""
        # sudo: as in `_deadline_event`
        self.sudo().deadline_ids._cancel()
        self.invalidate_recordset(["date_due", "is_overdue"])
