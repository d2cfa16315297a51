"""Note what followed for the goods of returns that the previous release has answered."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    # by SQL: these lines are not to be decided any more, and there may be many
    cr.execute(
        """
        UPDATE aftersales_return_line line
           SET date_answered = document.date_answered
          FROM aftersales_return document
         WHERE document.id = line.return_id
           AND document.state = 'done'
           AND line.is_received
           AND line.date_answered IS NULL
        """
    )
    env.invalidate_all()
    _find_charges(env)
    _note_outcomes(env)
    _warn_customer_service(env)


def _find_charges(env):
    """Say which refused parts are to be charged, which their answer decides (L3.3).

    What was owed before the update is owed after it; customer service can waive it with a reason.
    """
    parts = env["aftersales.used.part"].search([("result", "in", ("deducted", "rejected"))])
    env.add_to_compute(parts._fields["charge_state"], parts)
    parts.flush_recordset(["charge_state"])


def _note_outcomes(env):
    lines = env["aftersales.return.line"].search(
        [
            ("date_answered", "!=", False),
            ("used_part_id", "!=", False),
            ("verdict", "=", "accept"),
            ("outcome", "=", False),
        ]
    )
    for outcome, answered in lines.grouped(lambda line: line._get_part_outcome()).items():
        answered._write_protected({"outcome": outcome})


def _warn_customer_service(env):
    """Verifying was the answer; now customer service gives it, and is warned before it is late."""
    rule = env.ref("aftersales_parts.deadline_rule_return_answered", raise_if_not_found=False)
    if rule and rule.warning_group_id == env.ref("aftersales_service.group_quality"):
        rule.warning_group_id = env.ref("aftersales_service.group_customer_service")
