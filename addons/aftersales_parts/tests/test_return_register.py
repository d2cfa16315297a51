from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .common import PIXEL, freeze
from .test_return_window import ReturnCommon


@freeze
@tagged("post_install", "-at_install")
class TestReturnRegister(ReturnCommon):
    """产品返厂登记表: shipping issues it, and nothing is taken in without it (L2.4, L2.5)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.logistics = cls.users["logistics"]

    def _make_tag_return(self):
        self._make_record([self._part(self.pump)])
        return self._make_return()

    def _assert_refused(self, document, message):
        """L2.5: refused through the model, and the screen says so before anything is scanned."""
        tags = document.line_ids.used_part_id.mapped("name")
        with self.assertRaisesRegex(UserError, message), self.cr.savepoint():
            document.with_user(self.logistics).action_receive(tags)
        screen = document.with_user(self.logistics).get_receive_data()
        self.assertRegex(screen["obstacle"], message)

    # --- L2.5 ------------------------------------------------------------------------------

    def test_without_signature(self):
        """L2.5: goods that the office or regional manager didn't sign for are refused."""
        document = self._make_tag_return()
        document.action_submit()
        self._assert_refused(document, "has not appraised and signed")
        # nor by tampering with the state: the log decides
        document.sudo()._write_protected({"state": "shipped", "approval_state": "approved"})
        self._assert_refused(document, "has not appraised and signed")

    def test_without_approval(self):
        """L2.5: goods that customer service didn't approve are refused."""
        document = self._make_tag_return()
        document.action_submit()
        document.with_user(self.manager).action_approve()
        self._assert_refused(document, "Customer service has not approved")
        document.sudo()._write_protected({"state": "shipped", "approval_state": "approved"})
        self._assert_refused(document, "Customer service has not approved")

    def test_without_register(self):
        """L2.5: goods without register are refused until it is there; both sides are told."""
        document = self._make_tag_return()
        self._approve(document)
        self._assert_refused(document, "No register was issued")
        document.action_ship()
        self.assertEqual(document.date_register, document.date_shipped)
        gate = document.with_user(self.logistics)
        with self.assertRaisesRegex(UserError, "Say what is missing"), self.cr.savepoint():
            gate.action_refuse_receipt(" ")
        action = gate.action_open_refuse_receipt()
        self.env["aftersales.reason"].with_user(self.logistics).with_context(
            **action["context"]
        ).create({"reason": "No papers in any box"}).action_confirm()
        self.assertTrue(document.is_register_missing)
        message = document.message_ids[0]
        self.assertIn("No papers in any box", message.body)
        told = self.center | self.users["center"].partner_id | self.manager.partner_id
        self.assertLessEqual(told | self.cs.partner_id, message.notified_partner_ids)
        self._assert_refused(document, "arrived without register")
        gate.action_register_received()
        self.assertFalse(document.is_register_missing)
        self.assertIn("was handed in", document.message_ids[0].body)
        tags = document.line_ids.used_part_id.mapped("name")
        document.with_user(self.logistics).action_receive(tags)
        self.assertEqual(document.state, "received")
        with self.assertRaisesRegex(UserError, "taken in already"):
            gate.action_refuse_receipt("Late")

    def test_by_the_button_of_the_transfer(self):
        """L2.5: the transfers' own buttons take nothing in, whatever is missing or not."""
        document = self._make_tag_return()
        self.env["aftersales.return.line"].create(
            {"return_id": document.id, "product_id": self.lamp.id, "quantity": 3}
        )
        self._approve(document)
        document.action_ship()
        self.logistics.group_ids += self.env.ref("stock.group_stock_user")
        for picking in document.sudo().picking_id | document.sudo().goods_picking_id:
            with self._assert_user_error("without an approved return"):
                picking.with_user(self.logistics).button_validate()

    def test_goods_that_were_never_shipped(self):
        """L2.5: what arrives while its return is still an application is noted, and stays out."""
        document = self._make_goods()
        document.action_submit()
        gate = document.with_user(self.logistics)
        gate.action_refuse_receipt("Came without papers")
        with self.assertRaisesRegex(UserError, "No register was issued"), self.cr.savepoint():
            gate.action_register_received()
        document.with_user(self.manager).action_approve()
        document.with_user(self.cs).action_approve()
        document.action_ship()
        with self.assertRaisesRegex(UserError, "arrived without register"), self.cr.savepoint():
            gate.action_receive([], {document.line_ids.id: 10})
        gate.action_register_received()
        gate.action_receive([], {document.line_ids.id: 10})
        self.assertEqual(document.state, "received")

    def test_only_logistics_guards_the_gate(self):
        """L2.5: no other role refuses, nor lets in what logistics refused; nor by RPC."""
        document = self._make_approved()
        document.action_ship()
        for role in ("center", "clerk", "office_manager", "customer_service", "quality"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_refuse_receipt("x")
        document.with_user(self.logistics).action_refuse_receipt("No papers")
        for role in ("center", "clerk", "office_manager", "customer_service", "quality"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_register_received()
            with self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).write({"is_register_missing": False})

    # --- shipping --------------------------------------------------------------------------

    def test_ship_by_window(self):
        """L2.3, L2.4: the sender says how the goods travel; the register is printed with it."""
        document = self._make_approved(freight_payer="company")
        document.with_user(self.users["clerk"]).carrier = "Deppon"
        action = document.action_open_ship()
        wizard = (
            self.env["aftersales.return.ship"]
            .with_user(self.users["center"])
            .with_context(**action["context"])
            .create({"waybill": "DPK1", "freight_cost": 88.5, "package_count": 2})
        )
        self.assertEqual((wizard.carrier, wizard.freight_payer), ("Deppon", "company"))
        result = wizard.action_ship()
        self.assertEqual(result["report_name"], "aftersales_parts.report_return_register_document")
        self.assertEqual(document.state, "shipped")
        self.assertEqual(
            (document.carrier, document.waybill, document.freight_cost, document.package_count),
            ("Deppon", "DPK1", 88.5, 2),
        )

    def test_window_of_another_center(self):
        """Mistake 6: no window opens on another center's return."""
        document = self._make_approved()
        other = self._make_center("Other", "91310115MA1K3QXE7G")
        user = self._make_center_user("other", other)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.return.ship"].with_user(user).create(
                {"return_id": document.id, "carrier": "x"}
            )
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.env["aftersales.return.appraise"].with_user(user).create(
                {"return_id": document.id, "appraisal": "x"}
            )

    def test_freight_is_closed_with_the_return(self):
        """L2.3: the sender enters the freight until the goods arrive, logistics until the answer,
        nobody later; what it was before stays in the history."""
        document = self._make_approved()
        document.action_ship()
        document.freight_cost = 120
        self.env.flush_all()
        self.cr.precommit.run()
        logistics = document.with_user(self.users["logistics"])
        logistics.action_receive([], {document.line_ids.id: 10})
        with self.assertRaisesRegex(UserError, "only logistics"), self.cr.savepoint():
            document.freight_cost = 200
        with self.assertRaisesRegex(UserError, "only logistics"), self.cr.savepoint():
            document.with_user(self.users["clerk"]).waybill = "DPK9"
        logistics.freight_cost = 110
        self.cr.precommit.run()
        values = document.sudo().message_ids.tracking_value_ids.filtered(
            lambda value: value.field_id.name == "freight_cost"
        )
        self.assertEqual(values.mapped("old_value_float"), [120])
        document.sudo()._write_protected({"state": "done"})
        for closed in (document, logistics):
            with self.assertRaisesRegex(UserError, "is closed"), self.cr.savepoint():
                closed.freight_cost = 20

    def test_freight_on_the_company(self):
        """L2.3: accountants see what the company bears of the freight, 180.00, by sender; neither
        what a sender bears, nor what is still on its way."""
        ours, theirs, waiting = (
            self._make_approved(month=month, is_special=True, special_reason="Urgent", **vals)
            for month, vals in (
                ("2026-11-01", {"freight_payer": "company"}),
                ("2026-12-01", {"freight_payer": "center"}),
                ("2027-01-01", {"freight_payer": "company"}),
            )
        )
        for document, cost in ((ours, 180), (theirs, 70), (waiting, 90)):
            document.freight_cost = cost
            document.action_ship()
        for document in (ours | theirs).with_user(self.users["logistics"]):
            document.action_receive([], {line.id: line.quantity for line in document.line_ids})
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_return_freight"
        )
        returns = self.env["aftersales.return"].with_user(self.users["accountant"])
        found = returns.search(safe_eval(action["domain"]))
        self.assertEqual(found & (ours | theirs | waiting), ours)
        groups = returns.formatted_read_group(
            [("id", "in", found.ids), ("center_id", "=", self.center.id)],
            ["center_id"],
            ["freight_cost:sum"],
        )
        self.assertEqual(groups[0]["freight_cost:sum"], 180)
        arch = returns.get_view(action["view_id"][0], "list")["arch"]
        self.assertIn('sum="', arch)

    def test_company_bears_the_freight_of_offices(self):
        """L2.3: an office's monthly return goes at the company's cost; a center's may not."""
        self._make_goods(freight_payer="center")
        document = self._make_goods(user="clerk", center=self.office)
        for write in (
            lambda: document.write({"freight_payer": "center"}),
            lambda: document.copy({"freight_payer": "center", "month": "2026-12-01"}),
        ):
            with self.assertRaisesRegex(ValidationError, "office's monthly"), self.cr.savepoint():
                write()
        document.write(
            {"freight_payer": "center", "is_special": True, "special_reason": "Own demand"}
        )

    def test_cancel(self):
        """L2.4: a shipped or received return isn't cancelled; the sentence says what instead."""
        document = self._make_approved()
        document.action_ship()
        for state in ("shipped", "received", "verified", "done"):
            document.sudo()._write_protected({"state": state})
            with self.assertRaisesRegex(UserError, "Let logistics take it in"):
                document.action_cancel("x")

    # --- prints ----------------------------------------------------------------------------

    def _render(self, xmlid, document, role="center"):
        html, _kind = (
            self.env["ir.actions.report"]
            .with_user(self.users[role])
            ._render_qweb_html(f"aftersales_parts.{xmlid}", document.ids)
        )
        return html.decode()

    def test_application_form(self):
        """L2.4: 不良品产品返厂申请表: sender, goods, quantity, reasons, appraisal, signatures."""
        document = self._make_goods(
            lines=[
                {"product_id": self.lamp.id, "quantity": 48, "reason": "Burnt ballast"},
                {"product_id": self.lantern.id, "serial": "L-1", "reason": "Flickers"},
            ],
            reason="Collected from the dealers",
            is_special=True,
            special_reason="The store moves",
        )
        html = self._render("report_return_application", document)
        self.assertNotIn("data:image", html)
        document.action_submit()
        document.with_user(self.manager).action_appraise("Looked at all 49", PIXEL)
        document.with_user(self.cs).action_approve()
        for role in ("center", "clerk", "office_manager", "customer_service"):
            html = self._render("report_return_application", document, role)
            for text in (
                document.name,
                "Hangzhou center",
                "Test region",
                "Collected from the dealers",
                "The store moves",
                "Lamp",
                "48.00",
                "Burnt ballast",
                "L-1",
                "Looked at all 49",
                "data:image",
                self.users["center"].name,
                self.manager.name,
                self.cs.name,
            ):
                self.assertIn(text, html)

    def test_register(self):
        """L2.4, L2.9: 产品返厂登记表 with the columns of the slip; a draft says that it is one."""
        document = self._make_approved(carrier="Deppon", waybill="DPK1", package_count=3)
        self.assertIn("Draft: the register", self._render("report_return_register", document))
        document.action_ship()
        html = self._render("report_return_register", document, "logistics")
        self.assertNotIn("Draft: the register", html)
        for text in (document.name, document._get_qr_code(), "Deppon", "DPK1", "Receipt slip"):
            self.assertIn(text, html)
        document.with_user(self.logistics).action_receive([], {document.line_ids.id: 9})
        self.assertIn("9.00", self._render("report_return_register", document))

    def test_used_part_list(self):
        """M8.3: 服务旧件退回明细表: each tag with record, machine, part; no goods."""
        self._make_record(
            [
                self._part(self.pump, serial_removed="P-77", serial_fitted="P-78"),
                self._part(self.gearbox),
            ]
        )
        document = self._make_return()
        self.env["aftersales.return.line"].create(
            {"return_id": document.id, "product_id": self.lamp.id, "quantity": 3}
        )
        html = self._render("report_return_used_part_list", document)
        for text in (*document.line_ids.used_part_id.mapped("name"), "P-77", "SN-001", "Gearbox"):
            self.assertIn(text, html)
        self.assertNotIn("Lamp", html)

    def test_tags_are_printed(self):
        """M10.3: the tags of a return are printed in one go; goods have none."""
        document = self._make_tag_return()
        action = document.action_print_tags()
        self.assertEqual(action["report_name"].split(".")[0], "aftersales_parts")
        with self.assertRaisesRegex(UserError, "no tag to print"):
            self._make_goods(is_special=True).action_print_tags()

    def test_forms_of_many_lines(self):
        """L2.4: the queries of a form don't grow with its lines."""

        def count(document, xmlid):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._render(xmlid, document)
            return self.cr.sql_log_count - before

        documents = []
        for number in (3, 30):
            products = self.env["product.product"].create(
                [{"name": f"Lamp {number}-{i}", "is_storable": True} for i in range(number)]
            )
            documents.append(
                self._make_goods(
                    lines=[{"product_id": product.id} for product in products],
                    is_special=True,
                )
            )
        for xmlid in ("report_return_application", "report_return_register"):
            count(documents[0], xmlid)
            few, many = (count(document, xmlid) for document in documents)
            self.assertLessEqual(many, few + 1, xmlid)
