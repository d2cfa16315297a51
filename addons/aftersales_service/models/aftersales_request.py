from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesRequest(models.Model):
    """顾客服务要求表: what a customer asks for, who answers, and by when (E7, M1, M3.1)."""

    _name = "aftersales.request"
    _description = "Service request"
    _regulations = ("L2.1", "L2.2", "M1", "M3.1", "H4", "E7", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.request"
    _order = "urgency desc, id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [
            ("new", "New"),
            ("assigned", "Assigned"),
            ("in_progress", "On site"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="new",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
        group_expand=True,
    )
    request_date = fields.Datetime(
        "Received", required=True, default=fields.Datetime.now, copy=False
    )
    channel = fields.Selection(
        [("phone", "Phone"), ("visit", "Walk-in"), ("email", "E-mail"), ("web", "Web")],
        required=True,
        default="phone",
        help="How the customer reached us.",
    )
    urgency = fields.Selection(
        [("0", "Normal"), ("1", "Urgent"), ("2", "Danger to people")],
        required=True,
        default="0",
        help="Danger to people is answered at once (H3).",
    )
    card_id = fields.Many2one(
        "aftersales.warranty.card",
        "Warranty card",
        check_company=True,
        index="btree_not_null",
        help="Type the card or serial number; the customer and product fill themselves.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Customer",
        compute="_compute_from_card",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        index=True,
        tracking=True,
        check_company=True,
    )
    phone = fields.Char(
        "Contact phone", compute="_compute_phone", store=True, readonly=False, precompute=True
    )
    product_id = fields.Many2one(
        "product.product",
        "Product",
        compute="_compute_from_card",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
    )
    serial_number = fields.Char(related="card_id.serial_number")
    description = fields.Text("Problem", required=True, help="In the customer's own words.")
    region_id = fields.Many2one(
        "aftersales.region",
        compute="_compute_region_id",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
        help="From the province of the customer's address.",
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        compute="_compute_center_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('center_state', '=', 'active'), ('aftersales_region_id', '=?', region_id)]",
        index="btree_not_null",
        tracking=True,
        check_company=True,
        help="Proposed by the customer's address: the working center of the same city, province "
        "or region that is nearest and has the fewest open requests (L2.1).",
    )
    center_address = fields.Char("Address of the center", compute="_compute_center_address")
    center_phone = fields.Char("Phone of the center", related="center_id.phone")
    technician_id = fields.Many2one(
        "res.users", "Technician", tracking=True, domain=[("share", "=", False)]
    )
    distance = fields.Float(
        "Distance (km)",
        help="From the service center to the machine. It decides the arrival time that is "
        "promised (M3.1). 0: in the city.",
    )
    record_ids = fields.One2many("aftersales.service.record", "request_id", "Service records")
    record_count = fields.Integer(compute="_compute_record_count")

    _distance_positive = models.Constraint(
        "CHECK(distance >= 0)", "The distance can't be negative."
    )

    @api.depends("card_id")
    def _compute_from_card(self):
        for request in self:
            if request.card_id:
                request.partner_id = request.card_id.partner_id
                request.product_id = request.card_id.product_id

    @api.depends("partner_id")
    def _compute_phone(self):
        for request in self:
            request.phone = request.partner_id.phone or request.phone

    @api.depends("partner_id", "company_id")
    def _compute_region_id(self):
        regions = self.env["aftersales.region"]
        for company, requests in self.grouped(lambda r: r.company_id or r.env.company).items():
            by_partner = regions._get_regions(requests.partner_id, company)
            for request in requests:
                request.region_id = by_partner.get(request.partner_id) or request.region_id

    @api.depends("center_id")
    def _compute_center_address(self):
        for request in self:
            center = request.center_id
            request.center_address = center and center._get_address_line()

    @api.depends("partner_id", "company_id")
    def _compute_center_id(self):
        new = self.filtered(lambda request: request.state in ("new", False))
        for request in self - new:
            request.center_id = request.center_id
        for company, requests in new.grouped(lambda r: r.company_id or r.env.company).items():
            centers = requests.partner_id._get_service_centers(company)
            for request in requests:
                proposed = centers.get(request.partner_id, request.center_id)
                request.center_id = proposed[:1] or request.center_id

    def _compute_record_count(self):
        counts = dict(
            self.env["aftersales.service.record"]._read_group(
                [("request_id", "in", self.ids)], ["request_id"], ["__count"]
            )
        )
        for request in self:
            request.record_count = counts.get(request, 0)

    @api.constrains("center_id")
    def _check_center_id(self):
        for request in self:
            center = request.center_id
            if center and center.center_state != "active":
                raise ValidationError(
                    self.env._(
                        "%s is no working service center: it was suspended or closed, or never "
                        "established. Choose another one.",
                        center.display_name,
                    )
                )

    @api.constrains("card_id", "partner_id")
    def _check_card_id(self):
        for request in self:
            card = request.card_id
            if card and card.partner_id.commercial_partner_id != (
                request.partner_id.commercial_partner_id
            ):
                raise ValidationError(
                    self.env._(
                        "The card %(card)s belongs to %(owner)s, not to %(customer)s. Choose the "
                        "customer's own card, or transfer the card first.",
                        card=card.name,
                        owner=card.partner_id.display_name,
                        customer=request.partner_id.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        requests = super().create(vals_list)
        for request in requests:
            request._deadline_event("received", request.request_date)
        return requests

    def write(self, vals):
        for request in self:
            if not request._get_changed_names(vals, self._get_served_fields()):
                continue
            if not self.env.su and not self.env.user.has_group(
                "aftersales_service.group_office_manager"
            ):
                # a center that chose the card could look at any customer's
                self._check_group("aftersales_service.group_clerk")
            if request._is_served():
                raise UserError(
                    self.env._(
                        "%s can't be changed any more: it is closed, or the customer has signed "
                        "its service record.",
                        request.name,
                    )
                )
        return super().write(vals)

    @api.model
    def _get_served_fields(self):
        """Return the fields that a signed record and its settlement rest on."""
        return {
            "card_id",
            "partner_id",
            "product_id",
            "center_id",
            "region_id",
            "request_date",
            "distance",
        }

    def _is_served(self):
        self.ensure_one()
        # sudo: a record that this user doesn't see fixes the request as well
        return self.state in ("done", "cancelled") or any(
            record.state in ("signed", "done") for record in self.sudo().record_ids
        )

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "state", "request_date", "card_id.date_end"]

    def _get_retention_start(self):
        if self.state == "new":
            return False
        return max(filter(None, (self.card_id.date_end, self._get_local_day(self.request_date))))

    def _get_deadline_partner(self):
        return self.center_id or self.region_id.office_id

    def action_assign(self):
        """Hand the request to its service center; the promised arrival runs from now (M3.1)."""
        for request in self:
            request.check_access("write")
            if request.state != "new":
                raise UserError(self.env._("%s has already been assigned.", request.name))
            if not request.center_id:
                raise UserError(
                    self.env._("Choose the service center that will do it, then assign.")
                )
            request._check_center_id()
            request._write_protected({"state": "assigned"})
            request._deadline_event("assigned")
        return True

    def action_create_record(self):
        """Open the service record of the visit, filled from the request."""
        self.ensure_one()
        if self.state not in ("assigned", "in_progress"):
            raise UserError(
                self.env._("Assign the request to a service center first.")
                if self.state == "new"
                else self.env._("%s is closed.", self.name)
            )
        record = self.record_ids.filtered(lambda r: r.state == "draft")[:1]
        if not record:
            record = self.env["aftersales.service.record"].create(self._prepare_record_vals())
        return {
            "type": "ir.actions.act_window",
            "res_model": "aftersales.service.record",
            "res_id": record.id,
            "views": [(False, "form")],
        }

    def _prepare_record_vals(self):
        self.ensure_one()
        return {
            "request_id": self.id,
            "company_id": self.company_id.id,
            "technician_id": self.technician_id.id or self.env.uid,
        }

    def _start_visit(self):
        """Note the first arrival of a technician; a corrected time corrects the deadline."""
        for request in self.filtered(lambda r: r.state in ("assigned", "in_progress")):
            records = request.record_ids.filtered(lambda r: r.arrival and r.state != "cancelled")
            if request.state == "assigned":
                request._write_protected({"state": "in_progress"})
            request._deadline_event("arrived", min(records.mapped("arrival")))

    def _finish(self, moment):
        """Close the request, because its record is valid."""
        for request in self.filtered(lambda r: r.state in ("assigned", "in_progress")):
            request._write_protected({"state": "done"})
            request._deadline_event("done", moment)

    def action_cancel(self, reason=None):
        """Cancel the request, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the request is cancelled."))
        self._check_group("aftersales_service.group_clerk")
        for request in self:
            request.check_access("write")
            if request._is_served():
                raise UserError(
                    self.env._(
                        "%s is closed or has a signed service record, and stays.", request.name
                    )
                )
            request._write_protected({"state": "cancelled"})
            request._cancel_deadlines()
            request.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel request")
        )

    def action_view_records(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_service_record"
        )
        return {**action, "domain": [("request_id", "=", self.id)], "context": {}}
