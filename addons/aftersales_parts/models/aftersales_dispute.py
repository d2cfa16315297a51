from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list

from .aftersales_settlement import AGREED_STATES

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

    settlement_line_ids = fields.Many2many(
        "aftersales.settlement.line",
        string="Disputed lines",
        domain="[('settlement_id', '=', settlement_id)]",
        copy=False,
        help="The lines of the settlement that are disputed. Empty: all of it. As long as the "
        "dispute is open, the list that they are on can't be confirmed.",
    )
    date_carried_out = fields.Datetime(
        "Carried out on",
        readonly=True,
        copy=False,
        help="When the return and the parts were changed as the ruling for the center demands.",
    )
    correction_ids = fields.One2many(
        "aftersales.settlement.correction", "dispute_id", "Corrections", readonly=True, copy=False
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
                and bool(
                    dispute._get_refused_parts()
                    or dispute._get_refused_goods()
                    or dispute._get_correctable_amounts()
                )
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
        return notes

    def _is_ruled_for_center(self):
        self.ensure_one()
        return self.result == "ruled" and self.ruling_favor in ("center", "partly")

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"date_carried_out"}

    @api.model
    def _get_locked_fields(self):
        # it follows the decision
        return super()._get_locked_fields() - {"date_carried_out"}

    @api.model_create_multi
    def create(self, vals_list):
        disputes = super().create(vals_list)
        # sudo: nothing changes. The row of the list is written, so that whoever confirms or
        # cancels it at this moment collides with the dispute and looks again
        for settlement in disputes.settlement_id.sudo():
            settlement.write({"state": settlement.state})
        return disputes

    @api.model
    def _get_subject_fields(self):
        return ["return_id", "settlement_id", *super()._get_subject_fields()]

    def _get_claimant(self):
        own = self.return_id or self.settlement_id
        return own.center_id if own else super()._get_claimant()

    @api.constrains("settlement_line_ids", "settlement_id")
    def _check_settlement_lines(self):
        for dispute in self:
            # sudo: only compared; what was set aside is on a supplementary list
            lines = dispute.sudo().settlement_line_ids
            document = dispute.settlement_id.sudo()
            for line in lines:
                other = line.settlement_id
                if (other.center_id, other.month, other.kind) != (
                    document.center_id,
                    document.month,
                    document.kind,
                ):
                    raise ValidationError(
                        self.env._(
                            "%(line)s isn't a line of %(settlement)s.",
                            line=line.display_name,
                            settlement=document.display_name,
                        )
                    )

    def write(self, vals):
        if self._get_changed_names(vals, {"settlement_line_ids"}):
            raise UserError(
                self.env._(
                    "A dispute stays with its lines. Open another one about what else is wrong."
                )
            )
        return super().write(vals)

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

    def _get_correctable_amounts(self):
        """Return {settled line: the most that a list may pay for it} (L1.7).

        Warranty and management fee: a part that was taken for not covered is paid as claimed, one
        without fee gets the fee of its day. Each once.
        """
        self.ensure_one()
        settlement = self.settlement_id.sudo()
        if not self._is_ruled_for_center() or settlement.direction != "payable":
            return {}
        lines = self.settlement_line_ids.sudo() or settlement.line_ids
        return {
            line.with_env(self.env): amount
            for line in lines
            if line._is_correctable()
            and (amount := line._get_ruling_amount())
            and "ruling" not in line.correction_ids.mapped("kind")
        }

    def _correct_settled(self, corrections):
        """Let the next list pay what the ruling gives for settled lines (L1.7, M8.4).

        What isn't agreed on yet is paid by its own list.

        :return: the corrections by later lists
        """
        highest = self._get_correctable_amounts()
        vals_list = []
        for line_id, amount in corrections.items():
            line = self.env["aftersales.settlement.line"].browse(int(line_id))
            limit = highest.get(line, 0)
            compare = self.currency_id.compare_amounts
            if compare(amount, 0) <= 0 or compare(amount, limit) > 0:
                raise UserError(
                    self.env._(
                        "%(line)s: the ruling can give more than 0 and up to %(limit)s.",
                        line=line.sudo().display_name,
                        limit=self.currency_id.format(limit),
                    )
                )
            # sudo: customer service has ruled on it
            if line.sudo().settlement_id.state not in AGREED_STATES:
                line._change_payable({line: amount}, self._get_ruling_ground())
                continue
            vals_list.append(
                {
                    "origin_line_id": line.id,
                    "label": line.sudo().display_name,
                    "kind": "ruling",
                    "amount": self.currency_id.round(amount),
                    "reason": self.env._(
                        "Ruling %(dispute)s on %(settlement)s: %(ruling)s",
                        dispute=self.name,
                        settlement=line.sudo().settlement_id.name,
                        ruling=self.ruling,
                    ),
                    "dispute_id": self.id,
                }
            )
        return self.env["aftersales.settlement.correction"]._correct(vals_list)

    def action_carry_out(self, part_ids, goods=None, corrections=None):
        """Let used parts and goods count as accepted, as the ruling for the center demands.

        What an earlier settlement has deducted is paid with the next one, once; what is not agreed
        on yet is paid by its own list. Goods whose return is answered already are credited to
        their sender, others by the answer (L2.9).

        :param list part_ids: ids of refused parts of the disputed return or settlement
        :param dict goods: {id of a line of the disputed return: quantity that is accepted}
        :param dict corrections: {id of a line of the disputed settlement: what the next list pays
            for its warranty or fee, in the company's currency with VAT}
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
        if not (parts or quantities or corrections):
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
            self._pay_unsettled(parts)
        if quantities:
            lines = self.env["aftersales.return.line"].sudo().union(*quantities)
            lines.with_company(self.company_id)._accept_goods_by_ruling(self, quantities)
        corrected = self._correct_settled(corrections or {})
        self._write_protected({"date_carried_out": fields.Datetime.now()})
        names = parts.mapped("name")
        names += [f"{number:g} × {line.display_name}" for line, number in quantities.items()]
        if names:
            self.message_post(
                body=self.env._(
                    "Carried out, these parts count as accepted: %s", format_list(self.env, names)
                )
            )
        if corrected:
            self.message_post(
                body=self.env._(
                    "Carried out, the next list pays for: %s",
                    self._format_corrections(corrected),
                )
            )
        return True

    def _format_corrections(self, corrections):
        return format_list(
            self.env,
            [
                f"{correction.label} ({self.currency_id.format(correction.amount)})"
                for correction in corrections
            ],
        )

    def _get_ruling_ground(self):
        return self.env._("Ruling %(dispute)s: %(ruling)s", dispute=self.name, ruling=self.ruling)

    def _pay_unsettled(self, parts):
        """Let lists that are not agreed on yet pay what the ruling accepts (L1.7, M8.5)."""
        # sudo: customer service has ruled; the amounts are those claimed
        lines = (
            self.env["aftersales.settlement.line"]
            .sudo()
            .search(
                [
                    ("used_part_id", "in", parts.ids),
                    ("result", "in", ("missing", "deducted", "reduced")),
                    ("settlement_id.state", "in", ("verified", "audited", "sent", "disputed")),
                ]
            )
        )
        lines._change_payable(
            {line: line.amount_claimed for line in lines}, self._get_ruling_ground()
        )
        lines.settlement_id.line_ids._cap_corrections()

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
