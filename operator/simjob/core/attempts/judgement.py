"""Judge a case: conclude its state, the verdict, from its Job and its pods.

```text
            CreateCase          pod created            pod succeeded, or failed for good
  Absent ──────────────► Due ──────────────────► Live ───────────────────────────────────► Ended
    ▲                   ▲  ▲                      │
    │                   │  │    CountAttempt      ▼ pod failed, timed out, was disrupted or lost
    │       Kueue admits│  └───────────────────  Over
    └───────────────── Held ◄── Kueue suspends the Job, or the Job is being deleted (from Due or Live)
       Job deleted
  Dropped: `cancelCases` names the case, and it has no live pod. Its Job and pods are deleted.
```

An attempt fails if its pod failed by itself, timed out or exceeded one of its limits. If its pod was deleted, evicted,
rejected or lost, that says nothing about the simulation. It is a disruption, which `retries.maxDisruptions` limits.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from simjob.api.names import ErrorCode, Reason
from simjob.api.spec import Spec, Task
from simjob.core.attempts import attemptrecord, injectedcontainers, notcounted, retries, timeouts
from simjob.core.attempts.timeouts import TimedOut
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import CaseFacts
from simjob.core.plan import CountAttempt

LOST_IN_A_ROW_LIMIT: Final = 3
_LONGEST: Final = 1024


class Outcome(StrEnum):
    """The final outcome of a case."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A pod of the case is live; it may be terminating. `timed_out`: what to record because it waited too long."""

    pod: PodFact
    timed_out: CountAttempt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """No pod is live, and the current attempt needs one. Create it now, or at the time `at` if that is set."""

    job: JobFact
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The current attempt is over, and the case gets another one. `count`: what to record first."""

    job: JobFact
    count: CountAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Kueue has suspended the Job, or the Job is being deleted: it gets no pod."""

    job: JobFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The case has succeeded, or has failed for good.

    `failures`: number of failed attempts. `why`: reason of the Job's condition Failed. `container`: the container that
    failed, empty if it was the simulation.
    """

    outcome: Outcome
    job: JobFact | None
    failures: int = 0
    error_code: str = ""
    exit_code: int | None = None
    container: str = ""
    reason: str = ""
    message: str = ""
    why: str = Reason.BACKOFF_LIMIT

    @property
    def succeeded(self) -> bool:
        """Whether the case succeeded."""
        return self.outcome is Outcome.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The case has no Job: it was never started, or its Job was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """`cancelCases` cancelled the case and it has no live pod: its Job and its pods are deleted."""


Verdict = Live | Due | Over | Held | Ended | Absent | Dropped


def judge(case: CaseFacts, spec: Spec, now: datetime) -> Verdict:
    """Return the verdict on a case with at least one child. `spec` has the retries, timeouts and the task."""
    job = case.job
    if job and job.succeeded is not None:
        return _finished(job, case, spec)
    if live := _awaited(case, now):
        return Live(pod=live, timed_out=_too_late(job, live, spec, now) if job else None)
    if job is None:
        return _without_job(case, spec)
    if _is_timed_out(job, spec):
        return _timed_out(job)
    pod = next((pod for pod in case.pods if is_current(job, pod)), None)
    if pod is not None:
        return _after(job, pod, spec, now)
    if job.terminating or job.suspended:
        return Held(job=job)
    if job.active:
        return _lost(job, None, spec, now)
    return Due(job=job, at=job.not_before)


def _awaited(case: CaseFacts, now: datetime) -> PodFact | None:
    """Return the newest live pod. Skip one that only injected containers keep and that must be deleted."""
    live = [
        pod
        for pod in case.live_pods
        if not (injectedcontainers.is_stuck(pod, now) and (not case.job or is_current(case.job, pod)))
    ]
    return live[-1] if live else None


def is_current(job: JobFact, pod: PodFact) -> bool:
    """Return whether the pod belongs to the Job's current attempt."""
    return pod.job_uid == job.uid and pod.attempt == job.attempt


def expiry(job: JobFact | None, pod: PodFact, spec: Spec) -> TimedOut | None:
    """Return when a live pod times out, and with which error; None if it has no limit, or is being stopped."""
    if job is None or not is_current(job, pod) or job.suspended or job.terminating or pod.terminating:
        return None
    return timeouts.expiry(pod, spec.timeouts)


def _too_late(job: JobFact, pod: PodFact, spec: Spec, now: datetime) -> CountAttempt | None:
    found = expiry(job, pod, spec)
    if found is None or found.at > now:
        return None
    failures = job.failed + 1
    last = attemptrecord.timed_out(job, now, found.error_code, found.message)
    not_before = now + retries.delay(failures)
    count = attemptrecord.count(job, pod, failed=failures, lost=0, not_before=not_before, last=last)
    return replace(count, error_code=found.error_code, error_message=found.message[:_LONGEST], waiting=pod)


def _is_timed_out(job: JobFact, spec: Spec) -> bool:
    # Other failures beyond the limit are read from the pod, not from annotations.
    return bool(job.error_code) and job.failed > spec.retries.limit


def _timed_out(job: JobFact) -> Ended:
    return Ended(
        outcome=Outcome.FAILED,
        job=job,
        failures=job.failed,
        error_code=job.error_code,
        reason=Reason.DEADLINE_EXCEEDED,
        message=job.error_message,
        why=Reason.DEADLINE_EXCEEDED,
    )


