from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools.misc import format_date


class AftersalesDispatchMixin(models.AbstractModel):
    """The part of a request that is about whom it sends, and when (E7, H2, H6, M3.1)."""

    _name = "aftersales.dispatch.mixin"
    _inherit = "aftersales.technician.mixin"
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

        Certified for the product's trades on the day; the center's own people first; the fewest
        visits on that day, then the fewest open requests. The number of queries doesn't grow with
        the requests.

        :return: dict from request to a list of (user, sentence), the best first
        """
        technicians = self._get_technicians()
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
                    key = (not user._get_aftersales_center(), *counts, user.id)
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
        for request in self:
            request.check_access("write")
            request.lock_for_update(allow_referencing=True)
            if request.state == "new":
                request.action_assign()
            technician = request.proposed_technician_id
            if not technician:
                raise UserError(
                    self.env._(
                        "Nobody can be proposed for %s: its center has no technician who is "
                        "certified for the product.",
                        request.name,
                    )
                )
            request.technician_id = technician
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

    def _tell_customer(self, text):
        """Send the customer a message about the request."""
        self.ensure_one()
        self.message_post(
            body=text, partner_ids=self.partner_id.ids, subtype_xmlid="mail.mt_comment"
        )

    def action_new_appointment(self):
        """Open a new appointment of the request (E7)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New appointment"),
            "res_model": "aftersales.appointment",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def action_view_appointments(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_appointment"
        )
        return {**action, "domain": [("request_id", "=", self.id)], "context": {}}
