from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AccountMove(models.Model):
    _inherit = "account.move"

    aftersales_settlement_id = fields.Many2one(
        "aftersales.settlement",
        "Settlement",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The after-sales settlement that this entry or bill belongs to.",
    )
    aftersales_fapiao_ids = fields.One2many("aftersales.fapiao", "bill_id", "Fapiao")

    def button_draft(self):
        if self.aftersales_settlement_id:
            raise UserError(
                self.env._(
                    "%s belongs to an after-sales settlement: reset to draft would tear apart "
                    "settlement, fapiao and books.",
                    format_list(self.env, self.filtered("aftersales_settlement_id").mapped("name")),
                )
            )
        return super().button_draft()
