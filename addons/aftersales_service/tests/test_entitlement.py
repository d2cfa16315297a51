from datetime import date

from freezegun import freeze_time

from odoo.addons.mail.tests.common import mail_new_test_user
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import format_date

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestEntitlement(AftersalesCommon):
    """What is covered, until when, at whose cost, and by which article."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # whole machine until 1 July 2027 or 2400 h, hydraulics 1 January 2027 or 1200 h
        with freeze_time("2026-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.whole, cls.hydraulic, cls.none = cls.card.coverage_ids
        cls.startClassPatcher(freeze_time("2026-11-20 02:00:00"))

    def _article(self, code):
        return self.env.ref(f"aftersales_service.regulation_{code.replace('.', '_')}")

    def _day(self, day):
        return format_date(self.card.env, day)

    def _entitlement(self, product, day, hours=0.0, claimant="consumer", card=None):
        card = self.card if card is None else card
        return card._get_entitlements(product, date.fromisoformat(day), hours, claimant)[product]

    def _assert_verdict(self, entitlement, verdict, article=None, words=""):
        self.assertEqual(entitlement["verdict"], verdict)
        self.assertIn(words, entitlement["reason"])
        if article:
            self.assertEqual(entitlement["regulation"], self._article(article))

    # --- by date and hours -------------------------------------------------------------------

    def test_last_day(self):
        """L1.1, E6: covered through the last day, chargeable with 10 % from the next."""
        covered = self._entitlement(self.engine_part, "2027-07-01")
        self._assert_verdict(covered, "covered", words=f"until {self._day('2027-07-01')}")
        self.assertEqual(covered["coverage"], self.whole)
        self.assertFalse(covered["charged"])
        expired = self._entitlement(self.engine_part, "2027-07-02")
        self._assert_verdict(expired, "chargeable", "E6", f"ended on {self._day('2027-07-01')}")
        self.assertIn("10 %", expired["reason"])
        self.assertEqual(expired["terms"], self.whole)
        self.assertFalse(expired["coverage"])
        self.assertTrue(expired["charged"])
        self.assertEqual(expired["repair_fee_rate"], 10)

    def test_component_first(self):
        """L1.1: the pump's own line ends half a year earlier than the whole machine's."""
        self._assert_verdict(self._entitlement(self.pump, "2027-01-01"), "covered")
        self._assert_verdict(self._entitlement(self.pump, "2027-01-02"), "chargeable")
        self._assert_verdict(self._entitlement(self.engine_part, "2027-01-02"), "covered")

    def test_hours(self):
        """M3.1: the cover ends with the hours too; the very limit is still covered."""
        self._assert_verdict(self._entitlement(self.pump, "2026-08-01", 1200), "covered")
        over = self._entitlement(self.pump, "2026-08-01", 1200.5)
        self._assert_verdict(over, "chargeable", words="ended at 1200 h; the meter shows 1200.5 h")
        unknown = self._entitlement(self.pump, "2026-08-01")
        self._assert_verdict(unknown, "covered", words="read the hour meter")

    def test_hours_known_from_before(self):
        """M5: who doesn't know the meter gets the answer by its last reading before that day."""
        self.env["aftersales.meter.reading"].create(
            [
                {"card_id": self.card.id, "date": "2026-08-01", "meter": 600},
                {"card_id": self.card.id, "date": "2026-10-01", "meter": 1300},
            ]
        )
        self._assert_verdict(self._entitlement(self.pump, "2026-09-30"), "covered")
        over = self._entitlement(self.pump, "2026-10-01")
        self._assert_verdict(over, "chargeable", words="the meter shows 1300 h")

    def test_before_start(self):
        """E6: a fault before the delivery is a mistyped day, not a free repair."""
        early = self._entitlement(self.engine_part, "2026-06-30")
        self._assert_verdict(early, "refuse", words=f"begins on {self._day('2026-07-01')}")
        self.assertFalse(early["charged"])

    def test_no_warranty(self):
        """L1.1: what has no warranty is charged on the first day, with the fee."""
        seal = self._entitlement(self.seal, "2026-07-01")
        self._assert_verdict(seal, "chargeable", words="“Seals” has no warranty")
        self.assertEqual(seal["repair_fee_rate"], 10)

    def test_after_expiry(self):
        """L1.1, R2: fee, parts only, free or refused, as the line says."""
        for after, verdict, charged, rate in (
            ("fee", "chargeable", True, 10),
            ("parts", "chargeable", True, 0),
            ("free", "covered", False, 0),
            ("refuse", "refuse", False, 0),
        ):
            with self.subTest(after=after):
                self.whole.sudo().after_expiry = after
                answer = self._entitlement(self.engine_part, "2027-07-02")
                self._assert_verdict(answer, verdict)
                self.assertEqual((answer["charged"], answer["repair_fee_rate"]), (charged, rate))
                self.assertFalse(answer["coverage"])

    def test_fee_rate_is_data(self):
        """L1.1: the 10 % is proposed by the company and kept by the policy, nowhere else."""
        self.company.aftersales_repair_fee_rate = 12.5
        policy = self._new_policy(1)
        self.assertEqual(policy.line_ids.repair_fee_rate, 12.5)
        self.assertEqual(self._entitlement(self.seal, "2026-07-01")["repair_fee_rate"], 10)
        nobody = self._entitlement(
            self.seal, "2026-07-01", card=self.env["aftersales.warranty.card"]
        )
        self.assertEqual(nobody["repair_fee_rate"], 12.5)

    # --- the card itself ---------------------------------------------------------------------

    def test_without_card(self):
        """E6: no card, no cover, but a price."""
        card = self.env["aftersales.warranty.card"]
        answer = self._entitlement(self.pump, "2026-07-01", card=card)
        self._assert_verdict(answer, "chargeable", "E6", "no warranty card")

    def test_void_card(self):
        """E6: a void card covers nothing, whatever the day."""
        self.card.action_void("Forged receipt")
        answer = self._entitlement(self.pump, "2026-07-01")
        self._assert_verdict(answer, "chargeable", "E6", "isn't valid: Void")

    def _new_lamp_card(self, policy, **vals):
        lamp = self.env["product.product"].create({"name": "Lamp", "warranty_policy_id": policy.id})
        return self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": lamp.id,
                "date_purchase": "2025-09-10",
                "receipt": PIXEL,
                **vals,
            }
        )

    def test_proof_of_purchase(self):
        """L2.2: without a proof nothing is free; with the receipt added it is."""
        policy = self.env.ref("aftersales_service.policy_ceiling_lamp")
        card = self._new_lamp_card(policy, receipt=False)
        ballast = self.env["product.product"].create(
            {"name": "Ballast", "categ_id": self.env.ref("aftersales_service.categ_ballast").id}
        )
        answer = self._entitlement(ballast, "2026-09-10", card=card)
        self._assert_verdict(answer, "chargeable", "L2.2", "no proof of purchase")
        card.with_user(self.clerk).receipt = PIXEL
        self._assert_verdict(self._entitlement(ballast, "2026-09-10", card=card), "covered")

    def test_ceiling_lamp(self):
        """L1.1: from purchase ballast 1 year, tube 6 months, plastic parts none."""
        card = self._new_lamp_card(self.env.ref("aftersales_service.policy_ceiling_lamp"))
        for name, day, verdict in (
            ("ballast", "2026-09-10", "covered"),
            ("ballast", "2026-09-11", "chargeable"),
            ("tube", "2026-03-10", "covered"),
            ("tube", "2026-03-11", "chargeable"),
            ("plastic", "2025-09-10", "chargeable"),
        ):
            categ = self.env.ref(f"aftersales_service.categ_{name}")
            part = self.env["product.product"].create({"name": name, "categ_id": categ.id})
            with self.subTest(part=name, day=day):
                answer = self._entitlement(part, day, card=card)
                self._assert_verdict(answer, verdict, "L1.1")
                if verdict == "chargeable":
                    self.assertEqual(answer["repair_fee_rate"], 10)

    def test_energy_saving_lamp(self):
        """L1.2 D: consumers 12 months from purchase, dealers 15 from manufacture, by the code."""
        policy = self.env.ref("aftersales_service.policy_energy_saving_lamp")
        card = self._new_lamp_card(policy, date_manufacture="2025-08-31")
        lamp = card.product_id
        for claimant, day, verdict, article in (
            ("consumer", "2026-09-10", "exchange", "L1.1"),
            ("consumer", "2026-09-11", "refuse", "L1.1"),
            ("dealer", "2026-11-30", "exchange", "L1.2"),
            ("dealer", "2026-12-01", "refuse", "L1.2"),
        ):
            with self.subTest(claimant=claimant, day=day):
                answer = self._entitlement(lamp, day, claimant=claimant, card=card)
                self._assert_verdict(answer, verdict, article)
                self.assertFalse(answer["charged"])

    def test_dealer_without_code(self):
        """L1.2 D: without the day of manufacture a dealer's claim waits for it."""
        policy = self.env.ref("aftersales_service.policy_energy_saving_lamp")
        card = self._new_lamp_card(policy)
        answer = self._entitlement(card.product_id, "2026-01-01", claimant="dealer", card=card)
        self._assert_verdict(answer, "refuse", words="as printed on the product")
        card.with_user(self.clerk).date_manufacture = "2025-08-31"
        answer = self._entitlement(card.product_id, "2026-01-01", claimant="dealer", card=card)
        self._assert_verdict(answer, "exchange")

    # --- parts fitted by a repair -----------------------------------------------------------

    def _repair(self, moment, part, **vals):
        with freeze_time(moment):
            request = self._new_request(self.card)
            return self._new_done_record(request, [{"product_id": part.id}], **vals)

    def test_repair_warranty(self):
        """H8: a part fitted on 1 September is covered through 1 October by the repair itself."""
        record = self._repair("2026-09-01 02:00:00", self.seal)
        answer = self._entitlement(self.seal, "2026-10-01")
        self._assert_verdict(answer, "covered", "H8", record.name)
        self.assertEqual(answer["repair_part"], record.part_ids)
        self.assertEqual(answer["date_end"], date(2026, 10, 1))
        self.assertFalse(answer["charged"])
        self._assert_verdict(self._entitlement(self.seal, "2026-10-02"), "chargeable")
        # another part of the machine isn't covered by that repair
        self.whole.sudo().kind = "none"
        self._assert_verdict(self._entitlement(self.engine_part, "2026-09-02"), "chargeable")

    def test_repair_warranty_days_are_data(self):
        """H8: the company may promise more than the 30 days."""
        self.company.aftersales_repair_warranty_days = 90
        self._repair("2026-08-01 02:00:00", self.seal)
        self._assert_verdict(self._entitlement(self.seal, "2026-10-30"), "covered")
        self._assert_verdict(self._entitlement(self.seal, "2026-10-31"), "chargeable")

    def test_repair_warranty_minimum(self):
        """H8: the company may not promise less than the regulation; the 30 is data."""
        with self.assertRaisesRegex(ValidationError, "30 days at least"):
            self.company.aftersales_repair_warranty_days = 29
        self.env["ir.config_parameter"].set_param(
            "aftersales_service.repair_warranty_minimum_days", "15"
        )
        self.company.aftersales_repair_warranty_days = 15

    def test_repair_not_valid(self):
        """H8: a record that isn't valid promises nothing."""
        with freeze_time("2026-09-01 02:00:00"):
            request = self._new_request(self.card)
            self._new_complete_record(request, [{"product_id": self.seal.id}])
        self._assert_verdict(self._entitlement(self.seal, "2026-09-10"), "chargeable")

    def test_record_part_verdict(self):
        """H8, M3.2: the record says what the customer pays for; what he caused is charged."""
        self._repair("2026-09-01 02:00:00", self.seal)
        with freeze_time("2026-09-15 02:00:00"):
            request = self._new_request(self.card)
            parts = [{"product_id": p.id} for p in (self.seal, self.engine_part)]
            record = self._new_complete_record(request, parts)
        seal, belt = record.part_ids
        self.assertEqual((seal.verdict, belt.verdict), ("covered", "covered"))
        self.assertTrue(seal.repair_part_id)
        self.assertFalse(seal.coverage_id)
        record.responsibility = "customer"
        self.assertEqual((seal.verdict, belt.verdict), ("chargeable", "chargeable"))
        self.assertIn("caused", belt.verdict_reason)

    # --- queries -------------------------------------------------------------------------------

    def _count_queries(self, lines):
        policy = self._new_policy(12)
        policy.line_ids = [
            Command.create(
                {
                    "component": f"Part {i}",
                    "duration": 6,
                    "categ_id": self.env["product.category"].create({"name": f"C{i}"}).id,
                }
            )
            for i in range(lines)
        ]
        machine = self._new_machine("Other", policy)
        with freeze_time("2026-07-01 02:00:00"):
            card = self._deliver(f"Q-{lines}", product=machine)
        self.assertEqual(len(card.coverage_ids), lines + 1)
        self.env.flush_all()
        self.env.invalidate_all()
        check = self.env["aftersales.entitlement"].with_user(self.clerk)
        before = self.cr.sql_log_count
        answer = check.new({"search": f"Q-{lines}", "date": date(2026, 8, 1)})
        self.assertEqual(len(answer.line_ids), lines + 1)
        self.assertEqual(answer.verdict, "covered")
        return self.cr.sql_log_count - before

    def test_queries(self):
        """Speed: the screen needs no query for each line of cover."""
        self._count_queries(1)
        # caches that the first reader fills may still differ by one or two
        self.assertLess(abs(self._count_queries(50) - self._count_queries(5)), 5)


