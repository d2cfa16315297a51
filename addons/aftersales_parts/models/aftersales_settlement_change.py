from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AftersalesSettlementChange(models.Model):
    """One change of what a line of a filed settlement pays: old, new, why, by whom (M8.4, M8.5).

    Append-only: nobody writes or deletes an entry, whatever the role.
    """

    _name = "aftersales.settlement.change"
    _description = "Change of a settled amount"
    _regulations = ("M8.4", "M8.5")
    _inherit = "aftersales.document.entry"
    _order = "id desc"
    _rec_name = "label"

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="settlement_id.company_id", store=True)
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    line_id = fields.Many2one(
        "aftersales.settlement.line", readonly=True, ondelete="set null", index="btree_not_null"
    )
    label = fields.Char(
        "Subject", readonly=True, help="Stays when a cancelled settlement releases its lines."
    )
    state = fields.Selection(
        selection=lambda self: self.env["aftersales.settlement"]._fields["state"].selection,
        string="While",
        readonly=True,
        help="The status of the settlement when the amount was changed.",
    )
    amount_old = fields.Monetary("Before", readonly=True)
    amount_new = fields.Monetary("After", readonly=True)
    amount = fields.Monetary("Change", compute="_compute_amount", store=True)
    reason = fields.Text(required=True, readonly=True)
    deduction_reason_id = fields.Many2one("aftersales.deduction.reason", "Deduction", readonly=True)
    difference_id = fields.Many2one(
        "aftersales.settlement.difference",
        "Answer to",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
    )
    user_id = fields.Many2one(
        "res.users",
        "By",
        required=True,
        readonly=True,
        ondelete="restrict",
        default=lambda self: self.env.user,
    )
    date = fields.Datetime("When", required=True, readonly=True, default=fields.Datetime.now)

    @api.depends("amount_old", "amount_new")
    def _compute_amount(self):
        for change in self:
            change.amount = change.amount_new - change.amount_old

    @api.model
    def _get_document_domain(self):
        # whoever may see a settlement may see how its amounts came about
        return Domain("settlement_id", "in", self.env["aftersales.settlement"]._search([]))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("The history of the amounts can't be changed afterwards."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("The history of the amounts can't be deleted."))  # pylint: disable=no-raise-unlink
