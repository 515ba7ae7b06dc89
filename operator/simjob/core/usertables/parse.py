"""Read a user's table of cases: CSV with a header line, or JSON Lines.

Problems are reported by line: the first few, and the number of others.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final, NoReturn

import msgspec

from simjob.api.schema import MAX_CASES
from simjob.api.sweep import values
from simjob.api.sweep.cases import Case
from simjob.core.usertables import cells, columns, decimalcommas, dialect, oddrows
from simjob.core.usertables.cells import Cell
from simjob.core.usertables.columns import Column
from simjob.core.usertables.dialect import Sheet
from simjob.core.usertables.problems import LineError, Problems, UnreadableTableError

_WRITTEN: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_JSON_LINES: Final = (".jsonl", ".ndjson")
_PANDAS: Final = "pandas: to_json(…, orient='records', lines=True)"
# Each row of JSON Lines may have other names, so the list of renamed ones needs a limit.
_MOST_RENAMED: Final = 128

Row = tuple[int, dict[str, Cell]]


class TableFile:
    """A table that is being read.

    `form` is its format as text, `count` the number of its cases, and `renamed` has the columns that were renamed or
    left out. They are complete when `cases` has ended.
    """

    def __init__(self, text: str, key: str) -> None:
        """Take the text of a table, and the key of the ConfigMap, whose ending shows the format."""
        self.form = ""
        self.count = 0
        self.renamed: dict[str, str | None] = {}
        self._problems = Problems()
        self._headers: dict[str, str] = {}
        self._text = text.removeprefix("\ufeff")
        self._is_json = key.lower().endswith(_JSON_LINES)

    def cases(self) -> Iterator[Case]:
        """Yield the cases, numbered from 0.

        Raise UnreadableTableError if the table cannot be read, maybe only at the end. Then no case may be used.
        """
        for line, row in self._json_lines() if self._is_json else self._csv():
            if self.count == MAX_CASES:
                raise UnreadableTableError(f"line {line}: there are more than {MAX_CASES} rows")
            yield cells.case(self.count, row)
            self.count += 1
        self._problems.check()
        if not self.count:
            raise UnreadableTableError("the table has no rows")

    def _csv(self) -> Iterator[Row]:
        _check_is_csv(self._text)
        sheet, has_commas = decimalcommas.to_points(dialect.read(self._text, self._problems), self._problems)
        self.form = f"CSV, {sheet.form}{', with decimal commas' if has_commas else ''}"
        try:
            found = columns.of(sheet.header, sheet.cells_of)
            oddrows.check_header(sheet.header)
        except LineError as wrong:
            # Without names the rows mean nothing.
            self._problems.add(sheet.line, wrong)
            return
        self.renamed.update(columns.renamed(found))
        if sheet.has_row_names:
            advice = oddrows.too_long(sheet, len(sheet.header) + 1)
            self._problems.add(sheet.records[0][0], f"each row has one cell more than the header. {advice}")
            return
        yield from self._rows(sheet, found)

    def _rows(self, sheet: Sheet, found: Sequence[Column]) -> Iterator[Row]:
        odd = dict(oddrows.problems(sheet))
        for line, record in sheet.records:
            if line in odd:
                self._problems.add(line, odd[line])
                continue
            try:
                row = _row(sheet, found, record)
            except LineError as wrong:
                self._problems.add(line, wrong)
                continue
            # A row that is blank apart from columns that are left out is not a case.
            if any(cell.text.strip() for cell in row.values()):
                yield line, row

    def _json_lines(self) -> Iterator[Row]:
        self.form = "JSON Lines"
        for line, content in enumerate(self._text.split("\n"), start=1):
            if not content.strip():
                continue
            try:
                found = _from_json(content)
                named = [Column(header, columns.parameter_name(header)) for header in found]
                columns.check(named)
                self._check_alike(named)
                yield line, {column.parameter or "": found[column.header] for column in named}
            except LineError as wrong:
                self._problems.add(line, wrong)
                continue
            if len(self.renamed) < _MOST_RENAMED:
                self.renamed.update(columns.renamed(named))

    def _check_alike(self, found: Sequence[Column]) -> None:
        """Raise LineError if a row has a name that becomes the same parameter as a different name in another row."""
        for column in found:
            first = self._headers.setdefault(column.parameter or "", column.header)
            if first != column.header:
                both = f"{columns.shown(first)}, above, and {columns.shown(column.header)}"
                raise LineError(f"{both} both give the parameter {column.parameter}: rename one of them")


def check(name: str, value: Any) -> None:
    """Raise LineError if the parameter `name` cannot have this value."""
    wrong = values.complaint(value) or values.misreading(value, _is_doubtful)
    if wrong:
        raise LineError(f"'{name}' {wrong}")
    if columns.LONE_SURROGATE.search(values.as_text(value)):
        raise LineError(f"'{name}' holds half of a character: \\ud800 to \\udfff must be in pairs")


def _check_is_csv(text: str) -> None:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableTableError(f"line {line}: there is a NUL character; UTF-16 needs a byte order mark")
    first = text.lstrip().partition("\n")[0]
    if not first.startswith(("[", "{")):
        return
    if isinstance(found := _json(first), dict) and not _is_by_column(found):
        raise UnreadableTableError("it is JSON Lines: give it a key that ends in .jsonl")
    match _json(text):
        case list():
            advice = "write one object per line (jq -c '.[]'), under a key that ends in .jsonl"
            raise UnreadableTableError(f"it is JSON; {advice}")
        case dict():
            advice = f"write one object of parameters per line, under a key that ends in .jsonl ({_PANDAS})"
            raise UnreadableTableError(f"it is JSON; {advice}")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_by_column(found: Mapping[str, Any]) -> bool:
    """Return whether this is a table by columns: one object of cells per column, as pandas writes by default."""
    parts = list(found.values())
    return bool(parts) and all(
        isinstance(part, dict) and part.keys() == parts[0].keys() and part and all(map(str.isdecimal, part))
        for part in parts
    )


def _row(sheet: Sheet, found: Sequence[Column], record: Sequence[str]) -> dict[str, Cell]:
    if len(record) != len(found):
        count = f"has {len(record)} cell{'' if len(record) == 1 else 's'}, but the header has {len(found)}"
        advice = f". {oddrows.too_long(sheet, len(record))}" if len(record) > len(found) else ""
        raise LineError(f"{count}{advice}")
    pairs = zip(found, record, strict=True)
    row = {column.parameter: cells.read(text) for column, text in pairs if column.parameter}
    for name, cell in row.items():
        if wrong := values.complaint(cell.text):
            raise LineError(f"'{name}' {wrong}")
    return row


def _from_json(content: str) -> Mapping[str, Cell]:
    try:
        found = json.loads(content, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise LineError(f"is not JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise LineError(f"cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise LineError('must be a JSON object, such as {"mesh": 3}')
    if _is_by_column(found):
        raise LineError(f"holds columns, and not the parameters of a case ({_PANDAS})")
    for name, value in found.items():
        columns.parameter_name(name)
        check(name, value)
    # The text of a number, a list or an object is what the line has.
    written = _WRITTEN.decode(content)
    return {
        name: Cell(value, value if isinstance(value, str) else bytes(written[name]).decode())
        for name, value in found.items()
    }


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise LineError(f"has {columns.shown(repeated)} twice in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_doubtful(number: float) -> bool:
    return not cells.fits_64_bits(number) if isinstance(number, int) else not isfinite(number)
