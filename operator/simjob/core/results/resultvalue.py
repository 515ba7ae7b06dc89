"""The value of a simulation's termination message in its result row: JSON as written, or a text.

NaN, Infinity and -Infinity are kept, as Python's json module writes and reads them. Numbers beyond a double, such as
1e999, are kept, too; programs read them as infinite.
"""

import math
import re
from typing import Final

import msgspec

from simjob.api.sweep import values

# Deeper JSON is kept as a text: programs that read JSON have limits (jq 1.6: 256 levels, Python: about 1000).
MAX_DEPTH: Final = 99
# A string without an end matches to the end of the message. Otherwise each quote in it would be tried as the start of
# another string, which takes quadratic time.
_STRING: Final = r'"(?:[^"\\]|\\.)*+"?'
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_VALUES: Final = re.compile(rf"{_STRING}|NaN|-?Infinity|{_NUMBER}")
_SPACES: Final = re.compile(rf"({_STRING})|[ \t\n\r]+")


def of(message: str, *, cut: bool = False) -> msgspec.Raw | str:
    """Return the message as JSON on one line, or unchanged as a text if it is not JSON, too deep, or `cut`."""
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
    """Return a message that would be JSON without its numbers that are not finite."""
    value = msgspec.json.decode(_VALUES.sub(_finite, message))
    if values.is_deeper_than(value, MAX_DEPTH):
        return message
    return msgspec.Raw(_SPACES.sub(r"\1", message).encode())


def _finite(match: re.Match[str]) -> str:
    """Return the value as strict JSON allows it: unchanged, or null if it is not finite."""
    found = match[0]
    return found if found.startswith('"') or math.isfinite(float(found)) else "null"
