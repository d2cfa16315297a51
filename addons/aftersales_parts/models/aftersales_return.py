from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_date

# the states in which the goods are still with the sender
UNSHIPPED = ("draft", "submitted", "approved")


class AftersalesReturn(models.Model):
    """返厂单: what a center or office sends back, from application to answer (L2.3–L2.11).

    Used parts travel by their tags, defective goods by product and quantity.
    """

    _name = "aftersales.return"
    _description = "Return"
    _regulations = (
        "L1.3",
        "L2.3",
        "L2.4",
        "L2.5",
        "L2.6",
        "L2.7",
        "L2.8",
        "L2.9",
        "L2.10",
        "L2.11",
        "H11",
    )
    _inherit = [
        "aftersales.reference.mixin",
        "aftersales.retention.mixin",
        "aftersales.approval.mixin",
        "aftersales.deadline.mixin",
        "aftersales.dispute.mixin",
    ]
    _sequence_code = "aftersales.return"
    _dispute_field = "return_id"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    center_id = fields.Many2one(
        "res.partner",
        "Sender",
        required=True,
        domain="['|', ('is_service_center', '=', True), ('aftersales_level', '=', 'office')]",
        index=True,
        tracking=True,
        check_company=True,
        default=lambda self: self._default_center_id(),
        help="The service center, office or logistics partner that sends the goods back.",
    )
    region_id = fields.Many2one("aftersales.region", compute="_compute_region_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    complaint_id = fields.Many2one(
        "aftersales.complaint",
        "Complaint",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The complaint by which a whole batch goes back, at any time (L1.3, L2.7).",
    )
    is_special = fields.Boolean(
        "Special approval",
        tracking=True,
        help="For batch quality and exceptions: outside the sender's window and beside its return "
        "of the month, by special approval of customer service (L2.7).",
    )
    special_reason = fields.Text(
        "Reason for the special approval", help="Why the return can't wait for its window (L2.7)."
    )
    month = fields.Date(
        "Month (first day)",
        compute="_compute_month",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        copy=False,
        help="The month in which the goods are returned; one return per month (L2.6). Proposed: "
        "the next one whose window isn't over and that has no return of this sender yet.",
    )
    date_window_start = fields.Date(
        "Window from",
        compute="_compute_date_window",
        store=True,
        help="First day on which the return may be shipped, by the week of its region (L2.11).",
    )
    date_window_end = fields.Date(
        "Window until",
        compute="_compute_date_window",
        store=True,
        help="Last day of the window. A return that misses it waits for the next one (L2.6).",
    )
    carried_over = fields.Integer(
        "Windows missed",
        readonly=True,
        copy=False,
        help="How often the return missed its window and was moved to the next one (L2.6).",
    )
    window_state = fields.Selection(
        [
            ("waiting", "Waits"),
            ("open", "Window open"),
            ("over", "Window missed"),
            ("special", "Special approval"),
        ],
        "Window status",
        compute="_compute_window_state",
        help="Whether what has not been shipped yet may be shipped today. By special approval it "
        "goes at any time.",
    )
    window_note = fields.Char("When to ship", compute="_compute_window_state")
    appraisal = fields.Text(
        readonly=True,
        copy=False,
        help="What the office or regional manager found when he looked at the goods (L2.4).",
    )
    appraiser_id = fields.Many2one("res.users", "Appraised by", readonly=True, copy=False)
    date_appraised = fields.Datetime("Appraised on", readonly=True, copy=False)
    appraisal_signature = fields.Image(
        "Signature of the manager", readonly=True, copy=False, max_width=1024, max_height=1024
    )
    is_appraisal_next = fields.Boolean(compute="_compute_is_appraisal_next")
    reason = fields.Text(help="Why the goods come back, for the application.")
    freight_payer = fields.Selection(
        [("company", "Company"), ("center", "Service center")],
        required=True,
        default="company",
        help="The company bears the freight of an office's monthly return (L2.3).",
    )
    carrier = fields.Char(tracking=True)
    waybill = fields.Char(tracking=True)
    freight_cost = fields.Monetary(
        tracking=True, help="What the carrier charges, VAT included (L2.3)."
    )
    package_count = fields.Integer(
        "Packages", copy=False, tracking=True, help="How many boxes and crates go."
    )
    can_enter_freight = fields.Boolean(compute="_compute_can_enter_freight")
    date_register = fields.Datetime(
        "Register issued on",
        readonly=True,
        copy=False,
        help="Shipping issues the register, which travels with the goods (L2.4).",
    )
    is_register_missing = fields.Boolean(
        "Arrived without register",
        readonly=True,
        copy=False,
        help="The goods stand at the gate and are not taken in before their register is there "
        "(L2.5).",
    )
    register_refusal = fields.Text("Why the goods were not taken in", readonly=True, copy=False)
    period = fields.Char("Month", compute="_compute_period")
    line_ids = fields.One2many("aftersales.return.line", "return_id", "Goods")
    line_count = fields.Integer(
        "Items", compute="_compute_counts", help="Tags and kinds of defective goods."
    )
    missing_count = fields.Integer("Missing", compute="_compute_counts")
    difference_count = fields.Integer(
        "Differences",
        compute="_compute_inspection_counts",
        help="Tags and kinds of goods of which another quantity arrived than was shipped (L2.8).",
    )
    inspection_count = fields.Integer("To inspect", compute="_compute_inspection_counts")
    objection_count = fields.Integer("Objections", compute="_compute_inspection_counts")
    condition = fields.Selection(
        [
            ("intact", "Intact"),
            ("packaging", "Packaging damaged"),
            ("wet", "Wet"),
            ("goods", "Goods damaged"),
        ],
        "Condition on arrival",
        readonly=True,
        copy=False,
        help="Of several deliveries the worst; logistics notes it when it receives the goods "
        "(L2.8).",
    )
    condition_note = fields.Text("Remarks on arrival", readonly=True, copy=False)
    photo_ids = fields.One2many(
        "aftersales.return.photo", "return_id", "Photos", domain=[("line_id", "=", False)]
    )
    picking_id = fields.Many2one(
        "stock.picking",
        "Transfer",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
    )
    backorder_id = fields.Many2one(
        "stock.picking",
        "Backorder",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The tags that were announced but did not arrive.",
    )
    goods_picking_id = fields.Many2one(
        "stock.picking",
        "Receipt of the goods",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The receipt of the defective goods, by what was counted.",
    )
    date_shipped = fields.Datetime("Shipped on", readonly=True, copy=False)
    date_received = fields.Datetime(
        "Arrived",
        readonly=True,
        copy=False,
        help="When the first of the goods arrived, from which verification and answer are due "
        "(L2.8, L2.10).",
    )
    date_received_last = fields.Datetime(
        "Arrived last",
        readonly=True,
        copy=False,
        help="When the latest of the goods arrived. Each line knows its own arrival.",
    )
    date_verified = fields.Datetime("Verified on", readonly=True, copy=False)
    date_answered = fields.Datetime("Answered on", readonly=True, copy=False)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Applied"),
            ("approved", "Approved"),
            ("shipped", "Shipped"),
            ("received", "Received"),
            ("verified", "Verified"),
            ("done", "Answered"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    _center_month_uniq = models.UniqueIndex(
        "(company_id, center_id, month) WHERE state <> 'cancelled' AND complaint_id IS NULL "
        "AND is_special IS NOT TRUE AND is_on_spot IS NOT TRUE",
        "This sender already has a return in this month: goods are returned once a month (L2.6). "
        "Add to that one while it is a draft, or wait for next month.",
    )

    _complaint_uniq = models.UniqueIndex(
        "(complaint_id) WHERE state <> 'cancelled'", "The batch is being returned already."
    )
    _freight_cost_positive = models.Constraint(
        "CHECK(freight_cost >= 0)", "The freight can't cost less than nothing."
    )
    _package_count_positive = models.Constraint(
        "CHECK(package_count >= 0)", "There can't be less packages than none."
    )

    def _default_center_id(self):
        sender = self.env.user.commercial_partner_id
        return sender if sender._may_keep_used_parts() else False

    @api.depends("center_id.aftersales_region_id", "center_id.is_regional_office")
    def _compute_region_id(self):
        """Take the region that the sender belongs to, or that it is the office of."""
        offices = self.center_id.filtered(lambda p: not p.aftersales_region_id)
        # sudo: the region is what the rights of the return go by
        regions = self.env["aftersales.region"].sudo().search([("office_id", "in", offices.ids)])
        by_office = {region.office_id: region for region in reversed(regions)}
        for document in self:
            sender = document.center_id
            document.region_id = sender.aftersales_region_id or by_office.get(sender._origin)

    @api.depends("center_id", "is_special", "is_on_spot")
    def _compute_month(self):
        """Propose the month: this one if its window isn't over and no return is in it (L2.6)."""
        new = self.filtered(lambda document: not document._origin.month)
        taken = new._get_taken_months()
        for document in self:
            if document not in new:
                document.month = document._origin.month
                continue
            month = document._get_today().replace(day=1)
            if document._is_ordinary():
                key = document.company_id.id, document.center_id._origin.id
                month = document._get_next_month(month, taken.get(key, ()))
            document.month = month

    def _get_today(self):
        """Return the day that the company's clock shows."""
        return self._get_local_day(fields.Datetime.now())

    def _is_special(self):
        """Tell whether the return goes outside the windows and the monthly limit (L2.7)."""
        return bool(self.is_special or self.complaint_id)

    def _is_ordinary(self):
        """Tell whether it is the month's return, which waits for its window (L2.6)."""
        return not (self._is_special() or self.is_on_spot)

    @api.model
    def _get_ordinary_domain(self):
        """Return the domain of the returns that ``_is_ordinary`` holds for."""
        return (
            Domain("is_special", "=", False)
            & Domain("complaint_id", "=", False)
            & Domain("is_on_spot", "=", False)
        )

    def _get_reference_fields(self):
        return super()._get_reference_fields() | {"center_id"}

    def _get_taken_months(self):
        """Return {(company id, sender id): months that have an ordinary return already}."""
        # sudo: a return that this user doesn't see takes its month as well
        groups = self.sudo()._read_group(
            Domain("center_id", "in", self.center_id._origin.ids)
            & Domain("state", "!=", "cancelled")
            & self._get_ordinary_domain(),
            ["company_id", "center_id"],
            ["month:array_agg"],
        )
        return {(company.id, center.id): set(months) for company, center, months in groups}

    def _get_next_month(self, month, taken):
        """Return the first month, ``month`` or later, in which the return may still go (L2.6).

        :param date month: first day of a month
        :param taken: months that have a return of this sender already
        """
        today = self._get_today()
        while month in taken or self.region_id._get_return_window(month)[1] < today:
            month += relativedelta(months=1)
        return month

    @api.depends("month", "region_id.return_week", "is_special", "complaint_id", "is_on_spot")
    def _compute_date_window(self):
        for document in self:
            if not document._is_ordinary():
                window = (False, False)
            elif document.state not in UNSHIPPED and document.date_window_end:
                # the window in which it went, whatever the region's week is by now
                window = document.date_window_start, document.date_window_end
            elif document.month:
                window = document.region_id._get_return_window(document.month)
            else:
                window = (False, False)
            document.date_window_start, document.date_window_end = window

    @api.depends(
        "state",
        "date_window_start",
        "date_window_end",
        "is_special",
        "complaint_id",
        "is_on_spot",
        "region_id",
    )
    @api.depends_context("lang")
    def _compute_window_state(self):
        for document in self:
            start, end = document.date_window_start, document.date_window_end
            document.window_note = False
            document.window_state = document._is_special() and "special"
            if document.state not in UNSHIPPED or not document._is_ordinary() or not start:
                continue
            today = document._get_today()
            dates = {
                "start": format_date(self.env, start),
                "end": format_date(self.env, end),
                "week": document.region_id._get_return_week_text(),
            }
            if today < start:
                document.window_state = "waiting"
                note = self.env._("May be shipped from %(start)s to %(end)s (%(week)s).", **dates)
            elif today <= end:
                document.window_state = "open"
                note = self.env._("May be shipped until %(end)s (%(week)s).", **dates)
            else:
                document.window_state = "over"
                note = self.env._(
                    "Its window ended on %(end)s (%(week)s): it moves to the next one overnight.",
                    **dates,
                )
            document.window_note = note

    @api.depends("approval_state", "approval_round", "approval_ids")
    def _compute_is_appraisal_next(self):
        for document in self:
            document.is_appraisal_next = document._is_next_step("appraisal")

    def _is_next_step(self, code):
        return (self._get_next_step() or {}).get("code") == code

    @api.depends("month")
    def _compute_period(self):
        for document in self:
            document.period = document.month and document.month.strftime("%Y-%m")

    def _compute_counts(self):
        counts = {
            document: (count, missing)
            for document, count, missing in self.env["aftersales.return.line"]._read_group(
                [("return_id", "in", self.ids)], ["return_id"], ["__count", "is_missing:sum"]
            )
        }
        for document in self:
            document.line_count, document.missing_count = counts.get(document, (0, 0))

    def _compute_inspection_counts(self):
        lines = self.env["aftersales.return.line"]
        counts = [
            dict(
                lines._read_group(
                    Domain("return_id", "in", self.ids) & domain, ["return_id"], ["__count"]
                )
            )
            for domain in (
                Domain("difference", "!=", 0),
                Domain("is_received", "=", True) & Domain("is_verified", "=", False),
                Domain("objection_state", "=", "open"),
            )
        ]
        for document in self:
            (
                document.difference_count,
                document.inspection_count,
                document.objection_count,
            ) = (count.get(document, 0) for count in counts)

    @api.depends("state")
    @api.depends_context("uid")
    def _compute_can_enter_freight(self):
        """Let the sender say how the goods travel until they arrive, logistics until the answer."""
        is_logistics = self.env.user.has_group("aftersales_service.group_logistics")
        for document in self:
            document.can_enter_freight = document.state in (*UNSHIPPED, "shipped") or (
                is_logistics and document.state in ("received", "verified")
            )

    @api.constrains("freight_payer", "complaint_id", "is_special")
    def _check_freight_payer(self):
        for document in self.filtered(lambda document: document.freight_payer != "company"):
            if document.complaint_id:
                raise ValidationError(
                    self.env._("The company bears the freight of a faulty batch (L1.3).")
                )
            if not document.center_id.is_service_center and not document.is_special:
                raise ValidationError(
                    self.env._(
                        "The company bears the freight of an office's monthly return (L2.3)."
                    )
                )

    @api.constrains("month")
    def _check_month(self):
        for document in self:
            if document.month.day != 1:
                raise ValidationError(
                    self.env._("The month is given by its first day, such as 2026-11-01.")
                )

    @api.constrains("center_id", "complaint_id")
    def _check_center_id(self):
        for document in self:
            document._check_sender()

    def _check_sender(self):
        """Raise UserError unless the sender is one who may return: the goods of others come back
        through him, or as the faulty batch of a complaint (L2.3, L1.3)."""
        self.ensure_one()
        # sudo: what the sender is decides, whatever this user sees of him
        sender = self.sudo().center_id
        if self.complaint_id:
            return
        if not sender._may_keep_used_parts():
            raise UserError(
                self.env._(
                    "%s is neither a service center nor an office or logistics partner: only they "
                    "return goods (L2.3).",
                    sender.display_name,
                )
            )
        if sender.is_service_center and sender.center_state == "closed":
            raise UserError(
                self.env._(
                    "%s is closed. Let its regional office return what is left there.",
                    sender.display_name,
                )
            )

    def _check_references(self, vals_list):
        result = super()._check_references(vals_list)
        for sender in {vals["center_id"] for vals in vals_list if vals.get("center_id")}:
            self._check_may_send(sender)
        return result

    @api.model
    def _check_may_send(self, sender):
        """Raise AccessError unless the user may apply for the partner with the id ``sender``.

        Asked before the months that it has taken, which would tell of its returns.
        """
        rules = self.env["ir.rule"]._compute_domain(self._name, "create")
        # sudo: only whether the rules allow it is asked
        if not self.new({"center_id": sender}).sudo().filtered_domain(rules):
            raise AccessError(
                self.env._("A return is applied for by its sender, or by the sender's office.")
            )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if month := fields.Date.to_date(vals.get("month")):
                vals["month"] = month.replace(day=1)
        documents = super().create(vals_list)
        if not self.env.su:
            documents._check_month_ahead()
        return documents

    def write(self, vals):
        if self._get_changed_names(vals, {"center_id", "company_id"}):
            raise UserError(
                self.env._("A return stays with its sender. Cancel it and make a new one.")
            )
        month_changes = not self.env.su and self._get_changed_names(vals, {"month"})
        if month_changes:
            for document in self:
                if document.state != "draft":
                    raise UserError(
                        self.env._(
                            "%s has been applied for: its month stays, unless it misses its "
                            "window (L2.6).",
                            document.name,
                        )
                    )
        if self._get_changed_names(vals, {"carrier", "waybill", "freight_cost", "package_count"}):
            for document in self:
                if document.can_enter_freight:
                    continue
                if document.state in ("done", "cancelled"):
                    raise UserError(
                        self.env._(
                            "%s is closed: how it travelled, and what that cost, stays.",
                            document.name,
                        )
                    )
                raise UserError(
                    self.env._(
                        "%s has arrived: only logistics still corrects how it travelled, and what "
                        "that cost.",
                        document.name,
                    )
                )
        if vals.get("month"):
            vals = {**vals, "month": fields.Date.to_date(vals["month"]).replace(day=1)}
        result = super().write(vals)
        if month_changes:
            self._check_month_ahead()
        return result

    def _check_month_ahead(self):
        """Raise UserError unless the goods are to go in this month or within a year (L2.6)."""
        for document in self:
            first = document._get_today().replace(day=1)
            if not first <= document.month <= first + relativedelta(years=1):
                raise UserError(
                    self.env._(
                        "A return goes in this month or a coming one, at most a year ahead, not in "
                        "%s (L2.6).",
                        document.period,
                    )
                )

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "approval_round",
            "month",
            "date_received_last",
            "line_ids.used_part_id.retain_until",
        ]

    def _get_retention_start(self):
        # what was never applied for is a draft
        if not self.approval_round:
            return False
        return max(filter(None, (self.month, self._get_local_day(self.date_received_last))))

    def _get_retained_with(self):
        return self.line_ids.used_part_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "complaint_id",
            "picking_id",
            "backorder_id",
            "goods_picking_id",
            "carried_over",
            "appraisal",
            "appraiser_id",
            "date_appraised",
            "appraisal_signature",
            "date_register",
            "is_register_missing",
            "register_refusal",
            "date_shipped",
            "date_received",
            "date_received_last",
            "date_verified",
            "date_answered",
            "condition",
            "condition_note",
        }

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_ask_special", "action_refuse_receipt"}

    def _get_name_for_user(self):
        """Return the number, unless the return is none of the user's business."""
        # constraints are checked with the rights of the system
        if self.sudo(False)._filtered_access("read"):
            return self.name
        return self.env._("another return")

    # --- who is told -----------------------------------------------------------------------

    def _get_sender_partners(self):
        """Return the sender, his people, who applied for him, and the manager of his region.

        The sender himself is told by mail: dealers, and centers that don't log in, have no user.
        """
        # sudo: they are told whatever right the current user has on their contacts
        document = self.sudo()
        center = document.center_id
        users = self.env["aftersales.deadline"].sudo()._get_users_by_partner(center)[center]
        users |= document.requester_id | document.region_id.manager_id
        return center | users.partner_id

    def _get_customer_service_partners(self):
        # sudo: colleagues of the role are read to tell them
        group = self.env.ref("aftersales_service.group_customer_service").sudo()
        users = self.env["aftersales.deadline"].sudo()._get_group_users(group)
        return users.filtered(lambda user: self.company_id in user.company_ids).partner_id

    def _tell_sender(self, get_sentences, customer_service=False):
        """Keep with the return, and tell the sender, what ``get_sentences`` says of it (L2.8).

        :param get_sentences: gets the return in the company's language, returns a list of strings
        :param bool customer_service: whether customer service is told as well
        """
        self.ensure_one()
        partners = self._get_sender_partners()
        if customer_service:
            partners |= self._get_customer_service_partners()
        # sudo: whoever acts may have no right to post
        document = self.sudo()
        document = document.with_context(lang=document.company_id.partner_id.lang or self.env.lang)
        document.message_post(
            body=Markup("<br/>").join(get_sentences(document)),
            partner_ids=partners.ids,
            subtype_xmlid="mail.mt_comment",
        )

    # --- deadlines (L2.8, L2.10) -----------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id

    # --- steps -----------------------------------------------------------------------------

    def action_collect(self):
        """Put every used part that the sender keeps, and no return has yet, on the return."""
        for document in self:
            document.check_access("write")
            if document.state != "draft" or document.complaint_id:
                raise UserError(
                    self.env._("%s is no draft of a return of used parts.", document.name)
                )
            parts = self.env["aftersales.used.part"].search(
                [
                    ("keeper_id", "=", document.center_id.id),
                    ("company_id", "=", document.company_id.id),
                    ("state", "=", "held"),
                    ("return_line_ids", "not any", [("is_open", "=", True)]),
                ],
                order="name",
            )
            self.env["aftersales.return.line"].create(
                [{"return_id": document.id, "used_part_id": part.id} for part in parts]
            )
        return True

    def action_ship(self):
        """Send the approved goods with their register; the transfer waits to be received.

        :raises UserError: not approved (L2.5), outside its window (L2.6), a tag that isn't with
            the sender, or goods that lie in stock elsewhere
        """
        self._check_sender_role()
        for document in self:
            document.check_access("write")
            document.lock_for_update(allow_referencing=True)
            if document.state != "approved":
                document._check_approved()
                raise UserError(self.env._("%s has already been shipped.", document.name))
            document._check_approved()
            if document.is_on_spot:
                raise UserError(
                    self.env._(
                        "%s is approved to be dealt with on the spot: its goods are not shipped.",
                        document.name,
                    )
                )
            document._check_window()
            document.line_ids._check_held()
            document.line_ids.used_part_id._check_packing()
            document._get_goods_lines()._check_goods()
            # sudo: the center ships without rights on stock; the transfer is exactly what was
            # approved.
            document.sudo()._ship()
        return True

    def _ship(self):
        self.ensure_one()
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        now = fields.Datetime.now()
        vals = {"state": "shipped", "date_shipped": now, "date_register": now}
        if parts := self.line_ids.used_part_id:
            transit = warehouse.used_part_transit_loc_id
            parts._move_to(transit, "shipped", "shipped", origin=self.name, return_id=self.id)
            # what waits there is received tag by tag
            picking = parts._create_picking(
                warehouse.used_part_return_type_id, transit, warehouse.used_part_loc_id, self.name
            )
            picking.action_confirm()
            vals["picking_id"] = picking.id
        if goods := self._get_goods_lines():
            vals["goods_picking_id"] = goods._create_receipt(warehouse).id
        for line in self.line_ids:
            line._write_protected({"quantity_shipped": line.quantity})
        self._write_protected(vals)

    def action_open_ship(self):
        """Open the window in which freight and packages are entered."""
        self.ensure_one()
        return self._open_window("aftersales.return.ship", self.env._("Ship"))

    def action_print_register(self):
        """Print the register, which travels with the goods (L2.4)."""
        return self.env.ref("aftersales_parts.report_return_register").report_action(self)

    # --- prints (L2.4, M8.3) ---------------------------------------------------------------

    def action_print_tags(self):
        """Print the tags of all used parts on these returns (M10.3)."""
        return self._get_used_part_lines().used_part_id.action_print_tags()

    def _get_print_name(self, form):
        """Return the name of the file that a form of this return is printed to."""
        titles = {
            "application": self.env._("Defective goods return application"),
            "register": self.env._("Return register"),
            "used_part_list": self.env._("Used-part return list"),
        }
        return f"{titles[form]} {self.name}"

    def _get_date_applied(self):
        """Return when the return was applied for, in the round that counts."""
        # sudo: as in `_get_round_entries`
        return (
            self.sudo()
            .approval_ids.filtered(
                lambda e: e.round == self.approval_round and e.decision == "submitted"
            )
            .date
        )

    def _get_used_part_lines(self):
        """Return the lines with tags, by service record and tag."""
        lines = self.line_ids.filtered("used_part_id")
        return lines.sorted(lambda line: line.used_part_id.name)

    def action_cancel(self, reason=None):
        """Cancel a return that hasn't been shipped, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the return is cancelled."))
        self._check_sender_role()
        self._check_undisputed()
        for document in self:
            document.check_access("write")
            if document.state not in UNSHIPPED:
                raise UserError(
                    self.env._(
                        "%s is on its way or received and can't be cancelled. Let logistics take "
                        "it in: what did not arrive is written off there, and what does not "
                        "qualify is refused and sent back.",
                        document.name,
                    )
                )
            document._write_protected({"state": "cancelled", "approval_state": "draft"})
            document._cancel_deadlines()
            document.flush_recordset(["state"])  # the unique index counts live returns only
            document.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel return")
        )

    def action_open_receive(self):
        """Open the screen on which arriving tags are scanned."""
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("aftersales_parts.action_receive")
        return {**action, "params": {"return_id": self.id}}
