from odoo import api, models
from odoo.exceptions import AccessError
from odoo.fields import Domain


class AftersalesApproval(models.Model):
    """The log tells no more than its documents: who may not see a plan, sees no entry of it.

    Without this, an entry of the log would tell the office of a surprise audit (L4.4).
    """

    _inherit = "aftersales.approval"

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
