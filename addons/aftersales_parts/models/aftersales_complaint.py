from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class AftersalesComplaint(models.Model):
    _inherit = "aftersales.complaint"

    return_ids = fields.One2many("aftersales.return", "complaint_id", "Returns", copy=False)
    return_count = fields.Integer(compute="_compute_return_count")

    def _compute_return_count(self):
        counts = {}
        if self.env["aftersales.return"].has_access("read"):
            counts = dict(
                self.env["aftersales.return"]._read_group(
                    [("complaint_id", "in", self.ids)], ["complaint_id"], ["__count"]
                )
            )
        for complaint in self:
            complaint.return_count = counts.get(complaint, 0)

    def action_create_return(self):
        """Make the return of a confirmed faulty batch, with the freight on the company (L1.3).

        It waits for the special approval of customer service, outside the monthly window (L2.7).

        :raises AccessError: the user isn't customer service
        :raises UserError: the batch isn't confirmed on site, or returned already
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_customer_service")
        self._check_open()
        self._lock_for_decision()
        if not self.is_verified or self.batch_verdict != "confirmed":
            raise UserError(
                self.env._(
                    "A batch goes back when its fault was confirmed on site (L1.3): %s", self.name
                )
            )
        if self._get_live_returns():
            raise UserError(self.env._("The batch of %s is being returned already.", self.name))
        # sudo: only this action links a return to a complaint; the right to it was checked
        self.env["aftersales.return"].sudo().create(self._prepare_return_vals())
        return self.action_view_returns()

    def _prepare_return_vals(self):
        today = self._get_local_day(fields.Datetime.now())
        return {
            "company_id": self.company_id.id,
            "complaint_id": self.id,
            "center_id": self.partner_id.commercial_partner_id.id,
            "month": today.replace(day=1),
            "freight_payer": "company",
            "is_special": True,
            "special_reason": self.env._("Faulty batch of the complaint %s", self.name),
            "reason": self.env._("Faulty batch, confirmed on site: %s", self.batch_evidence),
            "line_ids": [
                Command.create({"product_id": self.product_id.id, "quantity": self.quantity})
            ]
            if self.product_id and self.quantity
            else [],
        }

    def _get_live_returns(self):
        # sudo: a return that this user doesn't see counts as well
        return self.sudo().return_ids.filtered(lambda document: document.state != "cancelled")

    def action_view_returns(self):
        """Open the return of the batch."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_return")
        return {**action, "domain": [("complaint_id", "=", self.id)], "context": {}}

    def _get_missing_improve(self):
        missing = super()._get_missing_improve()
        if self.batch_verdict == "confirmed" and not self._get_live_returns().filtered(
            lambda document: document.state in ("received", "verified", "done")
        ):
            missing.append(self.env._("return of the batch (L1.3)"))
        return missing
