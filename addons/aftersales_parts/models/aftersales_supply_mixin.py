from odoo import api, fields, models


class AftersalesSupplyMixin(models.AbstractModel):
    """Documents by which parts of the company leave a place at once, piece by piece."""

    _name = "aftersales.supply.mixin"
    _description = "Parts that leave at once"

    @api.model
    def _take(self, quantity, quants, rest):
        """Return {quant: quantity} that make up ``quantity``, and take it off their ``rest``."""
        taken = {}
        for quant in quants:
            piece = min(quantity, rest[quant])
            if piece > 0:
                taken[quant] = piece
                rest[quant] -= piece
                quantity -= piece
        return taken

    def _supply(self, partner, source, destination, entries, **vals):
        """Move what was taken from ``source`` to ``destination``, done at once.

        :param entries: list of (product, {quant: quantity})
        :param vals: more values of the transfer
        """
        self.ensure_one()
        # sudo: what moves follows from the document, which checked it; its users have no rights
        # on stock
        pickings = self.env["stock.picking"].sudo()
        picking = pickings.create(
            {
                **self.sudo()._prepare_supply_picking_vals(partner, source, destination, entries),
                **vals,
            }
        )
        picking.move_ids.move_line_ids.picking_id = picking
        picking._complete()
        return picking

    def _prepare_supply_picking_vals(self, partner, source, destination, entries):
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        return {
            "picking_type_id": warehouse.center_supply_type_id.id,
            "partner_id": partner.id,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": self.name,
            "company_id": self.company_id.id,
            "move_ids": [
                fields.Command.create(
                    {
                        "product_id": product.id,
                        "product_uom": product.uom_id.id,
                        "product_uom_qty": sum(taken.values()),
                        "location_id": source.id,
                        "location_dest_id": destination.id,
                        "company_id": self.company_id.id,
                        "move_line_ids": [
                            fields.Command.create(
                                self._prepare_supply_line_vals(quant, quantity, destination)
                            )
                            for quant, quantity in taken.items()
                        ],
                    }
                )
                for product, taken in entries
            ],
        }

    def _prepare_supply_line_vals(self, quant, quantity, destination):
        return {
            "product_id": quant.product_id.id,
            "product_uom_id": quant.product_id.uom_id.id,
            "quantity": quantity,
            "lot_id": quant.lot_id.id,
            "package_id": quant.package_id.id,
            "owner_id": quant.owner_id.id,
            "location_id": quant.location_id.id,
            "location_dest_id": destination.id,
            "company_id": self.company_id.id,
        }
