from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AftersalesUsedPartPack(models.TransientModel):
    """Asks for the crate into which used parts are packed (M10.4)."""

    _name = "aftersales.used.part.pack"
    _description = "Pack used parts"
    _inherit = "aftersales.reference.mixin"

    used_part_ids = fields.Many2many("aftersales.used.part", string="Parts", required=True)
    keeper_id = fields.Many2one("res.partner", compute="_compute_keeper")
    company_id = fields.Many2one("res.company", compute="_compute_keeper")
    is_apart = fields.Boolean(compute="_compute_keeper")
    mode = fields.Selection(
        [
            ("repair", "A new crate for each repair"),
            ("new", "One new crate for all"),
            ("existing", "A crate that is there"),
        ],
        "Into",
        required=True,
        default=lambda self: self._default_mode(),
        help="All parts of a repair of gearbox or torque converter go into a crate of their own.",
    )
    crate_ids = fields.Many2many(
        "stock.package", string="Crates here", compute="_compute_crate_ids"
    )
    crate_id = fields.Many2one("stock.package", "Crate", domain="[('id', 'in', crate_ids)]")
    place_id = fields.Many2one(
        "aftersales.storage.place",
        "Where it stands",
        domain="[('keeper_id', '=', keeper_id), ('company_id', '=', company_id)]",
        help="Empty: where the parts lie now, if they all lie in the same place.",
    )

    def _get_reference_fields(self):
        return {"used_part_ids", "crate_id", "place_id"}

    def _default_mode(self):
        parts = self.env["aftersales.used.part"].browse(
            self.env.context.get("default_used_part_ids", ())
        )
        return "new" if parts and not any(parts.mapped("is_packed_apart")) else "repair"

    @api.depends("used_part_ids")
    def _compute_keeper(self):
        for wizard in self:
            wizard.keeper_id = wizard.used_part_ids.keeper_id[:1]
            wizard.company_id = wizard.used_part_ids.company_id[:1]
            wizard.is_apart = any(wizard.used_part_ids.mapped("is_packed_apart"))

    @api.depends("used_part_ids")
    def _compute_crate_ids(self):
        for wizard in self:
            wizard.crate_ids = self.env["aftersales.used.part"]._get_open_crates(
                wizard.keeper_id, wizard.company_id
            )

    def action_pack(self):
        """Pack the parts (M10.4).

        :raises UserError: a part isn't held, or may not be in this crate or place
        """
        self.ensure_one()
        parts = self.used_part_ids
        if self.mode == "existing" and self.crate_id not in self.crate_ids:
            raise UserError(self.env._("Choose a crate that is here and not on its way."))
        if self.mode == "repair":
            crates = parts._pack_by_repair(self.place_id)
        else:
            crate = self.crate_id if self.mode == "existing" else parts._create_crate()
            crates = parts._pack(crate, self.place_id)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "Packed: %s", format_list(self.env, crates.sudo().mapped("name"))
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
