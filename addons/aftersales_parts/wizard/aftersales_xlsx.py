from odoo import fields, models
from odoo.exceptions import AccessError, UserError


class AftersalesXlsx(models.TransientModel):
    """Which list of which records a user is about to download as a workbook."""

    _name = "aftersales.xlsx"
    _description = "Download of a list"

    res_model = fields.Char(required=True, readonly=True)
    res_ids = fields.Json(required=True, readonly=True)
    code = fields.Char(required=True, readonly=True)

    def _get_records(self):
        """Return the records that are to be listed, as far as the user may read them.

        :raises AccessError: somebody else's download, or records that the user may not read
        :raises UserError: nothing that can be listed
        """
        self.ensure_one()
        if self.create_uid != self.env.user:
            raise AccessError(self.env._("This list was asked for by somebody else."))
        model = self.env.get(self.res_model)
        if (
            not isinstance(model, self.env.registry["aftersales.xlsx.mixin"])
            or self.code not in model._get_xlsx_titles()
            or not isinstance(self.res_ids, list)
            or any(type(number) is not int for number in self.res_ids)
        ):
            raise UserError(self.env._("There is no such list."))
        records = model.browse(self.res_ids).exists()
        records.check_access("read")
        return records
