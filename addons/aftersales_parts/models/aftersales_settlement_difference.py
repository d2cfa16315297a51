from odoo import api, fields, models
from odoo.fields import Domain


class AftersalesSettlementDifference(models.Model):
    """差异: a line that is found to be wrong, or to be missing, and what came of it (M8.5, M9.3).

    The service center objects to what the company audited, or our clerk to what the manufacturer
    pays. Entries are made, answered and withdrawn by their actions alone.
    """

    _name = "aftersales.settlement.difference"
    _description = "Difference"
    _regulations = ("M8.5", "M9.3", "H11")
    _inherit = ["aftersales.document.entry", "aftersales.workflow.mixin"]
    _order = "id desc"
    _rec_name = "label"

    settlement_id = fields.Many2one(
        "aftersales.settlement", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="settlement_id.company_id", store=True)
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    center_id = fields.Many2one(related="settlement_id.center_id", store=True, index=True)
    direction = fields.Selection(related="settlement_id.direction")
    line_id = fields.Many2one(
        "aftersales.settlement.line",
        "Line",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="Empty: something is missing on the list.",
    )
    record_id = fields.Many2one(
        "aftersales.service.record",
        "Service record",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    used_part_id = fields.Many2one(
        "aftersales.used.part",
        "Used part",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    label = fields.Char("Subject", readonly=True)
    amount_listed = fields.Monetary(
        "On the list", readonly=True, help="What the line pays, when it was found to be wrong."
    )
    amount_expected = fields.Monetary("Expected", readonly=True)
    amount_agreed = fields.Monetary(
        "Agreed", readonly=True, help="What the line pays after the answer."
    )
    cause = fields.Text(required=True, readonly=True, help="Why another amount is expected.")
    outcome = fields.Text("Answer", readonly=True)
    user_id = fields.Many2one(
        "res.users",
        "Found by",
        required=True,
        readonly=True,
        ondelete="restrict",
        default=lambda self: self.env.user,
    )
    date = fields.Datetime("Found on", required=True, readonly=True, default=fields.Datetime.now)
    decider_id = fields.Many2one("res.users", "Answered by", readonly=True, ondelete="restrict")
    date_decided = fields.Datetime("Answered on", readonly=True)
    state = fields.Selection(
        [
            ("open", "Open"),
            ("accepted", "Accepted"),
            ("refused", "Refused"),
            ("withdrawn", "Withdrawn"),
        ],
        "Status",
        default="open",
        required=True,
        readonly=True,
    )

    _line_open_uniq = models.UniqueIndex(
        "(line_id) WHERE state = 'open'",
        "There is an objection to this line already that isn't answered yet.",
    )

    def _get_protected_fields(self):
        # what somebody found, and what was answered, stays as it was said
        return {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    @api.model
    def _get_document_domain(self):
        # whoever may see a settlement may see what is wrong with it
        return Domain("settlement_id", "in", self.env["aftersales.settlement"]._search([]))
