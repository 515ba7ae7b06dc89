"""The status of a case's Job, so that kubectl and Kueue can read it like that of any other Job.

Each function returns a JSON merge patch of the status, or None if nothing changes. An attempt costs at most two writes,
and one if it is short. Only if a queue admits the Job, each change is written at once: Kueue evicts a Job that is not
ready in time, and gives away the quota of an evicted one that is not active. The API server accepts only some
combinations of fields: kubernetes/kubernetes:pkg/registry/batch/job/strategy.go.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from simjob.api.schema import format_time
from simjob.core.attempts.judgement import Ended
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import CountAttempt

Patch = Mapping[str, Any]

# For a case that ends within this time, only its end is written.
SETTLING: Final = timedelta(seconds=2)
# The same while other cases are being started: each such write would delay one of them.
SETTLING_WHILE_STARTING: Final = timedelta(seconds=30)


def says_running(job: JobFact) -> bool:
    """Return whether the Job's status shows one active and ready pod."""
    return job.active == 1 and job.ready == 1


def running_at(job: JobFact, pod: PodFact, *, starting: bool) -> datetime:
    """Return when to write the Job status of a running pod. `starting`: other cases are being started."""
    if job.queued:
        return pod.seen_at
    return pod.seen_at + (SETTLING_WHILE_STARTING if starting else SETTLING)


def running(job: JobFact, pod: PodFact, now: datetime, *, starting: bool = False) -> Patch | None:
    """Return the patch for a live pod: one that has run for some time, or any pod of a Job that a queue admitted."""
    counts = _counts(job, pod, now, starting=starting)
    started = {"startTime": format_time(_started(job, now))}
    if job.says_suspended and not job.suspended:
        message = "The Job was admitted by its queue"
        condition = _condition("Suspended", "False", "JobResumed", message, now)
        return {**counts, **started, "conditions": [condition]}
    return {**counts, **started} if counts else None


def _counts(job: JobFact, pod: PodFact, now: datetime, *, starting: bool) -> Patch:
    """Return `active` and `ready` to write now; empty if there is nothing to write."""
    runs = pod.state is PodState.RUNNING
    if not (runs or job.queued) or now < running_at(job, pod, starting=starting):
        return {}
    counts = {"active": 1, "ready": int(runs)}
    return {} if counts == {"active": job.active, "ready": job.ready} else counts


def over(job: JobFact, count: CountAttempt) -> Patch | None:
    """Return the patch for an attempt that is over, with the number of failures."""
    if not job.active and not job.ready and job.status_failed == count.failed:
        return None
    return {"active": 0, "ready": 0, "failed": count.failed}


def suspended(job: JobFact, now: datetime) -> Patch | None:
    """Return the patch for a Job that Kueue has suspended, and whose pod, if it had one, has stopped."""
    if job.says_suspended or job.terminating:
        return None
    message = "The Job is suspended by its queue"
    condition = _condition("Suspended", "True", "JobSuspended", message, now)
    return {"active": 0, "ready": 0, "startTime": None, "conditions": [condition]}


def finished(job: JobFact, ended: Ended, now: datetime) -> Patch | None:
    """Return the patch for a Job whose case has ended."""
    if job.succeeded is not None:
        return None
    started = _started(job, now)
    time = format_time(max(now, started))
    common = {"active": 0, "ready": 0, "startTime": format_time(started)}
    if ended.succeeded:
        message = "The case succeeded"
        conditions = [
            _condition("SuccessCriteriaMet", "True", "CompletionsReached", message, now),
            _condition("Complete", "True", "CompletionsReached", message, now),
        ]
        return common | {"succeeded": 1, "failed": ended.failures, "completionTime": time, "conditions": conditions}
    message = _failure_message(ended)
    conditions = [
        _condition("FailureTarget", "True", ended.why, message, now),
        _condition("Failed", "True", ended.why, message, now),
    ]
    return common | {"failed": ended.failures, "conditions": conditions}


def _failure_message(ended: Ended) -> str:
    code = "" if ended.exit_code is None else f", exit code {ended.exit_code}"
    code += f" of container {ended.container}" if ended.container else ""
    detail = f": {ended.message}" if ended.message else ""
    return f"The case failed: {ended.reason}{code}{detail}"[:1024]


def _started(job: JobFact, now: datetime) -> datetime:
    # As in the Job controller: the creation of the Job, or its admission if it was suspended.
    return job.started or (now if job.says_suspended else job.created)


def _condition(type_: str, status: str, reason: str, message: str, now: datetime) -> dict[str, str]:
    time = format_time(now)
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastProbeTime": time,
        "lastTransitionTime": time,
    }
