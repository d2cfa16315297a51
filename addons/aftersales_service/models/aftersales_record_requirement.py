from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval


class AftersalesRecordRequirement(models.Model):
    """One thing that a service record may not leave blank before the customer signs (M3.4).

    What a regulation demands by itself is shipped as *regulatory*: it can be put in other words,
    but neither left out nor narrowed. Customer service adds what the company wants to know besides.
    """

    _name = "aftersales.record.requirement"
    _description = "Requirement of service records"
    _inherit = ["aftersales.workflow.mixin"]
    _order = "sequence, id"
    _rec_name = "field_name"

    sequence = fields.Integer(default=100)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: holds in every company.")
    field_name = fields.Selection(
        "_selection_field_name",
        "Field",
        required=True,
        help="The field of the service record that may not be left blank. A figure may not be 0.",
    )
    label = fields.Char(
        "Words for it",
        translate=True,
        help="What the technician reads while it is missing. Empty: the name of the field.",
    )
    domain = fields.Char(
        "Applies if",
        default="[]",
        required=True,
        help="It is required only on the service records that meet this condition.",
    )
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", index="btree_not_null", ondelete="restrict"
    )
    is_regulatory = fields.Boolean(
        "By regulation",
        readonly=True,
        copy=False,
        help="The regulations demand it: it can't be left out or narrowed.",
    )

    @api.model
    def _selection_field_name(self):
        record = self.env["aftersales.service.record"]
        return sorted(
            (
                (name, record._fields[name]._description_string(self.env))
                for name in record._get_requirable_fields()
            ),
            key=lambda pair: pair[1],
        )

    @api.depends("field_name", "label")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for requirement in self:
            requirement.display_name = requirement._get_words()

    @api.constrains("field_name")
    def _check_field_name(self):
        requirable = self.env["aftersales.service.record"]._get_requirable_fields()
        for requirement in self:
            if requirement.field_name not in requirable:
                raise ValidationError(
                    self.env._(
                        "“%s” is no field of the service record that is filled in on site.",
                        requirement.field_name,
                    )
                )

    @api.constrains("field_name", "domain")
    def _check_domain(self):
        # sudo: nothing is read; the condition is only put into words for the database
        records = self.env["aftersales.service.record"].sudo()
        for requirement in self:
            try:
                records._search(Domain(requirement._eval_domain()))
            except Exception as error:  # whatever a wrong expression may raise
                raise ValidationError(
                    self.env._(
                        "“%(requirement)s”: the condition can't be used on service records: "
                        "%(error)s",
                        requirement=requirement.display_name,
                        error=error,
                    )
                ) from error

    def write(self, vals):
        if not self.env.su and self._get_changed_names(vals, self._get_fixed_fields()):
            self._check_not_regulatory()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_regulatory(self):
        if not self.env.su:
            self._check_not_regulatory()

    @api.model
    def _get_fixed_fields(self):
        """Return the fields that say what is required, and when."""
        return {"active", "company_id", "domain", "field_name", "regulation_id"}

    def _check_not_regulatory(self):
        for requirement in self.filtered("is_regulatory"):
            raise UserError(
                self.env._(
                    "“%(requirement)s” is demanded by the regulations (%(article)s): no service "
                    "record is complete without it.",
                    requirement=requirement.display_name,
                    article=requirement.regulation_id.code or "M3.4",
                )
            )

    def _get_protected_fields(self):
        return {"is_regulatory"}

    def _eval_domain(self):
        self.ensure_one()
        return safe_eval(self.domain)

    def _get_words(self):
        """Return what is required, in words for the user."""
        self.ensure_one()
        field = self.env["aftersales.service.record"]._fields.get(self.field_name)
        return self.label or (
            field._description_string(self.env) if field else self.field_name or ""
        )

    # --- what the record asks --------------------------------------------------------------

    @api.model
    def _get_requirements(self, company):
        """Return what service records of ``company`` may not leave blank."""
        # sudo: requirements are read to be obeyed, not shown
        return self.sudo().search([("company_id", "in", (company.id, False))])

    def _get_missing(self, record):
        """Return the words for those of the requirements that ``record`` doesn't meet.

        One that can't be evaluated any more is not met: it never opens the gate.
        """
        missing = []
        for requirement in self:
            try:
                if not record.filtered_domain(requirement._eval_domain()):
                    continue
                blank = requirement._is_blank(record[requirement.field_name])
            except Exception:  # whatever a field that was removed since may raise
                missing.append(
                    self.env._(
                        "“%s” can't be checked: ask customer service to correct this requirement",
                        requirement._get_words(),
                    )
                )
                continue
            if blank:
                missing.append(requirement._get_words())
        return missing

    @api.model
    def _is_blank(self, value):
        return not (value.strip() if isinstance(value, str) else value)
