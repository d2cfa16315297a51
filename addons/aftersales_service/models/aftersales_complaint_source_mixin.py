from odoo import api, fields, models


class AftersalesComplaintSourceMixin(models.AbstractModel):
    """Documents from which a complaint is registered (M12)."""

    _name = "aftersales.complaint.source.mixin"
    _description = "Document with complaints"

    # name of the complaint's many2one to the document, set by each model
    _complaint_link = None

    complaint_count = fields.Integer("Number of complaints", compute="_compute_complaint_count")

    @api.depends_context("uid")
    def _compute_complaint_count(self):
        complaints = self.env["aftersales.complaint"]
        counts = {}
        # as the user: a complaint that he may not see doesn't count for him either
        if complaints.has_access("read"):
            counts = dict(
                complaints._read_group(
                    [(self._complaint_link, "in", self.ids)], [self._complaint_link], ["__count"]
                )
            )
        for document in self:
            document.complaint_count = counts.get(document, 0)

    def action_new_complaint(self):
        """Register a complaint about this document; what it tells is filled in (C3, M12)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New complaint"),
            "res_model": "aftersales.complaint",
            "views": [(False, "form")],
            "context": {f"default_{self._complaint_link}": self.id},
        }

    def action_view_complaints(self):
        """Open the complaints about this document."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_service.action_complaint"
        )
        return {**action, "domain": [(self._complaint_link, "=", self.id)], "context": {}}
