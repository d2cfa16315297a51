"""Tell the life of each tag as far as it is known."""

from odoo import SUPERUSER_ID, api, fields

BATCH = 1000


def migrate(cr, version):
    """Add events to the tags that have none; a second run changes nothing."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    parts = env["aftersales.used.part"].search([("event_ids", "=", False)])
    for start in range(0, len(parts), BATCH):
        batch = parts[start : start + BATCH]
        vals_list = [vals for part in batch for vals in _get_life(part)]
        env["aftersales.used.part.event"].create(vals_list)
        env.flush_all()
        env.invalidate_all()


def _get_life(part):
    """Return the events of ``part`` that the data of the previous release tell."""
    author = part.record_id.technician_id or part.create_uid
    life = [_prepare_event_vals(part, "removed", part.create_date, author)]
    for line in part.return_line_ids.sorted("id"):
        document = line.return_id
        on_return = {"return_id": document.id, "picking_id": document.picking_id.id}
        if document.date_shipped:
            life.append(_prepare_event_vals(part, "shipped", document.date_shipped, **on_return))
        if line.is_received:
            life.append(_prepare_event_vals(part, "received", document.date_received, **on_return))
    if part.state == "scrapped":
        life.append(_prepare_event_vals(part, "scrapped", part.create_date, author))
    elif part.result:
        vals = {"return_id": life[-1].get("return_id")}
        if part.deduction_reason_id:
            vals["note"] = part.deduction_reason_id.name
        life.append(_prepare_event_vals(part, part.result, part.write_date, **vals))
    return life


def _prepare_event_vals(part, event, date, user=None, **vals):
    return {
        "used_part_id": part.id,
        "event": event,
        "date": date or fields.Datetime.now(),
        "user_id": (user or part.env.user).id,
        **vals,
    }
