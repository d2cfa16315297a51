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
            ("number", "20 digits that begin with the year of issue, or code and number"),
            ("province", "The number's province is that of the tax bureau"),
            ("header", "The number is the same in both places of the file"),
            ("date", "Issued not later than today"),
            ("confirmed", "Issued not before the settlement was confirmed"),
            ("sums", "Net and VAT make the gross amount"),
            ("lines", "The lines add up to net and VAT"),
            ("rates", "Rate × net is the VAT of each line"),
            ("capitals", "The amount in capitals is the gross amount"),
            ("kind", "A special VAT invoice, so that the VAT can be deducted"),
            ("seller", "The seller's tax number is that of one service center"),
            ("buyer", "The buyer's tax number is ours"),
            ("buyer_name", "The buyer's name is ours"),
            ("uscc", "The seller's tax number has a right check digit"),
            ("duplicate", "No other fapiao has the same file"),
            ("red", "A red fapiao takes back one that was entered, and not more than it"),
            ("sources", "All places in the file agree"),
            ("file", "The file is unchanged since it was read"),
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
    detail = fields.Char("What was found", readonly=True)

    @api.depends("code")
    @api.depends_context("lang")
    def _compute_display_name(self):
        labels = dict(self._fields["code"]._description_selection(self.env))
        for check in self:
            check.display_name = labels.get(check.code)

    def _get_sentence(self):
        """Return the check, and what it found, as one text."""
        self.ensure_one()
        if not self.detail:
            return self.display_name
        return f"{self.display_name} ({self.detail})"
