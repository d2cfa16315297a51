from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
@freeze_time("2026-03-10 02:00:00")
class TestCenterVisit(AftersalesCommon):
    @classmethod
    def _new_visit(cls, user=None, **vals):
        return (
            cls.env["aftersales.center.visit"]
            .with_user(user or cls.office_manager)
            .create({"center_id": cls.center.id, "date_planned": "2026-03-10", **vals})
        )

    def _fill(self, visit, **vals):
        for line in visit.line_ids:
            line.feedback = f"Seen: {line.topic_id.name}"
        visit.write({"feedback": "In good order", **vals})
        return visit

    def test_topics(self):
        """L3.4: a visit lists the five topics of the article, each with its own feedback."""
        visit = self._new_visit()
        self.assertEqual(
            visit.line_ids.topic_id.mapped("name"),
            [
                "Parts management",
                "Repair guidance",
                "Appraisal of returned goods",
                "Service quality",
                "Training of repair staff",
            ],
        )
        self.assertEqual(visit.region_id, self.region)
        self.assertTrue(visit.name.startswith("SV2603"))

    def test_done_plans_next(self):
        """L3.4: closing asks for all feedback, keeps it, and plans the next visit."""
        visit = self._new_visit()
        with self.assertRaisesRegex(UserError, "Training .*Overall feedback"), self.cr.savepoint():
            visit.action_done()
        self._fill(visit, date_next="2026-06-10")
        visit.line_ids[0].feedback = " "
        with self.assertRaisesRegex(UserError, "Parts management"), self.cr.savepoint():
            visit.action_done()
        visit.line_ids[0].unlink()
        visit.action_done()
        self.assertEqual(visit.state, "done")
        self.assertEqual(visit.date_done, date(2026, 3, 10))
        following = visit.next_visit_id
        self.assertEqual(following.state, "planned")
        self.assertEqual(following.date_planned, date(2026, 6, 10))
        self.assertEqual(following.center_id, self.center)
        self.assertEqual(following.visitor_id, self.office_manager)
        self.assertEqual(len(following.line_ids), 5)
        self.assertFalse(following.feedback)
        self.assertEqual(self.center.next_visit_date, date(2026, 6, 10))
        with self.assertRaisesRegex(UserError, "is closed"), self.cr.savepoint():
            visit.action_done()
        self.assertEqual(
            self.env["aftersales.center.visit"].search_count([("center_id", "=", self.center.id)]),
            2,
        )

    def test_without_next(self):
        """L3.4: no next date, no next visit; no topic at all is no visit."""
        visit = self._fill(self._new_visit())
        visit.action_done()
        self.assertFalse(visit.next_visit_id)
        empty = self._new_visit(line_ids=False, feedback="Nothing")
        with self.assertRaisesRegex(UserError, "Topics"), self.cr.savepoint():
            empty.action_done()

    def test_closed_stays(self):
        """L3.4: what was found stays as it is, by form, RPC, or through its topics."""
        visit = self._fill(self._new_visit())
        visit.action_done()
        line = visit.line_ids[0]
        for change in (
            lambda: visit.write({"feedback": "Different"}),
            lambda: visit.write({"line_ids": [(5,)]}),
            lambda: line.write({"feedback": "Different"}),
            lambda: line.unlink(),
            lambda: line.copy(
                {"topic_id": self.env["aftersales.center.visit.topic"].create({"name": "More"}).id}
            ),
            lambda: visit.unlink(),
            lambda: visit.action_cancel("Undo"),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()
        other = self._new_visit()
        with self.assertRaises(UserError), self.cr.savepoint():
            other.line_ids[0].visit_id = visit
        with self.assertRaises(AccessError), self.cr.savepoint():
            other.state = "done"

    def test_dates(self):
        """L3.4: nobody visited tomorrow; the next visit comes after this one."""
        visit = self._new_visit()
        with self.assertRaisesRegex(ValidationError, "future"), self.cr.savepoint():
            visit.date_done = "2026-03-11"
        with self.assertRaisesRegex(ValidationError, "after this one"), self.cr.savepoint():
            visit.date_next = "2026-03-10"
        visit.date_done = "2026-03-10"

    def test_late(self):
        """L3.4: a planned visit is late from the day after; closed and cancelled ones aren't."""
        today = self._new_visit()
        late = self._new_visit(date_planned="2026-03-09")
        done = self._fill(self._new_visit(date_planned="2026-03-01"))
        done.action_done()
        cancelled = self._new_visit(date_planned="2026-03-01")
        cancelled.action_cancel("Snow")
        visits = today | late | done | cancelled
        self.assertEqual(visits.filtered("is_late"), late)
        self.assertEqual(visits.search([("id", "in", visits.ids), ("is_late", "=", True)]), late)
        self.assertEqual(
            visits.search([("id", "in", visits.ids), ("is_late", "=", False)]), visits - late
        )
        # the cancelled and the late one are no plan for the future, the earliest plan counts
        self.assertEqual(self.center.next_visit_date, date(2026, 3, 9))

    def test_roles(self):
        """L3.4: own region for managers, own center to read, all for customer service."""
        visit = self._new_visit()
        for user in (self.other_office_manager, self.other_center_user):
            self._assert_hidden(visit, user)
            self._assert_hidden(visit.line_ids, user)
        for user in (self.center_user, self.clerk, self.customer_service, self.vp):
            self._assert_visible(visit, user)
            self._assert_visible(visit.line_ids, user)
        for user in (self.center_user, self.clerk, self.vp):
            with self.assertRaises(AccessError), self.cr.savepoint():
                visit.with_user(user).feedback = "Fine"
            with self.assertRaises(AccessError), self.cr.savepoint():
                visit.with_user(user).line_ids[0].feedback = "Fine"
            with self.assertRaises(AccessError), self.cr.savepoint():
                visit.with_user(user).action_done()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_visit(user=self.other_office_manager)
        with self.assertRaises(AccessError), self.cr.savepoint():
            visit.center_id = self.other_center
        with self.assertRaises(ValidationError), self.cr.savepoint():
            visit.with_user(self.customer_service).center_id = self.customer
