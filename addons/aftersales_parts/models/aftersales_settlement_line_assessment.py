from odoo import api, models
from odoo.tools.misc import format_date


class AftersalesSettlementLine(models.Model):
    """What a part is worth to a settlement, and why: the one place that computes it (M8)."""

    _inherit = "aftersales.settlement.line"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _assess_parts(self, parts):
        """Return what a settlement pays for each of ``parts``, and what stands against it.

        The one engine: lists, radar, claims and the pre-flight of the service record all ask it,
        so that they can't disagree. Nothing is written; parts that aren't saved yet are assessed
        as they stand on the form. The number of queries doesn't grow with the parts.

        Money is that of one piece, in the company's currency, VAT included. An assessment has:

        - ``price``, ``item``: wholesale price on the day of service and its rule (M8.1)
        - ``price_date``: that day, in the company's time zone
        - ``terms``: the settlement terms in force on that day, or none
        - ``fee_rate``, ``fee_reason``: the management fee in percent and why (M8.2, M8.7)
        - ``amount_paid_outside``: what was paid for a part bought outside, else 0 (M8.8)
        - ``amount_excess``: what of it the center bears
        - ``amount_base``, ``amount_fee``, ``amount_claimed``: what is claimed
        - ``quantity``: the pieces that can be claimed, those swapped left out
        - ``obstacles``: sentences why nothing is paid as things stand
        - ``is_listable``: whether it can stand on a list at all: it has a price, terms and, if it
          was bought outside, consent and proof. What isn't covered is listed, and pays nothing.
        - ``is_held_up``: whether it can't for want of price, terms or consent, which are not the
          center's to give
        - ``is_payable``: whether nothing stands against it; the used part is yet to be accepted

        :param parts: lines of service records (`aftersales.service.record.part`) with a product
        :return: dict of assessments by part
        """
        assessments = {}
        # sudo: prices, terms and the customer's card decide, whoever asks; only what one piece
        # pays is told, and the parts were reached by the user's own rights
        for company, own in parts.sudo().grouped("company_id").items():
            moments = {part: part.record_id._get_price_moment() for part in own}
            days = {part: part.record_id._get_price_day() for part in own}
            terms = self.env["aftersales.settlement.terms"].sudo()
            terms = terms._get_terms_by_day(company, set(days.values()))
            prices = self._get_part_prices(company, moments)
            consents = own.record_id._get_outside_consents()
            for part in own:
                assessments[part] = self._assess_part(
                    part,
                    days[part],
                    terms[days[part]],
                    *prices.get(part, (0, self.env["product.pricelist.item"])),
                    consents,
                )
        return {part: assessments[part] for part in parts}

    @api.model
    def _get_part_prices(self, company, moments):
        """Return {part: (price, rule)} of the parts that have a wholesale price (M8.1).

        :param dict moments: moment of service, naive UTC, by part
        """
        if not company.aftersales_pricelist_id:
            return {}
        products = {}
        for part, moment in moments.items():
            products[moment] = products.get(moment, part.product_id.browse()) | (
                part.product_id._origin
            )
        found = company._aftersales_get_prices_by_moment(products)
        keys = {part: (part.product_id._origin, moment) for part, moment in moments.items()}
        return {part: found[key] for part, key in keys.items() if key in found}

    @api.model
    def _assess_part(self, part, day, terms, price, item, consents):
        """Return the assessment of one part; see `_assess_parts`."""
        currency = part.company_id.currency_id
        is_outside = part.source == "outside"
        paid = part.purchase_price if is_outside else 0
        base = min(paid, currency.round(price * terms.outside_cap / 100)) if is_outside else price
        rate, reason = self._get_fee(part, terms)
        fee = currency.round(base * rate / 100)
        swapped = len(part.used_part_ids.filtered("swap_line_id"))
        held_up = self._get_part_blocks(part, day, terms, price, consents)
        blocking = held_up + self._get_proof_blocks(part)
        obstacles = list(blocking)
        if part.source == "deposit" or swapped == part.quantity:
            obstacles.append(
                self.env._(
                    "“%s” is replaced old for new, so that no settlement pays it (L1.6, L3.3)",
                    part.product_id.display_name,
                )
            )
        if not part._is_covered():
            obstacles.append(
                self.env._(
                    "“%s” isn't borne by the warranty: the customer pays for it (E6, M3.2)",
                    part.product_id.display_name,
                )
            )
        return {
            "price": price,
            "item": item,
            "price_date": day,
            "terms": terms,
            "fee_rate": rate,
            "fee_reason": reason,
            "amount_paid_outside": paid,
            "amount_excess": currency.round(paid - base) if is_outside else 0,
            "amount_base": base,
            "amount_fee": fee,
            "amount_claimed": currency.round(base + fee),
            "quantity": 0 if part.source == "deposit" else part.quantity - swapped,
            "obstacles": obstacles,
            "is_listable": not blocking,
            "is_held_up": bool(held_up),
            "is_payable": not obstacles,
        }

    @api.model
    def _get_part_blocks(self, part, day, terms, price, consents):
        """Return what the center can't put right, and because of which ``part`` isn't listed."""
        name = part.product_id.display_name
        blocks = []
        if not price and not part.company_id.aftersales_pricelist_id:
            blocks.append(
                self.env._(
                    "No wholesale price list is chosen under Settings ▸ Invoicing ▸ After-sales "
                    "(M8.1)"
                )
            )
        elif not price:
            blocks.append(
                self.env._(
                    "“%(part)s” has no wholesale price on %(date)s, so that it can't be claimed: "
                    "add it to the price list of the year (M8.1)",
                    part=name,
                    date=format_date(self.env, day),
                )
            )
        if not terms:
            blocks.append(self.env["aftersales.settlement.terms"]._get_missing_message(day))
        key = (part.record_id.request_id._origin, part.product_id._origin)
        if part.source == "outside" and key not in consents:
            blocks.append(
                self.env._(
                    "“%s” was bought outside without written consent of customer service (M8.8)",
                    name,
                )
            )
        return blocks

    @api.model
    def _get_proof_blocks(self, part):
        """Return what the center has yet to enter before ``part`` can stand on a list (M8.8)."""
        has_proof = part.purchase_price and (part.purchase_number or part.purchase_photo)
        if part.source != "outside" or has_proof:
            return []
        return [
            self.env._(
                "“%s” was bought outside: enter what was paid, and number or photo of the "
                "supplier's invoice (M8.8)",
                part.product_id.display_name,
            )
        ]

    @api.model
    def _get_fee(self, part, terms):
        """Return the rate of the management fee for ``part`` and why (M8.2, M8.7, M8.8)."""
        if part.source == "outside":
            return 0, "outside"
        if part.source == "urgent" and not terms.urgent_fee:
            return 0, "urgent"
        if not part.product_id.is_dedicated_part:
            return 0, "not_dedicated"
        if part.product_id.part_class_id in terms.excluded_class_ids:
            return 0, "assembly"
        return terms.fee_rate, "dedicated"

    @api.model
    def _prepare_vals(self, settlement, tag, assessment):
        """Return the values of the line for ``tag``, every figure of its assessment kept.

        :param tag: the used part (`aftersales.used.part`)
        :param dict assessment: that of ``tag.record_part_id``, see `_assess_parts`
        """
        terms = assessment["terms"]
        return {
            "settlement_id": settlement.id,
            "kind": "part",
            "used_part_id": tag.id,
            "tag": tag.name,
            "record_id": tag.record_id.id,
            "product_id": tag.product_id.id,
            "terms_id": terms.id,
            "price_item_id": assessment["item"].id,
            "pricelist_name": assessment["item"].pricelist_id.name,
            "price_date": assessment["price_date"],
            "quantity": 1,
            "unit": "piece",
            "price_unit": assessment["price"],
            "outside_cap": terms.outside_cap,
            "amount_paid_outside": assessment["amount_paid_outside"],
            "fee_rate": assessment["fee_rate"],
            "fee_reason": assessment["fee_reason"],
            "amount_base": assessment["amount_base"],
            "amount_fee": assessment["amount_fee"],
            "amount_claimed": assessment["amount_claimed"],
        }

    @api.model
    def _get_claims(self, tags):
        """Return {id of a tag: what a settlement claims for it, or would claim} (M8.1)."""
        lines = self.search(
            [
                ("kind", "=", "part"),
                ("used_part_id", "in", tags.ids),
                ("settlement_id.state", "!=", "cancelled"),
            ]
        )
        claims = {line.used_part_id.id: line.amount_claimed for line in lines}
        rest = tags.filtered(lambda tag: tag.id not in claims and tag._is_claimable())
        assessments = self._assess_parts(rest.record_part_id)
        for tag in rest:
            assessment = assessments[tag.record_part_id]
            if assessment["is_listable"]:
                claims[tag.id] = assessment["amount_claimed"]
        return claims
