from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AftersalesUsedPartEvent(models.Model):
    """One event in the life of a used part: who did what with it, when and where (M10.3).

    Append-only: nobody writes or deletes an entry, whatever the role.
    """

    _name = "aftersales.used.part.event"
    _description = "Event in the life of a used part"
    _inherit = "aftersales.document.entry"
    _order = "id"
    _rec_name = "event"

    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Tag",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    event = fields.Selection(
        [
            ("removed", "Taken off the machine"),
            ("stored", "Stored"),
            ("packed", "Packed"),
            ("unpacked", "Unpacked"),
            ("printed", "Tag printed"),
            ("swapped", "Swapped for a new part"),
            ("shipped", "Shipped"),
            ("received", "Received"),
            ("accepted", "Accepted"),
            ("deducted", "Deducted"),
            ("rejected", "Rejected"),
            ("scrapped", "Scrapped"),
            ("supplier", "Sent on to the supplier"),
            ("returned", "Returned to the center"),
            ("kept", "Kept again"),
            ("handed_over", "Handed over"),
            ("came_back", "Back from the supplier"),
            ("lost", "Written off"),
            ("found", "Turned up"),
            ("corrected", "Stock corrected"),
            ("charged", "Charged"),
            ("credited", "Charge credited"),
            ("waived", "Charge waived"),
            ("unwaived", "Charged after all"),
            ("ruled", "Accepted by ruling"),
        ],
        required=True,
        readonly=True,
    )
    date = fields.Datetime("When", required=True, readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one(
        "res.users",
        "By",
        required=True,
        readonly=True,
        ondelete="restrict",
        default=lambda self: self.env.user,
    )
    location_id = fields.Many2one("stock.location", "Where", readonly=True, ondelete="restrict")
    return_id = fields.Many2one(
        "aftersales.return", "Return", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    picking_id = fields.Many2one("stock.picking", "Transfer", readonly=True, ondelete="restrict")
    note = fields.Text(readonly=True)

    @api.model
    def _get_document_domain(self):
        # whoever may see a part may see its life
        return Domain("used_part_id", "in", self.env["aftersales.used.part"]._search([]))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("What happened to a used part can't be changed afterwards."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("What happened to a used part can't be deleted."))  # pylint: disable=no-raise-unlink
