from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.tools import format_date


class AftersalesMaintenanceStep(models.Model):
    """One of the mandatory services of a new machine, which a center is paid for once (M5)."""

    _name = "aftersales.maintenance.step"
    _description = "Mandatory maintenance"
    _regulations = ("M5",)
    _order = "hours, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    hours = fields.Float(
        "At (h)",
        required=True,
        digits=(16, 0),
        aggregator=None,
        help="What the hour meter shows when the maintenance is due.",
    )
    period_from = fields.Integer("From", required=True, aggregator=None)
    period_to = fields.Integer("Until", required=True, aggregator=None)
    period_unit = fields.Selection(
        [("days", "days"), ("months", "months")],
        "After the delivery",
        required=True,
        default="months",
        help="The maintenance is due by its hours or in this time after the delivery, whichever "
        "comes first.",
    )
    regulation_id = fields.Many2one("aftersales.regulation", "Article")

    _hours_positive = models.Constraint("CHECK(hours > 0)", "Maintenance is due after some hours.")
    _hours_uniq = models.Constraint(
        "UNIQUE(hours)", "There is already a mandatory maintenance at these hours."
    )
    _period_order = models.Constraint(
        "CHECK(period_from >= 0 AND period_to >= period_from)",
        "The time after the delivery can't end before it begins.",
    )

    def _get_obstacle(self, card, day, hours):
        """Return in a sentence why the maintenance wasn't due yet on ``day``, or None (M5).

        :param card: the warranty card of the machine
        :param date day: of the service, in the company's time zone
        :param float hours: how long the machine had run
        """
        self.ensure_one()
        start = card.date_start or card.date_delivery or card.date_purchase
        due = start and start + relativedelta(**{self.period_unit: self.period_from})
        if hours >= self.hours or not due or day >= due:
            return None
        return self.env._(
            "“%(step)s” is due at %(hours)s h or from %(date)s on; the machine has run %(run)s h",
            step=self.name,
            hours=f"{self.hours:g}",
            date=format_date(self.env, due),
            run=f"{hours:g}",
        )
