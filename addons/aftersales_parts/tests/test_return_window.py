from contextlib import contextmanager
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import format_date, mute_logger

from .common import SERVICE, AftersalesPartsCommon


class ReturnCommon(AftersalesPartsCommon):
    """Defective lamps, and a manager of the region's office beside the regional manager."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.users["office_manager"]
        cls.cs = cls.users["customer_service"]
        cls.second_manager = new_test_user(
            cls.env, "parts_office_manager_2", groups=f"{SERVICE}office_manager"
        )
        cls.second_manager.partner_id.parent_id = cls.office
        cls.lamp = cls.env["product.product"].create({"name": "Lamp", "is_storable": True})
        cls.lantern = cls.env["product.product"].create(
            {"name": "Lantern", "is_storable": True, "tracking": "serial"}
        )

    def _make_goods(self, user="center", center=None, lines=None, **vals):
        """Return a draft of defective goods; default 10 lamps."""
        user = self.users.get(user, user)
        return (
            self.env["aftersales.return"]
            .with_user(user)
            .create(
                {
                    "center_id": (center or self.center).id,
                    "line_ids": [
                        fields.Command.create(line)
                        for line in lines or [{"product_id": self.lamp.id, "quantity": 10}]
                    ],
                    **vals,
                }
            )
        )

    def _make_approved(self, **vals):
        document = self._make_goods(**vals)
        self._approve(document)
        return document

    @contextmanager
    def _assert_user_error(self, message):
        """Expect a UserError, and undo what was done until then."""
        with self.assertRaisesRegex(UserError, message) as caught, self.cr.savepoint():
            yield caught

    def _format(self, day):
        return format_date(self.env, day)

    def _carry_over(self, **kwargs):
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60) as done:
            self.env["aftersales.return"]._cron_carry_over(**kwargs)
        return done


@tagged("post_install", "-at_install")
class TestReturnWindow(ReturnCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.region.return_week = "2"

    # --- the week of the month (L2.11) -----------------------------------------------------

    def test_week_of_the_month(self):
        """L2.11: whatever weekday the month begins with, a week has each weekday once."""
        starts = set()
        for month in (1, 2, 4, 5, 6, 8, 9):  # 2026: Thu, Sun, Wed, Fri, Mon, Sat, Tue
            first = date(2026, month, 1)
            starts.add(first.weekday())
            for week, (begin, end) in enumerate(((1, 7), (8, 14), (15, 21), (22, 28)), 1):
                self.region.return_week = str(week)
                window = self.region._get_return_window(date(2026, month, 17))
                with self.subTest(month=month, week=week):
                    self.assertEqual(window, (first.replace(day=begin), first.replace(day=end)))
                    days = {(window[0] + timedelta(days=n)).weekday() for n in range(7)}
                    self.assertEqual(days, set(range(7)))
        self.assertEqual(starts, set(range(7)))

    def test_first_and_last_second(self):
        """L2.6: shippable from 8 November 0:00 to 14 November 23:59:59 of the company's clock."""
        for moment, refused in (
            ("2026-11-07 15:59:59", "Ship it then"),
            ("2026-11-07 16:00:00", None),
            ("2026-11-14 15:59:59", None),
            ("2026-11-14 16:00:00", "missed that window"),
        ):
            with freeze_time("2026-11-02 02:00:00") as clock, self.cr.savepoint() as savepoint:
                document = self._make_approved()
                clock.move_to(moment)
                with self.subTest(moment=moment):
                    if refused:
                        with self.assertRaisesRegex(UserError, "can't be shipped today") as caught:
                            document.action_ship()
                        # names the window, the week and what to do
                        for text in (
                            self._format("2026-11-08"),
                            self._format("2026-11-14"),
                            "Second week",
                            "days 8 to 14",
                            "L2.11",
                            "special approval",
                            refused,
                        ):
                            self.assertIn(text, str(caught.exception))
                    else:
                        document.action_ship()
                        self.assertEqual(document.state, "shipped")
                savepoint.rollback()

    def test_region_without_week(self):
        """L2.6: without a week the whole month is the window, to its last second."""
        self.region.return_week = False
        with freeze_time("2026-11-02 02:00:00") as clock:
            document = self._make_approved()
            self.assertEqual(str(document.date_window_end), "2026-11-30")
            clock.move_to("2026-11-30 16:00:00")
            with self.assertRaisesRegex(UserError, "any day of the month"), self.cr.savepoint():
                document.action_ship()
            clock.move_to("2026-11-30 15:59:59")
            document.action_ship()
        self.assertEqual(document.state, "shipped")

    def test_week_changed_while_waiting(self):
        """L2.11: what waits follows the region's new week, and the sender is told; what went
        keeps the window in which it went."""
        with freeze_time("2026-11-10 02:00:00") as clock:
            shipped = self._make_approved()
            shipped.action_ship()
            waiting = self._make_goods(center=self.office, user=self.manager)
            self.region.return_week = "3"
            self.assertEqual(str(shipped.date_window_end), "2026-11-14")
            self.assertEqual(
                (str(waiting.date_window_start), str(waiting.date_window_end)),
                ("2026-11-15", "2026-11-21"),
            )
            self.assertIn("was changed", waiting.message_ids[0].body)
            self.assertIn(self.manager.partner_id, waiting.message_ids[0].notified_partner_ids)
            self.assertNotIn("was changed", shipped.message_ids[0].body)
            clock.move_to("2026-11-12 02:00:00")
            self._approve_office(waiting)
            with self.assertRaisesRegex(UserError, "days 15 to 21"):
                waiting.action_ship()

    def _approve_office(self, document):
        document.action_submit()
        document.with_user(self.second_manager).action_approve()
        document.with_user(self.cs).action_approve()

    def test_regions_that_return_now(self):
        """L2.11: who returns this week is found; a window that is over shows the next one."""
        with freeze_time("2026-11-14 15:59:59"):
            self.assertTrue(self.region.is_returning)
            self.assertIn(
                self.region, self.env["aftersales.region"].search([("is_returning", "=", True)])
            )
        self.env.invalidate_all()
        with freeze_time("2026-11-14 16:00:00"):
            self.assertFalse(self.region.is_returning)
            self.assertEqual(str(self.region.date_return_start), "2026-12-08")
            self.assertNotIn(
                self.region, self.env["aftersales.region"].search([("is_returning", "=", True)])
            )

    # --- the month that is proposed --------------------------------------------------------

    def test_month_proposed(self):
        """L2.6: the month whose window isn't over and that has no return yet is proposed."""
        with freeze_time("2026-11-14 15:59:59"):
            self.assertEqual(str(self._make_goods().month), "2026-11-01")
            self.assertEqual(str(self._make_goods().month), "2026-12-01")
        with freeze_time("2026-11-14 16:00:00"):
            self.assertEqual(str(self._make_goods().month), "2027-01-01")
            other = self._make_center("Other", "91310115MA1K3QXE7G")
            document = self._make_goods("clerk", other)
            self.assertEqual(str(document.month), "2026-12-01")
            self.assertEqual(document.window_state, "waiting")
            self.assertIn(self._format("2026-12-08"), document.window_note)
            # a special one goes in between
            special = self._make_goods(is_special=True)
            self.assertEqual(str(special.month), "2026-11-01")
            self.assertEqual(special.window_state, "special")
            self.assertFalse(special.date_window_start)

    def test_month_of_the_company_s_clock(self):
        """L2.6: at 30 November 16:00 UTC it is December in Shanghai."""
        with freeze_time("2026-11-30 16:00:00"):
            self.assertEqual(str(self._make_goods().month), "2026-12-01")

    def test_month_proposed_in_the_form(self):
        """L2.6: choosing the sender in the form proposes its month; one given by import stays."""
        with freeze_time("2026-11-20 02:00:00"):
            new = self.env["aftersales.return"].with_user(self.users["clerk"]).new({})
            new.center_id = self.center
            self.assertEqual(str(new.month), "2026-12-01")
            result = (
                self.env["aftersales.return"]
                .with_user(self.users["clerk"])
                .load(["center_id/.id", "month"], [[str(self.center.id), "2027-03-15"]])
            )
            document = self.env["aftersales.return"].browse(result["ids"])
            self.assertEqual(str(document.month), "2027-03-01")

    # --- carried over (L2.6) ---------------------------------------------------------------

    def test_carried_over(self):
        """L2.6: what missed its window moves to the next one, visibly, and stays approved."""
        with freeze_time("2026-11-02 02:00:00") as clock:
            document = self._make_approved()
            clock.move_to("2026-11-14 15:59:59")
            self._carry_over()
            self.assertEqual((str(document.month), document.carried_over), ("2026-11-01", 0))
            clock.move_to("2026-11-14 16:00:00")
            self.env.invalidate_all()
            self.assertEqual(document.window_state, "over")
            self._carry_over()
            self.assertEqual((str(document.month), document.carried_over), ("2026-12-01", 1))
            self.assertEqual(str(document.date_window_start), "2026-12-08")
            self.assertEqual((document.state, document.approval_state), ("approved", "approved"))
            message = document.message_ids[0]
            for day in ("2026-11-14", "2026-12-08", "2026-12-14"):
                self.assertIn(self._format(day), message.body)
            self.assertIn("missed its window", message.body)
            self.assertLessEqual(
                self.center | self.users["center"].partner_id | self.manager.partner_id,
                message.notified_partner_ids,
            )
            # again at any hour: nothing happens
            self._carry_over()
            clock.move_to("2026-11-30 20:00:00")
            self._carry_over()
            self.assertEqual((str(document.month), document.carried_over), ("2026-12-01", 1))
            self.assertEqual(document.message_ids[0], message)
            # and months later, without a run in between: one window it could go in
            clock.move_to("2027-02-14 16:00:00")
            self._carry_over()
            self.assertEqual((str(document.month), document.carried_over), ("2027-03-01", 2))
            clock.move_to("2027-03-09 02:00:00")
            document.action_ship()
        self.assertEqual(document.state, "shipped")

    def test_carried_past_a_month_that_is_taken(self):
        """L2.6: one return a month: the next month that has none yet."""
        with freeze_time("2026-11-02 02:00:00") as clock:
            document = self._make_goods()
            december = self._make_goods(month="2026-12-01")
            clock.move_to("2026-11-20 02:00:00")
            self._carry_over()
            self.assertEqual(str(document.month), "2027-01-01")
            # both missed at once, the elder first
            clock.move_to("2027-01-20 02:00:00")
            self._carry_over()
            self.assertEqual(
                {str(document.month), str(december.month)}, {"2027-02-01", "2027-03-01"}
            )

    def test_not_carried(self):
        """L2.6, L2.7: neither special ones, nor shipped, nor cancelled ones move."""
        with freeze_time("2026-11-09 02:00:00") as clock:
            special = self._make_goods(is_special=True, special_reason="Batch")
            shipped = self._make_approved()
            shipped.action_ship()
            cancelled = self._make_goods(month="2026-12-01")
            cancelled.action_cancel("Empty")
            clock.move_to("2027-01-20 02:00:00")
            self._carry_over()
        self.assertEqual(str(special.month), "2026-11-01")
        self.assertEqual(str(shipped.month), "2026-11-01")
        self.assertEqual(str(cancelled.month), "2026-12-01")
        self.assertEqual((special | shipped | cancelled).mapped("carried_over"), [0, 0, 0])

    def test_carried_in_batches(self):
        """L2.6: however many missed it, in batches that are each committed."""
        with freeze_time("2026-11-02 02:00:00") as clock:
            documents = self.env["aftersales.return"]
            for number, check in enumerate("ABCDE"):
                office = self.env["res.partner"].create(
                    {
                        "name": f"Center {check}",
                        "is_company": True,
                        "is_service_center": True,
                        "aftersales_region_id": self.region.id,
                    }
                )
                documents |= self._make_goods("clerk", office)
                self.assertEqual(len(documents), number + 1)
            clock.move_to("2026-11-20 02:00:00")
            done = self._carry_over(batch=2)
        self.assertEqual(set(documents.mapped("carried_over")), {1})
        self.assertEqual([call.args[0] for call in done.call_args_list], [2, 2, 1])
        self.assertEqual([call.kwargs["remaining"] for call in done.call_args_list], [3, 1, 0])

    def test_carried_over_is_not_written(self):
        """L2.6: nobody moves a window, or hides that one was missed, by RPC or import."""
        with freeze_time("2026-11-02 02:00:00"):
            document = self._make_goods()
            for vals in (
                {"carried_over": 3},
                {"date_window_end": "2026-12-31"},
                {"date_window_start": "2026-01-01"},
            ):
                with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                    document.write(vals)
            document.action_submit()
            with self.assertRaisesRegex(UserError, "its month stays"), self.cr.savepoint():
                document.month = "2026-12-01"

    def test_month_lies_ahead(self):
        """L2.6: nothing is returned in a month that is past, by the company's clock, nor ever."""
        # 16:30 UTC on October 31 is November 1 in Shanghai
        with freeze_time("2026-10-31 16:30:00"):
            for month in ("2026-10-01", "2026-10-31", "0001-01-01", "2027-12-01", "9999-12-01"):
                with self.assertRaisesRegex(UserError, "at most a year"), self.cr.savepoint():
                    self._make_goods(month=month)
            document = self._make_goods(month="2027-11-01")
            with self.assertRaisesRegex(UserError, "not in 2026-10"), self.cr.savepoint():
                document.month = "2026-10-01"
            document.month = "2026-11-30"
            self.assertEqual(str(document.month), "2026-11-01")

    # --- special approval (L2.7) -----------------------------------------------------------

    def test_special_goes_at_any_time(self):
        """L2.7: outside the window and beside the month's return, decided by customer service."""
        with freeze_time("2026-11-20 02:00:00"):
            self._make_goods(month="2026-11-01")
            document = self._make_goods(is_special=True)
            self.assertEqual(str(document.month), "2026-11-01")
            with self.assertRaisesRegex(UserError, "Give the reason"), self.cr.savepoint():
                document.action_submit()
            document.special_reason = "Batch of burnt ballasts"
            document.action_submit()
            self.assertEqual(document.next_approval, "Office or regional manager")
            document.with_user(self.manager).action_appraise("Seen")
            self.assertEqual(document.next_approval, "Special approval by customer service")
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users["clerk"]).action_approve()
            document.with_user(self.cs).action_approve()
            document.action_ship()
        self.assertEqual(document.state, "shipped")
        special = document.approval_ids.filtered(lambda entry: entry.step == "special")
        self.assertEqual((special.user_id, special.regulation_id.code), (self.cs, "L2.7"))

    def test_special_by_the_manager(self):
        """L2.7: the manager applies himself; that is his signature, customer service decides."""
        with freeze_time("2026-11-20 02:00:00"):
            document = self._make_goods(
                self.manager, self.office, is_special=True, special_reason="Dealers are waiting"
            )
            document.action_submit()
            self.assertEqual(document.appraiser_id, self.manager)
            self.assertEqual(document.appraisal, "Dealers are waiting")
            self.assertEqual(document.next_approval, "Special approval by customer service")
            self.assertIn(self.cs, document.activity_ids.user_id)
            self.assertNotIn(self.second_manager, document.activity_ids.user_id)
            # even if he had the role, not a second time
            self.manager.group_ids += self.env.ref(f"{SERVICE}customer_service")
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.action_approve()
            document.with_user(self.cs).action_approve()
            document.action_ship()
        self.assertEqual(document.state, "shipped")

    def test_manager_signs_for_his_region_only(self):
        """L2.4: a manager of elsewhere who may write by another role doesn't sign by applying."""
        stranger = new_test_user(
            self.env, "parts_stranger", groups=f"{SERVICE}office_manager,{SERVICE}clerk"
        )
        with freeze_time("2026-11-20 02:00:00"):
            document = self._make_goods(stranger, is_special=True, special_reason="x")
            document.action_submit()
            self.assertFalse(document.appraiser_id)
            self.assertEqual(document.next_approval, "Office or regional manager")
            # an ordinary one isn't signed by applying, whoever applies (L2.4)
            own = self._make_goods(self.manager, self.office)
            own.action_submit()
            self.assertEqual(own.next_approval, "Office or regional manager")

    def test_ask_for_special_approval(self):
        """L2.7: an approved return that can't wait is applied for anew, with its reason."""
        with freeze_time("2026-11-02 02:00:00"):
            document = self._make_approved()
            with self.assertRaisesRegex(UserError, "Give the reason"), self.cr.savepoint():
                document.action_ask_special(" ")
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users["quality"]).action_ask_special("Sneak")
            action = document.action_open_ask_special()
            wizard = (
                self.env["aftersales.reason"]
                .with_user(self.users["center"])
                .with_context(**action["context"])
                .create({"reason": "The store moves"})
            )
            wizard.action_confirm()
            self.assertEqual((document.state, document.is_special), ("draft", True))
            self.assertFalse(document.appraiser_id)
            with self.assertRaisesRegex(UserError, "has to be approved first"):
                document.action_ship()
            self._approve(document)
            document.action_ship()
            with self.assertRaisesRegex(UserError, "on its way"), self.cr.savepoint():
                document.action_ask_special("Again")

    def test_special_approval_is_not_smuggled_in(self):
        """L2.7: ticking the box after the approval voids it; the monthly limit holds before."""
        with freeze_time("2026-11-02 02:00:00"):
            document = self._make_approved()
            document.write({"is_special": True, "special_reason": "x"})
            self.assertEqual(document.state, "draft")
            self.env.flush_all()
            self._make_goods(month="2026-11-01")
            with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
                document.is_special = False
                document.flush_recordset()
