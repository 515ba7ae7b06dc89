"""What the operator says about a SimulationJob: phase, counts, latch, ledger, conditions.

Read leniently, since an older or newer operator may have written it.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from simjob.api.conditions import Condition
from simjob.api.failures import MAX_FAILURES, Failure, Retrying
from simjob.api.schema import INT32_MAX, INT64_MAX, MAX_CASES, Lenient, Time, cut, list_map
from simjob.api.sweep.ranges import Ranges, RangesText

MAX_COLUMNS: Final = 256
MAX_STATUS_MESSAGE: Final = 4096


class Phase(StrEnum):
    """The whole job's state in one word; the last three are final."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended, so that its phase stays as it is."""
        return self in (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)


def _known_phase(value: Any) -> Any:
    return value if value in tuple(Phase) else None


Count = Annotated[int, Field(ge=0, le=MAX_CASES)]
Amount = Annotated[int, Field(ge=0, le=INT64_MAX)]
ShardName = Annotated[str, Field(min_length=1, max_length=253, description="A ConfigMap.")]
# 100,000 results of 4 KiB, 128 KiB in each ConfigMap.
MAX_SHARDS: Final = 4000


class Cancellation(Lenient):
    """Who cancelled, why and when. Once written, the job is going to be CANCELLED, whatever becomes of the spec."""

    requested_at: Annotated[Time, Field(description="When the operator first saw the request. Never changes.")]
    requested_by: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="Who asked: a user where the component attribution is installed; otherwise the text says that "
            "an annotation or a field manager names them, which anybody who may patch the object can write.",
        ),
        cut(1024),
    ] = None
    reason: Annotated[
        str | None, Field(max_length=1024, description="Why, in the words of `cancelReason`."), cut(1024)
    ] = None
    finished_at: Annotated[Time | None, Field(description="When nothing was running any more.")] = None
    stopping: Annotated[int | None, Field(ge=0, le=INT32_MAX, description="How many pods have not stopped yet.")] = None


class CaseCounts(Lenient):
    """How many cases are where; the others sum up to total."""

    total: Annotated[Count, Field(description="All cases.")] = 0
    pending: Annotated[Count, Field(description="Neither on a node nor finished.")] = 0
    assigned: Annotated[Count, Field(description="On a node, not running yet.")] = 0
    running: Annotated[Count, Field(description="Running.")] = 0
    succeeded: Annotated[Count, Field(description="Finished well.")] = 0
    failed: Annotated[Count, Field(description="Failed for good, with no retry left.")] = 0
    cancelled: Annotated[Count, Field(description="Stopped or never started because of a cancel.")] = 0


class Ledger(Lenient):
    """The cases that are finished, by outcome. What is in here never runs again."""

    succeeded: Annotated[RangesText, Field(description="Indexes of the cases that succeeded, such as '0-9,17'.")] = (
        Ranges()
    )
    failed: Annotated[RangesText, Field(description="Indexes of the cases that failed.")] = Ranges()
    cancelled: Annotated[RangesText, Field(description="Indexes of the cases that were cancelled.")] = Ranges()
    cancelling: Annotated[
        RangesText | None,
        Field(description="Indexes of the cases that `cancelCases` named and that have not stopped yet."),
    ] = None


class TableColumn(Lenient):
    """A column of the user's table whose parameter has another name, or that was left out."""

    name: Annotated[str, Field(max_length=253, description="The header of the column, as it is written."), cut(253)]
    parameter: Annotated[
        str | None,
        Field(max_length=63, description="The parameter; absent if the column only numbers the rows, or is empty."),
        cut(63),
    ] = None


class CaseTable(Lenient):
    """Where the cases are written down that the spec does not hold itself. Once written, only this is read."""

    config_maps: Annotated[
        tuple[ShardName, ...], Field(max_length=MAX_SHARDS, description="The immutable ConfigMaps, in order.")
    ] = ()
    indexes: Annotated[RangesText, Field(description="Indexes of the cases in them.")] = Ranges()
    format: Annotated[
        str | None,
        Field(
            max_length=253,
            description="How the table of `cases.configMap` was read, such as 'CSV, separated by semicolons, with "
            "decimal commas'.",
        ),
        cut(253),
    ] = None
    columns: Annotated[
        tuple[TableColumn, ...] | None,
        Field(
            max_length=MAX_COLUMNS,
            description="The columns of the table whose parameters have other names, or that were left out.",
        ),
    ] = None


