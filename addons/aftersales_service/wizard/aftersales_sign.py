from odoo import api, fields, models


class AftersalesSign(models.TransientModel):
    """The window in which the customer signs on the screen."""

    _name = "aftersales.sign"
    _description = "Customer's signature"

    record_id = fields.Many2one("aftersales.service.record", required=True, readonly=True)
    part_ids = fields.One2many(related="record_id.part_ids", related_sudo=False)
    work_done = fields.Text(related="record_id.work_done", related_sudo=False)
    signed_by = fields.Char("Name of the person who signs", required=True)
    signature = fields.Binary(required=True, attachment=False)

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards.record_id.check_access("write")
        return wizards

    def action_sign(self):
        """Put the signature under the record."""
        self.ensure_one()
        return self.record_id.action_sign(self.signed_by, self.signature)
