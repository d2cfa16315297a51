from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Date
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AuditCommon


@tagged("post_install", "-at_install")
class TestAuditPlan(AuditCommon):
    def test_not_started_before_approval(self):
        """L4.3: neither a draft nor a submitted plan starts, and the error says who has to act."""
        for prepare in (lambda: None, self.plan.action_submit):
            prepare()
            with self.assertRaisesRegex(UserError, "marketing VP has to approve"):
                self.plan.action_start()
            self.assertFalse(self.plan.check_ids)
            self.assertFalse(self.plan.date_started)

    def test_approved_plan_starts(self):
        """L4.3: after the VP's approval the team starts, with one open check per article."""
        self.plan.action_submit()
        self.assertEqual(self.plan.state, "submitted")
        self.assertEqual(self.plan.next_approval, "Marketing VP")
        self.plan.with_user(self.vp).action_approve()
        self.assertEqual(self.plan.state, "approved")
        approval = self.plan.approval_ids.filtered(lambda a: a.decision == "approved")
        self.assertEqual(approval.user_id, self.vp)
        self.assertEqual(approval.regulation_id.code, "L4.3")
        self.plan.with_user(self.member).action_start()
        self.assertEqual(self.plan.state, "in_progress")
        self.assertTrue(self.plan.date_started)
        self.assertEqual(self.plan.check_ids.regulation_id, self.articles)
        self.assertEqual(set(self.plan.check_ids.mapped("result")), {"open"})

    def test_started_once(self):
        """L4.3: a second start is refused and adds no checks."""
        self._start(self.plan)
        with self.assertRaisesRegex(UserError, "already been started"):
            self.plan.action_start()
        self.assertEqual(len(self.plan.check_ids), len(self.articles))

    def test_incomplete_plan_not_submitted(self):
        """L4.3: content, method, completion date and articles must be there to be decided on."""
        for name, label in [
            ("content", "Audit content"),
            ("method", "Audit method"),
            ("date_completion", "Planned completion"),
            ("regulation_ids", "Articles to check"),
        ]:
            plan = self._new_plan(**{name: False})
            with self.assertRaisesRegex(UserError, f"in {plan.name}: {label}\\."):
                plan.action_submit()
            self.assertEqual(plan.state, "draft")

    def test_own_plan_not_approved(self):
        """L4.3: requester, lead, member and author don't decide, even with the VP's role."""
        author = self._new_user(
            "author", "aftersales_audit.group_auditor", "aftersales_service.group_vp"
        )
        vp_group = self.env.ref("aftersales_service.group_vp")
        (self.lead | self.member | self.other_auditor).group_ids += vp_group
        plan = self.plan.with_user(author).copy()
        plan.with_user(self.other_auditor).action_submit()
        for user in (self.other_auditor, self.lead, self.member, author):
            self.assertTrue(user.has_group("aftersales_service.group_vp"))
            self.assertFalse(plan.with_user(user).can_decide)
            with self.assertRaisesRegex(AccessError, "somebody else has to decide"):
                plan.with_user(user).action_approve()
        self.assertEqual(plan.state, "submitted")
        plan.with_user(self.vp).action_approve()
        self.assertEqual(plan.state, "approved")

    def test_only_vp_decides(self):
        """L4.3: no other role approves."""
        self.plan.action_submit()
        for user in (self.other_auditor, self.manager, self.customer_service, self.clerk):
            with self.assertRaises(AccessError):
                self.plan.with_user(user).action_approve()
        self.assertEqual(self.plan.approval_state, "pending")

    def test_approved_once(self):
        """L4.3: a second approval is refused."""
        self._approve(self.plan)
        with self.assertRaisesRegex(UserError, "not waiting for a decision"):
            self.plan.with_user(self.vp).action_approve()
        self.assertEqual(self.plan.approval_ids.mapped("decision"), ["approved", "submitted"])

    def test_refused_plan_returns(self):
        """L4.3: a refusal needs a reason; the plan can be submitted again."""
        self.plan.action_submit()
        with self.assertRaisesRegex(UserError, "reason"):
            self.plan.with_user(self.vp).action_refuse(" ")
        self.plan.with_user(self.vp).action_refuse("Too expensive")
        self.assertEqual(self.plan.state, "draft")
        with self.assertRaisesRegex(UserError, "marketing VP has to approve"):
            self.plan.action_start()
        self.plan.cost = 100
        self._approve(self.plan)
        self.assertEqual(self.plan.state, "approved")

    def test_change_voids_approval(self):
        """L4.3: any change of the approved content returns the plan to approval."""
        changes = {
            "office_id": self.office.copy({"name": "Office West"}).id,
            "date_from": "2026-06-01",
            "date_to": "2026-08-31",
            "kind": "ad_hoc",
            "notice": "surprise",
            "method": "By phone",
            "content": "Deposits",
            "regulation_ids": [Command.link(self.env.ref("aftersales_service.regulation_L3_3").id)],
            "cost": 5000.01,
            "date_completion": "2026-11-30",
            "lead_id": self.other_auditor.id,
            "member_ids": [Command.clear()],
        }
        self.assertEqual(changes.keys(), self.plan._get_approval_content().keys() - {"company_id"})
        for name, value in changes.items():
            with self.subTest(name):
                plan = self._new_plan()
                self._approve(plan)
                plan.write({name: value})
                self.assertEqual(plan.state, "draft")
                self.assertEqual(plan.approval_ids[0].decision, "void")
                with self.assertRaisesRegex(UserError, "marketing VP has to approve"):
                    plan.with_user(plan.lead_id).action_start()

    def test_same_values_keep_approval(self):
        """L4.3: writing what is there already changes nothing and voids nothing."""
        self._approve(self.plan)
        self.plan.write({"cost": 5000, "member_ids": [Command.set(self.member.ids)]})
        self.assertEqual(self.plan.state, "approved")

    def test_archived_member_keeps_approval(self):
        """L4.3: a member who loses the role or leaves later doesn't change what was approved."""
        self._approve(self.plan)
        self.member.group_ids -= self.env.ref("aftersales_audit.group_auditor")
        self.member.active = False
        self.articles[0].active = False
        self.env.invalidate_all()
        self.plan.action_start()
        self.assertEqual(len(self.plan.check_ids), 2)

    def test_content_fixed_after_start(self):
        """L4.3: what was carried out can't be changed afterwards, nor after a cancellation."""
        self._start(self.plan)
        with self.assertRaisesRegex(UserError, "can't be changed"):
            self.plan.cost = 1
        self.plan.action_cancel("Office closed")
        with self.assertRaisesRegex(UserError, "can't be changed"):
            self.plan.cost = 1
        with self.assertRaisesRegex(UserError, "is no draft"):
            self.plan.action_submit()
        self.assertEqual(self.plan.cost, 5000)

    def test_vp_writes_no_plan(self):
        """L4.3: the VP decides on the plan but doesn't write it."""
        with self.assertRaises(AccessError):
            self.plan.with_user(self.vp).cost = 1
        with self.assertRaises(AccessError):
            self.plan.with_user(self.vp).action_submit()

    def test_kept(self):
        """H11: a plan that was submitted once is kept two years from its completion."""
        self.assertFalse(self.plan.retain_until)
        self.plan.action_submit()
        # planned for 31 October 2026
        self.assertEqual(self.plan.retain_until, Date.to_date("2028-10-31"))
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            self.plan.sudo().unlink()

    def test_state_not_written(self):
        """L4.3: what only the buttons may change is refused as a direct write or at creation."""
        for vals in (
            {"state": "approved"},
            {"approval_state": "approved"},
            {"approval_round": 1},
            {"approval_digest": "x"},
            {"requester_id": self.other_auditor.id},
            {"date_started": "2026-10-01 00:00:00"},
            {"date_done": "2026-10-01 00:00:00"},
        ):
            for user in (self.lead, self.vp):
                with self.assertRaises(AccessError):
                    self.plan.with_user(user).write(vals)
            with self.assertRaises(AccessError):
                self._new_plan(**vals)
        self.assertEqual(self.plan.state, "draft")

    def test_own_office_not_audited(self):
        """L4.2: who belongs to the office, or manages its region, isn't on the team."""
        for vals in (
            {"lead_id": self.office_auditor.id},
            {"member_ids": [Command.link(self.office_auditor.id)]},
            {"member_ids": [Command.link(self.regional.id)]},
        ):
            with self.assertRaisesRegex(ValidationError, "L4.2"), self.cr.savepoint():
                self.plan.write(vals)
        self._approve(self.plan)
        self.member.partner_id.parent_id = self.office
        with self.assertRaisesRegex(ValidationError, "L4.2"):
            self.plan.action_start()
        self.assertEqual(self.plan.state, "approved")

    def test_only_team_audits(self):
        """L4.2: only the team starts, answers and finishes."""
        self._approve(self.plan)
        with self.assertRaisesRegex(AccessError, "Only the audit team"):
            self.plan.with_user(self.other_auditor).action_start()
        self.plan.action_start()
        check = self.plan.check_ids[0]
        with self.assertRaisesRegex(AccessError, "Only the audit team"):
            check.with_user(self.other_auditor).result = "pass"
        with self.assertRaises(AccessError):
            check.with_user(self.vp).result = "pass"
        with self.assertRaisesRegex(AccessError, "Only the audit team"):
            self.plan.with_user(self.other_auditor).action_done()
        check.with_user(self.member).result = "pass"
        self.assertEqual(check.result, "pass")

    def test_done_when_answered(self):
        """L4.3: open checks are named and keep the audit open; not applicable is an answer."""
        self._start(self.plan)
        first, second = self.plan.check_ids
        first.result = "fail"
        with self.assertRaisesRegex(UserError, second.regulation_id.code) as refusal:
            self.plan.action_done()
        self.assertNotIn(first.regulation_id.code, str(refusal.exception))
        second.result = "not_applicable"
        self.plan.action_done()
        self.assertEqual(self.plan.state, "done")
        self.assertTrue(self.plan.date_done)
        with self.assertRaisesRegex(UserError, "while the audit is in progress"):
            first.result = "pass"
        with self.assertRaisesRegex(UserError, "closed"):
            self.plan.action_cancel("Too late")

    def test_checks_come_from_plan(self):
        """L4.3: nobody adds, removes or moves a check."""
        self._start(self.plan)
        check = self.plan.check_ids[0]
        with self.assertRaises(AccessError):
            check.create({"plan_id": self.plan.id, "regulation_id": self.articles[0].id})
        with self.assertRaises(AccessError):
            check.unlink()
        with self.assertRaises(AccessError):
            check.regulation_id = self.env.ref("aftersales_service.regulation_L3_3")

    def test_cancel(self):
        """L4.3: a cancelled plan waits for no decision; the reason is kept."""
        with self.assertRaisesRegex(UserError, "reason"):
            self.plan.action_cancel()
        self.plan.action_submit()
        self.plan.action_cancel("No longer needed")
        self.assertEqual(self.plan.state, "cancelled")
        self.assertIn("No longer needed", self.plan.message_ids[0].body)
        with self.assertRaisesRegex(UserError, "not waiting for a decision"):
            self.plan.with_user(self.vp).action_approve()
        with self.assertRaisesRegex(UserError, "was cancelled"):
            self.plan.action_start()

    def test_only_draft_deleted(self):
        """L4.3: a plan that was once submitted stays."""
        self._new_plan().unlink()
        self.plan.action_submit()
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            self.plan.unlink()
        self.assertTrue(self.plan.exists())

    @mute_logger("odoo.sql_db")
    def test_impossible_values(self):
        """L4.3: period, completion and cost make sense."""
        for vals in (
            {"date_to": "2026-06-30"},
            {"date_completion": "2026-09-29"},
            {"cost": -1},
        ):
            with self.assertRaises(CheckViolation), self.cr.savepoint():
                self._new_plan(**vals).flush_recordset()

    def test_number(self):
        """L4.3: plans are numbered one by one, also when created together."""
        plans = self.plan.create([self.plan.copy_data()[0], self.plan.copy_data()[0]])
        self.assertRegex(self.plan.name, r"^AP\d{6}$")
        self.assertEqual(len(set((self.plan | plans).mapped("name"))), 3)

    def test_report(self):
        """L4.3: the printed plan shows what the VP decides on, and the decision."""
        self._approve(self.plan)
        html = (
            self.env["ir.actions.report"]
            .with_user(self.lead)
            ._render_qweb_html("aftersales_audit.report_audit_plan", self.plan.ids)[0]
            .decode()
        )
        for text in (self.plan.name, self.office.name, "On site", "L2.6", "M3.4", self.vp.name):
            self.assertIn(text, html)
