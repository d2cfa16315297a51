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

    can_carry_out = fields.Boolean(compute="_compute_can_carry_out")

    @api.depends("result", "ruling_favor")
    @api.depends_context("uid")
    def _compute_can_carry_out(self):
        is_role = self.env.user.has_group(CUSTOMER_SERVICE)
        for dispute in self:
            dispute.can_carry_out = is_role and bool(dispute._get_refused_parts())

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
        if self.result != "ruled" or self.ruling_favor not in ("center", "partly"):
            return self.env["aftersales.used.part"]
        # sudo: whoever sees the dispute sees what it is about
        document = (self.return_id or self.settlement_id).sudo()
        parts = document.line_ids.used_part_id if document else document.env["aftersales.used.part"]
        return parts.filtered(lambda part: part._is_refused()).with_env(self.env)

    def action_carry_out(self, part_ids):
        """Let used parts count as accepted, as the ruling for the center demands.

        What an earlier settlement has deducted is paid with the next one, once.

        :param list part_ids: ids of refused parts of the disputed return or settlement
        :raises AccessError: not customer service
        :raises UserError: not ruled for the center, or a part isn't refused or disputed here
        """
        self.ensure_one()
        self._check_group(CUSTOMER_SERVICE)
        self.check_access("write")
        parts = self.env["aftersales.used.part"].browse(part_ids).exists()
        if not parts:
            raise UserError(self.env._("Choose the parts first."))
        parts._lock()
        if others := parts - self._get_refused_parts():
            raise UserError(
                self.env._(
                    "%(dispute)s has no ruling that could be carried out for: %(tags)s. It has to "
                    "be in favor of the service center, and the parts have to be refused.",
                    dispute=self.name,
                    tags=format_list(self.env, others.mapped("name")),
                )
            )
        # sudo: customer service decides; the tags follow
        parts.sudo()._accept_by_ruling(self)
        self.message_post(
            body=self.env._(
                "Carried out, these parts count as accepted: %s",
                format_list(self.env, parts.mapped("name")),
            )
        )
        return True

    def action_open_carry_out(self):
        """Open the window that asks for which parts the ruling holds."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Carry out the ruling"),
            "res_model": "aftersales.dispute.carry.out",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_dispute_id": self.id},
        }
