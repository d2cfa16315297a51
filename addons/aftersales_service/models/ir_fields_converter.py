from odoo import api, models


class IrFieldsConverter(models.AbstractModel):
    _inherit = "ir.fields.converter"

    @api.model
    def db_id_for(self, model, field, subfield, value, savepoint):
        # core looks every cell up anew; a file names few products, and each many times
        known = self.env.context.get("aftersales_import_ids")
        if known is None or model._name != "aftersales.warranty.card":
            return super().db_id_for(model, field, subfield, value, savepoint)
        key = (field.name, subfield, value)
        if key not in known:
            known[key] = super().db_id_for(model, field, subfield, value, savepoint)
        return known[key]
