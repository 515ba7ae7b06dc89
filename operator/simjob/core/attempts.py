"""What a case's Job and pods say about the case: one verdict a case.

An attempt counts as a failure only if its pod ended by itself: one that was deleted, evicted or lost says nothing
about the simulation. Whether a case *may* go on is not decided here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from simjob.api.names import ErrorCode, Reason
from simjob.core import retries
from simjob.core.facts import JobFact, PodFact, PodState
from simjob.core.observed import CaseFacts
from simjob.core.plan import CountAttempt

LOST_IN_A_ROW_LIMIT: Final = 3


class Outcome(StrEnum):
    """How a case ended; final."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A pod of the case is live, perhaps terminating."""

    pod: PodFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """No pod is live and the current attempt's pod is still to be made, not before `at`."""

    job: JobFact
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The current attempt is over without the case having ended; `count` says what is to be recorded."""

    job: JobFact
    pod: PodFact | None
    count: CountAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The Job is suspended by its queue, or being deleted: it gets no pod."""

    job: JobFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The case ended by itself. `failures` counts the attempts that failed."""

    outcome: Outcome
    job: JobFact | None
    failures: int = 0
    error_code: str = ""
    exit_code: int | None = None
    reason: str = ""
    message: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the case ended well."""
        return self.outcome is Outcome.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The case has no Job: it was never started, or its Job is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """The case is cancelled by `cancelCases` and has no live pod: what is left of it goes."""


Verdict = Live | Due | Over | Held | Ended | Absent | Dropped


def judge(case: CaseFacts, limit: int, now: datetime) -> Verdict:
    """Returns what the case's children say; `limit` is how many failed attempts are retried."""
    job = case.job
    if job and job.succeeded is not None:
        return _finished(job, case)
    if case.live_pods:
        return Live(pod=case.live_pods[-1])
    if job is None:
        return _without_job(case)
    pod = next((pod for pod in case.pods if pod.attempt == job.attempt and pod.job_uid == job.uid), None)
    if pod is not None:
        return _after(job, pod, limit, now)
    if job.terminating or job.suspended:
        return Held(job=job)
    if job.active:
        return _lost(job, None)
    return Due(job=job, at=job.not_before)


def _finished(job: JobFact, case: CaseFacts) -> Ended:
    if job.succeeded:
        return Ended(outcome=Outcome.SUCCEEDED, job=job, failures=job.failed)
    if job.finish_reason == Reason.LOST:
        return _lost_for_good(job, job.finish_message)
    pod = next((pod for pod in reversed(case.pods) if pod.job_uid == job.uid), None)
    return Ended(
        outcome=Outcome.FAILED,
        job=job,
        failures=job.status_failed,
        exit_code=pod.exit_code if pod else None,
        # The pod's own words, so that the ledger has the same whether it is written before the Job's status or after.
        reason=(pod.reason or "Error") if pod else job.finish_reason,
        message=pod.message if pod else job.finish_message,
    )


def _without_job(case: CaseFacts) -> Verdict:
    # The Job was deleted by somebody after its pod had succeeded: the result stands.
    if any(pod.state is PodState.SUCCEEDED and not pod.stopped for pod in case.pods):
        return Ended(outcome=Outcome.SUCCEEDED, job=None)
    return Absent()


def _after(job: JobFact, pod: PodFact, limit: int, now: datetime) -> Verdict:
    if pod.state is PodState.SUCCEEDED and not pod.stopped:
        return Ended(outcome=Outcome.SUCCEEDED, job=job, failures=job.failed)
    # A failed pod with a reason and without an exit code never ran: the kubelet would not admit it.
    rejected = pod.state is PodState.FAILED and pod.exit_code is None and pod.reason
    if pod.stopped or pod.disrupted or rejected:
        pause = retries.pause(job.attempt + 1 - job.failed)
        not_before = now + pause if pause else None
        return Over(job=job, pod=pod, count=_next(job, failed=job.failed, lost=0, not_before=not_before))
    if pod.state is not PodState.FAILED or pod.exit_code is None:
        return _lost(job, pod)
    failures = job.failed + 1
    if failures > limit:
        return Ended(
            outcome=Outcome.FAILED,
            job=job,
            failures=failures,
            exit_code=pod.exit_code,
            reason=pod.reason or "Error",
            message=pod.message,
        )
    not_before = now + retries.delay(failures)
    return Over(job=job, pod=pod, count=_next(job, failed=failures, lost=0, not_before=not_before))


def _lost(job: JobFact, pod: PodFact | None) -> Verdict:
    lost = job.lost + 1
    if lost < LOST_IN_A_ROW_LIMIT:
        return Over(job=job, pod=pod, count=_next(job, failed=job.failed, lost=lost, not_before=None))
    why = f": {pod.message}" if pod and pod.message else ""
    return _lost_for_good(job, f"{lost} pods in a row ended without an outcome{why}")


def _lost_for_good(job: JobFact, message: str) -> Ended:
    return Ended(
        outcome=Outcome.FAILED,
        job=job,
        failures=job.failed,
        error_code=ErrorCode.LOST,
        reason=Reason.LOST,
        message=message,
    )


def _next(job: JobFact, *, failed: int, lost: int, not_before: datetime | None) -> CountAttempt:
    return CountAttempt(job=job, attempt=job.attempt + 1, failed=failed, lost=lost, not_before=not_before)
