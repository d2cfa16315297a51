from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import AftersalesPartsCommon


@tagged("post_install", "-at_install")
class TestDeadline(AftersalesPartsCommon):
    """Deadlines of returns and settlements; Friday 20 November 2026, 10:00 in Shanghai."""

    def _run(self, record, rule):
        rule = self.env.ref(f"aftersales_parts.deadline_rule_{rule}")
        return record.deadline_ids.filtered(lambda d: d.rule_id == rule)

    def _received(self):
        document = self._make_return()
        self._approve(document)
        document.action_ship()
        tags = document.line_ids.used_part_id.mapped("name")
        document.with_user(self.users["logistics"]).action_receive(tags)
        return document

    def test_return(self):
        """L2.8, L2.10: arrived on Friday, verified by Monday and answered by Monday (3 days)."""
        with freeze_time("2026-11-20 02:00:00") as clock:
            self._make_record([self._part(self.pump)])
            document = self._received()
            verified = self._run(document, "return_verified")
            answered = self._run(document, "return_answered")
            self.assertEqual(str(verified.date_due), "2026-11-23 15:59:59")
            self.assertEqual(str(answered.date_due), "2026-11-23 15:59:59")
            self.assertEqual(verified.partner_id, self.center)
            clock.move_to("2026-11-23 15:59:59")
            self._verify_return(document)
            self.assertEqual((verified.state, answered.state), ("met", "running"))
            document.with_user(self.users["customer_service"]).action_done()
        self.assertEqual((verified.state, answered.state), ("met", "met"))

    def test_settlement_filed(self):
        """M8.3: October's list is due on 5 November at midnight of the company's clock.

        23:59:59 is in time, 0:00 of the 6th is not; the day comes from the settlement terms.
        """
        for filed, state in (("2026-11-05 15:59:59", "met"), ("2026-11-05 16:00:00", "running")):
            with freeze_time("2026-10-20 02:00:00") as clock, self.cr.savepoint() as savepoint:
                self._make_record([self._part(self.pump)])
                clock.move_to("2026-11-02 02:00:00")
                settlement = self._generate()
                run = self._run(settlement, "settlement_filed")
                self.assertEqual(str(run.date_due), "2026-11-05 15:59:59")
                self.assertEqual(str(run.date_start), "2026-10-31 16:00:00")
                clock.move_to(filed)
                center = settlement.with_user(self.users["center"])
                if state == "met":
                    center.action_submit()
                else:
                    with self.assertRaisesRegex(UserError, "until .*11.*5.*forfeited"):
                        center.action_submit()
                with self.subTest(filed=filed):
                    self.assertEqual(run.state, state)
                savepoint.rollback()

    def test_settlement_warned(self):
        """M8.9: three days before the list is forfeited, the center's user is told."""
        with freeze_time("2026-10-20 02:00:00") as clock:
            self._make_record([self._part(self.pump)])
            clock.move_to("2026-11-02 15:59:59")
            settlement = self._generate()
            run = self._run(settlement, "settlement_filed")
            with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60):
                self.env["aftersales.deadline"]._cron_sweep()
        activities = self.env["mail.activity"].search([("aftersales_deadline_id", "=", run.id)])
        self.assertIn(self.users["center"], activities.user_id)
        self.assertLessEqual(activities.user_id.partner_id.commercial_partner_id, self.center)

    def test_settlement_invoiced(self):
        """M9.2: confirmed on Friday 20 November, the fapiao is due on Tuesday 1 December."""
        with freeze_time("2026-11-20 02:00:00"):
            self._make_record([self._scrap(self.seal)])
            settlement = self._generate()
            self._settle(settlement)
            run = self._run(settlement, "settlement_invoiced")
            self.assertEqual(run.state, "running")
            self.assertEqual(str(run.date_due), "2026-12-01 15:59:59")
            gross = settlement.amount_payable
            net = settlement.currency_id.round(gross / 1.13)
            fapiao = self._make_fapiao(net=net, tax=round(gross - net, 2), gross=gross)
            fapiao.action_match()
        self.assertEqual(run.state, "met")
        self.assertEqual(run.date_met, fields.Datetime.to_datetime("2026-11-20 02:00:00"))

    def test_settlement_cancelled(self):
        """Mistake 4: a cancelled settlement leaves no clock running."""
        with freeze_time("2026-11-02 02:00:00"):
            self._make_record([self._part(self.pump)])
            settlement = self._generate()
            settlement.with_user(self.users["customer_service"]).action_cancel("Wrong month")
        self.assertEqual(self._run(settlement, "settlement_filed").state, "cancelled")

    def test_accountant_reads(self):
        """M9.2: an accountant sees until when a settlement's fapiao is due."""
        with freeze_time("2026-11-02 02:00:00"):
            self._make_record([self._part(self.pump)])
            settlement = self._generate().with_user(self.users["accountant"])
        self.assertTrue(settlement.date_due)
        self.assertEqual(settlement.deadline_ids.rule_id.regulation_id.code, "M8.3")
