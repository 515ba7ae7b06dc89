"""Cells from the typed values of a table (Parquet), also within lists and objects. They equal those from JSON Lines.

A reader raises LineError for a number that programs would change when they read it from JSON. Its text is a phrase that
follows "is" or "holds".
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
from simjob.core.usertables.problems import LineError, cut

Reader = Callable[[Any], Cell]

_LARGEST_HALF: Final = 65504.0
# For 11 bits of precision, five decimal digits are always enough.
_DIGITS_OF_A_HALF: Final = 5
_SHOWN: Final = 50
_BEYOND: Final = ", a number beyond 64 bits, which readers of JSON round: write it as a text"


def plain(value: str | bool) -> Cell:
    """Return the cell of a text or a boolean."""
    return Cell(value, as_text(value))


def whole(value: int) -> Cell:
    """Return the cell of an integer."""
    if not cells.fits_64_bits(value):
        raise LineError(f"{cut(str(value), _SHOWN)}{_BEYOND}")
    return Cell(value, str(value))


def double(value: float) -> Cell:
    """Return the cell of a 64-bit float, with the fewest digits that give the same float."""
    if isnan(value):
        raise LineError("NaN, which is not a number: fill it in, or write a text")
    if not isfinite(value):
        raise LineError(f"{'-' if value < 0 else ''}Infinity, which JSON has no number for: write it as a text")
    return Cell(value, as_text(value))


def single(digits: str) -> Cell:
    """Return the cell of a 32-bit float from its digits, so that 0.1 does not become 0.10000000149011612."""
    return double(float(digits))


def half(value: float) -> Cell:
    """Return the cell of a 16-bit float, with the fewest digits that give the same float. Whole numbers keep all."""
    if not isfinite(value) or value.is_integer():
        return double(value)
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, _DIGITS_OF_A_HALF + 1))
    return double(next(number for number in rounded if abs(number) <= _LARGEST_HALF and _as_half(number) == value))


def decimal(value: Decimal) -> Cell:
    """Return the cell of a decimal. Its text has all digits."""
    text = f"{value:f}"
    if not cells.fits_64_bits(int(value)):
        raise LineError(f"{cut(text, _SHOWN)}{_BEYOND}")
    cell = cells.read(text)
    if isinstance(cell.value, float) and Decimal(repr(cell.value)) != value:
        what = "a decimal of more digits than readers of JSON keep"
        raise LineError(f"{cut(text, _SHOWN)}, {what}: write it as a text, or as a float")
    return cell


def items(inner: Reader) -> Reader:
    """Return a reader of lists whose items `inner` reads."""

    def read(values: Sequence[Any]) -> Cell:
        found = [_or_null(inner, value) for value in values]
        return Cell([cell.value for cell in found], f"[{','.join(map(_json, found))}]")

    return read


def fields(inner: Mapping[str, Reader]) -> Reader:
    """Return a reader of structs whose fields these readers read."""
    return lambda values: _object({name: _or_null(inner[name], value) for name, value in values.items()})


def entries(inner: Reader) -> Reader:
    """Return a reader of maps from texts to values that `inner` reads."""
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
