from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_list

from .aftersales_complaint_cause import CATEGORIES, KINDS
from .aftersales_complaint_contact import CHANNELS
from .aftersales_complaint_stage import STAGES

GROUP = "aftersales_service.group_"


class AftersalesComplaint(models.Model):
    """客户投诉: from the register to the day on which it is really closed (C1–C9, E1–E3, H12).

    A complaint goes through eight stages. A stage is finished by a button, by whoever has to do
    it, once everything that it requires is there; it then stays as it is, unless the complaint is
    taken back with a reason. What is judged unfounded is explained to the customer and closed.
    """

    _name = "aftersales.complaint"
    _description = "Complaint"
    _regulations = (
        "C1",
        "C2",
        "C3",
        "C4",
        "C5",
        "C6",
        "C7",
        "C9",
        "E1",
        "E2",
        "E3",
        "H11",
        "H12",
        "L1.3",
        "L1.4",
        "M12",
    )
    _inherit = [
        "aftersales.network.mixin",
        "aftersales.retention.mixin",
        "aftersales.approval.mixin",
        "aftersales.deadline.mixin",
        "aftersales.dispute.mixin",
        "aftersales.complaint.web.mixin",
    ]
    _sequence_code = "aftersales.complaint"
    _dispute_field = "complaint_id"
    _order = "id desc"
    _rec_names_search = ["name", "partner_id", "order_ref", "serial_number"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [*STAGES, ("closed", "Closed"), ("cancelled", "Cancelled")],
        "Stage",
        default="record",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=True,
    )

    # record
    date_reported = fields.Datetime(
        "Reported",
        required=True,
        default=fields.Datetime.now,
        copy=False,
        help="When the customer complained; the deadlines count from then.",
    )
    channel = fields.Selection(
        [*CHANNELS, ("portal", "Customer portal")], required=True, default="phone"
    )
    kind = fields.Selection(
        KINDS,
        required=True,
        default="quality",
        tracking=True,
        index=True,
        help="Decides which department handles the complaint, and what has to be recorded.",
    )
    topic = fields.Selection(
        [("product", "Product"), ("service", "Service"), ("suggestion", "Suggestion")],
        "Complaint about",
        compute="_compute_topic",
        store=True,
        readonly=False,
        precompute=True,
        help="The three kinds of complaints of E1.",
    )
    category = fields.Selection(
        CATEGORIES,
        "Category by cause",
        compute="_compute_category",
        store=True,
        precompute=True,
        help="By the root cause, or as long as it isn't known by the kind of complaint (C2).",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Customer",
        compute="_compute_from_source",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        check_company=True,
        index=True,
        tracking=True,
    )
    contact_name = fields.Char("Complained by", help="The person who complained.")
    phone = fields.Char(compute="_compute_phone", store=True, readonly=False, precompute=True)
    request_id = fields.Many2one(
        "aftersales.request", "Request", check_company=True, index="btree_not_null"
    )
    record_id = fields.Many2one(
        "aftersales.service.record", "Service record", check_company=True, index="btree_not_null"
    )
    callback_id = fields.Many2one(
        "aftersales.callback",
        "Callback",
        check_company=True,
        index="btree_not_null",
        help="The call in which the customer complained.",
    )
    follow_up_ids = fields.One2many(
        "aftersales.callback", "complaint_id", "Follow-up calls", readonly=True, copy=False
    )
    card_id = fields.Many2one(
        "aftersales.warranty.card",
        "Warranty card",
        compute="_compute_card_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        help="Type the card or serial number; customer, product, order and delivery fill "
        "themselves.",
    )
    serial_number = fields.Char(related="card_id.serial_number", store=True)
    sale_line_id = fields.Many2one(
        "sale.order.line",
        "Sold on",
        compute="_compute_sale_line_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        help="The line of the sale order; order, item, quantity and delivery fill themselves.",
    )
    product_id = fields.Many2one(
        "product.product",
        "Product",
        compute="_compute_from_source",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
    )
    order_ref = fields.Char(
        "Order number", compute="_compute_order", store=True, readonly=False, precompute=True
    )
    item_ref = fields.Char(
        "Item number", compute="_compute_order", store=True, readonly=False, precompute=True
    )
    date_delivery = fields.Date(
        "Delivered on", compute="_compute_order", store=True, readonly=False, precompute=True
    )
    quantity = fields.Float(
        compute="_compute_order",
        store=True,
        readonly=False,
        precompute=True,
        digits="Product Unit",
        help="How many were delivered.",
    )
    defective_quantity = fields.Float(
        "Defective quantity", digits="Product Unit", help="How many the customer complains of."
    )
    subject = fields.Char("Complained of", help="The person, the office or the matter.")
    description = fields.Text("What happened", required=True, help="In the customer's own words.")
    demand = fields.Text("Customer's demand", help="What the customer asks for (C3).")
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        domain="[('is_service_center', '=', True)]",
        compute="_compute_center_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        help="The center concerned, or that handles it on the spot (M12).",
    )
    region_id = fields.Many2one(
        "aftersales.region", compute="_compute_region_id", store=True, index="btree_not_null"
    )
    user_id = fields.Many2one(
        "res.users",
        "Handled by",
        required=True,
        default=lambda self: self.env.user,
        domain=[("share", "=", False)],
        check_company=True,
        index=True,
        tracking=True,
        help="Who sees the complaint through to the end.",
    )
    contact_ids = fields.One2many(
        "aftersales.complaint.contact", "complaint_id", "Told to the customer", copy=False
    )
    date_contacted = fields.Datetime(
        "First contact", compute="_compute_date_contacted", store=True, help="At once (C9)."
    )

    # judge
    criterion_ids = fields.Many2many(
        "aftersales.complaint.criterion",
        string="What makes it serious",
        context={"active_test": False},
        copy=False,
    )
    severity = fields.Selection(
        [("light", "Light"), ("serious", "Serious")],
        compute="_compute_severity",
        store=True,
        readonly=False,
        precompute=True,
        copy=False,
        index=True,
        tracking=True,
        help="A serious complaint needs the handling form, a proposal on the product, and the "
        "approval of the departments (C5).",
    )
    verdict = fields.Selection(
        [("founded", "Founded"), ("unfounded", "Unfounded")],
        copy=False,
        tracking=True,
        help="Unfounded: the customer gets a courteous explanation with the evidence (C4).",
    )
    is_founded = fields.Boolean("Is founded", compute="_compute_is_founded", store=True)
    verdict_basis = fields.Text(
        "Reasons", copy=False, help="Why it is founded or not, and by which evidence (C4)."
    )
    verdict_file = fields.Binary("Evidence", attachment=True, copy=False)
    verdict_file_name = fields.Char(copy=False)

    # assign
    department_id = fields.Many2one(
        "aftersales.department",
        "Handling department",
        compute="_compute_department_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        index="btree_not_null",
        tracking=True,
        help="Contract matters go to senior management, transport to logistics, quality to the "
        "quality department (E3), as the causes of complaints say.",
    )
    task_ids = fields.One2many("aftersales.complaint.task", "complaint_id", "Tasks", copy=False)
    department_ids = fields.Many2many(
        "aftersales.department",
        "aftersales_complaint_department_rel",
        "complaint_id",
        "department_id",
        "Departments involved",
        compute="_compute_department_ids",
        store=True,
        copy=False,
        help="Their members see the complaint.",
    )

    # investigate
    cause_id = fields.Many2one(
        "aftersales.complaint.cause", "Root cause", copy=False, index="btree_not_null"
    )
    cause = fields.Text("Cause in detail", copy=False)
    responsible_department_id = fields.Many2one(
        "aftersales.department",
        "Responsible department",
        copy=False,
        check_company=True,
        index="btree_not_null",
        tracking=True,
    )
    responsible_center_id = fields.Many2one(
        "res.partner",
        "Responsible service center",
        domain="[('is_service_center', '=', True)]",
        copy=False,
        check_company=True,
        index="btree_not_null",
        tracking=True,
    )
    responsible_id = fields.Many2one(
        "res.partner",
        "Responsible person",
        domain="[('is_company', '=', False)]",
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="Who caused it, if it was a person. May have no part in handling the complaint.",
    )
    production_info = fields.Char(
        "Made by and on", copy=False, help="Unit, workers and date of production (C7)."
    )
    verifier_id = fields.Many2one(
        "res.users",
        "Verified by",
        domain=[("share", "=", False)],
        copy=False,
        check_company=True,
        help="Whom the technical department sent to the dealer (L1.3).",
    )
    date_verified = fields.Datetime("Verified on", copy=False)
    batch_verdict = fields.Selection(
        [("confirmed", "Confirmed"), ("denied", "Not confirmed")],
        "Verdict on site",
        copy=False,
        tracking=True,
        help="Confirmed: all the goods go back, and the company bears the freight (L1.3).",
    )
    batch_evidence = fields.Text("Found on site", copy=False)
    is_verified = fields.Boolean("Verified on site", readonly=True, copy=False)

    # propose
    measures = fields.Text(
        "Measures for the product",
        copy=False,
        help="Proposed by production and the technical department (C5).",
    )
    solution = fields.Text(copy=False, help="What the customer is offered.")
    compensation = fields.Monetary(copy=False, help="What the customer is paid, if anything.")
    agreement = fields.Selection(
        [("agreed", "Agrees"), ("refused", "Disagrees")],
        "Customer's answer",
        copy=False,
        tracking=True,
    )
    agreed_by = fields.Char(
        "Answered by", compute="_compute_answer", store=True, readonly=False, copy=False
    )
    date_agreed = fields.Datetime(
        "Answered on", compute="_compute_answer", store=True, readonly=False, copy=False
    )
    agreement_channel = fields.Selection(CHANNELS, "Answered how", copy=False)

    # improve
    date_carried_out = fields.Date(
        "Solution carried out on", copy=False, help="Followed to the end (C6)."
    )
    action_ids = fields.One2many(
        "aftersales.complaint.action", "complaint_id", "Actions", copy=False
    )
    action_count = fields.Integer(compute="_compute_action_count")
    no_action_reason = fields.Text(
        "Why no action", copy=False, help="For a light complaint that needs no action (C6)."
    )
    is_sanction_decided = fields.Boolean(
        "Sanction decided",
        compute="_compute_is_sanction_decided",
        help="What was decided is known to the head of the department and the VP only.",
    )
    can_sanction = fields.Boolean(compute="_compute_can_sanction")
    date_closed = fields.Datetime("Closed on", readonly=True, copy=False)

    # transport
    claim_ids = fields.One2many(
        "aftersales.transport.claim", "complaint_id", "Transport claims", copy=False
    )
    claim_count = fields.Integer(compute="_compute_claim_count")

    stage_ids = fields.One2many(
        "aftersales.complaint.stage", "complaint_id", "Stages", readonly=True, copy=False
    )
    missing = fields.Text(
        compute="_compute_missing", help="What the stage still needs before it can be finished."
    )
    turn = fields.Char(
        "Whose turn it is",
        compute="_compute_turn",
        help="Who works on the present stage: the role or department, and by name who is known.",
    )

    _quantity_positive = models.Constraint(
        "CHECK(quantity >= 0 AND defective_quantity >= 0)", "Quantities can't be negative."
    )
    _compensation_positive = models.Constraint(
        "CHECK(compensation >= 0)", "The compensation can't be negative."
    )

    # --- the register (C3) -----------------------------------------------------------------

    def _get_source(self):
        """Return the document that the complaint was registered from, if any."""
        self.ensure_one()
        return self.record_id or self.request_id or self.callback_id

    @api.depends("request_id", "record_id", "callback_id")
    def _compute_card_id(self):
        for complaint in self:
            source = complaint._get_source()
            complaint.card_id = (source and source.card_id) or complaint.card_id

    @api.depends("card_id")
    def _compute_sale_line_id(self):
        for complaint in self:
            # sudo: who complains of a unit may be told by which order he got it
            line = complaint.card_id.sudo().sale_line_id
            complaint.sale_line_id = line or complaint.sale_line_id

    @api.depends("card_id", "request_id", "record_id", "callback_id", "sale_line_id")
    def _compute_from_source(self):
        for complaint in self:
            # sudo: the register is filled by whoever takes the complaint
            line = complaint.sudo().sale_line_id
            known = [d for d in (complaint._get_source(), complaint.card_id) if d]
            complaint.partner_id = next(
                (document.partner_id for document in known if document.partner_id),
                complaint.partner_id or line.order_id.partner_id,
            )
            complaint.product_id = next(
                (document.product_id for document in known if document.product_id),
                line.product_id or complaint.product_id,
            )

    @api.depends("partner_id")
    def _compute_phone(self):
        for complaint in self:
            # the number that the customer left himself is the one to call
            left = complaint.channel in ("web", "portal") and complaint.phone
            complaint.phone = left or complaint.partner_id.phone or complaint.phone

    @api.depends("card_id", "sale_line_id", "product_id")
    def _compute_order(self):
        for complaint in self:
            # sudo: as above
            line, card = complaint.sudo().sale_line_id, complaint.card_id
            complaint.order_ref = line.order_id.name or complaint.order_ref
            complaint.item_ref = complaint.product_id.default_code or complaint.item_ref
            complaint.quantity = 1 if card else line.product_uom_qty or complaint.quantity
            moves = line.move_ids.filtered(
                lambda m: m.state == "done" and m.location_dest_id.usage == "customer"
            )
            delivered = moves and complaint._get_local_day(max(moves.mapped("date")))
            complaint.date_delivery = card.date_delivery or delivered or complaint.date_delivery

    @api.depends("kind")
    def _compute_topic(self):
        for complaint in self:
            if complaint.kind == "suggestion":
                complaint.topic = "suggestion"
            elif complaint.kind in ("quality", "batch_quality"):
                complaint.topic = "product"
            else:
                complaint.topic = "service"

    @api.depends("kind", "cause_id.category")
    def _compute_category(self):
        causes = self._get_causes_by_kind()
        for complaint in self:
            cause = complaint.cause_id or causes.get(complaint.kind)
            complaint.category = cause.category if cause else "other"

    @api.depends("request_id", "record_id", "callback_id")
    def _compute_center_id(self):
        for complaint in self:
            source = complaint._get_source()
            complaint.center_id = (source and source.center_id) or complaint.center_id

    @api.depends("center_id.aftersales_region_id", "partner_id", "company_id")
    def _compute_region_id(self):
        regions = self.env["aftersales.region"]
        for company, complaints in self.grouped(lambda c: c.company_id or c.env.company).items():
            by_partner = regions._get_regions(complaints.partner_id, company)
            for complaint in complaints:
                complaint.region_id = complaint.center_id.aftersales_region_id or by_partner.get(
                    complaint.partner_id
                )

    @api.depends("contact_ids.date")
    def _compute_date_contacted(self):
        for complaint in self:
            complaint.date_contacted = min(complaint.contact_ids.mapped("date"), default=False)

    @api.depends("criterion_ids")
    def _compute_severity(self):
        for complaint in self:
            complaint.severity = "serious" if complaint.criterion_ids else complaint.severity

    @api.depends("agreement")
    def _compute_answer(self):
        for complaint in self:
            answered = bool(complaint.agreement)
            complaint.agreed_by = complaint.agreed_by or (answered and complaint.contact_name)
            complaint.date_agreed = complaint.date_agreed or (answered and fields.Datetime.now())

    @api.depends("verdict")
    def _compute_is_founded(self):
        for complaint in self:
            complaint.is_founded = complaint.verdict == "founded"

    @api.model
    def _get_causes_by_kind(self):
        """Return the cause that decides who handles complaints, by kind (E3)."""
        causes = {}
        for cause in self.env["aftersales.complaint.cause"].search([("active", "=", True)]):
            causes.setdefault(cause.kind, cause)
        return causes

    @api.depends("kind")
    def _compute_department_id(self):
        causes = self._get_causes_by_kind()
        for complaint in self:
            cause = causes.get(complaint.kind)
            complaint.department_id = cause.department_id if cause else complaint.department_id

    @api.depends(
        "kind",
        "department_id",
        "responsible_department_id",
        "task_ids.department_id",
        "action_ids.department_id",
    )
    def _compute_department_ids(self):
        departments = self.env["aftersales.department"].search([("active", "=", True)])
        for complaint in self:
            group = self.env.ref(complaint._get_approval_group())
            complaint.department_ids = (
                complaint.department_id
                | complaint.responsible_department_id
                | complaint.task_ids.department_id
                | complaint.action_ids.department_id
                | departments.filtered(lambda d, group=group: d.group_id == group)
            )

    def _compute_action_count(self):
        counts = dict(
            self.env["aftersales.complaint.action"]._read_group(
                [("complaint_id", "in", self.ids)], ["complaint_id"], ["__count"]
            )
        )
        for complaint in self:
            complaint.action_count = counts.get(complaint, 0)

    def _compute_claim_count(self):
        counts = dict(
            self.env["aftersales.transport.claim"]._read_group(
                [("complaint_id", "in", self.ids)], ["complaint_id"], ["__count"]
            )
        )
        for complaint in self:
            complaint.claim_count = counts.get(complaint, 0)

    # --- checks ----------------------------------------------------------------------------

    @api.constrains("criterion_ids", "severity")
    def _check_severity(self):
        for complaint in self:
            if complaint.criterion_ids and complaint.severity != "serious":
                raise ValidationError(
                    self.env._(
                        "A complaint that meets a criterion is serious: %s",
                        format_list(self.env, complaint.criterion_ids.mapped("name")),
                    )
                )

    @api.constrains("quantity", "defective_quantity")
    def _check_defective_quantity(self):
        for complaint in self:
            if complaint.quantity and complaint.defective_quantity > complaint.quantity:
                raise ValidationError(
                    self.env._("More can't be defective than was delivered: check the quantities.")
                )

    @api.constrains("card_id", "partner_id")
    def _check_card_id(self):
        for complaint in self:
            card = complaint.card_id
            if card and card.partner_id.commercial_partner_id != (
                complaint.partner_id.commercial_partner_id
            ):
                raise ValidationError(
                    self.env._(
                        "The card %(card)s belongs to %(owner)s, not to %(customer)s. Choose the "
                        "customer's own card, or transfer the card first.",
                        card=card.name,
                        owner=card.partner_id.display_name,
                        customer=complaint.partner_id.display_name,
                    )
                )

    @api.constrains("date_reported", "date_verified", "date_agreed", "date_carried_out")
    def _check_dates(self):
        # clocks of browser and server may differ by a little
        now = fields.Datetime.now() + timedelta(minutes=1)
        for complaint in self:
            for name in ("date_reported", "date_verified", "date_agreed"):
                label = self._fields[name]._description_string(self.env)
                if complaint[name] and complaint[name] > now:
                    raise ValidationError(self.env._("“%s” can't lie in the future.", label))
                if complaint[name] and complaint[name] < complaint.date_reported:
                    raise ValidationError(
                        self.env._("“%s” can't lie before the complaint was reported.", label)
                    )
            day = complaint.date_carried_out
            if day and not (
                complaint._get_local_day(complaint.date_reported)
                <= day
                <= complaint._get_local_day(now)
            ):
                raise ValidationError(
                    self.env._(
                        "The solution is carried out after the complaint was reported, and not in "
                        "the future."
                    )
                )

    @api.constrains("date_reported", "company_id")
    def _check_month_open(self):
        """A complaint of a month that is reported on already would be in no report (C8)."""
        months = self.grouped(lambda c: (c.company_id, c._get_local_day(c.date_reported)))
        for company, day in months:
            # sudo: only whether the month is closed
            if (
                self.env["aftersales.complaint.report"]
                .sudo()
                .search_count(
                    [
                        ("company_id", "=", company.id),
                        ("month", "=", day.replace(day=1)),
                        ("state", "=", "issued"),
                    ],
                    limit=1,
                )
            ):
                raise ValidationError(
                    self.env._(
                        "The complaints of this month are reported already (C8). Register it as "
                        "reported now, and say in the description since when it is known."
                    )
                )

    # --- what may be changed, by whom ------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"is_verified", "date_closed", "department_ids"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_back", "action_reopen"}

    @api.model
    def _get_stage_fields(self):
        """Return the names of the fields that belong to each stage, and stay after it."""
        return {
            "record": {
                "channel",
                "kind",
                "topic",
                "partner_id",
                "contact_name",
                "phone",
                "request_id",
                "record_id",
                "callback_id",
                "card_id",
                "sale_line_id",
                "product_id",
                "order_ref",
                "item_ref",
                "date_delivery",
                "quantity",
                "defective_quantity",
                "subject",
                "description",
                "demand",
                "center_id",
                "date_reported",
            },
            "judge": {
                "criterion_ids",
                "severity",
                "verdict",
                "verdict_basis",
                "verdict_file",
                "verdict_file_name",
            },
            "assign": {"department_id"},
            "investigate": {
                "cause_id",
                "cause",
                "responsible_department_id",
                "responsible_center_id",
                "responsible_id",
                "production_info",
                *self._get_verification_fields(),
            },
            "propose": {
                "measures",
                "solution",
                "compensation",
                "agreement",
                "agreed_by",
                "date_agreed",
                "agreement_channel",
            },
            "improve": {"date_carried_out", "no_action_reason"},
        }

    @api.model
    def _get_verification_fields(self):
        """Return the fields of the verification on site, which stay once it is done (L1.3)."""
        return {"verifier_id", "date_verified", "batch_verdict", "batch_evidence"}

    @api.model
    def _get_stage_groups(self):
        """Return the roles that work on each stage; the departments involved come on top."""
        clerks = {"clerk", "office_manager"}
        return {"record": clerks, "notify": clerks}

    @api.model
    def _get_department_fields(self):
        """Return the fields that the departments involved fill as well (C7)."""
        return self._get_stage_fields()["investigate"] | {"measures"}

    def _get_stages(self):
        """Return the stages that this complaint goes through, in order (E3)."""
        self.ensure_one()
        stages = [stage for stage, _label in STAGES]
        if self.verdict == "unfounded":
            # as far as it came, then the explanation
            return [s for s in stages if s in ("record", "judge", "notify")]
        if self.kind == "suggestion":
            return [s for s in stages if s not in ("investigate", "sanction")]
        return stages

    def _is_passed(self, stage):
        """Tell whether the complaint has finished ``stage``."""
        self.ensure_one()
        order = [key for key, _label in self._fields["state"].selection]
        return order.index(self.state) > order.index(stage)

    def _is_involved(self):
        """Tell whether the current user belongs to a department that handles this complaint."""
        self.ensure_one()
        # sudo: only membership is looked at
        return self.env.user in self.sudo().department_ids._get_members()

    def _check_stage_role(self, stage, names=frozenset()):
        """Raise AccessError unless the current user may work on ``stage``.

        :param names: the fields to be changed; departments fill theirs only
        """
        user = self.env.user
        if self.responsible_id and user.partner_id in self.responsible_id:
            raise AccessError(
                self.env._(
                    "You are named as responsible for what is complained of: a colleague has to "
                    "handle it."
                )
            )
        groups = self._get_stage_groups().get(stage, set())
        if any(user.has_group(GROUP + group) for group in groups | {"customer_service"}):
            return
        departments = names <= self._get_department_fields() if names else stage == "investigate"
        if departments and all(complaint._is_involved() for complaint in self):
            return
        raise AccessError(
            self.env._(
                "The stage “%(stage)s” is worked on by others: %(workers)s. Ask a colleague there "
                "to do it.",
                stage=self._get_stage_label(stage),
                workers=self._get_stage_workers(stage),
            )
        )

    def _get_stage_workers(self, stage):
        """Return in words the roles that work on ``stage``, or the departments (C7, E3)."""
        # sudo: names of roles and departments only
        complaints = self.sudo()
        if stage == "investigate" and complaints.department_ids:
            workers = complaints.department_ids
        else:
            groups = self._get_stage_groups().get(stage, {"customer_service"})
            workers = complaints.env["res.groups"].union(
                *(complaints.env.ref(GROUP + group) for group in groups)
            )
        return format_list(self.env, workers.sorted("id").mapped("name"), style="or")

    def _check_stage_fields(self, names):
        """Raise unless the current user may change the fields ``names`` now."""
        for stage, stage_fields in self._get_stage_fields().items():
            touched = names & stage_fields
            if not touched:
                continue
            self._check_stage_role(stage, touched)
            for complaint in self:
                if complaint._is_passed(stage):
                    raise UserError(
                        self.env._(
                            "%(complaint)s has passed the stage “%(stage)s”: what was entered "
                            "there stays. Customer service can take it back with a reason.",
                            complaint=complaint.name,
                            stage=complaint._get_stage_label(stage),
                        )
                    )

    def _get_stage_label(self, stage):
        return dict(self._fields["state"]._description_selection(self.env))[stage]

    @api.model_create_multi
    def create(self, vals_list):
        names = set().union(*(self._get_entered(vals) for vals in vals_list))
        if not self.env.su and (later := names - self._get_stage_fields()["record"]):
            for stage, stage_fields in self._get_stage_fields().items():
                if later & stage_fields:
                    self._check_stage_role(stage)
        complaints = super().create(vals_list)
        complaints._check_sources()
        # sudo: nobody writes stages directly
        self.env["aftersales.complaint.stage"].sudo().create(
            [
                {
                    "complaint_id": complaint.id,
                    "stage": complaint.state,
                    "date_start": complaint.date_reported,
                }
                for complaint in complaints
            ]
        )
        for moment, reported in complaints.grouped("date_reported").items():
            reported._deadline_event("reported", moment)
        return complaints

    @api.model
    def _get_entered(self, vals):
        """Return the names of the fields of later stages that ``vals`` give a value of its own."""
        stage_fields = self._get_stage_fields()
        later = set().union(*stage_fields.values()) - stage_fields["record"] - {"department_id"}
        return {name for name in later & vals.keys() if vals[name]}

    def write(self, vals):
        if not self.env.su:
            every = set().union(*self._get_stage_fields().values()) | {"user_id"}
            changed = self._get_changed_names(vals, every)
            self._check_stage_fields(changed)
            if "user_id" in changed:
                self._check_handler_change()
            if changed & self._get_verification_fields() and any(c.is_verified for c in self):
                raise UserError(self.env._("What was verified on site stays as it is (L1.3)."))
            if "date_reported" in changed:
                raise UserError(
                    self.env._(
                        "The deadlines run from the moment at which it was reported, so that it "
                        "stays. Cancel the complaint and register it anew if it is wrong."
                    )
                )
        result = super().write(vals)
        self._check_sources()
        return result

    def _check_sources(self):
        """Raise AccessError if a complaint is about a document that the user may not see."""
        if not self.env.su:
            # rules let one's own complaint through also on documents of others
            for name in ("request_id", "record_id", "callback_id", "card_id"):
                self[name].check_access("read")

    def _check_handler_change(self):
        self._check_group("aftersales_service.group_clerk")
        self._check_open()

    def _check_open(self):
        """Raise unless the user may write the complaints and they are open."""
        self.check_access("write")
        for complaint in self:
            if complaint.state in ("closed", "cancelled"):
                raise UserError(
                    self.env._(
                        "%s is closed. Customer service can reopen it with a reason.",
                        complaint.name,
                    )
                )

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "date_reported",
            "date_closed",
            "card_id.date_end",
        ]

    def _get_retention_start(self):
        # from the first moment: a complaint is recorded, whatever becomes of it (E2)
        days = (
            self._get_local_day(self.date_reported),
            self._get_local_day(self.date_closed),
            self.card_id.date_end,
        )
        return max(filter(None, days))

    # --- deadlines -------------------------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id or self.region_id.office_id

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.user_id

    def _get_deadline_fields(self):
        return {"center_id", "partner_id", "card_id", "request_id", "record_id", "callback_id"}

    # --- the eight stages (E3) -------------------------------------------------------------

    @api.model
    def _get_required_fields(self):
        """Return the names of the fields that every complaint needs, by stage."""
        return {
            "record": ["partner_id", "contact_name", "description", "demand"],
            "judge": ["severity", "verdict", "verdict_basis"],
            "assign": ["department_id", "user_id"],
            "investigate": ["cause_id", "cause"],
            "propose": [
                "solution",
                "agreement",
                "agreed_by",
                "date_agreed",
                "agreement_channel",
            ],
            "improve": ["date_carried_out"],
        }

    @api.model
    def _get_required_fields_by_kind(self):
        """Return the names of the fields that complaints of a kind need besides, by kind."""
        goods = [
            "product_id",
            "order_ref",
            "item_ref",
            "date_delivery",
            "quantity",
            "defective_quantity",
        ]
        return {
            "quality": {"record": goods},
            "batch_quality": {"record": goods},
            "service_late": {"record": ["subject"]},
            "conduct": {"record": ["subject"]},
        }

    @api.depends(
        "state",
        "approval_state",
        "user_id",
        "department_ids",
        "responsible_department_id",
        "responsible_id",
    )
    @api.depends_context("lang")
    def _compute_turn(self):
        for complaint in self:
            complaint.turn = complaint._get_turn()

    def _get_turn(self):
        """Return in words whose turn it is, or False: closed, or waiting for an approval (C5)."""
        self.ensure_one()
        stage = self.state
        if stage in ("closed", "cancelled") or self.approval_state == "pending":
            return False
        # sudo: names of colleagues and roles only
        complaint = self.sudo()
        if stage == "sanction" and not self.is_sanction_decided:
            judges = complaint.env.ref(f"{GROUP}vp").mapped("name")
            head = complaint.responsible_department_id.manager_id
            if head and head.partner_id != complaint.responsible_id:
                judges.insert(0, head.name)
            return format_list(self.env, judges, style="or")
        workers = self._get_stage_workers(stage)
        handler = complaint.user_id
        groups = self._get_stage_groups().get(stage, {"customer_service"})
        if stage != "investigate" and any(handler.has_group(GROUP + group) for group in groups):
            return self.env._("%(role)s (%(user)s)", role=workers, user=handler.name)
        return workers

    @api.depends(
        lambda self: [
            "state",
            "kind",
            "approval_state",
            "contact_ids",
            "task_ids.state",
            "action_ids.state",
            "claim_ids.state",
            "is_verified",
            *set().union(*self._get_stage_fields().values()),
        ]
    )
    @api.depends_context("lang", "uid")
    def _compute_missing(self):
        for complaint in self:
            missing = (
                []
                if complaint.state in ("closed", "cancelled")
                else complaint._get_missing(complaint.state)
            )
            complaint.missing = "\n".join(missing)

    def _get_missing(self, stage):
        """Return in words what ``stage`` still requires, as a list (E3)."""
        self.ensure_one()
        names = [
            *self._get_required_fields().get(stage, ()),
            *self._get_required_fields_by_kind().get(self.kind, {}).get(stage, ()),
        ]
        missing = [
            self._fields[name]._description_string(self.env)
            for name in names
            if not (self[name].strip() if isinstance(self[name], str) else self[name])
        ]
        return missing + getattr(self, f"_get_missing_{stage}")()

    def _get_missing_record(self):
        if self.contact_ids:
            return []
        return [self.env._("first contact with the customer (C9)")]

    def _get_missing_judge(self):
        return []

    def _get_missing_assign(self):
        return []

    def _get_missing_investigate(self):
        missing = []
        if not (self.responsible_department_id or self.responsible_center_id):
            missing.append(self.env._("responsible department or service center"))
        if self.kind == "batch_quality" and not self.is_verified:
            missing.append(self.env._("verification on site (L1.3)"))
        if self.task_ids.filtered(lambda task: task.state == "open"):
            missing.append(self.env._("results of the tasks"))
        if self.kind == "transport" and not self.claim_ids:
            missing.append(self.env._("claim against the carrier (L1.4)"))
        return missing

    def _get_missing_propose(self):
        missing = []
        if self.severity == "serious":
            if self.topic == "product" and not (self.measures or "").strip():
                missing.append(self._fields["measures"]._description_string(self.env))
            if not self._is_approved():
                missing.append(self.env._("approval by the departments (C5)"))
        if self.agreement == "refused" and not self._is_ruled():
            missing.append(
                self.env._("a solution that the customer agrees to, or the end of a dispute (L1.7)")
            )
        return missing

    def _is_ruled(self):
        """Tell whether a dispute about the complaint was settled or ruled on (L1.7)."""
        # sudo: a dispute that this user doesn't see decides as well
        disputes = self.env["aftersales.dispute"].sudo()
        return bool(
            disputes.search_count(
                [("complaint_id", "=", self.id), ("result", "in", ("settled", "ruled"))], limit=1
            )
        )

    def _get_missing_notify(self):
        if self._has_told("notice"):
            return []
        if self.verdict == "unfounded":
            return [self.env._("explanation with the evidence, told to the customer (C4)")]
        return [self.env._("solution, told to the customer")]

    def _get_missing_sanction(self):
        if self.is_sanction_decided:
            return []
        return [
            self.env._(
                "decision on a sanction, or that there is none, by the head of the responsible "
                "department or the VP"
            )
        ]

    def _get_missing_improve(self):
        missing = []
        live = self.action_ids.filtered(lambda action: action.state != "cancelled")
        if not live and (self.severity == "serious" or not (self.no_action_reason or "").strip()):
            missing.append(
                self.env._("corrective or preventive action (C6)")
                if self.severity == "serious"
                else self.env._("corrective or preventive action, or why none is needed (C6)")
            )
        if live.filtered(lambda action: action.state in ("open", "done")):
            missing.append(self.env._("effect check of each action"))
        if self.claim_ids.filtered(lambda claim: claim.state in ("draft", "claimed")):
            missing.append(self.env._("outcome of the claim against the carrier (L1.4)"))
        if self._get_open_disputes():
            missing.append(self.env._("end of the dispute (L1.7)"))
        if not self._has_told("result"):
            missing.append(self.env._("final result, told to the customer"))
        return missing

    def _has_told(self, purpose):
        """Tell whether the customer was told ``purpose`` since the stage began."""
        stage = self._get_current_stage()
        return any(
            contact.purpose == purpose and contact.stage_id == stage for contact in self.contact_ids
        )

    def _get_current_stage(self):
        """Return the entry of the stage at which the complaint is."""
        # sudo: whoever may read the complaint may know where it is
        return self.sudo().stage_ids.filtered(lambda entry: not entry.date_end)[-1:]

    def _finish_stage(self, stage):
        """Go on from ``stage``, if everything is there and the user may.

        :raises UserError: the complaint isn't at this stage, or something is missing
        :raises AccessError: others have to do it
        """
        for complaint in self:
            complaint.check_access("write")
            complaint._lock_for_decision()
            complaint._check_stage_role(stage)
            if complaint.state != stage:
                raise UserError(
                    self.env._(
                        "%(complaint)s isn't at the stage “%(stage)s” any more. Reload the page.",
                        complaint=complaint.name,
                        stage=complaint._get_stage_label(stage),
                    )
                )
            if missing := complaint._get_missing(stage):
                raise UserError(
                    self.env._(
                        "“%(stage)s” of %(complaint)s can't be finished yet. Still missing: "
                        "%(missing)s.",
                        stage=complaint._get_stage_label(stage),
                        complaint=complaint.name,
                        missing=format_list(self.env, missing),
                    )
                )
            stages = [s for s in complaint._get_stages() if complaint._is_later(s)]
            complaint._move(stages[0] if stages else "closed")
        return True

    def _is_later(self, stage):
        order = [key for key, _label in STAGES]
        return order.index(stage) > order.index(self.state)

    def _move(self, state, reason=False):
        """Note how long the stage took, and go to ``state``."""
        self.ensure_one()
        now = fields.Datetime.now()
        # sudo: nobody writes stages directly; the caller checked the right to move on
        stages = self.sudo().stage_ids
        stages.filtered(lambda entry: not entry.date_end).write(
            {"date_end": now, "user_id": self.env.uid}
        )
        self._write_protected({"state": state, "date_closed": state == "closed" and now})
        # what is still open is over with the complaint, and begins anew with it
        self.task_ids._sync_activities()
        self.action_ids._sync_activities()
        if state not in ("closed", "cancelled"):
            stages.create(
                {"complaint_id": self.id, "stage": state, "date_start": now, "reason": reason}
            )
            return
        if state == "closed":
            self._plan_follow_up(now)
        # what is still promised is over with it, such as the visit for an unfounded complaint
        self._cancel_deadlines()

    def action_record(self):
        """Finish the register: the complaint is understood, the customer contacted (C3, C9)."""
        return self._finish_stage("record")

    def action_judge(self):
        """Finish the judgement: founded or not, light or serious (C4, C5)."""
        return self._finish_stage("judge")

    def action_assign(self):
        """Hand the complaint to the department that handles it (E3)."""
        return self._finish_stage("assign")

    def action_investigate(self):
        """Finish the investigation: the cause and who is responsible are known (C4)."""
        return self._finish_stage("investigate")

    def action_propose(self):
        """Finish the proposal: agreed with the customer, approved if serious (C5)."""
        return self._finish_stage("propose")

    def action_notify(self):
        """Go on after the customer was told; an unfounded complaint is closed by this (C4, C6)."""
        return self._finish_stage("notify")

    def action_sanction(self):
        """Go on after it was decided whether somebody is sanctioned (E3)."""
        return self._finish_stage("sanction")

    def action_close(self):
        """Close the complaint: carried out, improved, the result told (C6)."""
        return self._finish_stage("improve")

    def action_back(self, reason=None):
        """Take the complaint back to the stage before, with a reason.

        :raises UserError: there is no stage before, or the complaint is closed
        """
        self._check_group("aftersales_service.group_customer_service")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why it goes back."))
        for complaint in self:
            complaint._check_open()
            complaint._lock_for_decision()
            complaint._check_stage_role(complaint.state)
            earlier = [s for s in complaint._get_stages() if complaint._is_passed(s)]
            if not earlier:
                raise UserError(self.env._("%s is at its first stage.", complaint.name))
            complaint._move(earlier[-1], reason.strip())
            complaint.message_post(body=self.env._("Taken back: %s", reason.strip()))
        return True

    def action_reopen(self, reason=None):
        """Reopen a closed complaint, with a reason; it is judged and investigated anew."""
        self._check_group("aftersales_service.group_customer_service")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why it is reopened."))
        for complaint in self:
            complaint.check_access("write")
            complaint._lock_for_decision()
            complaint._check_stage_role("judge")
            if complaint.state != "closed":
                raise UserError(self.env._("%s is not closed.", complaint.name))
            complaint._move("judge", reason.strip())
            complaint.message_post(body=self.env._("Reopened: %s", reason.strip()))
            if complaint.is_verified:
                complaint._void_verification()
        return True

    def action_cancel(self, reason=None):
        """Cancel a complaint registered by mistake, with a reason; it stays in the register."""
        self._check_group("aftersales_service.group_customer_service")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the complaint is cancelled."))
        self._check_undisputed()
        for complaint in self:
            complaint._check_open()
            complaint._lock_for_decision()
            complaint._check_stage_role(complaint.state)
            if complaint._is_passed("judge"):
                raise UserError(
                    self.env._(
                        "%s has been judged, so it is handled to the end and not cancelled.",
                        complaint.name,
                    )
                )
            complaint._move("cancelled")
            complaint.message_post(body=self.env._("Cancelled: %s", reason.strip()))
        return True

    def action_open_back(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_back", self.env._("Take back"))

    def action_open_reopen(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_reopen", self.env._("Reopen"))

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel complaint")
        )

    # --- following up (M12, C9) ------------------------------------------------------------

    def _plan_follow_up(self, moment):
        """Plan the calls to the customer that the follow-up plan asks for after closing."""
        self.ensure_one()
        plan = self.env["aftersales.complaint.follow.up"].search(
            [("active", "=", True), ("severity", "in", (False, self.severity))]
        )
        planned = self.follow_up_ids.filtered(lambda call: call.state == "planned")
        # sudo: the calls follow from the plan, whoever closes the complaint
        planned.sudo()._cancel(self.env._("The complaint was reopened and closed anew."))
        self.env["aftersales.callback"].sudo().create(
            [
                {
                    **self._prepare_follow_up_vals(),
                    "date_planned": step._get_moment(self.company_id, moment),
                }
                for step in plan
            ]
        )

    def _prepare_follow_up_vals(self):
        vals = {
            "kind": "complaint",
            "company_id": self.company_id.id,
            "complaint_id": self.id,
            "partner_id": self.partner_id.id,
            "phone": self.phone,
            "product_id": self.product_id.id,
        }
        if self.kind != "conduct":
            # who is complained of doesn't learn of the call by it
            vals |= {"card_id": self.card_id.id, "center_id": self.center_id.id}
        return vals

    def _on_callback(self, callback):
        """Note what the customer said when he was followed up; ask for more if he is unhappy."""
        self.ensure_one()
        labels = {
            name: dict(callback._fields[name]._description_selection(self.env))
            for name in ("outcome", "satisfaction")
        }
        text = labels["outcome"][callback.outcome]
        if callback.satisfaction:
            text = f"{text}, {labels['satisfaction'][callback.satisfaction]}"
        self._message_log(
            body=self.env._("Followed up by %(call)s: %(text)s", call=callback.name, text=text)
        )
        if callback.satisfaction in ("1", "2"):
            self.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.env._("The customer is still not content: reopen the complaint?"),
                user_id=self.user_id.id,
            )

    # --- batch quality (L1.3) --------------------------------------------------------------

    def action_verify(self):
        """Note that the batch was verified on site; the verdict stays (L1.3).

        :raises UserError: no batch complaint, something is missing, or it is verified already
        """
        for complaint in self:
            complaint._check_open()
            complaint._check_stage_role("investigate")
            if complaint.kind != "batch_quality":
                raise UserError(
                    self.env._("Only complaints of batch quality are verified on site (L1.3).")
                )
            if complaint.is_verified:
                raise UserError(self.env._("%s is verified already.", complaint.name))
            missing = [
                self._fields[name]._description_string(self.env)
                for name in ("verifier_id", "date_verified", "batch_verdict", "batch_evidence")
                if not complaint[name]
            ]
            if missing:
                raise UserError(
                    self.env._(
                        "Still missing for the verification on site (L1.3): %s.",
                        format_list(self.env, missing),
                    )
                )
            complaint._write_protected({"is_verified": True})
            complaint._deadline_event("verified", complaint.date_verified)
        return True

    def _void_verification(self):
        """Ask for another verification on site; the one before stays in the history (L1.3)."""
        self.ensure_one()
        verdicts = dict(self._fields["batch_verdict"]._description_selection(self.env))
        body = self.env._(
            "Verified before: %(verdict)s, by %(user)s on %(moment)s. %(evidence)s",
            verdict=verdicts[self.batch_verdict],
            # sudo: the name is shown on the form, too
            user=self.sudo().verifier_id.name,
            moment=self.company_id._aftersales_format(self.date_verified),
            evidence=self.batch_evidence,
        )
        names = self._get_verification_fields()
        self._write_protected({**dict.fromkeys(names, False), "is_verified": False})
        self.message_post(body=body)

    # --- transport (L1.4) ------------------------------------------------------------------

    def action_view_claims(self):
        """Open the claim against the carrier, or begin one."""
        self.ensure_one()
        claims = self.claim_ids
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Transport claims"),
            "res_model": "aftersales.transport.claim",
            "views": [(False, "form")] if len(claims) < 2 else [(False, "list"), (False, "form")],
            "res_id": claims.id if len(claims) == 1 else False,
            "domain": [("complaint_id", "=", self.id)],
            "context": {"default_complaint_id": self.id},
        }

    # --- approval of serious ones (C5) -----------------------------------------------------

    def _get_approval_group(self):
        """Return the XML id of the role that decides first on a serious complaint of this kind."""
        groups = {
            "quality": "group_quality",
            "batch_quality": "group_quality",
            "transport": "group_logistics",
        }
        return f"aftersales_service.{groups.get(self.kind, 'group_customer_service')}"

    def _get_approval_steps(self):
        group = self._get_approval_group()
        labels = {
            f"{GROUP}quality": self.env._("Quality department"),
            f"{GROUP}logistics": self.env._("Logistics department"),
            f"{GROUP}customer_service": self.env._("Customer service"),
        }
        return [
            {"code": "department", "label": labels[group], "group": group, "regulation": "C5"},
            {
                "code": "management",
                "label": self.env._("Senior management"),
                "group": f"{GROUP}vp",
                "regulation": "C5",
            },
        ]

    def _get_approval_exclusions(self):
        return [
            *super()._get_approval_exclusions(),
            (self.responsible_id.user_ids, self.env._("is responsible for it")),
        ]

    def _get_approval_content(self):
        return dict.fromkeys(
            [
                "severity",
                "verdict",
                "measures",
                "solution",
                "compensation",
                "agreement",
                "agreed_by",
                "date_agreed",
                "agreement_channel",
            ]
        )

    def _is_submittable(self):
        return self.state == "propose" and self.approval_state in ("draft", "refused")

    def _check_submit(self):
        self._check_stage_role("propose")
        if self.severity != "serious":
            raise UserError(
                self.env._("A light complaint is filed and fed back, it needs no approval (C5).")
            )
        own = self.env._("approval by the departments (C5)")
        if missing := [text for text in self._get_missing("propose") if text != own]:
            raise UserError(
                self.env._(
                    "The departments decide on a complete proposal (C5). Still missing: %s.",
                    format_list(self.env, missing),
                )
            )

    def _prepare_submitted_vals(self):
        return {}

    def _prepare_approved_vals(self):
        return {}

    def _prepare_refused_vals(self):
        return {}

    def _get_approved_entries(self):
        """Return the approvals that the printed form shows."""
        return self._get_round_entries().filtered(lambda a: a.decision == "approved").sorted("id")

    def _on_approval_void(self):
        """The stage stays; going on from it needs the approval again."""

    # --- sanction (E3) ---------------------------------------------------------------------

    def _compute_is_sanction_decided(self):
        # sudo: that it was decided may be known, what was decided may not
        decided = self.sudo()._get_current_sanctions().complaint_id
        for complaint in self:
            complaint.is_sanction_decided = complaint.sudo() in decided

    def _get_current_sanctions(self):
        """Return what was decided since the complaints were judged and investigated last."""
        # sudo: see `_compute_is_sanction_decided`
        complaints = self.sudo()
        order = [key for key, _label in STAGES]
        basis = order[: order.index("investigate") + 1]
        began = {
            complaint: max(complaint.stage_ids.filtered(lambda e: e.stage in basis).ids, default=0)
            for complaint in complaints
        }
        sanctions = self.env["aftersales.complaint.sanction"].sudo()
        return sanctions.search([("complaint_id", "in", self.ids)]).filtered(
            lambda sanction: sanction.stage_id.id > began[sanction.complaint_id]
        )

    @api.depends("responsible_department_id", "responsible_id")
    @api.depends_context("uid")
    def _compute_can_sanction(self):
        for complaint in self:
            complaint.can_sanction = complaint._is_judge_of_sanction()

    def _is_judge_of_sanction(self):
        """Tell whether the current user decides on sanctions: the VP, or the department's head."""
        self.ensure_one()
        user = self.env.user
        # sudo: only who is the head is looked at
        head = self.sudo().responsible_department_id.manager_id
        return user.partner_id != self.responsible_id and (
            user == head or user.has_group("aftersales_service.group_vp")
        )

    def action_view_sanctions(self):
        """Open what was decided on sanctions, for those who may know."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Sanctions"),
            "res_model": "aftersales.complaint.sanction",
            "views": [(False, "list"), (False, "form")],
            "domain": [("complaint_id", "=", self.id)],
            "context": {"default_complaint_id": self.id},
        }

    def action_view_actions(self):
        """Open the corrective and preventive actions."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_complaint_action"
        )
        return {
            **action,
            "domain": [("complaint_id", "=", self.id)],
            "context": {"default_complaint_id": self.id},
        }

    @api.model
    def _get_involved_domain(self):
        """Return the domain of the complaints that the user's own departments handle."""
        departments = self.env["aftersales.department"]
        return Domain("department_ids", "any", departments._get_own_domain(self.env.user))
