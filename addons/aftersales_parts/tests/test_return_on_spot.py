from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import PIXEL, freeze
from .test_return_window import ReturnCommon


@freeze
@tagged("post_install", "-at_install")
class TestReturnOnSpot(ReturnCommon):
    """就地处理: what customer service lets the office deal with instead of shipping it (L2.4)."""

    def _make_on_spot(self, **vals):
        return self._make_goods(is_on_spot=True, **vals)

    def _make_approved_on_spot(self, **vals):
        document = self._make_on_spot(**vals)
        self._approve(document)
        return document

    def _photograph(self, document, user=None):
        return (
            self.env["aftersales.return.photo"]
            .with_user(user or self.manager)
            .create({"return_id": document.id, "image": PIXEL})
        )

    def _deal(self, document):
        self._photograph(document)
        document.with_user(self.manager).action_deal_on_spot("Scrapped, pressed flat")

    def test_dealt_with_and_credited(self):
        """L2.4, L2.9, L2.10: 10 lamps at 20.00 are scrapped at the office on 20 November 10:00;
        they count as accepted without any transfer, the answer is due on the 23rd, 200.00."""
        self._invoice_lamps()
        document = self._make_approved_on_spot()
        self._deal(document)
        line = document.line_ids
        self.assertEqual(document.state, "verified")
        self.assertEqual(str(document.date_received), "2026-11-20 02:00:00")
        self.assertEqual((line.quantity_received, line.quantity_accepted), (10, 10))
        self.assertEqual((line.verdict, line.inspector_id), ("accept", self.manager))
        self.assertTrue(line.is_verified)
        self.assertFalse(document.sudo().picking_id | document.sudo().goods_picking_id)
        self.assertFalse(line.sudo().move_ids)
        self.assertFalse(document.is_awaiting)
        rule = self.env.ref("aftersales_parts.deadline_rule_return_answered")
        deadline = document.deadline_ids.filtered(lambda d: d.rule_id == rule)
        self.assertEqual((deadline.state, str(deadline.date_due)[:10]), ("running", "2026-11-23"))
        verified = document.deadline_ids - deadline
        self.assertEqual(set(verified.mapped("state")), {"met"})
        message = document.sudo().message_ids.filtered(lambda m: "pressed flat" in m.body)
        self.assertLessEqual(self.center | self.cs.partner_id, message.notified_partner_ids)
        self.assertEqual(line.outcome, "credit")
        document.with_user(self.cs).action_done()
        self.assertEqual(document.state, "done")
        self.assertEqual(deadline.state, "met")
        credit = self.env["account.move"].search([("aftersales_return_id", "=", document.id)])
        self.assertEqual(credit.amount_untaxed, 200)
        # nothing of it lies at the factory
        self.assertFalse(line.quantity_left)

    def test_actual_count_prevails(self):
        """L2.4, L2.8: of 10 lamps approved 8 are defective and dealt with, two work: 8 at 20.00
        are credited, 160.00; sender and slip are told why."""
        self._invoice_lamps()
        document = self._make_approved_on_spot()
        self._photograph(document)
        line = document.line_ids
        manager = document.with_user(self.manager)
        for quantity, note, message in (
            (11, "More", "no more can be dealt with"),
            (8, " ", "say why not all"),
            (0, "All work", "cancel it instead"),
            (-1, "Nonsense", "less than nothing"),
        ):
            with self.subTest(quantity=quantity), self._assert_user_error(message):
                manager.action_deal_on_spot("Scrapped", {line.id: quantity}, {line.id: note})
        with self._assert_user_error("Count these, too"):
            manager.action_deal_on_spot("Scrapped", {})
        action = manager.action_open_deal_on_spot()
        window = Form(
            self.env[action["res_model"]].with_user(self.manager).with_context(**action["context"])
        )
        window.reason = "Scrapped, pressed flat"
        with window.line_ids.edit(0) as goods:
            self.assertEqual((goods.quantity_approved, goods.quantity), (10, 10))
            goods.quantity = 8
            goods.note = "Two of them work"
        window.save().action_deal()
        self.assertEqual((line.quantity_shipped, line.quantity_accepted), (10, 8))
        self.assertEqual((line.difference, line.note), (-2, "Two of them work"))
        message = document.sudo().message_ids.filtered(lambda m: "pressed flat" in m.body)
        self.assertIn("Lamp: dealt with 8 of 10. Two of them work", message.body)
        document.with_user(self.cs).action_done()
        credit = self.env["account.move"].search([("aftersales_return_id", "=", document.id)])
        self.assertEqual(credit.amount_untaxed, 160)
        html, _kind = (
            self.env["ir.actions.report"]
            .with_context(lang="en_US")
            ._render_qweb_html("aftersales_parts.report_return_slip", document.ids)
        )
        self.assertIn("Two of them work", html.decode())

    def _invoice_lamps(self):
        self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.center.id,
                "invoice_date": "2026-10-01",
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": self.lamp.id,
                            "quantity": 10,
                            "price_unit": 20,
                            "tax_ids": False,
                        }
                    )
                ],
            }
        ).action_post()

    def test_in_the_prints(self):
        """L2.4, L2.9: application and slip say that the goods were dealt with on the spot."""
        document = self._make_approved_on_spot()
        self._deal(document)
        stock = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company).lot_stock_id
        self.env["stock.quant"]._update_available_quantity(self.lamp, stock, 10)
        document.with_user(self.cs).line_ids.outcome = "exchange"
        document.with_user(self.cs).action_done()
        report = self.env["ir.actions.report"].with_context(lang="en_US")
        for name, text in (
            ("application", "None: dealt with on the spot"),
            ("register", "dealt with on the spot and don't travel"),
            ("slip", "Scrapped, pressed flat"),
        ):
            html, _kind = report._render_qweb_html(
                f"aftersales_parts.report_return_{name}", document.ids
            )
            with self.subTest(name=name):
                self.assertIn(text, html.decode().replace("&#39;", "'"))

    def test_only_after_approval(self):
        """L2.4: neither before customer service has approved, nor twice, nor for a return."""
        document = self._make_on_spot()
        with self._assert_user_error("isn't approved"):
            document.with_user(self.manager).action_deal_on_spot("Scrapped")
        document.action_submit()
        document.with_user(self.manager).action_approve()
        with self._assert_user_error("isn't approved"):
            document.with_user(self.manager).action_deal_on_spot("Scrapped")
        document.with_user(self.cs).action_approve()
        self._deal(document)
        with self._assert_user_error("reported already"):
            document.with_user(self.manager).action_deal_on_spot("Scrapped")
        ordinary = self._make_approved()
        with self._assert_user_error("isn't approved to be dealt"):
            ordinary.with_user(self.manager).action_deal_on_spot("Scrapped")

    def test_report_and_photo_are_needed(self):
        """L2.4: what was done is said, and photographed by the manager, while it is approved."""
        document = self._make_approved_on_spot()
        with self._assert_user_error("Say what was done"):
            document.with_user(self.manager).action_deal_on_spot(" ")
        with self._assert_user_error("Take photos"):
            document.with_user(self.manager).action_deal_on_spot("Scrapped")
        for role in ("center", "logistics", "quality", "customer_service"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                self._photograph(document, self.users[role])
        self._deal(document)
        with self._assert_user_error("before it is reported"):
            self._photograph(document)
        with self._assert_user_error("before it is reported"):
            document.photo_ids.with_user(self.manager).unlink()

    def test_managers_photograph_no_delivery(self):
        """L2.8: deliveries are photographed by logistics and quality alone."""
        document = self._make_approved()
        document.action_ship()
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._photograph(document)
        self._photograph(document, self.users["logistics"])

    def test_who_reports(self):
        """L2.4: the manager of office or region, nobody else, and no report by hand."""
        document = self._make_approved_on_spot()
        self._photograph(document)
        for role in ("center", "clerk", "logistics", "quality", "customer_service"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_deal_on_spot("Scrapped")
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            document.with_user(self.manager).on_spot_note = "Scrapped"
        document.with_user(self.second_manager).action_deal_on_spot("Scrapped")
        self.assertEqual(document.state, "verified")

    def test_not_shipped(self):
        """L2.4, L2.5: it is not shipped, not received, and needs no window."""
        document = self._make_approved_on_spot()
        with self._assert_user_error("goods are not shipped"):
            document.action_ship()
        with self._assert_user_error("No register was issued"):
            document.with_user(self.users["logistics"]).action_receive(
                [], {document.line_ids.id: 1}
            )
        with self._assert_user_error("needs no window"):
            document.action_ask_special("Urgent")

    def test_beside_the_month_s_return(self):
        """L2.6: it takes no return's place, and misses no window."""
        self.region.return_week = "1"
        first, second = self._make_on_spot(month="2026-11-01"), self._make_on_spot()
        self.assertEqual(str(first.month), "2026-11-01")
        self.assertEqual(first.month, second.month)
        self.assertFalse(first.date_window_end or first.window_state)
        self._make_goods(month="2026-11-01")
        self._carry_over()
        self.assertFalse((first | second).filtered("carried_over"))

    def test_reported_within_the_days_of_the_answer(self):
        """L2.4, L2.10: approved on Friday 20 November, it is to be reported by the 23rd; the
        report meets it, a change ends it with the approval, and no return waits for a report."""
        rule = self.env.ref("aftersales_parts.deadline_rule_return_reported")

        def get_deadline(document):
            return document.deadline_ids.filtered(lambda d: d.rule_id == rule)

        document = self._make_approved_on_spot()
        deadline = get_deadline(document)
        self.assertEqual((deadline.state, str(deadline.date_due)[:10]), ("running", "2026-11-23"))
        self._deal(document)
        self.assertEqual(deadline.state, "met")
        changed = self._make_approved_on_spot()
        changed.line_ids.quantity = 9
        self.assertEqual((changed.state, get_deadline(changed).state), ("draft", "cancelled"))
        self._approve(changed)
        running = get_deadline(changed).filtered(lambda d: d.state == "running")
        self.assertEqual(len(running), 1)
        changed.action_cancel("Not needed")
        self.assertEqual(running.state, "cancelled")
        self.assertFalse(get_deadline(self._make_approved()))

    def test_used_parts_come_back(self):
        """M10.3, L1.3: neither tags nor faulty batches are dealt with on the spot."""
        tag = self._make_record([self._part(self.pump)]).used_part_ids
        document = self._make_on_spot()
        with self.assertRaisesRegex(ValidationError, "Used parts"), self.cr.savepoint():
            document.line_ids.create({"return_id": document.id, "used_part_id": tag.id})
        with self.assertRaisesRegex(ValidationError, "Used parts"), self.cr.savepoint():
            document.action_collect()
        ordinary = self._make_return()
        with self.assertRaisesRegex(ValidationError, "Used parts"), self.cr.savepoint():
            ordinary.is_on_spot = True
        with self.assertRaisesRegex(ValidationError, "no special"), self.cr.savepoint():
            document.write({"is_special": True, "special_reason": "Urgent"})

    def test_change_voids_the_approval(self):
        """L2.4: shipping instead, or the other way round, is decided anew."""
        document = self._make_approved_on_spot()
        document.is_on_spot = False
        self.assertEqual(document.state, "draft")
        document = self._make_approved(month="2026-12-01")
        document.is_on_spot = True
        self.assertEqual(document.state, "draft")
