from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .deadline_common import DeadlineCommon

MODEL = "odoo.addons.aftersales_service.models.aftersales_callback"
WIZARD = "odoo.addons.aftersales_service.wizard.aftersales_callback_campaign"


@tagged("post_install", "-at_install")
class TestCallbackCampaign(DeadlineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # what a database with demo data has is none of this test's business
        cls.env["aftersales.warranty.card"].search([])._write_protected({"state": "void"})
        cls.env["aftersales.callback"].search([])._write_protected({"state": "cancelled"})
        cls.company.resource_calendar_id = cls.calendar
        cls.callbacks = cls.env["aftersales.callback"]

    def _sell(self, *serials, day="2026-03-31", partner=None):
        """Return the cards of units sold and delivered on ``day``."""
        with freeze_time(f"{day} 02:00:00"):
            return self._deliver(*serials, partner=partner)

    def _plan(self, now, **kwargs):
        with self._at(now):
            return self.callbacks._plan_sale(self.company, **kwargs)

    def test_three_months(self):
        """M4: sold on 31 March, called from 30 June, as June has no 31st; not a day before."""
        card = self._sell("C-1")
        self.assertFalse(self._plan("2026-06-29 23:59:00"))
        callback = self._plan("2026-06-30 00:01:00")
        self.assertEqual(callback.card_id, card)
        self.assertEqual(callback.kind, "sale")
        self.assertEqual(callback.partner_id, self.customer)
        self.assertEqual(callback.region_id, self.region)
        self.assertFalse(callback.technician_id)
        # due until the end of the next working day, a Wednesday
        self.assertEqual(callback.date_planned, self._local("2026-07-01 23:59:59"))
        self.assertEqual(
            self._run(callback, "callback_sale").date_due, self._local("2026-07-01 23:59:59")
        )
        self.assertFalse(self._plan("2026-06-30 00:02:00"), "planned once")

    def test_february(self):
        """M4: sold on 30 November, called from 28 February; the months are the company's own."""
        self._sell("C-1", day="2026-11-30")
        self.assertFalse(self._plan("2027-02-27 12:00:00"))
        self.company.aftersales_callback_sale_months = 4
        self.assertFalse(self._plan("2027-03-29 12:00:00"))
        self.assertTrue(self._plan("2027-03-30 12:00:00"))

    def test_purchase_before_delivery(self):
        """M4: the sale is the purchase, where its day is known."""
        card = self._sell("C-1")
        card.date_purchase = "2026-01-15"
        self.assertTrue(self._plan("2026-04-15 12:00:00"))

    def test_customer_called_once(self):
        """M4: a customer with several machines is called once about all of them."""
        cards = self._sell("C-1", "C-2", "C-3")
        other = self._sell("C-4", partner=self.other_customer)
        late = self._sell("C-5", day="2026-05-31")
        callbacks = self._plan("2026-07-01 12:00:00")
        self.assertEqual(len(callbacks), 2)
        callback = callbacks.filtered(lambda c: c.partner_id == self.customer)
        self.assertEqual(callback.card_ids, cards)
        self.assertEqual((callbacks - callback).card_ids, other)
        # the machine bought later is asked about later
        self.assertEqual(self._plan("2026-08-31 12:00:00").card_ids, late)

    def test_excluded(self):
        """M4: void and closed cards, archived customers, and who was called before are left out."""
        void, closed, archived, called, cancelled, planned = (
            self._sell(f"C-{i}", partner=self.customer.copy()) for i in range(6)
        )
        void.action_void("Wrong")
        closed.with_user(self.customer_service).action_close("Given back")
        archived.partner_id.active = False
        make = self.callbacks.with_user(self.clerk).create
        self._answer_call(make({"kind": "sale", "card_id": called.id}))
        make({"kind": "sale", "card_id": cancelled.id}).with_user(
            self.customer_service
        ).action_cancel("Abroad")
        make({"kind": "sale", "card_id": planned.id})
        self.assertFalse(self._plan("2026-07-01 12:00:00"))
        # a call of another kind isn't the survey after the sale
        self.callbacks.create({"kind": "complaint", "card_id": self._sell("C-9").id})
        self.assertEqual(len(self._plan("2026-07-01 12:00:00")), 1)

    def test_spread(self):
        """M4, in stages: as many a day as the company can make, on working days, after the open."""
        self.company.aftersales_callback_daily = 2
        for i in range(5):
            self._sell(f"C-{i}", partner=self.customer.copy())
        # Thursday; the first call was planned before, so one more goes on Friday
        first = self._plan("2026-07-02 12:00:00", limit=1)
        rest = self._plan("2026-07-02 12:00:00")
        self.assertEqual(
            (first | rest).mapped("date_first"),
            [date(2026, 7, day) for day in (3, 3, 6, 6, 7)],
        )

    def test_follows_the_card(self):
        """M4, E4: a card that is transferred or given back is asked about no more."""
        cards = self._sell("C-1", "C-2", "C-3")
        callback = self._plan("2026-07-01 12:00:00")
        self.assertEqual(callback.card_id, cards[2])
        cards[2].with_user(self.customer_service).action_close("Given back")
        self.assertEqual(callback.card_ids, cards[:2])
        self.assertEqual(callback.card_id, cards[1])
        with self._at("2026-07-01 13:00:00"):
            cards[1].with_user(self.clerk).action_transfer(
                self.other_customer, "2026-07-01", "Sold on"
            )
        self.assertEqual(callback.card_ids, cards[0])
        self.assertEqual(callback.state, "planned")
        following = self._plan("2026-07-01 14:00:00")
        self.assertEqual(following.partner_id, self.other_customer)
        cards[0].action_void("Wrong")
        self.assertEqual(callback.state, "cancelled")
        self.assertEqual(self._run(callback, "callback_sale").state, "cancelled")

    def test_closed_call_stays(self):
        """M4: what was answered stays, whatever becomes of the card."""
        card = self._sell("C-1")
        callback = self._answer_call(self._plan("2026-07-01 12:00:00"))
        card.action_void("Wrong")
        self.assertEqual(callback.state, "done")
        self.assertEqual(callback.card_ids, card)

    def test_center_of_latest_service(self):
        """M4: the call counts for the center that served the unit last, for no technician."""
        card = self._sell("C-1")
        with self._at("2026-05-05 12:00:00"):
            self._new_done_record(self._new_request(card))
        callback = self._plan("2026-07-01 12:00:00")
        self.assertEqual(callback.center_id, self.center)
        self.assertFalse(callback.technician_id)

    def test_window(self):
        """M4: the clerk sees how many it concerns and plans them; nobody else."""
        self._sell("C-1", "C-2")
        self._sell("C-3", partner=self.other_customer)
        with self._at("2026-07-01 12:00:00"):
            campaign = self.env["aftersales.callback.campaign"].with_user(self.clerk).create({})
            self.assertEqual((campaign.card_count, campaign.partner_count), (3, 2))
            action = campaign.action_plan()
            self.assertEqual(self.callbacks.search_count(action["domain"]), 2)
            with self.assertRaisesRegex(UserError, "All customers"), self.cr.savepoint():
                campaign.action_plan()
        with self.assertRaises(AccessError), self.cr.savepoint():
            campaign.with_user(self.technician).create({})

    def test_cron(self):
        """M4: the daily job plans in batches, and the second run finds nothing."""
        self._sell("C-1")
        with (
            self._at("2026-07-01 12:00:00"),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60) as done,
        ):
            self.callbacks._cron_plan_sale()
            self.callbacks._cron_plan_sale()
        done.assert_called_once_with(1, remaining=0)
        self.assertEqual(self.callbacks.search_count([("partner_id", "=", self.customer.id)]), 1)

    def _sell_each(self, count):
        """Return the cards of ``count`` customers with one unit each."""
        partners = self.env["res.partner"].create([{"name": f"Customer {i}"} for i in range(count)])
        cards = self._sell(*[f"Q-{i:03}" for i in range(count)])
        for card, partner in zip(cards, partners, strict=True):
            card._write_protected({"partner_id": partner.id})
        return cards

    def test_large_window(self):
        """M4: the window plans a first batch at once, and has the daily job plan the others."""
        self._sell_each(5)
        cron = self.env.ref("aftersales_service.cron_callback_sale")
        triggers = self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)])
        with self._at("2026-07-01 12:00:00"), patch(f"{WIZARD}.CAMPAIGN_BATCH", 2):
            campaign = self.env["aftersales.callback.campaign"].with_user(self.clerk).create({})
            action = campaign.action_plan()
            self.assertIn("2 calls are planned", action["params"]["message"])
            self.assertIn("the other 3 customers", action["params"]["message"])
            planned = self.callbacks.search(action["params"]["next"]["domain"])
            self.assertEqual(len(planned), 2)
            self.assertEqual(
                self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)]), triggers + 1
            )
            # an administrator who switched the job off has all calls planned by the window
            cron.active = False
            action = campaign.action_plan()
            self.assertEqual(self.callbacks.search_count(action["domain"]), 3)

    def test_batches(self):
        """M4: batch after batch, the daily job plans each customer once, and says what is left."""
        cards = self._sell_each(5)
        done = []
        with (
            self._at("2026-07-01 12:00:00"),
            patch(f"{MODEL}.CAMPAIGN_BATCH", 2),
            patch.object(
                self.registry["ir.cron"],
                "_commit_progress",
                lambda _self, count, remaining: done.append((count, remaining)) or 60,
            ),
        ):
            self.callbacks._cron_plan_sale()
        self.assertEqual(done, [(2, 3), (2, 1), (1, 0)])
        calls = self.callbacks.search([("card_id", "in", cards.ids)])
        self.assertEqual(len(calls.partner_id), 5)

    def test_no_working_day(self):
        """M4: a company whose calendar has no working time is told so, instead of waiting."""
        self._sell("C-1")
        self.company.resource_calendar_id = self._new_calendar("Closed", (), ())
        with self.assertRaisesRegex(ValidationError, "Closed"), self.cr.savepoint():
            self._plan("2026-07-01 12:00:00")

    def test_queries(self):
        """Speed: twice the customers, and so twice the working days, take the same queries."""
        self.company.aftersales_callback_daily = 1
        self._sell_each(62)
        counts = []
        for size in (2, 20, 40):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertEqual(len(self._plan("2026-07-01 12:00:00", limit=size)), size)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[2], counts[1] + 2, counts)


