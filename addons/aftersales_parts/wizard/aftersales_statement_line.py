from odoo import fields, models


class AftersalesStatementLine(models.TransientModel):
    """One journal item of a statement of account."""

    _name = "aftersales.statement.line"
    _description = "Line of a statement of account"
    _order = "section, date, id"

    statement_id = fields.Many2one("aftersales.statement", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="statement_id.currency_id")
    section = fields.Selection(
        [
            ("account", "Parts account"),
            ("deposit", "Deposit"),
            ("awaited", "Credited, fapiao awaited"),
        ],
        required=True,
        readonly=True,
    )
    date = fields.Date(readonly=True)
    document = fields.Char("Entry", readonly=True)
    kind = fields.Selection(
        [
            ("invoice", "Parts invoice"),
            ("credit_note", "Credit note"),
            ("settlement", "Settlement"),
            ("payment", "Payment"),
            ("deposit", "Deposit"),
            ("other", "Other entry"),
        ],
        "Kind of entry",
        readonly=True,
    )
    label = fields.Char("Reference", readonly=True)
    debit = fields.Monetary(readonly=True)
    credit = fields.Monetary(readonly=True)
    balance = fields.Monetary(readonly=True, aggregator=None)
    open = fields.Monetary("Fapiao awaited", readonly=True)
