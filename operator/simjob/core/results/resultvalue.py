"""What a simulation's message becomes in its row: JSON as it is written, or a text.

NaN, Infinity and -Infinity are kept as Python's json writes and reads them. So are numbers
beyond a double, such as 1e999, which readers take for infinite.
"""

import math
import re
from typing import Final

import msgspec

from simjob.api.sweep import values

# Deeper JSON is kept as a text: readers have limits of their own (jq 1.6: 256, Python: some 1000).
MAX_DEPTH: Final = 99
# A string that does not end is taken to the end of the message. Otherwise each quote in it would be tried as the
# beginning of another, which takes time in the square of the length.
_STRING: Final = r'"(?:[^"\\]|\\.)*+"?'
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
    if values.is_deeper_than(value, MAX_DEPTH):
        return message
    return msgspec.Raw(msgspec.json.format(message.encode(), indent=-1))


def _extended(message: str) -> msgspec.Raw | str:
    """Return a message that is JSON but for numbers that are not finite."""
    value = msgspec.json.decode(_VALUES.sub(_finite, message))
    if values.is_deeper_than(value, MAX_DEPTH):
        return message
    return msgspec.Raw(_SPACES.sub(r"\1", message).encode())


def _finite(match: re.Match[str]) -> str:
    """Return what can stand in place of a value in strict JSON: itself, or null if it is not finite."""
    found = match[0]
    return found if found.startswith('"') or math.isfinite(float(found)) else "null"
