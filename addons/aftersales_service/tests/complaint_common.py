from odoo.fields import Datetime

from .common import AftersalesCommon


class ComplaintCommon(AftersalesCommon):
    """Complaints at any stage, a second of each role, and heads of departments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second_cs = cls._new_user("customer_service", login="test_customer_service_2")
        cls.worker = cls._new_user("department")
        cls.head = cls._new_user("department", login="test_head")
        departments = cls.env["aftersales.department"]
        for code in (
            "customer_service",
            "sales",
            "quality",
            "technical",
            "production",
            "logistics",
            "management",
        ):
            department = cls.env.ref(f"aftersales_service.department_{code}")
            # whoever the demo data names is no part of the tests
            department.write({"manager_id": False, "user_ids": [(6, 0, [])]})
            setattr(cls, f"department_{code}", department)
            departments |= department
        cls.department_production.write(
            {"manager_id": cls.head.id, "user_ids": [(6, 0, cls.worker.ids)]}
        )
        cls.cause = cls.env.ref("aftersales_service.complaint_cause_production")
        cls.card = cls._deliver("SN-COMPLAINT")
        cls.machine.default_code = "ZL-TEST"

    @classmethod
    def _new_complaint(cls, user=None, **vals):
        """Return a complaint about the machine sold, taken by the clerk."""
        return (
            cls.env["aftersales.complaint"]
            .with_user(user or cls.clerk)
            .create(
                {
                    "kind": "quality",
                    # what a request is about, it tells itself
                    **({} if "request_id" in vals else {"card_id": cls.card.id}),
                    "contact_name": "Wang Fang",
                    "description": "The boom sinks again",
                    "demand": "A new pump",
                    "defective_quantity": 1,
                    **vals,
                }
            )
        )

    @classmethod
    def _tell(cls, complaint, purpose="contact", **vals):
        return complaint.contact_ids.create(
            {
                "complaint_id": complaint.id,
                "purpose": purpose,
                "contact_name": "Wang Fang",
                "text": f"Told: {purpose}",
                **vals,
            }
        )

    @classmethod
    def _bring(cls, complaint, stage, **vals):
        """Bring the complaint to ``stage`` as everybody concerned would; return it as CS.

        :param vals: values that take the place of the usual ones
        """
        complaint = complaint.with_user(cls.customer_service)
        order = [key for key, _label in complaint._fields["state"].selection]
        while order.index(complaint.state) < order.index(stage):
            cls._fill(complaint, **vals)
            cls._finish(complaint)
        return complaint

    @classmethod
    def _fill(cls, complaint, **vals):
        """Enter what the present stage requires."""
        prepared = {
            "judge": {
                "severity": "light",
                "verdict": "founded",
                "verdict_basis": "Seen on the photos",
            },
            "investigate": {
                "cause_id": cls.cause.id,
                "cause": "Seal fitted the wrong way round",
                "responsible_department_id": cls.department_production.id,
            },
            "propose": {
                "measures": "Mark the seal",
                "solution": "New pump free of charge",
                "agreement": "agreed",
                "agreed_by": "Wang Fang",
                "date_agreed": Datetime.now(),
                "agreement_channel": "phone",
            },
            "improve": {
                "date_carried_out": complaint._get_local_day(Datetime.now()),
                "no_action_reason": "A single case",
            },
        }
        values = prepared.get(complaint.state, {})
        own = complaint._get_stage_fields().get(complaint.state, set())
        values = {**values, **{name: value for name, value in vals.items() if name in own}}
        if values:
            complaint.write(values)
        if complaint.state == "record":
            cls._tell(complaint)
        elif complaint.state == "propose" and complaint.severity == "serious":
            cls._approve(complaint)
        elif complaint.state == "notify":
            cls._tell(complaint, "notice")
        elif complaint.state == "sanction":
            cls._sanction(complaint)
        elif complaint.state == "improve":
            cls._tell(complaint, "result")

    @classmethod
    def _approve(cls, complaint):
        complaint.action_submit()
        complaint.with_user(cls.quality).action_approve()
        complaint.with_user(cls.vp).action_approve()

    @classmethod
    def _sanction(cls, complaint, user=None, **vals):
        return (
            cls.env["aftersales.complaint.sanction"]
            .with_user(user or cls.head)
            .create({"complaint_id": complaint.id, "note": "A single mistake", **vals})
        )

    @classmethod
    def _finish(cls, complaint):
        stage = complaint.state
        return getattr(complaint, "action_close" if stage == "improve" else f"action_{stage}")()

    @classmethod
    def _new_action(cls, complaint, **vals):
        return (
            cls.env["aftersales.complaint.action"]
            .with_user(cls.customer_service)
            .create(
                {
                    "complaint_id": complaint.id,
                    "name": "Check each seal",
                    "department_id": cls.department_production.id,
                    "user_id": cls.worker.id,
                    "date_due": "2026-07-10",
                    **vals,
                }
            )
        )
