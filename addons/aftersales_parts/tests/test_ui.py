from odoo.tests import HttpCase, tagged

from .common import AftersalesPartsCommon


@tagged("post_install", "-at_install")
class TestUi(HttpCase, AftersalesPartsCommon):
    def test_settlement_tour(self):
        """M8.5: the center opens the settlement that was sent and confirms it."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        settlement.with_user(self.users["center"]).action_submit()
        service = settlement.with_user(self.users["customer_service"])
        service.action_verify()
        service.action_send()
        self.start_tour("/odoo", "aftersales_parts_settlement", login="parts_center")
        self.assertEqual(settlement.state, "confirmed")
        self.assertEqual(settlement.amount_payable, 120)
        self.assertEqual(settlement.move_id.state, "posted")
