from datetime import datetime, time

import pytz

from odoo import fields, models


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
