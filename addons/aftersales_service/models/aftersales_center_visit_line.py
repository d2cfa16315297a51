from odoo import api, fields, models


class AftersalesCenterVisitLine(models.Model):
    """One topic of a support visit, with what was found and advised (L3.4)."""

    _name = "aftersales.center.visit.line"
    _description = "Topic of a support visit"
    _order = "sequence, id"

    visit_id = fields.Many2one(
        "aftersales.center.visit", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="visit_id.company_id", store=True)
    topic_id = fields.Many2one("aftersales.center.visit.topic", "Topic", required=True)
    sequence = fields.Integer(related="topic_id.sequence", store=True)
    guidance = fields.Text(related="topic_id.guidance")
    feedback = fields.Text(help="What was found, advised and answered.")

    _topic_uniq = models.UniqueIndex(
        "(visit_id, topic_id)", "Each topic is listed once on a visit."
    )

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.visit_id._check_open()
        return lines

    def write(self, vals):
        self.visit_id._check_open()
        result = super().write(vals)
        if "visit_id" in vals:
            self.visit_id._check_open()
            self.check_access("write")
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_closed(self):
        self.visit_id._check_open()
