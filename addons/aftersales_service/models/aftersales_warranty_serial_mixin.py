import unicodedata

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, escape_psql

# dashes as keyboards and word processors write them, for the one that is printed on machines
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")


class AftersalesWarrantySerialMixin(models.AbstractModel):
    """The serial numbers of warranty cards: read as meant, found, suggested and registered."""

    _name = "aftersales.warranty.serial.mixin"
    _description = "Serial numbers of warranty cards"

    @api.model
    def _normalize_serial(self, text):
        """Return a serial number as machines bear it: half-width, with plain dashes and spaces."""
        text = unicodedata.normalize("NFKC", text or "").translate(_DASHES)
        return " ".join(text.split())

    @api.model
    def _find_by_serial(self, text):
        """Return the cards that ``text`` names, valid ones first.

        It may be a card's number, the serial number of its unit, or that of a part which an
        earlier repair fitted (H8). Capitals, full-width letters and spaces around don't matter.
        """
        text = escape_psql(self._normalize_serial(text))
        if not text:
            return self.browse()
        fitted = [("state", "=", "done"), ("part_ids.serial_fitted", "=ilike", text)]
        domain = Domain.OR(
            [
                Domain("name", "=ilike", text),
                Domain("serial_number", "=ilike", text),
                Domain("record_ids", "any", fitted),
            ]
        )
        return self.search(domain).sorted(lambda card: card.state != "open")

    @api.model
    def _suggest_serials(self, text, limit=5):
        """Return up to ``limit`` serials of known units that ``text`` may be a mistyping of.

        The nearest comes first. Only units whose cards the user may see are told.
        """
        text = self._normalize_serial(text).upper()
        if not text or not self.env.registry.has_trigram:
            return []
        query = self._search([("serial_number", "!=", False)])
        serial = self._field_to_sql(query.table, "serial_number", query)
        # written like the index, so that it is used
        query.add_where(SQL("%s %% %s", self.env.registry.unaccent(serial), text))
        query.order = SQL("similarity(%s, %s) DESC", serial, text)
        query.limit = 300
        candidates = dict.fromkeys(row[0] for row in self.env.execute_query(query.select(serial)))
        distances = {
            candidate: self._get_typing_distance(text, candidate.upper())
            for candidate in candidates
        }
        near = [
            candidate
            for candidate, distance in distances.items()
            if distance <= max(1, len(text) // 4) or text in candidate.upper()
        ]
        return sorted(near, key=distances.get)[:limit]

    @api.model
    def _get_typing_distance(self, left, right):
        """Return how many slips lie between two texts: a sign wrong, missing, extra or swapped.

        Similarity of trigrams alone would put any other machine of the same month before the one
        with two digits swapped.
        """
        before, row = [], list(range(len(right) + 1))
        for i, a in enumerate(left, 1):
            previous, before, row = before, row, [i]
            for j, b in enumerate(right, 1):
                cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
                if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                    cost = min(cost, previous[j - 2] + 1)
                row.append(cost)
        return row[-1]

    # --- new cards -------------------------------------------------------------------------

    @api.model
    def _link_serials(self, vals_list):
        """Return the values with numbers as machines bear them, and the lots of those known.

        A number is known in whatever capitals it was typed; a new one gets them if the product's
        latest number has no small letters.
        """
        linked = []
        for vals in vals_list:
            vals = dict(vals)
            if typed := vals.pop("serial_number", None):
                # the number of a lot that was chosen is the lot's
                serial = not vals.get("lot_id") and self._normalize_serial(typed)
                if serial:
                    vals["serial_number"] = serial
            linked.append(vals)
        named = [vals for vals in linked if vals.get("serial_number") and vals.get("product_id")]
        if not named:
            return linked
        # sudo: a clerk finds the unit's number without rights on stock
        lots = self.env["stock.lot"].sudo()
        product_ids = list({vals["product_id"] for vals in named})
        names = {vals["serial_number"] for vals in named}
        own = Domain("product_id", "in", product_ids) & self._get_lot_domain()
        known = {
            (lot.product_id.id, lot.name): lot.id
            for lot in lots.search_fetch(
                own & Domain("name", "in", self._get_letter_cases(names)), ["product_id", "name"]
            )
        }
        latest = dict(lots._read_group(own, ["product_id"], ["id:max"]))
        capitals = {
            product.id for product, lot_id in latest.items() if lots.browse(lot_id).name.isupper()
        }
        for vals in named:
            product, name = vals["product_id"], vals["serial_number"]
            lot_id = next(
                (
                    known[product, form]
                    for form in self._get_letter_cases([name])
                    if (product, form) in known
                ),
                False,
            )
            if lot_id:
                del vals["serial_number"]
                vals["lot_id"] = lot_id
            elif product in capitals:
                vals["serial_number"] = name.upper()
        return linked

    @api.model
    def _get_letter_cases(self, names):
        return [form for name in names for form in (name, name.upper(), name.lower())]

    @api.model
    def _get_lot_domain(self):
        return Domain("company_id", "in", [self.env.company.id, False])

    @api.model
    def _register_serials(self, vals_list):
        """Return the values with lots made for units sold before this system, in one go."""
        products = self.env["product.product"].browse(
            {vals["product_id"] for vals in vals_list if vals.get("serial_number")}
        )
        tracked = set(products.filtered(lambda product: product.tracking == "serial").ids)
        missing = {
            (vals["product_id"], vals["serial_number"]): vals
            for vals in vals_list
            if vals.get("serial_number") and vals["product_id"] in tracked
        }
        # sudo: a clerk registers the unit's number without rights on stock; nothing is moved.
        # The card itself tells when and by whom that was.
        lots = (
            self.env["stock.lot"]
            .sudo()
            .with_context(mail_create_nolog=True)
            .create([{"product_id": product, "name": name} for product, name in missing])
        )
        for vals, lot in zip(missing.values(), lots, strict=True):
            del vals["serial_number"]
            vals["lot_id"] = lot.id
        return vals_list

    @api.model
    def _find_serial_conflicts(self, vals_list):
        """Return which of the values name a unit that can't have this card.

        It has a valid one, is named twice, or is another product's.

        :return: position → sentence for the user
        """
        linked = {
            position: vals["lot_id"]
            for position, vals in enumerate(vals_list)
            if vals.get("lot_id") and vals.get("state", "open") == "open"
        }
        typed = {
            position: (vals.get("product_id"), vals["serial_number"])
            for position, vals in enumerate(vals_list)
            if vals.get("serial_number")
        }
        if not linked and not typed:
            return {}
        names = self._get_letter_cases({name for _product, name in typed.values()})
        # sudo: that the unit has a card, and which, is told even where the card itself is hidden
        live = self.sudo().search_fetch(
            [
                ("state", "=", "open"),
                "|",
                ("lot_id", "in", list(linked.values())),
                "&",
                ("lot_id", "=", False),
                ("serial_number", "in", names),
            ],
            ["name", "lot_id", "serial_number", "product_id", "partner_id", "company_id"],
        )
        by_lot = {card.lot_id.id: card for card in live if card.lot_id}
        by_name = {
            (card.product_id.id, card.serial_number.upper()): card
            for card in live
            if not card.lot_id
        }
        others = {
            lot.name.upper(): lot
            for lot in live.env["stock.lot"].search(
                self._get_lot_domain()
                & Domain("name", "in", names)
                & Domain("product_id.warranty_policy_id", "!=", False)
            )
        }
        conflicts, seen = {}, set()
        for position in sorted(linked.keys() | typed.keys()):
            if position in linked:
                key = linked[position]
                card = by_lot.get(key)
                serial = live.env["stock.lot"].browse(key).name
                other = None
            else:
                product, serial = typed[position]
                key = (product, serial.upper())
                card = by_name.get(key)
                other = others.get(serial.upper())
            if card:
                conflicts[position] = self._describe_live_card(card)
            elif key in seen:
                conflicts[position] = self.env._(
                    "The serial %s is named twice: each unit has one card.", serial
                )
            elif other and other.product_id.id != key[0]:
                conflicts[position] = self.env._(
                    "The serial %(serial)s belongs to “%(other)s”. Check the product; if two "
                    "products really have the same number, register it in Inventory first.",
                    serial=serial,
                    other=other.product_id.display_name,
                )
            seen.add(key)
        return conflicts

    @api.model
    def _describe_live_card(self, card):
        """Return a sentence that names the valid ``card`` in the way of another one."""
        if card.company_id not in self.env.companies:
            return self.env._(
                "The serial %s has a valid warranty card in another company.", card.serial_number
            )
        return self.env._(
            "The serial %(serial)s already has a valid warranty card: %(card)s of %(customer)s. "
            "Transfer it to the new owner, or close or void it first.",
            serial=card.serial_number,
            card=card.name,
            customer=card.partner_id.display_name,
        )
