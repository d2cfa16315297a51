from odoo.addons.mail.tests.common import mail_new_test_user
from odoo.fields import Command
from odoo.tests import TransactionCase


class AuditCommon(TransactionCase):
    """An office with its region, and one user per role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.office = cls.env["res.partner"].create(
            {"name": "Office North", "is_company": True, "is_regional_office": True}
        )
        cls.manager = cls._new_user("manager", "aftersales_service.group_office_manager")
        cls.manager.partner_id.parent_id = cls.office
        # manages the region without belonging to the office
        cls.regional = cls._new_user("regional", "aftersales_service.group_office_manager")
        cls.region = cls.env["aftersales.region"].create(
            {"name": "North", "office_id": cls.office.id, "manager_id": cls.regional.id}
        )
        cls.lead = cls._new_user("lead", "aftersales_audit.group_auditor")
        cls.member = cls._new_user("member", "aftersales_audit.group_auditor")
        cls.other_auditor = cls._new_user("other", "aftersales_audit.group_auditor")
        cls.office_auditor = cls._new_user("inside", "aftersales_audit.group_auditor")
        cls.office_auditor.partner_id.parent_id = cls.office
        cls.vp = cls._new_user("vp", "aftersales_service.group_vp")
        cls.customer_service = cls._new_user("cs", "aftersales_service.group_customer_service")
        cls.clerk = cls._new_user("clerk", "aftersales_service.group_clerk")
        cls.articles = cls.env.ref("aftersales_service.regulation_L2_6") | cls.env.ref(
            "aftersales_service.regulation_M3_4"
        )
        cls.plan = cls._new_plan()

    @classmethod
    def _new_user(cls, name, *groups):
        return mail_new_test_user(cls.env, login=f"audit_{name}", groups=",".join(groups))

    @classmethod
    def _new_plan(cls, **vals):
        return (
            cls.env["aftersales.audit.plan"]
            .with_user(cls.lead)
            .create(
                {
                    "office_id": cls.office.id,
                    "date_from": "2026-07-01",
                    "date_to": "2026-09-30",
                    "date_completion": "2026-10-31",
                    "method": "On site",
                    "content": "Returns and service records",
                    "cost": 5000,
                    "regulation_ids": [Command.set(cls.articles.ids)],
                    "lead_id": cls.lead.id,
                    "member_ids": [Command.set(cls.member.ids)],
                    **vals,
                }
            )
        )

    def _approve(self, plan):
        plan.with_user(self.lead).action_submit()
        plan.with_user(self.vp).action_approve()

    def _start(self, plan):
        self._approve(plan)
        plan.with_user(self.lead).action_start()
