import base64
import binascii

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date

from ..tools.fapiao_archive import Limits
from ..tools.xlsx_table import FORMULA, TableError, normalize, read_table, to_amount, to_text

MEGABYTE = 1024 * 1024
# how much more a workbook may be when it is unpacked
UNPACKED = 20
UNPACKED_PART = 5
# how many rows that differ are named in the chatter
LOGGED_ROWS = 50
# other words for the headings of our own lists, as centers and manufacturers use them
HEADINGS = {
    "number": "#|no|序号|行号",
    "tag": "tag|tag number|tag no|标签号|标签|标签编号|标签号码|旧件标签|旧件标签号|专用标签"
    "|专用标签号|旧件编号",
    "record": "service record|record|record number|服务记录|服务记录号|服务单号|服务记录表"
    "|服务记录编号",
    "subject": "part or service|part|service|配件或服务项目|配件|配件名称|零件名称|服务项目"
    "|项目|名称",
    "price": "price|unit price|wholesale price|settlement price|单价|批发价|批发价格|结算价"
    "|配件单价",
    "base": "amount before fee|管理费前金额|配件金额|配件款",
    "fee": "management fee|fee|配件管理费|管理费",
    "claimed": "claimed|amount claimed|claimed amount|amount|total|申报金额|申报|合计"
    "|合计金额|金额|总金额|代垫金额|申请金额",
    "payable": "payable|approved|audited|amount approved|应付|应付金额|审核金额|核定金额"
    "|审定金额|核准金额|实付金额|可报支",
    "code": "code|deduction code|代码|扣款代码",
    "deduction": "deduction|reason|deduction reason|扣款|扣款原因|原因|备注|审核意见|差异原因",
}

# columns that say which line a row is about
TEXTS = ("tag", "record", "subject")


