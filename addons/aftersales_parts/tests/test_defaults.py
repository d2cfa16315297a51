from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import PIXEL, AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestDefaults(AftersalesPartsCommon):
    """Mistake 9: what a document gives can't come from a caller's context or own defaults."""

    def _set_default(self, user, model, name, value):
        self.env["ir.default"].with_user(user).set(model, name, value, user_id=user.id)

    def test_own_default_of_a_tag(self):
        """M10.3: no technician lets his tags be born accepted, or their life be backdated.

        The system tags what he took off on his behalf, so that no right of his is asked there.
        """
        technician = self.users["technician"]
        self._set_default(technician, "aftersales.used.part", "result", "accepted")
        self._set_default(technician, "aftersales.used.part", "state", "returned")
        event = "aftersales.used.part.event"
        self._set_default(technician, event, "date", "2020-01-01 00:00:00")
        self._set_default(technician, event, "user_id", self.users["clerk"].id)
        record = self._make_record([self._part(self.pump)], done=False)
        self._consent(record)
        record = record.with_user(technician).with_context(
            default_result="accepted", default_date="2020-01-01 00:00:00", default_note="Received"
        )
        record.action_sign("Customer", PIXEL)
        record.action_done()
        tag = record.sudo().used_part_ids
        self.assertEqual((tag.state, tag.result), ("held", False))
        self.assertEqual(tag.event_ids.user_id, technician)
        self.assertEqual(set(tag.event_ids.mapped("date")), {fields.Datetime.now()})
        self.assertFalse(any(tag.event_ids.mapped("note")))

    def test_own_default_of_a_link(self):
        """L2.9, L3.3, L1.6, M7: entries and transfers take no document from own defaults."""
        self._make_record([self._part(self.pump)])
        document = self._return_parts()
        settlement = self._generate()
        accountant = new_test_user(
            self.env,
            "parts_stock_accountant",
            groups="account.group_account_manager,stock.group_stock_manager,"
            "purchase.group_purchase_manager",
        )
        comparison = self.env["aftersales.purchase.comparison"].create({"name": "Seals"})
        line = document.line_ids[:1]
        for model, name, target, vals in (
            ("account.move", "aftersales_settlement_id", settlement, {"move_type": "entry"}),
            ("account.move", "aftersales_return_id", document, {"move_type": "entry"}),
            (
                "account.move.line",
                "aftersales_return_line_id",
                line,
                {
                    "move_id": self.env["account.move"].create({"move_type": "out_refund"}).id,
                    "product_id": self.pump.id,
                },
            ),
            ("stock.location", "deposit_center_id", self.center, {"name": "Shelf"}),
            (
                "stock.picking",
                "aftersales_record_id",
                line.used_part_id.record_id,
                {"picking_type_id": self.env.ref("stock.picking_type_out").id},
            ),
            (
                "stock.move",
                "aftersales_return_line_id",
                line,
                {
                    "product_id": self.pump.id,
                    "location_id": self.env.ref("stock.stock_location_stock").id,
                    "location_dest_id": self.env.ref("stock.stock_location_customers").id,
                },
            ),
            (
                "purchase.order",
                "aftersales_comparison_id",
                comparison,
                {"partner_id": self.customer.id},
            ),
        ):
            self._set_default(accountant, model, name, target.id)
            for env in (
                self.env[model].with_user(accountant),
                # also where the system acts on his behalf
                self.env[model].with_user(accountant).sudo(),
                self.env[model]
                .with_user(accountant)
                .with_context(**{f"default_{name}": target.id}),
            ):
                with self.subTest(model=model, name=name, su=env.env.su):
                    self.assertFalse(env.create({**vals})[name])
            with self.assertRaises(AccessError), self.cr.savepoint():
                self.env[model].with_user(accountant).create({**vals, name: target.id})

    def test_location_of_used_parts(self):
        """M10.3: who may edit contacts doesn't decide where a center's used parts lie."""
        seller = new_test_user(self.env, "parts_seller", groups="base.group_partner_manager")
        stock = self.env.ref("stock.stock_location_stock")
        with self.assertRaises(AccessError):
            self.center.with_user(seller).used_part_location_id = stock
