"""Tell whose decision is awaited about the plans that were submitted before the upgrade."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Plan the activities of pending approvals, which the previous release didn't have."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    plans = env["aftersales.audit.plan"].search([("approval_state", "=", "pending")])
    plans._renew_approval_activities()
