from odoo import api, models


class AftersalesApprovalLineMixin(models.AbstractModel):
    """Lines of an approved document: touching what was approved voids the approval."""

    _name = "aftersales.approval.line.mixin"
    _inherit = "aftersales.workflow.mixin"
    _description = "Line of an approved document"

    # name of the many2one to the document, set by each model
    _approval_document = None

    def _get_protected_fields(self):
        return set()

    def _get_approved_line_fields(self):
        """Return the names of the lines' fields that belong to the approved content."""
        document = self.env[self._fields[self._approval_document].comodel_name]
        specs = [spec for spec in document._get_approval_content().values() if spec]
        return {self._approval_document}.union(*specs)

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._touch_documents(lines[self._approval_document])
        return lines

    def _touch_documents(self, documents):
        documents._note_content_author()
        documents._void_changed_approval()

    def write(self, vals):
        if not self._get_approved_line_fields() & vals.keys():
            return super().write(vals)
        documents = self[self._approval_document]
        result = super().write(vals)
        self._touch_documents(documents | self[self._approval_document])
        return result

    def unlink(self):
        documents = self[self._approval_document]
        result = super().unlink()
        self._touch_documents(documents)
        return result
