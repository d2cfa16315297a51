from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, formatLang

RATINGS = [
    ("1", "Very unhappy"),
    ("2", "Unhappy"),
    ("3", "Fair"),
    ("4", "Happy"),
    ("5", "Very happy"),
]
SIGNER_ROLES = [
    ("customer", "Customer"),
    ("operator", "Operator of the machine"),
    ("employee", "Employee of the customer"),
    ("family", "Family of the customer"),
    ("other", "Other"),
]


class AftersalesServiceRecord(models.Model):
    """现场服务记录表: what was found and done on site, signed by the customer (M3.2–M3.4)."""

    _name = "aftersales.service.record"
    _description = "Service record"
    _regulations = ("M3.2", "M3.3", "M3.4", "E4", "E7", "H8", "H9", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "aftersales.dispute.mixin",
        "aftersales.technician.mixin",
        "aftersales.complaint.source.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.service.record"
    _dispute_field = "record_id"
    _complaint_link = "record_id"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [
            ("draft", "On site"),
            ("signed", "Signed"),
            ("done", "Valid"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    request_id = fields.Many2one(
        "aftersales.request", "Request", required=True, index=True, check_company=True
    )
    card_id = fields.Many2one(related="request_id.card_id", store=True, index="btree_not_null")
    partner_id = fields.Many2one(related="request_id.partner_id", store=True, index=True)
    product_id = fields.Many2one(related="request_id.product_id", store=True)
    serial_number = fields.Char(related="request_id.card_id.serial_number")
    phone = fields.Char(related="request_id.phone")
    center_id = fields.Many2one(
        related="request_id.center_id", string="Service center", store=True, index="btree_not_null"
    )
    region_id = fields.Many2one(related="request_id.region_id", store=True)
    technician_id = fields.Many2one(
        "res.users",
        "Technician",
        required=True,
        default=lambda self: self.env.user,
        tracking=True,
    )
    arrival = fields.Datetime("Arrived", copy=False, help="When the technician was at the machine.")
    departure = fields.Datetime(
        "Work finished", copy=False, help="When the machine was handed back to the customer."
    )
    work_hours = fields.Float(
        "Working time (h)",
        compute="_compute_work_hours",
        store=True,
        help="From the arrival to the end of the work.",
    )
    service_date = fields.Date(
        "Service date",
        compute="_compute_service_date",
        store=True,
        help="The day of arrival in the company's time zone; prices and settlement go by it.",
    )
    nameplate = fields.Char(
        "Number on the nameplate", help="As read from the machine itself (M3.2).", copy=False
    )
    nameplate_match = fields.Boolean(compute="_compute_nameplate_match")
    nameplate_reason = fields.Char(
        "Why the nameplate differs", help="Needed when the nameplate isn't the card's serial."
    )
    hour_meter = fields.Float("Hour meter (h)", copy=False)
    fault = fields.Text(help="What happened, and how.", copy=False)
    cause = fields.Text(
        "Cause of the fault", help="Why it happened. May not be left blank (M3.4).", copy=False
    )
    cause_id = fields.Many2one(
        "aftersales.fault.cause",
        "Kind of cause",
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
        help="By it, faults are counted, and one that comes again is noticed.",
    )
    responsibility = fields.Selection(
        [
            ("product", "Product quality"),
            ("customer", "Use or care by the customer"),
            ("service", "Earlier service"),
            ("other", "Other"),
        ],
        copy=False,
    )
    work_done = fields.Text("Work done", copy=False)
    check_ids = fields.One2many(
        "aftersales.service.record.check", "record_id", "Checklist", readonly=True, copy=False
    )
    machine_checked = fields.Boolean(
        "Whole machine checked",
        compute="_compute_machine_checked",
        store=True,
        readonly=False,
        copy=False,
        help="After the repair the whole machine was checked and hidden faults removed (M3.3). "
        "With a checklist, once it is answered to the end.",
    )
    is_fault_left = fields.Boolean(
        "Fault left",
        compute="_compute_is_fault_left",
        store=True,
        help="The check of the whole machine found a fault that was not removed (M3.3).",
    )
    explained = fields.Boolean(
        "Fault, use and care explained", copy=False, help="To the customer, on site (M3.3)."
    )
    advice = fields.Text(
        "Guidance given",
        copy=False,
        help="What the customer was told about use and care. Needed where the use was the cause "
        "(M3.2, H9).",
    )
    part_ids = fields.One2many(
        "aftersales.service.record.part", "record_id", "Parts replaced", copy=False
    )
    product_ids = fields.Many2many(
        "product.product", string="Kinds of parts replaced", compute="_compute_product_ids"
    )
    photo_ids = fields.One2many(
        "aftersales.service.record.photo", "record_id", "Photos", copy=False
    )
    before_photo_count = fields.Integer("Photo before the repair", compute="_compute_photo_counts")
    after_photo_count = fields.Integer("Photo after the repair", compute="_compute_photo_counts")
    repeat_of_id = fields.Many2one(
        "aftersales.service.record",
        "Repeats",
        compute="_compute_repeat",
        store=True,
        index="btree_not_null",
        help="The latest service of the same unit at which the same kind of part was fitted within "
        "the warranty of repairs (H8), or the same kind of cause was found shortly before.",
    )
    is_repeat = fields.Boolean(
        "Repeat fault",
        compute="_compute_repeat",
        store=True,
        help="The fault came again: what was repaired didn't last (H8).",
    )
    sale_order_count = fields.Integer(compute="_compute_sale_order_count")
    no_parts = fields.Boolean(
        "No parts replaced",
        copy=False,
        help="Tick it, so that no parts is a statement, not a gap.",
    )
    further_visit = fields.Boolean(
        "Further visit needed",
        copy=False,
        help="The request stays open for another appointment, because something is left to be "
        "done; a part has to come, for instance.",
    )
    further_visit_reason = fields.Text("Why another visit", copy=False)
    missing = fields.Text("Still missing", compute="_compute_missing")
    preflight = fields.Html("Before leaving", compute="_compute_preflight", sanitize=False)
    signed_by = fields.Char("Signed by", readonly=True, copy=False, tracking=True)
    signed_on = fields.Datetime("Signed on", readonly=True, copy=False)
    signature = fields.Image(readonly=True, copy=False, max_width=1024, max_height=1024)
    signer_role = fields.Selection(SIGNER_ROLES, "Signs as", readonly=True, copy=False)
    content_rating = fields.Selection(
        RATINGS, "Content of the service", readonly=True, copy=False, help="By the signer (H9)."
    )
    quality_rating = fields.Selection(
        RATINGS, "Quality of the work", readonly=True, copy=False, help="By the signer (H9)."
    )
    attitude_rating = fields.Selection(
        RATINGS, "Attitude of the technician", readonly=True, copy=False, help="By the signer (H9)."
    )
    signer_note = fields.Text("Remark of the customer", readonly=True, copy=False)
    signoff_rating = fields.Float(
        "Rating at sign-off",
        compute="_compute_signoff_rating",
        store=True,
        aggregator="avg",
        digits=(3, 2),
        help="The mean of content, quality and attitude, 1 to 5. 0: the customer gave none.",
    )
    was_signed = fields.Boolean(
        "Signed before",
        readonly=True,
        copy=False,
        help="The customer has signed once, even if it became void.",
    )
    signature_digest = fields.Char(
        "Signed content",
        readonly=True,
        copy=False,
        help="SHA-256 of what was signed. A later change of it voids the signature.",
    )
    is_signature_void = fields.Boolean(
        "Signature void",
        compute="_compute_is_signature_void",
        help="The record says something else than what the customer signed.",
    )
    # what the form said when it was signed; a form with more fields leaves old signatures valid
    signature_spec = fields.Json(readonly=True, copy=False)

    @api.depends("arrival", "company_id")
    def _compute_service_date(self):
        for record in self:
            record.service_date = (
                record.arrival and record.company_id._aftersales_local(record.arrival).date()
            )

    @api.depends("arrival", "departure")
    def _compute_work_hours(self):
        for record in self:
            spent = record.arrival and record.departure and record.departure - record.arrival
            record.work_hours = spent.total_seconds() / 3600 if spent else 0

    @api.depends(lambda self: self._get_rating_fields())
    def _compute_signoff_rating(self):
        for record in self:
            ratings = [int(record[name]) for name in self._get_rating_fields() if record[name]]
            record.signoff_rating = sum(ratings) / len(ratings) if ratings else 0

    @api.depends("part_ids.product_id")
    def _compute_product_ids(self):
        for record in self:
            record.product_ids = record.part_ids.product_id

    @api.depends("photo_ids.kind")
    def _compute_photo_counts(self):
        for record in self:
            kinds = record.photo_ids.mapped("kind")
            record.before_photo_count = kinds.count("1_before")
            record.after_photo_count = kinds.count("2_after")

    @api.depends("nameplate", "serial_number")
    def _compute_nameplate_match(self):
        for record in self:
            # without a card there is no number that it could differ from
            record.nameplate_match = bool(record.nameplate) and (
                record.serial_number in (False, record.nameplate.strip())
            )

    @api.depends("check_ids.result")
    def _compute_machine_checked(self):
        for record in self:
            if record.check_ids:
                record.machine_checked = all(check.result for check in record.check_ids)

    @api.depends("check_ids.result")
    def _compute_is_fault_left(self):
        for record in self:
            record.is_fault_left = "left" in record.check_ids.mapped("result")

    @api.depends(lambda self: self._get_missing_depends())
    @api.depends_context("lang")
    def _compute_missing(self):
        for record in self:
            record.missing = "\n".join(record._get_missing()) or False

    @api.depends("state", "signature_digest")
    def _compute_is_signature_void(self):
        for record in self:
            record.is_signature_void = (
                record.state == "signed" and not record._origin._is_signature_valid()
            )

    @api.constrains("arrival", "request_id")
    def _check_arrival(self):
        for record in self:
            if not record.arrival:
                continue
            if record.arrival > fields.Datetime.now():
                raise ValidationError(self.env._("The arrival can't lie in the future."))
            if record.arrival < record.request_id.request_date:
                raise ValidationError(
                    self.env._("Nobody arrived before the request was received: check the time.")
                )
            # sudo: a colleague may write the record without seeing the request
            dispatched = record.request_id.sudo().date_assigned
            if dispatched and record.arrival < dispatched:
                raise ValidationError(
                    self.env._(
                        "Nobody arrived before the request was dispatched on %s: check the time.",
                        record.company_id._aftersales_format(dispatched),
                    )
                )

    @api.constrains("arrival", "departure")
    def _check_departure(self):
        for record in self.filtered("departure"):
            if record.departure > fields.Datetime.now():
                raise ValidationError(self.env._("The work can't be finished in the future."))
            if record.arrival and record.departure < record.arrival:
                raise ValidationError(
                    self.env._("The work is finished after the arrival: check the two times.")
                )

    @api.constrains("hour_meter", "arrival", "request_id")
    def _check_hour_meter(self):
        for record in self:
            if record.hour_meter < 0:
                raise ValidationError(self.env._("An hour meter can't show less than nothing."))
            # sudo: readings of other visits count, even those that this user doesn't see
            card = record.sudo().card_id
            if card and record.hour_meter and record.service_date:
                others = card.reading_ids.filtered(lambda r, own=record: r.record_id != own)
                hours = card._get_operating_hours(record.hour_meter, record.service_date)
                card._check_hours(record.service_date, hours, others)

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        if not self.env.su:
            # rules let through a record of one's own on a request that one can't touch
            records.request_id.check_access("write")
        records._check_request_open()
        records._set_up_checks()
        # not a constraint: it would tell of a request that the user may not see
        records._check_technician()
        records._note_arrival()
        return records

    def write(self, vals):
        if vals.keys() & {*self._get_signed_lines()}:
            # before the lines share the lock: of two forms saved at once, one waits
            self._lock_content()
        self._check_not_final(vals)
        if self._get_changed_names(vals, {"request_id"}):
            raise UserError(
                self.env._("A record stays with its request. Cancel it and start another one.")
            )
        result = super().write(vals)
        if {"technician_id", "arrival"} & vals.keys():
            self._check_technician()
        if "arrival" in vals:
            self._note_arrival()
        self._void_changed_signature()
        return result

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "state",
            "was_signed",
            "service_date",
            "card_id.date_end",
            "company_id.aftersales_repair_warranty_days",
        ]

    def _get_retention_start(self):
        if self.state == "draft" and not self.was_signed:
            return False
        day = self.service_date or self._get_local_day(self.create_date)
        # the parts fitted have a warranty of their own (H8)
        repaired = day + timedelta(days=self.company_id.aftersales_repair_warranty_days)
        return max(filter(None, (self.card_id.date_end, repaired)))

    def _check_request_open(self):
        """Raise UserError if the request isn't assigned, or is closed: a visit is claimed once."""
        for record in self:
            # sudo: a colleague may write the record without seeing the request
            request = record.request_id.sudo()
            if request.state not in ("assigned", "in_progress"):
                raise UserError(
                    self.env._(
                        "The request %s is not assigned to a service center, or is closed already: "
                        "no record can be written on it.",
                        request.name,
                    )
                )

    # --- who is sent (H2) ------------------------------------------------------------------

    def _is_dispatch_open(self):
        return self.state in ("draft", "signed")

    def _get_trade_day(self):
        return self.service_date or self._get_local_day(fields.Datetime.now())

    # --- deadlines (E8) --------------------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.technician_id

    def _get_deadline_fields(self):
        return {"technician_id"}

    def _note_arrival(self):
        for record in self.filtered("arrival"):
            record._deadline_event("arrived", record.arrival)
        # sudo: the technician's arrival is noted on the request, which he need not see
        self.filtered("arrival").request_id.sudo()._start_visit()

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "signed_by",
            "signed_on",
            "signature",
            "signature_digest",
            "signature_spec",
            "signer_role",
            "signer_note",
            *self._get_rating_fields(),
            "was_signed",
            "check_ids",
            # what follows from the request, and what settlement goes by
            "card_id",
            "center_id",
            "partner_id",
            "product_id",
            "region_id",
            "service_date",
        }

    def _lock_content(self, share=False):
        """Lock the records until the end of the transaction, so that nobody signs or closes them.

        Waits for others, as writing does, and fails if they changed a record, so that the server
        tries again with what is there then.

        :param bool share: others may lock them so, too
        """
        if ids := self.ids:
            query = SQL(
                "SELECT id FROM %s WHERE id IN %s ORDER BY id %s",
                SQL.identifier(self._table),
                tuple(ids),
                SQL("FOR SHARE") if share else SQL("FOR NO KEY UPDATE"),
            )
            self.env.execute_query(query)

    def _check_not_final(self, vals):
        for record in self:
            if record.state not in ("done", "cancelled"):
                continue
            if record._get_signature_spec().keys() & vals.keys():
                raise UserError(
                    self.env._("%s is closed and can't be changed any more.", record.name)
                )

    # --- completeness (M3.4) ---------------------------------------------------------------

    @api.model
    def _get_requirable_fields(self):
        """Return the fields that a requirement may name: what is entered or found on site.

        The company's own fields are among them.
        """
        own = {name for name, field in self._fields.items() if field.manual}
        asked_anyway = {"nameplate_reason", "no_parts"}
        photos = {"before_photo_count", "after_photo_count"}
        entered = {*self._get_entered_fields(), *self._get_signed_lines()}
        return (entered | photos | own) - asked_anyway

    @api.model
    def _get_missing_depends(self):
        """Return the fields whose change in the form shows at once in what is missing."""
        return [
            *self._get_entered_fields(),
            "nameplate_match",
            "part_ids.disposition",
            "part_ids.scrap_photo",
            "part_ids.quantity",
            "part_ids.serial_fitted",
            "part_ids.serial_removed",
            "part_ids.serial_reason",
            "check_ids.result",
            "check_ids.note",
            "photo_ids.kind",
            *self._get_consent_depends(),
        ]

    @api.model
    def _get_entered_fields(self):
        """Return the fields of the form that are filled in on site."""
        return [
            "arrival",
            "departure",
            "nameplate",
            "nameplate_reason",
            "hour_meter",
            "fault",
            "cause",
            "cause_id",
            "responsibility",
            "work_done",
            "machine_checked",
            "explained",
            "advice",
            "no_parts",
            "further_visit",
            "further_visit_reason",
        ]

    def _get_missing(self):
        """Return what is missing for a complete record, each as words for the user (M3.4).

        What may not be left blank is data, see `aftersales.record.requirement`. Other addons and
        parts of the system add what they ask for by overriding this method.
        """
        self.ensure_one()
        requirements = self.env["aftersales.record.requirement"]
        # sudo: a condition may look at what this user doesn't see; only what to do is told
        missing = requirements._get_requirements(self.company_id)._get_missing(self.sudo())
        reason = (self.nameplate_reason or "").strip()
        if self.nameplate and not self.nameplate_match and not reason:
            missing.append(self._fields["nameplate_reason"]._description_string(self.env))
        if not self.part_ids and not self.no_parts:
            missing.append(self.env._("Parts replaced, or the statement that there were none"))
        if self.part_ids and self.no_parts:
            missing.append(self.env._("“No parts replaced” is ticked, but parts are listed"))
        for line in (*self.part_ids, *self.check_ids, *self.photo_ids):
            missing += line._get_missing()
        missing += self._get_missing_consents()
        return missing

    def _check_complete(self):
        for record in self:
            missing = record._get_missing()
            if missing:
                raise UserError(
                    self.env._(
                        "The record %(record)s is not complete (M3.4). Missing:\n%(missing)s",
                        record=record.name,
                        missing="\n".join(f"• {label}" for label in missing),
                    )
                )

    # --- on the way to the signature -------------------------------------------------------

    def action_arrive(self):
        """Note that the technician is at the machine now."""
        self._note_moment("arrival")
        return True

    def action_finish(self):
        """Note that the work is finished now."""
        self._note_moment("departure")
        return True

    def _note_moment(self, name):
        for record in self:
            record.check_access("write")
            if record[name]:
                raise UserError(
                    self.env._(
                        "%(record)s: “%(field)s” is noted already. Correct the time on the form, "
                        "if it is wrong.",
                        record=record.name,
                        field=self._fields[name]._description_string(self.env),
                    )
                )
            record[name] = fields.Datetime.now()

    @api.depends(lambda self: [*self._get_missing_depends(), "part_ids.product_id"])
    @api.depends_context("lang", "uid")
    def _compute_preflight(self):
        icons = {
            "pass": "fa-check-circle text-success",
            "note": "fa-exclamation-circle text-warning",
            "fail": "fa-times-circle text-danger",
        }
        line = Markup('<li class="mb-1"><i class="fa %s me-2" title="%s"></i>%s</li>')
        words = {
            "pass": self.env._("In order"),
            "note": self.env._("Mind this"),
            "fail": self.env._("Not in order"),
        }
        for record in self:
            items = [
                line % (icons[result], words[result], text)
                for result, text in record._get_preflight()
            ]
            record.preflight = Markup('<ul class="list-unstyled mb-0">%s</ul>') % Markup().join(
                items
            )

    def _get_preflight(self):
        """Return how the record stands before the technician leaves, rule by rule.

        :return: pairs of pass, note or fail, and a sentence for the technician
        """
        self.ensure_one()
        missing = self._get_missing()
        items = [
            ("fail", self.env._("Incomplete: %s missing (M3.4)", len(missing)))
            if missing
            else ("pass", self.env._("Complete (M3.4)"))
        ]
        if self.nameplate_match and self.serial_number:
            items.append(("pass", self.env._("The nameplate is that of the card (M3.2)")))
        elif self.nameplate and self.serial_number:
            items.append(("note", self.env._("The nameplate isn't that of the card (M3.2)")))
        if self.check_ids:
            answered = len(self.check_ids.filtered("result"))
            left = len(self.check_ids.filtered(lambda check: check.result == "left"))
            text = self.env._(
                "Machine checked: %(answered)s of %(count)s (M3.3)",
                answered=answered,
                count=len(self.check_ids),
            )
            items.append(("pass" if answered == len(self.check_ids) else "fail", text))
            if left:
                items.append(("note", self.env._("Faults left: %s", left)))
        for verdict, parts in self.part_ids.grouped("verdict").items():
            names = ", ".join(parts.product_id.mapped("display_name"))
            if verdict in ("covered", "exchange"):
                items.append(("pass", self.env._("Under warranty: %s", names)))
            elif verdict:
                items.append(("note", self.env._("The customer pays: %s (E6)", names)))
        if self.photo_ids:
            items.append(
                (
                    "pass" if self.before_photo_count and self.after_photo_count else "note",
                    self.env._(
                        "Photos: %(before)s before, %(after)s after the repair",
                        before=self.before_photo_count,
                        after=self.after_photo_count,
                    ),
                )
            )
        if self.is_repeat:
            # sudo: only the number of the earlier record is told
            earlier = self.sudo().repeat_of_id.name
            items.append(("note", self.env._("Repeat fault: see %s (H8)", earlier)))
        return items

    # --- repeat faults (H8, E4) --------------------------------------------------------------

    @api.depends("card_id", "arrival", "cause_id", "part_ids.product_id", "state")
    def _compute_repeat(self):
        # sudo: the earlier service may have been another center's; only its number is told
        records = self.sudo().filtered(lambda r: r.card_id and r.arrival and r.state != "cancelled")
        earlier = records.search(
            [("card_id", "in", records.card_id.ids), ("state", "=", "done")], order="arrival desc"
        ).grouped("card_id")
        for record in self:
            own = record.sudo()
            record.repeat_of_id = own in records and next(
                (other for other in earlier.get(own.card_id, ()) if own._is_repeat_of(other)),
                False,
            )
            record.is_repeat = bool(record.repeat_of_id)

    def _is_repeat_of(self, earlier):
        """Tell whether the fault of this record repeats that of the valid record ``earlier``."""
        if earlier == self._origin or earlier.arrival >= self.arrival:
            return False
        days = (self.service_date - earlier.service_date).days
        company = self.company_id
        same_part = self.part_ids.product_id.categ_id & earlier.part_ids.product_id.categ_id
        return bool(
            (same_part and days <= company.aftersales_repair_warranty_days)
            or (
                self.cause_id
                and self.cause_id == earlier.cause_id
                and days <= company.aftersales_repeat_fault_days
            )
        )

    def _notice_repeats(self):
        """Look again at the other records of the units, now that these are valid."""
        # sudo: records that this user doesn't see repeat the fault as well
        others = self.sudo().card_id.record_ids - self
        self.env.add_to_compute(self._fields["repeat_of_id"], others)
        self.env.add_to_compute(self._fields["is_repeat"], others)

    def action_request_further(self):
        """Open a new request for the faults that were left (M3.3)."""
        self.ensure_one()
        left = self.check_ids.filtered(lambda check: check.result == "left")
        if not left:
            raise UserError(self.env._("No fault was left on %s.", self.name))
        found = "\n".join(f"{check.name}: {check.note}" for check in left)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New request"),
            "res_model": "aftersales.request",
            "views": [(False, "form")],
            "context": {
                "default_card_id": self.card_id.id,
                "default_partner_id": self.partner_id.id,
                "default_product_id": self.product_id.id,
                "default_description": self.env._(
                    "Left after %(record)s:\n%(found)s", record=self.name, found=found
                ),
            },
        }

    # --- check of the whole machine (M3.3) -------------------------------------------------

    def _set_up_checks(self):
        """Put the checklist of the product on the records, in place of an unanswered one."""
        checklists = self.env["aftersales.checklist"]
        # sudo: the questions come from the checklist; nobody may add or take away one by hand
        records = self.sudo().filtered(
            lambda r: r.state == "draft" and not any(r.check_ids.mapped("result"))
        )
        records.check_ids.unlink()
        vals_list = []
        for company, of_company in records.grouped("company_id").items():
            by_product = checklists._get_checklists(of_company.product_id, company)
            vals_list += [
                {**item._prepare_check_vals(), "record_id": record.id}
                for record in of_company
                for item in by_product[record.product_id].item_ids
            ]
        records.check_ids.create(vals_list)

    # --- signature -------------------------------------------------------------------------

    @api.model
    def _get_signed_content(self):
        """Return what the customer signs for, as a spec for `_get_content`."""
        names = [
            *self._get_entered_fields(),
            "request_id",
            "card_id",
            "center_id",
            "partner_id",
            "product_id",
            "technician_id",
        ]
        return {
            **dict.fromkeys(names),
            **{
                name: dict.fromkeys(self.env[self._fields[name].comodel_name]._get_signed_fields())
                for name in self._get_signed_lines()
            },
        }

    @api.model
    def _get_signed_lines(self):
        """Return the fields of the lines that are part of what the customer signs."""
        return ["part_ids", "check_ids", "photo_ids"]

    @api.model
    def _get_rating_fields(self):
        """Return what the customer rates when signing (H9)."""
        return ["content_rating", "quality_rating", "attitude_rating"]

    @api.model
    def _get_sign_off_fields(self):
        """Return what the signature itself consists of: it is part of what can't be changed."""
        return [
            "signed_by",
            "signer_role",
            "signed_on",
            "signature",
            *self._get_rating_fields(),
            "signer_note",
        ]

    def _get_signature_spec(self):
        """Return what the digest is made of: the form, what only a requirement brings in, the
        signature itself.
        """
        self.ensure_one()
        requirements = self.env["aftersales.record.requirement"]._get_requirements(self.company_id)
        names = {
            name
            for name in requirements.mapped("field_name")
            if name in self._fields and self._fields[name].store
        }
        names.update(self._get_sign_off_fields())
        return {**dict.fromkeys(names), **self._get_signed_content()}

    def _is_signature_valid(self):
        """Tell whether the customer signed exactly what the record says now."""
        self.ensure_one()
        spec = self.signature_spec or {}
        return (
            bool(self.signature)
            and spec.keys() <= self._fields.keys()
            and self.signature_digest == self._get_content_digest(spec)
            and not self._has_content_beyond(spec)
        )

    def _has_content_beyond(self, spec):
        """Tell whether the record says anything in fields that the form of ``spec`` hadn't yet."""
        # sudo: a line that this user may not read counts all the same
        record = self.sudo()
        is_blank = self.env["aftersales.record.requirement"]._is_blank
        for name, line_spec in self._get_signed_content().items():
            if name not in spec:
                if not is_blank(record[name]):
                    return True
            elif line_spec:
                added = line_spec.keys() - spec[name].keys()
                if any(not is_blank(line[key]) for line in record[name] for key in added):
                    return True
        return False

    def action_sign(self, signed_by, signature, **sign_off):
        """Take the customer's signature under the complete record (M3.4, H9).

        :param str signed_by: name of the person who signs
        :param signature: image, base64
        :param sign_off: what else the customer says: ``signer_role``, the three ratings
            ``content_rating``, ``quality_rating`` and ``attitude_rating`` (all or none, '1' very
            unhappy to '5' very happy) and ``signer_note``
        :raises UserError: something is missing, it was signed already, or is just being signed
        """
        sign_off = self._prepare_sign_off(signed_by, signature, sign_off)
        for record in self:
            record.check_access("write")
            record._lock_for_action()
            if record.state == "done" or (record.state == "signed" and not record._void_outdated()):
                raise UserError(self.env._("%s has already been signed.", record.name))
            # sudo: a colleague may sign without seeing the request
            if "cancelled" in (record.state, record.request_id.sudo().state):
                raise UserError(
                    self.env._("%s can't be signed: it, or its request, is cancelled.", record.name)
                )
            # sudo: as above; so that no consent is withdrawn meanwhile
            record.request_id.sudo()._lock_for_action()
            record._check_complete()
            spec = record._get_signature_spec()
            record._write_protected({**sign_off, "signed_on": fields.Datetime.now()})
            record._write_protected(
                {
                    "state": "signed",
                    "was_signed": True,
                    "signature_digest": record._get_content_digest(spec),
                    "signature_spec": spec,
                }
            )
        return True

    @api.model
    def _prepare_sign_off(self, signed_by, signature, sign_off):
        """Return the values of a signature, after checking them; see `action_sign`."""
        if not isinstance(signed_by, str) or not signed_by.strip() or not signature:
            raise UserError(self.env._("The customer's name and signature are needed."))
        known = {"signer_role", "signer_note", *self._get_rating_fields()}
        if unknown := sign_off.keys() - known:
            raise UserError(self.env._("A signature has no “%s”.", sorted(unknown)[0]))
        ratings = [sign_off.get(name) for name in self._get_rating_fields()]
        if any(ratings) and not all(ratings):
            raise UserError(
                self.env._("Let the customer rate content, quality and attitude, or none (H9).")
            )
        return {
            **dict.fromkeys(known, False),
            **sign_off,
            "signed_by": signed_by.strip(),
            "signature": signature,
        }

    def action_open_sign(self):
        """Open the signing window; says first what is still missing."""
        self.ensure_one()
        self._check_complete()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Customer's signature"),
            "res_model": "aftersales.sign",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_record_id": self.id},
        }

    def _void_changed_signature(self):
        """Void the signature of records that no longer say what was signed."""
        for record in self:
            if record.state != "signed" or record._is_signature_valid():
                continue
            record._void_signature(
                self.env._(
                    "%(user)s changed the record after %(signer)s had signed it: the signature is "
                    "void and the customer has to sign again.",
                    user=self.env.user.name,
                    signer=record.signed_by,
                )
            )

    def _void_outdated(self):
        """Void the signature of a record that was changed past its form; tell whether it was."""
        self.ensure_one()
        if self._is_signature_valid():
            return False
        self._void_signature(self._get_outdated_message())
        return True

    def _get_outdated_message(self):
        """Return the sentence that the signature is void, whoever changed the record."""
        self.ensure_one()
        return self.env._(
            "%(record)s says something else than what %(signer)s signed on %(moment)s: the "
            "signature is void.",
            record=self.name,
            signer=self.signed_by,
            moment=self.company_id._aftersales_format(self.signed_on),
        )

    def _void_signature(self, body):
        """Take the signature off the record, and note ``body`` about it in the history."""
        self._write_protected(
            {
                "state": "draft",
                **dict.fromkeys(self._get_sign_off_fields(), False),
                "signature_digest": False,
                "signature_spec": False,
            }
        )
        self.message_post(body=body)

    # --- actions ---------------------------------------------------------------------------

    def action_done(self):
        """Make the record valid: complete and signed, or not at all (M3.4)."""
        for record in self:
            record.check_access("write")
            record._lock_for_action()
            if record.state == "done":
                raise UserError(self.env._("%s is already valid.", record.name))
            record._check_request_open()
            if record.state == "signed" and record._is_signature_valid():
                # it was complete when it was signed, by what was required then
                continue
            record._check_complete()
            if record.state == "signed":
                raise UserError(
                    self.env._(
                        "%(reason)s Press “Sign” and let the customer sign again.",
                        reason=record._get_outdated_message(),
                    )
                )
            raise UserError(
                self.env._(
                    "%s is not signed by the customer: without a signature the service is not "
                    "valid (M3.4). Press “Sign” and let the customer sign.",
                    record.name,
                )
            )
        self._write_protected({"state": "done"})
        self._deadline_event("done")
        for record in self:
            record._on_done()
        return True

    def _on_done(self):
        """Do what follows from a valid record."""
        # sudo: the technician closes the record; that the request is thereby answered needs no
        # right on requests.
        for record in self:
            if record.further_visit:
                record.request_id.sudo()._await_visit(record)
            else:
                record.request_id.sudo()._finish(fields.Datetime.now())
        self._note_hours()
        self._notice_repeats()
        self._plan_callbacks()

    # --- callbacks (E8) --------------------------------------------------------------------

    def _plan_callbacks(self):
        """Plan the call to the customer on the day after the service (E8)."""
        # sudo: the technician closes the record, and neither plans nor sees the call on it
        callbacks = self.env["aftersales.callback"].sudo()
        callbacks.create([record._prepare_callback_vals() for record in self])

    def _prepare_callback_vals(self):
        self.ensure_one()
        callbacks = self.env["aftersales.callback"]
        return {
            "kind": "service",
            "record_id": self.id,
            "company_id": self.company_id.id,
            "date_planned": callbacks._get_next_moment(self.company_id),
        }

    def _note_hours(self):
        """Note what the hour meters showed on the cards of the units (M5)."""
        # sudo: nobody may write the readings of a record by hand
        self.env["aftersales.meter.reading"].sudo().create(
            [
                {
                    "card_id": record.card_id.id,
                    "date": record.service_date,
                    "meter": record.hour_meter,
                    "source": "record",
                    "record_id": record.id,
                }
                for record in self
                if record.card_id and record.hour_meter
            ]
        )

    def action_cancel(self, reason=None):
        """Cancel a record that is not valid, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the record is cancelled."))
        self._check_undisputed()
        for record in self:
            record.check_access("write")
            if record.state == "done":
                raise UserError(self.env._("%s is valid and stays.", record.name))
            record._write_protected({"state": "cancelled"})
            record._cancel_deadlines()
            # sudo: the visit didn't take place, whether or not this user sees its appointment
            appointments = self.env["aftersales.appointment"].sudo()
            appointments.search([("record_id", "=", record.id)])._reopen()
            record.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel record")
        )

    # --- what is charged -------------------------------------------------------------------

    def _compute_sale_order_count(self):
        # sudo: only the number is shown; who may not read orders can't open them
        counts = dict(
            self.env["sale.order"]
            .sudo()
            ._read_group(
                [("service_record_id", "in", self.ids), ("state", "!=", "cancel")],
                ["service_record_id"],
                ["__count"],
            )
        )
        for record in self:
            record.sale_order_count = counts.get(record, 0)

    def action_charge(self):
        """Open the order that charges what the warranty doesn't cover; make it first (L1.1, E6).

        The parts were fitted on site, so that the order delivers nothing.

        :raises UserError: the record isn't signed, or nothing is to be charged
        """
        self.ensure_one()
        self.lock_for_update(allow_referencing=True)
        orders = self.env["sale.order"]
        orders.check_access("create")
        # sudo: prices and parts follow from quotation and record, whoever wrote the quotation
        order = orders.sudo().search(
            [("service_record_id", "=", self.id), ("state", "!=", "cancel")], limit=1
        )
        return (order or self._charge()).sudo(False)._get_action_open()

    def _charge(self):
        """Return the order that charges the record: the quotation of the request, or a new one."""
        self.ensure_one()
        if self.state not in ("signed", "done"):
            raise UserError(
                self.env._(
                    "%s is charged after the customer has signed it: sign it first.", self.name
                )
            )
        # sudo: see `action_charge`
        own = self.sudo()
        request = own.request_id
        request.lock_for_update(allow_referencing=True)
        quotation = request._get_open_quotation()
        entries = own._prepare_charge_entries(quotation)
        entries += own._prepare_service_entries(quotation)
        if not entries:
            raise UserError(
                self.env._(
                    "Nothing is to be charged for %s: no part was replaced that the customer has "
                    "to pay for.",
                    self.name,
                )
            )
        if quotation:
            quotation._aftersales_take_over(own, entries)
        else:
            quotation = own.env["sale.order"]._aftersales_charge(
                own.company_id,
                own.partner_id,
                entries,
                service_record_id=own.id,
                origin=own.name,
            )
        request._get_replaced_consents().filtered(
            lambda consent: not consent.order_id
        )._write_protected({"order_id": quotation.id})
        return quotation

    def _get_entitlements(self, products):
        """Return what the customer is entitled to on this visit, by product."""
        return self.card_id._get_service_entitlements(
            products, self.service_date, self.hour_meter, self.responsibility == "customer"
        )

    def _prepare_charge_entries(self, quotation=None):
        """Return the parts that the customer pays for, for `sale.order._aftersales_charge`.

        :param quotation: the order whose prices hold for what was quoted
        """
        self.ensure_one()
        if not self.service_date or not self.part_ids:
            return []
        entitlements = self._get_entitlements(self.part_ids.product_id)
        quoted = quotation._aftersales_get_quoted_lines() if quotation else {}
        entries = []
        for part in self.part_ids.filtered("product_id"):
            product = part.product_id
            rate = self.card_id._get_charge_rate(product, entitlements[product])
            if rate is not None:
                entries.append(
                    {
                        "part": part,
                        "product": product,
                        "quantity": part.quantity,
                        "repair_fee_rate": rate,
                        "line": quoted.get(product),
                    }
                )
        return entries

    def _prepare_service_entries(self, quotation):
        """Return the services quoted that the customer pays for, as it turned out on site."""
        self.ensure_one()
        lines = [
            line
            for product, line in quotation._aftersales_get_quoted_lines().items()
            if product.type == "service"
        ]
        if not self.service_date or not lines:
            return []
        entitlements = self._get_entitlements(
            self.env["product.product"].union(*(line.product_id for line in lines))
        )
        return [
            {
                "product": line.product_id,
                "quantity": line.product_uom_qty,
                "repair_fee_rate": rate,
                "line": line,
            }
            for line in lines
            if (
                rate := self.card_id._get_charge_rate(
                    line.product_id, entitlements[line.product_id]
                )
            )
            is not None
        ]

    # --- consent (H7, M8.8) ----------------------------------------------------------------

    @api.model
    def _get_consent_depends(self):
        """Return the fields that `_get_missing_consents` follows from."""
        return [
            "part_ids.product_id",
            "part_ids.quantity",
            "part_ids.source",
            "request_id.consent_ids.state",
        ]

    def _get_missing_consents(self):
        """Return the consents that are missing, each as words for the user (H7, M8.8)."""
        self.ensure_one()
        missing = self._get_missing_outside()
        # sudo: a colleague may write the record without seeing the request
        request = self.sudo().request_id
        more = request._get_charge_amount(self) - request._get_agreed_amount()
        currency = request.currency_id
        if currency.compare_amounts(more, 0) > 0:
            missing.append(
                self.env._(
                    "Customer's consent to %s more",
                    formatLang(self.env, more, currency_obj=currency),
                )
            )
        return missing

    def _get_missing_outside(self):
        """Return the parts bought outside without written consent, in words (M8.8)."""
        bought = self.part_ids.filtered(lambda part: part.source == "outside").product_id
        if not bought:
            return []
        agreed = {product for _request, product in self._get_outside_consents()}
        return [
            self.env._(
                "Written consent of customer service to buy “%s” outside (M8.8)",
                product.display_name,
            )
            for product in bought._origin
            if product not in agreed
        ]

    def _get_outside_consents(self):
        """Return the pairs of request and product that may be bought outside (M8.8)."""
        # sudo: the consent counts, whether or not this user sees the request
        consents = self.sudo().request_id.consent_ids.filtered(
            lambda consent: consent.state == "given" and consent.kind == "outside"
        )
        return {
            (consent.request_id, product) for consent in consents for product in consent.product_ids
        }

    def action_open_consent(self):
        """Open the window in which the customer's consent is taken on site (H7)."""
        self.ensure_one()
        # sudo: a colleague may write the record without seeing the request
        return self.sudo().request_id._get_action_consent(default_record_id=self.id)
