from odoo import fields, models
from odoo.tools import SQL

from .aftersales_settlement import AGREED_STATES


class AftersalesSettlementReport(models.Model):
    """What was claimed, and what became of every yuan of it (M8.3–M8.9, M9.1).

    One row per settlement, result and deduction reason, for the amounts of the lines; and one per
    agreed settlement, for what of it was invoiced. Of all lines together, what was claimed is
    what was forfeited, deducted and confirmed, and what is not agreed on yet.
    """

    _name = "aftersales.settlement.report"
    _description = "Settlement analysis"
    _regulations = ("M8.4", "M8.6", "M8.9")
    _auto = False
    _order = "month desc, settlement_id desc, id"
    _rec_name = "settlement_id"
    _depends = {
        "aftersales.fapiao": ["bill_id"],
        "aftersales.fapiao.match": ["amount", "fapiao_id", "settlement_id"],
        "aftersales.settlement": [
            "amount_difference",
            "amount_invoiced",
            "center_id",
            "company_id",
            "direction",
            "kind",
            "month",
            "region_id",
            "state",
        ],
        "aftersales.settlement.line": [
            "amount_claimed",
            "amount_deducted",
            "amount_payable",
            "deduction_reason_id",
            "kind",
            "origin_line_id",
            "result",
            "settlement_id",
            "used_part_id",
        ],
        "res.company": ["currency_id"],
    }

    settlement_id = fields.Many2one("aftersales.settlement", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    month = fields.Date(readonly=True, help="The month of the services.")
    center_id = fields.Many2one("res.partner", "Service center", readonly=True)
    region_id = fields.Many2one("aftersales.region", "Region", readonly=True)
    direction = fields.Selection(
        selection=lambda self: self._get_selection("aftersales.settlement", "direction"),
        readonly=True,
    )
    kind = fields.Selection(
        selection=lambda self: self._get_selection("aftersales.settlement", "kind"), readonly=True
    )
    state = fields.Selection(
        selection=lambda self: self._get_selection("aftersales.settlement", "state"),
        string="Status",
        readonly=True,
    )
    result = fields.Selection(
        selection=lambda self: self._get_selection("aftersales.settlement.line", "result"),
        readonly=True,
        help="Of the lines; empty on what was invoiced, which has no lines.",
    )
    deduction_reason_id = fields.Many2one(
        "aftersales.deduction.reason", "Deduction reason", readonly=True
    )
    amount_claimed = fields.Monetary("Claimed", readonly=True)
    amount_open = fields.Monetary(
        "Not agreed yet",
        readonly=True,
        help="Of lists that are not confirmed yet: what is payable, or claimed while it is not "
        "verified.",
    )
    amount_forfeited = fields.Monetary("Forfeited", readonly=True, help="Not filed in time (M8.9).")
    amount_deducted = fields.Monetary(
        "Deducted", readonly=True, help="Claimed and not paid, as far as it is verified (M8.4)."
    )
    amount_paid_later = fields.Monetary(
        "Deducted, paid later",
        readonly=True,
        help="What of the deducted amount a later list has paid after all: the part arrived, or it "
        "was ruled so. The later list claims it once more.",
    )
    amount_confirmed = fields.Monetary("Confirmed", readonly=True)
    amount_invoiced = fields.Monetary(
        "Amount invoiced",
        readonly=True,
        help="Fapiao that were matched to confirmed settlements (M8.6).",
    )
    amount_matched = fields.Monetary(
        "Matched, not in the books",
        readonly=True,
        help="Fapiao that are matched and wait to be reconciled (M8.6).",
    )
    amount_missing = fields.Monetary(
        "Fapiao missing",
        readonly=True,
        help="Confirmed, while the fapiao is still to come: none is matched.",
    )

    def _get_selection(self, model, name):
        return self.env[model]._fields[name]._description_selection(self.env)

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT part.id,
                   part.settlement_id,
                   part.result,
                   part.deduction_reason_id,
                   part.amount_claimed,
                   part.amount_open,
                   part.amount_forfeited,
                   part.amount_deducted,
                   part.amount_paid_later,
                   part.amount_confirmed,
                   part.amount_invoiced,
                   part.amount_matched,
                   part.amount_missing,
                   settlement.company_id,
                   company.currency_id,
                   settlement.month,
                   settlement.center_id,
                   settlement.region_id,
                   settlement.direction,
                   settlement.kind,
                   settlement.state
              FROM (%(lines)s UNION ALL %(invoiced)s) part
              JOIN aftersales_settlement settlement ON settlement.id = part.settlement_id
              JOIN res_company company ON company.id = settlement.company_id
             WHERE settlement.state != 'cancelled'
            """,
            lines=self._get_lines_query(),
            invoiced=self._get_invoiced_query(),
        )

    def _get_lines_query(self):
        agreed = SQL("settlement.state IN %s", AGREED_STATES)
        forfeited = SQL("line.result = 'forfeited'")
        return SQL(
            """
            SELECT 2 * min(line.id) AS id,
                   line.settlement_id,
                   line.result,
                   line.deduction_reason_id,
                   sum(line.amount_claimed) AS amount_claimed,
                   sum(CASE WHEN %(agreed)s OR %(forfeited)s THEN 0
                            WHEN line.result = 'open' THEN line.amount_claimed
                            ELSE line.amount_payable END) AS amount_open,
                   sum(CASE WHEN %(forfeited)s THEN line.amount_claimed ELSE 0 END)
                       AS amount_forfeited,
                   sum(coalesce(line.amount_deducted, 0)) AS amount_deducted,
                   sum(coalesce(later.amount, 0)) AS amount_paid_later,
                   sum(CASE WHEN %(agreed)s THEN line.amount_payable ELSE 0 END)
                       AS amount_confirmed,
                   0::numeric AS amount_invoiced,
                   0::numeric AS amount_matched,
                   0::numeric AS amount_missing
              FROM aftersales_settlement_line line
              JOIN aftersales_settlement settlement ON settlement.id = line.settlement_id
         LEFT JOIN LATERAL (%(later)s) later ON line.amount_deducted > 0 AND %(agreed)s
          GROUP BY line.settlement_id, line.result, line.deduction_reason_id, settlement.state
            """,
            agreed=agreed,
            forfeited=forfeited,
            later=self._get_later_query(),
        )

    def _get_later_query(self):
        """Return what later lists paid of what ``line`` claimed and was not paid."""
        return SQL(
            """
            SELECT least(line.amount_deducted, coalesce(sum(other.amount_payable), 0)) AS amount
              FROM aftersales_settlement_line other
              JOIN aftersales_settlement paid ON paid.id = other.settlement_id
             WHERE other.id > line.id
               AND (other.origin_line_id = line.id
                    OR other.kind = 'part' AND other.used_part_id = line.used_part_id)
               AND other.amount_payable > 0
               AND paid.state IN %s
            """,
            AGREED_STATES,
        )

    def _get_invoiced_query(self):
        return SQL(
            """
            SELECT 2 * settlement.id + 1,
                   settlement.id,
                   NULL::varchar,
                   NULL::int,
                   0::numeric,
                   0::numeric,
                   0::numeric,
                   0::numeric,
                   0::numeric,
                   0::numeric,
                   coalesce(settlement.amount_invoiced, 0),
                   coalesce(matched.amount, 0),
                   coalesce(settlement.amount_difference, 0)
              FROM aftersales_settlement settlement
         LEFT JOIN (SELECT match.settlement_id, sum(match.amount) AS amount
                      FROM aftersales_fapiao_match match
                      JOIN aftersales_fapiao fapiao ON fapiao.id = match.fapiao_id
                     WHERE fapiao.bill_id IS NULL
                  GROUP BY match.settlement_id) matched ON matched.settlement_id = settlement.id
             WHERE settlement.state IN %s
            """,
            AGREED_STATES,
        )

    def action_open(self):
        """Open the settlement of the row."""
        self.ensure_one()
        return self.settlement_id._get_records_action(name=self.env._("Settlement"))
