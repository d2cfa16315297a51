from odoo import api, fields, models
from odoo.fields import Command


class AftersalesReturnDeal(models.TransientModel):
    """The window in which the manager reports what was dealt with on the spot (L2.4)."""

    _name = "aftersales.return.deal"
    _description = "Report as dealt with"
    _inherit = "aftersales.reference.mixin"

    return_id = fields.Many2one("aftersales.return", required=True, readonly=True)
    reason = fields.Text("What was done", required=True)
    line_ids = fields.One2many("aftersales.return.deal.line", "wizard_id", "Goods")

    def _get_reference_fields(self):
        return {"return_id"}

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        if "line_ids" in fields_list and values.get("return_id"):
            document = self.env["aftersales.return"].browse(values["return_id"])
            document.check_access("write")
            values["line_ids"] = [
                Command.create({"line_id": line.id, "quantity": line.quantity})
                for line in document.line_ids
            ]
        return values

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards.return_id.check_access("write")
        return wizards

    def action_deal(self):
        """Report what was done, with the quantities that were dealt with."""
        self.ensure_one()
        lines = self.line_ids
        return self.return_id.action_deal_on_spot(
            self.reason,
            {line.line_id.id: line.quantity for line in lines},
            {line.line_id.id: line.note for line in lines},
        )
