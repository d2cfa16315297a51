"""Say of each tag who keeps it and what its inspection said, before both are demanded."""

from odoo.tools import SQL, sql


def migrate(cr, version):
    """Fill the new columns of tags; a second run changes nothing."""
    if not sql.column_exists(cr, "aftersales_used_part", "keeper_id"):
        sql.create_column(cr, "aftersales_used_part", "keeper_id", "int4")
        cr.execute(SQL("UPDATE aftersales_used_part SET keeper_id = center_id"))
    if not sql.column_exists(cr, "aftersales_used_part", "result"):
        sql.create_column(cr, "aftersales_used_part", "result", "varchar")
        cr.execute(
            SQL(
                "UPDATE aftersales_used_part SET result = state "
                "WHERE state IN ('accepted', 'deducted')"
            )
        )
