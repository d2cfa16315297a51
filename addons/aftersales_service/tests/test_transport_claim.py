from datetime import date

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .complaint_common import ComplaintCommon


@tagged("post_install", "-at_install")
@freeze_time("2026-07-01 01:00:00")
class TestTransportClaim(ComplaintCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carrier = cls.env["res.partner"].create({"name": "Fast Freight", "is_company": True})
        cls.transport_cause = cls.env.ref("aftersales_service.complaint_cause_transport")

    def _new_transport(self, stage="investigate"):
        complaint = self._new_complaint(kind="transport", defective_quantity=0)
        return self._bring(complaint, stage) if stage != "record" else complaint

    def _new_claim(self, complaint=None, user=None, **vals):
        return (
            self.env["aftersales.transport.claim"]
            .with_user(user or self.logistics)
            .create(
                {
                    "complaint_id": (complaint or self._new_transport()).id,
                    "carrier_id": self.carrier.id,
                    "waybill": "WB-88",
                    "evidence": "Photos of the crate",
                    "line_ids": [
                        Command.create({"product_id": self.pump.id, "quantity": 3, "price": 33.33}),
                        Command.create(
                            {
                                "product_id": self.seal.id,
                                "kind": "loss",
                                "quantity": 0.5,
                                "price": 0.05,
                            }
                        ),
                    ],
                    **vals,
                }
            )
        )

    def test_amounts(self):
        """L1.4: claimed is the sum of the lines to the cent; what is open falls as it is paid."""
        claim = self._new_claim()
        # 3 × 33.33 = 99.99, half of 0.05 is rounded to 0.03
        self.assertEqual(claim.line_ids.mapped("amount"), [99.99, 0.03])
        self.assertEqual(claim.amount_claimed, 100.02)
        claim.action_claim()
        self.assertEqual(claim.date_claimed, date(2026, 7, 1))
        with self.assertRaisesRegex(ValidationError, "More can't"), self.cr.savepoint():
            claim.amount_recovered = 100.03
        claim.amount_recovered = 100.01
        self.assertEqual(claim.amount_open, 0.01)
        with self.assertRaisesRegex(UserError, "less than"), self.cr.savepoint():
            claim.action_settle()
        claim.note = "Rounded by the carrier"
        claim.action_settle()
        self.assertEqual(claim.state, "settled")
        self.assertEqual(claim.amount_open, 0)
        totals = claim._read_group(
            [("id", "=", claim.id)], [], ["amount_claimed:sum", "amount_recovered:sum"]
        )
        self.assertEqual([round(total, 2) for total in totals[0]], [100.02, 100.01])

    def test_complete(self):
        """L1.4: carrier, waybill, list and evidence make a claim."""
        claim = self._new_claim(carrier_id=False, waybill=False, evidence=False, line_ids=[])
        with self.assertRaisesRegex(UserError, "Carrier.*Waybill.*Damaged and lost.*Evidence"):
            claim.action_claim()

    def test_nothing_recovered(self):
        """L1.4: no amount is no settlement; refused by the carrier with his reason."""
        claim = self._new_claim()
        claim.action_claim()
        with self.assertRaisesRegex(UserError, "Enter the amount"), self.cr.savepoint():
            claim.action_settle()
        with self.assertRaisesRegex(UserError, "reason"), self.cr.savepoint():
            claim.action_refuse("")
        claim.action_refuse("Signed without reservation")
        self.assertEqual(claim.note, "Signed without reservation")
        self.assertEqual(claim.state, "refused")
        self.assertEqual(claim.amount_open, 0)

    def test_claimed_stays(self):
        """L1.4: what was claimed stays, by form, RPC or its lines; states by buttons only."""
        claim = self._new_claim()
        with self.assertRaises(AccessError), self.cr.savepoint():
            claim.state = "settled"
        claim.action_claim()
        for change in (
            lambda: claim.write({"waybill": "WB-89"}),
            lambda: claim.write({"line_ids": [Command.clear()]}),
            lambda: claim.line_ids[0].write({"price": 1}),
            lambda: claim.line_ids[0].unlink(),
            lambda: claim.line_ids[0].copy(),
            lambda: claim.action_drop("No"),
            lambda: claim.action_claim(),
            lambda: claim.with_user(self.administrator).unlink(),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                change()

    def test_roles(self):
        """L1.4: customer service and logistics work on it; others don't, or don't see it."""
        complaint = self._new_transport()
        claim = self._new_claim(complaint, user=self.customer_service)
        claim.with_user(self.logistics).waybill = "WB-90"
        for user in (self.clerk, self.vp, self.quality):
            with self.assertRaises(AccessError), self.cr.savepoint():
                claim.with_user(user).waybill = "WB-91"
        self._assert_visible(claim, self.vp)
        self._assert_visible(claim.line_ids, self.logistics)
        for user in (self.quality, self.technician, self.center_user, self.other_office_manager):
            self._assert_hidden(claim, user)
            self._assert_hidden(claim.line_ids, user)

    def test_kind(self):
        """L1.4: only a complaint about transport has one claim."""
        with self.assertRaisesRegex(ValidationError, "no complaint about transport"):
            self._new_claim(
                self._bring(self._new_complaint(), "investigate"), user=self.customer_service
            )

    def test_once(self):
        """L1.4: one claim per complaint; a dropped one makes room."""
        complaint = self._new_transport()
        claim = self._new_claim(complaint)
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            self._new_claim(complaint)
        claim.action_drop("Wrong carrier")
        self._new_claim(complaint)

    def test_complaint_waits(self):
        """L1.4: the complaint is investigated with a claim, and closed with its outcome."""
        complaint = self._new_transport()
        self._fill(
            complaint,
            cause_id=self.transport_cause.id,
            responsible_department_id=self.department_logistics.id,
        )
        with self.assertRaisesRegex(UserError, "claim against the carrier"), self.cr.savepoint():
            complaint.action_investigate()
        claim = self._new_claim(complaint)
        complaint.action_investigate()
        self._bring(complaint, "notify")
        self._tell(complaint, "notice")
        complaint.action_notify()
        self._sanction(complaint, user=self.vp)
        complaint.action_sanction()
        self._fill(complaint)
        with self.assertRaisesRegex(UserError, "outcome of the claim"), self.cr.savepoint():
            complaint.action_close()
        claim.action_claim()
        claim.amount_recovered = 100.02
        claim.action_settle()
        complaint.action_close()
        self.assertEqual(complaint.state, "closed")

    def test_kept(self):
        """H11: a claim is kept as long as its complaint."""
        claim = self._new_claim()
        self.assertEqual(claim.retain_until, claim.complaint_id.retain_until)

    def test_totals_are_not_written(self):
        """L1.4: the sum of the list and what is open can't be written."""
        claim = self._new_claim()
        for name in ("amount_claimed", "amount_open"):
            with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
                claim.write({name: 1})
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            self._new_claim(amount_claimed=1)
        self.assertEqual(claim.amount_claimed, 100.02)
