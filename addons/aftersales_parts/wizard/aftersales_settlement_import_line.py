from odoo import fields, models


class AftersalesSettlementImportLine(models.TransientModel):
    """One row of a list that was read, or one line of ours that the list doesn't hold."""

    _name = "aftersales.settlement.import.line"
    _description = "Row of an imported list"
    _order = "import_id, id"

    import_id = fields.Many2one(
        "aftersales.settlement.import", required=True, readonly=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="import_id.currency_id")
    row = fields.Integer(readonly=True, aggregator=None)
    column = fields.Char(readonly=True)
    subject = fields.Char("Tag or record", readonly=True)
    line_id = fields.Many2one("aftersales.settlement.line", readonly=True, ondelete="cascade")
    amount_listed = fields.Monetary("On our list", readonly=True)
    amount_file = fields.Monetary("In the file", readonly=True)
    reason = fields.Char(readonly=True, help="What the manufacturer says about the amount.")
    message = fields.Text("What is wrong, and what to do", readonly=True)
    state = fields.Selection(
        [
            ("error", "Error"),
            ("different", "Different"),
            ("absent", "Not in the file"),
            ("ok", "As listed"),
        ],
        "Status",
        required=True,
        readonly=True,
    )
