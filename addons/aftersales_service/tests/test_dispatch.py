from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools.misc import format_date

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
@freeze_time(NINE)
class TestDispatch(DeadlineCommon):
    """Who is sent. Wednesday, 1 July 2026, 9:00 in Shanghai."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.electric, cls.height = cls.env["aftersales.qualification.type"].create(
            [{"name": "Electrician"}, {"name": "Work at height"}]
        )
        # nobody else is in the way
        roles = cls.env.ref("aftersales_service.group_technician")
        (roles.all_user_ids - cls.technician - cls.other_technician).active = False
        cls.own, cls.second_own = (
            cls._new_user("technician", login=f"test_own_{i}", name=f"Own {i}") for i in (1, 2)
        )
        (cls.own | cls.second_own).partner_id.parent_id = cls.center
        cls.theirs = cls._new_user("technician", login="test_theirs")
        cls.theirs.partner_id.parent_id = cls.other_center

    def _certify(self, user, trade, date_from="2026-01-01", date_to="2026-12-31"):
        return self.env["aftersales.qualification"].create(
            {
                "partner_id": user.partner_id.id,
                "type_id": trade.id,
                "date_from": date_from,
                "date_to": date_to,
            }
        )

    def _plan(self, user, *hours, day="2026-07-01"):
        """Give ``user`` an appointment of two hours at each of ``hours`` (UTC) of ``day``."""
        for hour in hours:
            request = self._assigned(technician_id=user.id)
            self.env["aftersales.appointment"].create(
                {"request_id": request.id, "date_start": f"{day} {hour:02}:00:00"}
            )

    def _day(self, day):
        """Return that day of July 2026 as messages show it."""
        return format_date(self.env, f"2026-07-0{day}")

    # --- the proposal ----------------------------------------------------------------------

    def test_who_could_be_sent(self):
        """E7, L1.5: the center's own people and those without a center; never another center's."""
        request = self._new_request(self.card, technician_id=False)
        self.assertEqual(
            request.technician_ids,
            self.own | self.second_own | self.center_user | self.technician | self.other_technician,
        )
        self.assertFalse(self._new_request(self.card, center_id=False).technician_ids)

    def test_fewest_visits(self):
        """E7: the own people first, of them who has the fewest visits on the day."""
        request = self._new_request(self.card, technician_id=False)
        self._plan(self.own, 2, 5)
        self._plan(self.second_own, 2)
        self.assertEqual(request.proposed_technician_id, self.second_own)
        self.assertEqual(request.technician_reason, f"1 visits on {self._day(1)}, 1 open requests")
        self._plan(self.second_own, 5, 8)
        request.invalidate_recordset()
        self.assertEqual(request.proposed_technician_id, self.own)
        # another day: open requests decide, two against three
        self.env["aftersales.appointment"].search([]).action_cancel("Test")
        self._plan(self.own, 2, day="2026-07-02")
        request.invalidate_recordset()
        self.assertEqual(request.proposed_technician_id, self.own)
        self.assertIn(f"0 visits on {self._day(1)}, 3 open requests", request.technician_reason)

    def test_certified_first(self):
        """H2: whoever lacks the trade isn't proposed, however little he has to do."""
        self.machine.trade_ids = self.electric
        request = self._new_request(self.card, technician_id=False)
        self.assertFalse(request.proposed_technician_id)
        self.assertFalse(request.technician_ids)
        with self.assertRaisesRegex(UserError, "no technician who is certified"):
            request.action_assign_proposed()
        self._certify(self.technician, self.electric)
        request.invalidate_recordset()
        self.assertEqual(request.proposed_technician_id, self.technician)
        self._certify(self.own, self.electric, date_to="2026-07-01")
        request.invalidate_recordset()
        self.assertEqual(request.proposed_technician_id, self.own)
        self.assertIn(f"Electrician until {self._day(1)}", request.technician_reason)
        # the day after, his certificate has ended
        request.date_visit_promised = "2026-07-01 16:00:00"
        request.invalidate_recordset()
        self.assertEqual(request.proposed_technician_id, self.technician)

    def test_assign_proposed(self):
        """E7: one press assigns the selected requests and spreads them."""
        requests = self._new_request(self.card, technician_id=False)
        requests |= self._new_request(self.card, technician_id=False)
        requests.action_assign_proposed()
        self.assertEqual(set(requests.mapped("state")), {"assigned"})
        self.assertEqual(requests.technician_id, self.own | self.second_own)

    def test_nobody_to_propose(self):
        """E7, H2: all requests without a certified technician are named at once."""
        requests = self._new_request(self.card, technician_id=False)
        self.machine.trade_ids = self.env["aftersales.qualification.type"].create(
            {"name": "Diver", "holder": "person"}
        )
        requests |= self._new_request(self.card, technician_id=False)
        requests.invalidate_recordset()
        with self.assertRaises(UserError) as caught, self.cr.savepoint():
            requests.action_assign_proposed()
        for request in requests:
            self.assertIn(request.name, str(caught.exception))

    def test_view_appointments(self):
        """H6: the only appointment opens at once, several in a list."""
        self._plan(self.technician, 2)
        request = self.env["aftersales.appointment"].search([], order="id desc", limit=1).request_id
        action = request.action_view_appointments()
        self.assertEqual(action["res_id"], request.appointment_id.id)
        self.assertEqual(action["views"], [(False, "form")])
        request.appointment_id.action_reschedule(
            "2026-07-02 02:00:00", reason="Rain", agreed_with="Wang Fang", agreed_by="phone"
        )
        action = request.action_view_appointments()
        self.assertFalse(action.get("res_id"))
        self.assertEqual(action["views"][0][1], "list")

    def test_queries(self):
        """Mistake 5: proposals for 50 requests take as many queries as for 10."""
        cards = self.env["aftersales.warranty.card"].union(
            *(self._deliver(f"D-{i}", partner=self.customer.copy()) for i in range(5))
        )
        self.machine.trade_ids = self.electric
        self._certify(self.own, self.electric)
        requests = self.env["aftersales.request"].union(
            *(self._new_request(cards[i % 5], technician_id=False) for i in range(50))
        )
        counts = []
        for some in (requests[:10], requests[:10], requests):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertEqual(set(some.mapped("proposed_technician_id")), {self.own})
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[2], counts[1])

    # --- special trades (H2) ---------------------------------------------------------------

    def test_trades_of_category(self):
        """H2: a product needs its own trades and those of its categories, up to the top."""
        parent = self.categ_machine.copy({"name": "Top", "trade_ids": [(4, self.height.id)]})
        self.categ_machine.parent_id = parent
        self.machine.trade_ids = self.electric
        self.assertEqual(self.machine._get_trades(), self.electric | self.height)
        self.assertEqual(self._new_machine("Other")._get_trades(), self.height)
        self.assertFalse(self.pump._get_trades())

    def test_uncertified_refused(self):
        """H2: neither request nor appointment nor record takes him; it is said who can go."""
        self.machine.trade_ids = self.electric
        self._certify(self.own, self.electric)
        message = (
            f"can't be sent to .*Wheel loader.*: it needs “Electrician”.*valid on {self._day(1)}.*"
            "Certified are: Own 1"
        )
        request = self._assigned(technician_id=self.own.id)
        with self.assertRaisesRegex(ValidationError, message), self.cr.savepoint():
            self._assigned(technician_id=self.second_own.id)
        for user in (self.clerk, self.center_user, self.env.user):
            with self.assertRaisesRegex(ValidationError, message), self.cr.savepoint():
                request.with_user(user).technician_id = self.second_own
        vals = {"request_id": request.id, "technician_id": self.second_own.id}
        appointments = self.env["aftersales.appointment"].with_user(self.center_user)
        records = self.env["aftersales.service.record"].with_user(self.center_user)
        start = {"date_start": "2026-07-01 06:00:00"}
        with self.assertRaisesRegex(ValidationError, message), self.cr.savepoint():
            appointments.create({**vals, **start})
        with self.assertRaisesRegex(ValidationError, message), self.cr.savepoint():
            records.create(vals)
        vals["technician_id"] = self.own.id
        for document in (appointments.create({**vals, **start}), records.create(vals)):
            with self.assertRaisesRegex(ValidationError, message), self.cr.savepoint():
                document.technician_id = self.second_own
        requests = self.env["aftersales.request"].with_user(self.clerk)
        result = requests.load(
            ["card_id/.id", "description", "center_id/.id", "technician_id/.id"],
            [[str(self.card.id), "x", str(self.center.id), str(self.second_own.id)]],
        )
        self.assertFalse(result["ids"])
        self.assertRegex(result["messages"][0]["message"], message)

    def test_valid_on_the_day(self):
        """H2: the certificate has to hold on the day of the visit, in the company's time zone."""
        self.machine.trade_ids = self.electric
        self._certify(self.own, self.electric, date_to="2026-07-02")
        request = self._assigned(technician_id=self.own.id)
        appointments = self.env["aftersales.appointment"].with_user(self.clerk)
        vals = {"request_id": request.id, "technician_id": self.own.id}
        with (
            self.assertRaisesRegex(
                ValidationError, f"valid on {self._day(3)}.*Nobody of this center"
            ),
            self.cr.savepoint(),
        ):
            appointments.create({**vals, "date_start": "2026-07-02 16:00:00"})
        # 23:59 on the 2nd
        appointment = appointments.create({**vals, "date_start": "2026-07-02 15:59:00"})
        with (
            self.assertRaisesRegex(ValidationError, f"valid on {self._day(3)}"),
            self.cr.savepoint(),
        ):
            appointment.action_reschedule("2026-07-02 16:00:00", "Rain", "Foreman Li", "phone")
        with self._at("2026-07-03 09:00"):
            with (
                self.assertRaisesRegex(ValidationError, f"valid on {self._day(3)}"),
                self.cr.savepoint(),
            ):
                self.env["aftersales.service.record"].create(vals)
            self._certify(self.own, self.electric, "2026-07-03", False)
            record = self.env["aftersales.service.record"].create(vals)
            record.arrival = "2026-07-03 01:00:00"

    def test_not_of_another_center(self):
        """Mistake 6: a center can't send, and so show its request to, another center's people."""
        request = self._assigned()
        for user in (self.clerk, self.center_user):
            with (
                self.assertRaisesRegex(ValidationError, "belongs to Center South, not to Center N"),
                self.cr.savepoint(),
            ):
                request.with_user(user).technician_id = self.theirs
        with self.assertRaisesRegex(ValidationError, "belongs to Center South"):
            self.env["aftersales.appointment"].create(
                {
                    "request_id": request.id,
                    "technician_id": self.theirs.id,
                    "date_start": "2026-07-01 06:00:00",
                }
            )

    def test_product_changed(self):
        """H2: for another product than was thought, another technician may be needed."""
        special = self._new_machine("Tower crane", self.policy)
        special.trade_ids = [Command.set(self.height.ids)]
        request = self._new_request(partner_id=self.customer.id, product_id=self.machine.id)
        request.action_assign()
        with self.assertRaisesRegex(ValidationError, "it needs “Work at height”"):
            request.product_id = special

    # --- distance, moment of dispatch ------------------------------------------------------

    def test_distance_proposed(self):
        """M3.1: the distance comes from the customer's last request at the same center."""
        self._assigned(120)
        self._assigned(150)
        self._new_request(self.card, distance=999)  # not dispatched, so not settled
        self.assertEqual(self._new_request(self.card).distance, 150)
        self.assertEqual(self._new_request(self.card, distance=0).distance, 0)
        other = self._new_request(self.card, center_id=self.other_center.id, technician_id=False)
        self.assertEqual(other.distance, 0)
        other.center_id = self.center
        self.assertEqual(other.distance, 150)

    def test_arrival_before_dispatch(self):
        """M3.1: nobody arrives before the center got the request."""
        with self._at("2026-07-01 09:30"):
            request = self._new_request(self.card, request_date=NINE)
            request.action_assign()
            record = self._new_record(request)
            with (
                self.assertRaisesRegex(ValidationError, "before the request was dispatched"),
                self.cr.savepoint(),
            ):
                record.arrival = "2026-07-01 01:29:59"
            record.arrival = "2026-07-01 01:30:00"

    def test_dispatch_entered(self):
        """M3.1: a center told by phone at 9:10 is promised from then; later nobody changes it."""
        with self._at("2026-07-01 09:30"):
            request = self._new_request(
                self.card, request_date=NINE, date_assigned="2026-07-01 01:10:00"
            )
            request.action_assign()
            run = self._run(request, "arrival_city")
            self.assertEqual(run.date_due, self._local("2026-07-01 11:10"))
            self._new_record(request).arrival = "2026-07-01 01:20:00"
            with self.assertRaisesRegex(UserError, "was dispatched already"):
                request.date_assigned = "2026-07-01 01:20:00"
            for moment in ("2026-07-01 00:59:59", "2026-07-01 01:30:01"):
                with (
                    self.assertRaisesRegex(ValidationError, "dispatched after it was received"),
                    self.cr.savepoint(),
                ):
                    self._new_request(self.card, request_date=NINE, date_assigned=moment)

    def test_entered_from_paper(self):
        """M3.1: what is entered days later may have been dispatched on the day it was received."""
        with self._at("2026-07-03 09:00"):
            request = self._new_request(self.card, request_date=NINE)
            request.action_assign()
            self._new_record(request).arrival = "2026-07-01 01:00:00"
            run = self._run(request, "running_again")
            self.assertEqual(run.date_due, self._local("2026-07-04 09:00"))
