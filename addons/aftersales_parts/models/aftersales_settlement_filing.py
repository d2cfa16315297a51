from odoo import api, fields, models
from odoo.tools import format_list

# so many tags are named in a warning; the list itself shows them all
NAMED_TAGS = 12


class AftersalesSettlement(models.Model):
    """The used parts of a list: it is filed with the list of their return (M8.3)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    line_count = fields.Integer("Number of lines", compute="_compute_line_count")
    date_filed = fields.Datetime("Filed on", readonly=True, copy=False)
    return_ids = fields.Many2many(
        "aftersales.return",
        string="Returns",
        compute="_compute_returned",
        help="The returns that the used parts of this list are on.",
    )
    return_count = fields.Integer("Number of returns", compute="_compute_returned")
    tags_kept = fields.Integer(
        "Still kept", compute="_compute_returned", help="Used parts that no return has shipped."
    )
    tags_shipped = fields.Integer("On their way", compute="_compute_returned")
    tags_received = fields.Integer(
        "Received", compute="_compute_returned", help="Arrived, inspected or not."
    )
    tags_missing = fields.Integer(
        "Missing",
        compute="_compute_returned",
        help="Written off, or announced by a return and not in it when it was verified.",
    )
    returned_note = fields.Char("Not shipped yet", compute="_compute_returned")

    @api.depends("line_ids")
    def _compute_line_count(self):
        counts = dict(
            self.env["aftersales.settlement.line"]._read_group(
                [("settlement_id", "in", self.ids)], ["settlement_id"], ["__count"]
            )
        )
        for settlement in self:
            settlement.line_count = counts.get(settlement, 0)

    @api.depends("state", "line_ids.used_part_id.state")
    @api.depends_context("uid", "lang")
    def _compute_returned(self):
        # sudo: where the used parts of a list are is told to whoever sees the list
        returns = self.sudo().line_ids.used_part_id.return_line_ids.return_id
        visible = returns.with_env(self.env)._filtered_access("read")
        for settlement in self:
            parts = settlement.sudo().line_ids.used_part_id
            groups = parts.grouped(lambda part: part._get_whereabouts())
            settlement.return_ids = visible & (
                parts.return_line_ids.return_id.filtered(
                    lambda document: document.state != "cancelled"
                ).with_env(self.env)
            )
            settlement.return_count = len(settlement.return_ids)
            for name in ("kept", "shipped", "received", "missing"):
                settlement[f"tags_{name}"] = len(groups.get(name, ()))
            settlement.returned_note = (
                settlement.state in ("draft", "submitted")
                and settlement.direction == "payable"
                and settlement._get_unreturned_note(groups.get("kept"))
            )

    def _get_unreturned_note(self, parts):
        if not parts:
            return False
        names = parts.sorted("name")[:NAMED_TAGS].mapped("name")
        if rest := len(parts) - len(names):
            names.append(self.env._("%s more", rest))
        return self.env._(
            "On no return that was shipped: %(tags)s. They count as not returned, and nothing is "
            "paid for them, unless they arrive before the list is verified (M8.3, M8.4).",
            tags=format_list(self.env, names),
        )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_filed"}

    def action_view_lines(self):
        """Show the lines on a screen of their own, where several can be chosen."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_settlement_line"
        )
        return {**action, "domain": [("settlement_id", "=", self.id)], "context": {}}

    def action_view_returns(self):
        """Show the returns by which the used parts of the list come back."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_return")
        return {**action, "domain": [("id", "in", self.return_ids.ids)], "context": {}}
