from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AftersalesComplaintEntry(models.AbstractModel):
    """What hangs on a complaint: who may not see the complaint sees none of it."""

    _name = "aftersales.complaint.entry"
    _description = "Entry on a complaint"
    _inherit = "aftersales.document.entry"

    @api.model
    def _get_document_domain(self):
        complaints = self.env["aftersales.complaint"]
        if not complaints.has_access("read"):
            return Domain.FALSE
        return Domain("complaint_id", "in", complaints._search([]))

    @api.model_create_multi
    def create(self, vals_list):
        entries = super().create(vals_list)
        if not self.env.su:
            entries.complaint_id.check_access("write")
        entries._check_complaint_open()
        return entries

    def _check_complaint_open(self):
        """Raise UserError if the complaint is closed: what is on it then stays as it is."""
        for complaint in self.complaint_id:
            if complaint.state in ("closed", "cancelled"):
                raise UserError(
                    self.env._(
                        "%s is closed. Customer service can reopen it with a reason.",
                        complaint.name,
                    )
                )
