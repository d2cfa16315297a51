import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import AftersalesPartsCommon, freeze


class LedgerCommon(AftersalesPartsCommon):
    def setUp(self):
        super().setUp()
        self.parts = self.env["aftersales.used.part"]
        self.reason = self.env.ref("aftersales_parts.deduction_reason_D02")

    def _make_special(self, sender=None):
        """Return an approved return of all that the center or office keeps, outside any window."""
        document = (
            self.env["aftersales.return"]
            .with_user(self.users["clerk" if sender else "center"])
            .create(
                {
                    "center_id": (sender or self.center).id,
                    "is_special": True,
                    "special_reason": "Exception",
                }
            )
        )
        document.action_collect()
        self._approve(document)
        return document

    def _check(self):
        self.env.flush_all()
        return self.parts._check_ledger()


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartLedger(LedgerCommon):
    """An administrator's check finds whatever doesn't agree, and says what to do."""

    def setUp(self):
        super().setUp()
        self.tags = self._make_record([self._part(self.pump, quantity=3)]).used_part_ids
        self.admin = self.users["customer_service"].copy({"login": "parts_administrator"})
        self.admin.group_ids += self.env.ref("aftersales_service.group_administrator")

    def _get_issues(self):
        return [(entry["tag"], entry["issue"]) for entry in self._check()]

    def _place(self, tag, location):
        """Let stock have the part elsewhere, as no action does."""
        quant = self.env["stock.quant"].search(
            [("lot_id", "=", tag.lot_id.id), ("quantity", ">", 0)]
        )
        self.env.flush_all()
        self.cr.execute(
            SQL("UPDATE stock_quant SET location_id = %s WHERE id = %s", location.id, quant.id)
        )
        self.env.invalidate_all()

    def test_all_in_order(self):
        """M10.3: after the whole way of some parts, nothing is to be said."""
        self._return_parts(
            missing=[self.tags[0].name], deductions={self.tags[1].name: self.reason.id}
        )
        self._make_record([self._scrap(self.seal), self._part(self.gearbox)])
        self.assertEqual(self._get_issues(), [])
        check = self.env["aftersales.used.part.check"].with_user(self.admin).create({})
        self.assertEqual(
            (check.part_count, check.held_count, check.shipped_count),
            (5, 1, 1),
        )
        self.assertEqual((check.factory_count, check.ended_count, check.issue_count), (2, 1, 0))

    def test_part_elsewhere_is_found_and_corrected(self):
        """M10.3: stock has a part elsewhere: said with both places, and put right."""
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        home = self.center._get_used_part_location(self.company)
        self._place(self.tags[1], warehouse.lot_stock_id)
        ((tag, issue),) = self._get_issues()
        self.assertEqual(tag, self.tags[1].name)
        self.assertIn(warehouse.lot_stock_id.display_name, issue)
        check = self.env["aftersales.used.part.check"].with_user(self.admin).create({})
        self.assertTrue(check.is_correctable)
        self.assertEqual(check.line_ids.action_open()["res_id"], self.tags[1].id)
        check.action_correct_stock()
        self.assertEqual(self._get_issues(), [])
        self.assertEqual(self._location_of(self.tags[1]), home)
        self.assertEqual(self.tags[1].event_ids[-1].event, "corrected")
        with self.assertRaisesRegex(UserError, "where their status says"):
            self.tags[1].with_user(self.admin).action_correct_stock()

    def test_vanished_part_is_found_and_corrected(self):
        """M10.3: stock has a part nowhere: said, and booked back from the losses."""
        loss = self.company._aftersales_get_loss_location()
        self.env.flush_all()
        self.cr.execute(
            SQL("UPDATE stock_quant SET quantity = 0 WHERE lot_id = %s", self.tags[0].lot_id.id)
        )
        self.env.invalidate_all()
        ((tag, issue),) = self._get_issues()
        self.assertEqual(tag, self.tags[0].name)
        self.assertIn("nowhere", issue)
        self.tags[0].with_user(self.admin).action_correct_stock()
        self.assertEqual(self._get_issues(), [])
        self.assertEqual(self.tags[0].event_ids[-1].picking_id.location_id, loss)

    def test_status_changed_from_outside(self):
        """M10.3: a status that no action set is found: by place, transfer, return and life."""
        self.env.flush_all()
        self.cr.execute(
            SQL("UPDATE aftersales_used_part SET state = 'shipped' WHERE id = %s", self.tags[0].id)
        )
        self.env.invalidate_all()
        issues = self._get_issues()
        self.assertEqual({tag for tag, _issue in issues}, {self.tags[0].name})
        for text in ("stock has it at", "no transfer waits", "its returns", "its life"):
            self.assertTrue(any(text in issue for _tag, issue in issues), text)

    def test_serial_without_tag(self):
        """M10.3: a serial of the product that is no tag, and pieces without serial, are found."""
        product = self.env.ref("aftersales_parts.product_used_part")
        self.env["stock.lot"].create(
            {"name": "BOGUS-1", "product_id": product.id, "company_id": self.company.id}
        )
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self.env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, 2)
        (first, second) = self._get_issues()
        self.assertEqual(first[0], "BOGUS-1")
        self.assertIn("2 used parts without a tag", second[1])

    def test_transfer_too_many(self):
        """L2.8: a part that is kept while a transfer waits for it is found."""
        document = self._make_special()
        document.action_ship()
        document.with_user(self.users["logistics"]).action_receive([self.tags[0].name])
        self.env.flush_all()
        self.cr.execute(
            SQL(
                "UPDATE aftersales_return_line SET is_received = TRUE WHERE used_part_id = %s",
                self.tags[1].id,
            )
        )
        self.env.invalidate_all()
        ((tag, issue),) = self._get_issues()
        self.assertEqual(tag, self.tags[1].name)
        self.assertIn(document.name, issue)

    def _ship(self):
        document = self._make_special()
        document.action_ship()
        return document.sudo()

    def test_deleted_transfer_is_made_anew(self):
        """L2.8, M10.3: a return whose waiting transfer was deleted can be received all the same."""
        document = self._ship()
        document.picking_id.action_cancel()
        document.picking_id.unlink()
        logistics = document.with_user(self.users["logistics"])
        with self.assertRaisesRegex(UserError, "made anew"):
            logistics.action_receive(self.tags.mapped("name"))
        self.assertEqual({tag for tag, _issue in self._get_issues()}, set(self.tags.mapped("name")))
        check = self.env["aftersales.used.part.check"].with_user(self.admin).create({})
        self.assertIn("Correct stock", check.line_ids[0].remedy)
        check.action_correct_stock()
        self.assertEqual(self._get_issues(), [])
        self.assertEqual(self.tags[0].event_ids[-1].event, "corrected")
        self.assertEqual(self.tags[0].event_ids[-1].return_id, document)
        logistics.action_receive(self.tags[:2].mapped("name"))
        self.assertEqual(self.tags.mapped("state"), ["received", "received", "shipped"])
        self.assertEqual(self._get_issues(), [])

    def test_transfer_by_hand_awaits_nothing(self):
        """L2.8, M10.3: a transfer of somebody's own doesn't stand in for that of the return."""
        document = self._ship()
        document.picking_id.action_cancel()
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        by_hand = self.tags._create_picking(
            warehouse.used_part_return_type_id,
            warehouse.used_part_transit_loc_id,
            warehouse.used_part_loc_id,
            "By hand",
        )
        by_hand.action_confirm()
        self.assertEqual(len(self.tags._get_waiting_lines()), len(self.tags))
        self.assertEqual({tag for tag, _issue in self._get_issues()}, set(self.tags.mapped("name")))
        check = self.env["aftersales.used.part.check"].with_user(self.admin).create({})
        check.action_correct_stock()
        for _tag, issue in self._get_issues():
            self.assertIn(by_hand.name, issue)
        by_hand.action_cancel()
        self.assertEqual(self._get_issues(), [])
        document.with_user(self.users["logistics"]).action_receive(self.tags.mapped("name"))
        self.assertEqual(set(self.tags.mapped("state")), {"received"})

    def test_cancelled_backorder_is_made_anew(self):
        """L2.8, M10.3: what is missing gets its transfer anew, too, and may arrive."""
        document = self._ship()
        logistics = document.with_user(self.users["logistics"])
        logistics.action_receive([self.tags[0].name])
        document.backorder_id.action_cancel()
        with self.assertRaisesRegex(UserError, "made anew"):
            logistics.action_receive([self.tags[1].name])
        self.tags.with_user(self.admin).action_correct_stock()
        self.assertEqual(self._get_issues(), [])
        logistics.action_receive(self.tags[1:].mapped("name"))
        self.assertEqual(set(self.tags.mapped("state")), {"received"})

    def test_line_taken_off_its_transfer_is_put_back(self):
        """L2.8, M10.3: a tag that is no longer on its transfer is put on it again."""
        document = self._ship()
        gone = document.picking_id.move_line_ids.filtered(
            lambda line: line.lot_id == self.tags[0].lot_id
        )
        gone.unlink()
        document.picking_id.move_ids.product_uom_qty = 2
        self.assertEqual([tag for tag, _issue in self._get_issues()], [self.tags[0].name])
        self.tags.with_user(self.admin).action_correct_stock()
        self.assertEqual(self._get_issues(), [])
        document.with_user(self.users["logistics"]).action_receive([self.tags[0].name])
        self.assertEqual(self.tags[0].state, "received")
        self.assertEqual(document.backorder_id.move_line_ids.lot_id, self.tags[1:].lot_id)
        self.assertEqual(self._get_issues(), [])

    def test_only_administrators_check(self):
        """M10.3: the check reads all of the company and corrects stock: administrators only."""
        for role in ("center", "customer_service", "logistics", "vp"):
            user = self.users[role]
            with self.assertRaises(AccessError):
                self.env["aftersales.used.part.check"].with_user(user).create({})
            with self.assertRaises(AccessError):
                self.tags.with_user(user).action_correct_stock()

    def test_stock_manager_moves_no_part(self):
        """M10.3: neither relocation nor count moves a tag, whatever rights on stock one has."""
        self.users["logistics"].group_ids += self.env.ref("stock.group_stock_manager")
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        lot = self.tags[0].lot_id.with_user(self.users["logistics"])
        with self.assertRaisesRegex(UserError, "move only by"), self.cr.savepoint():
            lot.location_id = warehouse.lot_stock_id
        quant = lot.quant_ids.filtered(lambda q: q.quantity > 0).with_context(inventory_mode=True)
        with self.assertRaisesRegex(UserError, "move only by"), self.cr.savepoint():
            quant.inventory_quantity = 0
            quant.action_apply_inventory()
        self.assertEqual(self._get_issues(), [])

    def test_check_costs_the_same(self):
        """Speed: the queries of the check don't grow with the tags."""
        self._return_parts(missing=[self.tags[0].name])
        counts = []
        for _run in range(2):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(self.parts._check_ledger(), [])
            counts.append(self.env.cr.sql_log_count - before)
            self._make_record([self._part(self.pump, quantity=9), self._scrap(self.seal)])
            document = self._make_special()
            document.action_ship()
            document.with_user(self.users["logistics"]).action_receive(
                document.line_ids[:4].used_part_id.mapped("name")
            )
        self.assertLessEqual(counts[1], counts[0] + 5)
        self.assertLess(counts[1], 60)


