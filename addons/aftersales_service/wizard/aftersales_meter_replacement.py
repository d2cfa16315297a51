from odoo import fields, models


class AftersalesMeterReplacement(models.TransientModel):
    """Asks for what both hour meters showed when one replaced the other."""

    _name = "aftersales.meter.replacement"
    _description = "Replace an hour meter"

    card_id = fields.Many2one("aftersales.warranty.card", required=True, readonly=True)
    date = fields.Date(
        required=True,
        default=lambda self: self.env.company._aftersales_local(fields.Datetime.now()).date(),
    )
    old_meter = fields.Float("Old meter (h)", required=True, help="Its last reading.")
    new_meter = fields.Float("New meter (h)", help="What it showed when it was fitted.")
    reason = fields.Text(required=True)

    def action_confirm(self):
        """Record the replacement."""
        self.ensure_one()
        return self.card_id.action_replace_meter(
            self.date, self.old_meter, self.new_meter, self.reason
        )
