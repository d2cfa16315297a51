import logging
from collections import defaultdict
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

_logger = logging.getLogger(__name__)


class AftersalesDeadline(models.Model):
    """One run of a deadline rule: what was promised on a record, and whether it was kept."""

    _name = "aftersales.deadline"
    _description = "Deadline"
    _inherit = ["aftersales.document.entry", "aftersales.workflow.mixin"]
    _document_mixin = "aftersales.deadline.mixin"
    _order = "date_due, id"
    _rec_name = "rule_id"

    rule_id = fields.Many2one(
        "aftersales.deadline.rule", required=True, readonly=True, ondelete="cascade", index=True
    )
    regulation_id = fields.Many2one(related="rule_id.regulation_id")
    res_model = fields.Char("Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        "Record", model_field="res_model", required=True, readonly=True
    )
    record_name = fields.Char("Document", readonly=True)
    partner_id = fields.Many2one(
        "res.partner",
        "Responsible",
        readonly=True,
        index=True,
        help="Who has to keep the promise.",
    )
    region_id = fields.Many2one("aftersales.region", readonly=True, index="btree_not_null")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    date_start = fields.Datetime("Started", required=True, readonly=True)
    date_due = fields.Datetime("Due", required=True, readonly=True)
    date_due_original = fields.Datetime(
        "First promised",
        required=True,
        readonly=True,
        help="The due moment without any rescheduling. Waiting for the customer moves it, too.",
    )
    reschedule_count = fields.Integer("Rescheduled", readonly=True, aggregator="sum")
    can_reschedule = fields.Boolean(compute="_compute_can_reschedule")
    date_paused = fields.Datetime("Standing still since", readonly=True)
    date_met = fields.Datetime("Kept on", readonly=True)
    date_warning = fields.Datetime("Warning due", readonly=True)
    date_warned = fields.Datetime("Warned on", readonly=True)
    date_escalation = fields.Datetime("Next escalation", readonly=True)
    date_escalated = fields.Datetime("Escalated on", readonly=True)
    escalation_partner_id = fields.Many2one(
        "res.partner",
        "Escalated to",
        readonly=True,
        help="The last partner in the network who was told (L1.5).",
    )
    escalation_level = fields.Integer(
        "Escalated levels", readonly=True, aggregator="max", help="How far up it was escalated."
    )
    state = fields.Selection(
        [
            ("running", "Running"),
            ("paused", "Standing still"),
            ("met", "Met"),
            ("late", "Met late"),
            ("missed", "Missed"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="running",
        required=True,
        readonly=True,
        help="Met late: what was promised was done, but after the due moment. Missed: it is "
        "overdue and not done yet. Standing still: the clock waits, for the customer say.",
    )
    met_rate = fields.Float(
        "Met (%)",
        compute="_compute_rates",
        store=True,
        precompute=True,
        aggregator="avg",
        help="Share of the promises kept in time. Open and cancelled ones don't count.",
    )
    original_rate = fields.Float(
        "Met as first promised (%)",
        compute="_compute_rates",
        store=True,
        precompute=True,
        aggregator="avg",
        help="The same, measured by the first promise: rescheduling doesn't help.",
    )

    is_overdue = fields.Boolean(
        "Overdue",
        compute="_compute_is_overdue",
        help="The due moment is over, also before the next sweep says so.",
    )

    _record_idx = models.Index("(res_model, res_id)")
    _sweep_idx = models.Index("(date_due) WHERE state = 'running'")
    _warning_idx = models.Index("(date_warning) WHERE state = 'running' AND date_warned IS NULL")
    _escalation_idx = models.Index("(date_escalation) WHERE date_escalation IS NOT NULL")

    def _get_protected_fields(self):
        return {name for name, field in self._fields.items() if field.readonly and field.store}

    @api.depends("state", "date_due")
    def _compute_is_overdue(self):
        now = fields.Datetime.now()
        for deadline in self:
            deadline.is_overdue = deadline.state == "missed" or (
                deadline.state == "running" and deadline.date_due < now
            )

    @api.depends("state", "date_met", "date_due_original")
    def _compute_rates(self):
        for deadline in self:
            is_met = deadline.state == "met"
            deadline.met_rate = 100 * is_met
            deadline.original_rate = 100 * (
                is_met and deadline.date_met <= deadline.date_due_original
            )

    def _read_group_select(self, aggregate_spec, query):
        # promises that are still open, or were called off, are neither kept nor broken
        if aggregate_spec in ("met_rate:avg", "original_rate:avg"):
            return SQL(
                "AVG(%s) FILTER (WHERE %s IN ('met', 'late', 'missed'))",
                self._field_to_sql(self._table, aggregate_spec.removesuffix(":avg"), query),
                self._field_to_sql(self._table, "state", query),
            )
        return super()._read_group_select(aggregate_spec, query)

    # --- clock -----------------------------------------------------------------------------

    @api.model
    def _prepare_due_vals(self, rule, due):
        lead = rule.warning_hours
        return {"date_due": due, "date_warning": lead and due - timedelta(hours=lead)}

    def _pause(self, moment):
        """Stop the clocks at ``moment`` (naive UTC), unless they had run out by then."""
        for deadline in self:
            if deadline.state == "running" and deadline.date_due >= moment:
                deadline._write_protected(
                    {"state": "paused", "date_paused": max(moment, deadline.date_start)}
                )

    def _resume(self, moment):
        """Let the clocks go on at ``moment`` (naive UTC) with what was left."""
        for deadline in self.filtered(lambda d: d.state == "paused"):
            moved = {
                due: deadline.rule_id._get_resumed_due(
                    due,
                    deadline.date_paused,
                    max(moment, deadline.date_paused),
                    deadline.company_id,
                )
                # a first promise that was broken before the pause stays broken
                if due >= deadline.date_paused
                else due
                for due in {deadline.date_due, deadline.date_due_original}
            }
            deadline._write_protected(
                {
                    "state": "running",
                    "date_paused": False,
                    "date_due_original": moved[deadline.date_due_original],
                    **self._prepare_due_vals(deadline.rule_id, moved[deadline.date_due]),
                }
            )

    def _get_meetable(self):
        """Return what an event meets: the open runs, or else the last one, to correct it."""
        result = self.browse()
        for deadlines in self.grouped(lambda d: (d.res_id, d.rule_id)).values():
            still_open = deadlines.filtered(lambda d: d.state in ("running", "paused", "missed"))
            result |= still_open or deadlines.sorted("id")[-1:]
        return result

    def _meet(self, moment):
        """Mark deadlines as met at ``moment`` (naive UTC), again if the moment is corrected."""
        self._resume(moment)
        for deadline in self.filtered(lambda d: d.state != "cancelled"):
            deadline._write_protected(
                {
                    "date_met": moment,
                    "date_escalation": False,
                    "state": "met" if moment <= deadline.date_due else "late",
                }
            )
        self._drop_activities()

    def _cancel(self):
        """Call off what is open; what was missed stays so, but nobody is told any more."""
        self.filtered(lambda d: d.state in ("running", "paused"))._write_protected(
            {"state": "cancelled"}
        )
        self._write_protected({"date_escalation": False})
        self._drop_activities()

    def _drop_activities(self):
        # sudo: the activities were planned by the system, for whomever
        self.env["mail.activity"].sudo().search(
            [("aftersales_deadline_id", "in", self.ids)]
        ).unlink()

    # --- rescheduling ----------------------------------------------------------------------

    @api.depends("state", "region_id")
    @api.depends_context("uid")
    def _compute_can_reschedule(self):
        for deadline in self:
            deadline.can_reschedule = (
                deadline.state in ("running", "missed") and deadline._is_rescheduler()
            )

    def _is_rescheduler(self):
        """Tell whether the user is customer service or manages the deadline's region."""
        self.ensure_one()
        user = self.env.user
        if user.has_group("aftersales_service.group_customer_service"):
            return True
        # sudo: only compared with the user
        region = self.sudo().region_id
        return user.has_group("aftersales_service.group_office_manager") and (
            region.manager_id == user
            or bool(
                region.office_id
                and user.partner_id.filtered_domain([("id", "child_of", region.office_id.id)])
            )
        )

    def action_reschedule(self, date, reason):
        """Move the due moment to ``date``, which the first promise survives (H6).

        :param date: the new due moment, in UTC
        :param str reason: why; goes into the document's history
        :raises AccessError: neither customer service nor a manager of the region
        :raises UserError: without reason, not in the future, or not open any more
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the deadline is rescheduled."))
        date = fields.Datetime.to_datetime(date)
        if not date or date <= fields.Datetime.now():
            raise UserError(self.env._("A deadline can only be rescheduled to the future."))
        for deadline in self:
            deadline.check_access("read")
            if not deadline._is_rescheduler():
                raise AccessError(
                    self.env._(
                        "Only customer service and the managers of the region may reschedule “%s”.",
                        deadline.rule_id.name,
                    )
                )
            # sudo: these roles have no right to write deadlines but through this action
            deadline.sudo().lock_for_update(allow_referencing=True)
            deadline.invalidate_recordset()
            if deadline.state not in ("running", "missed"):
                raise UserError(
                    self.env._(
                        "“%s” is met, cancelled or standing still, and can't be rescheduled.",
                        deadline.rule_id.name,
                    )
                )
            # sudo: whether it may be moved depends on the document, whoever sees that
            for document in deadline.sudo()._get_documents().values():
                document._check_reschedule(deadline)
            old = deadline.date_due
            deadline._write_protected(
                {
                    "state": "running",
                    "reschedule_count": deadline.reschedule_count + 1,
                    "date_warned": False,
                    "date_escalation": False,
                    **self._prepare_due_vals(deadline.sudo().rule_id, date),
                }
            )
            deadline._drop_activities()
            # sudo: who may reschedule need not have the right to write the document
            for document in deadline.sudo()._get_documents().values():
                document.message_post(
                    body=self.env._(
                        "Deadline “%(rule)s” rescheduled from %(old)s to %(new)s: %(reason)s",
                        rule=deadline.rule_id.name,
                        old=deadline._format(old),
                        new=deadline._format(date),
                        reason=reason.strip(),
                    )
                )
        return True

    def action_open_reschedule(self):
        """Open the window that asks for the new moment and the reason."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Reschedule"),
            "res_model": "aftersales.deadline.reschedule",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_deadline_id": self.id},
        }

    def _format(self, moment):
        """Return ``moment`` as the company's clock shows it."""
        self.ensure_one()
        # sudo: whose clock it is
        return self.sudo().company_id._aftersales_format(moment)

    # --- documents -------------------------------------------------------------------------

    def action_open_record(self):
        """Open the document that the promise was made on."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }

    def _get_documents(self):
        """Return {deadline: its document}, without those whose document is gone."""
        documents = {}
        for model, deadlines in self.grouped("res_model").items():
            if model in self.env:
                records = self.env[model].browse(deadlines.mapped("res_id")).exists()
                by_id = {record.id: record for record in records}
                documents.update((d, by_id[d.res_id]) for d in deadlines if d.res_id in by_id)
        return documents

    # --- sweep -----------------------------------------------------------------------------

    @api.model
    def _cron_sweep(self, batch=200):
        """Mark what is overdue, warn of what will be, and escalate, in batches.

        Each batch is committed; a record that fails is left out, logged, and tried again in the
        next run.
        """
        now = fields.Datetime.now()
        running = Domain("state", "=", "running")
        steps = [
            (running & Domain("date_due", "<", now), "_miss"),
            (
                running & Domain("date_warned", "=", False) & Domain("date_warning", "<=", now),
                "_warn",
            ),
            (Domain("state", "=", "missed") & Domain("date_escalation", "<=", now), "_escalate"),
        ]
        for domain, method in steps:
            left_out = self.browse()
            while found := self.search(domain & Domain("id", "not in", left_out.ids), limit=batch):
                # what somebody is just working on is left to the next run
                deadlines = found.try_lock_for_update(allow_referencing=True)
                left_out |= (found - deadlines) | deadlines._sweep(method)
                remaining = self.search_count(domain & Domain("id", "not in", left_out.ids))
                if not self.env["ir.cron"]._commit_progress(len(found), remaining=remaining):
                    return

    def _sweep(self, method):
        """Call ``method`` on all, or if that fails on each; return those that failed."""
        try:
            with self.env.cr.savepoint():
                getattr(self, method)()
            return self.browse()
        except Exception:
            # whatever one document runs into, and it is logged, the promises on all the others
            # are swept all the same
            self.env.invalidate_all()
            if len(self) <= 1:
                _logger.exception("Deadlines: %s failed on %s", method, self)
                return self
        return self.browse().union(*(deadline._sweep(method) for deadline in self))

    def _miss(self):
        """Mark overdue deadlines as missed and let their documents react."""
        self._write_protected({"state": "missed"})
        self.filtered("rule_id.escalate")._write_protected(
            {"date_escalation": fields.Datetime.now()}
        )
        self._log(
            {
                deadline: deadline.env._(
                    "Deadline missed: “%(rule)s”, due %(due)s",
                    rule=deadline.rule_id.name,
                    due=deadline._format(deadline.date_due),
                )
                for deadline in self._in_company_language()
            }
        )
        documents = self._get_documents()
        for model, deadlines in self.grouped("res_model").items():
            if model in self.env:
                ids = [documents[d].id for d in deadlines if d in documents]
                self.env[model].browse(ids)._on_deadline_missed(deadlines)

    def _warn(self):
        """Tell whoever is to be warned that the promise runs out."""
        documents = self._get_documents()
        users_of = self._get_users_by_partner(self.partner_id)
        told = {}
        sees = self._get_visibility()
        for deadline in self:
            rule = deadline.rule_id
            users = self.env["res.users"]
            if rule.warning_to == "manager":
                users = deadline.region_id.manager_id
            elif rule.warning_to == "group":
                users = self._get_group_users(rule.warning_group_id)
            elif rule.warning_to == "assignee" and deadline in documents:
                users = documents[deadline]._get_deadline_assignee()
            told[deadline] = sees(deadline, users) or sees(deadline, users_of[deadline.partner_id])
        stakes = {}
        for model, deadlines in self.grouped("res_model").items():
            if model in self.env:
                ids = [documents[d].id for d in deadlines if d in documents]
                stakes |= self.env[model].browse(ids)._get_deadline_stakes(deadlines)

        def get_text(deadline):
            values = {"rule": deadline.rule_id.name, "due": deadline._format(deadline.date_due)}
            if amount := stakes.get(deadline):
                currency = deadline.company_id.currency_id
                values["amount"] = currency.with_env(deadline.env).format(amount)
                return deadline.env._("Due %(due)s: %(rule)s. At stake: %(amount)s", **values)
            return deadline.env._("Due %(due)s: %(rule)s", **values)

        self._tell(told, get_text)
        self._write_protected({"date_warned": fields.Datetime.now()})

    def _escalate(self):
        """Tell the next level of the network that a promise was missed (L1.5).

        A level where nobody may see the document is passed over; above the top is the rule's role,
        customer service by default.
        """
        now = fields.Datetime.now()
        chains = {deadline: deadline._get_levels_above() for deadline in self}
        users_of = self._get_users_by_partner(self.env["res.partner"].union(*chains.values()))
        sees = self._get_visibility()
        told = {}
        for deadline in self:
            level, users = next(
                (
                    (partner, users)
                    for partner in chains[deadline]
                    if (users := sees(deadline, users_of[partner]))
                ),
                (self.env["res.partner"], self.env["res.users"]),
            )
            told[deadline] = users or sees(
                deadline, self._get_group_users(deadline.rule_id.escalation_group_id)
            )
            hours = deadline.rule_id.escalation_hours
            deadline._write_protected(
                {
                    "date_escalated": now,
                    "escalation_level": deadline.escalation_level + 1,
                    "escalation_partner_id": level.id or deadline.escalation_partner_id.id,
                    "date_escalation": bool(level and hours) and now + timedelta(hours=hours),
                }
            )
        self._tell(
            told,
            lambda d: d.env._(
                "Missed: %(rule)s, due %(due)s, %(partner)s",
                rule=d.rule_id.name,
                due=d._format(d.date_due),
                partner=d.partner_id.name or "–",
            ),
        )

    def _get_levels_above(self):
        """Return the partners above the last one told, from the nearest to the top (L1.5)."""
        self.ensure_one()
        levels = self.env["res.partner"]
        partner = (self.escalation_partner_id or self.partner_id).aftersales_parent_id
        while partner and partner not in levels:
            levels |= partner
            partner = partner.aftersales_parent_id
        return levels

    @api.model
    def _get_users_by_partner(self, partners):
        """Return {partner: users that belong to it, managers of an office's regions included}."""
        result = defaultdict(self.env["res.users"].browse)
        users = self.env["res.users"].search(
            [("partner_id", "child_of", partners.ids), ("share", "=", False)]
        )
        for user in users:
            partner = user.partner_id
            while partner:
                if partner in partners:
                    result[partner] |= user
                partner = partner.parent_id
        for region in self.env["aftersales.region"].search([("office_id", "in", partners.ids)]):
            result[region.office_id] |= region.manager_id
        return result

    @api.model
    def _get_group_users(self, group):
        """Return the users with the role, those who have it only by another role if no other."""
        return (group.user_ids or group.all_user_ids).filtered(lambda u: u.active and not u.share)

    def _get_visibility(self):
        """Return the function (deadline, users) → those of the users who may see its document.

        One query per user, for all deadlines at once.
        """
        visible = {}

        def sees(deadline, users):
            for user in users - self.env["res.users"].union(*visible):
                own = (
                    self.browse()
                    .with_user(user)
                    .with_context(allowed_company_ids=user.company_ids.ids)
                )
                has_role = own.has_access("read")
                visible[user] = set(own.search([("id", "in", self.ids)]).ids if has_role else ())
            return users.filtered(lambda user: user.active and deadline.id in visible[user])

        return sees

    def _tell(self, users_by_deadline, get_text):
        """Plan an activity for each of the users and note it on the documents."""
        documents = self._get_documents()
        activity_type = self.env.ref("aftersales_service.mail_activity_type_deadline")
        for document in documents.values():
            # read for all at once; every activity takes its document's name on
            document.display_name  # noqa: B018
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                {
                    "aftersales_deadline_id": deadline.id,
                    "activity_type_id": activity_type.id,
                    "res_model_id": self.env["ir.model"]._get_id(deadline.res_model),
                    "res_id": deadline.res_id,
                    "user_id": user.id,
                    "date_deadline": deadline.company_id._aftersales_local(
                        deadline.date_due
                    ).date(),
                    "summary": get_text(deadline.with_context(lang=user.lang)),
                    "automated": True,
                }
                for deadline, users in users_by_deadline.items()
                if deadline in documents
                for user in users
            ]
        )
        self._log(
            {
                deadline: deadline.env._(
                    "%(text)s. Told: %(users)s",
                    text=get_text(deadline),
                    users=", ".join(users_by_deadline[deadline].mapped("name"))
                    or deadline.env._("nobody, because no user may see it"),
                )
                for deadline in self._in_company_language()
            }
        )

    def _in_company_language(self):
        """Return the deadlines, each in the language of its company."""
        return [
            deadline.with_context(lang=deadline.company_id.partner_id.lang or self.env.lang)
            for deadline in self
        ]

    def _log(self, texts):
        """Note the texts on the documents, in one go per kind of document."""
        bodies = defaultdict(lambda: defaultdict(list))
        for deadline, document in self._get_documents().items():
            bodies[document._name][document.id].append(texts[deadline])
        for model, lines in bodies.items():
            self.env[model].browse(lines)._message_log_batch(
                {res_id: Markup("<br/>").join(texts) for res_id, texts in lines.items()}
            )
