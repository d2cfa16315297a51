from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestSupplierRecovery(AftersalesPartsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.supplier, cls.other_supplier = cls.env["res.partner"].create(
            [{"name": name, "is_company": True} for name in ("Hydraulics Ltd", "Gears Ltd")]
        )
        dozen = cls.env.ref("uom.product_uom_dozen")
        cls.pump.seller_ids = [
            Command.create(
                {
                    "partner_id": cls.supplier.id,
                    # 1,200.00 for twelve less 10 %: 90.00 each
                    "price": 1200,
                    "discount": 10,
                    "product_uom_id": dozen.id,
                }
            )
        ]
        cls.gearbox.standard_price = 15000.55
        cls.quality = cls.users["quality"]

    def setUp(self):
        super().setUp()
        record = self._make_record([self._part(self.pump), self._part(self.pump)])
        record |= self._make_record([self._part(self.gearbox)])
        self.tags = record.used_part_ids.sorted("name")
        self.pumps = self.tags.filtered(lambda tag: tag.product_id == self.pump)

    def _new(self, user=None, partner=None):
        return (
            self.env["aftersales.supplier.recovery"]
            .with_user(user or self.quality)
            .create({"partner_id": (partner or self.supplier).id})
        )

    def _sent(self):
        self._return_parts()
        document = self._new()
        document.action_collect()
        document.action_send()
        return document

    def test_collect(self):
        """M10.1: accepted parts of the supplier, at its price: 2 × 90.00 = 180.00."""
        reason = self.env.ref("aftersales_parts.deduction_reason_D05")
        other = self._make_record([self._part(self.pump)]).used_part_ids
        self._return_parts(deductions={other.name: reason.id})
        document = self._new()
        document.action_collect()
        # neither the deducted pump nor the gearbox of another supplier
        self.assertEqual(document.line_ids.used_part_id, self.pumps)
        self.assertEqual(document.line_ids.mapped("amount_claimed"), [90, 90])
        self.assertEqual(document.amount_claimed, 180)
        with self.assertRaisesRegex(UserError, "Nothing accepted"), self.cr.savepoint():
            self._new().action_collect()

    def test_cost_without_purchase_price(self):
        """M10.1: without a purchase price the cost is claimed, 15,000.55, and can be changed."""
        self._return_parts()
        document = self._new(partner=self.other_supplier)
        gearbox = self.tags - self.pumps
        document.line_ids = [Command.create({"used_part_id": gearbox.id})]
        self.assertEqual(document.amount_claimed, 15000.55)
        document.line_ids.amount_claimed = 14000.01
        self.assertEqual(document.amount_claimed, 14000.01)

    def test_parts_truly_move(self):
        """M10.1: sending moves the parts to the supplier's location and notes it in their life."""
        document = self._sent()
        self.assertEqual(set(self.pumps.mapped("state")), {"supplier"})
        self.assertEqual(self.pumps.supplier_id, self.supplier)
        self.assertEqual(set(self.pumps.mapped("result")), {"accepted"})
        for tag in self.pumps:
            self.assertEqual(self._location_of(tag).usage, "supplier")
            self.assertEqual(tag.event_ids[-1].event, "supplier")
            self.assertEqual(tag.event_ids[-1].picking_id.origin, document.name)
        with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
            document.action_send()

    def test_answer_and_recovery(self):
        """M10.1: one accepted with 80.00, one refused with a reason: 80.00 of 180.00, closed."""
        document = self._sent()
        first, second = document.line_ids
        with self.assertRaisesRegex(UserError, "Enter first"), self.cr.savepoint():
            document.action_answer()
        first.result = "accepted"
        self.assertEqual(first.amount_accepted, 90)
        first.amount_accepted = 80
        with self.assertRaisesRegex(ValidationError, "why the supplier"), self.cr.savepoint():
            second.result = "refused"
        second.write({"result": "refused", "refusal_reason": "Dirt in the oil"})
        with self.assertRaisesRegex(ValidationError, "between 0 and"), self.cr.savepoint():
            first.amount_accepted = 90.01
        document.action_answer()
        self.assertEqual(document.amount_accepted, 80)
        document.amount_recovered = 79.99
        with self.assertRaisesRegex(UserError, "Say in the note"), self.cr.savepoint():
            document.action_close()
        document.write({"amount_recovered": 80, "reference": "CN-7"})
        document.action_close()
        self.assertEqual(document.state, "closed")
        with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
            first.amount_accepted = 1
        with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
            document.amount_recovered = 1

    def test_claimed_once(self):
        """M10.1: for no part its supplier is asked twice."""
        document = self._sent()
        other = self._new()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.cr.savepoint():
            other.line_ids = [
                Command.create({"used_part_id": document.line_ids[0].used_part_id.id})
            ]

    # --- refused ---------------------------------------------------------------------------

    def _refused(self):
        document = self._sent()
        document.line_ids[0].write({"result": "refused", "refusal_reason": "Dirt in the oil"})
        document.line_ids[1].result = "accepted"
        return document, document.line_ids[0].used_part_id

    def test_refused_part_comes_back(self):
        """M10.1, M10.3: what the supplier refused comes back to used parts, and is scrapped."""
        document, tag = self._refused()
        tag.with_user(self.quality).action_take_back("Dirt in the oil")
        self.assertEqual(
            (tag.state, tag.result, tag.supplier_id.id), ("accepted", "accepted", False)
        )
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self.assertEqual(self._location_of(tag), warehouse.used_part_loc_id)
        self.assertEqual(tag.event_ids[-1].event, "came_back")
        self.assertEqual(tag.event_ids[-1].note, "Hydraulics Ltd: Dirt in the oil")
        self.assertEqual(tag._check_ledger(), [])
        document.action_answer()
        tag.with_user(self.quality).action_scrap()
        self.assertEqual(tag.state, "scrapped")
        self.assertEqual(tag._check_ledger(), [])

    def test_refused_part_goes_to_another_supplier(self):
        """M10.1: another one may be asked, the same one is not asked twice."""
        document, tag = self._refused()
        tag.with_user(self.quality).action_take_back("Not ours")
        with self.assertRaisesRegex(UserError, "Nothing accepted"), self.cr.savepoint():
            self._new().action_collect()
        with self.assertRaisesRegex(ValidationError, "asked to pay"), self.cr.savepoint():
            self._new().line_ids = [Command.create({"used_part_id": tag.id})]
        self.pump.seller_ids = [Command.create({"partner_id": self.other_supplier.id, "price": 70})]
        other = self._new(partner=self.other_supplier)
        other.action_collect()
        self.assertEqual(other.line_ids.used_part_id, tag)
        other.action_send()
        self.assertEqual((tag.state, tag.supplier_id), ("supplier", self.other_supplier))
        self.assertEqual(tag._check_ledger(), [])
        # the first one can't accept after all what the other one has now
        with self.assertRaisesRegex(UserError, "stays refused"), self.cr.savepoint():
            document.line_ids[0].result = "accepted"

    def test_only_refused_parts_come_back(self):
        """M10.1: not what the supplier pays for or hasn't answered about; by quality, logistics."""
        document = self._sent()
        tags = document.line_ids.used_part_id
        with self.assertRaisesRegex(UserError, document.name):
            tags.with_user(self.quality).action_take_back("No use")
        document.line_ids.write({"result": "refused", "refusal_reason": "No"})
        for role in ("customer_service", "center", "clerk"):
            with self.assertRaises(AccessError):
                tags.with_user(self.users[role]).action_take_back("No use")
        with self.assertRaisesRegex(UserError, "Give the reason"):
            tags.with_user(self.quality).action_take_back(" ")
        action = tags.with_user(self.users["logistics"]).action_open_take_back()
        window = Form(
            self.env["aftersales.reason"]
            .with_user(self.users["logistics"])
            .with_context(**action["context"])
        )
        window.reason = "All refused"
        window.save().action_confirm()
        self.assertEqual(set(tags.mapped("state")), {"accepted"})

    def test_deducted_part_comes_back_as_deducted(self):
        """M8.4: what the inspection said stays; parts sent without a list come back, too."""
        reason = self.env.ref("aftersales_parts.deduction_reason_D05")
        tag = self.pumps[0]
        self._return_parts(deductions={tag.name: reason.id})
        tag.with_user(self.quality)._send_to_supplier(self.supplier)
        tag.with_user(self.quality).action_take_back("Not theirs")
        self.assertEqual((tag.state, tag.result), ("deducted", "deducted"))
        self.assertEqual(tag._check_ledger(), [])

    def test_answers_are_fixed(self):
        """M10.1: once the answer is closed, nobody changes it without trace."""
        document, _tag = self._refused()
        document.action_answer()
        for vals in ({"result": "refused"}, {"amount_accepted": 1}, {"refusal_reason": "x"}):
            with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
                document.line_ids[1].write(vals)

    def test_wrong_answer_is_reopened(self):
        """M10.1: 9.00 was typed for 90.00: customer service reopens the answer, saying why, until
        the list is closed; nobody else does."""
        document, _tag = self._refused()
        line = document.line_ids[1]
        line.amount_accepted = 9
        document.action_answer()
        for role in ("quality", "clerk", "logistics", "accountant"):
            with self.subTest(role=role), self.assertRaises(AccessError), self.cr.savepoint():
                document.with_user(self.users[role]).action_reopen("Typed wrongly")
        own = document.with_user(self.users["customer_service"])
        with self.assertRaisesRegex(UserError, "Give the reason"), self.cr.savepoint():
            own.action_reopen(" ")
        window = Form(
            self.env["aftersales.reason"]
            .with_user(self.users["customer_service"])
            .with_context(**own.action_open_reopen()["context"])
        )
        window.reason = "Typed wrongly"
        window.save().action_confirm()
        self.assertEqual((document.state, document.date_answered), ("sent", False))
        self.assertIn("Typed wrongly", document.message_ids[0].body)
        line.amount_accepted = 90
        document.action_answer()
        self.assertEqual(document.amount_accepted, 90)
        document.amount_recovered = 90
        document.action_close()
        with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
            own.action_reopen("Typed wrongly")

    def test_what_came_back_stays_refused(self):
        """M10.1: nobody pays for a part that was taken back from it, even if it was scrapped."""
        document, tag = self._refused()
        tag.with_user(self.quality).action_take_back("Dirt in the oil")
        line = document.line_ids[0]
        self.assertTrue(line.is_back)
        self.assertFalse(document.line_ids[1].is_back)
        with self.assertRaisesRegex(UserError, "stays refused"), self.cr.savepoint():
            line.result = "accepted"
        tag.with_user(self.quality).action_scrap()
        document.action_answer()
        document.with_user(self.users["customer_service"]).action_reopen("Typed wrongly")
        with self.assertRaisesRegex(UserError, "stays refused"), self.cr.savepoint():
            line.write({"result": "accepted", "amount_accepted": 90})

    def test_price_of_one_piece(self):
        """M10.1: not the price of a hundred; the vendor may be entered as a contact of it."""
        self._return_parts()
        contact = self.env["res.partner"].create(
            {"name": "Sales office", "parent_id": self.supplier.id, "type": "contact"}
        )
        self.pump.seller_ids = [
            Command.clear(),
            Command.create({"partner_id": contact.id, "price": 95, "min_qty": 0}),
            Command.create({"partner_id": contact.id, "price": 60, "min_qty": 100}),
        ]
        document = self._new()
        document.action_collect()
        self.assertEqual(document.line_ids.mapped("amount_claimed"), [95, 95])

    def test_only_accepted_parts(self):
        """M10.1: a part that is kept, or that another supplier has, can't be claimed."""
        document = self._new()
        with self.assertRaisesRegex(ValidationError, "can't be claimed"), self.cr.savepoint():
            document.line_ids = [Command.create({"used_part_id": self.pumps[0].id})]
        self._return_parts()
        self.pumps[0].with_user(self.quality)._send_to_supplier(self.other_supplier)
        with self.assertRaisesRegex(ValidationError, "was sent on to Gears"), self.cr.savepoint():
            document.line_ids = [Command.create({"used_part_id": self.pumps[0].id})]
        document.action_collect()
        self.assertEqual(document.line_ids.used_part_id, self.pumps[1])

    def test_sent_list_is_fixed(self):
        """M10.1: what was sent stays, by RPC and import, too; it is kept for years (H11)."""
        document = self._sent()
        line = document.line_ids[0]
        for change in (
            lambda: line.write({"amount_claimed": 1}),
            lambda: line.unlink(),
            lambda: document.write({"partner_id": self.other_supplier.id}),
            lambda: line.write({"recovery_id": self._new().id}),
        ):
            with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
                change()
        with self.assertRaisesRegex(AccessError, "by hand"), self.cr.savepoint():
            document.state = "closed"
        with self.assertRaisesRegex(UserError, "kept until"), self.cr.savepoint():
            document.unlink()
        self._new().unlink()

    def test_nothing_is_answered_beforehand(self):
        """M10.1: whoever writes the list doesn't enter the supplier's answer by a default."""
        self._return_parts()
        document = self._new()
        line = document.line_ids.with_context(default_result="accepted").create(
            {
                "recovery_id": document.id,
                "used_part_id": self.pumps[0].id,
                "amount_accepted": 90,
            }
        )
        self.assertFalse(line.result or line.amount_accepted)
        with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
            line.result = "accepted"

    def test_roles(self):
        """M10.1: quality and customer service write, others of the factory read, nobody else."""
        document = self._sent()
        for role in ("clerk", "logistics", "vp", "accountant"):
            with self.subTest(role=role):
                own = document.with_user(self.users[role])
                own.read(["name", "amount_claimed"])
                own.line_ids.read(["amount_claimed"])
                with self.assertRaises(AccessError), self.cr.savepoint():
                    own.note = "x"
                with self.assertRaises(AccessError), self.cr.savepoint():
                    own.action_answer()
        for role in ("center", "technician", "office_manager"):
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    document.with_user(self.users[role]).read(["name"])
                with self.assertRaises(AccessError):
                    document.line_ids.with_user(self.users[role]).read(["amount_claimed"])
                with self.assertRaises(AccessError):
                    self.pumps.with_user(self.users[role]).read(["recovery_line_ids"])
        own = document.with_user(self.users["customer_service"])
        own.line_ids.result = "accepted"
        own.action_answer()
        self.assertEqual(document.state, "answered")

    def test_customer_service_sends(self):
        """M10.1: customer service, too, sends list and parts."""
        self._return_parts()
        document = self._new(self.users["customer_service"])
        document.action_collect()
        document.action_send()
        self.assertEqual(set(self.pumps.mapped("state")), {"supplier"})

    def test_print(self):
        """M10.1: the list is printed with fault, cause and amount of each part."""
        document = self._sent()
        content, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "aftersales_parts.report_supplier_recovery", document.ids
        )
        text = content.decode()
        for word in (self.pumps[0].name, self.pumps[1].name, "Cause", "180.00"):
            self.assertIn(word, text)
