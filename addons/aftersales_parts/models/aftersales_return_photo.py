from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AftersalesReturnPhoto(models.Model):
    """A photo of returned goods: of their condition on arrival, or of one line (L2.8, M10.2).

    Evidence is never changed; who took a photo may take it off while the goods are inspected.
    """

    _name = "aftersales.return.photo"
    _description = "Photo of returned goods"
    _inherit = ["aftersales.reference.mixin", "aftersales.document.entry"]
    _order = "return_id, line_id, id"
    _rec_name = "note"

    return_id = fields.Many2one(
        "aftersales.return",
        "Return",
        compute="_compute_return_id",
        store=True,
        precompute=True,
        readonly=False,
        required=True,
        index=True,
        ondelete="cascade",
    )
    line_id = fields.Many2one(
        "aftersales.return.line",
        "Line",
        index="btree_not_null",
        ondelete="restrict",
        help="Empty: the photo shows the delivery as a whole.",
    )
    image = fields.Image("Photo", required=True, max_width=1920, max_height=1920)
    note = fields.Char(help="What is to be seen.")
    user_id = fields.Many2one(
        "res.users",
        "Taken by",
        required=True,
        readonly=True,
        ondelete="restrict",
        default=lambda self: self.env.user,
    )

    def _get_reference_fields(self):
        return {"return_id", "line_id"}

    @api.depends("line_id")
    def _compute_return_id(self):
        for photo in self:
            photo.return_id = photo.line_id.return_id or photo.return_id

    @api.constrains("return_id", "line_id")
    def _check_line_id(self):
        for photo in self:
            if photo.line_id and photo.line_id.return_id != photo.return_id:
                raise UserError(self.env._("The line belongs to another return than the photo."))

    @api.model
    def _get_document_domain(self):
        # whoever may see a return may see its photos
        return Domain("return_id", "in", self.env["aftersales.return"]._search([]))

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self.env["aftersales.service.record.photo"]._check_image(vals.get("image"))
            if not self.env.su:
                vals["user_id"] = self.env.uid
        photos = super().create(vals_list)
        photos._check_open()
        return photos

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("A photo stays as it was taken. Take another one."))

    @api.ondelete(at_uninstall=False)
    def _unlink_own_while_open(self):
        self._check_open()
        if any(photo.user_id != self.env.user for photo in self):
            raise UserError(self.env._("Only who took a photo may take it off again."))

    def _check_on_spot(self):
        """Raise unless the manager takes it before he reports goods as dealt with (L2.4)."""
        self.return_id._check_group("aftersales_service.group_office_manager")
        if self.return_id.state != "approved":
            raise UserError(
                self.env._(
                    "Photos of what is dealt with on the spot are taken when %s is approved and "
                    "before it is reported.",
                    self.return_id.name,
                )
            )

    def _check_open(self):
        """Raise UserError unless the goods lie before the inspector, or before the manager."""
        for photo in self:
            line = photo.line_id
            if photo.return_id.is_on_spot:
                photo._check_on_spot()
                continue
            if not self.env.su:
                line._check_inspector()
            if line and not (line._is_inspectable() or line.objection_state == "open"):
                raise UserError(
                    self.env._(
                        "Photos of “%s” are taken after receipt and before verification, or while "
                        "an objection is open.",
                        line.display_name,
                    )
                )
            if not line and photo.return_id.state not in ("shipped", "received"):
                raise UserError(
                    self.env._(
                        "Photos of the delivery are taken when it arrives: %s isn't there yet, or "
                        "is verified already.",
                        photo.return_id.name,
                    )
                )
