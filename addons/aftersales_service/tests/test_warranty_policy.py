from datetime import date, timedelta

from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestWarrantyPolicy(AftersalesCommon):
    def test_without_line_refused(self):
        """Mistake 1: a policy that promises nothing isn't a policy."""
        with self.assertRaisesRegex(ValidationError, "covers nothing"), self.cr.savepoint():
            self.policy.create({"name": "Nothing"})

    def test_last_line_not_removed(self):
        """Mistake 1: nor does a policy lose its last line, by whatever way."""
        policy = self._new_policy(12)
        with self.assertRaisesRegex(ValidationError, "covers nothing"), self.cr.savepoint():
            policy.write({"line_ids": [Command.clear()]})
        policy = self._new_policy(12)
        with self.assertRaisesRegex(ValidationError, "covers nothing"), self.cr.savepoint():
            policy.line_ids.unlink()

    @mute_logger("odoo.sql_db")
    def test_impossible_values(self):
        """Mistake 1: a warranty lasts a month or more; “no warranty” needs no months."""
        for vals in (
            {"duration": 0},
            {"duration": -1},
            {"kind": "exchange", "duration": 0},
            {"duration": 12, "hour_limit": -1},
        ):
            with (
                self.subTest(**vals),
                self.assertRaisesRegex(CheckViolation, "duration|hour_limit"),
                self.cr.savepoint(),
            ):
                self.policy.line_ids.create(
                    {
                        "policy_id": self.policy.id,
                        "component": "Cab",
                        "categ_id": self.categ_part.id,
                        **vals,
                    }
                )
        line = self.policy.line_ids.create(
            {
                "policy_id": self.policy.id,
                "component": "Cab",
                "categ_id": self.categ_part.id,
                "kind": "none",
            }
        )
        line.flush_recordset()
        self.assertEqual(line.duration, 0)

    def test_used_policy_kept(self):
        """E4: a policy that cards were issued from stays; an unused one may go."""
        self._deliver("SN-1")
        with self.assertRaisesRegex(UserError, "can't be deleted. Archive it"):
            self.policy.unlink()
        unused = self._new_policy(12)
        unused.unlink()
        self.assertFalse(unused.exists())
        self.assertTrue(self.policy.exists())


