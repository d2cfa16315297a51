import logging
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

_logger = logging.getLogger(__name__)


class AftersalesSettlement(models.Model):
    """逾期视为自动放弃: what is not filed by the filing day is not paid any more (M8.9)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    forfeit_note = fields.Char(
        "Why forfeited",
        compute="_compute_forfeit_note",
        help="What the center lost, and by which day it should have been filed (M8.9).",
    )

    @api.depends("state", "amount_forfeited", "date_filing")
    @api.depends_context("lang")
    def _compute_forfeit_note(self):
        for settlement in self:
            settlement.forfeit_note = (
                settlement.state == "forfeited" and settlement._get_forfeit_text()
            )

    def _get_forfeit_text(self):
        """Return in words what is forfeited and why, in the language of the environment."""
        self.ensure_one()
        values = {
            "filing": self.company_id._aftersales_format(self.date_filing),
            "amount": self.currency_id.format(self.amount_forfeited),
            "count": len(self.line_ids.filtered(lambda line: line.result == "forfeited")),
        }
        return self.env._(
            "Not filed until %(filing)s: %(count)s lines of %(amount)s are forfeited and not paid "
            "(M8.9). Customer service can grant an exception for a good reason.",
            **values,
        )

    def _forfeit(self):
        """Let these drafts be forfeited, and tell the centers how much and why (M8.9).

        What was on a list in time once, and corrections of earlier lists, wait for the next one.
        """
        # sudo: nobody decides that a list is late, and nobody writes its figures
        settlements = self.sudo()
        settlements._release_kept_lines()
        empty = settlements.filtered(lambda s: not s.line_ids)
        empty._write_protected({"state": "cancelled"})
        late = settlements - empty
        lost = late._get_lines_at_stake()
        lost._write_protected({"result": "forfeited", "amount_payable": 0})
        (late.line_ids - lost)._write_protected({"result": "uncovered", "amount_payable": 0})
        late._write_protected({"state": "forfeited"})
        late.deadline_ids.filtered(lambda d: d.state == "running" and d.is_overdue)._miss()
        # missed stays missed, but there is nothing left that anybody could be reminded of
        settlements._cancel_deadlines()
        self.flush_recordset(["state"])  # the unique index counts live settlements only
        late._tell_forfeited()

    def _release_kept_lines(self):
        """Take off the lists what isn't lost with them."""
        self._get_kept_lines().unlink()

    def _get_lines_at_stake(self):
        """Return the lines that are lost if the lists aren't filed, and that the warranty bears."""
        lines = self.line_ids - self._get_kept_lines()
        return lines.filtered(lambda line: not line.used_part_id or line.used_part_id._is_covered())

    def _get_kept_lines(self):
        """Return the lines that wait for another list if these ones aren't filed (M8.4)."""
        lines = self.line_ids
        kept = lines.filtered(lambda line: line.kind == "correction")
        for month, own in (lines - kept).grouped(lambda line: line.settlement_id.month).items():
            earlier = lines.search(
                Domain("used_part_id", "in", own.used_part_id.ids)
                & Domain(self._get_missing_domain(month))
            )
            kept |= own.filtered(lambda line, e=earlier: line.used_part_id in e.used_part_id)
        return kept

    def _tell_forfeited(self):
        """Say in the chatter what was forfeited, to the centers and their users."""
        users = self.env["aftersales.deadline"]._get_users_by_partner(self.center_id)
        for settlement in self:
            lang = settlement.company_id.partner_id.lang or self.env.lang
            document = settlement.with_context(lang=lang)
            document.message_post(
                body=document._get_forfeit_text(),
                partner_ids=(settlement.center_id | users[settlement.center_id].partner_id).ids,
                subtype_xmlid="mail.mt_note",
            )

    def _reopen(self, date_filing):
        """Let forfeited lists be drafts again that can be filed until ``date_filing`` (M8.9).

        :param datetime date_filing: naive UTC
        """
        # sudo: only an approved exception calls this
        settlements = self.sudo()
        settlements.line_ids._write_protected({"result": "open"})
        settlements._write_protected({"state": "draft", "date_filing": date_filing})
        settlements._deadline_event("month_ended")

    # --- warning ---------------------------------------------------------------------------

    def _get_deadline_stakes(self, deadlines):
        filing = deadlines.filtered(lambda d: d.rule_id.stop_event_id.code == "filed")
        documents = self.browse(filing.mapped("res_id")).filtered(lambda s: s.state == "draft")
        amounts = {}
        for company, own in documents.grouped("company_id").items():
            rows = (
                self.env["aftersales.settlement.radar"]
                .with_company(company)
                ._scan(set(own.mapped("month")), own.center_id)
            )
            for row in rows:
                key = (company.id, row["center_id"], row["month"], row["date_filing"])
                amounts[key] = amounts.get(key, 0) + row["amount_total"]
        return {
            deadline: amounts.get(
                (
                    document.company_id.id,
                    document.center_id.id,
                    document.month,
                    document.date_filing,
                )
            )
            for deadline in filing
            for document in documents.filtered(lambda s, d=deadline: s.id == d.res_id)
        }

    def _check_reschedule(self, deadline):
        if deadline.sudo().rule_id.stop_event_id.code == "filed":
            raise UserError(
                self.env._(
                    "The filing day of %s is moved by an exception that customer service grants "
                    "(M8.9), and the deadline with it.",
                    self.name,
                )
            )
        return super()._check_reschedule(deadline)

    # --- sweep -----------------------------------------------------------------------------

    @api.model
    def _cron_forfeit(self, batch=50):
        """Let be forfeited what was not filed in time, in batches that are committed (M8.9).

        First the drafts whose filing day is over, then what never was on a list. What is on none
        when the centers are warned of the filing day is put on a draft, so that nobody loses it
        unwarned; what can't be listed for want of price, terms or consent gets a later day. What
        fails is left out, logged, and tried again in the next run.
        """
        now = fields.Datetime.now()
        domain = Domain("state", "=", "draft") & Domain("date_filing", "<", now)
        left_out = self.browse()
        while found := self.search(domain & Domain("id", "not in", left_out.ids), limit=batch):
            # who works on a list at this moment files it, or it is forfeited by the next run
            drafts = found.try_lock_for_update(allow_referencing=True)
            left_out |= found - drafts
            if not self._try("_forfeit", drafts):
                left_out |= drafts.filtered(lambda draft: not self._try("_forfeit", draft))
            remaining = self.search_count(domain & Domain("id", "not in", left_out.ids))
            if not self.env["ir.cron"]._commit_progress(len(found), remaining=remaining):
                return
        for company, month, centers in self._find_unlisted(self._get_warned_until()):
            own = self.with_company(company)
            for offset in range(0, len(centers), batch):
                part = centers[offset : offset + batch]
                if not self._try("_list_rest", own, month, part):
                    for center in part:
                        self._try("_list_rest", own, month, center)
                if not self.env["ir.cron"]._commit_progress(len(part)):
                    return

    def _list_rest(self, month, centers):
        """List what is on no list; what can't be listed for no fault of the center waits (M8.1)."""
        self._put_off_held_up(month, centers)
        if self._get_filing_terms(self.env.company, month):
            self._generate(month, centers, ["parts"], problems={})

    def _put_off_held_up(self, month, centers):
        """Give what the center can't put right a filing day of which it can be warned (M8.9)."""
        company = self.env.company
        tags = self.env["aftersales.used.part"].search(
            self._get_month_domain(month)
            & Domain("center_id", "in", centers.ids)
            & self._get_due_domain(company, self._get_warned_until())
        )
        if self._get_filing_terms(company, month):
            lines = self.env["aftersales.settlement.line"]
            assessments = lines._assess_parts(tags.record_part_id)
            tags = tags.filtered(lambda tag: assessments[tag.record_part_id]["is_held_up"])
        tags._put_off(company)

    @api.model
    def _get_warned_until(self):
        """Return until when what is to be filed is warned of by now, naive UTC (M8.9)."""
        # sudo: how long before the filing day the centers are warned is told to everybody
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_filed", False)
        return fields.Datetime.now() + timedelta(hours=rule.sudo().warning_hours if rule else 0)

    @api.model
    def _get_filing_terms(self, company, month):
        """Return the terms that the filing day of ``month`` follows from, or none (M8.3)."""
        return self.env["aftersales.settlement.terms"]._get_terms_by_day(company, [month])[month]

    @api.model
    def _get_next_filing_day(self, company):
        """Return the next day until which lists are filed and of which there is time to warn.

        :return: date, in the company's time zone; False if no terms are in force
        """
        moment = self._get_warned_until()
        month = company._aftersales_local(moment).date() + relativedelta(months=-1, day=1)
        for later in range(2):
            start = month + relativedelta(months=later)
            # sudo: until when lists are filed is told to everybody
            terms = self.sudo()._get_filing_terms(company, start)
            day = terms and start + relativedelta(months=1, day=terms.filing_day)
            if day and company._aftersales_utc(day) >= moment:
                return day
        return False

    @api.model
    def _try(self, method, records, *args):
        """Call ``method`` of ``records``; return whether it worked. What fails is logged."""
        try:
            with self.env.cr.savepoint():
                getattr(records, method)(*args)
            return True
        except Exception:
            # whatever one list runs into, the others are swept all the same
            self.env.invalidate_all()
            _logger.exception("Settlements: %s failed on %s", method, records)
            return False

    @api.model
    def _find_unlisted(self, moment):
        """Return what is on no list of ended months whose filing day is before ``moment``.

        :param datetime moment: naive UTC
        :return: list of (company, month, centers)
        """
        parts = self.env["aftersales.used.part"]
        found = []
        for company in parts._read_group(
            parts._get_unlisted_domain() & Domain("date_removed", "!=", False),
            [],
            ["company_id:recordset"],
        )[0][0]:
            groups = parts._read_group(
                parts._get_unlisted_domain()
                & Domain("company_id", "=", company.id)
                & Domain("date_removed", "!=", False)
                & self._get_due_domain(company, moment),
                ["date_removed:month"],
                ["center_id:recordset"],
            )
            today = company._aftersales_local(moment).date()
            for month, centers in groups:
                terms = self._get_filing_terms(company, month)
                if not terms:
                    _logger.warning("Settlements: no terms in %s for %s", company.name, month)
                is_due = not terms or self._get_filing_day(company, month) < moment
                if month + relativedelta(months=1) <= today and is_due:
                    found.append((company, month, centers))
        return found

    @api.model
    def _get_due_domain(self, company, moment):
        """Return the domain of parts without a filing day of their own after ``moment`` (M8.9)."""
        day = company._aftersales_local(moment).date()
        return Domain("date_filing", "=", False) | Domain("date_filing", "<", day)


