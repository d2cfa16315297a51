from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError


class AftersalesComplaintTask(models.Model):
    """What a department does about a complaint, until when, and what came out (C7)."""

    _name = "aftersales.complaint.task"
    _description = "Task on a complaint"
    _regulations = ("C7",)
    _inherit = [
        "aftersales.complaint.entry",
        "aftersales.complaint.duty.mixin",
        "aftersales.workflow.mixin",
    ]
    _activity_link = "aftersales_task_id"
    _order = "date_due, id"
    _check_company_auto = True

    complaint_id = fields.Many2one(
        "aftersales.complaint", "Complaint", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="complaint_id.company_id", store=True)
    name = fields.Char("Task", required=True)
    department_id = fields.Many2one(
        "aftersales.department", "Department", required=True, check_company=True, index=True
    )
    duties = fields.Text(related="department_id.duties")
    user_id = fields.Many2one(
        "res.users",
        "Done by",
        domain="[('id', 'in', candidate_ids)]",
        check_company=True,
        index="btree_not_null",
        help="Empty: whoever of the department takes it.",
    )
    date_due = fields.Date("Due on", required=True)
    result = fields.Text()
    state = fields.Selection(
        [("open", "Open"), ("done", "Done")],
        "Status",
        default="open",
        required=True,
        readonly=True,
        copy=False,
    )
    date_done = fields.Datetime("Done on", readonly=True, copy=False)
    is_late = fields.Boolean("Late", compute="_compute_is_late", search="_search_is_late")

    @api.depends("state", "date_due")
    def _compute_is_late(self):
        today = fields.Date.context_today(self)
        for task in self:
            task.is_late = task.state == "open" and task.date_due and task.date_due < today

    @api.model
    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("state", "=", "open"), ("date_due", "<", fields.Date.context_today(self))]

    @api.constrains("user_id", "department_id")
    def _check_user_id(self):
        for task in self:
            if task.user_id and task.user_id not in task.department_id._get_members():
                raise ValidationError(
                    self.env._(
                        "%(user)s doesn't belong to %(department)s. Choose one of its members.",
                        user=task.user_id.name,
                        department=task.department_id.name,
                    )
                )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_done"}

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            self._check_group("aftersales_service.group_customer_service")
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su and (
            changed := self._get_changed_names(vals, self._get_assigned_fields() | {"result"})
        ):
            self._check_complaint_open()
            self._check_task_open()
            if changed & self._get_assigned_fields():
                self._check_group("aftersales_service.group_customer_service")
            self._check_doer()
        return super().write(vals)

    @api.model
    def _get_assigned_fields(self):
        """Return the names of the fields by which customer service gives the task."""
        return {"complaint_id", "name", "department_id", "user_id", "date_due"}

    @api.ondelete(at_uninstall=False)
    def _unlink_except_done(self):
        self._check_group("aftersales_service.group_customer_service")
        self._check_complaint_open()
        self._check_task_open()

    def _check_task_open(self):
        for task in self:
            if task.state == "done":
                raise UserError(self.env._("“%s” is done and stays as it is.", task.name))

    def _check_doer(self):
        """Raise AccessError unless the user gives the tasks or is of the department."""
        user = self.env.user
        if user.has_group("aftersales_service.group_customer_service"):
            return
        for task in self:
            if user not in (task.user_id or task.department_id._get_members()):
                raise AccessError(
                    self.env._(
                        "“%(task)s” is a task of %(owner)s.",
                        task=task.name,
                        owner=task.user_id.name or task.department_id.name,
                    )
                )

    def action_done(self):
        """Close the task with its result (C7)."""
        for task in self:
            task.check_access("write")
            task._check_complaint_open()
            task._check_task_open()
            task._check_doer()
            if not (task.result or "").strip():
                raise UserError(self.env._("Enter the result of “%s” first.", task.name))
            task._write_protected({"state": "done", "date_done": fields.Datetime.now()})
        return True
