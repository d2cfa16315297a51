from contextlib import closing

from psycopg2.errors import SerializationFailure

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import AuditCommon


@tagged("post_install", "-at_install")
class TestApprovalConcurrency(BaseCase):
    """Two people at the same moment: two connections to the database, with what is committed."""

    def setUp(self):
        super().setUp()
        self.cr = self._connect()
        self.env = api.Environment(self.cr, SUPERUSER_ID, {"tracking_disable": True})

        class Data(AuditCommon):
            env = self.env

        Data.office = self.env["res.partner"].create(
            {"name": "Concurrent office", "is_company": True, "is_regional_office": True}
        )
        vp_group = "aftersales_service.group_vp"
        Data.lead = Data._new_user("c_lead", "aftersales_audit.group_auditor")
        Data.member = Data._new_user("c_member", "aftersales_audit.group_auditor")
        self.first = Data._new_user("c_vp_1", vp_group)
        self.second = Data._new_user("c_vp_2", vp_group)
        Data.articles = self.env.ref("aftersales_service.regulation_L2_6")
        self.plan = Data._new_plan()
        self.plan.action_submit()
        users = Data.lead | Data.member | self.first | self.second
        self.addCleanup(self._remove, self.plan.id, users.ids, Data.office.id)
        self.cr.commit()  # pylint: disable=invalid-commit

    def _connect(self):
        cr = db_connect(get_db_name()).cursor()
        self.addCleanup(cr.close)
        return cr

    def _remove(self, plan_id, user_ids, office_id):
        """Take out what was committed; the log and the plan can only go in the database itself."""
        with closing(db_connect(get_db_name()).cursor()) as cr:
            plan = ("aftersales.audit.plan", plan_id)
            for table in ("aftersales_approval", "mail_activity", "mail_followers"):
                cr.execute(f"DELETE FROM {table} WHERE res_model = %s AND res_id = %s", plan)
            cr.execute("DELETE FROM mail_message WHERE model = %s AND res_id = %s", plan)
            cr.execute("DELETE FROM aftersales_audit_plan WHERE id = %s", [plan_id])
            env = api.Environment(cr, SUPERUSER_ID, {})
            users = env["res.users"].browse(user_ids)
            partners = users.partner_id | env["res.partner"].browse(office_id)
            users.unlink()
            partners.unlink()
            cr.commit()  # pylint: disable=invalid-commit

    def _plan_as(self, user):
        """Return the plan as ``user`` sees it by a connection whose snapshot is taken now."""
        plan = self.plan.with_env(api.Environment(self._connect(), user.id, {}))
        self.assertEqual(plan.approval_state, "pending")
        return plan

    @mute_logger("odoo.sql_db")
    def test_two_decide_at_once(self):
        """Mistake 9: of two who decide at the same moment one does, and the log has one entry."""
        first, second, third = (
            self._plan_as(self.first),
            self._plan_as(self.second),
            self._plan_as(self.second),
        )
        first.action_approve()
        first.env.flush_all()
        # while the first decides
        with self.assertRaisesRegex(UserError, "very moment"):
            second.action_refuse("Too expensive")
        second.env.cr.rollback()
        first.env.cr.commit()
        # with a view from before the first decided: the server then tries again
        with self.assertRaises(SerializationFailure):
            third.action_refuse("Too expensive")
        third.env.cr.rollback()
        third.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "not waiting for a decision"):
            third.action_refuse("Too expensive")
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertEqual(self.plan.approval_state, "approved")
        self.assertEqual(self.plan.approval_ids.mapped("decision"), ["approved", "submitted"])

    @mute_logger("odoo.sql_db")
    def test_change_while_deciding(self):
        """Mistake 9: what is changed while somebody decides isn't approved."""
        decider, author = self._plan_as(self.first), self._plan_as(self.plan.lead_id)
        author.write({"cost": 999999})
        author.env.flush_all()
        with self.assertRaisesRegex(UserError, "very moment"):
            decider.action_approve()
        decider.env.cr.rollback()
        author.env.cr.commit()
        decider.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "not waiting for a decision"):
            decider.action_approve()
        self.cr.rollback()
        self.env.invalidate_all()
        self.assertEqual(self.plan.approval_state, "draft")
        self.assertEqual(self.plan.approval_ids[0].decision, "void")
