from odoo import api, fields, models


class AftersalesLedgerDifference(models.TransientModel):
    """Where the ledger says something else about a settlement than the settlement itself."""

    _name = "aftersales.ledger.difference"
    _description = "Difference between ledger and settlements"
    _inherit = "aftersales.given.mixin"
    _order = "id"

    settlement_id = fields.Many2one("aftersales.settlement", "Settlement", readonly=True)
    partner_id = fields.Many2one("res.partner", "Booked with", readonly=True)
    account_id = fields.Many2one("account.account", "Account", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount_expected = fields.Monetary(
        "By the settlements", readonly=True, help="What has to be open by the fapiao posted."
    )
    amount_found = fields.Monetary(
        "By the ledger", readonly=True, help="What is open on the account in the ledger."
    )
    difference = fields.Monetary(readonly=True)
    note = fields.Char(readonly=True)

    @api.model
    def _compare(self, companies):
        """Return the differences of all settlements of ``companies`` (M9.4).

        By settlement, and by partner: entries by hand on the clearing accounts belong to none.
        """
        settlements = self.env["aftersales.settlement"].search(
            [("company_id", "in", companies.ids), ("entry_ids", "!=", False)]
        )
        vals_list = [
            {
                "settlement_id": row["settlement"].id,
                "partner_id": row["settlement"].partner_id.id,
                "account_id": row["account"].id,
                "currency_id": row["settlement"].currency_id.id,
                "amount_expected": row["expected"],
                "amount_found": row["found"],
            }
            for row in settlements._compare_with_ledger()
        ]
        for company in companies:
            vals_list += self._find_strangers(company)
        for vals in vals_list:
            vals["difference"] = vals["amount_found"] - vals["amount_expected"]
        # sudo: a list that the system computes, which nobody writes
        return self.sudo().create(vals_list).sudo(self.env.su)

    @api.model
    def _find_strangers(self, company):
        """Return values for what stands open on the clearing accounts without a settlement."""
        accounts = company._aftersales_get_clearing_accounts()
        groups = self.env["account.move.line"]._read_group(
            [
                ("company_id", "=", company.id),
                ("account_id", "in", accounts.ids),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
                ("aftersales_settlement_id", "=", False),
                ("move_id.aftersales_fapiao_ids", "=", False),
            ],
            ["partner_id", "account_id"],
            ["amount_residual:sum"],
        )
        return [
            {
                "partner_id": partner.id,
                "account_id": account.id,
                "currency_id": company.currency_id.id,
                "amount_expected": 0,
                "amount_found": amount,
                "note": self.env._("Entered by hand, without a settlement."),
            }
            for partner, account, amount in groups
            if not company.currency_id.is_zero(amount)
        ]

    @api.model
    def action_compare(self):
        """Compare the ledger with all settlements of the user's companies, and list differences.

        For accountants and administrators.
        """
        settlements = self.env["aftersales.settlement"]
        if not self.env.user.has_group("aftersales_service.group_administrator"):
            settlements._check_accountant()
        # sudo: an administrator of after-sales may lack rights in accounting; only sums are told
        found = self.sudo()._compare(self.env.companies)
        if not found:
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "type": "success",
                    "message": self.env._("The ledger agrees with all settlements to the cent."),
                },
            }
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Ledger and settlements"),
            "res_model": self._name,
            "views": [(False, "list")],
            "domain": [("id", "in", found.ids)],
        }
