"""From the text of a CSV table to its header and rows of cells: the separator, and the line of the header.

The rules are those of docs/tables.md. They use only what a person can see in the table.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final, NoReturn

from simjob.api.schema import PARAMETER_NAME
from simjob.core.usertables import numerals
from simjob.core.usertables.problems import Problems, UnreadableTableError

TAB, SEMICOLON, COMMA, BLANKS, BARS = "\t", ";", ",", " ", "|"
_NAMES: Final = {TAB: "tabs", SEMICOLON: "semicolons", COMMA: "commas", BLANKS: "blanks", BARS: "bars"}
# https://support.microsoft.com/office/import-or-export-text-txt-or-csv-files-5250ac4c-663c-47ce-937b-339e391393ba
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([,;\t|])"?[ \t]*[\r\n]*', re.IGNORECASE)
_COMMENT: Final = re.compile(r"[ \t]*[#%]+[ \t]*")
_WIDE_GAP: Final = re.compile(r"\S {2,}\S")
_ADVICE: Final = "put a first line `sep=,` or `sep=;` before the header"

# Messages of Python's csv module, and plain words for them.
_WORDS: Final = (
    ("unexpected end of data", "a quote is opened here and never closed"),
    ("expected after", "text follows a closing quote; inside a quoted cell, write each quote twice"),
    ("field larger", f"a cell has more than {csv.field_size_limit()} characters"),
)

Record = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of cells: its header, and its records without blank ones, each with the number of its first line.

    `broken`: the line at which reading stopped, and why; None if all was read.
    """

    separator: str
    line: int
    header: Sequence[str]
    records: Sequence[Record]
    broken: tuple[int, str] | None = None

    @property
    def form(self) -> str:
        """Return how the cells are separated, as text for status."""
        return f"separated by {_NAMES[self.separator]}"

    @property
    def fitting(self) -> int:
        """Return the number of records with as many cells as the header."""
        return sum(len(cells) == len(self.header) for _, cells in self.records)

    @property
    def fits(self) -> bool:
        """Whether all records have as many cells as the header."""
        return self.broken is None and self.fitting == len(self.records)

    @property
    def has_row_names(self) -> bool:
        """Whether each record has one cell more than the header, as R writes row names."""
        return bool(self.records) and all(len(cells) == len(self.header) + 1 for _, cells in self.records)

    def cells_of(self, column: int) -> list[str]:
        """Return the cells of a column, without the records that are too short."""
        return [cells[column] for _, cells in self.records if column < len(cells)]


def read(text: str, problems: Problems) -> Sheet:
    """Return the table, and add what cannot be read to `problems`.

    Raise UnreadableTableError if the table can be read in two ways.
    """
    lines = StringIO(text, newline="").readlines()
    at = _next_with_text(lines, 0)
    given = _SEPARATOR_LINE.fullmatch(lines[at]) if at < len(lines) else None
    if given:
        at = _next_with_text(lines, at + 1)
    sheet = _below_comments(lines, at, given[1] if given else None)
    if sheet.broken:
        problems.add(*sheet.broken)
    return sheet


def _below_comments(lines: Sequence[str], at: int, separator: str | None) -> Sheet:
    """Return the table. The last comment above it may be its header, as numpy.savetxt and Dakota write it."""
    above = None
    while at < len(lines) and _COMMENT.match(lines[at]):
        above, at = at, _next_with_text(lines, at + 1)
    if above is not None:
        header = _COMMENT.sub("", lines[above], count=1)
        skipped = ["\n"] * (at - above - 1)
        try:
            found = _chosen([header, *skipped, *lines[at:]], above, separator, is_marked=True)
        except UnreadableTableError:
            # The comment is a sentence, not a header.
            return _chosen(lines[at:], at, separator)
        if found.fits and found.records and not _has_number(found.header):
            if _has_number(found.records[0][1]):
                return found
            if _may_be_header(found) and not any(_has_number(cells) for _, cells in found.records):
                message = "is this comment the header? Remove its comment sign if it is, and the line if it is not"
                raise UnreadableTableError(f"line {above + 1}: {message}")
    return _chosen(lines[at:], at, separator)


