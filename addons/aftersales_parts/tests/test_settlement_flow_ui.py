from odoo.tests import HttpCase, tagged

from .test_settlement_flow import SettlementFlowCommon


@tagged("post_install", "-at_install")
class TestSettlementFlowUi(HttpCase, SettlementFlowCommon):
    def test_from_filing_to_confirmation(self):
        """M8.3–M8.5: filed, audited with 1000.00 for the pump, objected to, 2000.00, confirmed.

        By hand: 1000.00 + 120.00 = 1120.00, then 2000.00 + 120.00 = 2120.00.
        """
        settlement, pump, _seal = self._pump_and_seal()
        # whatever day it is: the tour files in time
        settlement._write_protected({"date_filing": "2099-12-31 15:59:59"})
        url = f"/odoo/action-aftersales_parts.action_settlement/{settlement.id}"
        for tour, login in (
            ("file", "center"),
            ("verify", "clerk"),
            ("audit", "customer_service"),
            ("object", "center"),
            ("answer", "customer_service"),
        ):
            self.start_tour(url, f"aftersales_settlement_{tour}", login=f"parts_{login}")
        self.assertEqual((settlement.amount_payable, pump.result), (2120, "reduced"))
        self.assertEqual(settlement.change_ids.mapped("amount_new"), [2000, 1000])
        self.start_tour("/odoo", "aftersales_parts_settlement", login="parts_center")
        self.assertEqual((settlement.state, settlement.amount_payable), ("posted", 2120))
