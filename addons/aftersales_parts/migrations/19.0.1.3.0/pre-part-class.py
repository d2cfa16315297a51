"""Let part classes of the company's own stand where a code is shipped now."""

from odoo.tools import SQL

SHIPPED = ("gearbox_part", "final_drive", "assembly")


def migrate(cr, version):
    """Give the external id to the class that has the code already; run once or again."""
    cr.execute(
        SQL(
            """
            INSERT INTO ir_model_data (module, name, model, res_id, noupdate)
                 SELECT 'aftersales_parts', 'part_class_' || code, 'aftersales.part.class', id, TRUE
                   FROM aftersales_part_class
                  WHERE code IN %s
            ON CONFLICT DO NOTHING
            """,
            SHIPPED,
        )
    )
