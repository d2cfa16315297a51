import logging
import re

from psycopg2 import IntegrityError, OperationalError

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Command
from odoo.tools import mute_logger

from ..tools import fapiao_archive, fapiao_data

_logger = logging.getLogger(__name__)


class AftersalesFapiaoImport(models.TransientModel):
    """A drop of many files: each is read by itself, so that a bad one holds up no other (M8.6).

    Accountants drop the month's files of all service centers, a service center its own.
    """

    _name = "aftersales.fapiao.import"
    _description = "Import of fapiao"
    _inherit = "aftersales.progress.mixin"
    # what is left to be done may take an accountant the day
    _transient_max_hours = 24
    _step_model = "aftersales.fapiao.import.line"
    _step_size = 20

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    attachment_ids = fields.Many2many(
        "ir.attachment",
        string="Files",
        help="XML, OFD and PDF files, or zip archives of them. A PDF is kept with the fapiao whose "
        "number or file name it has.",
    )
    line_ids = fields.One2many("aftersales.fapiao.import.line", "import_id", "Read files")
    trouble_ids = fields.One2many(
        "aftersales.fapiao.import.line",
        "import_id",
        "Files to look at",
        domain=[("state", "in", ("known", "refused", "unread"))],
    )
    match_ids = fields.One2many(
        "aftersales.fapiao.import.match",
        "import_id",
        "Fits to the cent",
        domain=[("is_exact", "=", True)],
    )
    exception_ids = fields.One2many(
        "aftersales.fapiao.import.match",
        "import_id",
        "Exceptions",
        domain=[("is_exact", "=", False)],
    )
    fapiao_ids = fields.Many2many("aftersales.fapiao", compute="_compute_fapiao_ids")
    state = fields.Selection([("choose", "Choose"), ("read", "Read")], default="choose")
    waiting_count = fields.Integer(compute="_compute_counts")
    read_count = fields.Integer("Read", compute="_compute_counts")
    kept_count = fields.Integer("PDF kept", compute="_compute_counts")
    known_count = fields.Integer("Known already", compute="_compute_counts")
    trouble_count = fields.Integer("Not read", compute="_compute_counts")

    @api.depends("line_ids.fapiao_id", "line_ids.state")
    def _compute_fapiao_ids(self):
        for wizard in self:
            wizard.fapiao_ids = wizard.line_ids.filtered(lambda x: x.state == "read").fapiao_id

    @api.depends("line_ids.state")
    def _compute_counts(self):
        for wizard in self:
            states = wizard.line_ids.mapped("state")
            wizard.waiting_count = states.count("waiting")
            wizard.read_count = states.count("read")
            wizard.kept_count = states.count("kept")
            wizard.known_count = states.count("known")
            wizard.trouble_count = states.count("refused") + states.count("unread")

    @api.depends_context("lang")
    def _compute_display_name(self):
        self.display_name = self.env._("Import fapiao")

    def unlink(self):
        # the files of a drop, never others that somebody put in by RPC
        files = self.attachment_ids.filtered(
            lambda f: f.res_model == self._name and not f.res_id and f.create_uid in self.create_uid
        )
        result = super().unlink()
        files.unlink()
        return result

    def action_read(self):
        """List the files, those in archives one by one, and read them all.

        :raises UserError: no file was chosen
        """
        self.ensure_one()
        if not self.attachment_ids:
            raise UserError(self.env._("Choose the files first, or drop them here."))
        self._list_files()
        return self.action_go_on()

    def action_go_on(self):
        """Read the files that wait, with a bar that tells how far it is."""
        self.ensure_one()
        if self.waiting_count:
            return self.action_start()
        self._propose()
        return True

    def _get_step_ids(self):
        # PDFs last, because they belong to the others
        waiting = self.line_ids.filtered(lambda line: line.state == "waiting")
        return waiting.sorted(lambda line: (line.is_pdf, line.id)).ids

    def _run_ids(self, ids):
        """Read these files; what is wrong with one is told on its line, and nowhere else."""
        batch = self.line_ids.filtered(lambda line: line.id in ids and line.state == "waiting")
        lines_by_file = batch.sorted(lambda line: (line.is_pdf, line.id)).grouped("attachment_id")
        for attachment, lines in lines_by_file.items():
            archive = None
            if any(lines.mapped("is_member")):
                try:
                    archive = self._open_archive(attachment.raw or b"")
                except fapiao_data.FapiaoError as error:
                    lines._refuse(error)
                    continue
            for line in lines:
                line._read(archive)
        return {}

    def _get_finish_action(self):
        self._propose()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import fapiao"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "current",
        }

    def _propose(self):
        """Note how all fapiao that wait fit to settlements, those of earlier drops, too (M8.6)."""
        fapiaos = self.env["aftersales.fapiao"].with_company(self.company_id)
        if not fapiaos._is_accountant():
            return
        proposals = []
        if waiting := fapiaos.search(
            [*fapiaos._get_unmatched_domain(), ("company_id", "=", self.company_id.id)]
        ):
            proposals = waiting._propose_matches()
        reds = fapiaos.search(
            [
                ("is_red", "=", True),
                ("state", "=", "read"),
                ("company_id", "=", self.company_id.id),
            ]
        )
        # sudo: proposals are the system's; nobody enters them
        own = self.sudo()
        (own.match_ids | own.exception_ids).unlink()
        own.match_ids.create(
            [
                *(self._prepare_match_vals(proposal) for proposal in proposals),
                *(self._prepare_red_vals(red) for red in reds),
            ]
        )
        self.invalidate_recordset(["match_ids", "exception_ids"])

    def _prepare_match_vals(self, proposal):
        fapiaos = proposal["fapiaos"]
        return {
            "import_id": self.id,
            "fapiao_ids": [Command.set(fapiaos.ids)],
            "settlement_ids": [Command.set(proposal["settlements"].ids)],
            "amount": sum(fapiaos.mapped("amount_open")),
            "difference": proposal["difference"],
            "is_exact": proposal["exact"],
            "failed_count": sum(fapiaos.mapped("failed_count")),
            "reason": proposal["reason"],
        }

    def _prepare_red_vals(self, red):
        return {
            "import_id": self.id,
            "fapiao_ids": [Command.set(red.ids)],
            "amount": red.amount_total,
            "is_red": True,
            "failed_count": red.failed_count,
            "reason": red._get_red_reason(),
        }

    def action_propose(self):
        """Look again: what kept fapiao from fitting may have been put right."""
        self.ensure_one()
        self._propose()
        return True

    def action_match(self):
        """Match everything that fits to the cent, and keep the exceptions (M8.6)."""
        self.ensure_one()
        # without any, all that wait would be meant
        if fapiaos := self.match_ids.fapiao_ids:
            fapiaos.action_match()
        self._propose()
        return True

    def action_start_again(self):
        """Open an empty screen for the next files."""
        return self.env["ir.actions.act_window"]._for_xml_id(
            "aftersales_parts.action_fapiao_import"
        )

    def _list_files(self):
        """Make a line for each file; of archives only the directory is read here."""
        vals_list = []
        for attachment in self.attachment_ids - self.line_ids.attachment_id:
            vals = {"attachment_id": attachment.id, "name": attachment.name}
            try:
                vals_list += self._prepare_file_lines(attachment)
            except fapiao_data.FapiaoError as error:
                message = self.env["aftersales.fapiao"]._get_file_error(error).args[0]
                vals_list.append({**vals, "state": "refused", "message": message})
        # sudo: what became of a file is the system's; nobody enters it
        self.sudo().write(
            {"line_ids": [Command.create(vals) for vals in vals_list], "state": "read"}
        )

    def _prepare_file_lines(self, attachment):
        """Return the values of the lines of one file, which may be an archive of many.

        :raises FapiaoError: an archive that can't be opened
        """
        vals = {"attachment_id": attachment.id, "name": attachment.name}
        raw = attachment.raw or b""
        if not fapiao_archive.is_zip(raw):
            return [{**vals, "is_pdf": raw.startswith(b"%PDF-")}]
        archive = self._open_archive(raw)
        if fapiao_archive.is_ofd(archive.names) or fapiao_archive.is_office(archive.names):
            return [vals]
        return [
            {
                **vals,
                "name": name,
                "member": index,
                "is_member": True,
                # by the name, as nothing is unpacked yet; what it is, reading tells
                "is_pdf": name.lower().endswith(".pdf"),
            }
            for index, name in enumerate(archive.names)
            if not fapiao_archive.is_noise(name)
        ]

    def _open_archive(self, raw):
        return fapiao_archive.Archive(raw, self.env["aftersales.fapiao"]._get_file_limits())


