"""The record of an attempt that is over: the counters for the next attempt, and how this one ended."""

from datetime import datetime
from typing import Final

from simjob.api.names import ErrorCode, Reason
from simjob.core.attempts import notcounted, timeouts, usage
from simjob.core.facts import lastattempt
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.lastattempt import LastAttempt
from simjob.core.facts.pods import PodFact
from simjob.core.plan import CountAttempt

ERROR: Final = "Error"
_COMPLETED: Final = "Completed"


def count(
    job: JobFact, pod: PodFact | None, *, failed: int, lost: int, not_before: datetime | None, last: LastAttempt
) -> CountAttempt:
    """Return the record of a Job's current attempt. `pod` is its pod, if known; `last` says how it ended."""
    return CountAttempt(
        job=job,
        attempt=job.attempt + 1,
        failed=failed,
        lost=lost,
        seconds=usage.spent(job, pod),
        not_before=not_before,
        disruptions=job.disruptions,
        last_disruption=job.last_disruption,
        last=last,
    )


def end_of(pod: PodFact, at: datetime) -> LastAttempt:
    """Return how an attempt ended, from its pod, which has ended or is gone. `at` is the time of the end."""
    if notcounted.is_one(pod):
        message = notcounted.words(pod)
        return lastattempt.ended(
            pod.attempt, at, error_code=ErrorCode.DISRUPTED, reason=Reason.DISRUPTED, message=message
        )
    succeeded = pod.exit_code == 0 and not pod.over_limit
    code = "" if succeeded else ErrorCode.CASE_FAILED
    return lastattempt.ended(
        pod.attempt,
        at,
        error_code=timeouts.deadline_code(pod) if notcounted.overran(pod) else code,
        exit_code=pod.exit_code,
        container=pod.container,
        reason=pod.reason or (_COMPLETED if succeeded else ERROR),
        message=pod.message,
    )


def lost(job: JobFact, pod: PodFact | None, at: datetime) -> LastAttempt:
    """Return the end of a Job's current attempt whose pod disappeared without an outcome."""
    message = notcounted.words(None) + (f": {pod.message}" if pod and pod.message else "")
    return lastattempt.ended(job.attempt, at, error_code=ErrorCode.LOST, reason=Reason.LOST, message=message)


def timed_out(job: JobFact, at: datetime, error_code: str, message: str) -> LastAttempt:
    """Return the end of a Job's current attempt that the operator stopped because it waited too long."""
    return lastattempt.ended(job.attempt, at, error_code=error_code, reason=Reason.DEADLINE_EXCEEDED, message=message)
