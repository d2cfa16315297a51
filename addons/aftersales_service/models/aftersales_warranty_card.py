import unicodedata

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, escape_psql

# dashes as keyboards and word processors write them, for the one that is printed on machines
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")


class AftersalesWarrantyCard(models.Model):
    """The warranty of one sold unit, with the cover as it was promised on the day of sale."""

    _name = "aftersales.warranty.card"
    _description = "Warranty card"
    _regulations = ("L1.1", "L2.2", "E4", "E6", "E7", "H11")
    _inherit = [
        "aftersales.entitlement.mixin",
        "aftersales.retention.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.warranty.card"
    _order = "id desc"
    _check_company_auto = True
    _rec_names_search = ["name", "serial_number"]

    name = fields.Char(
        "Card number", required=True, readonly=True, copy=False, default="/", index="trigram"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    partner_id = fields.Many2one(
        "res.partner", "Customer", required=True, tracking=True, index=True, check_company=True
    )
    product_id = fields.Many2one(
        "product.product", "Product", required=True, index=True, check_company=True
    )
    lot_id = fields.Many2one(
        "stock.lot",
        "Serial number",
        domain="[('product_id', '=', product_id)]",
        index="btree_not_null",
        check_company=True,
    )
    # many roles know the machine without access to stock
    serial_number = fields.Char(
        "Serial",
        compute="_compute_serial_number",
        store=True,
        readonly=False,
        index="trigram",
        help="Of the unit sold. A number that isn't known yet is registered with the card.",
    )
    policy_id = fields.Many2one(
        "aftersales.warranty.policy",
        "Policy",
        compute="_compute_policy_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        ondelete="restrict",
        index=True,
        check_company=True,
        help="The version in force on the day of delivery or purchase. Empty: the product's own.",
    )
    date_delivery = fields.Date("Delivered on", help="The day the customer received the unit.")
    date_purchase = fields.Date("Bought on", help="As the proof of purchase says.")
    date_installation = fields.Date(
        "Installed on", help="May be added once, when the unit is installed."
    )
    date_manufacture = fields.Date(
        "Made on", help="As the code printed on the product says. May be added once."
    )
    date_start = fields.Date("Warranty from", compute="_compute_period", store=True)
    date_end = fields.Date(
        "Warranty until",
        compute="_compute_period",
        store=True,
        help="The last day on which a consumer's claim for some component is covered.",
    )
    coverage_ids = fields.One2many(
        "aftersales.warranty.coverage", "card_id", "Cover", readonly=True
    )
    sale_line_id = fields.Many2one(
        "sale.order.line", "Sold on", readonly=True, help="Proof of purchase.", check_company=True
    )
    invoice_id = fields.Many2one(
        "account.move",
        "Invoice",
        domain=[("move_type", "in", ("out_invoice", "out_receipt")), ("state", "=", "posted")],
        check_company=True,
        help="Proof of purchase, if it was sold outside of a sales order. May be added once.",
    )
    receipt = fields.Binary(
        attachment=True,
        copy=False,
        help="Picture or PDF of the customer's receipt, as proof of purchase. May be added once.",
    )
    receipt_name = fields.Char("File name of the receipt", copy=False)
    has_proof = fields.Boolean(
        "Proof of purchase",
        compute="_compute_has_proof",
        search="_search_has_proof",
        help="A sale, an invoice or a receipt is there (L2.2).",
    )
    exchange_assessment_id = fields.Many2one(
        "aftersales.exchange.assessment",
        "Given in exchange by",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        help="The verdict by which the unit replaced a faulty one; it is its proof of purchase.",
    )
    assessment_ids = fields.One2many(
        "aftersales.exchange.assessment", "card_id", "Exchange assessments"
    )
    assessment_count = fields.Integer(compute="_compute_history_counts")
    move_id = fields.Many2one("stock.move", "Delivered by", readonly=True, check_company=True)
    state = fields.Selection(
        [("open", "Valid"), ("closed", "Closed"), ("void", "Void")],
        "Status",
        default="open",
        required=True,
        readonly=True,
        tracking=True,
        copy=False,
    )
    request_ids = fields.One2many("aftersales.request", "card_id", "Requests")
    record_ids = fields.One2many("aftersales.service.record", "card_id", "Service records")
    request_count = fields.Integer(compute="_compute_history_counts")
    record_count = fields.Integer(compute="_compute_history_counts")

    _live_lot_uniq = models.UniqueIndex(
        "(lot_id) WHERE state = 'open'",
        "This serial number already has a valid warranty card.",
    )

    @api.depends("lot_id")
    def _compute_serial_number(self):
        for card in self:
            card.serial_number = card.lot_id.name or card.serial_number

    @api.depends("product_id", "date_delivery", "date_purchase")
    def _compute_policy_id(self):
        for card in self:
            policy = card.product_id.warranty_policy_id
            date = card.date_delivery or card.date_purchase
            version = policy and date and policy._get_version(date)
            card.policy_id = version or card.policy_id

    @api.depends("coverage_ids.date_start", "coverage_ids.date_end")
    def _compute_period(self):
        for card in self:
            cover = card.coverage_ids.filtered(lambda c: c.claimant != "dealer")
            card.date_start = min(filter(None, cover.mapped("date_start")), default=False)
            card.date_end = max(filter(None, cover.mapped("date_end")), default=False)

    @api.depends("sale_line_id", "invoice_id", "receipt", "exchange_assessment_id")
    def _compute_has_proof(self):
        # sudo: whether a file is there, without loading it; the card was reached by its rules
        files = self.env["ir.attachment"].sudo()
        with_receipt = {
            res_id
            for (res_id,) in files._read_group(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "receipt"),
                    ("res_id", "in", self.ids),
                ],
                ["res_id"],
            )
        }
        for card in self:
            card.has_proof = bool(
                card.sale_line_id
                or card.invoice_id
                or card.exchange_assessment_id
                or (card.id in with_receipt if card.id else card.receipt)
            )

    def _search_has_proof(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(
            Domain(name, "!=", False)
            for name in ("sale_line_id", "invoice_id", "receipt", "exchange_assessment_id")
        )

    def _compute_history_counts(self):
        for field, model in (
            ("request_count", "aftersales.request"),
            ("record_count", "aftersales.service.record"),
            ("assessment_count", "aftersales.exchange.assessment"),
        ):
            counts = dict(
                self.env[model]._read_group([("card_id", "in", self.ids)], ["card_id"], ["__count"])
            )
            for card in self:
                card[field] = counts.get(card, 0)

    @api.depends("name", "serial_number")
    def _compute_display_name(self):
        for card in self:
            serial = f" ({card.serial_number})" if card.serial_number else ""
            card.display_name = f"{card.name}{serial}"

    @api.constrains("lot_id", "product_id")
    def _check_lot_id(self):
        for card in self:
            # sudo: that the serial belongs to another product is all that is told
            if card.lot_id and card.lot_id.sudo().product_id != card.product_id:
                raise ValidationError(
                    self.env._(
                        "The serial %(serial)s belongs to “%(other)s”, not to “%(product)s”.",
                        serial=card.serial_number,
                        other=card.lot_id.sudo().product_id.display_name,
                        product=card.product_id.display_name,
                    )
                )

    # the customer is in the values of every new card, the days may be missing
    @api.constrains(
        "partner_id", "date_delivery", "date_purchase", "date_installation", "date_manufacture"
    )
    def _check_dates(self):
        for card in self:
            sold = [day for day in (card.date_delivery, card.date_purchase) if day]
            if not sold:
                raise ValidationError(
                    self.env._(
                        "%s: enter the day of delivery or the day of purchase.", card.display_name
                    )
                )
            today = card.company_id._aftersales_local(fields.Datetime.now()).date()
            days = card._get_basis_dates()
            for name, day in days.items():
                label = self._fields[f"date_{name}"]._description_string(self.env)
                if day and day > today:
                    raise ValidationError(
                        self.env._(
                            "%(card)s: “%(label)s” (%(day)s) lies in the future.",
                            card=card.display_name,
                            label=label,
                            day=day,
                        )
                    )
                if (
                    name != "manufacture"
                    and day
                    and days["manufacture"]
                    and (day < days["manufacture"])
                ):
                    raise ValidationError(
                        self.env._(
                            "%(card)s: “%(label)s” (%(day)s) lies before the day on which the "
                            "unit was made (%(made)s).",
                            card=card.display_name,
                            label=label,
                            day=day,
                            made=days["manufacture"],
                        )
                    )
            if days["installation"] and days["installation"] < min(sold):
                raise ValidationError(
                    self.env._(
                        "%(card)s: the unit can't have been installed (%(day)s) before it was sold "
                        "and delivered (%(sold)s).",
                        card=card.display_name,
                        day=days["installation"],
                        sold=min(sold),
                    )
                )

    @api.constrains("policy_id", "date_delivery", "date_purchase")
    def _check_policy_id(self):
        for card in self:
            date = card.date_delivery or card.date_purchase
            if card.policy_id._get_version(date) != card.policy_id:
                raise ValidationError(
                    self.env._(
                        "%(card)s: the policy “%(policy)s” isn't the version in force on %(date)s.",
                        card=card.display_name,
                        policy=card.policy_id.display_name,
                        date=date,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = self._register_serials(vals_list)
        cards = super().create(
            [{k: v for k, v in vals.items() if k != "coverage_ids"} for vals in vals_list]
        )
        # sudo: the cover is a copy of the policy that nobody may write, whoever issues the card.
        self.env["aftersales.warranty.coverage"].sudo().create(
            [
                {**vals, "card_id": card.id}
                for card in cards
                for vals in card.policy_id._prepare_coverage_vals(card)
            ]
        )
        return cards

    @api.model
    def _register_serials(self, vals_list):
        """Return the values with the serials found, or made for units sold before this system.

        One search and one create for all of them.
        """
        named = [
            vals
            for vals in vals_list
            if vals.get("serial_number") and not vals.get("lot_id") and vals.get("product_id")
        ]
        if not named:
            return vals_list
        # sudo: a clerk registers the unit's number without rights on stock; nothing is moved
        lots = self.env["stock.lot"].sudo()
        keys = {(vals["product_id"], vals["serial_number"].strip()) for vals in named}
        found = {
            (lot.product_id.id, lot.name): lot.id
            for lot in lots.search(
                [
                    ("product_id", "in", [product for product, _name in keys]),
                    ("name", "in", [name for _product, name in keys]),
                    ("company_id", "in", [self.env.company.id, False]),
                ]
            )
        }
        missing = sorted(keys - found.keys())
        created = lots.create([{"product_id": product, "name": name} for product, name in missing])
        found.update(zip(missing, created.ids, strict=True))
        return [
            {**vals, "lot_id": found[vals["product_id"], vals["serial_number"].strip()]}
            if any(vals is other for other in named)
            else vals
            for vals in vals_list
        ]

    def write(self, vals):
        for card in self:
            changed = card._get_changed_names(vals, self._get_frozen_fields())
            if any(card[name] or name not in self._get_fields_filled_once() for name in changed):
                raise UserError(
                    self.env._(
                        "A warranty card stays as it was issued. Void it with a reason and issue "
                        "a new one."
                    )
                )
        result = super().write(vals)
        if vals.keys() & {f"date_{basis}" for basis in self._get_basis_dates()}:
            # sudo: the cover follows from its frozen terms and the day that was added
            self.sudo().coverage_ids._set_window()
        return result

    @api.model
    def _get_frozen_fields(self):
        """Return the fields that stay as they were when the card was issued."""
        return self._get_fields_filled_once() | {
            "company_id",
            "date_delivery",
            "date_end",
            "date_start",
            "exchange_assessment_id",
            "lot_id",
            "move_id",
            "policy_id",
            "product_id",
            "sale_line_id",
            "serial_number",
        }

    @api.model
    def _get_fields_filled_once(self):
        """Return the frozen fields that may be completed later, as long as they are empty."""
        return {
            "date_installation",
            "date_manufacture",
            "date_purchase",
            "invoice_id",
            "receipt",
            "receipt_name",
        }

    def _get_basis_dates(self):
        """Return the days that the cover can run from, by start basis."""
        return {
            "delivery": self[:1].date_delivery,
            "purchase": self[:1].date_purchase,
            "installation": self[:1].date_installation,
            "manufacture": self[:1].date_manufacture,
        }

    def _get_retention_depends(self):
        return [*super()._get_retention_depends(), "date_end", "date_delivery", "date_purchase"]

    def _get_retention_start(self):
        # a card without any cover tells that there was none
        return self.date_end or self.date_delivery or self.date_purchase

    def _get_coverage(self, product, date, hours=0.0, claimant="consumer"):
        """Return the line that covers ``product`` as a part of the unit, or none.

        :param date: day of the fault, in the company's time zone
        :param float hours: the hour meter on that day
        :param str claimant: consumer or dealer
        """
        self.ensure_one()
        return self._get_entitlements(product, date, hours, claimant)[product]["coverage"]

    # --- serial numbers --------------------------------------------------------------------

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

    # --- actions ---------------------------------------------------------------------------

    def action_void(self, reason=None):
        """Void the card, with a reason."""
        if not (reason or "").strip():
            raise UserError(self.env._("Give the reason why the card is void."))
        for card in self:
            card.check_access("write")
            card._write_protected({"state": "void"})
            card.flush_recordset(["state"])  # the unique index counts valid cards only
            card.message_post(body=self.env._("Void: %s", reason))
        return True

    def action_open_void(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_void", self.env._("Void"))

    def action_new_request(self):
        """Open a new request on this card."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New request"),
            "res_model": "aftersales.request",
            "views": [(False, "form")],
            "context": {"default_card_id": self.id},
        }

    def action_view_requests(self):
        return self._action_view_history("aftersales_service.action_request")

    def action_new_assessment(self):
        """Begin the assessment whether the unit is exchanged (L1.2)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New assessment"),
            "res_model": "aftersales.exchange.assessment",
            "views": [(False, "form")],
            "context": {"default_card_id": self.id},
        }

    def action_view_assessments(self):
        return self._action_view_history("aftersales_service.action_exchange_assessment")

    def action_view_records(self):
        return self._action_view_history("aftersales_service.action_service_record")

    def _action_view_history(self, xmlid):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return {
            **action,
            "domain": [("card_id", "=", self.id)],
            "context": {"default_card_id": self.id},
        }
