from odoo import models
from odoo.exceptions import UserError


class AftersalesReturnLine(models.Model):
    """What a final ruling for the sender changes on a return (L1.7)."""

    _inherit = "aftersales.return.line"  # pylint: disable=consider-merging-classes-inherited

    def _accept_by_ruling(self, dispute):
        """Let what was refused count as accepted, and answer anew what is answered (L2.10)."""
        # what is lost was not inspected
        arrived = self.filtered("is_received")
        arrived._write_protected(
            {
                "verdict": "accept",
                "deduction_reason_id": False,
                "quantity_refused": 0,
                "note": f"{dispute.name}: {dispute.ruling}",
                "is_complete": True,
                # what followed from the verdict
                "outcome": False,
                "outcome_refused": False,
            }
        )
        arrived._log_inspection("ruling")
        arrived._propose_outcome()
        for document, lines in self.grouped("return_id").items():
            document._note_ruled(lines, dispute)

    # --- defective goods -------------------------------------------------------------------

    def _get_goods_to_rule(self):
        """Return the refused goods of which a ruling can have some accepted.

        Not what went back to its sender, or is on its way there: it has to come again.
        """
        return self.filtered(
            lambda line: not line.used_part_id
            and line.is_verified
            and line.quantity_refused > 0
            and not line._is_sent_back()
        )

    def _is_sent_back(self):
        return self.outcome_refused == "return" and self._is_live(self.back_move_id)

    def _accept_goods_by_ruling(self, dispute, quantities):
        """Let goods of one return count as accepted; what is answered already is credited (L2.9).

        :param dict quantities: by line, in its unit, at most what was refused
        """
        document = self.return_id
        document._lock_for_action()
        self._check_no_objection()
        answered = self.filtered("date_answered")
        for line in self:
            quantity = quantities[line]
            compare = line.product_id.uom_id.compare
            rest = line.quantity_refused - quantity
            if compare(quantity, 0) <= 0 or compare(rest, 0) < 0:
                raise UserError(
                    self.env._(
                        "“%(product)s”: between 0 and the %(refused)g refused can be accepted.",
                        product=line.display_name,
                        refused=line.quantity_refused,
                    )
                )
            vals = {"quantity_refused": rest, "note": f"{dispute.name}: {dispute.ruling}"}
            if compare(rest, 0) == 0:
                vals |= {"quantity_refused": 0, "verdict": "accept", "deduction_reason_id": False}
                vals["outcome_refused"] = False
            if line in answered:
                vals["outcome"] = "credit"
                if line.outcome_refused == "scrap":
                    vals["quantity_disposed"] = line.quantity_disposed + quantity
            elif not line.quantity_accepted:
                vals["outcome"] = False
            line._write_protected(vals)
        self._log_inspection("ruling")
        (self - answered)._propose_outcome()
        answered.filtered(lambda line: line._lacks_credit())._credit()
        document._note_ruled(self, dispute)
