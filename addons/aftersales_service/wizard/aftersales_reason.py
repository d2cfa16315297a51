from odoo import fields, models
from odoo.exceptions import AccessError, UserError


class AftersalesReason(models.TransientModel):
    """Asks for a reason and hands it to the action that needs one."""

    _name = "aftersales.reason"
    _description = "Reason"

    res_model = fields.Char(required=True, readonly=True)
    res_id = fields.Integer(required=True, readonly=True)
    res_ids = fields.Json("All records", readonly=True, help="If there are several.")
    method = fields.Char(required=True, readonly=True)
    reason = fields.Text(required=True)

    def _open(self, records, method, title):
        """Return the action that opens the window for ``records.method(reason)``."""
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": self._name,
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_res_model": records._name,
                "default_res_id": records[:1].id,
                "default_res_ids": records.ids,
                "default_method": method,
            },
        }

    def write(self, vals):
        # what has been opened is what is confirmed, whoever may write into the window meanwhile
        fixed = {"res_model", "res_id", "res_ids", "method"} & vals.keys()
        if any(window[name] != vals[name] for window in self for name in fixed):
            raise AccessError(self.env._("What this window does is fixed. Open it anew."))
        return super().write(vals)

    def action_confirm(self):
        """Perform the action with the reason given."""
        self.ensure_one()
        record = self.env[self.res_model].browse(self.res_ids or self.res_id)
        # the method's name comes from the client: only those that ask for a reason may be called
        if (
            not hasattr(record, "_get_reason_actions")
            or self.method not in record._get_reason_actions()
            or not hasattr(record, self.method)
        ):
            raise UserError(self.env._("This can't be done with a reason."))
        return getattr(record, self.method)(self.reason)
