from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_list

from .aftersales_used_part import AT_FACTORY

# what the life of a part says last, of the events that change its status
STATE_BY_EVENT = {
    "removed": "held",
    "kept": "held",
    "found": "shipped",
    "came_back": None,
    **{name: name for name in ("shipped", *AT_FACTORY, "scrapped", "supplier", "returned", "lost")},
}


class AftersalesUsedPart(models.Model):
    """The check that nothing is lost: tags, stock, returns and events tell the same."""

    # by theme: one file with all that a used part can do would be too long to read
    _inherit = "aftersales.used.part"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _check_ledger(self):
        """Compare all tags of the user's companies with stock, returns and their events.

        Every part that was taken off is in exactly one place, the one that its status says; what
        is on its way is awaited by one transfer and one return. The number of queries doesn't
        grow with the tags.

        :return: list of dicts: used_part_id, tag, issue, remedy, and in_stock where stock can be
            corrected; empty if all is in order
        """
        # sudo: the check looks at all there is, whatever its reader may see of stock
        parts = self.sudo().search([("company_id", "in", self.env.companies.ids)])
        return [
            *parts._find_foreign_serials(),
            *parts._find_wrong_serials(),
            *parts._find_wrong_places(),
            *parts._find_wrong_transfers(),
            *parts._find_wrong_returns(),
            *parts._find_wrong_results(),
        ]

    @api.model
    def _get_ledger_totals(self):
        """Return {state: number of tags} of the user's companies, all states named."""
        # sudo: numbers alone, for the administrator who asks for the check
        counts = dict(
            self.sudo()._read_group(
                [("company_id", "in", self.env.companies.ids)], ["state"], ["__count"]
            )
        )
        return {state: counts.get(state, 0) for state in dict(self._fields["state"].selection)}

    def _describe(self, issue, remedy):
        self.ensure_one()
        return {"used_part_id": self.id, "tag": self.name, "issue": issue, "remedy": remedy}

    def _get_state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _find_foreign_serials(self):
        """Find serials of used parts in stock that bear no tag."""
        lots = self.env["stock.lot"].search(
            [
                ("product_id", "=", self.env.ref("aftersales_parts.product_used_part").id),
                ("company_id", "in", self.env.companies.ids),
                ("id", "not in", self.lot_id.ids),
            ]
        )
        quants = self.env["stock.quant"].search(
            [
                ("product_id", "=", self.env.ref("aftersales_parts.product_used_part").id),
                ("company_id", "in", self.env.companies.ids),
                ("lot_id", "=", False),
                ("quantity", ">", 0),
            ]
        )
        remedy = self.env._(
            "Tags come from valid service records only (M10.3). Find out who entered it in stock, "
            "and have it taken out by an inventory adjustment."
        )
        return [
            {
                "used_part_id": False,
                "tag": lot.name,
                "issue": self.env._("The serial is in stock as a used part but has no tag."),
                "remedy": remedy,
            }
            for lot in lots
        ] + [
            {
                "used_part_id": False,
                "tag": False,
                "issue": self.env._(
                    "%(quantity)g used parts without a tag are in stock at %(place)s.",
                    quantity=quant.quantity,
                    place=quant.location_id.display_name,
                ),
                "remedy": remedy,
            }
            for quant in quants
        ]

    def _find_wrong_serials(self):
        """Find tags whose serial in stock is that of another, or of another product."""
        product = self.env.ref("aftersales_parts.product_used_part")
        remedy = self.env._("Ask your Odoo partner: such data don't come about by the program.")
        by_lot = self.grouped("lot_id")
        return [
            part._describe(
                self.env._("Its serial in stock is “%s”, which isn't its own.", lot.name), remedy
            )
            for lot, parts in by_lot.items()
            for part in parts
            if len(parts) > 1 or lot.product_id != product or lot.name != part.name
        ]

    def _find_wrong_places(self):
        """Find parts that stock has elsewhere than their status says, nowhere or twice."""
        quants = self._get_quants()
        remedy = self.env._(
            "Look where the part really is, and press “Correct stock”: it is booked to where its "
            "status says. If the status is wrong, go on with the buttons of the tag then."
        )
        found = []
        for part in self._find_astray(quants):
            places = quants[part].location_id
            if not places:
                issue = self.env._("“%s”, but stock has it nowhere.", part._get_state_label())
            elif len(places) > 1:
                issue = self.env._(
                    "Stock has it in several places at once: %s",
                    format_list(self.env, places.mapped("display_name")),
                )
            elif len(quants[part]) > 1 or quants[part].quantity != 1:
                issue = self.env._(
                    "Stock has more than one piece of it at %s.", places.display_name
                )
            else:
                issue = self.env._(
                    "“%(state)s”, but stock has it at %(place)s.",
                    state=part._get_state_label(),
                    place=places.display_name,
                )
            found.append({**part._describe(issue, remedy), "in_stock": True})
        return found

    def _find_wrong_transfers(self):
        """Find parts on their way that no transfer awaits, and others that one awaits."""
        lines = self._get_waiting_lines().grouped("lot_id")
        of_returns = self._get_awaiting_lines().lot_id
        announced = self.filtered(lambda p: p.state == "shipped")._get_way_lines().used_part_id
        found = []
        for part in self:
            awaited = lines.get(part.lot_id, self.env["stock.move.line"])
            if part.state == "shipped" and part.lot_id not in of_returns:
                issue = self.env._("On its way, but no transfer waits for it.")
                if part in announced:
                    remedy = self.env._(
                        "Press “Correct stock”: the transfer of its return is made anew, so that "
                        "logistics can receive the part. If it doesn't turn up, customer service "
                        "can write it off."
                    )
                else:
                    remedy = self.env._("Customer service can write it off.")
                found.append({**part._describe(issue, remedy), "in_stock": part in announced})
            elif len(awaited) > (part.state == "shipped"):
                found.append(
                    part._describe(
                        self.env._(
                            "“%(state)s”, but these transfers wait for it: %(transfers)s",
                            state=part._get_state_label(),
                            transfers=format_list(self.env, awaited.picking_id.mapped("name")),
                        ),
                        self.env._("Cancel the transfer that is too many."),
                    )
                )
        return found

    def _find_wrong_returns(self):
        """Find parts of which their returns tell something else than their status."""
        shipped = ("shipped", "received", "verified", "done")
        lines = self.env["aftersales.return.line"].search(
            [("used_part_id", "in", self.ids), ("return_id.state", "in", shipped)]
        )
        lines.return_id.fetch(["state"])
        by_part = lines.grouped("used_part_id")
        remedy = self.env._("Open the return and compare it with the tag's life.")
        found = []
        for part in self:
            own = by_part.get(part, lines[:0])
            arrived = own.filtered("is_received")
            if part.state == "shipped":
                wrong = len(own - arrived) != 1
            elif part.state in AT_FACTORY:
                wrong = not arrived or own - arrived
            elif part.state == "held":
                wrong = own - arrived
            else:
                continue
            if wrong:
                found.append(
                    part._describe(
                        self.env._(
                            "“%(state)s”, but its returns say something else: %(returns)s",
                            state=part._get_state_label(),
                            returns=format_list(self.env, own.return_id.mapped("name"))
                            or self.env._("none"),
                        ),
                        remedy,
                    )
                )
        return found

    def _find_wrong_results(self):
        """Find parts of which inspection or events tell something else than their status."""
        groups = self.env["aftersales.used.part.event"]._read_group(
            [("used_part_id", "in", self.ids), ("event", "in", list(STATE_BY_EVENT))],
            ["used_part_id"],
            ["id:max"],
        )
        events = self.env["aftersales.used.part.event"].browse(last for _part, last in groups)
        last_states = {
            # what comes back from the supplier is again what the inspection said
            event.used_part_id: STATE_BY_EVENT[event.event] or event.used_part_id.result
            for event in events
        }
        found = []
        for part in self:
            if part.state in ("accepted", "deducted", "rejected"):
                wrong = part.result != part.state
            elif part.state in ("held", "shipped", "received"):
                # what a ruling accepted after it had gone back comes once more
                wrong = bool(part.result) and not part.ruling_id
            else:
                wrong = False
            if wrong or last_states.get(part) != part.state:
                found.append(
                    part._describe(
                        self.env._(
                            "“%s”, but its inspection or its life say something else.",
                            part._get_state_label(),
                        ),
                        self.env._("Ask your Odoo partner: the status was changed from outside."),
                    )
                )
        return found

    def action_correct_stock(self):
        """Book parts to where their status says, wherever stock has them (M10.3).

        What is on its way without a transfer that waits for it gets a new one, so that it can be
        received (L2.8).

        :raises AccessError: not an administrator
        :raises UserError: stock is right already, or has a part more than once
        """
        self._check_group("aftersales_service.group_administrator")
        self.check_access("read")
        self._lock_in(*dict(self._fields["state"].selection))
        # sudo: stock follows the status, whatever rights on stock an administrator has
        parts = self.sudo()
        quants = parts._get_quants()
        astray = parts._find_astray(quants)
        unawaited = parts._find_unawaited()
        if not (astray or unawaited):
            raise UserError(self.env._("Stock has these parts where their status says."))
        several = astray.filtered(lambda p: len(quants[p]) > 1 or quants[p].quantity > 1)
        if several:
            raise UserError(
                self.env._(
                    "Stock has more than one piece of these, which only an inventory adjustment "
                    "by your Odoo partner can mend: %s",
                    format_list(self.env, several.mapped("name")),
                )
            )
        homes = astray._get_homes()
        warehouses = astray._get_warehouses()
        for (company, source, home), own in astray.grouped(
            lambda p: (
                p.company_id,
                quants[p].location_id or p.company_id._aftersales_get_loss_location(),
                homes[p][:1] or p._get_last_home(),
            )
        ).items():
            picking = own._create_pickings(
                [(own, warehouses[company].used_part_return_type_id, source, home, False)],
                crates={
                    part: (quants[part].package_id, quants[part].package_id[:0]) for part in own
                },
            )
            picking._complete()
            own._log_event(
                "corrected",
                location_id=home.id,
                picking_id=picking.id,
                note=self.env._("Stock had it at %s", source.display_name),
            )
        for document, own in unawaited._await_again().items():
            own._log_event(
                "corrected",
                return_id=document.id,
                note=self.env._("Made anew: the transfer that takes it in"),
            )
        return True

    def _find_unawaited(self):
        """Return the parts that a return announces, but no transfer waits to take in."""
        shipped = self.filtered(lambda part: part.state == "shipped")
        awaited = shipped._get_awaiting_lines().lot_id
        return shipped._get_way_lines().used_part_id.filtered(lambda p: p.lot_id not in awaited)

    def _await_again(self):
        """Let the returns by which these parts are on their way wait for them again.

        :return: {return: its parts}
        """
        awaited = {
            document: lines.used_part_id
            for document, lines in self._get_way_lines().grouped("return_id").items()
        }
        for document, parts in awaited.items():
            document._await_again(parts)
        return awaited

    def _get_last_home(self):
        """Return where a part that has ended is booked."""
        company = self.company_id
        if self.state == "supplier":
            return self.supplier_id.with_company(company).property_stock_supplier
        if self.state == "lost":
            return company._aftersales_get_loss_location()
        return company._aftersales_get_scrap_location()
