from datetime import date

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .deadline_common import DeadlineCommon


@tagged("post_install", "-at_install")
class TestVisit(DeadlineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.return_visits_per_year = 2
        # the last center of the region, so that it is proposed
        cls.center.state_id = cls.province
        with freeze_time("2026-01-31 02:00:00"):
            cls.unit = cls._deliver("V-1")
        cls.visits = cls.unit.visit_ids.sorted("number")

    def test_evenly_spaced(self):
        """R1: two visits in a year from 31 January, days 91 and 273 of it, each with a deadline."""
        self.assertEqual(self.unit.return_visits_per_year, 2)
        self.assertEqual(self.visits.mapped("date_planned"), [date(2026, 5, 2), date(2026, 10, 31)])
        self.assertEqual(self.visits.mapped("number"), [1, 2])
        self.assertEqual(self.visits.partner_id, self.customer)
        self.assertEqual(self.visits.region_id, self.region)
        due = self._run(self.visits[0], "return_visit").date_due
        self.assertEqual(due, self._local("2026-05-02 23:59:59"))
        self.assertFalse(self._rule("return_visit").is_dormant)

    def test_lengths(self):
        """R1: half a year has one visit, 18 months three; 29 February; three a year."""
        for months, count, start, expected in (
            (6, 2, "2026-03-01", ["2026-05-31"]),
            (18, 2, "2026-03-01", ["2026-05-31", "2026-11-29", "2027-05-31"]),
            (12, 2, "2028-02-29", ["2028-05-30", "2028-11-28"]),
            (12, 3, "2026-01-01", ["2026-03-02", "2026-07-02", "2026-11-01"]),
            (24, 0, "2026-01-01", []),
        ):
            policy = self._new_policy(months)
            policy.return_visits_per_year = count
            machine = self._new_machine(f"{months} {count}", policy)
            with self.subTest(months=months, count=count), freeze_time(f"{start} 02:00:00"):
                card = self._deliver(f"L-{months}-{count}-{start}", product=machine)
                self.assertEqual(
                    card.visit_ids.mapped("date_planned"),
                    [fields.Date.to_date(day) for day in expected],
                )

    def test_policy_frozen(self):
        """Mistake 1, R1: a policy that promises more later changes no card that was issued."""
        self.policy.return_visits_per_year = 4
        self.unit._plan_visits()
        self.assertEqual(self.unit.return_visits_per_year, 2)
        self.assertEqual(self.unit.visit_ids, self.visits)
        with self.assertRaisesRegex(ValidationError, "R1"), self.cr.savepoint():
            self.policy.return_visits_per_year = 1
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.unit.with_user(self.clerk).return_visits_per_year = 0

    def test_idempotent(self):
        """R1: planning again changes nothing; days before the card was known aren't planned."""
        self.unit._plan_visits()
        self.assertEqual(self.unit.visit_ids, self.visits)
        with freeze_time("2026-09-01 02:00:00"):
            card = self.env["aftersales.warranty.card"].create(
                {
                    "partner_id": self.customer.id,
                    "product_id": self.machine.id,
                    "serial_number": "V-OLD",
                    "date_delivery": "2026-01-31",
                }
            )
        self.assertEqual(card.visit_ids.mapped("number"), [2])

    def test_done(self):
        """R1: a visit is done with its findings, and then stays."""
        visit = self.visits[0].with_user(self.clerk)
        with freeze_time("2026-05-02 02:00:00"):
            with self.assertRaisesRegex(UserError, "R1"), self.cr.savepoint():
                visit.action_done()
            visit.note = "Works in two shifts"
            visit.action_done()
        self.assertEqual((visit.state, visit.date_done), ("done", date(2026, 5, 2)))
        self.assertEqual(self._run(visit, "return_visit").state, "met")
        for change in (
            lambda: visit.write({"note": "Different"}),
            lambda: visit.write({"date_planned": "2026-06-01"}),
            lambda: visit.action_move("2026-12-01", "Later"),
            visit.action_done,
            visit.unlink,
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()

    def test_partly_done(self):
        """Mistake 4: a visit done in part stays planned, for another day, and keeps its number."""
        visit = self.visits[0].with_user(self.clerk)
        with freeze_time("2026-05-02 02:00:00"):
            with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
                visit.action_move("2026-05-20", "")
            self.env["aftersales.visit.move"].with_user(self.clerk).create(
                {
                    "visit_id": visit.id,
                    "date": "2026-05-20",
                    "is_partial": True,
                    "reason": "The operator was away",
                }
            ).action_confirm()
        self.assertEqual((visit.state, visit.is_partial), ("planned", True))
        self.assertEqual(visit.date_planned, date(2026, 5, 20))
        self.assertEqual(visit.date_original, date(2026, 5, 2))
        deadline = self._run(visit, "return_visit")
        self.assertEqual(deadline.date_due, self._local("2026-05-20 23:59:59"))
        self.assertEqual(deadline.date_due_original, self._local("2026-05-02 23:59:59"))
        self.unit._plan_visits()
        self.assertEqual(visit.date_planned, date(2026, 5, 20))
        self.assertEqual(self.unit.visit_ids, self.visits)

    def test_moved_within_the_warranty(self):
        """R1: neither into the past nor beyond the warranty."""
        visit = self.visits[0].with_user(self.clerk)
        with freeze_time("2026-05-02 02:00:00"):
            with self.assertRaisesRegex(UserError, "past"), self.cr.savepoint():
                visit.action_move("2026-05-01", "Earlier")
            with self.assertRaisesRegex(UserError, "warranty"), self.cr.savepoint():
                visit.action_move("2027-02-01", "Later")
            visit.action_move("2027-01-31", "Later")

    def test_cancelled(self):
        """Mistake 4: a cancelled visit takes no other with it, and isn't planned again."""
        visit = self.visits[0]
        with self.assertRaises(AccessError), self.cr.savepoint():
            visit.with_user(self.clerk).action_cancel("No")
        visit.with_user(self.customer_service).action_cancel("The customer wants none")
        self.unit._plan_visits()
        self.assertEqual(self.unit.visit_ids.sorted("number"), self.visits)
        self.assertEqual(self.visits.mapped("state"), ["cancelled", "planned"])
        self.assertEqual(self._run(visit, "return_visit").state, "cancelled")

    def test_follows_the_card(self):
        """R1, E4: visits end with the card, come back with it, and go to the new owner."""
        self.visits[0].with_user(self.clerk).note = "Seen"
        with freeze_time("2026-05-02 02:00:00"):
            self.visits[0].with_user(self.clerk).action_done()
            self.unit.with_user(self.clerk).action_transfer(
                self.other_customer, "2026-05-02", "Sold on"
            )
            self.assertEqual(self.visits[1].partner_id, self.other_customer)
            self.assertEqual(self.visits[1].region_id, self.other_region)
            self.assertEqual(self.visits[0].region_id, self.region)
            self.unit.with_user(self.customer_service).action_close("Given back")
            self.assertEqual(self.visits.mapped("state"), ["done", "cancelled"])
            # as if the unit weren't in stock
            self.unit._reopen("An error")
        again = self.unit.visit_ids - self.visits
        self.assertEqual((again.number, again.state), (2, "planned"))
        self.assertEqual(again.date_planned, date(2026, 10, 31))
        self.unit.action_void("Wrong")
        self.assertEqual(again.state, "cancelled")

    def test_done_by(self):
        """R1: a service or a call on this unit may be the visit; another unit's may not."""
        visit = self.visits[0].with_user(self.clerk)
        record = self._new_done_record(self._new_request(self.unit))
        visit.record_id = record.id
        other = self._new_done_record(self._new_request(self.card), hour_meter=400)
        with self.assertRaisesRegex(ValidationError, "valid service"), self.cr.savepoint():
            visit.record_id = other.id
        call = self.env["aftersales.callback"].search([("record_id", "=", record.id)])
        with self.assertRaisesRegex(ValidationError, "reached nobody"), self.cr.savepoint():
            visit.callback_id = call.id
        self._answer_call(call)
        visit.callback_id = call.id

    def test_roles(self):
        """Mistake 6: own center, own visits, own region; all for the departments."""
        visit = self.visits[0]
        visit.sudo()._write_protected({"center_id": self.center.id})
        for user in (
            self.other_center_user,
            self.technician,
            self.other_office_manager,
            self._new_user("user"),
        ):
            self._assert_hidden(visit, user)
        for user in (
            self.center_user,
            self.office_manager,
            self.clerk,
            self.customer_service,
            self.quality,
            self.vp,
        ):
            self._assert_visible(visit, user)
        for user in (self.center_user, self.clerk, self.administrator):
            with self.assertRaises(AccessError), self.cr.savepoint():
                visit.with_user(user).copy()
            for vals in ({"state": "done"}, {"date_planned": "2026-12-01"}, {"card_id": False}):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    visit.with_user(user).write(vals)

    def test_queries(self):
        """Speed: planning the visits of 50 cards takes no more queries than those of 10."""
        cards = self._deliver(*[f"VQ-{i:02}" for i in range(62)])
        cards.visit_ids.unlink()
        counts = []
        for part in (cards[:2], cards[2:12], cards[12:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            part._plan_visits()
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertTrue(cards.visit_ids)
        self.assertLessEqual(counts[2], counts[1] + 10, counts)
