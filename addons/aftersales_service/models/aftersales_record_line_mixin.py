from odoo import api, fields, models


class AftersalesRecordLineMixin(models.AbstractModel):
    """Lines of a service record that the customer signs with it (M3.4).

    A line of a closed record stays as it is; a change of a signed one voids the signature.
    """

    _name = "aftersales.record.line.mixin"
    _inherit = "aftersales.workflow.mixin"
    _description = "Line of a service record"

    # the field of the record that holds these lines
    _record_field = None
    # whether figures of the record follow from these lines
    _changes_record = True

    record_id = fields.Many2one(
        "aftersales.service.record", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="record_id.company_id", store=True)
    state = fields.Selection(related="record_id.state")

    @api.model
    def _get_signed_fields(self):
        """Return the fields that are part of what the customer signs."""
        return []

    def _get_missing(self):
        """Return what is missing on this line, in words for the user."""
        self.ensure_one()
        return []

    def _check_records_open(self, records):
        """Raise UserError if one of ``records`` is closed, and keep them open until the end.

        Lines that change nothing on the record itself don't wait for each other, so that several
        photos are uploaded at once; a signature that they void changes it.
        """
        signed = records.filtered(lambda record: record.state == "signed")
        changed = records if self._changes_record else signed
        changed._lock_content()
        (records - changed)._lock_content(share=True)
        records._check_not_final({self._record_field: True})

    @api.model_create_multi
    def create(self, vals_list):
        # a default of the context names a record as well
        vals_list = [{**self.default_get(["record_id"]), **vals} for vals in vals_list]
        records = self.env["aftersales.service.record"].browse(
            {vals["record_id"] for vals in vals_list if vals.get("record_id")}
        )
        self._check_records_open(records)
        lines = super().create(vals_list)
        lines.record_id._void_changed_signature()
        return lines

    def write(self, vals):
        if not vals.keys() & {*self._get_signed_fields(), "record_id"}:
            return super().write(vals)
        # a line that is moved changes two records
        records = self.record_id | self.record_id.browse(vals.get("record_id") or [])
        self._check_records_open(records)
        result = super().write(vals)
        records._void_changed_signature()
        return result

    def unlink(self):
        records = self.record_id
        self._check_records_open(records)
        result = super().unlink()
        records._void_changed_signature()
        return result
