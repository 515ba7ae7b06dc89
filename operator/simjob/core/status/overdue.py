"""Pods that should have stopped by now: since when, which they are, and what may keep them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from simjob.core.facts.pods import PodFact

# How long after its grace period a pod may take before status names it.
PATIENCE: Final = timedelta(seconds=10)
_NAMED: Final = 3


def overdue_at(pod: PodFact, since: datetime | None = None) -> datetime | None:
    """Return when a pod is late that is to stop `since` a time; None if it was not asked, and that is not known."""
    if pod.asked_at:
        return pod.asked_at + timedelta(seconds=pod.grace) + PATIENCE
    return since + PATIENCE if since else None


def name_overdue(pods: Iterable[PodFact], now: datetime, since: datetime | None = None) -> str:
    """Name what is to stop and has not, or cannot even be asked to, in sentences for people; empty if nothing is late.

    `since`: when it was stored that all are to be stopped.
    """
    late = [pod for pod in pods if (at := overdue_at(pod, since)) and at <= now]
    deaf, kept = [pod for pod in late if pod.terminating], [pod for pod in late if not pod.terminating]
    found = []
    if kept:
        found.append(
            f"the API server does not take the deletion of {_named(kept)}; does a webhook or a policy refuse it? "
            "the operator's log has its answer"
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