@freeze_time("2026-09-01 02:00:00")
@tagged("post_install", "-at_install")
class TestWarrantyPolicyVersions(AftersalesCommon):
    """A policy changes by a version from a day on; what was promised stays (L1.1)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # up to 31 July 12 months, in August 24, from 1 September on 36
        cls.second = cls.policy._start_version(date(2026, 8, 1))
        cls.third = cls.second._start_version(date(2026, 9, 1))
        cls.second.line_ids[0].duration = 24
        cls.third.line_ids[0].duration = 36

    def _new_card(self, serial, day, **vals):
        return self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "serial_number": serial,
                "date_delivery": day,
                **vals,
            }
        )

    def test_edge_days(self):
        """L1.1: each day has its version, the last and the first day of each included."""
        for day, version in (
            (date(2000, 1, 1), self.policy),
            (date(2026, 7, 31), self.policy),
            (date(2026, 8, 1), self.second),
            (date(2026, 8, 31), self.second),
            (date(2026, 9, 1), self.third),
            (date(2099, 1, 1), self.third),
        ):
            for policy in (self.policy, self.second, self.third):
                with self.subTest(day=day, policy=policy.display_name):
                    self.assertEqual(policy._get_version(day), version)
        self.third.valid_to = "2026-12-31"
        self.assertEqual(self.policy._get_version(date(2026, 12, 31)), self.third)
        self.assertFalse(self.policy._get_version(date(2027, 1, 1)))
        self.policy.valid_from = "2026-01-01"
        self.assertFalse(self.policy._get_version(date(2025, 12, 31)))

    def test_card_gets_version_of_its_day(self):
        """L1.1, mistake 1: each card promises what held on its day, by hand and by delivery."""
        for number, (day, version, end) in enumerate(
            (
                ("2026-07-31", self.policy, date(2027, 7, 31)),
                ("2026-08-01", self.second, date(2028, 8, 1)),
                ("2026-08-31", self.second, date(2028, 8, 31)),
                ("2026-09-01", self.third, date(2029, 9, 1)),
            )
        ):
            with self.subTest(day=day):
                card = self._new_card(f"SN-{number}", day)
                self.assertEqual(card.policy_id, version)
                self.assertEqual(card.date_end, end)
        with freeze_time("2026-08-31 15:59:59"):  # the last second of August in Shanghai
            self.assertEqual(self._deliver("SN-8").policy_id, self.second)
        with freeze_time("2026-08-31 16:00:00"):
            self.assertEqual(self._deliver("SN-9").policy_id, self.third)

    def test_delivery_outranks_purchase(self):
        """L1.1: the version goes by the delivery, and by the purchase if nothing was delivered."""
        card = self._new_card("SN-1", "2026-08-01", date_purchase="2026-07-31")
        self.assertEqual(card.policy_id, self.second)
        card = self._new_card("SN-2", False, date_purchase="2026-07-31")
        self.assertEqual(card.policy_id, self.policy)

    def test_wrong_version_refused(self):
        """Mistake 1: nobody issues a card from a version of another day."""
        for version in (self.second, self.third):
            with (
                self.assertRaisesRegex(ValidationError, "isn't the version in force on 2026-07-31"),
                self.cr.savepoint(),
            ):
                self._new_card("SN-1", "2026-07-31", policy_id=version.id)

    def test_later_version_leaves_cards(self):
        """Mistake 1: a version made later doesn't touch the cards that were issued before."""
        card = self._new_card("SN-1", "2026-09-01")
        before = card.coverage_ids.read()
        fourth = self.third._start_version(date(2026, 9, 2))
        fourth.line_ids[0].duration = 1
        self.env.invalidate_all()
        self.assertEqual(card.coverage_ids.read(), before)
        self.assertEqual(card.policy_id, self.third)
        self.assertEqual(self.third.valid_to, date(2026, 9, 1))
        self.assertEqual(fourth.origin_id, self.policy)

    def test_overlap_refused(self):
        """Bad input: two versions never hold on the same day, whichever way they come to."""
        for record, vals in (
            (self.second, {"valid_to": "2026-09-01"}),
            (self.second, {"valid_to": False}),
            (self.second, {"valid_from": "2026-07-31"}),
            (self.second, {"valid_from": False}),
            (self.policy, {"valid_to": False}),
            (self.third, {"valid_from": "2026-08-31"}),
        ):
            with (
                self.subTest(policy=record.display_name, **vals),
                self.assertRaisesRegex(ValidationError, "would hold on the same day"),
                self.cr.savepoint(),
            ):
                record.write(vals)
        with (
            self.assertRaisesRegex(ValidationError, "would hold on the same day"),
            self.cr.savepoint(),
        ):
            self.policy.copy(
                {"origin_id": self.policy.id, "valid_from": "2026-08-15", "valid_to": False}
            )

    def test_overlap_on_reactivation(self):
        """Bad input: an archived version doesn't come back beside its successor."""
        self.second.active = False
        self.policy.valid_to = "2026-08-31"
        with (
            self.assertRaisesRegex(ValidationError, "would hold on the same day"),
            self.cr.savepoint(),
        ):
            self.second.active = True
        self.policy.valid_to = "2026-07-31"
        self.second.active = True

    def test_archived_version_doesnt_hold(self):
        """L1.1: an archived version is in force on no day."""
        self.second.active = False
        self.assertFalse(self.policy._get_version(date(2026, 8, 15)))

    def test_impossible_period(self):
        """Bad input: a version can't end before it begins, but may hold for one day."""
        with mute_logger("odoo.sql_db"), self.assertRaises(CheckViolation), self.cr.savepoint():
            self.second.valid_to = "2026-07-31"
            self.second.flush_recordset()
        self.second.valid_to = "2026-08-01"
        self.second.flush_recordset()
        self.assertEqual(self.policy._get_version(date(2026, 8, 1)), self.second)

    def test_version_of_version(self):
        """Bad input: versions belong to the first one, and none to itself."""
        for origin in (self.second, self.third):
            with (
                self.assertRaisesRegex(ValidationError, "belongs to the first"),
                self.cr.savepoint(),
            ):
                self.third.origin_id = origin

    def test_roles(self):
        """L1.1: the administrator keeps policies; nobody else writes or versions them."""
        for user in (self.clerk, self.customer_service, self.center_user, self.vp):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.third.with_user(user).write({"valid_to": "2026-12-31"})
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.third.line_ids[0].with_user(user).write({"duration": 99})
        window = (
            self.env["aftersales.warranty.policy.version"]
            .with_user(self.administrator)
            .create({"policy_id": self.third.id, "date": "2026-10-01"})
        )
        version = self.env["aftersales.warranty.policy"].browse(window.action_confirm()["res_id"])
        self.assertEqual(version.valid_from, date(2026, 10, 1))
        self.assertEqual(self.third.valid_to, date(2026, 9, 30))

    def test_same_day_refused(self):
        """Bad input: a version can't begin on the day on which the present one begins."""
        with self.assertRaisesRegex(UserError, "Choose another"):
            self.third._start_version(date(2026, 9, 1))

    def test_other_company(self):
        """L1.1: a company neither sees another's policy nor issues cards from it."""
        other = self.env["res.company"].create({"name": "Other company"})
        clerk = self._new_user(
            "clerk", login="test_clerk_2", company_id=other.id, company_ids=[other.id]
        )
        self._assert_hidden(self.policy | self.second, clerk)
        with self.assertRaisesRegex(UserError, "[Cc]ompan"), self.cr.savepoint():
            self.env["aftersales.warranty.card"].with_company(other).create(
                {
                    "partner_id": self.customer.id,
                    "product_id": self.machine.id,
                    "serial_number": "SN-1",
                    "date_delivery": "2026-09-01",
                    "policy_id": self.third.id,
                }
            )


