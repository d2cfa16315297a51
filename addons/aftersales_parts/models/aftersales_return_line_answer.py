from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import format_list
from odoo.tools.misc import format_date


class AftersalesReturnLine(models.Model):
    """What follows for a line of a return: exchange, credit, settlement, back, scrap (L2.9)."""

    _inherit = "aftersales.return.line"

    month = fields.Date(related="return_id.month", store=True)
    outcome = fields.Selection(
        [
            ("settlement", "Settlement"),
            ("replaced", "Replaced in kind"),
            ("uncovered", "Not under warranty"),
            ("exchange", "Exchange"),
            ("credit", "Credit note"),
        ],
        "For accepted",
        copy=False,
        help="What follows for what was accepted: used parts are paid by the month's settlement, "
        "but for those whose new part the company supplied (L3.3), and those that the warranty "
        "doesn't bear (M8.4); goods are exchanged, or credited to the sender (L2.9).",
    )
    outcome_refused = fields.Selection(
        [
            ("return", "Back to the sender"),
            ("scrap", "Scrap"),
            ("keep", "Stays at the factory"),
        ],
        "For refused",
        copy=False,
        help="What follows for what was refused. Only used parts can stay at the factory: they "
        "belong to the manufacturer (M10.1).",
    )
    scrap_agreement = fields.Char(
        "Agreed by the sender",
        copy=False,
        help="Who of the sender agreed that the refused goods are scrapped, when and how. They "
        "are the sender's.",
    )
    excess_reason = fields.Char(
        "Why more than shipped",
        copy=False,
        help="Why more goods are exchanged or credited than the sender announced and shipped.",
    )
    date_answered = fields.Datetime("Answered on", readonly=True, copy=False)
    exchange_move_id = fields.Many2one(
        "stock.move", "Exchange delivery", readonly=True, copy=False, index="btree_not_null"
    )
    back_move_id = fields.Many2one(
        "stock.move", "Way back", readonly=True, copy=False, index="btree_not_null"
    )
    credit_line_ids = fields.One2many(
        "account.move.line",
        "aftersales_return_line_id",
        "Lines of credit notes",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    follow_up = fields.Char(
        "Followed by",
        compute="_compute_follow_up",
        compute_sudo=True,
        help="Delivery, credit note and transfer by which the return was answered.",
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "date_answered",
            "exchange_move_id",
            "back_move_id",
        }

    @api.model
    def _get_outcome_fields(self):
        """Return the names of the fields that customer service decides by."""
        return {"outcome", "outcome_refused", "scrap_agreement", "excess_reason"}

    @api.constrains("outcome", "outcome_refused", "used_part_id")
    def _check_outcome(self):
        for line in self:
            if line.used_part_id:
                line._check_part_outcome()
            elif line.outcome not in ("exchange", "credit", False) or (
                line.outcome_refused == "keep"
            ):
                raise ValidationError(
                    self.env._(
                        "“%s” is no used part: it is exchanged or credited, and what is refused "
                        "goes back or is scrapped.",
                        line.display_name,
                    )
                )

    def _check_part_outcome(self):
        if self.outcome not in (self._get_part_outcome(), False):
            raise ValidationError(
                self.env._(
                    "%(tag)s is a used part: what follows is “%(outcome)s”.",
                    tag=self.display_name,
                    outcome=dict(self._fields["outcome"]._description_selection(self.env))[
                        self._get_part_outcome()
                    ],
                )
            )
        if self.outcome_refused == "return" and self.verdict != "reject":
            raise ValidationError(
                self.env._(
                    "%s was not rejected: it belongs to the manufacturer and doesn't go back "
                    "(M10.1).",
                    self.display_name,
                )
            )
        if self.outcome_refused == "scrap" and self.verdict == "reject":
            raise ValidationError(
                self.env._(
                    "%s was rejected: it goes back to the sender, or stays until that is decided.",
                    self.display_name,
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            # given empty, so that no default of the caller's takes their place
            undecided = dict.fromkeys(self._get_outcome_fields(), False)
            vals_list = [{**vals, **undecided} for vals in vals_list]
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su and self._get_changed_names(vals, self._get_outcome_fields()):
            self._check_group("aftersales_service.group_customer_service")
            if any(line.return_id.state != "verified" or line.date_answered for line in self):
                raise UserError(
                    self.env._(
                        "What follows is decided after the verification and before the answer "
                        "(L2.9)."
                    )
                )
        return super().write(vals)

    def _lacks_scrap_agreement(self):
        """Tell whether goods of the sender would be scrapped without its consent."""
        self.ensure_one()
        return bool(
            not self.used_part_id
            and self.quantity_refused
            and self.outcome_refused == "scrap"
            and not (self.scrap_agreement or "").strip()
        )

    def _lacks_excess_reason(self):
        """Tell whether more would be exchanged or credited than was shipped, for no reason."""
        self.ensure_one()
        return self._exceeds(self.quantity_accepted) and not (self.excess_reason or "").strip()

    # --- proposal --------------------------------------------------------------------------

    def _propose_outcome(self):
        """Propose what follows where nothing is decided yet.

        Goods are exchanged as far as they are in stock, else credited. Refused goods go back;
        refused used parts stay, but for those that don't belong here at all.
        """
        goods = self.filtered(lambda line: not line.used_part_id)
        free = goods._get_free_quantities()
        groups = {}
        for line in self:
            vals = {
                "outcome": line.quantity_accepted
                and (line.outcome or line._propose_accepted(free)),
                "outcome_refused": line.quantity_refused
                and (line.outcome_refused or line._propose_refused()),
            }
            key = tuple(value or False for value in vals.values())
            groups[key] = groups.get(key, self.browse()) | line
        for (outcome, refused), lines in groups.items():
            lines._write_protected({"outcome": outcome, "outcome_refused": refused})

    def _get_free_quantities(self):
        """Return {product: quantity that can be delivered from stock}."""
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        return {
            product: product.free_qty if product.is_storable else 0
            for product in self.product_id.with_context(location=warehouse.lot_stock_id.id)
        }

    def _propose_accepted(self, free):
        """Return the proposed outcome, and take what it needs from ``free``."""
        if self.used_part_id:
            return self._get_part_outcome()
        product = self.product_id
        if free.get(product, 0) < self.quantity_accepted:
            return "credit"
        free[product] -= self.quantity_accepted
        return "exchange"

    def _get_part_outcome(self):
        """Return what follows for an accepted used part: what the center paid for is settled.

        Parts on deposit and swapped ones are the company's own (L1.6, L3.3); what the warranty
        doesn't bear is paid by the customer (M8.4).
        """
        if not self.used_part_id._is_claimable():
            return "replaced"
        return "settlement" if self.used_part_id._is_covered() else "uncovered"

    def _propose_refused(self):
        return "keep" if self.used_part_id else "return"

    # --- carrying out ----------------------------------------------------------------------

    def _carry_out(self):
        """Do what was decided for lines of one return, as far as it isn't done already."""
        accepted = self.filtered("quantity_accepted")
        refused = self.filtered("quantity_refused")
        accepted.filtered(lambda line: line._lacks_credit())._credit()
        accepted.filtered(
            lambda line: line.outcome == "exchange" and not line._is_live(line.exchange_move_id)
        )._exchange()
        goods = refused.filtered(lambda line: not line.used_part_id)
        goods.filtered(
            lambda line: (line.outcome_refused == "return" and not line._is_live(line.back_move_id))
        )._send_back()
        # what was scrapped, or moved by its tag, can't be cancelled afterwards
        new = refused.filtered(lambda line: not line.date_answered)
        scrapped = new.filtered(lambda line: line.outcome_refused == "scrap")
        (scrapped & goods)._scrap_refused()
        (scrapped - goods)._scrap_parts()
        (new - goods).filtered(lambda line: line.outcome_refused == "return")._send_back_parts()

    def _lacks_credit(self):
        return (
            self.outcome == "credit"
            and self.product_id.uom_id.compare(self._get_uncredited_quantity(), 0) > 0
        )

    def _get_uncredited_quantity(self):
        """Return how much of what was accepted is neither credited nor exchanged yet."""
        self.ensure_one()
        credits = self.credit_line_ids.filtered(lambda line: line.parent_state != "cancel")
        move = self.exchange_move_id
        exchanged = move.product_uom_qty if self._is_live(move) else 0
        return (
            self.quantity_accepted
            - exchanged
            - sum(credit._get_product_quantity() for credit in credits)
        )

    def _is_live(self, move):
        return bool(move) and move.state != "cancel"

    def _get_warehouse(self):
        return self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)

    def _exchange(self):
        """Order the delivery of other goods from stock to the sender; serials are chosen there."""
        if not self:
            return
        consumed = self.product_id.filtered(lambda product: product.type != "consu")
        if consumed:
            raise UserError(
                self.env._(
                    "These can't be delivered in exchange, because they are no goods: %s. Decide "
                    "on a credit note.",
                    format_list(self.env, consumed.mapped("display_name")),
                )
            )
        moves = self._create_answer_picking(
            self._get_warehouse().lot_stock_id, lambda line: line.quantity_accepted
        )
        for line, move in zip(self, moves, strict=True):
            line._write_protected({"exchange_move_id": move.id})
        moves._action_assign()

    def _send_back(self):
        """Order the way back of refused goods, with the serials that came."""
        if not self:
            return
        moves = self._create_answer_picking(
            self._get_warehouse()._get_defective_location(), lambda line: line.quantity_refused
        )
        for line, move in zip(self, moves, strict=True):
            # what comes back as it was keeps its warranty card
            move.origin_returned_move_id = line._get_receipt_move()
            line._write_protected({"back_move_id": move.id})
            if line.tracking != "none":
                # what was reserved on confirmation may be another sender's
                move.move_line_ids.unlink()
                move.move_line_ids = [
                    Command.create(line._prepare_lot_vals(move, lot, quantity))
                    for lot, quantity in line._get_refused_lots()
                ]
        moves.filtered(lambda move: not move.move_line_ids)._action_assign()

    def _create_answer_picking(self, source, get_quantity):
        """Return the moves of a new transfer to the sender, one for each line, confirmed."""
        document = self.return_id
        destination = document.center_id.property_stock_customer
        picking = self.env["stock.picking"].create(
            {
                "picking_type_id": self._get_warehouse().out_type_id.id,
                "partner_id": document.center_id.id,
                "location_id": source.id,
                "location_dest_id": destination.id,
                "origin": document.name,
                "company_id": document.company_id.id,
            }
        )
        moves = self.env["stock.move"].create(
            [
                {
                    "picking_id": picking.id,
                    "product_id": line.product_id.id,
                    "product_uom": line.product_id.uom_id.id,
                    "product_uom_qty": get_quantity(line),
                    "location_id": source.id,
                    "location_dest_id": destination.id,
                    "company_id": document.company_id.id,
                    "origin": document.name,
                }
                for line in self
            ]
        )
        # not merged: each line keeps the move that answers it
        return moves._action_confirm(merge=False)

    def _prepare_lot_vals(self, move, lot, quantity):
        return {
            "picking_id": move.picking_id.id,
            "product_id": move.product_id.id,
            "product_uom_id": move.product_uom.id,
            "lot_id": lot.id,
            "quantity": quantity,
            "location_id": move.location_id.id,
            "location_dest_id": move.location_dest_id.id,
        }

    def _get_receipt_move(self):
        """Return the move by which the goods came in."""
        return self.move_ids.filtered(lambda move: move.state == "done")[:1]

    def _get_refused_lots(self):
        """Return [(lot or none, quantity)] of what was refused: the very pieces that came."""
        self.ensure_one()
        lots = self._get_receipt_move().move_line_ids.lot_id
        if self.tracking == "serial":
            return [(lot, 1) for lot in lots[: int(self.quantity_refused)]]
        return [(lots[:1], self.quantity_refused)]

    def _scrap_refused(self):
        """Scrap refused goods, with their sender's consent."""
        self._scrap_goods(lambda line: line._get_refused_lots())

    def _scrap_goods(self, get_lots):
        """Scrap defective goods that lie at the factory.

        :param get_lots: gets a line, returns [(lot or none, quantity)] of what is scrapped of it
        :raises UserError: there is not that much any more
        """
        if not self:
            return
        location = self._get_warehouse()._get_defective_location()
        scraps = self.env["stock.scrap"].create(
            [
                line._prepare_scrap_vals(location, lot, quantity)
                for line in self
                for lot, quantity in get_lots(line)
            ]
        )
        for scrap in scraps:
            if not scrap.check_available_qty():
                raise UserError(
                    self.env._(
                        "“%(product)s” can't be scrapped: there is not that much of it in "
                        "%(location)s any more.",
                        product=scrap.product_id.display_name,
                        location=location.display_name,
                    )
                )
            scrap.do_scrap()

    def _prepare_scrap_vals(self, location, lot, quantity):
        return {
            "product_id": self.product_id.id,
            "lot_id": lot.id,
            "scrap_qty": quantity,
            "product_uom_id": self.product_id.uom_id.id,
            "location_id": location.id,
            "scrap_location_id": self.company_id._aftersales_get_scrap_location().id,
            "company_id": self.company_id.id,
            "origin": self.return_id.name,
        }

    def _filter_at_factory(self, *states):
        """Return the lines whose parts still lie where the inspection left them, in ``states``.

        What was disposed of or accepted meanwhile, or has even come back by another return, stays
        as it is.
        """
        self.used_part_id._lock()
        return self.filtered(lambda line: line.used_part_id.state in states)

    def _send_back_parts(self):
        lines = self._filter_at_factory("rejected")
        lines.used_part_id._check_undisputed()
        lines.used_part_id._check_taken_back()
        for (document, keeper), parts in lines.used_part_id.grouped(
            lambda part: (lines.return_id, part.keeper_id)
        ).items():
            parts._move_to(
                keeper._get_used_part_location(document.company_id),
                "returned",
                "returned",
                origin=document.name,
                return_id=document.id,
            )

    def _scrap_parts(self):
        lines = self._filter_at_factory("accepted", "deducted")
        if not lines:
            return
        document = lines.return_id
        lines.used_part_id._check_undisputed()
        lines.used_part_id._move_to(
            document.company_id._aftersales_get_scrap_location(),
            "scrapped",
            "scrapped",
            origin=document.name,
            return_id=document.id,
        )

    # --- credit note -----------------------------------------------------------------------

    def _credit(self):
        """Create the draft credit notes to the sender, one for each currency (L2.9).

        Price, discount and VAT are those of the invoices by which the sender bought the goods,
        the latest first. Where no such invoice exists, the year's wholesale price.

        :raises UserError: neither, or less was invoiced than is to be credited
        """
        if not self:
            return
        document = self.return_id
        partner = document.center_id.commercial_partner_id
        # two returns of one sender must not credit the same invoice
        partner._lock_aftersales_stock_account()
        by_currency = {}
        for currency, source, vals in self._prepare_credit_lines(partner):
            lines, moves = by_currency.get(currency, ([], self.env["account.move"]))
            by_currency[currency] = (lines + [vals], moves | source.move_id)
        for currency, (lines, invoices) in by_currency.items():
            moves = self.env["account.move"]._for_aftersales()
            move = moves.create(
                document._prepare_credit_vals(partner, currency, lines, invoices)
            ).with_env(self.env)
            move.message_post(
                body=self.env._(
                    "Made by the answer to the return %s. Check it and post it.",
                    document._get_html_link(),
                )
            )

    def _prepare_credit_lines(self, partner):
        """Return [(currency, invoice line or none, values of the line)] of the credit notes."""
        sources = self._find_invoice_lines(partner)
        uncredited = sources._get_aftersales_uncredited()
        by_product = sources.grouped("product_id")
        result, uninvoiced, exceeded = [], self.browse(), []
        for line in self:
            rest = line._get_uncredited_quantity()
            rounding = line.product_id.uom_id
            for source in by_product.get(line.product_id, []):
                quantity = min(rest, uncredited[source])
                if rounding.compare(quantity, 0) <= 0:
                    continue
                uncredited[source] -= quantity
                rest -= quantity
                vals = line._prepare_credit_line_vals(quantity, source)
                result.append((source.currency_id, source, vals))
            if rounding.compare(rest, 0) <= 0:
                continue
            if line.product_id in by_product:
                exceeded.append((line, line._get_uncredited_quantity() - rest))
            else:
                uninvoiced |= line
        self._check_invoiced(exceeded)
        empty = sources.browse()
        for line, vals in uninvoiced._prepare_wholesale_lines(partner):
            result.append((line.company_id.currency_id, empty, vals))
        return result

    def _check_invoiced(self, exceeded):
        for line, quantity in exceeded:
            raise UserError(
                self.env._(
                    "“%(product)s”: of the %(accepted)g to be credited, only %(open)g were "
                    "invoiced to %(partner)s and not credited yet. Decide on an exchange, or ask "
                    "the accountants which invoice or credit note is missing.",
                    product=line.product_id.display_name,
                    accepted=line._get_uncredited_quantity(),
                    open=quantity,
                    partner=line.center_id.commercial_partner_id.name,
                )
            )

    def _find_invoice_lines(self, partner):
        """Return the posted invoice lines of these products to ``partner``, newest first."""
        return self.env["account.move.line"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("product_id", "in", self.product_id.ids),
                ("move_id.commercial_partner_id", "=", partner.id),
                ("move_id.move_type", "=", "out_invoice"),
                ("parent_state", "=", "posted"),
                ("display_type", "=", "product"),
                ("quantity", ">", 0),
                # what was charged for a used part was not sold
                ("aftersales_charged_part_id", "=", False),
            ],
            order="invoice_date desc, move_id desc, id",
        )

    def _prepare_credit_line_vals(self, quantity, source):
        """Return a line that credits ``quantity`` of the invoice line ``source``."""
        uom = self.product_id.uom_id
        return {
            "product_id": self.product_id.id,
            "name": source.name,
            "quantity": quantity,
            "product_uom_id": uom.id,
            "price_unit": (source.product_uom_id or uom)._compute_price(source.price_unit, uom),
            "discount": source.discount,
            "tax_ids": [Command.set(source.tax_ids.ids)],
            "account_id": source.account_id.id,
            "aftersales_return_line_id": self.id,
            "aftersales_credited_line_id": source.id,
        }

    def _prepare_wholesale_lines(self, partner):
        """Return [(line, values)] at the wholesale prices of today, which include VAT (M8.1).

        :raises UserError: a product has no wholesale price either
        """
        if not self:
            return []
        moment = fields.Datetime.now()
        company = self.company_id
        prices = {}
        if company.aftersales_pricelist_id:
            prices = company._aftersales_get_wholesale_prices(self.product_id, moment)
        if unpriced := self.product_id - self.product_id.browse().union(*prices):
            raise UserError(
                self.env._(
                    "There is neither an invoice to %(partner)s nor a wholesale price of "
                    "%(products)s to credit by. Decide on an exchange, or have the price entered "
                    "in the wholesale price list first.",
                    partner=partner.name,
                    products=format_list(self.env, unpriced.mapped("display_name")),
                )
            )
        lang = partner.lang or self.env.lang
        result = []
        for line in self:
            product = line.product_id.with_context(lang=lang)
            price = prices[line.product_id][0]
            vals = {
                **company._aftersales_prepare_wholesale_vals(partner, product, price),
                "name": product.env._(
                    "%(product)s\nWholesale price of %(date)s, VAT included: no invoice found",
                    product=product.display_name,
                    date=format_date(product.env, company._aftersales_local(moment).date()),
                ),
                "quantity": line._get_uncredited_quantity(),
                "aftersales_return_line_id": line.id,
            }
            result.append((line, vals))
        return result

    def _get_credited_quantities(self, posting):
        """Return {line: quantity credited}, by posted credit notes and those of ``posting``."""
        quantities = {}
        for line in self:
            credits = line.credit_line_ids.filtered(
                lambda credit: credit.parent_state == "posted" or credit.move_id in posting
            )
            quantities[line] = sum(credit._get_product_quantity() for credit in credits)
        return quantities

    # --- what became of it -----------------------------------------------------------------

    @api.model
    def _get_undone_domain(self):
        """Return the domain of lines whose credit note or transfer was deleted or cancelled."""

        def undone(field):
            return Domain(field, "=", False) | Domain(f"{field}.state", "=", "cancel")

        credited = Domain("credit_line_ids", "not any", [("parent_state", "!=", "cancel")])
        accepted = Domain("quantity_accepted", ">", 0) & (
            (Domain("outcome", "=", "credit") & credited)
            | (Domain("outcome", "=", "exchange") & undone("exchange_move_id"))
        )
        refused = (
            Domain("quantity_refused", ">", 0)
            & Domain("used_part_id", "=", False)
            & Domain("outcome_refused", "=", "return")
            & undone("back_move_id")
        )
        return Domain("date_answered", "!=", False) & (accepted | refused)

    def _get_undone(self):
        """Return the lines of these whose credit note or transfer was deleted or cancelled."""
        return self & self.search(Domain("id", "in", self.ids) & self._get_undone_domain())

    @api.depends(
        "outcome",
        "outcome_refused",
        "date_answered",
        "exchange_move_id.picking_id.state",
        "back_move_id.picking_id.state",
        "credit_line_ids.parent_state",
        "credit_line_ids.price_total",
    )
    @api.depends_context("lang")
    def _compute_follow_up(self):
        for line in self:
            line.follow_up = "; ".join(line._get_follow_up()) if line.date_answered else False

    def _get_follow_up(self):
        """Return phrases that say by what this line was answered."""
        self.ensure_one()
        phrases = []
        if self.part_state == "lost":
            labels = self.used_part_id._fields["loss_bearer"]._description_selection(self.env)
            bearer = dict(labels)[self.used_part_id.loss_bearer]
            phrases.append(self.env._("Written off, borne by: %s", bearer))
        elif not self.quantity_received:
            phrases.append(self.env._("Did not arrive"))
        if self.quantity_accepted:
            phrases += self._get_accepted_phrases()
        if self.quantity_refused:
            phrases += self._get_refused_phrases()
        return phrases

    def _get_accepted_phrases(self):
        if self.outcome == "settlement":
            return [self.env._("By the month's settlement")]
        if self.outcome == "replaced":
            return [self.env._("The new part was supplied by the company")]
        if self.outcome == "uncovered":
            return [self.env._("Not under warranty: it is not settled")]
        if self.outcome == "exchange":
            return [self.env._("Exchange: %s", self._describe_transfer(self.exchange_move_id))]
        if self.outcome == "credit":
            moves = self.credit_line_ids.move_id.filtered(lambda move: move.state != "cancel")
            phrases = [self._describe_credit(move) for move in moves]
            if self.exchange_move_id:
                # what a ruling gave after an exchange is credited
                transfer = self._describe_transfer(self.exchange_move_id)
                phrases.insert(0, self.env._("Exchange: %s", transfer))
            return phrases or [self.env._("Credit note deleted or cancelled")]
        return []

    def _describe_credit(self, move):
        lines = self.credit_line_ids.filtered(lambda line: line.move_id == move)
        amount = move.currency_id.format(sum(lines.mapped("price_total")))
        if move.state == "draft":
            return self.env._("Credit note in preparation, %s", amount)
        return self.env._("Credit note %(number)s, %(amount)s", number=move.name, amount=amount)

    def _describe_transfer(self, move):
        if not move:
            return self.env._("Transfer deleted")
        labels = dict(move._fields["state"]._description_selection(self.env))
        return f"{move.picking_id.name} ({labels[move.state]})"

    def _get_refused_phrases(self):
        if self.outcome_refused == "return" and not self.used_part_id:
            transfer = self._describe_transfer(self.back_move_id)
            return [self.env._("Back to the sender: %s", transfer)]
        labels = dict(self._fields["outcome_refused"]._description_selection(self.env))
        return [labels[self.outcome_refused]] if self.outcome_refused else []
