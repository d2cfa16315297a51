from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_list


class AftersalesUsedPart(models.Model):
    """What brings parts that would be stuck back on their way (M10.3)."""

    _inherit = "aftersales.used.part"  # pylint: disable=consider-merging-classes-inherited

    is_given_up = fields.Boolean(
        "To be handed over",
        compute="_compute_is_given_up",
        search="_search_is_given_up",
        help="The part lies with a center that is closed, or an office that is none any more: "
        "customer service hands it over to the office of the region.",
    )

    @api.depends("state", "keeper_id.aftersales_level", "keeper_id.center_state")
    def _compute_is_given_up(self):
        # sudo: only whether the keeper goes on keeping parts is asked
        for part in self.sudo():
            part.is_given_up = (
                part.state in ("held", "returned") and not part.keeper_id._keeps_used_parts()
            )

    @api.model
    def _search_is_given_up(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: as above; few keepers have parts at all
        groups = self.sudo()._read_group([("state", "in", ("held", "returned"))], ["keeper_id"])
        gone = [keeper.id for (keeper,) in groups if not keeper._keeps_used_parts()]
        given_up = Domain("state", "in", ("held", "returned")) & Domain("keeper_id", "in", gone)
        return given_up if True in value else ~given_up

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {
            "action_scrap_rejected",
            "action_hand_over",
            "action_found",
            "action_take_back",
        }

    # --- keeper that is closed -------------------------------------------------------------

    def action_open_hand_over(self):
        """Open the window that asks why the parts are handed over."""
        self._check_customer_service("held", "returned")
        return self.env["aftersales.reason"]._open(
            self, "action_hand_over", self.env._("Hand over to the office")
        )

    def action_hand_over(self, reason=None):
        """Hand parts that a closed center or former office has over to the office of the region.

        The office keeps them from now on, and returns them. Who is paid for them stays the same.

        :param str reason: what happened, for the life of the parts
        :raises AccessError: not customer service
        :raises UserError: no reason given, the keeper goes on keeping them, a part is on a return,
            or the region has no office
        """
        reason = self._check_customer_service("held", "returned", reason=reason)
        # sudo: customer service decides; keeper and stock follow
        parts = self.sudo()
        parts._check_given_up()
        for (company, office, keeper), own in parts.grouped(
            lambda p: (p.company_id, p._get_regional_office(), p.keeper_id)
        ).items():
            note = self.env._(
                "%(keeper)s → %(office)s: %(reason)s",
                keeper=keeper.name,
                office=office.name,
                reason=reason,
            )
            own._move_to(office._get_used_part_location(company), "handed_over", note=note)
            own._write_protected({"keeper_id": office.id})
        return True

    def _get_regional_office(self):
        """Return the office of the center's region of today, or none."""
        self.ensure_one()
        return (self.center_id.aftersales_region_id or self.region_id).office_id

    def _check_given_up(self):
        """Raise UserError unless the parts can and have to be handed over to an office."""
        for part in self:
            keeper, office = part.keeper_id, part._get_regional_office()
            if keeper._keeps_used_parts():
                raise UserError(
                    self.env._(
                        "%(keeper)s keeps and returns its used parts itself: %(tag)s. Only what "
                        "lies with closed centers and former offices is handed over.",
                        keeper=keeper.display_name,
                        tag=part.name,
                    )
                )
            if not office or not office._keeps_used_parts():
                raise UserError(
                    self.env._(
                        "The region of %(center)s has no office that could take over %(tag)s. "
                        "Enter the office of the region first.",
                        center=part.center_id.display_name,
                        tag=part.name,
                    )
                )
        announced = self.return_line_ids.filtered(
            lambda line: line.return_id.state in ("draft", "submitted", "approved")
        )
        if announced:
            raise UserError(
                self.env._(
                    "Cancel these returns first, the parts are on them: %s",
                    format_list(self.env, announced.return_id.mapped("name")),
                )
            )

    # --- lost parts that turn up -----------------------------------------------------------

    def action_open_found(self):
        """Open the window that asks where the parts turned up."""
        self._check_customer_service("lost")
        return self.env["aftersales.reason"]._open(self, "action_found", self.env._("Turned up"))

    def action_found(self, reason=None):
        """Put parts that were written off and have turned up back on their way (M10.3).

        Their return waits for them again, and the inspection decides. Nobody bears the loss any
        more: what a settlement has paid stays paid, once; what none has paid is paid when it is
        accepted (M8.4).

        :param str reason: where they turned up, for the life of the parts
        :raises AccessError: not customer service
        :raises UserError: no reason given, or a part isn't written off
        """
        reason = self._check_customer_service("lost", reason=reason)
        # sudo: customer service decides; transfer, return and stock follow
        parts = self.sudo()
        lines = parts._get_way_lines()
        for document in lines.return_id:
            document._lock_for_action()
        parts._lock_in("lost")
        warehouses = parts._get_warehouses()
        for (company, document), own in lines.grouped(
            lambda line: (line.company_id, line.return_id)
        ).items():
            own.used_part_id._move_to(
                warehouses[company].used_part_transit_loc_id,
                "found",
                "shipped",
                origin=document.name,
                return_id=document.id,
                note=reason,
            )
        # a ruling on the loss is over with it, and stays in the life of the part
        parts._write_protected({"loss_bearer": False, "result": False, "ruling_id": False})
        parts._await_again()
        lines.return_id._note_found(lines, reason)
        return True

    def _note_refused_since(self):
        """Tell who has to recover what was paid for these parts, if they are refused (M8.4)."""
        # sudo: who inspects may not read settlements
        lines = self.env["aftersales.settlement.line"].sudo()
        lines.search(
            [("used_part_id", "in", self.ids), ("is_refused_since", "=", True)]
        )._note_refused_since()

    # --- refused by the supplier -----------------------------------------------------------

    def action_open_take_back(self):
        """Open the window that asks why the parts come back."""
        self._check_disposal("supplier")
        return self.env["aftersales.reason"]._open(
            self, "action_take_back", self.env._("Back from the supplier")
        )

    def action_take_back(self, reason=None):
        """Take parts in that come back from their supplier: to be scrapped, or for another one.

        :param str reason: what the supplier says, for the life of the parts
        :raises AccessError: neither quality nor logistics
        :raises UserError: no reason given, a part isn't with a supplier or is disputed, or its
            supplier hasn't refused it
        """
        self._check_disposal("supplier")
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason: it is kept in the life of the parts."))
        # sudo: the move is exactly what happened; quality has no rights on stock
        parts = self.sudo()
        parts._check_refused()
        warehouses = parts._get_warehouses()
        for (company, supplier, result), own in parts.grouped(
            lambda p: (p.company_id, p.supplier_id, p.result)
        ).items():
            own._move_to(
                warehouses[company].used_part_loc_id,
                "came_back",
                result,
                partner=supplier,
                note=f"{supplier.display_name}: {reason.strip()}",
            )
        parts._write_protected({"supplier_id": False})
        refused = parts.recovery_line_ids.filtered(lambda line: line.result == "refused")
        refused._write_protected({"is_back": True})
        return True

    def _check_refused(self):
        """Raise UserError if a list still asks the supplier to pay for any of the parts."""
        claimed = self.recovery_line_ids.filtered(
            lambda line: line.result != "refused" and line.recovery_id.state != "draft"
        )
        if claimed:
            raise UserError(
                self.env._(
                    "Their supplier hasn't refused these: %s. Enter its answer on the list first.",
                    format_list(
                        self.env,
                        [f"{line.used_part_id.name} ({line.recovery_id.name})" for line in claimed],
                    ),
                )
            )
