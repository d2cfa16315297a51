from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesDisputeMixin(models.AbstractModel):
    """Documents that a customer can dispute: their disputes, and the way to open one (L1.7)."""

    _name = "aftersales.dispute.mixin"
    _description = "Document that can be disputed"

    # the field of a dispute that names this kind of document, set by each model
    _dispute_field = None

    dispute_count = fields.Integer(compute="_compute_dispute_count")

    def _compute_dispute_count(self):
        name = self._dispute_field
        disputes = self.env["aftersales.dispute"]
        counts = {}
        # an accountant, say, sees documents but no disputes
        if disputes.has_access("read"):
            counts = dict(disputes._read_group([(name, "in", self.ids)], [name], ["__count"]))
        for document in self:
            document.dispute_count = counts.get(document, 0)

    @api.model
    def _get_open_disputes_domain(self):
        return [("state", "in", ("new", "mediation", "escalated"))]

    def _get_open_disputes(self):
        """Return the disputes about these documents that are neither settled nor ruled on."""
        # sudo: a dispute that this user doesn't see holds the document as well
        return (
            self.env["aftersales.dispute"]
            .sudo()
            .search([(self._dispute_field, "in", self.ids), *self._get_open_disputes_domain()])
        )

    def _check_undisputed(self):
        """Raise UserError while a dispute about one of the documents is open (L1.7)."""
        if dispute := self._get_open_disputes()[:1]:
            raise UserError(
                self.env._(
                    "%(document)s stays while the dispute %(dispute)s about it is open.",
                    document=dispute[self._dispute_field].display_name,
                    dispute=dispute.name,
                )
            )

    def action_new_dispute(self):
        """Open a new dispute about this document."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New dispute"),
            "res_model": "aftersales.dispute",
            "views": [(False, "form")],
            "context": {f"default_{self._dispute_field}": self.id},
        }

    def action_view_disputes(self):
        """Show the disputes about this document."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("aftersales_service.action_dispute")
        return {**action, "domain": [(self._dispute_field, "=", self.id)], "context": {}}
