from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.addons.base.models.ir_mail_server import MailDeliveryException
from odoo.exceptions import UserError, ValidationError
from odoo.tools import email_normalize, format_list


class AftersalesCenterApplication(models.Model):
    """特约维修部申请表: a sales point is proposed as a service center (L3.1)."""

    _name = "aftersales.center.application"
    _description = "Center application"
    _regulations = ("L3.1",)
    _inherit = ["aftersales.network.mixin", "aftersales.approval.mixin"]
    _sequence_code = "aftersales.center.application"
    _order = "id desc"
    _rec_names_search = ["name", "applicant"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("approved", "Approved"),
            ("established", "Established"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Known partner",
        domain="[('is_service_center', '=', False), '|', ('parent_id', '=', False),"
        " ('is_company', '=', True)]",
        check_company=True,
        index="btree_not_null",
        help="The dealer store or distributor, if it is already in the contacts. Otherwise give "
        "name and address; the contact is created when the center is established.",
    )
    applicant = fields.Char(
        compute="_compute_from_partner", store=True, readonly=False, precompute=True
    )
    street = fields.Char(
        compute="_compute_from_partner", store=True, readonly=False, precompute=True
    )
    city = fields.Char(compute="_compute_from_partner", store=True, readonly=False, precompute=True)
    state_id = fields.Many2one(
        "res.country.state",
        "Province",
        compute="_compute_from_partner",
        store=True,
        readonly=False,
        precompute=True,
    )
    phone = fields.Char(
        compute="_compute_from_partner", store=True, readonly=False, precompute=True
    )
    opening_hours = fields.Char(
        "Opening hours",
        compute="_compute_from_partner",
        store=True,
        readonly=False,
        precompute=True,
        help="Printed on the slip that tells customers where their service center is (L2.1).",
    )
    region_id = fields.Many2one(
        "aftersales.region",
        compute="_compute_region_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
        check_company=True,
        help="From the address. An office or regional manager applies for the own region only.",
    )
    parent_id = fields.Many2one(
        "res.partner",
        "Responsible above",
        compute="_compute_parent_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('aftersales_level', 'in', ('office', 'store'))]",
        check_company=True,
        help="Who answers for the center one level up (L1.5): as a rule the region's office.",
    )
    coverage = fields.Text("Area covered", help="Cities, districts and markets that it serves.")
    sales_volume = fields.Monetary(
        "Sales per year", help="Sales of our products in the area covered."
    )
    criterion_ids = fields.Many2many(
        "aftersales.center.criterion",
        string="Criteria met",
        context={"active_test": False},
        help="Mandatory ones have to be met before the application can be submitted (L3.1).",
    )
    note = fields.Text("Remarks")
    contact_name = fields.Char("Contact person", help="Becomes the first user of the center.")
    contact_email = fields.Char(
        "E-mail", help="The invitation goes there; it becomes the login of the center's user."
    )
    fee_amount = fields.Monetary(
        "Repair fee per month", help="The allowance that is proposed, by area and sales (L3.2)."
    )
    deposit_amount = fields.Monetary(
        "Deposit", help="Paid by the center against its first parts stock (L3.3)."
    )
    stock_amount = fields.Monetary(
        "First parts stock", help="Value of the parts that the center keeps at first (L3.3)."
    )
    center_id = fields.Many2one(
        "res.partner",
        "Service center",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The center that this application became.",
    )
    user_id = fields.Many2one("res.users", "User of the center", readonly=True, copy=False)
    date_established = fields.Date("Established on", readonly=True, copy=False)

    _amounts_positive = models.Constraint(
        "CHECK(sales_volume >= 0 AND fee_amount >= 0 AND deposit_amount >= 0"
        " AND stock_amount >= 0)",
        "Amounts can't be negative.",
    )

    @api.depends("partner_id")
    def _compute_from_partner(self):
        for application in self:
            partner = application.partner_id
            if partner:
                application.applicant = partner.name
                application.street = partner.street
                application.city = partner.city
                application.state_id = partner.state_id
                application.phone = partner.phone
                application.opening_hours = partner.opening_hours

    @api.depends("city", "state_id", "company_id")
    def _compute_region_id(self):
        regions = self.env["aftersales.region"]
        for company, applications in self.grouped(lambda a: a.company_id or a.env.company).items():
            # an application has an address like a partner's
            for application, region in regions._get_regions(applications, company).items():
                application.region_id = region or application.region_id

    @api.depends("region_id", "partner_id")
    def _compute_parent_id(self):
        for application in self:
            application.parent_id = (
                application.partner_id.aftersales_parent_id
                or application.region_id.office_id
                or application.parent_id
            )

    @api.constrains("partner_id")
    def _check_partner_id(self):
        for application in self:
            partner = application.partner_id
            if partner and partner.commercial_partner_id != partner:
                raise ValidationError(
                    self.env._(
                        "%(contact)s is a contact of %(company)s. The company itself becomes the "
                        "service center: choose it.",
                        contact=partner.display_name,
                        company=partner.commercial_partner_id.display_name,
                    )
                )

    @api.constrains("contact_email")
    def _check_contact_email(self):
        for application in self:
            if application.contact_email and not email_normalize(application.contact_email):
                raise ValidationError(
                    self.env._("“%s” is no e-mail address.", application.contact_email)
                )

    @api.depends("name", "applicant")
    def _compute_display_name(self):
        for application in self:
            application.display_name = (
                f"{application.name} {application.applicant}"
                if application.name and application.name != "/"
                else application.applicant
            )

    def write(self, vals):
        if not self.env.su and self._get_changed_names(vals, set(self._get_approval_content())):
            self._check_voidable()
        return super().write(vals)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"center_id", "user_id", "date_established"}

    # --- approval --------------------------------------------------------------------------

    def _get_approval_steps(self):
        return [
            {
                "code": "customer_service",
                "label": self.env._("Customer service"),
                "group": "aftersales_service.group_customer_service",
                "regulation": "L3.1",
            }
        ]

    def _get_approval_content(self):
        return dict.fromkeys(
            [
                "company_id",
                "partner_id",
                "applicant",
                "street",
                "city",
                "state_id",
                "phone",
                "opening_hours",
                "region_id",
                "parent_id",
                "coverage",
                "sales_volume",
                "criterion_ids",
                "note",
                "contact_name",
                "contact_email",
                "fee_amount",
                "deposit_amount",
                "stock_amount",
            ]
        )

    def _get_required_fields(self):
        """Return the fields without which customer service can't decide."""
        return [
            "applicant",
            "city",
            "state_id",
            "phone",
            "region_id",
            "parent_id",
            "coverage",
            "contact_name",
            "contact_email",
        ]

    def _get_criteria(self):
        """Return the criteria that the printed form lists: those in use, and those met."""
        return (self.criterion_ids.search([("active", "=", True)]) | self.criterion_ids).sorted()

    def _check_submit(self):
        self._check_group("aftersales_service.group_office_manager")
        self._check_applicant()
        missing = [
            self._fields[name]._description_string(self.env)
            for name in self._get_required_fields()
            if not self[name]
        ]
        if missing:
            raise UserError(
                self.env._(
                    "Customer service decides on a complete application (L3.1). Still missing: %s.",
                    format_list(self.env, missing),
                )
            )
        unmet = (
            self.env["aftersales.center.criterion"].search([("is_mandatory", "=", True)])
            - self.criterion_ids
        )
        if unmet:
            raise UserError(
                self.env._(
                    "%(applicant)s doesn't meet what every service center has to (L3.1): "
                    "%(criteria)s.",
                    applicant=self.applicant,
                    criteria=format_list(self.env, unmet.mapped("name")),
                )
            )

    def _check_applicant(self):
        """Raise UserError if the applicant is a working center, or applied twice."""
        partner = self.partner_id
        if partner.center_state in ("active", "suspended"):
            raise UserError(self.env._("%s is a service center already.", partner.display_name))
        # sudo: an application of another region is found as well
        other = partner and self.sudo().search(
            [
                ("partner_id", "=", partner.id),
                ("id", "!=", self.id),
                ("company_id", "=", self.company_id.id),
                ("state", "in", ("submitted", "approved")),
            ],
            limit=1,
        )
        if other:
            raise UserError(
                self.env._(
                    "The application %(other)s for %(applicant)s is still being decided.",
                    other=other.name,
                    applicant=partner.display_name,
                )
            )

    def _check_voidable(self):
        for application in self:
            if application.state in ("established", "cancelled"):
                raise UserError(
                    self.env._("%s is closed and can't be changed any more.", application.name)
                )

    def action_cancel(self, reason=None):
        """Cancel an application that led to no center, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the application is cancelled."))
        for application in self:
            application.check_access("write")
            application._check_voidable()
            application._write_protected({"state": "cancelled", "approval_state": "draft"})
            application.message_post(body=self.env._("Cancelled: %s", reason))
        return True

    def action_open_cancel(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_cancel", self.env._("Cancel application")
        )

    # --- becoming a center -----------------------------------------------------------------

    def action_establish(self):
        """Make the applicant a service center with everything that it needs (L3.1).

        Pressed again, it only opens the center. Either all is set up, or nothing is.

        :raises AccessError: the user isn't customer service
        :raises UserError: the application isn't approved as it stands, or something needed can't
            be set up, such as a login that somebody else has
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_customer_service")
        self.check_access("write")
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset()
        if self.state != "established":
            if self.state == "approved":
                self._check_applicant()
            self._check_approved()
            # sudo: customer service keeps no users; the approval was checked
            application = self.sudo()
            center = application.partner_id or application._create_partner()
            application._write_protected(
                {
                    "state": "established",
                    "center_id": center.id,
                    "date_established": self.company_id._aftersales_local(
                        fields.Datetime.now()
                    ).date(),
                }
            )
            center._establish_service_center(application)
            center.message_post(
                body=self.env._("Became a service center by the application %s.", self.name)
            )
            # last, because an e-mail can't be undone
            application._invite_center_user()
        return self.action_view_center()

    def action_view_center(self):
        """Open the center that the application became."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.center_id.id,
            "views": [(False, "form")],
        }

    def _create_partner(self):
        return self.env["res.partner"].create(
            {
                "name": self.applicant,
                "is_company": True,
                "street": self.street,
                "city": self.city,
                "state_id": self.state_id.id,
                "country_id": self.state_id.country_id.id,
                "phone": self.phone,
            }
        )

    def _create_center_user(self):
        """Give the center its first user; a login that is already the center's own is reused.

        :raises UserError: the login belongs to somebody else
        """
        self.ensure_one()
        login = email_normalize(self.contact_email)
        # as the system's own user: a default that somebody keeps for himself, such as a password
        # or the contact of an administrator, must not get into a user of others
        users = (
            self.env["res.users"]
            .with_user(SUPERUSER_ID)
            .with_context(active_test=False, no_reset_password=True)
        )
        user = users.search([("login", "=ilike", login)]).filtered(
            lambda u: u.login.lower() == login
        )[:1]
        group = self.env.ref("aftersales_service.group_center")
        if not user:
            user = users.create(self._prepare_user_vals(login, group))
        elif user.partner_id.commercial_partner_id != self.center_id or user._is_admin():
            raise UserError(
                self.env._(
                    "The e-mail %(email)s is already the login of somebody who doesn't belong to "
                    "%(center)s. Change the e-mail on the application.",
                    email=login,
                    center=self.center_id.display_name,
                )
            )
        else:
            # who comes back doesn't get back what else he once was allowed
            fresh = user.share or not user.active
            role = {"group_ids": [(6, 0, group.ids) if fresh else (4, group.id)]}
            user.write({"active": True, "email": user.email or login, **role})
        self._write_protected({"user_id": user.id})

    def _create_center_fee(self):
        """Agree to the fee that customer service approved with the application (L3.2)."""
        if not self.fee_amount:
            return
        fees = self.env["aftersales.center.fee"]
        earlier = fees.search(
            [
                ("center_id", "=", self.center_id.id),
                ("company_id", "=", self.company_id.id),
                ("state", "=", "approved"),
                ("date_last", ">=", self.date_established),
            ],
            order="date_last desc",
            limit=1,
        )
        first = earlier.date_last + timedelta(days=1) if earlier else self.date_established
        fees.create(
            {
                "company_id": self.company_id.id,
                "center_id": self.center_id.id,
                "amount": self.fee_amount,
                "date_from": first,
                "note": self.coverage,
            }
        )._agree_by_application(self)

    def _prepare_user_vals(self, login, group):
        contact = self.center_id.child_ids.filtered(
            lambda partner: email_normalize(partner.email or "") == login
        )[:1]
        vals = {
            "login": login,
            "email": login,
            "name": self.contact_name,
            "group_ids": [(6, 0, group.ids)],
            "company_id": self.company_id.id,
            "company_ids": [(6, 0, self.company_id.ids)],
            "lang": self.center_id.lang or self.env.lang,
            "tz": str(self.company_id._aftersales_tz()),
        }
        if contact:
            return {**vals, "partner_id": contact.id}
        return {**vals, "parent_id": self.center_id.id}

    def _invite_center_user(self):
        """Send the center's user the invitation to choose a password, unless he has signed in."""
        user = self.user_id
        if user.login_date:
            return
        try:
            user.with_context(create_user=True)._action_reset_password(signup_type="signup")
        except MailDeliveryException:
            # a mail server that is down doesn't hold up the center; the invitation can be repeated
            self.message_post(
                body=self.env._(
                    "The invitation could not be sent to %s. Ask an administrator to send it "
                    "again from the user's form.",
                    user.email,
                )
            )
