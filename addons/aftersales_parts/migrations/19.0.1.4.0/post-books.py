from odoo import SUPERUSER_ID, api
from odoo.tools.sql import column_exists


def migrate(cr, version):
    """Make matches of the fapiao that were matched, and choose the new accounts and taxes."""
    if column_exists(cr, "aftersales_fapiao", "settlement_id"):
        cr.execute(
            """
            INSERT INTO aftersales_fapiao_match
                        (fapiao_id, settlement_id, company_id, center_id, amount,
                         create_uid, create_date, write_uid, write_date)
                 SELECT fapiao.id, settlement.id, fapiao.company_id, settlement.center_id,
                        fapiao.amount_total, fapiao.write_uid, fapiao.write_date,
                        fapiao.write_uid, fapiao.write_date
                   FROM aftersales_fapiao AS fapiao
                   JOIN aftersales_settlement AS settlement
                     ON settlement.id = fapiao.settlement_id
            ON CONFLICT (fapiao_id, settlement_id) DO NOTHING
            """
        )
    # whom the books were kept with is what the entry says, whoever the center belongs to today
    cr.execute(
        """
        UPDATE aftersales_settlement AS settlement
           SET partner_id = line.partner_id
          FROM account_move_line AS line
         WHERE line.move_id = settlement.move_id
           AND line.partner_id IS DISTINCT FROM settlement.partner_id
        """
    )
    cr.execute(
        """
        UPDATE account_move AS move
           SET aftersales_in_force = TRUE
          FROM aftersales_settlement AS settlement
         WHERE settlement.move_id = move.id
        """
    )
    cr.execute(
        """
        UPDATE account_move_line AS line
           SET aftersales_settlement_id = move.aftersales_settlement_id
          FROM account_move AS move
         WHERE move.id = line.move_id
           AND move.aftersales_settlement_id IS NOT NULL
           AND line.aftersales_settlement_id IS NULL
        """
    )
    # a bill belongs to its fapiao, which may invoice several settlements
    cr.execute(
        """
        UPDATE account_move AS move
           SET aftersales_settlement_id = NULL
          FROM aftersales_fapiao AS fapiao
         WHERE fapiao.bill_id = move.id
        """
    )
    env = api.Environment(cr, SUPERUSER_ID, {})
    for name, model in (
        ("amount_matched", "aftersales.fapiao"),
        ("amount_open", "aftersales.fapiao"),
        ("amount_invoiced", "aftersales.settlement"),
        ("amount_difference", "aftersales.settlement"),
    ):
        records = env[model].with_context(active_test=False).search([])
        env.add_to_compute(records._fields[name], records)
    env.flush_all()
    for company in env["res.company"].search([("chart_template", "!=", False)]):
        company._aftersales_set_accounts()
