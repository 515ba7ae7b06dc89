"""How the last attempt of a case ended, as an annotation of the case's Job.

It is an annotation because the attempt's pod may be gone, and another replica may lead, before the next attempt starts.
Its size is bounded. Other programs can edit it, so an annotation that cannot be read counts as absent.
"""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from simjob.api.schema import INT32_MAX, INT32_MIN

_LONGEST: Final = 1024
_LONGEST_NAME: Final = 63

_ExitCode = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)]
_Text = Annotated[str, msgspec.Meta(max_length=_LONGEST)]
_Name = Annotated[str, msgspec.Meta(max_length=_LONGEST_NAME)]


class LastAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How an attempt ended.

    `number`: the number of the attempt, from 0. `error_code`: empty if it succeeded.
    `container`: the one that failed, empty if it was the simulation.
    """

    number: Annotated[int, msgspec.Meta(ge=0, le=INT32_MAX)]
    ended_at: Annotated[datetime, msgspec.Meta(tz=True)]
    error_code: _Name = ""
    exit_code: _ExitCode | None = None
    container: _Name = ""
    reason: _Text = ""
    message: _Text = ""


def ended(
    number: int,
    ended_at: datetime,
    *,
    error_code: str = "",
    exit_code: int | None = None,
    container: str = "",
    reason: str = "",
    message: str = "",
) -> LastAttempt:
    """Return how an attempt ended, with texts cut to their maximum lengths."""
    return LastAttempt(
        number=number,
        ended_at=ended_at,
        error_code=error_code,
        exit_code=exit_code,
        container=container[:_LONGEST_NAME],
        reason=reason[:_LONGEST],
        message=message[:_LONGEST],
    )


def write(last: LastAttempt) -> str:
    """Return the annotation's value."""
    return msgspec.json.encode(last).decode()


def read(text: str) -> LastAttempt | None:
    """Return the last attempt from the annotation's value; None if it is empty or cannot be read."""
    try:
        return msgspec.json.decode(text, type=LastAttempt) if text else None
    except msgspec.DecodeError:
        return None
