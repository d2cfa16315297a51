from odoo import fields, models

from ..models.aftersales_entitlement_mixin import VERDICTS


class AftersalesEntitlementLine(models.TransientModel):
    """What holds for one component on the day that was asked for."""

    _name = "aftersales.entitlement.line"
    _description = "Entitlement of a component"

    entitlement_id = fields.Many2one("aftersales.entitlement", ondelete="cascade")
    name = fields.Char("Component", readonly=True)
    verdict = fields.Selection(
        VERDICTS,
        readonly=True,
    )
    reason = fields.Char(readonly=True)
    date_end = fields.Date("Until", readonly=True)
    hour_limit = fields.Float("Operating hours", readonly=True)
    regulation_id = fields.Many2one("aftersales.regulation", "Article", readonly=True)
