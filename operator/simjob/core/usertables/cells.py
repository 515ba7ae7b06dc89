"""The value of a table's cell: its text for the process, and a typed value for JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from simjob.api.schema import INT64_MAX
from simjob.api.sweep.cases import Case
from simjob.api.sweep.values import MAX_TEXT, Value, as_text

# https://www.rfc-editor.org/rfc/rfc8259#section-6
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BLANKS: Final = " \t"


@dataclass(frozen=True, slots=True)
class Cell:
    """A parameter's value from a table, and its text."""

    value: Value
    text: str


def read(written: str) -> Cell:
    """Return a cell of CSV: a number or a boolean if it is one in JSON, ignoring blanks around it; otherwise a text.

    The text is the cell as written, except that decimal commas are already replaced by points.
    """
    return Cell(_typed(written), written)


def fits_64_bits(whole: int) -> bool:
    """Return whether this integer fits a signed 64-bit value."""
    return -INT64_MAX - 1 <= whole <= INT64_MAX


def case(index: int, row: Mapping[str, Cell]) -> Case:
    """Return the case of a row. Its name is its index."""
    texts = {name: cell.text for name, cell in row.items() if cell.text not in (cell.value, as_text(cell.value))}
    return Case(index, str(index), {name: cell.value for name, cell in row.items()}, texts)


def _typed(text: str) -> Value:
    bare = text.strip(_BLANKS)
    if bare in ("true", "false"):
        return bare == "true"
    match = _NUMBER.fullmatch(bare)
    if match is None or len(bare) > MAX_TEXT:
        return text
    if match[2] is None and match[3] is None:
        whole = int(bare)
        # Many programs that read JSON round a larger one.
        return whole if fits_64_bits(whole) else text
    return number if isfinite(number := float(bare)) else text
