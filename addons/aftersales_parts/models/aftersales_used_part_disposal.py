from odoo import fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_list

from .aftersales_used_part import REFUSED


class AftersalesUsedPart(models.Model):
    """What becomes of used parts in the end: at the factory, or when they never arrive."""

    _inherit = "aftersales.used.part"

    supplier_id = fields.Many2one(
        "res.partner",
        "Supplier",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="To whom the part was sent on.",
    )
    recovery_line_ids = fields.One2many(
        "aftersales.supplier.recovery.line",
        "used_part_id",
        "Supplier recovery",
        groups="aftersales_service.group_clerk,aftersales_service.group_logistics,"
        "aftersales_service.group_quality,aftersales_service.group_vp",
    )
    loss_bearer = fields.Selection(
        [("company", "Company"), ("center", "Service center")],
        "Loss borne by",
        readonly=True,
        copy=False,
        help="Company: the part is settled as if it had come back and been accepted. Service "
        "center: it counts as not returned (M10.3).",
    )

    ruling_id = fields.Many2one(
        "aftersales.dispute",
        "Accepted by ruling",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The dispute by whose final ruling the part counts as accepted (L1.7).",
    )

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"supplier_id", "loss_bearer", "ruling_id"}

    # --- rulings ---------------------------------------------------------------------------

    def _is_refused(self):
        """Tell whether the center isn't paid for the part by inspection or loss."""
        self.ensure_one()
        return self.result in REFUSED or (self.state == "lost" and self.loss_bearer == "center")

    def _accept_by_ruling(self, dispute):
        """Let parts count as accepted that a final ruling gave the center (L1.7, M8.4)."""
        self.return_line_ids._check_no_objection()
        lines = self._get_ruled_lines()
        for document in lines.return_id:
            document._lock_for_action()
        self._log_event("ruled", note=f"{dispute.name}: {dispute.ruling}")
        for state, parts in self.grouped("state").items():
            vals = {"result": "accepted", "deduction_reason_id": False, "ruling_id": dispute.id}
            if state in REFUSED:
                vals["state"] = "accepted"
                parts._log_event("accepted", note=dispute.name)
            elif state == "lost":
                vals["loss_bearer"] = "company"
            elif state == "returned":
                # it is paid, and so the manufacturer's: it has to come back once more (M10.1)
                vals["state"] = "held"
                for location, own in parts.grouped(lambda p: p.lot_id.location_id).items():
                    own._log_event("kept", location_id=location.id, note=dispute.name)
            parts._write_protected(vals)
        lines._accept_by_ruling(dispute)

    def _get_ruled_lines(self):
        """Return the lines of the returns by which parts were refused or lost."""
        lost = self.filtered(lambda part: part.state == "lost")
        lines = lost._get_way_lines()
        for part in self - lost:
            lines |= part._get_last_arrival()
        return lines

    # --- at the factory --------------------------------------------------------------------

    def action_scrap(self):
        """Scrap parts that were accepted or deducted (M10.1).

        :raises AccessError: neither quality nor logistics
        :raises UserError: a part isn't inspected, or is disputed
        """
        self._check_disposal("accepted", "deducted")
        self._scrap_at_factory()
        return True

    def action_open_scrap_rejected(self):
        """Open the window that asks why rejected parts are scrapped."""
        self._check_customer_service("rejected")
        return self.env["aftersales.reason"]._open(
            self, "action_scrap_rejected", self.env._("Scrap rejected parts")
        )

    def action_scrap_rejected(self, reason=None):
        """Scrap rejected parts that nobody takes back, as customer service (M10.1).

        They still count as not returned.

        :param str reason: why they don't go back
        :raises AccessError: not customer service
        :raises UserError: no reason given, or a part isn't rejected, or is disputed
        """
        reason = self._check_customer_service("rejected", reason=reason)
        self._check_undisputed()
        self._scrap_at_factory(note=reason)
        return True

    def _scrap_at_factory(self, note=None):
        """Move the parts to scrap; role and state were checked by the caller."""
        # sudo: the move is exactly what was decided, by people without rights on stock
        for company, parts in self.sudo().grouped("company_id").items():
            location = company._aftersales_get_scrap_location()
            parts._move_to(location, "scrapped", "scrapped", note=note)

    def action_open_supplier(self):
        """Open the window in which the supplier is chosen."""
        self._check_disposal("accepted", "deducted")
        return self._open_disposal("aftersales.used.part.supply", self.env._("Send to supplier"))

    def _send_to_supplier(self, supplier):
        """Send parts that were accepted or deducted on to their supplier, with a delivery.

        :return: the transfers
        :raises AccessError: neither quality nor logistics
        :raises UserError: a part isn't inspected, or is disputed
        """
        self._check_disposal("accepted", "deducted")
        return self._move_to_supplier(supplier)

    def _move_to_supplier(self, supplier, origin=None):
        """Move parts to their supplier; role and state were checked by the caller.

        :return: the transfers
        """
        # sudo: the move is exactly what was decided; quality has no rights on stock
        parts = self.sudo()
        warehouses = parts._get_warehouses()
        pickings = parts.env["stock.picking"]
        for company, own in parts.grouped("company_id").items():
            pickings += own._move_to(
                supplier.sudo().with_company(company).property_stock_supplier,
                "supplier",
                "supplier",
                picking_type=warehouses[company].out_type_id,
                partner=supplier,
                origin=origin,
                note=supplier.display_name,
            )
        parts._write_protected({"supplier_id": supplier.id})
        return pickings

    def action_return_to_center(self):
        """Send rejected parts back to who sent them (L2.9).

        :raises AccessError: neither quality nor logistics
        :raises UserError: a part isn't rejected, or is disputed, or its keeper is closed
        """
        self._check_disposal("rejected")
        self._check_taken_back()
        for (company, keeper), parts in (
            self.sudo().grouped(lambda p: (p.company_id, p.keeper_id)).items()
        ):
            parts._move_to(keeper._get_used_part_location(company), "returned", "returned")
        return True

    def _check_taken_back(self):
        """Raise UserError if who kept the parts is closed, or keeps no used parts any more."""
        for keeper, parts in self.sudo().grouped("keeper_id").items():
            if not keeper._keeps_used_parts():
                raise UserError(
                    self.env._(
                        "%(keeper)s is closed or keeps no used parts any more, so these can't go "
                        "back there: %(tags)s. Customer service can scrap them.",
                        keeper=keeper.display_name,
                        tags=format_list(self.env, parts.mapped("name")),
                    )
                )

    def action_keep_again(self):
        """Keep parts again that were rejected and came back, so that they can be returned anew.

        What the inspection said is over, but stays in the life of the part.

        :raises AccessError: another's parts, or no keeper
        :raises UserError: a part was not rejected, or didn't come back
        """
        self.check_access("read")
        self._check_keeps_again()
        self._lock_in("returned")
        if others := self.filtered(lambda part: part.result != "rejected"):
            raise UserError(
                self.env._(
                    "Only parts that were rejected can be returned again: %s",
                    format_list(self.env, others.mapped("name")),
                )
            )
        for (location, reason), parts in (
            self.sudo().grouped(lambda p: (p.lot_id.location_id, p.deduction_reason_id)).items()
        ):
            parts._log_event(
                "kept",
                location_id=location.id,
                note=reason and self.env._("Was rejected: %s", reason.name),
            )
        self._write_protected({"state": "held", "result": False, "deduction_reason_id": False})
        return True

    def _check_keeps_again(self):
        user = self.env.user
        if user.has_group("aftersales_service.group_clerk"):
            return
        if user.has_group("aftersales_service.group_office_manager") and all(
            keeper.aftersales_level == "office" for keeper in self.keeper_id
        ):
            return
        self._check_group("aftersales_service.group_center")
        if self.keeper_id - user.commercial_partner_id:
            raise AccessError(self.env._("Only who keeps the parts may do this."))

    def _check_disposal(self, *states):
        """Check role and state before something is done with parts at the factory."""
        if not self.env.user.has_group("aftersales_service.group_quality"):
            self._check_group("aftersales_service.group_logistics")
        self.check_access("read")
        if not self:
            raise UserError(self.env._("Choose the parts first."))
        self._lock_in(*states)
        self._check_undisputed()

    def _check_customer_service(self, *states, **given):
        """Check role and state before customer service decides about parts.

        :param reason: if named, it has to be given
        :return: the reason, if any
        """
        self._check_group("aftersales_service.group_customer_service")
        self.check_access("read")
        if not self:
            raise UserError(self.env._("Choose the parts first."))
        reason = (given.get("reason") or "").strip()
        if given and not reason:
            raise UserError(self.env._("Give the reason: it is kept in the life of the parts."))
        self._lock_in(*states)
        return reason

    def _check_undisputed(self):
        """Raise UserError while a dispute about return or settlement of a part is open."""
        # sudo: what is disputed stays as evidence, whoever may see the dispute
        parts = self.sudo()
        parts.return_line_ids._check_no_objection()
        parts.return_line_ids.return_id._check_undisputed()
        lines = parts.env["aftersales.settlement.line"].search([("used_part_id", "in", parts.ids)])
        lines.settlement_id._check_undisputed()
        lines._check_no_difference()

    def _get_disputed(self):
        """Return the parts about whose return or settlement an objection or dispute is open."""
        # sudo: what is disputed stays as evidence, whoever may see the dispute
        parts = self.sudo()
        returns = parts.return_line_ids.return_id._get_open_disputes().return_id
        lines = parts.env["aftersales.settlement.line"].search([("used_part_id", "in", parts.ids)])
        disputes = lines.settlement_id._get_open_disputes()
        settled = lines.filtered(
            lambda line: (
                line.settlement_id in disputes.settlement_id
                or line in disputes.settlement_line_ids
                or line.difference_state == "open"
            )
        ).used_part_id
        return parts.filtered(
            lambda part: (
                part in settled
                or part.return_line_ids.return_id & returns
                or "open" in part.return_line_ids.mapped("objection_state")
            )
        ).with_env(self.env)

    def _open_disposal(self, model, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_used_part_ids": self.ids},
        }

    # --- lost on the way -------------------------------------------------------------------

    def action_open_write_off(self):
        """Open the window that asks for the reason and for who bears the loss."""
        self._check_customer_service("shipped")
        return self._open_disposal("aftersales.used.part.write.off", self.env._("Write off"))

    def action_write_off(self, reason, bearer):
        """Write off parts that were shipped and will not arrive any more (M10.3).

        :param str reason: what happened
        :param str bearer: "company": settled as accepted; "center": not returned
        :raises AccessError: not customer service
        :raises UserError: a part isn't on its way, or is settled as something else
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the parts are written off."))
        if bearer not in dict(self._fields["loss_bearer"].selection):
            raise UserError(self.env._("Say who bears the loss: company or service center."))
        self._check_customer_service("shipped")
        # sudo: customer service decides; transfer, return and stock follow
        parts = self.sudo()
        lines = parts._get_way_lines()
        for document in lines.return_id:
            document._lock_for_action()
        parts._lock_in("shipped")
        if bearer == "company":
            parts._check_unsettled()
        parts._take_off_transfers()
        label = dict(self._fields["loss_bearer"]._description_selection(self.env))[bearer]
        note = self.env._("%(reason)s (borne by: %(bearer)s)", reason=reason, bearer=label)
        returns = {line.used_part_id: line.return_id for line in lines}
        for (company, document), own in parts.grouped(lambda p: (p.company_id, returns[p])).items():
            own._move_to(
                company._aftersales_get_loss_location(),
                "lost",
                "lost",
                origin=document.name,
                return_id=document.id,
                note=note,
            )
        # what a ruling accepted before, and its center has lost since, has not come back either
        result = bearer == "company" and "accepted"
        parts._write_protected({"loss_bearer": bearer, "result": result})
        parts._note_refused_since()
        lines.return_id._note_written_off(lines, note)
        return True

    def _get_way_lines(self):
        """Return the lines of the returns by which these parts are on their way."""
        return self.return_line_ids.filtered(
            lambda line: not line.is_received
            and line.return_id.state not in ("draft", "submitted", "approved", "cancelled")
        )

    def _check_unsettled(self):
        """Raise UserError if a settlement has fixed already what is paid for any of the parts."""
        lines = self.env["aftersales.settlement.line"].search(
            [
                ("used_part_id", "in", self.ids),
                # what was paid for a loss, turned up and is lost once more, stays paid
                ("result", "not in", ("open", "missing", "payable")),
            ]
        )
        if lines:
            raise UserError(
                self.env._(
                    "Settled already, so that the company can't bear the loss any more: %s",
                    format_list(
                        self.env,
                        [f"{line.tag} ({line.settlement_id.name})" for line in lines],
                    ),
                )
            )

    def _take_off_transfers(self):
        """Take parts that won't arrive off the transfers that wait for them."""
        waiting = self._get_waiting_lines()
        for move, lines in waiting.grouped("move_id").items():
            if lines == move.move_line_ids:
                move._action_cancel()
            else:
                rest = move.move_line_ids - lines
                lines.unlink()
                move.product_uom_qty = len(rest)