@tagged("post_install", "-at_install")
class TestEntitlementScreen(AftersalesCommon):
    """The screen on which a serial is typed or scanned."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2026-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.startClassPatcher(freeze_time("2027-02-01 02:00:00"))
        cls.tax = cls.env["account.tax"].create({"name": "VAT 13", "amount": 13})
        (cls.pump | cls.env.ref("aftersales_service.product_repair_fee")).taxes_id = cls.tax

    def _check(self, user=None, **vals):
        form = Form(self.env["aftersales.entitlement"].with_user(user or self.clerk))
        for name, value in vals.items():
            form[name] = value
        return form

    def test_serial_typed(self):
        """E6: the serial alone brings card, customer and the verdict of each component."""
        form = self._check(search=" sn-1 ")
        self.assertEqual(form.card_id, self.card)
        self.assertEqual(form.partner_id, self.customer)
        self.assertEqual(
            [(line.name, line.verdict) for line in form.save().line_ids],
            [
                ("Whole machine", "covered"),
                ("Hydraulic parts", "chargeable"),
                ("Seals", "chargeable"),
            ],
        )
        self.assertFalse(form.verdict)

    def test_price(self):
        """L1.1: 2 pumps of 2,980.00, 10 % fee 596.00, 13 % VAT 852.28, to pay 7,408.28."""
        form = self._check(search="SN-1", part_id=self.pump, quantity=2)
        self.assertEqual(form.verdict, "chargeable")
        self.assertEqual(form.price_part, 5960.00)
        self.assertEqual(form.price_fee, 596.00)
        self.assertEqual(form.price_tax, 852.28)
        self.assertEqual(form.price_total, 7408.28)
        self.assertEqual(self.env["sale.order"].search_count([("origin", "=", self.card.name)]), 0)

    def test_price_is_the_orders(self):
        """L1.1: the quotation charges what the screen said, also with taxes in prices."""
        self.clerk.group_ids += self.env.ref("sales_team.group_sale_salesman")
        for included in ("tax_excluded", "tax_included"):
            self.tax.price_include_override = included
            self.pump.list_price = 333.33
            check = self._check(search="SN-1", part_id=self.pump, quantity=3).save()
            order = self.env["sale.order"].browse(check.action_quote()["res_id"])
            with self.subTest(included=included):
                self.assertEqual(order.partner_id, self.customer)
                self.assertEqual(order.amount_total, check.price_total)
                self.assertEqual(order.amount_tax, check.price_tax)
                part, fee = order.order_line
                self.assertEqual(part.price_subtotal, check.price_part)
                self.assertEqual(fee.price_subtotal, check.price_fee)

    def test_covered_not_quoted(self):
        """E6: what is covered isn't charged, by RPC neither."""
        belt = self.engine_part
        check = self._check(search="SN-1", part_id=belt).save()
        with self.assertRaisesRegex(UserError, "Nothing is to be charged"):
            check.action_quote()

    def test_fitted_part_scanned(self):
        """H8: the serial of a part fitted by a repair finds the unit, the part and its warranty."""
        with freeze_time("2027-01-20 02:00:00"):
            request = self._new_request(self.card)
            self._new_done_record(
                request,
                [{"product_id": self.pump.id, "serial_fitted": "P-77", "serial_removed": "P-76"}],
            )
        form = self._check(search="p-77")
        self.assertEqual(form.card_id, self.card)
        self.assertEqual(form.part_id, self.pump)
        self.assertEqual(form.verdict, "covered")
        self.assertIn("its own warranty until", form.reason)
        # without naming the part, the repair shows beside the card's own lines
        lines = self._check(search="SN-1").save().line_ids
        self.assertEqual(lines[-1].name, self.pump.display_name)
        self.assertEqual(lines[-1].verdict, "covered")

    def test_mistyped(self):
        """Mistake 13: an unknown serial is answered with what may have been meant."""
        self._deliver("LOADER-2026-0451")
        form = self._check(search="LOADER-2026-0415")
        self.assertFalse(form.card_id)
        self.assertIn("Did you mean LOADER-2026-0451", form.message)
        self.assertIn("no card of this number", self._check(search="ZZZZZZ").message)

    def test_two_units(self):
        """E6: a number that two products share asks which one."""
        other = self._new_machine("Excavator", self._new_policy(1))
        with freeze_time("2026-07-01 02:00:00"):
            card = self._deliver("SN-1", product=other)
        form = self._check(search="SN-1")
        self.assertIn("choose the unit", form.message)
        self.assertFalse(form.card_id)
        form.product_id = other
        self.assertEqual(form.card_id, card)
        self.assertEqual(form.verdict, "chargeable")

    def test_roles(self):
        """Mistake 6: a center may ask about any unit but doesn't see whose it is."""
        for user in (self.center_user, self.technician, self.office_manager, self.quality):
            form = self._check(user, search="SN-1")
            self.assertEqual(form.serial_number, "SN-1")
            self.assertEqual(len(form.save().line_ids), 3)
        form = self._check(self.center_user, search="SN-1")
        self.assertFalse(form.card_id)
        self.assertFalse(form.partner_id)
        # numbers of cards can be guessed one after the other, serials can't
        for number in (self.card.name, self.card.name.lower(), self.card.name.replace("W", "Ｗ")):
            self.assertFalse(self._check(self.center_user, search=number).serial_number)
        self.assertEqual(self._check(search=self.card.name).serial_number, "SN-1")
        for user in (self.logistics, self._new_user("user", login="test_nobody")):
            with self.assertRaises(AccessError):
                self._check(user, search="SN-1")

    def test_other_company(self):
        """Mistake 6: a unit of another company is unknown here."""
        company = self.env["res.company"].create({"name": "Another company"})
        self.clerk.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
        form = self._check(search="SN-1")
        self.assertFalse(form.card_name)
        # by RPC, too
        check = self.env["aftersales.entitlement"].with_user(self.clerk)
        vals = {"search": "SN-1", "company_id": self.company.id}
        self.assertFalse(check.create(vals).card_name)
        specs = {name: {} for name in ("search", "company_id", "card_name", "unit_name")}
        self.assertFalse(check.onchange(vals, ["search"], specs)["value"].get("card_name"))
        priced = check.create({**vals, "search": False, "part_id": self.pump.id})
        self.assertFalse(priced.price_total)


