from collections import defaultdict
from functools import partial

from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestAccess(AftersalesPartsCommon):
    """Mistake 6: “only its own” really means only its own, however one asks."""

    def setUp(self):
        super().setUp()
        self.other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self.other_user = self._make_center_user("parts_other_center", self.other)
        self._make_record([self._part(self.pump), self._scrap(self.seal)])
        self._make_record([self._part(self.pump)], center=self.other)
        self._return_parts()
        self._make_return(center=self.other, user=self.other_user)
        self.settlements = self._generate(centers=self.center | self.other)
        self._settle(self.settlements.filtered(lambda s: s.center_id == self.center))
        self.fapiao = self._make_fapiao()

    def _check_own(self, user, model, center, path="center_id"):
        records = self.env[model].search([])
        own = records.filtered(lambda r: r.mapped(path) == center)
        foreign = records - own
        self.assertTrue(own and foreign, f"{model}: the test needs both")
        visible = self.env[model].with_user(user)
        self.assertEqual(visible.search([]), own)
        self.assertEqual(visible.search_count([]), len(own))
        self.assertEqual(visible._read_group([], [], ["__count"]), [(len(own),)])
        with self.assertRaises(AccessError):
            foreign[:1].with_user(user).read(["display_name"])

    def test_center_sees_its_own(self):
        """A center's user sees its own tags, returns, lines and settlements, nothing else."""
        for user, center in (
            (self.users["center"], self.center),
            (self.other_user, self.other),
        ):
            for model in (
                "aftersales.used.part",
                "aftersales.return",
                "aftersales.return.line",
                "aftersales.settlement",
                "aftersales.settlement.line",
            ):
                self._check_own(user, model, center)
            self._check_own(user, "aftersales.service.record", center)

    def test_center_stock(self):
        """A center sees the tags, crates and places that lie with it, and nobody else's stock.

        Core shows all stock to every user; whoever has a role at the factory keeps that.
        """
        user = self.users["center"]
        self._make_record([self._part(self.pump)])
        places = self.env["aftersales.storage.place"].create(
            [{"name": "Shelf 3", "keeper_id": center.id} for center in (self.center, self.other)]
        )
        held = self.env["aftersales.used.part"].search([("state", "=", "held")])
        for part in held:
            place = places.filtered(lambda p, keeper=part.keeper_id: p.keeper_id == keeper)
            part._pack(part._create_crate(), place)
        deposit = self.other._get_deposit_location(self.company)
        self.seal.is_storable = True
        self.env["stock.quant"]._update_available_quantity(self.seal, deposit, 2)
        own = self.center.used_part_location_id
        foreign = self.other.used_part_location_id
        for center_user, mine, theirs in (
            (user, own, foreign),
            (self.other_user, foreign | deposit, own),
        ):
            lying = [("location_id", "child_of", mine.ids)]
            elsewhere = [("location_id", "child_of", theirs.ids)]
            for model in ("stock.quant", "stock.package"):
                everything = self.env[model]
                self.assertTrue(everything.search(lying))
                self.assertTrue(everything.search(elsewhere))
                visible = everything.with_user(center_user).search([])
                self.assertEqual(visible, everything.search(lying), model)
                with self.assertRaises(AccessError):
                    everything.search(elsewhere).with_user(center_user).read(["display_name"])
            visible = self.env["stock.location"].with_user(center_user)
            self.assertEqual(
                visible.search([("usage", "=", "internal")]),
                self.env["stock.location"].search([("id", "child_of", mine.ids)]),
            )
            self.assertTrue(visible.search([("usage", "=", "customer")]))
            lines = self.env["stock.move.line"].with_user(center_user)
            self.assertTrue(lines.search([("location_dest_id", "child_of", mine.ids)]))
            self.assertFalse(lines.search(elsewhere))
            self.assertFalse(lines.search([("location_dest_id", "child_of", theirs.ids)]))
        for model in ("stock.move", "stock.picking", "stock.lot", "stock.scrap"):
            with self.assertRaises(AccessError):
                self.env[model].with_user(user).search([])

    def test_technician_stock(self):
        """A technician sees no stock at all, unless he is something else at the factory, too."""
        technician = self.users["technician"]
        models = ("stock.quant", "stock.package", "stock.move.line", "report.stock.quantity")
        self.env["stock.package"].create({"name": "Crate"})
        for model in models:
            self.assertFalse(self.env[model].with_user(technician).search([]), model)
        locations = self.env["stock.location"].with_user(technician)
        self.assertFalse(locations.search([("usage", "=", "internal")]))
        for group in ("stock.group_stock_user", "aftersales_service.group_logistics"):
            user = new_test_user(
                self.env,
                f"parts_technician_{group}",
                groups=f"aftersales_service.group_technician,{group}",
            )
            for model in models:
                everything = self.env[model].search([])
                self.assertEqual(self.env[model].with_user(user).search([]), everything, model)

    def test_cost(self):
        """M7: what the company pays is hidden from centers and technicians, in every screen."""
        self.pump.standard_price = 1234
        sellers = [
            new_test_user(self.env, f"parts_{group}", groups=group)
            for group in (
                "sales_team.group_sale_salesman",
                "stock.group_stock_user",
                "purchase.group_purchase_user",
                "aftersales_service.group_technician,aftersales_service.group_clerk",
                # employees with other applications, whose code reads it: expenses, point of sale
                "base.group_user",
            )
        ]
        for user, sees in (
            (self.users["center"], False),
            (self.users["technician"], False),
            (self.users["accountant"], True),
            (self.users["logistics"], True),
            *((user, True) for user in sellers),
        ):
            for product in (self.pump, self.pump.product_tmpl_id):
                product = product.with_user(user)
                with self.subTest(user=user.login, model=product._name):
                    self.env.invalidate_all()
                    self.assertEqual("standard_price" in product.fields_get(), sees)
                    if sees:
                        self.assertEqual(product.standard_price, 1234)
                    else:
                        for call in (
                            partial(product.read, ["standard_price"]),
                            partial(product.search, [("standard_price", ">", 1)]),
                            partial(product.search_read, [], ["standard_price"], limit=1),
                        ):
                            with self.assertRaises(AccessError), self.cr.savepoint():
                                call()
                    # the screens of products open for everybody
                    shown, labels = set(), set()
                    for kind in ("list", "form", "kanban"):
                        arch = etree.fromstring(product.get_view(view_type=kind)["arch"])
                        shown.update(node.get("name") for node in arch.iter("field"))
                        labels.update(node.get("for") for node in arch.iter("label"))
                    self.assertEqual("standard_price" in shown, sees)
                    self.assertLessEqual(labels & {"standard_price"}, shown)

    def test_mixed_roles_move_stock(self):
        """Whoever has a role at the company, too, cancels a delivery of his order as core lets."""
        self.seal.is_storable = True
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company)
        self.env["stock.quant"]._update_available_quantity(self.seal, warehouse.lot_stock_id, 9)
        for place in ("technician", "center"):
            user = new_test_user(
                self.env,
                f"parts_{place}_seller",
                groups=f"aftersales_service.group_{place},sales_team.group_sale_salesman",
            )
            with self.subTest(place=place):
                order = self._order_urgently(self.seal, deliver=False, user_id=user.id)
                self.assertTrue(order.picking_ids.move_line_ids)
                order.with_user(user)._action_cancel()
                self.assertEqual(order.picking_ids.state, "cancel")
                self.assertFalse(order.picking_ids.move_line_ids)
        for place in ("technician", "center"):
            with self.assertRaisesRegex(AccessError, "moved by the warehouse"):
                self.env["stock.move.line"].with_user(self.users[place])._check_warehouse_user()

    def test_center_fapiao(self):
        """A center sees its own fapiao, not those of another."""
        self.assertEqual(self.fapiao.with_user(self.users["center"]).name, self.fapiao.name)
        self.assertFalse(self.env["aftersales.fapiao"].with_user(self.other_user).search([]))
        with self.assertRaises(AccessError):
            self.fapiao.with_user(self.other_user).read(["name"])

    def test_center_can_not_act_for_another(self):
        """L2.4, M8.5: neither applying for another's return nor confirming its settlement."""
        with self.assertRaises(AccessError):
            self.env["aftersales.return"].with_user(self.users["center"]).create(
                {"center_id": self.other.id, "month": "2027-01-01"}
            )
        settlement = self.settlements.filtered(lambda s: s.center_id == self.other)
        self._submit(settlement, self.other_user)
        settlement.with_user(self.users["clerk"]).action_verify()
        settlement.with_user(self.users["customer_service"]).action_send()
        with self.assertRaises(AccessError):
            settlement.with_user(self.users["center"]).action_confirm()
        self.assertEqual(settlement.state, "sent")

    def test_technician_sees_tags_of_his_records(self):
        """A technician sees what he took off; no return, no settlement."""
        other = new_test_user(
            self.env, "parts_technician_2", groups="aftersales_service.group_technician"
        )
        self.assertEqual(
            self.env["aftersales.used.part"].with_user(self.users["technician"]).search_count([]),
            self.env["aftersales.used.part"].search_count([]),
        )
        for model in ("aftersales.used.part", "aftersales.return", "aftersales.settlement"):
            self.assertFalse(self.env[model].with_user(other).search([]))

    def test_region_manager(self):
        """A manager sees his region only."""
        stranger = new_test_user(
            self.env, "parts_manager_2", groups="aftersales_service.group_office_manager"
        )
        for model in ("aftersales.used.part", "aftersales.return", "aftersales.settlement"):
            manager = self.env[model].with_user(self.users["office_manager"])
            self.assertEqual(manager.search_count([]), self.env[model].search_count([]))
            self.assertFalse(self.env[model].with_user(stranger).search([]))

    def test_no_role_no_access(self):
        """An internal user without any role sees nothing of it."""
        user = new_test_user(self.env, "parts_nobody", groups="base.group_user")
        for model in (
            "aftersales.used.part",
            "aftersales.return",
            "aftersales.settlement",
            "aftersales.settlement.line",
            "aftersales.fapiao",
        ):
            with self.assertRaises(AccessError):
                self.env[model].with_user(user).search([])

    def test_other_company(self):
        """Multi-company: nothing of another company is visible."""
        company = self.env["res.company"].create({"name": "Other company"})
        user = new_test_user(
            self.env,
            "parts_other_company",
            groups="aftersales_service.group_customer_service",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        for model in ("aftersales.used.part", "aftersales.return", "aftersales.settlement"):
            self.assertFalse(self.env[model].with_user(user).search([]))

    def test_every_role_opens_every_screen_of_its_menu(self):
        """Mistake 6, L3.3, L3.6: what the menu offers to a role opens, down to the rows."""
        readers = new_test_user(
            self.env, "parts_account_readonly", groups="account.group_account_readonly"
        )
        root = self.env.ref("aftersales_service.menu_root")
        opened = defaultdict(set)
        for role, user in {**self.users, "readers": readers}.items():
            env = self.env(user=user)
            visible = list(env["ir.ui.menu"]._visible_menu_ids())
            menus = env["ir.ui.menu"].search([("id", "child_of", root.id), ("id", "in", visible)])
            # sudo: which actions the menus have; users load them the same way
            for action in menus.sudo().mapped("action"):
                if not action or action._name != "ir.actions.act_window":
                    continue
                model = env[action.res_model]
                views = model.get_views([(False, "list"), (False, "form")])["views"]
                for kind, view in views.items():
                    with self.subTest(role=role, model=action.res_model, view=kind):
                        self._read_view(model, etree.fromstring(view["arch"]))
                opened[role].add(action.res_model)
        self.assertLessEqual(
            {
                "aftersales.center.quota",
                "aftersales.region",
                "aftersales.used.part",
                "aftersales.warranty.card",
            },
            opened["accountant"] & opened["readers"],
        )
        for role in ("center", "technician", "clerk", "office_manager", "quality", "vp"):
            self.assertIn("aftersales.request", opened[role], role)

    def _read_view(self, model, arch):
        """Read what the web client reads for the view: its fields, and the rows of its lists."""
        # what another user has read is no longer at hand in a request of its own
        self.env.invalidate_all()
        specification = {}
        for node in arch.xpath("//field[not(ancestor::field)]"):
            field = model._fields[node.get("name")]
            specification[field.name] = {}
            if field.type in ("one2many", "many2many"):
                # also without any row to read, which would hide that none may be read
                model.env[field.comodel_name].check_access("read")
                specification[field.name] = {"fields": {"display_name": {}}}
        model.web_search_read([], specification, limit=5)
