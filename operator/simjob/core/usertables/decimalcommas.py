"""Decimal commas become points in a table whose separator is not the comma. Other notations are refused.

The table itself decides: `2,5` can only have a decimal comma, `2.5` only a decimal point. If a column has only `2,500`
or `2.500`, it may be either of two numbers, and the table is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simjob.core.usertables import columns, numberforms, numerals
from simjob.core.usertables.dialect import BLANKS, COMMA, Sheet
from simjob.core.usertables.numberforms import Form
from simjob.core.usertables.problems import Problems

_MARK: Final = re.compile("[ ,.'\u2019\u00a0\u202f\u2009\u2212\u2013]")
# If commas separate the cells, a single point is always decimal.
_MARK_BETWEEN_COMMAS: Final = re.compile("[ ,'\u2019\u00a0\u202f\u2009\u2212\u2013]|[.].*[.]")
_DIGITS_ALONE: Final = re.compile(r"[^\w]*[0-9][^a-zA-Z]*")
_DECIMAL: Final = (Form.COMMA, Form.COMMA_OR_THOUSANDS)
_IF_TEXT: Final = "If the column holds texts, write the table as JSON Lines"


@dataclass(frozen=True, slots=True)
class _Column:
    """The different cells of a column: for each its first line, and its notation if it has a mark."""

    name: str
    lines: Mapping[str, int]
    forms: Mapping[str, Form]

    def first(self, *forms: Form) -> str | None:
        """Return the first cell with one of these notations; None if there is none."""
        return next((cell for cell, form in self.forms.items() if form in forms), None)

    @property
    def commas(self) -> Mapping[str, str]:
        """Return the numbers with a decimal comma, each with its form with a point."""
        return {cell: cell.replace(",", ".") for cell, form in self.forms.items() if form in _DECIMAL}

    @property
    def is_list(self) -> bool:
        """Whether a cell has a comma and is not a number."""
        return any(form is Form.OTHER and "," in cell for cell, form in self.forms.items())


def to_points(sheet: Sheet, problems: Problems) -> tuple[Sheet, bool]:
    """Return the sheet with decimal points, and whether it had commas. Add ambiguous cells to `problems`."""
    found = _columns(sheet)
    wrong = [problem for column in found for problem in _problems(column, found, sheet.separator)]
    for line, what in sorted(wrong):
        problems.add(line, what)
    commas = [column.commas for column in found]
    if wrong or not any(commas) or sheet.separator == COMMA:
        return sheet, False
    return replace(sheet, records=[(line, _converted(cells, commas)) for line, cells in sheet.records]), True


def _columns(sheet: Sheet) -> Sequence[_Column]:
    lines: list[dict[str, int]] = [{} for _ in sheet.header]
    for line, cells in sheet.records:
        if len(cells) == len(lines):
            for seen, cell in zip(lines, cells, strict=True):
                seen.setdefault(cell, line)
    has_mark = (_MARK_BETWEEN_COMMAS if sheet.separator == COMMA else _MARK).search
    return [
        _Column(columns.shown(name), seen, {cell: numberforms.of(cell) for cell in seen if has_mark(cell)})
        for name, seen in zip(sheet.header, lines, strict=True)
    ]


def _problems(column: _Column, others: Sequence[_Column], separator: str) -> Iterator[tuple[int, str]]:
    """Yield line and message of each problem in a column."""
    has_commas = separator != COMMA and any(each.first(Form.COMMA) for each in others)
    foreign = {Form.FOREIGN: True, Form.COMMAS: not column.is_list, Form.BLANKS: has_commas}
    for cell in [cell for cell, form in column.forms.items() if foreign.get(form)]:
        what = f"column {column.name}: {numberforms.shown(cell)} is a number that few programs read"
        yield column.lines[cell], f"{what}: write digits, a sign (-) and one decimal mark only. {_IF_TEXT}"
    if separator == COMMA:
        yield from _in_quotes(column)
    elif clear := column.first(Form.COMMA):
        yield from _beside(column, clear)
    else:
        has_points = any(each.first(Form.POINT) for each in others)
        yield from _unclear_comma(column, is_decimal=has_commas and not has_points)
        # Blanks as separators come from programs, which write decimal points.
        if separator != BLANKS:
            yield from _unclear_point(column, is_decimal=not has_commas)


def _in_quotes(column: _Column) -> Iterator[tuple[int, str]]:
    """Yield the first number with a comma if commas also separate the cells, unless the column has texts or lists."""
    cell = column.first(*_DECIMAL)
    if cell is not None and not column.is_list:
        what = f"column {column.name}: is {numberforms.shown(cell)} a number, or a list?"
        help_ = "Write a number with a point and without separators of thousands, and a list as [1,2]"
        yield column.lines[cell], f"{what} {help_}. {_IF_TEXT}"


def _beside(column: _Column, clear: str) -> Iterator[tuple[int, str]]:
    """Yield the cells that do not fit into a column with a decimal comma."""
    for cell, line in column.lines.items():
        form = column.forms.get(cell, Form.OTHER)
        if form in (Form.POINT, Form.POINT_OR_THOUSANDS) or (form is Form.OTHER and _is_odd(cell)):
            what = f"column {column.name}: {numberforms.shown(cell)} is not a number with a decimal comma"
            other = f"as {numberforms.shown(clear)} in line {column.lines[clear]} is"
            yield line, f"{what}, {other}: write all its numbers alike, without separators of thousands. {_IF_TEXT}"


def _is_odd(cell: str) -> bool:
    """Return whether a cell is neither a plain number nor a text without a comma."""
    return "," in cell or (_DIGITS_ALONE.fullmatch(cell) is not None and not numerals.is_number(cell))


def _unclear_comma(column: _Column, *, is_decimal: bool) -> Iterator[tuple[int, str]]:
    """Yield the first cell whose comma may separate thousands, unless other columns show that it is decimal."""
    cell = column.first(Form.COMMA_OR_THOUSANDS)
    if cell is not None and (column.is_list or not is_decimal):
        yield column.lines[cell], _which(column, cell)


def _unclear_point(column: _Column, *, is_decimal: bool) -> Iterator[tuple[int, str]]:
    """Yield the first cell with a point that may be between thousands, unless its own column shows that it is not.

    Other columns show nothing: versions and numbers of cases have points, too.
    """
    cell = column.first(Form.POINT_OR_THOUSANDS)
    if cell is not None and not (is_decimal and column.first(Form.POINT)):
        yield column.lines[cell], _which(column, cell)


def _which(column: _Column, cell: str) -> str:
    decimal = cell.strip().replace(",", ".")
    either = f"{decimal.rstrip('0').rstrip('.')} or {decimal.replace('.', '')}"
    what = f"column {column.name}: is {numberforms.shown(cell)} {either}?"
    return f"{what} Write no separators of thousands, and fewer or more than three digits after a decimal mark"


def _converted(cells: list[str], commas: Sequence[Mapping[str, str]]) -> list[str]:
    # Rows with more or fewer cells than the header are refused later, so they may be incomplete here.
    return [points.get(cell, cell) for cell, points in zip(cells, commas, strict=False)] + cells[len(commas) :]
