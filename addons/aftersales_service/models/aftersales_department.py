from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain


class AftersalesDepartment(models.Model):
    """A department that takes part in after-sales work, with its duties in complaints (C7, H1)."""

    _name = "aftersales.department"
    _description = "Department"
    _regulations = ("C7", "H1")
    _order = "sequence, id"
    _rec_names_search = ["name", "code"]
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="By which evaluations tell departments apart.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", index="btree_not_null", help="Empty: for all companies."
    )
    manager_id = fields.Many2one(
        "res.users",
        "Head",
        domain=[("share", "=", False)],
        check_company=True,
        index="btree_not_null",
        help="Answers for the department's part, and decides on sanctions of its staff.",
    )
    group_id = fields.Many2one(
        "res.groups",
        "Role",
        domain=lambda self: [
            ("privilege_id", "=", self.env.ref("aftersales_service.privilege_aftersales").id)
        ],
        index="btree_not_null",
        help="Everybody with this role belongs to the department.",
    )
    user_ids = fields.Many2many(
        "res.users",
        "aftersales_department_user_rel",
        "department_id",
        "user_id",
        "Members",
        domain=[("share", "=", False)],
        help="Who belongs to it by name: where no role makes out the department, or beside it.",
    )
    duties = fields.Text(translate=True, help="What the department does about a complaint (C7).")

    _code_uniq = models.UniqueIndex(
        "(code, COALESCE(company_id, 0))", "There is already a department of this code."
    )

    @api.constrains("group_id")
    def _check_group_id(self):
        roles = self.env.ref("aftersales_service.privilege_aftersales").sudo().group_ids
        for department in self:
            if department.group_id and department.group_id not in roles:
                raise ValidationError(
                    self.env._(
                        "“%(group)s” is no role of the after-sales application. Choose one, or "
                        "name the members of %(department)s.",
                        group=department.group_id.sudo().name,
                        department=department.name,
                    )
                )

    @api.model
    def _get_own_domain(self, user):
        """Return the domain of the departments that ``user`` belongs to."""
        return (
            Domain("manager_id", "=", user.id)
            | Domain("user_ids", "in", user.ids)
            # sudo: which roles somebody has decides on where he belongs, whoever looks
            | Domain("group_id", "in", user.sudo().all_group_ids.ids)
        )

    def _get_members(self):
        """Return the active users who belong to one of these departments."""
        # sudo: whoever sees the department may know who works there
        departments = self.sudo()
        members = departments.manager_id | departments.user_ids | departments.group_id.all_user_ids
        return members.filtered(lambda user: user.active and not user.share)
