from odoo import fields, models


class AftersalesChecklistItem(models.Model):
    """One thing to look at on the machine after a repair (M3.3)."""

    _name = "aftersales.checklist.item"
    _description = "Item of a checklist"
    _order = "checklist_id, sequence, id"

    checklist_id = fields.Many2one(
        "aftersales.checklist", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    section = fields.Char(translate=True, help="The part of the machine, such as “Brakes”.")
    name = fields.Char("What to check", required=True, translate=True)
    expected = fields.Char(translate=True, help="How it has to be, such as “No oil leaks”.")

    def _prepare_check_vals(self):
        """Return the values of the line by which a service record answers this item."""
        self.ensure_one()
        return {
            "sequence": self.sequence,
            "section": self.section,
            "name": self.name,
            "expected": self.expected,
        }
