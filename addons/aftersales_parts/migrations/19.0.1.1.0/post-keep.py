"""Keep what was decided and configured about returns and settlements."""

from odoo import SUPERUSER_ID, api, fields
from odoo.tools import SQL, sql


def migrate(cr, version):
    """Carry over approvals that are awaited and the days to invoice; run once or again."""
    env = api.Environment(cr, SUPERUSER_ID, {"lang": "en_US"})
    _note_authors(env)
    env["aftersales.return"].search(
        [("approval_state", "=", "pending")]
    )._renew_approval_activities()
    _keep_invoice_days(env)


def _note_authors(env):
    """Whoever put tags on a return that isn't decided yet may not decide on it (L2.4)."""
    undecided = env["aftersales.return"].search([("approval_state", "in", ("draft", "pending"))])
    for user, lines in undecided.line_ids.grouped("create_uid").items():
        lines.return_id.with_user(user).sudo()._note_content_author()


def _keep_invoice_days(env):
    """Let the rule of M9.2 run as many working days as the settlement terms said."""
    if not sql.column_exists(env.cr, "aftersales_settlement_terms", "invoice_days"):
        return
    rule = env.ref("aftersales_parts.deadline_rule_settlement_invoiced", False)
    if not rule:
        return
    companies = env["res.company"].with_context(active_test=False).search([])
    days = {company: _get_invoice_days(env, company) for company in companies}
    shipped = rule.offset
    if not set(days.values()) - {shipped, None}:
        return
    # the name tells the days, in each language
    languages = [code for code, _name in env["res.lang"].get_installed()]
    env["ir.module.module"]._load_module_terms(["aftersales_parts"], languages)
    if len(set(days.values())) == 1:
        _set_days(rule, days.popitem()[1], languages)
        return
    for company, number in days.items():
        _set_days(rule.copy({"company_id": company.id}), number or shipped, languages)
    rule.active = False


def _get_invoice_days(env, company):
    """Return the working days by the terms in force in ``company`` today, or None."""
    env.cr.execute(
        SQL(
            """
            SELECT invoice_days
              FROM aftersales_settlement_terms
             WHERE active
               AND date_from <= %s
               AND (company_id = %s OR company_id IS NULL)
          ORDER BY company_id, date_from DESC, id DESC
             LIMIT 1
            """,
            fields.Date.today(),
            company.id,
        )
    )
    row = env.cr.fetchone()
    return row and row[0]


def _set_days(rule, days, languages):
    for language in languages:
        translated = rule.with_context(lang=language)
        translated.name = translated.name.replace(str(rule.offset), str(days))
    rule.offset = days
