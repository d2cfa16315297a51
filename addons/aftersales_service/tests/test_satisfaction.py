from datetime import date

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .deadline_common import DeadlineCommon


class SatisfactionCommon(DeadlineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # what a database with demo data has is none of this test's business
        cls.env["aftersales.callback"].search([])._write_protected(
            {"state": "cancelled", "is_counted": False}
        )
        cls.report = cls.env["aftersales.satisfaction.report"]

    @classmethod
    def _calls(cls, count, satisfaction=None, outcome="reached", day="2026-05-12", **vals):
        """Return closed calls that ended alike; without an outcome they are still open."""
        callbacks = (
            cls.env["aftersales.callback"]
            .with_context(tracking_disable=True)
            .create(
                [
                    {
                        "kind": "complaint",
                        "partner_id": cls.customer.id,
                        "center_id": cls.center.id,
                        "technician_id": cls.technician.id,
                        "region_id": cls.region.id,
                        "product_id": cls.machine.id,
                        "date_planned": f"{day} 01:00:00",
                        "date_first": day,
                        **vals,
                    }
                ]
                * count
            )
        )
        # before the grades are written, which follow from answers that are spared here
        callbacks.flush_recordset()
        if outcome:
            callbacks._write_protected(
                {"state": "done", "outcome": outcome, "satisfaction": satisfaction}
            )
        return callbacks

    def _rates(self, domain=(), groups=(), user=None):
        """Return the aggregates of the report by group, as the pivot shows them."""
        names = (
            *("due:sum", "reached:sum", "satisfied:sum", "unreached:sum"),
            *("rate_due:avg", "rate_reached:avg", "rate_low:avg", "rate_high:avg"),
        )
        with self._at("2026-07-01 12:00:00"):
            self.env.flush_all()
            return self.report.with_user(user or self.env.user)._read_group(domain, groups, names)


@tagged("post_install", "-at_install")
class TestSatisfaction(SatisfactionCommon):
    def _assert_rates(self, row, counts, rates):
        self.assertEqual(row[:4], counts)
        for value, expected in zip(row[4:], rates, strict=True):
            self.assertAlmostEqual(value, expected, 3)

    def test_rate(self):
        """M3.5: 97 of 100 reached with 10 unreached: 88.2 % of all due, 97 % of those reached.

        Wilson by hand: (0.97 + 0.0192073 ± 1.959964 · √(0.000291 + 0.0000960365)) / 1.0384146.
        """
        self._calls(60, "5")
        self._calls(37, "4")
        self._calls(1, "3")
        self._calls(1, "2")
        self._calls(1, "1")
        self._calls(5, outcome="no_answer")
        self._calls(2, outcome="refused")
        self._calls(2, outcome="wrong_number")
        # should have been made in May
        self._calls(1, outcome=None)
        [row] = self._rates()
        self._assert_rates(row, (110, 100, 97, 10), (88.1818, 97.0, 91.5480, 98.9746))
        counts = self.report._read_group([], [], ["neutral:sum", "dissatisfied:sum"])
        self.assertEqual(counts, [(1, 2)])
        self.assertAlmostEqual(self.report._get_interval(97, 100)[0], 91.5480, 3)
        self.assertAlmostEqual(self.report._get_interval(97, 100)[1], 98.9746, 3)

    def test_ratios_of_sums(self):
        """M3.5: the rate of a total is that of its sums, no average of the rates of its parts.

        North 9 of 10 = 90 %, south 0 of 1 = 0 %: together 9 of 11 = 81.8 %, not 45 %.
        """
        self._calls(9, "5")
        self._calls(1, "2")
        self._calls(1, "1", center_id=self.other_center.id)
        rows = self._rates(groups=["center_id"])
        by_center = {row[0]: row[1:] for row in rows}
        self.assertAlmostEqual(by_center[self.center][5], 90)
        self.assertAlmostEqual(by_center[self.other_center][5], 0)
        # 0 of 1: from 0 to 3.8415 / 4.8415 = 79.3 %
        self.assertAlmostEqual(by_center[self.other_center][6], 0)
        self.assertAlmostEqual(by_center[self.other_center][7], 79.345, 2)
        [row] = self._rates()
        self.assertAlmostEqual(row[5], 100 * 9 / 11)

    def test_list_sums_no_rates(self):
        """M3.5: the list shows no rate in its foot, which the browser would average by groups."""
        arch = self.report.get_view(view_type="list")["arch"]
        self.assertIn("rate_reached", arch)
        self.assertNotIn("avg=", arch)

    def test_nobody_reached(self):
        """M3.5: with nobody reached the rate of all due is 0, and that of those reached is none."""
        self._calls(3, outcome="no_answer")
        [row] = self._rates()
        self.assertEqual(row[:5], (3, 0, 0, 3, 0))
        self.assertEqual(row[5:], (False, False, False))

    def test_what_counts(self):
        """Anchors, no gaming: what is due counts; cancelled, future and phone calls don't."""
        self._calls(1, "5")
        cancelled = self._calls(1, outcome=None)
        cancelled.with_user(self.customer_service).action_cancel("Company dissolved")
        self._calls(1, outcome=None, day="2026-07-01")  # may still be made today
        self._calls(1, outcome=None, day="2026-06-30")  # should have been made yesterday
        request = self._new_request(self.card)
        self._calls(1, kind="phone", request_id=request.id)
        [row] = self._rates()
        self.assertEqual(row[:4], (2, 1, 1, 1))
        with self._at("2026-07-01 12:00:00"):
            self.assertEqual(
                self.report._read_group([], ["outcome"], ["due:sum", "cancelled:sum"]),
                [("cancelled", 0, 1), ("open", 1, 0), ("reached", 1, 0)],
            )
        # yesterday and today by Shanghai's clock: there it is 1 July, in UTC still 30 June
        with self._at("2026-07-01 00:30:00"):
            self.assertEqual(self.report._read_group([], [], ["due:sum"]), [(2,)])
        with self._at("2026-07-02 00:30:00"):
            self.assertEqual(self.report._read_group([], [], ["due:sum"]), [(3,)])

    def test_correction_counts_once(self):
        """Anchors, no gaming: of a call and its correction the later one counts, once."""
        callback = self._calls(1, "1").with_user(self.customer_service)
        action = callback.action_correct("Another customer was meant")
        [row] = self._rates()
        self.assertEqual(row[:4], (1, 1, 0, 0))
        correction = callback.browse(action["res_id"])
        self._answer_call(correction, "5", user=self.customer_service)
        [row] = self._rates()
        self.assertEqual(row[:4], (1, 1, 1, 0))

    def test_corrected_and_cancelled_are_shown(self):
        """M3.5, anchors: the report shows how many calls were corrected, and how many cancelled."""
        self._calls(3, "5")
        self._calls(1, outcome=None).with_user(self.customer_service).action_cancel("Twice")
        callback = self._calls(1, "1").with_user(self.customer_service)
        open_correction = self._calls(1, "2").with_user(self.customer_service)
        open_correction.action_correct("Not closed yet")
        correction = callback.browse(callback.action_correct("Misheard")["res_id"])
        self._answer_call(correction, "5", user=self.customer_service)
        with self._at("2026-07-01 12:00:00"):
            self.env.flush_all()
            report = self.env["aftersales.callback.report"]._open_period(
                self.company, date(2026, 5, 1)
            )
            report._refresh()
        line = report.line_ids.filtered(lambda line: line.dimension == "total")
        self.assertEqual((line.due, line.satisfied, line.corrected, line.cancelled), (5, 4, 1, 1))
        [[line]] = self.report._read_group([], [], ["corrected:sum"])
        self.assertEqual(line, 1)

    def test_month_stays(self):
        """M3.5: a call put off or tried again counts for the month it was planned for first."""
        callback = self._calls(1, outcome=None, day="2026-05-31").with_user(self.clerk)
        callback.date_planned = "2026-06-15"
        with self._at("2026-06-15 12:00:00"):
            self._answer_call(callback, "5")
        rows = self._rates(groups=["date:month"])
        self.assertEqual([row[0] for row in rows], [date(2026, 5, 1)])

    def test_roles(self):
        """Mistake 6: own center, own work, own region; all for the departments."""
        self._calls(2, "5")
        self._calls(
            3,
            "1",
            center_id=self.other_center.id,
            technician_id=self.other_technician.id,
            region_id=self.other_region.id,
        )
        for user, due in (
            (self.center_user, 2),
            (self.technician, 2),
            (self.office_manager, 2),
            (self.other_center_user, 3),
            (self.other_technician, 3),
            (self.other_office_manager, 3),
            (self.clerk, 5),
            (self.customer_service, 5),
            (self.quality, 5),
            (self.vp, 5),
        ):
            with self.subTest(user=user.login):
                self.assertEqual(self._rates(user=user)[0][0], due)
        for user in (self.logistics, self._new_user("user")):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self._rates(user=user)

    def test_target(self):
        """M3.5: the target is the company's, 97 % at least."""
        self.assertEqual(self.company.aftersales_satisfaction_target, 97)
        for target in (96.9, 100.1):
            with self.assertRaisesRegex(ValidationError, "M3.5"), self.cr.savepoint():
                self.company.aftersales_satisfaction_target = target
        self.company.aftersales_satisfaction_target = 98.5
        self._calls(2, "5")
        self.assertEqual(self.report._read_group([], [], ["target:avg"]), [(98.5,)])

    def test_queries(self):
        """Speed: 50 calls take as many queries as 10."""
        self._calls(10, "5")
        self._rates(groups=["center_id"])
        counts = []
        for _turn in range(2):
            before = self.cr.sql_log_count
            self._rates(groups=["center_id", "date:month"])
            counts.append(self.cr.sql_log_count - before)
            self._calls(40, "4")
            self.env.flush_all()
        self.assertEqual(counts[0], counts[1])


@tagged("post_install", "-at_install")
class TestCallbackReport(SatisfactionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reports = cls.env["aftersales.callback.report"]
        cls.reports.search([]).unlink()

    def _open(self, day="2026-05-12"):
        return self.reports._open_period(self.company, fields.Date.to_date(day))

    def _line(self, report, key):
        return report.line_ids.filtered(lambda line: line.key == key)

    def test_periods(self):
        """M4: two months from January on; leap years; a period that doesn't divide the year."""
        for months, day, first, last in (
            (2, "2026-05-12", "2026-05-01", "2026-06-30"),
            (2, "2026-06-30", "2026-05-01", "2026-06-30"),
            (2, "2026-07-01", "2026-07-01", "2026-08-31"),
            (2, "2027-02-28", "2027-01-01", "2027-02-28"),
            (2, "2028-02-29", "2028-01-01", "2028-02-29"),
            (2, "2026-12-31", "2026-11-01", "2026-12-31"),
            (1, "2026-12-31", "2026-12-01", "2026-12-31"),
            (5, "2026-12-31", "2026-11-01", "2026-12-31"),
        ):
            self.company.aftersales_callback_report_months = months
            with self.subTest(months=months, day=day):
                self.assertEqual(
                    self.reports._get_period(self.company, fields.Date.to_date(day)),
                    (fields.Date.to_date(first), fields.Date.to_date(last)),
                )

    def test_cron(self):
        """M4: the report opens by itself, once, when its period begins; its deadline runs."""
        self._calls(1, "5")
        with self._at("2026-05-01 00:30:00"):
            self.reports._cron_prepare()
            self.reports._cron_prepare()
        report = self.reports.search([("date_from", "=", "2026-05-01")])
        self.assertEqual(len(report), 1)
        self.assertEqual(report.date_to, date(2026, 6, 30))
        self.assertEqual(report.date_planned, date(2026, 7, 5))
        self.assertFalse(report.line_ids)
        deadline = self._run(report, "callback_report")
        self.assertEqual(deadline.date_start, self._local("2026-05-01 00:00:00"))
        self.assertEqual(deadline.date_due, self._local("2026-07-05 23:59:59"))
        with self._at("2026-07-01 00:30:00"):
            self.reports._cron_prepare()
        self.assertTrue(report.line_ids)
        self.assertEqual(self.reports.search_count([("date_from", "=", "2026-07-01")]), 1)
        with self._at("2026-07-03 10:00:00"):
            report.with_user(self.customer_service).action_issue()
        self.assertEqual(deadline.state, "met")
        self.assertFalse(self._rule("callback_report").is_dormant)

    def test_missed(self):
        """M4: a report that isn't issued by its day is missed and goes up to the marketing VP."""
        report = self._open()
        with self._at("2026-07-06 00:01:00"):
            self._sweep()
        self.assertEqual(self._run(report, "callback_report").state, "missed")
        self.assertIn(self.vp, report.activity_ids.user_id)

    def test_figures(self):
        """M4: by kind, center, region and product; compared with the period before.

        March and April: 3 of 4 = 75 %. May and June: 9 of 10 reached = 90 %, 9 of 12 due = 75 %.
        """
        self._calls(3, "4", day="2026-03-31")
        self._calls(1, "1", day="2026-04-30")
        self._calls(6, "5", day="2026-05-01")
        self._calls(3, "4", day="2026-06-30")
        self._calls(1, "2", center_id=self.other_center.id)
        self._calls(2, outcome="no_answer")
        self._calls(1, "1", day="2026-07-01")  # next period
        report = self._open()
        with self._at("2026-07-02 12:00:00"):
            report.with_user(self.customer_service).action_issue()
        line = self._line(report, "total")
        self.assertEqual(
            (line.due, line.reached, line.satisfied, line.dissatisfied, line.unreached),
            (12, 10, 9, 1, 2),
        )
        self.assertAlmostEqual(line.rate_due, 75)
        self.assertAlmostEqual(line.rate_reached, 90)
        # by hand: (0.9 + 0.192073 ± 1.959964 · √(0.009 + 0.00960365)) / 1.384146
        self.assertAlmostEqual(line.rate_low, 59.584, 2)
        self.assertAlmostEqual(line.rate_high, 98.212, 2)
        self.assertAlmostEqual(line.rate_previous, 75)
        self.assertAlmostEqual(line.change, 15)
        line = self._line(report, f"center-{self.other_center.id}")
        self.assertEqual((line.due, line.satisfied, line.name), (1, 0, "Center South"))
        self.assertFalse(line.has_previous)
        self.assertEqual(self._line(report, f"center-{self.center.id}").due, 11)
        self.assertEqual(self._line(report, f"product-{self.machine.id}").due, 12)
        self.assertEqual(self._line(report, f"region-{self.region.id}").due, 12)
        self.assertEqual(self._line(report, "kind-complaint").reached, 10)
        self.assertEqual(report.target, 97)

    def test_passed_on(self):
        """M4, E8: how many customers reported a problem, and how many of these went further.

        Of 6 calls, 4 with a problem: one passed on to a department, one made a complaint, one
        both, one forgotten. A complaint that was cancelled passed nothing on.
        """
        calls = self._calls(6, "2")
        calls.flush_recordset()
        calls[:4]._write_protected({"has_problem": True})
        (calls[0] | calls[2])._write_protected({"date_passed_on": fields.Datetime.now()})
        complaints = self.env["aftersales.complaint"].create(
            [
                {
                    "kind": "other",
                    "callback_id": call.id,
                    "partner_id": self.customer.id,
                    "description": "It leaks again",
                }
                for call in (calls[1], calls[2], calls[2], calls[3])
            ]
        )
        complaints[3]._write_protected({"state": "cancelled"})
        # what was passed on stays so when the answers are corrected
        for call in calls[:2]:
            corrected = self._calls(1, "2", correction_of_id=call.id)
            corrected._write_protected({"has_problem": True})
            call._write_protected({"is_counted": False})
        report = self._open()
        with self._at("2026-07-02 12:00:00"):
            report.with_user(self.customer_service).action_issue()
        for key in ("total", "kind-complaint", f"center-{self.center.id}"):
            line = self._line(report, key)
            self.assertEqual((line.problem, line.passed_on, line.complaint), (4, 3, 2), key)

    def test_passed_on_is_not_for_everybody(self):
        """M4: a center or technician learns by no figure that a customer complained of him."""
        for user in (self.center_user, self.technician):
            names = self.report.with_user(user).fields_get()
            self.assertIn("reached", names)
            self.assertFalse({"problem", "passed_on", "complaint"} & names.keys())
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.report.with_user(user)._read_group([], [], ["complaint:sum"])

    def test_questions(self):
        """M4: each question of those who could answer it; yes or no by what is good."""
        cards = self._deliver("R-1", "R-2", "R-3")
        with self._at("2026-05-12 10:00:00"):
            for card, grade in zip(cards, ("5", "2", "4"), strict=True):
                callback = (
                    self.env["aftersales.callback"]
                    .with_user(self.clerk)
                    .create({"kind": "sale", "card_id": card.id})
                )
                callback.action_start()
                answers = callback.answer_ids
                answers.write({"grade": grade, "yes_no": "no"})
                if grade == "4":
                    answers[4].is_skipped = True
                callback.action_reached()
        report = self._open()
        with self._at("2026-07-02 12:00:00"):
            report.with_user(self.customer_service).action_issue()
        questions = self.env.ref("aftersales_service.survey_sale").question_ids
        lines = [self._line(report, f"question-{question.id}") for question in questions]
        self.assertEqual([line.name for line in lines], questions.mapped("name"))
        # “no” is bad for the first and good for the sixth; the fifth didn't apply to one
        for index, due, satisfied, dissatisfied in (
            (0, 3, 0, 3),
            (4, 2, 1, 1),
            (5, 3, 3, 0),
            (8, 3, 2, 1),
        ):
            line = lines[index]
            self.assertEqual(
                (line.due, line.satisfied, line.dissatisfied),
                (due, satisfied, dissatisfied),
                index,
            )
        self.assertAlmostEqual(lines[4].rate_reached, 50)

    def test_frozen(self):
        """M4: what is answered later doesn't change an issued report, nor does anybody."""
        late = self._calls(1, outcome=None, day="2026-06-30")
        self._calls(1, "5")
        report = self._open()
        with self._at("2026-07-02 12:00:00"):
            report.with_user(self.customer_service).action_issue()
        before = report.line_ids.read()
        with self._at("2026-07-03 12:00:00"):
            self._answer_call(late, "5")
            self.reports._cron_prepare()
        self.assertEqual(report.line_ids.read(), before)
        self.assertEqual(self._line(report, "total").reached, 1)
        own = report.with_user(self.customer_service)
        for change in (
            own.action_issue,
            own.action_refresh,
            lambda: own.write({"conclusion": "Better"}),
            lambda: own.write({"state": "draft"}),
            lambda: own.write({"line_ids": [(5,)]}),
            lambda: own.write({"date_to": "2026-07-31"}),
            lambda: own.line_ids.write({"satisfied": 9}),
            own.line_ids.unlink,
            own.unlink,
            lambda: report.with_user(self.administrator).unlink(),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()
        # the next report compares with what was issued, though the late answer changed the truth
        following = self._open("2026-07-12")
        self._calls(1, "5", day="2026-07-12")
        with self._at("2026-09-01 12:00:00"):
            following.with_user(self.customer_service).action_issue()
        self.assertAlmostEqual(self._line(following, "total").rate_previous, 100)

    def test_not_before_the_end(self):
        """M4: a report isn't issued before its last day is over on the company's clock."""
        report = self._open().with_user(self.customer_service)
        with self._at("2026-06-30 23:59:00"):
            with self.assertRaisesRegex(UserError, "is over"), self.cr.savepoint():
                report.action_issue()
            report.action_refresh()
        with self._at("2026-07-01 00:00:00"):
            report.action_issue()

    def test_addressee(self):
        """M4: the manager's role is told; the clerk can't issue, others don't see it."""
        report = self._open()
        with self._at("2026-07-02 12:00:00"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                report.with_user(self.clerk).action_issue()
            report.with_user(self.customer_service).action_issue()
        message = report.message_ids.filtered(lambda m: "is issued" in m.body)
        self.assertIn(self.vp.partner_id, message.notified_partner_ids)
        for user in (self.clerk, self.vp, self.quality):
            self._assert_visible(report, user)
            self._assert_visible(report.line_ids, user)
        for user in (self.center_user, self.technician, self.office_manager):
            with self.assertRaises(AccessError), self.cr.savepoint():
                report.with_user(user).read(["name"])

    def test_printed(self):
        """M4: the printed report shows rate, interval and the period before."""
        self._calls(9, "5")
        self._calls(1, "1")
        report = self._open()
        report.conclusion = "Train the south"
        with freeze_time("2026-07-02 04:00:00"):
            report.with_user(self.customer_service).action_issue()
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("aftersales_service.report_callback_report", report.ids)[0]
            .decode()
        )
        for text in ("90.00", "59.58", "98.21", "Train the south", "Center North"):
            self.assertIn(text, html)
