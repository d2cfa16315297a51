from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import SERVICE, freeze
from .test_deposit import DepositCommon


class QuotaCommon(DepositCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.pump | cls.gearbox | cls.seal).is_storable = True
        cls.warehouse = cls.env["stock.warehouse"]._get_aftersales_warehouse(cls.company)
        for product in (cls.pump, cls.gearbox, cls.seal):
            cls.env["stock.quant"]._update_available_quantity(
                product, cls.warehouse.lot_stock_id, 100
            )
        cls.stock_user = new_test_user(cls.env, "parts_stock", groups="stock.group_stock_manager")

    def _propose(self, amount=6000, lines=None, **vals):
        lines = {self.pump: 2} if lines is None else lines
        return (
            self.env["aftersales.center.quota"]
            .with_user(self.users["office_manager"])
            .create(
                {
                    "center_id": self.center.id,
                    "amount": amount,
                    "deposit_ratio": 30,
                    "line_ids": [
                        Command.create({"product_id": product.id, "quantity": quantity})
                        for product, quantity in lines.items()
                    ],
                    **vals,
                }
            )
        )

    def _approve_quota(self, quota):
        quota.action_submit()
        quota.with_user(self.users["customer_service"]).action_approve()
        return quota

    def _quota(self, *args, **kwargs):
        return self._approve_quota(self._propose(*args, **kwargs))

    def _supply(self, quota):
        """Supply the first stock as logistics and validate the transfer as a stock user."""
        quota.with_user(self.users["logistics"]).action_supply()
        picking = quota.sudo().picking_ids.filtered(lambda p: p.state != "cancel")
        picking.move_ids.picked = True
        picking.with_user(self.stock_user)._action_done()
        return picking

    def _transfer(self, product, quantity, source=None, destination=None, user=None):
        """Return a transfer made by hand and validated by a stock user."""
        source = source or self.warehouse.lot_stock_id
        destination = destination or self.center._get_deposit_location(self.company)
        picking = self.env["stock.picking"].create(
            {
                "picking_type_id": self.warehouse.center_supply_type_id.id,
                "location_id": source.id,
                "location_dest_id": destination.id,
                "move_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "product_uom": product.uom_id.id,
                            "product_uom_qty": quantity,
                            "location_id": source.id,
                            "location_dest_id": destination.id,
                        }
                    )
                ],
            }
        )
        picking.action_confirm()
        picking.action_assign()
        picking.move_ids.picked = True
        picking.with_user(user or self.stock_user)._action_done()
        return picking


