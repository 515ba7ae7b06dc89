"""What a Job's status should say of its attempt, so that kubectl and Kueue see what they know of any Job.

Each function returns a JSON merge patch of the status, or None if it says so already. An attempt costs at most two
writes, one where it ends soon. The combinations are those that the API server's validation accepts:
kubernetes/kubernetes:pkg/registry/batch/job/strategy.go.
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

# A case that ends within this time is written of once, at its end.
SETTLING: Final = timedelta(seconds=2)
# While other cases are being started, each such write would keep one of them waiting.
SETTLING_WHILE_STARTING: Final = timedelta(seconds=30)


def says_running(job: JobFact) -> bool:
    """Return whether the status has its pod as active and ready."""
    return job.active == 1 and job.ready == 1


def running_at(pod: PodFact, *, starting: bool) -> datetime:
    """Return when a running pod's Job should say so. `starting`: other cases of the sweep are being started."""
    return pod.seen_at + (SETTLING_WHILE_STARTING if starting else SETTLING)


def running(job: JobFact, pod: PodFact, now: datetime, *, starting: bool = False) -> Patch | None:
    """Say that the pod runs, once it has for some time; of a Job that its queue has let go, that it is not held."""
    if job.says_suspended and not job.suspended:
        message = "The Job was admitted by its queue"
        condition = _condition("Suspended", "False", "JobResumed", message, now)
        return {"startTime": format_time(_started(job, now)), "conditions": [condition]}
    if pod.state is not PodState.RUNNING or says_running(job) or now < running_at(pod, starting=starting):
        return None
    return {"active": 1, "ready": 1, "startTime": format_time(_started(job, now))}


def over(job: JobFact, count: CountAttempt) -> Patch | None:
    """Say that the attempt is over and how many failed."""
    if not job.active and not job.ready and job.status_failed == count.failed:
        return None
    return {"active": 0, "ready": 0, "failed": count.failed}


def suspended(job: JobFact, now: datetime) -> Patch | None:
    """Say that the Job is suspended, as its queue asked; a pod, if there was one, has stopped."""
    if job.says_suspended or job.terminating:
        return None
    message = "The Job is suspended by its queue"
    condition = _condition("Suspended", "True", "JobSuspended", message, now)
    return {"active": 0, "ready": 0, "startTime": None, "conditions": [condition]}


def finished(job: JobFact, ended: Ended, now: datetime) -> Patch | None:
    """Say how the case ended."""
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
    # As the Job controller has it: when work on the Job began, for one that a queue held when it was let go.
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
