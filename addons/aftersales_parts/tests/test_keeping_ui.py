from odoo.tests import HttpCase, tagged

from .test_keeping import KeepingCommon


@tagged("post_install", "-at_install")
class TestKeepingUi(HttpCase, KeepingCommon):
    def test_keeping_tour(self):
        """M10.1: the keeper may not store a gauge on the yard, and stores it in the cabinet."""
        tag = self._tags(self.gauge)
        self.start_tour("/odoo", "aftersales_parts_keeping", login="parts_center")
        self.assertEqual(tag.place_id, self.cabinet)
        self.assertEqual(tag.storage_state, "ok")
        self.assertEqual(tag.event_ids.sorted("id")[-1].event, "stored")