class Results(Lenient):
    """What the simulations said of their results when they ended."""

    config_maps: Annotated[
        tuple[ShardName, ...],
        Field(max_length=MAX_SHARDS, description="The ConfigMaps, in order; a JSON object a line in `results.jsonl`."),
    ] = ()
    rows: Annotated[Count, Field(description="Cases that left a result.")] = 0
    missing: Annotated[
        Count, Field(description="Cases that succeeded and left none, or whose result could not be stored.")
    ] = 0
    truncated: Annotated[
        Count | None,
        Field(description="Rows whose result the kubelet may have cut: as long as its limit, and kept as a text."),
    ] = None


class UsedTime(Lenient):
    """Time that cases ran, all their attempts together."""

    wall_seconds: Annotated[Amount, Field(description="Seconds that their containers ran.")] = 0
    cpu_seconds: Annotated[Amount, Field(description="The same, times the CPUs that were requested.")] = 0
    gpu_seconds: Annotated[Amount, Field(description="The same, times the GPUs that were requested.")] = 0


class ComputeTime(Lenient):
    """Time used by the finished cases, by outcome. That of cancelled cases was thrown away."""

    succeeded: Annotated[UsedTime, Field(description="By cases that succeeded.")] = UsedTime()
    failed: Annotated[UsedTime, Field(description="By cases that failed.")] = UsedTime()
    cancelled: Annotated[UsedTime, Field(description="By cases that were cancelled.")] = UsedTime()


class Status(Lenient):
    """The state of the job as the operator last saw it."""

    observed_generation: Annotated[
        int, Field(ge=-1, le=INT64_MAX, description="The generation of the spec that this status is about; -1 is none.")
    ] = -1
    phase: Annotated[
        Phase | None,
        BeforeValidator(_known_phase),
        Field(description="The state in one word. COMPLETED, FAILED and CANCELLED are final."),
    ] = None
    reason: Annotated[
        str | None, Field(max_length=1024, description="Why the phase is so, as one word."), cut(1024)
    ] = None
    message: Annotated[
        str | None,
        Field(max_length=MAX_STATUS_MESSAGE, description="Why the phase is so, as a sentence."),
        cut(MAX_STATUS_MESSAGE),
    ] = None
    error_code: Annotated[
        str | None,
        Field(
            max_length=63,
            description="Why it failed, for programs. If its cases failed: the code that all of `failures` have, or "
            "CASES_FAILED if they differ.",
        ),
        cut(63),
    ] = None
    is_terminal: Annotated[bool, Field(description="Whether the phase is final.")] = False
    is_failed: Annotated[bool, Field(description="Whether it failed. A cancelled job is final and not failed.")] = False
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="The state by aspect; `Finished` is True at every end.",
            json_schema_extra=list_map("type"),
        ),
    ] = ()
    cancellation: Annotated[
        Cancellation | None, Field(description="Who cancelled, why and when; absent if nobody did.")
    ] = None
    cases: Annotated[CaseCounts, Field(description="How many cases are where.")] = CaseCounts()
    progress: Annotated[
        str | None,
        Field(max_length=32, description="Cases that ended by themselves, of all, such as '412/1000'."),
        cut(32),
    ] = None
    ledger: Annotated[Ledger, Field(description="The finished cases by outcome, as index ranges.")] = Ledger()
    failures: Annotated[
        tuple[Failure, ...], Field(max_length=MAX_FAILURES, description="The newest failed cases.")
    ] = ()
    retrying: Annotated[
        Retrying | None,
        Field(
            description="The cases that wait for their next attempt, and how the last one ended; absent if none waits."
        ),
    ] = None
    case_table: Annotated[
        CaseTable | None,
        Field(description="Where the cases are written down, if the spec does not hold them itself."),
    ] = None
    results: Annotated[Results | None, Field(description="Where the results of the finished cases are.")] = None
    compute_time: Annotated[
        ComputeTime | None,
        Field(description="Time used by the finished cases; not counted is what a suspension threw away."),
    ] = None
    pods_accepted: Annotated[
        bool | None,
        Field(
            description="Whether the API server has ever accepted a pod of the job. Only while it is false can a "
            "refused creation make the job FAILED."
        ),
    ] = None
    suspended_seconds: Annotated[
        Amount | None,
        Field(
            description="Time spent in phase SUSPENDED or with the reason UnreadableSpec, up to the last time that it "
            "ended; no part of `totalSeconds`."
        ),
    ] = None
    start_time: Annotated[Time | None, Field(description="When the operator first took up the job.")] = None
    completion_time: Annotated[Time | None, Field(description="When the phase became final.")] = None
    round: Annotated[
        int, Field(ge=0, le=INT32_MAX, description="Number in the names of Jobs made now; grows with each resume.")
    ] = 0

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, also if a newer version says so with a phase that this one does not know."""
        return self.is_terminal or (self.phase is not None and self.phase.is_terminal)
