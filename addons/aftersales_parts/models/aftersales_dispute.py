from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list

CUSTOMER_SERVICE = "aftersales_service.group_customer_service"


class AftersalesDispute(models.Model):
    """A center may dispute what was counted of its return or deducted from its settlement."""

    _inherit = "aftersales.dispute"

    return_id = fields.Many2one(
        "aftersales.return",
        "Return",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    settlement_id = fields.Many2one(
        "aftersales.settlement",
        "Settlement",
        check_company=True,
        ondelete="restrict",
        index="btree_not_null",
    )

    date_carried_out = fields.Datetime(
        "Carried out on",
        readonly=True,
        copy=False,
        help="When the return and the parts were changed as the ruling for the center demands.",
    )
    can_carry_out = fields.Boolean(compute="_compute_can_carry_out")
    carry_out_note = fields.Text(
        "Not carried out by the system",
        compute="_compute_carry_out_note",
        help="What a ruling for the center demands and has to be done by hand.",
    )

    @api.depends("state", "result", "ruling_favor", "date_carried_out")
    @api.depends_context("uid")
    def _compute_can_carry_out(self):
        is_role = self.env.user.has_group(CUSTOMER_SERVICE)
        for dispute in self:
            is_over = dispute.state == "closed" and dispute.date_carried_out
            dispute.can_carry_out = (
                is_role
                and not is_over
                and bool(dispute._get_refused_parts() or dispute._get_refused_goods())
            )

    @api.depends("result", "ruling_favor", "return_id", "settlement_id")
    @api.depends_context("lang")
    def _compute_carry_out_note(self):
        for dispute in self:
            notes = dispute._get_carry_out_notes() if dispute._is_ruled_for_center() else []
            dispute.carry_out_note = "\n".join(notes)

    def _get_carry_out_notes(self):
        """Return sentences about what the ruling may be on, but can't be carried out here."""
        # sudo: whoever sees the dispute sees what it is about
        document = self.return_id.sudo()
        notes = []
        goods = document.line_ids.filtered(lambda line: not line.used_part_id)
        if back := goods.filtered(lambda line: line._is_sent_back()):
            notes.append(
                self.env._(
                    "These goods went back to their sender, so nothing can be credited for them "
                    "now: %s. If the ruling is about them, they have to be returned once more.",
                    document._format_names(back),
                )
            )
        lines = self.settlement_id.sudo().line_ids
        if uncovered := lines.filtered(lambda line: line.result == "uncovered"):
            notes.append(
                self.env._(
                    "Settled as not under warranty: %s. If the ruling pays for them, no settlement "
                    "will: ask the accountants for a credit note to the center over the amount.",
                    self._format_settlement_lines(uncovered, "amount_claimed"),
                )
            )
        unpaid = ("payable", "reduced", "open")
        parts = lines.filtered(lambda line: line.kind == "part")
        if without := parts.filtered(lambda ln: not ln.amount_fee and ln.result in unpaid):
            notes.append(
                self.env._(
                    "Settled without management fee: %s. If the ruling grants the fee, no "
                    "settlement adds it: ask the accountants for a credit note to the center over "
                    "the fee.",
                    self._format_settlement_lines(without, "amount_base"),
                )
            )
        return notes

    def _format_settlement_lines(self, lines, name):
        return format_list(
            self.env,
            [f"{line.display_name} ({line.currency_id.format(line[name])})" for line in lines],
        )

    def _is_ruled_for_center(self):
        self.ensure_one()
        return self.result == "ruled" and self.ruling_favor in ("center", "partly")

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_carried_out"}

    @api.model
    def _get_locked_fields(self):
        # it follows the decision
        return super()._get_locked_fields() - {"date_carried_out"}

    @api.model
    def _get_subject_fields(self):
        return ["return_id", "settlement_id", *super()._get_subject_fields()]

    def _get_claimant(self):
        own = self.return_id or self.settlement_id
        return own.center_id if own else super()._get_claimant()

    # --- carrying a ruling out (L1.7, M8.4) ------------------------------------------------

    def _get_refused_parts(self):
        """Return the parts for which a ruling in favor of the center can be carried out."""
        self.ensure_one()
        if not self._is_ruled_for_center():
            return self.env["aftersales.used.part"]
        # sudo: whoever sees the dispute sees what it is about
        document = (self.return_id or self.settlement_id).sudo()
        parts = document.line_ids.used_part_id if document else document.env["aftersales.used.part"]
        return parts.filtered(
            lambda part: part._is_refused() and self._is_about(part._get_ruled_lines())
        ).with_env(self.env)

    def _is_about(self, lines):
        """Tell whether the ruling is on what ``lines`` say, and not on a later inspection."""
        if self.return_id:
            return self.return_id in lines.return_id
        return all(day <= self.date_decided for day in lines.mapped("date_received") if day)

    def _get_refused_goods(self):
        """Return the lines of defective goods for which a ruling can be carried out (L2.9)."""
        self.ensure_one()
        if not self._is_ruled_for_center():
            return self.env["aftersales.return.line"]
        # sudo: whoever sees the dispute sees what it is about
        return self.return_id.sudo().line_ids._get_goods_to_rule().with_env(self.env)

    def action_carry_out(self, part_ids, goods=None):
        """Let used parts and goods count as accepted, as the ruling for the center demands.

        What an earlier settlement has deducted is paid with the next one, once. Goods whose
        return is answered already are credited to their sender, others by the answer (L2.9).

        :param list part_ids: ids of refused parts of the disputed return or settlement
        :param dict goods: {id of a line of the disputed return: quantity that is accepted}
        :raises AccessError: not customer service
        :raises UserError: not ruled for the center, or a part isn't refused or disputed here
        """
        self.ensure_one()
        self._check_group(CUSTOMER_SERVICE)
        self.check_access("write")
        parts = self.env["aftersales.used.part"].browse(part_ids).exists()
        quantities = {
            self.env["aftersales.return.line"].browse(int(line)): quantity
            for line, quantity in (goods or {}).items()
        }
        if not (parts or quantities):
            raise UserError(self.env._("Choose the parts first."))
        parts._lock()
        others = [*(parts - self._get_refused_parts())]
        others += [line for line in quantities if line not in self._get_refused_goods()]
        if others:
            raise UserError(
                self.env._(
                    "%(dispute)s has no ruling that could be carried out for: %(tags)s. It has to "
                    "be in favor of the service center, and the parts have to be refused.",
                    dispute=self.name,
                    tags=format_list(self.env, [other.display_name for other in others]),
                )
            )
        # sudo: customer service decides; tags, return and credit note follow
        if parts:
            parts.sudo()._accept_by_ruling(self)
        if quantities:
            lines = self.env["aftersales.return.line"].sudo().union(*quantities)
            lines.with_company(self.company_id)._accept_goods_by_ruling(self, quantities)
        self._write_protected({"date_carried_out": fields.Datetime.now()})
        names = parts.mapped("name")
        names += [f"{number:g} × {line.display_name}" for line, number in quantities.items()]
        self.message_post(
            body=self.env._(
                "Carried out, these parts count as accepted: %s", format_list(self.env, names)
            )
        )
        return True

    def action_open_carry_out(self):
        """Open the window that asks for which parts the ruling holds."""
        self.ensure_one()
        wizard = self.env["aftersales.dispute.carry.out"].create({"dispute_id": self.id})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Carry out the ruling"),
            "res_model": "aftersales.dispute.carry.out",
            "res_id": wizard.id,
            "views": [(False, "form")],
            "target": "new",
        }