@tagged("post_install", "-at_install")
class TestCharge(AftersalesCommon):
    """What the warranty doesn't cover is charged on a sales order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2025-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.tax = cls.env["account.tax"].create({"name": "VAT 13", "amount": 13})
        products = cls.pump | cls.engine_part | cls.seal
        (products | cls.env.ref("aftersales_service.product_repair_fee")).taxes_id = cls.tax
        cls.clerk.group_ids += cls.env.ref("sales_team.group_sale_salesman")

    def _charge(self, parts, user=None, **vals):
        record = self._new_done_record(self._new_request(self.card), parts, **vals)
        action = record.with_user(user or self.clerk).action_charge()
        return record, self.env["sale.order"].browse(action["res_id"])

    def test_order(self):
        """L1.1: 2,980.00 + 2 × 120.00 = 3,220.00, fee 322.00, VAT 460.46, total 4,002.46."""
        record, order = self._charge(
            [
                {"product_id": self.pump.id},
                {"product_id": self.engine_part.id, "quantity": 2},
            ]
        )
        pump, belt, fee = order.order_line
        self.assertEqual(order.partner_id, self.customer)
        self.assertEqual(order.origin, record.name)
        self.assertEqual((pump.price_subtotal, belt.price_subtotal), (2980.00, 240.00))
        self.assertEqual((fee.price_subtotal, fee.is_repair_fee), (322.00, True))
        self.assertEqual(order.order_line.tax_ids, self.tax)
        self.assertEqual(order.amount_untaxed, 3542.00)
        self.assertEqual(order.amount_tax, 460.46)
        self.assertEqual(order.amount_total, 4002.46)

    def test_nothing_delivered_all_invoiced(self):
        """E7: the parts are in the machine: the order delivers nothing and is invoiced whole."""
        self.pump.write({"is_storable": True, "invoice_policy": "delivery"})
        _record, order = self._charge([{"product_id": self.pump.id}])
        order.action_confirm()
        self.assertFalse(order.picking_ids)
        invoice = order._create_invoices()
        invoice.action_post()
        # 2,980.00 and 298.00, with 13 %
        self.assertEqual(invoice.amount_total, 3704.14)
        self.assertEqual(order.invoice_status, "invoiced")

    def test_fee_follows_parts(self):
        """L1.1: the fee stays 10 % of the parts when price, discount or quantity change."""
        _record, order = self._charge([{"product_id": self.pump.id}])
        pump, fee = order.order_line
        self.assertEqual(fee.price_unit, 298.00)
        pump.discount = 10
        self.assertEqual(fee.price_unit, 268.20)
        pump.write({"discount": 0, "price_unit": 1000.05})
        self.assertEqual(fee.price_unit, 100.01)
        pump.unlink()
        self.assertFalse(order.order_line)

    def test_one_fee_per_rate(self):
        """L1.1, R2: components with their own rates, or none, are told apart."""
        self.card.coverage_ids[1].sudo().repair_fee_rate = 5
        self.card.coverage_ids[2].sudo().after_expiry = "parts"
        parts = [{"product_id": p.id} for p in (self.pump, self.engine_part, self.seal)]
        _record, order = self._charge(parts)
        fees = order.order_line.filtered("is_repair_fee")
        # 5 % of 2,980.00 and 10 % of 120.00, nothing on the seal's 168.00
        self.assertEqual(
            sorted((f.repair_fee_rate, f.price_unit) for f in fees), [(5, 149.00), (10, 12.00)]
        )
        self.assertEqual(order.amount_untaxed, 2980 + 120 + 168 + 161)

    def test_covered_part_not_charged(self):
        """E6: only what the customer has to pay for comes on the order."""
        with freeze_time("2026-01-10 02:00:00"):
            record = self._new_done_record(
                self._new_request(self.card),
                [{"product_id": self.pump.id}, {"product_id": self.engine_part.id}],
            )
        order = self.env["sale.order"].browse(
            record.with_user(self.clerk).action_charge()["res_id"]
        )
        # hydraulics ended on 1 January 2026, the whole machine on 1 July 2026
        self.assertEqual(order.order_line.service_part_id, record.part_ids[0])

    def test_nothing_to_charge(self):
        """E6: a record without chargeable parts makes no order."""
        with freeze_time("2025-08-01 02:00:00"):
            request = self._new_request(self.card)
            record = self._new_done_record(request, [{"product_id": self.engine_part.id}])
        with self.assertRaisesRegex(UserError, "Nothing is to be charged"):
            record.with_user(self.clerk).action_charge()

    def test_charged_once(self):
        """Mistake 11: the second click opens the same order; a cancelled one may be made again."""
        record, order = self._charge([{"product_id": self.pump.id}])
        again = record.with_user(self.clerk).action_charge()
        self.assertEqual(again["res_id"], order.id)
        order.action_cancel()
        self.assertNotEqual(record.with_user(self.clerk).action_charge()["res_id"], order.id)

    def test_not_before_signature(self):
        """M3.4: nothing is charged that the customer hasn't signed for."""
        record = self._new_complete_record(
            self._new_request(self.card), [{"product_id": self.pump.id}]
        )
        with self.assertRaisesRegex(UserError, "after the customer has signed"):
            record.with_user(self.clerk).action_charge()

    def test_without_sales_role(self):
        """H1: who has no right on sales gets no order."""
        record = self._new_done_record(self._new_request(self.card), [{"product_id": self.pump.id}])
        with self.assertRaises(AccessError):
            record.with_user(self.technician).action_charge()
        self.assertEqual(record.sale_order_count, 0)

    def test_discounted_list(self):
        """L1.1: the fee of a list with 20 % off is 10 % of the discounted price, once."""
        self.env.ref("base.group_user").implied_ids += self.env.ref(
            "sale.group_discount_per_so_line"
        )
        self.customer.property_product_pricelist = self.env["product.pricelist"].create(
            {
                "name": "20 % off",
                "item_ids": [Command.create({"compute_price": "percentage", "percent_price": 20})],
            }
        )
        self.env.ref("aftersales_service.product_repair_fee").list_price = 50
        _record, order = self._charge([{"product_id": self.engine_part.id}])
        part, fee = order.order_line
        self.assertEqual((part.discount, part.price_subtotal), (20, 96))
        self.assertEqual((fee.discount, fee.price_subtotal), (0, 9.6))
        order.action_update_prices()
        self.assertEqual((fee.discount, fee.price_subtotal), (0, 9.6))

    def test_copied_fee_line(self):
        """L1.1: a line copied by mistake doesn't charge the fee twice."""
        _record, order = self._charge([{"product_id": self.engine_part.id}])
        part, fee = order.order_line
        fee.copy({"order_id": order.id})
        part.product_uom_qty = 2
        self.assertEqual(order.order_line.filtered("is_repair_fee").mapped("price_subtotal"), [24])

    def test_foreign_service(self):
        """Mistake 6: a salesman can't take a service that he doesn't see for one he charges."""
        salesman = mail_new_test_user(
            self.env, login="test_salesman", groups="sales_team.group_sale_salesman"
        )
        record = self._new_done_record(self._new_request(self.card), [{"product_id": self.pump.id}])
        orders = self.env["sale.order"].with_user(salesman)
        line = {"product_id": self.pump.id, "service_part_id": record.part_ids.id}
        for vals in (
            {"service_record_id": record.id},
            {"order_line": [Command.create(line)]},
        ):
            with self.assertRaises(AccessError), self.cr.savepoint():
                orders.create({"partner_id": self.customer.id, **vals})
            order = orders.create({"partner_id": self.customer.id})
            with self.assertRaises(AccessError), self.cr.savepoint():
                order.write(vals)
        with self.assertRaises(AccessError), self.cr.savepoint():
            orders.with_context(default_service_record_id=record.id).create(
                {"partner_id": self.customer.id}
            )
