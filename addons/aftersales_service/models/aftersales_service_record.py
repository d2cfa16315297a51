from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang


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
    cause = fields.Text(help="Why it happened. May not be left blank (M3.4).", copy=False)
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
    part_ids = fields.One2many(
        "aftersales.service.record.part", "record_id", "Parts replaced", copy=False
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
    signed_by = fields.Char("Signed by", readonly=True, copy=False, tracking=True)
    signed_on = fields.Datetime("Signed on", readonly=True, copy=False)
    signature = fields.Image(readonly=True, copy=False, max_width=1024, max_height=1024)
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
    # what the form said when it was signed; a form with more fields leaves old signatures valid
    signature_spec = fields.Json(readonly=True, copy=False)

    @api.depends("arrival", "company_id")
    def _compute_service_date(self):
        for record in self:
            record.service_date = (
                record.arrival and record.company_id._aftersales_local(record.arrival).date()
            )

    @api.depends("nameplate", "serial_number")
    def _compute_nameplate_match(self):
        for record in self:
            record.nameplate_match = bool(record.nameplate) and (
                record.nameplate.strip() == record.serial_number
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
        return ({*self._get_entered_fields(), *self._get_signed_lines()} | own) - asked_anyway

    @api.model
    def _get_missing_depends(self):
        """Return the fields whose change in the form shows at once in what is missing."""
        return [
            *self._get_entered_fields(),
            "nameplate_match",
            "part_ids.disposition",
            "part_ids.scrap_photo",
            "check_ids.result",
            "check_ids.note",
            *self._get_consent_depends(),
        ]

    @api.model
    def _get_entered_fields(self):
        """Return the fields of the form that are filled in on site."""
        return [
            "arrival",
            "nameplate",
            "nameplate_reason",
            "hour_meter",
            "fault",
            "cause",
            "responsibility",
            "work_done",
            "machine_checked",
            "explained",
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
        for line in (*self.part_ids, *self.check_ids):
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
        return ["part_ids", "check_ids"]

    def _get_signature_spec(self):
        """Return `_get_signed_content` with the fields that only a requirement brings in."""
        self.ensure_one()
        requirements = self.env["aftersales.record.requirement"]._get_requirements(self.company_id)
        names = {
            name
            for name in requirements.mapped("field_name")
            if name in self._fields and self._fields[name].store
        }
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

    def action_sign(self, signed_by, signature):
        """Take the customer's signature under the complete record (M3.4, H9).

        :param str signed_by: name of the person who signs
        :param signature: image, base64
        """
        for record in self:
            record.check_access("write")
            record.lock_for_update(allow_referencing=True)
            if record.state in ("signed", "done"):
                raise UserError(self.env._("%s has already been signed.", record.name))
            # sudo: a colleague may sign without seeing the request
            if "cancelled" in (record.state, record.request_id.sudo().state):
                raise UserError(
                    self.env._("%s can't be signed: it, or its request, is cancelled.", record.name)
                )
            if not (signed_by or "").strip() or not signature:
                raise UserError(self.env._("The customer's name and signature are needed."))
            # sudo: as above; so that no consent is withdrawn meanwhile
            record.request_id.sudo().lock_for_update(allow_referencing=True)
            record._check_complete()
            spec = record._get_signature_spec()
            record._write_protected(
                {
                    "state": "signed",
                    "signed_by": signed_by.strip(),
                    "signed_on": fields.Datetime.now(),
                    "signature": signature,
                    "was_signed": True,
                    "signature_digest": record._get_content_digest(spec),
                    "signature_spec": spec,
                }
            )
        return True

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
            signer = record.signed_by
            record._write_protected(
                {
                    "state": "draft",
                    "signed_by": False,
                    "signed_on": False,
                    "signature": False,
                    "signature_digest": False,
                    "signature_spec": False,
                }
            )
            record.message_post(
                body=self.env._(
                    "%(user)s changed the record after %(signer)s had signed it: the signature is "
                    "void and the customer has to sign again.",
                    user=self.env.user.name,
                    signer=signer,
                )
            )

    # --- actions ---------------------------------------------------------------------------

    def action_done(self):
        """Make the record valid: complete and signed, or not at all (M3.4)."""
        for record in self:
            record.check_access("write")
            record.lock_for_update(allow_referencing=True)
            if record.state == "done":
                raise UserError(self.env._("%s is already valid.", record.name))
            record._check_request_open()
            if record.state == "signed" and record._is_signature_valid():
                # it was complete when it was signed, by what was required then
                continue
            record._check_complete()
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
        # sudo: the consent counts, whether or not this user sees the request
        consents = self.sudo().request_id.consent_ids.filtered(
            lambda consent: consent.state == "given" and consent.kind == "outside"
        )
        return [
            self.env._(
                "Written consent of customer service to buy “%s” outside (M8.8)",
                product.display_name,
            )
            for product in bought._origin - consents.product_ids
        ]

    def action_open_consent(self):
        """Open the window in which the customer's consent is taken on site (H7)."""
        self.ensure_one()
        # sudo: a colleague may write the record without seeing the request
        return self.sudo().request_id._get_action_consent(default_record_id=self.id)
