from odoo import api, fields, models
from odoo.fields import Command


class AftersalesDisputeCarryOut(models.TransientModel):
    """The window that asks for which used parts and goods a ruling holds."""

    _name = "aftersales.dispute.carry.out"
    _description = "Carry out a ruling"

    dispute_id = fields.Many2one("aftersales.dispute", "Dispute", required=True, readonly=True)
    company_id = fields.Many2one(related="dispute_id.company_id")
    currency_id = fields.Many2one(related="dispute_id.currency_id")
    reason = fields.Text(related="dispute_id.reason")
    ruling = fields.Text(related="dispute_id.ruling")
    line_ids = fields.One2many(
        "aftersales.dispute.carry.out.line",
        "wizard_id",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    amount_chosen = fields.Monetary(
        "Chosen for settlement",
        compute="_compute_amount_chosen",
        help="What settlements pay for the chosen used parts, with fee and VAT (M8.4).",
    )

    @api.depends("dispute_id")
    def _compute_line_ids(self):
        for wizard in self:
            wizard.line_ids = [
                Command.clear(),
                *(Command.create(vals) for vals in wizard._prepare_lines()),
            ]

    def _prepare_lines(self):
        dispute = self.dispute_id
        parts, goods = dispute._get_refused_parts(), dispute._get_refused_goods()
        # sudo: what a part claims, to who decides on it
        claims = self.env["aftersales.settlement.line"].sudo()._get_claims(parts.sudo())
        labels = dict(parts._fields["state"]._description_selection(self.env))
        lines = [
            {
                "used_part_id": part.id,
                "product_id": part.product_id.id,
                "quantity_refused": 1,
                "quantity": 1,
                "reason": part.deduction_reason_id.name or labels[part.state],
                "amount": claims.get(part.id, 0),
            }
            for part in parts
        ] + [
            {
                "return_line_id": line.id,
                "product_id": line.product_id.id,
                "quantity_refused": line.quantity_refused,
                "quantity": line.quantity_refused,
                "reason": line.deduction_reason_id.name,
            }
            for line in goods
        ]
        lines += [
            {
                "settlement_line_id": line.id,
                "product_id": line.product_id.id,
                "quantity_refused": 1,
                "quantity": 1,
                "reason": line.with_env(self.env)._get_ruling_reason(),
                "amount": amount,
            }
            for line, amount in dispute._get_correctable_amounts().items()
        ]
        # among several, or if it is ruled partly, nobody but the ruling knows which
        if len(lines) == 1 and dispute.ruling_favor == "center":
            lines[0]["is_chosen"] = True
        return lines

    @api.depends("line_ids.is_chosen", "line_ids.amount")
    def _compute_amount_chosen(self):
        for wizard in self:
            chosen = wizard.line_ids.filtered("is_chosen")
            wizard.amount_chosen = sum(chosen.mapped("amount"))

    def action_confirm(self):
        """Carry the ruling out."""
        self.ensure_one()
        chosen = self.line_ids.filtered("is_chosen")
        goods = chosen.filtered("return_line_id")
        settled = chosen.filtered("settlement_line_id")
        return self.dispute_id.action_carry_out(
            chosen.used_part_id.ids,
            {line.return_line_id.id: line.quantity for line in goods},
            {line.settlement_line_id.id: line.amount for line in settled},
        )
