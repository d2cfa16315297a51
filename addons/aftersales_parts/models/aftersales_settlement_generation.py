from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list

from .aftersales_settlement import AGREED_STATES


class AftersalesSettlement(models.Model):
    """What a month holds: its lines, from the valid service records (M8.1, M8.3)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _generate(self, month, centers=None, kinds=None, moment=None):
        """Return the settlements of ``month``, made or completed from the valid service records.

        Safe to run again: a part is settled once, drafts are completed, others left alone; what
        they left out is said in their chatter.

        :param date month: any day of the month of the services
        :param centers: the service centers; default all that have something to settle
        :param kinds: the kinds of lists to make; default all
        :param datetime moment: as of when, naive UTC; default now
        :raises UserError: a part has no wholesale price on its day of service (M8.1)
        """
        if kinds and "parts" not in kinds:
            return self.browse()
        month = month.replace(day=1)
        moment = moment or fields.Datetime.now()
        company = self.env.company
        in_centers = [("center_id", "in", centers.ids)] if centers else []
        tags = self.env["aftersales.used.part"].search(
            [
                ("company_id", "=", company.id),
                ("record_id.state", "=", "done"),
                ("date_removed", ">=", month),
                ("date_removed", "<", month + relativedelta(months=1)),
                *self.env["aftersales.used.part"]._get_claimable_domain(),
                *in_centers,
            ],
            order="name",
        )
        late = self._find_late_tags(month, in_centers)
        tags = (tags | late) - self._find_settled_tags(tags | late, month)
        existing = self.search(
            [
                ("company_id", "=", company.id),
                ("month", "=", month),
                ("kind", "=", "parts"),
                ("direction", "=", "payable"),
                ("state", "!=", "cancelled"),
                *in_centers,
            ]
        )
        by_center = {settlement.center_id: settlement for settlement in existing}
        new_centers = tags.center_id.filtered(lambda c: c not in by_center)
        created = self.create([{"center_id": c.id, "month": month} for c in new_centers])
        by_center.update({settlement.center_id: settlement for settlement in created})
        for center, center_tags in tags.grouped("center_id").items():
            settlement = by_center[center]
            if settlement.state == "draft" and settlement._is_fileable(moment):
                settlement._add_lines(center_tags)
            elif left_out := center_tags - late:
                settlement._note_left_out(left_out)
        return existing | created

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

        The closed month stays as the center confirmed it; they are paid with ``month``.
        """
        return (
            self.env["aftersales.settlement.line"]
            .search(
                [
                    ("company_id", "=", self.env.company.id),
                    ("used_part_id.result", "=", "accepted"),
                    *in_centers,
                    *self._get_missing_domain(month),
                ]
            )
            .used_part_id
        )

    @api.model
    def _find_settled_tags(self, tags, month):
        """Return those of ``tags`` that a settlement holds or has paid or refused already."""
        lines = self.env["aftersales.settlement.line"].search([("used_part_id", "in", tags.ids)])
        missing = lines.filtered_domain(self._get_missing_domain(month)).filtered(
            lambda line: line.used_part_id.result == "accepted"
        )
        return (lines - missing).used_part_id

    def _note_left_out(self, tags):
        """Say in the chatter which parts came too late for this list and what they claim (M8.3)."""
        self.ensure_one()
        assessments = self.env["aftersales.settlement.line"]._assess_parts(tags.record_part_id)
        listable = tags.filtered(lambda tag: assessments[tag.record_part_id]["is_listable"])
        claimed = sum(assessments[tag.record_part_id]["amount_claimed"] for tag in listable)
        self.message_post(
            body=self.env._(
                "Left out, because this settlement is no longer a draft: %(tags)s. They would "
                "claim %(claimed)s. As long as it is not confirmed, cancel it and generate it "
                "again to take them in.",
                tags=format_list(self.env, tags.mapped("name")),
                claimed=self.currency_id.format(claimed),
            )
        )

    def _add_lines(self, tags):
        """Add a line for each tag, with what the engine says of it (M8.1).

        :raises UserError: a part can't be claimed: it has no wholesale price, for instance
        """
        self.ensure_one()
        lines = self.env["aftersales.settlement.line"]
        assessments = lines._assess_parts(tags.record_part_id)
        refused = tags.filtered(lambda tag: not assessments[tag.record_part_id]["is_listable"])
        if refused:
            raise UserError(
                self.env._(
                    "These parts can't be claimed as they stand:\n%s",
                    "\n".join(
                        f"• {tag.name}: {sentence}"
                        for tag in refused
                        for sentence in assessments[tag.record_part_id]["obstacles"]
                    ),
                )
            )
        # sudo: lines hold only figures that the system computes; nobody writes them
        lines.sudo().create(
            [lines._prepare_vals(self, tag, assessments[tag.record_part_id]) for tag in tags]
        )
