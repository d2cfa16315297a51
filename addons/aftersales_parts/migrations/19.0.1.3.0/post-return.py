"""Give the returns of the previous release lines of goods, quantities and their answer."""

import hashlib
import json

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL, sql

# what was decided on in the previous release, besides the goods of a faulty batch
SPEC = {
    "center_id": None,
    "month": None,
    "freight_payer": None,
    "reason": None,
    "complaint_id": None,
    "line_ids": {"used_part_id": None},
}


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    unchanged = _find_unchanged(env)
    _move_batches_to_lines(env)
    _set_quantities(env)
    _close_answered(env)
    for document in unchanged:
        document.approval_digest = document._get_content_digest(document._get_approval_content())


def _find_unchanged(env):
    """Return the returns that are as they were submitted; the approval of others stays void."""
    documents = env["aftersales.return"].search([("approval_digest", "!=", False)])
    batches = {}
    if sql.column_exists(env.cr, "aftersales_return", "quantity"):
        env.cr.execute(
            SQL(
                "SELECT id, product_id, quantity FROM aftersales_return WHERE id IN %s",
                documents._ids or (0,),
            )
        )
        batches = {row[0]: row[1:] for row in env.cr.fetchall()}
    return documents.filtered(
        lambda document: (
            document.approval_digest
            in (
                _get_old_digest(document, *batches.get(document.id, (None, None))),
                document._get_content_digest(document._get_approval_content()),
            )
        )
    )


def _get_old_digest(document, product_id, quantity):
    """Return the digest as the previous release made it, with the batch on the return itself."""
    content = {
        **document._get_content(document.with_context(active_test=False), SPEC),
        "product_id": [product_id] if product_id else [],
        "quantity": float(quantity or 0),
    }
    text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _move_batches_to_lines(env):
    """A faulty batch stood on the return itself."""
    cr = env.cr
    if not sql.column_exists(cr, "aftersales_return", "quantity"):
        return
    # by SQL: the lines say what was approved, so that nothing is to be voided by them
    cr.execute(
        """
        INSERT INTO aftersales_return_line
                    (return_id, company_id, center_id, region_id, product_id, quantity, verdict,
                     quantity_received, is_received, is_open, create_uid, create_date)
             SELECT document.id, document.company_id, document.center_id, document.region_id,
                    document.product_id, document.quantity, 'accept', COALESCE(counted.quantity, 0),
                    document.state IN ('received', 'verified'),
                    document.state NOT IN ('verified', 'cancelled'),
                    document.create_uid, document.create_date
               FROM aftersales_return document
          LEFT JOIN LATERAL (
                    SELECT sum(move.quantity) AS quantity
                      FROM stock_move move
                     WHERE move.picking_id = document.picking_id AND move.state = 'done'
                    ) counted ON TRUE
              WHERE document.complaint_id IS NOT NULL
                AND document.product_id IS NOT NULL
                AND document.quantity > 0
                AND NOT EXISTS (
                    SELECT FROM aftersales_return_line line WHERE line.return_id = document.id)
        """
    )
    cr.execute(
        """
        UPDATE stock_move move
           SET aftersales_return_line_id = line.id
          FROM aftersales_return document
          JOIN aftersales_return_line line ON line.return_id = document.id
         WHERE document.complaint_id IS NOT NULL AND move.picking_id = document.picking_id
        """
    )
    cr.execute(
        """
        UPDATE aftersales_return
           SET is_special = TRUE,
               special_reason = COALESCE(special_reason, reason),
               goods_picking_id = picking_id,
               picking_id = NULL
         WHERE complaint_id IS NOT NULL AND goods_picking_id IS NULL
        """
    )
    env.invalidate_all()


def _set_quantities(env):
    """Each tag is one piece; only whether it came was known."""
    env.cr.execute(
        """
        UPDATE aftersales_return_line line
           SET quantity_shipped = line.quantity,
               date_received = CASE WHEN line.is_received THEN document.date_received END,
               quantity_received = CASE
                   WHEN line.used_part_id IS NULL THEN line.quantity_received
                   WHEN line.is_received THEN 1
                   ELSE 0
               END
          FROM aftersales_return document
         WHERE document.id = line.return_id AND document.date_shipped IS NOT NULL
        """
    )
    env.cr.execute(
        """
        UPDATE aftersales_return
           SET date_received_last = date_received
         WHERE date_received_last IS NULL AND date_received IS NOT NULL
        """
    )
    lines = env["aftersales.return.line"].search([])
    lines.invalidate_recordset()
    for name in ("quantity_refused", "quantity_accepted", "difference"):
        env.add_to_compute(lines._fields[name], lines)
    lines.flush_recordset()


def _close_answered(env):
    """Verifying a return of used parts was the answer to its sender, too."""
    documents = env["aftersales.return"].search(
        [("state", "=", "verified"), ("complaint_id", "=", False), ("date_answered", "=", False)]
    )
    for document in documents:
        answered = document.deadline_ids.filtered(
            lambda deadline: deadline.rule_id.stop_event_id.code == "answered"
        )
        moment = answered[:1].date_met or document.write_date
        document.write({"state": "done", "date_verified": moment, "date_answered": moment})
