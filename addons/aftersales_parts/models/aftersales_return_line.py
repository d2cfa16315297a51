from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class AftersalesReturnLine(models.Model):
    """One tag on a return: announced, received or missing, accepted or deducted."""

    _name = "aftersales.return.line"
    _description = "Return line"
    _inherit = "aftersales.approval.line.mixin"
    _order = "return_id, id"
    _rec_name = "used_part_id"
    _approval_document = "return_id"

    return_id = fields.Many2one(
        "aftersales.return", "Return", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="return_id.company_id", store=True)
    center_id = fields.Many2one(related="return_id.center_id", store=True)
    region_id = fields.Many2one(related="return_id.region_id", store=True)
    used_part_id = fields.Many2one(
        "aftersales.used.part", "Tag", required=True, ondelete="restrict", index=True
    )
    product_id = fields.Many2one(related="used_part_id.product_id", string="Part")
    record_id = fields.Many2one(related="used_part_id.record_id", string="Service record")
    part_state = fields.Selection(related="used_part_id.state", string="Status of the part")
    is_open = fields.Boolean(compute="_compute_is_open", store=True)
    is_received = fields.Boolean("Received", readonly=True, copy=False)
    is_missing = fields.Integer(
        "Missing", readonly=True, copy=False, help="1 if the tag was announced but did not arrive."
    )
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason",
        "Deduction",
        copy=False,
        help="Empty: the part is accepted when the return is verified.",
    )

    _used_part_uniq = models.Constraint(
        "UNIQUE(return_id, used_part_id)", "This tag is already on the return."
    )

    @api.depends("return_id.state")
    def _compute_is_open(self):
        for line in self:
            line.is_open = line.return_id.state not in ("verified", "cancelled")

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"is_received", "is_missing"}

    @api.constrains("used_part_id", "return_id")
    def _check_used_part_id(self):
        for line in self:
            part = line.used_part_id
            if part.center_id != line.return_id.center_id:
                raise UserError(
                    self.env._(
                        "%(tag)s belongs to %(owner)s, not to %(center)s.",
                        tag=part.name,
                        owner=part.center_id.name,
                        center=line.return_id.center_id.name,
                    )
                )
            others = part.return_line_ids.filtered("is_open") - line
            if others:
                raise UserError(
                    self.env._(
                        "%(tag)s is already on the return %(document)s.",
                        tag=part.name,
                        document=others.return_id[:1].name,
                    )
                )

    def _check_held(self):
        gone = self.used_part_id.filtered(lambda p: p.state != "held")
        if gone:
            raise UserError(
                self.env._(
                    "Not at the service center any more: %s. Take them off the return.",
                    format_list(self.env, gone.mapped("name")),
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            vals_list = [
                {name: value for name, value in vals.items() if name != "deduction_reason_id"}
                for vals in vals_list
            ]
        return super().create(vals_list)

    def write(self, vals):
        if "deduction_reason_id" in vals and not self.env.su:
            if not self.env.user.has_group("aftersales_service.group_quality"):
                self._check_group("aftersales_service.group_logistics")
            if any(line.part_state != "received" for line in self):
                raise UserError(
                    self.env._("Deductions are entered after receipt and before verification.")
                )
        return super().write(vals)
