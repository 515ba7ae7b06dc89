"""The failures in status: the cases that failed last, and the cases that wait for their next attempt."""

from typing import Annotated, Final

from pydantic import Field

from simjob.api.schema import INT32_MAX, INT32_MIN, MAX_CASES, Lenient, Time, cut

MAX_FAILURES: Final = 20
MAX_RETRYING: Final = 10

_Index = Annotated[int, Field(ge=0, lt=MAX_CASES, description="Index of the case.")]
_Name = Annotated[str | None, Field(max_length=63, description="Name of the case."), cut(63)]
_ExitCode = Annotated[
    int | None,
    Field(ge=INT32_MIN, le=INT32_MAX, description="Exit code of the simulation, or of `container` if that is set."),
]
_Reason = Annotated[
    str | None, Field(max_length=1024, description="Reason of the end as one word, such as OOMKilled."), cut(1024)
]
_Message = Annotated[
    str | None, Field(max_length=1024, description="Reason of the end as a sentence for people."), cut(1024)
]
_EndedAt = Annotated[Time | None, Field(description="Time when the attempt ended.")]


class Failure(Lenient):
    """A case that failed."""

    index: _Index
    name: _Name = None
    error_code: Annotated[
        str | None, Field(max_length=63, description="Code for programs, such as CASE_FAILED or LOST."), cut(63)
    ] = None
    exit_code: _ExitCode = None
    container: Annotated[
        str | None,
        Field(
            max_length=63,
            description="Name of the container that failed. Absent if it was the simulation, the template's first one.",
        ),
        cut(63),
    ] = None
    reason: _Reason = None
    message: _Message = None
    finished_at: _EndedAt = None


class Retry(Lenient):
    """A case that waits for its next attempt, and how the last one ended."""

    index: _Index
    name: _Name = None
    attempt: Annotated[
        int | None,
        Field(
            ge=0,
            le=INT32_MAX,
            description="Number of the attempt that ended, counted from 0. Its pod's name ends with it.",
        ),
    ] = None
    failed_attempts: Annotated[
        int,
        Field(ge=0, le=INT32_MAX, description="Number of failed attempts that count against `retries.limit`."),
    ] = 0
    error_code: Annotated[
        str | None,
        Field(
            max_length=63,
            description="Code for programs, such as CASE_FAILED or LOST. Absent if the attempt succeeded and the case "
            "runs again because it is Persistent.",
        ),
        cut(63),
    ] = None
    exit_code: _ExitCode = None
    container: Annotated[
        str | None,
        Field(max_length=63, description="Name of the container that failed. Absent if it was the simulation."),
        cut(63),
    ] = None
    reason: _Reason = None
    message: _Message = None
    ended_at: _EndedAt = None
    next_attempt_at: Annotated[
        Time,
        Field(description="Earliest time of the next attempt. It also waits until `parallelism` allows another case."),
    ]


class Retrying(Lenient):
    """The cases that wait for their next attempt."""

    cases: Annotated[int, Field(ge=0, le=MAX_CASES, description="Number of cases that wait.")] = 0
    newest: Annotated[
        tuple[Retry, ...],
        Field(max_length=MAX_RETRYING, description="The waiting cases whose attempts ended last, newest first."),
    ] = ()
