from odoo import fields, models


class AftersalesFapiaoImportMatch(models.TransientModel):
    """A proposal of how fapiao fit to settlements, as it is shown after a drop of files (M8.6)."""

    _name = "aftersales.fapiao.import.match"
    _description = "Proposed match of fapiao"
    _inherit = "aftersales.given.mixin"
    _transient_max_hours = 24
    _order = "is_exact desc, id"

    import_id = fields.Many2one(
        "aftersales.fapiao.import", required=True, ondelete="cascade", index=True, readonly=True
    )
    fapiao_ids = fields.Many2many(
        "aftersales.fapiao",
        "aftersales_fapiao_import_match_fapiao_rel",
        string="Fapiao",
        readonly=True,
    )
    settlement_ids = fields.Many2many(
        "aftersales.settlement",
        "aftersales_fapiao_import_match_settlement_rel",
        string="Settlements",
        readonly=True,
    )
    currency_id = fields.Many2one(related="import_id.company_id.currency_id")
    amount = fields.Monetary("Gross", readonly=True, help="What the fapiao have open together.")
    difference = fields.Monetary(
        readonly=True,
        help="What the fapiao lack for the settlements; negative: they are too much.",
    )
    is_exact = fields.Boolean("Fits to the cent", readonly=True)
    is_red = fields.Boolean("Red", readonly=True)
    failed_count = fields.Integer("Failed checks", readonly=True)
    reason = fields.Char(readonly=True)

    def action_open_fapiao(self):
        """Open the fapiao, to look at its checks or to enter what is missing."""
        self.ensure_one()
        return self.fapiao_ids._get_records_action(name=self.env._("Fapiao"))

    def action_open_settlements(self):
        """Open the settlements that the fapiao are compared with."""
        self.ensure_one()
        return self.settlement_ids._get_records_action(name=self.env._("Settlements"))

    def action_match_partly(self):
        """Match what is there of an amount that doesn't fit; the rest waits (M8.6)."""
        self.ensure_one()
        fapiaos = self.fapiao_ids
        proposals = [p for p in fapiaos._propose_matches() if p["fapiaos"] == fapiaos]
        for proposal in proposals:
            self.env["aftersales.fapiao.match"]._match(proposal["amounts"])
        self.import_id._propose()
        return True

    def action_apply_red(self):
        """Take back the blue fapiao by the red one."""
        self.ensure_one()
        self.fapiao_ids.action_apply_red()
        self.import_id._propose()
        return True
