from datetime import datetime
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import mute_logger

from .deadline_common import NINE, DeadlineCommon


@tagged("post_install", "-at_install")
class TestDeadlineEscalation(DeadlineCommon):
    """Who is told before a promise is missed, and who afterwards (L1.5, M8.9)."""

    def _told(self, run):
        """Return the users with an activity because of ``run``."""
        return self._activities(run).user_id

    def _activities(self, run):
        return self.env["mail.activity"].search([("aftersales_deadline_id", "in", run.ids)])

    def _sweep_at(self, text):
        with self._at(text):
            return self._sweep()

    # --- warning ---------------------------------------------------------------------------

    def test_warned_once(self):
        """M8.9: four hours before, the technician is told, once, on the request."""
        rule = self._rule("running_again")
        self._only(rule)
        with freeze_time(NINE):
            request = self._assigned()
        run = self._run(request, rule)
        self._sweep_at("2026-07-02 04:59:59")
        self.assertFalse(self._activities(run))
        self._sweep_at("2026-07-02 05:00")
        activity = self._activities(run)
        self.assertEqual(activity.user_id, self.technician)
        self.assertEqual((activity.res_model, activity.res_id), (request._name, request.id))
        self.assertEqual(str(activity.date_deadline), "2026-07-02")
        self.assertIn("Machine running again", activity.summary)
        self.assertIn("9:00", activity.summary)
        self.assertEqual(run.date_warned, self._local("2026-07-02 05:00"))
        notes = request.message_ids
        self.assertIn("test_technician", notes[0].body)
        self._sweep_at("2026-07-02 05:05")
        self.assertEqual(self._activities(run), activity)
        self.assertEqual(request.message_ids, notes)

    def test_warned_again_when_rescheduled(self):
        """M8.9, H6: a new promise gets a warning of its own, before its own due moment."""
        rule = self._rule("running_again")
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        with self._at("2026-07-02 05:00"):
            self._sweep()
            run.with_user(self.customer_service).action_reschedule(
                self._local("2026-07-03 09:00"), "Part on its way"
            )
            self.assertFalse(self._activities(run))
        self._sweep_at("2026-07-03 04:00")
        self.assertFalse(self._activities(run))
        self._sweep_at("2026-07-03 05:00")
        self.assertEqual(self._told(run), self.technician)

    def _warned(self, **vals):
        """Return who is warned on a request of the center, by a rule with ``vals``."""
        rule = self._new_rule("hours", 10, start="assigned", warning_hours=2, **vals)
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        self._sweep_at("2026-07-01 17:30")
        self.assertTrue(run.date_warned)
        return self._told(run)

    def test_who_is_warned(self):
        """M8.9: technician, center, regional manager or a role, as the rule says."""
        self.assertEqual(self._warned(warning_to="assignee"), self.technician)
        self.assertEqual(self._warned(warning_to="responsible"), self.center_user)
        self.assertEqual(self._warned(warning_to="manager"), self.office_manager)
        group = self.env.ref("aftersales_service.group_quality")
        self.assertIn(self.quality, self._warned(warning_to="group", warning_group_id=group.id))

    def test_only_who_may_see(self):
        """Mistake 6: of a role, only who may read the document is told; an idle user isn't."""
        group = self.env.ref("aftersales_service.group_center")
        idle = self._new_user("center", login="test_center_idle")
        idle.partner_id.parent_id = self.center
        idle.active = False
        told = self._warned(warning_to="group", warning_group_id=group.id)
        self.assertEqual(told, self.center_user)

    def test_nobody_assigned(self):
        """M8.9: without a technician the center's users are told instead."""
        rule = self._rule("running_again")
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(technician_id=False), rule)
        self._sweep_at("2026-07-02 06:00")
        self.assertEqual(self._told(run), self.center_user)

    def test_in_their_language(self):
        """H4: everybody is told in the own language."""
        self.env["res.lang"]._activate_lang("zh_CN")
        rule = self._rule("running_again")
        rule.with_context(lang="zh_CN").name = "24小时内恢复工作"
        self._only(rule)
        self.technician.lang = "zh_CN"
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        self._sweep_at("2026-07-02 06:00")
        self.assertIn("24小时内恢复工作", self._activities(run).summary)

    def test_another_company(self):
        """Mistake 6: a user of another company isn't told, whatever his role."""
        company = self.env["res.company"].create({"name": "Another company"})
        stranger = self._new_user(
            "customer_service",
            login="test_stranger",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        group = self.env.ref("aftersales_service.group_customer_service")
        told = self._warned(warning_to="group", warning_group_id=group.id)
        self.assertIn(self.customer_service, told)
        self.assertNotIn(stranger, told)

    # --- escalation ------------------------------------------------------------------------

    def _set_up_store(self):
        """Put a store between center and office; return its user, who sees all."""
        store = self.env["res.partner"].create(
            {
                "name": "Store",
                "is_company": True,
                "aftersales_level": "store",
                "aftersales_parent_id": self.office.id,
            }
        )
        self.center.aftersales_parent_id = store
        user = self._new_user("quality", login="test_store")
        user.partner_id.parent_id = store
        return user

    def test_chain(self):
        """L1.5: store at once, then every 24 h the office and customer service, and no more.

        The office is told through the manager of its region.
        """
        store_user = self._set_up_store()
        rule = self._new_rule("hours", 24, start="assigned", escalation_hours=24)
        self._only(rule)
        with freeze_time(NINE):
            request = self._assigned()
        run = self._run(request, rule)
        told = self.env["res.users"]
        for at, level, new in (
            ("2026-07-02 09:00:01", 1, store_user),
            ("2026-07-03 09:00:01", 2, self.office_manager),
        ):
            with self.subTest(level=level):
                self._sweep_at(at)
                told |= new
                self.assertEqual(self._told(run), told)
                self.assertEqual((run.state, run.escalation_level), ("missed", level))
                self.assertEqual(run.date_escalated, self._local(at))
                # idempotent: nobody is told twice
                self._sweep_at(at)
                self.assertEqual(len(self._activities(run)), level)
        self.assertEqual(run.escalation_partner_id, self.office)
        self._sweep_at("2026-07-04 09:00:01")
        self.assertIn(self.customer_service, self._told(run))
        self.assertEqual((run.escalation_level, run.date_escalation), (3, False))
        count = len(self._activities(run))
        self._sweep_at("2026-08-05 09:00:01")
        self.assertEqual(len(self._activities(run)), count)
        self.assertIn("Missed: 24 hours", self._activities(run)[0].summary)
        self.assertIn("Center North", self._activities(run)[0].summary)

    def test_only_one_level(self):
        """L1.5: without an interval only the next level is told."""
        store_user = self._set_up_store()
        rule = self._new_rule("hours", 24, start="assigned", escalation_hours=0)
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        self._sweep_at("2026-07-03 09:00")
        self._sweep_at("2026-07-13 09:00")
        self.assertEqual(self._told(run), store_user)
        self.assertFalse(run.date_escalation)

    def test_level_that_may_not_see(self):
        """L1.5, mistake 6: a level where nobody may see the request is passed over."""
        store_user = self._set_up_store()
        store_user.group_ids = self.env.ref("aftersales_service.group_center")
        rule = self._new_rule("hours", 24, start="assigned")
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        self._sweep_at("2026-07-03 09:00")
        self.assertEqual(self._told(run), self.office_manager)
        self.assertEqual(run.escalation_partner_id, self.office)

    def test_nobody_above(self):
        """L1.5: with nobody above, the rule's role is told at once."""
        self.center.aftersales_parent_id = False
        group = self.env.ref("aftersales_service.group_vp")
        rule = self._new_rule("hours", 24, start="assigned", escalation_group_id=group.id)
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        self._sweep_at("2026-07-03 09:00")
        self.assertIn(self.vp, self._told(run))
        self.assertFalse(self._told(run) & (self.customer_service | self.office_manager))

    def test_no_escalation(self):
        """L1.5: a rule that doesn't escalate marks what is missed and tells nobody."""
        rule = self._new_rule("hours", 24, start="assigned", escalate=False)
        self._only(rule)
        with freeze_time(NINE):
            run = self._run(self._assigned(), rule)
        self._sweep_at("2026-07-03 09:00")
        self.assertEqual(run.state, "missed")
        self.assertFalse(self._activities(run))

    def test_ends_with_the_promise(self):
        """L1.5: met late or cancelled, nobody else is told and the to-dos are gone."""
        self._set_up_store()
        rule = self._new_rule("hours", 24, start="assigned")
        self._only(rule)
        with freeze_time(NINE):
            late, cancelled = self._assigned(), self._assigned()
        self._sweep_at("2026-07-02 10:00")
        runs = self._run(late | cancelled, rule)
        self.assertEqual(len(self._activities(runs)), 2)
        with self._at("2026-07-02 11:00"):
            self._sign(self._new_complete_record(late)).action_done()
            cancelled.action_cancel("Customer solved it")
        self.assertFalse(self._activities(runs))
        self._sweep_at("2026-07-09 10:00")
        self.assertFalse(self._activities(runs))
        self.assertEqual(set(runs.mapped("state")), {"late", "missed"})

    # --- sweep -----------------------------------------------------------------------------

    def test_failure_blocks_nobody(self):
        """Mistake 5: a document that fails is left out and tried again; the others go on."""
        rule = self._new_rule("hours", 24, start="assigned")
        self._only(rule)
        with freeze_time(NINE):
            requests = [self._assigned() for _i in range(3)]
        bad = requests[1]
        runs = self._run(self.env[bad._name].union(*requests), rule)
        model = self.registry["aftersales.request"]
        react = model._on_deadline_missed

        def fail(records, deadlines):
            if bad.id in records.ids:
                raise ValueError("broken")
            return react(records, deadlines)

        with (
            patch.object(model, "_on_deadline_missed", fail),
            mute_logger("odoo.addons.aftersales_service.models.aftersales_deadline"),
            self._at("2026-07-02 10:00"),
        ):
            self._sweep()
        states = {run.res_id: run.state for run in runs}
        self.assertEqual([states[r.id] for r in requests], ["missed", "running", "missed"])
        self._sweep_at("2026-07-02 10:05")
        self.assertEqual(set(runs.mapped("state")), {"missed"})

    def test_document_gone(self):
        """Mistake 5: a deadline whose document vanished behind Odoo's back stops nothing."""
        rule = self._new_rule("hours", 24, start="assigned", warning_hours=2)
        self._only(rule)
        with freeze_time(NINE):
            first, second = self._assigned(), self._assigned()
        gone, kept = self._run(first, rule), self._run(second, rule)
        gone._write_protected({"res_id": 2**30})
        self._sweep_at("2026-07-02 08:00")
        self._sweep_at("2026-07-02 10:00")
        self.assertEqual((gone.state, kept.state), ("missed", "missed"))
        self.assertFalse(self._activities(gone))
        self.assertTrue(self._activities(kept))

    def test_time_is_up(self):
        """M3.1: when the scheduler's time is up, the sweep stops and leaves the rest for later."""
        rule = self._new_rule("hours", 24, start="assigned")
        self._only(rule)
        with freeze_time(NINE):
            requests = self._assigned() | self._assigned()
        with (
            self._at("2026-07-02 10:00"),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=0) as progress,
        ):
            self.env["aftersales.deadline"]._cron_sweep(batch=1)
        progress.assert_called_once_with(1, remaining=1)
        states = sorted(self._run(requests, rule).mapped("state"))
        self.assertEqual(states, ["missed", "running"])

    def test_not_all_may_see(self):
        """Mistake 6: of two requests missed at once, each office hears of its own only."""
        rule = self._new_rule("hours", 24, start="assigned")
        self._only(rule)
        with freeze_time(NINE):
            north = self._run(self._assigned(), rule)
            south = self._run(
                self._assigned(center_id=self.other_center.id, region_id=self.other_region.id),
                rule,
            )
        self._sweep_at("2026-07-02 10:00")
        self.assertEqual(self._told(north), self.office_manager)
        self.assertEqual(self._told(south), self.other_office_manager)

    def _count_queries(self, count):
        """Return the queries of a sweep that warns, and of one that misses and escalates."""
        rule = self._new_rule("hours", 24, start="assigned", warning_hours=2)
        self._only(rule)
        with freeze_time(NINE):
            for _i in range(count):
                self._assigned()
        counts = []
        for at in ("2026-07-02 08:00", "2026-07-02 10:00"):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._sweep_at(at)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        told = self.env["mail.activity"].search_count(
            [("aftersales_deadline_id.rule_id", "=", rule.id)]
        )
        self.assertEqual(told, 2 * count)
        return counts

    def test_queries(self):
        """Speed: warning, missing and escalating 20 costs no more queries than 10 does."""
        self._count_queries(2)
        tens, twenties = self._count_queries(10), self._count_queries(20)
        for ten, twenty in zip(tens, twenties, strict=True):
            # ten more would be a query for each; caches may still differ by one or two
            self.assertLess(twenty - ten, 5)

    def test_events_in_batch(self):
        """Speed: taking in twice as many requests doesn't look up the rules more often."""
        vals = {"card_id": self.card.id, "description": "Broken", "channel": "email"}
        model = self.env["aftersales.request"].with_user(self.clerk)

        def count(number):
            before = self.cr.sql_log_count
            with freeze_time(NINE):
                requests = model.create([dict(vals) for _i in range(number)])
                self.env.flush_all()
            self.assertEqual(len(self._run(requests, "answer")), number)
            return self.cr.sql_log_count - before

        count(2)
        self.assertLessEqual(count(20), count(10) + 10)

    def test_moment_told(self):
        """C8: in what is told, moments are those of the company's clock, not UTC."""
        run = self.env["aftersales.deadline"].new({"company_id": self.company.id})
        self.assertRegex(run._format(datetime(2026, 7, 1, 16, 30)), r"7/2.*\b(12|00):30")
