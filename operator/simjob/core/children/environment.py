"""The environment variables of a case, and the limits of Linux for them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from simjob.api import names
from simjob.api.sweep import cases
from simjob.api.sweep.cases import Case

# MAX_ARG_STRLEN in include/uapi/linux/binfmts.h: 32 pages for NAME=VALUE and the NUL after it.
MAX_BYTES: Final = 32 * 4096
TOO_MUCH: Final = f"and Linux allows at most {MAX_BYTES}: use fewer or shorter values, or put large inputs into files"
# Maximum number of bytes for one character as UTF-8 or escaped JSON, such as \u0001.
_LONGEST_CHARACTER: Final = 6


def variables(job_name: str, case: Case) -> dict[str, str]:
    """Return the variables of a case, by name."""
    found = {
        names.ENV_NAME: job_name,
        names.ENV_INDEX: str(case.index),
        names.ENV_CASE_NAME: case.name,
        names.ENV_PARAMETERS: msgspec.json.encode(case.parameters, order="sorted").decode(),
    }
    for parameter in case.parameters:
        found[cases.environment_name(parameter)] = case.text(parameter)
    return found


def problem(found: Mapping[str, str]) -> str | None:
    """Return why Linux cannot start a process with these variables, and what to do; None if it can."""
    return next((text for name, value in found.items() if (text := _problem(name, value))), None)


def bound(texts: int, characters: int) -> int:
    """Return an upper bound for the size of a variable with `texts` parameters and `characters` characters in all."""
    # Each parameter adds its name of at most 63 characters, quotes, a colon and a comma. SIMJOB_NAME has at most 253.
    return texts * (63 + 6) + _LONGEST_CHARACTER * characters + 320


def _problem(name: str, value: str) -> str | None:
    if "\0" in value:
        return f"environment variable {name} would hold a NUL character, which ends a text there: remove it"
    if len(name) + _LONGEST_CHARACTER * len(value) + 2 <= MAX_BYTES:
        return None
    size = len(name) + len(value.encode()) + 2
    if size <= MAX_BYTES:
        return None
    return f"environment variable {name} would have {size} bytes, {TOO_MUCH}"
