from odoo import fields, models


class StockPicking(models.Model):
    _inherit = "stock.picking"

    aftersales_assessment_id = fields.Many2one(
        "aftersales.exchange.assessment",
        "Exchange assessment",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The verdict by which the unit is exchanged.",
    )

    def _action_done(self):
        result = super()._action_done()
        # sudo: warehouse staff move the goods; what becomes of the cards follows from that alone
        for picking in self.sudo().filtered(lambda p: p.state == "done"):
            picking.aftersales_assessment_id._follow_transfer(picking)
        return result
