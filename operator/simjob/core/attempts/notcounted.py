"""Disruptions: ends of attempts that do not count as failures. Which ends they are, their number, their message."""

from typing import Final

from simjob.api.names import Reason
from simjob.api.spec import Spec, Task
from simjob.core.attempts import retries, usage
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState

_LONGEST: Final = 1024


def is_one(pod: PodFact) -> bool:
    """Return whether a pod that has ended or is gone was disrupted: deleted, evicted, rejected or the like."""
    return pod.stopped or pod.disrupted or is_rejected(pod)


def overran(pod: PodFact) -> bool:
    """Return whether the kubelet ended the pod at its activeDeadlineSeconds."""
    return pod.state is PodState.FAILED and pod.reason == Reason.DEADLINE_EXCEEDED


def is_rejected(pod: PodFact) -> bool:
    """Return whether the kubelet rejected the pod."""
    # A failed pod with a reason and without an exit code never ran.
    never_ran = pod.state is PodState.FAILED and pod.exit_code is None and bool(pod.reason)
    return never_ran and not (overran(pod) or pod.over_limit)


def number(job: JobFact, pod: PodFact | None, spec: Spec) -> int:
    """Return the number of disruptions of a case, with this one. For a Persistent case only those in a row count."""
    fresh = spec.task is Task.PERSISTENT and pod is not None and retries.is_long(usage.ran(pod))
    return 1 if fresh else job.disruptions + 1


def too_often(job: JobFact, pod: PodFact | None, spec: Spec) -> str:
    """Return the message for a case with more disruptions than `maxDisruptions`."""
    times, most = number(job, pod, spec), spec.retries.max_disruptions
    return f"disrupted {times} times, more often than `maxDisruptions` ({most}); the last time: {words(pod)}"


def words(pod: PodFact | None) -> str:
    """Return what ended a pod, as a message. None stands for a pod that disappeared."""
    if pod is None or not is_one(pod):
        found = "its pod vanished without an outcome"
    elif pod.disrupted:
        found = pod.disruption
    else:
        found = "its pod was deleted" if pod.stopped else f"{pod.reason}: {pod.message}"
    return (found.removesuffix(": ") or "the cluster ended its pod")[:_LONGEST]
