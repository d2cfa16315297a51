from odoo import api, fields, models


class AftersalesUsedPartStore(models.TransientModel):
    """Asks for the place where used parts are stored (M10.1)."""

    _name = "aftersales.used.part.store"
    _description = "Store used parts"
    _inherit = "aftersales.reference.mixin"

    used_part_ids = fields.Many2many("aftersales.used.part", string="Parts", required=True)
    keeper_id = fields.Many2one("res.partner", compute="_compute_keeper")
    company_id = fields.Many2one("res.company", compute="_compute_keeper")
    place_id = fields.Many2one(
        "aftersales.storage.place",
        "Place",
        required=True,
        domain="[('keeper_id', '=', keeper_id), ('company_id', '=', company_id)]",
    )
    issues = fields.Text("Not allowed here", compute="_compute_issues")

    def _get_reference_fields(self):
        return {"used_part_ids", "place_id"}

    @api.depends("used_part_ids")
    def _compute_keeper(self):
        for wizard in self:
            wizard.keeper_id = wizard.used_part_ids.keeper_id[:1]
            wizard.company_id = wizard.used_part_ids.company_id[:1]

    @api.depends("used_part_ids", "place_id")
    @api.depends_context("lang")
    def _compute_issues(self):
        for wizard in self:
            parts = wizard.used_part_ids._origin
            issues = parts._get_storage_issues(wizard.place_id) if wizard.place_id else {}
            wizard.issues = parts._format_issues(issues) or False

    def action_store(self):
        """Store the parts in the place, where the rules of storage allow it (M10.1).

        :raises UserError: a part isn't held, not kept by the place's keeper, or may not lie there
        """
        self.ensure_one()
        self.used_part_ids._store(self.place_id)
        return {"type": "ir.actions.act_window_close"}
