from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain


class AftersalesRegion(models.Model):
    _inherit = "aftersales.region"

    date_return_start = fields.Date(
        "Returns from",
        compute="_compute_date_return",
        help="First day of this month's window for returns, or of the next one if that is over "
        "(L2.11).",
    )
    date_return_end = fields.Date("Returns until", compute="_compute_date_return")
    is_returning = fields.Boolean(
        "Returns now",
        compute="_compute_date_return",
        search="_search_is_returning",
        help="The region's window for returns is open today.",
    )

    def _get_return_day(self):
        """Return today by the clock of the region's company."""
        company = self.company_id or self.env.company
        return company._aftersales_local(fields.Datetime.now()).date()

    @api.depends("return_week")
    def _compute_date_return(self):
        for region in self:
            today = region._get_return_day()
            start, end = region._get_return_window(today)
            if end < today:
                start, end = region._get_return_window(today.replace(day=1) + timedelta(days=31))
            region.date_return_start, region.date_return_end = start, end
            region.is_returning = start <= today

    @api.model
    def _search_is_returning(self, operator, value):
        if operator != "in":
            return NotImplemented
        # a region without a week returns on every day
        weekly = self.with_context(active_test=False).search([("return_week", "!=", False)])
        return ~Domain("id", "in", weekly.filtered(lambda region: not region.is_returning).ids)

    def _get_return_week_text(self):
        """Return in words which week of the month the region returns in, and its days."""
        if not self.return_week:
            return self.env._("any day of the month")
        weeks = dict(self._fields["return_week"]._description_selection(self.env))
        start, end = self._get_return_window(self._get_return_day())
        return self.env._(
            "%(week)s of the month: days %(first)s to %(last)s",
            week=weeks[self.return_week],
            first=start.day,
            last=end.day,
        )

    def write(self, vals):
        changed = self.filtered(
            lambda region: "return_week" in vals and vals["return_week"] != region.return_week
        )
        result = super().write(vals)
        if changed:
            # sudo: whoever keeps the regions may have no right to the returns that follow them
            waiting = self.env["aftersales.return"].sudo()._get_waiting(changed)
            for document in waiting:
                document._tell_sender(
                    lambda d: [
                        d.env._(
                            "The return week of “%(region)s” was changed. %(note)s",
                            region=d.region_id.name,
                            note=d.window_note,
                        )
                    ]
                )
        return result
