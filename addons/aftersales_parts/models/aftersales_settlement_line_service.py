from calendar import monthrange

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_round
from odoo.tools.misc import format_date

SERVICE_KINDS = ("labour", "travel", "maintenance")


class AftersalesSettlementLine(models.Model):
    """Labour, travel and maintenance of the month's visits, and the allowance (M9.1, M5, L3.2)."""

    _inherit = "aftersales.settlement.line"  # pylint: disable=consider-merging-classes-inherited

    rate_id = fields.Many2one(
        "aftersales.settlement.rate", "Service fee", readonly=True, ondelete="restrict", index=True
    )
    card_id = fields.Many2one(
        "aftersales.warranty.card", "Warranty card", readonly=True, ondelete="restrict"
    )
    maintenance_step_id = fields.Many2one(
        "aftersales.maintenance.step", "Mandatory maintenance", readonly=True, ondelete="restrict"
    )
    distance = fields.Float("Distance (km)", readonly=True, aggregator=None)
    visit_key = fields.Char("Journey", readonly=True, help="Center, customer and day: one journey.")
    center_fee_id = fields.Many2one(
        "aftersales.center.fee", "Agreed fee", readonly=True, ondelete="restrict"
    )
    date_from = fields.Date("From", readonly=True)
    date_to = fields.Date("Until", readonly=True)

    # whatever is generated when and how often: nothing is paid twice
    _service_settled_uniq = models.UniqueIndex(
        "(record_id, kind) WHERE kind IN ('labour', 'travel', 'maintenance')",
        "This service has already been settled.",
    )
    _travel_settled_uniq = models.UniqueIndex(
        "(visit_key) WHERE kind = 'travel'", "This journey has already been settled."
    )
    _maintenance_settled_uniq = models.UniqueIndex(
        "(card_id, maintenance_step_id) WHERE kind = 'maintenance'",
        "This mandatory maintenance has already been settled.",
    )
    _allowance_settled_uniq = models.UniqueIndex(
        "(center_fee_id, date_from) WHERE kind = 'allowance'",
        "The allowance of this month has already been settled.",
    )

    # --- what a visit pays -----------------------------------------------------------------

    @api.model
    def _assess_services(self, records):
        """Return what a settlement pays for the service on each of ``records`` (M9.1, M5).

        The one engine for service fees, for lists and pre-flight alike. Nothing is written, and
        the number of queries doesn't grow with the records. An assessment has:

        - ``terms``: the settlement terms in force on the day of service, or none
        - ``fees``: dicts of ``kind``, ``rate``, ``quantity``, ``unit``, ``price_unit``, ``amount``
          (company currency, VAT included), for travel ``distance`` in km
        - ``obstacles``: sentences why nothing of it is paid as things stand
        - ``is_payable``: whether nothing stands against it

        :param records: service records, saved or not
        :return: dict of assessments by record
        """
        assessments = {}
        # sudo: as in `_assess_parts`
        for company, own in records.sudo().grouped("company_id").items():
            days = {record: record._get_price_day() for record in own}
            terms = self.env["aftersales.settlement.terms"].sudo()
            terms = terms._get_terms_by_day(company, set(days.values()))
            for record in own:
                in_force = terms[days[record]]
                obstacles = self._get_service_obstacles(record, in_force, days[record])
                assessments[record] = {
                    "terms": in_force,
                    "fees": self._get_service_fees(record, in_force),
                    "obstacles": obstacles,
                    "is_payable": not obstacles,
                }
        return {record: assessments[record] for record in records}

    @api.model
    def _get_service_obstacles(self, record, terms, day):
        """Return why the service on ``record`` isn't paid, in sentences."""
        obstacles = []
        if not terms:
            obstacles.append(self.env["aftersales.settlement.terms"]._get_missing_message(day))
        if not record._is_under_warranty():
            obstacles.append(
                self.env._("The warranty doesn't bear this visit: the customer pays for it (E6)")
            )
        step = record.maintenance_step_id
        if step:
            obstacles += record._get_missing_maintenance()
            hours = record.card_id._get_operating_hours(record.hour_meter, day)
            if sentence := step._get_obstacle(record.card_id, day, hours):
                obstacles.append(sentence)
        return obstacles

    @api.model
    def _get_service_fees(self, record, terms):
        """Return what ``record`` earns by the fee tables of ``terms``, without what is zero.

        Mandatory maintenance is paid by its own fee, which includes the work.
        """
        machine_kind = record.product_id.machine_kind_id
        distance = record.request_id.distance
        step = record.maintenance_step_id
        wanted = [("maintenance" if step else "labour", step), ("travel", None)]
        fees = []
        for kind, of_step in wanted:
            reach = distance if kind == "travel" else 0
            rate = terms._get_rate(kind, machine_kind, of_step, reach)
            quantities = {"hour": record.work_hours, "km": distance, "visit": 1}
            # what is shown is what is multiplied
            quantity = float_round(quantities.get(rate.basis, 0), precision_digits=2)
            amount = record.company_id.currency_id.round(quantity * rate.amount)
            if amount:
                fees.append(
                    {
                        "kind": kind,
                        "rate": rate,
                        "quantity": quantity,
                        "unit": rate.basis,
                        "price_unit": rate.amount,
                        "amount": amount,
                        "distance": reach,
                    }
                )
        return fees

    # --- the lines of a month --------------------------------------------------------------

    @api.model
    def _prepare_service_vals(self, month, centers=None):
        """Return the values of the service lines of ``month`` that no list holds yet, by center.

        Labour, travel (once for a journey) and maintenance of the valid records of the month that
        the warranty bears, and the allowances agreed with the centers, in the current company. For
        a list of kind service: add its ``settlement_id`` to each and create them with sudo. Run
        again it returns what came up since; what a list holds in whatever state is never
        returned again, except when that list is cancelled, which deletes its lines.

        :param date month: first day of the month of the services
        :param centers: the service centers; default all
        :return: dict of lists of values by service center (`res.partner`), without those that
            have nothing
        """
        company = self.env.company
        domain = [("company_id", "=", company.id)]
        if centers is not None:
            domain.append(("center_id", "in", centers.ids))
        # sudo: lists are made for whoever may make them, of all that the centers did
        records = (
            self.env["aftersales.service.record"]
            .sudo()
            .search(
                [
                    *domain,
                    ("center_id", "!=", False),
                    ("state", "=", "done"),
                    ("service_date", ">=", month),
                    ("service_date", "<", month + relativedelta(months=1)),
                ],
                order="service_date, id",
            )
        )
        vals_by_center = {}
        pairs = self._prepare_visit_vals(records) + self._prepare_allowance_vals(month, domain)
        for document, vals in pairs:
            vals_by_center.setdefault(document.center_id.sudo(False), []).append(vals)
        return vals_by_center

    @api.model
    def _prepare_visit_vals(self, records):
        """Return pairs of record and line values for what no list holds yet of ``records``."""
        keys = {record: record._get_visit_key() for record in records}
        # sudo: lists that this user doesn't see have settled things as well
        lines = self.sudo().search_fetch(
            [
                ("kind", "in", SERVICE_KINDS),
                "|",
                ("record_id", "in", records.ids),
                ("visit_key", "in", list(keys.values())),
            ],
            ["record_id", "kind", "visit_key"],
        )
        settled = {(line.record_id.id, line.kind) for line in lines}
        journeys = set(lines.filtered(lambda line: line.kind == "travel").mapped("visit_key"))
        pairs = []
        for record, assessment in self._assess_services(records).items():
            for fee in assessment["fees"] if assessment["is_payable"] else ():
                if (record.id, fee["kind"]) in settled:
                    continue
                if fee["kind"] == "travel":
                    if keys[record] in journeys:
                        continue
                    journeys.add(keys[record])
                pairs.append((record, self._prepare_fee_vals(record, assessment["terms"], fee)))
        return pairs

    @api.model
    def _prepare_fee_vals(self, record, terms, fee):
        """Return the values of the line for one fee that ``record`` earns."""
        is_travel, step = fee["kind"] == "travel", record.maintenance_step_id
        return {
            "kind": fee["kind"],
            "record_id": record.id,
            "card_id": record.card_id.id,
            "terms_id": terms.id,
            "rate_id": fee["rate"].id,
            "maintenance_step_id": fee["kind"] == "maintenance" and step.id,
            "visit_key": is_travel and record._get_visit_key(),
            "distance": fee["distance"],
            "price_date": record.service_date,
            "quantity": fee["quantity"],
            "unit": fee["unit"],
            "price_unit": fee["price_unit"],
            "amount_base": fee["amount"],
            "amount_claimed": fee["amount"],
        }

    @api.model
    def _prepare_allowance_vals(self, month, domain):
        """Return pairs of agreed fee and line values for the allowances of ``month`` (L3.2).

        By the days of the month on which the fee was in force.
        """
        days = monthrange(month.year, month.month)[1]
        last = month.replace(day=days)
        # sudo: as in `_prepare_service_vals`
        fees = (
            self.env["aftersales.center.fee"]
            .sudo()
            .search(
                [
                    *domain,
                    ("state", "=", "approved"),
                    ("date_from", "<=", last),
                    "|",
                    ("date_last", "=", False),
                    ("date_last", ">=", month),
                ],
                order="date_from, id",
            )
        )
        settled = self.sudo().search(
            [
                ("kind", "=", "allowance"),
                ("center_fee_id", "in", fees.ids),
                ("date_from", ">=", month),
                ("date_from", "<=", last),
            ]
        )
        pairs = []
        for fee in fees - settled.center_fee_id:
            first = max(month, fee.date_from)
            end = min(last, fee.date_last or last)
            in_force = (end - first).days + 1
            amount = fee.currency_id.round(fee.amount * in_force / days)
            vals = {
                "kind": "allowance",
                "center_fee_id": fee.id,
                "date_from": first,
                "date_to": end,
                "price_date": first,
                "quantity": float_round(in_force / days, precision_digits=2),
                "unit": "month",
                "price_unit": fee.amount,
                "amount_base": amount,
                "amount_claimed": amount,
            }
            if amount:
                pairs.append((fee, vals))
        return pairs

    # --- what they pay in the end, and why -------------------------------------------------

    def _get_outcome(self):
        if self.kind in SERVICE_KINDS:
            # sudo: whoever verifies need not see the record
            record = self.sudo().record_id
            is_borne = record.state == "done" and record._is_under_warranty()
            result = "payable" if is_borne else "uncovered"
            return result, self.env["aftersales.deduction.reason"]
        return super()._get_outcome()

    def _explain_claim(self):
        if self.kind in SERVICE_KINDS:
            return self._explain_service()
        if self.kind == "allowance":
            return self._explain_allowance()
        return super()._explain_claim()

    def _explain_service(self):
        values = {
            "kind": dict(self._fields["kind"]._description_selection(self.env))[self.kind],
            "date": format_date(self.env, self.price_date),
            "quantity": f"{self.quantity:g}",
            "unit": dict(self._fields["unit"]._description_selection(self.env))[self.unit],
            "price": self.currency_id.format(self.price_unit),
            "amount": self.currency_id.format(self.amount_base),
            # sudo: whoever sees the line may read by which terms and machine it is paid
            "terms": self.sudo().terms_id.name,
            "for": self.sudo().rate_id.machine_kind_id.name or self.env._("all machines"),
            "distance": f"{self.distance:g}",
            "step": self.sudo().maintenance_step_id.name,
            "meter": f"{self.sudo().record_id.hour_meter:g}",
        }
        if self.kind == "maintenance":
            return self.env._(
                "%(step)s on %(date)s, hour meter %(meter)s h: %(amount)s (“%(terms)s”, %(for)s)",
                **values,
            )
        if self.kind == "travel":
            return self.env._(
                "%(kind)s on %(date)s, %(distance)s km: %(quantity)s %(unit)s × %(price)s = "
                "%(amount)s (“%(terms)s”, %(for)s; once for all machines of the customer that day)",
                **values,
            )
        return self.env._(
            "%(kind)s on %(date)s: %(quantity)s %(unit)s × %(price)s = %(amount)s (“%(terms)s”, "
            "%(for)s)",
            **values,
        )

    def _explain_allowance(self):
        return self.env._(
            "%(price)s a month by the fee agreed from %(agreed)s on: %(days)s of %(all)s days "
            "(%(first)s – %(last)s) = %(amount)s",
            price=self.currency_id.format(self.price_unit),
            # sudo: whoever sees the line may read from when its fee is agreed
            agreed=format_date(self.env, self.sudo().center_fee_id.date_from),
            days=(self.date_to - self.date_from).days + 1,
            all=monthrange(self.date_from.year, self.date_from.month)[1],
            first=format_date(self.env, self.date_from),
            last=format_date(self.env, self.date_to),
            amount=self.currency_id.format(self.amount_base),
        )

    # --- rebates (L3.2) ---------------------------------------------------------------------

    def action_remove_rebate(self):
        """Take a rebate off the draft list again, as customer service.

        :raises AccessError: not customer service
        :raises UserError: the line is no rebate, or its list is no draft any more
        """
        self.settlement_id._check_rebate()
        for line in self:
            if line.kind != "rebate":
                raise UserError(self.env._("%s is no rebate.", line.display_name))
            line.settlement_id.message_post(
                body=self.env._(
                    "Rebate taken off: %(amount)s for %(ground)s",
                    amount=line.currency_id.format(line.amount_claimed),
                    ground=line.note,
                )
            )
        # sudo: nobody deletes lines by hand; role and state are checked above
        self.sudo().unlink()
        return True
