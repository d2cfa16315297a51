"""Who keeps used parts or takes them in a swap sees them, whatever his region (L2.3)."""

from odoo import SUPERUSER_ID, api

CENTER = "[('center_id', 'child_of', user.commercial_partner_id.id)]"
REGION = (
    "['|', ('region_id.manager_id', '=', user.id), "
    "('region_id.office_id', 'parent_of', user.partner_id.id)]"
)
RULES = {
    "rule_used_part_center": (
        CENTER,
        "['|', ('center_id', 'child_of', user.commercial_partner_id.id), "
        "('keeper_id', 'child_of', user.commercial_partner_id.id)]",
    ),
    "rule_used_part_region": (
        REGION,
        "['|', '|', '|', '|', ('region_id.manager_id', '=', user.id), "
        "('region_id.office_id', 'parent_of', user.partner_id.id), "
        "('keeper_id', 'parent_of', user.partner_id.id), "
        "('keeper_id.aftersales_parent_id', '=', user.commercial_partner_id.id), "
        "('keeper_id.aftersales_parent_id.aftersales_parent_id', '=', "
        "user.commercial_partner_id.id)]",
    ),
    **dict.fromkeys(
        ("rule_return_region", "rule_return_line_region"),
        (
            REGION,
            "['|', '|', ('region_id.manager_id', '=', user.id), "
            "('region_id.office_id', 'parent_of', user.partner_id.id), "
            "('center_id', 'parent_of', user.partner_id.id)]",
        ),
    ),
}


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    for name, (old, new) in RULES.items():
        rule = env.ref(f"aftersales_parts.{name}", raise_if_not_found=False)
        # what an administrator changed is his decision
        if rule and rule.domain_force == old:
            rule.domain_force = new
