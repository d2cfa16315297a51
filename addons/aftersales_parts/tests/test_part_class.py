from odoo.exceptions import AccessError
from odoo.modules.migration import load_script
from odoo.tests import tagged
from odoo.tools import file_path

from .common import AftersalesPartsCommon, freeze

# M8.7, in the order of the article
ASSEMBLIES = (
    "diesel_engine",
    "gearbox",
    "torque_converter",
    "drive_axle",
    "boom",
    "front_frame",
    "rear_frame",
    "bucket",
    "steel_drum",
    "counterweight",
    "cab",
    "tyre",
)
OUTDOOR = {
    "structural",
    "exterior",
    # assemblies that are structural or exterior parts
    "boom",
    "front_frame",
    "rear_frame",
    "bucket",
    "steel_drum",
    "counterweight",
    "cab",
}


@freeze
@tagged("post_install", "-at_install")
class TestPartClass(AftersalesPartsCommon):
    def _get(self, code):
        return self.env.ref(f"aftersales_parts.part_class_{code}")

    def _load(self, when):
        path = f"aftersales_parts/migrations/19.0.1.3.0/{when}-part-class.py"
        return load_script(file_path(path), f"{when}-part-class")

    def _migrate(self, when):
        self.env.flush_all()
        self._load(when).migrate(self.cr, "19.0.1.2.0")
        self.env.invalidate_all()

    def test_shipped_classes(self):
        """M8.7, M10.1: the twelve assemblies earn no fee; only some classes may lie outdoors."""
        for code in ASSEMBLIES:
            self.assertFalse(self._get(code).management_fee, code)
        terms = self.env.ref("aftersales_parts.settlement_terms")
        self.assertEqual(set(terms.excluded_class_ids.mapped("code")), set(ASSEMBLIES))
        classes = self.env["aftersales.part.class"].search([("code", "!=", False)])
        shipped = classes.filtered(lambda c: c.get_external_id()[c.id])
        self.assertEqual(
            set(shipped.filtered(lambda c: c.storage == "outdoor").mapped("code")), OUTDOOR
        )
        self.assertEqual(
            set(shipped.filtered("scrap_allowed").mapped("code")), {"seal"}, "rubber seals only"
        )
        self.assertEqual(self._get("electrical").storage, "careful")
        self.assertEqual(
            set(shipped.filtered(lambda c: not c.management_fee).mapped("code")), set(ASSEMBLIES)
        )

    def test_final_drive_may_come_back_opened(self):
        """M10.2: of all assemblies, only the final drive need not be put together again."""
        classes = self.env["aftersales.part.class"].search([("may_be_opened", "=", True)])
        self.assertEqual(classes, self._get("final_drive"))
        self.assertTrue(classes.is_assembly)

    def test_upgrade_fills_the_new_fields(self):
        """M8.7, M10.4: classes of an existing database get the shipped values, only once."""
        classes = self.env["aftersales.part.class"].union(*map(self._get, ASSEMBLIES))
        classes.write({"is_assembly": False, "pack_per_repair": False})
        self._migrate("post")
        self.assertEqual(set(classes.mapped("is_assembly")), {True})
        self.assertEqual(
            set(classes.filtered("pack_per_repair").mapped("code")), {"gearbox", "torque_converter"}
        )
        self._get("gearbox").pack_per_repair = False
        self._migrate("post")
        self.assertFalse(self._get("gearbox").pack_per_repair, "what the company says stands")

    def test_upgrade_keeps_own_classes(self):
        """A class of the company's own that has a shipped code is taken for the shipped one."""
        part_class = self._get("final_drive")
        self.env["ir.model.data"].search(
            [("module", "=", "aftersales_parts"), ("name", "=", "part_class_final_drive")]
        ).unlink()
        for _twice in range(2):
            self._migrate("pre")
            self.env.registry.clear_cache()
            self.assertEqual(self._get("final_drive"), part_class)

    def test_rights(self):
        """M10.1: everybody reads classes and machine kinds, the administrator changes them."""
        for record in (self._get("seal"), self.env.ref("aftersales_parts.machine_kind_loader")):
            for role in ("center", "technician", "logistics"):
                self.assertTrue(record.with_user(self.users[role]).name)
                with self.assertRaises(AccessError):
                    record.with_user(self.users[role]).name = "Mine"
