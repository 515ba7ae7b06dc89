"""The newest cases that failed for good, as `status.failures` lists them."""

from typing import Final

from simjob.api.failures import MAX_FAILURES, Failure
from simjob.api.names import ErrorCode
from simjob.api.outcomes import Outcomes
from simjob.core.assessment import Situation

_LONGEST: Final = 1024
_LONGEST_NAME: Final = 63


def newest(situation: Situation, outcomes: Outcomes, others: tuple[Failure, ...] = ()) -> tuple[Failure, ...]:
    """Return the cases in `outcomes` that failed last: `others`, those that have just ended, the stored ones."""
    return (*others, *_new(situation, outcomes), *situation.job.status.failures)[:MAX_FAILURES]


def _new(situation: Situation, outcomes: Outcomes) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            index=case.index,
            name=(case.job.case_name or None) if case.job else None,
            error_code=ended.error_code or ErrorCode.CASE_FAILED,
            exit_code=ended.exit_code,
            container=ended.container[:_LONGEST_NAME] or None,
            reason=ended.reason[:_LONGEST] or None,
            message=ended.message[:_LONGEST] or None,
            finished_at=situation.now,
        )
        for case, ended in situation.ended
        if not ended.succeeded and case.index in outcomes.failed
    )
