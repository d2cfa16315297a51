from dateutil.relativedelta import relativedelta
from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, LockError, UserError
from odoo.fields import Domain

from .aftersales_settlement import AGREED_STATES


class AftersalesSettlement(models.Model):
    """What a month holds: its lines, from the valid service records (M8.1, M8.3)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _generate(self, month, centers=None, kinds=None, moment=None, problems=None):
        """Return the settlements of ``month``, made or completed from the valid service records.

        Safe to run again, and by two people at once: what is on a list already stays there. What
        is found while a list can be filed goes on its draft, or on a supplementary list if there
        is none any more. What is found after the filing day is listed, too, as forfeited (M8.9);
        parts that got a later filing day of their own are listed for that day.

        :param date month: any day of the month of the services
        :param centers: the service centers; default all that have something to settle
        :param kinds: the kinds of lists to make; default all
        :param datetime moment: as of when, naive UTC; default now
        :param dict problems: filled with the sentences, by center, about what can't be listed,
            without a wholesale price for instance (M8.1); everything else goes on
        :raises UserError: something can't be listed, and ``problems`` is not given; or the month
            hasn't begun
        :raises ConcurrencyError: somebody else does the same; the request is tried once more
        """
        month = month.replace(day=1)
        moment = moment or fields.Datetime.now()
        self._check_begun(month, moment)
        found = {} if problems is None else problems
        settlements = self.browse()
        for kind, generate in self._get_generators().items():
            if not kinds or kind in kinds:
                settlements |= generate(month, centers, moment, found)
        if found and problems is None:
            raise UserError(
                self.env._(
                    "These parts can't be claimed as they stand:\n%s",
                    "\n".join(f"• {text}" for texts in found.values() for text in texts),
                )
            )
        return settlements

    def _get_generators(self):
        """Return {kind: method that makes its lists} for the kinds that this user may make."""
        generators = {"parts": self._generate_parts}
        # M9.1: what the centers are paid for services is listed by the company
        if self.env.su or self.env.user.has_group("aftersales_service.group_clerk"):
            generators["service"] = self._generate_services
        return generators

    @api.model
    def _find_centers(self, month, centers=None, kinds=None):
        """Return the centers, among ``centers`` or all, that have something to list in ``month``.

        :param date month: its first day
        :param kinds: the kinds of lists; default all
        """
        in_centers = Domain("center_id", "in", centers.ids) if centers else Domain.TRUE
        found = self.env["res.partner"]
        if not kinds or "parts" in kinds:
            domain = self._get_month_domain(month) & in_centers
            parts = self.env["aftersales.used.part"]
            found |= parts._read_group(domain, [], ["center_id:recordset"])[0][0]
            found |= self._find_late_tags(month, in_centers).center_id
        if "service" in self._get_generators() and (not kinds or "service" in kinds):
            lines = self.env["aftersales.settlement.line"]
            found = found.union(*lines._prepare_service_vals(month, centers or None))
        return found

    @api.model
    def _check_begun(self, month, moment=None):
        """Raise UserError if ``month`` begins after ``moment``, naive UTC, default now (M8.3)."""
        moment = moment or fields.Datetime.now()
        if month > self.env.company._aftersales_local(moment).date():
            raise UserError(
                self.env._(
                    "%s hasn't begun: there is nothing to settle yet.", month.strftime("%Y-%m")
                )
            )

    def _generate_services(self, month, centers, moment, problems):
        """List the service fees, which nobody has to file; see `_generate` (M9.1)."""
        lines = self.env["aftersales.settlement.line"]
        vals_by_center = lines._prepare_service_vals(month, centers or None)
        lists = self._find_lists("service", month, centers)
        drafts = lists.filtered(lambda s: s.state == "draft" and s.center_id in vals_by_center)
        drafts._lock_drafts()
        targets = {draft.center_id: draft for draft in drafts}
        created = self._create_once(
            [
                self._prepare_list_vals(center, month, lists, "service")
                for center in vals_by_center
                if center not in targets
            ]
        )
        targets.update((settlement.center_id, settlement) for settlement in created)
        self._create_lines(
            [
                (targets[center], vals)
                for center, vals_list in vals_by_center.items()
                for vals in vals_list
            ]
        )
        return lists | created

    @api.model
    def _create_lines(self, pairs):
        """Create lines from pairs of a list and the values of a line.

        What a line takes from its list is given with it, and so needs no update of its own.
        """
        own = {
            settlement: {
                "settlement_id": settlement.id,
                "company_id": settlement.company_id.id,
                "center_id": settlement.center_id.id,
                "region_id": settlement.region_id.id,
                "amount_deducted": 0,
            }
            for settlement, _vals in pairs
        }
        self._create_once(
            [{**vals, **own[settlement]} for settlement, vals in pairs],
            "aftersales.settlement.line",
        )

    @api.model
    def _find_lists(self, kind, month, centers=None):
        """Return the lists of ``month`` that are not cancelled, in the order of their numbers.

        Those of the direction in which the center is paid by now: nothing is put on others.
        """
        lists = self.search(
            Domain("company_id", "=", self.env.company.id)
            & Domain("month", "=", month)
            & Domain("kind", "=", kind)
            & Domain("state", "!=", "cancelled")
            & (Domain("center_id", "in", centers.ids) if centers else Domain.TRUE),
            order="supplement, id",
        )
        return lists.filtered(lambda s: s.direction == self._get_direction(s.center_id))

    @api.model
    def _get_month_domain(self, month):
        """Return the domain of the used parts of ``month`` that are on no list yet."""
        return (
            self.env["aftersales.used.part"]._get_unlisted_domain()
            & Domain("company_id", "=", self.env.company.id)
            & Domain("date_removed", ">=", month)
            & Domain("date_removed", "<", month + relativedelta(months=1))
        )

    def _generate_parts(self, month, centers, moment, problems):
        """List the parts that the centers paid in advance; see `_generate`."""
        company = self.env.company
        in_centers = Domain("center_id", "in", centers.ids) if centers else Domain.TRUE
        tags = self.env["aftersales.used.part"].search(
            self._get_month_domain(month) & in_centers, order="name"
        )
        late = self._find_late_tags(month, in_centers)
        lines = self.env["aftersales.settlement.line"]
        assessments = lines._assess_parts((tags | late).record_part_id)
        listable = (tags | late)._get_listable(assessments, problems)
        lists = self._find_lists("parts", month, centers)
        drafts = lists.filtered(
            lambda s: (
                s.state == "draft" and s.center_id in listable.center_id and s._is_fileable(moment)
            )
        )
        drafts._lock_drafts()
        filing = self._get_filing_day(company, month)
        if moment > filing:
            # an exception opens a list again for what it holds, and for nothing else; what was on
            # a list in time once is paid with this month or the next, and not forfeited
            self._add_lines(
                {
                    draft: tags
                    for center, tags in (listable & late).grouped("center_id").items()
                    if (draft := drafts.filtered(lambda s, c=center: s.center_id == c)[:1])
                },
                assessments,
            )
            listable -= late
        created = self.browse()
        # of a part that got a later day of its own, that day counts
        days = listable.grouped(
            lambda tag: max(filing, tag not in late and tag._get_own_filing_day() or filing)
        )
        for day, own in days.items():
            # who has a later day, by an exception for instance, has it for what his list holds
            fitting = drafts.filtered(lambda s, d=day: s.date_filing == d)
            created |= self._list_parts(
                month, own, day, moment, fitting, lists | created, assessments
            )
        return lists | created

    def _list_parts(self, month, tags, day, moment, drafts, lists, assessments):
        """Put parts on the ``drafts``, or on new lists; return the new ones.

        :param tags: the parts, all of them listable and to be filed by the same day
        :param datetime day: until when they are to be filed, naive UTC; if it is over at
            ``moment``, they are forfeited (M8.9)
        :param lists: those of the month, after which new ones are numbered
        """
        is_in_time = moment <= day
        targets = {draft.center_id: draft for draft in drafts} if is_in_time else {}
        by_center = tags.grouped("center_id")
        created = self._create_once(
            [
                {**self._prepare_list_vals(center, month, lists, "parts"), "date_filing": day}
                for center in by_center
                if center not in targets
            ]
        )
        targets.update((settlement.center_id, settlement) for settlement in created)
        self._add_lines({targets[center]: own for center, own in by_center.items()}, assessments)
        if not is_in_time:
            created._forfeit()
        return created

    @api.model
    def _prepare_list_vals(self, center, month, lists, kind):
        """Return the values of a further list of ``center``, numbered after its ``lists``."""
        numbers = set(lists.filtered(lambda s: s.center_id == center).mapped("supplement"))
        # all of it is given, so that no default of the caller counts
        return {
            "company_id": self.env.company.id,
            "center_id": center.id,
            "month": month,
            "kind": kind,
            "direction": self._get_direction(center),
            "supplement": max(numbers) + 1 if 0 in numbers else 0,
        }

    @api.model
    def _get_direction(self, center):
        """Return who pays what ``center`` did: the company, or the manufacturer whose center it is.

        The company's own workshops claim from the manufacturer, if there is one.
        """
        company = self.env.company
        is_own = center.commercial_partner_id == company.partner_id.commercial_partner_id
        return "receivable" if company.aftersales_manufacturer_id and is_own else "payable"

    def _lock_drafts(self):
        """Lock drafts against being filed, cancelled or completed by somebody else just now."""
        try:
            # sudo: what is added follows from the records; whoever generates may see the list
            self.sudo().lock_for_update(allow_referencing=True)
        except LockError as error:
            raise ConcurrencyError(str(error)) from error

    @api.model
    def _create_once(self, vals_list, model="aftersales.settlement"):
        """Create what may be there only once; who else just did it is found by the next try.

        :raises ConcurrencyError: somebody else has created one of them at this moment
        """
        try:
            with self.env.cr.savepoint():
                # sudo: number, lines and figures follow from the records that this user sees
                return self.env[model].sudo().create(vals_list).with_env(self.env)
        except UniqueViolation as error:
            raise ConcurrencyError(str(error)) from error

    def _is_fileable(self, moment):
        """Tell whether the list may still be filed at ``moment``, naive UTC (M8.3)."""
        self.ensure_one()
        return not self.date_filing or moment <= self.date_filing

    def _check_filing_day(self, moment):
        """Raise UserError if the filing day was over at ``moment``, naive UTC (M8.9)."""
        self.ensure_one()
        if not self._is_fileable(moment):
            raise UserError(
                self.env._(
                    "%(settlement)s had to be filed until %(filing)s, and what is not filed by "
                    "then is forfeited (M8.9). If there is a good reason, ask customer service "
                    "for an exception.",
                    settlement=self.name,
                    filing=self.company_id._aftersales_format(self.date_filing),
                )
            )

    @api.model
    def _get_missing_domain(self, month):
        """Return the domain of lines that were not returned when an earlier month was closed.

        Or deducted, and a ruling has accepted the part since (L1.7).
        """
        return [
            "|",
            ("result", "=", "missing"),
            "&",
            ("result", "=", "deducted"),
            ("used_part_id.ruling_id", "!=", False),
            ("settlement_id.month", "<", month),
            ("settlement_id.state", "in", AGREED_STATES),
        ]

    @api.model
    def _find_late_tags(self, month, in_centers):
        """Return parts that were missing in an earlier month and have been accepted since (M8.4).

        The closed month stays as the center confirmed it; they are paid with ``month``. What a
        later list holds already is left out.
        """
        lines = self.env["aftersales.settlement.line"]
        tags = lines.search(
            Domain("company_id", "=", self.env.company.id)
            & Domain("used_part_id.result", "=", "accepted")
            & in_centers
            & Domain(self._get_missing_domain(month))
        ).used_part_id
        listed = lines.search([("used_part_id", "in", tags.ids)])
        return (
            tags - (listed - listed.filtered_domain(self._get_missing_domain(month))).used_part_id
        )

    def _add_lines(self, tags_by_settlement, assessments):
        """Add a line for each tag, with what the engine says of it (M8.1).

        :param dict tags_by_settlement: the tags to put on each list, all of them listable
        :param dict assessments: those of the engine, by replaced part
        """
        lines = self.env["aftersales.settlement.line"]
        self._create_lines(
            [
                (settlement, lines._prepare_vals(settlement, tag, assessments[tag.record_part_id]))
                for settlement, own in tags_by_settlement.items()
                for tag in own
            ]
        )
