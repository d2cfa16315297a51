from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged

from .common import AuditCommon


@tagged("post_install", "-at_install")
class TestDeadline(AuditCommon):
    """The day on which an audit has to be finished and reported (L4.6)."""

    def setUp(self):
        super().setUp()
        self.env.company.partner_id.tz = "Asia/Shanghai"
        self._approve(self.plan)

    def _sweep(self):
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60):
            self.env["aftersales.deadline"]._cron_sweep()

    def test_reported(self):
        """L4.6: from the start it is due on the planned day at midnight; finished, it is met."""
        self.assertFalse(self.plan.deadline_ids)
        with freeze_time("2026-10-20 02:00:00") as clock:
            self.plan.with_user(self.lead).action_start()
            run = self.plan.deadline_ids
            self.assertEqual(str(run.date_due), "2026-10-31 15:59:59")
            self.assertEqual(run.regulation_id.code, "L4.6")
            self.assertEqual(run.region_id, self.region)
            clock.move_to("2026-10-31 15:59:59")
            self.plan.check_ids.with_user(self.lead).write({"result": "pass", "evidence": "x"})
            self.plan.with_user(self.lead).action_done()
        self.assertEqual(run.state, "met")

    def test_missed(self):
        """L4.6: the team leader is warned, the VP is told when it is missed, nobody else."""
        with freeze_time("2026-10-20 02:00:00") as clock:
            self.plan.with_user(self.lead).action_start()
            run = self.plan.deadline_ids
            clock.move_to("2026-10-30 02:00:00")
            self._sweep()
            activities = self.env["mail.activity"].search([("aftersales_deadline_id", "=", run.id)])
            self.assertEqual(activities.user_id, self.lead)
            clock.move_to("2026-11-01 02:00:00")
            self._sweep()
            told = self.env["mail.activity"].search(
                [("aftersales_deadline_id", "=", run.id), ("id", "not in", activities.ids)]
            )
        vps = self.env.ref("aftersales_service.group_vp").user_ids
        self.assertIn(self.vp, told.user_id)
        self.assertFalse(told.user_id - vps)

    def test_cancelled(self):
        """Mistake 4: a cancelled audit leaves no clock running."""
        with freeze_time("2026-10-20 02:00:00"):
            self.plan.with_user(self.lead).action_start()
            self.plan.with_user(self.vp).action_cancel("Not needed")
        self.assertEqual(self.plan.deadline_ids.state, "cancelled")