class AftersalesSettlementImport(models.TransientModel):
    """Compares a list that somebody else keeps with ours, row by row (M8.3, M9.3).

    Payable: the center's own list; where its figures differ, it objects, or it is noted while the
    list isn't sent yet. Receivable: what the manufacturer pays, which is entered as its result.
    Nothing is written before the user has seen every row.
    """

    _name = "aftersales.settlement.import"
    _description = "Import of a list"
    _inherit = "aftersales.workflow.mixin"

    settlement_id = fields.Many2one("aftersales.settlement", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    direction = fields.Selection(related="settlement_id.direction", related_sudo=False)
    file = fields.Binary("Workbook", attachment=False)
    file_name = fields.Char("File name")
    is_read = fields.Boolean(readonly=True)
    line_ids = fields.One2many("aftersales.settlement.import.line", "import_id", readonly=True)
    ok_count = fields.Integer("Rows that agree", compute="_compute_counts")
    different_count = fields.Integer("Rows that differ", compute="_compute_counts")
    error_count = fields.Integer("Rows with errors", compute="_compute_counts")
    absent_count = fields.Integer("Lines not in the file", compute="_compute_counts")
    amount_file = fields.Monetary("In the file", compute="_compute_counts")
    amount_listed = fields.Monetary("On our list", compute="_compute_counts")
    take_good = fields.Boolean(
        "Take the good rows", help="Rows with errors are left out; otherwise none is taken."
    )

    @api.depends("line_ids.state")
    def _compute_counts(self):
        for record in self:
            states = record.line_ids.mapped("state")
            record.ok_count = states.count("ok")
            record.different_count = states.count("different")
            record.error_count = states.count("error")
            record.absent_count = states.count("absent")
            good = record._get_good_lines()
            record.amount_file = sum(good.mapped("amount_file"))
            record.amount_listed = sum(good.mapped("amount_listed"))

    def _get_protected_fields(self):
        # what was read is what is written, and nobody changes it in between
        return {"is_read", "line_ids"}

    def _get_good_lines(self):
        return self.line_ids.filtered(lambda line: line.state in ("ok", "different"))

    def write(self, vals):
        result = super().write(vals)
        if {"file", "settlement_id"} & vals.keys():
            self.sudo().line_ids.unlink()
            self._write_protected({"is_read": False})
        return result

    def _check_importable(self):
        """Raise unless the user may compare lists with this settlement now.

        :raises AccessError: neither a clerk nor the center itself
        :raises UserError: decided already
        """
        self.ensure_one()
        settlement = self.settlement_id
        settlement.check_access("read")
        if settlement.direction == "receivable":
            settlement._check_group("aftersales_service.group_clerk")
            settlement._check_state("submitted", "verified", "disputed")
            return
        if not self.env.user.has_group("aftersales_service.group_clerk"):
            settlement._check_group("aftersales_service.group_center")
            settlement._check_own()
        settlement._check_state("draft", "submitted", "sent", "disputed")

    # --- reading ---------------------------------------------------------------------------

    def action_read(self):
        """Read the file and show every row of it, with what is wrong with it.

        :raises UserError: no workbook, or not such a list
        """
        self._check_importable()
        _columns, rows = self._read_file()
        vals_list = self._compare(rows)
        # sudo: what the file says, nobody may enter by hand
        self.sudo().line_ids.unlink()
        self.sudo().write(
            {"is_read": True, "line_ids": [Command.create(vals) for vals in vals_list]}
        )
        return self._open()

    def action_back(self):
        """Choose another file."""
        self.ensure_one()
        self.file = False
        return self._open()

    def _open(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import a list"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    @api.model
    def _get_limit(self, name, default):
        """Return a limit that the administrator may have set (system parameter)."""
        # sudo: a limit is no secret
        value = self.env["ir.config_parameter"].sudo().get_param(f"aftersales_parts.{name}")
        try:
            return max(1, int(value or default))
        except ValueError:
            return default

    def _read_file(self):
        size = self._get_limit("import_max_mb", 10)
        most = self._get_limit("import_max_rows", 20000)
        try:
            raw = base64.b64decode(self.with_context(bin_size=False).file or b"", validate=True)
        except (binascii.Error, ValueError) as error:
            raise UserError(self.env._("The file can't be read.")) from error
        if not raw:
            raise UserError(self.env._("Choose the workbook (.xlsx) first."))
        if len(raw) > size * MEGABYTE:
            raise UserError(self.env._("The file is larger than %s MB.", size))
        limits = Limits(size * UNPACKED_PART * MEGABYTE, size * UNPACKED * MEGABYTE, 1000)
        try:
            return read_table(raw, self._get_aliases(), self._get_required(), limits, most)
        except TableError as error:
            raise UserError(self._explain_error(error)) from error

    def _get_required(self):
        subject = "tag" if self.settlement_id.kind == "parts" else "record"
        return {subject, "payable" if self.direction == "receivable" else "claimed"}

    def _get_aliases(self):
        """Return {heading: column}: of our own lists in every language, and other words for them.

        What only one of the two sides calls so doesn't hide the heading of the other.
        """
        aliases = {}
        for name, words in HEADINGS.items():
            for word in words.split("|"):
                aliases.setdefault(normalize(word), name)
        for code, _name in self.env["res.lang"].get_installed():
            for column in self.settlement_id.with_context(lang=code)._get_list_columns():
                if column.name in HEADINGS:
                    aliases[normalize(column.label)] = column.name
        return aliases

    def _explain_error(self, error):
        env = self.env
        sentences = {
            "old": env._(
                "This is a workbook of an old Excel (.xls). Open it and save it as .xlsx."
            ),
            "no_workbook": env._(
                "This is no Excel workbook, whatever its name says; maybe it is a text file. Open "
                "it in Excel and save it as .xlsx."
            ),
            "doctype": env._("The file holds declarations that no workbook has: refused."),
            "bomb": env._("The file is damaged, protected by a password, or unpacks to too much."),
            "damaged": env._("The workbook is damaged. Open it in Excel and save it anew."),
            "rows": env._("The list has more than %s rows. Split it.", error.values.get("limit")),
            "headings": env._(
                "No sheet has the headings “%(subject)s” and “%(amount)s” within the first rows. "
                "Download our list first: its headings are understood.",
                subject=env._("Tag")
                if self.settlement_id.kind == "parts"
                else env._("Service record"),
                amount=env._("Payable") if self.direction == "receivable" else env._("Claimed"),
            ),
        }
        return sentences[error.code]

    # --- comparing -------------------------------------------------------------------------

    def _compare(self, rows):
        """Return the values of the wizard's lines: each row, and each line that no row names."""
        # by their ids, so that they are read together after the list has forgotten them
        lines = self.settlement_id.line_ids.browse(self.settlement_id.line_ids.ids)
        names = {}
        for row, line in zip(self.settlement_id._iter_list_rows(), lines, strict=True):
            key = row["tag"] or (row["record"], row["subject"])
            names.setdefault(key, []).append(line)
        known = self._find_tags(rows)
        seen, taken, vals_list = {}, set(), []
        for number, row in rows:
            if self._is_foot(row):
                continue
            vals = self._compare_row(number, row, names, known, seen)
            taken.add(vals.get("line_id"))
            vals_list.append(vals)
        vals_list += [
            {
                "subject": line.display_name,
                "line_id": line.id,
                "amount_listed": line.amount_claimed,
                "state": "absent",
                "message": self.env._("On our list, but not in the file."),
            }
            for line in lines
            if line.id not in taken
        ]
        order = ["error", "different", "absent", "ok"]
        return sorted(vals_list, key=lambda vals: order.index(vals["state"]))

    def _is_foot(self, row):
        """Tell whether a row says nothing about a line: sums, signatures."""
        totals = {"total", "sum", "合计", "总计", "小计", normalize(self.env._("Total"))}
        texts = {normalize(to_text(row.get(name))) for name in ("number", *TEXTS)}
        if texts & totals:
            return True
        figures = ("price", "base", "fee", "claimed", "payable")
        return not any(row.get(name) for name in (*figures, *TEXTS))

    def _find_tags(self, rows):
        """Return {tag: used part} of what the rows name, of whichever center."""
        names = {to_text(row.get("tag")) for _number, row in rows} - {""}
        # sudo: to say what is wrong with a row; only whether a tag is the center's own is told
        parts = (
            self.env["aftersales.used.part"]
            .sudo()
            .search(
                [
                    ("name", "in", list(names)),
                    ("company_id", "=", self.settlement_id.company_id.id),
                ]
            )
        )
        return {part.name: part for part in parts}

    def _compare_row(self, number, row, names, known, seen):
        subject = to_text(row.get("tag"))
        key = subject or (to_text(row.get("record")), to_text(row.get("subject")))
        vals = {"row": number, "subject": subject or " ".join(key), "state": "error"}
        lines = names.get(key, [])
        count = seen.setdefault(key, [])
        count.append(number)
        try:
            if len(count) > max(1, len(lines)):
                raise RowError(
                    self.env._("Twice in the file, also in row %s. Leave one.", count[0]),
                    self.env._("Tag"),
                )
            if not lines:
                raise RowError(self._explain_missing(subject, known.get(subject)))
            line = lines[len(count) - 1]
            vals |= {"line_id": line.id}
            return vals | self._compare_amounts(row, line)
        except RowError as error:
            return vals | {"message": error.message, "column": error.column}

    def _explain_missing(self, subject, part):
        """Return why no line is found for a row, and what to do."""
        env, settlement = self.env, self.settlement_id
        if not subject:
            return env._(
                "No line of our list fits. Write tag and record into every row, as on our list; "
                "merged cells count for their first row only."
            )
        if not part or part.center_id != settlement.center_id:
            # one sentence: a center isn't told which tags others have
            return env._(
                "The tag is not one of %s. Compare it with the label.", settlement.center_id.name
            )
        settled = part._get_settlement_lines().settlement_id - settlement
        listed = (
            self.env["aftersales.settlement.line"]
            .sudo()
            .search([("used_part_id", "=", part.id), ("settlement_id.state", "!=", "cancelled")])
        )
        if settled := settled or (listed.settlement_id - settlement.sudo()):
            return env._("Already on %s. Take the row out.", settled[0].name)
        if part.date_removed.replace(day=1) != settlement.month:
            return env._(
                "Taken off on %s: it belongs on the list of that month.",
                format_date(env, part.date_removed),
            )
        return env._(
            "Not on this list, because the warranty doesn't pay for it or the list was made "
            "before. Look at the service record, or let the list be made again."
        )

    def _get_amount(self, row, name, column=None):
        try:
            if row.get(name) is FORMULA:
                raise RowError(
                    self.env._(
                        "A formula without a result. Open the file in Excel, calculate and save it."
                    ),
                    column,
                )
            return to_amount(row.get(name))
        except ValueError as error:
            raise RowError(
                self.env._("“%s” is no amount.", to_text(row[name])[:40]), column
            ) from error

    def _compare_amounts(self, row, line):
        env, currency = self.env, line.currency_id
        labels = {column.name: column.label for column in self.settlement_id._get_list_columns()}
        amounts = {
            name: self._get_amount(row, name, labels[name])
            for name in ("price", "base", "fee", "claimed", "payable")
        }
        wanted = "payable" if self.direction == "receivable" else "claimed"
        amount = amounts[wanted]
        if amount is None:
            raise RowError(env._("The amount is missing."), labels[wanted])
        # workbooks calculate a little beside the cent
        if abs(amount - currency.round(amount)) > 0.0001:
            raise RowError(env._("An amount has no more than two decimals."), labels[wanted])
        amount = currency.round(amount)
        vals = {"amount_file": amount, "amount_listed": line.amount_claimed}
        if self.direction == "receivable":
            return vals | self._compare_result(row, line, amount)
        price, fee = amounts["price"], amounts["fee"]
        if price is not None and currency.compare_amounts(price, line.price_unit):
            raise RowError(
                env._(
                    "The price is %(ours)s by the year's list (M8.1), not %(theirs)s.",
                    ours=currency.format(line.price_unit),
                    theirs=currency.format(price),
                ),
                labels["price"],
            )
        base = amounts["base"]
        if base is None and price is not None:
            base = line.amount_base
        if base is not None and fee is not None:
            total = currency.round(base + fee)
            if currency.compare_amounts(total, amount):
                raise RowError(
                    env._(
                        "%(amount)s is not amount + fee, that is %(total)s.",
                        amount=currency.format(amount),
                        total=currency.format(total),
                    ),
                    labels["claimed"],
                )
        if not currency.compare_amounts(amount, line.amount_claimed):
            return {**vals, "state": "ok"}
        return {**vals, "state": "different", "message": line.explanation}

    def _compare_result(self, row, line, amount):
        reason = " ".join(filter(None, (to_text(row.get("code")), to_text(row.get("deduction")))))
        is_same = not line.currency_id.compare_amounts(amount, line.amount_claimed)
        if amount < 0 or (not is_same and amount > line.amount_claimed > 0):
            raise RowError(
                self.env._(
                    "The manufacturer can't pay %(amount)s of %(claimed)s.",
                    amount=line.currency_id.format(amount),
                    claimed=line.currency_id.format(line.amount_claimed),
                )
            )
        if not is_same and not reason:
            raise RowError(
                self.env._("The reason for the other amount is missing. Ask the manufacturer.")
            )
        return {"state": "ok" if is_same else "different", "reason": reason, "message": reason}

    # --- taking over -----------------------------------------------------------------------

    def action_apply(self):
        """Take over the rows: all of them, or the good ones if the user has said so.

        :raises UserError: rows with errors, nothing read, or another state since
        """
        self._check_importable()
        if not self.is_read:
            raise UserError(self.env._("Read the file first."))
        if self.error_count and not self.take_good:
            raise UserError(
                self.env._(
                    "%s rows have errors, so nothing is taken over. Correct the file and read it "
                    "again, or choose to take the good rows.",
                    self.error_count,
                )
            )
        good = self._get_good_lines()
        if not good:
            raise UserError(self.env._("There is no row to be taken over."))
        if self.direction == "receivable":
            self.settlement_id._receive_result(
                {line.line_id: (line.amount_file, line.reason or "") for line in good}
            )
        else:
            self._note_own_figures(good.filtered(lambda line: line.state == "different"))
        self._log_import()
        return {"type": "ir.actions.act_window_close"}

    def _note_own_figures(self, different):
        """Object to the lines of which the center has other figures, once it may (M8.5)."""
        if different and self.settlement_id._can_object():
            self.settlement_id._object(
                [
                    {
                        "line_id": line.line_id.id,
                        "amount_expected": line.amount_file,
                        "cause": self.env._(
                            "By our list %(file)s, row %(row)s.", file=self.file_name, row=line.row
                        ),
                    }
                    for line in different
                ]
            )

    def _log_import(self):
        """Say in the chatter what was compared, with the file and every figure that differs."""
        env, currency = self.env, self.currency_id
        count = env._(
            "Compared with the list %(file)s: %(ok)s rows agree, %(different)s differ, %(absent)s "
            "lines of ours are not in it, %(errors)s rows were left out.",
            file=self.file_name or "",
            ok=self.ok_count,
            different=self.different_count,
            absent=self.absent_count,
            errors=self.error_count,
        )
        different = self.line_ids.filtered(lambda line: line.state == "different")
        rows = [
            env._(
                "%(subject)s: %(theirs)s in the file, %(ours)s on our list",
                subject=line.subject,
                theirs=currency.format(line.amount_file),
                ours=currency.format(line.amount_listed),
            )
            for line in different[:LOGGED_ROWS]
        ]
        if len(different) > LOGGED_ROWS:
            rows.append(env._("And %s more, see the file.", len(different) - LOGGED_ROWS))
        raw = base64.b64decode(self.with_context(bin_size=False).file)
        self.settlement_id.message_post(
            body="\n".join([count, *rows]),
            attachments=[(self.file_name or "list.xlsx", raw)],
            subtype_xmlid="mail.mt_note",
        )


class RowError(Exception):
    """What is wrong with a row, in which column, and what to do."""

    def __init__(self, message, column=None):
        super().__init__(message)
        self.message = message
        self.column = column