OPERATIONS = (
    "create",
    "apply",
    "cancel",
    "ship",
    "receive",
    "verify",
    "write_off",
    "scrap",
    "supply",
    "send_back",
    "keep_again",
    "pack",
    "unpack",
    "swap",
    "object",
    "review",
    "settle",
    "audit",
    "answer",
    "scrap_rejected",
    "hand_over",
    "found",
    "recover",
    "take_back",
)


@freeze
@tagged("post_install", "-at_install")
class TestNothingIsLost(LedgerCommon):
    """Whatever is done in whatever order: created = kept + on the way + at the factory + ended."""

    def setUp(self):
        super().setUp()
        self.supplier = self.env["res.partner"].create({"name": "Maker", "is_company": True})
        seller = [Command.create({"partner_id": self.supplier.id, "price": 90})]
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        for product in self.pump | self.gearbox:
            product.write({"is_storable": True, "seller_ids": seller})
            self.env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, 999)

    def test_random_sequences(self):
        """M10.3: tags created = held + shipped + at the factory + ended, and stock agrees."""

        @settings(
            max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(
            st.lists(
                st.tuples(st.sampled_from(OPERATIONS), st.integers(1, 255)),
                min_size=8,
                max_size=20,
            )
        )
        def play(operations):
            savepoint = self.cr.savepoint()
            try:
                self._play(operations)
            finally:
                savepoint.close(rollback=True)

        play()

    def test_the_whole_way(self):
        """M10.3: a sequence that takes parts to every end."""
        self._play(
            [
                ("apply", 1),
                ("cancel", 1),
                ("apply", 1),
                ("ship", 1),
                # of the three parts, one is missing and one of the two that arrived is rejected
                ("receive", 0b110),
                ("verify", 0b10),
                ("write_off", 0b1),
                ("create", 5),
                ("apply", 1),
                ("ship", 1),
                ("receive", 0b1),
                ("verify", 0b1),
                ("scrap", 0b1),
                ("supply", 0b1),
                ("send_back", 0b1),
                ("keep_again", 0b1),
                ("create", 4),
                ("apply", 1),
                ("ship", 1),
                ("receive", 0b1),
                ("create", 4),
            ]
        )
        states = set(self.parts.search([]).mapped("state"))
        self.assertEqual(states, {"lost", "scrapped", "supplier", "shipped", "received", "held"})

    def _assert_happened(self, *events):
        happened = set(self.env["aftersales.used.part.event"].search([]).mapped("event"))
        self.assertLessEqual(set(events), happened)

    def test_second_look_settlement_and_answer(self):
        """M10.3, M8.4: rejected, objected to, audited, looked at again, disposed of, answered."""
        self._play(
            [
                ("pack", 255),
                ("unpack", 1),
                ("apply", 1),
                ("ship", 1),
                ("receive", 255),
                ("settle", 1),
                ("audit", 1),
                ("verify", 0b110),
                ("object", 0b10),
                ("audit", 1),
                ("answer", 1),
                ("review", 0b1),
                ("scrap", 0b1),
                ("scrap_rejected", 0b1),
                ("answer", 0b11),
                ("audit", 1),
                ("settle", 2),
            ]
        )
        self._assert_happened("packed", "unpacked", "rejected", "scrapped")
        line = self.env["aftersales.return.line"].search([("objection_state", "=", "answered")])
        self.assertEqual(len(line), 1)
        self.assertFalse(self._find_returns("received", "verified"))
        self.assertFalse(self.env["aftersales.settlement.line"].search([("result", "=", "open")]))

    def test_handed_over_found_and_refused(self):
        """M10.3: swapped, handed over, lost, found, refused by the supplier: never stuck."""
        self._play(
            [
                ("swap", 0b1),
                ("hand_over", 0b10),
                ("apply", 2),
                ("ship", 1),
                ("receive", 0b1),
                ("write_off", 0b1),
                ("found", 0b1),
                ("receive", 0b1),
                ("verify", 0b100),
                ("recover", 2),
                ("take_back", 255),
                ("supply", 0b11),
                ("take_back", 0b1),
                ("scrap", 255),
            ]
        )
        self._assert_happened("swapped", "handed_over", "lost", "found", "came_back", "scrapped")

    def _play(self, operations):
        created = self.parts.search_count([])
        created += self._do_create(5)
        for name, number in operations:
            created += getattr(self, f"_do_{name}")(number) or 0
            self.assertEqual(self._check(), [], (name, number))
            totals = self.parts._get_ledger_totals()
            self.assertEqual(sum(totals.values()), created)
            self.assertFalse(self._find_paid_twice(), (name, number))

    def _find_paid_twice(self):
        """Return the parts that more than one settlement pays (M8.4)."""
        return self.env["aftersales.settlement.line"]._read_group(
            [("result", "=", "payable")], ["used_part_id"], [], having=[("__count", ">", 1)]
        )

    def _try(self, action, *args):
        """Do it, unless a rule is in the way; then nothing may have happened."""
        with contextlib.suppress(UserError), self.cr.savepoint():
            action(*args)

    def _choose(self, records, number):
        """Return those of ``records`` whose bit is set in ``number``."""
        return records.browse(
            record.id for i, record in enumerate(records.sorted("id")) if number >> (i % 8) & 1
        )

    def _find(self, *domain):
        return self.parts.search(list(domain), order="id")

    def _find_returns(self, *states):
        return self.env["aftersales.return"].search([("state", "in", states)], order="id")

    def _do_create(self, number):
        parts = [self._part(self.pump, quantity=1 + number % 3)]
        if number % 2:
            parts.append(self._scrap(self.seal))
        if number % 8 == 7:
            parts.append(self._part(self.gearbox, quantity=2))
        return len(self._make_record(parts).used_part_ids)

    def _do_apply(self, number):
        sender = self.center if number % 2 else self.office
        if self._find(
            ("state", "=", "held"),
            ("keeper_id", "=", sender.id),
            ("return_line_ids", "not any", [("is_open", "=", True)]),
        ):
            self._make_special(sender - self.center)

    def _do_cancel(self, number):
        for document in self._find_returns("approved")[:1]:
            document.with_user(self.users["clerk"]).action_cancel("Wrong")

    def _do_ship(self, number):
        for document in self._find_returns("approved")[:1]:
            # what was taken out of its crate since has to be packed again (M10.4)
            self._pack_repairs(document.line_ids.used_part_id)
            document.with_user(self.users["clerk"]).action_ship()

    def _do_receive(self, number):
        for document in self._find_returns("shipped", "received", "verified", "done"):
            awaited = document.line_ids.filtered(lambda line: line._is_awaited())
            if chosen := self._choose(awaited, number):
                document.with_user(self.users["logistics"]).action_receive(
                    chosen.used_part_id.mapped("name")
                )

    def _do_verify(self, number):
        for document in self._find_returns("received"):
            arrived = document.line_ids.filtered(lambda line: line.part_state == "received")
            for line in self._choose(arrived, number).with_user(self.users["quality"]):
                verdict = "deduct" if number % 2 else "reject"
                line.write({"deduction_reason_id": self.reason.id, "verdict": verdict})
            self._verify_return(document)

    def _do_write_off(self, number):
        if chosen := self._choose(self._find(("state", "=", "shipped")), number):
            bearer = "company" if number % 2 else "center"
            chosen.with_user(self.users["customer_service"]).action_write_off("Lost", bearer)

    def _do_scrap(self, number):
        if chosen := self._choose(self._find(("state", "in", ("accepted", "deducted"))), number):
            self._try(chosen.with_user(self.users["quality"]).action_scrap)

    def _do_supply(self, number):
        if chosen := self._choose(self._find(("state", "in", ("accepted", "deducted"))), number):
            self._try(chosen.with_user(self.users["logistics"])._send_to_supplier, self.supplier)

    def _do_send_back(self, number):
        if chosen := self._choose(self._find(("state", "=", "rejected")), number):
            self._try(chosen.with_user(self.users["logistics"]).action_return_to_center)

    def _do_keep_again(self, number):
        if chosen := self._choose(self._find(("state", "=", "returned")), number):
            self._try(chosen.with_user(self.users["clerk"]).action_keep_again)

    def _do_pack(self, number):
        for keeper in self.center | self.office:
            kept = self._find(("state", "=", "held"), ("keeper_id", "=", keeper.id))
            if chosen := self._choose(kept, number):
                chosen.with_user(self.users["clerk"])._pack_by_repair()

    def _do_unpack(self, number):
        packed = self._find(("state", "=", "held"), ("package_id", "!=", False))
        if chosen := self._choose(packed, number):
            chosen.with_user(self.users["clerk"]).action_unpack()

    def _do_swap(self, number):
        kept = self._find(("state", "=", "held"), ("keeper_id", "=", self.center.id))
        if chosen := self._choose(kept, number):
            lines = [Command.create({"used_part_id": part.id}) for part in chosen]
            swaps = self.env["aftersales.swap"].with_user(self.users["clerk"])
            vals = {"center_id": self.center.id, "line_ids": lines}
            self._try(lambda: swaps.create(vals).action_done())

    def _find_lines(self, *domain):
        return self.env["aftersales.return.line"].search(list(domain))

    def _do_object(self, number):
        refused = self._find_lines(
            ("is_verified", "=", True), ("verdict", "!=", "accept"), ("objection_state", "=", False)
        )
        for line in self._choose(refused, number):
            self._try(line.with_user(self.users["clerk"]).action_object, "It is ours")

    def _do_review(self, number):
        verdict = ("accept", "deduct", "reject")[number % 3]
        for line in self._choose(self._find_lines(("objection_state", "=", "open")), number):
            own = line.with_user(self.users["logistics"])
            own.action_review(verdict, self.reason.id, "Looked again")

    def _do_settle(self, number):
        for settlement in self._generate(f"2026-{10 + (number + 1) % 2}-01"):
            if settlement.state == "draft" and settlement.line_ids:
                self._submit(settlement)

    def _do_audit(self, number):
        submitted = [("state", "=", "submitted")]
        for settlement in self.env["aftersales.settlement"].search(submitted):
            # not while a part lies there uninspected, or a second look is owed
            self._try(settlement.with_user(self.users["clerk"]).action_verify)
            if settlement.state == "verified" and number % 2:
                settlement.with_user(self.users["customer_service"]).action_send()
                settlement.with_user(self.users["center"]).action_confirm()

    def _do_answer(self, number):
        for document in self._find_returns("verified"):
            own = document.with_user(self.users["customer_service"])
            for line in own._get_lines_to_answer().filtered("quantity_refused"):
                back, other = ("return", "keep") if line.verdict == "reject" else ("scrap", "keep")
                line.outcome_refused = back if number & 2 else other
            self._try(own.action_done)

    def _do_scrap_rejected(self, number):
        if chosen := self._choose(self._find(("state", "=", "rejected")), number):
            self._try(
                chosen.with_user(self.users["customer_service"]).action_scrap_rejected, "No use"
            )

    def _do_hand_over(self, number):
        kept = self._find(("state", "in", ("held", "returned")), ("keeper_id", "=", self.center.id))
        if chosen := self._choose(kept, number):
            self.center.sudo().center_state = "closed"
            self._try(chosen.with_user(self.users["customer_service"]).action_hand_over, "Closed")
            self.center.sudo().center_state = "active"

    def _do_found(self, number):
        if chosen := self._choose(self._find(("state", "=", "lost")), number):
            chosen.with_user(self.users["customer_service"]).action_found("Turned up")

    def _do_recover(self, number):
        document = (
            self.env["aftersales.supplier.recovery"]
            .with_user(self.users["quality"])
            .create({"partner_id": self.supplier.id})
        )
        self._try(document.action_collect)
        if document.line_ids:
            self._try(document.action_send)
        if document.state == "sent":
            refused = {"result": "refused", "refusal_reason": "No"}
            document.line_ids.write({"result": "accepted"} if number % 2 else refused)
            document.action_answer()

    def _do_take_back(self, number):
        if chosen := self._choose(self._find(("state", "=", "supplier")), number):
            # not what the supplier pays for
            self._try(chosen.with_user(self.users["logistics"]).action_take_back, "Refused")
