from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class AftersalesFapiaoMatchByHand(models.TransientModel):
    """Lets an accountant say what of a fapiao belongs to which settlement (M8.6)."""

    _name = "aftersales.fapiao.match.by.hand"
    _description = "Match a fapiao by hand"

    fapiao_id = fields.Many2one("aftersales.fapiao", "Fapiao", required=True, readonly=True)
    currency_id = fields.Many2one(related="fapiao_id.currency_id")
    amount_open = fields.Monetary(related="fapiao_id.amount_open")
    amount_left = fields.Monetary(
        "Left",
        compute="_compute_amount_left",
        help="What would still wait for a settlement; it can't be posted before this is zero.",
    )
    line_ids = fields.One2many(
        "aftersales.fapiao.match.by.hand.line", "wizard_id", "Settlements that wait"
    )

    @api.depends("line_ids.amount", "amount_open")
    def _compute_amount_left(self):
        for wizard in self:
            left = wizard.amount_open - sum(wizard.line_ids.mapped("amount"))
            wizard.amount_left = wizard.currency_id.round(left)

    @api.model
    def _open(self, fapiao):
        """Return the action that opens the window for ``fapiao``, oldest settlements filled in.

        :raises UserError: nothing waits for it
        """
        key = (fapiao.company_id, fapiao._get_match_partner(), fapiao._get_match_direction())
        waiting = fapiao._find_waiting([key]).get(key, []) if key[1] else []
        if not waiting:
            raise UserError(fapiao._propose_matches()[0]["reason"])
        amounts = {s: amount for _f, s, amount in self._get_fifo(fapiao, waiting)}
        wizard = self.create(
            {
                "fapiao_id": fapiao.id,
                "line_ids": [
                    Command.create({"settlement_id": s.id, "amount": amounts.get(s, 0)})
                    for s in waiting
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Match by hand"),
            "res_model": self._name,
            "res_id": wizard.id,
            "views": [(False, "form")],
            "target": "new",
        }

    @api.model
    def _get_fifo(self, fapiao, waiting):
        return fapiao._propose_exact([fapiao], waiting, "")["amounts"]

    def action_match(self):
        """Match the amounts that are entered.

        :raises UserError: none is, or more than is open
        """
        self.ensure_one()
        lines = self.line_ids.filtered("amount")
        if not lines:
            raise UserError(self.env._("Enter an amount for at least one settlement."))
        self.env["aftersales.fapiao.match"]._match(
            [(self.fapiao_id, line.settlement_id, line.amount) for line in lines]
        )
        return {"type": "ir.actions.act_window_close"}


class AftersalesFapiaoMatchByHandLine(models.TransientModel):
    """A settlement that waits, and how much of the fapiao belongs to it."""

    _name = "aftersales.fapiao.match.by.hand.line"
    _description = "Settlement that waits for a fapiao"

    wizard_id = fields.Many2one(
        "aftersales.fapiao.match.by.hand", required=True, ondelete="cascade", index=True
    )
    currency_id = fields.Many2one(related="wizard_id.currency_id")
    settlement_id = fields.Many2one("aftersales.settlement", required=True, readonly=True)
    period = fields.Char(related="settlement_id.period")
    kind = fields.Selection(related="settlement_id.kind")
    amount_payable = fields.Monetary(related="settlement_id.amount_payable")
    amount_difference = fields.Monetary(related="settlement_id.amount_difference")
    amount = fields.Monetary("To match")
