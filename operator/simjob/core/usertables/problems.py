"""The problems of a user's table by line: the first few, and the number of others."""

from typing import Final

_SHOWN: Final = 5


class UnreadableTableError(Exception):
    """A table that cannot be read. The text says what is wrong, and in which lines."""


class LineError(Exception):
    """A problem with one line. The text does not name the line."""


def cut(text: str, longest: int) -> str:
    """Return a text for a message: at most its first `longest` characters, and … in place of the rest."""
    return text if len(text) <= longest else f"{text[:longest]}…"


class Problems:
    """The problems of one table. `unit` is what is counted: line or row."""

    def __init__(self, unit: str = "line") -> None:
        self._unit = unit
        self._first: list[str] = []
        self._count = 0

    def add(self, line: int, what: object) -> None:
        """Add a problem."""
        self._count += 1
        if len(self._first) < _SHOWN:
            self._first.append(f"{self._unit} {line}: {what}")

    def check(self) -> None:
        """Raise UnreadableTableError if a problem was added."""
        if self._count:
            more = [f"and {self._count - _SHOWN} more"] if self._count > _SHOWN else []
            raise UnreadableTableError("; ".join([*self._first, *more]))
