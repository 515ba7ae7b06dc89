"""The time limits of an attempt: until the pod has a node, until the simulation runs, and while it runs.

The operator enforces the first two, the kubelet the third, also while no operator runs. Timestamps of different
machines are not compared: the scheduler's time is used only within the bounds of the API server's clock, and a
kubelet's time is compared only with times of the same kubelet.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simjob.api.names import ErrorCode
from simjob.api.policies import Timeouts
from simjob.api.schema import INT32_MAX
from simjob.core.facts.pods import PodFact, PodState

# Seconds for images and volumes before the container runs, if there is no `startSeconds`. This limit only matters
# while no operator runs: otherwise the operator lowers the deadline once the container runs.
_START_ROOM: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """The time at which a waiting attempt times out, by the operator's clock, with its error code and message."""

    at: datetime
    error_code: str
    message: str


def expiry(pod: PodFact, timeouts: Timeouts | None) -> TimedOut | None:
    """Return when a pod that waits for a node or for its container times out; None if it has no limit."""
    if timeouts is None or pod.started is not None:
        return None
    why = f": {pod.reason}: {pod.message}".removesuffix(": ") if pod.reason else ""
    if pod.state is PodState.PENDING and timeouts.assign_seconds is not None:
        return TimedOut(
            at=pod.created + timedelta(seconds=timeouts.assign_seconds),
            error_code=ErrorCode.ASSIGN_TIMEOUT,
            message=f"no node within {timeouts.assign_seconds} s{why}",
        )
    if pod.state is PodState.ASSIGNED and timeouts.start_seconds is not None:
        return TimedOut(
            at=_assigned(pod) + timedelta(seconds=timeouts.start_seconds),
            error_code=ErrorCode.START_TIMEOUT,
            message=f"its container did not run within {timeouts.start_seconds} s on node {pod.node}{why}",
        )
    return None


def still_waits(pod: PodFact, now: PodFact) -> bool:
    """Return whether a pod that timed out still waits for the same thing. `now` is the pod as read again since."""
    return now.uid == pod.uid and now.state is pod.state and now.started is None and not now.terminating


def _assigned(pod: PodFact) -> datetime:
    if pod.scheduled is None:
        return pod.seen_at
    return max(pod.created, min(pod.scheduled, pod.seen_at))


def deadline(timeouts: Timeouts | None) -> int | None:
    """Return a new pod's activeDeadlineSeconds, counted from when the kubelet accepts it; None for no limit."""
    if timeouts is None or timeouts.run_seconds is None:
        return None
    return min(timeouts.run_seconds + (timeouts.start_seconds or _START_ROOM), INT32_MAX)


def tightened(pod: PodFact, timeouts: Timeouts | None) -> int | None:
    """Return the lower activeDeadlineSeconds that ends a running pod after `runSeconds`; None if it needs no change.

    The kubelet's two times are whole seconds, so one second is added: no simulation gets less than its time.
    """
    if timeouts is None or timeouts.run_seconds is None or pod.started is None or pod.accepted is None:
        return None
    waited = max(int((pod.started - pod.accepted).total_seconds()), 0)
    wanted = min(waited + timeouts.run_seconds + 1, INT32_MAX)
    return wanted if pod.deadline is None or wanted < pod.deadline else None


def deadline_code(pod: PodFact | None) -> str:
    """Return the error code of a pod that reached its deadline. None stands for a pod that is gone."""
    return ErrorCode.START_TIMEOUT if pod is not None and pod.started is None else ErrorCode.EXECUTION_TIMEOUT
