from datetime import date

from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesCommon

NOVEMBER = date(2026, 11, 1)


@tagged("post_install", "-at_install")
class TestScorecard(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.technician.partner_id.parent_id = cls.center
        cls.template = cls._new_template(
            [
                {"name": "Attitude", "weight": 40, "kind": "entered", "scale": 10},
                {
                    "name": "Arrival",
                    "weight": 60,
                    "kind": "measured",
                    "measure": "arrival",
                    "target": 100,
                    "worst": 50,
                },
            ]
        )

    @classmethod
    def _new_template(cls, criteria, **vals):
        return cls.env["aftersales.scorecard.template"].create(
            {
                "name": "Test",
                "kind": "technician",
                "company_id": False,
                "criterion_ids": [
                    Command.create({"sequence": 10 * number, **criterion})
                    for number, criterion in enumerate(criteria)
                ],
                **vals,
            }
        )

    def _new_scorecard(self, user=None, template=None, **vals):
        template = template or self.template
        return (
            self.env["aftersales.scorecard"]
            .with_user(user or self.customer_service)
            .create(
                {
                    "template_id": template.id,
                    "technician_id": self.technician.id,
                    "date_from": NOVEMBER,
                    **vals,
                }
            )
        )

    def _line(self, scorecard, name):
        return scorecard.line_ids.filtered(lambda line: line.criterion_id.name == name)

    def _visit(self, day, hours, center=None, technician=None):
        """Let a technician arrive ``hours`` after the request was assigned; 6 are promised."""
        with freeze_time(f"{day} 01:00:00"):
            request = self._new_request(
                self._deliver(f"SC-{day}-{hours}"),
                distance=150,
                center_id=(center or self.center).id,
                technician_id=(technician or self.technician).id,
            )
            request.action_assign()
        with freeze_time(f"{day} {1 + hours:02}:00:00"):
            record = self._new_record(request)
            record.sudo().arrival = fields.Datetime.now()
        return request

    # --- figures ---------------------------------------------------------------------------

    def test_arrival(self):
        """E5, M3.1: two of three arrivals in time is 66.7 %, which earns a third of the score.

        By hand: (66.667 − 50) / (100 − 50) = 33.33 of 100. The visit of another month, and that
        of another technician, don't count; nor does what isn't over yet.
        """
        visits = [self._visit("2026-11-02", 5), self._visit("2026-11-03", 6)]
        visits.append(self._visit("2026-11-04", 7))
        self._visit("2026-10-30", 7)
        self._visit("2026-11-05", 7, technician=self.other_technician)
        with freeze_time("2026-12-02"):
            scorecard = self._new_scorecard()
        line = self._line(scorecard, "Arrival")
        self.assertEqual((line.numerator, line.denominator), (2, 3))
        self.assertAlmostEqual(line.value, 200 / 3)
        self.assertAlmostEqual(line.score, 100 / 3)
        action = line.action_view_all()
        self.assertCountEqual(action["domain"][0][2], [r.id for r in visits])
        action = line.action_view_counted()
        self.assertCountEqual(action["domain"][0][2], [r.id for r in visits[:2]])

    def test_period_is_local(self):
        """E5: the month begins and ends by the company's clock, eight hours before UTC's."""
        # the promise falls due on 31 October 23:30 and on 1 November 00:30 in Shanghai
        for moment in ("2026-10-31 09:30:00", "2026-10-31 10:30:00"):
            with freeze_time(moment):
                request = self._new_request(self._deliver(f"SC-{moment}"), distance=150)
                request.action_assign()
                record = self._new_record(request)
                record.sudo().arrival = fields.Datetime.now()
        line = self._line(self._new_scorecard(), "Arrival")
        self.assertEqual((line.numerator, line.denominator), (1, 1))

    def test_complaints_per_visit(self):
        """E5: founded complaints per 100 valid visits; unfounded ones don't count, serious twice.

        By hand: 1 founded of 2 visits is 50 per 100; none is the target, 100 earns nothing, so
        the score is 50. The founded one is serious: 50 per 100 again.
        """
        template = self._new_template(
            [
                {
                    "name": name,
                    "weight": 50,
                    "kind": "measured",
                    "measure": name,
                    "target": 0,
                    "worst": 100,
                }
                for name in ("complaint", "incident")
            ],
            kind="center",
        )
        self._new_done_record()
        self._new_done_record()
        complaints = self.env["aftersales.complaint"].sudo()
        for verdict, severity in (("founded", "serious"), ("unfounded", "light")):
            complaint = complaints.create(
                {
                    "partner_id": self.customer.id,
                    "description": "Rude",
                    "severity": severity,
                    "responsible_center_id": self.center.id,
                }
            )
            complaint.verdict = verdict
        today = self.company._aftersales_local(fields.Datetime.now()).date()
        scorecard = self._new_scorecard(
            template=template,
            technician_id=False,
            center_id=self.center.id,
            date_from=today.replace(day=1),
        )
        for name in ("complaint", "incident"):
            line = self._line(scorecard, name)
            self.assertEqual((line.numerator, line.denominator), (1, 2))
            self.assertEqual(line.value, 50)
            self.assertEqual(line.score, 50)
            self.assertEqual(line.criterion_id.better, "lower")

    def test_repeat(self):
        """E5, E4: a fault that came back counts for who repaired first: 1 of his 2 visits.

        The rating when signing: one of one rated visit was good.
        """
        template = self._new_template(
            [
                {
                    "name": measure,
                    "weight": 50,
                    "kind": "measured",
                    "measure": measure,
                    "target": target,
                    "worst": 100 - target,
                }
                for measure, target in (("repeat", 0), ("rating", 100))
            ]
        )
        first = self._new_done_record()
        self._new_done_record()
        again = self._new_record(self._new_request(first.card_id))
        again.write(self._complete_vals(again.request_id, hour_meter=360))
        self._sign(again).action_done()
        self.env.flush_all()
        # whether it repeats the fault is the record's affair
        self.cr.execute(
            "UPDATE aftersales_service_record SET is_repeat = (id = %s),"
            " technician_id = CASE WHEN id = %s THEN %s ELSE technician_id END,"
            " repeat_of_id = CASE WHEN id = %s THEN %s END,"
            " signoff_rating = CASE WHEN id = %s THEN 4 ELSE 0 END",
            [
                *(again.id, again.id, self.other_technician.id),
                *(again.id, first.id, first.id),
            ],
        )
        self.env.invalidate_all()
        today = self.company._aftersales_local(fields.Datetime.now()).date()
        scorecard = self._new_scorecard(template=template, date_from=today.replace(day=1))
        line = self._line(scorecard, "repeat")
        self.assertEqual((line.numerator, line.denominator, line.score), (1, 2, 50))
        self.assertEqual(line.action_view_counted()["domain"][0][2], first.ids)
        line = self._line(scorecard, "rating")
        self.assertEqual((line.numerator, line.denominator, line.score), (1, 1, 100))

    def test_satisfaction(self):
        """E5, M3.5: who wasn't reached or called counts below the line: 1 of 4 calls is 25 %."""
        template = self._new_template(
            [
                {
                    "name": "Rating",
                    "weight": 100,
                    "kind": "measured",
                    "measure": "satisfaction",
                    "target": 100,
                    "worst": 0,
                }
            ]
        )
        for state, outcome, satisfaction in (
            ("done", "reached", "5"),
            ("done", "no_answer", False),
            ("done", "reached", "3"),
            ("planned", False, False),
            ("cancelled", False, False),
        ):
            callback = self.env["aftersales.callback"].create(
                {
                    "kind": "complaint",
                    "partner_id": self.customer.id,
                    "technician_id": self.technician.id,
                    "date_planned": "2026-11-10 02:00:00",
                    "date_first": "2026-11-10",
                }
            )
            # before the grade is written, which follows from answers that are spared here
            callback.flush_recordset()
            callback._write_protected(
                {"state": state, "outcome": outcome, "satisfaction": satisfaction}
            )
        with freeze_time("2026-12-01 02:00:00"):
            line = self._new_scorecard(template=template).line_ids
        self.assertEqual((line.numerator, line.denominator, line.value), (1, 4, 25))

    # --- result ----------------------------------------------------------------------------

    def test_no_data_is_not_rated(self):
        """E5: without data a criterion is neither 0 nor 100; its weight goes to the others.

        By hand: arrival (60 %) has no data, attitude gets 8 of 10: 80 on 40 % of the weight.
        """
        scorecard = self._new_scorecard()
        self.assertFalse(scorecard.is_rated)
        self.assertFalse(scorecard.grade_id)
        attitude = self._line(scorecard, "Attitude")
        attitude.write({"points": 8, "source": "spot_check"})
        self.assertTrue(scorecard.is_rated)
        self.assertEqual(scorecard.result, 80)
        self.assertEqual(scorecard.rated_weight, 40)
        self.assertEqual(scorecard.unrated, "Arrival")
        self.assertEqual(attitude.effective_weight, 100)
        self.assertEqual(self._line(scorecard, "Arrival").effective_weight, 0)
        self.assertEqual(scorecard.grade_id.score_from, 80)
        # a result of nothing isn't nought: the other's average stands alone
        other = self._new_scorecard(technician_id=self.other_technician.id)
        groups = self.env["aftersales.scorecard"]._read_group(
            [("id", "in", (scorecard | other).ids)], [], ["result:avg"]
        )
        self.assertEqual(groups, [(80,)])

    def test_weighted(self):
        """E5: 10 of 10 points at 40 % and a third of the score at 60 % make 60.

        By hand: 100 × 0.4 + 33.33 × 0.6 = 60.
        """
        for day, hours in (("2026-11-02", 5), ("2026-11-03", 6), ("2026-11-04", 7)):
            self._visit(day, hours)
        scorecard = self._new_scorecard()
        self._line(scorecard, "Attitude").write({"points": 10, "source": "survey"})
        self.assertAlmostEqual(scorecard.result, 60)
        self.assertEqual(scorecard.rated_weight, 100)
        self.assertFalse(scorecard.unrated)

    def test_consequence(self):
        """E5: the grade proposes reward or penalty; what was worded for the case stays."""
        scorecard = self._new_scorecard()
        line = self._line(scorecard, "Attitude")
        line.write({"points": 9.5, "source": "survey"})
        self.assertEqual(scorecard.consequence, scorecard.grade_id.consequence)
        line.points = 1
        self.assertEqual(scorecard.grade_id.score_from, 0)
        self.assertEqual(scorecard.consequence, scorecard.grade_id.consequence)
        scorecard.consequence = "A talk"
        line.points = 9.5
        self.assertEqual(scorecard.consequence, "A talk")

    def test_template(self):
        """E5: weights make 100 %; a template in use stays, so that periods can be compared."""
        criteria = self.template.criterion_ids
        for action in (
            lambda: self._new_template([{"name": "Half", "weight": 50}]),
            lambda: criteria[0].write({"weight": 39.9}),
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                action()
        with (
            self.assertRaises(CheckViolation),
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self._new_template(
                [{"name": "x", "weight": 100, "kind": "measured", "measure": "arrival"}]
            )
            self.env.flush_all()
        # one by one they may add up to anything, but such a template is of no use
        empty = self.env["aftersales.scorecard.template"].create({"name": "Empty"})
        criteria.create({"template_id": empty.id, "name": "Half", "weight": 50})
        with self.assertRaisesRegex(ValidationError, "50"), self.cr.savepoint():
            self._new_scorecard(template=empty)
        self._new_scorecard()
        self.env.invalidate_all()
        for action in (
            lambda: criteria[0].write({"scale": 5}),
            lambda: criteria[0].unlink(),
            lambda: self.template.write({"kind": "center"}),
            lambda: self.template.unlink(),
            lambda: self.template.write(
                {"criterion_ids": [Command.update(criteria[0].id, {"weight": 30})]}
            ),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                action()
        self.template.copy().criterion_ids[0].scale = 5
        self.template.active = False

    def test_shipped(self):
        """E5: attitude, skill, speed, customer rating, error rate, incidents and compliance."""
        for kind in ("technician", "center", "department"):
            template = self.env.ref(f"aftersales_service.scorecard_template_{kind}")
            self.assertGreaterEqual(len(template.criterion_ids), 7)
            self.assertEqual(sum(template.criterion_ids.mapped("weight")), 100)
            self.assertFalse(template.criterion_ids.filtered(lambda c: not c.regulation_id))

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_invariants(self, data):
        """E5: the result lies between least and highest score, weights make 100, order is none."""
        count = data.draw(st.integers(1, 7))
        ratings = [
            (
                data.draw(st.floats(0.1, 100)),
                data.draw(st.booleans()),
                data.draw(st.floats(0, 10)),
            )
            for _i in range(count)
        ]

        def build(ratings):
            lines = [
                Command.create(
                    {
                        "criterion_id": self.template.criterion_ids[0].id,
                        "weight": weight,
                        "points": points,
                        "source": is_rated and "survey",
                    }
                )
                for weight, is_rated, points in ratings
            ]
            return self.env["aftersales.scorecard"].new(
                {"template_id": self.template.id, "line_ids": lines}
            )

        scorecard = build(ratings)
        rated = scorecard.line_ids.filtered("is_rated")
        self.assertEqual(scorecard.is_rated, bool(rated))
        if rated:
            scores = rated.mapped("score")
            self.assertGreaterEqual(scorecard.result, min(scores) - 1e-9)
            self.assertLessEqual(scorecard.result, max(scores) + 1e-9)
            self.assertAlmostEqual(sum(scorecard.line_ids.mapped("effective_weight")), 100)
        self.assertAlmostEqual(build(ratings[::-1]).result, scorecard.result)

    # --- who -------------------------------------------------------------------------------

    def test_measured_figures_are_nobodys(self):
        """E5: no role writes a measured figure, a weight or a result, or adds and drops lines."""
        scorecard = self._new_scorecard()
        line = self._line(scorecard, "Arrival")
        for user in (self.customer_service, self.office_manager, self.vp, self.administrator):
            own = line.with_user(user)
            with self.subTest(user.login):
                for vals in (
                    {"numerator": 5},
                    {"denominator": 5},
                    {"score": 100},
                    {"weight": 90},
                    {"points": 5, "source": "survey"},
                    {"is_rated": True},
                ):
                    with self.assertRaises(AccessError):
                        own.write(vals)
                for vals in (
                    {"result": 100},
                    {"state": "approved"},
                    {"approval_state": "approved"},
                    {"line_ids": [Command.update(line.id, {"numerator": 9})]},
                    {"line_ids": [Command.delete(line.id)]},
                    {"line_ids": [Command.create({"criterion_id": line.criterion_id.id})]},
                ):
                    with self.assertRaises(AccessError), self.cr.savepoint():
                        scorecard.with_user(user).write(vals)
                with self.assertRaises(AccessError):
                    own.unlink()
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self._line(scorecard, "Attitude").points = 10.5

    def test_way_to_final(self):
        """E5: given by the department, decided by the leadership, then nothing changes."""
        scorecard = self._new_scorecard(self.office_manager)
        line = self._line(scorecard, "Attitude")
        with self.assertRaisesRegex(UserError, "Attitude"), freeze_time("2026-12-01 02:00:00"):
            scorecard.action_submit()
        line.write({"points": 7, "source": "feedback"})
        with self.assertRaisesRegex(UserError, "lasts until"), freeze_time("2026-11-30 02:00:00"):
            scorecard.action_submit()
        with freeze_time("2026-12-01 02:00:00"):
            scorecard.action_submit()
        with self.assertRaises(UserError):
            line.points = 9
        for user in (self.office_manager, self.customer_service, self.technician):
            with self.subTest(user.login), self.assertRaises(AccessError):
                scorecard.with_user(user).action_approve()
        scorecard.with_user(self.vp).action_approve()
        self.assertEqual(scorecard.state, "approved")
        for action in (
            lambda: line.write({"points": 9}),
            lambda: line.write({"note": "x"}),
            lambda: scorecard.write({"consequence": "x"}),
            lambda: scorecard.action_measure(),
            lambda: scorecard.action_cancel("x"),
            lambda: scorecard.sudo().write({"note": "x"}),
            lambda: line.sudo().write({"numerator": 9}),
            lambda: scorecard.with_user(self.administrator).unlink(),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                action()

    def test_frozen(self):
        """E5: a final scorecard keeps its figures, whatever happens to the records later."""
        self._visit("2026-11-02", 5)
        scorecard = self._new_scorecard()
        self._line(scorecard, "Attitude").write({"points": 7, "source": "feedback"})
        with freeze_time("2026-12-01 02:00:00"):
            scorecard.action_submit()
            scorecard.with_user(self.vp).action_approve()
        self._visit("2026-11-04", 7)
        self.assertEqual(self._line(scorecard, "Arrival").denominator, 1)

    def test_nobody_appraises_himself(self):
        """E5: neither points nor approval for oneself."""
        self.technician.group_ids += self.env.ref("aftersales_service.group_customer_service")
        self.technician.group_ids += self.env.ref("aftersales_service.group_vp")
        scorecard = self._new_scorecard()
        line = self._line(scorecard, "Attitude")
        with self.assertRaisesRegex(AccessError, "himself"):
            line.with_user(self.technician).write({"points": 10, "source": "survey"})
        line.write({"points": 9, "source": "survey"})
        with freeze_time("2026-12-01 02:00:00"):
            with self.assertRaisesRegex(UserError, "himself"):
                scorecard.with_user(self.technician).action_submit()
            scorecard.action_submit()
        with self.assertRaisesRegex(AccessError, "himself"):
            scorecard.with_user(self.technician).action_approve()
        # nor who gave the points
        self.customer_service.group_ids += self.env.ref("aftersales_service.group_vp")
        with self.assertRaises(AccessError):
            scorecard.action_approve()

    def test_roles(self):
        """E5, mistake 6: own final one; center its own; region; customer service and VP all."""
        scorecard = self._new_scorecard()
        center = self._new_scorecard(
            template=self._new_template(
                [{"name": "Attitude", "weight": 100}], kind="center", name="Center"
            ),
            technician_id=False,
            center_id=self.center.id,
        )
        both = scorecard | center
        for document in (both, both.line_ids):
            for user in (self.customer_service, self.vp, self.office_manager):
                self._assert_visible(document, user)
            for user in (
                self.technician,
                self.other_technician,
                self.center_user,
                self.other_center_user,
                self.other_office_manager,
                self.clerk,
                self.quality,
            ):
                self._assert_hidden(document, user)
        for own in both:
            self._line(own, "Attitude").write({"points": 9, "source": "survey"})
        with freeze_time("2026-12-01 02:00:00"):
            both.action_submit()
            both.with_user(self.vp).action_approve()
        self._assert_visible(scorecard, self.technician)
        self._assert_visible(scorecard.line_ids, self.technician)
        self._assert_visible(center, self.center_user)
        self._assert_hidden(center, self.technician)
        self._assert_hidden(scorecard, self.center_user)
        for user in (self.other_technician, self.other_center_user, self.other_office_manager):
            self._assert_hidden(both, user)
        for user in (self.technician, self.center_user, self.clerk):
            with self.assertRaises(AccessError):
                self._new_scorecard(user, technician_id=self.other_technician.id)
        with self.assertRaises(AccessError):
            self._new_scorecard(self.other_office_manager, date_from=date(2026, 10, 1))

    # --- a period at once ------------------------------------------------------------------

    def test_generate(self):
        """E5: everybody of the own region gets one, nobody two."""
        model = self.env["aftersales.scorecard"].with_user(self.office_manager)
        made = model._generate(self.template, NOVEMBER, self.company)
        self.assertEqual(made.technician_id, self.technician)
        self.assertEqual(made.region_id, self.region)
        self.assertFalse(model._generate(self.template, NOVEMBER, self.company))
        central = self.env["aftersales.scorecard"].with_user(self.customer_service)
        rest = central._generate(self.template, NOVEMBER, self.company)
        self.assertIn(self.other_technician, rest.technician_id)
        self.assertNotIn(self.technician, rest.technician_id)
        wizard = (
            self.env["aftersales.scorecard.generate"]
            .with_user(self.customer_service)
            .create({"template_id": self.template.id, "date": "2026-11-17"})
        )
        self.assertEqual(wizard.date_from, NOVEMBER)
        action = wizard.action_confirm()
        self.assertEqual(model.search_count(action["domain"]), 1, "of the own region")

    def test_generate_queries(self):
        """E5: fifty scorecards cost as many queries as five, but for rows that are written."""
        users = self.env["res.users"].create(
            [{"name": f"T{n}", "login": f"test_t{n}"} for n in range(110)]
        )
        template = self.env.ref("aftersales_service.scorecard_template_technician")
        model = self.env["aftersales.scorecard"].with_user(self.customer_service)

        def count(subjects, day):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            model._generate(template, day, self.company, subjects)
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(users[:5], date(2026, 1, 1))
        few = count(users[5:10], date(2026, 2, 1))
        many = count(users[10:60], date(2026, 2, 1))
        # rows are inserted by the hundred
        self.assertLess(many - few, 15)

    def test_print(self):
        """E5: the print names figures, what isn't rated, and that a draft isn't valid."""
        scorecard = self._new_scorecard()
        self._line(scorecard, "Attitude").write({"points": 8, "source": "survey"})
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("aftersales_service.report_scorecard_document", scorecard.ids)[0]
            .decode()
        )
        for text in ("8 / 10", "80.0", "Arrival", "Not rated", "Not final", "Survey"):
            self.assertIn(text, html)
