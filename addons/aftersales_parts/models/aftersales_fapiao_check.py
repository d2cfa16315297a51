from odoo import api, fields, models


class AftersalesFapiaoCheck(models.Model):
    """One check of a fapiao and how it ended."""

    _name = "aftersales.fapiao.check"
    _description = "Fapiao check"
    _inherit = "aftersales.given.mixin"
    _order = "id"
    _rec_name = "code"

    fapiao_id = fields.Many2one(
        "aftersales.fapiao", required=True, ondelete="cascade", index=True, readonly=True
    )
    company_id = fields.Many2one(related="fapiao_id.company_id", store=True)
    code = fields.Selection(
        [
            ("number", "20 digits that begin with the year of issue"),
            ("date", "Issued not later than today"),
            ("sums", "Net and VAT make the gross amount"),
            ("kind", "A special VAT invoice, so that the VAT can be deducted"),
            ("seller", "The seller's tax number is that of one service center"),
            ("buyer", "The buyer's tax number is ours"),
            ("uscc", "The seller's tax number has a right check digit"),
        ],
        "Check",
        required=True,
        readonly=True,
    )
    result = fields.Selection(
        [("passed", "Passed"), ("failed", "Failed"), ("impossible", "Not possible")],
        required=True,
        readonly=True,
    )

    @api.depends("code")
    @api.depends_context("lang")
    def _compute_display_name(self):
        labels = dict(self._fields["code"]._description_selection(self.env))
        for check in self:
            check.display_name = labels.get(check.code)
