from datetime import timedelta

from odoo import api, models
from odoo.tools import format_date

VERDICTS = [
    ("covered", "Covered"),
    ("exchange", "Exchange"),
    ("chargeable", "Chargeable"),
    ("refuse", "Not accepted"),
]


class AftersalesEntitlementMixin(models.AbstractModel):
    """Answers whether a claim is covered, by what, and what holds if it isn't (L1.1, E6, H8)."""

    _name = "aftersales.entitlement.mixin"
    _description = "Entitlement"

    def _get_entitlements(self, products, date, hours=0.0, claimant="consumer"):
        """Return the entitlement of each of ``products`` as a part of the card's unit.

        Without a card everything is chargeable. An entitlement is a dict:

        - ``verdict``: covered, exchange (subject to its assessment), chargeable or refuse
        - ``reason``: the same in a sentence for the user
        - ``regulation``: the article it rests on
        - ``terms``: the line of cover that was looked at, or none
        - ``coverage``: that line if it covers the claim
        - ``repair_part``: the part fitted by an earlier repair that is still under its own
          warranty, if that is what covers the claim (H8)
        - ``charged``: whether the part is charged
        - ``repair_fee_rate``: the fee on top, in percent of the part's price
        - ``date_end``: last day that is covered, or False

        :param date: day of the fault, in the company's time zone
        :param float hours: the hour meter on that day; 0 if it isn't known
        :param str claimant: consumer or dealer
        :return: entitlements by product
        """
        repaired = self._get_repaired_parts(date, products)
        return {
            product: self._get_entitlement(
                self.coverage_ids._find_terms(product, claimant),
                date,
                hours,
                claimant,
                repaired.get(product),
            )
            for product in products
        }

    def _get_service_entitlements(self, products, date, hours=0.0, caused_by_customer=False):
        """Return the entitlements of ``products`` in a service; see `_get_entitlements`.

        What the customer caused is charged, whatever the card covers (M3.2).
        """
        entitlements = self._get_entitlements(products, date, hours)
        if caused_by_customer:
            reason = self.env._("The customer caused the damage.")
            entitlements = {
                product: {
                    **self._prepare_uncovered_entitlement(
                        entitlement["terms"], reason, False, "M3.2"
                    ),
                    "coverage": entitlement["coverage"],
                }
                for product, entitlement in entitlements.items()
            }
        return entitlements

    @api.model
    def _get_charge_rate(self, product, entitlement):
        """Return the repair fee in percent if ``product`` is charged in a service, else None.

        A claim that is refused isn't free: what is done all the same, the customer pays. The fee
        is a share of the price of parts; work is free where the terms charge the parts only (R2).
        """
        terms = entitlement["terms"]
        if not entitlement["charged"] and entitlement["verdict"] != "refuse":
            return None
        if product.type == "service":
            return None if terms.after_expiry == "parts" else 0.0
        if entitlement["charged"]:
            return entitlement["repair_fee_rate"]
        return terms.repair_fee_rate if terms else self.env.company.aftersales_repair_fee_rate

    def _get_repaired_parts(self, date, products=None):
        """Return the parts fitted by an earlier repair whose own warranty holds on ``date`` (H8).

        :param products: the parts asked for; default all
        :return: the latest one by product
        """
        if not self or not self._is_valid_on(date):
            return {}
        company = self.company_id
        days = timedelta(days=company.aftersales_repair_warranty_days)
        # sudo: who checks a claim needn't see the earlier repair; only its number and day are told
        parts = (
            self.env["aftersales.service.record.part"]
            .sudo()
            .search(
                [
                    ("record_id.card_id", "=", self.id),
                    ("record_id.state", "=", "done"),
                    ("record_id.service_date", "<", date),
                    ("record_id.service_date", ">=", date - days),
                    *([] if products is None else [("product_id", "in", products.ids)]),
                ]
            )
        )
        parts = parts.sorted(lambda part: part.record_id.service_date)
        return {part.product_id: part for part in parts}

    def _get_repaired_products(self, date):
        """Return the kinds of parts that an earlier repair still covers on ``date`` (H8)."""
        return self.env["product.product"].union(*self._get_repaired_parts(date))

    def _get_entitlement(self, terms, date, hours, claimant, repair_part=None):
        """Return the entitlement by one line of cover; see `_get_entitlements`."""
        covered = self._find_coverage(terms, date, hours, claimant)
        hours = self._get_operating_hours(hours, date)
        if covered:
            return self._prepare_entitlement(
                terms,
                verdict="exchange" if terms.kind == "exchange" else "covered",
                reason=self._get_covered_reason(terms, hours),
                coverage=terms,
                date_end=terms.date_end,
            )
        if repair_part:
            return self._prepare_repaired_entitlement(terms, repair_part)
        obstacle = self._get_entitlement_obstacle(terms, date, claimant)
        least = hours or self._get_known_hours(date)
        reason, refused, code = obstacle or self._get_uncovered_reason(terms, date, least)
        return self._prepare_uncovered_entitlement(terms, reason, refused, code)

    def _find_coverage(self, terms, date, hours=0.0, claimant="consumer"):
        """Return ``terms`` if this line of cover bears a fault, or none.

        No query per card when many are asked one after the other, unlike the full answer of
        `_get_entitlements`, which looks for earlier repairs, too.

        :param date: day of the fault, in the company's time zone
        :param float hours: the hour meter on that day; 0 if it isn't known
        """
        if not terms or self._get_entitlement_obstacle(terms, date, claimant):
            return terms.browse()
        least = self._get_operating_hours(hours, date) or self._get_known_hours(date)
        return terms if terms._covers(date, least) else terms.browse()

    def _get_entitlement_obstacle(self, terms, date, claimant):
        """Return why the card itself gives no cover, as (reason, refused, article), or None."""
        if not self:
            return self.env._("There is no warranty card."), False, "E6"
        if not self._is_valid_on(date):
            state = dict(self._fields["state"]._description_selection(self.env))[self.state]
            return (
                self.env._(
                    "The warranty card %(card)s isn't valid: %(state)s.",
                    card=self.name,
                    state=state,
                ),
                False,
                "E6",
            )
        # the code printed on the product is what a dealer proves the day by
        by_code = terms.start_basis == "manufacture" and terms.date_start
        if self.policy_id.sudo().proof_required and not self.has_proof and not by_code:
            return (
                self.env._(
                    "There is no proof of purchase. Add the customer's receipt or invoice to the "
                    "card."
                ),
                terms.kind == "exchange",
                "L2.2",
            )
        return None

    def _get_covered_reason(self, terms, hours):
        values = {
            "component": terms.component,
            "date": format_date(self.env, terms.date_end),
            "limit": f"{terms.hour_limit:g}",
        }
        if terms.hour_limit and not hours:
            return self.env._(
                "“%(component)s” is covered until %(date)s, up to %(limit)s h: read the hour "
                "meter.",
                **values,
            )
        if terms.hour_limit:
            return self.env._(
                "“%(component)s” is covered until %(date)s, up to %(limit)s h.", **values
            )
        if terms.kind == "exchange":
            return self.env._(
                "“%(component)s” is exchanged until %(date)s, if the assessment says so.", **values
            )
        return self.env._("“%(component)s” is covered until %(date)s.", **values)

    def _get_uncovered_reason(self, terms, date, hours):
        """Return why ``terms`` don't cover the claim, as (reason, refused, article or None)."""
        if not terms:
            return self.env._("The warranty doesn't cover this part."), False, "E6"
        values = {
            "component": terms.component,
            "start": format_date(self.env, terms.date_start) if terms.date_start else "",
            "end": format_date(self.env, terms.date_end) if terms.date_end else "",
            "limit": f"{terms.hour_limit:g}",
            "hours": f"{hours:g}",
        }
        if terms.kind == "none":
            return self.env._("“%(component)s” has no warranty.", **values), False, None
        if not terms.date_start:
            return (
                self.env._(
                    "The warranty of “%(component)s” runs from a day that isn't on the card yet. "
                    "Enter it, as printed on the product.",
                    **values,
                ),
                True,
                None,
            )
        if date < terms.date_start:
            return (
                self.env._(
                    "The warranty of “%(component)s” begins on %(start)s: check the day of the "
                    "fault.",
                    **values,
                ),
                True,
                None,
            )
        if date > terms.date_end:
            return (
                self.env._("The warranty of “%(component)s” ended on %(end)s.", **values),
                False,
                None,
            )
        return (
            self.env._(
                "The warranty of “%(component)s” ended at %(limit)s h; the meter shows "
                "%(hours)s h.",
                **values,
            ),
            False,
            None,
        )

    def _prepare_repaired_entitlement(self, terms, repair_part):
        record = repair_part.record_id
        until = record.service_date + timedelta(
            days=self.company_id.aftersales_repair_warranty_days
        )
        return self._prepare_entitlement(
            terms,
            verdict="covered",
            reason=self.env._(
                "Fitted on %(date)s by %(record)s: the part has its own warranty until %(until)s.",
                date=format_date(self.env, record.service_date),
                record=record.name,
                until=format_date(self.env, until),
            ),
            regulation=self._get_article("H8"),
            repair_part=repair_part,
            date_end=until,
        )

    def _prepare_uncovered_entitlement(self, terms, reason, refused, code):
        """Return what holds outside of the cover, as the terms say."""
        after = terms.after_expiry or "fee"
        rate = terms.repair_fee_rate if terms else self.env.company.aftersales_repair_fee_rate
        vals = {"verdict": "chargeable", "charged": True}
        if refused or after == "refuse":
            vals = {"verdict": "refuse"}
            consequence = self.env._("The claim is refused.")
        elif after == "free":
            vals = {"verdict": "covered"}
            consequence = self.env._("It is free of charge all the same.")
        elif after == "parts" or not rate:
            consequence = self.env._("The part is charged, the work is free.")
        else:
            vals["repair_fee_rate"] = rate
            consequence = self.env._(
                "The part is charged, with a repair fee of %s %% of its price.", f"{rate:g}"
            )
        return self._prepare_entitlement(
            terms,
            reason=self.env._("%(reason)s %(consequence)s", reason=reason, consequence=consequence),
            regulation=self._get_article(code) if code else None,
            date_end=terms.date_end,
            **vals,
        )

    def _prepare_entitlement(self, terms, **vals):
        return {
            "terms": terms,
            "coverage": terms.browse(),
            "repair_part": self.env["aftersales.service.record.part"],
            "charged": False,
            "repair_fee_rate": 0.0,
            **vals,
            "regulation": vals.get("regulation") or terms.regulation_id or self._get_article("E6"),
        }

    def action_check_entitlement(self):
        """Open the screen on which a claim is checked, with this card found."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_entitlement"
        )
        return {**action, "context": {"default_search": self.name}}

    @api.model
    def _get_article(self, code):
        """Return the article ``code`` as shipped, or none if it was deleted."""
        xmlid = f"aftersales_service.regulation_{code.replace('.', '_')}"
        # not `env.ref`, which asks the database each time whether the record still exists
        article = self.env["ir.model.data"]._xmlid_to_res_id(xmlid, raise_if_not_found=False)
        return self.env["aftersales.regulation"].browse(article or [])
