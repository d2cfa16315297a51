from odoo import api, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.move_id._check_aftersales_free()
        return lines

    def write(self, vals):
        fixed = {"move_id", "account_id", "partner_id", "currency_id"}
        amounts = {"balance", "debit", "credit", "amount_currency"}
        if (fixed | amounts) & vals.keys():
            self.move_id._check_aftersales_free()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_aftersales(self):
        self.move_id._check_aftersales_free()

    def remove_move_reconcile(self):
        # before core takes anything apart; the receivable line stays free for payments
        (self.matched_debit_ids | self.matched_credit_ids)._check_aftersales_free()
        return super().remove_move_reconcile()


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_aftersales(self):
        self._check_aftersales_free()

    def _check_aftersales_free(self):
        """Raise UserError if one of these closes a settlement's entry with its bill (M8.6).

        What the center pays or is paid on its parts account may be allocated freely.
        """
        debits = self.debit_move_id.move_id._get_aftersales_moves()
        credits = self.credit_move_id.move_id._get_aftersales_moves()
        self.filtered(
            lambda p: p.debit_move_id.move_id in debits and p.credit_move_id.move_id in credits
        ).debit_move_id.move_id._check_aftersales_free()
