from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.fields import Domain


class AftersalesSettlementGenerate(models.TransientModel):
    """Makes the settlements of a month, for some centers or all, with a progress bar (M8.3)."""

    _name = "aftersales.settlement.generate"
    _description = "Month-end"
    _inherit = "aftersales.progress.mixin"
    _step_model = "res.partner"
    # a second or so; what a step costs by itself is shared by more
    _step_size = 40

    month = fields.Date(
        required=True,
        default=lambda self: fields.Date.context_today(self) + relativedelta(months=-1, day=1),
        help="The month of the services. Any day of it will do.",
    )
    center_ids = fields.Many2many(
        "res.partner",
        string="Service centers",
        domain=[("is_service_center", "=", True)],
        help="Empty: all that have something to settle.",
    )

    kind = fields.Selection(
        lambda self: self.env["aftersales.settlement"]._fields["kind"].selection,
        "Only",
        help="Empty: parts and, made by a clerk, service fees.",
    )

    def _get_step_ids(self):
        """Return the centers that have something to settle and not on a list yet."""
        return self._find_centers().ids

    def _find_centers(self):
        self.ensure_one()
        settlements = self.env["aftersales.settlement"]
        return settlements._find_centers(
            self.month.replace(day=1), self.center_ids, self._get_kinds()
        )

    def _get_kinds(self):
        return [self.kind] if self.kind else None

    def _run_ids(self, ids):
        centers = self.env["res.partner"].browse(ids)
        problems = {}
        settlements = self.env["aftersales.settlement"]
        settlements._generate(self.month, centers, self._get_kinds(), problems=problems)
        return {center.id: texts for center, texts in problems.items()}

    def _get_nothing_message(self):
        return self.env._(
            "Nothing of this month is to be settled that isn't on a list yet: no valid service "
            "record has such parts or services."
        )

    def _get_finish_action(self):
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_settlement")
        domain = Domain("month", "=", self.month.replace(day=1))
        domain &= Domain("state", "!=", "cancelled")
        if self.center_ids:
            domain &= Domain("center_id", "in", self.center_ids.ids)
        return {**action, "domain": list(domain), "context": {}}
