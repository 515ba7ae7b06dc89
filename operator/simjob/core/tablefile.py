"""Reading a table of cases as people write it: CSV with a header line, or JSON Lines.

What is wrong is told by line, all of it at once: the first few problems, and how many more there are.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from typing import Any, Final, NoReturn

import msgspec

from simjob.api import rules, values
from simjob.api.cases import Case
from simjob.api.schema import INT64_MAX, MAX_CASES, MAX_PARAMETERS, PARAMETER_NAME
from simjob.core import cells
from simjob.core.cells import Cell

_TOLD: Final = 5
_QUOTED: Final = 100
_NAME: Final = re.compile(PARAMETER_NAME)
# JSON can write it, but no UTF-8 can, and so no ConfigMap and no environment.
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WRITTEN: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

Row = tuple[int, dict[str, Cell]]


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
    for line, row in rows:
        if count == MAX_CASES:
            raise UnreadableTableError(f"line {line}: there are more than {MAX_CASES} rows")
        yield cells.case(count, row)
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
    for line, record in records:
        try:
            yield line, _row(names, record)
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


def _row(names: Sequence[str], record: Sequence[str]) -> dict[str, Cell]:
    if len(record) != len(names):
        raise _LineError(f"has {len(record)} cells, but the header has {len(names)}")
    found = {name: cells.read(text) for name, text in zip(names, record, strict=True)}
    for name, cell in found.items():
        if wrong := values.complaint(cell.text):
            raise _LineError(f"'{name}' {wrong}")
    return found


def _json_lines(text: str, problems: _Problems) -> Iterator[Row]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            yield line, _from_json(content)
        except _LineError as wrong:
            problems.add(line, wrong)


def _from_json(content: str) -> dict[str, Cell]:
    try:
        found = json.loads(content, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _LineError(f"is no JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise _LineError(f"is no JSON that can be read: {error}") from error
    if not isinstance(found, dict):
        raise _LineError('must be a JSON object, such as {"mesh": 3}')
    _check_names(list(found))
    for name, value in found.items():
        _check(name, value)
    # A number, a list or an object as it stands in the line.
    written = _WRITTEN.decode(content)
    return {
        name: Cell(value, value if isinstance(value, str) else bytes(written[name]).decode())
        for name, value in found.items()
    }


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise _LineError(f"has '{repeated[:_QUOTED]}' twice in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_PARAMETERS:
        raise _LineError(f"has {len(names)} parameters; {MAX_PARAMETERS} are the most")
    seen: set[str] = set()
    for name in names:
        if not _NAME.fullmatch(name):
            raise _LineError(f"{name[:_QUOTED]!r} is no parameter name: it {rules.PARAMETER_NAME}")
        if name in rules.NAMES_OF_BOOLEANS:
            raise _LineError(f"has a parameter named '{name}': {rules.QUOTE_BOOLEANS}")
        if name.upper() in seen:
            raise _LineError(f"parameter '{name}' is there twice, upper and lower case being the same")
        seen.add(name.upper())


def _check(name: str, value: Any) -> None:
    wrong = values.complaint(value) or values.misreading(value, _is_doubtful)
    if wrong:
        raise _LineError(f"'{name}' {wrong}")
    if _LONE_SURROGATE.search(values.as_text(value)):
        raise _LineError(f"'{name}' holds half of a character: \\ud800 to \\udfff must stand in pairs")


def _is_doubtful(number: float) -> bool:
    return abs(number) > INT64_MAX if isinstance(number, int) else not isfinite(number)
