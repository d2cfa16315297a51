from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain


class AftersalesApproval(models.Model):
    """One entry of the log of decisions: who asked, approved, refused, or what voided it.

    The log is append-only: nobody writes or deletes an entry, whatever the role. It tells no more
    than its documents: who may not see a document, sees no entry of it.
    """

    _name = "aftersales.approval"
    _description = "Approval"
    _order = "id desc"

    res_model = fields.Char("Model", required=True, readonly=True)
    res_id = fields.Many2oneReference("Record", model_field="res_model", required=True, readonly=True)
    round = fields.Integer(
        required=True, readonly=True, help="Each submission starts a new round of decisions."
    )
    step = fields.Char(required=True, readonly=True)
    label = fields.Char("Step name", compute="_compute_label")
    decision = fields.Selection(
        [
            ("submitted", "Submitted"),
            ("approved", "Approved"),
            ("refused", "Refused"),
            ("void", "Void"),
        ],
        required=True,
        readonly=True,
        help="Void: the content was changed afterwards, so the approval no longer holds.",
    )
    user_id = fields.Many2one("res.users", "Decided by", required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    note = fields.Text("Reason", readonly=True)
    regulation_id = fields.Many2one("aftersales.regulation", "Article", readonly=True)
    digest = fields.Char(
        "Content hash", readonly=True, help="SHA-256 of the content that was decided on."
    )

    _record_idx = models.Index("(res_model, res_id)")
    # the last line of defence when two people decide the same step at the same moment
    _decision_uniq = models.UniqueIndex(
        "(res_model, res_id, round, step) WHERE decision IN ('approved', 'refused')",
        "This step has just been decided by somebody else. Reload the page.",
    )

    @api.depends("res_model", "step")
    @api.depends_context("lang")
    def _compute_label(self):
        for approval in self:
            steps = []
            if approval.res_model in self.env:
                # sudo: which role a step asks for is no secret to whoever sees the decision
                record = self.env[approval.res_model].sudo().browse(approval.res_id)
                steps = record._get_approval_steps()
            labels = {step["code"]: step["label"] for step in steps}
            approval.label = labels.get(approval.step, False)

    def write(self, vals):
        raise UserError(self.env._("The approval log can't be changed."))

    def unlink(self):
        raise UserError(self.env._("The approval log can't be deleted."))

    @api.model
    def _search(self, domain, *args, bypass_access=False, **kwargs):
        if not (self.env.su or bypass_access):
            domain = Domain(domain) & self._get_document_domain()
        return super()._search(domain, *args, bypass_access=bypass_access, **kwargs)

    def _check_access(self, operation):
        result = super()._check_access(operation)
        if result or self.env.su or not self.ids:
            return result
        visible = self.sudo().search(Domain("id", "in", self.ids) & self._get_document_domain())
        forbidden = self.browse(self.ids) - visible
        if not forbidden:
            return None
        return forbidden, lambda: AccessError(
            self.env._("You can't see the decisions on a document that you can't see.")
        )

    @api.model
    def _get_document_domain(self):
        """Return the domain of the entries whose document the current user may read."""
        mixin = self.pool["aftersales.approval.mixin"]
        return Domain.OR(
            Domain("res_model", "=", name)
            & Domain("res_id", "in", self.env[name]._search([], active_test=False))
            for name, model in self.pool.items()
            if issubclass(model, mixin)
            and not model._abstract
            and self.env[name].has_access("read")
        )
