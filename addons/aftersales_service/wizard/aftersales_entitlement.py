from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..models.aftersales_entitlement_mixin import VERDICTS


class AftersalesEntitlement(models.TransientModel):
    """The screen on which a serial is typed or scanned and the answer appears (L1.1, E6).

    Any role of the after-sales service may ask about any unit, because its customer stands at
    the counter. Who the customer is, shows only to those who may read the card.
    """

    _name = "aftersales.entitlement"
    _description = "Entitlement check"
    _regulations = ("L1.1", "L1.2", "L2.2", "E6", "H8", "R2")

    search = fields.Char(
        "Serial or card number",
        help="Type it or scan the code on the unit, on the card or on a part fitted by a repair.",
    )
    product_id = fields.Many2one(
        "product.product",
        "Unit",
        help="Choose it if several units have the number.",
    )
    is_ambiguous = fields.Boolean(compute="_compute_card")
    part_id = fields.Many2one(
        "product.product",
        "Part",
        domain=[("type", "!=", "service"), ("sale_ok", "=", True)],
        help="The part that failed. Empty: everything that the card names.",
    )
    quantity = fields.Integer(default=1)
    date = fields.Date("Day of the fault", required=True, default=fields.Date.context_today)
    hours = fields.Float("Hour meter (h)", help="On the day of the fault. 0: not known.")
    claimant = fields.Selection(
        [("consumer", "Consumer"), ("dealer", "Dealer")], required=True, default="consumer"
    )
    message = fields.Char(compute="_compute_card")
    card_id = fields.Many2one("aftersales.warranty.card", "Warranty card", compute="_compute_card")
    card_name = fields.Char("Card", compute="_compute_card")
    unit_name = fields.Char("Product", compute="_compute_card")
    serial_number = fields.Char("Serial", compute="_compute_card")
    partner_id = fields.Many2one(related="card_id.partner_id")
    verdict = fields.Selection(
        VERDICTS,
        compute="_compute_result",
    )
    exchange_possible = fields.Boolean(compute="_compute_result")
    reason = fields.Char(compute="_compute_result")
    regulation_id = fields.Many2one("aftersales.regulation", "Article", compute="_compute_result")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    price_part = fields.Monetary(
        "Parts", compute="_compute_result", help="Sales price of the parts, without taxes."
    )
    price_fee = fields.Monetary("Repair fee", compute="_compute_result")
    price_tax = fields.Monetary("Taxes", compute="_compute_result")
    price_total = fields.Monetary("To pay", compute="_compute_result")
    line_ids = fields.One2many(
        "aftersales.entitlement.line", "entitlement_id", compute="_compute_line_ids", store=True
    )

    @api.depends_context("lang")
    def _compute_display_name(self):
        self.display_name = self.env._("Check entitlement")

    @api.constrains("quantity")
    def _check_quantity(self):
        if any(check.quantity < 1 for check in self):
            raise UserError(self.env._("Enter how many pieces, one or more."))

    @api.onchange("search")
    def _onchange_search(self):
        """Choose the part whose own serial was typed or scanned (H8)."""
        self.product_id = False
        cards = self._find_cards()
        text = cards._normalize_serial(self.search or "").upper()
        fitted = cards.record_ids.part_ids.filtered(
            lambda part: part.serial_fitted and part.serial_fitted.upper() == text
        )
        self.part_id = fitted.product_id[:1]

    @api.depends("search", "product_id", "company_id")
    def _compute_card(self):
        for check in self:
            cards = check._find_cards()
            check.is_ambiguous = len(cards.product_id) > 1
            card = check._get_card()
            check.message = check._get_message(cards, card)
            check.card_id = card.sudo(False)._filtered_access("read")
            check.card_name = card.name
            check.unit_name = card.product_id.display_name
            check.serial_number = card.serial_number

    def _find_cards(self):
        """Return the cards of the typed number, with all rights; see the class."""
        # sudo: whoever knows the full number of a unit may know what its warranty covers
        cards = self.env["aftersales.warranty.card"].sudo()
        text = (self.search or "").strip()
        if not text:
            return cards
        # the company comes from the client: only one that the user works in
        company = self.company_id & self.env.companies
        found = cards._find_by_serial(text).filtered(lambda card: card.company_id == company)
        # card numbers follow each other, so that they prove nothing: only who may read the card
        # finds it by its number
        number = cards._normalize_serial(text).upper()
        by_number = found.filtered(lambda card: card.name.upper() == number)
        return found - by_number | by_number.sudo(False)._filtered_access("read").sudo()

    def _choose_card(self, cards):
        """Return the valid card of the unit, or its latest one; none if there are several units."""
        if len(cards.product_id) > 1:
            return cards.browse()
        return cards.sorted(lambda card: (card.state == "open", card.id))[-1:]

    def _get_message(self, cards, card):
        if not (self.search or "").strip() or card:
            return False
        if cards:
            return self.env._("Several units have this number: choose the unit.")
        known = self.env["aftersales.warranty.card"]._suggest_serials(self.search.strip())
        if known:
            return self.env._("There is no card of this number. Did you mean %s?", ", ".join(known))
        return self.env._("There is no card of this number: the repair would be charged.")

    def _get_card(self):
        """Return the card that the answer is about, with all rights, or none."""
        cards = self._find_cards()
        if self.product_id:
            cards = cards.filtered(lambda card: card.product_id == self.product_id)
        return self._choose_card(cards)

    @api.depends("search", "product_id", "part_id", "date", "hours", "claimant")
    def _compute_line_ids(self):
        for check in self:
            results = check._get_results(check._get_card())
            check.line_ids = [
                Command.clear(),
                *(Command.create(check._prepare_line_vals(*result)) for result in results),
            ]

    @api.depends("search", "product_id", "part_id", "quantity", "date", "hours", "claimant")
    @api.depends_context("lang")
    def _compute_result(self):
        for check in self:
            card = check._get_card()
            results = check._get_results(card)
            main = check._get_main_result(results)
            check.exchange_possible = any(e["verdict"] == "exchange" for _name, e in results)
            check.verdict = main.get("verdict", False)
            check.reason = main.get("reason", False)
            check.regulation_id = main.get("regulation", False)
            check._set_price(main, card)

    def _get_results(self, card):
        """Return what is covered, as pairs of the component's name and its entitlement.

        The part asked for comes alone; without one, every line that holds for the claimant, and
        every part that an earlier repair still covers (H8).
        """
        if not self.date or not (card or self.part_id):
            return []
        if self.part_id:
            entitlement = card._get_entitlements(
                self.part_id, self.date, self.hours, self.claimant
            )[self.part_id]
            return [(self.part_id.display_name, entitlement)]
        lines = [
            (terms.component, card._get_entitlement(terms, self.date, self.hours, self.claimant))
            for terms in card.coverage_ids
            if terms.claimant in (False, self.claimant)
        ]
        repaired = [
            (product.display_name, entitlement)
            for product, entitlement in card._get_entitlements(
                card._get_repaired_products(self.date), self.date, self.hours, self.claimant
            ).items()
            if entitlement["repair_part"]
        ]
        return lines + repaired

    def _get_main_result(self, results):
        """Return the entitlement shown in large: of the only line, or if all lines agree."""
        verdicts = {entitlement["verdict"] for _name, entitlement in results}
        return results[0][1] if len(results) == 1 or len(verdicts) == 1 else {}

    def _prepare_line_vals(self, name, entitlement):
        return {
            "name": name,
            "verdict": entitlement["verdict"],
            "reason": entitlement["reason"],
            "date_end": entitlement["date_end"],
            "hour_limit": entitlement["terms"].hour_limit,
            "regulation_id": entitlement["regulation"].id,
        }

    def _set_price(self, entitlement, card):
        """Set what the customer would pay for the part, as the sales order would charge it."""
        prices = {"part": 0.0, "fee": 0.0, "tax": 0.0, "total": 0.0}
        if self.part_id and entitlement.get("charged") and self.company_id in self.env.companies:
            prices = self.env["sale.order"]._aftersales_get_prices(
                self.company_id,
                card.partner_id,
                self.part_id,
                self.quantity,
                entitlement["repair_fee_rate"],
            )
        for name, amount in prices.items():
            self[f"price_{name}"] = amount

    def action_new_request(self):
        """Take a request on the card found."""
        self.ensure_one()
        if not self.card_id:
            raise UserError(self.env._("Find the warranty card first."))
        action = self.card_id.action_new_request()
        # what was asked about is what the technician is sent for
        asked = {"default_part_id": self.part_id.id, "default_hour_meter": self.hours}
        return {**action, "context": {**action["context"], **asked}}

    def action_assess(self):
        """Assess whether the unit is exchanged, by the questions of its policy (L1.2)."""
        self.ensure_one()
        if not self.card_id:
            raise UserError(self.env._("Find the warranty card first."))
        action = self.card_id.action_new_assessment()
        return {**action, "context": {**action["context"], "default_claimant": self.claimant}}

    def action_quote(self):
        """Write a quotation of the part and the repair fee for the customer (L1.1, H5)."""
        self.ensure_one()
        if not (self.part_id and self.card_id):
            raise UserError(
                self.env._("Find the warranty card and choose the part that is to be charged.")
            )
        entitlement = self.card_id._get_entitlements(
            self.part_id, self.date, self.hours, self.claimant
        )[self.part_id]
        if not entitlement["charged"]:
            raise UserError(self.env._("Nothing is to be charged: %s", entitlement["reason"]))
        order = self.env["sale.order"]._aftersales_charge(
            self.company_id,
            self.card_id.partner_id,
            [
                {
                    "product": self.part_id,
                    "quantity": self.quantity,
                    "repair_fee_rate": entitlement["repair_fee_rate"],
                }
            ],
            origin=self.card_id.name,
        )
        return order._get_action_open()
