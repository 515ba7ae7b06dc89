"""Which cells of a table are numbers as programs write them, with a decimal point."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE)
_WHOLE: Final = re.compile(r"[0-9]{1,18}(\.0)?")


def is_number(cell: str) -> bool:
    """Return whether the cell is a number. `nan` and `inf` count as numbers."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_whole(cell: str) -> bool:
    """Return whether the cell is a whole number from 0 up, as row numbers are."""
    return _WHOLE.fullmatch(cell.strip()) is not None
