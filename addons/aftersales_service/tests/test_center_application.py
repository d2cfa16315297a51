from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesCommon

PARTNER = "odoo.addons.aftersales_service.models.res_partner.ResPartner"


@tagged("post_install", "-at_install")
class TestCenterApplication(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.store = cls.env["res.partner"].create(
            {
                "name": "Lamp store",
                "is_company": True,
                "street": "1 Market street",
                "city": "Lamp town",
                "phone": "+86 10 5555 0009",
                "state_id": cls.province.id,
            }
        )
        cls.criteria = cls.env["aftersales.center.criterion"].search([])

    @classmethod
    def _new_application(cls, user=None, **vals):
        return (
            cls.env["aftersales.center.application"]
            .with_user(user or cls.office_manager)
            .create(
                {
                    "partner_id": cls.store.id,
                    "coverage": "Lamp town and around",
                    "criterion_ids": [Command.set(cls.criteria.ids)],
                    "contact_name": "Li Lei",
                    "contact_email": "Li.Lei@lamps.example.com",
                    "fee_amount": 800,
                    "deposit_amount": 5000,
                    "stock_amount": 20000,
                    **vals,
                }
            )
        )

    def _approve(self, application, user=None):
        application.action_submit()
        application.with_user(user or self.customer_service).action_approve()
        return application.with_user(user or self.customer_service)

    def test_filled_from_partner(self):
        """L3.1: address, region and the office above come from the known partner."""
        application = self._new_application()
        self.assertEqual(application.applicant, "Lamp store")
        self.assertEqual(application.city, "Lamp town")
        self.assertEqual(application.state_id, self.province)
        self.assertEqual(application.region_id, self.region)
        self.assertEqual(application.parent_id, self.office)

    def test_establish(self):
        """L3.1: approved, one action makes the partner a center with region, office and user."""
        application = self._approve(self._new_application())
        self.assertEqual(application.state, "approved")
        self.assertFalse(self.store.is_service_center)
        action = application.action_establish()
        self.assertEqual(action["res_id"], self.store.id)
        self.assertEqual(application.state, "established")
        self.assertEqual(application.center_id, self.store)
        self.assertTrue(self.store.is_service_center)
        self.assertEqual(self.store.center_state, "active")
        self.assertEqual(self.store.aftersales_region_id, self.region)
        self.assertEqual(self.store.aftersales_parent_id, self.office)
        user = application.user_id
        self.assertEqual(user.login, "li.lei@lamps.example.com")
        self.assertEqual(user.partner_id.commercial_partner_id, self.store)
        self.assertTrue(user.has_group("aftersales_service.group_center"))
        self.assertFalse(user.has_group("aftersales_service.group_technician"))
        self.assertEqual(user.partner_id.sudo().signup_type, "signup")

    def test_establish_new_partner(self):
        """L3.1: an applicant who is no contact yet becomes one."""
        application = self._approve(
            self._new_application(
                partner_id=False,
                applicant="New lamps",
                city="Lamp town",
                phone="1",
                state_id=self.second_province.id,
            )
        )
        self.assertEqual(application.region_id, self.region)
        application.action_establish()
        center = application.center_id
        self.assertEqual(center.name, "New lamps")
        self.assertEqual(center.state_id, self.second_province)
        self.assertEqual(center.country_id, self.env.ref("base.cn"))
        self.assertTrue(center.is_company)
        self.assertEqual(center.center_state, "active")
        # the contact that was created is no change of what was approved
        self.assertTrue(application._is_approved())

    def test_establish_twice(self):
        """L3.1: pressed twice, one center and one user."""
        application = self._approve(self._new_application())
        application.action_establish()
        user = application.user_id
        with patch(f"{PARTNER}._establish_service_center") as establish:
            self.assertEqual(application.action_establish()["res_id"], self.store.id)
        establish.assert_not_called()
        self.assertEqual(application.user_id, user)

    def test_all_or_nothing(self):
        """L3.1: when another addon can't set up its part, nothing was done."""
        application = self._approve(self._new_application())
        original = type(self.env["res.partner"])._establish_service_center
        message = "No warehouse"

        def fail(partner, application):
            original(partner, application)
            raise ValidationError(message)

        with (
            patch.object(type(self.env["res.partner"]), "_establish_service_center", fail),
            self.assertRaisesRegex(ValidationError, "No warehouse"),
            self.cr.savepoint(),
        ):
            application.action_establish()
        self.env.invalidate_all()
        self.assertEqual(application.state, "approved")
        self.assertFalse(self.store.is_service_center)
        self.assertFalse(self.env["res.users"].search([("login", "=", "li.lei@lamps.example.com")]))

    def test_not_approved(self):
        """L3.1: no center without approval, nor by the content changed after it."""
        application = self._new_application()
        with self.assertRaisesRegex(UserError, "has to be approved first"), self.cr.savepoint():
            application.with_user(self.customer_service).action_establish()
        application = self._approve(application)
        application.with_user(self.office_manager).deposit_amount = 1
        self.assertEqual(application.state, "draft")
        with self.assertRaisesRegex(UserError, "has to be approved first"), self.cr.savepoint():
            application.action_establish()

    def test_proposer_decides_not(self):
        """L3.1: whoever proposes doesn't decide, whatever roles he has."""
        self.office_manager.group_ids += self.env.ref("aftersales_service.group_customer_service")
        application = self._new_application()
        application.action_submit()
        with self.assertRaisesRegex(AccessError, "somebody else"), self.cr.savepoint():
            application.action_approve()
        application.action_cancel("Written by somebody else now")
        # written by one, submitted by another: both proposed it
        self.customer_service.group_ids += self.env.ref("aftersales_service.group_office_manager")
        application = self._new_application(user=self.customer_service)
        application.with_user(self.office_manager).action_submit()
        with self.assertRaisesRegex(AccessError, "somebody else"), self.cr.savepoint():
            application.action_approve()

    def test_roles(self):
        """L3.1: office proposes, customer service decides and establishes, others don't see it."""
        application = self._new_application()
        for user in (self.other_office_manager, self.center_user, self.technician, self.clerk):
            with self.assertRaises(AccessError), self.cr.savepoint():
                application.with_user(user).read(["name"])
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_application(user=self.other_office_manager)
        with self.assertRaises(AccessError), self.cr.savepoint():
            application.region_id = self.other_region
        with self.assertRaises(AccessError), self.cr.savepoint():
            application.with_user(self.customer_service).action_submit()
        application.action_submit()
        with self.assertRaises(AccessError), self.cr.savepoint():
            application.action_approve()
        with self.assertRaises(AccessError), self.cr.savepoint():
            application.action_establish()
        with self.assertRaises(AccessError), self.cr.savepoint():
            application.with_user(self.customer_service).write({"state": "approved"})

    def test_complete(self):
        """L3.1: what is missing and which mandatory criteria aren't met is named."""
        application = self._new_application(coverage=False, contact_email=False)
        with self.assertRaisesRegex(UserError, "Area covered.*E-mail"), self.cr.savepoint():
            application.action_submit()
        unmet = self.env.ref("aftersales_service.criterion_equipment")
        application = self._new_application(
            criterion_ids=[Command.set((self.criteria - unmet).ids)]
        )
        with self.assertRaisesRegex(UserError, "fully equipped"), self.cr.savepoint():
            application.action_submit()
        unmet.is_mandatory = False
        application.action_submit()
        self.assertEqual(application.state, "submitted")

    def test_applied_twice(self):
        """L3.1: one application at a time, and none for a working center."""
        self._new_application().action_submit()
        with self.assertRaisesRegex(UserError, "still being decided"), self.cr.savepoint():
            self._new_application().action_submit()
        with self.assertRaisesRegex(UserError, "service center already"), self.cr.savepoint():
            self._new_application(
                partner_id=self.center.id,
                phone="1",
                city="A",
                region_id=self.region.id,
                state_id=self.province.id,
            ).action_submit()

    def test_login_of_another(self):
        """L3.1: a login that somebody else has is refused, the applicant's own is reused."""
        self.clerk.login = "li.lei@lamps.example.com"
        application = self._approve(self._new_application())
        with self.assertRaisesRegex(UserError, "already the login"), self.cr.savepoint():
            application.action_establish()
        self.assertFalse(self.store.is_service_center)
        self.clerk.login = "test_clerk"
        portal = self.env["res.users"].create(
            {
                "name": "Li Lei",
                "login": "LI.LEI@lamps.example.com",
                "parent_id": self.store.id,
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
                "active": False,
            }
        )
        application.action_establish()
        self.assertEqual(application.user_id, portal)
        self.assertTrue(portal.active)
        self.assertFalse(portal.share)
        self.assertTrue(portal.has_group("aftersales_service.group_center"))

    def test_own_defaults(self):
        """Mistake 9: defaults that a user keeps for himself reach neither log nor users."""
        admin = self.env.ref("base.user_admin")
        email = admin.email
        defaults = self.env["ir.default"].with_user(self.customer_service)
        for model, name, value in (
            ("aftersales.approval", "date", "2000-01-01 00:00:00"),
            ("res.users", "partner_id", admin.partner_id.id),
            ("res.users", "password", "known to me"),
        ):
            defaults.set(model, name, value, user_id=True)
        application = self._approve(self._new_application())
        self.assertGreater(min(application.approval_ids.mapped("date")).year, 2000)
        application.action_establish()
        user = application.user_id
        self.assertNotEqual(user.partner_id, admin.partner_id)
        self.assertEqual(admin.email, email)
        self.env.cr.execute("SELECT password FROM res_users WHERE id = %s", user.ids)
        self.assertFalse(self.env.cr.fetchone()[0])

    def test_returning_user(self):
        """L3.1: who left long ago comes back as a user of the center and nothing else."""
        user = self._new_user("vp", login="li.lei@lamps.example.com")
        user.partner_id.parent_id = self.store
        user.active = False
        application = self._approve(self._new_application())
        application.action_establish()
        self.assertEqual(application.user_id, user)
        self.assertTrue(user.active)
        self.assertEqual(user.group_ids, self.env.ref("aftersales_service.group_center"))
