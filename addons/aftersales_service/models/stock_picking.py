from odoo import api, fields, models
from odoo.exceptions import AccessError


class StockPicking(models.Model):
    _name = "stock.picking"
    _inherit = ["stock.picking", "aftersales.given.mixin"]

    aftersales_assessment_id = fields.Many2one(
        "aftersales.exchange.assessment",
        "Exchange assessment",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The verdict by which the unit is exchanged.",
    )
    aftersales_take_in = fields.Boolean(
        "Taken in for repair",
        help="The units stay the customer's and go back to him: their warranty cards stay valid. "
        "Any other return closes them.",
    )
    aftersales_from_customer = fields.Boolean(compute="_compute_aftersales_from_customer")

    @api.model_create_multi
    def create(self, vals_list):
        self._check_assessment(any(vals.get("aftersales_assessment_id") for vals in vals_list))
        return super().create(vals_list)

    def write(self, vals):
        self._check_assessment("aftersales_assessment_id" in vals)
        return super().write(vals)

    def _get_given_fields(self):
        return {"aftersales_assessment_id"}

    def _check_assessment(self, given):
        """Raise AccessError if a user gives the assessment: warranty cards follow from it."""
        if given and not self.env.su:
            raise AccessError(
                self.env._(
                    "The transfers of an exchange are made on its assessment and can't be given "
                    "by hand."
                )
            )

    def _compute_aftersales_from_customer(self):
        for picking in self:
            picking.aftersales_from_customer = picking.location_id.usage == "customer"

    def _action_done(self):
        result = super()._action_done()
        # sudo: warehouse staff move the goods; what becomes of the cards follows from that alone
        for picking in self.sudo().filtered(lambda p: p.state == "done"):
            picking.aftersales_assessment_id._follow_transfer(picking)
        return result
