from odoo import api, fields, models


class AftersalesDeadline(models.Model):
    """One run of a deadline rule: what was promised on a record, and whether it was kept."""

    _name = "aftersales.deadline"
    _description = "Deadline"
    _inherit = ["aftersales.document.entry", "aftersales.workflow.mixin"]
    _document_mixin = "aftersales.deadline.mixin"
    _order = "date_due, id"
    _rec_name = "rule_id"

    rule_id = fields.Many2one(
        "aftersales.deadline.rule", required=True, readonly=True, ondelete="restrict", index=True
    )
    regulation_id = fields.Many2one(related="rule_id.regulation_id")
    res_model = fields.Char("Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        "Record", model_field="res_model", required=True, readonly=True
    )
    record_name = fields.Char("Document", readonly=True)
    partner_id = fields.Many2one(
        "res.partner",
        "Responsible",
        readonly=True,
        index=True,
        help="Who has to keep the promise.",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    date_start = fields.Datetime("Started", required=True, readonly=True)
    date_due = fields.Datetime("Due", required=True, readonly=True)
    date_met = fields.Datetime("Met on", readonly=True)
    state = fields.Selection(
        [
            ("running", "Running"),
            ("met", "Met"),
            ("late", "Met late"),
            ("missed", "Missed"),
            ("cancelled", "Cancelled"),
        ],
        "Status",
        default="running",
        required=True,
        readonly=True,
        help="Met late: what was promised was done, but after the due moment. Missed: it is "
        "overdue and not done yet.",
    )

    _record_idx = models.Index("(res_model, res_id)")
    _sweep_idx = models.Index("(date_due) WHERE state = 'running'")

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_start", "date_due", "date_met"}

    def _meet(self, moment):
        """Mark deadlines as met at ``moment`` (naive UTC), again if the moment is corrected."""
        for deadline in self.filtered(lambda d: d.state != "cancelled"):
            deadline._write_protected(
                {
                    "date_met": moment,
                    "state": "met" if moment <= deadline.date_due else "late",
                }
            )

    def action_open_record(self):
        """Open the document that the promise was made on."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }

    @api.model
    def _cron_sweep(self, batch=1000):
        """Mark overdue deadlines as missed, in batches."""
        domain = [("state", "=", "running"), ("date_due", "<", fields.Datetime.now())]
        overdue = self.search(domain, limit=batch)
        overdue._write_protected({"state": "missed"})
        self.env["ir.cron"]._commit_progress(len(overdue), remaining=self.search_count(domain))
