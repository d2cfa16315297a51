from odoo import fields, models


class AftersalesDisputeMediate(models.TransientModel):
    """Asks what was offered in a mediation, and what each side answered."""

    _name = "aftersales.dispute.mediate"
    _description = "Log a mediation"

    dispute_id = fields.Many2one("aftersales.dispute", required=True, readonly=True)
    date = fields.Datetime(required=True, default=fields.Datetime.now)
    offer = fields.Text("What was offered", required=True)
    customer_answer = fields.Selection(
        selection=lambda self: self.env["aftersales.dispute.mediation"]._get_answers(),
        string="Customer's answer",
        required=True,
        default="open",
    )
    customer_person = fields.Char("For the customer", help="Who answered for the customer.")
    center_answer = fields.Selection(
        selection=lambda self: self.env["aftersales.dispute.mediation"]._get_answers(),
        string="Center's answer",
        required=True,
        default="open",
    )
    center_person = fields.Char("For the center", help="Who answered for the service center.")

    def action_confirm(self):
        """Log it; an offer that both agreed to settles the dispute."""
        self.ensure_one()
        return self.dispute_id.action_mediate(
            self.offer,
            self.customer_answer,
            self.center_answer,
            self.customer_person,
            self.center_person,
            self.date,
        )
