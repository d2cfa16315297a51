from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError


class AftersalesComplaintSanction(models.Model):
    """What was decided about those who caused or delayed a complaint (E3, C9, M12).

    For the eyes of those who decide: the head of the responsible department and the VP. Colleagues,
    customer service included, learn only that it was decided.
    """

    _name = "aftersales.complaint.sanction"
    _description = "Sanction"
    _regulations = ("E3", "C9", "M12")
    _inherit = "aftersales.workflow.mixin"
    _order = "id"
    _rec_name = "note"
    _check_company_auto = True

    complaint_id = fields.Many2one(
        "aftersales.complaint", "Complaint", required=True, ondelete="cascade", index=True
    )
    stage_id = fields.Many2one(
        "aftersales.complaint.stage",
        "Decided at",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="What was decided before the complaint was judged or investigated anew stays, but no "
        "longer counts.",
    )
    company_id = fields.Many2one(related="complaint_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    department_id = fields.Many2one(
        related="complaint_id.responsible_department_id", string="Department"
    )
    reason = fields.Selection(
        [("cause", "Caused the complaint"), ("delay", "Delayed its handling")],
        "Sanctioned for",
        required=True,
        default="cause",
        help="Those who delay the handling answer for it, too (E3).",
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Person",
        domain="[('is_company', '=', False)]",
        check_company=True,
        help="Empty: the department or service center as a whole.",
    )
    measure = fields.Selection(
        [
            ("none", "No sanction"),
            ("reprimand", "Reprimand"),
            ("training", "Training"),
            ("deduction", "Deduction of bonus"),
            ("other", "Other"),
        ],
        "Kind of sanction",
        required=True,
        default="none",
    )
    amount = fields.Monetary(help="Deducted from bonus or pay.")
    note = fields.Text("Grounds", required=True, help="Why this, or why no sanction.")
    user_id = fields.Many2one(
        "res.users",
        "Decided by",
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
        copy=False,
    )
    date = fields.Datetime(
        "Decided on", required=True, readonly=True, default=fields.Datetime.now, copy=False
    )

    _amount_positive = models.Constraint("CHECK(amount >= 0)", "The amount can't be negative.")

    @api.constrains("measure", "amount")
    def _check_amount(self):
        for sanction in self:
            if bool(sanction.amount) != (sanction.measure == "deduction"):
                raise ValidationError(
                    self.env._("A deduction has an amount, and nothing else has one.")
                )

    def _get_protected_fields(self):
        return {"user_id", "date", "stage_id"}

    @api.model_create_multi
    def create(self, vals_list):
        sanctions = super().create(vals_list)
        for sanction in sanctions:
            # sudo: the stage at which the complaint is, whoever decides
            stage = sanction.sudo().complaint_id._get_current_stage()
            sanction._write_protected({"stage_id": stage.id})
        sanctions._check_decision()
        return sanctions

    def write(self, vals):
        if not self.env.su:
            self._check_decision()
        result = super().write(vals)
        if not self.env.su:
            self._check_decision()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_open(self):
        self._check_decision()

    def _check_decision(self):
        """Raise unless it is time to decide and the user is the one who does (E3)."""
        for sanction in self:
            # sudo: the head of a department decides on complaints that he may not see otherwise
            complaint = sanction.sudo().complaint_id
            if complaint.state != "sanction":
                raise UserError(
                    self.env._(
                        "Sanctions are decided at the stage “%(stage)s”; %(complaint)s isn't "
                        "there.",
                        stage=complaint._get_stage_label("sanction"),
                        complaint=complaint.name,
                    )
                )
            if sanction not in complaint._get_current_sanctions():
                raise UserError(
                    self.env._(
                        "This was decided before %s came back, and stays as it was: decide anew.",
                        complaint.name,
                    )
                )
            if not complaint._is_judge_of_sanction() or sanction.partner_id == (
                self.env.user.partner_id
            ):
                raise AccessError(
                    self.env._(
                        "Sanctions are decided by the head of the responsible department or the "
                        "VP, and never by the person concerned."
                    )
                )
