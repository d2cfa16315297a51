from freezegun import freeze_time

from odoo.tests import tagged

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadlineNetwork(DeadlineCommon):
    """Deadlines of support visits and certificates."""

    def test_support_visit(self):
        """L3.4: a visit is due on its planned day, follows it, and is met or cancelled with it."""
        with freeze_time(NINE):
            visits = self.env["aftersales.center.visit"].create(
                [{"center_id": self.center.id, "date_planned": "2026-07-10"}] * 2
            )
        visit, other = visits
        run = self._run(visit, "center_visit")
        self.assertEqual(run.date_due, self._local("2026-07-10 23:59:59"))
        self.assertEqual((run.partner_id, run.region_id), (self.office, self.region))
        visit.date_planned = "2026-07-12"
        self.assertEqual(run.date_due, self._local("2026-07-12 23:59:59"))
        self.assertEqual(run.date_due_original, self._local("2026-07-10 23:59:59"))
        with self._at("2026-07-12 15:00"):
            visit.line_ids.feedback = "Good"
            visit.feedback = "Good"
            visit.action_done()
            other.action_cancel("Center closed")
        self.assertEqual(run.state, "met")
        self.assertEqual(self._run(other, "center_visit").state, "cancelled")

    def test_certificate(self):
        """H2: a certificate is due for renewal by its last day, and met by its successor."""
        kind = self.env["aftersales.qualification.type"].create(
            {"name": "Welder", "holder": "person"}
        )
        self.technician.partner_id.parent_id = self.center
        vals = {"partner_id": self.technician.partner_id.id, "type_id": kind.id}
        model = self.env["aftersales.qualification"]
        with freeze_time(NINE):
            first = model.create({**vals, "date_from": "2025-01-01", "date_to": "2026-12-31"})
            endless = model.create({**vals, "date_from": "2025-01-01", "number": "no end"})
        run = self._run(first, "qualification")
        # the endless one carries it on
        self.assertEqual(run.state, "met")
        self.assertFalse(self._run(endless, "qualification"))
        endless.unlink()
        with freeze_time(NINE):
            second = model.create({**vals, "date_from": "2027-01-01", "date_to": "2027-12-31"})
        run = self._run(second, "qualification")
        self.assertEqual(run.date_due, self._local("2027-12-31 23:59:59"))
        self.assertEqual(run.partner_id, self.center)
        with self._at("2027-12-15 10:00"):
            self._sweep()
            self.assertTrue(run.date_warned)
            second.active = False
        self.assertEqual(run.state, "cancelled")
