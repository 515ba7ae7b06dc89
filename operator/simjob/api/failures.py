"""What the status says of attempts that failed: the newest failed cases, and those that wait for their next attempt."""

from typing import Annotated, Final

from pydantic import Field

from simjob.api.schema import INT32_MAX, INT32_MIN, MAX_CASES, Lenient, Time, cut

MAX_FAILURES: Final = 20
MAX_RETRYING: Final = 10

_Index = Annotated[int, Field(ge=0, lt=MAX_CASES, description="The case's index.")]
_Name = Annotated[str | None, Field(max_length=63, description="The case's name."), cut(63)]
_ExitCode = Annotated[
    int | None,
    Field(ge=INT32_MIN, le=INT32_MAX, description="The exit code of the simulation, or of `container` if given."),
]
_Reason = Annotated[str | None, Field(max_length=1024, description="Why, as one word, such as OOMKilled."), cut(1024)]
_Message = Annotated[str | None, Field(max_length=1024, description="Why, as a sentence."), cut(1024)]
_EndedAt = Annotated[Time | None, Field(description="When it ended.")]


class Failure(Lenient):
    """A case that failed."""

    index: _Index
    name: _Name = None
    error_code: Annotated[str | None, Field(max_length=63, description="What went wrong, for programs."), cut(63)] = (
        None
    )
    exit_code: _ExitCode = None
    container: Annotated[
        str | None,
        Field(
            max_length=63,
            description="The container that failed, if it was not the simulation: the first one of the template's.",
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
        Field(ge=0, le=INT32_MAX, description="The attempt that ended, counted from 0: the end of its pod's name."),
    ] = None
    failed_attempts: Annotated[
        int, Field(ge=0, le=INT32_MAX, description="Attempts that failed so far; `retries.limit` bounds them.")
    ] = 0
    error_code: Annotated[
        str | None,
        Field(max_length=63, description="What went wrong, for programs; absent if it ended well, and runs again."),
        cut(63),
    ] = None
    exit_code: _ExitCode = None
    container: Annotated[
        str | None,
        Field(max_length=63, description="The container that failed, if it was not the simulation."),
        cut(63),
    ] = None
    reason: _Reason = None
    message: _Message = None
    ended_at: _EndedAt = None
    next_attempt_at: Annotated[
        Time, Field(description="When the next attempt is due; it also needs a free place of `parallelism`.")
    ]


class Retrying(Lenient):
    """The cases that wait for their next attempt."""

    cases: Annotated[int, Field(ge=0, le=MAX_CASES, description="How many cases wait.")] = 0
    newest: Annotated[
        tuple[Retry, ...],
        Field(max_length=MAX_RETRYING, description="Those whose last attempt ended last, newest first."),
    ] = ()
