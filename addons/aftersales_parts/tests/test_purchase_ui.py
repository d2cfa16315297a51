from odoo.tests import HttpCase, tagged

from .test_purchase import PurchaseCommon


@tagged("post_install", "-at_install")
class TestPurchaseUi(HttpCase, PurchaseCommon):
    def test_comparison_tour(self):
        """M7: the clerk records the third quote, chooses it and submits the comparison."""
        comparison = self._make_comparison()
        self._quote(comparison, self.alfa, 1130)
        self._quote(comparison, self.beta, 1200)
        self.start_tour("/odoo", "aftersales_purchase_comparison", login="parts_clerk")
        self.assertEqual(comparison.state, "submitted")
        self.assertEqual(comparison.line_ids.supplier_id, self.gamma)
        self.assertEqual(comparison.quote_ids[2].quality, "3")
        self.assertEqual(comparison.quote_ids[2].obtained, "phone")
        self.assertEqual(comparison.amount_total, 2970)
