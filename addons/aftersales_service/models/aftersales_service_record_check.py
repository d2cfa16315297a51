from odoo import fields, models


class AftersalesServiceRecordCheck(models.Model):
    """One answer of the check of the whole machine, in the words of that day (M3.3)."""

    _name = "aftersales.service.record.check"
    _description = "Check of the machine"
    _inherit = "aftersales.record.line.mixin"
    _order = "record_id, sequence, id"
    _record_field = "check_ids"

    sequence = fields.Integer(readonly=True)
    section = fields.Char(readonly=True)
    name = fields.Char("What to check", required=True, readonly=True)
    expected = fields.Char(readonly=True)
    result = fields.Selection(
        [("ok", "In order"), ("removed", "Fault removed"), ("left", "Fault left")],
        help="What is left is named on the print, and proposed as a further request.",
    )
    note = fields.Char(help="What was found. Needed where a fault is left.")

    def _get_protected_fields(self):
        # the questions come from the checklist, not from who answers them
        return super()._get_protected_fields() | {
            "record_id",
            "sequence",
            "section",
            "name",
            "expected",
        }

    def _get_signed_fields(self):
        return ["section", "name", "expected", "result", "note"]

    def _get_missing(self):
        """Return what is missing on this line, in words for the user."""
        self.ensure_one()
        if not self.result:
            return [self.env._("Checklist: %s", self.name)]
        if self.result == "left" and not (self.note or "").strip():
            return [self.env._("Checklist: what is left at “%s”", self.name)]
        return []
