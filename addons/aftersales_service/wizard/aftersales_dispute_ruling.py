from odoo import fields, models


class AftersalesDisputeRuling(models.TransientModel):
    """Asks for the final ruling on a dispute."""

    _name = "aftersales.dispute.ruling"
    _description = "Final ruling"

    dispute_id = fields.Many2one("aftersales.dispute", required=True, readonly=True)
    favor = fields.Selection(
        selection=lambda self: self.env["aftersales.dispute"]
        ._fields["ruling_favor"]
        ._description_selection(self.env),
        string="In favor of",
        required=True,
    )
    ruling = fields.Text("What has to be done", required=True)
    reason = fields.Text("Reasons", required=True)
    regulation_id = fields.Many2one("aftersales.regulation", "Article", required=True)

    def action_confirm(self):
        """Give the ruling, which is final."""
        self.ensure_one()
        return self.dispute_id.action_rule(
            self.favor, self.ruling, self.reason, self.regulation_id.id
        )
