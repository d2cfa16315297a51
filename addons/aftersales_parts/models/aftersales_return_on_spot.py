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

    def action_approve(self):
        result = super().action_approve()
        approved = self.filtered(lambda d: d.is_on_spot and d.state == "approved")
        approved._deadline_event("on_spot_approved")
        return result

    def _on_approval_void(self):
        self._cancel_deadlines()
        return super()._on_approval_void()

    def action_deal_on_spot(self, reason=None, quantities=None, notes=None):
        """Report, as manager, that approved goods were dealt with on the spot, with photos (L2.4).

        They count as accepted from now, when the time for the answer begins (L2.9, L2.10).

        :param str reason: what was done with the goods
        :param dict quantities: dealt with, by id of the line, in the unit of the product, for all
            of them; None: all that was approved
        :param dict notes: by id of the line, why not all of it was dealt with
        :raises AccessError: the user is no manager of office or region
        :raises UserError: it isn't approved, a photo or the report is missing, more than approved
            was dealt with, or nothing, or it isn't said why not all
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
            counted = document._find_counted(quantities) or {
                line: line.quantity for line in document.line_ids
            }
            notes = {str(key): str(text or "").strip() for key, text in (notes or {}).items()}
            rests = document._check_dealt(counted, notes)
            # sudo: the manager reports; inspection and proposal follow
            document.sudo()._deal_on_spot(
                reason.strip(), {line.sudo(): quantity for line, quantity in counted.items()}, rests
            )
        return True

    def _check_dealt(self, counted, notes):
        """Return {id of a line: why not all of it was dealt with}, of those with a rest."""
        rests = {}
        for line, quantity in counted.items():
            order = line.uom_id.compare(quantity, line.quantity)
            if order > 0:
                raise UserError(
                    self.env._(
                        "“%(product)s”: %(approved)g are approved, so no more can be dealt with.",
                        product=line.product_id.display_name,
                        approved=line.quantity,
                    )
                )
            if order < 0:
                rests[line.id] = notes.get(str(line.id))
                if not rests[line.id]:
                    raise UserError(
                        self.env._(
                            "“%s”: say why not all that was approved was dealt with (L2.8).",
                            line.product_id.display_name,
                        )
                    )
        if not any(counted.values()):
            raise UserError(
                self.env._("Nothing of %s was dealt with: cancel it instead.", self.name)
            )
        return rests

    def _deal_on_spot(self, note, counted, rests):
        self.ensure_one()
        for line, quantity in counted.items():
            line._write_protected(
                {
                    "quantity_shipped": line.quantity,
                    "note": rests.get(line.id),
                    **line._prepare_received_vals(quantity),
                }
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
        self._deadline_event("on_spot_reported")
        self._deadline_event("arrived")
        self._deadline_event("verified")
        self.line_ids._propose_outcome()
        self._tell_sender(lambda d: d._get_dealt_message(), customer_service=True)

    def _get_dealt_message(self):
        return [
            self.env._("The goods were dealt with on the spot (L2.4): %s", self.on_spot_note),
            *(
                self.env._(
                    "%(product)s: dealt with %(quantity)g of %(approved)g. %(note)s",
                    product=line.product_id.display_name,
                    quantity=line.quantity_received,
                    approved=line.quantity_shipped,
                    note=line.note,
                )
                for line in self.line_ids.filtered("difference")
            ),
        ]

    def action_open_deal_on_spot(self):
        """Open the window that asks what was done, and with how much of the goods."""
        self.ensure_one()
        return self._open_window("aftersales.return.deal", self.env._("Report as dealt with"))
