from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class StockPicking(models.Model):
    _inherit = "stock.picking"

    aftersales_quota_id = fields.Many2one(
        "aftersales.center.quota",
        "Parts quota",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The quota whose first parts stock this transfer supplies.",
    )
    aftersales_record_id = fields.Many2one(
        "aftersales.service.record",
        "Fitted by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The service record whose parts came from the parts on deposit.",
    )
    aftersales_swap_id = fields.Many2one(
        "aftersales.swap",
        "Old-for-new swap",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The swap whose new parts this transfer gave, for used parts taken at the same time.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        names = self._get_supply_links()
        self._check_supply_link(any(vals.get(name) for vals in vals_list for name in names))
        return super().create(vals_list)

    def write(self, vals):
        self._check_supply_link(self._get_supply_links() & vals.keys())
        if {"state", "location_id", "location_dest_id", "picking_type_id"} & vals.keys():
            self._check_not_returned()
        return super().write(vals)

    @api.model
    def _get_supply_links(self):
        """Return the fields that name the document by which parts of a center move."""
        return {"aftersales_quota_id", "aftersales_record_id", "aftersales_swap_id"}

    def _get_given_fields(self):
        return super()._get_given_fields() | self._get_supply_links()

    def _check_supply_link(self, given):
        """Raise AccessError if a user gives the document: its transfers are made by itself."""
        if given and not self.env.su:
            raise AccessError(
                self.env._(
                    "The transfers of a parts quota, service record or swap are made on that "
                    "document and can't be given by hand."
                )
            )

    def _check_not_supplied(self):
        """Raise UserError if a user changes what was moved together with something else."""
        if self.env.su:
            return
        # sudo: only whether there is such a document is asked
        for picking in self.sudo():
            if document := picking.aftersales_swap_id or picking.aftersales_record_id:
                raise UserError(
                    self.env._(
                        "%(transfer)s moved what %(document)s says, and stays as it is. Give back "
                        "what is wrong with a transfer of its own.",
                        transfer=picking.name,
                        document=document.name,
                    )
                )

    def _complete(self):
        """Move all that the transfers' lines name."""
        self.move_ids.picked = True
        self._action_done()

    def button_validate(self):
        # L2.5: goods are taken in against their register, tag by tag; the plain button of the
        # transfer would receive a return without register, signature or approval.
        if (
            self._get_aftersales_returns()
            or self.picking_type_id & self._get_used_part_return_types()
        ):
            raise UserError(
                self.env._(
                    "Returned goods are received on their return, by scanning the tags and "
                    "counting: open the return under After-sales ▸ Used parts and press “Receive”. "
                    "Goods without an approved return are refused (L2.5)."
                )
            )
        return super().button_validate()

    def action_cancel(self):
        self._check_not_returned()
        return super().action_cancel()

    def do_unreserve(self):
        self._check_not_returned()
        return super().do_unreserve()

    def action_assign(self):
        self._check_not_returned()
        return super().action_assign()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_returned(self):
        self._check_not_returned()

    def _check_not_returned(self):
        """Raise UserError if a user touches a transfer by which a return travels (L2.5)."""
        if not self.env.su and self and self._get_aftersales_returns():
            raise UserError(self.env._("This transfer belongs to a return and stays with it."))

    def _get_aftersales_returns(self):
        # sudo: only whether there is one is asked, to decide whether the button is refused
        return (
            self.env["aftersales.return"]
            .sudo()
            .search(
                [
                    "|",
                    "|",
                    ("picking_id", "in", self.ids),
                    ("backorder_id", "in", self.ids),
                    ("goods_picking_id", "in", self.ids),
                ],
                limit=1,
            )
        )

    def _get_used_part_return_types(self):
        warehouses = (
            self.env["stock.warehouse"].sudo().search([("company_id", "in", self.company_id.ids)])
        )
        return warehouses.used_part_return_type_id.with_env(self.env)
