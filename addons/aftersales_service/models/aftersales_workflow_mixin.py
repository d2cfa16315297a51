import base64
import hashlib
import io
import json

import qrcode

from odoo import SUPERUSER_ID, api, models
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG
from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import format_list, image


class AftersalesWorkflowMixin(models.AbstractModel):
    """States and results that only the model's own actions may change.

    ``readonly`` holds in the web client only: RPC and import could still write a state and so
    skip every check of the action that leads to it. The fields named by `_get_protected_fields`
    are refused in `create` and `write` for everybody; the actions check role and conditions
    and then write through `_write_protected`.
    """

    _name = "aftersales.workflow.mixin"
    _inherit = "aftersales.given.mixin"
    _description = "Fields closed to direct changes"

    # code of the sequence from which `name` is drawn; None: the model has no number
    _sequence_code = None

    def _get_protected_fields(self):
        """Return the names of the fields that only actions may change."""
        names = {"state", "name"} if self._sequence_code else {"state"}
        return names | self._get_derived_figures()

    def _get_given_fields(self):
        return self._get_protected_fields()

    def _get_derived_figures(self):
        """Return the names of the stored fields that follow from others.

        The web client shows them read-only, but RPC would overwrite what was computed, and so the
        figures and the rights that go by them.
        """
        return {
            name
            for name, field in self._fields.items()
            if field.store and field.compute and field.readonly and not field.inverse
        }

    def _get_reason_actions(self):
        """Return the names of the actions that take a reason, for the window that asks for it."""
        return {"action_refuse", "action_cancel", "action_void"}

    @api.depends(lambda self: (self._rec_name,) if self._rec_name else ())
    def _compute_display_name(self):
        result = super()._compute_display_name()
        if self._sequence_code:
            # without a name, forms call a document that has no number yet “New”
            self.filtered(lambda record: record.display_name == "/").display_name = False
        return result

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            protected = self._get_protected_fields()
            own = self._get_own_defaults(protected)
            for vals in vals_list:
                self._check_protected(
                    name
                    for name in protected & vals.keys()
                    if vals[name] and vals[name] != own.get(name)
                )
        if self._sequence_code:
            # sudo: whoever may create the record takes the next number
            numbers = (
                self.env["ir.sequence"]
                .sudo()
                ._aftersales_next_numbers(self._sequence_code, len(vals_list))
            )
            vals_list = [
                {**vals, "name": number} for vals, number in zip(vals_list, numbers, strict=True)
            ]
        return super().create(vals_list)

    def unlink(self):
        if not self.env.su and self.env.context.get(MODULE_UNINSTALL_FLAG):
            # a caller may put this key into the context, too, and skip what forbids to delete
            self = self.with_context(  # pylint: disable=context-overridden
                {k: v for k, v in self.env.context.items() if k != MODULE_UNINSTALL_FLAG}
            )
        return super().unlink()

    def write(self, vals):
        if not self.env.su:
            self._check_protected(self._get_changed_names(vals, self._get_protected_fields()))
        return super().write(vals)

    def _get_changed_names(self, vals, names):
        """Return those of ``names`` that writing ``vals`` would change on any of the records."""
        return {
            name
            for name in names & vals.keys()
            if any(not record._is_same(name, vals[name]) for record in self)
        }

    def _is_same(self, name, value):
        """Tell whether writing ``value`` would leave the field ``name`` as it is."""
        field = self._fields[name]
        return field.convert_to_write(
            field.convert_to_record(field.convert_to_cache(value, self), self), self
        ) == field.convert_to_write(self[name], self)

    def _check_protected(self, names):
        labels = [self._fields[name]._description_string(self.env) for name in names]
        if labels:
            raise AccessError(
                self.env._(
                    "%(fields)s on “%(model)s” can't be changed by hand: use the buttons of the "
                    "form, which check what has to be checked.",
                    fields=format_list(self.env, sorted(labels)),
                    model=self.env["ir.model"]._get(self._name).display_name,
                )
            )

    def _write_protected(self, vals):
        """Write fields that are closed to direct changes, after the action's own checks."""
        # sudo: nobody may write these fields directly; whether this user may perform the
        # action was checked by the caller, and the record was reached through its rules.
        record = self.sudo()
        hiding = {"mail_notrack", "tracking_disable"} & self.env.context.keys()
        if hiding and self.env.uid != SUPERUSER_ID:
            # who calls may put these keys into the context, and the step would stay unseen
            record = record.with_context(**dict.fromkeys(hiding, False))
        return record.write(vals)

    def _lock_for_action(self):
        """Lock the record against what others do at the same moment, and read it afresh.

        :raises UserError: somebody else is at it
        """
        self.ensure_one()
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody else is working on “%s” this very moment. Reload the page and look "
                    "what has changed.",
                    self.display_name,
                )
            ) from error
        self.invalidate_recordset()

    def _check_group(self, xmlid):
        """Raise AccessError unless the current user has the group ``xmlid``.

        Deliberately not satisfied by sudo: a decision belongs to a person.
        """
        if not self.env.user.has_group(xmlid):
            group = self.env.ref(xmlid).sudo()
            raise AccessError(
                self.env._(
                    "Only “%(group)s” may do this. Ask a colleague who has this role, or your "
                    "administrator.",
                    group=group.name,
                )
            )

    @api.model
    def _get_content(self, record, spec):
        """Return the plain values of the fields of ``record`` named in ``spec``, for hashing.

        :param dict spec: field name → None, or for lines the ``spec`` of each line
        """
        content = {}
        for name, line_spec in spec.items():
            value = record[name]
            if line_spec is not None:
                content[name] = [self._get_content(line, line_spec) for line in value.sorted("id")]
            elif isinstance(value, models.BaseModel):
                content[name] = sorted(value.ids)
            elif isinstance(value, bytes):
                content[name] = hashlib.sha256(value).hexdigest()
            else:
                content[name] = value
        return content

    def _get_content_digest(self, spec):
        """Return the SHA-256 of the content that ``spec`` names, in hexadecimal."""
        # sudo: the content is only hashed; a field or line that this user may not read belongs
        # to it all the same.
        record = self.sudo().with_context(bin_size=False, active_test=False)
        content = record._get_content(record, spec)
        text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def _get_qr_code(self):
        """Return the QR code of the record's number, as the source of an image on a print."""
        self.ensure_one()
        return self._make_qr_code(self.name)

    @api.model
    def _make_qr_code(self, text):
        """Return the QR code of ``text``, as the source of an image on a print."""
        stream = io.BytesIO()
        qrcode.make(text, box_size=4, border=1).save(stream, "PNG")
        return image.image_data_uri(base64.b64encode(stream.getvalue()))
