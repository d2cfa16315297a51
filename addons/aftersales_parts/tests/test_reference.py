from functools import partial

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AftersalesPartsCommon, freeze


@freeze
@tagged("post_install", "-at_install")
class TestReference(AftersalesPartsCommon):
    """Mistake 6: nothing of another center is told by naming it in a record of one's own."""

    def setUp(self):
        super().setUp()
        self.other = self._make_center("Nanjing center", "91310115MA1K3QXE7G")
        self.other_user = self._make_center_user("parts_other_center", self.other)
        self._make_record([self._part(self.pump)])
        self._make_record([self._part(self.gearbox)], center=self.other)
        tags = self.env["aftersales.used.part"].search([])
        self.own = tags.filtered(lambda tag: tag.keeper_id == self.center)
        self.foreign = tags - self.own
        self.document = self._make_return()
        self.foreign_document = self._make_return(center=self.other, user=self.other_user)
        self.foreign_document.sudo().write({"carrier": "SF", "waybill": "SF-1", "freight_cost": 88})

    def _refused(self, call):
        """Check that ``call`` is refused without a word about what is the other center's."""
        with self.assertRaises(AccessError) as error, self.cr.savepoint():
            call()
        for secret in (self.foreign.name, self.gearbox.name, self.other.name):
            self.assertNotIn(secret, str(error.exception))

    def _env(self, model):
        return self.env[model].with_user(self.users["center"])

    def test_line_of_a_return(self):
        """M10.3: a center can't put the tag of another on its return, and learns nothing of it."""
        lines = self._env("aftersales.return.line")
        vals = {"return_id": self.document.id, "used_part_id": self.foreign.id}
        self._refused(lambda: lines.create(vals))
        self._refused(lambda: lines.create({**vals, "product_id": self.pump.id}))
        self._refused(lambda: lines.create({**vals, "return_id": self.foreign_document.id}))
        self._refused(
            lambda: lines.with_context(default_used_part_id=self.foreign.id).create(
                {"return_id": self.document.id}
            )
        )
        line = self.document.line_ids.with_user(self.users["center"])
        self._refused(lambda: line.write({"used_part_id": self.foreign.id}))
        self._refused(lambda: line.write({"return_id": self.foreign_document.id}))
        self._refused(lambda: self.document.write({"line_ids": [Command.create(vals)]}))
        # what is its own goes on as before
        line.unlink()
        vals["used_part_id"] = self.own.id
        self.assertEqual(lines.create(vals).product_id, self.pump)

    def test_form_of_a_return(self):
        """L2.4: a form that is being filled in tells nothing of another center's documents."""
        lines = self._env("aftersales.return.line")
        spec = {
            "used_part_id": {},
            "return_id": {},
            "product_id": {"fields": {"display_name": {}}},
            "part_state": {},
            "center_id": {"fields": {"display_name": {}}},
        }
        for values in (
            {"used_part_id": self.foreign.id},
            {"return_id": self.foreign_document.id},
        ):
            self._refused(lambda v=values: lines.onchange(v, list(v), spec))
            defaults = {f"default_{name}": value for name, value in values.items()}
            self._refused(lambda d=defaults: lines.with_context(**d).onchange({}, [], spec))
        nested = {"line_ids": [Command.create({"used_part_id": self.foreign.id})]}
        documents = self._env("aftersales.return")
        self._refused(
            lambda: documents.onchange(nested, ["line_ids"], {"line_ids": {"fields": spec}})
        )
        result = lines.onchange({"used_part_id": self.own.id}, ["used_part_id"], spec)
        self.assertEqual(result["value"]["product_id"]["id"], self.pump.id)

    def test_sender(self):
        """L2.6: which months of another center are taken is none of a center's business."""
        documents = self._env("aftersales.return")
        vals = {"center_id": self.other.id, "month": self.foreign_document.month}
        self._refused(lambda: documents.create(vals))
        spec = {"center_id": {}, "month": {}}
        vals = {"center_id": self.other.id}
        self._refused(lambda: documents.onchange(vals, ["center_id"], spec))
        self._refused(
            lambda: documents.with_context(default_center_id=self.other.id).onchange({}, [], spec)
        )
        self.assertEqual(documents.onchange({}, [], spec)["value"]["center_id"], self.center.id)
        for user in (self.users["office_manager"], self.users["clerk"]):
            env = self.env["aftersales.return"].with_user(user)
            self.assertTrue(env.onchange(vals, ["center_id"], spec)["value"]["month"])
            created = env.create(vals)
            self.assertEqual(created.center_id, self.other)
            created.action_cancel("No")

    def test_window_of_shipping(self):
        """L2.3: the window of shipping tells no freight of another center's return."""
        windows = self._env("aftersales.return.ship")
        spec = {"carrier": {}, "waybill": {}, "freight_cost": {}, "package_count": {}}
        vals = {"return_id": self.foreign_document.id}
        self._refused(lambda: windows.create(vals))
        self._refused(lambda: windows.onchange(vals, ["return_id"], spec))
        window = windows.create({"return_id": self.document.id, "carrier": "YTO"})
        self._refused(lambda: window.write(vals))
        self.assertFalse(window.freight_cost)

    def test_windows_of_keeping(self):
        """M10.1, M10.4: neither place nor crate of another center is named by a window."""
        place = self.env["aftersales.storage.place"].create(
            {"name": "Shelf 3", "keeper_id": self.other.id}
        )
        crate = self.foreign._pack(self.foreign._create_crate(), place)
        vals = {"used_part_ids": [Command.set(self.own.ids)]}
        for model, name, target in (
            ("aftersales.used.part.store", "place_id", place),
            ("aftersales.used.part.pack", "place_id", place),
            ("aftersales.used.part.pack", "crate_id", crate),
        ):
            windows = self._env(model)
            with self.subTest(model=model, name=name):
                entered = {**vals, name: target.id}
                self._refused(partial(windows.create, entered))
                self._refused(partial(windows.onchange, entered, [name], {name: {}}))
        self._refused(
            lambda: self._env("aftersales.used.part.store").onchange(
                {"place_id": place.id}, ["place_id"], {"issues": {}}
            )
        )

    def test_line_of_a_swap(self):
        """L1.6: a manager of another region can't look into tags by the lines of a swap."""
        stranger = self._make_center_user("parts_other_manager", self.other)
        stranger.group_ids = self.env.ref("aftersales_service.group_office_manager")
        stranger.partner_id.parent_id = False
        lines = self.env["aftersales.swap.line"].with_user(stranger)
        spec = {"tag": {}, "old_product_id": {"fields": {"display_name": {}}}, "supply": {}}
        self._refused(
            lambda: lines.onchange({"used_part_id": self.foreign.id}, ["used_part_id"], spec)
        )
        swaps = self.env["aftersales.swap"].with_user(stranger)
        nested = {"line_ids": [Command.create({"used_part_id": self.foreign.id})]}
        self._refused(lambda: swaps.onchange(nested, ["line_ids"], {"line_ids": {"fields": spec}}))
