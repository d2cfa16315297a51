from freezegun import freeze_time

from odoo.tests import tagged

from .common import AftersalesCommon


@tagged("post_install", "-at_install")
class TestWarrantySerial(AftersalesCommon):
    """Finding a unit by what is read from it, and by what was meant (mistake 13)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2026-07-01 02:00:00"):
            cls.card = cls._deliver("TZL50-2026-0387")
            cls.cards = cls._deliver(*(f"TZL50-2026-{number:04}" for number in range(300, 380)))
        cls.model = cls.env["aftersales.warranty.card"].with_user(cls.clerk)

    def test_found_exactly(self):
        """E7: number or serial find the card however they are typed, and nothing else."""
        for text in (
            "TZL50-2026-0387",
            "  tzl50-2026-0387 ",
            "\uff34\uff3a\uff2c\uff15\uff10\uff0d\uff12\uff10\uff12\uff16\uff0d\uff10\uff13\uff18\uff17",
            "TZL50\u20142026\u20140387",
            self.card.name,
            self.card.name.lower(),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.model._find_by_serial(text), self.card)
        for text in ("", None, "   ", "TZL50-2026-038", "TZL50-2026-03870", "%", "TZL50-2026-____"):
            with self.subTest(text=text):
                self.assertFalse(self.model._find_by_serial(text))

    def test_fitted_part(self):
        """H8: a part fitted by a valid record leads to its unit; a mere draft doesn't."""
        parts = [{"product_id": self.pump.id, "serial_fitted": "P-77", "serial_removed": "P-76"}]
        record = self._new_complete_record(self._new_request(self.card), parts)
        self.assertFalse(self.model._find_by_serial("P-77"))
        self._sign(record).action_done()
        self.assertEqual(self.model._find_by_serial("p-77"), self.card)

    def test_valid_card_first(self):
        """Mistake 2: of a serial's cards the valid one comes first."""
        self.card.action_void("Wrong customer")
        card = self.card.create(
            {
                "partner_id": self.other_customer.id,
                "product_id": self.machine.id,
                "lot_id": self.card.lot_id.id,
                "policy_id": self.policy.id,
                "date_delivery": "2026-07-01",
            }
        )
        self.assertEqual(list(self.model._find_by_serial("TZL50-2026-0387")), [card, self.card])

    def _need_trigram(self):
        if not self.env.registry.has_trigram:
            self.skipTest("The database has no extension pg_trgm; Odoo makes its own with it")

    def test_suggested(self):
        """Mistake 13: a slip leads to the unit meant, among the nearest of 81 neighbours."""
        self._need_trigram()
        for text in (
            "TLZ50-2026-0387",  # swapped
            "TZL50-2026-387",  # missing
            "TZL50-2026-03878",  # extra
            "TZL5O-2026-0387",  # letter O
            "tzl50 2026 0387",
        ):
            with self.subTest(text=text):
                self.assertIn("TZL50-2026-0387", self.model._suggest_serials(text))
        self.assertEqual(
            self.model._suggest_serials("TZL50-2027-0387"),
            self.model._suggest_serials("tzl50-2027-0387"),
        )
        self.assertEqual(self.model._suggest_serials("TZL50-2027-0387")[0], "TZL50-2026-0387")
        self.assertEqual(len(self.model._suggest_serials("TZL50-2027-0387")), 5)
        self.assertEqual(
            self.model._suggest_serials("TZL50-2027-0387", limit=1), ["TZL50-2026-0387"]
        )
        self.assertFalse(self.model._suggest_serials("Quite another thing"))
        self.assertFalse(self.model._suggest_serials(""))

    def test_suggested_within_rights(self):
        """L3: a center is told the serials of the units that it serves, and no others."""
        self._need_trigram()
        model = self.model.with_user(self.center_user)
        self.assertFalse(model._suggest_serials("TZL50-2026-0388"))
        self._new_request(self.card)
        self.assertEqual(model._suggest_serials("TZL50-2026-0388"), ["TZL50-2026-0387"])
        self.assertFalse(
            model.with_user(self.other_center_user)._suggest_serials("TZL50-2026-0388")
        )
        self.assertFalse(model.with_user(self.other_center_user)._find_by_serial("TZL50-2026-0387"))
