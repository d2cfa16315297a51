from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from .aftersales_return import UNSHIPPED


class AftersalesReturn(models.Model):
    """The windows of the regions, and what missed its own (L2.6, L2.7, L2.11)."""

    _inherit = "aftersales.return"  # pylint: disable=consider-merging-classes-inherited

    def _check_window(self):
        """Raise UserError unless today is a day of the return's window (L2.6, L2.11).

        Days begin and end at midnight of the company's time zone.
        """
        self.ensure_one()
        today = self._get_today()
        start, end = self.date_window_start, self.date_window_end
        if not self._is_ordinary() or start <= today <= end:
            return
        if today < start:
            advice = self.env._("Ship it then, or ask for a special approval (L2.7).")
        else:
            advice = self.env._(
                "It missed that window and moves to the next one overnight. If it can't wait, ask "
                "for a special approval (L2.7)."
            )
        raise UserError(
            self.env._(
                "%(document)s can't be shipped today, %(today)s: its window is %(start)s to "
                "%(end)s (%(week)s; L2.6, L2.11). %(advice)s",
                document=self.name,
                today=format_date(self.env, today),
                start=format_date(self.env, start),
                end=format_date(self.env, end),
                week=self.region_id._get_return_week_text(),
                advice=advice,
            )
        )

    @api.model
    def _get_waiting(self, regions):
        """Return the ordinary returns of the ``regions`` that have not been shipped yet."""
        return self.search(
            Domain("region_id", "in", regions.ids)
            & Domain("state", "in", UNSHIPPED)
            & self._get_ordinary_domain()
        )

    @api.model
    def _get_missed_domain(self, company):
        """Return the domain of the returns of ``company`` that missed their window (L2.6)."""
        today = company._aftersales_local(fields.Datetime.now()).date()
        return (
            Domain("company_id", "=", company.id)
            & Domain("state", "in", UNSHIPPED)
            & self._get_ordinary_domain()
            & Domain("date_window_end", "<", today)
        )

    @api.model
    def _cron_carry_over(self, batch=100):
        """Move the returns that missed their window to the next one, in batches (L2.6).

        May run at any hour and as often as wanted: what was moved has a window ahead of it.
        """
        domain = Domain.OR(
            self._get_missed_domain(company) for company in self.env["res.company"].search([])
        )
        left_out = self.browse()
        while found := self.search(domain & Domain("id", "not in", left_out.ids), limit=batch):
            # what is just being shipped is left to the next run
            documents = found.try_lock_for_update(allow_referencing=True)
            left_out |= found - documents
            documents._carry_over()
            remaining = self.search_count(domain & Domain("id", "not in", left_out.ids))
            if not self.env["ir.cron"]._commit_progress(len(found), remaining=remaining):
                return

    def _carry_over(self):
        """Move these returns to the next window that is theirs, and tell the sender (L2.6).

        The approval stays: when the goods travel is no part of what was approved.
        """
        taken = self._get_taken_months()
        for document in self.sorted("month"):
            months = taken[document.company_id.id, document.center_id.id]
            missed = document.date_window_end
            month = document._get_next_month(document.month, months)
            months.add(month)
            document._write_protected({"month": month, "carried_over": document.carried_over + 1})
            document._tell_sender(lambda d, day=missed: [d._say_moved(day)])

    def _say_moved(self, missed):
        return self.env._(
            "%(document)s missed its window, which ended on %(missed)s. It is returned with the "
            "next one: %(start)s to %(end)s (%(week)s; L2.6).",
            document=self.name,
            missed=format_date(self.env, missed),
            start=format_date(self.env, self.date_window_start),
            end=format_date(self.env, self.date_window_end),
            week=self.region_id._get_return_week_text(),
        )

    def action_ask_special(self, reason=None):
        """Let an ordinary return go outside its window, by special approval, with a reason (L2.7).

        Whatever was approved is void: it is applied for and decided anew.

        :raises UserError: no reason given, or the goods are on their way
        """
        if not (reason or "").strip():
            raise UserError(
                self.env._("Give the reason for which a special approval is asked for (L2.7).")
            )
        self._check_sender_role()
        for document in self:
            if document.state not in UNSHIPPED or not document._is_ordinary():
                raise UserError(
                    self.env._("%s is on its way, or needs no window already.", document.name)
                )
            document.write({"is_special": True, "special_reason": reason.strip()})
        return True

    def action_open_ask_special(self):
        """Open the window that asks for the reason."""
        self.ensure_one()
        return self.env["aftersales.reason"]._open(
            self, "action_ask_special", self.env._("Ask for special approval")
        )
