"""Move what settlement terms say now out of part classes and deadline rules (M8.7, M9.2)."""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL, sql

NAMES = {
    "en_US": "VAT invoice in time after the confirmation",
    "zh_CN": "确认后按期开具增值税发票",
}


def migrate(cr, version):
    """Carry over classes without fee, days to invoice and terms of lines; run once or again."""
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    _exclude_classes(env)
    _take_invoice_days(env)
    _note_terms(env)


def _exclude_classes(env):
    """Let all terms exclude the classes that were without fee, by the flag of the class."""
    if not sql.column_exists(env.cr, "aftersales_part_class", "management_fee"):
        return
    env.cr.execute(
        """
        INSERT INTO aftersales_settlement_terms_part_class_rel (terms_id, class_id)
             SELECT terms.id, class.id
               FROM aftersales_settlement_terms AS terms
         CROSS JOIN aftersales_part_class AS class
              WHERE class.management_fee IS NOT TRUE
        ON CONFLICT DO NOTHING
        """
    )


def _take_invoice_days(env):
    """Let the terms say how long an invoice may take, and the rules of M9.2 follow them.

    A rule with a calendar of its own, or in another unit, is an administrator's decision.
    """
    rules = env["aftersales.deadline.rule"].search(
        [
            ("model", "=", "aftersales.settlement"),
            ("start_event_id.code", "=", "confirmed"),
            ("stop_event_id.code", "=", "invoiced"),
            ("unit", "=", "working_days"),
            ("calendar_id", "=", False),
        ]
    )
    terms = env["aftersales.settlement.terms"].search([])
    for rule in rules.sorted(lambda rule: bool(rule.company_id)):
        # the rule of every company first, then those of one
        of_rule = terms.filtered(lambda t, c=rule.company_id: not c or t.company_id == c)
        if rule.active and not of_rule:
            of_rule = env["aftersales.settlement.terms"].union(
                *(
                    general.copy({"company_id": rule.company_id.id, "name": general.name})
                    for general in terms.filtered(lambda t: not t.company_id)
                )
            )
        if rule.active and of_rule:
            env.flush_all()
            env.cr.execute(
                SQL(
                    "UPDATE aftersales_settlement_terms SET invoice_days = %s WHERE id IN %s",
                    rule.offset,
                    tuple(of_rule.ids),
                )
            )
        rule.write({"unit": "agreed", "date_field": "date_invoice_due"})
        for language, _name in env["res.lang"].get_installed():
            if language in NAMES:
                rule.with_context(lang=language).name = NAMES[language]
    env.invalidate_all()


def _note_terms(env):
    """Note on each line the terms that it was settled by, and what its deduction took."""
    env.flush_all()
    env.cr.execute(
        """
        UPDATE aftersales_settlement_line AS line
           SET terms_id = (
                   SELECT id
                     FROM aftersales_settlement_terms
                    WHERE active
                      AND (company_id = line.company_id OR company_id IS NULL)
                      AND date_from <= line.price_date
                 ORDER BY company_id NULLS LAST, date_from DESC, id DESC
                    LIMIT 1
               )
         WHERE terms_id IS NULL AND kind = 'part'
        """
    )
    env.cr.execute(
        """
        UPDATE aftersales_settlement_line
           SET deduction_rate = 100
         WHERE deduction_reason_id IS NOT NULL AND COALESCE(deduction_rate, 0) = 0
        """
    )
    env.invalidate_all()
