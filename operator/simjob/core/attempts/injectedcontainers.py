"""Pods that only an injected container keeps running, and how they are stopped.

An attempt is over when every container of the template has ended. The kubelet then stops native sidecars, but not an
ordinary container that an injector added. Such a container gets a short time to exit; then the pod's deadline stops it.
The deadline keeps the logs, a deletion would not.
"""

from datetime import datetime, timedelta
from typing import Final

from simjob.core.facts.pods import PodFact

# Time for a proxy or an agent to send its last data after the simulation has ended.
SETTLING: Final = timedelta(seconds=10)
# If the deadline should have ended the pod this long ago and did not, the API server refused to lower it.
_PATIENCE: Final = timedelta(seconds=10)


def deadline(pod: PodFact) -> int | None:
    """Return the activeDeadlineSeconds that stops a held pod after its settling time; None if it needs no change.

    By the kubelet's clock it is later than the end of the template's containers, so that it cannot seem to be the cause
    of their end.
    """
    if pod.over_at is None or not pod.held or pod.last_end is None or pod.accepted is None:
        return None
    wanted = max(int((pod.last_end - pod.accepted).total_seconds()), 0) + SETTLING.seconds
    return wanted if pod.deadline is None or wanted < pod.deadline else None


def stuck_at(pod: PodFact) -> datetime | None:
    """Return when a held pod counts as stuck, because no deadline will stop it; None if one will, or it is not held."""
    if pod.over_at is None or not pod.held or (deadline(pod) is None and pod.last_end and pod.accepted):
        return None
    return pod.over_at + SETTLING + _PATIENCE


def is_stuck(pod: PodFact, now: datetime) -> bool:
    """Return whether the pod must be deleted to stop it. Its outcome must be recorded before that."""
    at = stuck_at(pod)
    return at is not None and at <= now
