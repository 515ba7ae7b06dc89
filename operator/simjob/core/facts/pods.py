"""A pod as typed facts, read from the API server's JSON.

Only the fields that a rule reads are decoded. A pod of somebody else gives None, never an exception.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from simjob.api.schema import INT32_MAX
from simjob.core.facts import containers, endedby, identity
from simjob.core.facts.apiobjects import Pod
from simjob.core.facts.containers import Reading


class PodState(StrEnum):
    """The state of a pod. The last two are final."""

    PENDING = "Pending"
    ASSIGNED = "Assigned"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


_ENDED: Final = frozenset({PodState.SUCCEEDED, PodState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFact:
    """The pod of one attempt.

    `labelled`: it has the label that the operator lists and watches.
    `stopped`: it was deleted before it ended, so its end says nothing about the case.
    `disrupted`: the cluster ended it (eviction, preemption, reboot). `disruption`: reason and message of that.
    `by_kubelet`: the kubelet ended it. `over_limit`: it was evicted because it exceeded its own storage limit.
    `gone`: it was deleted, and these facts are its last state.
    `reason`, `message`: why it waits, or how it failed. `container`: the one that failed, empty if the simulation.
    `result`: the simulation's termination message. `result_cut`: whether the kubelet may have cut it.
    `held`: only an injected container keeps it running.
    `grace`: seconds of its deletion's grace period. `deadline`: seconds after `accepted` when the kubelet ends it.

    By the API server's clock: `created`. By the scheduler's: `scheduled`.
    By the kubelet's: `accepted`; `started` and `finished` of the simulation; `last_end`, when the last container of the
    template ended.
    By the operator's: `seen_at`, `asked_at`, `gone_at`: when it first saw this state, the deletion, and the pod gone;
    `over_at`: when it first saw that the template's containers had ended by themselves while other containers ran, None
    for a pod that ended as a whole.
    """

    name: str
    namespace: str
    uid: str
    version: int
    owner_uid: str
    job_uid: str
    index: int
    attempt: int
    labelled: bool = True
    state: PodState
    terminating: bool = False
    stopped: bool = False
    disrupted: bool = False
    by_kubelet: bool = False
    held: bool = False
    disruption: str = ""
    over_limit: bool = False
    gone: bool = False
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    image: str = ""
    container: str = ""
    node: str = ""
    grace: int = 0
    created: datetime
    scheduled: datetime | None = None
    accepted: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    last_end: datetime | None = None
    result: str = ""
    result_cut: bool = False
    deadline: int | None = None
    seen_at: datetime
    asked_at: datetime | None = None
    gone_at: datetime | None = None
    over_at: datetime | None = None

    @property
    def outcome(self) -> PodState | None:
        """Return how the template's containers ended: SUCCEEDED or FAILED; None while one of them may run."""
        if self.ended or self.over_at is None:
            return self.state if self.ended else None
        return end_state(self.exit_code)

    @property
    def ended(self) -> bool:
        """Whether the pod has a final phase: no container of it runs, or will run."""
        return self.state in _ENDED

    @property
    def succeeded(self) -> bool:
        """Whether the containers succeeded and the pod was not stopped, disrupted or over its limit."""
        return self.outcome is PodState.SUCCEEDED and not (self.stopped or self.disrupted or self.over_limit)

    @property
    def ran(self) -> timedelta | None:
        """Return how long the simulation ran; None if it did not run, or if the time is unknown."""
        return self.finished - self.started if self.started and self.finished else None

    @property
    def live(self) -> bool:
        """Whether the pod exists and is neither Succeeded nor Failed."""
        return not (self.gone or self.ended)


def pod_fact(pod: Pod, seen_at: datetime, owner_uid: str = "") -> PodFact | None:
    """Return the facts of a pod that belongs to a case; None for any other pod.

    `seen_at` is the operator's time. `owner_uid` is as in identity.of_pod.
    """
    meta = pod.metadata
    whose = identity.of_pod(meta, owner_uid)
    if whose is None:
        return None
    reading = containers.read(pod)
    state = _pod_state(pod, reading)
    why = endedby.words(pod, reading)
    is_over = reading.over and not (state in _ENDED or meta.deletion_timestamp or why)
    return PodFact(
        name=meta.name,
        namespace=meta.namespace,
        uid=meta.uid,
        version=int(meta.resource_version),
        owner_uid=whose.owner_uid,
        job_uid=whose.job_uid,
        index=whose.index,
        attempt=whose.attempt,
        labelled=whose.labelled,
        state=state,
        terminating=meta.deletion_timestamp is not None,
        stopped=meta.deletion_timestamp is not None and not _ended_first(pod, state),
        disrupted=bool(why),
        disruption=why,
        by_kubelet=endedby.by_kubelet(pod),
        over_limit=endedby.over_own_limit(pod),
        held=reading.held,
        exit_code=reading.exit_code,
        reason=reading.reason,
        message=reading.message,
        image=reading.image,
        container=reading.container,
        node=pod.spec.node_name,
        grace=min(max(meta.deletion_grace_period_seconds or 0, 0), INT32_MAX),
        created=meta.creation_timestamp,
        scheduled=_scheduled(pod),
        accepted=pod.status.start_time,
        started=reading.started,
        finished=reading.finished,
        last_end=reading.ended,
        result=reading.result,
        result_cut=reading.result_cut,
        deadline=pod.spec.active_deadline_seconds,
        seen_at=seen_at,
        asked_at=seen_at if meta.deletion_timestamp is not None else None,
        over_at=seen_at if is_over else None,
    )


def _ended_first(pod: Pod, state: PodState) -> bool:
    # The API server deletes an ended pod with a grace period of 0, and a running one with that of the request. The
    # kubelet's own final delete has 0, too, so podversions.successor() keeps `stopped` of the earlier version.
    return state in _ENDED and not pod.metadata.deletion_grace_period_seconds


def end_state(exit_code: int | None) -> PodState:
    """Return the state of a pod whose containers ended by themselves, with this exit code."""
    return PodState.SUCCEEDED if exit_code == 0 else PodState.FAILED


def _pod_state(pod: Pod, reading: Reading) -> PodState:
    match pod.status.phase:
        case "Succeeded":
            return PodState.SUCCEEDED
        case "Failed":
            return end_state(reading.exit_code)
        # An injected container that waits keeps the phase Pending while the simulation runs.
        case "Pending" if reading.started is None:
            return PodState.ASSIGNED if pod.spec.node_name else PodState.PENDING
        case _:
            return PodState.RUNNING


def _scheduled(pod: Pod) -> datetime | None:
    conditions = (c for c in pod.status.conditions if c.type == "PodScheduled" and c.status == "True")
    return next((condition.last_transition_time for condition in conditions), None)
