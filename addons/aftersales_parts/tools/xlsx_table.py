"""Reads a table out of a workbook that somebody else made, whatever is in the file."""

import io
import re
import unicodedata
import zipfile
from decimal import Decimal, InvalidOperation

from openpyxl import load_workbook

from .fapiao_archive import Archive
from .fapiao_data import FapiaoError

# headings stand near the top, and no list is wider
HEAD_ROWS = 40
MAX_COLUMNS = 80
MAX_ROW = 1048576
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# no part of a workbook declares a document type; where one does, it is to do harm
DOCTYPES = tuple("<!DOCTYPE".encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be"))


class TableError(Exception):
    """The file can't be read: ``code`` says why, ``values`` with which figures."""

    def __init__(self, code, **values):
        super().__init__(code)
        self.code = code
        self.values = values


class Formula:
    """A formula whose result the file doesn't hold."""


FORMULA = Formula()


def normalize(text):
    """Return a heading without blanks, units in brackets, width and case."""
    text = unicodedata.normalize("NFKC", str(text)).casefold()
    return re.sub(r"\([^)]*\)|[\s:*_.%/¥￥-]", "", text)


def to_amount(value):
    """Return the amount that a cell holds, as a number or as text; None if it holds none.

    :raises ValueError: neither
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or value is FORMULA:
        raise ValueError(value)
    text = unicodedata.normalize("NFKC", str(value))
    text = re.sub(r"[\s,¥元'’]|CNY|RMB", "", text, flags=re.IGNORECASE)
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(value) from error
    if not amount.is_finite() or abs(amount) >= 10**12:
        raise ValueError(value)
    return float(amount)


def to_text(value):
    """Return what a cell says as text; whole numbers without a decimal point."""
    if value is None or value is FORMULA:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFKC", str(value)).strip()


def read_table(raw, aliases, required, limits, max_rows):
    """Return ({name of a column: its heading}, [(number of the row, {name: value})]).

    The sheet and the row of the headings are found by the headings themselves. Cells are numbers,
    text, dates, or ``FORMULA``; rows in which nothing stands are left out.

    :param dict aliases: {heading as `normalize` returns it: name of a column}
    :param required: names without which the table isn't the one that is looked for
    :param limits: `fapiao_archive.Limits` of the unpacked file
    :raises TableError: no workbook, beyond the limits, or no such table
    """
    _check_file(raw, limits)
    books = []
    try:
        # twice: what cells hold, and which of them are formulas
        for data_only in (True, False):
            books.append(load_workbook(io.BytesIO(raw), read_only=True, data_only=data_only))
        return _find_table(*books, aliases, required, max_rows)
    except TableError:
        raise
    except Exception as error:
        # openpyxl fails in many ways on files that are damaged on purpose
        raise TableError("damaged") from error
    finally:
        for book in books:
            book.close()


def _check_file(raw, limits):
    if raw.startswith(OLD_EXCEL):
        raise TableError("old")
    if not zipfile.is_zipfile(io.BytesIO(raw)) or not raw.startswith(b"PK"):
        raise TableError("no_workbook")
    try:
        archive = Archive(raw, limits)
        if "xl/workbook.xml" not in archive.names:
            raise TableError("no_workbook")
        for index in range(len(archive.names)):
            content = archive.inflate(index)
            if any(mark in content for mark in DOCTYPES):
                raise TableError("doctype")
    except FapiaoError as error:
        raise TableError("bomb") from error


def _find_table(values, formulas, aliases, required, max_rows):
    for name in values.sheetnames:
        pages = [book[name] for book in (values, formulas)]
        if not all(hasattr(page, "reset_dimensions") for page in pages):
            continue  # a chart
        for page in pages:
            page.reset_dimensions()  # which may claim anything
        rows = zip(
            *(
                page.iter_rows(max_row=MAX_ROW, max_col=MAX_COLUMNS, values_only=True)
                for page in pages
            ),
            strict=False,
        )
        columns = None
        found = []
        for number, (cells, sources) in enumerate(rows, 1):
            if columns is None:
                if number > HEAD_ROWS:
                    break
                columns = _find_columns(cells, aliases, required)
                continue
            row = {
                key: _get_cell(cells, sources, index) for key, (index, _label) in columns.items()
            }
            if any(value not in (None, "") for value in row.values()):
                found.append((number, row))
                if len(found) > max_rows:
                    raise TableError("rows", limit=max_rows)
        if columns is not None:
            return {key: label for key, (_index, label) in columns.items()}, found
    raise TableError("headings")


def _find_columns(cells, aliases, required):
    columns = {}
    for index, cell in enumerate(cells):
        name = cell is not None and aliases.get(normalize(cell))
        if name and name not in columns:
            columns[name] = (index, to_text(cell))
    return columns if required <= columns.keys() else None


def _get_cell(cells, sources, index):
    value = cells[index] if index < len(cells) else None
    source = sources[index] if index < len(sources) else None
    if value is None and isinstance(source, str) and source.startswith("="):
        return FORMULA
    return value.strip() if isinstance(value, str) else value
