from odoo import api, fields, models
from odoo.exceptions import UserError


class AftersalesApproval(models.Model):
    """One entry of the log of decisions: who asked, approved, refused, or what voided it.

    The log is append-only: nobody writes or deletes an entry, whatever the role.
    """

    _name = "aftersales.approval"
    _description = "Approval"
    _inherit = "aftersales.document.entry"
    _document_mixin = "aftersales.approval.mixin"
    _order = "id desc"

    res_model = fields.Char("Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        "Record", model_field="res_model", required=True, readonly=True
    )
    record_name = fields.Char("Document", compute="_compute_record_name")
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
    user_id = fields.Many2one(
        "res.users", "Decided by", required=True, readonly=True, ondelete="restrict"
    )
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    note = fields.Text("Reason", readonly=True)
    # restrict: deleting the article would change the entry
    regulation_id = fields.Many2one(
        "aftersales.regulation", "Article", readonly=True, ondelete="restrict"
    )
    digest = fields.Char(
        "Content hash", readonly=True, help="SHA-256 of the content that was decided on."
    )

    _record_idx = models.Index("(res_model, res_id)")
    # the last line of defence when two people decide the same step at the same moment
    _decision_uniq = models.UniqueIndex(
        "(res_model, res_id, round, step) WHERE decision IN ('approved', 'refused')",
        "This step has just been decided by somebody else. Reload the page.",
    )

    @api.depends("res_model", "res_id")
    def _compute_record_name(self):
        for model, entries in self.grouped("res_model").items():
            names = {}
            if model in self.env:
                # sudo: whoever sees the entry may see its document
                records = self.env[model].sudo().browse(entries.mapped("res_id")).exists()
                names = {record.id: record.display_name for record in records}
            for entry in entries:
                entry.record_name = names.get(entry.res_id, False)

    @api.depends("res_model", "step")
    @api.depends_context("lang")
    def _compute_label(self):
        for model, entries in self.grouped("res_model").items():
            if model not in self.env:
                entries.label = False
                continue
            # sudo: which role a step asks for is no secret to whoever sees the decision
            documents = self.env[model].sudo().browse(entries.mapped("res_id"))
            for entry, document in zip(entries, documents, strict=True):
                labels = {step["code"]: step["label"] for step in document._get_approval_steps()}
                entry.label = labels.get(entry.step, False)

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("The approval log can't be changed."))

    # not `ondelete`: a key in the context skips these, as does the update of a module that an
    # external identifier puts the entry in
    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("The approval log can't be deleted."))  # pylint: disable=no-raise-unlink
