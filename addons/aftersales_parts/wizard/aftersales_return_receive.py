from odoo import api, fields, models


class AftersalesReturnReceive(models.TransientModel):
    """The window in which logistics scans what arrived, tag by tag."""

    _name = "aftersales.return.receive"
    _description = "Receive a return"

    return_id = fields.Many2one("aftersales.return", required=True, readonly=True)
    tags = fields.Text(
        "Scanned tags", required=True, help="One tag number per line, as the scanner types them."
    )
    scanned_count = fields.Integer("Good", compute="_compute_feedback")
    missing = fields.Text("Not scanned yet", compute="_compute_feedback")
    unknown = fields.Text("Not on this return", compute="_compute_feedback")

    def _get_numbers(self):
        return [tag.strip() for tag in (self.tags or "").splitlines() if tag.strip()]

    @api.depends("tags", "return_id")
    def _compute_feedback(self):
        for wizard in self:
            scanned = set(wizard._get_numbers())
            pending = wizard.return_id.line_ids.filtered(lambda line: not line.is_received)
            expected = set(pending.used_part_id.mapped("name"))
            wizard.scanned_count = len(scanned & expected)
            wizard.missing = "\n".join(sorted(expected - scanned))
            wizard.unknown = "\n".join(sorted(scanned - expected))

    def action_receive(self):
        """Receive the scanned tags; the rest stays as backorder."""
        self.ensure_one()
        return self.return_id.action_receive(self._get_numbers())
