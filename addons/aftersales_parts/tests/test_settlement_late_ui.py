from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import HttpCase, tagged

from .common import AftersalesPartsCommon


@tagged("post_install", "-at_install")
class TestSettlementLateUi(HttpCase, AftersalesPartsCommon):
    def test_month_end_tour(self):
        """M8.1, M8.9: the clerk runs the month-end, sees its progress, what failed, and the lists.

        October's filing day is over, so what is found is listed as forfeited.
        """
        strange = self._make_part("Strange", self.env["aftersales.part.class"])
        self._make_record([self._scrap(self.seal), self._part(strange)])
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self._make_record([self._scrap(self.seal)], center=other)
        self.start_tour("/odoo", "aftersales_parts_month_end", login="parts_clerk")
        lists = self.env["aftersales.settlement"].search(
            [("center_id", "in", (self.center | other).ids), ("kind", "=", "parts")]
        )
        self.assertEqual(lists.mapped("amount_claimed"), [120, 120])
        self.assertEqual(set(lists.mapped("state")), {"forfeited"})

    def test_exception_tour(self):
        """M8.9: the center sees what it lost, asks for an exception; customer service grants it."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        with (
            freeze_time("2026-11-05 16:00:00"),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60),
        ):
            self.env["aftersales.settlement"]._cron_forfeit()
        self.assertEqual(settlement.state, "forfeited")
        url = f"/odoo/aftersales.settlement/{settlement.id}"
        self.start_tour(url, "aftersales_parts_exception_ask", login="parts_center")
        exception = settlement.exception_ids
        self.assertEqual((exception.state, exception.reason), ("submitted", "Typhoon"))
        url = f"/odoo/aftersales.settlement.exception/{exception.id}"
        self.start_tour(url, "aftersales_parts_exception_grant", login="parts_customer_service")
        self.assertEqual((exception.state, settlement.state), ("approved", "draft"))
