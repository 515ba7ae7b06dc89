"""A plan as data: the actions on the cluster, the new status, and the time of the next pass.

Every action is safe given the *stored* status. None relies on the status of its own plan being written, so a crash, a
conflict or a refused write between two actions loses nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.lastattempt import LastAttempt
from simjob.core.facts.pods import PodFact

_RESYNC: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareCases:
    """Copy the cases that the spec does not hold to the case table. `Observed.prepared` has the result later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCase:
    """Create a case's Job, named after index and restarts, and then the pod of its first attempt."""

    index: int
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAttempt:
    """Create the pod of a Job's current attempt."""

    job: JobFact


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAttempt:
    """Record the end of an attempt and the number of the next one in the Job's annotations, in one write.

    `seconds`: how long all attempts have run so far.
    `disruptions`, `last_disruption`: the number of disruptions, and the cause of the last one.
    `error_code`, `error_message`: why the attempt ended, if its pod does not show it because it never ran.
    `last`: how the attempt ended, for people.
    `waiting`: the pod, if it waited too long. It must be read again first, to confirm that it still waits.
    """

    job: JobFact
    attempt: int
    failed: int
    lost: int
    seconds: int
    not_before: datetime | None
    disruptions: int = 0
    last_disruption: str = ""
    error_code: str = ""
    error_message: str = ""
    last: LastAttempt | None = None
    waiting: PodFact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteJobStatus:
    """Merge `status` into the status of a Job."""

    job: JobFact
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRun:
    """Lower `activeDeadlineSeconds` of a pod to `seconds`, counted from when the kubelet accepted the pod.

    `otherwise`: the consequence for people to read, if the API server refuses it.
    """

    pod: PodFact
    seconds: int
    otherwise: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePod:
    """Delete a pod with its own grace period."""

    pod: PodFact


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteJob:
    """Delete a Job and its ended pods; those that are known are deleted one by one."""

    job: JobFact


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSimulationJob:
    """Delete the SimulationJob itself, if its uid and resourceVersion are still these."""

    namespace: str
    name: str
    uid: str
    resource_version: str


Action = (
    PrepareCases
    | CreateCase
    | StartAttempt
    | CountAttempt
    | WriteJobStatus
    | LimitRun
    | DeletePod
    | DeleteJob
    | DeleteSimulationJob
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An Event in addition to those for transitions of the status. `warning` selects its type."""

    reason: str
    action: str
    note: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A case that has ended by itself and has no stored outcome yet.

    `container`: the one that failed, empty if it was the simulation.
    `result`: the simulation's termination message, may be empty. `cut`: whether the kubelet may have cut it.
    """

    index: int
    name: str
    succeeded: bool
    exit_code: int | None = None
    container: str = ""
    result: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `planner.plan` returns.

    `status`: the new status; None if it must not be written (the SimulationJob is being deleted).
    `ends`: cases that the status newly records as succeeded or failed. Their results are stored before the status.
    `needs_proof`: the status says that no pod is live. Before it is written, a live read must confirm this.
    `stopped`: cases that the status newly records as cancelled while others go on. A live read must confirm these, too.
    `unlatched`: pods to delete if the API server has refused the status with the cancel several times.
    `unstarted`: a few pods that have a node and do not start. Their Events are read, to report why.
    `held`: a few Jobs that a queue holds. Their Workloads are read, to report why.
    `look_again`: when to plan again if nothing changes before; None to wait for a change.
    """

    actions: tuple[Action, ...] = ()
    status: Status | None = None
    ends: tuple[End, ...] = ()
    notices: tuple[Notice, ...] = ()
    needs_proof: bool = False
    stopped: Ranges = field(default_factory=Ranges)
    unlatched: tuple[DeletePod, ...] = ()
    unstarted: tuple[PodFact, ...] = ()
    held: tuple[JobFact, ...] = ()
    look_again: datetime | None = None

    def stores_only(self, now: datetime) -> bool:
        """Return whether the plan only stores what the next one relies on: a cancel, or a restart."""
        return not self.actions and self.look_again is not None and self.look_again <= now


def resync_at(now: datetime) -> datetime:
    """Return when to plan again for an unfinished job if nothing changes before."""
    return now + _RESYNC


def tally(actions: Iterable[Action]) -> Counter[str]:
    """Return the number of actions by kind, for the log."""
    return Counter(type(action).__name__ for action in actions)
