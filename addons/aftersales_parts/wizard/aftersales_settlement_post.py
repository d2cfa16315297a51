from odoo import fields, models
from odoo.exceptions import UserError


class AftersalesSettlementPost(models.TransientModel):
    """Enters confirmed settlements in the books that couldn't be entered at once (M8.5)."""

    _name = "aftersales.settlement.post"
    _description = "Enter in the books"
    _inherit = "aftersales.progress.mixin"
    _step_model = "aftersales.settlement"
    # a second or so; what a step costs by itself is shared by more
    _step_size = 40

    settlement_ids = fields.Many2many(
        "aftersales.settlement",
        string="Confirmed settlements",
        default=lambda self: self._get_default_settlements(),
        domain=[("state", "=", "confirmed")],
        help="Those that the center confirmed and that are not credited yet.",
    )

    def _get_default_settlements(self):
        settlements = self.env["aftersales.settlement"]
        confirmed = [("state", "=", "confirmed"), ("company_id", "=", self.env.company.id)]
        if chosen := self.env.context.get("active_ids"):
            confirmed.append(("id", "in", chosen))
        return settlements.search(confirmed)

    def _get_step_ids(self):
        return self.settlement_ids.ids

    def _run_ids(self, ids):
        settlements = self.env["aftersales.settlement"].browse(ids)
        settlements.action_post()
        problems = {}
        # what the books refuse stays confirmed, and says why when it is alone
        for settlement in settlements.filtered(lambda s: s.state == "confirmed"):
            try:
                settlement.action_post()
            except UserError as error:
                problems[settlement.id] = [str(error)]
        return problems

    def _get_nothing_message(self):
        return self.env._("Every confirmed settlement is in the books.")

    def _get_finish_action(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_settlement")
        return {**action, "domain": [("id", "in", self.settlement_ids.ids)], "context": {}}
