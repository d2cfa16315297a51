from odoo import models


class AftersalesSettlement(models.Model):
    """What has to stand in the ledger for a settlement, and what does."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    def _compare_with_ledger(self):
        """Return where the ledger says something else than these settlements.

        :return: list of dicts: ``settlement``, ``account``, ``expected`` and ``found``, what is
            open on the account, in the company's currency
        """
        items = self.env["account.move.line"]
        groups = items._read_group(
            [
                ("aftersales_settlement_id", "in", self.ids),
                ("parent_state", "=", "posted"),
                ("move_id.move_type", "=", "entry"),
                ("account_id.reconcile", "=", True),
            ],
            ["aftersales_settlement_id", "account_id"],
            ["amount_residual:sum"],
        )
        found = {(settlement, account): amount for settlement, account, amount in groups}
        differences = []
        for settlement in self:
            expected = settlement._get_expected_open()
            accounts = {a for s, a in found if s == settlement} | set(expected)
            for account in sorted(accounts, key=lambda a: a.id):
                if account.account_type in ("asset_receivable", "liability_payable") and (
                    account not in expected
                ):
                    # the partner's own account is free for any payment
                    continue
                difference = {
                    "settlement": settlement,
                    "account": account,
                    "expected": expected.get(account, 0),
                    "found": found.get((settlement, account), 0),
                }
                if settlement.currency_id.compare_amounts(
                    difference["expected"], difference["found"]
                ):
                    differences.append(difference)
        return differences

    def _get_expected_open(self):
        """Return {account: what has to be open on it} by the fapiao in the books."""
        self.ensure_one()
        if not self.move_id:
            return {}
        lines = self._get_entry_lines()
        posted = self.match_ids.filtered("fapiao_id.bill_id")
        invoiced = sum(match._get_signed_amount() for match in posted)
        gross, net = lines["claims"].balance, lines["accrued"].balance
        sign = self._get_sign()
        return {
            lines["claims"].account_id: self.currency_id.round(gross - sign * invoiced),
            lines["accrued"].account_id: self.currency_id.round(
                net + sign * self._get_accrued_at(invoiced)
            ),
        }
