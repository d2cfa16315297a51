from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestSurvey(AftersalesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls._deliver("SV-1")
        cls.callback = (
            cls.env["aftersales.callback"]
            .with_user(cls.clerk)
            .create({"kind": "sale", "card_id": cls.card.id})
        )
        cls.survey = cls.env.ref("aftersales_service.survey_sale")

    def test_nine_questions(self):
        """M4: nine questions in the article's order; six by grade, as it asks “satisfied?”."""
        self.callback.action_start()
        answers = self.callback.answer_ids
        self.assertEqual(len(answers), 9)
        self.assertEqual(
            "".join({"grade": "g", "yes_no": "y"}[kind] for kind in answers.mapped("answer_kind")),
            "yyyggyggg",
        )
        self.assertEqual(answers.filtered("is_overall"), answers[8])
        self.assertIn("satisfied with our after-sales service", answers[8].name)

    def test_next_day_questions(self):
        """E8: attitude, skill, punctuality, matters served, and the whole."""
        names = self.env.ref("aftersales_service.survey_service").question_ids.mapped("name")
        for word, name in zip(
            ("attitude", "skill", "punctually", "matters", "On the whole"), names, strict=True
        ):
            self.assertIn(word, name)

    def test_speaks_the_language(self):
        """M4: the caller reads the possible answers in the own language."""
        chinese = self.env(context={"lang": "zh_CN"})
        labels = {
            name: dict(self.env[model]._fields[name]._description_selection(chinese))
            for model, name in (
                ("aftersales.callback", "satisfaction"),
                ("aftersales.callback.answer", "grade"),
            )
        }
        self.assertEqual(labels["grade"], labels["satisfaction"])
        self.assertEqual(labels["grade"]["5"], "非常满意")

    def test_frozen(self):
        """M4: answers stay with the question as it was asked, whatever becomes of the survey."""
        self.callback.action_start()
        question = self.survey.question_ids[0]
        name = question.name
        question.with_user(self.administrator).name = "Different"
        self.survey.with_user(self.administrator).question_ids = [
            Command.delete(self.survey.question_ids[1].id)
        ]
        self.assertEqual(self.callback.answer_ids[0].name, name)
        self.assertEqual(len(self.callback.answer_ids), 9)
        self.callback.action_start()
        self.assertEqual(len(self.callback.answer_ids), 9, "asked once")

    def test_problem(self):
        """M4: dissatisfied, or not as it should be, is a problem to be passed on."""
        self.callback.action_start()
        answers = self.callback.answer_ids
        for index, vals, problem in (
            (3, {"grade": "3"}, False),
            (3, {"grade": "2"}, True),
            (3, {"grade": "2", "is_skipped": True}, False),
            (0, {"yes_no": "yes"}, False),
            (0, {"yes_no": "no"}, True),
            (0, {"yes_no": "yes"}, False),
            # the sixth asks whether there is a fault: there, yes is the problem
            (5, {"yes_no": "no"}, False),
            (5, {"yes_no": "yes"}, True),
        ):
            with self.subTest(index=index, vals=vals):
                answers[index].write(vals)
                self.assertEqual(answers[index].is_problem, problem)
                self.assertEqual(self.callback.has_problem, problem)

    def test_answers_guarded(self):
        """Anchors, no gaming: nobody writes questions, other calls' or closed calls' answers."""
        self.callback.action_start()
        answer = self.callback.answer_ids[8]
        for vals in (
            {"name": "Different"},
            {"is_overall": False},
            {"callback_id": self.callback.sudo().copy({"kind": "complaint"}).id},
            {"is_problem": True},
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                answer.write(vals)
        with self.assertRaises(AccessError), self.cr.savepoint():
            answer.create({"callback_id": self.callback.id, "name": "?", "answer_kind": "text"})
        with self.assertRaises(AccessError), self.cr.savepoint():
            answer.unlink()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.callback.satisfaction = "5"
        for user in (self.office_manager, self.quality, self.technician, self.center_user):
            with self.assertRaises(AccessError), self.cr.savepoint():
                answer.with_user(user).write({"grade": "5"})
        self._answer_call(self.callback, "4")
        with self.assertRaisesRegex(UserError, "closed"), self.cr.savepoint():
            answer.grade = "5"
        with self.assertRaisesRegex(UserError, "closed"), self.cr.savepoint():
            self.callback.answer_ids = [Command.update(answer.id, {"grade": "5"})]
        self.assertEqual(self.callback.satisfaction, "4")

    def test_survey_needs_overall(self):
        """M3.5: a survey has exactly one question that the satisfaction rate goes by."""
        overall = self.survey.question_ids.filtered("is_overall")
        for commands in (
            [Command.delete(overall.id)],
            [Command.update(overall.id, {"is_overall": False})],
            [Command.update(self.survey.question_ids[3].id, {"is_overall": True})],
            [Command.update(overall.id, {"answer_kind": "text"})],
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self.survey.question_ids = commands
        self.survey.question_ids = [
            Command.update(overall.id, {"is_overall": False}),
            Command.update(self.survey.question_ids[3].id, {"is_overall": True}),
        ]
        overall.is_overall = True
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.callback.action_start()

    def test_own_survey_first(self):
        """M4: a company's own survey comes before the shared one; without any, say so."""
        own = self.survey.copy({"company_id": self.company.id, "name": "Ours"})
        self.assertEqual(self.survey._get_survey("sale", self.company), own)
        (own | self.survey).active = False
        with self.assertRaisesRegex(UserError, "no survey"), self.cr.savepoint():
            self.callback.action_start()

    def test_survey_kept(self):
        """M4: a survey that customers answered can't be deleted; only administrators write it."""
        self.callback.action_start()
        with self.assertRaisesRegex(UserError, "Archive"), self.cr.savepoint():
            self.survey.unlink()
        for user in (self.clerk, self.customer_service):
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.survey.with_user(user).name = "Different"

    # --- corrections -----------------------------------------------------------------------

    def test_correction(self):
        """Anchors, no gaming: a closed call is corrected by a new entry, with a reason."""
        callback = self._answer_call(self.callback, "2")
        with self.assertRaises(AccessError), self.cr.savepoint():
            callback.action_correct("Typing error")
        callback = callback.with_user(self.customer_service)
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            callback.action_correct("")
        action = callback.action_correct("Typing error")
        correction = callback.browse(action["res_id"])
        self.assertEqual(correction.answer_ids.mapped("grade"), callback.answer_ids.mapped("grade"))
        self.assertEqual(correction.date_first, callback.date_first)
        self.assertFalse(correction.deadline_ids)
        self.assertEqual((callback.is_counted, correction.is_counted), (True, False))
        with self.assertRaisesRegex(UserError, "already"), self.cr.savepoint():
            callback.action_correct("Again")
        with self.assertRaises(AccessError), self.cr.savepoint():
            correction.with_user(self.clerk).action_refused()
        self._answer_call(correction, "4", user=self.customer_service)
        self.assertEqual((callback.is_counted, correction.is_counted), (False, True))
        self.assertEqual((callback.satisfaction, correction.satisfaction), ("2", "4"))
        with self.assertRaisesRegex(UserError, "counts"), self.cr.savepoint():
            callback.action_correct("Again")
        with self.assertRaises(AccessError), self.cr.savepoint():
            callback.is_counted = True
        self.assertEqual(len(callback.search([("card_id", "=", self.card.id)])), 2)

    def test_own_call_is_not_corrected(self):
        """M3.5, anchors: nobody corrects what he entered himself, and nobody for himself."""
        colleague = self._new_user("customer_service", login="test_second_cs")
        callback = self._answer_call(self.callback, "2", user=self.customer_service)
        with self.assertRaisesRegex(UserError, "colleague"), self.cr.savepoint():
            callback.action_correct("I misheard")
        callback = callback.with_user(colleague)
        correction = callback.browse(callback.action_correct("Misheard")["res_id"])
        with self.assertRaisesRegex(UserError, "colleague"), self.cr.savepoint():
            self._answer_call(correction, "5", user=self.customer_service)
        with self.assertRaisesRegex(UserError, "colleague"), self.cr.savepoint():
            correction.answer_ids[0].with_user(self.customer_service).grade = "5"
        self._answer_call(correction, "4", user=colleague)
        # neither the caller nor who corrected him
        for user in (self.customer_service, colleague):
            with self.assertRaisesRegex(UserError, "colleague"), self.cr.savepoint():
                correction.with_user(user).action_correct("Again")
        third = self._new_user("customer_service", login="test_third_cs")
        self.assertTrue(correction.with_user(third).action_correct("Again"))

    def test_cancelled_correction(self):
        """Anchors, no gaming: a correction that is given up leaves the call as it was."""
        callback = self._answer_call(self.callback, "2").with_user(self.customer_service)
        correction = callback.browse(callback.action_correct("Typing error")["res_id"])
        correction.action_cancel("It was right")
        self.assertEqual((callback.is_counted, correction.is_counted), (True, False))
