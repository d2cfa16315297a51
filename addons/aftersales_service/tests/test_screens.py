from freezegun import freeze_time

from odoo.tests import tagged

from .common import PIXEL
from .complaint_common import ComplaintCommon
from .deadline_common import NINE, DeadlineCommon
from .screen_common import ScreenMixin

MANY = 50


@tagged("post_install", "-at_install")
class TestScreens(ScreenMixin, ComplaintCommon, DeadlineCommon):
    """Speed: 50 documents on a screen cost the queries of 10."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"].create(
            [{"name": f"Screen customer {i}", "phone": f"+86 10 6666 {i:04}"} for i in range(MANY)]
        )
        cls.machines = [
            cls._new_machine(f"Screen machine {i}", cls.policy, default_code=f"SM-{i}")
            for i in range(5)
        ]
        cls.cards = cls.env["aftersales.warranty.card"]
        with freeze_time("2026-06-01 01:00:00"):
            for i, machine in enumerate(cls.machines):
                cls.cards |= cls._deliver(*[f"SC-{i}-{j}" for j in range(10)], product=machine)
        for card, customer in zip(cls.cards, cls.customers, strict=True):
            card._write_protected({"partner_id": customer.id})

    def _new_requests(self, count=MANY):
        requests = self.env["aftersales.request"]
        for i in range(count):
            requests |= self._new_request(
                self.cards[i], technician_id=(self.technician, self.other_technician)[i % 2].id
            )
        return requests

    def _new_receipts(self, requests, **vals):
        return (
            self.env["aftersales.receipt"]
            .with_user(self.clerk)
            .create(
                [
                    {
                        "request_id": request.id,
                        "condition": "Scratched on the left",
                        "date_promised": "2026-07-04",
                        **vals,
                    }
                    for request in requests
                ]
            )
        )

    @freeze_time(NINE)
    def test_receipts(self):
        """E7: receipts as list, cards and form, some in our hands, some in the workshop."""
        receipts = self._new_receipts(self._new_requests())
        for i, receipt in enumerate(receipts):
            if i % 3:
                receipt.place = "factory" if i % 3 == 2 else "center"
                receipt.action_take_in("Wang Fang", PIXEL)
        self.assertTrue(receipts.sudo().repair_id)
        users = (self.clerk, self.technician, self.center_user, self.logistics)
        # of another center is nothing to see
        receipts.request_id.sudo().technician_id = self.technician
        screens = {"action_receipt": ("list", "kanban", "form")}
        self._assert_constant(receipts, screens, users)

    @freeze_time(NINE)
    def test_create_receipts(self):
        """E7: twice as many receipts at once take no more queries, apart from their inserts."""
        requests = self._new_requests(42)
        counts = []
        for part in (requests[:2], requests[2:14], requests[14:38]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._new_receipts(part)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[2], counts[1] + 2, counts)

    @freeze_time(NINE)
    def test_callbacks(self):
        """E8, M4: calls of each kind, planned, called in vain, and answered."""
        callbacks = self.env["aftersales.callback"]
        requests = self._new_requests(10)
        for i, card in enumerate(self.cards):
            link = {"kind": "sale", "card_id": card.id}
            if i % 5 == 4:
                link = {"kind": "phone", "request_id": requests[i // 5].id}
            callbacks |= callbacks.with_user(self.clerk).create(
                {**link, "user_id": (self.clerk, self.customer_service)[i % 2].id}
            )
        for i, callback in enumerate(callbacks):
            if i % 5 == 1:
                self._answer_call(callback, "12345"[i // 5 % 5])
            elif i % 5 == 2:
                callback.with_user(self.clerk).action_no_answer()
        users = (self.clerk, self.quality, self.office_manager)
        callbacks.sudo().region_id = self.region
        self._assert_constant(callbacks, {"action_callback": ("list", "kanban")}, users)

    @freeze_time(NINE)
    def test_complaints(self):
        """C3, M12: complaints in several stages, with calls, contacts and departments."""
        complaints = self.env["aftersales.complaint"]
        for i, card in enumerate(self.cards):
            complaint = self._new_complaint(card_id=card.id, center_id=self.center.id)
            complaints |= complaint
            if i % 5:
                self._bring(complaint, ("judge", "assign", "investigate", "propose")[i % 5 - 1])
        users = (self.clerk, self.customer_service, self.quality)
        self._assert_constant(complaints, {"action_complaint": ("list", "kanban")}, users)
