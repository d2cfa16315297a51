from datetime import date

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PIXEL, AftersalesCommon


@tagged("post_install", "-at_install")
class TestWarrantyCardOpening(AftersalesCommon):
    """When a card opens, and from which day it runs."""

    @freeze_time("2026-10-31 17:30:00")
    def test_starts_on_local_delivery_day(self):
        """E6, mistake 2: 17:30 UTC is 01:30 of the next day in Shanghai; that day counts."""
        card = self._deliver("SN-1")
        self.assertEqual(card.date_start, date(2026, 11, 1))
        self.assertEqual(card.date_end, date(2027, 11, 1))
        self.assertEqual(
            card.coverage_ids.mapped(lambda c: (c.component, c.date_start, c.date_end)),
            [
                ("Whole machine", date(2026, 11, 1), date(2027, 11, 1)),
                ("Hydraulic parts", date(2026, 11, 1), date(2027, 5, 1)),
                ("Seals", date(2026, 11, 1), False),
            ],
        )

    @freeze_time("2026-10-31 15:59:59")
    def test_starts_before_local_midnight(self):
        """E6: one second before midnight in Shanghai still is the old day."""
        self.assertEqual(self._deliver("SN-1").date_start, date(2026, 10, 31))

    @freeze_time("2026-10-31 17:30:00")
    def test_day_of_another_time_zone(self):
        """E6: the company's own time zone decides, so 17:30 UTC is the same day in Berlin."""
        self.company.partner_id.tz = "Europe/Berlin"
        self.assertEqual(self._deliver("SN-1").date_start, date(2026, 10, 31))

    @freeze_time("2026-07-01 02:00:00")
    def test_filled_from_delivery(self):
        """E4: the card knows customer, product, serial, sale and delivery."""
        card = self._deliver("SN-1")
        self.assertEqual(card.partner_id, self.customer)
        self.assertEqual(card.product_id, self.machine)
        self.assertEqual(card.serial_number, "SN-1")
        self.assertEqual(card.policy_id, self.policy)
        self.assertEqual(card.company_id, self.company)
        self.assertEqual(card.sale_line_id.product_id, self.machine)
        self.assertEqual(card.move_id, card.sale_line_id.move_ids)
        self.assertEqual(card.state, "open")

    def test_opened_by_warehouse_staff(self):
        """E6: whoever delivers needs no right on cards."""
        worker = self._new_user("user", login="test_warehouse")
        worker.group_ids = self.env.ref("stock.group_stock_user")
        lots = self._new_lots(["SN-1"])
        self._new_delivery(lots).with_user(worker)._action_done()
        self.assertEqual(len(lots.warranty_card_ids), 1)

    def test_not_opened_before_delivery(self):
        """Mistake 2: neither the serial's creation nor its receipt nor the order opens a card."""
        lot = self._new_lots(["SN-1"])
        self.assertFalse(lot.warranty_card_ids)
        warehouse = self.env["stock.warehouse"].search(
            [("company_id", "=", self.company.id)], limit=1
        )
        supplier = self.env.ref("stock.stock_location_suppliers")
        receipt = self.env["stock.picking"].create(
            {
                "picking_type_id": warehouse.in_type_id.id,
                "partner_id": self.customer.id,
                "location_id": supplier.id,
                "location_dest_id": warehouse.lot_stock_id.id,
                "move_ids": [
                    Command.create(
                        {
                            "product_id": self.machine.id,
                            "product_uom_qty": 1,
                            "location_id": supplier.id,
                            "location_dest_id": warehouse.lot_stock_id.id,
                        }
                    )
                ],
            }
        )
        receipt.action_confirm()
        receipt.move_ids.move_line_ids.lot_id = lot
        receipt.move_ids.picked = True
        receipt._action_done()
        self.assertEqual(receipt.state, "done")
        self.assertEqual(lot.product_qty, 1)
        self.assertFalse(lot.warranty_card_ids)
        delivery = self._new_delivery(lot)
        self.assertFalse(lot.warranty_card_ids)
        delivery._action_done()
        self.assertEqual(len(lot.warranty_card_ids), 1)

    def test_no_policy_no_card(self):
        """Mistake 1: a product without policy gets no card, rather than one that ends today."""
        product = self._new_machine("Lawn mower")
        lots = self._new_lots(["SN-1"], product)
        delivery = self._new_delivery(lots)
        delivery._action_done()
        self.assertEqual(delivery.state, "done")
        self.assertFalse(self.env["aftersales.warranty.card"].search([("lot_id", "in", lots.ids)]))

    def test_one_card_per_serial(self):
        """E6: each of several serials on one delivery gets its own card and number."""
        cards = self._deliver("SN-1", "SN-2", "SN-3")
        self.assertEqual(cards.mapped("serial_number"), ["SN-1", "SN-2", "SN-3"])
        self.assertEqual(len(set(cards.mapped("name"))), 3)
        for card in cards:
            self.assertEqual(len(card.coverage_ids), 3)

    def _count_queries(self, quantity, product):
        """Return the number of queries that delivering ``quantity`` new serials takes."""
        lots = self._new_lots([f"{product.name} {quantity}-{i}" for i in range(quantity)], product)
        delivery = self._new_delivery(lots)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        delivery._action_done()
        self.env.flush_all()
        count = self.cr.sql_log_count - before
        expected = quantity if product.warranty_policy_id else 0
        self.assertEqual(len(lots.warranty_card_ids), expected)
        return count

    def test_batch_queries(self):
        """Speed: what cards add to a delivery hardly grows from 5 serials to 20.

        Core's own share is measured with a product without policy and taken off.
        """
        plain = self._new_machine("Plain")
        for product in (plain, self.machine):
            self._count_queries(1, product)  # fill the registry's caches
        added_5 = self._count_queries(5, self.machine) - self._count_queries(5, plain)
        added_20 = self._count_queries(20, self.machine) - self._count_queries(20, plain)
        self.assertGreater(added_5, 0)
        self.assertLessEqual(added_20 - added_5, 3)