@freeze_time("2026-09-01 02:00:00")
@tagged("post_install", "-at_install")
class TestWarrantyTerms(AftersalesCommon):
    """From which day cover runs, for whom, and in which words (L1.1, L1.2)."""

    def _new_terms(self, *lines):
        policy = self.env["aftersales.warranty.policy"].create(
            {"name": "Terms", "line_ids": [Command.create(line) for line in lines]}
        )
        self.machine.warranty_policy_id = policy
        return policy

    def _new_card(self, **vals):
        return self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "serial_number": "SN-1",
                **vals,
            }
        )

    def test_start_bases(self):
        """L1.1: each basis with what stands in for it; nothing stands in for the printed code."""
        days = {
            "delivery": "2026-03-01",
            "purchase": "2026-02-01",
            "installation": "2026-04-01",
            "manufacture": "2026-01-01",
        }
        march, february, april, january = (date(2026, month, 1) for month in (3, 2, 4, 1))
        for number, (basis, known, start) in enumerate(
            (
                ("delivery", ("delivery", "purchase"), march),
                ("delivery", ("purchase",), february),
                ("purchase", ("delivery", "purchase"), february),
                ("purchase", ("delivery",), march),
                ("installation", tuple(days), april),
                ("installation", ("delivery", "purchase"), march),
                ("installation", ("purchase",), february),
                ("manufacture", tuple(days), january),
                ("manufacture", ("delivery", "purchase", "installation"), False),
            )
        ):
            with self.subTest(basis=basis, known=known):
                self._new_terms({"component": "All", "duration": 12, "start_basis": basis})
                card = self._new_card(
                    serial_number=f"SN-{number}", **{f"date_{name}": days[name] for name in known}
                )
                self.assertEqual(card.coverage_ids.date_start, start)
                end = start and start.replace(year=2027)
                self.assertEqual(card.coverage_ids.date_end, end)
                self.assertEqual(card.date_end, end)

    def test_claimants(self):
        """L1.2: consumers 12 months from purchase, dealers 15 months from manufacture."""
        exchange = {"kind": "exchange", "after_expiry": "refuse", "repair_fee_rate": 0}
        self._new_terms(
            {
                **exchange,
                "component": "Lamp",
                "claimant": "consumer",
                "duration": 12,
                "start_basis": "purchase",
            },
            {
                **exchange,
                "component": "Lamp, by code",
                "claimant": "dealer",
                "duration": 15,
                "start_basis": "manufacture",
            },
        )
        card = self._new_card(
            date_purchase="2026-06-30", date_manufacture="2026-01-31", receipt=PIXEL
        )
        for claimant, last in (
            ("consumer", date(2027, 6, 30)),
            ("dealer", date(2027, 4, 30)),  # 15 months from 31 January: April has 30 days
        ):
            with self.subTest(claimant=claimant):
                covered = card._get_coverage(self.engine_part, last, claimant=claimant)
                self.assertEqual(covered.claimant, claimant)
                after = last + timedelta(days=1)
                self.assertFalse(card._get_coverage(self.engine_part, after, claimant=claimant))
        # the card shows the consumer's window
        self.assertEqual(card.date_start, date(2026, 6, 30))
        self.assertEqual(card.date_end, date(2027, 6, 30))

    def test_installed_later(self):
        """L1.1: the day of installation moves the window once, and is then fixed."""
        self._new_terms({"component": "All", "duration": 12, "start_basis": "installation"})
        card = self._new_card(date_delivery="2026-03-01")
        self.assertEqual(card.date_end, date(2027, 3, 1))
        card.with_user(self.clerk).date_installation = "2026-05-15"
        self.assertEqual(card.coverage_ids.date_start, date(2026, 5, 15))
        self.assertEqual(card.date_end, date(2027, 5, 15))
        with self.assertRaisesRegex(UserError, "stays as it was issued"):
            card.with_user(self.clerk).date_installation = "2026-06-15"
        self.assertEqual(card.date_end, date(2027, 5, 15))

    def test_printed_code_added(self):
        """L1.2: a dealer's window begins when the printed code is entered."""
        self._new_terms({"component": "All", "duration": 15, "start_basis": "manufacture"})
        card = self._new_card(date_purchase="2026-06-30", receipt=PIXEL)
        self.assertFalse(card.date_end)
        self.assertFalse(card._get_coverage(self.engine_part, date(2026, 7, 1)))
        card.date_manufacture = "2026-01-31"
        self.assertEqual(card.date_end, date(2027, 4, 30))
        self.assertTrue(card._get_coverage(self.engine_part, date(2026, 7, 1)))

    def test_impossible_dates(self):
        """Bad input: each impossible combination of days is refused with its own sentence."""
        self._new_terms({"component": "All", "duration": 12})
        for vals, message in (
            ({}, "enter the day of delivery or the day of purchase"),
            ({"date_installation": "2026-03-01"}, "enter the day of delivery"),
            ({"date_delivery": "2026-09-02"}, "“Delivered on” .* lies in the future"),
            ({"date_purchase": "2026-09-02"}, "“Bought on” .* lies in the future"),
            (
                {"date_delivery": "2026-03-01", "date_installation": "2026-09-02"},
                "“Installed on” .* lies in the future",
            ),
            (
                {"date_delivery": "2026-03-01", "date_manufacture": "2026-09-02"},
                "“Made on” .* lies in the future",
            ),
            (
                {"date_delivery": "2026-03-01", "date_installation": "2026-02-28"},
                "can't have been installed",
            ),
            (
                {"date_delivery": "2026-03-01", "date_manufacture": "2026-03-02"},
                "“Delivered on” .* before the day on which the unit was made",
            ),
            (
                {"date_purchase": "2026-03-01", "date_manufacture": "2026-03-02"},
                "“Bought on” .* before the day on which the unit was made",
            ),
        ):
            with (
                self.subTest(**vals),
                self.assertRaisesRegex(ValidationError, message),
                self.cr.savepoint(),
            ):
                self._new_card(**vals)
        # all on one day is possible
        day = "2026-09-01"
        card = self._new_card(
            date_delivery=day, date_purchase=day, date_installation=day, date_manufacture=day
        )
        self.assertEqual(card.date_start, date(2026, 9, 1))

    def test_proof_required(self):
        """L2.2: without proof of purchase nothing is covered, if the policy wants proof."""
        policy = self._new_terms({"component": "All", "duration": 12})
        card = self._new_card(date_purchase="2026-06-30", receipt_number="123")
        day = date(2026, 7, 1)
        self.assertFalse(card.has_proof)
        self.assertFalse(card._get_coverage(self.engine_part, day))
        card.with_user(self.clerk).receipt = PIXEL
        self.assertTrue(card.has_proof)
        self.assertTrue(card._get_coverage(self.engine_part, day))
        policy.proof_required = False
        card = self._new_card(serial_number="SN-2", date_purchase="2026-06-30")
        self.assertTrue(card._get_coverage(self.engine_part, day))

    def test_line_clash(self):
        """Bad input: two lines for the same part and claimant are refused, on create and write."""
        line = {"duration": 12, "categ_id": self.categ_seal.id}
        with self.assertRaisesRegex(ValidationError, "same part"), self.cr.savepoint():
            self._new_terms({**line, "component": "A"}, {**line, "component": "B"})
        policy = self._new_terms(
            {**line, "component": "A", "claimant": "consumer"},
            {**line, "component": "B", "claimant": "dealer"},
        )
        with self.assertRaisesRegex(ValidationError, "same part"), self.cr.savepoint():
            policy.line_ids[1].claimant = "consumer"

    def test_component_in_each_language(self):
        """Mistake 15: the words of the cover are in each language, whoever issues the card."""
        for language in ("en_US", "zh_CN"):
            self.env["res.lang"]._activate_lang(language)
        policy = self._new_terms({"component": "Ballast", "duration": 12})
        policy.line_ids.flush_recordset()
        policy.line_ids.update_field_translations("component", {"zh_CN": "镇流器"})
        for number, language in enumerate(("en_US", "zh_CN")):
            cards = self.env["aftersales.warranty.card"].with_context(lang=language)
            card = cards.create(
                {
                    "partner_id": self.customer.id,
                    "product_id": self.machine.id,
                    "serial_number": f"SN-{number}",
                    "date_purchase": "2026-06-30",
                }
            )
            for shown, word in (("en_US", "Ballast"), ("zh_CN", "镇流器")):
                with self.subTest(issued=language, shown=shown):
                    cover = card.coverage_ids.with_context(lang=shown)
                    self.assertEqual(cover.component, word)
