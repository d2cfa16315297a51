from odoo import api, fields, models


class AftersalesDangerMixin(models.AbstractModel):
    """Danger to people: everybody who can send help knows at once (H3)."""

    _name = "aftersales.danger.mixin"
    _description = "Danger to people on a service request"

    @api.model_create_multi
    def create(self, vals_list):
        requests = super().create(vals_list)
        requests.filtered(lambda request: request.urgency == "2")._alert_danger()
        return requests

    def write(self, vals):
        calm = self.filtered(lambda request: request.urgency != "2")
        result = super().write(vals)
        if vals.get("urgency") == "2" and (alarmed := calm.filtered(lambda r: r.state == "new")):
            alarmed._deadline_event("danger")
            alarmed._alert_danger()
        if "state" in vals or "urgency" in vals:
            self.filtered(lambda r: r.state != "new" or r.urgency != "2")._drop_alerts()
        return result

    def _alert_danger(self):
        """Plan an activity for today for every clerk of the company."""
        for request in self:
            request._tell_clerks(
                lambda request: request.env._(
                    "Danger to people: assign at once. %s", request.partner_id.display_name
                )
            )

    def _tell_clerks(self, get_summary):
        """Plan an activity for the clerks of the company; one of them does it for all.

        :param get_summary: function of the request in the language of who is told
        """
        self.ensure_one()
        users = self.env["aftersales.deadline"]._get_group_users(
            # sudo: whoever reports the danger needn't see who the clerks are
            self.env.ref("aftersales_service.group_clerk").sudo()
        )
        request = self.sudo()
        self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True).create(
            [
                {
                    "activity_type_id": self.env.ref(
                        "aftersales_service.mail_activity_type_request"
                    ).id,
                    "res_model_id": self.env["ir.model"]._get_id(self._name),
                    "res_id": self.id,
                    "user_id": user.id,
                    "date_deadline": self.company_id._aftersales_local(
                        fields.Datetime.now()
                    ).date(),
                    "summary": get_summary(request.with_context(lang=user.lang)),
                    "automated": True,
                }
                for user in users
                if self.company_id in user.company_ids
            ]
        )

    def _drop_alerts(self):
        """Take the activities back, because somebody took care of it."""
        if not self.ids:
            return
        # sudo: they were planned by the system, for whomever
        self.env["mail.activity"].sudo().search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                (
                    "activity_type_id",
                    "=",
                    self.env.ref("aftersales_service.mail_activity_type_request").id,
                ),
            ]
        ).unlink()
