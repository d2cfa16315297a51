from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestCenter(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sales_user = cls._new_user("clerk", login="test_sales")
        cls.sales_user.group_ids += cls.env.ref("base.group_partner_manager")

    def test_only_customer_service_makes_centers(self):
        """L3.1: whoever may edit contacts makes no center, office or region of them."""
        partner = self.customer.with_user(self.sales_user)
        for vals in (
            {"is_service_center": True},
            {"is_regional_office": True},
            {"aftersales_region_id": self.region.id},
            {"aftersales_parent_id": self.office.id},
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                partner.write(vals)
            with self.assertRaises(AccessError), self.cr.savepoint():
                partner.create({"name": "New", **vals})
        with self.assertRaises(AccessError), self.cr.savepoint():
            partner.with_context(default_is_service_center=True).create({"name": "New"})
        with self.assertRaises(AccessError), self.cr.savepoint():
            partner.center_state = "active"
        self.assertFalse(partner.create({"name": "New", "center_state": "active"}).center_state)
        partner.write({"is_service_center": False, "aftersales_region_id": False, "city": "A"})
        self.assertFalse(self.center.with_user(self.sales_user).copy().is_service_center)

        self.customer_service.group_ids += self.env.ref("base.group_partner_manager")
        partner = self.customer.with_user(self.customer_service)
        partner.write({"is_service_center": True, "aftersales_region_id": self.region.id})
        self.assertEqual(partner.center_state, "active")
        with self.assertRaises(AccessError), self.cr.savepoint():
            partner.center_state = "closed"

    def test_suspended_gets_no_requests(self):
        """L3.1: a suspended center gets no request by any way, and finishes what it has."""
        request = self._new_request(self._deliver("SN-1"))
        assigned = self._new_request(request.card_id)
        assigned.action_assign()
        center = self.center.with_user(self.customer_service)
        with self.assertRaisesRegex(UserError, "Give the reason"), self.cr.savepoint():
            center.action_suspend_center(" ")
        center.action_suspend_center("Complaints")
        self.assertEqual(center.center_state, "suspended")
        self.assertIn("Complaints", center.message_ids[0].body)
        with self.assertRaisesRegex(ValidationError, "no working"), self.cr.savepoint():
            request.action_assign()
        with self.assertRaisesRegex(ValidationError, "no working"), self.cr.savepoint():
            self._new_request(request.card_id)
        request.center_id = self.other_center
        with self.assertRaisesRegex(ValidationError, "no working"), self.cr.savepoint():
            request.center_id = self.center
        with self.assertRaisesRegex(ValidationError, "no working"), self.cr.savepoint():
            request.center_id = self.customer
        self.assertEqual(self._new_record(assigned).center_id, self.center)
        center.action_reactivate_center("Mended")
        request.center_id = self.center
        request.action_assign()

    def test_close_names_all_obstacles(self):
        """L3.1: closing is refused as long as something is open, and names all of it."""
        card = self._deliver("SN-1")
        first, second = self._new_request(card), self._new_request(card)
        record = self._new_record(first)
        center = self.center.with_user(self.customer_service)
        pattern = f"(?s)still open: .*{second.name}.*records still open: {record.name}"
        with self.assertRaisesRegex(UserError, pattern), self.cr.savepoint():
            center.action_close_center("Contract ended")
        self.assertEqual(center.center_state, "active")
        with self.assertRaisesRegex(UserError, first.name), self.cr.savepoint():
            self.center.is_service_center = False
        record.with_user(self.clerk).action_cancel("Wrong machine")
        for request in (first, second):
            request.action_cancel("Moved")
        center.action_close_center("Contract ended")
        self.assertEqual(center.center_state, "closed")
        self.assertFalse(self.center_user.active)
        self.assertTrue(self.other_center_user.active)
        with self.assertRaisesRegex(UserError, "“Closed”"), self.cr.savepoint():
            center.action_reactivate_center("Again")

    def test_status_by_customer_service_only(self):
        """L3.1: nobody but customer service suspends, reactivates or closes a center."""
        for user in (self.office_manager, self.clerk, self.center_user, self.sales_user):
            center = self.center.with_user(user)
            for method in ("suspend", "reactivate", "close"):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    getattr(center, f"action_{method}_center")("Reason")

    def test_reason_window(self):
        """L3.1: the window that asks for the reason performs the actions of a center only."""
        center = self.center.with_user(self.customer_service)
        action = center.action_open_suspend_center()
        window = (
            self.env["aftersales.reason"]
            .with_user(self.customer_service)
            .with_context(**action["context"])
            .create({"reason": "Complaints"})
        )
        window.action_confirm()
        self.assertEqual(self.center.center_state, "suspended")
        window = window.with_context(default_method="unlink").create({"reason": "x"})
        with self.assertRaisesRegex(UserError, "can't be done"), self.cr.savepoint():
            window.action_confirm()
