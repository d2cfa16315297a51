from odoo import fields, models


class AftersalesServiceRecord(models.Model):
    _inherit = "aftersales.service.record"

    used_part_ids = fields.One2many("aftersales.used.part", "record_id", "Used parts")
    used_part_count = fields.Integer(compute="_compute_used_part_count")

    def _compute_used_part_count(self):
        counts = dict(
            self.env["aftersales.used.part"]._read_group(
                [("record_id", "in", self.ids)], ["record_id"], ["__count"]
            )
        )
        for record in self:
            record.used_part_count = counts.get(record, 0)

    def _on_done(self):
        result = super()._on_done()
        # sudo: tags and their stock moves follow from the valid record; technicians have no
        # rights on stock.
        self.env["aftersales.used.part"].sudo()._create_from_records(self.sudo())
        return result

    def action_view_used_parts(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_parts.action_used_part")
        return {**action, "domain": [("record_id", "=", self.id)], "context": {}}
