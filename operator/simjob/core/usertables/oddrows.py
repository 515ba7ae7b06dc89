"""Rows and headers of a CSV table that are probably mistakes: a repeated header, units, comments, error values."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from simjob.core.usertables import columns, numberforms, numerals
from simjob.core.usertables.dialect import COMMA, Record, Sheet
from simjob.core.usertables.numberforms import Form
from simjob.core.usertables.problems import LineError

_COMMENT: Final = ("#", "%")
# #DIV/0!, #N/A and #NAME? of Excel in all languages, ##### for a column that is too narrow, Err:502 of LibreOffice.
_ERROR: Final = re.compile(r"#(N/A|NV|N/D|N/V|[^\W_][\w/ ]*[!?]|##+)|Err:[0-9]{3}")
# Matches [mm], (m/s2) and [-], but not (1 0 0).
_UNIT: Final = re.compile(r"[\[(]([^\[\]()]*[^\W\d_][^\[\]()]*|[-%°\"'1])[\])]")
_DIGITS: Final = re.compile(r"[+-]?[0-9]+")
_REMOVE_OR_KEEP: Final = "remove the line, or, if it is a case, write the table as JSON Lines"


def check_header(header: Sequence[str]) -> None:
    """Raise LineError if a name is a number: the header may be missing, and this line may be the first case."""
    for name in header:
        if re.search("[0-9]", name) and (numerals.is_number(name) or numberforms.of(name) is not Form.OTHER):
            what = f"column {columns.shown(name)} is a number where a name belongs"
            raise LineError(f"{what}: add a header line, or begin the name with a letter")


def problems(sheet: Sheet) -> Iterator[tuple[int, str]]:
    """Yield line and message of each row that is probably not meant as a case."""
    header = [name.strip() for name in sheet.header]
    has_comments = not all(_is_comment(cells) for _, cells in sheet.records)
    if _has_units(sheet.records):
        yield sheet.records[0][0], f"holds units: put them into the header, as in 'angle [deg]', or {_REMOVE_OR_KEEP}"
    for line, cells in sheet.records:
        if wrong := next((cell for cell in cells if cell[:1] in ("#", "E") and _ERROR.fullmatch(cell.strip())), None):
            yield line, f"{numberforms.shown(wrong)} is a spreadsheet's error: correct the cell"
        elif has_comments and _is_comment(cells):
            yield line, f"begins with {cells[0][0]!r}, as a comment does: {_REMOVE_OR_KEEP}"
        elif cells[0].strip() == header[0] and [cell.strip() for cell in cells] == header:
            yield line, f"repeats the header: {_REMOVE_OR_KEEP}"


def too_long(sheet: Sheet, count: int) -> str:
    """Return what to do about rows with `count` cells, which is more than the header has."""
    advice = []
    rows = [cells for _, cells in sheet.records if len(cells) == count]
    is_split = sheet.separator == COMMA and any(map(_has_split_number, rows))
    if is_split:
        first_line = "put a first line `sep=;` before the header"
        what = first_line if len(sheet.header) == 1 else "separate the cells with semicolons"
        advice.append(f"If numbers have decimal commas, {what}")
    if sheet.has_row_names and _are_names([cells[0] for cells in rows], may_number=not is_split):
        advice.append("If R wrote it, use write.csv, or write.table with col.names = NA")
    if not is_split:
        advice.append("Put a cell that holds the separator in double quotes")
    return ". ".join(advice)


def _is_comment(cells: Sequence[str]) -> bool:
    return cells[0].startswith(_COMMENT)


def _has_units(records: Sequence[Record]) -> bool:
    """Return whether the first row has only units in brackets, and no other row has any."""
    if len(records) < 2:
        return False
    (_, first), *rest = records
    return all(not cell.strip() or _UNIT.fullmatch(cell.strip()) for cell in first) and not any(
        _UNIT.fullmatch(cell.strip()) for _, cells in rest for cell in cells if cell[:1] in ("[", "(")
    )


def _has_split_number(cells: Sequence[str]) -> bool:
    return any(_DIGITS.fullmatch(whole.strip()) and after.strip().isdecimal() for whole, after in pairwise(cells))


def _are_names(first: Sequence[str], *, may_number: bool) -> bool:
    """Return whether these may be R's row names: all different, or exactly 1, 2, 3 ... if numbers may be data."""
    if not may_number and any(_DIGITS.fullmatch(cell.strip()) for cell in first):
        return list(first) == [str(number) for number in range(1, len(first) + 1)]
    return len({*first}) == len(first)
