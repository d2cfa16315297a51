import base64
import hashlib

from odoo import api, models
from odoo.exceptions import UserError


class AftersalesFapiao(models.Model):
    """How files of the same fapiao come together: XML or OFD, PDF, and what was typed before."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _enter_file(self, raw, name):
        """Return the new fapiao of a file.

        :param bytes raw: the file
        :raises UserError: not a fapiao, not a safe file, or not the user's own
        """
        return self.create(
            {
                "document": base64.b64encode(raw),
                "document_name": name,
                "company_id": self.env.company.id,
            }
        )

    def _back_by_file(self, data, raw, name):
        """Take in the file of a fapiao that is known already.

        One that was entered by hand is backed by it, if it says the same; then its figures are
        the file's. Any other stays as it is.

        :return: dict of ``state`` and ``message`` for the import
        :raises UserError: the file says something else than what was entered
        """
        self.ensure_one()
        result = {"fapiao_id": self.id, "state": "known"}
        if self.source != "manual":
            message = self.env._("This very file has been read before.")
            digest = hashlib.sha256(raw).hexdigest()
            vals = self._prepare_file_vals(data, raw)
            # one form may say less than another: only what both give can differ
            differences = self._get_differences(
                {
                    name: value
                    for name, value in vals.items()
                    if isinstance(value, float) or (value and self[name])
                }
            )
            if differences:
                # what is in the books is held up no more, and nobody could accept it there
                if self.state not in ("posted", "reversed"):
                    # sudo: it holds the fapiao up, whoever handed in the other file
                    self.sudo()._write_protected({"conflict_digest": digest})
                    self._run_checks()
                message = self.env._(
                    "Fapiao %(number)s has been entered from a file that says something else: "
                    "%(differences)s. Ask the tax authority's service which one is genuine. Delete "
                    "the other one if it is wrong, or accept the check with a reason.",
                    number=self.name,
                    differences="; ".join(differences),
                )
                return {**result, "state": "refused", "message": message}
            if self.digest != digest:
                message = self.env._(
                    "Fapiao %s has been entered from another file. That one is kept.", self.name
                )
            return {**result, "message": message}
        self.check_access("write")
        vals = self._prepare_file_vals(data, raw)
        differences = self._get_differences(vals)
        if differences:
            raise UserError(
                self.env._(
                    "Fapiao %(number)s was entered by hand, and the file says something else: "
                    "%(differences)s. Correct or delete what was entered, then import the file "
                    "again.",
                    number=self.name,
                    differences="; ".join(differences),
                )
            )
        # sudo: the figures are the same, the lines those of the file
        self.sudo().line_ids.unlink()
        self._write_protected({**vals, "document": base64.b64encode(raw), "document_name": name})
        self._run_checks()
        return {
            **result,
            "state": "read",
            "message": self.env._("Entered by hand before; now backed by its file."),
        }

    def _get_differences(self, vals):
        """Return in words where the values of a file differ from what was entered."""
        compared = (
            *("date", "kind", "seller_vat", "buyer_vat"),
            *("amount_untaxed", "amount_tax", "amount_total"),
        )
        changed = self._get_changed_names(vals, set(compared))
        return [
            f"{self._fields[name]._description_string(self.env)}: {self[name]} ≠ {vals[name]}"
            for name in compared
            if name in changed
        ]

    def _keep_pdf(self, raw, name):
        """Keep a PDF beside the figures of its fapiao.

        :return: dict of ``state`` and ``message`` for the import
        :raises UserError: another PDF is kept already, or the file is too large
        """
        self.ensure_one()
        result = {"fapiao_id": self.id, "state": "kept"}
        document = base64.b64encode(raw)
        digest = self._read_pdf(document)
        if self.pdf_digest == digest:
            return {**result, "state": "known", "message": self.env._("It is kept already.")}
        if self.pdf_digest:
            raise UserError(self.env._("Fapiao %s has another PDF already.", self.name))
        # sudo: a service center may add the PDF to its own fapiao, which it found by its rights
        self._write_protected({"pdf": document, "pdf_name": name, "pdf_digest": digest})
        self._run_checks()
        return result

    @api.model
    def _get_manual_action(self, raw=None, name=None):
        """Return the action that opens the form to enter a fapiao by hand."""
        context = {"default_source": "manual"}
        if raw:
            context |= {"default_pdf": base64.b64encode(raw).decode(), "default_pdf_name": name}
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Enter by hand"),
            "res_model": self._name,
            "views": [(False, "form")],
            "context": context,
        }

    @api.model
    def default_get(self, fields):
        """Propose ourselves as the buyer of a fapiao that is entered by hand."""
        defaults = super().default_get(fields)
        if defaults.get("source") == "manual":
            company = self.env.company
            own = {"buyer_name": company.partner_id.name, "buyer_vat": company.vat}
            defaults |= {name: value for name, value in own.items() if name in fields}
        return defaults
