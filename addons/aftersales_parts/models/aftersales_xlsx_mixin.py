import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import xlsxwriter

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import split_every

# so many records are read at once, and forgotten before the next ones are
BATCH = 1000
# what Excel takes in one cell, and in the name of a sheet
MAX_TEXT = 32767
MAX_NAME = 31
# what an .xlsx file can't hold at all
UNPRINTABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
WIDTHS = {
    "text": 18,
    "long": 30,
    "date": 12,
    "datetime": 17,
    "amount": 14,
    "rate": 8,
    "number": 9,
}
FORMATS = {
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm",
    "amount": "#,##0.00",
    "rate": "0.00",
    "number": "General",
}


class XlsxColumn(NamedTuple):
    """A column: key in the rows, heading, what it holds (key of ``WIDTHS``), is it summed up."""

    name: str
    label: str
    kind: str = "text"
    is_total: bool = False


class XlsxSheet(NamedTuple):
    """A list: headings above the table, its columns and rows, and what follows below it."""

    name: str
    title: str
    facts: Iterable[str]
    columns: Iterable[XlsxColumn]
    rows: Iterable[dict]
    notes: Iterable[str] = ()


def iter_batches(records):
    """Yield ``records`` in batches; what was read of a batch is forgotten after it."""
    for ids in split_every(BATCH, records.ids):
        yield records.browse(ids)
        records.env.invalidate_all()


class AftersalesXlsxMixin(models.AbstractModel):
    """Lists of records as workbooks that accountants use unchanged.

    Written row by row, so that the memory doesn't grow with the rows. Whatever a cell says, it is
    text, a number or a date: the only formulas are the sums.
    """

    _name = "aftersales.xlsx.mixin"
    _description = "Lists as workbooks"

    @api.model
    def _get_xlsx_titles(self):
        """Return {code: title} of the lists that there are of this model."""
        return {}

    def _get_xlsx_sheets(self, code):
        """Return the sheets of the list ``code`` of these records.

        :rtype: iterable of XlsxSheet
        """
        raise NotImplementedError

    def _get_xlsx_name(self, code):
        """Return the name of the file, without extension."""
        title = self._get_xlsx_titles()[code]
        return f"{title} {self.display_name}" if len(self) == 1 else title

    def _action_xlsx(self, code):
        """Return the action that downloads the list ``code`` of these records."""
        if not self:
            raise UserError(self.env._("Choose first what is to be listed."))
        self.check_access("read")
        download = self.env["aftersales.xlsx"].create(
            {"res_model": self._name, "code": code, "res_ids": self.ids}
        )
        return {
            "type": "ir.actions.act_url",
            "url": f"/aftersales_parts/xlsx/{download.id}",
            "target": "download",
        }

    def _write_xlsx(self, code, target):
        """Write the list ``code`` of these records.

        :param target: binary file
        """
        with xlsxwriter.Workbook(
            target,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        ) as book:
            formats = self._get_xlsx_formats(book)
            names = set()
            for sheet in self._get_xlsx_sheets(code):
                self._write_xlsx_sheet(book, formats, sheet, self._get_sheet_name(sheet, names))

    @api.model
    def _get_sheet_name(self, sheet, names):
        """Return a name that Excel takes and that isn't among ``names`` yet; add it there."""
        plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "-", sheet.name).strip("' ")[:MAX_NAME] or "1"
        name, number = plain, 1
        while name.lower() in names:
            number += 1
            suffix = f" {number}"
            name = plain[: MAX_NAME - len(suffix)] + suffix
        names.add(name.lower())
        return name

    @api.model
    def _get_xlsx_formats(self, book):
        cell = {"border": 1, "border_color": "#BFBFBF", "valign": "top"}
        strong = {**cell, "bold": True, "bg_color": "#F2F2F2"}
        # text keeps being text when somebody edits the cell, whatever it begins with
        kinds = {
            "text": {"num_format": "@"},
            "long": {"num_format": "@", "text_wrap": True},
            **{kind: {"num_format": value} for kind, value in FORMATS.items()},
        }
        formats = {kind: book.add_format({**cell, **vals}) for kind, vals in kinds.items()}
        totals = {f"total {kind}": book.add_format({**strong, **v}) for kind, v in kinds.items()}
        return formats | {
            **totals,
            "title": book.add_format({"bold": True, "font_size": 16}),
            "fact": book.add_format({"num_format": "@"}),
            "head": book.add_format(
                {**strong, "bg_color": "#D9E1F2", "text_wrap": True, "align": "center"}
            ),
        }

    @api.model
    def _write_xlsx_sheet(self, book, formats, sheet, name):
        page = book.add_worksheet(name)
        columns = list(sheet.columns)
        facts = list(sheet.facts)
        head = len(facts) + 1
        for index, column in enumerate(columns):
            page.set_column(index, index, WIDTHS[column.kind])
        page.set_landscape()
        page.set_paper(9)  # A4
        page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        page.fit_to_pages(1, 0)
        page.repeat_rows(head)
        page.set_footer("&C&P / &N")
        page.freeze_panes(head + 1, 0)
        self._write_text(page, 0, 0, sheet.title, formats["title"])
        for row, fact in enumerate(facts, 1):
            self._write_text(page, row, 0, fact, formats["fact"])
        for index, column in enumerate(columns):
            self._write_text(page, head, index, column.label, formats["head"])
        totals = {column.name: 0 for column in columns if column.is_total}
        row = head
        for row, values in enumerate(sheet.rows, head + 1):
            for index, column in enumerate(columns):
                self._write_cell(page, row, index, values[column.name], column.kind, formats)
            for total in totals:
                totals[total] += values[total] or 0
        page.autofilter(head, 0, max(row, head), len(columns) - 1)
        if totals:
            self._write_totals(page, columns, totals, formats, head + 1, row)
        for offset, note in enumerate(sheet.notes, row + 3):
            self._write_text(page, offset, 0, note, formats["fact"])

    @api.model
    def _write_totals(self, page, columns, totals, formats, first, last):
        """Write sums of the rows that the filter shows, with what they amount to of all rows."""
        for index, column in enumerate(columns):
            shown = formats[f"total {column.kind}"]
            if column.name not in totals:
                label = self.env._("Total") if index == 0 else ""
                self._write_text(page, last + 1, index, label, formats["total text"])
            elif last < first:
                page.write_number(last + 1, index, 0, shown)
            else:
                letter = xlsxwriter.utility.xl_col_to_name(index)
                formula = f"=SUBTOTAL(9,{letter}{first + 1}:{letter}{last + 1})"
                page.write_formula(last + 1, index, formula, shown, round(totals[column.name], 6))

    @api.model
    def _write_cell(self, page, row, column, value, kind, formats):
        if value is None or value is False or value == "":
            page.write_blank(row, column, None, formats[kind])
        elif isinstance(value, (date, datetime)):
            page.write_datetime(row, column, value, formats[kind])
        elif kind in ("text", "long"):
            self._write_text(page, row, column, value, formats[kind])
        else:
            page.write_number(row, column, value, formats[kind])

    @api.model
    def _write_text(self, page, row, column, text, cell_format):
        """Write text as such, so that nothing in it is taken for a formula, number or link."""
        text = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))[:MAX_TEXT]
        if text:
            page.write_string(row, column, text, cell_format)
        else:
            page.write_blank(row, column, None, cell_format)
