from collections import Counter
from math import isfinite

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import escape_psql, format_list

from .aftersales_return import UNSHIPPED


class AftersalesReturn(models.Model):
    """Arrival and receipt of a return, tag by tag (L2.5, L2.8)."""

    _inherit = "aftersales.return"  # pylint: disable=consider-merging-classes-inherited

    is_awaiting = fields.Boolean(
        "On its way",
        compute="_compute_is_awaiting",
        search="_search_is_awaiting",
        help="Tags or goods that were shipped are still to be received.",
    )

    def _compute_is_awaiting(self):
        awaiting = self.search(Domain("id", "in", self.ids) & Domain("is_awaiting", "=", True))
        for document in self:
            document.is_awaiting = document in awaiting

    @api.model
    def _search_is_awaiting(self, operator, value):
        if operator != "in":
            return NotImplemented
        lines = self.env["aftersales.return.line"]
        awaiting = Domain("line_ids", "any", lines._get_awaited_domain())
        return awaiting if True in value else ~awaiting

    def action_refuse_receipt(self, reason=None):
        """Note that the goods arrived without register, and are not taken in (L2.5).

        Sender and customer service are told.

        :raises AccessError: the user isn't logistics
        :raises UserError: no reason given, or the goods are taken in already
        """
        self._check_group("aftersales_service.group_logistics")
        if not (reason or "").strip():
            raise UserError(self.env._("Say what is missing: it is told to the sender."))
        for document in self:
            document.check_access("write")
            if document.state not in (*UNSHIPPED, "shipped"):
                raise UserError(self.env._("%s is taken in already, or cancelled.", document.name))
            document._write_protected(
                {"is_register_missing": True, "register_refusal": reason.strip()}
            )
            document._tell_sender(
                lambda d: [
                    d.env._(
                        "The goods of %(document)s arrived without register and are not taken in "
                        "(L2.5): %(reason)s",
                        document=d.name,
                        reason=d.register_refusal,
                    )
                ],
                customer_service=True,
            )
        return True

    def action_open_refuse_receipt(self):
        """Open the window that asks what is missing."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_refuse_receipt", self.env._("Arrived without register")
        )

    def action_register_received(self):
        """Note that the register was handed in: the goods may be taken in (L2.5).

        :raises AccessError: the user isn't logistics
        :raises UserError: no register was issued, because the return wasn't approved and shipped
        """
        self._check_group("aftersales_service.group_logistics")
        for document in self:
            document.check_access("write")
            if not document.is_register_missing:
                raise UserError(self.env._("The register of %s isn't missing.", document.name))
            document._check_register_issued()
            document._write_protected({"is_register_missing": False})
            document._tell_sender(
                lambda d: [d.env._("The register of %s was handed in.", d.name)],
                customer_service=True,
            )
        return True

    def _check_register_issued(self):
        if not self.date_register:
            raise UserError(
                self.env._(
                    "No register was issued for %s: it has not been shipped by its sender. The "
                    "goods are refused (L2.5).",
                    self.name,
                )
            )

    def _check_receivable(self):
        """Raise UserError unless signature, approval and register are there (L2.5)."""
        self.ensure_one()
        approved = {e.step for e in self._get_round_entries() if e.decision == "approved"}
        for step in self._get_approval_steps():
            if step["code"] in approved:
                continue
            if step["code"] == "appraisal":
                raise UserError(
                    self.env._(
                        "The office or regional manager has not appraised and signed %s: its goods "
                        "are refused (L2.5).",
                        self.name,
                    )
                )
            raise UserError(
                self.env._(
                    "Customer service has not approved %s: its goods are refused (L2.5).",
                    self.name,
                )
            )
        self._check_approved()
        self._check_register_issued()
        if self.is_register_missing:
            raise UserError(
                self.env._(
                    "The goods of %(document)s arrived without register and are refused (L2.5): "
                    "%(reason)s. Press “Register handed in” when it is there.",
                    document=self.name,
                    reason=self.register_refusal,
                )
            )

    def _get_goods_lines(self):
        return self.line_ids.filtered(lambda line: not line.used_part_id)

    @api.model
    def find_return(self, code):
        """Return the id of the return that logistics is to receive by the scanned ``code``.

        :param str code: number of a return as its register bears it, or any tag that is on it
        :raises UserError: there is none
        """
        self._check_group("aftersales_service.group_logistics")
        code = str(code or "").strip()
        if document := self.search([("name", "=ilike", escape_psql(code))], limit=1):
            return document.id
        line = self.env["aftersales.return.line"].search(
            [
                ("used_part_id.name", "=ilike", escape_psql(code)),
                ("is_received", "=", False),
                ("return_id.date_shipped", "!=", False),
            ],
            limit=1,
        )
        if not line:
            raise UserError(
                self.env._(
                    "“%s” is neither the number of a return nor a tag that is on its way. Scan the "
                    "code on the register; goods without a register are refused (L2.5).",
                    code,
                )
            )
        return line.return_id.id

    def get_receive_data(self):
        """Return what the receiving screen has to know, all of it at once.

        :rtype: dict
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("read")
        tags = self.line_ids.filtered("used_part_id")
        return {
            "id": self.id,
            "name": self.name,
            "sender": self.center_id.display_name,
            "carrier": self.carrier or "",
            "waybill": self.waybill or "",
            "obstacle": self._get_receive_obstacle()
            or (not any(line._is_awaited() for line in self.line_ids))
            and self._get_nothing_message(),
            "conditions": self._fields["condition"]._description_selection(self.env),
            "tags": [
                {
                    "name": line.used_part_id.name,
                    "part": line.product_id.display_name,
                    "received": line.is_received,
                }
                for line in tags
            ],
            "goods": [
                {
                    "id": line.id,
                    "product": line.product_id.display_name,
                    "serial": line.serial or "",
                    "shipped": line.quantity_shipped,
                    "unit": line.uom_id.name,
                }
                for line in self.line_ids - tags
                if line._is_awaited()
            ],
        }

    def find_tags(self, tags):
        """Say of scanned codes that are not on this return what they are.

        :param list tags: codes as scanned
        :return: {code: (kind, sentence)}; kind is ``unknown``, ``elsewhere``, ``settled``,
            ``ended`` or ``unannounced``
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("read")
        codes = {str(tag).strip() for tag in tags[: self._get_lookup_limit()]}
        parts = self.env["aftersales.used.part"].search([("name", "in", list(codes))])
        settled = parts._get_settlement_lines().used_part_id
        found = {part.name: self._describe_stranger(part, part in settled) for part in parts}
        unknown = self.env._("No such tag. The part counts as not returned (M10.3).")
        return {code: found.get(code, ("unknown", unknown)) for code in codes}

    @api.model
    def _get_lookup_limit(self):
        """Return how many codes are looked up at once."""
        return 10_000

    def _describe_stranger(self, part, is_settled):
        """Return (kind, sentence) for a tag that was scanned but is not on this return."""
        line = part.return_line_ids.filtered(lambda line: line.return_id.state != "cancelled")[-1:]
        if is_settled:
            return "settled", self.env._("Already settled.")
        if part.state in ("scrapped", "supplier", "returned", "lost"):
            labels = dict(part._fields["state"]._description_selection(self.env))
            return "ended", self.env._("Its life has ended: %s.", labels[part.state])
        if line:
            return "elsewhere", self.env._(
                "On the return %(document)s of %(sender)s.",
                document=line.return_id.name,
                sender=line.return_id.center_id.name,
            )
        if part.keeper_id != self.center_id:
            return "elsewhere", self.env._(
                "Kept by %s, and not announced.", part.keeper_id.display_name
            )
        return "unannounced", self.env._("Of this sender, but not on the register.")

    def _get_receive_obstacle(self):
        """Return why nothing of the return can be received now, or False."""
        if self.state == "cancelled":
            return self.env._("%s has been cancelled. Set the goods aside.", self.name)
        try:
            self._check_receivable()
        except UserError as error:
            return str(error)
        if not (self.picking_id or self.goods_picking_id):
            if self.date_shipped:
                return self._get_lost_transfer_message()
            return self.env._("%s has not been shipped.", self.name)
        return False

    def _get_lost_transfer_message(self):
        return self.env._(
            "The transfer that takes in %s is gone. Ask an administrator to have it made anew, "
            "under After-sales ▸ Configuration ▸ Check the tags.",
            self.name,
        )

    def _get_nothing_message(self):
        return self.env._("Nothing of %s is on its way.", self.name)

    def action_receive(
        self,
        tags,
        quantities=None,
        surplus=None,
        condition=None,
        condition_note=None,
        is_excess_confirmed=False,
    ):
        """Receive exactly what was scanned and counted, whatever was announced (L2.8).

        Tags that were not scanned stay as backorder. Defective goods are counted in one go: what
        is not there does not come any more.

        :param tags: list of tag numbers
        :param dict quantities: counted quantity by id of the line of defective goods, for all of
            them, 0 for those that did not arrive; None: goods are not counted yet
        :param list surplus: codes of what arrived without being on the register
        :param str condition: of the delivery, a value of the field
        :param str condition_note: what is to be said about it
        :param bool is_excess_confirmed: the receiver counted again where more goods arrived than
            were shipped
        :raises UserError: not approved (L2.5), not on its way, a tag that isn't on it, or more
            goods than were shipped without confirmation
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_logistics")
        self.check_access("write")
        self._lock_for_action()
        if obstacle := self._get_receive_obstacle():
            raise UserError(obstacle)
        pending = self.line_ids.filtered(lambda line: line._is_awaited())
        lines = self._find_scanned(tags)
        counted = self._find_counted(quantities)
        if not is_excess_confirmed:
            self._check_counted(counted)
        if not pending:
            raise UserError(self._get_nothing_message())
        if not lines and not counted:
            raise UserError(self.env._("No tag was scanned."))
        # sudo: logistics receives by tag and count; the transfers belong to this return alone.
        document = self.sudo()
        if counted:
            document._receive_goods({line.sudo(): qty for line, qty in counted.items()})
        missing = (pending.filtered("used_part_id") - lines).sudo()
        if lines:
            document._receive(lines.sudo(), missing)
        document._note_missing(missing)
        self._note_condition(condition, condition_note)
        document._note_received([str(code) for code in surplus or []], condition, condition_note)
        return True

    def _note_condition(self, condition, note):
        """Keep how a delivery looked: of several the worst, and what was said of each (L2.8)."""
        # from intact to the worst
        severities = [False, *dict(self._fields["condition"].selection)]
        if condition and condition not in severities:
            raise UserError(self.env._("Choose one of the conditions on arrival."))
        notes = filter(None, [self.condition_note, (note or "").strip()])
        self._write_protected(
            {
                "condition": max(self.condition, condition or False, key=severities.index),
                "condition_note": "\n".join(notes) or False,
            }
        )

    def _find_scanned(self, tags):
        """Return the lines of the tag numbers ``tags``, all of them on their way."""
        numbers = [number for tag in tags or [] if (number := str(tag).strip())]
        repeated = sorted(number for number, count in Counter(numbers).items() if count > 1)
        if repeated:
            raise UserError(
                self.env._("Scanned more than once: %s", format_list(self.env, repeated))
            )
        by_number = {line.used_part_id.name: line for line in self.line_ids if line.used_part_id}
        unknown = [number for number in numbers if number not in by_number]
        if unknown:
            raise UserError(
                self.env._(
                    "Not on the register of %(document)s: %(tags)s. Set these parts aside; "
                    "untagged or unknown parts count as not returned (M10.3).",
                    document=self.name,
                    tags=format_list(self.env, unknown),
                )
            )
        lines = self.env["aftersales.return.line"].union(*(by_number[n] for n in numbers))
        again = lines.filtered("is_received")
        if again:
            raise UserError(
                self.env._(
                    "Already received: %s",
                    format_list(self.env, again.used_part_id.mapped("name")),
                )
            )
        if gone := lines.filtered(lambda line: not line._is_awaited()):
            raise UserError(
                self.env._(
                    "Written off: %s. Set these parts aside and tell customer service that they "
                    "have turned up.",
                    format_list(self.env, gone.used_part_id.mapped("name")),
                )
            )
        return lines

    def _find_counted(self, quantities):
        """Return {line: counted quantity} of the defective goods, all that are on their way."""
        if quantities is None:
            return {}
        # over RPC the keys of a dictionary are strings
        try:
            quantities = {int(key): float(quantity) for key, quantity in quantities.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(self.env._("What was counted has to be a number.")) from error
        goods = self._get_goods_lines().filtered(lambda line: not line.is_received)
        if unknown := quantities.keys() - set(goods.ids):
            raise UserError(
                self.env._(
                    "Already counted, or not goods of %(document)s: %(lines)s",
                    document=self.name,
                    lines=format_list(self.env, [str(i) for i in sorted(unknown)]),
                )
            )
        uncounted = goods.filtered(lambda line: line.id not in quantities)
        if uncounted:
            raise UserError(
                self.env._(
                    "Count these, too; enter 0 for what did not arrive: %s",
                    format_list(self.env, uncounted.product_id.mapped("display_name")),
                )
            )
        if not all(isfinite(quantity) and quantity >= 0 for quantity in quantities.values()):
            raise UserError(self.env._("What was counted can't be less than nothing."))
        return {line: quantities[line.id] for line in goods}

    def _check_counted(self, counted):
        """Raise UserError where more was counted than was shipped: it may be a slip of the hand."""
        if excess := [line for line, quantity in counted.items() if line._exceeds(quantity)]:
            raise UserError(
                self.env._(
                    "More was counted than was shipped: %s. Count again, and confirm if it is "
                    "right: what arrived counts (L2.8).",
                    format_list(
                        self.env,
                        [
                            f"{line.product_id.display_name} ({counted[line]:g} / "
                            f"{line.quantity_shipped:g})"
                            for line in excess
                        ],
                    ),
                )
            )

    def _receive_goods(self, counted):
        """Take in what was counted of the defective goods; the rest of the receipt is off."""
        picking = self.goods_picking_id
        if picking.state in ("done", "cancel"):
            raise UserError(self._get_transfer_message(picking))
        self.env["aftersales.return.line"].union(
            *(line for line, quantity in counted.items() if quantity)
        )._check_serials()
        for line, quantity in counted.items():
            line._set_counted(quantity)
        if any(counted.values()):
            picking.with_context(cancel_backorder=True)._action_done()
        else:
            picking.action_cancel()
        for line, quantity in counted.items():
            line._write_protected(line._prepare_received_vals(quantity))

    def _get_transfer_message(self, picking):
        return self.env._(
            "The transfer %s is done or cancelled already. Ask the stock manager what happened to "
            "the goods.",
            picking.name,
        )

    def _get_waiting_transfer(self):
        """Return the transfer that waits to take in the tags, or none."""
        return (self.backorder_id or self.picking_id).filtered(
            lambda picking: picking.state not in ("done", "cancel")
        )

    def _await_again(self, parts):
        """Let the transfer of this return wait for ``parts``, which are on their way without it."""
        self.ensure_one()
        warehouse = self.env["stock.warehouse"]._get_aftersales_warehouse(self.company_id)
        transit, destination = warehouse.used_part_transit_loc_id, warehouse.used_part_loc_id
        if picking := self._get_waiting_transfer():
            move = picking.move_ids
            move.product_uom_qty += len(parts)
            self.env["stock.move.line"].create(
                [
                    {
                        **part._prepare_move_line_vals(transit, picking.location_dest_id),
                        "move_id": move.id,
                        "picking_id": picking.id,
                    }
                    for part in parts
                ]
            )
            return
        picking = parts._create_picking(
            warehouse.used_part_return_type_id, transit, destination, self.name
        )
        picking.action_confirm()
        self._write_protected({"backorder_id" if self.picking_id else "picking_id": picking.id})

    def _receive(self, lines, missing):
        """Move what arrived into the factory's location, and what didn't to the backorder."""
        picking = self._get_waiting_transfer()
        if not picking:
            raise UserError(self._get_lost_transfer_message())
        lots = lines.used_part_id.lot_id
        arrived = picking.move_line_ids.filtered(lambda line: line.lot_id in lots)
        arrived.picked = True
        (picking.move_line_ids - arrived).picked = False
        picking._action_done()
        lots.invalidate_recordset(["location_id"])
        astray = lots.filtered(lambda lot: lot.location_id != picking.location_dest_id)
        if astray:
            raise UserError(
                self.env._(
                    "Not where the service center keeps its used parts: %s",
                    format_list(self.env, astray.mapped("name")),
                )
            )
        backorder = picking.backorder_ids[:1]
        if backorder:
            # the backorder holds exactly the missing tags, whatever else the center keeps
            backorder.move_line_ids.unlink()
            self.env["stock.move.line"].create(
                [
                    {
                        **tag._prepare_move_line_vals(
                            tag.location_id or picking.location_id, picking.location_dest_id
                        ),
                        "move_id": backorder.move_ids.id,
                        "picking_id": backorder.id,
                    }
                    for tag in missing.used_part_id
                ]
            )
        lines._write_protected(lines._prepare_received_vals(1))
        lines.used_part_id._write_protected({"state": "received"})
        lines.used_part_id._log_event(
            "received",
            location_id=picking.location_dest_id.id,
            picking_id=picking.id,
            return_id=self.id,
        )
        self._write_protected({"backorder_id": backorder.id})

    def _note_missing(self, lines):
        """Note which tags were not in the delivery; their transfer goes on waiting (L2.8)."""
        if lines:
            lines._write_protected({"is_missing": 1})
            self._write_protected({"backorder_id": (self.backorder_id or self.picking_id).id})

    def _note_received(self, surplus=(), condition=None, note=None):
        """Note the arrival, and tell sender and customer service what differs (L2.8).

        :param surplus: codes of what came without being on the register
        :param condition: of this delivery
        :param note: on this delivery
        """
        now = fields.Datetime.now()
        self._write_protected(
            {
                "state": "received",
                "date_received": self.date_received or now,
                "date_received_last": now,
            }
        )
        self._deadline_event("arrived")
        self._tell_sender(
            lambda d: d._get_receipt_message(surplus, condition, (note or "").strip()),
            customer_service=True,
        )

    def _get_receipt_message(self, surplus, condition, note):
        tags = self.line_ids.filtered("used_part_id")
        missing = tags.filtered(lambda line: line._is_awaited())
        labels = dict(self._fields["condition"]._description_selection(self.env))
        sentences = []
        if tags:
            sentences.append(
                self.env._(
                    "Received %(received)s of %(announced)s tags. Missing: %(missing)s",
                    announced=len(tags),
                    received=len(tags.filtered("is_received")),
                    missing=self._format_tags(missing.used_part_id.mapped("name"))
                    or self.env._("none"),
                )
            )
        for line in (self.line_ids - tags).filtered("is_received"):
            sentences.append(
                self.env._(
                    "%(product)s: received %(received)g of %(announced)g.",
                    product=line.product_id.display_name,
                    received=line.quantity_received,
                    announced=line.quantity_shipped,
                )
            )
        if surplus:
            sentences.append(
                self.env._(
                    "Not on the register, set aside and counted as not returned (M10.3): %s",
                    self._format_tags(surplus),
                )
            )
        if condition:
            sentences.append(self.env._("Condition on arrival: %s.", labels[condition]))
        if note:
            sentences.append(note)
        return sentences

    def _format_tags(self, names):
        """Return the names as a list in words, cut where nobody would read on."""
        shown = 50
        if len(names) <= shown:
            return format_list(self.env, names) if names else ""
        return self.env._(
            "%(names)s and %(count)s more",
            names=", ".join(names[:shown]),
            count=len(names) - shown,
        )
