"""The status of a SimulationJob: phase, counts, cancel latch, outcomes, conditions.

It is read leniently, because an older or newer operator may have written it.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from simjob.api.conditions import Condition
from simjob.api.earlierstatus import WithEarlierForm
from simjob.api.failures import MAX_FAILURES, Failure, Retrying
from simjob.api.outcomes import Outcomes
from simjob.api.schema import INT32_MAX, INT64_MAX, Lenient, Time, cut, list_map
from simjob.api.sweep.ranges import Ranges, RangesText
from simjob.api.sweep.stored import CaseTable, Count, Results

MAX_STATUS_MESSAGE: Final = 4096


class Phase(StrEnum):
    """The state of the whole job as one word. The last three are final."""

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
        """Whether the phase is final."""
        return self in (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)


def _known_phase(value: Any) -> Any:
    return value if value in tuple(Phase) else None


Amount = Annotated[int, Field(ge=0, le=INT64_MAX)]


class Cancellation(Lenient):
    """Who cancelled the job, why and when. Once written, the job ends as CANCELLED, also if the spec changes."""

    requested_at: Annotated[Time, Field(description="Time when the operator first saw the request. Never changes.")]
    requested_by: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="Who requested the cancel. With the component `attribution` installed, this is the "
            "authenticated user. Without it, the name comes from an annotation or a field manager, and the text says "
            "so: anyone who may patch the object can write these.",
        ),
        cut(1024),
    ] = None
    reason: Annotated[
        str | None, Field(max_length=1024, description="Reason for the cancel, copied from `cancelReason`."), cut(1024)
    ] = None
    finished_at: Annotated[Time | None, Field(description="Time when the last pod stopped.")] = None
    stopping: Annotated[
        int | None, Field(ge=0, le=INT32_MAX, description="Number of pods that have not stopped yet.")
    ] = None


class CaseCounts(Lenient):
    """Number of cases by state. The other fields add up to `total`."""

    total: Annotated[Count, Field(description="Total number of cases.")] = 0
    pending: Annotated[Count, Field(description="Cases that are neither on a node nor finished.")] = 0
    assigned: Annotated[Count, Field(description="Cases whose pod has a node and does not run yet.")] = 0
    running: Annotated[Count, Field(description="Cases that are running.")] = 0
    succeeded: Annotated[Count, Field(description="Cases that succeeded.")] = 0
    failed: Annotated[Count, Field(description="Cases that failed and are not retried any more.")] = 0
    cancelled: Annotated[Count, Field(description="Cases that a cancel stopped, or kept from starting.")] = 0


class UsedTime(Lenient):
    """Time that cases ran, over all their attempts."""

    wall_seconds: Annotated[Amount, Field(description="Seconds that the containers ran.")] = 0
    cpu_seconds: Annotated[Amount, Field(description="`wallSeconds` times the number of requested CPUs.")] = 0
    gpu_seconds: Annotated[Amount, Field(description="`wallSeconds` times the number of requested GPUs.")] = 0


class ComputeTime(Lenient):
    """Time used by the finished cases, by outcome. The work of cancelled cases is lost."""

    succeeded: Annotated[UsedTime, Field(description="Time used by cases that succeeded.")] = UsedTime()
    failed: Annotated[UsedTime, Field(description="Time used by cases that failed.")] = UsedTime()
    cancelled: Annotated[UsedTime, Field(description="Time used by cases that were cancelled.")] = UsedTime()


class Status(WithEarlierForm):
    """The state of the job as the operator last saw it."""

    observed_generation: Annotated[
        int,
        Field(
            ge=-1,
            le=INT64_MAX,
            description="Generation of the spec that this status describes. -1: the operator has not seen the job yet.",
        ),
    ] = -1
    phase: Annotated[
        Phase | None,
        BeforeValidator(_known_phase),
        Field(description="State of the job as one word. COMPLETED, FAILED and CANCELLED are final."),
    ] = None
    reason: Annotated[
        str | None, Field(max_length=1024, description="Reason for the phase, as one word for programs."), cut(1024)
    ] = None
    message: Annotated[
        str | None,
        Field(max_length=MAX_STATUS_MESSAGE, description="Reason for the phase, as a sentence for people."),
        cut(MAX_STATUS_MESSAGE),
    ] = None
    error_code: Annotated[
        str | None,
        Field(
            max_length=63,
            description="Code for programs: why the job failed. If cases failed, it is their common code, or "
            "CASES_FAILED if the codes in `failures` differ.",
        ),
        cut(63),
    ] = None
    is_terminal: Annotated[bool, Field(description="Whether the phase is final.")] = False
    is_failed: Annotated[
        bool, Field(description="Whether the job failed. A cancelled job is terminal and not failed.")
    ] = False
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="Conditions, one for each aspect of the state. `Finished` is True once the phase is final.",
            json_schema_extra=list_map("type"),
        ),
    ] = ()
    cancellation: Annotated[
        Cancellation | None, Field(description="Who cancelled the job, why and when. Absent if it was not cancelled.")
    ] = None
    cases: Annotated[CaseCounts, Field(description="Number of cases by state.")] = CaseCounts()
    progress: Annotated[
        str | None,
        Field(max_length=32, description="Succeeded and failed cases out of all cases, such as '412/1000'."),
        cut(32),
    ] = None
    succeeded_indexes: Annotated[
        RangesText,
        Field(description="Indexes of the cases that succeeded, such as '0-9,17'. They never run again."),
    ] = Ranges()
    failed_indexes: Annotated[
        RangesText,
        Field(description="Indexes of the cases that failed, with no retry left. They never run again."),
    ] = Ranges()
    cancelled_indexes: Annotated[
        RangesText, Field(description="Indexes of the cases that were cancelled. They never run again.")
    ] = Ranges()
    cancelling_indexes: Annotated[
        RangesText | None,
        Field(description="Indexes of the cases in `cancelCases` that have not stopped yet. Absent if there are none."),
    ] = None
    failures: Annotated[
        tuple[Failure, ...], Field(max_length=MAX_FAILURES, description="The cases that failed last.")
    ] = ()
    retrying: Annotated[
        Retrying | None,
        Field(
            description="Cases that wait for their next attempt, and how their last one ended. Absent if none waits."
        ),
    ] = None
    case_table: Annotated[
        CaseTable | None,
        Field(description="The operator's copy of the cases, if the spec does not hold them itself."),
    ] = None
    results: Annotated[
        Results | None, Field(description="Results of the finished cases, and the ConfigMaps that hold them.")
    ] = None
    compute_time: Annotated[
        ComputeTime | None,
        Field(description="Time used by the finished cases. Attempts that a suspension stopped do not count."),
    ] = None
    pods_accepted: Annotated[
        bool | None,
        Field(
            description="Whether the API server has ever accepted a pod of the job. A refused creation can make the "
            "job FAILED only while this is not true."
        ),
    ] = None
    suspended_seconds: Annotated[
        Amount | None,
        Field(
            description="Seconds in phase SUSPENDED, with the reason UnreadableSpec, or while the condition Queued was "
            "True. They do not count against `totalSeconds`. Each such time is added when it ends."
        ),
    ] = None
    start_time: Annotated[Time | None, Field(description="Time when the operator first saw the job.")] = None
    completion_time: Annotated[Time | None, Field(description="Time when the phase became final.")] = None
    restarts: Annotated[
        int,
        Field(
            ge=0,
            le=INT32_MAX,
            description="Number of times that unfinished cases were started over with new Jobs: after each resume, and "
            "after somebody else deleted Jobs. Retries of a case do not count. It is the last number in the name of "
            "each Job, so that no name is used twice.",
        ),
    ] = 0

    @property
    def outcomes(self) -> Outcomes:
        """Return the cases by outcome."""
        return Outcomes(
            succeeded=self.succeeded_indexes,
            failed=self.failed_indexes,
            cancelled=self.cancelled_indexes,
            cancelling=self.cancelling_indexes or Ranges(),
        )

    def with_outcomes(self, outcomes: Outcomes) -> "Status":
        """Return the status with these outcomes."""
        return self.model_copy(
            update={
                "succeeded_indexes": outcomes.succeeded,
                "failed_indexes": outcomes.failed,
                "cancelled_indexes": outcomes.cancelled,
                "cancelling_indexes": outcomes.cancelling or None,
            }
        )

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, also if a newer version wrote a final phase that this one does not know."""
        return self.is_terminal or (self.phase is not None and self.phase.is_terminal)
