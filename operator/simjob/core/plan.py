"""A plan as data: what to do to the cluster, what to say in status, when to look again.

Every action is safe by what the *stored* status says: none relies on the status of its own plan being written,
so that a crash, a conflict or a refused write between any two of them loses nothing.
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
    """Write down the cases that the spec does not hold itself; what comes of it is in `Observed.prepared` later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCase:
    """Make a case's Job, named by index and restarts, and then the pod of its first attempt."""

    index: int
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAttempt:
    """Make the pod of a Job's current attempt."""

    job: JobFact


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAttempt:
    """Record in a Job's annotations that its attempt is over and which comes next, in one write.

    `seconds`: how long all attempts up to now ran.
    `disruptions`, `last_disruption`: how many attempts the cluster ended, and who or what ended the last of them.
    `error_code`, `error_message`: why it is over, where its pod does not tell because it never ran.
    `last`: how it ended, for people.
    `waiting`: its pod, if the attempt is over because it waits too long: a read must say first that it still does.
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
    """Lower the deadline of a pod: its kubelet ends it `seconds` after it accepted it.

    `otherwise`: what follows if the API server refuses that, for people.
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
    """Delete a Job; its ended pods are deleted with it, one by one where they are known."""

    job: JobFact


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSimulationJob:
    """Delete the SimulationJob itself, if it is still as it was judged."""

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
    """Something worth an Event beside the transitions of the status. `warning` picks its type."""

    reason: str
    action: str
    note: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A case that has ended by itself and has no stored outcome yet.

    `container`: the one that failed, if it was not the simulation. `result`: the simulation's message, perhaps empty.
    `cut`: the kubelet may have kept only a part of it.
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

    `status` is None where there is nothing to say it on (the SimulationJob is being deleted).
    `ends`: the cases whose outcomes become succeeded or failed; their results are stored before the status is.
    `needs_proof`: the status says that nothing is live; it may be written only after a live read that says so too.
    `stopped`: cases that the status newly says are cancelled while others go on; the same must be read of them.
    `unlatched`: what is done although the status, which latches it, has been refused several times.
    `unstarted`: pods that have a node and do not start, a few: to be read what their kubelets say.
    `look_again`: when to plan again although nothing was seen to change; None for "when something changes".
    """

    actions: tuple[Action, ...] = ()
    status: Status | None = None
    ends: tuple[End, ...] = ()
    notices: tuple[Notice, ...] = ()
    needs_proof: bool = False
    stopped: Ranges = field(default_factory=Ranges)
    unlatched: tuple[DeletePod, ...] = ()
    unstarted: tuple[PodFact, ...] = ()
    look_again: datetime | None = None

    def stores_only(self, now: datetime) -> bool:
        """Return whether the plan does nothing but store what the next one relies on: the latch, a restart."""
        return not self.actions and self.look_again is not None and self.look_again <= now


def resync_at(now: datetime) -> datetime:
    """Return when to look at an unfinished job although nothing was seen to change."""
    return now + _RESYNC


def tally(actions: Iterable[Action]) -> Counter[str]:
    """Count the actions by kind, for the log."""
    return Counter(type(action).__name__ for action in actions)
