from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AftersalesServiceRecord(models.Model):
    _name = "aftersales.service.record"
    _inherit = ["aftersales.service.record", "aftersales.supply.mixin"]

    used_part_ids = fields.One2many("aftersales.used.part", "record_id", "Used parts")
    used_part_count = fields.Integer(compute="_compute_used_part_count")

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
        return items

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
