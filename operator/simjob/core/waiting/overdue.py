"""Pods that should have stopped by now, and what may prevent it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from simjob.core.facts.pods import PodFact

# How long after its grace period a pod may still run before status names it.
PATIENCE: Final = timedelta(seconds=10)
_NAMED: Final = 3


def overdue_at(pod: PodFact, since: datetime | None = None) -> datetime | None:
    """Return when a pod that must stop is overdue; None if it was not deleted and `since` is None.

    `since`: when the stop was requested, for a pod whose deletion was not accepted.
    """
    if pod.asked_at:
        return pod.asked_at + timedelta(seconds=pod.grace) + PATIENCE
    return since + PATIENCE if since else None


def name_overdue(pods: Iterable[PodFact], now: datetime, since: datetime | None = None) -> str:
    """Return a message that names the overdue pods and possible causes; empty if no pod is overdue.

    `since`: when the stop of all pods was stored in status.
    """
    late = [pod for pod in pods if (at := overdue_at(pod, since)) and at <= now]
    deaf, kept = [pod for pod in late if pod.terminating], [pod for pod in late if not pod.terminating]
    found = []
    if kept:
        found.append(
            f"the API server does not accept the deletion of {_named(kept)}; does a webhook or a policy refuse it? "
            "The operator's log has the answer"
        )
    if deaf:
        found.append(
            f"not stopped {PATIENCE.seconds} s after the end of the grace period: {_named(deaf)}; "
            "is the node not ready, is an image being pulled, or does a finalizer hold the pod?"
        )
    return "; ".join(found)


def _named(pods: Sequence[PodFact]) -> str:
    named = ", ".join(f"{pod.name} on node {pod.node or 'none'}" for pod in pods[:_NAMED])
    return named + (f" and {len(pods) - _NAMED} more" if len(pods) > _NAMED else "")
