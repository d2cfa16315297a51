from collections import Counter
from math import isfinite

from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import escape_psql, format_date, format_list

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
        domain="['|', ('is_service_center', '=', True), ('is_regional_office', '=', True)]",
        index=True,
        tracking=True,
        check_company=True,
        default=lambda self: self._default_center_id(),
        help="The service center or regional office that sends the goods back.",
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
        help="The company bears the freight of the monthly return (L2.3).",
    )
    carrier = fields.Char()
    waybill = fields.Char()
    freight_cost = fields.Monetary(help="What the carrier charges, VAT included (L2.3).")
    package_count = fields.Integer("Packages", copy=False, help="How many boxes and crates go.")
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
            ("goods", "Goods damaged"),
            ("wet", "Wet"),
        ],
        "Condition on arrival",
        readonly=True,
        copy=False,
        help="Of the last delivery; logistics notes it when it receives the goods (L2.8).",
    )
    condition_note = fields.Text("Remarks on arrival", readonly=True, copy=False)
    photo_ids = fields.One2many(
        "aftersales.return.photo", "return_id", "Photos", domain=[("line_id", "=", False)]
    )
    picking_id = fields.Many2one(
        "stock.picking", "Transfer", readonly=True, copy=False, check_company=True
    )
    backorder_id = fields.Many2one(
        "stock.picking",
        "Backorder",
        readonly=True,
        copy=False,
        check_company=True,
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
    date_received = fields.Datetime("Arrived", readonly=True, copy=False)
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
        "AND is_special IS NOT TRUE",
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
        center = self.env.user.commercial_partner_id
        return center if center.is_service_center or center.is_regional_office else False

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

    @api.depends("center_id", "is_special")
    def _compute_month(self):
        """Propose the month: this one if its window isn't over and no return is in it (L2.6)."""
        new = self.filtered(lambda document: not document._origin.month)
        taken = new._get_taken_months()
        for document in self:
            if document not in new:
                document.month = document._origin.month
                continue
            month = document._get_today().replace(day=1)
            if not document._is_special():
                key = document.company_id.id, document.center_id._origin.id
                month = document._get_next_month(month, taken.get(key, ()))
            document.month = month

    def _get_today(self):
        """Return the day that the company's clock shows."""
        return self._get_local_day(fields.Datetime.now())

    def _is_special(self):
        """Tell whether the return goes outside the windows and the monthly limit (L2.7)."""
        return bool(self.is_special or self.complaint_id)

    def _get_taken_months(self):
        """Return {(company id, sender id): months that have an ordinary return already}."""
        # sudo: a return that this user doesn't see takes its month as well
        groups = self.sudo()._read_group(
            [
                ("center_id", "in", self.center_id._origin.ids),
                ("state", "!=", "cancelled"),
                ("is_special", "=", False),
                ("complaint_id", "=", False),
            ],
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

    @api.depends("month", "region_id.return_week", "is_special", "complaint_id")
    def _compute_date_window(self):
        for document in self:
            if document._is_special():
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
        "state", "date_window_start", "date_window_end", "is_special", "complaint_id", "region_id"
    )
    @api.depends_context("lang")
    def _compute_window_state(self):
        for document in self:
            start, end = document.date_window_start, document.date_window_end
            document.window_note = False
            document.window_state = document._is_special() and "special"
            if document.state not in UNSHIPPED or document._is_special() or not start:
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

    @api.constrains("freight_payer", "complaint_id")
    def _check_freight_payer(self):
        for document in self:
            if document.complaint_id and document.freight_payer != "company":
                raise ValidationError(
                    self.env._("The company bears the freight of a faulty batch (L1.3).")
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
        if not (sender.is_service_center or sender.is_regional_office):
            raise UserError(
                self.env._(
                    "%s is neither a service center nor a regional office: only they return goods "
                    "(L2.3).",
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

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if month := fields.Date.to_date(vals.get("month")):
                vals["month"] = month.replace(day=1)
        return super().create(vals_list)

    def write(self, vals):
        if self._get_changed_names(vals, {"center_id", "company_id"}):
            raise UserError(
                self.env._("A return stays with its sender. Cancel it and make a new one.")
            )
        if not self.env.su and self._get_changed_names(vals, {"month"}):
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
                if document.state in ("done", "cancelled"):
                    raise UserError(
                        self.env._(
                            "%s is closed: how it travelled, and what that cost, stays.",
                            document.name,
                        )
                    )
        if vals.get("month"):
            vals = {**vals, "month": fields.Date.to_date(vals["month"]).replace(day=1)}
        return super().write(vals)

    def _get_retention_depends(self):
        return [
            *super()._get_retention_depends(),
            "approval_round",
            "month",
            "date_received",
            "line_ids.used_part_id.retain_until",
        ]

    def _get_retention_start(self):
        # what was never applied for is a draft
        if not self.approval_round:
            return False
        return max(filter(None, (self.month, self._get_local_day(self.date_received))))

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
        """Return the sender, his people and the manager of his region."""
        # sudo: they are told whatever right the current user has on their contacts
        center = self.sudo().center_id
        users = self.env["aftersales.deadline"].sudo()._get_users_by_partner(center)[center]
        return center | (users | self.sudo().region_id.manager_id).partner_id

    def _get_customer_service_partners(self):
        # sudo: colleagues of the role are read to tell them
        group = self.env.ref("aftersales_service.group_customer_service").sudo()
        users = self.env["aftersales.deadline"].sudo()._get_group_users(group)
        return users.filtered(lambda user: self.company_id in user.company_ids).partner_id

    def _tell(self, partners, get_text):
        """Post what ``get_text`` returns, in the company's language, and notify ``partners``."""
        self.ensure_one()
        # sudo: whoever acts may have no right to post
        document = self.sudo()
        document = document.with_context(lang=document.company_id.partner_id.lang or self.env.lang)
        document.message_post(
            body=get_text(document),
            partner_ids=partners.ids,
            subtype_xmlid="mail.mt_comment",
        )

    # --- windows (L2.6, L2.11) -------------------------------------------------------------

    def _check_window(self):
        """Raise UserError unless today is a day of the return's window (L2.6, L2.11).

        Days begin and end at midnight of the company's time zone.
        """
        self.ensure_one()
        today = self._get_today()
        start, end = self.date_window_start, self.date_window_end
        if self._is_special() or start <= today <= end:
            return
        if today < start:
            advice = self.env._("Ship it then, or ask for a special approval (L2.7).")
        else:
            advice = self.env._(
                "It missed that window and moves to the next one overnight. If it can't wait, ask "
                "for a special approval (L2.7)."
            )
        raise UserError(
            self.env._(
                "%(document)s can't be shipped today, %(today)s: its window is %(start)s to "
                "%(end)s (%(week)s; L2.6, L2.11). %(advice)s",
                document=self.name,
                today=format_date(self.env, today),
                start=format_date(self.env, start),
                end=format_date(self.env, end),
                week=self.region_id._get_return_week_text(),
                advice=advice,
            )
        )

    @api.model
    def _get_waiting(self, regions):
        """Return the ordinary returns of the ``regions`` that have not been shipped yet."""
        return self.search(
            [
                ("region_id", "in", regions.ids),
                ("state", "in", UNSHIPPED),
                ("is_special", "=", False),
                ("complaint_id", "=", False),
            ]
        )

    @api.model
    def _get_missed_domain(self, company):
        """Return the domain of the returns of ``company`` that missed their window (L2.6)."""
        today = company._aftersales_local(fields.Datetime.now()).date()
        return (
            Domain("company_id", "=", company.id)
            & Domain("state", "in", UNSHIPPED)
            & Domain("is_special", "=", False)
            & Domain("complaint_id", "=", False)
            & Domain("date_window_end", "<", today)
        )

    @api.model
    def _cron_carry_over(self, batch=100):
        """Move the returns that missed their window to the next one, in batches (L2.6).

        May run at any hour and as often as wanted: what was moved has a window ahead of it.
        """
        domain = Domain.OR(
            self._get_missed_domain(company) for company in self.env["res.company"].search([])
        )
        left_out = self.browse()
        while found := self.search(domain & Domain("id", "not in", left_out.ids), limit=batch):
            # what is just being shipped is left to the next run
            documents = found.try_lock_for_update(allow_referencing=True)
            left_out |= found - documents
            documents._carry_over()
            remaining = self.search_count(domain & Domain("id", "not in", left_out.ids))
            if not self.env["ir.cron"]._commit_progress(len(found), remaining=remaining):
                return

    def _carry_over(self):
        """Move these returns to the next window that is theirs, and tell the sender (L2.6).

        The approval stays: when the goods travel is no part of what was approved.
        """
        taken = self._get_taken_months()
        for document in self.sorted("month"):
            months = taken[document.company_id.id, document.center_id.id]
            missed = document.date_window_end
            month = document._get_next_month(document.month, months)
            months.add(month)
            document._write_protected({"month": month, "carried_over": document.carried_over + 1})
            document._tell(document._get_sender_partners(), lambda d, day=missed: d._say_moved(day))

    def _say_moved(self, missed):
        return self.env._(
            "%(document)s missed its window, which ended on %(missed)s. It is returned with the "
            "next one: %(start)s to %(end)s (%(week)s; L2.6).",
            document=self.name,
            missed=format_date(self.env, missed),
            start=format_date(self.env, self.date_window_start),
            end=format_date(self.env, self.date_window_end),
            week=self.region_id._get_return_week_text(),
        )

    def action_ask_special(self, reason=None):
        """Let an ordinary return go outside its window, by special approval, with a reason (L2.7).

        Whatever was approved is void: it is applied for and decided anew.

        :raises UserError: no reason given, or the goods are on their way
        """
        if not (reason or "").strip():
            raise UserError(
                self.env._("Give the reason for which a special approval is asked for (L2.7).")
            )
        self._check_sender_role()
        for document in self:
            if document.state not in UNSHIPPED or document._is_special():
                raise UserError(
                    self.env._(
                        "%s is on its way, or goes by special approval already.", document.name
                    )
                )
            document.write({"is_special": True, "special_reason": reason.strip()})
        return True

    def action_open_ask_special(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_ask_special", self.env._("Ask for special approval")
        )

    # --- deadlines (L2.8, L2.10) -----------------------------------------------------------

    def _get_deadline_partner(self):
        return self.center_id

    def _get_deadline_region(self):
        return self.region_id

    # --- approval (L2.4) -------------------------------------------------------------------

    def _get_approval_steps(self):
        appraisal = {
            "code": "appraisal",
            "label": self.env._("Office or regional manager"),
            "group": "aftersales_service.group_office_manager",
            "regulation": "L2.4",
        }
        special = {
            "code": "special",
            "label": self.env._("Special approval by customer service"),
            "group": "aftersales_service.group_customer_service",
            "regulation": "L2.7",
        }
        customer_service = {
            "code": "customer_service",
            "label": self.env._("Customer service"),
            "group": "aftersales_service.group_customer_service",
            "regulation": "L2.4",
        }
        if self.complaint_id:
            # a faulty batch was confirmed on site already
            return [special]
        return [appraisal, special if self.is_special else customer_service]

    def _get_approval_content(self):
        return {
            "center_id": None,
            "freight_payer": None,
            "reason": None,
            "complaint_id": None,
            "is_special": None,
            "special_reason": None,
            "line_ids": {
                "used_part_id": None,
                "product_id": None,
                "quantity": None,
                "serial": None,
                "reason": None,
            },
        }

    def _check_sender_role(self):
        """Raise AccessError for who only receives and inspects: sending is the sender's part."""
        user = self.env.user
        if not (
            user.has_group("aftersales_service.group_clerk")
            or user.has_group("aftersales_service.group_office_manager")
        ):
            self._check_group("aftersales_service.group_center")

    def _is_region_manager(self, user):
        """Tell whether ``user`` is a manager of the office or region that the sender belongs to."""
        # sudo: who manages a region is no secret
        region = self.sudo().region_id
        return user.has_group("aftersales_service.group_office_manager") and (
            region.manager_id == user
            or bool(region.filtered_domain([("office_id", "parent_of", user.partner_id.id)]))
        )

    def action_submit(self):
        """Apply. A special return that the manager applies for bears his signature (L2.7)."""
        result = super().action_submit()
        for document in self:
            if document._is_next_step("appraisal") and document._is_signed_by_applicant():
                document._sign_application()
        return result

    def _is_signed_by_applicant(self):
        # L2.7 has the manager himself apply; customer service decides all the same
        return self.is_special and self._is_region_manager(self.env.user)

    def _sign_application(self):
        """Take the manager's own application as his signature under it (L2.7)."""
        self._log_approval("approved", self._get_next_step(), self.special_reason)
        self._write_protected(
            {
                "appraisal": self.special_reason,
                "appraiser_id": self.env.uid,
                "date_appraised": fields.Datetime.now(),
            }
        )
        self._renew_approval_activities()

    def action_approve(self):
        """Approve the next step; the first one is the manager's appraisal (L2.4).

        The entry of the approval log (user, time, hash of the content) is the signature that
        L2.5 asks for; a drawn one may be added in the window.
        """
        appraised = self.filtered(lambda document: document._is_next_step("appraisal"))
        result = super().action_approve()
        appraised._write_protected(
            {"appraiser_id": self.env.uid, "date_appraised": fields.Datetime.now()}
        )
        return result

    def action_appraise(self, appraisal, signature=None):
        """Approve as office or regional manager, with what he found of the goods (L2.4).

        :param str appraisal: what was found; required
        :param signature: the drawn signature, base64 of an image
        :raises UserError: no appraisal given, or it isn't what the return waits for
        :raises AccessError: this user may not decide
        """
        self.ensure_one()
        if not (appraisal or "").strip():
            raise UserError(self.env._("Enter what the appraisal of the goods found (L2.4)."))
        if not self._is_next_step("appraisal"):
            raise UserError(self.env._("%s doesn't wait for an appraisal.", self.name))
        self.action_approve()
        self._write_protected({"appraisal": appraisal.strip(), "appraisal_signature": signature})
        # sudo: whoever may decide may have his words kept in the history
        self.sudo().message_post(body=self.env._("Appraisal: %s", appraisal.strip()))
        return True

    def action_open_appraise(self):
        """Open the window in which the manager appraises and signs."""
        self.ensure_one()
        return self._open_window("aftersales.return.appraise", self.env._("Appraise and sign"))

    def _open_window(self, model, title):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_return_id": self.id},
        }

    def _prepare_no_appraisal_vals(self):
        return dict.fromkeys(
            ("appraisal", "appraiser_id", "date_appraised", "appraisal_signature"), False
        )

    def _prepare_submitted_vals(self):
        return {**super()._prepare_submitted_vals(), **self._prepare_no_appraisal_vals()}

    def _prepare_refused_vals(self):
        return {**super()._prepare_refused_vals(), **self._prepare_no_appraisal_vals()}

    def _on_approval_void(self):
        self._write_protected(self._prepare_no_appraisal_vals())
        return super()._on_approval_void()

    def _check_submit(self):
        self._check_sender_role()
        self._check_sender()
        if not self.line_ids:
            raise UserError(
                self.env._(
                    "%s is empty. Press “Collect used parts”, or add the defective goods first.",
                    self.name,
                )
            )
        if self.complaint_id and self.line_ids.used_part_id:
            raise UserError(
                self.env._("Used parts are returned apart from a faulty batch: take them off.")
            )
        if self.is_special and not (self.special_reason or "").strip():
            raise UserError(
                self.env._("Give the reason for which a special approval is asked for (L2.7).")
            )
        self.line_ids._check_held()
        self._get_goods_lines()._check_goods()

    def _check_voidable(self):
        if self.state not in UNSHIPPED:
            raise UserError(self.env._("%s is already on its way and can't be changed.", self.name))

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

    # --- at the gate (L2.5) ----------------------------------------------------------------

    def action_refuse_receipt(self, reason=None):
        """Note that the goods arrived without register, and are not taken in (L2.5).

        Sender and customer service are told.

        :raises AccessError: the user isn't logistics
        :raises UserError: no reason given, or the goods are taken in already
        """
        self._check_group("aftersales_service.group_logistics")
        if not (reason or "").strip():
            raise UserError(self.env._("Say what is missing: it is told to the sender."))
        for document in self:
            document.check_access("write")
            if document.state not in (*UNSHIPPED, "shipped"):
                raise UserError(self.env._("%s is taken in already, or cancelled.", document.name))
            document._write_protected(
                {"is_register_missing": True, "register_refusal": reason.strip()}
            )
            document._tell(
                document._get_sender_partners() | document._get_customer_service_partners(),
                lambda d: d.env._(
                    "The goods of %(document)s arrived without register and are not taken in "
                    "(L2.5): %(reason)s",
                    document=d.name,
                    reason=d.register_refusal,
                ),
            )
        return True

    def action_open_refuse_receipt(self):
        """Open the window that asks what is missing."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_refuse_receipt", self.env._("Arrived without register")
        )

    def action_register_received(self):
        """Note that the register was handed in: the goods may be taken in (L2.5).

        :raises AccessError: the user isn't logistics
        :raises UserError: no register was issued, because the return wasn't approved and shipped
        """
        self._check_group("aftersales_service.group_logistics")
        for document in self:
            document.check_access("write")
            if not document.is_register_missing:
                raise UserError(self.env._("The register of %s isn't missing.", document.name))
            document._check_register_issued()
            document._write_protected({"is_register_missing": False})
            document._tell(
                document._get_sender_partners() | document._get_customer_service_partners(),
                lambda d: d.env._("The register of %s was handed in.", d.name),
            )
        return True

    def _check_register_issued(self):
        if not self.date_register:
            raise UserError(
                self.env._(
                    "No register was issued for %s: it has not been shipped by its sender. The "
                    "goods are refused (L2.5).",
                    self.name,
                )
            )

    def _check_receivable(self):
        """Raise UserError unless signature, approval and register are there (L2.5)."""
        self.ensure_one()
        approved = {e.step for e in self._get_round_entries() if e.decision == "approved"}
        for step in self._get_approval_steps():
            if step["code"] in approved:
                continue
            if step["code"] == "appraisal":
                raise UserError(
                    self.env._(
                        "The office or regional manager has not appraised and signed %s: its goods "
                        "are refused (L2.5).",
                        self.name,
                    )
                )
            raise UserError(
                self.env._(
                    "Customer service has not approved %s: its goods are refused (L2.5).",
                    self.name,
                )
            )
        self._check_approved()
        self._check_register_issued()
        if self.is_register_missing:
            raise UserError(
                self.env._(
                    "The goods of %(document)s arrived without register and are refused (L2.5): "
                    "%(reason)s. Press “Register handed in” when it is there.",
                    document=self.name,
                    reason=self.register_refusal,
                )
            )

    def _get_goods_lines(self):
        return self.line_ids.filtered(lambda line: not line.used_part_id)

    # --- receipt (L2.5, L2.8) --------------------------------------------------------------

    @api.model
    def find_return(self, code):
        """Return the id of the return that logistics is to receive by the scanned ``code``.

        :param str code: number of a return as its register bears it, or any tag that is on it
        :raises UserError: there is none
        """
        self._check_group("aftersales_service.group_logistics")
        code = str(code or "").strip()
        if document := self.search([("name", "=ilike", escape_psql(code))], limit=1):
            return document.id
        line = self.env["aftersales.return.line"].search(
            [
                ("used_part_id.name", "=ilike", escape_psql(code)),
                ("is_received", "=", False),
                ("return_id.date_shipped", "!=", False),
            ],
            limit=1,
        )
        if not line:
            raise UserError(
                self.env._(
                    "“%s” is neither the number of a return nor a tag that is on its way. Scan the "
                    "code on the register; goods without a register are refused (L2.5).",
                    code,
                )
            )
        return line.return_id.id

    def get_receive_data(self):
        """Return what the receiving screen has to know, all of it at once.

        :rtype: dict
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("read")
        tags = self.line_ids.filtered("used_part_id")
        return {
            "id": self.id,
            "name": self.name,
            "sender": self.center_id.display_name,
            "carrier": self.carrier or "",
            "waybill": self.waybill or "",
            "obstacle": self._get_receive_obstacle()
            or (not any(line._is_awaited() for line in self.line_ids))
            and self._get_nothing_message(),
            "conditions": self._fields["condition"]._description_selection(self.env),
            "tags": [
                {
                    "name": line.used_part_id.name,
                    "part": line.product_id.display_name,
                    "received": line.is_received,
                }
                for line in tags
            ],
            "goods": [
                {
                    "id": line.id,
                    "product": line.product_id.display_name,
                    "serial": line.serial or "",
                    "shipped": line.quantity_shipped,
                    "unit": line.uom_id.name,
                }
                for line in self.line_ids - tags
                if line._is_awaited()
            ],
        }

    def find_tags(self, tags):
        """Say of scanned codes that are not on this return what they are.

        :param list tags: codes as scanned
        :return: {code: (kind, sentence)}; kind is ``unknown``, ``elsewhere``, ``settled``,
            ``ended`` or ``unannounced``
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("read")
        codes = {str(tag).strip() for tag in tags[: self._get_lookup_limit()]}
        parts = self.env["aftersales.used.part"].search([("name", "in", list(codes))])
        settled = parts._get_settlement_lines().used_part_id
        found = {part.name: self._describe_stranger(part, part in settled) for part in parts}
        unknown = self.env._("No such tag. The part counts as not returned (M10.3).")
        return {code: found.get(code, ("unknown", unknown)) for code in codes}

    @api.model
    def _get_lookup_limit(self):
        """Return how many codes are looked up at once."""
        return 10_000

    def _describe_stranger(self, part, is_settled):
        """Return (kind, sentence) for a tag that was scanned but is not on this return."""
        line = part.return_line_ids.filtered(lambda line: line.return_id.state != "cancelled")[-1:]
        if is_settled:
            return "settled", self.env._("Already settled.")
        if part.state in ("scrapped", "supplier", "returned", "lost"):
            labels = dict(part._fields["state"]._description_selection(self.env))
            return "ended", self.env._("Its life has ended: %s.", labels[part.state])
        if line:
            return "elsewhere", self.env._(
                "On the return %(document)s of %(sender)s.",
                document=line.return_id.name,
                sender=line.return_id.center_id.name,
            )
        if part.keeper_id != self.center_id:
            return "elsewhere", self.env._(
                "Kept by %s, and not announced.", part.keeper_id.display_name
            )
        return "unannounced", self.env._("Of this sender, but not on the register.")

    def _get_receive_obstacle(self):
        """Return why nothing of the return can be received now, or False."""
        if self.state == "cancelled":
            return self.env._("%s has been cancelled. Set the goods aside.", self.name)
        try:
            self._check_receivable()
        except UserError as error:
            return str(error)
        if not (self.picking_id or self.goods_picking_id):
            return self.env._("%s has not been shipped.", self.name)
        return False

    def _get_nothing_message(self):
        return self.env._("Nothing of %s is on its way.", self.name)

    def action_receive(
        self, tags, quantities=None, surplus=None, condition=None, condition_note=None
    ):
        """Receive exactly what was scanned and counted, whatever was announced (L2.8).

        Tags that were not scanned stay as backorder. Defective goods are counted in one go: what
        is not there does not come any more.

        :param tags: list of tag numbers
        :param dict quantities: counted quantity by id of the line of defective goods, for all of
            them, 0 for those that did not arrive; None: goods are not counted yet
        :param list surplus: codes of what arrived without being on the register
        :param str condition: of the delivery, a value of the field
        :param str condition_note: what is to be said about it
        :raises UserError: not approved (L2.5), not on its way, or a tag that isn't on it
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("write")
        self._lock_for_action()
        if obstacle := self._get_receive_obstacle():
            raise UserError(obstacle)
        pending = self.line_ids.filtered(lambda line: line._is_awaited())
        lines = self._find_scanned(tags)
        counted = self._find_counted(quantities)
        if not pending:
            raise UserError(self._get_nothing_message())
        if not lines and not counted:
            raise UserError(self.env._("No tag was scanned."))
        # sudo: logistics receives by tag and count; the transfers belong to this return alone.
        document = self.sudo()
        if counted:
            document._receive_goods({line.sudo(): qty for line, qty in counted.items()})
        if lines:
            tags_pending = pending.filtered("used_part_id")
            document._receive(lines.sudo(), (tags_pending - lines).sudo())
        self._note_condition(condition, condition_note)
        document._note_received([str(code) for code in surplus or []])
        return True

    def _note_condition(self, condition, note):
        """Keep how the delivery looked (L2.8)."""
        if condition and condition not in dict(self._fields["condition"].selection):
            raise UserError(self.env._("Choose one of the conditions on arrival."))
        self._write_protected(
            {"condition": condition or False, "condition_note": (note or "").strip() or False}
        )

    def _find_scanned(self, tags):
        """Return the lines of the tag numbers ``tags``, all of them on their way."""
        numbers = [number for tag in tags or [] if (number := str(tag).strip())]
        repeated = sorted(number for number, count in Counter(numbers).items() if count > 1)
        if repeated:
            raise UserError(
                self.env._("Scanned more than once: %s", format_list(self.env, repeated))
            )
        by_number = {line.used_part_id.name: line for line in self.line_ids if line.used_part_id}
        unknown = [number for number in numbers if number not in by_number]
        if unknown:
            raise UserError(
                self.env._(
                    "Not on the register of %(document)s: %(tags)s. Set these parts aside; "
                    "untagged or unknown parts count as not returned (M10.3).",
                    document=self.name,
                    tags=format_list(self.env, unknown),
                )
            )
        lines = self.env["aftersales.return.line"].union(*(by_number[n] for n in numbers))
        again = lines.filtered("is_received")
        if again:
            raise UserError(
                self.env._(
                    "Already received: %s",
                    format_list(self.env, again.used_part_id.mapped("name")),
                )
            )
        if gone := lines.filtered(lambda line: not line._is_awaited()):
            raise UserError(
                self.env._(
                    "Written off: %s. Set these parts aside and tell customer service that they "
                    "have turned up.",
                    format_list(self.env, gone.used_part_id.mapped("name")),
                )
            )
        return lines

    def _find_counted(self, quantities):
        """Return {line: counted quantity} of the defective goods, all that are on their way."""
        if quantities is None:
            return {}
        # over RPC the keys of a dictionary are strings
        try:
            quantities = {int(key): float(quantity) for key, quantity in quantities.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(self.env._("What was counted has to be a number.")) from error
        goods = self._get_goods_lines().filtered(lambda line: not line.is_received)
        if unknown := quantities.keys() - set(goods.ids):
            raise UserError(
                self.env._(
                    "Already counted, or not goods of %(document)s: %(lines)s",
                    document=self.name,
                    lines=format_list(self.env, [str(i) for i in sorted(unknown)]),
                )
            )
        uncounted = goods.filtered(lambda line: line.id not in quantities)
        if uncounted:
            raise UserError(
                self.env._(
                    "Count these, too; enter 0 for what did not arrive: %s",
                    format_list(self.env, uncounted.product_id.mapped("display_name")),
                )
            )
        if not all(isfinite(quantity) and quantity >= 0 for quantity in quantities.values()):
            raise UserError(self.env._("What was counted can't be less than nothing."))
        return {line: quantities[line.id] for line in goods}

    def _receive_goods(self, counted):
        """Take in what was counted of the defective goods; the rest of the receipt is off."""
        picking = self.goods_picking_id
        if picking.state in ("done", "cancel"):
            raise UserError(self._get_transfer_message(picking))
        self.env["aftersales.return.line"].union(
            *(line for line, quantity in counted.items() if quantity)
        )._check_serials()
        for line, quantity in counted.items():
            line._set_counted(quantity)
        if any(counted.values()):
            picking.with_context(cancel_backorder=True)._action_done()
        else:
            picking.action_cancel()
        for line, quantity in counted.items():
            line._write_protected({"is_received": True, "quantity_received": quantity})

    def _get_transfer_message(self, picking):
        return self.env._(
            "The transfer %s is done or cancelled already. Ask the stock manager what happened to "
            "the goods.",
            picking.name,
        )

    def _receive(self, lines, missing):
        """Move what arrived into the factory's location, and what didn't to the backorder."""
        picking = self.backorder_id or self.picking_id
        if picking.state in ("done", "cancel"):
            raise UserError(self._get_transfer_message(picking))
        lots = lines.used_part_id.lot_id
        arrived = picking.move_line_ids.filtered(lambda line: line.lot_id in lots)
        arrived.picked = True
        (picking.move_line_ids - arrived).picked = False
        picking._action_done()
        lots.invalidate_recordset(["location_id"])
        astray = lots.filtered(lambda lot: lot.location_id != picking.location_dest_id)
        if astray:
            raise UserError(
                self.env._(
                    "Not where the service center keeps its used parts: %s",
                    format_list(self.env, astray.mapped("name")),
                )
            )
        backorder = picking.backorder_ids[:1]
        if backorder:
            # the backorder holds exactly the missing tags, whatever else the center keeps
            backorder.move_line_ids.unlink()
            self.env["stock.move.line"].create(
                [
                    {
                        **tag._prepare_move_line_vals(
                            picking.location_id, picking.location_dest_id
                        ),
                        "move_id": backorder.move_ids.id,
                        "picking_id": backorder.id,
                    }
                    for tag in missing.used_part_id
                ]
            )
        lines._write_protected({"is_received": True, "is_missing": 0, "quantity_received": 1})
        missing._write_protected({"is_missing": 1})
        lines.used_part_id._write_protected({"state": "received"})
        lines.used_part_id._log_event(
            "received",
            location_id=picking.location_dest_id.id,
            picking_id=picking.id,
            return_id=self.id,
        )
        self._write_protected({"backorder_id": backorder.id})

    def _note_received(self, surplus=()):
        """Note the arrival, and tell sender and customer service what differs (L2.8).

        :param surplus: codes of what came without being on the register
        """
        self._write_protected({"state": "received", "date_received": fields.Datetime.now()})
        self._deadline_event("arrived")
        self._inform_sender(self._get_receipt_message(surplus))

    def _get_receipt_message(self, surplus):
        tags = self.line_ids.filtered("used_part_id")
        missing = tags.filtered(lambda line: line._is_awaited())
        labels = dict(self._fields["condition"]._description_selection(self.env))
        sentences = []
        if tags:
            sentences.append(
                self.env._(
                    "Received %(received)s of %(announced)s tags. Missing: %(missing)s",
                    announced=len(tags),
                    received=len(tags.filtered("is_received")),
                    missing=self._format_tags(missing.used_part_id.mapped("name"))
                    or self.env._("none"),
                )
            )
        for line in (self.line_ids - tags).filtered("is_received"):
            sentences.append(
                self.env._(
                    "%(product)s: received %(received)g of %(announced)g.",
                    product=line.product_id.display_name,
                    received=line.quantity_received,
                    announced=line.quantity_shipped,
                )
            )
        if surplus:
            sentences.append(
                self.env._(
                    "Not on the register, set aside and counted as not returned (M10.3): %s",
                    self._format_tags(surplus),
                )
            )
        if self.condition:
            sentences.append(self.env._("Condition on arrival: %s.", labels[self.condition]))
        if self.condition_note:
            sentences.append(self.condition_note)
        return sentences

    def _format_tags(self, names):
        """Return the names as a list in words, cut where nobody would read on."""
        shown = 50
        if len(names) <= shown:
            return format_list(self.env, names) if names else ""
        return self.env._(
            "%(names)s and %(count)s more",
            names=", ".join(names[:shown]),
            count=len(names) - shown,
        )

    def _inform_sender(self, sentences):
        """Tell sender and customer service, and keep it with the return (L2.8)."""
        self.ensure_one()
        # sudo: the message is the company's; users are read only to find whom to tell
        document = self.sudo()
        document.message_post(
            body=Markup("<br/>").join(sentences),
            partner_ids=document._get_informed_users().partner_id.ids,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )

    def _get_informed_users(self):
        """Return the users of the sender, who applied for the return, and customer service."""
        deadlines = self.env["aftersales.deadline"]
        informed = deadlines._get_group_users(
            self.env.ref("aftersales_service.group_customer_service")
        ).filtered(lambda user: self.company_id in user.company_ids)
        informed |= self.env["res.users"].search(
            [("partner_id", "child_of", self.center_id.id), ("share", "=", False)]
        )
        return (informed | self.requester_id) - self.env.user

    # --- inspection (L2.8, M8.4) -----------------------------------------------------------

    def _note_written_off(self, lines, note):
        """Note that what ``lines`` announced will not arrive any more.

        A return of which nothing else is awaited is thereby received, to be verified and answered.
        """
        lines._write_protected({"is_missing": 0})
        for document, own in lines.grouped("return_id").items():
            document.message_post(
                body=self.env._(
                    "Written off: %(tags)s. %(note)s",
                    tags=format_list(self.env, own.used_part_id.mapped("name")),
                    note=note,
                )
            )
            if document.backorder_id.state == "cancel":
                document._write_protected({"backorder_id": False})
            if document.state == "shipped" and not any(
                line._is_awaited() for line in document.line_ids
            ):
                document._note_received()

    def action_verify(self):
        """Close the inspection: what bears no deduction reason is accepted (L2.8, M8.4).

        :raises UserError: nothing was received, goods are not counted, or an accepted assembly
            is not confirmed as complete (M10.2)
        """
        for document in self:
            document.line_ids._check_inspector()
            document.check_access("write")
            document._lock_for_action()
            if document.state != "received":
                raise UserError(
                    self.env._("%s has not been received, or is verified already.", document.name)
                )
            uncounted = document._get_goods_lines().filtered(lambda line: not line.is_received)
            if uncounted:
                raise UserError(
                    self.env._(
                        "Not counted yet: %s",
                        format_list(self.env, uncounted.product_id.mapped("display_name")),
                    )
                )
            inspected = document.line_ids.filtered(lambda line: line._is_inspectable())
            inspected._close_inspection()
            document._write_protected({"state": "verified", "date_verified": fields.Datetime.now()})
            document._deadline_event("verified")
            document._inform_sender(document._get_inspection_message(inspected))
        return True

    def _get_inspection_message(self, lines):
        """Return what the inspection said of these lines, in sentences for the sender."""
        refused = lines.filtered(lambda line: line.verdict != "accept")
        sentences = [
            self.env._(
                "Inspected: %(accepted)s accepted, %(refused)s deducted or rejected.",
                accepted=len(lines - refused),
                refused=len(refused),
            )
        ]
        labels = dict(lines._get_verdicts())
        for (verdict, reason), group in refused.grouped(
            lambda line: (line.verdict, line.deduction_reason_id)
        ).items():
            sentences.append(
                self.env._(
                    "%(verdict)s, %(reason)s: %(lines)s",
                    verdict=labels[verdict],
                    reason=reason.name,
                    lines=self._format_tags(group.mapped("display_name")),
                )
            )
        if refused:
            sentences.append(
                self.env._("If you don't agree, press “Object” on the line of the return.")
            )
        return sentences

    def _note_objection(self, lines, reason):
        """Tell about an objection, and ask those who may for the second look."""
        self._inform_sender(
            [
                self.env._(
                    "Objection to the inspection of %(lines)s: %(reason)s",
                    lines=self._format_tags(lines.mapped("display_name")),
                    reason=reason,
                )
            ]
        )
        # sudo: users of the role are read to find those in charge, and get an activity
        document = self.sudo()
        deadlines = document.env["aftersales.deadline"]
        users = deadlines._get_group_users(self.env.ref("aftersales_service.group_quality"))
        asked = document.activity_ids.user_id
        for user in users.filtered(lambda user: self.company_id in user.company_ids) - asked:
            if not any(line.with_user(user)._get_review_obstacle() for line in lines):
                document.activity_schedule(
                    "aftersales_service.mail_activity_type_approval",
                    summary=document.with_context(lang=user.lang).env._("Second look"),
                    user_id=user.id,
                )

    def _note_review(self, lines, note):
        """Tell what the second look said, and drop the activities if no objection is left."""
        self._inform_sender(
            [
                self.env._(
                    "Second look at %(lines)s: %(verdict)s. %(note)s",
                    lines=self._format_tags(lines.mapped("display_name")),
                    verdict=dict(lines._get_verdicts())[lines[0].verdict],
                    note=note,
                )
            ]
        )
        if not self.objection_count:
            # sudo: the activities were planned by the system, for whomever
            self.sudo().activity_unlink(["aftersales_service.mail_activity_type_approval"])

    def action_open_inspection(self):
        """Show the lines of this return that lie before the inspector."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_return_line_inspection"
        )
        # the buttons of the form name the filter that they count
        filters = {k: v for k, v in self.env.context.items() if k.startswith("search_default_")}
        return {
            **action,
            "name": self.env._("Inspection of %s", self.name),
            "domain": [("return_id", "=", self.id)],
            "context": filters or {"search_default_received": 1},
        }

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
