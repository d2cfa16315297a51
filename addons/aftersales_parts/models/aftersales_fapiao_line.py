from odoo import api, fields, models


class AftersalesFapiaoLine(models.Model):
    """A line of goods or services on a fapiao; a negative one is a discount."""

    _name = "aftersales.fapiao.line"
    _description = "Fapiao line"
    _inherit = "aftersales.given.mixin"
    _order = "sequence, id"

    sequence = fields.Integer(default=10)
    fapiao_id = fields.Many2one(
        "aftersales.fapiao", required=True, ondelete="cascade", index=True, readonly=True
    )
    company_id = fields.Many2one(related="fapiao_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    name = fields.Char("Goods or services", required=True)
    specification = fields.Char()
    unit = fields.Char()
    quantity = fields.Float(digits=(26, 13))
    price_unit = fields.Float("Unit price, net", digits=(26, 13))
    amount_untaxed = fields.Monetary("Net", help="Negative on a line that gives a discount.")
    has_rate = fields.Boolean(
        "Rate is known",
        default=True,
        help="Not set when the file gives no rate, which is something else than 0 %.",
    )
    tax_rate = fields.Float("VAT rate (%)", digits=(6, 3))
    amount_tax = fields.Monetary("VAT")

    def _get_given_fields(self):
        # also those that are entered by hand: no default of a caller gets into a file's figures
        return {name for name, field in self._fields.items() if field.store}

    @api.onchange("quantity", "price_unit")
    def _onchange_price(self):
        if self.quantity and self.price_unit:
            self.amount_untaxed = self.currency_id.round(self.quantity * self.price_unit)

    @api.onchange("amount_untaxed", "tax_rate")
    def _onchange_amount_untaxed(self):
        self.amount_tax = self.currency_id.round(self.amount_untaxed * self.tax_rate / 100)

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.fapiao_id._check_entered_by_hand()
        lines.fapiao_id._note_who_entered()
        return lines

    def write(self, vals):
        self.fapiao_id._check_entered_by_hand()
        self.fapiao_id._note_who_entered()
        result = super().write(vals)
        self.fapiao_id._check_entered_by_hand()
        self.fapiao_id._note_who_entered()
        return result

    def unlink(self):
        self.fapiao_id._check_entered_by_hand()
        self.fapiao_id._note_who_entered()
        return super().unlink()
