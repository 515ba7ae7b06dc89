"""The values that a parameter may have, and the text that a process gets for each.

The text is what the user wrote, where that is known. JSON (SIMJOB_CASE_PARAMETERS, result rows) has the typed value.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import chain, islice
from math import inf
from typing import Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema

from simjob.api.crd import rules
from simjob.api.schema import INT64_MAX

Value = bool | int | float | str | list[Any] | dict[str, Any]

MAX_TEXT: Final = 1024
MAX_JSON_BYTES: Final = 1024
# Programs that read JSON have limits, too: jq 1.6 reads 256 levels, Python about 1,000.
MAX_DEPTH: Final = 32
# A physical constant such as 6.02214076e23 has no more digits. Of the integers between 2^63 and 2^64, only one in fifty
# million has nine or fewer after the API server has rounded it.
_DIGITS_OF_A_QUANTITY: Final = 9
_SHOWN: Final = 40
_KINDS: Final = "a text, a number, a boolean, a list or an object"


def complaint(value: object) -> str | None:
    """Return why a parameter cannot have this value, and what to write instead; None if it can."""
    if isinstance(value, str):
        return f"must not be longer than {MAX_TEXT} characters" if len(value) > MAX_TEXT else None
    if isinstance(value, bool | int | float):
        return None
    if not isinstance(value, list | dict):
        return f"must be {_KINDS}"
    kind = "a list" if isinstance(value, list) else "an object"
    if is_deeper_than(value, MAX_DEPTH):
        return f"is {kind} of more than {MAX_DEPTH} levels: put it into a file, and give the file's name"
    if (size := len(as_text(value).encode(errors="surrogatepass"))) > MAX_JSON_BYTES:
        return (
            f"is {kind} of {size} bytes as JSON, and must have at most {MAX_JSON_BYTES}: put it into a file, and give "
            "the file's name"
        )
    return None


def may_be_rounded(number: float) -> bool:
    """Return whether the API server may have rounded an integer that does not fit a signed 64-bit value to this."""
    # The API server turns such an integer into a float. It writes floats below 1e21 without an exponent, so a rounded
    # integer and a float look the same.
    if abs(number) <= INT64_MAX:
        return False
    return len(Decimal(repr(number)).normalize().as_tuple().digits) > _DIGITS_OF_A_QUANTITY


def misreading(value: Value, is_doubtful: Callable[[float], bool] = may_be_rounded) -> str | None:
    """Return which part of a value is probably not what the user wrote, and what to write instead; None if none is.

    `is_doubtful` decides for numbers. The default is right for values that came through the API server.
    """
    if isinstance(value, str):
        return None
    is_nested = isinstance(value, list | dict)
    for part in chain.from_iterable(_levels(value)):
        if isinstance(part, dict) and (found := sorted(rules.NAMES_OF_BOOLEANS & part.keys())):
            return f"has the key '{found[0]}': {rules.QUOTE_BOOLEANS}"
        if isinstance(part, int | float) and is_doubtful(part):
            return f"{'holds' if is_nested else 'is'}{_doubt(part)}"
    return None


def _doubt(number: float) -> str:
    text = as_text(number)
    which = f" {text}," if abs(number) != inf and len(text) <= _SHOWN else ""
    return f"{which} a number beyond 64 bits, which may be rounded: write it as a text, in quotes"


def is_deeper_than(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested more than `levels` deep. Empty ones do not count as a level."""
    # The value itself is the first level.
    return next(islice(_levels(value), levels + 1, None), None) is not None


def as_text(value: Value) -> str:
    """Return a value as text for an environment variable: a text as it is, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # The same as json.dumps gives, in a third of the time: a table can have a million numbers.
        return repr(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _checked(value: Any) -> Any:
    if wrong := complaint(value):
        raise ValueError(wrong)
    return value


def _levels(value: Any) -> Iterator[list[Any]]:
    level = [value]
    while level:
        yield level
        level = [inner for each in level for inner in _inside(each)]


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


# A structural schema cannot allow several types, and CEL cannot look into a value without a type. So the schema gives
# no type, and the operator checks the value and reports what is wrong.
ParameterValue = Annotated[
    Value,
    PlainValidator(_checked),
    WithJsonSchema(
        {
            "description": "Value of a parameter: a text, a number, a boolean, or a list or object of at most 1024 "
            "bytes as JSON.",
            "x-kubernetes-preserve-unknown-fields": True,
            # Without it, the API server drops a null from a map, and fails to evaluate rules over a list with a null.
            # With it, the operator sees the null and can report it.
            "nullable": True,
            "maxLength": MAX_TEXT,
        }
    ),
]
