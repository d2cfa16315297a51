from odoo.tests import HttpCase, tagged

from .common import AuditCommon


@tagged("post_install", "-at_install")
class TestAuditUi(AuditCommon, HttpCase):
    def test_submit_approve_start(self):
        """L4.3: the leader submits, the VP approves, the leader starts, each in the browser."""
        url = f"/odoo/action-aftersales_audit.action_audit_plan/{self.plan.id}"
        self.start_tour(url, "aftersales_audit_submit", login=self.lead.login)
        self.assertEqual(self.plan.requester_id, self.lead)
        self.start_tour(url, "aftersales_audit_approve", login=self.vp.login)
        self.assertEqual(self.plan.approval_state, "approved")
        self.start_tour(url, "aftersales_audit_start", login=self.lead.login)
        self.assertEqual(self.plan.state, "in_progress")
        self.assertEqual(self.plan.check_ids.regulation_id, self.articles)
