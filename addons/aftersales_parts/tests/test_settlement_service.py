from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze

OCTOBER = fields.Date.to_date("2026-10-01")


@freeze
@tagged("post_install", "-at_install")
class TestSettlementService(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.env["aftersales.settlement.line"]
        cls.terms = cls.env.ref("aftersales_parts.settlement_terms")
        cls.steps = {
            hours: cls.env.ref(f"aftersales_parts.maintenance_step_{hours}")
            for hours in (100, 600, 1200, 1800, 2400)
        }
        cls.terms.rate_ids = [
            Command.create(vals)
            for vals in (
                {"kind": "labour", "basis": "hour", "amount": 80.55},
                {"kind": "travel", "basis": "visit", "distance_to": 50, "amount": 100},
                {"kind": "travel", "basis": "km", "distance_from": 50, "amount": 1.5},
                {
                    "kind": "maintenance",
                    "basis": "visit",
                    "step_id": cls.steps[600].id,
                    "amount": 300,
                },
            )
        ]

    def _visit(self, parts=(), until="04:30:00", distance=0, done=True, **kwargs):
        """Return a record of work from 10:00 until ``until`` (UTC, so 12:30), as a dict says."""
        vals = {name: kwargs.pop(name) for name in list(kwargs) if name not in ("day", "request")}
        record = self._make_record(list(parts), done=False, **kwargs)
        day = fields.Date.to_string(record.service_date)
        record.request_id.distance = distance
        record.write({"departure": f"{day} {until}", "no_parts": not parts, **vals})
        if done:
            self._validate(record)
        return record

    def _vals(self):
        return self.engine._prepare_service_vals(OCTOBER, self.center).get(self.center, [])

    def _list(self):
        """Return the draft list of service fees of October."""
        settlement = self.env["aftersales.settlement"].search(
            [("center_id", "=", self.center.id), ("kind", "=", "service")]
        ) or self.env["aftersales.settlement"].create(
            {"center_id": self.center.id, "month": OCTOBER, "kind": "service"}
        )
        self.engine.sudo().create(
            [{**vals, "settlement_id": settlement.id} for vals in self._vals()]
        )
        return settlement

    # --- labour and travel (M9.1) ----------------------------------------------------------

    def test_labour_by_the_hour(self):
        """M9.1: 2 h 30 at 80.55 is 201.375, so 201.38; 1 h 50 is 1.83 h, 147.4065, so 147.41."""
        self._visit()
        self._visit(until="03:50:00", day="2026-10-21")
        lines = self._list().line_ids.filtered(lambda line: line.kind == "labour")
        self.assertEqual(
            lines.mapped(lambda line: (line.quantity, line.unit, line.amount_claimed)),
            [(2.5, "hour", 201.38), (1.83, "hour", 147.41)],
        )
        self.assertIn("2.5 hour × ", lines[0].explanation)
        self.assertIn("201.38", lines[0].explanation)
        self.assertEqual(lines[0].amount_fee, 0)

    def test_rate_of_the_machine_kind(self):
        """M9.1: wheel loaders by their own line, 2.5 h × 100.00 = 250.00."""
        loader = self.env.ref("aftersales_parts.machine_kind_loader")
        self.terms.rate_ids = [
            Command.create({"kind": "labour", "machine_kind_id": loader.id, "amount": 100})
        ]
        record = self._visit(done=False)
        self.assertEqual(record._get_payment()["amount_service"], 301.38)
        self.loader.machine_kind_id = loader
        self.assertEqual(record._get_payment()["amount_service"], 350)

    def test_travel_by_distance(self):
        """M9.1: up to 50 km 100.00 a visit; 50.1 km × 1.50 = 75.15; 120 km × 1.50 = 180.00."""
        for distance, amount in ((0, 100), (50, 100), (50.1, 75.15), (120, 180)):
            record = self._visit(distance=distance, done=False)
            fees = {fee["kind"]: fee["amount"] for fee in record._get_payment()["fees"]}
            self.assertEqual(fees["travel"], amount, distance)
            record.sudo().action_cancel("Next case")

    def test_one_journey(self):
        """M9.1: two machines of a customer on one day: labour twice, travel once, as is said."""
        first = self._visit()
        second = self._visit()
        self.assertFalse(first._find_journey_payer())
        lines = self._list().line_ids
        self.assertEqual(sorted(lines.mapped("kind")), ["labour", "labour", "travel"])
        self.assertEqual(lines.filtered(lambda line: line.kind == "travel").record_id, first)
        self.assertEqual(second._get_payment()["amount_service"], 201.38)
        self.assertIn("that day", lines.filtered("visit_key").explanation)
        # the next day is another journey
        self._visit(day="2026-10-21")
        self.assertEqual([vals["kind"] for vals in self._vals()], ["labour", "travel"])

    def test_settled_once(self):
        """Mistake 11: run again nothing comes twice, not even past the program."""
        self._visit()
        settlement = self._list()
        self.assertEqual(len(settlement.line_ids), 2)
        self.assertFalse(self._vals())
        for line in settlement.line_ids:
            vals = {
                "settlement_id": settlement.id,
                "kind": line.kind,
                "record_id": line.record_id.id,
                "visit_key": line.visit_key,
            }
            with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
                self.engine.sudo().create(vals).flush_recordset()
        settlement.with_user(self.users["customer_service"]).action_cancel("Wrong")
        self.assertEqual(len(self._vals()), 2, "what a cancelled list held is free again")

    def test_valid_records_under_warranty_only(self):
        """M9.1, M3.2, M3.4: unsigned work, what the customer caused or pays for, pays nothing."""
        self._visit(done=False)
        self._visit(responsibility="customer", advice="Mind the oil", day="2026-10-21")
        self.card.coverage_ids.date_end = "2026-10-21"
        self._visit(day="2026-10-22")
        self.assertFalse(self._vals())
        self._visit(day="2026-10-21")
        self.assertEqual(len(self._vals()), 2)

    def test_fitted_parts_decide(self):
        """M9.1: what was fitted is covered by its own line of the card: so is the visit."""
        engine_part = self._make_part("Engine part", self.pump.part_class_id)
        self.card.coverage_ids.date_end = "2026-10-01"
        self.card.coverage_ids = [
            Command.create(
                {
                    "component": "Engine part",
                    "product_id": engine_part.id,
                    "kind": "repair",
                    "date_start": "2026-06-01",
                    "date_end": "2027-06-01",
                }
            )
        ]
        covered = self._visit([self._part(engine_part)], done=False)
        other = self._visit([self._part(self.pump)], done=False)
        self.assertTrue(covered._is_under_warranty())
        self.assertFalse(other._is_under_warranty())

    def test_terms_change_within_the_month(self):
        """M9.1: each visit by the fee table of its day: 2.5 h × 80.55, then 2.5 h × 90.00."""
        later = self.terms.copy({"date_from": "2026-10-15"})
        later.rate_ids.filtered(lambda rate: rate.kind == "labour").amount = 90
        self._visit(day="2026-10-14")
        self._visit(day="2026-10-15")
        amounts = [vals["amount_claimed"] for vals in self._vals() if vals["kind"] == "labour"]
        self.assertEqual(amounts, [201.38, 225])

    def test_verification(self):
        """M8.4, M9.1: payable with its record; not when the card turned out void."""
        self._visit()
        settlement = self._list()
        lines = settlement.line_ids
        lines._verify()
        self.assertEqual(set(lines.mapped("result")), {"payable"})
        self.assertEqual(settlement.amount_payable, 301.38)
        self.card.action_void("Sold twice")
        lines._verify()
        self.assertEqual(set(lines.mapped("result")), {"uncovered"})
        self.assertEqual((settlement.amount_payable, settlement.amount_deducted), (0, 301.38))

    # --- mandatory maintenance (M5) --------------------------------------------------------

    def test_maintenance(self):
        """M5: at 612 h the maintenance of 600 h: 300.00, the work included; travel 100.00."""
        record = self._visit(maintenance_step_id=self.steps[600].id, hour_meter=612)
        lines = self._list().line_ids
        self.assertEqual(
            lines.sorted("kind").mapped(lambda line: (line.kind, line.amount_claimed)),
            [("maintenance", 300), ("travel", 100)],
        )
        text = lines.filtered(lambda line: line.kind == "maintenance").explanation
        self.assertIn("612 h", text)
        self.assertIn("Mandatory maintenance at 600 h", text)
        self.assertEqual(record._get_payment()["amount_service"], 400)

    def test_maintenance_needs_the_meter(self):
        """M5: without the hour meter read the record can't be signed."""
        record = self._visit(maintenance_step_id=self.steps[600].id, done=False)
        self.assertIn("Hour meter", record.missing)
        with self.assertRaisesRegex(UserError, "Hour meter"), self.cr.savepoint():
            self._validate(record)

    def test_maintenance_once_per_card(self):
        """M5: the same maintenance on another record is refused, with that one's number."""
        first = self._visit(maintenance_step_id=self.steps[600].id, hour_meter=600, done=False)
        with self.assertRaisesRegex(ValidationError, first.name), self.cr.savepoint():
            self._visit(maintenance_step_id=self.steps[600].id, hour_meter=610, done=False)
        second = self._visit(hour_meter=610, done=False)
        # two at once: the database refuses what the check can't see
        self.env.flush_all()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            self.env.cr.execute(
                "UPDATE aftersales_service_record SET maintenance_step_id = %s WHERE id = %s",
                [self.steps[600].id, second.id],
            )
        first.action_cancel("Wrong machine")
        second.maintenance_step_id = self.steps[600]

    def test_maintenance_is_signed(self):
        """M3.4, M5: the customer signs for the maintenance: another one voids the signature."""
        record = self._visit(maintenance_step_id=self.steps[600].id, hour_meter=612, done=False)
        record.with_user(self.users["technician"]).action_sign("Customer", self._pixel())
        record.maintenance_step_id = self.steps[100]
        self.assertEqual(record.state, "draft")

    def _pixel(self):
        return self.card.receipt

    def test_maintenance_not_due(self):
        """M5: 600 h after 2 months or at 600 h, whichever first; delivered on 1 June 2026.

        On 31 July with 400 h it isn't due, with 600 h it is; on 1 August it is.
        """
        step = self.steps[600]
        for day, hours, due in (
            ("2026-07-31", 400, False),
            ("2026-07-31", 600, True),
            ("2026-08-01", 400, True),
        ):
            obstacle = step._get_obstacle(self.card, fields.Date.to_date(day), hours)
            self.assertEqual(obstacle is None, due, (day, hours))
        early = self.steps[100]._get_obstacle(self.card, fields.Date.to_date("2026-06-10"), 60)
        self.assertIn("100 h", early)
        record = self._visit(maintenance_step_id=self.steps[2400].id, hour_meter=500, done=False)
        (service,) = self.engine._assess_services(record).values()
        self.assertFalse(service["is_payable"])
        self.assertIn("2400 h", service["obstacles"][0])

    def test_maintenance_within_the_warranty(self):
        """M5: after the warranty nothing is paid."""
        self.card.coverage_ids.date_end = "2026-10-19"
        record = self._visit(maintenance_step_id=self.steps[600].id, hour_meter=612)
        self.assertEqual(record._get_payment()["amount_service"], 0)
        self.assertFalse(self._vals())

    # --- allowance and rebate (L3.2) -------------------------------------------------------

    def _agree(self, amount, date_from, **vals):
        fee = (
            self.env["aftersales.center.fee"]
            .with_user(self.users["office_manager"])
            .create({"center_id": self.center.id, "amount": amount, "date_from": date_from, **vals})
        )
        fee.action_submit()
        fee.with_user(self.users["customer_service"]).action_approve()
        return fee

    def test_allowance_by_days(self):
        """L3.2: 3100.00 from 22 October on: 10 of 31 days, 1000.00; all of November, 3100.00."""
        self.center.center_state = "active"
        self._agree(3100, "2026-10-22")
        line = self._list().line_ids
        self.assertEqual((line.kind, line.amount_claimed), ("allowance", 1000))
        self.assertIn("10 of 31 days", line.explanation)
        self.assertFalse(self._vals())
        november = self.engine._prepare_service_vals(fields.Date.to_date("2026-11-01"), self.center)
        self.assertEqual([vals["amount_claimed"] for vals in november[self.center]], [3100])

    def test_two_allowances_in_a_month(self):
        """L3.2: 2000.00 until the 14th: 903.23 (14/31); 1000.00 from the 15th: 548.39 (17/31)."""
        self.center.center_state = "active"
        self._agree(2000, "2026-09-01")
        self._agree(1000, "2026-10-15")
        self.assertEqual([vals["amount_claimed"] for vals in self._vals()], [903.23, 548.39])

    def test_only_agreed_allowances(self):
        """L3.2: what isn't agreed, or of another center, isn't paid."""
        self.center.center_state = "active"
        self.env["aftersales.center.fee"].with_user(self.users["office_manager"]).create(
            {"center_id": self.center.id, "amount": 5, "date_from": "2026-10-01"}
        )
        self.assertFalse(self._vals())

    def test_rebate(self):
        """L3.2: customer service adds a rebate with its ground to a draft of service fees only."""
        self._visit()
        settlement = self._list()
        for role in ("center", "clerk", "office_manager"):
            with self.assertRaises(AccessError):
                settlement.with_user(self.users[role]).action_open_rebate()
        own = settlement.with_user(self.users["customer_service"])
        action = own.action_open_rebate()
        wizard = (
            self.env["aftersales.settlement.rebate"]
            .with_user(self.users["customer_service"])
            .with_context(**action["context"])
            .create({"amount": 1234.56, "ground": "Target of the quarter"})
        )
        wizard.action_confirm()
        line = settlement.line_ids.filtered(lambda line: line.kind == "rebate")
        self.assertEqual(line.amount_claimed, 1234.56)
        self.assertIn("Target of the quarter", line.explanation)
        self.assertEqual(settlement.amount_claimed, 1535.94)
        for amount, ground in ((0, "x"), (-5, "x"), (0.004, "x"), (5, " ")):
            with self.assertRaisesRegex(UserError, "more than zero"), self.cr.savepoint():
                own._add_rebate(amount, ground)
        with self.assertRaises(AccessError):
            line.with_user(self.users["clerk"]).action_remove_rebate()
        others = settlement.line_ids - line
        with self.assertRaisesRegex(UserError, "no rebate"), self.cr.savepoint():
            others[0].with_user(self.users["customer_service"]).action_remove_rebate()
        line.with_user(self.users["customer_service"]).action_remove_rebate()
        self.assertEqual(settlement.line_ids, others)
        self._make_record([self._scrap(self.seal)])
        parts = self._generate().filtered(lambda s: s.kind == "parts")
        with self.assertRaisesRegex(UserError, "pays parts"):
            parts.with_user(self.users["customer_service"]).action_open_rebate()
        settlement._write_protected({"state": "verified"})
        with self.assertRaises(UserError):
            own._add_rebate(5, "Too late")

    def test_rebate_of_ones_own_center(self):
        """L3.2, mistake 11: who is paid doesn't grant himself a rebate, nor takes one off."""
        self._visit()
        settlement = self._list()
        line = settlement.with_user(self.users["customer_service"])._add_rebate(5, "Target")
        user = self._make_center_user("parts_two_roles", self.center)
        user.group_ids += self.env.ref("aftersales_service.group_customer_service")
        own = settlement.with_user(user)
        for grant in (
            own.action_open_rebate,
            lambda: own._add_rebate(5, "Target"),
            line.with_user(user).action_remove_rebate,
        ):
            with self.assertRaisesRegex(AccessError, "somebody else"):
                grant()

    def test_rebate_on_what_we_claim(self):
        """L3.2, M9.1: no rebate of ours raises what the manufacturer is asked for."""
        settlement = self.env["aftersales.settlement"].create(
            {
                "center_id": self.center.id,
                "month": OCTOBER,
                "kind": "service",
                "direction": "receivable",
            }
        )
        with self.assertRaisesRegex(UserError, "not done"):
            settlement.with_user(self.users["customer_service"])._add_rebate(5, "Target")

    def test_rebate_for_a_center_without_visits(self):
        """L3.2: a rebate of 1234.56 is paid in a month without services, on a list of its own."""
        windows = self.env["aftersales.settlement.rebate"]

        def grant(role="customer_service", **vals):
            vals = {"center_id": self.center.id, "month": "2026-10-31", "amount": 1234.56, **vals}
            window = windows.with_user(self.users[role]).create({"ground": "Target", **vals})
            return self.env["aftersales.settlement"].browse(window.action_confirm()["res_id"])

        settlement = grant()
        self.assertEqual((settlement.kind, settlement.direction), ("service", "payable"))
        self.assertEqual((settlement.month, settlement.amount_claimed), (OCTOBER, 1234.56))
        self.assertEqual(grant(amount=1), settlement, "the draft takes the next one, too")
        settlement.with_user(self.users["clerk"]).action_verify()
        self.assertEqual(settlement.amount_payable, 1235.56)
        second = grant(amount=2)
        self.assertEqual((second.supplement, second.amount_claimed), (1, 2))
        for vals, message in (
            ({"month": "2099-01-01"}, "hasn't begun"),
            ({"center_id": self.customer.id}, "no service center"),
            ({"amount": 0}, "more than zero"),
        ):
            with self.assertRaisesRegex(UserError, message), self.cr.savepoint():
                grant(**vals)
        for role in ("clerk", "center"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                grant(role)

    def test_who_adds_a_rebate_does_not_audit_it(self):
        """L3.2, M8.4: one of customer service grants, a clerk verifies, another one audits."""
        self._visit()
        settlement = self._list()
        service = settlement.with_user(self.users["customer_service"])
        service._add_rebate(1234.56, "Target of the quarter")
        settlement.with_user(self.users["clerk"]).action_verify()
        for step in (service.action_audit, service.action_send):
            with self.assertRaisesRegex(AccessError, "a colleague"):
                step()
        colleague = new_test_user(
            self.env, "parts_service_2", groups="aftersales_service.group_customer_service"
        )
        settlement.with_user(colleague).action_send()
        self.assertEqual((settlement.state, settlement.auditor_id), ("sent", colleague))
        # nor does an objection raise what was granted
        rebate = settlement.line_ids.filtered(lambda line: line.kind == "rebate")
        with self.assertRaisesRegex(UserError, "between 0 and the"):
            settlement.with_user(self.users["center"])._object(
                [{"line_id": rebate.id, "amount_expected": 999999, "cause": "As agreed"}]
            )

    # --- fee tables ------------------------------------------------------------------------

    def test_fee_tables_are_consistent(self):
        """M9.1: one line for each machine kind and distance, of a basis that makes sense."""
        for vals in (
            {"kind": "labour", "basis": "km"},
            {"kind": "maintenance", "basis": "visit"},
            {"kind": "labour", "basis": "visit"},
            {"kind": "travel", "basis": "km", "distance_from": 49.9},
            {"kind": "travel", "basis": "visit"},
            {"kind": "labour", "basis": "hour", "distance_to": 5},
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self.terms.rate_ids = [Command.create({"amount": 1, **vals})]

    def test_agreed_tables_stay(self):
        """M9.1: fee tables that an agreed list went by can't be changed, by no way."""
        self._visit()
        settlement = self._list()
        loader = self.env.ref("aftersales_parts.machine_kind_loader")
        rate = self.terms.rate_ids[0]
        rate.amount = 81
        settlement._write_protected({"state": "confirmed"})
        for change in (
            lambda: rate.write({"amount": 1}),
            lambda: rate.unlink(),
            lambda: rate.create(
                {"terms_id": self.terms.id, "machine_kind_id": loader.id, "amount": 1}
            ),
            lambda: self.terms.write({"rate_ids": [Command.update(rate.id, {"amount": 2})]}),
            lambda: rate.write({"terms_id": self.terms.copy().id}),
        ):
            with self.assertRaisesRegex(UserError, "new terms"), self.cr.savepoint():
                change()
        copy = self.terms.copy({"date_from": "2026-12-01"})
        self.assertEqual(len(copy.rate_ids), 4)
        copy.rate_ids[0].amount = 5

    def test_lines_are_closed(self):
        """Mistake 11: no role writes, creates or deletes a line; nor reads another center's."""
        self._visit()
        settlement = self._list()
        line = settlement.line_ids[0]
        other = self._make_center_user("parts_other", self._make_center("Other", False))
        for role in ("center", "clerk", "customer_service", "accountant"):
            own = line.with_user(self.users[role])
            self.assertTrue(own.explanation)
            for name, value in (("quantity", 9), ("amount_base", 9), ("kind", "rebate")):
                with self.assertRaises(AccessError):
                    own.write({name: value})
            with self.assertRaises(AccessError):
                own.unlink()
            with self.assertRaises(AccessError):
                own.create({"settlement_id": settlement.id, "kind": "rebate"})
        with self.assertRaises(AccessError):
            line.with_user(other).explanation  # noqa: B018

    def test_queries_do_not_grow(self):
        """Ten times the visits, the same number of queries."""

        def count(number):
            records = self.env["aftersales.service.record"].union(
                *(self._visit(day="2026-10-22") for _i in range(number))
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.engine._prepare_visit_vals(records)
            return self.cr.sql_log_count - before

        count(1)
        self.assertEqual(count(1), count(10))
