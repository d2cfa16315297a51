from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.exceptions import UserError


class AftersalesSettlementGenerate(models.TransientModel):
    """Makes the settlements of a month, for one center or all."""

    _name = "aftersales.settlement.generate"
    _description = "Generate settlements"

    month = fields.Date(
        required=True,
        default=lambda self: fields.Date.context_today(self) + relativedelta(months=-1, day=1),
        help="The month of the services. Any day of it will do.",
    )
    center_ids = fields.Many2many(
        "res.partner",
        string="Service centers",
        domain=[("is_service_center", "=", True)],
        help="Empty: all that have something to settle.",
    )

    def action_generate(self):
        """Generate, and show the settlements of the month."""
        self.ensure_one()
        settlements = self.env["aftersales.settlement"]._generate(self.month, self.center_ids)
        if not settlements:
            raise UserError(
                self.env._("No valid service record of this month has parts to settle.")
            )
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_settlement")
        return {**action, "domain": [("id", "in", settlements.ids)], "context": {}}
