from datetime import date

from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestCenterFee(AftersalesCommon):
    @classmethod
    def _new_fee(cls, user=None, **vals):
        return (
            cls.env["aftersales.center.fee"]
            .with_user(user or cls.office_manager)
            .create({"center_id": cls.center.id, "amount": 800, "date_from": "2026-01-01", **vals})
        )

    def _agree(self, **vals):
        fee = self._new_fee(**vals)
        fee.action_submit()
        fee.with_user(self.customer_service).action_approve()
        return fee

    def _get_amount(self, day, center=None):
        fee = (center or self.center)._get_center_fee(date.fromisoformat(day), self.company)
        return fee.amount if fee else None

    def test_agreed_fee(self):
        """L3.2: the office proposes, customer service decides; both stay on the fee."""
        fee = self._agree(date_to="2026-06-30")
        self.assertEqual(fee.state, "approved")
        self.assertEqual(fee.requester_id, self.office_manager)
        self.assertEqual(fee.decider_id, self.customer_service)
        self.assertEqual(fee.region_id, self.region)
        for day, amount in (
            ("2025-12-31", None),
            ("2026-01-01", 800),
            ("2026-06-30", 800),
            ("2026-07-01", None),
        ):
            self.assertEqual(self._get_amount(day), amount, day)
        self.assertIsNone(self._get_amount("2026-03-01", self.other_center))
        company = self.env["res.company"].create({"name": "Another company"})
        self.assertFalse(self.center._get_center_fee(date(2026, 3, 1), company))

    def test_proposal_is_no_fee(self):
        """L3.2: what is only proposed, refused or withdrawn is not paid."""
        fee = self._new_fee()
        self.assertIsNone(self._get_amount("2026-03-01"))
        fee.action_submit()
        self.assertIsNone(self._get_amount("2026-03-01"))
        fee.with_user(self.customer_service).action_refuse("Too much")
        self.assertIsNone(self._get_amount("2026-03-01"))
        fee.action_cancel("Withdrawn")
        self.assertEqual(fee.state, "cancelled")

    def test_roles(self):
        """L3.2: nobody decides on the own proposal; another office neither sees nor proposes."""
        fee = self._new_fee()
        for user in (self.other_office_manager, self.clerk, self.technician, self.center_user):
            with self.assertRaises(AccessError), self.cr.savepoint():
                fee.with_user(user).read(["amount"])
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._new_fee(user=self.other_office_manager)
        with self.assertRaises(AccessError), self.cr.savepoint():
            fee.center_id = self.other_center
        with self.assertRaises(AccessError), self.cr.savepoint():
            fee.with_user(self.customer_service).action_submit()
        for vals in ({"state": "approved"}, {"date_ended": "2026-02-01"}):
            with self.assertRaises(AccessError), self.cr.savepoint():
                fee.write(vals)
        self.office_manager.group_ids += self.env.ref("aftersales_service.group_customer_service")
        fee.action_submit()
        with self.assertRaisesRegex(AccessError, "somebody else"), self.cr.savepoint():
            fee.action_approve()

    def test_center_sees_own_agreed_fees(self):
        """L3.2: a center sees what was agreed with it, no proposals and no other center's."""
        agreed = self._agree()
        proposal = self._new_fee(date_from="2026-08-01")
        self._assert_visible(agreed, self.center_user)
        self._assert_hidden(proposal, self.center_user)
        self._assert_hidden(agreed, self.other_center_user)
        self.assertEqual(self.center.with_user(self.center_user).center_fee_count, 1)
        self.assertEqual(self.center.with_user(self.other_center_user).center_fee_count, 0)
        self.assertEqual(self.center.with_user(self.technician).center_fee_count, 0)

    def test_next_fee_ends_the_one_before(self):
        """L3.2: an open-ended fee ends on the day before the next one; nothing is paid twice."""
        first = self._agree()
        second = self._agree(amount=950, date_from="2026-07-01")
        self.assertEqual(first.date_last, date(2026, 6, 30))
        self.assertEqual(self._get_amount("2026-06-30"), 800)
        self.assertEqual(self._get_amount("2026-07-01"), 950)
        self.assertTrue(first._is_approved())
        self.assertTrue(second._is_approved())

    def test_overlap_refused(self):
        """L3.2: two agreed fees never cover the same day, not even one day."""
        self._agree(date_from="2026-01-01", date_to="2026-06-30")
        for first, last in (
            ("2026-06-30", False),
            ("2025-01-01", False),
            ("2025-01-01", "2026-01-01"),
            ("2026-02-01", "2026-02-01"),
        ):
            with (
                self.subTest(first=first, last=last),
                self.assertRaisesRegex(UserError, "already"),
                self.cr.savepoint(),
            ):
                self._new_fee(date_from=first, date_to=last).action_submit()
        self._agree(date_from="2025-01-01", date_to="2025-12-31")
        # both were free when they were submitted
        one, two = (self._new_fee(date_from="2026-07-01") for _i in range(2))
        one.action_submit()
        two.action_submit()
        one.with_user(self.customer_service).action_approve()
        with self.assertRaisesRegex(UserError, "already"), self.cr.savepoint():
            two.with_user(self.customer_service).action_approve()
        self.assertEqual(two.state, "submitted")

    def test_other_center_and_company_are_free(self):
        """L3.2: fees of other centers don't overlap."""
        self._agree()
        fee = self._new_fee(user=self.other_office_manager, center_id=self.other_center.id)
        fee.action_submit()
        fee.with_user(self.customer_service).action_approve()
        self.assertEqual(self._get_amount("2026-03-01", self.other_center), 800)

    def test_agreed_stays(self):
        """L3.2: an agreed fee can't be changed; customer service ends it."""
        fee = self._agree()
        for user in (self.office_manager, self.customer_service):
            with self.assertRaisesRegex(UserError, "stays as it is"), self.cr.savepoint():
                fee.with_user(user).amount = 1
        with self.assertRaises(AccessError), self.cr.savepoint():
            fee.action_cancel("Enough")
        with freeze_time("2026-03-09 16:30:00"):
            # half past midnight of the 10th in Shanghai
            fee.with_user(self.customer_service).action_cancel("Enough")
        self.assertEqual(fee.date_last, date(2026, 3, 10))
        with freeze_time("2026-03-11"), self.assertRaisesRegex(UserError, "already ended"):
            fee.with_user(self.customer_service).action_cancel("Again")

    def test_bad_values(self):
        """L3.2: no fee of nothing, none that ends before it begins, none for a customer."""
        for vals in ({"amount": 0}, {"amount": -1}, {"date_to": "2025-12-31"}):
            with (
                self.subTest(vals=vals),
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.cr.savepoint(),
            ):
                self._new_fee(**vals)
        with self.assertRaisesRegex(ValidationError, "is no service center"), self.cr.savepoint():
            self.env["aftersales.center.fee"].create(
                {"center_id": self.customer.id, "amount": 1, "date_from": "2026-01-01"}
            )

    def test_close_ends_fees(self):
        """L3.1: with the center its agreed fees end, also those that haven't begun."""
        fee = self._agree(date_to="2026-12-31")
        later = self._agree(date_from="2027-01-01")
        with freeze_time("2026-03-10 02:00:00"):
            self.center.with_user(self.customer_service).action_close_center("Contract ended")
        self.assertEqual(fee.date_last, date(2026, 3, 10))
        self.assertEqual(later.state, "cancelled")
        self.assertIsNone(self._get_amount("2027-01-01"))

    def test_fee_of_application(self):
        """L3.1, L3.2: the fee approved with the application holds from the day of the center."""
        store = self.env["res.partner"].create(
            {
                "name": "Lamp store",
                "is_company": True,
                "city": "Lamp town",
                "phone": "1",
                "state_id": self.province.id,
            }
        )
        application = (
            self.env["aftersales.center.application"]
            .with_user(self.office_manager)
            .create(
                {
                    "partner_id": store.id,
                    "coverage": "Lamp town",
                    "contact_name": "Li Lei",
                    "contact_email": "li.lei@lamps.example.com",
                    "fee_amount": 750.5,
                    "criterion_ids": [
                        Command.set(self.env["aftersales.center.criterion"].search([]).ids)
                    ],
                }
            )
        )
        application.action_submit()
        application.with_user(self.customer_service).action_approve()
        second = self._new_user("customer_service", login="test_customer_service_2")
        with freeze_time("2026-03-09 16:30:00"):
            application.with_user(second).action_establish()
        fee = store.center_fee_ids
        self.assertEqual(fee.date_from, date(2026, 3, 10))
        self.assertEqual(fee.amount, 750.5)
        self.assertEqual(fee.requester_id, self.office_manager)
        self.assertEqual(fee.decider_id, self.customer_service)
        self.assertEqual(fee.application_id, application)
        self.assertTrue(fee._is_approved())
        self.assertEqual(self._get_amount("2026-03-10", store), 750.5)
