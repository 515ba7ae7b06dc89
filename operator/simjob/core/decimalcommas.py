"""Decimal commas become points, in a table whose cells are not separated by commas.

A column has decimal commas if all its cells with a comma are numbers with one; a column of texts may hold commas, too.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from simjob.core import columns
from simjob.core.dialect import SEMICOLON, TAB, Sheet
from simjob.core.tableproblems import Problems

_COMMA: Final = re.compile(r"\s*([+-]?[0-9]*),([0-9]+([eE][+-]?[0-9]+)?)\s*")
# 1.234,5 and 1.234: are the points between thousands?
_GROUPED: Final = re.compile(r"\s*[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?\s*")
_POINT: Final = re.compile(r"\s*[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?\s*")
# 1,234: between tabs, as English spreadsheets write them, or beside a column with points, the comma may be between
# thousands.
_THOUSANDS: Final = re.compile(r"\s*[+-]?[0-9]{1,3}(,[0-9]{3})+\s*")


def to_points(sheet: Sheet, problems: Problems) -> tuple[Sheet, bool]:
    """Return the sheet with decimal points, and whether it had commas; note the cells that can be read in two ways."""
    if sheet.separator not in (SEMICOLON, TAB):
        return sheet, False
    records = [record for record in sheet.records if len(record[1]) == len(sheet.header)]
    commas = {at for at in range(len(sheet.header)) if _has_decimal_commas([cells[at] for _, cells in records])}
    if not commas:
        return sheet, False
    has_points = any(
        _POINT.fullmatch(cell) for _, cells in records for at, cell in enumerate(cells) if at not in commas
    )
    may_be_thousands = (sheet.separator == TAB or has_points) and not any(
        _COMMA.fullmatch(cells[at]) and not _THOUSANDS.fullmatch(cells[at]) for _, cells in records for at in commas
    )
    for line, cells in records:
        for at, cell in enumerate(cells):
            if _is_unclear(cell, may_be_thousands, in_column=at in commas):
                what = (
                    f"column {columns.shown(sheet.header[at])}: is {cell.strip()!r} a number with thousands separated?"
                )
                problems.add(line, f"{what} {_HELP}")
    return replace(sheet, records=[(line, _converted(cells, commas)) for line, cells in sheet.records]), True


_HELP: Final = "Write numbers without separators of thousands, and with the same decimal mark"


def _has_decimal_commas(cells: Sequence[str]) -> bool:
    with_comma = [cell for cell in cells if "," in cell]
    return bool(with_comma) and all(_COMMA.fullmatch(cell) or _GROUPED.fullmatch(cell) for cell in with_comma)


def _is_unclear(cell: str, may_be_thousands: bool, *, in_column: bool) -> bool:
    if _GROUPED.fullmatch(cell):
        return True
    return in_column and bool(_POINT.fullmatch(cell) or (may_be_thousands and _THOUSANDS.fullmatch(cell)))


def _converted(cells: list[str], commas: set[int]) -> list[str]:
    if not any("," in cell for cell in cells):
        return cells
    return [
        cell.replace(",", ".") if at in commas and _COMMA.fullmatch(cell) else cell for at, cell in enumerate(cells)
    ]
