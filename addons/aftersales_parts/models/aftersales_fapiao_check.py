from odoo import fields, models


class AftersalesFapiaoCheck(models.Model):
    """One check of a fapiao and how it ended."""

    _name = "aftersales.fapiao.check"
    _description = "Fapiao check"
    _order = "id"
    _rec_name = "note"

    fapiao_id = fields.Many2one(
        "aftersales.fapiao", required=True, ondelete="cascade", index=True, readonly=True
    )
    company_id = fields.Many2one(related="fapiao_id.company_id", store=True)
    code = fields.Char(required=True, readonly=True)
    note = fields.Char("Check", required=True, readonly=True)
    result = fields.Selection(
        [("passed", "Passed"), ("failed", "Failed"), ("impossible", "Not possible")],
        required=True,
        readonly=True,
    )
