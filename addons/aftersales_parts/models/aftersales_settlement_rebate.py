from odoo import api, models
from odoo.exceptions import UserError


class AftersalesSettlement(models.Model):
    """Rebates that are paid together with the fees of a month (L3.2)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    def action_open_rebate(self):
        """Open the window that asks for amount and ground of a rebate."""
        self.ensure_one()
        self._check_rebate()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Add a rebate"),
            "res_model": "aftersales.settlement.rebate",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_settlement_id": self.id},
        }

    @api.model
    def _get_rebate_list(self, center, month):
        """Return the draft list of the center's service fees of ``month``, new if there is none.

        A rebate is due whether or not the center served anybody in that month (L3.2).

        :raises AccessError: not customer service
        :raises UserError: no service center, or the month hasn't begun
        """
        self._check_group("aftersales_service.group_customer_service")
        center.check_access("read")
        if not center.is_service_center:
            raise UserError(self.env._("%s is no service center.", center.display_name))
        month = month.replace(day=1)
        self._check_begun(month)
        lists = self._find_lists("service", month, center)
        draft = lists.filtered(lambda settlement: settlement.state == "draft")[:1]
        return draft or self._create_once(
            [self._prepare_list_vals(center, month, lists, "service")]
        )

    def _check_rebate(self):
        """Raise unless customer service may put rebates on the list, or take them off."""
        self._check_group("aftersales_service.group_customer_service")
        self._check_other()
        self._check_direction("payable")
        self._lock("draft")
        for settlement in self:
            if settlement.kind != "service":
                raise UserError(
                    self.env._(
                        "%s pays parts. A rebate is paid with the service fees of the month.",
                        settlement.name,
                    )
                )

    def _add_rebate(self, amount, ground):
        """Put a rebate on the draft list of service fees, as customer service (L3.2).

        :param float amount: in the company's currency, VAT included, more than zero
        :param str ground: what it is paid for, for the center to read
        :raises AccessError: not customer service, or of the center that is paid
        :raises UserError: no draft list of service fees, no amount or no ground
        """
        self.ensure_one()
        self._check_rebate()
        amount, ground = self.currency_id.round(amount), (ground or "").strip()
        if amount <= 0 or not ground:
            raise UserError(self.env._("A rebate needs an amount of more than zero and a ground."))
        # sudo: nobody writes lines by hand; role, state and figures are checked above
        line = self.env["aftersales.settlement.line"].sudo()
        line = line.create(
            {
                "settlement_id": self.id,
                "kind": "rebate",
                "quantity": 1,
                "unit": "month",
                "price_unit": amount,
                "amount_base": amount,
                "amount_claimed": amount,
                "note": ground,
            }
        )
        self.message_post(
            body=self.env._(
                "Rebate added: %(amount)s for %(ground)s",
                amount=self.currency_id.format(amount),
                ground=ground,
            )
        )
        return line.sudo(False)
