from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import format_date


class AftersalesSettlementLine(models.Model):
    """One part that the center paid in advance, with every figure that its amount comes from."""

    _name = "aftersales.settlement.line"
    _description = "Settlement line"
    _inherit = "aftersales.workflow.mixin"
    _order = "settlement_id, tag, id"
    _rec_name = "tag"

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, ondelete="cascade", index=True, readonly=True
    )
    company_id = fields.Many2one(related="settlement_id.company_id", store=True)
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    center_id = fields.Many2one(related="settlement_id.center_id", store=True)
    region_id = fields.Many2one(related="settlement_id.region_id", store=True)
    used_part_id = fields.Many2one(
        "aftersales.used.part", required=True, readonly=True, ondelete="restrict", index=True
    )
    tag = fields.Char(related="used_part_id.name", store=True)
    record_id = fields.Many2one(
        related="used_part_id.record_id", string="Service record", store=True, index=True
    )
    product_id = fields.Many2one("product.product", "Part", required=True, readonly=True)
    price_item_id = fields.Many2one(
        "product.pricelist.item", "Price rule", readonly=True, ondelete="set null"
    )
    pricelist_name = fields.Char("Price list", readonly=True)
    price_date = fields.Date(
        "Priced on", readonly=True, help="The day of service, on which the price was in force."
    )
    price_unit = fields.Monetary(
        "Wholesale price",
        readonly=True,
        help="Of the year's list on the day of service, with VAT.",
    )
    fee_rate = fields.Float("Fee (%)", readonly=True, digits=(5, 2))
    fee_reason = fields.Selection(
        [
            ("dedicated", "dedicated part"),
            ("not_dedicated", "not a dedicated part"),
            ("assembly", "assembly without fee"),
            ("urgent", "urgent order"),
            ("outside", "bought outside"),
        ],
        "Why this fee",
        readonly=True,
    )
    amount_fee = fields.Monetary("Management fee", readonly=True)
    amount_claimed = fields.Monetary("Claimed", readonly=True)
    result = fields.Selection(
        [
            ("open", "Not verified"),
            ("payable", "Payable"),
            ("missing", "Not returned"),
            ("deducted", "Deducted"),
            ("uncovered", "Not under warranty"),
            ("replaced", "Replaced in kind"),
        ],
        default="open",
        required=True,
        readonly=True,
    )
    deduction_reason_id = fields.Many2one("aftersales.deduction.reason", "Deduction", readonly=True)
    amount_payable = fields.Monetary("Payable", readonly=True)
    explanation = fields.Char(
        compute="_compute_explanation", help="How the amount of this line came about."
    )

    deposit_note = fields.Char(
        "On deposit",
        compute="_compute_deposit_note",
        help="The part is said to be from the center's stock while the center has such parts of "
        "the company on deposit. Parts on deposit are never paid (L3.3).",
    )

    # a part is settled once, whatever happens; one that was missing may still arrive, and one
    # that was deducted may be ruled to be paid
    _used_part_settled_uniq = models.UniqueIndex(
        "(used_part_id) WHERE result NOT IN ('missing', 'deducted')",
        "This used part has already been settled.",
    )

    def _get_protected_fields(self):
        # every field of a line is a figure that somebody is paid by
        return {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    @api.depends("price_unit", "fee_rate", "amount_fee", "result", "amount_payable")
    @api.depends_context("lang")
    def _compute_explanation(self):
        labels = dict(self._fields["result"]._description_selection(self.env))
        fee_labels = dict(self._fields["fee_reason"]._description_selection(self.env))
        for line in self:
            line.explanation = self.env._(
                "%(price)s (%(pricelist)s, %(date)s) + %(fee)s (%(rate)s %%, %(reason)s); "
                "%(result)s: %(payable)s",
                price=line.currency_id.format(line.price_unit),
                pricelist=line.pricelist_name,
                date=format_date(self.env, line.price_date),
                fee=line.currency_id.format(line.amount_fee),
                rate=f"{line.fee_rate:g}",
                reason=line._get_urgent_order() or fee_labels.get(line.fee_reason, ""),
                result=labels[line.result],
                payable=line.currency_id.format(line.amount_payable),
            )

    @api.depends("settlement_id.state", "used_part_id.record_part_id.source")
    @api.depends_context("lang")
    def _compute_deposit_note(self):
        self.deposit_note = False
        # sudo: how many of the part a center has on deposit, of settlements that the user sees
        lines = self.sudo().filtered(
            lambda line: (
                line.settlement_id.state in ("draft", "submitted", "verified", "audited")
                and line.used_part_id.record_part_id.source == "stock"
            )
        )
        for company, own in lines.grouped("company_id").items():
            stock = own.center_id._get_deposit_stock(company)
            for line in own:
                pieces = stock.get(line.center_id, {}).get(line.product_id, 0)
                line.deposit_note = pieces > 0 and self.env._(
                    "%(quantity)s of it on deposit now: was it one of these?",
                    quantity=f"{pieces:g}",
                )

    def _get_urgent_order(self):
        """Return the words for the urgent order that the part came with, or none (M8.7)."""
        self.ensure_one()
        # sudo: only the number of the order is told
        order = self.sudo().used_part_id.record_part_id.urgent_order
        return self.fee_reason == "urgent" and order and self.env._("urgent order %s", order)

    @api.model
    def _prepare_vals(self, settlement, tag, price, item):
        """Return the line for ``tag``; ``price`` and ``item`` come from the price list."""
        record = tag.record_id
        terms = self.env["aftersales.settlement.terms"]._get_terms(
            tag.company_id, record.service_date
        )
        rate, reason = self._get_fee(tag, terms)
        currency = settlement.currency_id
        fee = currency.round(price * rate / 100)
        return {
            "settlement_id": settlement.id,
            "used_part_id": tag.id,
            "product_id": tag.product_id.id,
            "price_item_id": item.id,
            "pricelist_name": item.pricelist_id.name,
            "price_date": record.service_date,
            "price_unit": price,
            "fee_rate": rate,
            "fee_reason": reason,
            "amount_fee": fee,
            "amount_claimed": currency.round(price + fee),
        }

    @api.model
    def _get_claims(self, tags):
        """Return {id of a tag: what a settlement claims for it, or would claim} (M8.1)."""
        lines = self.search(
            [("used_part_id", "in", tags.ids), ("settlement_id.state", "!=", "cancelled")]
        )
        claims = {line.used_part_id.id: line.amount_claimed for line in lines}
        rest = tags.filtered(lambda tag: tag.id not in claims and tag._is_claimable())
        for company, own in rest.grouped("company_id").items():
            if not company.aftersales_pricelist_id:
                continue
            settlement = self.env["aftersales.settlement"].new({"company_id": company.id})
            for tag, price in settlement._get_prices(own).items():
                claims[tag.id] = self._prepare_vals(settlement, tag, *price)["amount_claimed"]
        return claims

    @api.model
    def _get_fee(self, tag, terms):
        """Return the rate of the management fee for ``tag`` and why (M8.2, M8.7, M8.8)."""
        part = tag.record_part_id
        part_class = tag.product_id.part_class_id
        if part.source == "outside":
            return 0, "outside"
        if part.source == "urgent" and not terms.urgent_fee:
            return 0, "urgent"
        if not tag.product_id.is_dedicated_part:
            return 0, "not_dedicated"
        if part_class and not part_class.management_fee:
            return 0, "assembly"
        return terms.fee_rate, "dedicated"

    def _verify(self):
        """Fix what each line pays, by warranty and by what the inspection said (M8.4)."""
        self.used_part_id._lock_anew()
        # what is audited stays so, and the second look would come too late
        self.used_part_id.return_line_ids._check_no_objection()
        outcomes = {"accepted": "payable", "deducted": "deducted", "rejected": "missing"}
        for line in self:
            tag = line.used_part_id
            if tag.state == "received":
                raise UserError(
                    self.env._(
                        "%s has been received but not inspected yet. Verify its return first.",
                        tag.name,
                    )
                )
            if tag.swap_line_id:
                result = "replaced"
            elif not tag._is_covered():
                result = "uncovered"
            elif not tag.result and tag.state == "scrapped":
                result = "payable"
            else:
                # M10.3: what didn't come back, and what isn't the part, counts as not returned
                result = outcomes.get(tag.result, "missing")
            line._write_protected(
                {
                    "result": result,
                    "deduction_reason_id": tag.deduction_reason_id.id
                    if result == "deducted"
                    else False,
                    "amount_payable": line.amount_claimed if result == "payable" else 0,
                }
            )
