from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def write(self, vals):
        fixed = {
            "amount",
            "company_id",
            "currency_id",
            "date",
            "destination_account_id",
            "journal_id",
            "memo",
            "partner_id",
            "payment_type",
        }
        # core writes the other states itself, when the bank confirms the payment
        if fixed & vals.keys() or vals.get("state") in ("draft", "canceled", "rejected"):
            self.move_id._check_aftersales_free()
        return super().write(vals)
