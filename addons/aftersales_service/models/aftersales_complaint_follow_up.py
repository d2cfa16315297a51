from datetime import timedelta

from odoo import fields, models
from odoo.tools.date_utils import float_to_time


class AftersalesComplaintFollowUp(models.Model):
    """When a customer who complained is called after his complaint was closed (M12, C9)."""

    _name = "aftersales.complaint.follow.up"
    _description = "Follow-up of complaints"
    _order = "days, id"
    _rec_name = "days"

    days = fields.Integer(
        "Days after closing",
        required=True,
        default=7,
        help="Of the calendar, counted from the day on which the complaint was closed.",
    )
    severity = fields.Selection(
        [("light", "Light"), ("serious", "Serious")], help="Empty: after every complaint."
    )
    active = fields.Boolean(default=True)
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _days_positive = models.Constraint(
        "CHECK(days > 0)",
        "The customer is called after the complaint was closed: one day at least.",
    )

    def _get_moment(self, company, closed):
        """Return when the call is planned, naive UTC, at the company's hour of calls.

        :param datetime closed: when the complaint was closed, naive UTC
        """
        self.ensure_one()
        day = company._aftersales_local(closed).date() + timedelta(days=self.days)
        return company._aftersales_utc(day, float_to_time(company.aftersales_callback_hour))