@tagged("post_install", "-at_install")
class TestWarrantyCard(AftersalesCommon):
    """What a card promises, and that it stays as it was issued."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # delivered on 1 July 2026; whole machine until 1 July 2027, hydraulics 1 January 2027
        with freeze_time("2026-07-01 02:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.whole, cls.hydraulic, cls.none = cls.card.coverage_ids

    def _new_card(self, serial, policy=None, **vals):
        return self.env["aftersales.warranty.card"].create(
            {
                "partner_id": self.customer.id,
                "product_id": self.machine.id,
                "lot_id": self._new_lots([serial]).id,
                "policy_id": (policy or self.policy).id,
                "date_delivery": "2026-07-01",
                "receipt": PIXEL,
                **vals,
            }
        )

    # --- periods ---------------------------------------------------------------------------

    def test_last_day(self):
        """L1.1: a period ends with the day of the same number, or with the last of the month.

        So Chinese law counts: the first day isn't counted, the last is (Civil Code, 201, 202).
        """
        for start, months, end in [
            ("2026-07-01", 12, date(2027, 7, 1)),
            ("2026-01-31", 1, date(2026, 2, 28)),
            ("2026-01-01", 1, date(2026, 2, 1)),
            ("2024-02-29", 12, date(2025, 2, 28)),
            ("2024-02-28", 12, date(2025, 2, 28)),
            ("2023-03-01", 12, date(2024, 3, 1)),
        ]:
            with self.subTest(start=start, months=months):
                card = self._new_card(f"SN-{start}", self._new_policy(months), date_delivery=start)
                self.assertEqual(card.coverage_ids.date_end, end)
                self.assertEqual(card.date_end, end)

    def test_covered_days(self):
        """E6: the first and the last day are covered, the days around them are not."""
        for day, line in [
            (date(2026, 6, 30), self.card.coverage_ids.browse()),
            (date(2026, 7, 1), self.whole),
            (date(2027, 7, 1), self.whole),
            (date(2027, 7, 2), self.card.coverage_ids.browse()),
        ]:
            with self.subTest(day=day):
                self.assertEqual(self.card._get_coverage(self.engine_part, day), line)

    def test_covered_hours(self):
        """M5: cover holds at exactly the hour limit and ends above it."""
        day = date(2026, 8, 1)
        self.assertEqual(self.card._get_coverage(self.engine_part, day, 2400.0), self.whole)
        self.assertFalse(self.card._get_coverage(self.engine_part, day, 2400.5))
        self.assertEqual(self.card._get_coverage(self.pump, day, 1200.0), self.hydraulic)
        self.assertFalse(self.card._get_coverage(self.pump, day, 1200.5))

    def test_no_hour_limit(self):
        """M5: without a limit the hours don't matter."""
        card = self._new_card("SN-2", self._new_policy(12), date_delivery="2026-07-01")
        self.assertEqual(card._get_coverage(self.pump, date(2026, 8, 1), 99999), card.coverage_ids)

    def test_nearest_category_wins(self):
        """L1.1: a part goes by the line of its nearest category, even when that is shorter."""
        gear_pumps = self.env["product.category"].create(
            {"name": "Gear pumps", "parent_id": self.categ_hydraulic.id}
        )
        gear_pump = self.pump.create({"name": "Gear pump", "categ_id": gear_pumps.id})
        for part in (self.pump, gear_pump):
            self.assertEqual(self.card._get_coverage(part, date(2026, 12, 31)), self.hydraulic)
            # the whole machine is covered until June, but this line names the part
            self.assertFalse(self.card._get_coverage(part, date(2027, 1, 2)))
        self.assertEqual(self.card._get_coverage(self.engine_part, date(2027, 1, 2)), self.whole)

    def test_no_warranty_line(self):
        """L1.1, mistake 1: “no warranty” covers nothing from the first day, and has no end."""
        self.assertFalse(self.none.date_end)
        self.assertFalse(self.card._get_coverage(self.seal, date(2026, 7, 1)))

    def test_only_no_warranty(self):
        """Mistake 1: a card that promises nothing has no end date, rather than today's."""
        policy = self.policy.copy()
        policy.line_ids.kind = "none"
        card = self._new_card("SN-2", policy, date_delivery="2026-07-01")
        self.assertFalse(card.date_end)
        self.assertFalse(card._get_coverage(self.engine_part, date(2026, 7, 1)))

    # --- frozen ----------------------------------------------------------------------------

    def test_policy_edited(self):
        """Mistake 1: editing the policy changes later cards only."""
        before = self.card.coverage_ids.read(["component", "date_end", "hour_limit", "kind"])
        self.policy.line_ids[0].write({"duration": 24, "hour_limit": 100, "component": "Frame"})
        self.policy.line_ids[1].unlink()
        self.env.invalidate_all()
        self.assertEqual(
            self.card.coverage_ids.read(["component", "date_end", "hour_limit", "kind"]), before
        )
        self.assertEqual(self.card.date_end, date(2027, 7, 1))
        with freeze_time("2026-07-02 02:00:00"):
            card = self._deliver("SN-2")
        self.assertEqual(card.coverage_ids.mapped("component"), ["Frame", "Seals"])
        self.assertEqual(card.date_end, date(2028, 7, 2))

    def test_product_policy_replaced(self):
        """Mistake 1: another policy on the product leaves issued cards alone."""
        self.machine.warranty_policy_id = self._new_policy(1)
        self.assertEqual(self.card.policy_id, self.policy)
        self.assertEqual(self.card.date_end, date(2027, 7, 1))
        self.machine.warranty_policy_id = False
        self.assertEqual(self.card.date_end, date(2027, 7, 1))

    def test_day_added_after_policy_replaced(self):
        """L1.1: a day that is added to an issued card changes neither its policy nor its cover."""
        (card,) = self._deliver("A-1")
        cover = card.coverage_ids.mapped("date_end")
        self.machine.warranty_policy_id = self.policy.copy({"name": "Successor"})
        self.policy.active = False
        card.with_user(self.clerk).date_purchase = card.date_delivery
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(card.policy_id, self.policy)
        self.assertEqual(card.coverage_ids.mapped("date_end"), cover)

    def test_not_edited(self):
        """Mistake 1: what the card was issued on can't be changed by any role."""
        for name, value in {
            "policy_id": self._new_policy(24).id,
            "date_delivery": "2026-07-02",
            "product_id": self._new_machine("Other").id,
            "lot_id": self._new_lots(["SN-2"]).id,
        }.items():
            for user in (self.clerk, self.administrator, self.env.user):
                with (
                    self.subTest(name=name, user=user.login),
                    self.assertRaisesRegex(UserError, "stays as it was issued"),
                ):
                    self.card.with_user(user).write({name: value})
        self.card.with_user(self.clerk).write({"date_delivery": "2026-07-01"})
        self.assertEqual(self.card.date_start, date(2026, 7, 1))

    def test_cover_not_written(self):
        """Mistake 1: nobody writes, adds or deletes cover by hand."""
        for user in (self.clerk, self.customer_service, self.administrator):
            line = self.whole.with_user(user)
            with self.subTest(user=user.login):
                with self.assertRaisesRegex(AccessError, "Warranty cover"):
                    line.write({"date_end": "2030-01-01"})
                with self.assertRaisesRegex(AccessError, "Warranty cover"):
                    line.create(
                        {
                            "card_id": self.card.id,
                            "component": "Everything",
                            "kind": "repair",
                            "date_start": "2026-01-01",
                        }
                    )
                with self.assertRaisesRegex(AccessError, "Warranty cover"):
                    line.unlink()
                with self.assertRaisesRegex(AccessError, "Warranty cover"):
                    self.card.with_user(user).write(
                        {"coverage_ids": [Command.update(line.id, {"date_end": "2030-01-01"})]}
                    )

    def test_computed_end_not_written(self):
        """Mistake 1: the end follows from the cover and isn't set by hand."""
        with self.assertRaisesRegex((UserError, AccessError), "Warranty until|as it was issued"):
            self.card.with_user(self.clerk).write({"date_end": "2030-01-01"})

    def test_proof_not_written(self):
        """E4: number, sale and delivery prove the purchase, so nobody replaces them."""
        other = self._deliver("SN-2")
        for name, value in {
            "name": "WC-X",
            "sale_line_id": other.sale_line_id.id,
            "move_id": other.move_id.id,
        }.items():
            with (
                self.subTest(name=name),
                self.assertRaisesRegex(
                    (UserError, AccessError), "changed by hand|as it was issued"
                ),
            ):
                self.card.with_user(self.clerk).write({name: value})

    def test_not_deleted(self):
        """H11: a card isn't deleted before its time, not even by the superuser."""
        for user in (self.administrator, self.env.user):
            with self.assertRaisesRegex((UserError, AccessError), "delete"):
                self.card.with_user(user).unlink()
        with self.assertRaisesRegex(UserError, "kept until"):
            self.card.unlink()
        self.assertTrue(self.card.exists())

    # --- state -----------------------------------------------------------------------------

    def test_state_not_written(self):
        """Mistake 9: the state of a card is changed by its actions only."""
        for user in (self.clerk, self.administrator):
            with self.assertRaisesRegex(AccessError, "changed by hand"):
                self.card.with_user(user).write({"state": "void"})
        with self.assertRaisesRegex(AccessError, "changed by hand"):
            self.card.with_user(self.clerk).create(
                {
                    "partner_id": self.customer.id,
                    "product_id": self.machine.id,
                    "policy_id": self.policy.id,
                    "state": "closed",
                }
            )
        self.assertEqual(self.card.state, "open")

    def test_void_needs_reason(self):
        """C4: a card is voided with a reason only, which is kept."""
        for reason in (None, "", "  "):
            with self.assertRaisesRegex(UserError, "reason why the card is void"):
                self.card.with_user(self.clerk).action_void(reason)
        self.assertEqual(self.card.state, "open")
        self.card.with_user(self.clerk).action_void("Stolen machine")
        self.assertEqual(self.card.state, "void")
        self.assertIn("Stolen machine", self.card.message_ids[0].body)

    def test_void_from_window(self):
        """C4: the window asks for the reason and voids the card; it runs nothing else."""
        action = self.card.with_user(self.clerk).action_open_void()
        self.assertEqual(action["res_model"], "aftersales.reason")
        windows = (
            self.env["aftersales.reason"].with_user(self.clerk).with_context(**action["context"])
        )
        for vals in (
            {"method": "unlink"},
            {"res_model": "res.partner", "res_id": self.customer.id},
        ):
            window = windows.create({"reason": "Stolen machine", **vals})
            with self.assertRaisesRegex(UserError, "can't be done with a reason"):
                window.action_confirm()
        window = windows.create({"reason": "Stolen machine"})
        with self.assertRaisesRegex(AccessError, "Open it anew"):
            window.method = "unlink"
        window.action_confirm()
        self.assertEqual(self.card.state, "void")

    def test_void_covers_nothing(self):
        """C4: a void card covers nothing, also inside its dates."""
        day = date(2026, 8, 1)
        self.assertEqual(self.card._get_coverage(self.engine_part, day), self.whole)
        self.card.action_void("Stolen machine")
        self.assertFalse(self.card._get_coverage(self.engine_part, day))

    def test_void_refused_for_center(self):
        """C4: a center sees the cards that it serves but can't void them."""
        self._new_request(self.card)
        card = self.card.with_user(self.center_user)
        self.assertEqual(card.state, "open")
        with self.assertRaisesRegex(AccessError, "Warranty card"):
            card.action_void("Too much work")
        self.assertEqual(self.card.state, "open")

    # --- uniqueness, numbers, import ---------------------------------------------------------

    def test_second_live_card_refused(self):
        """Mistake 2: a serial has one valid card at most."""
        vals = {
            "partner_id": self.other_customer.id,
            "product_id": self.machine.id,
            "lot_id": self.card.lot_id.id,
            "policy_id": self.policy.id,
            "date_delivery": "2026-07-01",
        }
        message = f"SN-1 already has a valid warranty card: {self.card.name} of Northern Quarry"
        for named in (vals, {**vals, "lot_id": False, "serial_number": " sn-1"}):
            with self.assertRaisesRegex(ValidationError, message), self.cr.savepoint():
                self.card.create(named)
        self.card.action_void("Sold again")
        self.assertEqual(self.card.create(vals).state, "open")

    @mute_logger("odoo.sql_db")
    def test_second_live_card_refused_by_database(self):
        """Mistake 2: two users at the same moment can't both issue a card for a serial."""
        other = self._new_card("SN-2")
        query = "UPDATE aftersales_warranty_card SET lot_id = %s WHERE id = %s"
        with self.assertRaisesRegex(UniqueViolation, "live_lot_uniq"), self.cr.savepoint():
            self.cr.execute(query, [self.card.lot_id.id, other.id])

    def _load(self, rows):
        return (
            self.env["aftersales.warranty.card"]
            .with_user(self.clerk)
            .load(
                ["partner_id/.id", "product_id/.id", "policy_id/.id", "lot_id", "date_delivery"],
                [
                    [
                        str(self.customer.id),
                        str(self.machine.id),
                        str(self.policy.id),
                        serial,
                        start,
                    ]
                    for serial, start in rows
                ],
            )
        )

    def test_imported(self):
        """E4: the clerk imports old sales; numbers are unique and the cover starts as told."""
        self._new_lots(["SN-A", "SN-B", "SN-C"])
        result = self._load(
            [("SN-A", "2026-01-15"), ("SN-B", "2026-02-28"), ("SN-C", "2026-03-01")]
        )
        self.assertEqual(result["messages"], [])
        cards = self.env["aftersales.warranty.card"].browse(result["ids"])
        self.assertEqual(len({*cards.mapped("name"), self.card.name}), 4)
        self.assertEqual(cards.mapped("serial_number"), ["SN-A", "SN-B", "SN-C"])
        self.assertEqual(
            cards.mapped("date_end"), [date(2027, 1, 15), date(2027, 2, 28), date(2027, 3, 1)]
        )
        for card in cards:
            self.assertEqual(len(card.coverage_ids), 3)

    def test_import_twice_refused(self):
        """Mistake 2: importing a serial that has a valid card says so, and adds nothing."""
        result = self._load([("SN-1", "2026-01-15")])
        self.assertFalse(result["ids"])
        self.assertIn("already has a valid warranty card", result["messages"][0]["message"])
        self.assertEqual(self.card.lot_id.warranty_card_ids, self.card)

    def test_number_follows_sequence(self):
        """E4: the number comes from the sequence, whatever was passed."""
        card = self._new_card("SN-2", name="WC-X")
        self.assertRegex(card.name, r"^WC\d{8}$")
        self.assertGreater(card.name, self.card.name)

    def test_found_by_serial(self):
        """E7: cards are found by number and by part of the serial, without rights on stock."""
        cards = self.env["aftersales.warranty.card"].with_user(self.clerk)
        for text in (self.card.name, "SN-1", "n-1"):
            self.assertIn(self.card.id, [found for found, _name in cards.name_search(text)])
        self.assertFalse(cards.name_search("SN-1 of nobody"))
        self.assertEqual(self.card.with_user(self.clerk).display_name, f"{self.card.name} (SN-1)")

    def test_clerk_chooses_serial(self):
        """E4: the clerk who issues a card by hand can look up the serial number."""
        self._new_lots(["SN-2"])
        found = self.env["stock.lot"].with_user(self.clerk).name_search("SN-2")
        self.assertEqual([name for _id, name in found], ["SN-2"])
