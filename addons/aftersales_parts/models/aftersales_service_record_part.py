from odoo import fields, models


class AftersalesServiceRecordPart(models.Model):
    _inherit = "aftersales.service.record.part"

    used_part_ids = fields.One2many("aftersales.used.part", "record_part_id", "Used parts")

    def _get_missing(self):
        missing = super()._get_missing()
        if self.disposition == "scrap" and not self.product_id.part_class_id.scrap_allowed:
            missing.append(
                self.env._(
                    "“%s” may not be scrapped on the spot: it has to come back",
                    self.product_id.display_name,
                )
            )
        return missing
