from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSettlementLog(AftersalesPartsCommon):
    """The entries about a settlement: seen with it, written by its actions alone."""

    def setUp(self):
        super().setUp()
        self._make_record([self._scrap(self.seal)])
        self.settlement = self._generate()
        line = self.settlement.line_ids
        self.change = self.env["aftersales.settlement.change"].create(
            {
                "settlement_id": self.settlement.id,
                "line_id": line.id,
                "label": line.tag,
                "state": "verified",
                "amount_old": 120,
                "amount_new": 100.5,
                "reason": "Scratched",
            }
        )
        self.difference = self.env["aftersales.settlement.difference"].create(
            {
                "settlement_id": self.settlement.id,
                "line_id": line.id,
                "label": line.tag,
                "amount_listed": 100.5,
                "amount_expected": 120,
                "cause": "It was not",
            }
        )

    def test_seen_with_the_settlement(self):
        """M8.5: the own center and the central roles see the entries, nobody else does."""
        self.assertEqual(self.change.amount, -19.5)
        other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        foreign = self._make_center_user("parts_foreign", other)
        for entry in (self.change, self.difference):
            for role in ("center", "clerk", "customer_service", "office_manager", "accountant"):
                own = entry.with_user(self.users[role])
                self.assertEqual(own.search([("id", "=", entry.id)]), own)
                self.assertTrue(own.read(["label"]))
            for user in (foreign, self.users["technician"]):
                own = entry.with_user(user)
                self.assertFalse(own.search_count([("id", "=", entry.id)]))
                with self.assertRaises(AccessError):
                    own.read(["label"])

    def test_nobody_writes_them(self):
        """M8.4, M8.5: no role creates, writes or deletes an entry, by RPC or import."""
        for entry in (self.change, self.difference):
            vals = entry.copy_data()[0]
            for role in ("center", "clerk", "customer_service", "accountant", "vp"):
                own = entry.with_user(self.users[role])
                with self.assertRaises(AccessError):
                    own.create(vals)
                with self.assertRaises(UserError):
                    own.write({"label": "x"})
                with self.assertRaises(UserError):
                    own.unlink()
        # not even by the system
        with self.assertRaisesRegex(UserError, "can't be changed"):
            self.change.sudo().write({"amount_new": 120})
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            self.change.sudo().unlink()
