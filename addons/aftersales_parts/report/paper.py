"""Cuts lists into pages by themselves.

Debian's wkhtmltopdf repeats no head of a table, cuts rows in two, and prints no page numbers.
"""

from math import ceil
from typing import NamedTuple
from unicodedata import east_asian_width

# of A4 landscape with the margins of the paper format, in CSS pixels; a little less than there is
WIDTH = 1310
HEIGHT = 870
# as the style sheet of the lists has them
LINE = 16
FRAME = 5
PADDING = 12
WIDE = 13
NARROW = 7.5
HEAD = 2 * LINE + FRAME
CAPTION = 26


class Table(NamedTuple):
    """A list on paper.

    :param columns: as for workbooks, only those that are printed
    :param widths: {name of a column: its share of the paper in per cent}
    :param rows: dicts, as for workbooks
    :param totals: sums by name of a column, printed as the last row if there are any
    :param caption: title of the table, repeated on each page
    :param note: what is said right below the sums
    """

    columns: list
    widths: dict
    rows: list
    totals: dict
    caption: str = ""
    note: str = ""

    def get_height(self, row):
        """Return how high a row will be, by its longest cell."""
        lines = [
            count_lines(row.get(column.name), self.widths[column.name] * WIDTH / 100 - PADDING)
            for column in self.columns
            if column.kind in ("text", "long")
        ]
        return max([1, *lines]) * LINE + FRAME


class Segment(NamedTuple):
    """The part of a table that is on one page."""

    table: Table
    rows: list
    is_last: bool


def count_lines(text, width):
    """Return how many lines ``text`` takes in a cell of ``width`` pixels, rather too many."""
    if not text:
        return 1
    pixels = sum(WIDE if east_asian_width(sign) in "FWA" else NARROW for sign in str(text))
    # words that don't fit into the rest of a line leave it empty
    return ceil(pixels * 1.08 / width)


def paginate(tables, first, last):
    """Return the pages, each a list of segments.

    :param tables: the tables one after the other
    :param int first: height of what stands above them on the first page
    :param int last: height of what stands below them on the last page
    """
    pages, room = [[]], HEIGHT - first
    for table in tables:
        head = HEAD + (CAPTION if table.caption else 0)
        rows, start, is_open = table.rows, 0, False
        heights = [table.get_height(row) for row in rows]
        # the sums are never alone on a page
        if heights:
            heights[-1] += (LINE + FRAME) * (bool(table.totals) + bool(table.note))
        for index, height in enumerate(heights):
            needed = height if is_open else head + height
            if needed > room and (is_open or pages[-1] or first):
                if is_open:
                    pages[-1].append(Segment(table, rows[start:index], False))
                pages.append([])
                room, start, needed = HEIGHT, index, head + height
            room, is_open = room - needed, True
        if rows:
            pages[-1].append(Segment(table, rows[start:], True))
    if room < last:
        pages.append([])
    return pages
