"""The end of a pod that only an injected container keeps running, after the user's containers have ended.

A case is over when every container that the user wrote has ended. Native sidecars are stopped by the kubelet then. An
ordinary container that an injector added is not: it gets a short time to end by itself, and then the pod's deadline
ends it. That keeps the logs, which a deletion does not.
"""

from datetime import datetime, timedelta
from typing import Final

from simjob.core.facts.pods import PodFact

# What a proxy or an agent may need to send its last data after the simulation has ended.
SETTLING: Final = timedelta(seconds=10)
# A deadline that has not been lowered this long after it should have ended the pod was refused.
_PATIENCE: Final = timedelta(seconds=10)


def deadline(pod: PodFact) -> int | None:
    """Return the deadline that ends a held pod when its settling time is over; None if it needs none, or has it.

    It is later than the end of the user's containers by the kubelet's own clock, so that it cannot be taken for what
    ended them.
    """
    if pod.over_at is None or not pod.held or pod.last_end is None or pod.accepted is None:
        return None
    wanted = max(int((pod.last_end - pod.accepted).total_seconds()), 0) + SETTLING.seconds
    return wanted if pod.deadline is None or wanted < pod.deadline else None


def stuck_at(pod: PodFact) -> datetime | None:
    """Return when a held pod counts as one that no deadline will end; None if one will, or if nothing holds it."""
    if pod.over_at is None or not pod.held or (deadline(pod) is None and pod.last_end and pod.accepted):
        return None
    return pod.over_at + SETTLING + _PATIENCE


def is_stuck(pod: PodFact, now: datetime) -> bool:
    """Return whether only deleting the pod will end it: its outcome is recorded first."""
    at = stuck_at(pod)
    return at is not None and at <= now
