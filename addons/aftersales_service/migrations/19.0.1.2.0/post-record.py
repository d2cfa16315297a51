"""Let the signatures given under the previous release stand for what they were given for."""

import json

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

# what the customer signed in the previous release
SPEC = {
    **dict.fromkeys(
        (
            "arrival",
            "nameplate",
            "fault",
            "cause",
            "responsibility",
            "work_done",
            "machine_checked",
            "explained",
            "request_id",
            "card_id",
            "center_id",
            "partner_id",
            "product_id",
            "technician_id",
            "nameplate_reason",
            "hour_meter",
            "no_parts",
        )
    ),
    "part_ids": dict.fromkeys(
        (
            "product_id",
            "quantity",
            "source",
            "serial_fitted",
            "serial_removed",
            "disposition",
            "scrap_photo",
        )
    ),
}


def migrate(cr, version):
    """Note the form that old signatures are under, and begin the checks that are still to do."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env.flush_all()
    cr.execute(
        SQL(
            "UPDATE aftersales_service_record SET signature_spec = %s "
            "WHERE signature_digest IS NOT NULL AND signature_spec IS NULL",
            json.dumps(SPEC),
        )
    )
    env.invalidate_all()
    unchecked = [("state", "=", "draft"), ("machine_checked", "=", False)]
    env["aftersales.service.record"].search(unchecked)._set_up_checks()
