from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.fields import Domain
from odoo.tools import format_list


class AftersalesReturnLine(models.Model):
    """What becomes of accepted defective goods, once their sender is answered (L2.9)."""

    _inherit = "aftersales.return.line"  # pylint: disable=consider-merging-classes-inherited

    quantity_disposed = fields.Float(
        "Disposed of",
        readonly=True,
        copy=False,
        digits="Product Unit",
        help="How much of the accepted goods was scrapped, or is with its supplier.",
    )
    quantity_left = fields.Float(
        "Still there",
        compute="_compute_quantity_left",
        store=True,
        digits="Product Unit",
        help="Accepted defective goods that lie at the factory: to be scrapped, or sent to the "
        "supplier that has to make them good.",
    )
    recovery_line_ids = fields.One2many(
        "aftersales.supplier.recovery.line",
        "return_line_id",
        "Supplier recovery",
        groups="aftersales_service.group_clerk,aftersales_service.group_logistics,"
        "aftersales_service.group_quality,aftersales_service.group_vp",
    )

    @api.depends(
        "used_part_id",
        "date_answered",
        "quantity_accepted",
        "quantity_disposed",
        "return_id.is_on_spot",
    )
    def _compute_quantity_left(self):
        for line in self:
            came = not line.used_part_id and not line.return_id.is_on_spot
            is_there = line.date_answered and came
            line.quantity_left = is_there and line.quantity_accepted - line.quantity_disposed

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"quantity_disposed"}

    def action_scrap_left(self):
        """Scrap what is still there of accepted defective goods (L2.9).

        :raises AccessError: neither quality nor logistics
        :raises UserError: nothing is left, it is disputed, a supplier is to make it good, or stock
            has less of it
        """
        self._check_inspector()
        self.check_access("read")
        # sudo: scrapped is exactly what is left; quality has no rights on stock
        lines = self.sudo()
        lines._lock_left()
        for line in lines:
            if line.product_id.uom_id.compare(line.quantity_left, 0) <= 0:
                raise UserError(
                    self.env._(
                        "Of “%(product)s” on %(document)s nothing is left that was accepted and "
                        "answered.",
                        product=line.display_name,
                        document=line.return_id.name,
                    )
                )
        lines._check_not_claimed()
        for document, own in lines.grouped("return_id").items():
            document._check_undisputed()
            own._scrap_goods(lambda line: [(line._get_lot(), line.quantity_left)])
            document.message_post(
                body=self.env._(
                    "Scrapped at the factory: %s",
                    format_list(
                        self.env, [f"{ln.quantity_left:g} × {ln.display_name}" for ln in own]
                    ),
                )
            )
        for line in lines:
            line._write_protected({"quantity_disposed": line.quantity_accepted})
        return True

    def _check_not_claimed(self):
        """Raise UserError if any of the goods are on a list that will go to their supplier."""
        drafts = self.recovery_line_ids.recovery_id.filtered(lambda d: d.state == "draft")
        if drafts:
            raise UserError(
                self.env._(
                    "Their supplier is to make these goods good: %s. Take them off the list first, "
                    "or send it.",
                    format_list(self.env, drafts.mapped("name")),
                )
            )

    def _lock_left(self):
        """Lock the lines against what others do with the goods at the same moment.

        :raises UserError: somebody else is at one of them
        """
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._("Somebody else is dealing with these goods this very moment. Try again.")
            ) from error
        self.invalidate_recordset(["quantity_disposed", "quantity_left"])

    def _get_lot(self):
        """Return the serial or lot that came, or none: a line has one at most."""
        self.ensure_one()
        return self._get_receipt_move().move_line_ids.lot_id[:1]

    def _move_left(self, quantities, source, destination, picking_type, origin, partner):
        """Move accepted goods between the factory and a supplier, with one transfer, done.

        :param dict quantities: by line
        :raises UserError: ``source``, if it is ours, has less
        """
        company = self.company_id
        quants = self.env["stock.quant"]
        picking = self.env["stock.picking"].create(
            {
                "picking_type_id": picking_type.id,
                "partner_id": partner.id,
                "location_id": source.id,
                "location_dest_id": destination.id,
                "origin": origin,
                "company_id": company.id,
            }
        )
        for line in self:
            product, lot, quantity = line.product_id, line._get_lot(), quantities[line]
            free = quants._get_available_quantity(product, source, lot_id=lot, strict=True)
            if source.usage == "internal" and product.uom_id.compare(free, quantity) < 0:
                raise UserError(
                    self.env._(
                        "“%(product)s”: there is not that much of it in %(location)s any more.",
                        product=line.display_name,
                        location=source.display_name,
                    )
                )
            vals = {
                "product_id": product.id,
                "picking_id": picking.id,
                "location_id": source.id,
                "location_dest_id": destination.id,
                "company_id": company.id,
            }
            move = self.env["stock.move"].create(
                {**vals, "product_uom": product.uom_id.id, "product_uom_qty": quantity}
            )
            self.env["stock.move.line"].create(
                {
                    **vals,
                    "move_id": move.id,
                    "product_uom_id": product.uom_id.id,
                    "lot_id": lot.id,
                    "quantity": quantity,
                }
            )
        picking._complete()
        return picking

    @api.model
    def _get_left_domain(self):
        """Return the domain of lines of which accepted goods lie at the factory."""
        return Domain("quantity_left", ">", 0)
