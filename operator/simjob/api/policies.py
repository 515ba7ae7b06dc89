"""The limits of a sweep: retries, timeouts, the number of failures it may have, the number of Jobs it keeps."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from simjob.api.crd import rules
from simjob.api.schema import INT32_MAX, MAX_CASES, Model, require_unique, validated

_PERCENT: Final = "%"

Seconds = Annotated[int, Field(ge=1, le=INT32_MAX)]


def _distinct(codes: tuple[int, ...]) -> tuple[int, ...]:
    require_unique((str(code) for code in codes), rules.EXIT_CODES_UNIQUE)
    return codes


class Retries(Model):
    """How often a failed case is retried."""

    limit: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="Number of retries of a failed case. The delay before a retry is 10 seconds, then 20, and "
            "doubles up to 10 minutes. Evictions, preemptions, node reboots and lost nodes do not count here: see "
            "`maxDisruptions`.",
        ),
    ] = 0
    max_disruptions: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Maximum number of disruptions of a case; with more, it fails with DISRUPTED. A disruption is "
            "an eviction, a preemption, a lost or rebooted node, a deletion of the pod by hand, or a rejection by the "
            "kubelet. With 0 the first disruption fails the case. For a Persistent case only disruptions in a row "
            "count: an attempt that ran for 10 minutes, or exited by itself, sets the count to 0.",
        ),
    ] = 100
    non_retryable_exit_codes: Annotated[
        tuple[Annotated[int, Field(ge=1, le=INT32_MAX, description="An exit code.")], ...] | None,
        Field(
            max_length=64,
            description="Exit codes of the simulation that are never retried, such as 2 for a wrong input. Exit codes "
            "of other containers do not count.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
        AfterValidator(lambda codes: _distinct(codes) if codes else codes),
    ] = None


class Timeouts(Model):
    """Time limits. A case that exceeds one of the first three has failed, and may be retried."""

    assign_seconds: Annotated[
        Seconds | None,
        Field(
            description="Seconds from the creation of a case's pod until it has a node. After that the attempt fails "
            "with ASSIGN_TIMEOUT. Immutable."
        ),
    ] = None
    start_seconds: Annotated[
        Seconds | None,
        Field(
            description="Seconds from when the pod has a node until the simulation runs. Includes the time to pull "
            "images. After that the attempt fails with START_TIMEOUT. Immutable."
        ),
    ] = None
    run_seconds: Annotated[
        Seconds | None,
        Field(
            description="Seconds that the simulation may run. After that the attempt fails with EXECUTION_TIMEOUT. The "
            "node enforces it (activeDeadlineSeconds), also while the operator is down. Immutable."
        ),
    ] = None
    total_seconds: Annotated[
        Seconds | None,
        Field(
            description="Seconds that the whole job may take, counted from `status.startTime`. Time in which it was "
            "suspended, a queue held all its cases, or it had the reason UnreadableSpec does not count. After that the "
            "job is stopped, and is FAILED with TOTAL_TIMEOUT. May be changed."
        ),
    ] = None


class OnExceeded(StrEnum):
    """What happens to the other cases when too many have failed."""

    CONTINUE = "Continue"
    CANCEL_REMAINING = "CancelRemaining"


def _amount(value: int | str) -> int | str:
    if isinstance(value, str) and not rules.PERCENTAGE.fullmatch(value):
        raise ValueError(rules.COUNT_OR_PERCENT)
    if isinstance(value, int) and not 0 <= value <= MAX_CASES:
        raise ValueError(rules.COUNT_OR_PERCENT)
    return value


class FailurePolicy(Model):
    """How many cases may fail, and what happens when more fail."""

    max_failed_cases: Annotated[
        int | str,
        AfterValidator(_amount),
        WithJsonSchema(
            {
                "description": "Number of cases that may fail, or a percentage of all cases, such as '5%' (rounded "
                "down). If more fail, the job is FAILED.",
                "x-kubernetes-int-or-string": True,
                "maxLength": 4,
                **validated(rules.COUNT_OR_PERCENT_RULE),
            }
        ),
    ] = 0
    on_exceeded: Annotated[
        OnExceeded,
        Field(
            description="What happens to the other cases when more than `maxFailedCases` have failed. Continue: they "
            "run. CancelRemaining: they are stopped and cancelled at once. The job is FAILED either way."
        ),
    ] = OnExceeded.CONTINUE

    def allowed(self, total: int) -> int:
        """Return how many of `total` cases may fail."""
        if isinstance(self.max_failed_cases, int):
            return self.max_failed_cases
        return total * int(self.max_failed_cases.removesuffix(_PERCENT)) // 100


class History(Model):
    """How many finished Jobs are kept for their logs. Older ones are deleted once status counts their cases."""

    succeeded_cases: Annotated[
        int, Field(ge=0, le=10_000, description="Number of Jobs of succeeded cases to keep.")
    ] = 100
    failed_cases: Annotated[int, Field(ge=0, le=10_000, description="Number of Jobs of failed cases to keep.")] = 100
