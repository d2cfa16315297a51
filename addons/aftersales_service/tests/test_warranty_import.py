import json

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools.misc import file_open

from .common import AftersalesCommon

FIELDS = ["partner_id", "product_id", "serial_number", "date_purchase", "receipt_number"]


@freeze_time("2026-09-01 02:00:00")
@tagged("post_install", "-at_install")
class TestWarrantyImport(AftersalesCommon):
    """A file of cards: every bad row is named with a sentence, and all are taken or none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.name = "Import customer North"
        cls.machine.default_code = "ZLTEST"
        cls.model = cls.env["aftersales.warranty.card"].with_user(cls.clerk)

    def _row(self, serial, **vals):
        row = {
            "partner_id": "Import customer North",
            "product_id": "ZLTEST",
            "serial_number": serial,
            "date_purchase": "2026-08-01",
            "receipt_number": f"R-{serial}",
            **vals,
        }
        return [row[name] for name in FIELDS]

    def _load(self, rows, fields=FIELDS):
        return self.model.load(list(fields), rows)

    def _faults(self, result):
        """Return the sentences by row, counted from 0."""
        self.assertFalse(result["ids"])
        faults = {}
        for message in result["messages"]:
            self.assertEqual(message["type"], "error")
            self.assertEqual(message["rows"]["from"], message["rows"]["to"])
            faults.setdefault(message["rows"]["from"], []).append(message["message"])
        return faults

    def test_imported(self):
        """E4: customer by name, product by code, new and known serials, the policy of the day."""
        self._new_lots(["SN-A"])
        result = self._load([self._row("SN-A"), self._row("SN-B")])
        self.assertFalse(result["messages"])
        cards = self.model.browse(result["ids"])
        self.assertEqual(cards.mapped("serial_number"), ["SN-A", "SN-B"])
        self.assertEqual(cards.lot_id.mapped("product_id"), self.machine)
        self.assertEqual(cards.partner_id, self.customer)
        self.assertEqual(cards.policy_id, self.policy)
        self.assertEqual(cards.mapped("receipt_number"), ["R-SN-A", "R-SN-B"])
        self.assertEqual(set(cards.mapped("state")), {"open"})
        self.assertFalse(any(cards.mapped("has_proof")), "a number isn't the receipt (L2.2)")
        self.assertEqual([len(card.coverage_ids) for card in cards], [3, 3])

    def test_every_bad_row_is_named(self):
        """E4, mistake 13: of 5,000 rows each bad one is named, and nothing is imported."""
        self._deliver("SN-LIVE")
        bare = self._new_machine("Bare", default_code="BARETEST")
        later = self.policy._start_version(self.env["aftersales.warranty.card"]._get_today())
        other = self._new_machine("Roller", self.policy, default_code="ROLLERTEST")
        self._new_lots(["ROLLER-1"], other)
        rows = [self._row(f"OK-{number:05}") for number in range(4985)]
        bad = {
            3: (self._row("B-1", product_id="NO SUCH CODE"), "No matching record found"),
            40: (self._row("B-2", partner_id="Nobody at all"), "No matching record found"),
            500: (self._row("B-3", date_purchase="2026-09-02"), "lies in the future"),
            501: (self._row("OK-00007"), "OK-00007 is named twice"),
            502: (self._row(" ok-00008 "), "OK-00008 is named twice"),
            1000: (self._row("SN-LIVE"), "already has a valid warranty card"),
            1500: (self._row("sn-live"), "already has a valid warranty card"),
            2000: (self._row("B-4", date_purchase="31.02.2026"), "does not seem to be a valid"),
            2001: (self._row("B-5", date_purchase="yesterday"), "does not seem to be a valid"),
            3000: (self._row("B-6", date_purchase=""), "day of delivery or the day of purchase"),
            3500: (self._row(""), "tracked by serial number"),
            4000: (self._row("B-7", product_id="BARETEST"), "no warranty policy in force"),
            4500: (self._row("B-8", partner_id=""), "“Customer” is missing"),
            4501: (self._row("B-9", product_id=""), "“Product” is missing"),
            4990: (self._row("ROLLER-1"), "belongs to “.*Roller"),
        }
        for position, (row, _message) in sorted(bad.items()):
            rows.insert(position, row)
        self.assertEqual(len(rows), 5000)
        before = self.env["aftersales.warranty.card"].search_count([])
        lots = self.env["stock.lot"].search_count([])
        faults = self._faults(self._load(rows))
        self.assertEqual(sorted(faults), sorted(bad))
        for position, (_row, message) in bad.items():
            self.assertEqual(len(faults[position]), 1, faults[position])
            self.assertRegex(faults[position][0], message)
        self.assertEqual(self.env["aftersales.warranty.card"].search_count([]), before)
        self.assertEqual(self.env["stock.lot"].search_count([]), lots)
        self.assertTrue(bare and later)

    def test_policy_not_in_force(self):
        """L1.1: a policy named in the file has to be the version of the day."""
        later = self.policy._start_version(self.env["aftersales.warranty.card"]._get_today())
        fields = [*FIELDS, "policy_id/.id"]
        faults = self._faults(
            self._load(
                [
                    [*self._row("SN-1"), str(self.policy.id)],
                    [*self._row("SN-2"), str(later.id)],
                ],
                fields,
            )
        )
        self.assertEqual(list(faults), [1])
        self.assertIn("isn't the version in force on 2026-08-01", faults[1][0])

    def test_fixed_file(self):
        """E4: the same file without its faults is imported as a whole."""
        rows = [self._row(f"OK-{number}") for number in range(20)]
        rows[7] = self._row("OK-7", date_purchase="2027-01-01")
        self.assertEqual(list(self._faults(self._load(rows))), [7])
        rows[7] = self._row("OK-7")
        result = self._load(rows)
        self.assertFalse(result["messages"])
        self.assertEqual(len(result["ids"]), 20)

    def test_more_than_ten_faults(self):
        """E4: no fault is left unsaid, however many there are."""
        rows = [self._row(f"B-{i}", date_purchase="2026-10-01") for i in range(60)]
        self.assertEqual(len(self._faults(self._load(rows))), 60)

    def test_template_language(self):
        """Mistake 15: the sample file has the headings of the user's language."""
        template = self.model.with_context(lang="zh_CN").get_import_templates()[0]["template"]
        self.assertTrue(template.endswith("warranty_cards_zh_CN.xlsx"))
        template = self.model.with_context(lang="en_US").get_import_templates()[0]["template"]
        self.assertTrue(template.endswith("warranty_cards_en.xlsx"))

    def test_dialog(self):
        """E4: the dialog of the web client takes a file of more rows than its batch, at once."""
        rows = [self._row(f"D-{number}") for number in range(6)]
        rows[4] = self._row("D-4", date_purchase="2026-10-01")
        head = ["Customer", "Product", "Serial number", "Bought on", "Receipt no."]

        def run(rows):
            text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [head, *rows])
            wizard = (
                self.env["base_import.import"]
                .with_user(self.clerk)
                .create(
                    {
                        "res_model": "aftersales.warranty.card",
                        "file": text.encode(),
                        "file_name": "cards.csv",
                        "file_type": "text/csv",
                    }
                )
            )
            options = {
                "has_headers": True,
                "quoting": '"',
                "separator": ",",
                "encoding": "utf-8",
                "date_format": "%Y-%m-%d",
                "limit": 2,
                "skip": 0,
                "import_skip_records": [],
                "import_set_empty_fields": [],
                "fallback_values": {},
                "name_create_enabled_fields": {},
            }
            preview = wizard.parse_preview(dict(options))
            matched = {int(k): v for k, v in preview["matches"].items()}
            self.assertEqual([matched[i][0] for i in range(5)], FIELDS)
            return wizard.execute_import(FIELDS, head, dict(options))

        result = run(rows)
        self.assertFalse(result["ids"])
        self.assertEqual([m["rows"]["from"] for m in result["messages"]], [4], json.dumps(result))
        rows[4] = self._row("D-4")
        result = run(rows)
        self.assertFalse(result["messages"])
        self.assertEqual(len(result["ids"]), 6)
        self.assertFalse(result["nextrow"])

    def test_template(self):
        """E4: the sample file names columns that the dialog knows by itself."""
        with file_open("aftersales_service/static/xlsx/warranty_cards_en.xlsx", "rb") as stream:
            wizard = self.env["base_import.import"].create(
                {
                    "res_model": "aftersales.warranty.card",
                    "file": stream.read(),
                    "file_name": "cards.xlsx",
                    "file_type": "application/vnd.openxmlformats-officedocument"
                    ".spreadsheetml.sheet",
                }
            )
        preview = wizard.parse_preview({"has_headers": True})
        self.assertEqual(
            [names[0] for _column, names in sorted(preview["matches"].items())],
            [
                "partner_id",
                "product_id",
                "serial_number",
                "date_purchase",
                "date_delivery",
                "date_manufacture",
                "receipt_number",
            ],
        )

    def _count_queries(self, quantity):
        rows = [self._row(f"Q{quantity}-{number}") for number in range(quantity)]
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        result = self._load(rows)
        self.env.flush_all()
        count = self.cr.sql_log_count - before
        self.assertEqual(len(result["ids"]), quantity)
        return count

    def test_queries(self):
        """Speed: 40 rows more take less than 5 queries more, which the size of inserts asks for."""
        self._count_queries(1)
        first, second = self._count_queries(20), self._count_queries(60)
        self.assertLess(second, first + 5)


