from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import formatLang


class AftersalesRequest(models.Model):
    """顾客服务要求表: what a customer asks for, who answers, and by when (E7, M1, M3.1)."""

    _name = "aftersales.request"
    _description = "Service request"
    _regulations = ("L1.5", "L2.1", "L2.2", "M1", "M3.1", "H3", "H4", "H5", "E7", "H11")
    _inherit = [
        "aftersales.retention.mixin",
        "aftersales.deadline.mixin",
        "aftersales.acknowledgement.mixin",
        "aftersales.danger.mixin",
        "aftersales.intake.mixin",
        "aftersales.mail.intake.mixin",
        "aftersales.web.intake.mixin",
        "aftersales.phone.mixin",
        "aftersales.dispute.mixin",
        "aftersales.dispatch.mixin",
        "aftersales.complaint.source.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.request"
    _dispute_field = "request_id"
    _complaint_link = "request_id"
    _order = "urgency desc, id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    state = fields.Selection(
        [
            ("new", "New"),
            ("callback", "Callback agreed"),
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
        [
            ("phone", "Phone"),
            ("visit", "Walk-in"),
            ("email", "E-mail"),
            ("web", "Web"),
            ("portal", "Customer portal"),
        ],
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
        "res.users",
        "Technician",
        tracking=True,
        domain="[('id', 'in', technician_ids)]",
        index="btree_not_null",
        group_expand="_group_expand_technician_id",
    )
    distance = fields.Float(
        "Distance (km)",
        compute="_compute_distance",
        aggregator="avg",
        store=True,
        readonly=False,
        precompute=True,
        help="From the service center to the machine. It decides the arrival time that is "
        "promised (M3.1). 0: in the city. Proposed from the customer's last request.",
    )
    date_answer_promised = fields.Datetime(
        "Answer promised for",
        copy=False,
        tracking=True,
        help="When the customer was promised an answer that could not be given at once (M1).",
    )
    date_answered = fields.Datetime(
        "Answered on",
        readonly=True,
        copy=False,
        tracking=True,
        help="When the customer got an answer: by the button, or by the visit at the latest (H3).",
    )
    date_visit_promised = fields.Datetime(
        "Visit promised for",
        copy=False,
        tracking=True,
        help="The visit agreed with the customer; beyond 400 km it takes the place of the fixed "
        "arrival times (M3.1). It follows the appointment.",
    )
    is_waiting = fields.Boolean(
        "Waiting for the customer",
        readonly=True,
        copy=False,
        help="The clocks that the customer can stop stand still.",
    )
    date_repair_promised = fields.Datetime(
        "Repair promised on",
        readonly=True,
        copy=False,
        help="It couldn't be repaired on the spot; the customer was promised the repair (L2.2).",
    )
    is_exchange_due = fields.Boolean(
        "Exchange to be offered",
        readonly=True,
        copy=False,
        help="The promised repair is overdue, so the customer gets an exchange (L2.2).",
    )
    exchange_offered_on = fields.Datetime(readonly=True, copy=False)
    exchange_offered_by = fields.Many2one("res.users", readonly=True, copy=False)
    origin_id = fields.Many2one(
        "aftersales.request",
        "Follows on",
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
        help="The closed request that this one takes up again.",
    )
    follow_up_ids = fields.One2many("aftersales.request", "origin_id", "Follow-up requests")
    follow_up_count = fields.Integer(compute="_compute_follow_up_count")
    record_ids = fields.One2many("aftersales.service.record", "request_id", "Service records")
    record_count = fields.Integer(compute="_compute_record_count")
    has_exchange_questions = fields.Boolean(compute="_compute_has_exchange_questions")

    currency_id = fields.Many2one(related="company_id.currency_id")
    receipt_ids = fields.One2many("aftersales.receipt", "request_id", "Receipts for goods")
    receipt_count = fields.Integer(compute="_compute_receipt_count")
    consent_ids = fields.One2many("aftersales.consent", "request_id", "Consents")
    order_ids = fields.One2many(
        "sale.order",
        "aftersales_request_id",
        "Quotations and orders",
        groups="sales_team.group_sale_salesman",
    )
    agreed_amount = fields.Monetary(
        "Agreed amount",
        compute="_compute_agreed_amount",
        help="What the customer has agreed to pay, taxes included (H7).",
    )
    charge_amount = fields.Monetary(
        "To be charged",
        compute="_compute_charge_amount",
        help="What the customer would pay for the parts on the service records and for the "
        "services quoted, taxes included. Above the agreed amount, nothing is signed, confirmed "
        "or invoiced (H7).",
    )

    order_count = fields.Integer(compute="_compute_quotation")
    quotation_amount = fields.Monetary(
        "Quotation",
        compute="_compute_quotation",
        help="Taxes included; of the quotation that nothing was charged with yet.",
    )
    quotation_state = fields.Selection(
        [("waiting", "Waits for an answer"), ("accepted", "Accepted")],
        "Answer",
        compute="_compute_quotation",
    )

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
            # who wrote from outside is called on his own number, whosever machine it is
            reported = request._origin.phone if request.channel == "web" else False
            request.phone = reported or request.partner_id.phone or request.phone

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
            request.center_address = center._get_address_line() if center else False

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

    def _get_phone_depends(self):
        return [*super()._get_phone_depends(), "partner_id.country_id"]

    def _get_phone_country(self):
        return self.partner_id.country_id or self.company_id.country_id

    def _compute_record_count(self):
        counts = dict(
            self.env["aftersales.service.record"]._read_group(
                [("request_id", "in", self.ids)], ["request_id"], ["__count"]
            )
        )
        for request in self:
            request.record_count = counts.get(request, 0)

    def _compute_follow_up_count(self):
        counts = dict(
            self.env["aftersales.request"]._read_group(
                [("origin_id", "in", self.ids)], ["origin_id"], ["__count"]
            )
        )
        for request in self:
            request.follow_up_count = counts.get(request, 0)

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

    @api.constrains("date_answer_promised", "date_visit_promised", "request_date")
    def _check_promised(self):
        for request in self:
            for name in ("date_answer_promised", "date_visit_promised"):
                if request[name] and request[name] < request.request_date:
                    raise ValidationError(
                        self.env._(
                            "“%(field)s” can't lie before the request was received.",
                            field=self._fields[name]._description_string(self.env),
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        requests = super().create(vals_list)
        for moment, received in requests.grouped("request_date").items():
            received._deadline_event("received", moment)
        requests._note_promises({"date_answer_promised", "date_visit_promised"})
        return requests

    def write(self, vals):
        promises = {"date_answer_promised", "date_visit_promised"}
        promised = {
            request: names
            for request in self
            if (names := request._get_changed_names(vals, promises))
        }
        self._check_served(vals)
        self._check_dispatched(vals)
        self._check_not_closed(vals)
        for request in promised:
            request._check_open()
        products = {request: request.product_id for request in self}
        reporters = {request: request.partner_id for request in self}
        result = super().write(vals)
        for request, reporter in reporters.items():
            if request.partner_id != reporter:
                request._archive_web_partner(reporter)
        # sudo: another product has another checklist, whoever sees the records (M3.3)
        self.filtered(lambda r: r.product_id != products[r]).sudo().record_ids._set_up_checks()
        for request, names in promised.items():
            request._note_promises(names)
        if "technician_id" in vals:
            self._update_appointment()
        return result

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "date_answered",
            "is_waiting",
            "origin_id",
            "date_repair_promised",
            "is_exchange_due",
            "exchange_offered_on",
            "exchange_offered_by",
        }

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_wait"}

    def _note_promises(self, names):
        """Start the clocks of the moments that were just promised in the fields ``names``."""
        if "date_answer_promised" in names and (promised := self.filtered("date_answer_promised")):
            # an answer is owed again
            promised.filtered("date_answered")._write_protected({"date_answered": False})
            promised._deadline_event("answer_promised")
        if "date_visit_promised" in names and (promised := self.filtered("date_visit_promised")):
            promised._deadline_event("visit_promised")

    def _check_served(self, vals):
        """Raise if ``vals`` change what only others may change, or nobody any more."""
        served = self._get_served_fields()
        for request in self:
            changed = request._get_changed_names(vals, served | self._get_caller_fields())
            if not changed:
                continue
            if not self.env.su and not self.env.user.has_group(
                "aftersales_service.group_office_manager"
            ):
                # a center that chose the card could look at any customer's
                self._check_group("aftersales_service.group_clerk")
            if changed & served and request._is_served():
                raise UserError(
                    self.env._(
                        "%s can't be changed any more: it is closed, or the customer has signed "
                        "its service record.",
                        request.name,
                    )
                )

    def _check_not_closed(self, vals):
        """Raise UserError if ``vals`` change what a closed request says."""
        if self.env.su:
            return
        own = {
            name
            for name in vals.keys() & self._fields.keys()
            # lines, followers and activities have guards of their own
            if self._fields[name].store and self._fields[name].type != "one2many"
        }
        for request in self.filtered(lambda r: r.state in ("done", "cancelled")):
            if request._get_changed_names(vals, own):
                raise UserError(request._get_closed_message())

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
            "date_assigned",
        }

    @api.model
    def _get_caller_fields(self):
        """Return the fields that say who called and how: who did the work can't change them.

        The customer is called back at this number, and asked about the work (E8).
        """
        return {"phone", "channel", "date_purchase"}

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

    # --- goods taken in for repair (E7) ------------------------------------------------------

    def _compute_receipt_count(self):
        counts = dict(
            self.env["aftersales.receipt"]._read_group(
                [("request_id", "in", self.ids)], ["request_id"], ["__count"]
            )
        )
        for request in self:
            request.receipt_count = counts.get(request, 0)

    def _check_handed_back(self):
        """Raise UserError while goods of the customer are in our hands (E7)."""
        # sudo: a receipt that this user doesn't see counts as well
        taken = self.sudo().receipt_ids.filtered(lambda receipt: receipt.state == "taken")
        for receipt in taken:
            raise UserError(
                self.env._(
                    "%(product)s of the customer is still in our hands: hand it back on "
                    "%(receipt)s first.",
                    product=receipt.product_id.display_name or receipt.serial_number or "",
                    receipt=receipt.name,
                )
            )

    def action_take_in(self):
        """Write the receipt for goods that are taken along for repair (E7)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Take in goods"),
            "res_model": "aftersales.receipt",
            "views": [(False, "form")],
            "context": {"default_request_id": self.id},
        }

    def action_view_receipts(self):
        """Show the receipts of the request."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_receipt")
        return {**action, "domain": [("request_id", "=", self.id)], "context": {}}

    # --- quotation and consent (H5, H7) ------------------------------------------------------

    @api.depends("consent_ids.state", "consent_ids.amount")
    def _compute_agreed_amount(self):
        for request in self:
            request.agreed_amount = request._get_agreed_amount()

    @api.depends("record_ids.state", "record_ids.part_ids")
    def _compute_charge_amount(self):
        for request in self:
            request.charge_amount = request._get_charge_amount()

    def _get_agreed_amount(self):
        """Return what the customer has agreed to pay for the request (H7).

        In the company's currency, taxes included.
        """
        self.ensure_one()
        # sudo: who serves the request has to know the limit
        given = self.sudo().consent_ids.filtered(
            lambda consent: consent.state == "given" and consent.kind != "outside"
        )
        return self.company_id.currency_id.round(sum(given.mapped("amount")))

    def _get_charge_amount(self, record=None, states=("draft", "signed", "done")):
        """Return what the customer would pay for the request.

        What is on the orders of records that were charged, and for the other records what an
        order would charge: parts that aren't covered, at the price quoted or else at that of the
        price list, and the services quoted.

        :param record: a record of the request as it is being edited
        :param states: the states of the records that count
        :return: in the company's currency, taxes included
        """
        self.ensure_one()
        # sudo: the customer pays the total, whoever did the work and may see the order
        own = self.sudo()
        charged = own.order_ids.filtered(lambda o: o.state != "cancel" and o.service_record_id)
        records = own.record_ids.filtered(
            lambda r: r.state in states and r not in charged.service_record_id
        )
        if record:
            records = record.sudo() + (records - record.sudo()._origin)
            charged = charged.filtered(lambda o: o.service_record_id != record._origin)
        orders = charged | own._get_planned_order(records)
        return own._get_orders_amount(orders)

    def _get_planned_order(self, records):
        """Return the order that would charge ``records``, in memory, or none."""
        self.ensure_one()
        quotation = self._get_open_quotation()
        entries = [entry for r in records for entry in r._prepare_charge_entries(quotation)]
        # services are quoted for the request, not for each visit
        entries += records[:1]._prepare_service_entries(quotation) if records else []
        if not entries:
            return quotation.browse()
        return quotation._aftersales_new_charge(
            self.company_id, self.partner_id, entries, **quotation._aftersales_get_terms()
        )

    def _get_orders_amount(self, orders):
        """Return the total of ``orders`` in the company's currency, taxes included."""
        return self._get_company_amount([(o.amount_total, o.currency_id) for o in orders])

    def _get_invoiced_amount(self):
        """Return what posted invoices less credit notes charge for the request (H7).

        In the company's currency, taxes included.
        """
        self.ensure_one()
        return self._get_invoiced_amounts()[self]

    def _get_invoiced_amounts(self):
        """Return `_get_invoiced_amount` of each request; a dict.

        What is credited to one customer makes no room to charge another one more.
        """
        if not self:
            return {}
        # sudo: see `_get_charge_amount`
        moves = (
            self.env["account.move"]
            .sudo()
            .search([("aftersales_request_ids", "in", self.ids), ("state", "=", "posted")])
        )
        amounts = {}
        for request in self:
            own = moves.filtered(lambda move, r=request: r in move.aftersales_request_ids)
            amounts[request] = sum(
                max(request._get_company_amount([m._get_service_charge(request) for m in group]), 0)
                for group in own.grouped("commercial_partner_id").values()
            )
        return amounts

    def _get_company_amount(self, amounts):
        """Return the sum of ``amounts``, pairs with their currency, in the company's currency.

        At the rate of the day of the latest consent, because the customer agreed to an amount of
        money in the currency of the quotation.
        """
        self.ensure_one()
        given = self.sudo().consent_ids.filtered(lambda consent: consent.state == "given")
        day = self._get_local_day(max(given.mapped("given_on"), default=fields.Datetime.now()))
        currency = self.company_id.currency_id
        return currency.round(
            sum(own._convert(amount, currency, self.company_id, day) for amount, own in amounts)
        )

    def _get_open_quotation(self):
        """Return the quotation or accepted order that no record has been charged with yet."""
        self.ensure_one()
        # sudo: who serves the request has to know what was quoted, without rights on sales
        return self.sudo().order_ids.filtered(
            lambda order: order.state != "cancel" and not order.service_record_id
        )[:1]

    @api.depends("order_ids.state", "order_ids.service_record_id")
    def _compute_quotation(self):
        for request in self:
            order = request._get_open_quotation()
            request.quotation_amount = request._get_orders_amount(order)
            request.quotation_state = order and (
                "waiting" if order.state in ("draft", "sent") else "accepted"
            )
            # sudo: only the number is shown; who may not read orders can't open them
            request.order_count = len(request.sudo().order_ids)

    def action_quote(self):
        """Open the window in which the parts and services of the visit are quoted (H5)."""
        self.ensure_one()
        self._check_quotable()
        record = self.record_ids.filtered(lambda r: r.state == "draft")[:1]
        lines = [(part.product_id, part.quantity) for part in record.part_ids]
        # a part that is on the record already isn't quoted twice
        lines += [
            (product, line.product_uom_qty)
            for product, line in self._get_open_quotation()._aftersales_get_quoted_lines().items()
            if product not in record.part_ids.product_id
        ]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Quote a service"),
            "res_model": "aftersales.quotation",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_request_id": self.id,
                "default_caused_by_customer": record.responsibility == "customer",
                "default_hours": record.hour_meter,
                "default_line_ids": [
                    Command.create({"product_id": product.id, "quantity": quantity})
                    for product, quantity in lines
                ],
            },
        }

    def _check_quotable(self):
        """Raise unless the user may write the request and it isn't closed."""
        self.check_access("write")
        for request in self:
            if request.state in ("done", "cancelled"):
                raise UserError(self.env._("%s is closed.", request.name))

    def _add_quotation(self, entries):
        """Write the quotation of ``entries`` for the customer, and return it (H5, E6).

        :param list entries: see `sale.order._aftersales_charge`
        :raises UserError: nothing is to be charged, or the earlier one is invoiced already
        """
        self.ensure_one()
        self._check_quotable()
        self.lock_for_update(allow_referencing=True)
        if not entries:
            raise UserError(self.env._("Nothing is to be charged: the warranty covers all of it."))
        self._get_open_quotation()._aftersales_withdraw()
        # sudo: whoever serves the request may quote; what and how much follows from warranty and
        # price list
        order = (
            self.env["sale.order"]
            .sudo()
            ._aftersales_charge(
                self.company_id,
                self.partner_id,
                entries,
                origin=self.name,
                aftersales_request_id=self.id,
                require_signature=True,
                require_payment=False,
            )
        )
        self.message_post(
            body=self.env._(
                "Quotation %(order)s: %(amount)s",
                order=order.name,
                amount=formatLang(self.env, order.amount_total, currency_obj=order.currency_id),
            )
        )
        return order.sudo(False)

    def action_view_orders(self):
        """Show the quotations and orders of the request."""
        self.ensure_one()
        orders = self.order_ids
        if len(orders) == 1:
            return orders._get_action_open()
        action = self.env["ir.actions.act_window"]._for_xml_id("sale.action_quotations")
        return {**action, "domain": [("id", "in", orders.ids)], "context": {}}

    def _check_agreed(self, amount, hint=""):
        """Raise UserError if the customer hasn't agreed to pay ``amount`` (H7).

        :param amount: in the company's currency, taxes included
        :param hint: a sentence that says what else can be done about it
        """
        self.ensure_one()
        agreed = self._get_agreed_amount()
        currency = self.company_id.currency_id
        if currency.compare_amounts(amount, agreed) > 0:
            message = self.env._(
                "%(request)s: the customer agreed to pay %(agreed)s, now it is %(amount)s, "
                "%(difference)s more. Record the customer's consent first (H7).",
                request=self.name,
                agreed=formatLang(self.env, agreed, currency_obj=currency),
                amount=formatLang(self.env, amount, currency_obj=currency),
                difference=formatLang(self.env, amount - agreed, currency_obj=currency),
            )
            raise UserError(f"{message}\n{hint}" if hint else message)

    def _check_signed_agreed(self, consent):
        """Raise UserError if signed work rests on ``consent``, which was just withdrawn."""
        self.ensure_one()
        if consent.kind == "outside":
            # sudo: a record that this user doesn't see rests on the consent as well
            records = self.sudo().record_ids.filtered(lambda r: r.state in ("signed", "done"))
            resting = any(record._get_missing_outside() for record in records)
        else:
            amount = self._get_charge_amount(states=("signed", "done"))
            agreed = self._get_agreed_amount()
            resting = self.company_id.currency_id.compare_amounts(amount, agreed) > 0
        if resting:
            raise UserError(
                self.env._(
                    "The customer has signed the work that rests on %s: it can't be withdrawn any "
                    "more.",
                    consent.name,
                )
            )

    def action_open_consent(self):
        """Open the window in which the customer's consent is taken (H5, H7)."""
        self.ensure_one()
        return self._get_action_consent(default_request_id=self.id)

    def _get_action_consent(self, **defaults):
        waiting = self._get_open_quotation().state in ("draft", "sent")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Customer's consent"),
            "res_model": "aftersales.consent.entry",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_kind": "quotation" if waiting else "extra",
                # sudo: the customer's name is on the request already
                "default_given_by": self.sudo().partner_id.name,
                **defaults,
            },
        }

    def _add_consent(self, vals, record=None):
        """Write down a consent that was given for the request, and return it (H7, M8.8).

        The caller checked that the user may serve the request.

        :param dict vals: values of the consent; of a quotation, the amount is the quotation's
        :param record: the service record on which it was asked for
        """
        self.ensure_one()
        # sudo: a colleague may serve the record without seeing the request
        own = self.sudo()
        own.lock_for_update(allow_referencing=True)
        if own.state == "cancelled":
            raise UserError(self.env._("%s is cancelled.", own.name))
        kind = vals["kind"]
        if kind == "outside":
            self._check_outside_consent(vals)
        quotation = own._get_open_quotation()
        if kind == "quotation":
            if quotation.state not in ("draft", "sent"):
                raise UserError(
                    self.env._(
                        "No quotation of %s waits for an answer. Write one first, or record the "
                        "consent to the extra cost.",
                        own.name,
                    )
                )
            own._get_replaced_consents()._write_protected({"state": "replaced"})
        consent = own.consent_ids.create(
            {
                "company_id": own.company_id.id,
                "request_id": own.id,
                "record_id": record and record.id,
                "order_id": quotation.id if kind != "outside" else False,
                "user_id": self.env.uid,
                **vals,
            }
        )
        if kind == "quotation":
            # at the rate of the day of this consent, by which it is compared from now on
            consent.amount = own._get_orders_amount(quotation)
            quotation._aftersales_accept(consent)
        own.message_post(body=consent._get_message())
        return consent

    def _get_replaced_consents(self):
        """Return the consents that a new quotation replaces: no order was charged on them."""
        return self.consent_ids.filtered(
            lambda consent: consent.state == "given"
            and consent.kind != "outside"
            and not consent.order_id.service_record_id
        )

    def _is_proof_needed(self, user):
        """Tell whether the word of ``user`` alone isn't enough for a consent by phone (H7).

        That of a clerk is, unless he does the work that is charged.
        """
        self.ensure_one()
        # sudo: whoever asks; a colleague may serve a record of the request
        own = self.sudo()
        serving = own.technician_id | own.record_ids.technician_id
        return user in serving or not user.has_group("aftersales_service.group_clerk")

    def _check_outside_consent(self, vals):
        """Raise AccessError unless the user may record what customer service agreed to (M8.8)."""
        central = "aftersales_service.group_customer_service"
        self._check_group(central if vals["how"] == "system" else "aftersales_service.group_clerk")

    # --- deadlines -------------------------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id or self.region_id.office_id

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.technician_id

    def _get_deadline_fields(self):
        return {"center_id", "region_id", "partner_id", "card_id"}

    def _update_deadlines(self):
        # sudo: the records follow their request, whether or not this user sees them
        self.sudo().record_ids._update_deadlines()
        return super()._update_deadlines()

    def _on_deadline_missed(self, deadlines):
        """A promised repair that is overdue is answered by an exchange (L2.2)."""
        promised = deadlines.filtered(lambda d: d.rule_id.start_event_id.code == "repair_promised")
        overdue = self.browse(promised.mapped("res_id")).filtered(
            lambda request: request.id in self.ids and request._is_exchangeable()
        )
        overdue._write_protected({"is_exchange_due": True})
        text = self.env._("The promised repair is overdue: offer the customer an exchange (L2.2).")
        overdue._message_log_batch(dict.fromkeys(overdue.ids, text))
        return super()._on_deadline_missed(deadlines)

    def _is_exchangeable(self):
        """Tell whether the repair was promised within the warranty."""
        self.ensure_one()
        card = self.card_id
        promised = self.company_id._aftersales_local(self.date_repair_promised).date()
        return card.state == "open" and bool(card.date_end) and card.date_end >= promised

    def _check_open(self):
        """Raise unless the user may write the requests and they are neither done nor cancelled."""
        for request in self:
            request.check_access("write")
            if request.state in ("done", "cancelled"):
                raise UserError(request._get_closed_message())

    def _get_closed_message(self):
        """Return the sentence that a closed request stays closed, and what to do instead."""
        self.ensure_one()
        return self.env._(
            "%s is closed and stays closed. Press “Follow-up” on it: a new request is filled from "
            "it and linked with it.",
            self.name,
        )

    def action_answer(self):
        """Note that the customer got an answer now (M1, H3)."""
        self._check_open()
        self._note_answer(fields.Datetime.now())
        return True

    def _note_answer(self, moment):
        for request in self.filtered(lambda r: not r.date_answered):
            request._write_protected({"date_answered": moment})
            request._deadline_event("answered", moment)

    def action_wait(self, reason=None):
        """Stop the clocks that the customer can stop, because of what he has to do first."""
        if not (reason or "").strip():
            raise UserError(self.env._("Say what the customer has to do first."))
        self._check_open()
        for request in self:
            if request.is_waiting or request.state == "callback":
                raise UserError(self.env._("%s is waiting for the customer already.", request.name))
            request._write_protected({"is_waiting": True})
            request._deadline_event("waiting")
            request.message_post(body=self.env._("Waiting for the customer: %s", reason.strip()))
        return True

    def action_open_wait(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_wait", self.env._("Wait for the customer")
        )

    def action_resume(self):
        """Let the clocks go on with the time that was left."""
        self._check_open()
        for request in self:
            if not request.is_waiting:
                raise UserError(self.env._("%s is not waiting for the customer.", request.name))
            request._write_protected({"is_waiting": False})
            request._deadline_event("resumed")
            request.message_post(body=self.env._("The customer did his part; the clocks go on."))
        return True

    def action_promise_repair(self):
        """Promise the repair that can't be done on the spot; three days by default (L2.2)."""
        self._check_open()
        for request in self:
            if request.state != "in_progress" and not request.needs_visit:
                raise UserError(
                    self.env._(
                        "A repair is promised when it turned out on site that it can't be done at "
                        "once: enter the arrival in the service record of %s first.",
                        request.name,
                    )
                )
            if request.date_repair_promised:
                raise UserError(self.env._("The repair was promised already: %s", request.name))
            request._write_protected({"date_repair_promised": fields.Datetime.now()})
            request._deadline_event("repair_promised")
            request.message_post(body=self.env._("Promised the customer the repair (L2.2)."))
        return True

    def action_offer_exchange(self):
        """Record that the customer was offered an exchange for the overdue repair (L2.2)."""
        self._check_open()
        for request in self:
            if not request.is_exchange_due:
                raise UserError(
                    self.env._("No promised repair of %s is overdue in warranty.", request.name)
                )
            if request.exchange_offered_on:
                raise UserError(
                    self.env._(
                        "%(user)s offered the exchange of %(request)s already.",
                        # sudo: the name is shown in the history, too
                        user=request.sudo().exchange_offered_by.name,
                        request=request.name,
                    )
                )
            request._write_protected(
                {
                    "exchange_offered_on": fields.Datetime.now(),
                    "exchange_offered_by": self.env.uid,
                }
            )
            request.message_post(body=self.env._("Offered the customer an exchange (L2.2)."))
        return True

    # --- flow ------------------------------------------------------------------------------

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
            request._check_intake()
            request._check_center_id()
            moment = request.date_assigned or fields.Datetime.now()
            request._write_protected(
                {"state": "assigned", "date_assigned": request._get_dispatch_moment()}
            )
            request._deadline_event("assigned", moment)
        return True

    def _get_dispatch_moment(self):
        """Return the moment before which nobody can have been sent, naive UTC.

        What is entered days later, from paper, was dispatched on any day since it was received.
        """
        self.ensure_one()
        now = fields.Datetime.now()
        entered = min(self.create_date or now, now)
        if not self.date_assigned and (
            self._get_local_day(self.request_date) < self._get_local_day(entered)
        ):
            return self.request_date
        return self.date_assigned or max(now, self.request_date)

    def action_create_record(self):
        """Open the service record of the visit, filled from the request."""
        self.ensure_one()
        if self.state not in ("assigned", "in_progress"):
            raise UserError(
                self.env._("Assign the request to a service center first.")
                if self.state == "new"
                else self._get_closed_message()
            )
        record = self.open_record_id
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
        """Note the first arrival of a technician; a corrected time corrects the deadline.

        After a visit that left something to be done, the next one keeps what was promised since.
        """
        for request in self.filtered(lambda r: r.state in ("assigned", "in_progress")):
            records = request.record_ids.filtered(
                lambda r: r.arrival and r.state in ("draft", "signed")
            ).sorted("arrival")
            if request.state == "assigned":
                request._write_protected({"state": "in_progress", "needs_visit": False})
            request._note_visit(records[0].arrival)
            if not request.appointment_ids.filtered(lambda a, own=records: a.record_id in own):
                request.appointment_id._keep(records[0])
                request._write_protected({"appointment_id": False})

    def _note_visit(self, moment):
        """Note that a technician was there at ``moment`` (naive UTC)."""
        self.ensure_one()
        earlier = [
            *self.record_ids.filtered(lambda r: r.state == "done").mapped("arrival"),
            *self.appointment_ids.filtered(lambda a: a.state == "no_show").mapped("date_closed"),
        ]
        self._deadline_event("arrived", moment, since=max(earlier, default=None))
        self._note_answer(moment)

    def _finish(self, moment, resolution=None):
        """Close the request, because its record is valid or advice solved the problem.

        :param datetime moment: when it was finished, naive UTC
        :param str resolution: how it was solved; default by visit or workshop
        """
        self._check_handed_back()
        for request in self.filtered(lambda r: r.state in ("assigned", "in_progress", "callback")):
            # sudo: what is finished needs no further visit, whoever made the appointment
            request.sudo().appointment_id._close(
                "cancelled", request.env._("The request is finished.")
            )
            request._write_protected(
                {
                    "state": "done",
                    "is_waiting": False,
                    "needs_visit": False,
                    "resolution": resolution or request._get_resolution(),
                    "date_done": moment,
                }
            )
            request._note_answer(moment)
            request._deadline_event("done", moment)
            # nobody has to arrive any more
            request.deadline_ids.filtered(
                lambda d: d.rule_id.stop_event_id.code == "arrived"
            )._cancel()

    def action_cancel(self, reason=None):
        """Cancel the request, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the request is cancelled."))
        self._check_group("aftersales_service.group_clerk")
        self._check_undisputed()
        self._check_handed_back()
        for request in self:
            request.check_access("write")
            if request._is_served():
                raise UserError(
                    self.env._(
                        "%s is closed or has a signed service record, and stays.", request.name
                    )
                )
            # sudo: the visits of a cancelled request are called off, whoever made them
            request.sudo().appointment_id._close("cancelled", reason)
            request._cancel_callbacks(reason)
            request._write_protected({"state": "cancelled", "is_waiting": False})
            request._cancel_deadlines()
            request.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel request")
        )

    def _check_protected(self, names):
        names = set(names)
        closed = self.filtered(lambda request: request.state in ("done", "cancelled"))
        if "state" in names and closed:
            raise UserError(closed[0]._get_closed_message())
        return super()._check_protected(names)

    # --- follow-up -------------------------------------------------------------------------

    def action_follow_up(self):
        """Register a new request that takes up a closed one, linked both ways, and open it.

        :raises UserError: the request is still open, so that it goes on itself
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_clerk")
        self.check_access("read")
        if self.state not in ("done", "cancelled"):
            raise UserError(
                self.env._("%s is still open: note on it what the customer says.", self.name)
            )
        follow_up = self.create(self._prepare_follow_up_vals())
        follow_up._write_protected({"origin_id": self.id})
        text = self.env._(
            "%(follow_up)s takes up %(origin)s.", follow_up=follow_up.name, origin=self.name
        )
        (self | follow_up)._message_log_batch({self.id: text, follow_up.id: text})
        return follow_up._get_action_open()

    def _prepare_follow_up_vals(self):
        self.ensure_one()
        card = self.card_id
        # a card that was transferred meanwhile belongs to somebody else
        if card.partner_id.commercial_partner_id != self.partner_id.commercial_partner_id:
            card = card.browse()
        return {
            "company_id": self.company_id.id,
            "card_id": card.id,
            "partner_id": self.partner_id.id,
            "phone": self.phone,
            "product_id": self.product_id.id,
            "date_purchase": self.date_purchase,
            "serial_reported": self.serial_reported,
            "description": self.env._(
                "Again after %(request)s: %(problem)s",
                request=self.name,
                problem=self.description,
            ),
        }

    def _get_action_open(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
        }

    def action_view_follow_ups(self):
        """Open the requests that take this one up."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_request")
        return {**action, "domain": [("origin_id", "=", self.id)], "context": {}}

    @api.depends("card_id", "product_id")
    def _compute_has_exchange_questions(self):
        for request in self:
            # sudo: whoever sees a request may know whether its product can be exchanged at all
            own = request.sudo()
            policy = own.card_id.policy_id or own.product_id.warranty_policy_id
            request.has_exchange_questions = policy._has_exchange_questions()

    def action_new_assessment(self):
        """Begin the assessment whether the product is exchanged (L1.2)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New assessment"),
            "res_model": "aftersales.exchange.assessment",
            "views": [(False, "form")],
            "context": {"default_request_id": self.id},
        }

    def action_view_records(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_service_record"
        )
        return {**action, "domain": [("request_id", "=", self.id)], "context": {}}
