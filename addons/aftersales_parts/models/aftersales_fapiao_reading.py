import base64
import binascii
import hashlib

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_list

from ..tools import fapiao_archive, fapiao_data, fapiao_ofd, fapiao_xml

MEGABYTE = 1024 * 1024


class AftersalesFapiao(models.Model):
    """What the file of a fapiao says. Files come from outside: each may be hostile."""

    _inherit = "aftersales.fapiao"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _read_document(self, document):
        """Return the values that the file of a fapiao holds.

        :param document: the file, base64
        :raises UserError: not a fapiao, or not a safe file
        """
        raw = self._decode_file(document)
        if not raw:
            raise UserError(self.env._("Choose the XML or OFD file of the fapiao."))
        try:
            return self._prepare_file_vals(self._read_file(raw), raw)
        except fapiao_data.FapiaoError as error:
            raise self._get_file_error(error) from error

    @api.model
    def _read_file(self, raw):
        """Return the `Fapiao` in the bytes ``raw``.

        :raises FapiaoError: there is none, or it can't be read safely
        """
        self._check_file_size(raw)
        if raw.startswith(b"%PDF-"):
            raise fapiao_data.FapiaoError("pdf")
        if not fapiao_archive.is_zip(raw):
            return fapiao_xml.read(raw)
        limits = self._get_file_limits()
        names = fapiao_archive.Archive(raw, limits).names
        if fapiao_archive.is_office(names):
            raise fapiao_data.FapiaoError("not_fapiao")
        if not fapiao_archive.is_ofd(names):
            raise fapiao_data.FapiaoError("several")
        return fapiao_ofd.read(raw, limits)

    @api.model
    def _get_file_limits(self):
        """Return what is taken in at most from a zip, by the settings of the company."""
        company = self.env.company
        return fapiao_archive.Limits(
            file_bytes=company.aftersales_fapiao_file_size * MEGABYTE,
            total_bytes=company.aftersales_fapiao_archive_size * MEGABYTE,
            files=company.aftersales_fapiao_archive_files,
        )

    @api.model
    def _read_pdf(self, document):
        """Return the SHA-256 of a PDF, given as base64; its figures are never read.

        :raises UserError: it isn't a PDF, or too large
        """
        raw = self._decode_file(document)
        try:
            self._check_file_size(raw)
        except fapiao_data.FapiaoError as error:
            raise self._get_file_error(error) from error
        if not raw.startswith(b"%PDF-"):
            raise UserError(self.env._("The file is not a PDF."))
        return hashlib.sha256(raw).hexdigest()

    @api.model
    def _decode_file(self, document):
        try:
            return base64.b64decode(document or b"", validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise UserError(self.env._("The file can't be read.")) from error

    @api.model
    def _check_file_size(self, raw):
        limit = self.env.company.aftersales_fapiao_file_size
        if len(raw) > limit * MEGABYTE:
            raise fapiao_data.FapiaoError("size", limit=limit)

    @api.model
    def _prepare_file_vals(self, data, raw):
        """Return the values of a new fapiao from what its file ``raw`` says."""
        sides = {
            f"{side}_{name}": value
            for side in ("seller", "buyer")
            for name, value in vars(getattr(data, side)).items()
        }
        return {
            **sides,
            "name": fapiao_data.join_number(data.code, data.number),
            "code": data.code,
            "number": data.number,
            "source": data.source,
            "kind": data.kind or False,
            "date": data.date,
            "blue_number": data.blue_number,
            "confirmation_number": data.confirmation_number,
            "amount_untaxed": float(data.amount_untaxed),
            "amount_tax": float(data.amount_tax),
            "amount_total": float(data.amount_total),
            "capitals": data.capitals,
            "remark": data.remark,
            "drawer": data.drawer,
            "header_number": data.header_number,
            "bureau_code": data.bureau_code,
            "file_places": ", ".join(data.places),
            "file_differences": "; ".join(
                f"{name}: {first} ≠ {second}" for name, first, second in data.differences
            ),
            "digest": hashlib.sha256(raw).hexdigest(),
            "line_ids": [Command.create(self._prepare_line_vals(line)) for line in data.lines],
        }

    @api.model
    def _prepare_line_vals(self, line):
        return {
            "name": line.name or "-",
            "specification": line.specification,
            "unit": line.unit,
            "quantity": float(line.quantity or 0),
            "price_unit": float(line.price_unit or 0),
            "amount_untaxed": float(line.amount_untaxed),
            "has_rate": line.tax_rate is not None,
            "tax_rate": float(line.tax_rate or 0),
            "amount_tax": float(line.amount_tax),
        }

    @api.model
    def _get_file_error(self, error):
        """Return the UserError that tells in a sentence what is wrong with a file."""
        params = dict(error.params)
        if "values" in params:
            params["values"] = format_list(self.env, [f"“{value}”" for value in params["values"]])
        messages = {
            "lacks": lambda: self.env._(
                "The file lacks “%(name)s”, which every fapiao has.", **params
            ),
            "ambiguous": lambda: self.env._(
                "The file says different things about “%(name)s”: %(values)s. Ask the seller for "
                "the file that the tax system issued.",
                **params,
            ),
            "amount": lambda: self.env._("“%(value)s” is no amount (%(name)s).", **params),
            "date": lambda: self.env._("“%(value)s” is no date (%(name)s).", **params),
            "number": lambda: self.env._(
                "“%(number)s” is no fapiao number: a fully digital fapiao has 20 digits, an older "
                "one a code of 10 or 12 and a number of 8.",
                **params,
            ),
            "legacy_number": lambda: self.env._(
                "“%(code)s” and “%(number)s” are no code and number of a fapiao: a code has 10 or "
                "12 digits, its number 8.",
                **params,
            ),
            "zero": lambda: self.env._("The fapiao amounts to nothing."),
            "red_positive": lambda: self.env._(
                "The file is marked as a red fapiao, but its amount of %(amount)s is not negative.",
                **params,
            ),
            "blue_negative": lambda: self.env._(
                "The file is marked as a blue fapiao, but its amount of %(amount)s is negative.",
                **params,
            ),
            "size": lambda: self.env._("The file is larger than %(limit)s MB.", **params),
            "encoding": lambda: self.env._(
                "The characters of the file are neither UTF-8 nor GBK. Ask the seller for the "
                "file that the tax system issued."
            ),
            "doctype": lambda: self.env._(
                "The file declares a document type, which no fapiao does: refused."
            ),
            "xml": lambda: self.env._("The file is damaged, or no XML file."),
            "not_fapiao": lambda: self.env._("The file is not the XML of an electronic fapiao."),
            "pdf": lambda: self.env._(
                "No figures are read from a PDF. Ask the seller for the XML or OFD file, or enter "
                "the fapiao by hand and add the PDF to it."
            ),
            "several": lambda: self.env._(
                "This is an archive, no fapiao. Read archives by “Import fapiao”."
            ),
            "archive": lambda: self.env._(
                "The archive is damaged, or packed in a way that isn't supported."
            ),
            "archive_files": lambda: self.env._(
                "The archive has more than %(limit)s files. Split it.", **params
            ),
            "archive_size": lambda: self.env._(
                "The archive has more than %(limit)s MB when it is unpacked. Split it.", **params
            ),
            "archive_ratio": lambda: self.env._(
                "The archive unpacks to many times its size, as one does that is made to harm: "
                "refused."
            ),
            "archive_encrypted": lambda: self.env._(
                "The file in the archive is protected by a password. Unpack it first."
            ),
            "archive_nested": lambda: self.env._(
                "An archive in an archive is not read. Unpack it first."
            ),
            "ofdkit": lambda: self.env._(
                "OFD files can't be read on this server: ask the administrator to install the "
                "Python package “ofdkit”, or take the XML file of the fapiao."
            ),
            "ofd": lambda: self.env._("The OFD file is damaged."),
            "ofd_without_data": lambda: self.env._(
                "The OFD file holds no data of a fapiao, only its looks. Ask the seller for the "
                "XML file."
            ),
        }
        return UserError(messages[error.code]())
