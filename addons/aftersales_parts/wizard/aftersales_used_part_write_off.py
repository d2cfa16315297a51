from odoo import api, fields, models


class AftersalesUsedPartWriteOff(models.TransientModel):
    """The window that asks why parts are written off, and who bears the loss."""

    _name = "aftersales.used.part.write.off"
    _description = "Write off used parts"

    used_part_ids = fields.Many2many("aftersales.used.part", string="Tags", required=True)
    used_part_count = fields.Integer("Parts", compute="_compute_used_part_count")
    reason = fields.Text(required=True)
    bearer = fields.Selection(
        selection=lambda self: self.env["aftersales.used.part"]
        ._fields["loss_bearer"]
        ._description_selection(self.env),
        string="Loss borne by",
        required=True,
        help="Company: the part is settled as if it had come back and been accepted. Service "
        "center: it counts as not returned (M10.3).",
    )

    @api.depends("used_part_ids")
    def _compute_used_part_count(self):
        for wizard in self:
            wizard.used_part_count = len(wizard.used_part_ids)

    def action_confirm(self):
        """Write the parts off."""
        self.ensure_one()
        return self.used_part_ids.action_write_off(self.reason, self.bearer)
