from odoo import api, fields, models


class AftersalesReturnInspect(models.TransientModel):
    """The window for a verdict on one or many lines of returns, or for the second look."""

    _name = "aftersales.return.inspect"
    _description = "Verdict on returned goods"
    _inherit = "aftersales.reference.mixin"

    line_ids = fields.Many2many("aftersales.return.line", string="Goods", required=True)
    is_review = fields.Boolean("Second look", compute="_compute_is_review")
    line_count = fields.Integer("Number of lines", compute="_compute_is_review")
    objection = fields.Text(compute="_compute_is_review")
    verdict = fields.Selection(
        selection=lambda self: self.env["aftersales.return.line"]._get_verdicts(),
        required=True,
        default="deduct",
        help="Deduct what came back but is not paid; reject what counts as not returned (M8.4, "
        "M10.3).",
    )
    deduction_reason_id = fields.Many2one("aftersales.deduction.reason", "Reason")
    has_quantity = fields.Boolean(compute="_compute_has_quantity")
    quantity_refused = fields.Float(
        "Refused",
        compute="_compute_quantity_refused",
        store=True,
        readonly=False,
        digits="Product Unit",
        help="How much of what was received is deducted or rejected.",
    )
    note = fields.Char("Inspector's note", help="What was found. The sender reads it.")

    def _get_reference_fields(self):
        return {"line_ids"}

    @api.depends("line_ids")
    def _compute_is_review(self):
        for wizard in self:
            wizard.is_review = "open" in wizard.line_ids.mapped("objection_state")
            wizard.line_count = len(wizard.line_ids)
            wizard.objection = "\n".join(filter(None, wizard.line_ids.mapped("objection")))

    @api.depends("line_ids")
    def _compute_has_quantity(self):
        for wizard in self:
            # only of one kind of goods at once
            lines = wizard.line_ids
            wizard.has_quantity = len(lines) == 1 and not lines.used_part_id

    @api.depends("line_ids")
    def _compute_quantity_refused(self):
        for wizard in self:
            lines = wizard.line_ids
            wizard.quantity_refused = lines.quantity_received if len(lines) == 1 else 0

    def action_confirm(self):
        """Enter the verdict on all the lines at once."""
        self.ensure_one()
        reason = self.deduction_reason_id if self.verdict != "accept" else False
        if self.is_review:
            return self.line_ids.action_review(
                self.verdict,
                reason and reason.id,
                self.note,
                self.quantity_refused if self.has_quantity else None,
            )
        vals = {"verdict": self.verdict, "deduction_reason_id": reason and reason.id}
        if self.note:
            vals["note"] = self.note
        if self.verdict == "accept":
            vals["is_complete"] = True
        elif self.has_quantity:
            vals["quantity_refused"] = self.quantity_refused
        self.line_ids.write(vals)
        return True
