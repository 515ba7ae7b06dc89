"""A pod as typed facts, read from the API server's JSON.

Only the fields that a rule reads are decoded; a strange pod is None, never an exception. What the facts
lead to is not decided here.
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
    """Where a pod is in its life; the last two are final."""

    PENDING = "Pending"
    ASSIGNED = "Assigned"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


_ENDED: Final = frozenset({PodState.SUCCEEDED, PodState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFact:
    """One attempt's pod.

    `labelled`: it has the label by which the operator lists and watches.
    `stopped`: its deletion was asked for before it ended, so that how it ended says nothing about the case.
    `disrupted`: the cluster ends or ended it (eviction, preemption, reboot), `disruption` in its words. `by_kubelet`:
    its kubelet did. `over_limit`: the kubelet evicted it for exceeding its own storage limit.
    `over_at`: when the operator first saw that the user's containers had ended by themselves while others of the pod
    ran; None for a pod that ended as a whole. `held`: only what an injector added keeps it. `last_end`: when the last
    of the user's containers ended, by the kubelet's clock.
    `gone`: the pod is deleted and this is its last state.
    `reason`, `message`: why it waits or how it failed. `container`: the one that failed, if not the simulation.
    `grace`: seconds that its deletion leaves it.
    `created` is the API server's time, `scheduled` the scheduler's; `accepted` is when its kubelet took it up,
    `started` and `finished` when the simulation's container did, all three by the kubelet's clock.
    `result`: the simulation's termination message; `result_cut`: the kubelet may have kept only a part of it.
    `deadline`: seconds after `accepted` at which the kubelet ends it.
    `seen_at`, `asked_at`, `gone_at`: when the operator, by its clock, first saw this state, its deletion, and it gone.
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
        """How the user's containers ended: SUCCEEDED or FAILED; None while one of them may run."""
        if self.ended or self.over_at is None:
            return self.state if self.ended else None
        return end_state(self.exit_code)

    @property
    def ended(self) -> bool:
        """Whether no container of it runs or ever will, by the kubelet's word."""
        return self.state in _ENDED

    @property
    def succeeded(self) -> bool:
        """Whether the simulation ended well and nobody had asked it to stop."""
        return self.outcome is PodState.SUCCEEDED and not (self.stopped or self.disrupted or self.over_limit)

    @property
    def ran(self) -> timedelta | None:
        """How long the simulation ran; None if it did not, or if nobody knows."""
        return self.finished - self.started if self.started and self.finished else None

    @property
    def live(self) -> bool:
        """Whether it exists and is neither Succeeded nor Failed."""
        return not (self.gone or self.ended)


def pod_fact(pod: Pod, seen_at: datetime, owner_uid: str = "") -> PodFact | None:
    """Return the facts of a pod of ours; None for any other pod. `owner_uid` as in identity.of_pod."""
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
    # An ended pod is deleted with a grace period of 0, whoever asks; a running one keeps that of the request.
    # The kubelet's own last delete has 0 too: successor() keeps what an earlier version of the pod said.
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
        # A container that an injector added and that waits keeps the phase Pending.
        case "Pending" if reading.started is None:
            return PodState.ASSIGNED if pod.spec.node_name else PodState.PENDING
        case _:
            return PodState.RUNNING


def _scheduled(pod: Pod) -> datetime | None:
    conditions = (c for c in pod.status.conditions if c.type == "PodScheduled" and c.status == "True")
    return next((condition.last_transition_time for condition in conditions), None)
