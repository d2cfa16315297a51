from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain


class AftersalesSettlementRadar(models.TransientModel):
    """What a center is about to lose by the filing day of a month, as things stand (M8.9).

    Made anew for whoever opens it, by his own rights: a center sees its own, an office manager
    the own region.
    """

    _name = "aftersales.settlement.radar"
    _description = "Forfeiture radar"
    _regulations = ("M8.3", "M8.9")
    _order = "amount_total desc, id"
    _rec_name = "center_id"

    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    center_id = fields.Many2one("res.partner", "Service center", readonly=True)
    region_id = fields.Many2one("aftersales.region", readonly=True)
    month = fields.Date("Month (first day)", readonly=True)
    period = fields.Char("Month", compute="_compute_period")
    date_filing = fields.Datetime("To be filed until", readonly=True)
    days_left = fields.Integer("Days left", compute="_compute_left")
    time_left = fields.Char("Time left", compute="_compute_left")
    urgency = fields.Selection(
        [("over", "Over"), ("soon", "Soon"), ("later", "Later")],
        compute="_compute_left",
        help="Soon: the center is being warned by the deadline rule of the filing day.",
    )
    amount_draft = fields.Monetary(
        "Not filed",
        readonly=True,
        help="Claimed by lists that are drafts still. What the warranty doesn't bear and what "
        "waits for another list isn't lost.",
    )
    count_draft = fields.Integer("Lines not filed", readonly=True)
    amount_unlisted = fields.Monetary(
        "On no list",
        readonly=True,
        help="Parts of valid records that no list holds yet, as far as they are paid.",
    )
    count_unlisted = fields.Integer("Parts on no list", readonly=True)
    count_blocked = fields.Integer(
        "Can't be listed",
        readonly=True,
        help="Parts of them that can't be listed as they are: without a price of the year, or "
        "bought outside without consent or proof. They count with no amount.",
    )
    amount_invalid = fields.Monetary(
        "Not valid yet",
        readonly=True,
        help="Parts of service records that are not signed, or not complete.",
    )
    count_invalid = fields.Integer("Records not valid yet", readonly=True)
    amount_total = fields.Monetary(
        "About to be lost", readonly=True, help="If nothing is done until the filing day."
    )

    @api.depends("month")
    def _compute_period(self):
        for row in self:
            row.period = row.month and row.month.strftime("%Y-%m")

    @api.depends("date_filing")
    @api.depends_context("lang")
    def _compute_left(self):
        now = fields.Datetime.now()
        warned_until = self.env["aftersales.settlement"]._get_warned_until()
        for row in self:
            left = (row.date_filing or now) - now
            row.days_left = max(left.days, 0)
            is_soon = now + left <= warned_until
            row.urgency = "over" if left < timedelta() else "soon" if is_soon else "later"
            hours = left.seconds // 3600
            row.time_left = (
                self.env._("over")
                if row.urgency == "over"
                else self.env._("%(days)s d %(hours)s h", days=left.days, hours=hours)
            )

    # --- what is at stake ------------------------------------------------------------------

    @api.model
    def _scan(self, months=None, centers=None):
        """Return what stands to be forfeited, by the user's own rights (M8.9).

        Amounts are those of the engine, in the company's currency, VAT included. The number of
        queries doesn't grow with centers, records or parts.

        :param months: first days; default the last month and this one, if they can be filed, and
            every other one of which a draft can be filed still
        :param centers: the service centers; default all
        :return: list of values of radar rows
        """
        company = self.env.company
        now = fields.Datetime.now()
        settlements = self.env["aftersales.settlement"]
        this_month = company._aftersales_local(now).date().replace(day=1)
        if months is None:
            months = [this_month - relativedelta(months=1), this_month]
        days = {month: settlements._get_filing_day(company, month) for month in months}
        days = {month: day for month, day in days.items() if day >= now}
        in_centers = Domain("center_id", "in", centers.ids) if centers else Domain.TRUE
        rows = {}

        def get_row(center, month, filing):
            return rows.setdefault(
                (center.id, month, filing),
                {
                    "company_id": company.id,
                    "center_id": center.id,
                    "region_id": center.aftersales_region_id.id,
                    "month": month,
                    "date_filing": filing,
                    **dict.fromkeys(self._get_figures(), 0),
                },
            )

        drafts = settlements.search_fetch(
            Domain("company_id", "=", company.id)
            & Domain("state", "=", "draft")
            & Domain("date_filing", ">=", now)
            & in_centers,
            ["center_id", "month", "date_filing"],
        )
        counts = dict(
            self.env["aftersales.settlement.line"]._read_group(
                [("settlement_id", "in", drafts.ids)], ["settlement_id"], ["__count"]
            )
        )
        # sudo: whether the warranty bears a part decides, whoever asks; only sums are told
        at_stake = drafts.sudo()._get_lines_at_stake().grouped("settlement_id")
        for draft in drafts:
            row = get_row(draft.center_id, draft.month, draft.date_filing)
            lines = at_stake.get(draft.sudo(), draft.line_ids.browse())
            row["amount_draft"] += sum(lines.mapped("amount_claimed"))
            row["count_draft"] += counts.get(draft, 0)
        self._scan_unlisted(days, in_centers, get_row)
        self._scan_invalid(days, in_centers, get_row)
        for row in rows.values():
            row["amount_total"] = company.currency_id.round(
                row["amount_draft"] + row["amount_unlisted"] + row["amount_invalid"]
            )
        return [row for row in rows.values() if any(row[name] for name in self._get_figures())]

    @api.model
    def _get_figures(self):
        return [name for name in self._fields if name.startswith(("amount_", "count_"))]

    @api.model
    def _scan_unlisted(self, days, in_centers, get_row):
        """Count parts of valid records that are on no list; see `_scan`."""
        company = self.env.company
        today = company._aftersales_local(fields.Datetime.now()).date()
        settlements = self.env["aftersales.settlement"]
        parts = self.env["aftersales.used.part"]
        put_off = (
            parts._get_unlisted_domain()
            & Domain("company_id", "=", company.id)
            & Domain("date_filing", ">=", today)
        )
        of_months = Domain.OR(settlements._get_month_domain(month) for month in days)
        tags = parts.search((put_off | of_months) & in_centers)
        assessments = self.env["aftersales.settlement.line"]._assess_parts(tags.record_part_id)
        for tag in tags:
            month = tag.date_removed.replace(day=1)
            filing = max(filter(None, (days.get(month), tag._get_own_filing_day())))
            row = get_row(tag.center_id, month, filing)
            assessment = assessments[tag.record_part_id]
            row["count_unlisted"] += 1
            row["count_blocked"] += not assessment["is_listable"]
            if assessment["is_payable"]:
                row["amount_unlisted"] += assessment["amount_claimed"]

    @api.model
    def _scan_invalid(self, days, in_centers, get_row):
        """Count parts of records that are not valid yet; see `_scan`."""
        company = self.env.company
        if not days:
            return
        records = self.env["aftersales.service.record"].search(
            Domain("company_id", "=", company.id)
            & Domain.OR(self._get_invalid_domain(company, month) for month in days)
            & in_centers
        )
        assessments = self.env["aftersales.settlement.line"]._assess_parts(records.part_ids)
        for record in records:
            month = record._get_price_day().replace(day=1)
            if month not in days:
                continue
            row = get_row(record.center_id, month, days[month])
            row["count_invalid"] += 1
            row["amount_invalid"] += sum(
                assessments[part]["amount_claimed"] * assessments[part]["quantity"]
                for part in record.part_ids
                if assessments[part]["is_payable"]
            )

    @api.model
    def _get_invalid_domain(self, company, month):
        """Return the domain of the records of ``month`` that are not valid yet."""
        end = month + relativedelta(months=1, days=-1)
        return (
            Domain("state", "in", ("draft", "signed"))
            & Domain("part_ids", "!=", False)
            & Domain("center_id", "!=", False)
            & Domain("arrival", ">", company._aftersales_utc(month - timedelta(days=1)))
            & Domain("arrival", "<=", company._aftersales_utc(end))
        )

    # --- screens ---------------------------------------------------------------------------

    @api.model
    def action_open(self):
        """Open the radar as things stand now, what is most at stake first (M8.9)."""
        # sudo: rows are the user's own, made of what he may see
        rows = self.sudo().create(self._scan())
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_settlement_radar"
        )
        return {**action, "domain": [("id", "in", rows.ids)]}

    def action_view_drafts(self):
        """Show the lists that wait to be filed."""
        return self._show(
            "aftersales_parts.action_settlement",
            Domain("center_id", "=", self.center_id.id)
            & Domain("month", "=", self.month)
            & Domain("state", "=", "draft"),
        )

    def action_view_unlisted(self):
        """Show the parts that are on no list."""
        return self._show(
            "aftersales_parts.action_used_part",
            self.env["aftersales.settlement"]._get_month_domain(self.month)
            & Domain("center_id", "=", self.center_id.id),
        )

    def action_view_invalid(self):
        """Show the service records that are not valid yet."""
        return self._show(
            "aftersales_service.action_service_record",
            self._get_invalid_domain(self.company_id, self.month)
            & Domain("center_id", "=", self.center_id.id),
        )

    def _show(self, action, domain):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(action)
        return {**action, "domain": list(domain), "context": {}, "display_name": action["name"]}
