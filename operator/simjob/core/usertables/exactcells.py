"""What a typed value of a table becomes, within lists and objects too: the cell that JSON Lines would give.

A reader raises LineError for a number that a reader of JSON would change. Its words follow "is" or "holds".
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from math import isfinite, isnan
from typing import Any, Final

from simjob.api.sweep.values import as_text
from simjob.core.usertables import cells
from simjob.core.usertables.cells import Cell
from simjob.core.usertables.problems import LineError

Reader = Callable[[Any], Cell]

_LARGEST_HALF: Final = 65504.0
# Eleven bits: five decimal digits always tell two such floats apart.
_DIGITS_OF_A_HALF: Final = 5
_SHOWN: Final = 50
_BEYOND: Final = ", a number beyond 64 bits, which readers of JSON round: write it as a text"


def plain(value: str | bool) -> Cell:
    """Return the cell of a text or a boolean."""
    return Cell(value, as_text(value))


def whole(value: int) -> Cell:
    """Return the cell of an integer."""
    if not cells.fits_64_bits(value):
        raise LineError(
            f"{_shown(str(value))}, a number beyond 64 bits, which readers of JSON round: write it as a text"
        )
    return Cell(value, str(value))


def double(value: float) -> Cell:
    """Return the cell of a float of 64 bits, in the fewest digits that give it again."""
    if isnan(value):
        raise LineError("NaN, which is not a number: fill it in, or write a text")
    if not isfinite(value):
        raise LineError(f"{'-' if value < 0 else ''}Infinity, which JSON has no number for: write it as a text")
    return Cell(value, as_text(value))


def single(digits: str) -> Cell:
    """Return the cell of a float of 32 bits from its digits: 0.1 is not to become 0.10000000149011612."""
    return double(float(digits))


def half(value: float) -> Cell:
    """Return the cell of a float of 16 bits, in the fewest digits that give it again; 65504 is not to become 65500."""
    if not isfinite(value) or value.is_integer():
        return double(value)
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, _DIGITS_OF_A_HALF + 1))
    return double(next(number for number in rounded if abs(number) <= _LARGEST_HALF and _as_half(number) == value))


def decimal(value: Decimal) -> Cell:
    """Return the cell of a decimal: its text has its digits."""
    text = f"{value:f}"
    if not cells.fits_64_bits(int(value)):
        raise LineError(f"{_shown(text)}{_BEYOND}")
    cell = cells.read(text)
    if isinstance(cell.value, float) and Decimal(repr(cell.value)) != value:
        what = "a decimal of more digits than readers of JSON keep"
        raise LineError(f"{_shown(text)}, {what}: write it as a text, or as a float")
    return cell


def items(inner: Reader) -> Reader:
    """Return the reader of lists whose items `inner` reads."""

    def read(values: Sequence[Any]) -> Cell:
        found = [_or_null(inner, value) for value in values]
        return Cell([cell.value for cell in found], f"[{','.join(map(_json, found))}]")

    return read


def fields(inner: Mapping[str, Reader]) -> Reader:
    """Return the reader of structs whose fields these readers read."""
    return lambda values: _object({name: _or_null(inner[name], value) for name, value in values.items()})


def entries(inner: Reader) -> Reader:
    """Return the reader of maps from texts to what `inner` reads."""
    return lambda values: _object({name: _or_null(inner, value) for name, value in values.items()})


def _object(found: Mapping[str, Cell]) -> Cell:
    pairs = ",".join(f"{_quoted(name)}:{_json(cell)}" for name, cell in found.items())
    return Cell({name: cell.value for name, cell in found.items()}, f"{{{pairs}}}")


def _or_null(inner: Reader, value: Any) -> Cell:
    nothing: Any = None
    return Cell(nothing, "null") if value is None else inner(value)


def _json(cell: Cell) -> str:
    return _quoted(cell.value) if isinstance(cell.value, str) else cell.text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _as_half(number: float) -> float:
    (found,) = struct.unpack("e", struct.pack("e", number))
    return float(found)


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
