from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_list
from odoo.tools.misc import format_date


class AftersalesDispatchMixin(models.AbstractModel):
    """The part of a request that is about whom it sends, and when (E7, H2, H6, M3.1)."""

    _name = "aftersales.dispatch.mixin"
    _inherit = ["aftersales.technician.mixin", "aftersales.workflow.mixin"]
    _description = "Dispatch"

    technician_ids = fields.Many2many(
        "res.users", string="Who could be sent", compute="_compute_proposed_technician_id"
    )
    proposed_technician_id = fields.Many2one(
        "res.users",
        "Proposed technician",
        compute="_compute_proposed_technician_id",
        help="Of the center's technicians, and of those without a center: certified for the "
        "product's special trades on that day, then the fewest visits on the day (H2, E7).",
    )
    technician_reason = fields.Char(
        "Why this technician", compute="_compute_proposed_technician_id"
    )
    date_assigned = fields.Datetime(
        "Dispatched on",
        copy=False,
        help="When the center got it. Enter it before assigning, if it was told by phone earlier; "
        "otherwise it is the moment of “Assign”. Nobody can arrive before.",
    )
    appointment_ids = fields.One2many("aftersales.appointment", "request_id", "Appointments")
    appointment_id = fields.Many2one(
        "aftersales.appointment",
        "Next appointment",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )

    needs_visit = fields.Boolean(
        "Further visit needed",
        readonly=True,
        copy=False,
        help="The last visit left something to be done: make another appointment.",
    )
    open_record_id = fields.Many2one(
        "aftersales.service.record", "Unfinished record", compute="_compute_open_record_id"
    )
    advice = fields.Text("Advice given", readonly=True, copy=False, tracking=True)
    adviser_id = fields.Many2one("res.users", "Advice by", readonly=True, copy=False)
    date_callback = fields.Datetime(
        "Callback agreed for",
        readonly=True,
        copy=False,
        help="When the customer is called, to hear whether the advice helped (M1).",
    )
    resolution = fields.Selection(
        [("remote", "Remotely"), ("on_site", "By a visit"), ("workshop", "In the workshop")],
        "How it was solved",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="How the problem was solved in the end (H5).",
    )
    date_done = fields.Datetime("Done on", readonly=True, copy=False)
    remote_share = fields.Float(
        "Solved remotely (%)",
        compute="_compute_remote_share",
        store=True,
        aggregator="avg",
        help="Of the requests that are done (H5).",
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "appointment_id",
            "needs_visit",
            "advice",
            "adviser_id",
            "date_callback",
            "resolution",
            "date_done",
            "remote_share",
        }

    @api.depends("record_ids.state")
    def _compute_open_record_id(self):
        for request in self:
            request.open_record_id = request.record_ids.filtered(
                lambda r: r.state in ("draft", "signed")
            )[:1]

    @api.depends("resolution")
    def _compute_remote_share(self):
        for request in self:
            request.remote_share = 100 * (request.resolution == "remote")

    def _read_group_select(self, aggregate_spec, query):
        # what is open or cancelled was solved in no way yet
        if aggregate_spec == "remote_share:avg":
            return SQL(
                "AVG(%s) FILTER (WHERE %s IS NOT NULL)",
                self._field_to_sql(self._table, "remote_share", query),
                self._field_to_sql(self._table, "resolution", query),
            )
        return super()._read_group_select(aggregate_spec, query)

    # --- help from afar (H5, M1) -----------------------------------------------------------

    def action_resolve(self, advice, date_callback, adviser_id=None):
        """Note the advice given from afar and the callback agreed; nobody is sent yet (H5, M1).

        The promises of a visit stand still until the customer was called.

        :param str advice: what the customer was advised to do
        :param datetime date_callback: when he is called, naive UTC
        :param int adviser_id: user who gave the advice; default the current one
        :raises UserError: without advice, not in the future, or a technician was there already
        """
        now = fields.Datetime.now()
        date_callback = fields.Datetime.to_datetime(date_callback)
        if not (advice or "").strip():
            raise UserError(self.env._("Say what the customer was advised to do."))
        if not date_callback or date_callback <= now:
            raise UserError(self.env._("Agree with the customer when he is called back."))
        self._check_open()
        for request in self:
            request.lock_for_update(allow_referencing=True)
            if request.state not in ("new", "assigned"):
                raise UserError(
                    self.env._(
                        "%s is waiting for a callback already, or a technician was there.",
                        request.name,
                    )
                )
            request._await_callback(now)
            vals = {
                "state": "callback",
                "is_waiting": False,
                "advice": advice.strip(),
                "adviser_id": adviser_id or self.env.uid,
                "date_callback": date_callback,
            }
            if request.state == "new":
                # what is given to a center after all is dispatched then
                vals["date_assigned"] = False
            request._write_protected(vals)
            request._note_answer(now)
        # sudo: whoever helps from afar agrees on the callback; others make it
        self.env["aftersales.callback"].sudo().create(
            [request._prepare_callback_vals() for request in self]
        )
        for request in self:
            request._tell_customer(
                lambda r: r.env._(
                    "We advised you: %(advice)s\n"
                    "We call you on %(moment)s to hear whether it helped.",
                    advice=r.advice,
                    moment=r.company_id._aftersales_format(r.date_callback),
                )
            )
        return True

    def _prepare_callback_vals(self):
        self.ensure_one()
        return {
            "kind": "phone",
            "request_id": self.id,
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "phone": self.phone,
            "date_planned": self.date_callback,
        }

    def action_open_resolve(self):
        """Open the window that asks for the advice and the time of the callback."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Help by phone"),
            "res_model": "aftersales.request.resolve",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def action_dispatch(self, reason=None):
        """Send somebody after all, before the agreed callback; the call is cancelled."""
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the callback isn't waited for."))
        self._check_open()
        for request in self:
            if request.state != "callback":
                raise UserError(self.env._("No callback is agreed for %s.", request.name))
            request._cancel_callbacks(reason.strip())
            request._go_on_to_dispatch(reason.strip())
        return True

    def action_open_dispatch(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_dispatch", self.env._("Dispatch after all")
        )

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_dispatch"}

    def _await_callback(self, moment):
        """Let the promises of a visit stand still from ``moment`` (naive UTC) on."""
        self.ensure_one()
        # sudo: the visit is put off, whoever agreed to it
        request = self.sudo()
        request.appointment_id._close("cancelled", self.env._("Help by phone is tried first."))
        request._call_off_visit()
        request._get_arrival_deadlines()._pause(moment)
        self._deadline_event("waiting", moment)

    def _get_arrival_deadlines(self):
        """Return the fixed arrival times that were promised, not those agreed on."""
        return self.deadline_ids.filtered(
            lambda d: d.rule_id.stop_event_id.code == "arrived" and d.rule_id.unit != "agreed"
        )

    def _cancel_callbacks(self, reason):
        """Cancel the calls that were agreed after help by phone."""
        # sudo: the call follows its request
        callbacks = self.env["aftersales.callback"].sudo()
        callbacks.search(
            [
                ("request_id", "in", self.ids),
                ("kind", "=", "phone"),
                ("state", "=", "planned"),
            ]
        )._cancel(reason)

    def _on_callback(self, callback):
        """React when the call ``callback`` after help by phone is closed (M1).

        Solved: the request is finished. Otherwise, also when nobody was reached in the end,
        somebody is sent.
        """
        for request in self.filtered(lambda r: r.state == "callback"):
            if callback.is_solved:
                request._finish(fields.Datetime.now(), "remote")
            else:
                outcomes = dict(callback._fields["outcome"]._description_selection(self.env))
                text = outcomes.get(callback.outcome, "")
                if callback.outcome == "reached":
                    text = self.env._("The advice didn't help.")
                request._go_on_to_dispatch(text)

    def _go_on_to_dispatch(self, text):
        """Let the request go on where it was before the help by phone; ``text`` says why."""
        self.ensure_one()
        now = fields.Datetime.now()
        self._write_protected({"state": "assigned" if self.date_assigned else "new"})
        self._deadline_event("resumed", now)
        # sudo: as in `_await_callback`
        self.sudo()._get_arrival_deadlines()._resume(now)
        self._message_log(body=self.env._("Goes on to dispatch: %s", text))

    def _get_resolution(self):
        """Return how a finished request was solved when it wasn't remotely."""
        self.ensure_one()
        # sudo: a receipt that this user doesn't see counts as well
        states = self.sudo().receipt_ids.mapped("state")
        return "workshop" if {"taken", "returned"} & set(states) else "on_site"

    def _await_visit(self, record):
        """Leave the request open for another visit, because ``record`` says so (E7)."""
        for request in self.filtered(lambda r: r.state == "in_progress"):
            request._write_protected({"state": "assigned", "needs_visit": True})
            request._message_log(
                body=self.env._(
                    "A further visit is needed after %(record)s: %(reason)s",
                    record=record.name,
                    reason=record.further_visit_reason,
                )
            )

    # --- whom to send ----------------------------------------------------------------------

    def _get_dispatched_request(self):
        return self

    def _is_dispatch_open(self):
        return self.state not in ("done", "cancelled")

    def _get_trade_day(self):
        now = fields.Datetime.now()
        return self._get_local_day(max(self.date_visit_promised or now, now))

    @api.constrains("technician_id", "center_id", "product_id")
    def _check_technician_id(self):
        self._check_technician()
        # sudo: what was already planned for the technician holds for the same product and center
        open_appointments = self.sudo().appointment_id
        open_appointments._check_technician()

    @api.constrains("date_assigned", "request_date")
    def _check_date_assigned(self):
        now = fields.Datetime.now()
        for request in self.filtered("date_assigned"):
            received = request.request_date
            if not received <= request.date_assigned <= max(now, received):
                raise ValidationError(
                    self.env._(
                        "A request is dispatched after it was received, and not in the future."
                    )
                )

    @api.depends("partner_id", "center_id")
    def _compute_distance(self):
        new = self.filtered(lambda request: request.state in ("new", False))
        for request in self - new:
            request.distance = request.distance
        # sudo: only the distance between the two is proposed
        earlier = self.sudo()
        last = {
            (partner, center, company): last_id
            for partner, center, company, last_id in earlier._read_group(
                [
                    ("partner_id", "in", new.partner_id.ids),
                    ("center_id", "in", new.center_id.ids),
                    ("state", "not in", ("new", "cancelled")),
                    ("id", "not in", new.ids),
                ],
                ["partner_id", "center_id", "company_id"],
                ["id:max"],
            )
        }
        for request in new:
            company = request.company_id or self.env.company
            key = tuple(item._origin for item in (request.partner_id, request.center_id, company))
            request.distance = (
                earlier.browse(last[key]).distance if key in last else request.distance
            )

    def _get_technicians(self):
        """Return who could be sent to each request: its center's people, then central ones.

        :return: dict from request to users, whether or not they are certified
        """
        roles = ("aftersales_service.group_technician", "aftersales_service.group_center")
        # sudo: whoever dispatches need not administer users
        users = self.env["res.users"].sudo()
        users = users.search(
            [
                ("group_ids", "in", [self.env.ref(role).id for role in roles]),
                ("share", "=", False),
                ("company_ids", "in", (self.company_id or self.env.company).ids),
            ],
            order="id",
        )
        central = self.env.ref(roles[0])
        by_center = {}
        for user in users:
            center = user._get_aftersales_center()
            # who runs a center is sent by it only; a technician without a center by every one
            if center or central in user.group_ids:
                by_center.setdefault(center, users.browse())
                by_center[center] |= user
        none = users.browse()
        return {
            request: by_center.get(request.center_id.sudo().commercial_partner_id, none)
            | by_center.get(self.env["res.partner"], none)
            for request in self
        }

    def _get_technician_ranking(self):
        """Return who is best sent to each request, and why (H2, E7).

        Certified for the product's trades on the day; the center's own people first, its head
        last; the fewest visits on that day, then the fewest open requests. The number of queries
        doesn't grow with the requests.

        :return: dict from request to a list of (user, sentence), the best first
        """
        technicians = self._get_technicians()
        technician_role = self.env.ref("aftersales_service.group_technician")
        users = self.env["res.users"].sudo().union(*technicians.values())
        certificates = users.partner_id._get_certificates()
        visits = self._get_visit_counts(users)
        # sudo: how busy somebody is decides the order; nothing of his requests is shown
        busy = dict(
            self.env["aftersales.request"]
            .sudo()
            ._read_group(
                [
                    ("technician_id", "in", users.ids),
                    ("state", "not in", ("done", "cancelled")),
                ],
                ["technician_id"],
                ["__count"],
            )
        )
        result = {}
        for request in self:
            day = request._get_trade_day()
            trades = request.product_id._get_trades()
            ranked = []
            for user in technicians[request]:
                held = {t: certificates._get_certificate(user.partner_id, t, day) for t in trades}
                if all(held.values()):
                    counts = visits.get((user, day), 0), busy.get(user, 0)
                    # who runs the center goes himself only if nobody else can
                    is_head = technician_role not in user.group_ids
                    key = (not user._get_aftersales_center(), is_head, *counts, user.id)
                    ranked.append((key, user, request._get_ranking_reason(*counts, day, held)))
            result[request] = [(user, reason) for _key, user, reason in sorted(ranked)]
        return result

    @api.model
    def _get_visit_counts(self, users):
        """Return how many open appointments each user has on each day of its company."""
        # sudo: as in `_get_technician_ranking`
        appointments = (
            self.env["aftersales.appointment"]
            .sudo()
            .search([("technician_id", "in", users.ids), ("state", "in", ("planned", "confirmed"))])
        )
        return Counter((a.technician_id, a._get_trade_day()) for a in appointments)

    def _get_ranking_reason(self, visits, requests, day, held):
        """Return in words why a technician is proposed."""
        date = format_date(self.env, day)
        parts = [
            self.env._("%(count)s visits on %(day)s", count=visits, day=date),
            self.env._("%s open requests", requests),
        ]
        parts += [
            self.env._("%(trade)s until %(day)s", trade=trade.name, day=format_date(self.env, last))
            if (last := certificate.date_to)
            else self.env._("%s for good", trade.name)
            for trade, certificate in held.items()
        ]
        return ", ".join(parts)

    @api.model
    def _group_expand_technician_id(self, technicians, domain):
        """Show also those who have nothing to do, to whoever dispatches, of the centers he sees."""
        if not self.env.context.get("show_technicians"):
            return technicians
        centers = self.search(domain).center_id
        requests = [self.new({"center_id": center.id}) for center in centers]
        found = self.browse().concat(*requests)._get_technicians()
        return technicians.union(*found.values()).with_env(self.env)

    @api.depends("center_id", "product_id", "date_visit_promised", "state")
    @api.depends_context("lang")
    def _compute_proposed_technician_id(self):
        dispatched = self.filtered(lambda r: r.center_id and r._is_dispatch_open())
        ranking = dispatched._get_technician_ranking()
        for request in self:
            ranked = ranking.get(request, [])
            request.technician_ids = self.env["res.users"].union(*(user for user, _why in ranked))
            request.proposed_technician_id = ranked[0][0] if ranked else False
            request.technician_reason = ranked[0][1] if ranked else False

    def action_assign_proposed(self):
        """Assign the requests to their centers, and send the technicians proposed (E7).

        :raises UserError: nobody can be proposed; the message says for which trade
        """
        nobody = []
        for request in self:
            request.check_access("write")
            request.lock_for_update(allow_referencing=True)
            if request.state == "new":
                request.action_assign()
            technician = request.proposed_technician_id
            if technician:
                request.technician_id = technician
            else:
                nobody.append(request.name)
        if nobody:
            # all at once: whoever selected many takes these out and assigns the others
            raise UserError(
                self.env._(
                    "Nobody can be proposed for %s: its center has no technician who is "
                    "certified for the product.",
                    format_list(self.env, nobody),
                )
            )
        return True

    def _check_dispatched(self, vals):
        """Raise UserError if ``vals`` change by hand what the dispatch has settled."""
        if self.env.su:
            return
        for request in self:
            if request.state != "new" and request._get_changed_names(vals, {"date_assigned"}):
                raise UserError(self.env._("%s was dispatched already.", request.name))
            if request._get_changed_names(vals, {"date_visit_promised"}) and (
                request.date_visit_promised or request.appointment_id
            ):
                raise UserError(
                    self.env._(
                        "The visit of %s was promised to the customer: reschedule the appointment, "
                        "with the reason and the customer's consent (H6).",
                        request.name,
                    )
                )
            if request.appointment_id and "technician_id" in vals and not vals["technician_id"]:
                raise UserError(
                    self.env._(
                        "%s has an appointment: cancel it first, or choose another technician.",
                        request.name,
                    )
                )

    def _update_appointment(self):
        """Let the next appointments follow the technician."""
        # sudo: whoever may choose the technician chooses him for the appointment, too
        for request in self.sudo():
            appointment = request.appointment_id
            if appointment and appointment.technician_id != request.technician_id:
                appointment.technician_id = request.technician_id

    def _follow_appointment(self, appointment):
        """Take over time and technician of the request's open appointment."""
        self.ensure_one()
        vals = {
            "appointment_id": appointment.id,
            "date_visit_promised": appointment.date_start,
            "technician_id": appointment.technician_id.id,
        }
        changed = self._get_changed_names(vals, set(vals))
        if changed:
            self._write_protected({name: vals[name] for name in changed})

    def _call_off_visit(self):
        """Forget the visit that was called off with the customer; another can be promised."""
        self.ensure_one()
        self.deadline_ids.filtered(
            lambda d: d.rule_id.start_event_id.code == "visit_promised"
        )._cancel()
        self._write_protected({"appointment_id": False, "date_visit_promised": False})

    def _tell_customer(self, get_text):
        """Send the customer what ``get_text`` says of the request, in his language."""
        self.ensure_one()
        lang = self.partner_id.lang or self.company_id.partner_id.lang
        # sudo: whoever may change what was agreed may tell the customer
        self.sudo().message_post(
            body=get_text(self.sudo().with_context(lang=lang)),
            partner_ids=self.partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )

    def action_new_appointment(self):
        """Open a new appointment of the request (E7)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New appointment"),
            "res_model": "aftersales.appointment",
            "views": [(self.env.ref("aftersales_service.view_appointment_new_form").id, "form")],
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def action_view_appointments(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_appointment"
        )
        action.update(domain=[("request_id", "=", self.id)], context={})
        if len(self.appointment_ids) == 1:
            action.update(views=[(False, "form")], res_id=self.appointment_ids.id)
        else:
            action["views"] = sorted(action["views"], key=lambda view: view[1] != "list")
        return action
