from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain


class AftersalesQualification(models.Model):
    """A certificate of a technician or a service center, with its dates (H2)."""

    _name = "aftersales.qualification"
    _description = "Qualification"
    _regulations = ("H2",)
    _inherit = [
        "aftersales.network.mixin",
        "aftersales.deadline.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "date_to, id"
    _rec_names_search = ["number", "partner_id", "type_id"]
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    active = fields.Boolean(default=True)
    partner_id = fields.Many2one(
        "res.partner",
        "Holder",
        required=True,
        index=True,
        check_company=True,
        tracking=True,
        help="The technician, or the service center itself.",
    )
    center_id = fields.Many2one(
        related="partner_id.commercial_partner_id",
        string="Belongs to",
        store=True,
        index="btree_not_null",
    )
    region_id = fields.Many2one(
        related="center_id.aftersales_region_id",
        string="Region",
        store=True,
        index="btree_not_null",
    )
    type_id = fields.Many2one(
        "aftersales.qualification.type", "Qualification", required=True, index=True, tracking=True
    )
    number = fields.Char("Certificate number", tracking=True)
    issuer = fields.Char()
    date_from = fields.Date("Valid from", required=True, tracking=True)
    date_to = fields.Date("Valid until", tracking=True, help="The last day. Empty: for good.")
    certificate = fields.Binary("Scanned certificate", attachment=True)
    certificate_name = fields.Char()
    state = fields.Selection(
        [
            ("future", "Not yet valid"),
            ("valid", "Valid"),
            ("expiring", "Expiring"),
            ("expired", "Expired"),
        ],
        "Status",
        compute="_compute_state",
        search="_search_state",
    )

    _date_order = models.Constraint(
        "CHECK(date_to >= date_from)", "A certificate can't end before it begins."
    )

    @api.depends("date_from", "date_to", "type_id.remind_days")
    def _compute_state(self):
        today = fields.Date.context_today(self)
        for qualification in self:
            last = qualification.date_to
            if last and last < today:
                state = "expired"
            elif qualification.date_from and qualification.date_from > today:
                state = "future"
            elif last and last <= today + timedelta(days=qualification.type_id.remind_days):
                state = "expiring"
            else:
                state = "valid"
            qualification.state = state

    @api.model
    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        today = fields.Date.context_today(self)
        expired = Domain("date_to", "<", today)
        future = Domain("date_from", ">", today) & ~expired
        types = self.env["aftersales.qualification.type"].with_context(active_test=False)
        expiring = Domain.OR(
            Domain("type_id", "in", kinds.ids)
            & Domain("date_to", ">=", today)
            & Domain("date_to", "<=", today + timedelta(days=days))
            for days, kinds in types._read_group([], ["remind_days"], ["id:recordset"])
        )
        begun = Domain("date_from", "<=", today)
        domains = {
            "expired": expired,
            "future": future,
            "expiring": expiring & begun,
            "valid": begun & ~expiring & ~expired,
        }
        return Domain.OR(domain for state, domain in domains.items() if state in value)

    @api.depends("type_id", "partner_id")
    def _compute_display_name(self):
        for qualification in self:
            qualification.display_name = (
                f"{qualification.type_id.name or ''} – {qualification.partner_id.name or ''}"
            )

    def _is_certified(self, partner, trade, day):
        """Tell whether one of these certificates covers ``trade`` for ``partner`` on ``day``."""
        return bool(self._get_certificate(partner, trade, day))

    def _get_certificate(self, partner, trade, day):
        """Return the one of these that covers ``trade`` for ``partner`` on ``day`` longest."""
        valid = self.filtered(
            lambda q: (q.partner_id, q.type_id) == (partner, trade)
            and q.date_from <= day
            and (not q.date_to or q.date_to >= day)
        )
        return valid.sorted(lambda q: q.date_to or date.max)[-1:]

    # --- deadlines (H2) --------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        qualifications = super().create(vals_list)
        qualifications._get_renewed()._deadline_event("renewed")
        qualifications._deadline_event("registered")
        return qualifications

    def write(self, vals):
        result = super().write(vals)
        if vals.get("date_to"):
            self._get_renewed()._deadline_event("renewed")
            self._deadline_event("registered")
        if "active" in vals and not vals["active"]:
            self._cancel_deadlines()
        return result

    def _get_renewed(self):
        """Return the certificates that these carry on: same holder and kind, ending earlier."""
        # sudo: who registers a certificate need not see the one before
        others = self.sudo().search(
            [("partner_id", "in", self.partner_id.ids), ("type_id", "in", self.type_id.ids)]
        )
        return others.filtered(
            lambda old: any(
                (old.partner_id, old.type_id) == (new.partner_id, new.type_id)
                and old.date_to
                and (not new.date_to or old.date_to < new.date_to)
                for new in self
            )
        )

    def _get_deadline_partner(self):
        return self.center_id.filtered("is_service_center")

    def _get_deadline_region(self):
        return self.region_id

    def _get_deadline_assignee(self):
        return self.partner_id.user_ids[:1]

    def _get_deadline_fields(self):
        return {"partner_id"}

    @api.constrains("partner_id", "type_id")
    def _check_holder(self):
        for qualification in self:
            partner = qualification.partner_id
            if qualification.type_id.holder == "center" and not partner.is_service_center:
                raise ValidationError(
                    self.env._(
                        "“%(type)s” is a qualification of service centers, and %(partner)s isn't "
                        "one.",
                        type=qualification.type_id.name,
                        partner=partner.display_name,
                    )
                )
            if qualification.type_id.holder == "person" and partner.is_company:
                raise ValidationError(
                    self.env._(
                        "“%(type)s” is a qualification of persons, and %(partner)s is a company.",
                        type=qualification.type_id.name,
                        partner=partner.display_name,
                    )
                )
