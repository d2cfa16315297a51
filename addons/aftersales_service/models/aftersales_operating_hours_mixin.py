from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import float_compare


class AftersalesOperatingHoursMixin(models.AbstractModel):
    """How long the unit of a warranty card has run, whichever hour meters it carried (M5)."""

    _name = "aftersales.operating.hours.mixin"
    _description = "Operating hours"

    operating_hours = fields.Float(
        compute="_compute_operating_hours", help="As the latest reading of the hour meter says."
    )

    @api.depends("reading_ids.hours")
    def _compute_operating_hours(self):
        hours = dict(
            self.env["aftersales.meter.reading"]._read_group(
                [("card_id", "in", self.ids)], ["card_id"], ["hours:max"]
            )
        )
        for card in self:
            card.operating_hours = hours.get(card, 0.0)

    def _get_meter_offset(self, date):
        """Return the hours to add to what the meter shows on ``date``, as meters were replaced."""
        # sudo: whoever asks about a unit need not see its readings
        replaced = self.sudo().reading_ids.filtered(
            lambda reading: reading.source == "replacement" and reading.date <= date
        )
        return max(replaced.mapped("offset"), default=0.0)

    def _get_known_hours(self, date):
        """Return how long the unit had run by ``date`` at least, by its readings, in hours."""
        # sudo: whoever asks about a unit need not see its readings
        before = self.sudo().reading_ids.filtered(lambda reading: reading.date <= date)
        return max(before.mapped("hours"), default=0.0)

    def _get_operating_hours(self, meter, date):
        """Return how long the unit has run when its meter shows ``meter`` on ``date``, in hours.

        :param float meter: 0 if it isn't known
        :param date: in the company's time zone
        """
        return meter + self._get_meter_offset(date) if meter and date else meter

    def _check_hours(self, date, hours, others):
        """Raise ValidationError if the unit can't have run ``hours`` by ``date`` (M5).

        Hours never go back, and a day has 24 of them; the days of both readings count in full.

        :param others: the readings to compare with
        """
        self.ensure_one()
        if date > self._get_today():
            raise ValidationError(
                self.env._("The hour meter can't have been read in the future (%s).", date)
            )
        known = [(reading.date, reading.hours) for reading in others]
        if self.date_manufacture:
            known.append((self.date_manufacture, 0.0))
        known.sort(key=lambda reading: abs((reading[0] - date).days))
        for other_date, other_hours in known:
            more = float_compare(hours, other_hours, precision_digits=2)
            names = {
                "card": self.display_name,
                "hours": hours,
                "date": date,
                "other_hours": other_hours,
                "other_date": other_date,
            }
            if (date > other_date and more < 0) or (date < other_date and more > 0):
                raise ValidationError(
                    self.env._(
                        "%(card)s can't have run %(hours)s h on %(date)s: on %(other_date)s it was "
                        "at %(other_hours)s h. Read the meter again; if it was replaced, customer "
                        "service records that on the warranty card.",
                        **names,
                    )
                )
            days = abs((date - other_date).days) + 1
            if float_compare(abs(hours - other_hours), 24 * days, precision_digits=2) > 0:
                raise ValidationError(
                    self.env._(
                        "%(card)s can't have run %(hours)s h on %(date)s: with %(other_hours)s h "
                        "on %(other_date)s, that would be more than 24 hours a day. Read the meter "
                        "again.",
                        **names,
                    )
                )

    def action_replace_meter(self, date, old_meter, new_meter, reason=None):
        """Record that the hour meter was replaced; for customer service.

        :param date: the day of it, in the company's time zone
        :param float old_meter: what the old one showed at last, in hours
        :param float new_meter: what the new one showed at first, in hours
        """
        self.ensure_one()
        self._check_group("aftersales_service.group_customer_service")
        self._check_reason(reason, self.env._("Give the reason why the meter was replaced."))
        self.check_access("write")
        date = fields.Date.to_date(date)
        hours = self._get_operating_hours(old_meter, date)
        # sudo: only this action may write the offset
        self.env["aftersales.meter.reading"].sudo().create(
            {
                "card_id": self.id,
                "date": date,
                "meter": new_meter,
                "offset": hours - new_meter,
                "source": "replacement",
                "reason": reason,
            }
        )
        return True
