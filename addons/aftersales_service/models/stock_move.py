from odoo import models


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_done(self, cancel_backorder=False):
        moves = super()._action_done(cancel_backorder=cancel_backorder)
        moves._close_warranty_cards()
        moves._open_warranty_cards()
        return moves

    def _close_warranty_cards(self):
        """Close the valid card of each serial that a customer gives back (E6, mistake 2)."""
        # sudo: warehouse staff receive without rights on cards; the card follows from the return
        moves = self.sudo().filtered(lambda move: move._is_taken_back())
        move_by_lot = {line.lot_id: line.move_id for line in moves.move_line_ids if line.lot_id}
        if not move_by_lot:
            return
        cards = moves.env["aftersales.warranty.card"].search(
            [
                ("lot_id", "in", [lot.id for lot in move_by_lot]),
                ("state", "=", "open"),
                ("company_id", "in", moves.company_id.ids),
            ]
        )
        for move, returned in cards.grouped(lambda card: move_by_lot[card.lot_id]).items():
            returned._close(
                self.env._("Given back with %s", move.reference or move.display_name),
                move._get_transfer_day(),
                closing_move_id=move.id,
            )

    def _is_taken_back(self):
        """Tell whether a customer gave the goods back for good.

        That is any transfer from a customer to elsewhere, except one that takes a unit in for
        repair: a transfer marked so, a return that doesn't lower the quantity delivered on the
        sales order, or an operation of a repair order.
        """
        self.ensure_one()
        return (
            self.state == "done"
            and self.location_id.usage == "customer"
            and self.location_dest_id.usage != "customer"
            and not self.picking_id.aftersales_take_in
            and (self.to_refund or not self.origin_returned_move_id)
            and self.picking_type_id.code != "repair_operation"
        )

    def _open_warranty_cards(self):
        """Open a card for each serial delivered to a customer whose product has a policy.

        The warranty starts on the day of delivery, in the company's time zone, not when the
        serial was made. A serial that has a valid card keeps it, unless it was sold again. What
        undoes a return, such as handing back a unit that was repaired, opens no second warranty:
        the card that the return closed is valid again.
        """
        # sudo: warehouse staff deliver without rights on policies and cards; the card follows from
        # the delivery alone.
        delivered = (
            self.sudo()
            .filtered(
                lambda m: m.state == "done"
                and m.location_dest_id.usage == "customer"
                and m.product_id.tracking == "serial"
                and m.product_id.warranty_policy_id
                and m._get_warranty_policy()
                and m._get_warranty_partner()
            )
            .move_line_ids.filtered(
                lambda line: line.lot_id and line.location_id.usage != "customer"
            )
        )
        if not delivered:
            return
        cards = delivered.env["aftersales.warranty.card"]
        known = cards.search([("lot_id", "in", delivered.lot_id.ids), ("state", "!=", "void")])
        move_by_lot = {line.lot_id: line.move_id for line in delivered}
        for move, handed_back in (
            known.filtered(
                lambda card: card.state == "closed"
                and card.closing_move_id
                and card.closing_move_id == move_by_lot[card.lot_id].origin_returned_move_id
            )
            .grouped(lambda card: move_by_lot[card.lot_id])
            .items()
        ):
            handed_back._reopen(self.env._("Handed back with %s", move.reference))
        live = known.filtered(lambda card: card.state == "open")
        for move, sold in (
            live.filtered(lambda card: move_by_lot[card.lot_id]._is_new_sale(card))
            .grouped(lambda card: move_by_lot[card.lot_id])
            .items()
        ):
            sold._close(
                self.env._("Sold again with %s", move.reference),
                move._get_transfer_day(),
                closing_move_id=move.id,
            )
            live -= sold
        vals_list = [
            line.move_id._prepare_warranty_card_vals(line.lot_id)
            for line in delivered
            if line.lot_id not in live.lot_id
        ]
        for company, values in self._group_by_company(vals_list):
            cards.with_company(company).create(values)

    def _is_new_sale(self, card):
        """Tell whether this delivery sells the unit of the valid ``card`` once more."""
        self.ensure_one()
        sale = self.sale_line_id
        customer = self._get_warranty_partner().commercial_partner_id
        return bool(
            sale
            and sale != card.sale_line_id
            # a card issued by hand while the first delivery was under way is this sale's
            and (card.move_id or card.partner_id.commercial_partner_id != customer)
        )

    def _group_by_company(self, vals_list):
        companies = {vals["company_id"] for vals in vals_list}
        return [(c, [v for v in vals_list if v["company_id"] == c]) for c in companies]

    def _prepare_warranty_card_vals(self, lot):
        self.ensure_one()
        return {
            "company_id": self.company_id.id,
            "partner_id": self._get_warranty_partner().id,
            "product_id": self.product_id.id,
            "lot_id": lot.id,
            "policy_id": self._get_warranty_policy().id,
            "date_delivery": self._get_transfer_day(),
            "sale_line_id": self.sale_line_id.id,
            "move_id": self.id,
            "exchange_assessment_id": self.picking_id.aftersales_assessment_id.id,
        }

    def _get_transfer_day(self):
        """Return the day of the transfer, in the company's time zone."""
        return self.company_id._aftersales_local(self.date).date()

    def _get_warranty_policy(self):
        """Return the version of the product's policy in force on the day of delivery, or none."""
        return self.product_id.warranty_policy_id._get_version(self._get_transfer_day())

    def _get_warranty_partner(self):
        """Return the customer whom the delivered unit belongs to."""
        return (
            self.picking_id.partner_id or self.partner_id or self.sale_line_id.order_id.partner_id
        )
