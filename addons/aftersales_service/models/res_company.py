from datetime import datetime, time

import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools.misc import format_datetime

COMPLAINT_RATE_BASES = [("in_service", "In service"), ("delivered", "Delivered in the month")]


class ResCompany(models.Model):
    _inherit = "res.company"

    aftersales_repair_fee_rate = fields.Float(
        "Repair fee (%)",
        default=10.0,
        help="Proposed on warranty policies: the fee charged outside of the warranty, as a share "
        "of the price of the parts replaced (L1.1).",
    )
    aftersales_repair_warranty_days = fields.Integer(
        "Warranty of repairs (days)",
        default=30,
        help="How long a part fitted by a repair is covered by itself, 30 days at least (H8).",
    )
    aftersales_repeat_fault_days = fields.Integer(
        "Repeat fault within (days)",
        default=90,
        help="A fault of the same kind of cause on the same unit within so many days counts as a "
        "repeat fault.",
    )

    aftersales_retention_years = fields.Integer(
        "Keep documents (years)",
        default=2,
        help="How many years after-sales documents are kept beyond the end of the warranty (H11).",
    )
    aftersales_visit_hours = fields.Float(
        "Length of a visit (h)",
        default=2.0,
        help="Proposed for new appointments: how long a technician is kept busy by one.",
    )

    _aftersales_visit_hours_positive = models.Constraint(
        "CHECK(aftersales_visit_hours > 0)", "A visit has to take some time."
    )

    # callbacks
    aftersales_callback_hour = fields.Float(
        "Hour of calls",
        default=9,
        help="The hour of the company's clock for which calls are planned on their day (E8).",
    )
    aftersales_callback_attempts = fields.Integer(
        "Attempts to call",
        default=3,
        help="How often a customer is called before the call counts as unreached (M4).",
    )
    aftersales_callback_sale_months = fields.Integer(
        "Call after the sale (months)",
        default=3,
        help="How many months after the sale the customers are called (M4).",
    )
    aftersales_callback_daily = fields.Integer(
        "Calls a day",
        default=30,
        help="How many calls after the sale are planned for each working day.",
    )
    aftersales_callback_report_months = fields.Integer(
        "Callback report (months)",
        default=2,
        help="Every so many months, counted from January, the callbacks are reported on (M4).",
    )
    aftersales_callback_report_days = fields.Integer(
        "Callback report due (days)",
        default=5,
        help="How many days after the end of its period the callback report is due.",
    )
    aftersales_satisfaction_target = fields.Float(
        "Satisfaction target (%)",
        default=97,
        digits=(16, 1),
        help="The share of satisfied customers that has to be reached, 97 % at least (M3.5).",
    )

    @api.constrains("aftersales_satisfaction_target")
    def _check_aftersales_satisfaction_target(self):
        minimum = self._get_aftersales_minimum("satisfaction_minimum_target")
        for company in self:
            if not minimum <= company.aftersales_satisfaction_target <= 100:
                raise ValidationError(
                    self.env._(
                        "The satisfaction target lies between %s %% and 100 %% (M3.5).", minimum
                    )
                )

    @api.constrains("aftersales_callback_report_months", "aftersales_callback_report_days")
    def _check_aftersales_callback_report(self):
        for company in self:
            if not 1 <= company.aftersales_callback_report_months <= 12:
                raise ValidationError(
                    self.env._("Callbacks are reported on every 1 to 12 months (M4).")
                )
            if company.aftersales_callback_report_days < 1:
                raise ValidationError(
                    self.env._("A report can't be due before its period is over.")
                )

    @api.constrains(
        "aftersales_callback_hour",
        "aftersales_callback_attempts",
        "aftersales_callback_sale_months",
        "aftersales_callback_daily",
    )
    def _check_aftersales_callback(self):
        for company in self:
            if company.aftersales_callback_sale_months < 0:
                raise ValidationError(self.env._("Nobody is called before the sale."))
            if company.aftersales_callback_daily < 1:
                raise ValidationError(self.env._("Plan one call a day at least."))
            if not 0 <= company.aftersales_callback_hour < 24:
                raise ValidationError(
                    self.env._("The hour of calls has to lie between 0:00 and 23:59.")
                )
            if company.aftersales_callback_attempts < 1:
                raise ValidationError(self.env._("A customer is called once at least (M4)."))

    # complaints
    aftersales_effect_check_days = fields.Integer(
        "Effect check after (days)",
        default=30,
        help="How many days after a corrective or preventive action was done its effect is "
        "checked (C6).",
    )

    aftersales_complaint_rate_basis = fields.Selection(
        COMPLAINT_RATE_BASES,
        "Complaint rate per units",
        default="in_service",
        required=True,
        help="What the monthly complaint rate is divided by (C8).",
    )
    aftersales_complaint_rate_per = fields.Integer(
        "Complaint rate per",
        default=100,
        help="The complaint rate is the number of complaints per so many units (C8).",
    )

    _aftersales_complaint_rate_positive = models.Constraint(
        "CHECK(aftersales_complaint_rate_per > 0)",
        "The complaint rate is per so many units: one at least.",
    )

    @api.constrains("aftersales_effect_check_days")
    def _check_aftersales_effect_check_days(self):
        if any(company.aftersales_effect_check_days < 0 for company in self):
            raise ValidationError(self.env._("The days until the effect check can't be negative."))

    aftersales_alias_id = fields.Many2one(
        "mail.alias",
        "Mailbox for service requests",
        readonly=True,
        copy=False,
        help="E-mails to this address become service requests.",
    )

    def _set_aftersales_alias(self, name):
        """Let e-mails to ``name`` at the company's mail domain become requests; none ends it."""
        for company in self:
            # sudo: whoever may change the company's settings may give it a mailbox
            alias = company.sudo().aftersales_alias_id
            if alias:
                alias.alias_name = name
            elif name:
                company.sudo().aftersales_alias_id = alias.create(
                    {
                        "alias_name": name,
                        "alias_model_id": self.env["ir.model"]._get_id("aftersales.request"),
                        "alias_defaults": {"company_id": company.id},
                        "alias_domain_id": company.alias_domain_id.id,
                        "alias_contact": "everyone",
                    }
                )

    @api.model
    def _get_aftersales_minimum(self, name):
        """Return the least that the regulations allow, whatever the company wishes (H8, H11)."""
        # sudo: whoever keeps the company may know it
        parameters = self.env["ir.config_parameter"].sudo()
        return int(parameters.get_param(f"aftersales_service.{name}", 0))

    @api.constrains("aftersales_retention_years")
    def _check_aftersales_retention_years(self):
        minimum = self._get_aftersales_minimum("retention_minimum_years")
        for company in self:
            if company.aftersales_retention_years < minimum:
                raise ValidationError(
                    self.env._(
                        "After-sales documents are kept for %s years at least beyond the end of "
                        "the warranty (H11).",
                        minimum,
                    )
                )

    @api.constrains("aftersales_repair_warranty_days")
    def _check_aftersales_repair_warranty_days(self):
        minimum = self._get_aftersales_minimum("repair_warranty_minimum_days")
        for company in self:
            if company.aftersales_repair_warranty_days < minimum:
                raise ValidationError(
                    self.env._(
                        "A part fitted by a repair has a warranty of %s days at least (H8).",
                        minimum,
                    )
                )

    @api.constrains("aftersales_repair_fee_rate")
    def _check_aftersales_repair_fee_rate(self):
        if any(company.aftersales_repair_fee_rate < 0 for company in self):
            raise ValidationError(self.env._("The repair fee can't be negative."))

    def _aftersales_tz(self):
        """Return the time zone in which the company's days begin and end."""
        self.ensure_one()
        return pytz.timezone(
            self.partner_id.tz or self.resource_calendar_id.tz or self.env.user.tz or "UTC"
        )

    def _aftersales_local(self, moment):
        """Return the naive UTC ``moment`` as an aware moment in the company's time zone."""
        return pytz.utc.localize(moment).astimezone(self._aftersales_tz())

    def _aftersales_utc(self, day, at=time.max):
        """Return the naive UTC moment at which the company's clock shows ``at`` on ``day``.

        By default the last second of the day: "within the day" means until midnight.
        """
        local = datetime.combine(day, at.replace(microsecond=0))
        return self._aftersales_tz().localize(local).astimezone(pytz.utc).replace(tzinfo=None)

    def _aftersales_format(self, moment):
        """Return the naive UTC ``moment`` in words, as the company's clock shows it."""
        zone = self._aftersales_tz().zone
        return format_datetime(self.env, moment, tz=zone, dt_format="short")
