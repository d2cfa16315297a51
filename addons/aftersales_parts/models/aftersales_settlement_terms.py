from odoo import api, fields, models
from odoo.exceptions import UserError

from .aftersales_settlement import AGREED_STATES


class AftersalesSettlementTerms(models.Model):
    """The figures by which services under warranty are settled, in force from a date.

    What an agreed settlement goes by stays: other figures are new terms from a later date on.
    """

    _name = "aftersales.settlement.terms"
    _description = "Settlement terms"
    _regulations = ("M8.2", "M8.3", "M8.7", "M8.8", "M9.2")
    _order = "date_from desc, id desc"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: in force in every company.")
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    date_from = fields.Date("In force from", required=True)
    fee_rate = fields.Float(
        "Parts management fee (%)",
        required=True,
        digits=(5, 2),
        help="Of the wholesale price of dedicated parts used in service (M8.2).",
    )
    urgent_fee = fields.Boolean(
        "Fee on urgent orders", help="Off: parts shipped on an urgent order get no fee (M8.7)."
    )
    excluded_class_ids = fields.Many2many(
        "aftersales.part.class",
        "aftersales_settlement_terms_part_class_rel",
        "terms_id",
        "class_id",
        "Classes without fee",
        help="Assemblies and whatever else gets no parts management fee (M8.7).",
    )
    outside_cap = fields.Float(
        "Outside purchases up to (%)",
        required=True,
        default=100,
        digits=(5, 2),
        help="Share of the settlement price that is paid at most for a part that was bought "
        "outside with written consent; the center bears the rest (M8.8).",
    )
    filing_day = fields.Integer(
        required=True,
        help="Day of the next month until whose end the list has to be filed (M8.3).",
    )
    invoice_days = fields.Integer(
        "VAT invoice within (working days)",
        required=True,
        default=7,
        help="Working days after the confirmation until whose end the VAT invoice has to be issued "
        "(M8.6, M9.2), for parts and for service fees alike.",
    )
    rate_ids = fields.One2many(
        "aftersales.settlement.rate",
        "terms_id",
        "Service fees",
        copy=True,
        help="What labour, travel and mandatory maintenance under warranty pay (M9.1, M5).",
    )
    is_used = fields.Boolean(
        "In use",
        compute="_compute_is_used",
        help="An agreed settlement goes by these terms, so that their figures stay.",
    )

    _fee_rate_range = models.Constraint(
        "CHECK(fee_rate >= 0 AND fee_rate <= 100)", "The fee lies between 0 and 100 %."
    )
    _filing_day_range = models.Constraint(
        "CHECK(filing_day BETWEEN 1 AND 28)", "The filing day lies between 1 and 28."
    )
    _outside_cap_range = models.Constraint(
        "CHECK(outside_cap >= 0 AND outside_cap <= 100)",
        "Outside purchases are paid up to 0 to 100 % of the settlement price.",
    )
    _invoice_days_range = models.Constraint(
        "CHECK(invoice_days >= 1)", "The VAT invoice needs one working day at least."
    )

    @api.depends("company_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for terms in self:
            terms.currency_id = (terms.company_id or self.env.company).currency_id

    def _compute_is_used(self):
        used = self._get_used()
        for terms in self:
            terms.is_used = terms._origin in used

    def _get_used(self):
        """Return those of the terms that an agreed settlement goes by."""
        # sudo: settlements that this user doesn't see count as well
        groups = (
            self.env["aftersales.settlement.line"]
            .sudo()
            ._read_group(
                [("terms_id", "in", self.ids), ("settlement_id.state", "in", AGREED_STATES)],
                ["terms_id"],
            )
        )
        return self.browse(terms.id for (terms,) in groups)

    def _check_unused(self):
        """Raise UserError if an agreed settlement goes by the terms."""
        if used := self._get_used():
            raise UserError(
                self.env._(
                    "Settlements have been agreed on by “%s”, so its figures stay. Enter new terms "
                    "that are in force from a later date.",
                    used[0].display_name,
                )
            )

    def write(self, vals):
        if vals.keys() - {"name"}:
            self._check_unused()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self._check_unused()

    @api.model
    def _get_terms(self, company, date):
        """Return the terms in force in ``company`` on ``date``: its own before general ones.

        :raises UserError: there are none
        """
        (terms,) = self._get_terms_by_day(company, [date]).values()
        if not terms:
            raise UserError(self._get_missing_message(date))
        return terms

    @api.model
    def _get_terms_by_day(self, company, days):
        """Return {day: the terms in force in ``company``, or none}, with one query for all days."""
        # the company's own come before those of every company
        found = self.search(
            [("company_id", "in", [company.id, False]), ("date_from", "<=", max(days))],
            order="company_id, date_from desc, id desc",
        )
        return {
            day: next((terms for terms in found if terms.date_from <= day), self.browse())
            for day in days
        }

    def _get_rate(self, kind, machine_kind, step=None, distance=0.0):
        """Return the line of the fee tables for a service, or none: that of its machine kind first.

        :param str kind: labour, travel or maintenance
        :param machine_kind: that of the machine (`aftersales.machine.kind`), or none
        :param step: the mandatory maintenance that was done
        :param float distance: from the center to the machine, in km
        """
        rates = self.rate_ids.filtered(
            lambda rate: rate.kind == kind
            and rate.machine_kind_id in (machine_kind, machine_kind.browse())
            and rate.step_id == (step or rate.step_id.browse())
            and rate._reaches(distance)
        )
        return rates.sorted(lambda rate: not rate.machine_kind_id)[:1]

    @api.model
    def _get_missing_message(self, date):
        return self.env._(
            "No settlement terms are in force on %s. An administrator has to enter them under "
            "After-sales ▸ Configuration ▸ Settlement terms.",
            fields.Date.to_string(date),
        )
