from odoo import api, fields, models


class AftersalesDisputeMediation(models.Model):
    """One entry of the mediation log: who offered what, and what each side answered (L1.7).

    Nobody writes or deletes entries; only the actions of the dispute add some.
    """

    _name = "aftersales.dispute.mediation"
    _description = "Entry of the mediation log"
    _inherit = "aftersales.given.mixin"
    _order = "date, id"
    _rec_name = "text"

    dispute_id = fields.Many2one(
        "aftersales.dispute", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="dispute_id.company_id", store=True)
    kind = fields.Selection(
        [("statement", "Statement of the center"), ("mediation", "Mediation")],
        required=True,
        readonly=True,
    )
    date = fields.Datetime(required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users",
        "Mediator",
        required=True,
        readonly=True,
        help="Who mediated, or wrote the statement down.",
    )
    text = fields.Text("Offered or stated", required=True, readonly=True)
    customer_answer = fields.Selection(
        selection="_get_answers", string="Customer's answer", readonly=True
    )
    customer_person = fields.Char("For the customer", readonly=True)
    center_answer = fields.Selection(
        selection="_get_answers", string="Center's answer", readonly=True
    )
    center_person = fields.Char("For the center", readonly=True)
    outcome = fields.Selection(
        [("agreed", "Agreed by both"), ("refused", "Not agreed"), ("open", "Still open")],
        compute="_compute_outcome",
        store=True,
    )

    @api.model
    def _get_answers(self):
        """Return what a side can answer to an offer."""
        return [
            ("agreed", self.env._("Agrees")),
            ("refused", self.env._("Refuses")),
            ("open", self.env._("No answer yet")),
        ]

    @api.depends("kind", "customer_answer", "center_answer")
    def _compute_outcome(self):
        for entry in self:
            answers = {entry.customer_answer, entry.center_answer}
            if entry.kind != "mediation":
                entry.outcome = False
            elif "refused" in answers:
                entry.outcome = "refused"
            else:
                entry.outcome = "open" if "open" in answers else "agreed"
