from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesVisit(models.Model):
    """A visit that is planned for a unit, such as the return visits of its warranty (R1).

    A visit that was done in part stays planned, and a cancelled one takes no other with it: the
    schedule of a unit goes by the numbers of its visits.
    """

    _name = "aftersales.visit"
    _description = "Scheduled visit"
    _regulations = ("R1", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.visit"
    _order = "date_planned, id"
    _rec_names_search = ["name", "partner_id", "card_id"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    kind = fields.Selection(
        [("return_visit", "Return visit")], required=True, readonly=True, default="return_visit"
    )
    state = fields.Selection(
        [("planned", "Planned"), ("done", "Done"), ("cancelled", "Cancelled")],
        "Status",
        default="planned",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    card_id = fields.Many2one(
        "aftersales.warranty.card",
        "Warranty card",
        required=True,
        readonly=True,
        ondelete="cascade",
        check_company=True,
        index=True,
    )
    serial_number = fields.Char(related="card_id.serial_number")
    partner_id = fields.Many2one(
        related="card_id.partner_id", string="Customer", store=True, index=True
    )
    phone = fields.Char(related="partner_id.phone")
    product_id = fields.Many2one(related="card_id.product_id", store=True)
    region_id = fields.Many2one(
        "aftersales.region",
        "Region",
        compute="_compute_center_id",
        store=True,
        index="btree_not_null",
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        compute="_compute_center_id",
        store=True,
        index="btree_not_null",
        check_company=True,
        help="The nearest working center of the customer's region.",
    )
    user_id = fields.Many2one(
        "res.users",
        "Visited by",
        domain=[("share", "=", False)],
        index="btree_not_null",
        tracking=True,
    )
    number = fields.Integer(
        "Visit no.", readonly=True, help="Of the schedule that the card's policy promises."
    )
    date_original = fields.Date(
        "First planned for", readonly=True, help="By the schedule, before it was moved."
    )
    date_planned = fields.Date("Planned on", required=True, readonly=True, tracking=True)
    is_partial = fields.Boolean(
        "Done in part", readonly=True, copy=False, help="Something is left: it stays planned."
    )
    is_ended_with_card = fields.Boolean(readonly=True, copy=False)
    date_done = fields.Date("Done on", copy=False)
    note = fields.Text(
        "Findings", copy=False, help="How the unit is used, and what the customer asks for (R1)."
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Done by the service record",
        domain="[('card_id', '=', card_id), ('state', '=', 'done')]",
        copy=False,
        check_company=True,
        index="btree_not_null",
    )
    callback_id = fields.Many2one(
        "aftersales.callback",
        "Done by the callback",
        domain="[('card_id', '=', card_id), ('outcome', '=', 'reached')]",
        copy=False,
        check_company=True,
        index="btree_not_null",
    )

    _number_once = models.UniqueIndex(
        "(card_id, kind, number) WHERE state != 'cancelled'",
        "This visit of the card's schedule is planned already.",
    )

    @api.depends("partner_id", "company_id")
    def _compute_center_id(self):
        for company, visits in self.grouped(lambda v: v.company_id or v.env.company).items():
            regions = self.env["aftersales.region"]._get_regions(visits.partner_id, company)
            centers = visits.partner_id._get_service_centers(company)
            for visit in visits:
                if visit.state == "done":
                    # who was there stays
                    visit.region_id = visit.region_id
                    visit.center_id = visit.center_id
                    continue
                visit.region_id = regions.get(visit.partner_id)
                visit.center_id = centers.get(visit.partner_id, visit.center_id)[:1]

    @api.constrains("date_done", "record_id", "callback_id")
    def _check_done(self):
        for visit in self:
            if visit.date_done and visit.date_done > visit._get_today():
                raise ValidationError(self.env._("The visit can't lie in the future."))
            # sudo: only compared; a center doesn't see every record of the unit
            own = visit.sudo()
            if own.record_id and (
                own.record_id.card_id != own.card_id or own.record_id.state != "done"
            ):
                raise ValidationError(
                    self.env._("%s isn't a valid service of this unit.", own.record_id.name)
                )
            if own.callback_id and (
                own.card_id not in own.callback_id.card_id | own.callback_id.card_ids
                or own.callback_id.outcome != "reached"
            ):
                raise ValidationError(
                    self.env._("%s reached nobody about this unit.", own.callback_id.name)
                )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "card_id",
            "center_id",
            "date_original",
            "date_planned",
            "is_ended_with_card",
            "is_partial",
            "kind",
            "number",
            "partner_id",
            "product_id",
            "region_id",
        }

    def write(self, vals):
        if self._get_changed_names(vals, self._get_open_fields()):
            self._check_open()
        return super().write(vals)

    @api.model
    def _get_open_fields(self):
        """Return the names of the fields that stay once the visit is done."""
        return {"user_id", "date_done", "note", "record_id", "callback_id"}

    def _check_open(self):
        """Raise UserError if a visit is done or cancelled."""
        for visit in self:
            if visit.state != "planned":
                raise UserError(
                    self.env._("%s is closed and can't be changed any more.", visit.name)
                )

    def _get_today(self):
        company = self.company_id[:1] or self.env.company
        return company._aftersales_local(fields.Datetime.now()).date()

    # --- archive and deadlines -------------------------------------------------------------

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "card_id.date_end"]

    def _get_retention_start(self):
        return self.state == "done" and (self.card_id.date_end or self.date_planned)

    def _get_deadline_partner(self):
        return self.center_id or self.region_id.office_id

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.user_id

    def _get_deadline_fields(self):
        return {"center_id", "region_id"}

    # --- schedule (R1) ---------------------------------------------------------------------

    @api.model
    def _plan_return_visits(self, cards):
        """Bring the return visits in line with what the cards promise (R1).

        Planned visits follow the schedule unless somebody moved them; what is done or cancelled
        stays. Days that were over before the unit was known aren't planned. Calling it again
        changes nothing.
        """
        # sudo: the schedule follows from the card, whoever issues, closes or completes it
        visits = self.sudo()
        existing = visits.search(
            [("card_id", "in", cards.ids), ("kind", "=", "return_visit")]
        ).grouped("card_id")
        vals_list = []
        ended = visits
        today = self._get_today()
        for card in cards.sudo():
            days = card._get_return_days() if card.state == "open" else []
            own = existing.get(card, visits)
            planned = own.filtered(lambda visit: visit.state == "planned")
            last = len(days)
            ended |= planned.filtered(lambda visit, last=last: visit.number > last)
            taken = own.filtered(lambda visit: not visit.is_ended_with_card).mapped("number")
            for number, day in enumerate(days, 1):
                visit = planned.filtered(lambda visit, number=number: visit.number == number)
                if visit and visit.date_planned == visit.date_original != day:
                    visit._write_protected({"date_planned": day, "date_original": day})
                elif number not in taken and day >= today:
                    vals_list.append(
                        {
                            "company_id": card.company_id.id,
                            "card_id": card.id,
                            "number": number,
                            "date_planned": day,
                            "date_original": day,
                        }
                    )
        ended._write_protected({"state": "cancelled", "is_ended_with_card": True})
        # the unique index doesn't count cancelled visits
        ended.flush_recordset(["state"])
        ended._cancel_deadlines()
        created = visits.with_context(mail_create_nosubscribe=True).create(vals_list)
        created._deadline_event("planned")
        return created

    # --- actions ---------------------------------------------------------------------------

    def action_done(self):
        """Close the visit with what was found (R1).

        :raises UserError: the findings are missing
        """
        for visit in self:
            visit.check_access("write")
            visit.lock_for_update(allow_referencing=True)
            visit._check_open()
            if not (visit.note or "").strip():
                raise UserError(
                    self.env._(
                        "%s: note how the unit is used and what the customer asks for (R1). If "
                        "something is left, move the visit instead.",
                        visit.name,
                    )
                )
            visit.date_done = visit.date_done or visit._get_today()
            visit._write_protected({"state": "done", "is_partial": False})
            visit._deadline_event("done")
        return True

    def action_move(self, date, reason, is_partial=False):
        """Put the visit off to ``date``, with a reason; what was done in part stays planned.

        :param date: the new day, in the company's time zone, within the warranty
        :param bool is_partial: part of the visit is done already
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the visit is moved."))
        date = fields.Date.to_date(date)
        for visit in self:
            visit.check_access("write")
            visit._check_open()
            if not date or date < visit._get_today():
                raise UserError(self.env._("A visit can't be moved into the past."))
            end = visit.sudo().card_id.date_end
            if date > end:
                raise UserError(
                    self.env._(
                        "The return visits belong to the warranty, which ends on %s (R1).", end
                    )
                )
            visit._write_protected(
                {"date_planned": date, "is_partial": visit.is_partial or is_partial}
            )
            visit.message_post(
                body=self.env._("Done in part, the rest moved: %s", reason.strip())
                if is_partial
                else self.env._("Moved: %s", reason.strip())
            )
        return True

    def action_open_move(self):
        """Open the window that asks for the new day and the reason."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Move visit"),
            "res_model": "aftersales.visit.move",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_visit_id": self.id},
        }

    def action_cancel(self, reason=None):
        """Cancel a planned visit, with a reason; the others stay. For customer service."""
        self._check_group("aftersales_service.group_customer_service")
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the visit is cancelled."))
        for visit in self:
            visit.check_access("write")
            visit._check_open()
            visit._write_protected({"state": "cancelled"})
            visit._cancel_deadlines()
            visit.message_post(body=self.env._("Cancelled: %s", reason.strip()))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel the scheduled visit")
        )
