from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_list


class AftersalesTransportClaim(models.Model):
    """What the carrier owes for damage and loss, until it is recovered or refused (L1.4).

    Customer service and logistics work on it together, for the customer.
    """

    _name = "aftersales.transport.claim"
    _description = "Transport claim"
    _regulations = ("L1.4", "H11")
    _inherit = [
        "aftersales.complaint.entry",
        "aftersales.retention.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.transport.claim"
    _order = "id desc"
    _rec_names_search = ["name", "waybill", "carrier_id"]
    _check_company_auto = True

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    complaint_id = fields.Many2one(
        "aftersales.complaint",
        "Complaint",
        required=True,
        ondelete="restrict",
        index=True,
        domain="[('kind', '=', 'transport')]",
        check_company=True,
    )
    company_id = fields.Many2one(related="complaint_id.company_id", store=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one(related="complaint_id.partner_id", string="Customer", store=True)
    state = fields.Selection(
        [
            ("draft", "To claim"),
            ("claimed", "Claimed"),
            ("settled", "Paid by the carrier"),
            ("refused", "Refused by the carrier"),
            ("dropped", "Dropped"),
        ],
        "Status",
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
    )
    carrier_id = fields.Many2one("res.partner", check_company=True, index="btree_not_null")
    waybill = fields.Char(help="Number of the consignment note.")
    picking_id = fields.Many2one(
        "stock.picking",
        "Delivery",
        domain="[('picking_type_code', '=', 'outgoing'), ('state', '=', 'done')]",
        check_company=True,
        index="btree_not_null",
        help="The delivery that was damaged or lost.",
    )
    line_ids = fields.One2many(
        "aftersales.transport.claim.line", "claim_id", "Damaged and lost", copy=False
    )
    evidence = fields.Text(
        copy=False, help="Photos, the receipt with the reservation, what the driver signed."
    )
    amount_claimed = fields.Monetary(
        "Amount claimed", compute="_compute_amount_claimed", store=True, help="The sum of the list."
    )
    amount_recovered = fields.Monetary("Amount recovered", copy=False, tracking=True)
    amount_open = fields.Monetary(
        "Still to recover",
        compute="_compute_amount_open",
        store=True,
        help="What is still claimed from the carrier; nothing once it is settled or refused.",
    )
    date_claimed = fields.Date("Date of the claim", readonly=True, copy=False)
    date_settled = fields.Date("Closed on", readonly=True, copy=False)
    note = fields.Text("Outcome", copy=False, help="What the carrier answered.")

    _complaint_uniq = models.UniqueIndex(
        "(complaint_id) WHERE state != 'dropped'", "This complaint already has a claim."
    )
    _recovered_positive = models.Constraint(
        "CHECK(amount_recovered >= 0)", "The amount recovered can't be negative."
    )

    @api.depends("line_ids.amount")
    def _compute_amount_claimed(self):
        for claim in self:
            claim.amount_claimed = sum(claim.line_ids.mapped("amount"))

    @api.depends("amount_claimed", "amount_recovered", "state")
    def _compute_amount_open(self):
        for claim in self:
            claim.amount_open = (
                claim.amount_claimed - claim.amount_recovered
                if claim.state in ("draft", "claimed")
                else 0
            )

    @api.constrains("amount_recovered", "amount_claimed")
    def _check_amount_recovered(self):
        for claim in self:
            if claim.currency_id.compare_amounts(claim.amount_recovered, claim.amount_claimed) > 0:
                raise ValidationError(
                    self.env._("More can't be recovered than was claimed from the carrier.")
                )

    @api.constrains("complaint_id")
    def _check_complaint_id(self):
        for claim in self:
            if claim.complaint_id.kind != "transport":
                raise ValidationError(
                    self.env._(
                        "%s is no complaint about transport, so there is nothing to claim from a "
                        "carrier (L1.4).",
                        claim.complaint_id.name,
                    )
                )

    # --- what may be changed, by whom ------------------------------------------------------

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_claimed", "date_settled"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_drop"}

    @api.model
    def _get_claim_fields(self):
        """Return the names of the fields that stay once the claim was made."""
        return {"complaint_id", "carrier_id", "waybill", "picking_id", "evidence"}

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "complaint_id.retain_until", "date_settled"]

    def _get_retention_start(self):
        return self.date_settled or self._get_local_day(self.complaint_id.date_reported)

    def _get_retained_with(self):
        return self.complaint_id

    @api.model_create_multi
    def create(self, vals_list):
        claims = super().create(vals_list)
        claims._check_role()
        return claims

    def write(self, vals):
        if not self.env.su:
            changed = self._get_changed_names(
                vals, self._get_claim_fields() | {"amount_recovered", "note"}
            )
            if changed:
                self._check_role()
                self._check_complaint_open()
            if changed & self._get_claim_fields():
                self._check_state("draft")
            if changed & {"amount_recovered", "note"}:
                self._check_state("claimed")
        return super().write(vals)

    def _check_role(self):
        """Raise AccessError unless the user is of customer service or logistics (L1.4)."""
        if not self.env.su and not self.env.user.has_group("aftersales_service.group_logistics"):
            self._check_group("aftersales_service.group_customer_service")

    def _check_state(self, *states):
        for claim in self:
            if claim.state not in states:
                raise UserError(
                    self.env._(
                        "%(claim)s is at “%(state)s”, where this can't be changed or done.",
                        claim=claim.name,
                        state=dict(self._fields["state"]._description_selection(self.env))[
                            claim.state
                        ],
                    )
                )

    # --- steps -----------------------------------------------------------------------------

    def _get_today(self):
        return self.company_id._aftersales_local(fields.Datetime.now()).date()

    def _start_step(self, *states):
        self.ensure_one()
        self.check_access("write")
        self._check_role()
        self._check_complaint_open()
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset(["state"])
        self._check_state(*states)

    def action_claim(self):
        """Claim from the carrier what is on the list (L1.4).

        :raises UserError: carrier, waybill, list or evidence is missing
        """
        for claim in self:
            claim._start_step("draft")
            missing = [
                self._fields[name]._description_string(self.env)
                for name in ("carrier_id", "waybill", "line_ids", "evidence")
                if not claim[name]
            ]
            if missing:
                raise UserError(
                    self.env._(
                        "The carrier needs a complete claim (L1.4). Still missing: %s.",
                        format_list(self.env, missing),
                    )
                )
            claim._write_protected({"state": "claimed", "date_claimed": claim._get_today()})
        return True

    def action_settle(self):
        """Close the claim with the amount that the carrier paid (L1.4).

        :raises UserError: no amount, or less than was claimed without saying why
        """
        for claim in self:
            claim._start_step("claimed")
            if not claim.amount_recovered:
                raise UserError(
                    self.env._(
                        "Enter the amount recovered from the carrier; if he pays nothing, the "
                        "claim is refused."
                    )
                )
            if claim.amount_open and not (claim.note or "").strip():
                raise UserError(
                    self.env._("The carrier pays less than was claimed: say why at “Outcome”.")
                )
            claim._close("settled")
        return True

    def action_refuse(self, reason=None):
        """Note that the carrier pays nothing, with his reason."""
        return self._end("claimed", "refused", reason)

    def action_drop(self, reason=None):
        """Drop a claim that wasn't made, with a reason."""
        return self._end("draft", "dropped", reason)

    def _end(self, state, new_state, reason):
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason."))
        for claim in self:
            claim._start_step(state)
            claim._write_protected({"note": reason.strip(), "amount_recovered": 0})
            claim._close(new_state)
        return True

    def _close(self, state):
        self._write_protected({"state": state, "date_settled": self._get_today()})
        self.flush_recordset(["state"])  # the unique index counts live claims only

    def action_open_refuse(self):
        """Open the window that asks for the carrier's reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_refuse", self.env._("Refused by the carrier")
        )

    def action_open_drop(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_drop", self.env._("Drop claim"))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        if not self.env.su:
            raise AccessError(self.env._("A claim is kept with its complaint. Drop it instead."))
