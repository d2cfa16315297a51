from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.aftersales_service_record import RATINGS, SIGNER_ROLES


class AftersalesSign(models.TransientModel):
    """The window in which the customer reads what was done, rates it and signs (M3.4, H9)."""

    _name = "aftersales.sign"
    _description = "Customer's signature"

    record_id = fields.Many2one("aftersales.service.record", required=True, readonly=True)
    product_id = fields.Many2one(related="record_id.product_id", related_sudo=False)
    serial_number = fields.Char(related="record_id.serial_number")
    part_ids = fields.One2many(related="record_id.part_ids", related_sudo=False)
    left = fields.Text(compute="_compute_left")
    fault = fields.Text(related="record_id.fault", related_sudo=False)
    cause = fields.Text(related="record_id.cause", related_sudo=False)
    work_done = fields.Text(related="record_id.work_done", related_sudo=False)
    advice = fields.Text(related="record_id.advice", related_sudo=False)
    is_charged = fields.Boolean(compute="_compute_is_charged")
    content_rating = fields.Selection(RATINGS, "Content of the service")
    quality_rating = fields.Selection(RATINGS, "Quality of the work")
    attitude_rating = fields.Selection(RATINGS, "Attitude of the technician")
    is_unrated = fields.Boolean("The customer gives no rating")
    signer_note = fields.Text("Remark of the customer")
    signed_by = fields.Char("Name of the person who signs", required=True)
    signer_role = fields.Selection(SIGNER_ROLES, "Signs as", default="customer", required=True)
    signature = fields.Binary(required=True, attachment=False)

    @api.depends("part_ids.verdict")
    def _compute_is_charged(self):
        for wizard in self:
            wizard.is_charged = bool(
                {"chargeable", "refuse"} & {*wizard.part_ids.mapped("verdict")}
            )

    @api.depends("record_id.check_ids.result", "record_id.check_ids.note")
    def _compute_left(self):
        for wizard in self:
            left = wizard.record_id.check_ids.filtered(lambda check: check.result == "left")
            wizard.left = "\n".join(f"{check.name}: {check.note}" for check in left) or False

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards.record_id.check_access("write")
        return wizards

    def action_sign(self):
        """Put the signature and the ratings under the record.

        :raises UserError: the customer neither rated nor declined to
        """
        self.ensure_one()
        ratings = {name: self[name] for name in self.record_id._get_rating_fields()}
        if self.is_unrated:
            ratings = dict.fromkeys(ratings, False)
        elif not all(ratings.values()):
            raise UserError(
                self.env._(
                    "Let the customer rate content, quality and attitude, or tick that there is no "
                    "rating (H9)."
                )
            )
        return self.record_id.action_sign(
            self.signed_by,
            self.signature,
            signer_role=self.signer_role,
            signer_note=self.signer_note,
            **ratings,
        )