@tagged("post_install", "-at_install")
class TestCallbackEscalation(DeadlineCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.callback = (
            cls.env["aftersales.callback"]
            .with_user(cls.clerk)
            .create({"kind": "sale", "card_id": cls.card.id})
        )

    def _told(self):
        activities = self.callback.sudo().activity_ids
        return activities.filtered(
            lambda a: (
                a.activity_type_id == self.env.ref("aftersales_service.mail_activity_type_callback")
            )
        ).user_id

    def test_very_dissatisfied(self):
        """M4: grade 1 tells customer service and the regional manager at once; grade 2 doesn't."""
        self._answer_call(self.callback, "1")
        self.assertTrue(self.callback.date_escalated)
        told = self._told()
        self.assertIn(self.customer_service, told)
        self.assertIn(self.office_manager, told)
        for user in (self.other_office_manager, self.technician, self.center_user, self.clerk):
            self.assertNotIn(user, told)
        message = self.callback.message_ids.filtered(lambda m: "very dissatisfied" in m.body)
        self.assertEqual(message.notified_partner_ids, told.partner_id)

    def test_dissatisfied(self):
        """M4: who is dissatisfied is a problem to pass on, but nobody is alarmed."""
        self._answer_call(self.callback, "2")
        self.assertFalse(self.callback.date_escalated)
        self.assertTrue(self.callback.has_problem)
        self.assertFalse(self._told())

    def test_quality_problem(self):
        """M4: a serious quality problem is reported while the call goes on, and only once."""
        self.callback.action_start()
        self.callback.is_quality_problem = True
        self.assertEqual(self.callback.state, "planned")
        first = self.callback.date_escalated
        self.assertTrue(first)
        activities = self.callback.sudo().activity_ids
        self.callback.answer_ids.filtered("is_overall").grade = "1"
        self.callback.action_no_answer()
        self.assertEqual(self.callback.date_escalated, first)
        self.assertEqual(self.callback.sudo().activity_ids, activities)

    def test_hung_up(self):
        """M4: who is furious and hangs up before the last question isn't lost."""
        self.callback.action_start()
        self.callback.answer_ids.filtered("is_overall").grade = "1"
        self.callback.action_refused()
        self.assertTrue(self.callback.date_escalated)

    def test_nobody_in_the_role(self):
        """M4: without customer service the marketing VP is told, then the administrators."""
        self.region.manager_id = False
        group = self.env.ref("aftersales_service.group_customer_service")
        (group.all_user_ids - self.env.user).active = False
        callback = self.callback.sudo()
        self.assertIn(self.vp, callback._get_escalation_users())
        self.assertNotIn(self.administrator, callback._get_escalation_users())
        self.env.ref("aftersales_service.group_vp").all_user_ids.active = False
        self.assertFalse(callback._get_escalation_users())
        self.administrator.active = True
        self.assertEqual(callback._get_escalation_users(), self.administrator)

    def test_pass_on(self):
        """M4: the clerk passes a call on; the department is told and the form is printed."""
        with self.assertRaisesRegex(UserError, "department"), self.cr.savepoint():
            self.callback.action_pass_on()
        department = self.env["aftersales.department"].create(
            {
                "name": "Sales",
                "code": "test_sales",
                "user_ids": [Command.set((self.office_manager | self.technician).ids)],
            }
        )
        self.callback.department_id = department
        with self.assertRaisesRegex(UserError, "nothing yet"), self.cr.savepoint():
            self.callback.action_pass_on()
        self._answer_call(self.callback, "2", remarks="The bucket is worn")
        self.callback.action_pass_on()
        self.assertTrue(self.callback.date_passed_on)
        message = self.callback.message_ids.filtered(lambda m: "Sales" in m.body)
        self.assertIn("The bucket is worn", message.body)
        # the technician may not see the call of a customer he wasn't sent to
        self.assertEqual(message.notified_partner_ids, self.office_manager.partner_id)
        html = self.env["ir.actions.report"]._render_qweb_html(
            "aftersales_service.report_callback", self.callback.ids
        )[0]
        for text in ("The bucket is worn", "Dissatisfied", self.callback.name, "Sales"):
            self.assertIn(text, html.decode())
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.callback.with_user(self.quality).action_pass_on()
