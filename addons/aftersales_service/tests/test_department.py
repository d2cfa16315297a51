from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestDepartment(AftersalesCommon):
    def test_shipped(self):
        """C7, H1: the departments of the rules are there, with their duties, for all companies."""
        departments = self.env["aftersales.department"].search([("company_id", "=", False)])
        codes = departments.mapped("code")
        for code in (
            "customer_service",
            "sales",
            "quality",
            "technical",
            "production",
            "logistics",
            "finance",
            "management",
        ):
            self.assertIn(code, codes)
        self.assertTrue(all(departments.mapped("duties")))

    def test_members(self):
        """H1: who belongs to a department: its role, its members by name, its head."""
        logistics = self.env.ref("aftersales_service.department_logistics")
        worker = self._new_user("department")
        self.assertIn(self.logistics, logistics._get_members())
        self.assertNotIn(self.quality, logistics._get_members())
        production = self.env.ref("aftersales_service.department_production")
        production.write({"user_ids": [(6, 0, worker.ids)], "manager_id": self.quality.id})
        self.assertEqual(production._get_members(), worker | self.quality)
        own = self.env["aftersales.department"].search
        self.assertEqual(own(production._get_own_domain(worker)), production)
        self.assertEqual(
            own(production._get_own_domain(self.quality)).mapped("code"), ["quality", "production"]
        )
        worker.active = False
        self.assertEqual(production._get_members(), self.quality)

    def test_role_of_the_application(self):
        """H1: only a role of the application makes out a department."""
        with self.assertRaisesRegex(ValidationError, "no role"), self.cr.savepoint():
            self.env.ref("aftersales_service.department_sales").group_id = self.env.ref(
                "base.group_user"
            )

    def test_code(self):
        """C8: a code names one department per company."""
        department = self.env.ref("aftersales_service.department_sales")
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            department.copy()
        department.copy({"company_id": self.company.id})

    def test_roles(self):
        """H1: every role reads the departments, the administrator alone keeps them."""
        department = self.env.ref("aftersales_service.department_quality")
        for user in (self.center_user, self.technician, self.customer_service, self.vp):
            self.assertTrue(department.with_user(user).duties)
            with self.assertRaises(AccessError), self.cr.savepoint():
                department.with_user(user).duties = "None"
        department.with_user(self.administrator).duties = "None"

    def test_companies(self):
        """H1: a department of another company is none of mine."""
        other = self.env["res.company"].create({"name": "Another company"})
        department = self.env["aftersales.department"].create(
            {"name": "Theirs", "code": "theirs", "company_id": other.id}
        )
        self._assert_hidden(department, self.customer_service)
