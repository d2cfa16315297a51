"""Let the answer within 24 hours hold for requests from the customer portal, too (H3)."""

import ast

from odoo import SUPERUSER_ID, api

SHIPPED = "[('channel', 'in', ('email', 'web'))]"
NEW = "[('channel', 'in', ('email', 'web', 'portal'))]"


def migrate(cr, version):
    """Widen the rule if its condition is still the shipped one; a second run changes nothing."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    rule = env.ref("aftersales_service.deadline_rule_answer", raise_if_not_found=False)
    if rule and _is_shipped(rule.domain):
        rule.domain = NEW


def _is_shipped(domain):
    try:
        return ast.literal_eval(domain or "[]") == ast.literal_eval(SHIPPED)
    except (SyntaxError, ValueError):
        return False
