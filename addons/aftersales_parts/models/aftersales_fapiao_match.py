from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesFapiaoMatch(models.Model):
    """What of a settlement a fapiao invoices: one to one, many to one and one to many.

    A red fapiao has matches, too: they say what of its settlements is to be invoiced again.
    """

    _name = "aftersales.fapiao.match"
    _description = "Match of a fapiao"
    _regulations = ("M8.6",)
    _inherit = "aftersales.workflow.mixin"
    _order = "id"
    _rec_name = "settlement_id"
    _check_company_auto = True

    fapiao_id = fields.Many2one(
        "aftersales.fapiao",
        "Fapiao",
        required=True,
        readonly=True,
        ondelete="restrict",
        index=True,
        check_company=True,
    )
    settlement_id = fields.Many2one(
        "aftersales.settlement",
        "Settlement",
        required=True,
        readonly=True,
        ondelete="restrict",
        index=True,
        check_company=True,
    )
    company_id = fields.Many2one(related="fapiao_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one(related="settlement_id.center_id", store=True)
    amount = fields.Monetary(
        required=True,
        readonly=True,
        help="What of the gross amount of the fapiao belongs to the settlement.",
    )
    fapiao_state = fields.Selection(related="fapiao_id.state", string="Fapiao status")
    settlement_state = fields.Selection(related="settlement_id.state", string="Settlement status")

    _amount_positive = models.Constraint("CHECK(amount > 0)", "The amount matched is positive.")
    _fapiao_settlement_uniq = models.Constraint(
        "UNIQUE(fapiao_id, settlement_id)", "This fapiao is matched to this settlement already."
    )

    def _get_protected_fields(self):
        # matches are made and undone by actions only
        return {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    @api.constrains("amount", "fapiao_id", "settlement_id")
    def _check_amounts(self):
        for settlement in self.settlement_id:
            if settlement.currency_id.compare_amounts(settlement.amount_difference, 0) < 0:
                raise ValidationError(
                    self.env._(
                        "%(settlement)s: only %(payable)s are payable, but fapiao of %(invoiced)s "
                        "would be matched to it.",
                        settlement=settlement.name,
                        payable=settlement.currency_id.format(settlement.amount_payable),
                        invoiced=settlement.currency_id.format(settlement.amount_invoiced),
                    )
                )
        for fapiao in self.fapiao_id:
            if fapiao.currency_id.compare_amounts(fapiao.amount_open, 0) < 0:
                raise ValidationError(
                    self.env._(
                        "Fapiao %(fapiao)s amounts to %(total)s, but %(matched)s of it would be "
                        "matched.",
                        fapiao=fapiao.name,
                        total=fapiao.currency_id.format(abs(fapiao.amount_total)),
                        matched=fapiao.currency_id.format(fapiao.amount_matched),
                    )
                )

    @api.model
    def _match(self, amounts):
        """Match amounts of fapiao to settlements, as an accountant (M8.6).

        :param amounts: list of (fapiao, settlement, amount in the company's currency)
        :return: the matches
        :raises UserError: a fapiao or settlement of another company or partner, one that isn't
            credited, more than is open, or somebody else is just at it
        """
        fapiaos = self.env["aftersales.fapiao"].union(*(row[0] for row in amounts))
        settlements = self.env["aftersales.settlement"].union(*(row[1] for row in amounts))
        fapiaos._check_accountant()
        fapiaos._lock_matchable()
        settlements._lock_for_books()
        settlements._check_state("posted", "invoiced")
        vals_list = []
        for fapiao, settlement, amount in amounts:
            settlement._check_fapiao(fapiao)
            amount = fapiao.currency_id.round(amount)
            fapiao._check_match_amount(settlement, amount)
            vals_list.append(
                {"fapiao_id": fapiao.id, "settlement_id": settlement.id, "amount": amount}
            )
        # sudo: who may match was checked, and so were the amounts; nobody writes them by hand
        matches = self.sudo().create(vals_list)
        fapiaos._update_match_state()
        settlements._update_invoiced_state()
        # what depends on the settlements shows at once, so that it can be accepted or returned
        fapiaos._run_checks()
        return matches.sudo(self.env.su)

    def action_undo(self):
        """Undo these matches as an accountant; both sides wait again (M8.6).

        :raises UserError: the fapiao is in the books already
        """
        fapiaos, settlements = self.fapiao_id, self.settlement_id
        fapiaos._check_accountant()
        fapiaos._lock_for_books()
        settlements._lock_for_books()
        for fapiao in fapiaos:
            if fapiao.bill_id:
                raise UserError(
                    self.env._(
                        "Fapiao %s is in the books. Only a red fapiao undoes it.", fapiao.name
                    )
                )
        # sudo: nobody deletes a match by hand; who may undo it was checked
        self.sudo().unlink()
        fapiaos._update_match_state()
        settlements._update_invoiced_state()
        # what was accepted was accepted of this match
        fapiaos._run_checks()
        return True

    def _get_signed_amount(self):
        """Return what the match adds to what is invoiced; a red fapiao takes it back."""
        self.ensure_one()
        return -self.amount if self.fapiao_id.is_red else self.amount

    def _is_accrued_at(self, rate):
        """Tell whether the settlement was accrued at ``rate`` per cent of VAT."""
        self.ensure_one()
        lines = self.settlement_id._get_entry_lines()
        gross, net = abs(lines["claims"].balance), abs(lines["accrued"].balance)
        return self.currency_id.compare_amounts(gross / (1 + rate / 100), net) == 0

    def _get_accrued_shares(self):
        """Return {match: accrued net that it closes or opens}, after what is posted already."""
        posted = {}
        for match in self.settlement_id.match_ids.filtered("fapiao_id.bill_id"):
            settlement = match.settlement_id
            posted[settlement] = posted.get(settlement, 0) + match._get_signed_amount()
        shares = {}
        for match in self:
            settlement = match.settlement_id
            before = posted.get(settlement, 0)
            after = match.currency_id.round(before + match._get_signed_amount())
            posted[settlement] = after
            shares[match] = match.currency_id.round(
                abs(settlement._get_accrued_at(after) - settlement._get_accrued_at(before))
            )
        return shares
