from odoo.tests import HttpCase, tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestCallbackUi(AftersalesCommon, HttpCase):
    def test_call(self):
        """E8: the clerk calls, reaches nobody, calls again, asks the questions and closes."""
        customer = self.customer.copy({"name": "Tour quarry", "phone": "+86 10 5555 0042"})
        record = self._new_done_record(
            self._new_request(self._deliver("TOUR-0003", partner=customer))
        )
        self.start_tour("/odoo", "aftersales_service_callback", login=self.clerk.login)
        callback = self.env["aftersales.callback"].search([("record_id", "=", record.id)])
        self.assertEqual(callback.attempt_ids.mapped("outcome"), ["no_answer", "reached"])
        self.assertEqual(callback.satisfaction, "4")
        self.assertEqual(callback.answer_ids.mapped("grade"), ["5", "4", False, "4", "4"])
        self.assertEqual(callback.user_id, self.clerk)
