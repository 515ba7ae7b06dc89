"""How a sweep is bounded: retries, time-outs, how many failures it may have, which Jobs are kept."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from simjob.api.crd import rules
from simjob.api.schema import INT32_MAX, MAX_CASES, Model, require_unique

_PERCENT: Final = "%"

Seconds = Annotated[int, Field(ge=1, le=INT32_MAX)]


def _distinct(codes: tuple[int, ...]) -> tuple[int, ...]:
    require_unique((str(code) for code in codes), rules.EXIT_CODES_UNIQUE)
    return codes


class Retries(Model):
    """How often a failed case runs again."""

    limit: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="How often a failed case is tried again, after 10 seconds, 20 seconds and so on up to 10 "
            "minutes. Evictions, preemptions, node reboots and lost nodes do not count; `maxDisruptions` bounds those.",
        ),
    ] = 0
    max_disruptions: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="How often the cluster may end a case's pod before the case is FAILED with DISRUPTED: by an "
            "eviction, a preemption, a lost or rebooted node, a deletion by hand, or a kubelet that rejects it. "
            "With 0 the first disruption ends the case. Of a Persistent case only disruptions in a row count: one that "
            "ran for 10 minutes, or exited by itself, starts the count again.",
        ),
    ] = 100
    non_retryable_exit_codes: Annotated[
        tuple[Annotated[int, Field(ge=1, le=INT32_MAX, description="An exit code.")], ...] | None,
        Field(
            max_length=64,
            description="Exit codes of the simulation after which the case has failed for good, however many retries "
            "are left, such as 2 for a wrong input. Those of other containers do not count.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
        AfterValidator(lambda codes: _distinct(codes) if codes else codes),
    ] = None


class Timeouts(Model):
    """How long what may take. A case that takes longer than the first three allow has failed, and may be retried."""

    assign_seconds: Annotated[
        Seconds | None,
        Field(description="From the creation of a case's pod until it has a node; else ASSIGN_TIMEOUT. Immutable."),
    ] = None
    start_seconds: Annotated[
        Seconds | None,
        Field(
            description="From when its pod has a node until its container runs, the pulling of images included; else "
            "START_TIMEOUT. Immutable."
        ),
    ] = None
    run_seconds: Annotated[
        Seconds | None,
        Field(
            description="From when its container runs until it ends; else EXECUTION_TIMEOUT. Held by the node "
            "(activeDeadlineSeconds), also while the operator is down. Immutable."
        ),
    ] = None
    total_seconds: Annotated[
        Seconds | None,
        Field(
            description="For the whole job, from `status.startTime` on, suspensions and time under "
            "UnreadableSpec not counted; then it is stopped and FAILED with TOTAL_TIMEOUT. May be changed."
        ),
    ] = None


class OnExceeded(StrEnum):
    """What becomes of the other cases when more have failed than may."""

    CONTINUE = "Continue"
    CANCEL_REMAINING = "CancelRemaining"


def _amount(value: int | str) -> int | str:
    if isinstance(value, str) and not rules.PERCENTAGE.fullmatch(value):
        raise ValueError(rules.COUNT_OR_PERCENT)
    if isinstance(value, int) and not 0 <= value <= MAX_CASES:
        raise ValueError(rules.COUNT_OR_PERCENT)
    return value


class FailurePolicy(Model):
    """How many failures the whole may have, and what happens when there are more."""

    max_failed_cases: Annotated[
        int | str,
        AfterValidator(_amount),
        WithJsonSchema(
            {
                "description": "How many cases may fail, as a number or as a percentage of all, such as '5%' (rounded "
                "down), before the job counts as FAILED.",
                "x-kubernetes-int-or-string": True,
                "maxLength": 4,
                "x-kubernetes-validations": [rules.COUNT_OR_PERCENT_RULE],
            }
        ),
    ] = 0
    on_exceeded: Annotated[
        OnExceeded,
        Field(
            description="Continue runs the other cases all the same; CancelRemaining stops and cancels them at once. "
            "The job is FAILED either way."
        ),
    ] = OnExceeded.CONTINUE

    def allowed(self, total: int) -> int:
        """Say how many of `total` cases may fail."""
        if isinstance(self.max_failed_cases, int):
            return self.max_failed_cases
        return total * int(self.max_failed_cases.removesuffix(_PERCENT)) // 100


class History(Model):
    """How many finished Jobs are kept for their logs; older ones are deleted once they are counted in status."""

    succeeded_cases: Annotated[int, Field(ge=0, le=10_000, description="Jobs of succeeded cases.")] = 100
    failed_cases: Annotated[int, Field(ge=0, le=10_000, description="Jobs of failed cases.")] = 100