def _may_be_header(found: Sheet) -> bool:
    """Return whether a comment may be the header of the rows below it: it is one word, or has several cells."""
    if len(found.header) > 1:
        return True
    return re.fullmatch(PARAMETER_NAME, found.header[0]) is not None and list(found.header) != list(found.records[0][1])


def _chosen(lines: Sequence[str], before: int, separator: str | None, *, is_marked: bool = False) -> Sheet:
    """Return the table with the given separator, or with the one that is found. `before`: number of lines above."""
    if separator is not None:
        return _parse(lines, before, separator)
    # Try only separators that occur: any other gives one column.
    there = [each for each in (TAB, SEMICOLON, COMMA) if any(each in line for line in lines)]
    wide = [sheet for each in there if len((sheet := _parse(lines, before, each)).header) > 1]
    fitting = [sheet for sheet in wide if sheet.fits]
    if len(fitting) > 1 and fitting[0].separator != TAB:
        raise UnreadableTableError(f"line {before + 1}: semicolons and commas both give a table: {_ADVICE}")
    if fitting:
        return fitting[0]
    if not wide:
        _refuse_bars(_parse(lines, before, BARS), _better(lines))
    blanks = _parse(lines, before, BLANKS)
    if not wide and not is_marked and (_is_aligned(lines) or (len(blanks.header) > 1 and blanks.has_row_names)):
        _refuse_blanks(lines, before)
    if len(blanks.header) > 1 and blanks.fits and blanks.records:
        if is_marked or all(numerals.is_number(cell) for _, cells in blanks.records for cell in cells):
            return blanks
        if not wide:
            _refuse_blanks(lines, before)
    return max(wide, key=lambda sheet: sheet.fitting) if wide else _parse(lines, before, COMMA)


def _is_aligned(lines: Sequence[str]) -> bool:
    """Return whether the header and each row have two or more blanks within, as columns of a fixed width have."""
    rows = [line for line in lines if line.strip()]
    return len(rows) > 1 and all(_WIDE_GAP.search(line) for line in rows) and not all(map(_is_of_numbers, rows[1:]))


def _is_of_numbers(line: str) -> bool:
    return all(map(numerals.is_number, line.split()))


def _refuse_blanks(lines: Sequence[str], before: int) -> NoReturn:
    message = f"blanks seem to separate the columns: use {_better(lines)} instead"
    raise UnreadableTableError(f"line {before + 1}: {message}. If it is one column, {_ADVICE}")


def _better(lines: Sequence[str]) -> str:
    """Return which separator to recommend: semicolons if cells may have decimal commas."""
    return "semicolons" if any("," in line for line in lines) else "commas"


def _refuse_bars(sheet: Sheet, better: str) -> None:
    """Raise UnreadableTableError if bars divide the header and a row: then it is probably not one column."""
    if len(sheet.header) > 1 and any(len(cells) > 1 for _, cells in sheet.records):
        message = f"bars seem to separate the columns: put a first line `sep=|` before the header, or use {better}"
        raise UnreadableTableError(f"line {sheet.line}: {message}. If it is one column, {_ADVICE}")


def _parse(lines: Sequence[str], before: int, separator: str) -> Sheet:
    records, broken = _records(lines, before, separator)
    if not records:
        return Sheet(separator, before + 1, (), (), broken)
    (line, header), *rows = records
    header = _trimmed(header, 0)
    width = len(header)
    trimmed = [(at, _trimmed(cells, width) if len(cells) > width else cells) for at, cells in rows]
    return Sheet(separator, line, header, trimmed, broken)


def _records(lines: Sequence[str], before: int, separator: str) -> tuple[list[Record], tuple[int, str] | None]:
    """Return the records that are not blank, and the line and cause if reading stopped early."""
    if separator == BLANKS:
        lines = [line.strip() for line in lines]
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    found: list[Record] = []
    line = before + 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                found.append((line, cells))
            line = before + reader.line_num + 1
    except csv.Error as error:
        words = next((words for part, words in _WORDS if part in str(error)), str(error))
        return found, (line, f"is not CSV: {words}")
    return found, None


def _trimmed(cells: list[str], width: int) -> list[str]:
    """Return the cells without blank ones at the end beyond `width`: programs often leave separators there."""
    end = len(cells)
    while end > width and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _next_with_text(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _has_number(cells: Sequence[str]) -> bool:
    return any(numerals.is_number(cell) for cell in cells)
