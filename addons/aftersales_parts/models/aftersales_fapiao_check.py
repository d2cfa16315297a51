from odoo import api, fields, models
from odoo.exceptions import UserError

# what an accountant may accept with a reason; whatever else fails blocks the fapiao
ACCEPTABLE = ("confirmed", "rate", "twin")


class AftersalesFapiaoCheck(models.Model):
    """One check of a fapiao and how it ended."""

    _name = "aftersales.fapiao.check"
    _description = "Fapiao check"
    _inherit = "aftersales.given.mixin"
    _order = "id"
    _rec_name = "code"

    fapiao_id = fields.Many2one(
        "aftersales.fapiao", required=True, ondelete="cascade", index=True, readonly=True
    )
    company_id = fields.Many2one(related="fapiao_id.company_id", store=True)
    code = fields.Selection(
        [
            ("number", "20 digits that begin with the year of issue, or code and number"),
            ("province", "The number's province is that of the tax bureau"),
            ("header", "The number is the same in both places of the file"),
            ("date", "Issued not later than today"),
            ("confirmed", "Issued not before the settlement was confirmed"),
            ("sums", "Net and VAT make the gross amount"),
            ("lines", "The lines add up to net and VAT"),
            ("rates", "Rate × net is the VAT of each line"),
            ("rate", "The VAT is what the rates agreed on give"),
            ("capitals", "The amount in capitals is the gross amount"),
            ("kind", "A special VAT invoice, so that the VAT can be deducted"),
            ("seller", "The seller's tax number is that of one service center"),
            ("buyer", "The buyer's tax number is ours"),
            ("buyer_name", "The buyer's name is ours"),
            ("uscc", "The seller's tax number has a right check digit"),
            ("duplicate", "No other fapiao has the same file"),
            ("twin", "No other fapiao has its number, or its figures under another number"),
            ("red", "A red fapiao takes back one that was entered, and not more than it"),
            ("sources", "All places in the file agree"),
            ("file", "The file is unchanged since it was read"),
        ],
        "Check",
        required=True,
        readonly=True,
    )
    result = fields.Selection(
        [
            ("passed", "Passed"),
            ("failed", "Failed"),
            ("accepted", "Accepted"),
            ("impossible", "Not possible"),
        ],
        required=True,
        readonly=True,
        help="Accepted: it failed, and an accountant accepted it with a reason.",
    )
    detail = fields.Char("What was found", readonly=True)
    basis = fields.Char(
        "Compared figures",
        readonly=True,
        help="The acceptance holds as long as these figures are the same.",
    )
    accepted_by_id = fields.Many2one("res.users", "Accepted by", readonly=True)
    accepted_at = fields.Datetime("Accepted at", readonly=True)
    accept_reason = fields.Char("Reason of acceptance", readonly=True)
    is_acceptable = fields.Boolean(compute="_compute_is_acceptable")

    _fapiao_code_uniq = models.Constraint(
        "UNIQUE(fapiao_id, code)", "This check of the fapiao is noted already."
    )

    @api.depends("code", "result")
    def _compute_is_acceptable(self):
        for check in self:
            check.is_acceptable = check.result == "failed" and check.code in ACCEPTABLE

    @api.depends("code")
    @api.depends_context("lang")
    def _compute_display_name(self):
        labels = dict(self._fields["code"]._description_selection(self.env))
        for check in self:
            check.display_name = labels.get(check.code)

    def _update(self, vals):
        """Note what was found now; an acceptance stays if the same figures fail again."""
        self.ensure_one()
        same = vals["result"] == "failed" and vals["basis"] == (self.basis or False)
        if self.result == "accepted" and same:
            return
        if self.result == "accepted":
            vals = {**vals, "accepted_by_id": False, "accepted_at": False, "accept_reason": False}
        changed = {
            name: value for name, value in vals.items() if (self[name] or False) != (value or False)
        }
        if changed:
            self.write(changed)

    def _get_sentence(self):
        """Return the check, and what it found, as one text."""
        self.ensure_one()
        if not self.detail:
            return self.display_name
        return f"{self.display_name} ({self.detail})"

    # --- accepting -------------------------------------------------------------------------

    def _get_reason_actions(self):
        return {"action_accept"}

    def action_ask_acceptance(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_accept", self.env._("Accept what was found")
        )

    def action_accept(self, reason=None):
        """Accept a failed check as an accountant, so that the fapiao can be posted (M8.6).

        It holds as long as the compared figures stay the same.

        :raises UserError: no reason, another check, one that didn't fail, or the user typed in
            or changed the fapiao himself
        """
        self.ensure_one()
        fapiao = self.fapiao_id
        fapiao._check_accountant()
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Give the reason why it is accepted."))
        fapiao._lock_for_books()
        self.invalidate_recordset()
        if not self.is_acceptable or fapiao.state in ("posted", "reversed"):
            raise UserError(
                self.env._("“%s” is nothing that can be accepted now.", self.display_name)
            )
        authors = fapiao.create_uid | fapiao.sudo().entered_by_ids  # sudo: compared only
        if fapiao.source == "manual" and self.env.user in authors:
            raise UserError(
                self.env._(
                    "You entered fapiao %s by hand: another accountant has to accept it.",
                    fapiao.name,
                )
            )
        # sudo: results of checks are the system's; who may accept this one was checked above
        self.sudo().write(
            {
                "result": "accepted",
                "accepted_by_id": self.env.uid,
                "accepted_at": fields.Datetime.now(),
                "accept_reason": reason,
            }
        )
        fapiao.message_post(
            body=self.env._(
                "Accepted: %(check)s. Reason: %(reason)s",
                check=self._get_sentence(),
                reason=reason,
            )
        )
        return True
