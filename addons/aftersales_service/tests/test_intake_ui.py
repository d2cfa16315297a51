from odoo.tests import HttpCase, tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestIntakeUi(AftersalesCommon, HttpCase):
    def test_call(self):
        """H3, H4, E7: from the number on the display to the customer who was told."""
        _other, card = self._deliver("INTAKE-1", "INTAKE-2")
        first = self._new_request(card)
        self.start_tour("/odoo", "aftersales_intake", login=self.clerk.login)
        request = card.request_ids - first
        self.assertEqual(len(request), 1)
        self.assertEqual(request.partner_id, self.customer)
        self.assertEqual(request.urgency, "2")
        self.assertEqual(request.description, "The brakes fail")
        self.assertTrue(request.date_acknowledged)
        self.assertEqual(request.duplicate_ids, first)
        self.assertIn(self.clerk, request.activity_ids.user_id)
