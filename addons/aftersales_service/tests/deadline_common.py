from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch

import pytz
from freezegun import freeze_time

from odoo.fields import Command

from .common import AftersalesCommon

NINE = "2026-07-01 01:00:00"  # a Wednesday, 9:00 in Shanghai


class DeadlineCommon(AftersalesCommon):
    """A machine in warranty, and a day shift: Monday to Friday, 8–12 and 13–17 in Shanghai."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time("2026-06-01 01:00:00"):
            cls.card = cls._deliver("SN-1")
        cls.calendar = cls._new_calendar("Day shift", range(5), ((8, 12), (13, 17)))

    @classmethod
    def _new_calendar(cls, name, days, hours, zone="Asia/Shanghai"):
        """Return a new calendar with the same ``hours`` [(from, to)] on each of ``days``."""
        return cls.env["resource.calendar"].create(
            {
                "name": name,
                "tz": zone,
                "company_id": cls.company.id,
                "attendance_ids": [Command.clear()]
                + [
                    Command.create(
                        {
                            "name": f"{day} {start}",
                            "dayofweek": str(day),
                            "hour_from": start,
                            "hour_to": end,
                            "day_period": "morning" if start < 12 else "afternoon",
                        }
                    )
                    for day in days
                    for start, end in hours
                ],
            }
        )

    @classmethod
    def _event(cls, code, model="aftersales.request"):
        return cls.env["aftersales.deadline.event"].search(
            [("model", "=", model), ("code", "=", code)]
        )

    @classmethod
    def _new_rule(cls, unit="hours", offset=1, start="received", stop="done", **vals):
        """Return a new rule on requests; ``pause=True`` lets the customer stop its clock."""
        if vals.pop("pause", False):
            vals["pause_event_id"] = cls._event("waiting").id
            vals["resume_event_id"] = cls._event("resumed").id
        return cls.env["aftersales.deadline.rule"].create(
            {
                "name": f"{offset} {unit}",
                "start_event_id": cls._event(start).id,
                "stop_event_id": cls._event(stop).id,
                "unit": unit,
                "offset": offset,
                "calendar_id": cls.calendar.id,
                **vals,
            }
        )

    @classmethod
    def _rule(cls, name):
        return cls.env.ref(f"aftersales_service.deadline_rule_{name}")

    def _only(self, *rules):
        """Leave only ``rules`` in force, and nothing running."""
        everything = self.env["aftersales.deadline.rule"].search([])
        (everything - everything.browse().union(*rules)).active = False
        self.env["aftersales.deadline"].search([])._cancel()

    def _assigned(self, distance=0, card=None, **vals):
        """Return a request that is received and assigned now."""
        request = self._new_request(card or self.card, distance=distance, **vals)
        request.action_assign()
        return request

    def _run(self, request, rule):
        """Return the runs of ``rule`` (or of the shipped one of this name) on ``request``."""
        rule = self._rule(rule) if isinstance(rule, str) else rule
        self.env.invalidate_all()
        return (
            self.env[request._name]
            .browse(request.ids)
            .deadline_ids.filtered(lambda d: d.rule_id == rule)
        )

    def _sweep(self, **kwargs):
        # a test may not commit; what the cron commits is tested in test_cron
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=60) as done:
            self.env["aftersales.deadline"]._cron_sweep(**kwargs)
        return done

    @contextmanager
    def _at(self, text, zone="Asia/Shanghai"):
        """Freeze the clock at the moment at which clocks in ``zone`` show ``text``."""
        with freeze_time(self._local(text, zone)):
            yield

    def _local(self, text, zone="Asia/Shanghai"):
        """Return the naive UTC moment at which clocks in ``zone`` show ``text``."""
        local = pytz.timezone(zone).localize(datetime.fromisoformat(text))
        return local.astimezone(pytz.utc).replace(tzinfo=None)
