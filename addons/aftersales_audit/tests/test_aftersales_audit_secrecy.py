from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import AuditCommon


@tagged("post_install", "-at_install")
class TestAuditSecrecy(AuditCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.surprise = cls._new_plan(notice="surprise")

    def _assert_hidden(self, record, user):
        """Assert that no way of reading shows ``record`` to ``user``."""
        model = record.env[record._name].with_user(user)
        domain = [("id", "in", record.ids)]
        self.env.invalidate_all()
        self.assertFalse(model.search(domain))
        self.assertFalse(model.search_count(domain))
        self.assertFalse(model.name_search(domain=domain))
        self.assertEqual(model._read_group(domain, [], ["__count"]), [(0,)])
        with self.assertRaises(AccessError):
            record.with_user(user).read(["display_name"])

    def _assert_visible(self, record, user):
        model = record.env[record._name].with_user(user)
        domain = [("id", "in", record.ids)]
        self.env.invalidate_all()
        self.assertEqual(model.search(domain), record)
        self.assertEqual(model.search_count(domain), len(record))
        self.assertEqual(len(model.name_search(domain=domain)), len(record))
        self.assertEqual(model._read_group(domain, [], ["__count"]), [(len(record),)])
        self.assertEqual(len(record.with_user(user).read(["display_name"])), len(record))

    def test_surprise_hidden_until_start(self):
        """L4.4: office and region see nothing of a surprise audit before it starts."""
        auditees = (self.manager, self.regional)
        steps = (
            lambda: None,
            self.surprise.action_submit,
            self.surprise.with_user(self.vp).action_approve,
        )
        for step in steps:
            step()
            for user in (*auditees, self.customer_service):
                self._assert_hidden(self.surprise, user)
            for user in (self.lead, self.other_auditor, self.vp):
                self._assert_visible(self.surprise, user)
        self.surprise.action_start()
        for user in (*auditees, self.customer_service):
            self._assert_visible(self.surprise, user)
            self._assert_visible(self.surprise.check_ids, user)

    def test_surprise_log_hidden(self):
        """L4.4: approval log and messages of a surprise audit are as secret as the plan."""
        self.surprise.action_submit()
        self.surprise.with_user(self.vp).action_refuse("Wait until they have counted")
        log = self.surprise.approval_ids
        self.assertEqual(len(log), 2)
        for user in (self.manager, self.regional, self.clerk, self.office_auditor):
            self._assert_hidden(log, user)
            self.assertFalse(
                self.env["mail.message"]
                .with_user(user)
                .search([("model", "=", self.surprise._name), ("res_id", "=", self.surprise.id)])
            )
        self._assert_visible(log, self.other_auditor)
        self._start(self.surprise)
        self.env.invalidate_all()
        self.assertEqual(len(self.surprise.with_user(self.manager).approval_ids), 4)

    def test_cancelled_surprise_hidden(self):
        """L4.4: a surprise audit that was cancelled before its start never shows."""
        self._approve(self.surprise)
        self.surprise.action_cancel("Next month instead")
        self._assert_hidden(self.surprise, self.manager)

    def test_announced_visible_when_approved(self):
        """L4.4: an announced audit shows to the office as soon as it is approved."""
        self.plan.action_submit()
        self._assert_hidden(self.plan, self.manager)
        self.plan.with_user(self.vp).action_approve()
        self._assert_visible(self.plan, self.manager)
        self._assert_visible(self.plan, self.customer_service)

    def test_auditor_of_office(self):
        """L4.2, L4.4: an auditor from the audited office neither sees nor changes its audits."""
        self._start(self.surprise)
        self._assert_hidden(self.surprise, self.office_auditor)
        self._assert_hidden(self.surprise.check_ids, self.office_auditor)
        # as its manager he may read what has started, but still not write
        self.office_auditor.group_ids += self.env.ref("aftersales_service.group_office_manager")
        self._assert_visible(self.surprise, self.office_auditor)
        with self.assertRaises(AccessError):
            self.surprise.with_user(self.office_auditor).action_cancel("No")

    def test_other_region_hidden(self):
        """L4.4: an office manager sees no audit of another office."""
        stranger = self._new_user("stranger", "aftersales_service.group_office_manager")
        self._start(self.plan)
        self._assert_hidden(self.plan, stranger)
        self._assert_hidden(self.plan.check_ids, stranger)

    def test_second_region_of_office(self):
        """L4.4: the manager of any region of the office counts as the office's."""
        second = self._new_user("second", "aftersales_audit.group_auditor")
        self.region.copy({"manager_id": second.id})
        self._assert_hidden(self.surprise, second)

    def test_no_role_no_access(self):
        """L4.4: other roles don't read audit plans at all."""
        technician = self._new_user("technician", "aftersales_service.group_technician")
        for user in (self.clerk, technician):
            with self.assertRaises(AccessError):
                self.env["aftersales.audit.plan"].with_user(user).search([])

    def test_other_company_hidden(self):
        """L4.4: an auditor sees only the plans of the own companies."""
        company = self.env["res.company"].create({"name": "Another company"})
        self.lead.company_ids += company
        plan = self._new_plan(company_id=company.id, member_ids=False)
        self._assert_hidden(plan, self.other_auditor)
        self.other_auditor.write({"company_ids": company.ids, "company_id": company.id})
        self._assert_visible(plan, self.other_auditor)
