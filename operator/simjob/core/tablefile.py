"""Reading a table of cases as people write it: CSV with a header line, or JSON Lines.

What is wrong is told by line, all of it at once: the first few problems, and how many more there are.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from typing import Any, Final, NoReturn

from simjob.api import rules
from simjob.api.cases import Case, Value
from simjob.api.schema import INT64_MAX, MAX_CASES, MAX_PARAMETERS, MAX_TEXT_VALUE, PARAMETER_NAME, no_scalar

_TOLD: Final = 5
_QUOTED: Final = 100
_NAME: Final = re.compile(PARAMETER_NAME)
# https://www.rfc-editor.org/rfc/rfc8259#section-6
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# JSON can write it, but no UTF-8 can, and so no ConfigMap and no environment.
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Row = tuple[int, dict[str, Value]]


class UnreadableTableError(Exception):
    """A table that cannot be read; the text says what is wrong in which lines."""


class _LineError(Exception):
    """What is wrong with one line."""


class _Problems:
    """What is wrong, by line."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0

    def add(self, line: int, what: object) -> None:
        """Notes a problem."""
        self.count += 1
        if len(self.first) < _TOLD:
            self.first.append(f"line {line}: {what}")

    def tell(self) -> None:
        """Raises UnreadableTableError if there are problems."""
        if self.count:
            more = [f"and {self.count - _TOLD} more"] if self.count > _TOLD else []
            raise UnreadableTableError("; ".join([*self.first, *more]))


def read(text: str, key: str) -> Iterator[Case]:
    """Yields the cases of a table, numbered from 0; `key` tells its form by its ending.

    Raises UnreadableTableError, at the end at the latest: nothing that was yielded may be used then.
    """
    problems = _Problems()
    text = text.removeprefix("\ufeff")
    rows = _json_lines(text, problems) if key.endswith(".jsonl") else _csv(text, problems)
    count = 0
    for line, parameters in rows:
        if count == MAX_CASES:
            raise UnreadableTableError(f"line {line}: there are more than {MAX_CASES} rows")
        yield Case(count, str(count), parameters)
        count += 1
    problems.tell()
    if not count:
        raise UnreadableTableError("the table has no rows")


def _csv(text: str, problems: _Problems) -> Iterator[Row]:
    records = _records(text, problems)
    line, header = next(records, (1, []))
    names = [name.strip() for name in header]
    try:
        _check_names(names)
    except _LineError as wrong:
        # Without names the rows mean nothing.
        problems.add(line, wrong)
        return
    for line, cells in records:
        try:
            yield line, _row(names, cells)
        except _LineError as wrong:
            problems.add(line, wrong)


def _records(text: str, problems: _Problems) -> Iterator[tuple[int, list[str]]]:
    """Yields the records that are not empty, each with the number of its first line."""
    # As in files opened with newline="": the reader takes \r\n itself, and quoted line ends stay as they are.
    reader = csv.reader(StringIO(text, newline=""), strict=True, skipinitialspace=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        problems.add(line, f"is no CSV: {error}")


def _row(names: Sequence[str], cells: Sequence[str]) -> dict[str, Value]:
    if len(cells) != len(names):
        raise _LineError(f"has {len(cells)} cells, but the header has {len(names)}")
    return {name: _checked(name, _from_cell(cell)) for name, cell in zip(names, cells, strict=True)}


def _from_cell(cell: str) -> Value:
    """Gives what JSON would read, if it is a number or a boolean; any other cell is a text."""
    if cell in ("true", "false"):
        return cell == "true"
    match = _NUMBER.fullmatch(cell)
    if match is None or len(cell) > MAX_TEXT_VALUE:
        return cell
    if match[2] is None and match[3] is None:
        whole = int(cell)
        # A larger one would be rounded on its way.
        return whole if abs(whole) <= INT64_MAX else cell
    return number if isfinite(number := float(cell)) else cell


def _json_lines(text: str, problems: _Problems) -> Iterator[Row]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            yield line, _from_json(content)
        except _LineError as wrong:
            problems.add(line, wrong)


def _from_json(content: str) -> dict[str, Value]:
    try:
        found = json.loads(content, object_pairs_hook=_Pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _LineError(f"is no JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise _LineError(f"is no JSON that can be read: {error}") from error
    if not isinstance(found, _Pairs):
        raise _LineError('must be a JSON object, such as {"mesh": 3}')
    _check_names([name for name, _ in found])
    return {name: _checked(name, value) for name, value in found}


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it is written, also if a name is there twice."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_PARAMETERS:
        raise _LineError(f"has {len(names)} parameters; {MAX_PARAMETERS} are the most")
    seen: set[str] = set()
    for name in names:
        if not _NAME.fullmatch(name):
            raise _LineError(f"{name[:_QUOTED]!r} is no parameter name: it {rules.PARAMETER_NAME}")
        if name.upper() in seen:
            raise _LineError(f"parameter '{name}' is there twice, upper and lower case being the same")
        seen.add(name.upper())


def _checked(name: str, value: Any) -> Value:
    if isinstance(value, str):
        if len(value) > MAX_TEXT_VALUE:
            raise _LineError(f"'{name}' must not be longer than {MAX_TEXT_VALUE} characters")
        if _LONE_SURROGATE.search(value):
            raise _LineError(f"'{name}' holds half of a character: \\ud800 to \\udfff must stand in pairs")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if abs(value) > INT64_MAX if isinstance(value, int) else not isfinite(value):
            raise _LineError(f"'{name}' is too large a number; write it as a text")
        return value
    # A JSON object is read as a list of pairs.
    raise _LineError(f"'{name}' {no_scalar({} if isinstance(value, _Pairs) else value)}")
