from odoo import models


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_done(self, cancel_backorder=False):
        moves = super()._action_done(cancel_backorder=cancel_backorder)
        moves._open_warranty_cards()
        return moves

    def _open_warranty_cards(self):
        """Open a card for each serial delivered to a customer whose product has a policy.

        The warranty starts on the day of delivery, in the company's time zone, not when the
        serial was made. A serial that has a valid card keeps it.
        """
        # sudo: warehouse staff deliver without rights on policies and cards; the card follows from
        # the delivery alone.
        delivered = (
            self.sudo()
            .filtered(
                lambda m: m.state == "done"
                and m.location_dest_id.usage == "customer"
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
        live = cards.search([("lot_id", "in", delivered.lot_id.ids), ("state", "=", "open")]).lot_id
        vals_list = [
            line.move_id._prepare_warranty_card_vals(line.lot_id)
            for line in delivered
            if line.lot_id not in live
        ]
        for company, values in self._group_by_company(vals_list):
            cards.with_company(company).create(values)

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
            "date_delivery": self._get_delivery_day(),
            "sale_line_id": self.sale_line_id.id,
            "move_id": self.id,
            "exchange_assessment_id": self.picking_id.aftersales_assessment_id.id,
        }

    def _get_delivery_day(self):
        """Return the day of the transfer, in the company's time zone."""
        return self.company_id._aftersales_local(self.date).date()

    def _get_warranty_policy(self):
        """Return the version of the product's policy in force on the day of delivery, or none."""
        return self.product_id.warranty_policy_id._get_version(self._get_delivery_day())

    def _get_warranty_partner(self):
        """Return the customer whom the delivered unit belongs to."""
        return (
            self.picking_id.partner_id or self.partner_id or self.sale_line_id.order_id.partner_id
        )
