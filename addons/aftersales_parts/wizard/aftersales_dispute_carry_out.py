from odoo import api, fields, models


class AftersalesDisputeCarryOut(models.TransientModel):
    """The window that asks for which used parts a ruling holds."""

    _name = "aftersales.dispute.carry.out"
    _description = "Carry out a ruling"

    dispute_id = fields.Many2one("aftersales.dispute", "Dispute", required=True, readonly=True)
    ruling = fields.Text(related="dispute_id.ruling")
    disputed_part_ids = fields.Many2many(
        "aftersales.used.part", compute="_compute_disputed_part_ids"
    )
    used_part_ids = fields.Many2many(
        "aftersales.used.part",
        string="Tags",
        required=True,
        compute="_compute_used_part_ids",
        store=True,
        readonly=False,
        domain="[('id', 'in', disputed_part_ids)]",
        help="These count as accepted from now on: what is not paid yet is paid with the next "
        "settlement, and nothing is owed for parts of the company (M8.4).",
    )

    @api.depends("dispute_id")
    def _compute_disputed_part_ids(self):
        for wizard in self:
            wizard.disputed_part_ids = wizard.dispute_id._get_refused_parts()

    @api.depends("dispute_id")
    def _compute_used_part_ids(self):
        for wizard in self:
            # what is ruled partly has to be chosen
            is_whole = wizard.dispute_id.ruling_favor == "center"
            wizard.used_part_ids = is_whole and wizard.dispute_id._get_refused_parts()

    def action_confirm(self):
        """Carry the ruling out."""
        self.ensure_one()
        return self.dispute_id.action_carry_out(self.used_part_ids.ids)
