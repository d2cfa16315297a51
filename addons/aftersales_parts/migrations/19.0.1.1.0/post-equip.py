from odoo import SUPERUSER_ID, api
from odoo.addons.aftersales_parts.hooks import post_init_hook


def migrate(cr, version):
    """Add the account of deposits and the operation type of supplies where they are missing."""
    post_init_hook(api.Environment(cr, SUPERUSER_ID, {}))
