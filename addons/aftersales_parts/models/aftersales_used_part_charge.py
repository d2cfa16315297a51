from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_list
from odoo.tools.misc import format_date

CHARGERS = (
    "aftersales_service.group_customer_service,account.group_account_invoice,"
    "account.group_account_readonly"
)


class AftersalesUsedPart(models.Model):
    """The company's own parts: what doesn't come back in order is charged to its keeper (L3.3)."""

    _inherit = "aftersales.used.part"  # pylint: disable=consider-merging-classes-inherited

    charge_state = fields.Selection(
        [
            ("to_charge", "To be charged"),
            ("charged", "Charged"),
            ("to_credit", "Charged, no longer owed"),
            ("waived", "Waived"),
        ],
        "Charge",
        compute="_compute_charge_state",
        store=True,
        help="The company supplied the new part itself. If the used one is deducted, rejected or "
        "lost by its keeper, he owes the wholesale price of the new one (L3.3).",
    )
    charge_line_id = fields.Many2one(
        "account.move.line",
        "Charged by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    charge_waiver = fields.Text("Why waived", readonly=True, copy=False)

    charge_debtor_id = fields.Many2one(
        "res.partner",
        "Debtor",
        compute="_compute_charge_debtor_id",
        compute_sudo=True,
        groups=CHARGERS,
        help="Who sent the part when it was first refused, or lost.",
    )
    charge_price = fields.Monetary(
        "Wholesale price",
        compute="_compute_charge_price",
        compute_sudo=True,
        currency_field="charge_currency_id",
        groups=CHARGERS,
        help="Of the day on which the company gave the new part, VAT included. What the invoice "
        "says, once there is one.",
    )
    charge_currency_id = fields.Many2one(related="company_id.currency_id", groups=CHARGERS)

    _charge_line_uniq = models.UniqueIndex(
        "(charge_line_id) WHERE charge_line_id IS NOT NULL", "This line charges another part."
    )

    @api.depends(
        "state",
        "result",
        "loss_bearer",
        "swap_line_id.swap_id.date_done",
        "charge_waiver",
        "record_part_id.source",
        "record_part_id.coverage_id",
        "record_id.responsibility",
        "return_line_ids.is_received",
        "return_line_ids.verdict",
        "return_line_ids.date_answered",
        "return_line_ids.objection_state",
        "charge_line_id.parent_state",
        "charge_line_id.move_id.amount_total",
        "charge_line_id.move_id.reversal_move_ids.amount_total",
        "charge_line_id.move_id.reversal_move_ids.state",
        "charge_line_id.aftersales_credit_line_ids.parent_state",
    )
    def _compute_charge_state(self):
        for part in self:
            charged = part._is_charged()
            if part._is_charge_owed():
                rest = "waived" if part.charge_waiver else "to_charge"
                # while the sender waits for a second look, nothing is charged
                disputed = part._get_last_arrival().objection_state == "open"
                part.charge_state = "charged" if charged else not disputed and rest
            else:
                part.charge_state = charged and "to_credit"

    @api.depends("charge_state", "keeper_id", "return_line_ids.return_id.date_shipped")
    def _compute_charge_debtor_id(self):
        for part in self:
            part.charge_debtor_id = part.charge_state and part._get_debtor()

    @api.depends("charge_state", "charge_line_id.price_total")
    def _compute_charge_price(self):
        self.charge_price = 0
        charged = self.filtered(lambda part: part.charge_state in ("charged", "to_credit"))
        for part in charged:
            part.charge_price = part.charge_line_id.price_total
        owed = self.filtered("charge_state") - charged
        for company, parts in owed.grouped("company_id").items():
            if company.aftersales_pricelist_id:
                for part, (_product, _moment, price) in parts._get_charge_prices().items():
                    part.charge_price = price

    def _is_charge_owed(self):
        """Tell whether the part is the company's, and was lost or answered as refused.

        That it is sent back and kept again changes nothing: it is owed until it is accepted.
        """
        self.ensure_one()
        if self._is_claimable() or not self._is_covered() or self.result == "accepted":
            return False
        lost = self.state == "lost" and self.loss_bearer == "center"
        return lost or bool(self._get_refusals())

    def _get_refusals(self):
        """Return the lines of returns that were answered as refused, the oldest first.

        What was refused before the company gave a new part for it was the center's own.
        """
        self.ensure_one()
        swapped = self.swap_line_id.swap_id.date_done
        return self.return_line_ids.filtered(
            lambda line: (
                line.is_received
                and line.date_answered
                and line.verdict != "accept"
                and not (swapped and (line.return_id.date_shipped or swapped) < swapped)
            )
        ).sorted("id")

    def _get_last_arrival(self):
        """Return the line of the return by which the part came last, or none."""
        return self.return_line_ids.filtered("is_received").sorted("id")[-1:]

    def _is_charged(self):
        """Tell whether an invoice charges the part and no credit note has taken that back.

        Core calls an invoice reversed that is only set off against whatever credit notes, so what
        counts are those made of it, once they reach its amount.
        """
        self.ensure_one()
        line = self.charge_line_id
        move, credits = line.move_id, line.aftersales_credit_line_ids
        if (
            not line
            or line.parent_state == "cancel"
            or any(credit.parent_state == "posted" for credit in credits)
        ):
            return False
        posted = move.reversal_move_ids.filtered(lambda credit: credit.state == "posted")
        reversed_total = sum(posted.mapped("amount_total"))
        return not posted or move.currency_id.compare_amounts(reversed_total, move.amount_total) < 0

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"charge_line_id", "charge_waiver"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_waive_charge", "action_charge_after_all"}

    def write(self, vals):
        if not {"state", "result", "loss_bearer"} & vals.keys():
            return super().write(vals)
        # sudo: whoever decides on a part may not read invoices
        before = self.sudo().grouped("charge_state")
        result = super().write(vals)
        if charged := before.get("charged"):
            charged.filtered(lambda part: part.charge_state == "to_credit")._note_no_longer_owed()
        if waived := before.get("waived"):
            # it was waived for what was then; what may follow is another case
            waived.filtered(lambda part: not part._is_charge_owed()).charge_waiver = False
        return result

    def _note_no_longer_owed(self):
        """Tell the accountants that parts are charged which are owed no longer."""
        accountants = self.env["aftersales.deadline"]._get_group_users(
            self.env.ref("account.group_account_invoice")
        )
        for move, parts in self.grouped(lambda part: part.charge_line_id.move_id).items():
            move.message_post(
                body=self.env._(
                    "No longer owed, because the part was accepted or turned up: %s. Credit it "
                    "under After-sales ▸ Settlement ▸ To be charged.",
                    format_list(self.env, parts.mapped("name")),
                ),
                partner_ids=accountants.filtered(
                    lambda user, company=move.company_id: company in user.company_ids
                ).partner_id.ids,
                subtype_xmlid="mail.mt_comment",
            )

    # --- charging --------------------------------------------------------------------------

    def _check_charger(self):
        if not self.env.user.has_group("account.group_account_invoice"):
            self._check_group("aftersales_service.group_customer_service")

    def _lock_charge(self, state):
        """Lock the parts, and check on what is then the truth that their charge is ``state``."""
        self.check_access("read")
        if not self:
            raise UserError(self.env._("Choose the parts first."))
        self._lock()
        self.invalidate_recordset()
        labels = dict(self._fields["charge_state"]._description_selection(self.env))
        if others := self.filtered(lambda part: part.charge_state != state):
            raise UserError(
                self.env._(
                    "Only possible for parts that are “%(state)s”, not for: %(tags)s",
                    state=labels[state],
                    tags=format_list(self.env, others.mapped("name")),
                )
            )

    def action_charge(self):
        """Make a draft invoice to each sender of parts that are to be charged (L3.3).

        Who kept and sent the part owes, because he had to return it in order: the center, or the
        office that took it in a swap, whoever keeps it afterwards. Price is the wholesale price
        of the day on which the company's new part was fitted, or given in the swap; VAT is
        included in it (M8.1). What can't be charged now is left out, and named with the reason.

        :return: the action that says what was made, and shows the invoices to accountants
        :raises AccessError: neither accountant nor customer service
        :raises UserError: nothing is owed, or none of the parts can be charged now
        """
        self._check_charger()
        self._lock_charge("to_charge")
        # sudo: customer service has no rights in accounting; the drafts are exactly what is owed
        parts = self.sudo()
        debtors = {part: part._get_debtor() for part in parts}
        prices = {}
        for company, own in parts.grouped("company_id").items():
            prices |= own.with_company(company)._get_charge_prices()
        obstacles = parts._get_charge_obstacles(debtors, prices)
        blocked = parts.browse().union(*obstacles.values())
        messages = [
            f"{message} {format_list(self.env, own.mapped('name'))}"
            for message, own in obstacles.items()
            if own
        ]
        if blocked == parts:
            raise UserError("\n".join(messages))
        moves = self.env["account.move"].sudo()
        for (company, debtor), own in (
            (parts - blocked).grouped(lambda p: (p.company_id, debtors[p])).items()
        ):
            moves |= own.with_company(company)._charge(debtor, prices)
        return moves.with_env(self.env)._notify_aftersales_charged(messages)

    def _get_charge_obstacles(self, debtors, prices):
        """Return {why parts can't be charged now: the parts}."""
        own = self.filtered(lambda p: debtors[p] == p.company_id.partner_id.commercial_partner_id)
        disputed = self._get_disputed() - own
        return {
            self.env._(
                "The company would charge itself, because its own office sent these parts. Let "
                "customer service waive it:"
            ): own,
            self.env._("Nothing is charged while a dispute or objection is open:"): disputed,
            self.env._(
                "No wholesale price on the day on which the company gave the part. Have it entered "
                "in the wholesale price list first (M8.1):"
            ): self.filtered(lambda part: part not in prices) - own - disputed,
        }

    def _charge(self, debtor, prices):
        """Return the draft invoice to ``debtor``; all was checked by the caller."""
        company = self.company_id
        moves = self.env["account.move"]._for_aftersales()
        move = moves.create(
            {
                "move_type": "out_invoice",
                "company_id": company.id,
                "partner_id": debtor.id,
                "currency_id": company.currency_id.id,
                "invoice_line_ids": [
                    Command.create(part._prepare_charge_line_vals(debtor, *prices[part]))
                    for part in self
                ],
            }
        )
        for line in move.with_env(self.env).invoice_line_ids:
            line.aftersales_charged_part_id._write_protected({"charge_line_id": line.id})
        self._log_event("charged")
        return move.with_env(self.env)

    def _get_debtor(self):
        """Return who owes for the part: who sent it when it was first refused, or lost."""
        self.ensure_one()
        lines = self.return_line_ids.filtered(lambda line: line.return_id.date_shipped)
        line = self._get_refusals()[:1] or lines.sorted("id")[-1:]
        sender = line.return_id.center_id or self.keeper_id
        return sender.commercial_partner_id

    def _get_charged_product(self):
        """Return (product that the company gave, moment in UTC)."""
        self.ensure_one()
        if line := self.swap_line_id:
            return line.product_id, line.swap_id.date_done
        return self.product_id, self.record_id.arrival

    def _get_charge_prices(self):
        """Return {part: (product, moment in UTC, wholesale price)} of what the company gave.

        Parts whose product had no wholesale price that day are left out.
        """
        prices, company = {}, self.company_id
        given = {part: part._get_charged_product() for part in self}
        periods = company._aftersales_get_price_periods({moment for _p, moment in given.values()})
        for period, parts in self.grouped(lambda part: periods[given[part][1]]).items():
            products = self.env["product.product"].union(*(given[part][0] for part in parts))
            found = company._aftersales_get_wholesale_prices(products, period)
            for part in parts:
                product, moment = given[part]
                if product in found:
                    prices[part] = (product, moment, found[product][0])
        return prices

    def _prepare_charge_line_vals(self, debtor, product, moment, price):
        self.ensure_one()
        product = product.with_context(lang=debtor.lang or self.env.lang)
        labels = dict(self._fields["state"]._description_selection(product.env))
        refusal = self._get_refusals()[-1:]
        state = "deducted" if refusal.verdict == "deduct" else "rejected"
        reason = labels[state if refusal else self.state]
        return {
            **self.company_id._aftersales_prepare_wholesale_vals(debtor, product, price),
            "name": product.env._(
                "%(tag)s %(product)s\n%(reason)s. Wholesale price of %(date)s, VAT included",
                tag=self.name,
                product=product.display_name,
                reason=": ".join(filter(None, (reason, refusal.deduction_reason_id.name))),
                date=format_date(product.env, self.company_id._aftersales_local(moment).date()),
            ),
            "quantity": 1,
            "aftersales_charged_part_id": self.id,
        }

    def action_credit_charge(self):
        """Take back what parts were charged that are owed no longer, as an accountant.

        A draft loses the line; what is posted gets a draft credit note, unless it has one. The
        part stays on the list until that is posted.

        :raises UserError: a part is not charged, or still owed
        """
        self._check_group("account.group_account_invoice")
        self._lock_charge("to_credit")
        # sudo: the lines are those of the parts, and say by themselves what they credit
        lines = self.sudo().charge_line_id
        credits = self.env["account.move"].sudo()
        for move, own in lines.grouped("move_id").items():
            if move.state == "draft":
                (move if own == move.invoice_line_ids else own).unlink()
                continue
            drafts = own.aftersales_credit_line_ids.filtered(
                lambda credit: credit.parent_state == "draft"
            )
            credits |= drafts.move_id
            if own := own - drafts.aftersales_credited_line_id:
                credit = credits._for_aftersales().create(own._prepare_charge_credit_vals())
                credits |= credit.with_env(credits.env)
        self._log_event("credited")
        if not credits:
            return True
        return credits.with_env(self.env)._get_records_action(name=self.env._("Credit notes"))

    def action_waive_charge(self, reason=None):
        """Charge nothing for parts, as customer service.

        :param str reason: why not
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why nothing is charged."))
        self._check_group("aftersales_service.group_customer_service")
        self._lock_charge("to_charge")
        self._write_protected({"charge_waiver": reason.strip()})
        self._log_event("waived", note=reason.strip())
        return True

    def action_open_waive_charge(self):
        """Open the window that asks for the reason."""
        return self.env["aftersales.reason"]._open(
            self, "action_waive_charge", self.env._("Waive the charge")
        )

    def action_charge_after_all(self, reason=None):
        """Take a waiver back, so that the parts are to be charged again.

        :param str reason: why it was wrong; both stay in the life of the part
        :raises AccessError: neither accountant nor customer service
        :raises UserError: no reason given, or a part isn't waived
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason: it is kept in the life of the parts."))
        self._check_charger()
        self._lock_charge("waived")
        self._write_protected({"charge_waiver": False})
        self._log_event("unwaived", note=reason.strip())
        return True

    def action_open_charge_after_all(self):
        """Open the window that asks for the reason."""
        return self.env["aftersales.reason"]._open(
            self, "action_charge_after_all", self.env._("Charge after all")
        )

    def action_view_charge(self):
        """Show the invoice that charges the part; for accountants."""
        self.ensure_one()
        return self.charge_line_id.move_id._get_records_action(name=self.env._("Invoices"))
