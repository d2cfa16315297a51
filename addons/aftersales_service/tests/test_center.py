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

        partner = self.customer.with_user(self.customer_service)
        partner.write({"is_service_center": True, "aftersales_region_id": self.region.id})
        self.assertEqual(partner.center_state, "active")
        with self.assertRaises(AccessError), self.cr.savepoint():
            partner.center_state = "closed"

    def test_customer_service_keeps_contacts(self):
        """L3.6: customer service keeps customers and centers, but no colleague's contact."""
        partners = self.env["res.partner"].with_user(self.customer_service)
        partners.create({"name": "New customer"}).phone = "1"
        self.center.with_user(self.customer_service).phone = "2"
        for user in (self.administrator, self.vp, self.center_user):
            with self.assertRaises(AccessError), self.cr.savepoint():
                user.partner_id.with_user(self.customer_service).email = "cs@evil.example.com"
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.customer.with_user(self.customer_service).unlink()

    def test_belonging(self):
        """Mistake 6: nobody moves himself or others to see what another company sees."""
        request = self._new_request(
            self._deliver("SN-1"),
            center_id=self.other_center.id,
            technician_id=self.other_technician.id,
        )
        editor = self.env.ref("base.group_partner_manager")
        (self.center_user | self.office_manager).group_ids += editor
        own = self.center_user.partner_id
        department = own.create({"name": "Workshop", "parent_id": self.center.id})
        self.technician.partner_id.parent_id = department
        for user, partner, vals in (
            (self.center_user, own, {"parent_id": self.other_center.id}),
            (self.center_user, own, {"commercial_partner_id": self.other_center.id}),
            (self.center_user, own, {"is_company": True}),
            (self.center_user, self.other_center, {"parent_id": self.center.id}),
            (self.center_user, department, {"parent_id": self.other_center.id}),
            (self.office_manager, self.office_manager.partner_id, {"parent_id": self.office.id}),
            (self.sales_user, self.office, {"parent_id": self.other_office.id}),
        ):
            with (
                self.subTest(str(vals)),
                self.assertRaises(AccessError),
                self.cr.savepoint(),
            ):
                partner.with_user(user).write(vals)
        self._assert_hidden(request, self.center_user)
        # contacts of customers belong to whom they are said to
        contact = own.with_user(self.sales_user).create({"name": "Driver"})
        contact.parent_id = self.customer
        own.with_user(self.center_user).write({"parent_id": self.center.id, "city": "A"})

    def test_archive(self):
        """L3.1: a working center can't disappear by archiving its contact."""
        for user in (self.sales_user, self.customer_service):
            with self.assertRaisesRegex(UserError, "close it before"), self.cr.savepoint():
                self.center.with_user(user).action_archive()
        self.center_user.active = False
        self.center.with_user(self.customer_service).action_close_center("Moved away")
        self.center.with_user(self.customer_service).action_archive()
        self.assertFalse(self.center.active)

    def test_history_hidden(self):
        """Mistake 6: why a center was suspended is read by itself and its region only."""
        self._new_request(self._deliver("SN-1"))
        self.center.with_user(self.customer_service).action_suspend_center("Too many repeats")
        note = self.center.message_ids.filtered(lambda m: "repeats" in (m.body or ""))
        for user in (self.other_center_user, self.technician, self.other_office_manager):
            self._assert_hidden(note, user)
        self._assert_hidden(self.center, self.other_center_user)
        for user in (self.technician, self.other_office_manager):
            self.assertFalse(self.center.with_user(user).message_ids)
        for user in (self.center_user, self.office_manager, self.clerk, self.vp):
            self._assert_visible(note, user)
        # a contact of another company among them is only left out
        company = self.env["res.company"].create({"name": "Another company"})
        foreign = self.env["res.partner"].create({"name": "Foreign", "company_id": company.id})
        foreign_note = foreign.message_post(body="Not for us")
        messages = self.env["mail.message"].with_user(self.technician)
        self.env.invalidate_all()
        domain = [("id", "in", (note | foreign_note).ids)]
        self.assertFalse(messages.search(domain))
        # what is said to customers is no affair of a center
        self.assertTrue(self.customer.with_user(self.technician).message_ids)

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


@tagged("post_install", "-at_install")
class TestCenterList(AftersalesCommon):
    def test_counts(self):
        """L3.6: the list counts what is open and late, searches by it and opens it."""
        card = self._deliver("SN-1")
        request = self._new_request(card)
        record = self._new_record(self._new_request(card))
        request.action_assign()
        deadline = request.deadline_ids[0]
        deadline._write_protected({"state": "missed"})
        manager = self.center.with_user(self.office_manager)
        self.assertEqual(manager.open_request_count, 2)
        self.assertEqual(manager.open_record_count, 1)
        self.assertEqual(manager.late_deadline_count, 1)
        for name, method, found in (
            ("open_request_count", "open_requests", request | record.request_id),
            ("open_record_count", "open_records", record),
            ("late_deadline_count", "late_deadlines", deadline),
        ):
            action = getattr(manager, f"action_view_{method}")()
            documents = self.env[action["res_model"]].with_user(self.office_manager)
            self.assertEqual(documents.search(action["domain"]), found)
            centers = self.center | self.other_center
            for operator, value, expected in (
                (">", 0, self.center),
                ("=", 0, self.other_center),
                ("=", len(found), self.center),
                ("<", 5, centers),
                ("!=", 0, self.center),
            ):
                self.assertEqual(
                    manager.search([("id", "in", centers.ids), (name, operator, value)]),
                    expected,
                    (name, operator, value),
                )

    def test_only_what_one_may_see(self):
        """L3.6: nobody learns from a count of documents that he may not see."""
        self._new_request(self._deliver("SN-1")).action_assign()
        for user in (
            self.other_office_manager,
            self.other_center_user,
            self.other_technician,
            self._new_user("user", login="test_no_role"),
        ):
            center = self.center.with_user(user)
            self.assertEqual(center.open_request_count, 0)
            self.assertFalse(
                center.search([("id", "=", center.id), ("open_request_count", ">", 0)])
            )
        self.assertEqual(self.center.with_user(self.center_user).open_request_count, 1)

    def test_constant_queries(self):
        """L3.6: the list takes as many queries for twenty centers as for ten."""
        vals = {"is_service_center": True, "aftersales_region_id": self.region.id}
        centers = self.env["res.partner"].create([{**vals, "name": str(i)} for i in range(31)])
        specification = {
            name: {}
            for name in (
                "name",
                "open_request_count",
                "late_deadline_count",
                "open_record_count",
                "next_visit_date",
                "expiring_qualification_count",
            )
        }
        counts = []
        for some in (centers[:1], centers[1:11], centers[11:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            some.with_user(self.office_manager).web_read(specification)
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_menu(self):
        """L3.6: a manager finds the own region filtered, customer service all centers."""
        partners = self.env["res.partner"]
        action = partners.with_user(self.office_manager)._open_service_centers()
        self.assertTrue(action["context"].get("search_default_my_region"))
        action = partners.with_user(self.customer_service)._open_service_centers()
        self.assertFalse(action["context"].get("search_default_my_region"))
