from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date, format_list

from .aftersales_entitlement_mixin import VERDICTS

CLOSED = ("done", "cancelled")
_MOST_CHOICES = 20


class AftersalesIntakeMixin(models.AbstractModel):
    """The first minute of a call: who it is, which machine, covered or not, known already (H4)."""

    _name = "aftersales.intake.mixin"
    _description = "Intake of a service request"

    intake_search = fields.Char(
        "Phone, serial or name",
        store=False,
        help="Type what the customer says first: the phone number, the number on the nameplate or "
        "on the warranty card, or the name. Customer, machine and entitlement fill themselves.",
    )
    intake_message = fields.Char(compute="_compute_intake")
    partner_choice_ids = fields.Many2many("res.partner", compute="_compute_intake")
    card_choice_ids = fields.Many2many("aftersales.warranty.card", compute="_compute_intake")
    has_partner_choice = fields.Boolean(compute="_compute_intake")
    has_card_choice = fields.Boolean(compute="_compute_intake")
    partner_address = fields.Char("Address", compute="_compute_partner_address")
    serial_reported = fields.Char(
        "Serial as reported",
        copy=False,
        help="What the customer gave as the number of the machine, where no card was found by it "
        "or the card is somebody else's.",
    )
    date_purchase = fields.Date(
        "Bought on",
        compute="_compute_date_purchase",
        store=True,
        readonly=False,
        precompute=True,
        help="From the card, or as the customer says (H4).",
    )
    part_id = fields.Many2one(
        "product.product",
        "Part",
        domain=[("type", "!=", "service"), ("sale_ok", "=", True)],
        check_company=True,
        help="The part that seems to have failed, if it is known: the answer is then about it.",
    )
    hour_meter = fields.Float(
        "Hour meter (h)", help="As the customer reads it. 0: not known.", copy=False
    )
    intake_missing = fields.Char(
        compute="_compute_intake_missing",
        help="What has to be recorded before the request is assigned (H4).",
    )
    entitlement_verdict = fields.Selection(
        VERDICTS, "Entitlement", compute="_compute_entitlement_text"
    )
    entitlement_text = fields.Char(compute="_compute_entitlement_text")
    duplicate_ids = fields.Many2many(
        "aftersales.request",
        string="Possible duplicates",
        compute="_compute_duplicate_ids",
        help="Open requests on the same card, or of the same customer for the same product.",
    )
    duplicate_count = fields.Integer(compute="_compute_duplicate_ids")
    duplicate_text = fields.Html(compute="_compute_duplicate_ids")

    # --- who calls about what --------------------------------------------------------------

    @api.onchange("intake_search")
    def _onchange_intake_search(self):
        """Fill customer, machine and phone from the first thing that the customer said."""
        text = (self.intake_search or "").strip()
        if not text:
            return
        cards, partners, _suggested = self._find_intake(text)
        self.update(
            {"card_id": False, "partner_id": False, "product_id": False, "serial_reported": False}
        )
        is_phone = self.env["res.partner"]._is_phone(text)
        if not cards and len(partners.commercial_partner_id) == 1:
            self.partner_id = self._choose_partner(partners)
            cards = self._get_customer_cards(self.partner_id)
        if len(cards) == 1:
            self.card_id = cards
        elif not (cards or partners or is_phone) and any(sign.isdigit() for sign in text):
            self.serial_reported = self.env["aftersales.warranty.card"]._normalize_serial(text)
        if is_phone and not cards & self.env["aftersales.warranty.card"]._find_by_serial(text):
            digits = self.env["res.partner"]._get_phone_digits
            # the customer's own way to write it stays
            if digits(self.phone) != digits(text):
                self.phone = text

    @api.onchange("partner_id")
    def _onchange_intake_partner_id(self):
        if (
            self.card_id
            and self.partner_id
            and self.card_id.partner_id.commercial_partner_id
            != self.partner_id.commercial_partner_id
        ):
            self.update({"card_id": False, "product_id": False})

    @api.depends(
        "intake_search", "partner_id", "product_id", "card_id", "serial_reported", "phone", "state"
    )
    @api.depends_context("uid", "allowed_company_ids", "lang")
    def _compute_intake(self):
        self.update(
            {
                "intake_message": False,
                "partner_choice_ids": False,
                "card_choice_ids": False,
                "has_partner_choice": False,
                "has_card_choice": False,
            }
        )
        # choosing is for new requests; the rights are those of the user, who sees no others
        for request in self.filtered(lambda request: not request._origin):
            text = (request.intake_search or "").strip()
            cards, partners, suggested = request._find_intake(text)
            if not cards and not suggested and request.partner_id:
                cards = request._get_customer_cards(request.partner_id)
            choices = cards or suggested
            request.card_choice_ids = choices
            request.has_card_choice = bool(choices) and choices != request.card_id
            if len(partners.commercial_partner_id) > 1 and not cards:
                request.partner_choice_ids = partners
                request.has_partner_choice = True
            request.intake_message = request._get_intake_message(text, cards, partners, suggested)
        for request in self.filtered(lambda r: r._origin and r.state == "new" and not r.card_id):
            choices = request._find_reported_cards()
            if choices:
                request.card_choice_ids = choices
                request.has_card_choice = True
                request.intake_message = self.env._(
                    "Is it one of these machines? Its card and customer are then linked."
                )

    def _find_reported_cards(self):
        """Return the cards that a request from outside may be about, for the clerk to link.

        By the number that was given, or else by the phone number. Nothing is linked without him:
        whoever gave the number would be told what belongs to somebody else.
        """
        self.ensure_one()
        cards = self.env["aftersales.warranty.card"]
        if not cards.has_access("read"):
            return cards
        if self.serial_reported:
            found, _partners, suggested = self._find_intake(self.serial_reported)
            if found or suggested:
                return found or suggested
        callers = self._find_callers(self.phone) if self.phone else self.env["res.partner"]
        cards = self._get_customer_cards(callers | self.partner_id)
        # a product that is known already tells what it isn't about
        return cards.filtered(
            lambda card: self.product_id in (card.product_id, card.product_id.browse())
        )

    @api.model
    def _find_intake(self, text):
        """Return (cards, customers, cards of similar numbers) that the user may see for ``text``.

        Numbers come before names. All three are empty when nothing was found.
        """
        cards = self.env["aftersales.warranty.card"]
        partners = self.env["res.partner"]
        if not text:
            return cards, partners, cards
        company = Domain("company_id", "=", self._get_intake_company().id)
        found = cards._find_by_serial(text).filtered_domain(company)
        found = found.filtered(lambda card: card.state == "open") or found
        if partners._is_phone(text):
            partners = self._find_callers(text)
        if found or partners:
            return found, partners, cards
        if any(sign.isdigit() for sign in text):
            serials = self._get_nearest(text, cards._suggest_serials(text))
            suggested = serials and cards.search(
                company & Domain("serial_number", "in", serials) & Domain("state", "=", "open"),
                limit=_MOST_CHOICES,
            )
            if suggested:
                return found, partners, suggested.sorted(lambda c: serials.index(c.serial_number))
        if len(text) > 1:
            partners = partners.search([("complete_name", "ilike", text)], limit=_MOST_CHOICES)
        return found, partners, cards

    @api.model
    def _get_nearest(self, text, serials):
        """Return those of the suggested ``serials`` that are hardly farther than the nearest."""
        cards = self.env["aftersales.warranty.card"]
        text = cards._normalize_serial(text).upper()
        slips = {serial: cards._get_typing_distance(text, serial.upper()) for serial in serials}
        return [serial for serial in serials if slips[serial] <= min(slips.values()) + 1]

    def _get_intake_company(self):
        return self.company_id or self.env.company

    @api.model
    def _find_callers(self, text):
        """Return the partners of the phone number ``text``, or those who called from it before."""
        partners = self.env["res.partner"]
        found = partners.search(partners._get_phone_domain(text), limit=_MOST_CHOICES)
        if not found:
            requests = self.env["aftersales.request"]
            found = requests.search(requests._get_phone_domain(text), limit=5).partner_id
        return found

    @api.model
    def _choose_partner(self, partners):
        """Return whom to register of several ``partners`` of one customer."""
        commercial = partners.commercial_partner_id
        if len(partners) == 1:
            return partners
        return commercial if commercial in partners else partners[0]

    def _get_customer_cards(self, partner):
        """Return the valid cards of the customer whom ``partner`` belongs to, latest first."""
        return self.env["aftersales.warranty.card"].search(
            [
                ("partner_id", "child_of", partner.commercial_partner_id.ids),
                ("state", "=", "open"),
                ("company_id", "=", self._get_intake_company().id),
            ],
            order="id desc",
            limit=_MOST_CHOICES,
        )

    def _get_intake_message(self, text, cards, partners, suggested):
        """Return a sentence that says what to do next, or False."""
        if self.card_id:
            return False
        if suggested:
            return self.env._("No card has this number. Did you mean one of these?")
        if self.has_partner_choice and not self.partner_id:
            return self.env._("Several customers fit: choose one.")
        if len(cards) > 1:
            return self.env._("Several machines fit: choose one.")
        if not text or self.partner_id or partners or cards:
            return False
        if self.env["res.partner"]._is_phone(text):
            return self.env._(
                "Nobody is known by this number. Type the customer's name: a new customer is "
                "created with this phone number."
            )
        return self.env._(
            "Nothing was found for “%s”. Type the customer's name; without a warranty card the "
            "repair is charged.",
            text,
        )

    @api.depends("partner_id")
    def _compute_partner_address(self):
        for request in self:
            partner = request.partner_id
            request.partner_address = partner._get_address_line() if partner else False

    # --- what has to be known (H4) ---------------------------------------------------------

    @api.depends("card_id")
    def _compute_date_purchase(self):
        for request in self:
            card = request.card_id
            if card:
                request.date_purchase = card.date_purchase or card.date_delivery

    @api.depends("partner_id", "product_id", "date_purchase", "description")
    @api.depends_context("lang")
    def _compute_intake_missing(self):
        for request in self:
            missing = [
                request._fields[name]._description_string(self.env)
                for name in self._get_intake_fields()
                if not request[name]
            ]
            request.intake_missing = format_list(self.env, missing) if missing else False

    def _check_intake(self):
        """Raise UserError unless everything was recorded that H4 asks for."""
        for request in self:
            if request.intake_missing:
                raise UserError(
                    self.env._(
                        "Ask the customer and record on %(request)s: %(missing)s (H4).",
                        request=request.name,
                        missing=request.intake_missing,
                    )
                )

    @api.model
    def _get_intake_fields(self):
        """Return the names of the fields without which a request isn't assigned (H4)."""
        return ["partner_id", "product_id", "date_purchase", "description"]

    # --- entitlement (E6) ------------------------------------------------------------------

    @api.depends("card_id", "product_id", "part_id", "hour_meter", "request_date")
    @api.depends_context("lang")
    def _compute_entitlement_text(self):
        for request in self:
            verdict, text = False, False
            if (request.card_id or request.product_id) and request.request_date:
                verdict, text = request._get_entitlement_text()
            request.entitlement_verdict = verdict
            request.entitlement_text = text

    def _get_entitlement_text(self):
        """Return verdict and sentence for the part asked for, or for the whole machine."""
        self.ensure_one()
        # sudo: whoever sees the request tells its customer what is covered
        card = self.card_id.sudo()
        day = self._get_intake_company()._aftersales_local(self.request_date).date()
        asked = self.part_id or self.product_id
        main = card._get_entitlements(asked, day, self.hour_meter)[asked]
        text = main["reason"]
        if self.part_id:
            return main["verdict"], text
        labels = dict(self._fields["entitlement_verdict"]._description_selection(self.env))
        others = [
            (terms.component, labels[entitlement["verdict"]])
            for terms in card.coverage_ids
            if terms.claimant in (False, "consumer")
            and (entitlement := card._get_entitlement(terms, day, self.hour_meter, "consumer"))[
                "verdict"
            ]
            != main["verdict"]
        ]
        if others:
            text = self.env._(
                "%(reason)s Different: %(parts)s.",
                reason=text,
                parts=format_list(self.env, [f"{part} – {label}" for part, label in others]),
            )
        return main["verdict"], text

    # --- duplicates ------------------------------------------------------------------------

    @api.depends("card_id", "partner_id", "product_id", "state")
    @api.depends_context("uid", "allowed_company_ids", "lang")
    def _compute_duplicate_ids(self):
        """Find open requests about the same, with the rights of the user: no others are told."""
        still_open = self.filtered(lambda request: request.state not in CLOSED)
        found = self.env["aftersales.request"].search(
            Domain("state", "not in", CLOSED)
            & (
                Domain("card_id", "in", still_open.card_id._origin.ids)
                | (
                    Domain("product_id", "in", still_open.product_id._origin.ids)
                    & Domain(
                        "partner_id.commercial_partner_id",
                        "in",
                        still_open.partner_id.commercial_partner_id.ids,
                    )
                )
            ),
            order="id desc",
        )
        for request in self:
            duplicates = (found if request in still_open else found.browse()).filtered(
                lambda other, request=request: (
                    other != request._origin and request._is_same_matter(other)
                )
            )
            request.duplicate_ids = duplicates
            request.duplicate_count = len(duplicates)
            request.duplicate_text = Markup("").join(
                duplicate._get_duplicate_line() for duplicate in duplicates[:5]
            )

    def _is_same_matter(self, other):
        """Tell whether this request and ``other`` are about one machine, as far as is known."""
        self.ensure_one()
        if self._get_intake_company() != other.company_id:
            return False
        if self.card_id and other.card_id:
            # two machines of one model are two matters
            return self.card_id._origin == other.card_id
        return (
            bool(self.product_id)
            and self.product_id._origin == other.product_id
            and self.partner_id.commercial_partner_id == other.partner_id.commercial_partner_id
        )

    def _get_duplicate_line(self):
        """Return a line about this request with a link that leaves what is being typed alone."""
        self.ensure_one()
        day = self.company_id._aftersales_local(self.request_date).date()
        labels = dict(self._fields["state"]._description_selection(self.env))
        return Markup(
            '<div><a href="/odoo/aftersales.request/%s" target="_blank">%s</a> · %s · %s · %s</div>'
        ) % (
            self.id,
            self.name,
            format_date(self.env, day),
            labels[self.state],
            (self.description or "")[:80],
        )
