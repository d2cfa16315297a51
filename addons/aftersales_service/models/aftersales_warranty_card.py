from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain


class AftersalesWarrantyCard(models.Model):
    """The warranty of one sold unit, with the cover as it was promised on the day of sale."""

    _name = "aftersales.warranty.card"
    _description = "Warranty card"
    _regulations = ("L1.1", "L2.2", "E4", "E6", "E7", "H11")
    _inherit = [
        "aftersales.entitlement.mixin",
        "aftersales.operating.hours.mixin",
        "aftersales.retention.mixin",
        "aftersales.warranty.import.mixin",
        "aftersales.warranty.serial.mixin",
        "aftersales.complaint.source.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _sequence_code = "aftersales.warranty.card"
    _complaint_link = "card_id"
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
    product_tracking = fields.Selection(related="product_id.tracking")
    lot_id = fields.Many2one(
        "stock.lot",
        "Serial in stock",
        domain="[('product_id', '=', product_id)]",
        index="btree_not_null",
        check_company=True,
    )
    # many roles know the machine without access to stock
    serial_number = fields.Char(
        "Serial number",
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
    receipt_number = fields.Char(
        "Receipt no.",
        copy=False,
        help="Number of the customer's receipt or invoice. The receipt itself is the proof. May be "
        "added once.",
    )
    receipt = fields.Binary(
        "Purchase receipt",
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
    has_exchange_questions = fields.Boolean(compute="_compute_has_exchange_questions")
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
    date_closed = fields.Date(
        "Closed on",
        readonly=True,
        copy=False,
        help="A fault before or on this day is still covered.",
    )
    closing_reason = fields.Text("Reason", readonly=True, copy=False)
    closing_move_id = fields.Many2one(
        "stock.move",
        "Given back by",
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
    )
    closing_refund_id = fields.Many2one(
        "account.move", "Refunded by", readonly=True, copy=False, check_company=True
    )
    request_ids = fields.One2many("aftersales.request", "card_id", "Requests")
    record_ids = fields.One2many("aftersales.service.record", "card_id", "Service records")
    callback_ids = fields.Many2many(
        "aftersales.callback",
        "aftersales_callback_card_rel",
        "card_id",
        "callback_id",
        "Callbacks",
        readonly=True,
        copy=False,
    )
    return_visits_per_year = fields.Integer(
        "Return visits a year",
        compute="_compute_return_visits_per_year",
        store=True,
        help="As the policy promised when the card was issued (R1).",
    )
    visit_ids = fields.One2many("aftersales.visit", "card_id", "Scheduled visits")
    visit_count = fields.Integer(compute="_compute_history_counts")
    part_ids = fields.One2many("aftersales.service.record.part", "card_id", "Parts replaced")
    reading_ids = fields.One2many("aftersales.meter.reading", "card_id", "Meter readings")
    transfer_ids = fields.One2many(
        "aftersales.warranty.transfer",
        "card_id",
        "Owners",
        readonly=True,
        groups="aftersales_service.group_clerk,aftersales_service.group_quality,"
        "aftersales_service.group_vp",
    )
    request_count = fields.Integer(compute="_compute_history_counts")
    record_count = fields.Integer(compute="_compute_history_counts")
    part_count = fields.Integer(compute="_compute_history_counts")
    reading_count = fields.Integer(compute="_compute_history_counts")

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
            if card._origin.policy_id:
                # what was promised stays, whatever day is added to the card
                card.policy_id = card._origin.policy_id
                continue
            policy = card.product_id.warranty_policy_id
            date = card.date_delivery or card.date_purchase
            version = policy and date and policy._get_version(date)
            card.policy_id = version or card.policy_id

    # not of the policy's own figure: what was promised stays
    @api.depends("policy_id")
    def _compute_return_visits_per_year(self):
        for card in self:
            card.return_visits_per_year = card.policy_id.return_visits_per_year

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
            ("part_count", "aftersales.service.record.part"),
            ("reading_count", "aftersales.meter.reading"),
            ("visit_count", "aftersales.visit"),
        ):
            counts = {}
            # accountants read cards, but not all that happened to the units
            if self.env[model].has_access("read"):
                counts = dict(
                    self.env[model]._read_group(
                        [("card_id", "in", self.ids)], ["card_id"], ["__count"]
                    )
                )
            for card in self:
                card[field] = counts.get(card, 0)

    @api.depends("name", "serial_number", "product_id", "partner_id")
    @api.depends_context("show_owner")
    def _compute_display_name(self):
        for card in self:
            if not card._origin:
                # not numbered yet: what a sentence about it calls it
                card.display_name = card.serial_number or card.product_id.display_name
            else:
                name = f"{card.name} ({card.serial_number})" if card.serial_number else card.name
                if self.env.context.get("show_owner"):
                    whose = (card.partner_id.display_name, card.product_id.display_name)
                    name = " – ".join((name, *filter(None, whose)))
                card.display_name = name

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
            if card.product_id.tracking == "serial" and not (card.lot_id or card.serial_number):
                raise ValidationError(
                    self.env._(
                        "“%s” is tracked by serial number: enter the one on the unit's nameplate.",
                        card.product_id.display_name,
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
            labels = {
                name: self._fields[f"date_{name}"]._description_string(self.env) for name in days
            }
            for name, day in days.items():
                if day and day > today:
                    raise ValidationError(
                        self.env._(
                            "%(card)s: “%(label)s” (%(day)s) lies in the future.",
                            card=card.display_name,
                            label=labels[name],
                            day=day,
                        )
                    )
            made = days["manufacture"]
            for name, day in days.items():
                if day and made and day < made:
                    raise ValidationError(
                        self.env._(
                            "%(card)s: “%(label)s” (%(day)s) lies before the day on which the "
                            "unit was made (%(made)s).",
                            card=card.display_name,
                            label=labels[name],
                            day=day,
                            made=made,
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

    @api.constrains("product_id", "policy_id", "date_delivery", "date_purchase")
    def _check_policy_id(self):
        # an issued card keeps its policy, whatever became of that
        for card in self.filtered(lambda card: not card.coverage_ids):
            date = card.date_delivery or card.date_purchase
            if not date:
                continue  # said by `_check_dates`
            if not card.policy_id:
                raise ValidationError(
                    self.env._(
                        "%(card)s: “%(product)s” has no warranty policy in force on %(date)s. "
                        "Choose one on the product, or make a version for that day.",
                        card=card.display_name,
                        product=card.product_id.display_name,
                        date=date,
                    )
                )
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
        vals_list = self._link_serials(vals_list)
        conflicts = self._find_serial_conflicts(vals_list)
        if conflicts:
            raise ValidationError("\n".join(dict.fromkeys(conflicts.values())))
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
        cards._plan_visits()
        return cards

    # --- what stays as it was issued -------------------------------------------------------

    def write(self, vals):
        if not self.env.su and self._get_changed_names(vals, {"partner_id"}):
            raise UserError(
                self.env._(
                    "The owner of a warranty card isn't changed by hand: press “Transfer card”, so "
                    "the change is kept with its day and reason."
                )
            )
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
            self._plan_visits()
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
            "receipt_number",
        }

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {
            "closing_move_id",
            "closing_reason",
            "closing_refund_id",
            "date_closed",
            "return_visits_per_year",
        }

    def _get_reason_actions(self):
        return super()._get_reason_actions() | {"action_close", "action_reopen"}

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

    def _is_valid_on(self, date):
        """Tell whether the card counts for a fault on ``date``: a return ends it, not before.

        :param date: day of the fault, in the company's time zone
        """
        self.ensure_one()
        return self.state == "open" or (
            self.state == "closed" and bool(self.date_closed) and date <= self.date_closed
        )

    # --- actions ---------------------------------------------------------------------------

    def action_void(self, reason=None):
        """Void the card, with a reason: it was wrong from the first day."""
        self._check_reason(reason, self.env._("Give the reason why the card is void."))
        for card in self:
            card.check_access("write")
            if card.state == "void":
                raise UserError(self.env._("%s is void already.", card.display_name))
            card._write_protected(
                {"state": "void", "date_closed": self._get_today(), "closing_reason": reason}
            )
            card.flush_recordset(["state"])  # the unique index counts valid cards only
            card.message_post(body=self.env._("Void: %s", reason))
            card._drop_sale_calls(reason)
            card._plan_visits()
        return True

    def action_open_void(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_void", self.env._("Void"))

    def action_close(self, reason=None):
        """Close the card from today on, with a reason; for customer service.

        Returns and refunds close it by themselves.
        """
        self._check_group("aftersales_service.group_customer_service")
        self._check_reason(reason, self.env._("Give the reason why the card is closed."))
        for card in self:
            card.check_access("write")
            if card.state != "open":
                raise UserError(self.env._("%s isn't valid any more.", card.display_name))
        self._close(reason, self._get_today())
        return True

    def action_open_close(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_close", self.env._("Close card"))

    def _close(self, reason, date, **vals):
        """Close valid cards, whoever caused it.

        :param date: last day on which a fault is still covered
        :param vals: the return or refund that closes them
        """
        self._write_protected(
            {"state": "closed", "date_closed": date, "closing_reason": reason, **vals}
        )
        self.flush_recordset(["state"])  # the unique index counts valid cards only
        body = self.env._("Closed: %s", reason)
        self._message_log_batch(bodies=dict.fromkeys(self.ids, body))
        self._drop_sale_calls(reason)
        self._plan_visits()

    def action_reopen(self, reason=None):
        """Make a closed card valid again, with a reason; for customer service.

        :raises UserError: if the unit is with us, or has another valid card
        """
        self._check_group("aftersales_service.group_customer_service")
        self._check_reason(reason, self.env._("Give the reason why the card is valid again."))
        for card in self:
            card.check_access("write")
            if card.state != "closed":
                raise UserError(self.env._("%s isn't closed.", card.display_name))
            # sudo: where the unit is, and that it has another card, needs no rights on these
            lot = card.sudo().lot_id
            if lot.product_qty > 0:
                raise UserError(
                    self.env._("%s can't be valid: the unit is in our stock.", card.display_name)
                )
            other = lot.warranty_card_ids.filtered(lambda other: other.state == "open")
            if other:
                raise UserError(self._describe_live_card(other))
            card._reopen(reason)
        return True

    def action_open_reopen(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(self, "action_reopen", self.env._("Reopen card"))

    def _reopen(self, reason):
        """Make closed cards valid again, whoever caused it."""
        self._write_protected(
            {
                "state": "open",
                "date_closed": False,
                "closing_reason": False,
                "closing_move_id": False,
                "closing_refund_id": False,
            }
        )
        self.flush_recordset(["state"])
        body = self.env._("Valid again: %s", reason)
        self._message_log_batch(bodies=dict.fromkeys(self.ids, body))
        self._plan_visits()

    def _check_reason(self, reason, message):
        if not (reason or "").strip():
            raise UserError(message)

    def _get_today(self):
        company = self.company_id[:1] or self.env.company
        return company._aftersales_local(fields.Datetime.now()).date()

    def _ask_which_unit(self, refund):
        """Ask customer service which of these units a credit note takes back."""
        note = self.env._(
            "%(refund)s takes back some, but not all of the units %(serials)s. Close the card of "
            "each unit that was given back, unless its return does so.",
            refund=refund.name,
            serials=", ".join(card.serial_number or card.name for card in self),
        )
        self._message_log_batch(bodies=dict.fromkeys(self.ids, note))
        group = self.env.ref("aftersales_service.group_customer_service").sudo()
        users = (group.user_ids or group.all_user_ids).filtered(
            lambda user: refund.company_id in user.company_ids and user.active
        )
        self[:1].activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Which unit was refunded?"),
            note=note,
            user_id=users[:1].id or self.env.uid,
        )

    # --- owners ----------------------------------------------------------------------------

    def action_transfer(self, partner, date, reason=None):
        """Pass the card on to a new owner; the cover stays as it is (E4).

        :param partner: the new owner, as record or id
        :param date: the day on which the owner changed, in the company's time zone
        """
        self._check_group("aftersales_service.group_clerk")
        self._check_reason(reason, self.env._("Give the reason why the owner changes."))
        partner = self.env["res.partner"].browse(
            partner if isinstance(partner, int) else partner.id
        )
        date = fields.Date.to_date(date)
        for card in self:
            card.check_access("write")
            card._check_transfer(partner, date)
        # sudo: nobody may write the history by hand; role and card were checked
        self.env["aftersales.warranty.transfer"].sudo().create(
            [
                {
                    "card_id": card.id,
                    "from_partner_id": card.partner_id.id,
                    "to_partner_id": partner.id,
                    "date": date,
                    "reason": reason,
                    "user_id": self.env.uid,
                }
                for card in self
            ]
        )
        self._write_protected({"partner_id": partner.id})
        self._drop_sale_calls(self.env._("The unit has a new owner."))
        return True

    def _check_transfer(self, partner, date):
        self.ensure_one()
        if self.state != "open":
            raise UserError(self.env._("%s isn't valid and has no next owner.", self.display_name))
        if not partner or not date:
            raise UserError(self.env._("Enter the new owner and the day."))
        if partner == self.partner_id:
            raise UserError(
                self.env._(
                    "%(card)s already belongs to %(owner)s.",
                    card=self.display_name,
                    owner=partner.display_name,
                )
            )
        if date > self._get_today():
            raise UserError(self.env._("The owner can't have changed in the future (%s).", date))
        # sudo: the clerk may see the history; a caller of a subclass need not
        earlier = self.sudo().transfer_ids.mapped("date")
        since = max([*earlier, min(filter(None, (self.date_delivery, self.date_purchase)))])
        if date < since:
            raise UserError(
                self.env._(
                    "%(card)s: on %(date)s the unit wasn't %(owner)s's yet, who has it since "
                    "%(since)s.",
                    card=self.display_name,
                    date=date,
                    owner=self.partner_id.display_name,
                    since=since,
                )
            )

    def action_open_transfer(self):
        """Open the window that asks for the new owner."""
        return self._action_open_wizard(
            "aftersales.warranty.card.transfer", self.env._("Transfer to a new owner")
        )

    def action_open_replace_meter(self):
        """Open the window that asks for both readings."""
        return self._action_open_wizard(
            "aftersales.meter.replacement", self.env._("Replace the hour meter")
        )

    # --- printed card ----------------------------------------------------------------------

    def _get_proof_label(self):
        """Return what proves the purchase, as printed on the card."""
        self.ensure_one()
        # sudo: the number of the order or invoice is told, which who prints the card may not read
        card = self.sudo().with_context(bin_size=True)
        return (
            card.invoice_id.name
            or card.sale_line_id.order_id.name
            or card.receipt_number
            or (card.receipt and self.env._("Purchase receipt"))
            or self.env._("None yet")
        )

    def _get_printed_records(self):
        """Return the latest valid services, as many as a page holds, the earliest first."""
        self.ensure_one()
        done = self.record_ids.filtered(lambda record: record.state == "done")
        return done.sorted("service_date")[-8:]

    # --- return visits (R1) ----------------------------------------------------------------

    def _plan_visits(self):
        """Bring the scheduled visits in line with the cards."""
        if promised := self.filtered("return_visits_per_year"):
            self.env["aftersales.visit"]._plan_return_visits(promised)

    def _get_return_days(self):
        """Return the days of the return visits within the warranty, evenly spaced (R1).

        Each in the middle of its share of a year, so that a warranty of half a year has its
        visit, too, and none falls on the last day.
        """
        self.ensure_one()
        days, count = [], self.return_visits_per_year
        if not (count and self.date_start and self.date_end):
            return days
        year = 0
        while True:
            first = self.date_start + relativedelta(years=year)
            length = (self.date_start + relativedelta(years=year + 1) - first).days
            for index in range(count):
                day = first + timedelta(days=length * (2 * index + 1) // (2 * count))
                if day > self.date_end:
                    return days
                days.append(day)
            year += 1

    # --- callbacks (M4) --------------------------------------------------------------------

    def _drop_sale_calls(self, reason):
        """Ask nobody any more about these units, because of ``reason``."""
        # sudo: whoever closes or transfers the card; the calls on it follow
        callbacks = self.sudo().callback_ids.filtered(
            lambda c: c.kind == "sale" and c.state == "planned"
        )
        callbacks._drop_cards(self.sudo(), reason)

    def _get_latest_records(self):
        """Return {card: its latest valid service record} of the cards that were served."""
        records = self.env["aftersales.service.record"].search(
            [("card_id", "in", self.ids), ("state", "=", "done")], order="service_date, id"
        )
        return {record.card_id: record for record in records}

    # --- windows ---------------------------------------------------------------------------

    def _action_open_wizard(self, model, title):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_card_id": self.id},
        }

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

    @api.depends("policy_id")
    def _compute_has_exchange_questions(self):
        for card in self:
            card.has_exchange_questions = card.policy_id._has_exchange_questions()

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
        return self._action_view_history("aftersales_service.action_service_record_history")

    def action_view_parts(self):
        return self._action_view_history("aftersales_service.action_service_record_part")

    def action_view_visits(self):
        return self._action_view_history("aftersales_service.action_visit")

    def action_view_readings(self):
        return self._action_view_history("aftersales_service.action_meter_reading")

    def _action_view_history(self, xmlid):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(xmlid)
        return {
            **action,
            "domain": [("card_id", "=", self.id)],
            "context": {"default_card_id": self.id},
        }
