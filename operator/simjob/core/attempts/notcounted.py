"""Ends of attempts that do not count as failures: which they are, how often a case had them, and in which words."""

from typing import Final

from simjob.api.names import Reason
from simjob.api.spec import Spec, Task
from simjob.core.attempts import retries, usage
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState

_LONGEST: Final = 1024


def is_one(pod: PodFact) -> bool:
    """Return whether somebody else than the simulation ended a pod that has ended or is gone, or never let it run."""
    return pod.stopped or pod.disrupted or is_rejected(pod)


def overran(pod: PodFact) -> bool:
    """Return whether its kubelet ended a pod at its deadline."""
    return pod.state is PodState.FAILED and pod.reason == Reason.DEADLINE_EXCEEDED


def is_rejected(pod: PodFact) -> bool:
    """Return whether the kubelet would not admit a pod."""
    # A failed pod with a reason and without an exit code never ran.
    never_ran = pod.state is PodState.FAILED and pod.exit_code is None and bool(pod.reason)
    return never_ran and not (overran(pod) or pod.over_limit)


def number(job: JobFact, pod: PodFact | None, spec: Spec) -> int:
    """Return how often the case was disrupted, this time included; of a persistent one, how often in a row."""
    fresh = spec.task is Task.PERSISTENT and pod is not None and retries.is_long(usage.ran(pod))
    return 1 if fresh else job.disruptions + 1


def too_often(job: JobFact, pod: PodFact | None, spec: Spec) -> str:
    """Say that a case was disrupted more often than it may be."""
    times, most = number(job, pod, spec), spec.retries.max_disruptions
    return f"disrupted {times} times, more often than `maxDisruptions` ({most}); the last time: {words(pod)}"


def words(pod: PodFact | None) -> str:
    """Say who or what ended a pod; None is one that nobody saw again."""
    if pod is None or not is_one(pod):
        found = "its pod vanished without an outcome"
    elif pod.disrupted:
        found = pod.disruption
    else:
        found = "its pod was deleted" if pod.stopped else f"{pod.reason}: {pod.message}"
    return (found.removesuffix(": ") or "the cluster ended its pod")[:_LONGEST]
