from odoo import fields, models
from odoo.exceptions import UserError

from .aftersales_return import UNSHIPPED


class AftersalesReturn(models.Model):
    """Appraisal, signature and approval of a return (L2.4)."""

    _inherit = "aftersales.return"  # pylint: disable=consider-merging-classes-inherited

    def _get_approval_steps(self):
        appraisal = {
            "code": "appraisal",
            "label": self.env._("Office or regional manager"),
            "group": "aftersales_service.group_office_manager",
            "regulation": "L2.4",
        }
        special = {
            "code": "special",
            "label": self.env._("Special approval by customer service"),
            "group": "aftersales_service.group_customer_service",
            "regulation": "L2.7",
        }
        customer_service = {
            "code": "customer_service",
            "label": self.env._("Customer service"),
            "group": "aftersales_service.group_customer_service",
            "regulation": "L2.4",
        }
        if self.complaint_id:
            # a faulty batch was confirmed on site already
            return [special]
        return [appraisal, special if self.is_special else customer_service]

    def _get_approval_content(self):
        return {
            "center_id": None,
            "freight_payer": None,
            "reason": None,
            "complaint_id": None,
            "is_special": None,
            "special_reason": None,
            "line_ids": {
                "used_part_id": None,
                "product_id": None,
                "quantity": None,
                "serial": None,
                "reason": None,
            },
        }

    def _get_approval_exclusions(self):
        return [
            *super()._get_approval_exclusions(),
            (self._get_outside_senders(), self.env._("belongs to the sender")),
        ]

    def _get_outside_senders(self):
        """Return the users of a sender that isn't an office of ours: the manager of the office or
        region looks at its goods (L2.4)."""
        # sudo: who works for the sender decides, whatever this user sees of it
        senders = self.sudo().center_id.filtered(lambda sender: not sender.is_regional_office)
        return (senders | senders.child_ids).user_ids

    def _check_sender_role(self):
        """Raise AccessError for who only receives and inspects: sending is the sender's part."""
        user = self.env.user
        if not (
            user.has_group("aftersales_service.group_clerk")
            or user.has_group("aftersales_service.group_office_manager")
        ):
            self._check_group("aftersales_service.group_center")

    def _is_region_manager(self, user):
        """Tell whether ``user`` is a manager of the office or region that the sender belongs to."""
        # sudo: who manages a region is no secret
        region = self.sudo().region_id
        return user.has_group("aftersales_service.group_office_manager") and (
            region.manager_id == user
            or bool(region.filtered_domain([("office_id", "parent_of", user.partner_id.id)]))
        )

    def action_submit(self):
        """Apply. A special return that the manager applies for bears his signature (L2.7)."""
        result = super().action_submit()
        for document in self:
            if document._is_next_step("appraisal") and document._is_signed_by_applicant():
                document._sign_application()
        return result

    def _is_signed_by_applicant(self):
        # L2.7 has the manager himself apply; customer service decides all the same
        return self.is_special and self._is_region_manager(self.env.user)

    def _sign_application(self):
        """Take the manager's own application as his signature under it (L2.7)."""
        self._log_approval("approved", self._get_next_step(), self.special_reason)
        self._write_protected(
            {
                "appraisal": self.special_reason,
                "appraiser_id": self.env.uid,
                "date_appraised": fields.Datetime.now(),
            }
        )
        self._renew_approval_activities()

    def action_approve(self):
        """Approve the next step; the first one is the manager's appraisal (L2.4).

        The entry of the approval log (user, time, hash of the content) is the signature that
        L2.5 asks for; a drawn one may be added in the window.
        """
        appraised = self.filtered(lambda document: document._is_next_step("appraisal"))
        result = super().action_approve()
        appraised._write_protected(
            {"appraiser_id": self.env.uid, "date_appraised": fields.Datetime.now()}
        )
        return result

    def action_appraise(self, appraisal, signature=None):
        """Approve as office or regional manager, with what he found of the goods (L2.4).

        :param str appraisal: what was found; required
        :param signature: the drawn signature, base64 of an image
        :raises UserError: no appraisal given, or it isn't what the return waits for
        :raises AccessError: this user may not decide
        """
        self.ensure_one()
        if not (appraisal or "").strip():
            raise UserError(self.env._("Enter what the appraisal of the goods found (L2.4)."))
        if not self._is_next_step("appraisal"):
            raise UserError(self.env._("%s doesn't wait for an appraisal.", self.name))
        self.action_approve()
        self._write_protected({"appraisal": appraisal.strip(), "appraisal_signature": signature})
        # sudo: whoever may decide may have his words kept in the history
        self.sudo().message_post(body=self.env._("Appraisal: %s", appraisal.strip()))
        return True

    def action_open_appraise(self):
        """Open the window in which the manager appraises and signs."""
        self.ensure_one()
        return self._open_window("aftersales.return.appraise", self.env._("Appraise and sign"))

    def _open_window(self, model, title):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_return_id": self.id},
        }

    def _prepare_no_appraisal_vals(self):
        return dict.fromkeys(
            ("appraisal", "appraiser_id", "date_appraised", "appraisal_signature"), False
        )

    def _prepare_submitted_vals(self):
        return {**super()._prepare_submitted_vals(), **self._prepare_no_appraisal_vals()}

    def _prepare_refused_vals(self):
        return {**super()._prepare_refused_vals(), **self._prepare_no_appraisal_vals()}

    def _on_approval_void(self):
        self._write_protected(self._prepare_no_appraisal_vals())
        return super()._on_approval_void()

    def _check_submit(self):
        self._check_sender_role()
        self._check_sender()
        if not self.line_ids:
            raise UserError(
                self.env._(
                    "%s is empty. Press “Collect used parts”, or add the defective goods first.",
                    self.name,
                )
            )
        if self.complaint_id and self.line_ids.used_part_id:
            raise UserError(
                self.env._("Used parts are returned apart from a faulty batch: take them off.")
            )
        if self.is_special and not (self.special_reason or "").strip():
            raise UserError(
                self.env._("Give the reason for which a special approval is asked for (L2.7).")
            )
        self.line_ids._check_held()
        self._get_goods_lines()._check_goods()

    def _check_voidable(self):
        if self.state not in UNSHIPPED:
            raise UserError(self.env._("%s is already on its way and can't be changed.", self.name))
