from odoo import models


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