class AftersalesFapiaoImportLine(models.TransientModel):
    """One file of a drop, and what became of it."""

    _name = "aftersales.fapiao.import.line"
    _description = "File of an import of fapiao"
    _inherit = "aftersales.given.mixin"
    _transient_max_hours = 24
    _order = "id"

    import_id = fields.Many2one(
        "aftersales.fapiao.import", required=True, ondelete="cascade", index=True
    )
    attachment_id = fields.Many2one("ir.attachment", readonly=True)
    name = fields.Char("File", readonly=True)
    is_member = fields.Boolean("In an archive", readonly=True)
    member = fields.Integer("Place in the archive", readonly=True)
    is_pdf = fields.Boolean("PDF", readonly=True)
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("read", "Read"),
            ("kept", "Kept with its fapiao"),
            ("known", "Known already"),
            ("refused", "Refused"),
            ("unread", "Enter by hand"),
        ],
        "Result",
        default="waiting",
        readonly=True,
    )
    message = fields.Char("What is the matter", readonly=True)
    fapiao_id = fields.Many2one("aftersales.fapiao", "Fapiao", readonly=True)
    currency_id = fields.Many2one(related="import_id.company_id.currency_id")
    amount_total = fields.Monetary(related="fapiao_id.amount_total", related_sudo=False)
    failed_count = fields.Integer(related="fapiao_id.failed_count", related_sudo=False)
    seller_name = fields.Char(related="fapiao_id.seller_name", related_sudo=False)

    def _read(self, archive):
        """Read this file; whatever is wrong with it is told on this line, and only here.

        :param archive: the open archive it is a member of, if any
        """
        self.ensure_one()
        fapiaos = self.env["aftersales.fapiao"].with_company(self.import_id.company_id)
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                vals = self._read_content(fapiaos, self._get_content(archive))
        except (fapiao_data.FapiaoError, UserError) as error:
            self._refuse(error)
        except IntegrityError:
            self._refuse(
                UserError(self.env._("Somebody else entered this fapiao at the same moment."))
            )
        except (OperationalError, ConcurrencyError):
            # somebody else is at it: the whole step is tried again
            raise
        except Exception:
            # whatever a hostile file runs into, it doesn't wait for ever
            _logger.info("A file of a fapiao can't be read", exc_info=True)
            self._refuse(UserError(self.env._("The file can't be read: it is damaged.")))
        else:
            # sudo: what became of a file is the system's; nobody enters it
            self.sudo().write(vals)

    def _refuse(self, error):
        """Note on these files why they are refused."""
        if isinstance(error, fapiao_data.FapiaoError):
            error = self.env["aftersales.fapiao"]._get_file_error(error)
        # sudo: what became of a file is the system's; nobody enters it
        self.sudo().write({"state": "refused", "message": error.args[0]})

    def _get_content(self, archive):
        if not self.is_member:
            return self.attachment_id.raw or b""
        raw = archive.inflate(self.member)
        if fapiao_archive.is_zip(raw) and not self._is_ofd(raw):
            raise fapiao_data.FapiaoError("archive_nested")
        return raw

    def _is_ofd(self, raw):
        return fapiao_archive.is_ofd(self.import_id._open_archive(raw).names)

    def _read_content(self, fapiaos, raw):
        """Return the values that say what became of the file."""
        if raw.startswith(b"%PDF-"):
            return self._keep_pdf(fapiaos, raw)
        data = fapiaos._read_file(raw)
        name = fapiao_data.join_number(data.code, data.number)
        company = self.import_id.company_id
        # by the user's own rights: a center isn't told about the fapiao of others
        known = fapiaos.search([("name", "=", name), ("company_id", "=", company.id)])
        # another seller's is another fapiao, unless an accountant only mistyped it
        known = (
            known.filtered(lambda f: f.seller_vat == (data.seller.vat or False))
            or (
                known.filtered(lambda f: f.source == "manual" and f.state in ("read", "partly"))[:1]
            )
        )
        if known:
            return known._back_by_file(data, raw, self._get_base_name())
        fapiao = fapiaos._enter_file(raw, self._get_base_name())
        return {"fapiao_id": fapiao.id, "state": "read"}

    def _get_base_name(self):
        return fapiao_archive.get_base_name(self.name)

    def _keep_pdf(self, fapiaos, raw):
        """Keep a PDF with the fapiao whose number it has in its name, or the name of its file."""
        number = re.search(r"(?<!\d)\d{20}(?!\d)", self._get_base_name())
        fapiao = self._get_siblings().fapiao_id
        if number:
            found = fapiaos.search(
                [
                    ("number", "=", number.group()),
                    ("company_id", "=", self.import_id.company_id.id),
                ]
            )
            # two sellers may give the same number: then the one beside which it lies
            fapiao = found & fapiao or found
        if len(fapiao) != 1:
            return {
                "state": "unread",
                "message": self.env._(
                    "There is no XML or OFD file of it. Ask the seller for one, or enter the "
                    "fapiao by hand and keep the PDF with it."
                ),
            }
        return fapiao._keep_pdf(raw, self._get_base_name())

    def _get_siblings(self):
        """Return the files that lie in the same place and have the same name but for its end."""
        own = self.name.rpartition(".")[0]
        return self.import_id.line_ids.filtered(
            lambda line: line.name.rpartition(".")[0] == own
            and line.is_member == self.is_member
            and (not line.is_member or line.attachment_id == self.attachment_id)
        )

    def action_open(self):
        """Open the fapiao of this file."""
        self.ensure_one()
        return self.fapiao_id._get_records_action()

    def action_enter(self):
        """Open the form to enter the fapiao by hand, with the PDF as its original."""
        self.ensure_one()
        fapiaos = self.env["aftersales.fapiao"]
        try:
            archive = self.is_member and self.import_id._open_archive(self.attachment_id.raw)
            raw = self._get_content(archive)
        except fapiao_data.FapiaoError as error:
            raise fapiaos._get_file_error(error) from error
        return fapiaos._get_manual_action(raw, self._get_base_name())