def _finished(job: JobFact, case: CaseFacts, spec: Spec) -> Ended:
    if job.succeeded:
        return Ended(outcome=Outcome.SUCCEEDED, job=job, failures=job.failed)
    if job.finish_reason == Reason.LOST:
        return _lost_for_good(job, job.finish_message)
    if _is_timed_out(job, spec):
        return _timed_out(job)
    pod = next((pod for pod in reversed(case.pods) if pod.job_uid == job.uid), None)
    if job.finish_reason == Reason.DISRUPTED:
        return _disrupted_for_good(job, notcounted.too_often(job, pod, spec) if pod else job.finish_message)
    # Prefer the pod, so that the reason is the same before and after the Job's status is written.
    reason = (pod.reason or attemptrecord.ERROR) if pod else job.finish_reason
    return Ended(
        outcome=Outcome.FAILED,
        job=job,
        failures=job.status_failed,
        error_code=timeouts.deadline_code(pod) if reason == Reason.DEADLINE_EXCEEDED else "",
        exit_code=pod.exit_code if pod else None,
        container=pod.container if pod else "",
        reason=reason,
        message=pod.message if pod else job.finish_message,
    )


def _without_job(case: CaseFacts, spec: Spec) -> Verdict:
    # The pod succeeded before somebody deleted the Job, so the case has succeeded.
    if any(pod.succeeded for pod in case.pods) and spec.task is Task.BATCH:
        return Ended(outcome=Outcome.SUCCEEDED, job=None)
    return Absent()


def _after(job: JobFact, pod: PodFact, spec: Spec, now: datetime) -> Verdict:
    batch = spec.task is Task.BATCH
    pod = replace(pod, state=pod.outcome or pod.state)
    if pod.succeeded and batch:
        return Ended(outcome=Outcome.SUCCEEDED, job=job, failures=job.failed)
    if notcounted.is_one(pod):
        return _disrupted(job, pod, spec, now)
    if notcounted.overran(pod):
        return _failed(job, pod, spec, now, code=timeouts.deadline_code(pod), why=Reason.DEADLINE_EXCEEDED)
    if not pod.ended or (pod.state is PodState.FAILED and pod.exit_code is None and not pod.over_limit):
        return _lost(job, pod, spec, now)
    # A pod that exceeded its limit was killed: the exit code is not the simulation's.
    if not (pod.over_limit or pod.container) and pod.exit_code in (spec.retries.non_retryable_exit_codes or ()):
        return _failed(job, pod, spec, now, why=Reason.POD_FAILURE_POLICY)
    if not batch:
        over = _again(job, pod, now, ran=pod.ran)
        return replace(over, count=replace(over.count, disruptions=0, last_disruption=""))
    return _failed(job, pod, spec, now)


def _again(job: JobFact, pod: PodFact, now: datetime, ran: timedelta | None = None) -> Over:
    pause = retries.pause(job.attempt + 1 - job.failed, ran)
    at, last = now + pause if pause else None, attemptrecord.end_of(pod, now)
    return Over(job=job, count=attemptrecord.count(job, pod, failed=job.failed, lost=0, not_before=at, last=last))


def _disrupted(job: JobFact, pod: PodFact, spec: Spec, now: datetime) -> Verdict:
    over = _again(job, pod, now)
    if job.suspended:
        return over  # Kueue preempted it, which does not count as a disruption.
    number = notcounted.number(job, pod, spec)
    if number > spec.retries.max_disruptions:
        return _disrupted_for_good(job, notcounted.too_often(job, pod, spec))
    return replace(over, count=replace(over.count, disruptions=number, last_disruption=notcounted.words(pod)))


def _failed(
    job: JobFact, pod: PodFact, spec: Spec, now: datetime, *, code: str = "", why: str = Reason.BACKOFF_LIMIT
) -> Verdict:
    failures = job.failed + 1
    if failures > spec.retries.limit or why == Reason.POD_FAILURE_POLICY:
        return Ended(
            outcome=Outcome.FAILED,
            job=job,
            failures=failures,
            error_code=code,
            exit_code=pod.exit_code,
            container=pod.container,
            reason=pod.reason or attemptrecord.ERROR,
            message=pod.message,
            why=why,
        )
    not_before = now + retries.delay(failures)
    last = attemptrecord.end_of(pod, now)
    return Over(job=job, count=attemptrecord.count(job, pod, failed=failures, lost=0, not_before=not_before, last=last))


def _lost(job: JobFact, pod: PodFact | None, spec: Spec, now: datetime) -> Verdict:
    lost, number = job.lost + 1, job.disruptions + 1
    if lost >= LOST_IN_A_ROW_LIMIT:
        why = f": {pod.message}" if pod and pod.message else ""
        return _lost_for_good(job, f"{lost} pods in a row ended without an outcome{why}")
    if number > spec.retries.max_disruptions:
        return _disrupted_for_good(job, notcounted.too_often(job, None, spec))
    last = attemptrecord.lost(job, pod, now)
    count = attemptrecord.count(job, pod, failed=job.failed, lost=lost, not_before=None, last=last)
    return Over(job=job, count=replace(count, disruptions=number, last_disruption=notcounted.words(None)))


def _lost_for_good(job: JobFact, message: str) -> Ended:
    return _without_result(job, ErrorCode.LOST, Reason.LOST, message)


def _disrupted_for_good(job: JobFact, message: str) -> Ended:
    return _without_result(job, ErrorCode.DISRUPTED, Reason.DISRUPTED, message)


def _without_result(job: JobFact, code: str, reason: str, message: str) -> Ended:
    return Ended(
        outcome=Outcome.FAILED,
        job=job,
        failures=job.failed,
        error_code=code,
        reason=reason,
        message=message[:_LONGEST],
        why=reason,
    )
