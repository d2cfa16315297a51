from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesCommon


@freeze_time("2026-09-01 02:00:00")
@tagged("post_install", "-at_install")
class TestWarrantyTransfer(AftersalesCommon):
    """A unit changes hands: the cover stays, the history says who had it when (E4)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2026-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")

    def _transfer(self, day="2026-08-15", partner=None, reason="Sold second-hand", user=None):
        return self.card.with_user(user or self.clerk).action_transfer(
            (partner or self.other_customer).id, day, reason
        )

    def test_transferred(self):
        """E4: owner and history change, nothing of the cover does."""
        before = self.card.coverage_ids.read()
        dates = self.card.read(["date_delivery", "date_start", "date_end", "sale_line_id"])
        self._transfer()
        self.assertEqual(self.card.partner_id, self.other_customer)
        self.assertEqual(self.card.coverage_ids.read(), before)
        self.assertEqual(
            self.card.read(["date_delivery", "date_start", "date_end", "sale_line_id"]), dates
        )
        transfer = self.card.transfer_ids
        self.assertEqual(transfer.from_partner_id, self.customer)
        self.assertEqual(transfer.to_partner_id, self.other_customer)
        self.assertEqual(transfer.date, date(2026, 8, 15))
        self.assertEqual(transfer.reason, "Sold second-hand")
        self.assertEqual(transfer.user_id, self.clerk)
        self.assertTrue(self.card._get_coverage(self.engine_part, date(2026, 9, 1)))

    def test_from_window(self):
        """E4: the window asks for owner, day and reason; today is proposed."""
        action = self.card.with_user(self.clerk).action_open_transfer()
        window = (
            self.env[action["res_model"]]
            .with_user(self.clerk)
            .with_context(**action["context"])
            .create({"partner_id": self.other_customer.id, "reason": "Sold"})
        )
        self.assertEqual(window.date, date(2026, 9, 1))
        window.action_confirm()
        self.assertEqual(self.card.partner_id, self.other_customer)

    def test_only_by_action(self):
        """E4: neither the form, RPC nor an import writes the owner of a card."""
        for user in (self.clerk, self.customer_service, self.administrator):
            with self.assertRaisesRegex(UserError, "press “Transfer card”"):
                self.card.with_user(user).write({"partner_id": self.other_customer.id})
        result = (
            self.env["aftersales.warranty.card"]
            .with_user(self.clerk)
            .load([".id", "partner_id/.id"], [[str(self.card.id), str(self.other_customer.id)]])
        )
        self.assertFalse(result["ids"])
        self.assertIn("press “Transfer card”", result["messages"][0]["message"])
        self.assertEqual(self.card.partner_id, self.customer)
        # the same owner again is no change
        self.card.with_user(self.clerk).write({"partner_id": self.customer.id})

    def test_impossible(self):
        """E4: impossible days, no reason, no owner or the same owner are refused, each clearly."""
        for kwargs, message in (
            ({"day": "2026-06-30"}, "wasn't Northern Quarry's yet, who has it since 2026-07-01"),
            ({"day": "2026-09-02"}, "in the future"),
            ({"day": False}, "Enter the new owner and the day"),
            ({"reason": " "}, "reason why the owner changes"),
            ({"partner": self.customer}, "already belongs to Northern Quarry"),
            ({"partner": self.env["res.partner"]}, "Enter the new owner"),
        ):
            with self.subTest(**kwargs), self.assertRaisesRegex(UserError, message):
                partner = kwargs.pop("partner", self.other_customer)
                self.card.with_user(self.clerk).action_transfer(
                    partner, kwargs.get("day", "2026-08-15"), kwargs.get("reason", "Sold")
                )
        self.assertFalse(self.card.transfer_ids)
        for day in ("2026-07-01", "2026-09-01"):  # the first and the last possible
            with self.cr.savepoint() as savepoint:
                self._transfer(day)
                savepoint.rollback()

    def test_in_order(self):
        """E4: owners follow each other in time."""
        self._transfer("2026-08-15")
        with self.assertRaisesRegex(UserError, "wasn't Southern Quarry's yet"):
            self._transfer("2026-08-14", self.customer)
        self._transfer("2026-08-15", self.customer)
        self.card.invalidate_recordset()
        self.assertEqual(len(self.card.transfer_ids), 2)
        self.assertEqual(self.card.transfer_ids[0].to_partner_id, self.customer)

    def test_ended_card(self):
        """E4: a card that is closed or void has no next owner."""
        self.card.action_void("Stolen")
        with self.assertRaisesRegex(UserError, "isn't valid"):
            self._transfer()

    def test_old_request_stays(self):
        """E4: a request of the old owner stays his; the new owner's is taken on the card."""
        request = self._new_request(self.card)
        self._transfer()
        self.assertEqual(request.partner_id, self.customer)
        new = self._new_request(self.card)
        self.assertEqual(new.partner_id, self.other_customer)
        with self.assertRaisesRegex(ValidationError, "belongs to Southern Quarry"):
            self._new_request(self.card, partner_id=self.customer.id)

    def test_roles(self):
        """E4: the clerk and whoever includes him transfer cards; nobody else does."""
        for user in (
            self.technician,
            self.center_user,
            self.office_manager,
            self.logistics,
            self.quality,
            self.vp,
        ):
            with self.subTest(user=user.login), self.assertRaisesRegex(AccessError, "Clerk"):
                self._transfer(user=user)
        self._transfer(user=self.customer_service)
        self.assertEqual(self.card.partner_id, self.other_customer)

    def test_append_only(self):
        """E4, H11: the history is neither written, added to nor deleted, not even by the system."""
        self._transfer()
        transfer = self.card.transfer_ids
        for user in (self.clerk, self.administrator):
            own = transfer.with_user(user)
            with self.assertRaises(AccessError):
                own.write({"reason": "Nothing"})
            with self.assertRaises(AccessError):
                own.unlink()
            with self.assertRaises(AccessError):
                self.env["aftersales.warranty.transfer"].with_user(user).create(
                    {
                        "card_id": self.card.id,
                        "from_partner_id": self.customer.id,
                        "to_partner_id": self.other_customer.id,
                        "date": "2026-08-01",
                        "reason": "Nothing",
                        "user_id": user.id,
                    }
                )
            with self.assertRaises(AccessError):
                self.card.with_user(user).write(
                    {"transfer_ids": [Command.update(transfer.id, {"reason": "Nothing"})]}
                )
        with self.assertRaisesRegex(AccessError, "kept as it was recorded"):
            transfer.sudo().write({"reason": "Nothing"})
        with self.assertRaisesRegex(AccessError, "kept as it was recorded"):
            transfer.sudo().unlink()
        self.assertEqual(transfer.reason, "Sold second-hand")

    def test_hidden_from_centers(self):
        """L3: centers and technicians don't see who owned the unit before."""
        self._new_request(self.card)
        self._transfer()
        for user in (self.center_user, self.technician, self.office_manager):
            with self.assertRaises(AccessError):
                self.card.transfer_ids.with_user(user).read(["from_partner_id"])
            with self.assertRaises(AccessError):
                self.card.with_user(user).read(["transfer_ids"])

    def test_other_company(self):
        """E4: a clerk of another company neither sees nor transfers the card."""
        self._transfer()
        other = self.env["res.company"].create({"name": "Other company"})
        clerk = self._new_user(
            "clerk", login="test_clerk_2", company_id=other.id, company_ids=[other.id]
        )
        self._assert_hidden(self.card.transfer_ids, clerk)
        with self.assertRaises(AccessError):
            self._transfer("2026-08-20", self.customer, user=clerk)
