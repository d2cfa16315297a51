from odoo import api, fields, models
from odoo.exceptions import ValidationError


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    urgent_part_ids = fields.One2many(
        "aftersales.service.record.part", "urgent_line_id", "Fitted in repairs"
    )

    @api.constrains("product_id", "product_uom_qty", "product_uom_id")
    def _check_urgent_used(self):
        """What was fitted stays on the order that brought it (M8.7)."""
        lines = self.filtered(lambda line: line.order_id.is_aftersales_urgent)
        for line, used in lines._aftersales_get_urgent_used().items():
            # sudo: records of any center count
            fitted = line.sudo().urgent_part_ids
            if fitted.product_id != line.product_id or line._aftersales_get_pieces() < used:
                raise ValidationError(
                    self.env._(
                        "%(quantity)s “%(part)s” of %(order)s have been fitted with %(records)s: "
                        "the order can't have less of it (M8.7).",
                        quantity=used,
                        part=fitted.product_id.display_name,
                        order=line.order_id.name,
                        records=", ".join(fitted.record_id.mapped("name")),
                    )
                )

    def _aftersales_get_urgent_parts(self):
        """Return the parts fitted that these lines brought."""
        # sudo: records of any center count, whatever this user may see
        return self.sudo().urgent_part_ids

    def _aftersales_get_urgent_used(self):
        """Return {line: pieces that were fitted in repairs}, of the lines with any."""
        if not self:
            return {}
        # sudo: records of any center count, whatever this user may see
        groups = (
            self.env["aftersales.service.record.part"]
            .sudo()
            ._read_group([("urgent_line_id", "in", self.ids)], ["urgent_line_id"], ["quantity:sum"])
        )
        return {self.browse(line.id): used for line, used in groups}

    def _aftersales_get_pieces(self, delivered=False):
        """Return the quantity ordered or ``delivered``, in the unit of the product."""
        self.ensure_one()
        quantity = self.qty_delivered if delivered else self.product_uom_qty
        return self.product_uom_id._compute_quantity(quantity, self.product_id.uom_id)

    def _aftersales_get_expected(self):
        """Return the pieces that came or are still to come: not what was given back."""
        self.ensure_one()
        pending = self.move_ids.filtered(lambda move: move.state not in ("done", "cancel"))
        by_stock = self.qty_delivered_method == "stock_move"
        return self._aftersales_get_pieces(delivered=by_stock and not pending)

    def _aftersales_get_delivered(self, moment):
        """Return the pieces that had been delivered by ``moment`` and were not given back.

        :param datetime moment: in UTC, as it is stored
        """
        self.ensure_one()
        if self.qty_delivered_method != "stock_move":
            return self._aftersales_get_pieces(delivered=True)
        outgoing, incoming = self._get_outgoing_incoming_moves()
        arrived = outgoing.filtered(lambda move: move.state == "done" and move.date <= moment)
        unit = self.product_id.uom_id
        sent, given_back = (
            sum(move.product_uom._compute_quantity(move.quantity, unit) for move in moves)
            for moves in (arrived, incoming.filtered(lambda move: move.state == "done"))
        )
        return sent - given_back

    @api.model
    def _aftersales_find_urgent(self, record, products):
        """Return the lines of urgent orders whose parts the service ``record`` may have fitted.

        The orders for its own request come first. Those for other requests count when these are
        closed: what was left over is in the center's stock.
        """
        # sudo: technicians have no rights on orders; only their number and what is left is told
        record, lines = record.sudo(), self.sudo()
        center, request = record.center_id, record.request_id
        if not center or not products:
            return lines.browse()
        found = lines.search(
            [
                ("order_id.is_aftersales_urgent", "=", True),
                ("order_id.partner_id", "child_of", center.commercial_partner_id.id),
                ("state", "=", "sale"),
                ("company_id", "=", record.company_id.id),
                ("product_id", "in", products.ids),
                "|",
                ("order_id.aftersales_urgent_request_id", "in", (False, request._origin.id)),
                ("order_id.aftersales_urgent_request_id.state", "in", ("done", "cancelled")),
            ],
            order="id",
        ).filtered(lambda line: line.order_id.aftersales_center_id == center)
        return found.sorted(
            lambda line: line.order_id.aftersales_urgent_request_id != request._origin
        )
