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
    _check_company_auto = True

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, ondelete="cascade", index=True, readonly=True
    )
    company_id = fields.Many2one(related="settlement_id.company_id", store=True)
    # not related: for each amount of each new line, core would read it by a record of its own
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id", compute_sudo=True)
    center_id = fields.Many2one(related="settlement_id.center_id", store=True)
    region_id = fields.Many2one(related="settlement_id.region_id", store=True)
    kind = fields.Selection(
        [
            ("part", "Part"),
            ("labour", "Labour"),
            ("travel", "Travel"),
            ("maintenance", "Mandatory maintenance"),
            ("allowance", "Repair-fee allowance"),
            ("rebate", "Rebate"),
            ("correction", "Correction"),
        ],
        required=True,
        readonly=True,
        default="part",
    )
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        check_company=True,
    )
    tag = fields.Char(readonly=True)
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    origin_line_id = fields.Many2one(
        "aftersales.settlement.line",
        "Corrects",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        help="The line of an earlier list whose amount is corrected by this one.",
    )
    product_id = fields.Many2one("product.product", "Part", readonly=True, ondelete="restrict")
    terms_id = fields.Many2one(
        "aftersales.settlement.terms",
        "Settlement terms",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        help="Those in force on the day of service.",
    )
    price_item_id = fields.Many2one(
        "product.pricelist.item", "Price rule", readonly=True, ondelete="set null"
    )
    pricelist_name = fields.Char("Price list", readonly=True)
    price_date = fields.Date(
        "Priced on", readonly=True, help="The day of service, on which the price was in force."
    )
    quantity = fields.Float(readonly=True, default=1, digits=(16, 2), aggregator=None)
    unit = fields.Selection(
        [
            ("piece", "piece"),
            ("hour", "hour"),
            ("km", "km"),
            ("visit", "visit"),
            ("month", "month"),
        ],
        readonly=True,
        default="piece",
    )
    price_unit = fields.Monetary(
        "Price",
        readonly=True,
        help="VAT included: of a part, the wholesale price of the year's list on the day of "
        "service; of a service, the rate of the settlement terms.",
    )
    outside_cap = fields.Float(
        "Outside purchases up to (%)",
        readonly=True,
        digits=(5, 2),
        aggregator=None,
        help="Share of the settlement price that is paid at most for a part bought outside (M8.8).",
    )
    amount_paid_outside = fields.Monetary(
        "Paid outside",
        readonly=True,
        help="What the center paid for a part that it bought outside, VAT included (M8.8).",
    )
    amount_base = fields.Monetary(
        "Amount before fee", readonly=True, help="What is claimed before the management fee."
    )
    fee_rate = fields.Float("Fee (%)", readonly=True, digits=(5, 2), aggregator=None)
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
            ("reduced", "Reduced"),
            ("missing", "Not returned"),
            ("deducted", "Deducted"),
            ("uncovered", "Not under warranty"),
            ("replaced", "Replaced in kind"),
            ("forfeited", "Forfeited"),
        ],
        default="open",
        required=True,
        readonly=True,
    )
    deduction_reason_id = fields.Many2one("aftersales.deduction.reason", "Deduction", readonly=True)
    deduction_rate = fields.Float("Deducted (%)", readonly=True, digits=(5, 2), aggregator=None)
    amount_payable = fields.Monetary("Payable", readonly=True)
    amount_deducted = fields.Monetary(
        "Deducted",
        compute="_compute_amount_deducted",
        store=True,
        help="What was claimed and is not paid. Nothing, as long as the line is not verified.",
    )
    note = fields.Text("Ground", readonly=True, help="Why a rebate or a correction is paid.")
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
        "(used_part_id) WHERE kind = 'part' AND result NOT IN ('missing', 'deducted')",
        "This used part has already been settled.",
    )
    _part_needs_tag = models.Constraint(
        "CHECK(kind <> 'part' OR (used_part_id IS NOT NULL AND product_id IS NOT NULL))",
        "A part is settled by its tag.",
    )

    @api.depends("company_id.currency_id")
    def _compute_currency_id(self):
        for line in self:
            line.currency_id = line.company_id.currency_id

    @api.depends("tag", "kind", "record_id")
    def _compute_display_name(self):
        labels = dict(self._fields["kind"]._description_selection(self.env))
        for line in self:
            # sudo: only the number of the record is told
            parts = (labels.get(line.kind), line.tag or line.sudo().record_id.name)
            is_part = line.kind == "part" and line.tag
            line.display_name = line.tag if is_part else " ".join(filter(None, parts))

    @api.depends("amount_claimed", "amount_payable", "result")
    def _compute_amount_deducted(self):
        for line in self:
            is_judged = line.result not in ("open", "forfeited")
            line.amount_deducted = is_judged and line.currency_id.round(
                line.amount_claimed - line.amount_payable
            )

    def _get_protected_fields(self):
        # every field of a line is a figure that somebody is paid by
        return {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    @api.depends(
        "kind",
        "price_unit",
        "quantity",
        "amount_base",
        "amount_fee",
        "fee_rate",
        "result",
        "amount_payable",
        "deduction_reason_id",
        "note",
    )
    @api.depends_context("lang")
    def _compute_explanation(self):
        for line in self:
            line.explanation = self.env._(
                "%(claim)s; %(outcome)s",
                claim=line._explain_claim(),
                outcome=line._explain_result(),
            )

    def _explain_claim(self):
        """Return in words how the claimed amount came about, with every figure it comes from."""
        self.ensure_one()
        if self.kind == "part":
            return self._explain_outside() if self.amount_paid_outside else self._explain_part()
        return self.env._(
            "%(kind)s: %(amount)s (%(ground)s)",
            kind=dict(self._fields["kind"]._description_selection(self.env))[self.kind],
            amount=self.currency_id.format(self.amount_claimed),
            ground=self.note or "",
        )

    def _explain_part(self):
        labels = dict(self._fields["fee_reason"]._description_selection(self.env))
        return self.env._(
            "%(price)s (%(pricelist)s, %(date)s) + %(fee)s (%(rate)s %%, %(reason)s)",
            price=self.currency_id.format(self.price_unit),
            pricelist=self.pricelist_name,
            date=format_date(self.env, self.price_date),
            fee=self.currency_id.format(self.amount_fee),
            rate=f"{self.fee_rate:g}",
            reason=self._get_urgent_order() or labels.get(self.fee_reason, ""),
        )

    def _explain_outside(self):
        values = {
            "paid": self.currency_id.format(self.amount_paid_outside),
            "cap": f"{self.outside_cap:g}",
            "price": self.currency_id.format(self.price_unit),
            "pricelist": self.pricelist_name,
            "date": format_date(self.env, self.price_date),
            "base": self.currency_id.format(self.amount_base),
            "excess": self.currency_id.format(self.amount_paid_outside - self.amount_base),
        }
        if self.currency_id.compare_amounts(self.amount_paid_outside, self.amount_base) > 0:
            return self.env._(
                "Bought outside for %(paid)s; paid up to %(cap)s %% of %(price)s (%(pricelist)s, "
                "%(date)s), that is %(base)s without fee; the center bears %(excess)s",
                **values,
            )
        return self.env._(
            "Bought outside for %(paid)s, not more than %(cap)s %% of %(price)s (%(pricelist)s, "
            "%(date)s): %(base)s without fee",
            **values,
        )

    def _explain_result(self):
        """Return in words what the line pays, and by which deduction less than was claimed."""
        self.ensure_one()
        label = dict(self._fields["result"]._description_selection(self.env))[self.result]
        payable = self.currency_id.format(self.amount_payable)
        if self.deduction_reason_id:
            return self.env._(
                "%(result)s: %(payable)s (%(code)s %(reason)s: %(rate)s %% less)",
                result=label,
                payable=payable,
                code=self.deduction_reason_id.code,
                reason=self.deduction_reason_id.name,
                rate=f"{self.deduction_rate:g}",
            )
        return self.env._("%(result)s: %(payable)s", result=label, payable=payable)

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

    # --- from the figure to what it comes from, and back -----------------------------------

    @api.model
    def _get_action_explain(self, domain):
        """Return the action that shows the lines of ``domain``, each with how it came about."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_settlement_line"
        )
        lines = self.search(domain)
        if len(lines) == 1:
            action = {**action, "res_id": lines.id, "views": [(False, "form")]}
        return {**action, "domain": domain, "context": {"create": False}}

    def action_explain(self):
        """Show how the amount of the line came about, with the way to all it comes from."""
        self.ensure_one()
        return self._get_action_explain([("id", "=", self.id)])

    def action_view_returns(self):
        """Open the returns by which the used part came back, with its inspection (M8.4)."""
        self.ensure_one()
        returns = self.used_part_id.return_line_ids.return_id
        return self._get_action_documents(returns, self.env._("Returns"))

    def action_view_fapiao(self):
        """Open the fapiao that the settlement of the line is invoiced with (M8.6)."""
        self.ensure_one()
        return self._get_action_documents(self.settlement_id.fapiao_ids, self.env._("Fapiao"))

    @api.model
    def _get_action_documents(self, documents, name):
        if not documents:
            raise UserError(self.env._("There is none yet."))
        action = {"type": "ir.actions.act_window", "name": name, "res_model": documents._name}
        if len(documents) == 1:
            return {**action, "res_id": documents.id, "views": [(False, "form")]}
        return {
            **action,
            "domain": [("id", "in", documents.ids)],
            "views": [(False, "list"), (False, "form")],
        }

    def _verify(self):
        """Fix what each line pays, by warranty and by what the inspection said (M8.4)."""
        self.used_part_id._lock_anew()
        # what is audited stays so, and the second look would come too late
        self.used_part_id.return_line_ids._check_no_objection()
        for line in self:
            line._write_protected(line._prepare_verified_vals())

    def _prepare_verified_vals(self):
        """Return what the line pays and why, as the part or the service stands now (M8.4)."""
        self.ensure_one()
        result, reason = self._get_outcome()
        currency = self.currency_id
        rate = reason.rate
        deducted = currency.round(self.amount_claimed * rate / 100)
        paid = {"payable": self.amount_claimed, "reduced": self.amount_claimed - deducted}
        return {
            "result": result,
            "deduction_reason_id": reason.id,
            "deduction_rate": rate,
            "amount_payable": currency.round(paid.get(result, 0)),
        }

    def _get_outcome(self):
        """Return result and deduction reason of the line, by warranty and inspection (M8.4)."""
        self.ensure_one()
        tag, reason = self.used_part_id, self.env["aftersales.deduction.reason"]
        if self.kind != "part":
            return "payable", reason
        if tag.state == "received":
            raise UserError(
                self.env._(
                    "%s has been received but not inspected yet. Verify its return first.",
                    tag.name,
                )
            )
        if tag.swap_line_id:
            return "replaced", reason
        if not tag._is_covered():
            return "uncovered", reason
        if tag.result == "accepted" or (not tag.result and tag.state == "scrapped"):
            return "payable", reason
        if tag.result == "deducted":
            reason = tag.deduction_reason_id
            return "reduced" if reason.rate < 100 else "deducted", reason
        # M10.3: what didn't come back, and what isn't the part, counts as not returned
        return "missing", reason
