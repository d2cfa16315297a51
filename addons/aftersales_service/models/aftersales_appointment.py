from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

OPEN = ("planned", "confirmed")
AGREED_BY = [
    ("phone", "By phone"),
    ("visit", "In person"),
    ("email", "By e-mail"),
    ("message", "By message"),
]


class AftersalesAppointment(models.Model):
    """A visit that a technician is to make at a customer's, and what became of it (E7, H6)."""

    _name = "aftersales.appointment"
    _description = "Appointment"
    _regulations = ("E7", "H2", "H5", "H6", "H11")
    _inherit = ["aftersales.retention.mixin", "aftersales.technician.mixin"]
    _order = "date_start desc, id desc"
    _rec_names_search = ["request_id", "partner_id", "technician_id"]
    _check_company_auto = True

    request_id = fields.Many2one(
        "aftersales.request",
        "Request",
        required=True,
        ondelete="cascade",
        index=True,
        check_company=True,
        domain=[("state", "in", ("assigned", "in_progress"))],
    )
    company_id = fields.Many2one(related="request_id.company_id", store=True)
    technician_id = fields.Many2one(
        "res.users",
        "Technician",
        compute="_compute_technician_id",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        index=True,
        domain="[('id', 'in', technician_ids)]",
    )
    technician_ids = fields.Many2many(related="request_id.technician_ids")
    technician_reason = fields.Char(related="request_id.technician_reason")
    date_start = fields.Datetime("From", required=True)
    date_end = fields.Datetime(
        "Until",
        compute="_compute_date_end",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        help="The technician has no other appointment until then.",
    )
    state = fields.Selection(
        [
            ("planned", "Planned"),
            ("confirmed", "Agreed"),
            ("kept", "Kept"),
            ("rescheduled", "Rescheduled"),
            ("cancelled", "Cancelled"),
            ("no_show", "Customer absent"),
        ],
        "Status",
        default="planned",
        required=True,
        readonly=True,
        copy=False,
        index=True,
    )
    agreed_with = fields.Char(
        "Agreed with",
        copy=False,
        help="Who agreed to this time for the customer; his name, or his post.",
    )
    agreed_by = fields.Selection(AGREED_BY, "How", copy=False)
    agreed_on = fields.Datetime("Agreed on", copy=False)
    reason = fields.Text(
        "Why it was changed",
        readonly=True,
        copy=False,
        help="Why the visit was rescheduled or cancelled, or what was found.",
    )
    date_closed = fields.Datetime(
        "Closed on",
        readonly=True,
        copy=False,
        help="When it was rescheduled or cancelled, or nobody was met.",
    )
    previous_id = fields.Many2one(
        "aftersales.appointment", "In place of", readonly=True, copy=False, index="btree_not_null"
    )
    next_id = fields.Many2one("aftersales.appointment", "Rescheduled to", readonly=True, copy=False)
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The visit by which the appointment was kept.",
    )
    partner_id = fields.Many2one(related="request_id.partner_id", store=True, index=True)
    center_id = fields.Many2one(
        related="request_id.center_id", string="Service center", store=True, index="btree_not_null"
    )
    region_id = fields.Many2one(related="request_id.region_id", store=True)
    product_id = fields.Many2one(related="request_id.product_id")
    serial_number = fields.Char(related="request_id.card_id.serial_number")
    phone = fields.Char(related="request_id.phone")
    address = fields.Char(related="request_id.partner_address")
    description = fields.Text(related="request_id.description")
    urgency = fields.Selection(related="request_id.urgency")
    distance = fields.Float(related="request_id.distance", aggregator=None)

    _date_order = models.Constraint(
        "CHECK(date_end > date_start)", "An appointment has to end after it begins."
    )
    # one range per technician, so that no extension is needed to compare the two
    _one_at_a_time = models.Constraint(
        "EXCLUDE USING gist (int4range(technician_id, technician_id, '[]') WITH &&, "
        "tsrange(date_start, date_end) WITH &&) WHERE (state IN ('planned', 'confirmed'))",
        "The technician has another appointment at this time. Choose another time, or another "
        "technician.",
    )
    _current_uniq = models.UniqueIndex(
        "(request_id) WHERE state IN ('planned', 'confirmed')",
        "An appointment is set for this request already: reschedule it.",
    )

    @api.depends("request_id")
    def _compute_technician_id(self):
        for appointment in self:
            request = appointment.request_id
            appointment.technician_id = (
                appointment.technician_id or request.technician_id or request.proposed_technician_id
            )

    @api.depends("date_start")
    def _compute_date_end(self):
        for appointment in self:
            company = appointment.company_id or self.env.company
            appointment.date_end = appointment.date_start and appointment.date_start + timedelta(
                hours=company.aftersales_visit_hours
            )

    @api.depends("partner_id", "request_id.name")
    def _compute_display_name(self):
        for appointment in self:
            # sudo: which visit it is; whoever sees the appointment sees its request's number
            request = appointment.sudo().request_id
            appointment.display_name = " – ".join(
                filter(None, [request.partner_id.name, request.name])
            )

    # --- checks ----------------------------------------------------------------------------

    def _get_trade_day(self):
        return self.company_id._aftersales_local(self.date_start).date()

    def _is_dispatch_open(self):
        return self.state in OPEN

    @api.constrains("date_start", "request_id")
    def _check_date_start(self):
        for appointment in self:
            # sudo: a technician need not see the request of a former visit
            if appointment.date_start < appointment.sudo().request_id.request_date:
                raise ValidationError(
                    self.env._("The appointment can't lie before the request was received.")
                )

    @api.constrains("agreed_on")
    def _check_agreed_on(self):
        now = fields.Datetime.now()
        if any(appointment.agreed_on and appointment.agreed_on > now for appointment in self):
            raise ValidationError(self.env._("Nobody can have agreed in the future."))

    def _check_not_past(self):
        """Raise UserError if an appointment was made for a day that is over."""
        now = fields.Datetime.now()
        for appointment in self:
            company = appointment.company_id
            today = company._aftersales_local(now).date()
            if company._aftersales_local(appointment.date_start).date() < today:
                raise UserError(
                    self.env._("The appointment lies in the past: check the day and the year.")
                )

    def _format(self, moment):
        """Return ``moment`` as the company's clock shows it."""
        # sudo: whose clock it is
        return self.sudo().company_id._aftersales_format(moment)

    # --- changes ---------------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        appointments = super().create(vals_list)
        if not self.env.su:
            # rules let through an appointment of one's own on a request that one can't touch
            appointments.request_id.check_access("write")
        for request in appointments.request_id.sudo():
            if request.state not in ("assigned", "in_progress"):
                raise UserError(
                    self.env._(
                        "%s is not assigned to a service center, or is closed: no appointment can "
                        "be made for it.",
                        request.name,
                    )
                )
        # not a constraint: it would tell of a request that the user may not see
        appointments._check_technician()
        appointments._check_not_past()
        agreed = appointments.filtered(lambda a: a.state == "planned" and a._is_agreed())
        agreed._confirm()
        appointments._set_current()
        return appointments

    def write(self, vals):
        if not self.env.su:
            self._check_changeable(vals)
        result = super().write(vals)
        if {"date_start", "technician_id"} & vals.keys():
            self._check_technician()
            self._sync_request()
        return result

    def _check_changeable(self, vals):
        """Raise UserError if ``vals`` change what was agreed, or what is history."""
        for appointment in self:
            changed = appointment._get_changed_names(vals, self._get_agreed_fields())
            if not changed:
                continue
            if appointment.state not in OPEN or "request_id" in changed:
                raise UserError(
                    self.env._(
                        "The appointment of %s is history and can't be changed. Make another one.",
                        appointment.display_name,
                    )
                )
            if appointment.state == "confirmed" and changed - {"technician_id"}:
                raise UserError(
                    self.env._(
                        "The time was agreed with the customer: press “Reschedule” and note the "
                        "reason and the customer's consent (H6)."
                    )
                )

    @api.model
    def _get_agreed_fields(self):
        """Return the names of the fields that make out what was agreed."""
        return {
            "request_id",
            "technician_id",
            "date_start",
            "date_end",
            "agreed_with",
            "agreed_by",
            "agreed_on",
        }

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "reason",
            "date_closed",
            "previous_id",
            "next_id",
            "record_id",
            # what follows from the request
            "company_id",
            "partner_id",
            "center_id",
            "region_id",
        }

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_no_show"}

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "date_end", "request_id.retain_until"]

    def _get_retention_start(self):
        return self._get_local_day(self.date_end)

    def _get_retained_with(self):
        return self.request_id

    # --- the request follows ---------------------------------------------------------------

    def _set_current(self):
        """Let the requests follow these new appointments, and tell the customers (H6)."""
        self._sync_request()
        for appointment in self.filtered(lambda a: not a.previous_id):
            appointment._tell_customer(
                lambda a: a.env._(
                    "Our technician %(technician)s comes on %(start)s.",
                    technician=a.technician_id.name,
                    start=a._format(a.date_start),
                )
            )

    def _sync_request(self):
        # sudo: the request follows its appointment, whoever is allowed to make one
        for appointment in self.sudo().filtered(lambda a: a.state in OPEN):
            appointment.request_id._follow_appointment(appointment)

    def _tell_customer(self, get_text):
        """Send the customer what ``get_text`` says of the appointment, in his language."""
        self.ensure_one()
        # sudo: whoever changes an appointment may tell the customer
        self.sudo().request_id._tell_customer(
            lambda request: get_text(self.sudo().with_env(request.env))
        )

    # --- actions ---------------------------------------------------------------------------

    def _check_open(self):
        """Raise unless the user may write the appointments and they are still to come."""
        for appointment in self:
            appointment.check_access("write")
            appointment.lock_for_update(allow_referencing=True)
            if appointment.state not in OPEN:
                raise UserError(
                    self.env._("The appointment of %s is closed.", appointment.display_name)
                )

    def action_confirm(self):
        """Note that the customer agreed to the time, with whom and how (E7, H6).

        :raises UserError: it isn't said who agreed and how
        """
        self._check_open()
        for appointment in self:
            if not appointment._is_agreed():
                raise UserError(
                    self.env._("Say first who agreed to the time for the customer, and how.")
                )
        self._confirm()
        return True

    def _is_agreed(self):
        """Tell whether it is noted who agreed to the time for the customer, and how."""
        self.ensure_one()
        return bool((self.agreed_with or "").strip() and self.agreed_by)

    def _confirm(self):
        for appointment in self:
            appointment._write_protected(
                {
                    "state": "confirmed",
                    "agreed_on": appointment.agreed_on or fields.Datetime.now(),
                }
            )

    def action_reschedule(
        self, date_start, reason, agreed_with, agreed_by, agreed_on=None, technician_id=None
    ):
        """Move the visit to another time to which the customer agreed; return the new one (H6).

        The old appointment stays as history; the customer is told. It lasts as long as before.

        :param datetime date_start: the new time, naive UTC
        :param str reason: why
        :param str agreed_with: who consented for the customer
        :param str agreed_by: how: phone, visit, email, message
        :param datetime agreed_on: when, naive UTC; default now
        :param int technician_id: another technician; default the same
        :raises UserError: closed, or without reason or consent
        """
        self.ensure_one()
        self._check_open()
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the appointment is rescheduled."))
        if not (agreed_with or "").strip() or agreed_by not in dict(AGREED_BY):
            raise UserError(
                self.env._(
                    "An appointment is changed with the customer's consent only: say who gave it, "
                    "and how (H6)."
                )
            )
        date_start = fields.Datetime.to_datetime(date_start)
        if not date_start or date_start == self.date_start:
            raise UserError(self.env._("Enter the new time."))
        self._write_protected(
            {
                "state": "rescheduled",
                "reason": reason.strip(),
                "date_closed": fields.Datetime.now(),
            }
        )
        # the database allows one open appointment per request
        self.flush_recordset(["state"])
        # sudo: state and predecessor are closed to direct changes; the right was checked above
        new = self.sudo().create(
            self._prepare_rescheduled_vals(date_start, agreed_with, agreed_by, agreed_on)
            | ({"technician_id": technician_id} if technician_id else {})
        )
        self._write_protected({"next_id": new.id})
        new._tell_customer(
            lambda a: a.env._(
                "As agreed with %(who)s, our technician %(technician)s comes on %(start)s instead "
                "of %(old)s.",
                who=a.agreed_with,
                technician=a.technician_id.name,
                start=a._format(a.date_start),
                old=a._format(a.previous_id.date_start),
            )
        )
        self.sudo().request_id._message_log(
            body=self.env._("Appointment rescheduled: %s", reason.strip())
        )
        return self.browse(new.id)

    def _prepare_rescheduled_vals(self, date_start, agreed_with, agreed_by, agreed_on):
        self.ensure_one()
        return {
            "request_id": self.request_id.id,
            "technician_id": self.technician_id.id,
            "previous_id": self.id,
            "date_start": date_start,
            "date_end": date_start + (self.date_end - self.date_start),
            "state": "confirmed",
            "agreed_with": agreed_with.strip(),
            "agreed_by": agreed_by,
            "agreed_on": agreed_on or fields.Datetime.now(),
        }

    def action_open_reschedule(self):
        """Open the window that asks for the new time, the reason and the consent."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Reschedule the appointment"),
            "res_model": "aftersales.appointment.reschedule",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_appointment_id": self.id},
        }

    def action_cancel(self, reason=None):
        """Call the visit off, with a reason; the request stays and can get another appointment."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the appointment is cancelled."))
        self._check_open()
        self._close("cancelled", reason)
        for appointment in self:
            appointment._tell_customer(
                lambda a: a.env._("The visit of %s is called off.", a._format(a.date_start))
            )
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel appointment")
        )

    def action_no_show(self, reason=None):
        """Note that the technician came and met nobody; that counts as arrived (M3.1).

        :raises UserError: without a note, or before the time agreed
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Say what you found, and whom you tried to call."))
        self._check_open()
        now = fields.Datetime.now()
        for appointment in self:
            if now < appointment.date_start:
                raise UserError(
                    self.env._(
                        "The customer is expected at %s only.",
                        appointment._format(appointment.date_start),
                    )
                )
        # before the request lets go of the promise: it was kept
        # sudo: the technician's visit is noted on the request
        for request in self.sudo().request_id:
            request._note_visit(now)
        self._close("no_show", reason)
        return True

    def action_open_no_show(self):
        """Open the window that asks what was found."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_no_show", self.env._("Customer absent")
        )

    def _close(self, state, reason):
        """Close open appointments by ``state``; their requests can get another one."""
        self._write_protected(
            {"state": state, "reason": reason.strip(), "date_closed": fields.Datetime.now()}
        )
        self.flush_recordset(["state"])
        label = dict(self._fields["state"]._description_selection(self.env))[state]
        # sudo: the request follows its appointment
        for appointment in self.sudo():
            appointment.request_id._call_off_visit()
            appointment.request_id._message_log(
                body=self.env._(
                    "Appointment of %(start)s – %(state)s: %(reason)s",
                    start=appointment._format(appointment.date_start),
                    state=label,
                    reason=reason.strip(),
                )
            )

    def _keep(self, record):
        """Note that ``record`` is the visit by which the appointment was kept."""
        self._write_protected({"state": "kept", "record_id": record.id})
        self.flush_recordset(["state"])

    def _reopen(self):
        """Expect the technician again, because the record of his visit was cancelled."""
        # sudo: whoever cancels the record need not see the appointment
        for appointment in self.sudo().filtered(lambda a: a.state == "kept"):
            request = appointment.request_id
            if request.state in ("assigned", "in_progress") and not request.appointment_id:
                appointment.write(
                    {
                        "state": "confirmed" if appointment._is_agreed() else "planned",
                        "record_id": False,
                    }
                )
                appointment._sync_request()

    def _get_routes(self):
        """Return these visits by technician and day, each route in the order of the day."""
        routes = self.sorted("date_start").grouped(lambda a: (a.technician_id, a._get_trade_day()))
        return [
            {
                "technician": technician,
                "day": day,
                "appointments": appointments,
                "tz": appointments.company_id[:1]._aftersales_tz().zone,
            }
            for (technician, day), appointments in sorted(
                routes.items(), key=lambda item: (item[0][1], item[0][0].name)
            )
        ]

    def action_create_record(self):
        """Open the service record of the visit."""
        self.ensure_one()
        return self.request_id.action_create_record()
