from odoo import api, fields, models
from odoo.fields import Command


class AftersalesUsedPartCheck(models.TransientModel):
    """What the check of all tags found, for an administrator."""

    _name = "aftersales.used.part.check"
    _description = "Check the tags"

    part_count = fields.Integer("Tags", readonly=True)
    held_count = fields.Integer("Kept", readonly=True)
    shipped_count = fields.Integer("On their way", readonly=True)
    factory_count = fields.Integer("At the factory", readonly=True)
    ended_count = fields.Integer("Ended", readonly=True)
    issue_count = fields.Integer("Discrepancies", compute="_compute_issues")
    is_correctable = fields.Boolean(compute="_compute_issues")
    line_ids = fields.One2many("aftersales.used.part.check.line", "check_id", readonly=True)

    @api.depends("line_ids")
    def _compute_issues(self):
        for check in self:
            check.issue_count = len(check.line_ids)
            check.is_correctable = any(check.line_ids.mapped("in_stock"))

    @api.model
    def default_get(self, fields):
        """Check all tags of the user's companies (M10.3).

        :raises AccessError: not an administrator
        """
        parts = self.env["aftersales.used.part"]
        parts._check_group("aftersales_service.group_administrator")
        totals = parts._get_ledger_totals()
        found = parts._check_ledger()
        return {
            **super().default_get(fields),
            "part_count": sum(totals.values()),
            "held_count": totals["held"],
            "shipped_count": totals["shipped"],
            "factory_count": sum(totals[state] for state in parts._get_factory_states()),
            "ended_count": sum(totals[state] for state in parts._get_ended_states()),
            "line_ids": [Command.create(vals) for vals in found],
        }

    def action_correct_stock(self):
        """Book what stock has elsewhere to where its status says, and check again."""
        self.ensure_one()
        self.line_ids.filtered("in_stock").used_part_id.action_correct_stock()
        return self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_used_part_check"
        )
