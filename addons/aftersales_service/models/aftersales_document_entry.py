from odoo import api, models
from odoo.exceptions import AccessError
from odoo.fields import Domain


class AftersalesDocumentEntry(models.AbstractModel):
    """Entries about documents of other models, which tell no more than these documents.

    Who may not see a document sees no entry of it: not by search, count, group or id. Otherwise
    an entry would tell one center of another's return, or an office of a surprise audit.
    """

    _name = "aftersales.document.entry"
    _inherit = "aftersales.given.mixin"
    _description = "Entry about a document"

    # the mixin of the models that can have such entries, set by each model
    _document_mixin = None

    @api.model
    def _search(self, domain, *args, bypass_access=False, **kwargs):
        if not (self.env.su or bypass_access):
            domain = Domain(domain) & self._get_document_domain()
        return super()._search(domain, *args, bypass_access=bypass_access, **kwargs)

    def _check_access(self, operation):
        result = super()._check_access(operation)
        if self.env.su or not self.ids:
            return result
        visible = self.sudo().search(Domain("id", "in", self.ids) & self._get_document_domain())
        hidden = self.browse(self.ids) - visible
        if not hidden:
            return result
        # what the rules forbid by themselves comes on top
        forbidden = hidden | result[0] if result else hidden
        return forbidden, lambda: AccessError(
            self.env._("You can't see the entries of a document that you can't see.")
        )

    @api.model
    def _get_document_domain(self):
        """Return the domain of the entries whose document the current user may read."""
        mixin = self.pool[self._document_mixin]
        return Domain.OR(
            Domain("res_model", "=", name)
            & Domain("res_id", "in", self.env[name]._search([], active_test=False))
            for name, model in self.pool.items()
            if issubclass(model, mixin)
            and not model._abstract
            and self.env[name].has_access("read")
        )
