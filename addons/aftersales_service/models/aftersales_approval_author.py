from odoo import fields, models


class AftersalesApprovalAuthor(models.Model):
    """Who, besides its creator, wrote on the content of a document that is approved.

    Kept apart from the document, so that writing on it costs no more for everybody else, and
    apart from the log, which holds decisions. Twice the same is harmless.
    """

    _name = "aftersales.approval.author"
    _description = "Author of an approved document"
    _inherit = "aftersales.document.entry"
    _document_mixin = "aftersales.approval.mixin"
    _rec_name = "user_id"

    res_model = fields.Char("Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        "Record", model_field="res_model", required=True, readonly=True
    )
    user_id = fields.Many2one(
        "res.users", "Worked on by", required=True, readonly=True, ondelete="cascade"
    )

    _record_idx = models.Index("(res_model, res_id)")
