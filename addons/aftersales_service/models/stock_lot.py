from odoo import fields, models


class StockLot(models.Model):
    _inherit = "stock.lot"

    warranty_card_ids = fields.One2many(
        "aftersales.warranty.card",
        "lot_id",
        "Warranty cards",
        groups="aftersales_service.group_user",
    )
    warranty_card_count = fields.Integer(
        compute="_compute_warranty", groups="aftersales_service.group_user"
    )
    warranty_until = fields.Date(
        compute="_compute_warranty",
        groups="aftersales_service.group_user",
        help="The last covered day of the valid card.",
    )

    def _compute_warranty(self):
        cards = self.env["aftersales.warranty.card"].search([("lot_id", "in", self.ids)])
        by_lot = cards.grouped("lot_id")
        for lot in self:
            own = by_lot.get(lot, cards.browse())
            lot.warranty_card_count = len(own)
            lot.warranty_until = own.filtered(lambda card: card.state == "open")[:1].date_end

    def action_view_warranty_cards(self):
        """Show the cards of this serial, or the only one."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_warranty_card"
        )
        action.update(domain=[("lot_id", "=", self.id)], context={})
        if self.warranty_card_count == 1:
            action.update(res_id=self.warranty_card_ids.id, views=[(False, "form")])
        return action
