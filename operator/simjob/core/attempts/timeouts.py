"""How long an attempt may take: until it has a node, until its container runs, and to run.

The first two are the operator's to hold, the third is the kubelet's, also while no operator runs. Stamps of different
machines are not compared: what the scheduler says is taken only where it can be true by the API server's clock, and
what the kubelet says is compared with what the same kubelet said.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simjob.api.names import ErrorCode
from simjob.api.policies import Timeouts
from simjob.api.schema import INT32_MAX
from simjob.core.facts.pods import PodFact, PodState

# What a pod has for its images and volumes before it runs, where no start time-out says so. It bounds only a pod
# whose operator is away: once the container runs, the deadline is drawn in.
_START_ROOM: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """When an attempt that waits is over, by the operator's clock, with which code and why."""

    at: datetime
    error_code: str
    message: str


def expiry(pod: PodFact, timeouts: Timeouts | None) -> TimedOut | None:
    """Return what bounds a pod that waits for a node or for its container; None for one that nothing bounds."""
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
    """Return whether a pod waits for the same as when its time was found to be over. `now`: as it was read since."""
    return now.uid == pod.uid and now.state is pod.state and now.started is None and not now.terminating


def _assigned(pod: PodFact) -> datetime:
    if pod.scheduled is None:
        return pod.seen_at
    return max(pod.created, min(pod.scheduled, pod.seen_at))


def deadline(timeouts: Timeouts | None) -> int | None:
    """Return the seconds after which the kubelet ends a pod, counted from when it took it up; None for no bound."""
    if timeouts is None or timeouts.run_seconds is None:
        return None
    return min(timeouts.run_seconds + (timeouts.start_seconds or _START_ROOM), INT32_MAX)


def tightened(pod: PodFact, timeouts: Timeouts | None) -> int | None:
    """Return the deadline of a pod whose container runs, so that it ends `runSeconds` after that; None if it has it.

    Both of the kubelet's times are whole seconds: one more, so that no simulation has less than its time.
    """
    if timeouts is None or timeouts.run_seconds is None or pod.started is None or pod.accepted is None:
        return None
    waited = max(int((pod.started - pod.accepted).total_seconds()), 0)
    wanted = min(waited + timeouts.run_seconds + 1, INT32_MAX)
    return wanted if pod.deadline is None or wanted < pod.deadline else None


def deadline_code(pod: PodFact | None) -> str:
    """Return the error code of a pod that reached its deadline; None stands for one that is gone."""
    return ErrorCode.START_TIMEOUT if pod is not None and pod.started is None else ErrorCode.EXECUTION_TIMEOUT
