import math
import operator as op

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_list

COMPARISONS = {
    "=": op.eq,
    "!=": op.ne,
    ">": op.gt,
    ">=": op.ge,
    "<": op.lt,
    "<=": op.le,
    "in": lambda number, values: number in values,
    "not in": lambda number, values: number not in values,
}
EARTH_RADIUS = 6371  # km
CUSTOMER_SERVICE = "aftersales_service.group_customer_service"


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "aftersales.phone.mixin"]

    is_service_center = fields.Boolean(
        "Service center",
        copy=False,
        help="Repairs under warranty on the company's account (L3). Only customer service makes "
        "a partner a service center.",
    )
    is_regional_office = fields.Boolean(
        "Regional office",
        copy=False,
        help="Supervises the service centers and dealers of its region.",
    )
    aftersales_level = fields.Selection(
        [
            ("office", "Office or logistics partner"),
            ("store", "Dealer store"),
            ("distributor", "Distributor"),
        ],
        "Level in the network",
        compute="_compute_aftersales_level",
        store=True,
        readonly=False,
        precompute=True,
        copy=False,
        help="Responsibility goes down level by level: an office or logistics partner answers for "
        "its dealer stores, a dealer store for its distributors (L1.5).",
    )
    center_state = fields.Selection(
        [("active", "Active"), ("suspended", "Suspended"), ("closed", "Closed")],
        "Center status",
        index="btree_not_null",
        compute="_compute_center_state",
        store=True,
        precompute=True,
        copy=False,
        tracking=True,
        help="Suspended: finishes its work but gets no new requests. Closed: everything is "
        "settled, its users can no longer sign in.",
    )
    aftersales_region_id = fields.Many2one(
        "aftersales.region", "After-sales region", index="btree_not_null", copy=False
    )
    aftersales_parent_id = fields.Many2one(
        "res.partner",
        "Responsible above",
        index="btree_not_null",
        copy=False,
        help="Who answers for after-sales one level up: office for a dealer store, store for a "
        "distributor (L1.5).",
    )
    aftersales_child_ids = fields.One2many("res.partner", "aftersales_parent_id", "Responsible for")
    aftersales_child_count = fields.Integer(
        compute="_compute_aftersales_child_count", groups="aftersales_service.group_user"
    )
    opening_hours = fields.Char(
        "Opening hours",
        translate=True,
        help="Printed on the slip that tells customers where their service center is (L2.1).",
    )
    center_fee_ids = fields.One2many(
        "aftersales.center.fee",
        "center_id",
        "Agreed fees",
        groups="aftersales_service.group_center,aftersales_service.group_office_manager,"
        "aftersales_service.group_customer_service,aftersales_service.group_vp",
    )
    center_visit_ids = fields.One2many(
        "aftersales.center.visit",
        "center_id",
        "Support visits",
        groups="aftersales_service.group_center,aftersales_service.group_office_manager,"
        "aftersales_service.group_clerk,aftersales_service.group_vp",
    )
    qualification_ids = fields.One2many(
        "aftersales.qualification",
        "center_id",
        "Qualifications",
        groups="aftersales_service.group_user",
        help="Of the service center and its people (H2).",
    )
    open_request_count = fields.Integer(
        "Open requests",
        compute="_compute_center_counts",
        search="_search_open_request_count",
        groups="aftersales_service.group_user",
    )
    late_deadline_count = fields.Integer(
        "Late deadlines",
        compute="_compute_center_counts",
        search="_search_late_deadline_count",
        groups="aftersales_service.group_user",
        help="Promises that the partner has to keep, overdue and not yet kept.",
    )
    service_record_count = fields.Integer(
        "Service records", compute="_compute_service_record_count"
    )
    open_record_count = fields.Integer(
        "Open service records",
        compute="_compute_center_counts",
        search="_search_open_record_count",
        groups="aftersales_service.group_user",
    )
    expiring_qualification_count = fields.Integer(
        "Expiring certificates",
        compute="_compute_center_counts",
        search="_search_expiring_qualification_count",
        groups="aftersales_service.group_user",
        help="Of the center and its people: expired, or ending soon (H2).",
    )
    qualification_count = fields.Integer(
        compute="_compute_center_counts", groups="aftersales_service.group_user"
    )
    center_visit_count = fields.Integer(
        compute="_compute_center_counts", groups="aftersales_service.group_user"
    )
    center_fee_count = fields.Integer(
        compute="_compute_center_counts", groups="aftersales_service.group_user"
    )
    next_visit_date = fields.Date(
        "Next visit",
        compute="_compute_center_counts",
        search="_search_next_visit_date",
        groups="aftersales_service.group_user",
        help="The earliest support visit that is planned (L3.4).",
    )
    warranty_card_ids = fields.One2many(
        "aftersales.warranty.card",
        "partner_id",
        "Warranty cards",
        groups="aftersales_service.group_user",
    )
    # the customers of a center or technician are those of their requests and visits
    aftersales_request_ids = fields.One2many(
        "aftersales.request",
        "partner_id",
        "Service requests",
        groups="aftersales_service.group_user",
    )
    aftersales_visit_ids = fields.One2many(
        "aftersales.visit",
        "partner_id",
        "Return visits",
        groups="aftersales_service.group_user",
    )
    warranty_card_count = fields.Integer(
        compute="_compute_aftersales_counts", groups="aftersales_service.group_user"
    )
    aftersales_request_count = fields.Integer(
        compute="_compute_aftersales_counts", groups="aftersales_service.group_user"
    )

    def _get_phone_depends(self):
        return [*super()._get_phone_depends(), "country_id"]

    def _get_phone_country(self):
        return self.country_id or (self.company_id or self.env.company).country_id

    @api.depends("is_service_center")
    def _compute_center_state(self):
        for partner in self:
            partner.center_state = partner.is_service_center and (partner.center_state or "active")

    @api.depends("is_regional_office")
    def _compute_aftersales_level(self):
        for partner in self:
            partner.aftersales_level = (
                "office" if partner.is_regional_office else partner.aftersales_level
            )

    @api.constrains("aftersales_parent_id", "aftersales_level", "is_regional_office")
    def _check_aftersales_parent_id(self):
        if self._has_cycle("aftersales_parent_id"):
            raise ValidationError(
                self.env._("Nobody can be responsible above themselves: choose another partner.")
            )
        # sudo: those above and below may belong to a company that this user doesn't work in
        for partner in self.sudo():
            if partner.is_regional_office and partner.aftersales_level != "office":
                raise ValidationError(
                    self.env._(
                        "%s is a regional office, so that is its level in the network.",
                        partner.display_name,
                    )
                )
            for lower in partner | partner.aftersales_child_ids:
                lower._check_level_above()

    @api.model
    def _get_levels_above(self):
        """Return which levels may answer for each level (L1.5)."""
        return {
            "office": [],
            "store": ["office"],
            "distributor": ["store"],
            # a service center that sells nothing
            False: ["office", "store"],
        }

    def _check_level_above(self):
        self.ensure_one()
        above = self.aftersales_parent_id
        allowed = self._get_levels_above()[self.aftersales_level]
        if not above or above.aftersales_level in allowed:
            return
        labels = dict(self._fields["aftersales_level"]._description_selection(self.env))
        if not allowed:
            raise ValidationError(
                self.env._(
                    "%(partner)s is an office or logistics partner, the highest level of the "
                    "network (L1.5): leave “Responsible above” empty.",
                    partner=self.display_name,
                )
            )
        raise ValidationError(
            self.env._(
                "%(above)s can't answer for %(partner)s (L1.5): that has to be a partner of the "
                "level “%(levels)s”.",
                above=above.display_name,
                partner=self.display_name,
                levels=format_list(self.env, [labels[level] for level in allowed], style="or"),
            )
        )

    def _get_responsible_office(self):
        """Return the office or logistics partner that answers for the partner, or none (L1.5).

        Found by going up the network; without one there, the office of the region.
        """
        self.ensure_one()
        partner = self.commercial_partner_id
        # no cycle is possible: `_check_aftersales_parent_id`
        while partner.aftersales_parent_id and partner.aftersales_level != "office":
            partner = partner.aftersales_parent_id
        if partner.aftersales_level == "office":
            return partner
        return self.commercial_partner_id.aftersales_region_id.office_id

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(vals_list)
        # what came from defaults counts as well as what was given
        partners._check_network_change(
            name
            for name in self._get_network_fields()
            if any(partner[name] for partner in partners)
        )
        return partners

    def write(self, vals):
        self._check_network_change(self._get_changed(vals, self._get_network_fields()))
        if self._get_changed(vals, {"parent_id", "is_company", "commercial_partner_id"}):
            self._check_belonging_change()
        if not vals.get("active", True) and not self.env.su:
            self._check_archivable()
        if "center_state" in vals and not self.env.su:
            raise AccessError(
                self.env._(
                    "The status of a service center can't be changed by hand: use the buttons of "
                    "the form, which check what has to be checked."
                )
            )
        if "is_service_center" in vals and not vals["is_service_center"]:
            self._check_center_obstacles()
        return super().write(vals)

    def _get_changed(self, vals, names):
        """Return those of ``names`` that writing ``vals`` would change on any of the partners."""
        return {
            name
            for name in names & vals.keys()
            if any(
                partner[name]
                != partner._fields[name].convert_to_record(
                    partner._fields[name].convert_to_cache(vals[name], partner), partner
                )
                for partner in self
            )
        }

    @api.model
    def _get_network_fields(self):
        """Return the names of the fields that make up the network: who is what, and below whom.

        Rights follow from them (own center, own region), so only customer service sets them.
        """
        return {
            "is_service_center",
            "is_regional_office",
            "aftersales_level",
            "aftersales_region_id",
            "aftersales_parent_id",
        }

    def _check_network_change(self, names):
        """Raise AccessError if others than customer service change the fields ``names``."""
        names = list(names)
        if not names or self.env.su or self.env.user.has_group(CUSTOMER_SERVICE):
            return
        raise AccessError(
            self.env._(
                "Only customer service changes the service network (%(fields)s). An office or "
                "regional manager proposes a service center by a center application.",
                fields=format_list(
                    self.env,
                    sorted(self._fields[name]._description_string(self.env) for name in names),
                ),
            )
        )

    def _check_belonging_change(self):
        """Raise AccessError if others than customer service move centers, offices or their users.

        Whom somebody belongs to decides what he sees. Core lets everybody who may edit contacts
        put himself below another company, or that below his own.
        """
        user = self.env.user
        if self.env.su or user.has_group(CUSTOMER_SERVICE) or user._is_admin():
            return
        # sudo: what hangs below the partners counts, whether or not this user sees it
        below = self.sudo().with_context(active_test=False).search([("id", "child_of", self.ids)])
        role = self.env.ref("aftersales_service.group_user")
        moved = below.filtered(
            lambda partner: (
                partner.is_service_center
                or partner.is_regional_office
                or role in partner.user_ids.all_group_ids
            )
        )
        if moved:
            raise AccessError(
                self.env._(
                    "%s belongs to the service network, and what its users see follows from the "
                    "company that they belong to: only customer service changes that.",
                    moved[0].display_name,
                )
            )

    def _check_archivable(self):
        """Raise UserError if one of the partners is a service center that isn't closed."""
        for partner in self:
            if partner.center_state in ("active", "suspended"):
                raise UserError(
                    self.env._(
                        "%s is a working service center: close it before it is archived.",
                        partner.display_name,
                    )
                )

    # --- being a service center (L3.1) -----------------------------------------------------

    def _get_reason_actions(self):
        """Return the names of the actions that take a reason, for the window that asks for it."""
        return {"action_suspend_center", "action_reactivate_center", "action_close_center"}

    def _establish_service_center(self, application):
        """Make the partner the service center that ``application`` was approved for (L3.1).

        Addons extend it with what they keep for a center. Called once per application with the
        rights of the system, after the approval was checked; what is raised undoes everything.
        Amounts of the application are in its ``currency_id``, the currency of its
        ``company_id``: ``fee_amount`` per month, ``deposit_amount`` and ``stock_amount`` once.

        :param application: the approved ``aftersales.center.application``
        :raises UserError: something needed can't be set up
        """
        self.ensure_one()
        self.write(self._prepare_center_vals(application))
        application._create_center_user()
        application._create_center_fee()

    def _prepare_center_vals(self, application):
        return {
            "is_service_center": True,
            "center_state": "active",
            "active": True,
            "aftersales_region_id": application.region_id.id,
            "aftersales_parent_id": application.parent_id.id,
            "opening_hours": application.opening_hours or self.opening_hours,
        }

    def _get_center_fee(self, day, company):
        """Return the fee agreed with the center for ``day`` in ``company``, or none (L3.2).

        Its ``amount`` is per month, in the currency of the company.
        """
        self.ensure_one()
        return self.env["aftersales.center.fee"].search(
            [
                ("center_id", "=", self.id),
                ("company_id", "=", company.id),
                ("state", "=", "approved"),
                ("date_from", "<=", day),
                "|",
                ("date_last", "=", False),
                ("date_last", ">=", day),
            ],
            limit=1,
        )

    def _has_qualification(self, kind, day):
        """Tell whether the partner holds a qualification of ``kind`` valid on ``day`` (H2).

        :param kind: the ``aftersales.qualification.type``
        :param day: a date in the company's time zone
        """
        self.ensure_one()
        # sudo: whoever sends a technician may know that he is qualified, not more
        return bool(
            self.env["aftersales.qualification"]
            .sudo()
            .search_count(
                [
                    ("partner_id", "=", self.id),
                    ("type_id", "=", kind.id),
                    ("date_from", "<=", day),
                    "|",
                    ("date_to", "=", False),
                    ("date_to", ">=", day),
                ],
                limit=1,
            )
        )

    def _get_certificates(self):
        """Return the certificates of the partners, for `_is_certified` (H2)."""
        # sudo: whoever sends a technician may know that he is qualified, not more
        qualifications = self.env["aftersales.qualification"].sudo()
        return qualifications.search([("partner_id", "in", self.ids)])

    def _get_center_obstacles(self, company):
        """Return what keeps the center from being closed, each as a sentence for the user.

        Addons add theirs. Everything of ``company`` counts, whether or not the user sees it.
        """
        self.ensure_one()
        # sudo: a document that this user doesn't see keeps the center open all the same
        requests = self.env["aftersales.request"].sudo()
        records = self.env["aftersales.service.record"].sudo()
        domain = [("center_id", "child_of", self.id), ("company_id", "=", company.id)]
        open_requests = requests.search([*domain, ("state", "not in", ("done", "cancelled"))])
        open_records = records.search([*domain, ("state", "in", ("draft", "signed"))])
        obstacles = []
        if open_requests:
            obstacles.append(
                self.env._(
                    "Requests still open: %s", format_list(self.env, open_requests.mapped("name"))
                )
            )
        if open_records:
            obstacles.append(
                self.env._(
                    "Service records still open: %s",
                    format_list(self.env, open_records.mapped("name")),
                )
            )
        return obstacles

    def _check_center_obstacles(self):
        """Raise UserError naming everything that keeps the centers from being closed."""
        # sudo: what another company has open keeps the center open as well
        companies = self.env["res.company"].sudo().search([("active", "in", [True, False])])
        for center in self.filtered("is_service_center"):
            obstacles = [
                obstacle
                for company in companies
                for obstacle in center._get_center_obstacles(company)
            ]
            if obstacles:
                raise UserError(
                    self.env._(
                        "%(center)s can't be closed yet:\n%(obstacles)s",
                        center=center.display_name,
                        obstacles="\n".join(f"• {obstacle}" for obstacle in obstacles),
                    )
                )

    def _get_center_users(self):
        """Return the users of the centers, archived ones as well."""
        # sudo: whoever closes or establishes a center need not administer users
        roles = self.env.ref("aftersales_service.group_center") | self.env.ref(
            "aftersales_service.group_technician"
        )
        return (
            self.env["res.users"]
            .sudo()
            .with_context(active_test=False)
            .search([("partner_id", "child_of", self.ids), ("group_ids", "in", roles.ids)])
        )

    def _change_center_state(self, state, allowed, reason):
        """Change the status of the centers, if it is one of ``allowed``, with a reason.

        :raises AccessError: the user isn't customer service
        :raises UserError: no reason given, or the center isn't in such a status
        """
        self.env["aftersales.workflow.mixin"]._check_group(CUSTOMER_SERVICE)
        self.check_access("read")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason: it is kept in the center's history."))
        labels = dict(self._fields["center_state"]._description_selection(self.env))
        for center in self:
            if center.center_state not in allowed:
                raise UserError(
                    self.env._(
                        "This can't be done with %(center)s: its status is “%(state)s”.",
                        center=center.display_name,
                        state=labels.get(center.center_state, self.env._("No service center")),
                    )
                )
            # sudo: the status is closed to direct changes; the role was checked above
            center.sudo().center_state = state
            center.sudo().message_post(
                body=self.env._(
                    "Center status “%(state)s”: %(reason)s", state=labels[state], reason=reason
                )
            )
        return True

    def action_suspend_center(self, reason=None):
        """Give the centers no new requests until further notice; customer service only."""
        return self._change_center_state("suspended", ("active",), reason)

    def action_reactivate_center(self, reason=None):
        """Let suspended centers work again; customer service only."""
        return self._change_center_state("active", ("suspended",), reason)

    def action_close_center(self, reason=None):
        """Close the centers for good and archive their users; customer service only.

        :raises UserError: something is still open; the message names all of it
        """
        self._change_center_state("closed", ("active", "suspended"), reason)
        self._check_center_obstacles()
        self._get_center_users().active = False
        # sudo: with the center its fees end in every company
        fees = self.env["aftersales.center.fee"].sudo()
        fees.search([("center_id", "in", self.ids), ("state", "!=", "cancelled")]).filtered(
            lambda fee: not fee.date_last or fee.date_last > fee._get_today()
        )._end()
        return True

    def action_open_suspend_center(self):
        """Open the window that asks for the reason."""
        return self._open_center_reason("action_suspend_center", self.env._("Suspend center"))

    def action_open_reactivate_center(self):
        """Open the window that asks for the reason."""
        return self._open_center_reason("action_reactivate_center", self.env._("Reactivate center"))

    def action_open_close_center(self):
        """Open the window that asks for the reason."""
        return self._open_center_reason("action_close_center", self.env._("Close center"))

    def _open_center_reason(self, method, title):
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, method, title)

    def _get_address_line(self):
        """Return the address in one line, from the province down to the street."""
        self.ensure_one()
        parts = [self.state_id.name, self.city, self.street, self.street2]
        return " ".join(part for part in parts if part)

    # --- which center serves an address (L2.1) ---------------------------------------------

    def _get_service_centers(self, company):
        """Return the working centers that serve each partner's address, the best one first.

        Same city, then same province, then the same region; within these the nearest, where both
        have coordinates, and the one with the fewest open requests. A center of another region
        than the address's is not responsible and so not returned. The number of queries doesn't
        grow with the partners.

        :return: dict from partner to centers, in order
        """
        regions = self.env["aftersales.region"]._get_regions(self, company)
        centers = self.search(
            [
                ("center_state", "=", "active"),
                ("company_id", "in", [company.id, False]),
            ]
        )
        # sudo: how busy a center is decides only the order; nothing of its requests is shown
        busy = dict(
            self.env["aftersales.request"]
            .sudo()
            ._read_group(
                [
                    ("center_id", "in", centers.ids),
                    ("company_id", "=", company.id),
                    ("state", "not in", ("done", "cancelled")),
                ],
                ["center_id"],
                ["__count"],
            )
        )
        result = {}
        for partner in self:
            ranked = []
            for center in centers:
                nearness = partner._get_nearness(center, regions[partner])
                if nearness:
                    ranked.append((*nearness, busy.get(center, 0), center.id))
            result[partner] = self.browse(item[-1] for item in sorted(ranked))
        return result

    def _get_nearness(self, center, region):
        """Return how near ``center`` is to the partner in ``region``, as a key for sorting.

        :return: (0 same city, 1 province, 2 region; distance in km), or None: not responsible
        """
        self.ensure_one()
        if region and center.aftersales_region_id and center.aftersales_region_id != region:
            return None
        get_key = self.env["aftersales.region.city"]._get_key
        same_state = self.state_id and self.state_id == center.state_id
        same_city = self.city and get_key(self.city) == get_key(center.city)
        if same_city and (same_state or not self.state_id):
            step = 0
        elif same_state:
            step = 1
        elif region and region == center.aftersales_region_id:
            step = 2
        else:
            return None
        return step, self._get_distance(center)

    def _get_distance(self, other):
        """Return the distance to ``other`` in km as the crow flies; infinite if unknown."""
        if not all((p.partner_latitude or p.partner_longitude) for p in (self, other)):
            return math.inf
        here, there = (
            (math.radians(p.partner_latitude), math.radians(p.partner_longitude))
            for p in (self, other)
        )
        sine = (
            math.sin((there[0] - here[0]) / 2) ** 2
            + math.cos(here[0]) * math.cos(there[0]) * math.sin((there[1] - here[1]) / 2) ** 2
        )
        return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1, sine)))

    def _get_slip_center(self):
        """Return the center that the slip for the customer names: itself, or the one in charge."""
        self.ensure_one()
        if self.is_service_center:
            return self if self.center_state == "active" else self.browse()
        return self._get_service_centers(self.company_id or self.env.company)[self][:1]

    # --- whose affairs a user sees ---------------------------------------------------------

    @api.model
    def _get_central_groups(self):
        """Return the XML ids of the groups that see every center's affairs."""
        return [
            "aftersales_service.group_clerk",
            "aftersales_service.group_logistics",
            "aftersales_service.group_quality",
            "aftersales_service.group_vp",
        ]

    def _filter_aftersales_visible(self):
        """Return the centers whose figures and history the current user may see.

        The same as for the documents: central departments and accountants all, an office or
        regional manager the own region, a center itself.
        """
        user = self.env.user
        if self.env.su or any(user.has_group(group) for group in self._get_central_groups()):
            return self
        visible = self.browse()
        if user.has_group("aftersales_service.group_office_manager"):
            # sudo: a manager's office and region decide what he sees, not what he may read
            offices = user.sudo().partner_id
            while offices[-1:].parent_id - offices:
                offices |= offices[-1:].parent_id
            regions = self.sudo().aftersales_region_id.filtered(
                lambda r: r.manager_id == user or r.office_id in offices
            )
            visible |= self.filtered(lambda c: c.sudo().aftersales_region_id in regions)
        if user.has_group("aftersales_service.group_center"):
            own = user.commercial_partner_id
            visible |= self.filtered(lambda c: c.sudo().commercial_partner_id == own)
        return visible

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        result = super()._mail_get_operation_for_mail_message_operation(message_operation)
        user = self.env.user
        if (
            message_operation == "read"
            and not self.env.su
            and user.has_group("aftersales_service.group_user")
        ):
            # The notes tell why a center was suspended: that is not for the other centers.
            # sudo: partners that this user may not read, or that are gone, are core's affair
            partners = self.sudo().with_context(active_test=False)
            domain = [("id", "in", self.ids), ("is_service_center", "=", True)]
            centers = self.browse(partners.search(domain).ids)
            for center in centers - centers._filter_aftersales_visible():
                result.pop(center)
        return result

    # --- the file of a partner (L3.6) ------------------------------------------------------

    @api.model
    def _get_center_counters(self):
        """Return what is counted per center: field → (model, field of the center, domain).

        Only documents that the user may see are counted. Addons add theirs.
        """
        return {
            "open_request_count": (
                "aftersales.request",
                "center_id",
                [("state", "not in", ("done", "cancelled"))],
            ),
            "late_deadline_count": (
                "aftersales.deadline",
                "partner_id",
                [("state", "=", "missed")],
            ),
            "open_record_count": (
                "aftersales.service.record",
                "center_id",
                [("state", "in", ("draft", "signed"))],
            ),
            "expiring_qualification_count": (
                "aftersales.qualification",
                "center_id",
                [("state", "in", ("expiring", "expired"))],
            ),
            "qualification_count": ("aftersales.qualification", "center_id", []),
            "center_visit_count": ("aftersales.center.visit", "center_id", []),
            "center_fee_count": ("aftersales.center.fee", "center_id", []),
        }

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_center_counts(self):
        for name, (model, center, domain) in self._get_center_counters().items():
            counts = self._get_center_numbers(
                model, center, [*domain, (center, "in", self.ids)], "__count"
            )
            for partner in self:
                partner[name] = counts.get(partner, 0)
        dates = self._get_center_numbers(
            "aftersales.center.visit",
            "center_id",
            [("state", "=", "planned"), ("center_id", "in", self.ids)],
            "date_planned:min",
        )
        for partner in self:
            partner.next_visit_date = dates.get(partner, False)

    @api.model
    def _get_center_numbers(self, model, center, domain, aggregate):
        documents = self.env[model]
        if not documents.has_access("read"):
            return {}
        return dict(documents._read_group(domain, [center], [aggregate]))

    @api.model
    def _search_center_count(self, name, operator, value):
        """Search by a number of documents, such as all centers with late deadlines."""
        compare = COMPARISONS.get(operator)
        if not compare:
            return NotImplemented
        model, center, domain = self._get_center_counters()[name]
        counts = self._get_center_numbers(model, center, domain, "__count")
        if compare(0, value):
            # those that nothing is counted for are found as well
            others = [partner.id for partner, n in counts.items() if not compare(n, value)]
            return [("id", "not in", others)]
        return [("id", "in", [partner.id for partner, n in counts.items() if compare(n, value)])]

    def _search_open_request_count(self, operator, value):
        return self._search_center_count("open_request_count", operator, value)

    def _search_late_deadline_count(self, operator, value):
        return self._search_center_count("late_deadline_count", operator, value)

    def _search_open_record_count(self, operator, value):
        return self._search_center_count("open_record_count", operator, value)

    def _search_expiring_qualification_count(self, operator, value):
        return self._search_center_count("expiring_qualification_count", operator, value)

    def _search_next_visit_date(self, operator, value):
        """Search by the visits that are planned: any of them, not only the earliest."""
        visits = self.env["aftersales.center.visit"]
        planned = Domain("state", "=", "planned")
        if operator == "in" and set(value) == {False}:
            return [("id", "not in", visits.search(planned).center_id.ids)]
        found = visits.search(planned & Domain("date_planned", operator, value))
        return [("id", "in", found.center_id.ids)]

    @api.model
    def _open_service_centers(self):
        """Return the action of the list of centers; a manager finds the own region filtered."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_service_center"
        )
        context = {"search_default_working": 1}
        if self.env.user.has_group(
            "aftersales_service.group_office_manager"
        ) and not self.env.user.has_group(CUSTOMER_SERVICE):
            context["search_default_my_region"] = 1
        return {**action, "context": context}

    def _open_counted(self, name, xmlid):
        """Open the documents that the counter ``name`` of this center counts."""
        self.ensure_one()
        _model, center, domain = self._get_center_counters()[name]
        action = self.env["ir.actions.act_window"]._for_xml_id(f"aftersales_service.{xmlid}")
        return {
            **action,
            "domain": [*domain, (center, "=", self.id)],
            "context": {f"default_{center}": self.id},
        }

    def action_view_open_requests(self):
        """Open the requests that the center still has to do."""
        return self._open_counted("open_request_count", "action_request")

    def action_view_late_deadlines(self):
        """Open the promises that the center didn't keep in time."""
        return self._open_counted("late_deadline_count", "action_deadline")

    def action_view_open_records(self):
        """Open the service records that aren't valid yet."""
        return self._open_counted("open_record_count", "action_service_record")

    def action_view_expiring_qualifications(self):
        """Open the certificates that have ended or end soon."""
        return self._open_counted("expiring_qualification_count", "action_qualification")

    def action_view_qualifications(self):
        """Open the certificates of the center and its people."""
        return self._open_counted("qualification_count", "action_qualification")

    def action_view_center_visits(self):
        """Open the support visits to the center."""
        return self._open_counted("center_visit_count", "action_center_visit")

    def action_view_center_fees(self):
        """Open the fees of the center."""
        return self._open_counted("center_fee_count", "action_center_fee")

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_aftersales_child_count(self):
        direct = self._get_children_by_parent(self)
        below = self._get_children_by_parent(self.browse().union(*direct.values()))
        for partner in self:
            children = direct.get(partner, self.browse())
            partner.aftersales_child_count = len(children) + sum(
                len(below.get(child, ())) for child in children
            )

    @api.model
    def _get_children_by_parent(self, parents):
        return dict(
            self._read_group(
                [("aftersales_parent_id", "in", parents.ids)],
                ["aftersales_parent_id"],
                ["id:recordset"],
            )
        )

    def action_view_subordinates(self):
        """Open those that the partner answers for, the level below them included (L1.5)."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_network")
        return {
            **action,
            "domain": [
                "|",
                ("aftersales_parent_id", "=", self.id),
                ("aftersales_parent_id.aftersales_parent_id", "=", self.id),
            ],
            "context": {"search_default_group_parent": 1},
        }

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_aftersales_counts(self):
        cards = dict(
            self.env["aftersales.warranty.card"]._read_group(
                [("partner_id", "in", self.ids)], ["partner_id"], ["__count"]
            )
        )
        requests = self.env["aftersales.request"]
        by_customer = dict(
            requests._read_group([("partner_id", "in", self.ids)], ["partner_id"], ["__count"])
        )
        by_center = dict(
            requests._read_group([("center_id", "in", self.ids)], ["center_id"], ["__count"])
        )
        for partner in self:
            partner.warranty_card_count = cards.get(partner, 0)
            partner.aftersales_request_count = by_customer.get(partner, 0) + by_center.get(
                partner, 0
            )

    # --- service history (E4) ----------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_service_record_count(self):
        counts = {}
        if self.env["aftersales.service.record"].has_access("read"):
            counts = dict(
                self.env["aftersales.service.record"]._read_group(
                    [("partner_id", "in", self.ids)], ["partner_id"], ["__count"]
                )
            )
        for partner in self:
            partner.service_record_count = counts.get(partner, 0)

    def action_view_service_records(self):
        """Open what was done for the customer, unit by unit (E4)."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_service_record_history"
        )
        return {
            **action,
            "domain": [("partner_id", "=", self.id)],
            "context": {"search_default_group_card": 1},
        }

    def action_view_warranty_cards(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_warranty_card"
        )
        return {**action, "domain": [("partner_id", "=", self.id)], "context": {}}

    def action_view_aftersales_requests(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_request")
        return {
            **action,
            "domain": ["|", ("partner_id", "=", self.id), ("center_id", "=", self.id)],
            "context": {},
        }
