from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestReturnDisposal(AftersalesPartsCommon):
    """What becomes of accepted defective goods: scrapped, or sent to their supplier (L2.9)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.supplier, cls.other = cls.env["res.partner"].create(
            [{"name": name, "is_company": True} for name in ("Lamps Ltd", "Bulbs Ltd")]
        )
        seller = {"partner_id": cls.supplier.id, "price": 12.5}
        cls.lamp, cls.oil = cls.env["product.product"].create(
            [
                {
                    "name": name,
                    "is_storable": True,
                    "tracking": tracking,
                    "seller_ids": [Command.create(seller)],
                }
                for name, tracking in (("Lamp", "none"), ("Oil", "lot"))
            ]
        )
        cls.quality = cls.users["quality"]
        cls.reason = cls.env.ref("aftersales_parts.deduction_reason_D05")
        warehouse = cls.env["stock.warehouse"]._get_aftersales_warehouse(cls.company)
        cls.defective = warehouse._get_defective_location()
        for product in cls.lamp | cls.oil:
            cls._make_price(product, 20)

    def _answered(self, refused=0, done=True):
        """Return the lines of 5 lamps and 4 oil that were returned, credited and answered.

        :param refused: how many lamps were refused
        """
        document = (
            self.env["aftersales.return"]
            .with_user(self.users["center"])
            .create(
                {
                    "center_id": self.center.id,
                    "month": "2026-11-01",
                    "line_ids": [
                        Command.create({"product_id": self.lamp.id, "quantity": 5}),
                        Command.create(
                            {"product_id": self.oil.id, "quantity": 4, "serial": "LOT-B"}
                        ),
                    ],
                }
            )
        )
        self._approve(document)
        document.action_ship()
        lamps, oil = document.line_ids
        document.with_user(self.users["logistics"]).action_receive([], {lamps.id: 5, oil.id: 4})
        if refused:
            lamps.with_user(self.quality).write(
                {"deduction_reason_id": self.reason.id, "quantity_refused": refused}
            )
        self._verify_return(document)
        if done:
            document.with_user(self.users["customer_service"]).action_done()
        return lamps.sudo(), oil.sudo()

    def _in(self, location, product):
        quants = self.env["stock.quant"].search(
            [("location_id", "=", location.id), ("product_id", "=", product.id)]
        )
        return sum(quants.mapped("quantity"))

    def _recover(self, partner=None):
        document = (
            self.env["aftersales.supplier.recovery"]
            .with_user(self.quality)
            .create({"partner_id": (partner or self.supplier).id})
        )
        document.action_collect()
        return document

    def _line(self, document, product):
        return document.line_ids.filtered(lambda line: line.product_id == product)

    def test_what_lies_there(self):
        """L2.9: accepted goods count from the answer on; refused ones are the sender's."""
        lamps, oil = self._answered(refused=2, done=False)
        self.assertEqual((lamps.quantity_left, oil.quantity_left), (0, 0))
        lamps.return_id.with_user(self.users["customer_service"]).action_done()
        self.assertEqual((lamps.quantity_left, oil.quantity_left), (3, 4))
        left = self.env["aftersales.return.line"].search([("quantity_left", ">", 0)])
        self.assertEqual(left, lamps | oil)

    def test_scrap(self):
        """L2.9: what was accepted is scrapped, with its lot, once; what was refused stays."""
        lamps, oil = self._answered(refused=2)
        with self.assertRaises(AccessError):
            lamps.with_user(self.users["customer_service"]).action_scrap_left()
        with self.assertRaises(AccessError):
            lamps.with_user(self.users["center"]).action_scrap_left()
        (lamps | oil).with_user(self.quality).action_scrap_left()
        # the two refused lamps wait for their way back
        self.assertEqual(self._in(self.defective, self.lamp), 2)
        self.assertEqual(self._in(self.defective, self.oil), 0)
        scraps = self.env["stock.scrap"].search([("origin", "=", lamps.return_id.name)])
        self.assertEqual(scraps.mapped("scrap_qty"), [4, 3])
        self.assertEqual(scraps.lot_id.name, "LOT-B")
        self.assertEqual((lamps.quantity_left, lamps.quantity_disposed), (0, 3))
        with self.assertRaisesRegex(UserError, "nothing is left"):
            lamps.with_user(self.quality).action_scrap_left()
        with self.assertRaises(AccessError):
            lamps.with_user(self.quality).quantity_disposed = 0

    def test_scrap_of_what_is_gone(self):
        """L2.9: what somebody took away can't be scrapped; disputed goods stay as evidence."""
        lamps, _oil = self._answered()
        savepoint = self.cr.savepoint()
        self.env["stock.quant"]._update_available_quantity(self.lamp, self.defective, -1)
        with self.assertRaisesRegex(UserError, "not that much"):
            lamps.with_user(self.quality).action_scrap_left()
        savepoint.close(rollback=True)
        dispute = (
            self.env["aftersales.dispute"]
            .with_user(self.users["clerk"])
            .create({"return_id": lamps.return_id.id, "reason": "Wrong count"})
        )
        with self.assertRaisesRegex(UserError, dispute.name):
            lamps.with_user(self.quality).action_scrap_left()

    def test_supplier_is_asked_to_pay(self):
        """L2.9: 5 lamps at 12.50 are 62.50, 4 oil 50.00; they truly move to the supplier."""
        lamps, oil = self._answered()
        document = self._recover()
        self.assertEqual(document.line_ids.mapped("quantity"), [5, 4])
        self.assertEqual(document.line_ids.mapped("amount_claimed"), [62.5, 50])
        with self.assertRaisesRegex(UserError, "Nothing accepted"), self.cr.savepoint():
            self._recover()
        self._line(document, self.lamp).quantity = 3
        self.assertEqual(document.amount_claimed, 87.5)
        document.action_send()
        self.assertEqual((lamps.quantity_left, oil.quantity_left), (2, 0))
        self.assertEqual(self._in(self.defective, self.lamp), 2)
        move = self.env["stock.move.line"].search(
            [("picking_id.origin", "=", document.name), ("product_id", "=", self.oil.id)]
        )
        self.assertEqual((move.lot_id.name, move.quantity, move.state), ("LOT-B", 4, "done"))
        self.assertEqual(move.location_dest_id.usage, "supplier")
        with self.assertRaisesRegex(UserError, "is “"), self.cr.savepoint():
            self._line(document, self.lamp).quantity = 5

    def test_never_more_than_there_is(self):
        """L2.9: over two lists, too, no more is claimed than lies there."""
        lamps, _oil = self._answered()
        document = self._recover()
        with self.assertRaisesRegex(ValidationError, "5 are there"), self.cr.savepoint():
            self._line(document, self.lamp).quantity = 6
        self._line(document, self.lamp).quantity = 2
        other = document.copy({"line_ids": []})
        with self.assertRaisesRegex(ValidationError, "3 are there"), self.cr.savepoint():
            other.line_ids = [Command.create({"return_line_id": lamps.id, "quantity": 4})]
        other.line_ids = [Command.create({"return_line_id": lamps.id, "quantity": 3})]
        lamps._write_protected({"quantity_disposed": 5})
        with self.assertRaisesRegex(ValidationError, "are there"), self.cr.savepoint():
            document.action_send()
        self.assertEqual(document.state, "draft")

    def test_scrap_of_what_is_to_be_recovered(self):
        """L2.9: what stands on a supplier's draft isn't scrapped; the list is named."""
        lamps, oil = self._answered()
        document = self._recover()
        for user in (self.quality, self.users["logistics"]):
            with self.assertRaisesRegex(UserError, document.name), self.cr.savepoint():
                (lamps | oil).with_user(user).action_scrap_left()
        self.assertEqual(self._in(self.defective, self.lamp), 5)
        self._line(document, self.lamp).unlink()
        lamps.with_user(self.users["logistics"]).action_scrap_left()
        document.action_send()
        self.assertEqual((lamps.quantity_left, oil.quantity_left), (0, 0))

    def test_refused_goods_come_back(self):
        """L2.9: what the supplier refused comes back once, and is scrapped."""
        lamps, _oil = self._answered()
        document = self._recover()
        document.action_send()
        line, oil = self._line(document, self.lamp), self._line(document, self.oil)
        logistics = line.with_user(self.users["logistics"])
        with self.assertRaisesRegex(UserError, "can't come back"), self.cr.savepoint():
            logistics.action_take_back()
        line.write({"result": "refused", "refusal_reason": "Broken by the customer"})
        oil.result = "accepted"
        with self.assertRaises(AccessError):
            line.with_user(self.users["customer_service"]).action_take_back()
        logistics.action_take_back()
        self.assertEqual((lamps.quantity_left, self._in(self.defective, self.lamp)), (5, 5))
        with self.assertRaisesRegex(UserError, "can't come back"), self.cr.savepoint():
            logistics.action_take_back()
        with self.assertRaisesRegex(UserError, "stays refused"), self.cr.savepoint():
            line.result = "accepted"
        document.action_answer()
        self.assertEqual(document.amount_accepted, 50)
        # the same supplier isn't asked once more
        with self.assertRaisesRegex(UserError, "Nothing accepted"), self.cr.savepoint():
            self._recover()
        lamps.with_user(self.quality).action_scrap_left()
        self.assertEqual(self._in(self.defective, self.lamp), 0)

    def test_print(self):
        """L2.9: the list names goods with their quantity and return."""
        lamps, _oil = self._answered()
        document = self._recover()
        content, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "aftersales_parts.report_supplier_recovery", document.ids
        )
        for word in ("Lamp", "LOT-B", "112.50", lamps.return_id.name):
            self.assertIn(word, content.decode())
