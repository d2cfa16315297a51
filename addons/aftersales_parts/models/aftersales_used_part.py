from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesUsedPart(models.Model):
    """服务旧件: one part that was taken off, with its tag; the tag is a serial in stock (M10.3)."""

    _name = "aftersales.used.part"
    _description = "Used part"
    _regulations = ("M10.1", "M10.3", "H11")
    _inherit = ["aftersales.retention.mixin", "mail.thread"]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Tag", required=True, readonly=True, index="trigram")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    record_part_id = fields.Many2one(
        "aftersales.service.record.part", "Replaced part", required=True, readonly=True, index=True
    )
    record_id = fields.Many2one(
        related="record_part_id.record_id", string="Service record", store=True, index=True
    )
    product_id = fields.Many2one("product.product", "Part", required=True, readonly=True)
    part_class_id = fields.Many2one(related="product_id.part_class_id")
    serial = fields.Char("Serial number", readonly=True)
    center_id = fields.Many2one(
        "res.partner", "Service center", required=True, readonly=True, index=True
    )
    region_id = fields.Many2one(related="record_id.region_id", store=True)
    machine_serial = fields.Char(related="record_id.serial_number", string="Machine")
    date_removed = fields.Date("Taken off", readonly=True)
    lot_id = fields.Many2one(
        "stock.lot", "Tag in stock", required=True, readonly=True, check_company=True
    )
    location_id = fields.Many2one(related="lot_id.location_id", string="Location")
    return_line_ids = fields.One2many("aftersales.return.line", "used_part_id", "Returns")
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason", "Deduction", readonly=True, copy=False
    )
    state = fields.Selection(
        [
            ("held", "Kept at the center"),
            ("shipped", "On its way"),
            ("received", "Received"),
            ("accepted", "Accepted"),
            ("deducted", "Deducted"),
            ("rejected", "Rejected"),
            ("scrapped", "Scrapped on the spot"),
        ],
        "Status",
        default="held",
        required=True,
        readonly=True,
        tracking=True,
    )

    result = fields.Selection(
        [("accepted", "Accepted"), ("deducted", "Deducted"), ("rejected", "Rejected")],
        "Inspection",
        readonly=True,
        copy=False,
    )

    _name_company_uniq = models.Constraint(
        "UNIQUE(name, company_id)", "This tag number exists already."
    )

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A tag can't be deleted: every part taken off stays traceable."))

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "date_removed", "record_id.retain_until"]

    def _get_retention_start(self):
        return self.date_removed

    def _get_retained_with(self):
        return self.record_id

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"deduction_reason_id"}

    @api.model
    def _create_from_records(self, records):
        """Tag each part taken off and book it into its center's location.

        The tag number is the record's number and the part's sequence in it (M10.3).

        :param records: valid service records
        """
        vals_list = []
        for record in records:
            pieces = [part for part in record.part_ids for _i in range(part.quantity)]
            vals_list += [
                self._prepare_from_part_vals(part, f"{record.name}-{number:02d}")
                for number, part in enumerate(pieces, 1)
            ]
        product = self.env.ref("aftersales_parts.product_used_part")
        lots = self.env["stock.lot"].create(
            [
                {
                    "name": vals["name"],
                    "product_id": product.id,
                    "company_id": vals["company_id"],
                }
                for vals in vals_list
            ]
        )
        for vals, lot in zip(vals_list, lots, strict=True):
            vals["lot_id"] = lot.id
        tags = self.create(vals_list)
        tags._book_taken_off()
        tags.filtered(lambda t: t.record_part_id.disposition == "scrap")._scrap()
        return tags

    def _prepare_from_part_vals(self, part, number):
        return {
            "name": number,
            "company_id": part.company_id.id,
            "record_part_id": part.id,
            "product_id": part.product_id.id,
            "serial": part.serial_removed,
            "center_id": part.record_id.center_id.id,
            "date_removed": part.record_id.service_date,
        }

    def _book_taken_off(self):
        """Move new tags from the customer into their center's location."""
        pickings = self.env["stock.picking"]
        for (company, center, record), tags in self.grouped(
            lambda t: (t.company_id, t.center_id, t.record_id)
        ).items():
            warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(company)
            location = center._get_used_part_location(company)
            picking_type = warehouse.used_part_in_type_id
            pickings += tags._create_picking(
                picking_type, picking_type.default_location_src_id, location, record.name
            )
        pickings.move_ids.picked = True
        pickings._action_done()

    def _create_picking(self, picking_type, source, destination, origin):
        """Return a new transfer of exactly these tags, not done yet."""
        picking = self.env["stock.picking"].create(
            self._prepare_picking_vals(picking_type, source, destination, origin)
        )
        picking.move_ids.move_line_ids.picking_id = picking
        return picking

    def _prepare_picking_vals(self, picking_type, source, destination, origin):
        """Return a transfer of these tags: one move, one line per tag."""
        product = self.lot_id.product_id
        return {
            "picking_type_id": picking_type.id,
            "partner_id": self.center_id[:1].id,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "origin": origin,
            "company_id": self.company_id.id,
            "move_ids": [
                fields.Command.create(
                    {
                        "product_id": product.id,
                        "product_uom": product.uom_id.id,
                        "product_uom_qty": len(self),
                        "location_id": source.id,
                        "location_dest_id": destination.id,
                        "company_id": self.company_id.id,
                        "move_line_ids": [
                            fields.Command.create(tag._prepare_move_line_vals(source, destination))
                            for tag in self
                        ],
                    }
                )
            ],
        }

    def _prepare_move_line_vals(self, source, destination):
        self.ensure_one()
        return {
            "product_id": self.lot_id.product_id.id,
            "product_uom_id": self.lot_id.product_id.uom_id.id,
            "lot_id": self.lot_id.id,
            "quantity": 1,
            "location_id": source.id,
            "location_dest_id": destination.id,
            "company_id": self.company_id.id,
        }

    def _scrap(self):
        """Scrap parts on the spot, which their class has to allow (M10.1)."""
        for tag in self:
            scrap = self.env["stock.scrap"].create(
                {
                    "product_id": tag.lot_id.product_id.id,
                    "lot_id": tag.lot_id.id,
                    "location_id": tag.center_id._get_used_part_location(tag.company_id).id,
                    "company_id": tag.company_id.id,
                    "origin": tag.name,
                }
            )
            scrap.do_scrap()
        self._write_protected({"state": "scrapped"})
