"""Say of the part classes that are there what their new fields ask (M8.7, M10.4)."""

from odoo import SUPERUSER_ID, api

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
PACKED = ("gearbox", "torque_converter")


def migrate(cr, version):
    """Fill in the shipped values, unless somebody has said anything about these classes yet."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    classes = {
        code: env.ref(f"aftersales_parts.part_class_{code}", raise_if_not_found=False)
        or env["aftersales.part.class"]
        for code in ASSEMBLIES
    }
    if any(c.is_assembly or c.may_be_opened or c.pack_per_repair for c in classes.values()):
        return
    for code, part_class in classes.items():
        part_class.write({"is_assembly": True, "pack_per_repair": code in PACKED})