@freeze
@tagged("post_install", "-at_install")
class TestQuota(QuotaCommon):
    def test_done_line_changed(self):
        """L3.3: a transfer that is done can't be raised above the quota afterwards."""
        quota = self._quota()
        self._move("received", 1800)
        line = self._supply(quota).move_line_ids.with_user(self.stock_user)
        other = self.warehouse.lot_stock_id.create(
            {"name": "Shelf", "location_id": self.warehouse.lot_stock_id.id}
        )
        # three pumps would be 8580.00
        with self.assertRaisesRegex(UserError, "2,580.00 more than its quota"), self.cr.savepoint():
            line.quantity = 3
        line.quantity = 1
        line.quantity = 2
        # what was booked wrongly is corrected downwards at any time
        self.center.with_user(self.users["customer_service"]).action_suspend_center("Late")
        line.quantity = 1
        self.center.with_user(self.users["customer_service"]).action_reactivate_center("Fine")
        line.quantity = 2
        taken = self._transfer(self.pump, 1, destination=other).move_line_ids
        with self.assertRaisesRegex(UserError, "more than its quota"), self.cr.savepoint():
            taken.with_user(self.stock_user).location_dest_id = line.location_dest_id

    def test_supply(self):
        """L3.3: two pumps at 2860.00 within a quota of 6000.00, deposit 1800.00 (30 %) paid."""
        quota = self._quota()
        self.assertEqual((quota.deposit_required, quota.amount_lines), (1800, 5720))
        self._move("received", 1800)
        picking = self._supply(quota)
        location = self.center._get_deposit_location(self.company)
        self.assertEqual(picking.location_dest_id, location)
        self.assertEqual(location.location_id, self.warehouse.service_center_loc_id)
        self.assertEqual(self.env["stock.quant"]._get_available_quantity(self.pump, location), 2)
        self.assertEqual(quota.supply_state, "done")
        quota.invalidate_recordset(["stock_value"])
        self.assertEqual((quota.stock_value, quota.deposit_balance), (5720, 1800))
        with self.assertRaisesRegex(UserError, "already supplied"):
            quota.with_user(self.users["logistics"]).action_supply()

    def test_deposit_short_by_one_cent(self):
        """L3.3: 1799.99 of 1800.00 is not enough, neither for the button nor by hand."""
        quota = self._quota()
        self._move("received", 1799.99)
        with self.assertRaisesRegex(UserError, "0.01.* is missing"), self.cr.savepoint():
            quota.with_user(self.users["logistics"]).action_supply()
        with self.assertRaisesRegex(UserError, "0.01.* is missing"), self.cr.savepoint():
            self._transfer(self.seal, 1)
        self._move("received", 0.01)
        self._supply(quota)

    def test_quota_exceeded_by_one_cent(self):
        """L3.3: parts worth 5720.00 don't fit into 5719.99; into 5720.00 they do."""
        self._move("received", 5000)
        self._quota(5719.99, lines={self.seal: 1})
        with self.assertRaisesRegex(UserError, "0.01.* more than its quota"), self.cr.savepoint():
            self._transfer(self.pump, 2)
        self._quota(5720, lines={self.seal: 1})
        self._transfer(self.pump, 2)
        with self.assertRaisesRegex(UserError, "120.00.* more than its quota"):
            self._transfer(self.seal, 1)

    def test_what_is_there_counts(self):
        """L3.3: 2860 kept and 2860 more make 5720, beyond a quota of 5000; the button says so."""
        self._move("received", 5000)
        quota = self._quota(5000, lines={self.pump: 1})
        self._transfer(self.pump, 1)
        with self.assertRaisesRegex(UserError, "720.00.* more than its quota"):
            quota.with_user(self.users["logistics"]).action_supply()

    def test_returned_parts_free_the_quota(self):
        """L3.3: what goes back no longer counts, and going back is never blocked."""
        self._move("received", 5000)
        self._quota(2860, lines={self.pump: 1})
        self._transfer(self.pump, 1)
        location = self.center._get_deposit_location(self.company)
        self._quota(0, lines={}, date_from="2026-11-20")
        self._transfer(self.pump, 1, source=location, destination=self.warehouse.lot_stock_id)
        self.assertFalse(self.center._get_deposit_stock_values(self.company)[0].get(self.center))

    def test_every_way_in_is_guarded(self):
        """L3.3: location below it, count of the inventory, receipt: nothing passes the quota by."""
        self._move("received", 5000)
        self._quota(2860, lines={self.pump: 1})
        location = self.center._get_deposit_location(self.company)
        shelf = self.env["stock.location"].create(
            {"name": "Shelf", "location_id": location.id, "usage": "internal"}
        )
        with self.assertRaisesRegex(UserError, "more than its quota"), self.cr.savepoint():
            self._transfer(self.pump, 2, destination=shelf)
        with self.assertRaisesRegex(UserError, "more than its quota"), self.cr.savepoint():
            quant = (
                self.env["stock.quant"]
                .with_user(self.stock_user)
                .with_context(inventory_mode=True)
                .create(
                    {
                        "product_id": self.pump.id,
                        "location_id": location.id,
                        "inventory_quantity": 2,
                    }
                )
            )
            quant.action_apply_inventory()
        with self.assertRaises(AccessError):
            location.with_user(self.stock_user).deposit_center_id = False
        with self.assertRaises(AccessError):
            self.env["stock.location"].with_user(self.stock_user).create(
                {"name": "False", "deposit_center_id": self.other.id}
            )

    def test_no_quota_no_parts(self):
        """L3.3: without an approved quota of today nothing is supplied, deposit or not."""
        self._move("received", 5000)
        quota = self._propose(date_from="2026-11-21")
        with self.assertRaisesRegex(UserError, "no approved parts quota"), self.cr.savepoint():
            self._transfer(self.seal, 1)
        self._approve_quota(quota)
        with self.assertRaisesRegex(UserError, "not in force today"), self.cr.savepoint():
            quota.with_user(self.users["logistics"]).action_supply()
        with self.assertRaisesRegex(UserError, "no approved parts quota"), self.cr.savepoint():
            self._transfer(self.seal, 1)

    def test_part_without_price(self):
        """M8.1: the value of a part without a wholesale price is unknown, so it isn't supplied."""
        self._move("received", 5000)
        self._quota()
        unpriced = self._make_part("Hose", self.env.ref("aftersales_parts.part_class_seal"))
        unpriced.is_storable = True
        self.env["stock.quant"]._update_available_quantity(unpriced, self.warehouse.lot_stock_id, 5)
        with self.assertRaisesRegex(UserError, "Hose"), self.cr.savepoint():
            self._transfer(unpriced, 1)
        quota = self._propose(lines={unpriced: 1})
        with self.assertRaisesRegex(UserError, "Hose"):
            quota.action_submit()

    def test_in_force(self):
        """L3.3: the approved quota that began last holds; the older one is not changed."""
        old = self._quota(1000, lines={}, date_from="2026-01-01")
        new = self._quota(2000, lines={}, date_from="2026-11-20")
        self._propose(9000, date_from="2026-11-20")
        center = self.center
        day = self.env["aftersales.center.quota"]._fields["date_from"].to_date
        self.assertFalse(center._get_parts_quota(self.company, day("2025-12-31")))
        self.assertEqual(center._get_parts_quota(self.company, day("2026-01-01")), old)
        self.assertEqual(center._get_parts_quota(self.company, day("2026-11-19")), old)
        self.assertEqual(center._get_parts_quota(self.company), new)
        self.assertFalse(self.other._get_parts_quota(self.company))
        with self.assertRaisesRegex(UserError, "Propose a new quota"), self.cr.savepoint():
            old.amount = 5000
        with self.assertRaisesRegex(UserError, "Propose a new quota"):
            old.with_user(self.users["customer_service"]).action_cancel("Mistake")

    def test_refund_keeps_the_parts_secured(self):
        """L3.3: while parts are on deposit, what the quota requires is not refunded."""
        quota = self._quota()
        self._move("received", 2000)
        self._supply(quota)
        with self.assertRaisesRegex(UserError, "still keeps parts"), self.cr.savepoint():
            self._move("refunded", 200.01)
        self._move("refunded", 200)
        location = self.center._get_deposit_location(self.company)
        self._transfer(self.pump, 2, source=location, destination=self.warehouse.lot_stock_id)
        self._move("refunded", 1800)
        self.assertEqual(self._balance(), 0)

    def test_office_proposes_customer_service_decides(self):
        """L3.3: nobody approves his own proposal; others neither propose nor decide."""
        quota = self._propose()
        with self.assertRaises(AccessError):
            quota.with_user(self.users["logistics"]).action_submit()
        quota.action_submit()
        for role in ("office_manager", "center", "logistics", "accountant"):
            with self.assertRaises(AccessError), self.cr.savepoint():
                quota.with_user(self.users[role]).action_approve()
        own = self._propose().with_user(self.users["customer_service"])
        own.action_submit()
        with self.assertRaises(AccessError), self.cr.savepoint():
            own.action_approve()
        quota.with_user(self.users["customer_service"]).action_approve()
        self.assertEqual(quota.approval_ids[:1].regulation_id.code, "L3.3")

    def test_change_voids_the_proposal(self):
        """L3.3: one more pump after the proposal: it has to be asked for again."""
        quota = self._propose(date_from="2026-12-01")
        quota.action_submit()
        quota.line_ids.quantity = 1
        self.assertEqual((quota.state, quota.approval_state), ("draft", "draft"))

    def test_first_stock_within_the_quota(self):
        """L3.3: a first stock of 5720.00 isn't proposed under a quota of 5719.99."""
        quota = self._propose(5719.99)
        with self.assertRaisesRegex(UserError, "more than the quota"), self.cr.savepoint():
            quota.action_submit()
        quota.amount = 5720
        quota.action_submit()

    def test_foreign_region(self):
        """L3.3: a manager proposes for centers of his region only, and sees no others."""
        self.other.aftersales_region_id = self.env["aftersales.region"].create({"name": "Far"})
        with self.assertRaises(AccessError), self.cr.savepoint():
            self._propose(center_id=self.other.id)
        quota = self._propose()
        with self.assertRaises(AccessError), self.cr.savepoint():
            quota.center_id = self.other
        foreign = self.env["aftersales.center.quota"].create(
            {"center_id": self.other.id, "amount": 10}
        )
        quotas = self.env["aftersales.center.quota"]
        expected = {
            "office_manager": quota,
            "center": quota,
            "other_center": foreign,
            "customer_service": quota | foreign,
            "logistics": quota | foreign,
            "technician": quotas,
        }
        for role, visible in expected.items():
            found = quotas.with_user(self.users[role]).search([("id", "in", (quota | foreign).ids)])
            self.assertEqual(found, visible, role)

    def test_only_who_supplies(self):
        """L3.3: neither the center nor its office sends itself the parts."""
        quota = self._quota()
        self._move("received", 5000)
        for role in ("center", "office_manager", "vp"):
            with self.assertRaises(AccessError):
                quota.with_user(self.users[role]).action_supply()

    def test_ratio_comes_from_the_settings(self):
        """L3.3: 25 % by the settings: 333.34 of 1333.35 (333.3375) are required."""
        self.company.aftersales_deposit_ratio = 25
        quota = self.env["aftersales.center.quota"].create(
            {"center_id": self.center.id, "amount": 1333.35}
        )
        self.assertEqual((quota.deposit_ratio, quota.deposit_required), (25, 333.34))


