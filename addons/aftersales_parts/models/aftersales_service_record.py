from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date, format_list


class AftersalesServiceRecord(models.Model):
    _name = "aftersales.service.record"
    _inherit = ["aftersales.service.record", "aftersales.supply.mixin"]

    used_part_ids = fields.One2many("aftersales.used.part", "record_id", "Used parts")
    used_part_count = fields.Integer(compute="_compute_used_part_count")
    settlement_line_count = fields.Integer(compute="_compute_settlement_line_count")
    maintenance_step_id = fields.Many2one(
        "aftersales.maintenance.step",
        "Mandatory maintenance",
        ondelete="restrict",
        index="btree_not_null",
        copy=False,
        help="Which of the mandatory services of a new machine was done on this visit. Each is "
        "paid once for a machine, within its warranty and with the hour meter read (M5). What is "
        "repaired on the way is a record of its own.",
    )

    _maintenance_once = models.UniqueIndex(
        "(card_id, maintenance_step_id) "
        "WHERE maintenance_step_id IS NOT NULL AND state <> 'cancelled'",
        "This mandatory maintenance of the machine is on another record already.",
    )

    def _compute_used_part_count(self):
        counts = dict(
            self.env["aftersales.used.part"]._read_group(
                [("record_id", "in", self.ids)], ["record_id"], ["__count"]
            )
        )
        for record in self:
            record.used_part_count = counts.get(record, 0)

    def _on_done(self):
        result = super()._on_done()
        self._book_sources()
        # sudo: tags and their stock moves follow from the valid record; technicians have no
        # rights on stock.
        self.env["aftersales.used.part"].sudo()._create_from_records(self.sudo())
        return result

    def action_view_used_parts(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_used_part")
        return {**action, "domain": [("record_id", "=", self.id)], "context": {}}

    def action_print_tags(self):
        """Print the tags of the parts that were taken off (M10.3).

        :raises UserError: there are none, because the records aren't valid or replaced nothing
        """
        return self.used_part_ids.action_print_tags()

    # --- mandatory maintenance (M5) ----------------------------------------------------------

    @api.model
    def _get_entered_fields(self):
        return [*super()._get_entered_fields(), "maintenance_step_id"]

    def write(self, vals):
        if vals.get("maintenance_step_id"):
            # first, because the check tells the number of another record
            self.check_access("write")
            self._check_maintenance_free(vals["maintenance_step_id"])
        return super().write(vals)

    def _check_maintenance_free(self, step_id):
        """Raise ValidationError if this maintenance of the machine is on another record (M5).

        It names that record; the index holds it against two at once.
        """
        for record in self.filtered("card_id"):
            # sudo: it may have been another center's; only the number of its record is told
            other = record.sudo().search(
                [
                    ("card_id", "=", record.card_id.id),
                    ("maintenance_step_id", "=", step_id),
                    ("state", "!=", "cancelled"),
                    ("id", "!=", record.id),
                ],
                limit=1,
            )
            if other and record.state != "cancelled":
                raise ValidationError(
                    self.env._(
                        "“%(step)s” of this machine is on %(record)s already. Each mandatory "
                        "maintenance is done and paid once (M5).",
                        step=other.maintenance_step_id.name,
                        record=other.name,
                    )
                )

    def _get_missing_maintenance(self):
        """Return what is missing for the mandatory maintenance, in words (M5)."""
        self.ensure_one()
        step, missing = self.maintenance_step_id, []
        if step and not self.card_id:
            missing.append(self.env._("Warranty card of the machine, for “%s” (M5)", step.name))
        if step and not self.hour_meter:
            missing.append(self.env._("Hour meter, for “%s” (M5)", step.name))
        return missing

    def action_cancel(self, reason=None):
        result = super().action_cancel(reason=reason)
        self.flush_recordset(["state"])  # the unique index counts live records only
        return result

    def _is_under_warranty(self):
        """Tell whether the warranty bears the visit: what was repaired, or else the machine (M9.1).

        A visit on which no part was fitted goes by the cover of the machine itself, as mandatory
        maintenance does.
        """
        self.ensure_one()
        card = self.card_id
        if self.responsibility == "customer" or not card:
            return False
        parts = self.part_ids.filtered("product_id")
        if parts and not self.maintenance_step_id:
            return any(part._is_covered() for part in parts)
        terms = card.coverage_ids._find_terms(card.product_id)
        return bool(card._find_coverage(terms, self._get_price_day(), self.hour_meter))

    def _get_visit_key(self):
        """Return what names one journey: center, customer and day, however many machines.

        Travel is paid once for it.
        """
        self.ensure_one()
        return f"{self.center_id.id}-{self.partner_id.id}-{self._get_price_day()}"

    def _get_price_moment(self):
        """Return the moment, naive UTC, whose prices hold: the arrival, or now before it (M8.1)."""
        self.ensure_one()
        return self.arrival or fields.Datetime.now()

    def _get_price_day(self):
        """Return the day of `_get_price_moment` in the company's time zone."""
        self.ensure_one()
        return self.company_id._aftersales_local(self._get_price_moment()).date()

    # --- where the parts fitted came from (L1.6, L3.3, M8.7) ---------------------------------

    def _get_missing(self):
        return super()._get_missing() + [
            *self._allocate_deposit()[1],
            *self._allocate_urgent()[1],
            *self._get_missing_urgent_sources(),
            *self._get_missing_maintenance(),
        ]

    def _get_preflight(self):
        items = super()._get_preflight()
        if parts := self._get_parts_from("deposit"):
            items.append(
                (
                    "note",
                    self.env._(
                        "From the parts on deposit, replaced old for new and not paid: %s (L3.3)",
                        format_list(self.env, parts.product_id.mapped("display_name")),
                    ),
                )
            )
        items += [("note", note) for note in self._get_deposit_notes()]
        lines, _missing = self._allocate_urgent()
        items += [
            (
                "note",
                self.env._(
                    "From urgent order %(order)s, without management fee: %(part)s (M8.7)",
                    order=line.order_id.name,
                    part=part.product_id.display_name,
                ),
            )
            for part, line in lines.items()
        ]
        return items + self._get_payment_preflight()

    @api.model
    def _get_missing_depends(self):
        names = ("purchase_price", "purchase_number", "purchase_photo")
        return [*super()._get_missing_depends(), *(f"part_ids.{name}" for name in names)]

    # --- what the settlement pays (M8, M9.1) -------------------------------------------------

    def _get_payment(self):
        """Return what settlements pay for the record as it stands, by the engine that lists ask.

        So that what the technician sees on site and what the list says can't disagree. Of a
        journey to several machines of one customer, the first record has the travel.

        :return: dict of ``parts`` (see `_assess_parts`), ``service`` (see `_assess_services`),
            ``fees`` (those of the service that are paid, if anything is) and ``amount_parts``
            and ``amount_service``, in the company's currency, VAT included
        """
        self.ensure_one()
        lines = self.env["aftersales.settlement.line"]
        parts = lines._assess_parts(self.part_ids.filtered("product_id"))
        (service,) = lines._assess_services(self).values()
        fees = list(service["fees"]) if service["is_payable"] else []
        if self._find_journey_payer():
            fees = [fee for fee in fees if fee["kind"] != "travel"]
        return {
            "parts": parts,
            "service": service,
            "fees": fees,
            "amount_parts": sum(
                assessment["amount_claimed"] * assessment["quantity"]
                for assessment in parts.values()
                if assessment["is_payable"]
            ),
            "amount_service": sum(fee["amount"] for fee in fees),
        }

    def _find_journey_payer(self):
        """Return the other record of the same journey with which the travel is paid, or none.

        The one that a list holds already, or else the first valid one that travel is paid for.
        """
        self.ensure_one()
        own = self._origin
        lines = self.env["aftersales.settlement.line"]
        # sudo: a colleague's record of the same day counts; only its number is told
        line = lines.sudo().search(
            [("kind", "=", "travel"), ("visit_key", "=", self._get_visit_key())], limit=1
        )
        if line:
            return line.record_id - own
        others = self.sudo().search(
            [
                ("company_id", "=", self.company_id.id),
                ("center_id", "=", self.center_id.id),
                ("partner_id", "=", self.partner_id.id),
                ("service_date", "=", self._get_price_day()),
                ("state", "=", "done"),
                ("id", "<", own.id),
            ],
            order="id",
        )
        paid = lines._assess_services(others)
        return others.filtered(
            lambda other: paid[other]["is_payable"]
            and any(fee["kind"] == "travel" for fee in paid[other]["fees"])
        )[:1]

    def _get_payment_preflight(self):
        """Return what the settlement pays for each part and service, and until when (M8.9)."""
        self.ensure_one()
        payment = self._get_payment()
        items = [
            item
            for part, assessment in payment["parts"].items()
            for item in self._get_part_preflight(part, assessment)
        ]
        service = payment["service"]
        if service["fees"]:
            items += [("note", sentence) for sentence in service["obstacles"]]
        items += [("pass", self._format_fee(fee)) for fee in payment["fees"]]
        if service["is_payable"] and len(payment["fees"]) < len(service["fees"]):
            items.append(
                (
                    "note",
                    self.env._(
                        "Travel to this customer on this day is paid with %s",
                        self._find_journey_payer().name,
                    ),
                )
            )
        if not payment["amount_parts"] and not payment["amount_service"]:
            return items
        currency = self.company_id.currency_id
        items.append(
            (
                "pass",
                self.env._(
                    "The settlement pays %(total)s: %(parts)s for parts, when the used ones have "
                    "come back and are accepted (M8.4), and %(service)s for service",
                    total=currency.format(payment["amount_parts"] + payment["amount_service"]),
                    parts=currency.format(payment["amount_parts"]),
                    service=currency.format(payment["amount_service"]),
                ),
            )
        )
        return items + (self._get_filing_preflight() if payment["amount_parts"] else [])

    @api.model
    def _get_part_preflight(self, part, assessment):
        """Return what the settlement says of a part before the technician leaves."""
        currency = part.company_id.currency_id
        pieces = assessment["quantity"]
        if not assessment["is_payable"]:
            result = "note" if assessment["is_listable"] else "fail"
            return [(result, sentence) for sentence in assessment["obstacles"]]
        values = {
            "part": part.product_id.display_name,
            "pieces": pieces,
            "base": currency.format(assessment["amount_base"]),
            "fee": currency.format(assessment["amount_fee"]),
            "rate": f"{assessment['fee_rate']:g}",
            "each": currency.format(assessment["amount_claimed"]),
            "all": currency.format(assessment["amount_claimed"] * pieces),
            "excess": currency.format(assessment["amount_excess"]),
        }
        items = [
            (
                "pass",
                self.env._(
                    "“%(part)s”: %(base)s + %(fee)s fee (%(rate)s %%) = %(each)s × %(pieces)s = "
                    "%(all)s (M8.1, M8.2)",
                    **values,
                ),
            )
        ]
        if assessment["amount_excess"]:
            items.append(
                (
                    "note",
                    self.env._(
                        "“%(part)s”: dearer than the settlement price, the center bears %(excess)s "
                        "each (M8.8)",
                        **values,
                    ),
                )
            )
        return items

    @api.model
    def _format_fee(self, fee):
        """Return one service fee in words, for the technician."""
        lines = self.env["aftersales.settlement.line"]
        kinds = dict(lines._fields["kind"]._description_selection(self.env))
        units = dict(lines._fields["unit"]._description_selection(self.env))
        currency = fee["rate"].terms_id.currency_id
        return self.env._(
            "%(kind)s: %(quantity)s %(unit)s × %(price)s = %(amount)s (M9.1)",
            kind=kinds[fee["kind"]],
            quantity=f"{fee['quantity']:g}",
            unit=units[fee["unit"]],
            price=currency.format(fee["price_unit"]),
            amount=currency.format(fee["amount"]),
        )

    def _get_filing_preflight(self):
        """Return how long the list of the month may still be filed (M8.3, M8.9)."""
        self.ensure_one()
        company, month = self.company_id, self._get_price_day().replace(day=1)
        # sudo: until when a list is filed is told to everybody
        terms = self.env["aftersales.settlement.terms"].sudo()
        if not terms._get_terms_by_day(company, [month])[month]:
            return []
        filing = self.env["aftersales.settlement"].sudo()._get_filing_day(company, month)
        today = company._aftersales_local(fields.Datetime.now()).date()
        day = company._aftersales_local(filing).date()
        left = (day - today).days
        if left < 0:
            late = self.env._(
                "The list of this month had to be filed until %s: what is claimed later is "
                "forfeited (M8.9)",
                format_date(self.env, day),
            )
            return [("fail", late)]
        in_time = self.env._(
            "Forfeited unless it is filed until %(date)s: %(days)s days left (M8.9)",
            date=format_date(self.env, day),
            days=left,
        )
        return [("note", in_time)]

    # --- settled by (both ways) --------------------------------------------------------------

    @api.depends_context("uid")
    def _compute_settlement_line_count(self):
        # by the user's own rights: whoever doesn't see settlements isn't told either
        counts = dict(
            self.env["aftersales.settlement.line"]._read_group(
                [("record_id", "in", self.ids)], ["record_id"], ["__count"]
            )
        )
        for record in self:
            record.settlement_line_count = counts.get(record, 0)

    def action_view_settlement_lines(self):
        """Open what settlements pay for the record."""
        self.ensure_one()
        lines = self.env["aftersales.settlement.line"]
        return lines._get_action_explain([("record_id", "=", self.id)])

    def _get_parts_from(self, source):
        self.ensure_one()
        return self.part_ids.filtered(lambda part: part.source == source and part.product_id)

    def _book_sources(self):
        """Take what was fitted out of the deposits and off the urgent orders it came from.

        :raises UserError: it is no longer there, or somebody else takes it this very moment
        """
        for record in self:
            if not (record._get_parts_from("deposit") or record._get_parts_from("urgent")):
                continue
            # one after the other, so that a part is taken once
            record.center_id._lock_aftersales_stock_account()
            taken, missing = record._allocate_deposit()
            lines, unordered = record._allocate_urgent()
            if missing or unordered:
                raise UserError(
                    self.env._(
                        "%(record)s can't become valid as it is:\n%(missing)s\nIf another record "
                        "took the parts meanwhile, say where they really came from and let the "
                        "customer sign again; or supply them first.",
                        record=record.name,
                        missing="\n".join(f"• {label}" for label in (*missing, *unordered)),
                    )
                )
            if taken:
                record._move_from_deposit(taken)
            for part, line in lines.items():
                part._write_protected({"urgent_line_id": line.id})

    # --- parts on deposit (L1.6, L3.3) -----------------------------------------------------

    def _allocate_deposit(self):
        """Return what the parts on deposit are taken from, and what is missing, in words.

        :return: dict of part of the record → {quant: quantity}; list of sentences
        """
        self.ensure_one()
        taken, missing = {}, []
        parts = self._get_parts_from("deposit")
        quants = self._get_deposit_quants(parts.product_id)
        rest = {quant: quant.quantity for quant in quants}
        for product, lines in parts.grouped("product_id").items():
            there = quants.filtered(lambda quant, p=product: quant.product_id == p._origin)
            if product.tracking == "serial":
                for line in lines:
                    fitted = there.filtered(lambda q, s=line.serial_fitted: q.lot_id.name == s)
                    taken[line] = self._take(line.quantity, fitted, rest)
                    missing += line._get_missing_deposit_serial(taken[line], there)
                continue
            needed, stock = sum(lines.mapped("quantity")), sum(there.mapped("quantity"))
            if needed > stock:
                missing.append(
                    self.env._(
                        "“%(part)s”: %(needed)s needed, %(there)s among the parts on deposit",
                        part=product.display_name,
                        needed=needed,
                        there=f"{max(stock, 0):g}",
                    )
                )
            taken |= {line: self._take(line.quantity, there, rest) for line in lines}
        return taken, missing

    def _get_deposit_notes(self):
        """Return which parts said to be from stock the center has on deposit, in words (L3.3)."""
        self.ensure_one()
        products = self._get_parts_from("stock").product_id._origin
        quants = self._get_deposit_quants(products)
        declared = self._get_parts_from("deposit")
        notes = []
        for product in products:
            there = sum(quants.filtered(lambda q, p=product: q.product_id == p).mapped("quantity"))
            said = declared.filtered(lambda part, p=product: part.product_id._origin == p)
            rest = there - sum(said.mapped("quantity"))
            if rest > 0:
                notes.append(
                    self.env._(
                        "“%(part)s” is said to be from stock, and %(quantity)s of it are on "
                        "deposit: if one of these was fitted, choose “Parts on deposit” (L3.3)",
                        part=product.display_name,
                        quantity=f"{rest:g}",
                    )
                )
        return notes

    def _get_deposit_quants(self, products):
        """Return what the center keeps of ``products`` on deposit, first in first."""
        # sudo: technicians have no rights on stock; only what is there is told
        quants = self.env["stock.quant"].sudo()
        location = self.sudo().center_id._find_deposit_location(self.company_id)
        if not products or not location:
            return quants
        return quants.search(
            [("location_id", "child_of", location.id), ("product_id", "in", products._origin.ids)],
            order="in_date, id",
        )

    def _move_from_deposit(self, taken):
        """Move the parts ``taken`` to the customer, whose machine they are in now."""
        self.ensure_one()
        # sudo: technicians don't see the customer's property and have no rights on stock
        record = self.sudo()
        customer = record.partner_id.with_company(record.company_id)
        return self._supply(
            customer,
            record.center_id._find_deposit_location(record.company_id),
            customer.property_stock_customer,
            [(part.product_id, quants) for part, quants in taken.items()],
            aftersales_record_id=self.id,
        )

    # --- urgent orders (M8.7) ----------------------------------------------------------------

    def _get_urgent_rest(self, products, arrived=False):
        """Return {line of an urgent order: its pieces that were not fitted yet}.

        :param bool arrived: only what must have been at hand: ordered for this very request,
            whenever that was, or ordered and delivered to the center before the technician left
        """
        self.ensure_one()
        lines = self.env["sale.order.line"]._aftersales_find_urgent(self, products._origin)
        used = lines._aftersales_get_urgent_used()
        request = self.request_id._origin
        departure = self.departure or fields.Datetime.now()
        rest = {}
        for line in lines:
            order = line.order_id
            if not arrived or order.aftersales_urgent_request_id == request:
                pieces = line._aftersales_get_expected()
            elif order.date_order <= departure:
                pieces = line._aftersales_get_delivered(departure)
            else:
                continue
            rest[line] = pieces - used.get(line, 0)
        return rest

    def _allocate_urgent(self):
        """Return which urgent order brought which part, and what is missing, in words (M8.7).

        :return: dict of part of the record → order line; list of sentences
        """
        self.ensure_one()
        found, missing = {}, []
        parts = self._get_parts_from("urgent")
        rest = self._get_urgent_rest(parts.product_id)
        for part in parts:
            product = part.product_id
            left = {line: rest[line] for line in rest if line.product_id == product._origin}
            line = next((line for line in left if left[line] >= part.quantity), None)
            if line:
                found[part] = line
                rest[line] -= part.quantity
            elif any(pieces > 0 for pieces in left.values()):
                missing.append(
                    self.env._(
                        "“%(part)s”: one line for each urgent order. Not fitted yet: %(orders)s "
                        "(M8.7)",
                        part=product.display_name,
                        orders=format_list(
                            self.env,
                            [
                                f"{line.order_id.name} × {pieces:g}"
                                for line, pieces in left.items()
                                if pieces > 0
                            ],
                        ),
                    )
                )
            else:
                missing.append(
                    self.env._(
                        "“%(part)s”: an urgent service order of %(center)s that it came with and "
                        "that is not used up (M8.7)",
                        part=product.display_name,
                        center=self.sudo().center_id.name,
                    )
                )
        return found, missing

    def _get_missing_urgent_sources(self):
        """Return the parts said to be from stock that came with an urgent order, in words (M8.7).

        Until its pieces are used, what is fitted of its part counts as them: nobody earns the fee
        on parts that were sent urgently.
        """
        self.ensure_one()
        products = self._get_parts_from("stock").product_id
        rest = self._get_urgent_rest(products, arrived=True)
        for part, line in self._allocate_urgent()[0].items() if rest else ():
            if line in rest:
                rest[line] -= part.quantity
        return [
            self.env._(
                "“%(part)s”: %(quantity)s of it came with urgent order %(order)s. List them on a "
                "line of their own with the source “Urgent order” (M8.7)",
                part=line.product_id.display_name,
                quantity=f"{pieces:g}",
                order=line.order_id.name,
            )
            for line, pieces in rest.items()
            if pieces > 0
        ]
