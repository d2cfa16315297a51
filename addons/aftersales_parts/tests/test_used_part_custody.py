from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestUsedPartCustody(AftersalesPartsCommon):
    """No tag gets stuck, and stock is always where the tag says (M10.3)."""

    def setUp(self):
        super().setUp()
        self.tags = self._make_record([self._part(self.pump, quantity=3)]).used_part_ids.sorted(
            "name"
        )
        self.parts = self.env["aftersales.used.part"]
        self.reason = self.env.ref("aftersales_parts.deduction_reason_D02")
        self.cs = self.users["customer_service"]

    def _ship(self, sender=None, user=None):
        document = self._make_return(sender, user)
        self._approve(document)
        document.action_ship()
        return document.sudo()

    def _receive(self, document, tags):
        document.with_user(self.users["logistics"]).action_receive(tags.mapped("name"))

    def _reject(self, tags):
        """Return all parts, of which ``tags`` are rejected."""
        return self._return_parts(
            deductions=dict.fromkeys(tags.mapped("name"), self.reason.id), verdict="reject"
        )

    def _close_center(self):
        # with all that keeps it open, as older data and corrections by hand may have it
        self.center.sudo().center_state = "closed"

    def _assert_in_order(self):
        self.env.flush_all()
        self.assertEqual(self.parts._check_ledger(), [])

    def _confirm_reason(self, action, reason, user):
        """Give the reason in the window that ``action`` opens."""
        window = Form(
            self.env["aftersales.reason"].with_user(user).with_context(**action["context"])
        )
        window.reason = reason
        return window.save().action_confirm()

    # --- rejected parts --------------------------------------------------------------------

    def test_rejected_parts_are_scrapped_by_customer_service(self):
        """M10.1: what nobody takes back may be scrapped, with a reason; it stays unpaid."""
        self._reject(self.tags[:2])
        own = self.tags[:2].with_user(self.cs)
        self._confirm_reason(
            own.action_open_scrap_rejected(), "The center doesn't want it", self.cs
        )
        self.assertEqual(own.mapped("state"), ["scrapped", "scrapped"])
        self.assertEqual(set(own.mapped("result")), {"rejected"})
        self.assertEqual(self._location_of(own[0]).usage, "inventory")
        self.assertEqual(own[1].event_ids[-1].note, "The center doesn't want it")
        self._assert_in_order()
        settlement = self._generate()
        self._settle(settlement)
        by_tag = {line.used_part_id: line.result for line in settlement.line_ids}
        self.assertEqual([by_tag[tag] for tag in self.tags], ["missing", "missing", "payable"])

    def test_who_scraps_rejected_parts(self):
        """M10.1: customer service alone, with a reason, only what is rejected and undisputed."""
        document = self._reject(self.tags[:1])
        tag = self.tags[0]
        for role in ("quality", "logistics", "center", "clerk", "office_manager"):
            with self.assertRaises(AccessError):
                tag.with_user(self.users[role]).action_scrap_rejected("Nobody wants it")
        with self.assertRaisesRegex(UserError, "Give the reason"):
            tag.with_user(self.cs).action_scrap_rejected("  ")
        with self.assertRaisesRegex(UserError, "Accepted"):
            self.tags.with_user(self.cs).action_scrap_rejected("Nobody wants it")
        document.line_ids.filtered(lambda line: line.used_part_id == tag).with_user(
            self.users["center"]
        ).action_object("It is ours")
        with self.assertRaisesRegex(UserError, "second look"):
            tag.with_user(self.cs).action_scrap_rejected("Nobody wants it")
        self.assertEqual(tag.state, "rejected")

    def test_nothing_goes_back_to_a_closed_center(self):
        """M10.3: neither by the button nor by the answer; customer service scraps it."""
        document = self._reject(self.tags[:1])
        document.line_ids[:1].with_user(self.cs).outcome_refused = "return"
        self._close_center()
        with self.assertRaisesRegex(UserError, "is closed"), self.cr.savepoint():
            self.tags[0].with_user(self.users["logistics"]).action_return_to_center()
        with self.assertRaisesRegex(UserError, "is closed"), self.cr.savepoint():
            document.with_user(self.cs).action_done()
        self.assertEqual(self.tags[0].state, "rejected")
        self.tags[0].with_user(self.cs).action_scrap_rejected("The center is closed")
        document.with_user(self.cs).action_done()
        self.assertEqual((document.state, self.tags[0].state), ("done", "scrapped"))
        self._assert_in_order()

    # --- handed over -----------------------------------------------------------------------

    def test_what_a_closed_center_has_is_handed_over(self):
        """M10.3, L2.3: the office keeps what the closed center left, and returns it."""
        self.assertFalse(any(self.tags.mapped("is_given_up")))
        self._close_center()
        given_up = self.parts.with_user(self.cs).search([("is_given_up", "=", True)])
        self.assertEqual(given_up.sorted("name"), self.tags)
        self._confirm_reason(given_up.action_open_hand_over(), "Closed in November", self.cs)
        self.assertEqual(self.tags.keeper_id, self.office)
        self.assertEqual(self.tags.center_id, self.center)
        home = self.office._get_used_part_location(self.company)
        self.assertEqual(self._location_of(self.tags[0]), home)
        self.assertEqual(self.tags[0].event_ids[-1].event, "handed_over")
        self.assertIn("Closed in November", self.tags[0].event_ids[-1].note)
        self.assertFalse(self.parts.search([("is_given_up", "=", True)]))
        self._assert_in_order()
        document = self._ship(self.office, self.users["clerk"])
        self._receive(document, self.tags)
        self.assertEqual(set(self.tags.mapped("state")), {"received"})

    def test_rejected_part_at_a_closed_center_is_handed_over(self):
        """M10.3: what was sent back before the center closed can be kept and returned again."""
        self._reject(self.tags[:1])
        tag = self.tags[0]
        tag.with_user(self.users["logistics"]).action_return_to_center()
        self._close_center()
        tag.with_user(self.cs).action_hand_over("Closed")
        self.assertEqual((tag.state, tag.keeper_id), ("returned", self.office))
        self._assert_in_order()
        tag.with_user(self.users["office_manager"]).action_keep_again()
        self.assertEqual(tag.state, "held")
        self._assert_in_order()

    def test_former_office_hands_over(self):
        """M10.3: an office that is none any more hands over to the one that is."""
        self._close_center()
        self.tags.with_user(self.cs).action_hand_over("Closed")
        successor = self.env["res.partner"].create(
            {"name": "New office", "is_company": True, "is_regional_office": True}
        )
        self.office.write({"is_regional_office": False, "aftersales_level": False})
        with self.assertRaisesRegex(UserError, "has no office"), self.cr.savepoint():
            self.tags.with_user(self.cs).action_hand_over("No office any more")
        self.region.office_id = successor
        self.tags.with_user(self.cs).action_hand_over("No office any more")
        self.assertEqual(self.tags.keeper_id, successor)
        self._assert_in_order()

    def test_what_can_not_be_handed_over(self):
        """M10.3: only by customer service, with a reason, from who keeps nothing any more."""
        with self.assertRaisesRegex(UserError, "itself"):
            self.tags.with_user(self.cs).action_hand_over("Because")
        document = self._make_return()
        self._close_center()
        for role in ("center", "clerk", "logistics", "office_manager", "quality"):
            with self.assertRaises(AccessError):
                self.tags.with_user(self.users[role]).action_hand_over("Closed")
        with self.assertRaisesRegex(UserError, "Give the reason"):
            self.tags.with_user(self.cs).action_hand_over("")
        with self.assertRaisesRegex(UserError, document.name):
            self.tags.with_user(self.cs).action_hand_over("Closed")
        self.assertEqual(self.tags.keeper_id, self.center)

    # --- turned up -------------------------------------------------------------------------

    def _lose(self, bearer):
        """Return everything but the last tag, which is written off."""
        document = self._return_parts(missing=[self.tags[2].name]).sudo()
        self.tags[2].with_user(self.cs).action_write_off("Lost by the carrier", bearer)
        return document

    def test_lost_part_turns_up(self):
        """M10.3: on its way again, scanned on its return, inspected, and answered once more."""
        document = self._lose("center")
        document.with_user(self.cs).action_done()
        tag = self.tags[2]
        line = document.line_ids.filtered(lambda ln: ln.used_part_id == tag)
        with self.assertRaisesRegex(UserError, "turned up"), self.cr.savepoint():
            self._receive(document, tag)
        before = document.message_ids
        own = tag.with_user(self.cs)
        self._confirm_reason(own.action_open_found(), "Behind the gate", self.cs)
        self.assertEqual((tag.state, tag.loss_bearer, tag.result), ("shipped", False, False))
        self.assertEqual(tag.event_ids[-1].event, "found")
        self.assertEqual(tag.event_ids[-1].return_id, document)
        self.assertEqual((line.is_missing, document.missing_count), (1, 1))
        self.assertIn(self.center, (document.message_ids - before).partner_ids)
        self._assert_in_order()
        self._receive(document, tag)
        self._verify_return(document)
        document.with_user(self.cs).action_done()
        self.assertEqual((tag.state, document.state), ("accepted", "done"))
        self.assertTrue(line.date_answered)
        self._assert_in_order()

    def test_whole_consignment_turns_up(self):
        """M10.3: a return of which all was written off is received all the same."""
        document = self._ship()
        self.tags.with_user(self.cs).action_write_off("Stolen", "center")
        self.tags.with_user(self.cs).action_found("The lorry was found")
        self._assert_in_order()
        self._receive(document, self.tags)
        self.assertEqual(set(self.tags.mapped("state")), {"received"})
        self._assert_in_order()

    def test_found_beside_what_is_still_missing(self):
        """L2.8: the transfer that still waits takes in what turned up, too."""
        document = self._ship()
        self._receive(document, self.tags[0])
        self.tags[2].with_user(self.cs).action_write_off("Lost", "company")
        self.tags[2].with_user(self.cs).action_found("Turned up")
        self.assertEqual(document.backorder_id.move_line_ids.lot_id, self.tags[1:].lot_id)
        self._assert_in_order()
        self._receive(document, self.tags[2])
        self._assert_in_order()
        self._receive(document, self.tags[1])
        self.assertEqual(set(self.tags.mapped("state")), {"received"})
        self._assert_in_order()

    def test_paid_loss_that_turns_up_is_not_paid_again(self):
        """M8.4: the company bore the loss and paid; accepted afterwards, it is paid no more."""
        document = self._lose("company")
        settlement = self._generate()
        self._settle(settlement)
        tag = self.tags[2]
        self.assertEqual(set(settlement.line_ids.mapped("result")), {"payable"})
        tag.with_user(self.cs).action_found("Behind the gate")
        self._assert_in_order()
        self._receive(document, tag)
        self._verify_return(document)
        self.assertEqual((tag.state, tag.result), ("accepted", "accepted"))
        self.assertFalse(self._generate("2026-11-01").line_ids)

    def _refuse_paid_loss(self):
        """Return the settlement that paid a loss, and the return on which it is rejected since."""
        document = self._lose("company")
        settlement = self._generate()
        self._settle(settlement)
        tag = self.tags[2]
        tag.with_user(self.cs).action_found("Behind the gate")
        self._receive(document, tag)
        line = document.line_ids.filtered(lambda ln: ln.used_part_id == tag)
        line.with_user(self.users["quality"]).write(
            {"verdict": "reject", "deduction_reason_id": self.reason.id}
        )
        self._verify_return(document)
        return settlement, line

    def test_paid_loss_that_is_rejected(self):
        """M8.4: 3146.00 paid, rejected since: told and listed, until it is noted as recovered."""
        settlement, line = self._refuse_paid_loss()
        paid = settlement.line_ids.filtered(lambda ln: ln.used_part_id == self.tags[2])
        lines = self.env["aftersales.settlement.line"]
        listed = [("is_refused_since", "=", True)]
        for role in ("accountant", "customer_service"):
            self.assertEqual(lines.with_user(self.users[role]).search(listed), paid)
        self.assertTrue(paid.is_refused_since)
        self.assertEqual(lines.search([("is_refused_since", "=", False)]) & paid, lines)
        told = settlement.message_ids[0]
        self.assertIn(self.tags[2].name, told.body)
        self.assertIn("3,146.00", told.body)
        people = self.users["accountant"].partner_id | self.cs.partner_id
        self.assertLessEqual(people, told.partner_ids)
        for role in ("center", "quality", "office_manager", "clerk"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                paid.with_user(self.users[role]).action_note_recovery("Mine")
        own = paid.with_user(self.users["accountant"])
        with self.assertRaisesRegex(UserError, "which document"), self.cr.savepoint():
            own.action_note_recovery(" ")
        others = (settlement.line_ids - paid).with_user(self.users["accountant"])
        with self.assertRaisesRegex(UserError, "Nothing"), self.cr.savepoint():
            others.action_note_recovery("INV/1")
        own.action_note_recovery("Deducted in November")
        self.assertEqual(paid.recovery_note, "Deducted in November")
        self.assertEqual(settlement.amount_payable, 9438)

    def test_paid_loss_may_be_objected_to(self):
        """L2.8, M8.4: its rejection gets a second look; accepted, the payment was right."""
        settlement, line = self._refuse_paid_loss()
        paid = settlement.line_ids.filtered(lambda ln: ln.used_part_id == self.tags[2])
        line.with_user(self.users["center"]).action_object("It was complete")
        line.with_user(self.users["logistics"]).action_review("accept", note="It is")
        self.assertEqual(self.tags[2].result, "accepted")
        self.assertFalse(paid.is_refused_since)
        self.assertFalse(self._generate("2026-11-01").line_ids)
        self._assert_in_order()

    def test_paid_loss_may_be_lost_once_more(self):
        """M8.4: found and lost again: written off, and still paid once."""
        self._lose("company")
        self._settle(self._generate())
        tag = self.tags[2].with_user(self.cs)
        tag.action_found("Behind the gate")
        tag.action_write_off("Lost for good", "company")
        self.assertEqual(tag.state, "lost")
        self.assertFalse(self._generate("2026-11-01").line_ids)
        self._assert_in_order()

    def test_unpaid_loss_that_turns_up_is_paid(self):
        """M8.4: borne by whomever, but not paid yet: paid when accepted, and not before."""
        for bearer in ("company", "center"):
            with self.subTest(bearer=bearer):
                savepoint = self.cr.savepoint()
                document = self._lose(bearer)
                tag = self.tags[2]
                settlement = self._generate()
                self._submit(settlement)
                tag.with_user(self.cs).action_found("Behind the gate")
                settlement.with_user(self.users["clerk"]).action_verify()
                line = settlement.line_ids.filtered(lambda ln, t=tag: ln.used_part_id == t)
                self.assertEqual(line.result, "missing")
                settlement.with_user(self.cs).action_send()
                settlement.with_user(self.users["center"]).action_confirm()
                self.assertFalse(self._generate("2026-11-01").line_ids)
                self._receive(document, tag)
                self._verify_return(document)
                later = self.env["aftersales.settlement"]._generate(
                    fields.Date.to_date("2026-11-01"), self.center
                )
                self.assertEqual(later.line_ids.used_part_id, tag)
                savepoint.close(rollback=True)

    def test_who_finds(self):
        """M10.3: customer service alone, with a reason, only what is written off."""
        self._lose("center")
        for role in ("quality", "logistics", "center", "clerk", "office_manager"):
            with self.assertRaises(AccessError):
                self.tags[2].with_user(self.users[role]).action_found("Here it is")
        with self.assertRaisesRegex(UserError, "Give the reason"):
            self.tags[2].with_user(self.cs).action_found()
        with self.assertRaisesRegex(UserError, "Accepted"):
            self.tags.with_user(self.cs).action_found("Here they are")
