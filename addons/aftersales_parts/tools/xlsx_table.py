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
# of parts that are taken in whole, as styles; only sheets and texts may be larger
MAX_PART = 8 * 1024 * 1024
LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings.xml", "xl/media/")
# elements or attributes of all parts: each takes a few hundred bytes once it is parsed
MAX_MARKS = 2_000_000
# and of one part that is taken in whole
MAX_PART_MARKS = 100_000
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
    book = None
    try:
        # links to other books are nothing that is read here
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        return _find_table(book, aliases, required, max_rows)
    except TableError:
        raise
    except Exception as error:
        # openpyxl fails in many ways on files that are damaged on purpose
        raise TableError("damaged") from error
    finally:
        if book:
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
        left = MAX_MARKS
        for index, name in enumerate(archive.names):
            content = archive.inflate(index)
            marks = max(content.count(b"<"), content.count(b"="))
            is_large = name.startswith(LARGE_PARTS)
            if not is_large and (len(content) > MAX_PART or marks > MAX_PART_MARKS):
                raise TableError("bomb")
            left -= marks
            if left < 0:
                raise TableError("bomb")
            if any(mark in content for mark in DOCTYPES):
                raise TableError("doctype")
    except FapiaoError as error:
        raise TableError("bomb") from error


def _find_table(book, aliases, required, max_rows):
    for name in book.sheetnames:
        page = book[name]
        if not hasattr(page, "reset_dimensions"):
            continue  # a chart
        page.reset_dimensions()  # which may claim anything
        columns, start = None, 0
        found = {}
        for number, cells in _iterate(page, max_rows):
            if columns is None:
                if number > HEAD_ROWS:
                    break
                columns, start = _find_columns(cells, aliases, required), number
                continue
            row = {key: _get_cell(cells, index) for key, (index, _label) in columns.items()}
            if any(value not in (None, "") for value in row.values()):
                found[number] = row
                if len(found) > max_rows:
                    raise TableError("rows", limit=max_rows)
        if columns is not None:
            _add_formulas(book, page, columns, start, found, max_rows)
            labels = {key: label for key, (_index, label) in columns.items()}
            return labels, sorted(found.items())
    raise TableError("headings")


def _iterate(page, max_rows):
    """Yield (number, cells) of each row, up to the last before a gap that no list has."""
    empty = 0
    rows = page.iter_rows(max_row=MAX_ROW, max_col=MAX_COLUMNS, values_only=True)
    for number, cells in enumerate(rows, 1):
        empty = 0 if any(cell is not None for cell in cells) else empty + 1
        if empty > max_rows:
            return
        yield number, cells


def _add_formulas(book, page, columns, start, found, max_rows):
    """Note in ``found`` the formulas whose result the file doesn't hold."""
    # the same book once more: a second one would hold all texts twice
    book._data_only = False
    for number, cells in _iterate(page, max_rows):
        if number <= start:
            continue
        for key, (index, _label) in columns.items():
            source = cells[index] if index < len(cells) else None
            is_formula = isinstance(source, str) and source.startswith("=")
            if is_formula and found.get(number, {}).get(key) is None:
                row = found.setdefault(number, dict.fromkeys(columns))
                row[key] = FORMULA
                if len(found) > max_rows:
                    raise TableError("rows", limit=max_rows)


def _find_columns(cells, aliases, required):
    columns = {}
    for index, cell in enumerate(cells):
        name = cell is not None and aliases.get(normalize(cell))
        if name and name not in columns:
            columns[name] = (index, to_text(cell))
    return columns if required <= columns.keys() else None


def _get_cell(cells, index):
    value = cells[index] if index < len(cells) else None
    return value.strip() if isinstance(value, str) else value
