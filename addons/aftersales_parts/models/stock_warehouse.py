from odoo import api, fields, models


class StockWarehouse(models.Model):
    _inherit = "stock.warehouse"

    service_center_loc_id = fields.Many2one(
        "stock.location", "Service centers", check_company=True, copy=False
    )
    used_part_loc_id = fields.Many2one(
        "stock.location", "Used parts", check_company=True, copy=False
    )
    used_part_transit_loc_id = fields.Many2one(
        "stock.location", "Used parts on their way", check_company=True, copy=False
    )
    used_part_in_type_id = fields.Many2one(
        "stock.picking.type", "Used parts taken off", check_company=True, copy=False
    )
    used_part_return_type_id = fields.Many2one(
        "stock.picking.type", "Used-part returns", check_company=True, copy=False
    )
    center_supply_type_id = fields.Many2one(
        "stock.picking.type", "Supply to service centers", check_company=True, copy=False
    )

    @api.model_create_multi
    def create(self, vals_list):
        warehouses = super().create(vals_list)
        warehouses._aftersales_translate()
        return warehouses

    def _aftersales_translate(self):
        """Name the operation types in every language that is installed."""
        for code, _name in self.env["res.lang"].get_installed():
            for warehouse in self.with_context(lang=code):
                warehouse.used_part_in_type_id.name = warehouse.env._("Used parts taken off")
                warehouse.used_part_return_type_id.name = warehouse.env._("Used-part returns")
                warehouse.center_supply_type_id.name = warehouse.env._("Supply to service centers")

    def _aftersales_equip(self):
        """Give warehouses that were there before the addon what new ones get by themselves."""
        for warehouse in self:
            warehouse._create_missing_locations({})
            warehouse.write(warehouse._create_or_update_sequences_and_picking_types())
        self._aftersales_translate()

    @api.model
    def _aftersales_create_missing_locations(self):
        """Give every warehouse the locations of the addon that it doesn't have yet."""
        bare = self.with_context(active_test=False).search(
            [("used_part_transit_loc_id", "=", False)]
        )
        bare._create_missing_locations({})

    def _get_locations_values(self, vals, code=False):
        values = super()._get_locations_values(vals, code=code)
        # beside the stock location, not below it: used parts must never be sold or reserved
        values["service_center_loc_id"] = {
            "name": self.env._("Service centers"),
            "active": True,
            "usage": "view",
        }
        values["used_part_loc_id"] = {
            "name": self.env._("Used parts"),
            "active": True,
            "usage": "internal",
        }
        values["used_part_transit_loc_id"] = {
            "name": self.env._("Used parts on their way"),
            "active": True,
            "usage": "transit",
        }
        return values

    def _get_sequence_values(self, name=False, code=False):
        values = super()._get_sequence_values(name=name, code=code)
        labels = {
            "UPI": self.env._("Used parts taken off"),
            "UPR": self.env._("Used-part returns"),
            "SCS": self.env._("Supply to service centers"),
        }
        fields_by_code = {
            "UPI": "used_part_in_type_id",
            "UPR": "used_part_return_type_id",
            "SCS": "center_supply_type_id",
        }
        for sequence_code, label in labels.items():
            values[fields_by_code[sequence_code]] = {
                "name": f"{self.name} {label}",
                "prefix": f"{self.code}/{sequence_code}/",
                "padding": 5,
                "company_id": self.company_id.id,
            }
        return values

    def _get_picking_type_create_values(self, max_sequence):
        values, sequence = super()._get_picking_type_create_values(max_sequence)
        customers = self._get_partner_locations()[0]
        values["used_part_in_type_id"] = {
            "name": self.env._("Used parts taken off"),
            "code": "incoming",
            "default_location_src_id": customers.id,
            "default_location_dest_id": self.used_part_loc_id.id,
            "use_create_lots": False,
            "use_existing_lots": True,
            "sequence": sequence + 1,
            "sequence_code": "UPI",
            "company_id": self.company_id.id,
        }
        values["used_part_return_type_id"] = {
            "name": self.env._("Used-part returns"),
            "code": "internal",
            "default_location_src_id": self.used_part_loc_id.id,
            "default_location_dest_id": self.used_part_loc_id.id,
            "use_create_lots": False,
            "use_existing_lots": True,
            # which tags travel is decided by the return, never by a reservation
            "reservation_method": "manual",
            "create_backorder": "always",
            "sequence": sequence + 2,
            "sequence_code": "UPR",
            "company_id": self.company_id.id,
        }
        values["center_supply_type_id"] = {
            "name": self.env._("Supply to service centers"),
            "code": "internal",
            "default_location_src_id": self.lot_stock_id.id,
            # a view: whoever makes such a transfer by hand has to choose the center's location
            "default_location_dest_id": self.service_center_loc_id.id,
            "use_create_lots": False,
            "use_existing_lots": True,
            "sequence": sequence + 3,
            "sequence_code": "SCS",
            "company_id": self.company_id.id,
        }
        return values, sequence + 4

    def _get_picking_type_update_values(self):
        values = super()._get_picking_type_update_values()
        code = self.code.replace(" ", "").upper()
        values["used_part_in_type_id"] = {"active": self.active, "barcode": f"{code}UPI"}
        values["used_part_return_type_id"] = {"active": self.active, "barcode": f"{code}UPR"}
        values["center_supply_type_id"] = {"active": self.active, "barcode": f"{code}SCS"}
        return values

    def _get_aftersales_warehouse(self, company):
        """Return the warehouse to which the company's used parts come back."""
        return self.search([("company_id", "=", company.id)], limit=1)
