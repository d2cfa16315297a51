from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AftersalesReturnInspection(models.Model):
    """What was said about a line of a return: verdicts, objection, second look (L2.8, M8.4).

    Append-only: nobody writes or deletes an entry, whatever the role.
    """

    _name = "aftersales.return.inspection"
    _description = "Entry of the inspection log"
    _inherit = "aftersales.document.entry"
    _order = "id"
    _rec_name = "kind"

    line_id = fields.Many2one(
        "aftersales.return.line",
        "Line",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    return_id = fields.Many2one(related="line_id.return_id", store=True, index=True)
    kind = fields.Selection(
        [
            ("verdict", "Inspection"),
            ("note", "Note"),
            ("objection", "Objection"),
            ("review", "Second look"),
            ("ruling", "Ruling"),
        ],
        "What",
        required=True,
        readonly=True,
    )
    date = fields.Datetime("When", required=True, readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one("res.users", "By", required=True, readonly=True, ondelete="restrict")
    verdict = fields.Selection(
        selection=lambda self: self.env["aftersales.return.line"]._get_verdicts(), readonly=True
    )
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason", "Reason", readonly=True, ondelete="restrict"
    )
    quantity_received = fields.Float("Received quantity", readonly=True, digits="Product Unit")
    quantity_refused = fields.Float("Refused", readonly=True, digits="Product Unit")
    note = fields.Text(readonly=True)

    @api.model
    def _get_document_domain(self):
        # whoever may see a line may see what was said about it
        return Domain("line_id", "in", self.env["aftersales.return.line"]._search([]))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("What was said about returned goods can't be changed."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("What was said about returned goods can't be deleted."))  # pylint: disable=no-raise-unlink
