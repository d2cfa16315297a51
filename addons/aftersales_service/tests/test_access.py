import re

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestAccess(AftersalesCommon):
    """Each role sees its own; a north and a south region with everything in both."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.north = cls._new_documents("SN-N", cls.customer)
        cls.south = cls._new_documents(
            "SN-S",
            cls.other_customer,
            center_id=cls.other_center.id,
            technician_id=cls.other_technician.id,
        )

    @classmethod
    def _new_documents(cls, serial, customer, **vals):
        """Return a request and what hangs on it, each model once."""
        card = cls._deliver(serial, partner=customer)
        request = cls._new_request(card, **vals)
        record = cls._new_complete_record(request, [{"product_id": cls.pump.id}], user=cls.clerk)
        record.technician_id = request.technician_id
        return [
            documents.with_user(cls.env.user)
            for documents in (
                request,
                record,
                record.part_ids,
                card,
                card.coverage_ids,
                request.deadline_ids,
            )
        ]

    def _assert_sees(self, user, seen, hidden):
        for document in seen:
            with self.subTest(user=user.login, seen=document._name):
                self._assert_visible(document, user)
        for document in hidden:
            with self.subTest(user=user.login, hidden=document._name):
                self._assert_hidden(document, user)

    def test_center(self):
        """Mistake 6: a center sees its own only, by every way of reading."""
        self._assert_sees(self.center_user, self.north, self.south)
        self._assert_sees(self.other_center_user, self.south, self.north)

    def test_technician(self):
        """Mistake 6: a technician sees what he is sent to only."""
        self._assert_sees(self.technician, self.north[:5], self.south)
        self._assert_sees(self.other_technician, self.south[:5], self.north)

    def test_contacts(self):
        """Mistake 6: an outside firm reads the contacts that it serves, not all phones."""
        staff = self.office | self.company.partner_id | self.clerk.partner_id
        for user, seen, hidden in (
            (self.center_user, self.customer | self.center, self.other_customer),
            (self.other_center_user, self.other_customer | self.other_center, self.customer),
            (self.technician, self.customer, self.other_customer),
            (self.other_technician, self.other_customer, self.customer),
        ):
            self._assert_sees(user, [*seen, *staff], [*hidden])
        for user in (self.clerk, self.office_manager, self.quality, self.logistics, self.vp):
            self._assert_sees(user, [self.customer, self.other_customer], [])
        # whoever has a second role keeps what that one may read
        self.center_user.group_ids |= self.env.ref("base.group_partner_manager")
        self._assert_sees(self.center_user, [self.other_customer], [])

    def test_contacts_follow_visits(self):
        """M3.5: who is to visit a customer without a request reads the contact."""
        self._assert_sees(self.other_technician, [], [self.customer])
        self.env["aftersales.visit"].create(
            {
                "card_id": self.north[3].id,
                "date_planned": "2030-01-01",
                "user_id": self.other_technician.id,
            }
        )
        self._assert_sees(self.other_technician, [self.customer], [])

    def test_technician_sees_deadline(self):
        """M3.1: the technician sees until when he has to be there."""
        self._assert_visible(self.north[5], self.technician)
        request = self.north[0].with_user(self.technician)
        running = self.north[5].filtered(lambda deadline: deadline.state == "running")
        self.assertEqual(request.date_due, min(running.mapped("date_due")))

    def test_office_manager(self):
        """Mistake 6: who manages the region sees it, and no other."""
        self._assert_sees(self.office_manager, self.north, self.south)

    def test_entries_of_mixed_documents(self):
        """Mistake 6: one entry that a rule forbids doesn't open the others."""
        company = self.env["res.company"].create({"name": "Another company"})
        north, south = (documents[5][:1] for documents in (self.north, self.south))
        theirs = south.copy({"company_id": company.id})
        self.env.flush_all()
        mixed = (theirs | south | north).with_user(self.center_user)
        self.assertEqual(mixed._filtered_access("read"), north.with_user(self.center_user))
        with self.assertRaises(AccessError):
            (south | theirs).with_user(self.center_user).read(["state"])

    def test_office_member(self):
        """L1.5: who belongs to the region's office sees the region, and no other."""
        self._assert_sees(self.other_office_manager, self.south, self.north)

    def test_central_departments(self):
        """H1: the central departments see all of the company."""
        for user in (
            self.clerk,
            self.customer_service,
            self.logistics,
            self.quality,
            self.vp,
            self.administrator,
        ):
            self._assert_sees(user, self.north + self.south, [])

    def test_center_without_center(self):
        """Mistake 6: a center user who belongs to no center sees nothing, rather than all."""
        stray = self._new_user("center", login="test_center_stray")
        self._assert_sees(stray, [], self.north + self.south)

    def test_shared_role_sees_nothing(self):
        """Mistake 6: the group that only opens the menu shows no document by itself."""
        user = self._new_user("user")
        self._assert_sees(user, [], self.north + self.south)

    def test_unassigned_request_hidden(self):
        """Mistake 6: a request without center or technician is the clerk's only."""
        request = self._new_request(self.north[3], center_id=False, technician_id=False)
        for user in (self.center_user, self.other_center_user, self.technician):
            self._assert_hidden(request, user)
        self._assert_visible(request, self.clerk)

    def test_no_role(self):
        """Mistake 6: neither internal users without a role nor portal users read anything."""
        for groups in ("base.group_user", "base.group_portal"):
            user = new_test_user(self.env, login=f"test_{groups}", groups=groups)
            for name in (
                "aftersales.request",
                "aftersales.service.record",
                "aftersales.service.record.part",
                "aftersales.warranty.card",
                "aftersales.warranty.coverage",
                "aftersales.warranty.policy",
                "aftersales.region",
                "aftersales.deadline",
                "aftersales.deadline.rule",
                "aftersales.approval",
            ):
                with (
                    self.subTest(groups=groups, model=name),
                    self.assertRaisesRegex(AccessError, name),
                ):
                    self.env[name].with_user(user).search([])

    def test_new_user_without_role(self):
        """Mistake 7: a newly created user has no after-sales role."""
        user = self.env["res.users"].create({"name": "New", "login": "test_new_user"})
        privilege = self.env.ref("aftersales_service.privilege_aftersales")
        roles = privilege.group_ids | self.env.ref("aftersales_service.group_user")
        self.assertGreaterEqual(len(roles), 10)
        self.assertTrue(user.has_group("base.group_user"))
        self.assertFalse(user.all_group_ids & roles)

    def test_other_company(self):
        """Mistake 6: all departments see their own companies' documents only."""
        company = self.env["res.company"].create({"name": "Another company"})
        partner = self.env["res.partner"].create({"name": "Their customer"})
        card = (
            self.env["aftersales.warranty.card"]
            .with_company(company)
            .create(
                {
                    "partner_id": partner.id,
                    "product_id": self.machine.id,
                    "serial_number": "SN-9",
                    "policy_id": self.policy.copy({"company_id": company.id}).id,
                    "date_delivery": "2026-07-01",
                    "company_id": company.id,
                }
            )
        )
        request = (
            self.env["aftersales.request"]
            .with_company(company)
            .create(
                {
                    "card_id": card.id,
                    "description": "Broken",
                    "company_id": company.id,
                    "center_id": self.center.id,
                    "technician_id": self.technician.id,
                    "region_id": False,
                }
            )
        )
        request.action_assign()
        record = request.record_ids.with_company(company).create(
            {"request_id": request.id, "company_id": company.id}
        )
        part = record.part_ids.create({"record_id": record.id, "product_id": self.pump.id})
        region = self.region.create({"name": "Theirs", "company_id": company.id})
        documents = [
            request,
            record,
            part,
            card,
            card.coverage_ids,
            request.deadline_ids,
            card.policy_id,
            card.policy_id.line_ids,
            region,
        ]
        for user in (
            self.clerk,
            self.logistics,
            self.quality,
            self.vp,
            self.administrator,
            self.center_user,
            self.technician,
        ):
            self._assert_sees(user, [], documents)
        clerk = self._new_user("clerk", login="test_clerk_2", company_id=company.id)
        self._assert_sees(clerk, documents, self.north + [self.policy, self.region])

    def test_configuration_closed(self):
        """H1: policies, regions, rules and articles are the administrator's."""
        rule = self.env.ref("aftersales_service.deadline_rule_arrival_city")
        article = self.env.ref("aftersales_service.regulation_M3_1")
        for record, vals in (
            (self.policy, {"name": "Other"}),
            (self.policy.line_ids[0], {"duration": 36}),
            (self.region, {"name": "Other"}),
            (rule, {"offset": 99}),
            (article, {"name": "Other"}),
        ):
            for user in (self.clerk, self.customer_service, self.office_manager, self.center_user):
                with (
                    self.subTest(user=user.login, model=record._name),
                    self.assertRaisesRegex(AccessError, record._name),
                ):
                    record.with_user(user).write(vals)
            record.with_user(self.administrator).write(vals)
            for name, value in vals.items():
                self.assertEqual(record[name], value)

    def test_readers_change_nothing(self):
        """H1: roles that only look on change neither requests nor records nor cards."""
        for user in (self.logistics, self.quality, self.vp):
            for document, vals in (
                (self.north[0], {"description": "Other"}),
                (self.north[1], {"cause": "Other"}),
                (self.north[2], {"quantity": 9}),
                (self.north[3], {"partner_id": self.customer.id}),
            ):
                with (
                    self.subTest(user=user.login, model=document._name),
                    self.assertRaisesRegex(AccessError, document._name),
                ):
                    document.with_user(user).write(vals)

    def test_center_changes_no_foreign_record(self):
        """Mistake 6: a center neither writes another's record nor adds one to its request."""
        record = self.south[1].with_user(self.center_user)
        with self.assertRaisesRegex(AccessError, "aftersales.service.record"):
            record.write({"cause": "Other"})
        with self.assertRaisesRegex(AccessError, "aftersales.service.record"):
            record.create({"request_id": self.south[0].id})
        with self.assertRaisesRegex(AccessError, "aftersales.service.record"):
            self.south[2].with_user(self.center_user).write({"quantity": 9})
        with self.assertRaisesRegex(AccessError, "aftersales.service.record"):
            self.south[2].with_user(self.center_user).create(
                {"record_id": self.south[1].id, "product_id": self.pump.id}
            )

    def test_every_window_is_its_own_users(self):
        """Mistake 6: no window of one user can be read or changed by another, in any addon.

        Odoo keeps windows of other users from nobody: the rights on the model alone hold, and
        what somebody else wrote into a window would be done by the rights of who confirms it.
        """
        own = re.compile(r"^\[\('(\w+\.)?create_uid', '=', user\.id\)\]$")
        windows = [
            name
            for name, model in self.env.registry.items()
            if model._transient and name.startswith("aftersales.")
        ]
        # no window: counted hashes of who sent the public form, which an administrator looks at
        windows.remove("aftersales.request.attempt")
        open_models = self.env["ir.model.access"].search([("model_id.model", "in", windows)])
        rules = self.env["ir.rule"].search(
            [("model_id.model", "in", windows), ("groups", "=", False)]
            + [(f"perm_{mode}", "=", True) for mode in ("read", "write", "create", "unlink")]
        )
        kept = rules.filtered(lambda rule: own.match(rule.domain_force)).model_id
        self.assertIn("aftersales.reason", kept.mapped("model"))
        self.assertFalse((open_models.model_id - kept).mapped("model"))

    def _open_reason(self, user):
        """Return the window of ``user`` that asks why the request in the north is cancelled."""
        request = self.north[0].with_user(user)
        action = self.env["aftersales.reason"]._open(request, "action_cancel", "Cancel")
        window = self.env["aftersales.reason"].with_user(user).with_context(**action["context"])
        return window.create({"reason": "Called off by the customer"})

    def test_reason_of_somebody_else(self):
        """Mistake 6: what one user is about to do is neither read, changed nor done by another."""
        window = self._open_reason(self.clerk)
        other = window.with_user(self.center_user)
        self.assertFalse(other.search([("id", "=", window.id)]))
        for use in (
            lambda: other.read(["reason"]),
            lambda: other.write({"reason": "Another"}),
            lambda: other.action_confirm(),
            lambda: other.unlink(),
        ):
            with self.assertRaises(AccessError):
                use()
        window.action_confirm()
        self.assertEqual(self.north[0].state, "cancelled")

    def test_reason_stays_with_its_action(self):
        """Mistake 6: what an open window does is fixed; its reason may still be put right."""
        window = self._open_reason(self.clerk)
        for vals in (
            {"res_model": "aftersales.service.record"},
            {"res_id": self.south[0].id},
            {"res_ids": self.south[0].ids},
            {"method": "action_refuse"},
        ):
            with self.assertRaises(AccessError):
                window.write(vals)
        window.write({"reason": "Called off by phone", "method": "action_cancel"})
        window.action_confirm()
        self.assertEqual(self.north[0].state, "cancelled")
