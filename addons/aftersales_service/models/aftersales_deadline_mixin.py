from odoo import fields, models


class AftersalesDeadlineMixin(models.AbstractModel):
    """Runs the deadline rules of a model: events start and meet them."""

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
        help="The earliest promise that is still open.",
    )

    def _compute_date_due(self):
        groups = dict(
            self.env["aftersales.deadline"]._read_group(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", self.ids),
                    ("state", "in", ("running", "missed")),
                ],
                ["res_id"],
                ["date_due:min"],
            )
        )
        for record in self:
            record.date_due = groups.get(record.id, False)

    def _get_deadline_partner(self):
        """Return the partner who has to keep the promises on this record."""
        return self.env["res.partner"]

    def _deadline_event(self, event, moment=None):
        """Meet and start the deadlines that ``event`` stops and starts.

        :param datetime moment: when it happened, naive UTC; default now
        """
        moment = moment or fields.Datetime.now()
        # sudo: deadlines follow from events; no user creates or changes one directly.
        rules = (
            self.env["aftersales.deadline.rule"]
            .sudo()
            .search(
                [
                    ("model", "=", self._name),
                    "|",
                    ("start_event", "=", event),
                    ("stop_event", "=", event),
                ]
            )
        )
        self.sudo().deadline_ids.filtered(
            lambda d: d.rule_id in rules and d.rule_id.stop_event == event
        )._meet(moment)
        vals_list = [
            record._prepare_deadline_vals(rule, moment)
            for record in self.sudo()
            for rule in rules
            if rule.start_event == event
            and rule.company_id in (record.company_id, rule.company_id.browse())
            and rule._applies_to(record)
        ]
        self.env["aftersales.deadline"].sudo().create(vals_list)
        self.invalidate_recordset(["deadline_ids", "date_due"])

    def _prepare_deadline_vals(self, rule, moment):
        self.ensure_one()
        return {
            "rule_id": rule.id,
            "res_model": self._name,
            "res_id": self.id,
            "record_name": self.display_name,
            "partner_id": self._get_deadline_partner().id,
            "company_id": self.company_id.id,
            "date_start": moment,
            "date_due": rule._get_due(moment, self.company_id),
        }

    def _cancel_deadlines(self):
        """Cancel what is running, because the record was cancelled; missed stays missed."""
        # sudo: as in `_deadline_event`
        running = self.sudo().deadline_ids.filtered(lambda d: d.state == "running")
        running._write_protected({"state": "cancelled"})
