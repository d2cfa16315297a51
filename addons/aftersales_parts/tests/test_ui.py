from odoo.tests import HttpCase, tagged

from .common import AftersalesPartsCommon


@tagged("post_install", "-at_install")
class TestUi(HttpCase, AftersalesPartsCommon):
    def test_settlement_tour(self):
        """M8.5: the center opens the settlement that was sent and confirms it."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self._submit(settlement)
        settlement.with_user(self.users["clerk"]).action_verify()
        settlement.with_user(self.users["customer_service"]).action_send()
        self.start_tour("/odoo", "aftersales_parts_settlement", login="parts_center")
        self.assertEqual(settlement.state, "posted")
        self.assertEqual(settlement.amount_payable, 120)
        self.assertEqual(settlement.move_id.state, "posted")

    def test_swap_tour(self):
        """L1.6: the clerk takes up what the center keeps and swaps it, old for new."""
        self.pump.is_storable = True
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        self.env["stock.quant"]._update_available_quantity(self.pump, stock, 1)
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        self.start_tour("/odoo", "aftersales_parts_swap", login="parts_clerk")
        self.assertEqual(tag.keeper_id, self.office)
        swap = tag.swap_line_id.swap_id
        self.assertEqual((swap.state, swap.user_id), ("done", self.users["clerk"]))
        self.assertEqual(swap.picking_ids.state, "done")