@freeze
@tagged("post_install", "-at_install")
class TestCenter(QuotaCommon):
    def _application(self, **vals):
        manager = self.users["office_manager"]
        application = self.env["aftersales.center.application"].create(
            {
                "applicant": "Ningbo center",
                "city": "Ningbo",
                "state_id": self.env.ref("base.state_cn_ZJ").id,
                "phone": "0574-5550000",
                "region_id": self.region.id,
                "parent_id": self.office.id,
                "coverage": "Ningbo",
                "contact_name": "Ms Wang",
                "contact_email": "wang@example.com",
                "stock_amount": 60000,
                "deposit_amount": 20000,
                "criterion_ids": [
                    Command.set(self.env["aftersales.center.criterion"].search([]).ids)
                ],
                **vals,
            }
        )
        application.region_id = self.region
        application.with_user(manager).action_submit()
        application = application.with_user(self.users["customer_service"])
        application.action_approve()
        application.action_establish()
        return application

    def test_establish(self):
        """L3.1: locations, price list, quota and deposit of the application, in one action."""
        application = self._application()
        center = application.center_id.sudo()
        location = center._get_deposit_location(self.company)
        self.assertEqual(location.location_id, self.warehouse.service_center_loc_id)
        self.assertTrue(center.used_part_location_id)
        self.assertEqual(center.property_product_pricelist, self.pricelist)
        quota = self.env["aftersales.center.quota"].search([("center_id", "=", center.id)])
        self.assertEqual(
            (quota.state, quota.amount, quota.deposit_required), ("draft", 60000, 20000)
        )
        quota.with_user(self.users["office_manager"]).action_submit()
        quota.with_user(self.users["customer_service"]).action_approve()
        deposit = self.env["aftersales.deposit"].search([("center_id", "=", center.id)])
        self.assertEqual(
            (deposit.state, deposit.kind, deposit.amount), ("draft", "received", 20000)
        )
        deposit.with_user(self.users["accountant"]).action_post()
        self.assertEqual(self._balance(center), 20000)

    def test_establish_again(self):
        """L3.1: done twice, everything is there once."""
        application = self._application()
        application.action_establish()
        center = application.center_id.sudo()
        center._establish_service_center(application.sudo())
        for model, field in (
            ("aftersales.center.quota", "center_id"),
            ("aftersales.deposit", "center_id"),
            ("stock.location", "deposit_center_id"),
        ):
            self.assertEqual(self.env[model].search_count([(field, "=", center.id)]), 1, model)

    def test_establish_without_amounts(self):
        """L3.1: where nothing is proposed, neither quota nor deposit is drafted."""
        center = self._application(stock_amount=0, deposit_amount=0).center_id.sudo()
        for model in ("aftersales.center.quota", "aftersales.deposit"):
            self.assertFalse(self.env[model].search([("center_id", "=", center.id)]))

    def test_close_names_everything(self):
        """L3.1: closing lists used parts, settlements, stock, deposit and open invoices at once."""
        self._make_record([self._part(self.pump), self._scrap(self.seal)])
        settlement = self._generate()
        self._make_record([self._part(self.gearbox)], day="2026-11-19")
        quota = self._quota()
        self._move("received", 1800)
        self._supply(quota)
        self._invoice(900)
        obstacles = self.center._get_center_obstacles(self.company)
        text = "\n".join(obstacles)
        for sentence in (
            "Used parts still kept at the center: 2",
            "Used parts that are on no settlement yet: 1",
            f"Settlements not confirmed yet: {settlement.name}",
            "Parts on deposit still at the center: 2 pieces worth .*5,720.00",
            "Deposit not refunded yet: .*1,800.00",
            "Open on its receivable account: .*900.00.* in 1 documents",
        ):
            self.assertRegex(text, sentence)
        with self.assertRaisesRegex(UserError, "1,800.00"):
            self.center.with_user(self.users["customer_service"]).action_close_center("End")

    def test_close_after_all_is_settled(self):
        """L3.1: what waits for its fapiao blocks; when all is settled, the center closes."""
        self._make_record([self._scrap(self.seal)])
        settlement = self._generate()
        self._settle(settlement)
        obstacles = self.center._get_center_obstacles(self.company)
        self.assertEqual(len(obstacles), 2)
        self.assertRegex(obstacles[0], f"fapiao is missing: {settlement.name} .*120.00")
        self.assertRegex(obstacles[1], "receivable account: .*-120.00|-.*120.00")
        self.assertFalse(self.other._get_center_obstacles(self.company))
        self.other.with_user(self.users["customer_service"]).action_close_center("End")
        with self.assertRaisesRegex(UserError, "no active service center"):
            self.other._check_parts_quota(self.company)

    def _figures(self, center, user):
        center = center.with_user(user)
        center.invalidate_recordset()
        return (
            center.used_part_held_count,
            center.settlement_open_amount,
            center.fapiao_missing_count,
            center.fapiao_missing_amount,
            center.center_deposit_balance,
            center.parts_quota_amount,
            center.deposit_stock_value,
            center.parts_quota_use,
        )

    def test_figures(self):
        """L3.6: what a regional manager keeps an eye on, and nobody sees of a foreign center.

        By hand: one pump (2860 + 286) claimed; a seal of 120 confirmed in September, without
        fapiao; 1800 deposit; 5720 of 6000 is 95.33 %.
        """
        self._make_record([self._scrap(self.seal)], day="2026-09-20")
        self._settle(self._generate("2026-09-01"))
        self._make_record([self._part(self.pump)])
        self._generate()
        quota = self._quota()
        self._move("received", 1800)
        self._supply(quota)
        expected = (1, 3146, 1, 120, 1800, 6000, 5720, 100 * 5720 / 6000)
        nothing = (0,) * 8
        for role in (
            "center",
            "office_manager",
            "clerk",
            "customer_service",
            "vp",
            "accountant",
        ):
            self.assertEqual(self._figures(self.center, self.users[role]), expected, role)
        stranger = new_test_user(self.env, "parts_far_manager", groups=f"{SERVICE}office_manager")
        self.assertEqual(self._figures(self.center, stranger), nothing)
        with self.assertRaises(AccessError):
            self._figures(self.center, self.users["other_center"])
        # the pump is one that the technician took off
        self.assertEqual(self._figures(self.center, self.users["technician"]), (1, *nothing[1:]))
        for name in ("used_part_held_count", "fapiao_missing_count"):
            for user, found in ((self.users["clerk"], self.center), (stranger, None)):
                centers = self.env["res.partner"].with_user(user)
                domain = [("id", "in", (self.center | self.other).ids), (name, ">", 0)]
                self.assertEqual(centers.search(domain), found or centers)
        member = new_test_user(self.env, "parts_office", groups=f"{SERVICE}office_manager")
        member.partner_id.parent_id = self.office
        self.assertEqual(self._figures(self.center, member), expected)

    def test_figures_are_batched(self):
        """L3.6: the list of centers takes as many queries for eight centers as for four."""
        region = self.region
        centers = self.env["res.partner"].create(
            [
                {
                    "name": f"Center {number}",
                    "is_company": True,
                    "is_service_center": True,
                    "aftersales_region_id": region.id,
                }
                for number in range(8)
            ]
        )
        for center in centers:
            self._approve_quota(self._propose(5000, lines={}, center_id=center.id))
            self._move("received", 5000, center_id=center.id)
            self._transfer(self.pump, 1, destination=center._get_deposit_location(self.company))
        names = [
            "used_part_held_count",
            "settlement_open_amount",
            "fapiao_missing_count",
            "fapiao_missing_amount",
            "center_deposit_balance",
            "center_deposit_required",
            "parts_quota_amount",
            "deposit_stock_value",
            "parts_quota_use",
        ]
        for role in ("office_manager", "customer_service"):
            user = self.users[role]
            counts = []
            for batch in (centers[:1], centers[:4], centers):
                self.env.flush_all()
                self.env.invalidate_all()
                before = self.cr.sql_log_count
                rows = batch.with_user(user).read(names)
                counts.append(self.cr.sql_log_count - before)
                self.assertEqual(rows[-1]["deposit_stock_value"], 2860)
            self.assertEqual(counts[1], counts[2], role)

    def test_buttons_open_the_documents(self):
        """L3.6: each figure leads to what it counts."""
        self._make_record([self._part(self.pump)])
        settlement = self._generate()
        quota = self._propose()
        deposit = self._move("received", 5)
        center = self.center.with_user(self.users["customer_service"])
        for action, model, records in (
            (center.action_view_used_parts_held(), "aftersales.used.part", None),
            (center.action_view_settlements(), "aftersales.settlement", settlement),
            (center.action_view_fapiao_missing(), "aftersales.settlement", settlement.browse()),
            (center.action_view_deposits(), "aftersales.deposit", deposit),
            (center.action_view_quotas(), "aftersales.center.quota", quota),
        ):
            self.assertEqual(action["res_model"], model)
            found = self.env[model].search(action["domain"])
            if records is None:
                self.assertEqual(len(found), 1)
            else:
                self.assertEqual(found, records)
