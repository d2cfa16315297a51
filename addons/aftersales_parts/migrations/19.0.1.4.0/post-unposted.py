from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Run the checks that are new on all fapiao that aren't posted; run once or again."""
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    domain = [("state", "not in", ("posted", "reversed"))]
    env["aftersales.fapiao"].search(domain).action_check()
