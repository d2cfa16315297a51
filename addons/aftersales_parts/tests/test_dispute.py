from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AftersalesPartsCommon


@tagged("post_install", "-at_install")
class TestPartsDispute(AftersalesPartsCommon):
    def _dispute(self, **vals):
        return (
            self.env["aftersales.dispute"]
            .with_user(self.users["clerk"])
            .create({"reason": "Two tags were not counted", **vals})
        )

    def test_return(self):
        """L1.7: a center disputes its own return, which stays while the dispute is open."""
        self._make_record([self._part(self.pump)])
        document = self._make_return()
        dispute = self._dispute(return_id=document.id)
        self.assertEqual(dispute.partner_id, self.center)
        self.assertEqual(dispute.center_id, self.center)
        self.assertEqual(dispute.region_id, self.region)
        self.assertFalse(dispute.request_id)
        self.assertEqual(document.dispute_count, 1)
        with self.assertRaisesRegex(UserError, dispute.name):
            document.action_cancel("Never mind")
        dispute.with_user(self.users["customer_service"]).action_cancel("Found again")
        document.action_cancel("Never mind")

    def test_accountant(self):
        """An accountant opens settlements without seeing disputes."""
        self._make_record([self._part(self.pump)])
        self._return_parts()
        settlement = self._generate()
        dispute = self._dispute(settlement_id=settlement.id)
        self.assertEqual(dispute.partner_id, settlement.center_id)
        own = settlement.with_user(self.users["accountant"])
        self.env.invalidate_all()
        self.assertEqual(own.dispute_count, 0)
        with self.assertRaises(AccessError):
            self.env["aftersales.dispute"].with_user(self.users["accountant"]).search([])
