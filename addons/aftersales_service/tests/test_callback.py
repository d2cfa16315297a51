from datetime import date, datetime

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .deadline_common import DeadlineCommon


@tagged("post_install", "-at_install")
class TestCallback(DeadlineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Wednesday 10:00 in Shanghai
        with freeze_time("2026-07-01 02:00:00"):
            cls.record = cls._new_done_record(cls._new_request(cls.card))
        cls.callback = cls.env["aftersales.callback"].search([("record_id", "=", cls.record.id)])

    @classmethod
    def _as(cls, callback, user):
        return cls.env["aftersales.callback"].with_user(user).browse(callback.ids)

    def _new_callback(self, user=None, **vals):
        return (
            self.env["aftersales.callback"]
            .with_user(user or self.clerk)
            .create({"kind": "phone", "request_id": self.record.request_id.id, **vals})
        )

    # --- planned by events -----------------------------------------------------------------

    def test_planned_by_record(self):
        """E8: a valid record plans the call for 9:00 of the next day, about what was served."""
        callback = self.callback
        self.assertEqual(len(callback), 1)
        self.assertEqual(callback.kind, "service")
        self.assertEqual(callback.state, "planned")
        self.assertEqual(callback.date_planned, self._local("2026-07-02 09:00:00"))
        self.assertEqual(callback.date_first, date(2026, 7, 2))
        for name in ("request_id", "card_id", "partner_id", "product_id", "center_id"):
            self.assertEqual(callback[name].id, self.record[name].id, name)
        self.assertEqual(callback.technician_id, self.technician)
        self.assertEqual(callback.region_id, self.region)
        self.assertEqual(callback.phone, "+86 10 5555 0001")
        deadline = self._run(callback, "callback_service")
        self.assertEqual(deadline.date_due, self._local("2026-07-02 23:59:59"))
        self.assertFalse(callback.message_partner_ids, "nobody is told how the customer answers")

    def test_next_day_by_the_company_clock(self):
        """E8: 23:30 and 0:30 in Shanghai are two days, though one day in UTC; months and 28 Feb."""
        for now, expected in (
            ("2026-07-01 23:30:00", "2026-07-02 09:00:00"),
            ("2026-07-02 00:30:00", "2026-07-03 09:00:00"),
            ("2026-07-31 12:00:00", "2026-08-01 09:00:00"),
            ("2027-02-28 12:00:00", "2027-03-01 09:00:00"),
            ("2028-02-28 12:00:00", "2028-02-29 09:00:00"),
        ):
            with self.subTest(now=now), self._at(now):
                self.assertEqual(
                    self.env["aftersales.callback"]._get_next_moment(self.company),
                    self._local(expected),
                )

    def test_weekend_by_the_rule(self):
        """E8: who counts working days calls after Friday's service on Monday."""
        rule = self._rule("callback_service")
        rule.write({"unit": "working_days", "calendar_id": self.calendar.id})
        with self._at("2026-07-03 16:00:00"):
            record = self._new_done_record(self._new_request(self.card), hour_meter=360)
        callback = self.env["aftersales.callback"].search([("record_id", "=", record.id)])
        self.assertEqual(callback.date_planned, self._local("2026-07-06 09:00:00"))
        self.assertEqual(callback.date_first, date(2026, 7, 6))

    def test_deadlines(self):
        """E8, M1, M4: the first attempt keeps the promise, in time or late; the rules run."""
        with self._at("2026-07-02 23:59:00"):
            self._as(self.callback, self.clerk).action_no_answer()
        deadline = self._run(self.callback, "callback_service")
        self.assertEqual(deadline.state, "met")
        with self._at("2026-07-03 10:00:00"):
            self._as(self.callback, self.clerk).action_no_answer()
        self.assertEqual(deadline.state, "met")
        with self._at("2026-07-01 10:00:00"):
            agreed = self._new_callback(date_planned=self._local("2026-07-01 15:00:00"))
        deadline = self._run(agreed, "callback_promised")
        self.assertEqual(deadline.date_due, self._local("2026-07-01 15:00:00"))
        with self._at("2026-07-01 15:01:00"):
            self._sweep()
            self.assertEqual(deadline.state, "missed")
            agreed.action_solved()
        self.assertEqual(deadline.state, "late")
        with self._at("2026-07-01 10:00:00"):
            sale = self._new_callback(
                kind="sale", request_id=False, card_id=self.card.id, date_planned="2026-07-20"
            )
        deadline = self._run(sale, "callback_sale")
        self.assertEqual(deadline.date_due, datetime(2026, 7, 20))
        sale.date_planned = "2026-07-25"
        self.assertEqual(deadline.date_due, datetime(2026, 7, 25))
        self.assertEqual(sale.date_first, date(2026, 7, 20))
        for name in ("callback_service", "callback_promised", "callback_sale"):
            self.assertFalse(self._rule(name).is_dormant)

    def test_warned(self):
        """E8: as long as nobody is the caller, all clerks are warned; then only the caller."""
        with self._at("2026-07-02 18:30:00"):
            self._sweep()
        users = self.callback.activity_ids.user_id
        self.assertIn(self.clerk, users)
        self.assertNotIn(self.technician, users)
        self.assertNotIn(self.center_user, users)

    # --- attempts --------------------------------------------------------------------------

    def test_unreached(self):
        """M4: after the number of attempts that the company allows, a call is unreached."""
        callback = self._as(self.callback, self.clerk)
        callback.attempt_note = "Rings, nobody there"
        with self._at("2026-07-02 10:00:00"):
            callback.action_no_answer()
        self.assertEqual(callback.state, "planned")
        self.assertEqual(callback.date_planned, self._local("2026-07-03 09:00:00"))
        self.assertEqual(callback.attempt_ids.note, "Rings, nobody there")
        self.assertFalse(callback.attempt_note)
        with self._at("2026-07-03 10:00:00"):
            callback.action_no_answer()
        with self._at("2026-07-04 10:00:00"):
            callback.with_user(self.customer_service).action_no_answer()
        self.assertEqual(callback.state, "done")
        self.assertEqual(callback.outcome, "no_answer")
        self.assertEqual(callback.date_first, date(2026, 7, 2))
        self.assertEqual(
            callback.attempt_ids.mapped(lambda a: (a.date, a.user_id, a.outcome, a.phone)),
            [
                (datetime(2026, 7, day, 2), user, "no_answer", "+86 10 5555 0001")
                for day, user in ((2, self.clerk), (3, self.clerk), (4, self.customer_service))
            ],
        )
        self.assertEqual(callback.user_id, self.customer_service)

    def test_one_attempt(self):
        """M4: the number of attempts is the company's own figure, at least one."""
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.company.aftersales_callback_attempts = 0
        self.company.aftersales_callback_attempts = 1
        callback = self._as(self.callback, self.clerk)
        callback.action_no_answer()
        self.assertEqual(callback.state, "done")

    def test_refused(self):
        """M4: who doesn't want to answer isn't asked again."""
        callback = self._as(self.callback, self.clerk)
        callback.action_refused()
        self.assertEqual((callback.state, callback.outcome), ("done", "refused"))

    def test_wrong_number(self):
        """C1: a wrong number has the customer's data updated, and the call is tried again."""
        callback = self._as(self.callback, self.clerk)
        callback.action_wrong_number()
        self.assertEqual(callback.state, "planned")
        self.assertEqual(callback.attempt_ids.outcome, "wrong_number")
        activity = callback.activity_ids.filtered(lambda a: not a.aftersales_deadline_id)
        self.assertIn("C1", activity.summary)
        self.assertIn("+86 10 5555 0001", activity.note)
        callback.phone = "+86 10 5555 0099"
        self._answer_call(callback)
        self.assertEqual(callback.attempt_ids[1].phone, "+86 10 5555 0099")
        self.assertEqual(callback.outcome, "reached")

    def test_reached_needs_answers(self):
        """M3.5, E8: a call isn't closed as reached with questions that are still open."""
        callback = self._as(self.callback, self.clerk)
        with self.assertRaisesRegex(UserError, "start the call"), self.cr.savepoint():
            callback.action_reached()
        self.assertFalse(callback.attempt_ids)
        callback.action_start()
        self.assertEqual(callback.user_id, self.clerk)
        overall = callback.answer_ids.filtered("is_overall")
        (callback.answer_ids - overall).is_skipped = True
        with self.assertRaisesRegex(UserError, "On the whole"), self.cr.savepoint():
            callback.action_reached()
        overall.is_skipped = True
        with self.assertRaisesRegex(UserError, "On the whole"), self.cr.savepoint():
            callback.action_reached()
        overall.write({"is_skipped": False, "grade": "5"})
        callback.answer_ids[0].is_skipped = False
        with self.assertRaisesRegex(UserError, "attitude"), self.cr.savepoint():
            callback.action_reached()
        callback.answer_ids[0].grade = "3"
        callback.action_reached()
        self.assertEqual((callback.state, callback.outcome), ("done", "reached"))
        self.assertEqual(callback.satisfaction, "5")
        self.assertFalse(callback.has_problem)

    def test_phone_help(self):
        """M1: the agreed call asks whether the help was enough, and tells the request."""
        callback = self._new_callback()
        with self.assertRaisesRegex(UserError, "solved the problem"), self.cr.savepoint():
            callback.action_reached()
        told = []
        self.patch(
            type(self.env["aftersales.request"]),
            "_on_callback",
            lambda request, callback: told.append((request.id, callback.is_solved)),
        )
        callback.action_solved()
        self._new_callback().action_not_solved()
        request = self.record.request_id
        self.assertEqual(told, [(request.id, True), (request.id, False)])
        with self.assertRaisesRegex(UserError, "help by phone"), self.cr.savepoint():
            self._as(self.callback, self.clerk).action_solved()

    # --- nobody games it -------------------------------------------------------------------

    def test_not_by_whoever_did_the_work(self):
        """Anchors, no gaming: neither technician nor center calls about the own work."""
        clerk_group = self.env.ref("aftersales_service.group_clerk")
        for user in (self.technician, self.center_user):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._as(self.callback, user).action_refused()
            user.group_ids |= clerk_group
            callback = self._as(self.callback, user)
            for call in (
                callback.action_no_answer,
                callback.action_refused,
                callback.action_start,
                lambda callback=callback: callback.write({"remarks": "Fine"}),
            ):
                with self.assertRaisesRegex(UserError, "own work"), self.cr.savepoint():
                    call()
        self.other_technician.group_ids |= clerk_group
        self._as(self.callback, self.other_technician).action_refused()

    def test_closed_stays(self):
        """M4: a closed call stays as it ended, by form, RPC and through its attempts."""
        callback = self._as(self.callback, self.clerk)
        self._answer_call(callback, "2")
        attempt = callback.attempt_ids
        for user in (self.clerk, self.administrator):
            own = callback.with_user(user)
            for change in (
                lambda own=own: own.write({"satisfaction": "5"}),
                lambda own=own: own.write({"remarks": "Fine"}),
                lambda own=own: own.write({"phone": "1"}),
                lambda own=own: own.write({"outcome": "refused"}),
                lambda own=own: own.write({"state": "planned"}),
                lambda own=own: own.write({"date_first": "2026-01-01"}),
                lambda own=own: own.write({"center_id": self.other_center.id}),
                lambda own=own: own.write({"attempt_ids": [(5,)]}),
                lambda own=own: own.action_no_answer(),
                lambda own=own: own.action_reached(),
                lambda own=own: own.unlink(),
                lambda user=user: attempt.with_user(user).write({"outcome": "refused"}),
                lambda user=user: attempt.with_user(user).unlink(),
                lambda user=user: attempt.with_user(user).create(
                    {
                        "callback_id": callback.id,
                        "date": "2026-07-02",
                        "user_id": self.clerk.id,
                        "outcome": "reached",
                    }
                ),
            ):
                with self.assertRaises(UserError), self.cr.savepoint():
                    change()
        with self.assertRaises(AccessError), self.cr.savepoint():
            attempt.sudo().write({"outcome": "refused"})

    def test_cancel(self):
        """Anchors, no gaming: only customer service takes a call out of the denominator."""
        callback = self._as(self.callback, self.clerk)
        with self.assertRaises(AccessError), self.cr.savepoint():
            callback.action_cancel("Angry")
        callback = callback.with_user(self.customer_service)
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            callback.action_cancel(" ")
        with self.assertRaises(UserError), self.cr.savepoint():
            callback.unlink()
        callback.action_cancel("The company was dissolved")
        self.assertEqual(callback.state, "cancelled")
        self.assertEqual(self._run(callback, "callback_service").state, "cancelled")

    def test_begun_is_not_cancelled(self):
        """M3.5, anchors: once somebody called, the outcome counts; only what is wrong goes."""
        begin = {
            "start": lambda callback: callback.action_start(),
            "no answer": lambda callback: callback.action_no_answer(),
        }
        for name, action in begin.items():
            with self.subTest(name):
                callback = self._new_callback(
                    kind="sale", request_id=False, card_id=self._deliver(f"SN-{name}").id
                )
                action(self._as(callback, self.clerk))
                callback = self._as(callback, self.customer_service)
                with self.assertRaisesRegex(UserError, "begun"), self.cr.savepoint():
                    callback.action_cancel("Not satisfied")
                self.assertEqual(callback.state, "planned")

    def test_own_call_is_not_cancelled(self):
        """M3.5, anchors: whoever is to call doesn't take his own call out of the denominator."""
        callback = self._as(self.callback, self.customer_service)
        callback.user_id = self.customer_service
        with self.assertRaisesRegex(UserError, "colleague"), self.cr.savepoint():
            callback.action_cancel("Inconvenient")
        callback.user_id = self.clerk
        callback.action_cancel("Planned twice")
        self.assertEqual(callback.state, "cancelled")

    def test_issued_period(self):
        """M4: no call is planned into a period whose report was issued; it would be in none."""
        with self._at("2026-07-01 12:00:00"):
            report = self.env["aftersales.callback.report"]._open_period(
                self.company, date(2026, 5, 1)
            )
            self.assertEqual(
                (report.date_from, report.date_to), (date(2026, 5, 1), date(2026, 6, 30))
            )
        vals = {"kind": "sale", "request_id": False}
        cards = self._deliver("SN-21", "SN-22", "SN-23")
        before = self._new_callback(
            **vals, card_id=cards[0].id, date_planned=self._local("2026-06-30 09:00:00")
        )
        self.assertEqual(before.date_first, date(2026, 6, 30))
        self._answer_call(before, "1")
        with self._at("2026-07-02 12:00:00"):
            report.with_user(self.customer_service).action_issue()
        # 23:30 on 30 June in Shanghai
        for user in (self.clerk, self.customer_service, self.env.user):
            with (
                self.assertRaisesRegex(ValidationError, "reported already"),
                self.cr.savepoint(),
            ):
                self._new_callback(
                    user, **vals, card_id=cards[1].id, date_planned="2026-06-30 15:30:00"
                )
        # half past midnight on 1 July
        after = self._new_callback(**vals, card_id=cards[1].id, date_planned="2026-06-30 16:30:00")
        self.assertEqual(after.date_first, date(2026, 7, 1))
        # what was wrong is still corrected
        correction = self._as(before, self.customer_service).action_correct("Misheard")
        self.assertEqual(self.callback.browse(correction["res_id"]).date_first, date(2026, 6, 30))

    def test_no_false_calls(self):
        """Anchors, no gaming: links decide whom a call is about; each service is asked once."""
        callback = self._new_callback(
            partner_id=self.other_customer.id,
            center_id=self.other_center.id,
            technician_id=self.other_technician.id,
            region_id=self.other_region.id,
        )
        self.assertEqual(callback.partner_id, self.customer)
        self.assertEqual(callback.center_id, self.center)
        self.assertEqual(callback.technician_id, self.technician)
        self.assertEqual(callback.region_id, self.region)
        draft = self._new_record()
        for vals in (
            {"kind": "service"},
            {"kind": "service", "record_id": draft.id},
            {"kind": "sale", "request_id": False, "partner_id": self.customer.id},
            {"kind": "phone", "request_id": False, "partner_id": self.customer.id},
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self._new_callback(**vals)
        for vals in ({"outcome": "reached"}, {"state": "done"}, {"attempt_count": 3}):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._new_callback(**vals)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.cr.savepoint(),
        ):
            self._new_callback(kind="service", record_id=self.record.id)

    # --- who sees it -----------------------------------------------------------------------

    def test_roles(self):
        """Mistake 6: own center and own work once closed, own region, all for the departments."""
        for user in (
            self.center_user,
            self.technician,
            self.other_center_user,
            self.other_technician,
            self.other_office_manager,
        ):
            self._assert_hidden(self.callback, user)
        for user in (self.office_manager, self.clerk, self.customer_service, self.quality, self.vp):
            self._assert_visible(self.callback, user)
        self._as(self.callback, self.clerk).action_refused()
        attempt = self.callback.attempt_ids
        for user in (self.center_user, self.technician, self.office_manager, self.vp):
            self._assert_visible(self.callback, user)
            self._assert_visible(attempt, user)
        for user in (self.other_center_user, self.other_technician, self.other_office_manager):
            self._assert_hidden(self.callback, user)
            self._assert_hidden(attempt, user)
        for user in (self.center_user, self.technician, self.office_manager, self.quality, self.vp):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._as(self.callback, user).write({"remarks": "Fine"})
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._new_callback(user=user)

    def test_queries(self):
        """Speed: planning 50 calls takes no more queries than planning 10, except their logs."""
        cards = self._deliver(*[f"CB-{i:03}" for i in range(62)])
        vals = [{"kind": "sale", "card_id": card.id} for card in cards]
        callbacks = self.env["aftersales.callback"].with_user(self.clerk)
        counts = []
        for part in (vals[:2], vals[2:12], vals[12:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            callbacks.create(part)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[2], counts[1] + 10, counts)
