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

    @api.depends("state", "amount_claimed", "date_filing")
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
            "amount": self.currency_id.format(self.amount_claimed),
            "count": len(self.line_ids),
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
        late.line_ids._write_protected({"result": "forfeited", "amount_payable": 0})
        late._write_protected({"state": "forfeited"})
        late.deadline_ids.filtered(lambda d: d.state == "running" and d.is_overdue)._miss()
        # missed stays missed, but there is nothing left that anybody could be reminded of
        settlements._cancel_deadlines()
        self.flush_recordset(["state"])  # the unique index counts live settlements only
        late._tell_forfeited()

    def _release_kept_lines(self):
        """Take off the lists what isn't lost with them."""
        lines = self.line_ids
        kept = lines.filtered(lambda line: line.kind == "correction")
        for month, own in (lines - kept).grouped(lambda line: line.settlement_id.month).items():
            earlier = lines.search(
                Domain("used_part_id", "in", own.used_part_id.ids)
                & Domain(self._get_missing_domain(month))
            )
            kept |= own.filtered(lambda line, e=earlier: line.used_part_id in e.used_part_id)
        kept.unlink()

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
        settlements.line_ids.filtered(lambda line: line.result == "forfeited")._write_protected(
            {"result": "open"}
        )
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
                key = (company.id, row["center_id"], row["month"])
                amounts[key] = amounts.get(key, 0) + row["amount_total"]
        return {
            deadline: amounts.get((document.company_id.id, document.center_id.id, document.month))
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
        unwarned. What fails is left out, logged, and tried again in the next run.
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
        # sudo: how long before the filing day the centers are warned
        rule = self.env.ref("aftersales_parts.deadline_rule_settlement_filed", False)
        lead = timedelta(hours=rule.sudo().warning_hours if rule else 0)
        for company, month, centers in self._find_unlisted(now + lead):
            own = self.with_company(company)
            for offset in range(0, len(centers), batch):
                part = centers[offset : offset + batch]
                self._try("_list_rest", own, month, part)
                if not self.env["ir.cron"]._commit_progress(len(part)):
                    return

    def _list_rest(self, month, centers):
        """List what is on no list; what has no price yet is left out (M8.1)."""
        self._generate(month, centers, ["parts"], problems={})

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
        groups = parts._read_group(
            parts._get_unlisted_domain(),
            ["company_id", "date_removed:month"],
            ["center_id:recordset"],
        )
        for company, month, centers in groups:
            if month + relativedelta(months=1) > company._aftersales_local(moment).date():
                continue
            if self._get_filing_day(company, month) < moment:
                found.append((company, month, centers))
        return found


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
