from odoo import api, fields, models


class AftersalesSettlement(models.Model):
    """Takes in what earlier lists have to be corrected by (M8.4, L1.7)."""

    _inherit = "aftersales.settlement"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _generate(self, month, centers=None, kinds=None, moment=None, **options):
        settlements = super()._generate(month, centers, kinds, moment=moment, **options)
        settlements |= self._create_for_corrections(
            month.replace(day=1), centers, kinds, moment or fields.Datetime.now()
        )
        # sudo: lines hold only figures that the system computes; nobody writes them
        settlements.sudo()._add_corrections()
        return settlements

    @api.model
    def _create_for_corrections(self, month, centers, kinds, moment):
        """Return new lists for what is to be paid to centers that have no list of the month.

        :param datetime moment: after the filing day no list of parts is made, naive UTC
        """
        company = self.env.company
        makeable = set()
        if moment <= self._get_filing_day(company, month):
            makeable.add("parts")
        # M9.1: what the centers are paid for services is listed by the company
        if self.env.su or self.env.user.has_group("aftersales_service.group_clerk"):
            makeable.add("service")
        # sudo: what is still owed to a center is listed, whoever generates the month
        waiting = (
            self.env["aftersales.settlement.correction"]
            .sudo()
            .search(
                [
                    ("company_id", "=", company.id),
                    ("state", "=", "waiting"),
                    ("amount_rest", ">", 0),
                    ("origin_line_id.settlement_id.month", "<", month),
                    *([("center_id", "in", centers.ids)] if centers else []),
                ]
            )
        )
        wanted = {
            (correction.center_id, correction.origin_line_id.settlement_id.kind)
            for correction in waiting
        }
        listed = self.sudo().search(
            [
                ("company_id", "=", company.id),
                ("month", "=", month),
                ("direction", "=", "payable"),
                ("state", "!=", "cancelled"),
                ("center_id", "in", waiting.center_id.ids),
            ]
        )
        wanted -= {(settlement.center_id, settlement.kind) for settlement in listed}
        # what a center was paid is corrected by what it is paid, whoever pays it by now
        return self._create_once(
            [
                {
                    **self._prepare_list_vals(center, month, self.browse(), kind),
                    "direction": "payable",
                }
                for center, kind in sorted(wanted, key=lambda key: (key[0].id, key[1]))
                if kind in makeable and (not kinds or kind in kinds)
            ]
        )

    def _add_corrections(self):
        """Put on these drafts what waits for their centers, as far as they bear it (M8.4)."""
        drafts = self.filtered(lambda s: s.state == "draft" and s.direction == "payable")
        waiting = self.env["aftersales.settlement.correction"].search(
            [
                ("company_id", "in", drafts.company_id.ids),
                ("center_id", "in", drafts.center_id.ids),
                ("state", "=", "waiting"),
            ]
        )
        vals_list = []
        for correction in waiting:
            origin = correction.origin_line_id.settlement_id
            fitting = drafts.filtered(
                lambda s, c=correction, o=origin: (
                    (s.company_id, s.center_id, s.kind) == (c.company_id, c.center_id, o.kind)
                    and s.month >= o.month
                )
            )
            if fitting:
                vals_list.append(correction._prepare_line_vals(fitting[0], correction.amount_rest))
        self.env["aftersales.settlement.line"].create(vals_list)
        drafts.line_ids._cap_corrections()

    def _note_corrections(self):
        """Say where it is needed that these lists, now agreed on, have corrected others."""
        # sudo: who confirms the list need not see what it corrects
        self.sudo().line_ids.correction_id._note_settled()
