"""The containers of a pod: how the simulation ran and ended, and which container explains the pod's state.

The simulation is the template's first container. An injector can add containers anywhere, so the operator writes the
names of the template's containers into an annotation of each pod. Without the annotation, all containers count as the
template's. Native sidecars (init containers with restartPolicy Always) and injected containers never affect the
outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from simjob.api import names
from simjob.api.names import Reason
from simjob.core.facts import terminationmessage
from simjob.core.facts.apiobjects import Container, Pod, Terminated
from simjob.core.facts.terminationmessage import Message

_PULL_ERROR: Final = "ErrImagePull"
PULL_FAILURES: Final = frozenset({_PULL_ERROR, "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
_BACK_OFF: Final = "Back-off pulling image "
_START_UP: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the statuses of a pod's containers show.

    `exit_code`, `reason`, `message`, `image`: those of the container that explains the pod's state. The exit code is 0
    only if all of the template's containers succeeded.
    `container`: the one that failed, empty if it was the simulation.
    `started`, `finished`, `result`: the simulation's times and termination message.
    `result_cut`: whether the kubelet may have cut the message.
    `over`: all of the template's containers have ended, and neither the pod's deadline nor its node stopped them.
    `ended`: when the last of them ended, if known.
    `held`: they have ended, and an injected container keeps the pod running. Native sidecars never do.
    """

    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    image: str = ""
    container: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    result: str = ""
    result_cut: bool = False
    over: bool = False
    ended: datetime | None = None
    held: bool = False


def pull_error(message: str) -> str:
    """Return why an image cannot be pulled, from the kubelet's message; empty if the message does not say.

    The kubelet alternates between the error and a back-off message, which contains the error in newer versions. Both
    give the same result.
    """
    cause = message.partition(f"{_PULL_ERROR}: ")[2] if message.startswith(_BACK_OFF) else message
    return cause.removeprefix(f"{_PULL_ERROR}: ").strip()


def mark(containers: tuple[str, ...]) -> Mapping[str, str]:
    """Return the annotation with the names of the template's containers. The first one is the simulation."""
    return {names.ANNOTATION_CONTAINERS: ",".join(containers)}


def read(pod: Pod) -> Reading:
    """Return what the statuses of a pod's containers show."""
    written = _written(pod)
    ends = {found.name: found.state.terminated for found in pod.status.container_statuses}
    own = [end for name in written if (end := ends.get(name))]
    times = [end.finished_at for end in own if end.finished_at]
    all_ended = bool(written) and len(own) == len(written)
    ended = max(times) if all_ended and len(times) == len(own) else None
    others = (container.name for container in pod.spec.containers if container.name not in written)
    over = all_ended and _by_itself(pod, ended)
    reading = _explained(pod, written, over=over)
    started, finished, said = _simulation_ran(pod, written)
    return replace(
        reading,
        started=started,
        finished=finished,
        result=said.text,
        result_cut=said.cut,
        over=over,
        ended=ended,
        held=all_ended and any(not ends.get(name) for name in others),
    )


def _written(pod: Pod) -> tuple[str, ...]:
    """Return the names of the template's containers, the simulation first."""
    present = tuple(container.name for container in pod.spec.containers)
    marked = pod.metadata.annotations.get(names.ANNOTATION_CONTAINERS, "").split(",")
    if marked[0] not in present:
        return present
    return tuple(name for name in marked if name in present)


def _by_itself(pod: Pod, ended: datetime | None) -> bool:
    """Return whether the template's containers, which have all ended, ended before the pod was stopped.

    The kubelet writes why it stopped a pod only when no container runs any more. Until then, only the times show that
    the deadline stopped it: both come from the same kubelet, in whole seconds.
    """
    status = pod.status
    if status.phase == "Succeeded" or (status.phase == "Failed" and not status.reason):
        return True
    if status.phase == "Failed" and status.reason != Reason.DEADLINE_EXCEEDED:
        return False
    limit, accepted = pod.spec.active_deadline_seconds, status.start_time
    if not limit:
        return status.phase != "Failed"
    return bool(ended and accepted and ended - accepted < timedelta(seconds=limit))


def _simulation_ran(pod: Pod, written: tuple[str, ...]) -> tuple[datetime | None, datetime | None, Message]:
    """Return when the simulation started and finished, and its termination message."""
    state = next((found.state for found in pod.status.container_statuses if found.name in written[:1]), None)
    if state is None:
        return None, None, Message()
    if end := state.terminated:
        if not terminationmessage.ran(end):
            return None, None, Message()
        return end.started_at, end.finished_at, terminationmessage.read(pod, written[0], end)
    return (state.running.started_at if state.running else None), None, Message()


def _explained(pod: Pod, written: tuple[str, ...], *, over: bool) -> Reading:
    """Return the reading of the container or condition that explains the pod's state. `over` is as in Reading."""
    status = pod.status
    # The template's containers had already ended, so the pod's own reason does not explain how they ended.
    reason, message = ("", "") if over else (status.reason, status.message)
    if failed := _failed(pod, written):
        container, end = failed
        return Reading(
            exit_code=end.exit_code,
            reason=reason or end.reason,
            message=message or end.message,
            image=container.image,
            container="" if container.name == written[0] else container.name,
        )
    if over:
        return Reading(exit_code=0)
    for container in status.init_container_statuses + status.container_statuses:
        if (wait := container.state.waiting) and wait.reason not in _START_UP:
            return Reading(reason=wait.reason, message=wait.message, image=container.image)
    for condition in status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return Reading(reason=condition.reason, message=_gates(pod) or condition.message)
    return Reading(exit_code=0 if status.phase == "Succeeded" else None, reason=reason, message=message)


def _gates(pod: Pod) -> str:
    """Return the names of the pod's scheduling gates. The API server's own message does not have them."""
    return ", ".join(gate.name for gate in pod.spec.scheduling_gates)


def _failed(pod: Pod, written: tuple[str, ...]) -> tuple[Container, Terminated] | None:
    """Return the container that failed, and its state: the simulation, otherwise the first of the others to fail.

    Init containers count even if an injector added them: if one failed, no later container ran.
    """
    sidecars = {container.name for container in pod.spec.init_containers if container.restart_policy == "Always"}
    found = [container for container in pod.status.init_container_statuses if container.name not in sidecars]
    found += [container for container in pod.status.container_statuses if container.name in written]
    failed = [(container, end) for container in found if (end := container.state.terminated) and end.exit_code]
    return min(failed, key=lambda pair: (pair[0].name not in written[:1], pair[1].finished_at or _LAST), default=None)
