from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class AftersalesReturn(models.Model):
    """就地处理: defective goods that are dealt with where they are, instead of shipped (L2.4)."""

    _inherit = "aftersales.return"  # pylint: disable=consider-merging-classes-inherited

    is_on_spot = fields.Boolean(
        "On the spot",
        tracking=True,
        help="The goods are not shipped, but dealt with where they are: the manager of office or "
        "region reports it with photos, once customer service has approved (L2.4). Used parts "
        "always come back.",
    )
    on_spot_note = fields.Text("What was done on the spot", readonly=True, copy=False)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"on_spot_note"}

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_deal_on_spot"}

    def _get_approval_content(self):
        return {**super()._get_approval_content(), "is_on_spot": None}

    @api.constrains("is_on_spot", "is_special", "complaint_id", "line_ids")
    def _check_on_spot(self):
        for document in self.filtered("is_on_spot"):
            if document.is_special or document.complaint_id:
                raise ValidationError(
                    self.env._(
                        "What is dealt with on the spot doesn't travel: it needs no special "
                        "approval, and a faulty batch goes back (L1.3)."
                    )
                )
            if document.line_ids.used_part_id:
                raise ValidationError(
                    self.env._(
                        "Used parts come back by their tags (M10.3): only other defective goods "
                        "can be dealt with on the spot. Take the tags off, or apply for a return."
                    )
                )

    def action_deal_on_spot(self, reason=None):
        """Report, as manager, that approved goods were dealt with on the spot, with photos (L2.4).

        They count as accepted from now, when the time for the answer begins (L2.9, L2.10).

        :param str reason: what was done with the goods
        :raises AccessError: the user is no manager of office or region
        :raises UserError: it isn't approved, or a photo or the report is missing
        """
        self._check_group("aftersales_service.group_office_manager")
        if not (reason or "").strip():
            raise UserError(self.env._("Say what was done with the goods: the report keeps it."))
        for document in self:
            document.check_access("write")
            document._lock_for_action()
            if not document.is_on_spot or document.state != "approved":
                raise UserError(
                    self.env._(
                        "%s isn't approved to be dealt with on the spot, or is reported already.",
                        document.name,
                    )
                )
            document._check_approved()
            document._get_goods_lines()._check_goods()
            if not document.photo_ids:
                raise UserError(
                    self.env._("Take photos of what was done with the goods of %s.", document.name)
                )
            # sudo: the manager reports; inspection and proposal follow
            document.sudo()._deal_on_spot(reason.strip())
        return True

    def _deal_on_spot(self, note):
        self.ensure_one()
        for line in self.line_ids:
            line._write_protected(
                {"quantity_shipped": line.quantity, **line._prepare_received_vals(line.quantity)}
            )
        self.line_ids._note_inspector()
        self.line_ids._write_protected({"is_verified": True})
        now = fields.Datetime.now()
        self._write_protected(
            {
                "state": "verified",
                "on_spot_note": note,
                "date_received": now,
                "date_received_last": now,
                "date_verified": now,
            }
        )
        self._deadline_event("arrived")
        self._deadline_event("verified")
        self.line_ids._propose_outcome()
        self._tell_sender(
            lambda d: [d.env._("The goods were dealt with on the spot (L2.4): %s", note)],
            customer_service=True,
        )

    def action_open_deal_on_spot(self):
        """Open the window that asks what was done."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_deal_on_spot", self.env._("Report as dealt with")
        )
