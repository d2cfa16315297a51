from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG
from odoo.exceptions import UserError
from odoo.tools.misc import format_date


class AftersalesRetentionMixin(models.AbstractModel):
    """Documents that are kept for years beyond the end of the warranty (H11).

    Until the day `retain_until` is over, a document can't be deleted, and neither can the files
    and messages on it. A draft has no such day and may go, with what hangs on it. The day may move
    away, when the warranty becomes longer or the company keeps its documents longer; a day once
    given never comes nearer, because somebody may rely on it.
    """

    _name = "aftersales.retention.mixin"
    _inherit = "aftersales.workflow.mixin"
    _description = "Documents that are kept"

    retain_until = fields.Date(
        "Kept until",
        compute="_compute_retain_until",
        store=True,
        copy=False,
        help="Until the end of this day, in the company's time zone, the document with its files "
        "and messages can't be deleted (H11). Empty: a draft, which may be deleted.",
    )

    def _get_retention_depends(self):
        """Return the names of the fields that `retain_until` follows from."""
        return ["company_id.aftersales_retention_years"]

    def _get_retention_start(self):
        """Return the day from which the years of retention count, or False for a draft.

        The end of the warranty, or the day of the document where there is none.
        """
        self.ensure_one()
        return False

    def _get_retained_with(self):
        """Return the documents that this one documents, and has to outlast."""
        return self.browse()

    @api.depends(lambda self: self._get_retention_depends())
    def _compute_retain_until(self):
        for record in self:
            days = [record.retain_until]
            if start := record._get_retention_start():
                years = record.company_id.aftersales_retention_years
                days.append(start + relativedelta(years=years))
                days += record._get_retained_with().mapped("retain_until")
            record.retain_until = max(filter(None, days), default=False)

    def _get_protected_fields(self):
        return super()._get_protected_fields() | {"retain_until"}

    def _get_local_day(self, moment):
        """Return the day of the naive UTC ``moment`` in the company's time zone, or False."""
        return moment and self.company_id._aftersales_local(moment).date()

    def _is_retained(self):
        """Tell whether the document has to be kept today."""
        self.ensure_one()
        return bool(self.retain_until) and (
            self._get_local_day(fields.Datetime.now()) <= self.retain_until
        )

    @api.model
    def _get_retained(self, owners):
        """Return the documents that have to be kept among ``owners``.

        :param owners: pairs of a model's name and an id, of any model
        :return: list of records, each a document
        """
        mixin = self.pool["aftersales.retention.mixin"]
        ids_by_model = {}
        for model, res_id in owners:
            if res_id and (model or "").startswith("aftersales."):
                ids_by_model.setdefault(model, set()).add(res_id)
        return [
            record
            for model, ids in ids_by_model.items()
            if model in self.env and issubclass(self.pool[model], mixin)
            # sudo: only whether it has to be kept is looked at
            for record in self.env[model].sudo().browse(ids).exists()
            if record._is_retained()
        ]

    # not `ondelete`: mail's own `unlink` begins with the messages, which are kept themselves
    def unlink(self):
        self.check_access("unlink")
        if not (self.env.su and self.env.context.get(MODULE_UNINSTALL_FLAG)):
            self._check_not_retained()
        return super().unlink()

    def _check_not_retained(self):
        """Raise UserError if one of the documents has to be kept (H11)."""
        for record in self:
            if record._is_retained():
                raise UserError(
                    self.env._(
                        "%(document)s can't be deleted: it has to be kept until %(date)s (H11).",
                        document=record.display_name,
                        date=format_date(self.env, record.retain_until),
                    )
                )