@freeze_time("2026-09-01 02:00:00")
@tagged("post_install", "-at_install")
class TestWarrantyNewCard(AftersalesCommon):
    """Cards issued by hand, with and without serial number (E4)."""

    def _new_card(self, **vals):
        return (
            self.env["aftersales.warranty.card"]
            .with_user(self.clerk)
            .create(
                {
                    "partner_id": self.customer.id,
                    "product_id": self.machine.id,
                    "date_purchase": "2026-08-01",
                    **vals,
                }
            )
        )

    def test_serial_as_on_nameplate(self):
        """Mistake 13: letters, width, dashes and spaces don't make another serial."""
        self._new_lots(["TZL-100"])
        card = self._new_card(serial_number=" ｔｚｌ－100 ")
        self.assertEqual(card.serial_number, "TZL-100")
        self.assertEqual(card.lot_id.sudo().name, "TZL-100")
        self.assertEqual(self._new_card(serial_number="tzl—101").serial_number, "TZL-101")

    def test_small_letters_stay(self):
        """Mistake 13: a product whose numbers have small letters keeps them."""
        self._new_lots(["tzl-100"])
        self.assertEqual(self._new_card(serial_number="tzl-101").serial_number, "tzl-101")
        self.assertEqual(self._new_card(serial_number="TZL-100").serial_number, "tzl-100")

    def test_number_of_chosen_lot(self):
        """E4: a serial that was chosen outranks what was typed beside it."""
        lot = self._new_lots(["SN-1"])
        card = self._new_card(lot_id=lot.id, serial_number="SN-2")
        self.assertEqual(card.serial_number, "SN-1")

    def test_serial_needed(self):
        """E4: a product that is tracked by serial number needs the number."""
        with self.assertRaisesRegex(Exception, "enter the one on the unit's nameplate"):
            self._new_card()

    def test_without_serial(self):
        """E4: a unit that has no number gets its card as well, and many of them."""
        lamp = self.env["product.product"].create(
            {"name": "Lamp", "warranty_policy_id": self.policy.id}
        )
        cards = self._new_card(product_id=lamp.id) | self._new_card(product_id=lamp.id)
        self.assertEqual(cards.mapped("state"), ["open", "open"])
        self.assertFalse(cards.lot_id)
        # a number that isn't tracked in stock is kept, and named once
        card = self._new_card(product_id=lamp.id, serial_number="L-1")
        self.assertEqual(card.serial_number, "L-1")
        self.assertFalse(card.lot_id)
        with self.assertRaisesRegex(Exception, "already has a valid warranty card"):
            self._new_card(product_id=lamp.id, serial_number="l-1")

    def test_serial_of_other_product(self):
        """Bad input: the number of another product's unit is refused, and says whose it is."""
        other = self._new_machine("Roller", self.policy)
        lots = self._new_lots(["SN-1"], other)
        with self.assertRaisesRegex(Exception, "belongs to “Roller”"), self.cr.savepoint():
            self._new_card(serial_number="SN-1")
        with self.assertRaisesRegex(Exception, "belongs to “Roller”"), self.cr.savepoint():
            self._new_card(lot_id=lots.id)
        # the same number on two products is possible, if it was registered
        own = self._new_lots(["SN-1"])
        self.assertEqual(self._new_card(serial_number="SN-1").lot_id.id, own.id)

    def test_card_of_other_company(self):
        """Bad input: a serial that has a card in another company is refused without telling it."""
        other = self.env["res.company"].create({"name": "Other company"})
        lot = self._new_lots(["SN-1"])
        self.env["aftersales.warranty.card"].with_company(other).create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "lot_id": lot.id,
                "policy_id": self._shared_policy().id,
                "date_purchase": "2026-08-01",
            }
        )
        with self.assertRaisesRegex(Exception, "SN-1 has a valid warranty card in another company"):
            self._new_card(serial_number="SN-1")

    def _shared_policy(self):
        self.policy.company_id = False
        return self.policy

    def test_no_policy(self):
        """L1.1: without a policy in force there is no card, and the sentence says what to do."""
        self.policy.valid_from = "2026-08-02"
        with self.assertRaisesRegex(Exception, "no warranty policy in force on 2026-08-01"):
            self._new_card(serial_number="SN-1")

    def test_same_serial_twice_at_once(self):
        """Mistake 2: two cards for one serial in one call are refused too."""
        vals = {
            "partner_id": self.customer.id,
            "product_id": self.machine.id,
            "date_purchase": "2026-08-01",
        }
        with self.assertRaisesRegex(Exception, "sn-1 is named twice"):
            self.env["aftersales.warranty.card"].create(
                [{**vals, "serial_number": "SN-1"}, {**vals, "serial_number": "sn-1"}]
            )