class AftersalesUsedPart(models.Model):
    """A filing day of its own, for parts that the center is not to blame for (M8.9)."""

    _inherit = "aftersales.used.part"  # pylint: disable=consider-merging-classes-inherited

    def _get_own_filing_day(self):
        """Return the end of the part's own filing day, naive UTC, or None."""
        self.ensure_one()
        return self.company_id._aftersales_utc(self.date_filing) if self.date_filing else None

    def _put_off(self, company):
        """Let parts of ``company`` be filed by the next filing day of which there is time to warn.

        :return: that day, or False if there is none
        """
        day = self.env["aftersales.settlement"]._get_next_filing_day(company)
        if day:
            # sudo: nobody writes the day by hand
            self.sudo().filtered(
                lambda tag: not tag.date_filing or tag.date_filing < day
            )._write_protected({"date_filing": day})
        return day


class AftersalesSettlementLine(models.Model):
    """Why a line that was claimed is not paid at all (M8.9)."""

    _inherit = "aftersales.settlement.line"  # pylint: disable=consider-merging-classes-inherited

    def _explain_result(self):
        self.ensure_one()
        if self.result == "forfeited":
            settlement = self.settlement_id
            return self.env._(
                "not filed until %s, so forfeited (M8.9)",
                settlement.company_id._aftersales_format(settlement.date_filing),
            )
        return super()._explain_result()
