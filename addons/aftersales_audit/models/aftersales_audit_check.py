from odoo import fields, models
from odoo.exceptions import UserError


class AftersalesAuditCheck(models.Model):
    """One article checked at the audited office. Unanswered is not failed."""

    _name = "aftersales.audit.check"
    _description = "Audit check"
    _inherit = ["aftersales.workflow.mixin"]
    _order = "plan_id desc, id"
    _rec_name = "regulation_id"
    _check_company_auto = True

    plan_id = fields.Many2one(
        "aftersales.audit.plan",
        "Audit plan",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="plan_id.company_id", store=True)
    office_id = fields.Many2one(related="plan_id.office_id", store=True)
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", required=True, readonly=True, ondelete="restrict"
    )
    result = fields.Selection(
        [
            ("open", "Open"),
            ("pass", "Pass"),
            ("fail", "Fail"),
            ("not_applicable", "Not applicable"),
        ],
        required=True,
        default="open",
    )
    evidence = fields.Text(help="What was looked at: documents, numbers, who was asked.")
    note = fields.Text()

    _plan_regulation_uniq = models.Constraint(
        "UNIQUE(plan_id, regulation_id)", "A plan checks an article once."
    )

    def _get_protected_fields(self):
        return {"plan_id", "regulation_id"}

    def write(self, vals):
        if not self.env.su:
            self.plan_id._check_auditing()
            if any(check.plan_id.state != "in_progress" for check in self):
                raise UserError(self.env._("Checks are answered while the audit is in progress."))
        return super().write(vals)
