"""What a simulation's message becomes in its row: JSON as it is written, or a text.

NaN, Infinity and -Infinity are kept as Python's json writes and reads them. So are numbers
beyond a double, such as 1e999, which readers take for infinite.
"""

import math
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

# Deeper than this JSON is kept as a text: readers have limits of their own (jq 1.6: 256, Python: some 1000).
MAX_DEPTH: Final = 100
_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_VALUES: Final = re.compile(rf"{_STRING}|NaN|-?Infinity|{_NUMBER}")
_SPACES: Final = re.compile(rf"({_STRING})|[ \t\n\r]+")


def of(message: str, *, cut: bool = False) -> msgspec.Raw | str:
    """Return the message as JSON on one line, or as it is if it is no JSON, is too deep, or is `cut`."""
    if cut:
        return message
    try:
        return _standard(message)
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        return _extended(message)
    except (msgspec.MsgspecError, RecursionError):
        return message


def _standard(message: str) -> msgspec.Raw | str:
    value = msgspec.json.decode(message)
    return message if _is_deep(value) else msgspec.Raw(msgspec.json.format(message.encode(), indent=-1))


def _extended(message: str) -> msgspec.Raw | str:
    """Return a message that is JSON but for numbers that are not finite."""
    value = msgspec.json.decode(_VALUES.sub(_finite, message))
    return message if _is_deep(value) else msgspec.Raw(_SPACES.sub(r"\1", message).encode())


def _finite(match: re.Match[str]) -> str:
    """Return what can stand in place of a value in strict JSON: itself, or null if it is not finite."""
    found = match[0]
    return found if found.startswith('"') or math.isfinite(float(found)) else "null"


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
