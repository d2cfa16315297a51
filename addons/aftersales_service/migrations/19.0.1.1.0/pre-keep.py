"""Keep what the previous release promised, in columns that the models of this one expect.

Runs before the models are loaded, so that nothing is computed anew or left empty: cards keep
their dates and cover, deadlines their due moments, centers go on working.
"""

from odoo.tools import SQL, sql


def migrate(cr, version):
    """Add and fill the columns that aren't there yet; a second run changes nothing."""
    _keep_cards(cr)
    _keep_cover(cr)
    _keep_policies(cr)
    _keep_deadlines(cr)
    _keep_network(cr)


def _add_column(cr, table, column, column_type):
    """Add a column and tell whether it was missing."""
    if sql.column_exists(cr, table, column):
        return False
    sql.create_column(cr, table, column, column_type)
    return True


def _keep_cards(cr):
    """The day that the warranty started on was, by definition, the day of delivery."""
    if _add_column(cr, "aftersales_warranty_card", "date_delivery", "date"):
        cr.execute(SQL("UPDATE aftersales_warranty_card SET date_delivery = date_start"))


def _keep_cover(cr):
    """Give each line of cover the months it was issued with, its origin and its article.

    The months follow from the days frozen on the card, not from the policy of today. The line it
    was copied from is the only one of its place, kind and words, in whatever language.
    """
    table = "aftersales_warranty_coverage"
    if _add_column(cr, table, "duration", "int4"):
        cr.execute(
            SQL(
                """
                UPDATE aftersales_warranty_coverage
                   SET duration = CASE
                           WHEN kind = 'none' OR date_end IS NULL THEN 0
                           ELSE 12 * (extract(year FROM date_end) - extract(year FROM date_start))
                                + extract(month FROM date_end) - extract(month FROM date_start)
                       END
                """
            )
        )
    if sql.table_columns(cr, table)["component"]["udt_name"] != "jsonb":
        sql.convert_column_translatable(cr, table, "component", "jsonb")
    if _add_column(cr, table, "policy_line_id", "int4"):
        cr.execute(
            SQL(
                """
                UPDATE aftersales_warranty_coverage cover
                   SET policy_line_id = line.id, component = line.component
                  FROM aftersales_warranty_policy_line line,
                       (SELECT cover.id, min(line.id) AS line_id
                          FROM aftersales_warranty_coverage cover
                          JOIN aftersales_warranty_card card ON card.id = cover.card_id
                          JOIN aftersales_warranty_policy_line line
                            ON line.policy_id = card.policy_id
                           AND line.sequence = cover.sequence
                           AND line.kind = cover.kind
                           AND line.categ_id IS NOT DISTINCT FROM cover.categ_id
                         WHERE EXISTS (SELECT FROM jsonb_each_text(line.component) AS word
                                        WHERE word.value = cover.component->>'en_US')
                      GROUP BY cover.id
                        HAVING count(*) = 1) AS origin
                 WHERE cover.id = origin.id AND line.id = origin.line_id
                """
            )
        )
    if _add_column(cr, table, "regulation_id", "int4"):
        cr.execute(
            SQL(
                """
                UPDATE aftersales_warranty_coverage cover
                   SET regulation_id = policy.regulation_id
                  FROM aftersales_warranty_card card
                  JOIN aftersales_warranty_policy policy ON policy.id = card.policy_id
                 WHERE card.id = cover.card_id
                """
            )
        )


def _keep_policies(cr):
    """Ask for no proof of purchase where the promise was made without.

    Cards that were issued by hand would lose their warranty otherwise. A company that wants
    proof starts a new version of the policy.
    """
    if _add_column(cr, "aftersales_warranty_policy", "proof_required", "bool"):
        cr.execute(SQL("UPDATE aftersales_warranty_policy SET proof_required = FALSE"))


def _keep_deadlines(cr):
    """What is due was promised so from the start; it counts for the region of the request."""
    table = "aftersales_deadline"
    if _add_column(cr, table, "date_due_original", "timestamp"):
        cr.execute(SQL("UPDATE aftersales_deadline SET date_due_original = date_due"))
    for column in ("met_rate", "original_rate"):
        if _add_column(cr, table, column, "float8"):
            cr.execute(
                SQL(
                    "UPDATE aftersales_deadline "
                    "SET %s = CASE WHEN state = 'met' THEN 100 ELSE 0 END",
                    SQL.identifier(column),
                )
            )
    if _add_column(cr, table, "region_id", "int4"):
        cr.execute(
            SQL(
                """
                UPDATE aftersales_deadline deadline
                   SET region_id = request.region_id
                  FROM aftersales_request request
                 WHERE deadline.res_model = 'aftersales.request' AND deadline.res_id = request.id
                """
            )
        )


def _keep_network(cr):
    """Centers are working ones; levels follow from who answers for whom (L1.5).

    An office answers for stores, a store for distributors. A center that answers for nobody
    needn't sell anything, so it gets no level. What doesn't fit is left without a level.
    """
    if _add_column(cr, "res_partner", "center_state", "varchar"):
        cr.execute(SQL("UPDATE res_partner SET center_state = 'active' WHERE is_service_center"))
    if not _add_column(cr, "res_partner", "aftersales_level", "varchar"):
        return
    cr.execute(
        SQL(
            """
            UPDATE res_partner partner
               SET aftersales_level = 'office'
             WHERE is_regional_office
                OR aftersales_parent_id IS NULL
               AND NOT coalesce(is_service_center, FALSE)
               AND EXISTS (SELECT FROM res_partner lower
                            WHERE lower.aftersales_parent_id = partner.id
                              AND NOT coalesce(lower.is_regional_office, FALSE))
            """
        )
    )
    for above, level in (("office", "store"), ("store", "distributor")):
        cr.execute(
            SQL(
                """
                UPDATE res_partner partner
                   SET aftersales_level = %(level)s
                  FROM res_partner above
                 WHERE above.id = partner.aftersales_parent_id
                   AND above.aftersales_level = %(above)s
                   AND partner.aftersales_level IS NULL
                   AND (NOT coalesce(partner.is_service_center, FALSE)
                        OR EXISTS (SELECT FROM res_partner lower
                                    WHERE lower.aftersales_parent_id = partner.id))
                """,
                above=above,
                level=level,
            )
        )
