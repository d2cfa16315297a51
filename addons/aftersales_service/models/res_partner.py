from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResPartner(models.Model):
    _inherit = "res.partner"

    is_service_center = fields.Boolean(
        "Service center", help="Repairs under warranty on the company's account (L3)."
    )
    is_regional_office = fields.Boolean(
        "Regional office", help="Supervises the service centers and dealers of its region."
    )
    aftersales_region_id = fields.Many2one(
        "aftersales.region", "After-sales region", index="btree_not_null"
    )
    aftersales_parent_id = fields.Many2one(
        "res.partner",
        "Responsible above",
        index="btree_not_null",
        help="Who answers for after-sales one level up: office for a dealer store, store for a "
        "distributor (L1.5).",
    )
    warranty_card_ids = fields.One2many(
        "aftersales.warranty.card",
        "partner_id",
        "Warranty cards",
        groups="aftersales_service.group_user",
    )
    warranty_card_count = fields.Integer(
        compute="_compute_aftersales_counts", groups="aftersales_service.group_user"
    )
    aftersales_request_count = fields.Integer(
        compute="_compute_aftersales_counts", groups="aftersales_service.group_user"
    )

    @api.constrains("aftersales_parent_id")
    def _check_aftersales_parent_id(self):
        if self._has_cycle("aftersales_parent_id"):
            raise ValidationError(
                self.env._("Nobody can be responsible above themselves: choose another partner.")
            )

    def _compute_aftersales_counts(self):
        cards = dict(
            self.env["aftersales.warranty.card"]._read_group(
                [("partner_id", "in", self.ids)], ["partner_id"], ["__count"]
            )
        )
        requests = self.env["aftersales.request"]
        by_customer = dict(
            requests._read_group([("partner_id", "in", self.ids)], ["partner_id"], ["__count"])
        )
        by_center = dict(
            requests._read_group([("center_id", "in", self.ids)], ["center_id"], ["__count"])
        )
        for partner in self:
            partner.warranty_card_count = cards.get(partner, 0)
            partner.aftersales_request_count = by_customer.get(partner, 0) + by_center.get(
                partner, 0
            )

    def action_view_warranty_cards(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_warranty_card"
        )
        return {**action, "domain": [("partner_id", "=", self.id)], "context": {}}

    def action_view_aftersales_requests(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_request")
        return {
            **action,
            "domain": ["|", ("partner_id", "=", self.id), ("center_id", "=", self.id)],
            "context": {},
        }
