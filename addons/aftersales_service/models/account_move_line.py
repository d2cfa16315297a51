from odoo import api, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        if not self.env.su:
            lines.filtered(
                lambda line: line.display_type == "product"
            ).move_id._check_service_open()
        return lines

    def write(self, vals):
        charged = {"price_unit", "quantity", "discount", "tax_ids", "sale_line_ids", "move_id"}
        booked = {"balance", "debit", "credit", "amount_currency", "currency_id"}
        if (charged | booked) & vals.keys() and not self.env.su:
            self.move_id._check_service_open()
        return super().write(vals)
