from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestServiceUi(AftersalesCommon, HttpCase):
    def test_request_by_serial(self):
        """E7: the clerk types the serial, the rest fills itself; then the center gets it."""
        card = self._deliver("TOUR-0001")
        self.start_tour("/odoo", "aftersales_service_request", login=self.clerk.login)
        request = card.request_ids
        self.assertEqual(len(request), 1)
        self.assertEqual(request.partner_id, self.customer)
        self.assertEqual(request.center_id, self.center)
        self.assertEqual(request.state, "assigned")
        self.assertEqual(request.description, "The boom sinks")
        self.assertTrue(request.deadline_ids)

    def test_entitlement_by_serial(self):
        """L1.1, E6: the clerk scans a serial, sees the verdict and the price, takes the request."""
        card = self._deliver("TOUR-0002")
        self.start_tour("/odoo", "aftersales_service_entitlement", login=self.clerk.login)
        self.assertEqual(card.request_ids.description, "The seal leaks")
        self.assertEqual(card.request_ids.partner_id, self.customer)

    def test_center_application(self):
        """L3.1: the office applies, customer service approves and establishes the center."""
        criteria = self.env["aftersales.center.criterion"].search([])
        criteria.active = False
        criteria.copy({"name": "Able", "is_mandatory": True, "active": True})[1:].unlink()
        store = self.env["res.partner"].create(
            {
                "name": "Tour lamp store",
                "is_company": True,
                "city": "Lamp town",
                "phone": "+86 10 5555 0009",
                "state_id": self.province.id,
            }
        )
        self.start_tour("/odoo", "aftersales_network_apply", login=self.office_manager.login)
        self.start_tour("/odoo", "aftersales_network_establish", login=self.customer_service.login)
        self.assertEqual(store.center_state, "active")
        self.assertEqual(store._get_center_users().login, "li.lei@tour.example.com")

    def test_center_counts(self):
        """L3.6: the manager opens the open requests of a center by their number."""
        self._new_request(self._deliver("TOUR-0002")).action_assign()
        self.start_tour("/odoo", "aftersales_network_counts", login=self.office_manager.login)

    def test_exchange_assessment(self):
        """L1.2: the clerk answers the questions, goes back once and confirms the verdict."""
        policy = self._new_policy(12)
        second, first = self.env["aftersales.exchange.question"].create(
            [
                {"policy_id": policy.id, "name": name, "answer_ids": answers}
                for name, answers in (
                    ("Is the cap new?", []),
                    (
                        "Is it lit?",
                        [
                            Command.create(
                                {"name": "Bright", "outcome": "refuse", "reason": "It still works"}
                            )
                        ],
                    ),
                )
            ]
        )
        self.env["aftersales.exchange.answer"].create(
            [
                {"question_id": first.id, "name": "Dark", "next_question_id": second.id},
                {
                    "question_id": second.id,
                    "name": "Old",
                    "outcome": "refuse",
                    "reason": "Too old",
                },
            ]
        )
        lamp = self.env["product.product"].create(
            {"name": "Tour lamp", "warranty_policy_id": policy.id}
        )
        self.start_tour("/odoo", "aftersales_exchange_assessment", login=self.clerk.login)
        assessment = self.env["aftersales.exchange.assessment"].search(
            [("product_id", "=", lamp.id)]
        )
        self.assertEqual(assessment.state, "done")
        self.assertEqual(assessment.verdict, "refuse")
        self.assertEqual(assessment.line_ids.answer, "Bright")

    def test_dispute(self):
        """L1.7: from the clerk's opening over the manager's mediation to the final ruling."""
        request = self._new_request(self._deliver("TOUR-0003"))
        self.start_tour(
            f"/odoo/aftersales.request/{request.id}",
            "aftersales_dispute_open",
            login=self.clerk.login,
        )
        self.start_tour("/odoo", "aftersales_dispute_mediate", login=self.office_manager.login)
        self.start_tour("/odoo", "aftersales_dispute_rule", login=self.customer_service.login)
        dispute = self.env["aftersales.dispute"].search([("request_id", "=", request.id)])
        self.assertEqual(dispute.state, "ruled")
        self.assertEqual(dispute.ruling, "All is paid back")
        self.assertEqual(dispute.mediation_ids.outcome, "refused")


@tagged("post_install", "-at_install")
class TestServiceRecordUi(AftersalesCommon, HttpCase):
    browser_size = "390x844"
    touch_enabled = True

    def test_record_on_phone(self):
        """E7, H9, M3.2–M3.4: on a phone, the technician goes from arrival to the valid record."""
        self.env["aftersales.checklist"].create(
            {"name": "List", "item_ids": [Command.create({"name": "Brakes"})]}
        )
        self.env["aftersales.record.requirement"].create({"field_name": "departure"})
        request = self._new_request(self._deliver("TOUR-0003"))
        record = self._new_record(request)
        self.start_tour(
            f"/odoo/aftersales.service.record/{record.id}",
            "aftersales_service_record",
            login=self.technician.login,
        )
        self.assertEqual(record.state, "done")
        self.assertEqual(record.signed_by, "Wang Fang")
        self.assertEqual(record.signoff_rating, 5)
        self.assertEqual(record.check_ids.result, "ok")
        self.assertTrue(record.arrival and record.departure)
        self.assertTrue(record._is_signature_valid())
        self.assertEqual(request.state, "done")
