from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_list

from .aftersales_settlement import AGREED_STATES, OPEN_STATES


class AftersalesSettlementCorrection(models.Model):
    """What a later list of the center corrects, because an earlier one is agreed on for good.

    Paid, but refused since: taken back (M8.4). Not paid, but ruled to be paid: paid (L1.7). Each
    once; what a list can't bear waits for the following one.
    """

    _name = "aftersales.settlement.correction"
    _description = "Correction by a later settlement"
    _regulations = ("M8.4", "L1.7", "H11")
    _inherit = ["aftersales.document.entry", "aftersales.workflow.mixin"]
    _order = "id"
    _rec_name = "label"

    origin_line_id = fields.Many2one(
        "aftersales.settlement.line",
        "Corrects",
        required=True,
        readonly=True,
        ondelete="restrict",
        index=True,
    )
    company_id = fields.Many2one(related="origin_line_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one(related="origin_line_id.center_id", store=True, index=True)
    label = fields.Char("Subject", readonly=True)
    kind = fields.Selection(
        [("claw_back", "Taken back"), ("ruling", "Ruling")], required=True, readonly=True
    )
    amount = fields.Monetary(
        required=True, readonly=True, help="What is paid in all; less than 0: taken back."
    )
    reason = fields.Text(required=True, readonly=True)
    dispute_id = fields.Many2one(
        "aftersales.dispute", "Ruling", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    line_ids = fields.One2many(
        "aftersales.settlement.line", "correction_id", "Lines", readonly=True
    )
    amount_settled = fields.Monetary(
        "Settled", compute="_compute_state", store=True, help="By lists that are agreed on."
    )
    amount_rest = fields.Monetary("Rest", compute="_compute_state", store=True)
    state = fields.Selection(
        [("waiting", "Waits for the next list"), ("listed", "On a list"), ("done", "Done")],
        "Status",
        compute="_compute_state",
        store=True,
        default="waiting",
    )
    user_id = fields.Many2one(
        "res.users",
        "By",
        required=True,
        readonly=True,
        ondelete="restrict",
        default=lambda self: self.env.user,
    )
    date = fields.Datetime("When", required=True, readonly=True, default=fields.Datetime.now)

    _origin_kind_uniq = models.UniqueIndex(
        "(origin_line_id, kind)", "This line is corrected for that reason already."
    )

    @api.depends("amount", "line_ids.amount_payable", "line_ids.settlement_id.state")
    def _compute_state(self):
        for correction in self:
            lines = correction.line_ids
            agreed = lines.filtered(lambda line: line.settlement_id.state in AGREED_STATES)
            settled = sum(agreed.mapped("amount_payable"))
            correction.amount_settled = settled
            correction.amount_rest = correction.currency_id.round(correction.amount - settled)
            if lines.filtered(lambda line: line.settlement_id.state in OPEN_STATES):
                correction.state = "listed"
            else:
                is_done = correction.currency_id.is_zero(correction.amount_rest)
                correction.state = "done" if is_done else "waiting"

    def _get_protected_fields(self):
        return {
            name
            for name, field in self._fields.items()
            if field.store and name not in models.MAGIC_COLUMNS
        }

    @api.model
    def _get_document_domain(self):
        # whoever may see a settlement may see what corrects it
        settlements = self.env["aftersales.settlement"]._search([])
        return Domain("origin_line_id.settlement_id", "in", settlements)

    def _limit(self, amount):
        """Let no more than ``amount`` be corrected in all, in the company's currency."""
        self.ensure_one()
        self._write_protected({"amount": amount})

    def _list(self):
        """Put what waits on the drafts that the centers have, of the same kind."""
        # sudo: whoever decides on a correction need not see the lists of the center
        drafts = (
            self.env["aftersales.settlement"]
            .sudo()
            .search(
                [
                    ("company_id", "in", self.company_id.ids),
                    ("center_id", "in", self.center_id.ids),
                    ("direction", "=", "payable"),
                    ("state", "=", "draft"),
                ],
                order="month, supplement, id",
            )
        )
        drafts._add_corrections()

    def _prepare_line_vals(self, settlement, amount):
        self.ensure_one()
        origin = self.origin_line_id
        return {
            "settlement_id": settlement.id,
            "kind": "correction",
            "correction_id": self.id,
            "origin_line_id": origin.id,
            "tag": origin.tag,
            "record_id": origin.record_id.id,
            "product_id": origin.product_id.id,
            "price_unit": amount,
            "amount_base": amount,
            "amount_claimed": amount,
            "note": self.reason,
        }

    def _note_settled(self):
        """Say on what was paid and refused by which lists it is taken back (M8.4)."""
        for correction in self:
            if correction.kind == "claw_back" and correction.state == "done":
                note = correction._get_settled_note()
                correction.origin_line_id._write_protected({"recovery_note": note})

    def _get_settled_note(self):
        """Return by which agreed lists it was taken back, in the company's language."""
        self.ensure_one()
        lists = [
            f"{line.settlement_id.name} ({self.currency_id.format(-line.amount_payable)})"
            for line in self.line_ids
            if line.settlement_id.state in AGREED_STATES and line.amount_payable
        ]
        lang = self.company_id.partner_id.lang or self.env.lang
        return self.with_context(lang=lang).env._(
            "Taken back with %s", format_list(self.env, lists, lang_code=lang)
        )

    def _is_noted(self):
        """Tell whether the lists, and nobody by hand, say how it was recovered."""
        self.ensure_one()
        return (
            self.kind == "claw_back"
            and self.origin_line_id.recovery_note == self._get_settled_note()
        )

    @api.model
    def _correct(self, vals_list):
        """Return new corrections, on the drafts of their centers as far as these bear them.

        :param list vals_list: dicts of ``origin_line_id``, ``kind``, ``amount`` and ``reason``
        :raises UserError: a line is corrected for that reason already
        """
        origins = self.env["aftersales.settlement.line"].browse(
            vals["origin_line_id"] for vals in vals_list
        )
        # sudo: the callers decide who corrects what; nobody writes a correction by hand
        corrections = self.sudo()
        # nobody else corrects the same line at this moment
        origins.sudo().lock_for_update(allow_referencing=True)
        kinds = {(vals["origin_line_id"], vals["kind"]) for vals in vals_list}
        known = corrections.search([("origin_line_id", "in", origins.ids)]).filtered(
            lambda correction: (correction.origin_line_id.id, correction.kind) in kinds
        )
        if known:
            raise UserError(
                self.env._("Corrected already: %s", format_list(self.env, known.mapped("label")))
            )
        created = corrections.create([{**vals, "user_id": self.env.uid} for vals in vals_list])
        created._list()
        return created
