"""What a pod's containers say of its attempt: how the simulation ran, how it ended, and what explains the pod.

The simulation is the first container that the user wrote. An injector can put its own containers anywhere, so the
operator writes the names of the user's containers on each pod. A pod without them is read as if the user wrote all its
containers. Native sidecars (init containers with restartPolicy Always) and injected containers never decide.
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
    """What the containers of a pod say.

    `exit_code`, `reason`, `message`, `image`: of what explains the pod. The exit code is 0 only if the user's
    containers all succeeded. `container`: the one that failed, unless it is the simulation.
    `started`, `finished`, `result`: the simulation's times and termination message. `result_cut`: the kubelet may have
    kept only a part of it.
    `over`: every container that the user wrote has ended, and neither the pod's deadline nor its node ended them.
    `ended`: when the last of them did, if that is known.
    `held`: they have ended, and a container that an injector added keeps the pod running. Native sidecars never do.
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
    """Return why an image cannot be pulled; empty if the kubelet's message does not say.

    While it tries again the kubelet alternates between the error itself and a message of its back-off, which holds the
    error in newer versions. The answer is the same for both.
    """
    cause = message.partition(f"{_PULL_ERROR}: ")[2] if message.startswith(_BACK_OFF) else message
    return cause.removeprefix(f"{_PULL_ERROR}: ").strip()


def mark(containers: tuple[str, ...]) -> Mapping[str, str]:
    """Return the annotation that names the containers which the user wrote; the first is the simulation."""
    return {names.ANNOTATION_CONTAINERS: ",".join(containers)}


def read(pod: Pod) -> Reading:
    """Return what the containers of a pod say."""
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
    """Return the names of the containers that the user wrote, the simulation first."""
    present = tuple(container.name for container in pod.spec.containers)
    marked = pod.metadata.annotations.get(names.ANNOTATION_CONTAINERS, "").split(",")
    if marked[0] not in present:
        return present
    return tuple(name for name in marked if name in present)


def _by_itself(pod: Pod, ended: datetime | None) -> bool:
    """Return whether the user's containers, which have all ended, did so without the pod having been ended.

    The kubelet says why it ends a pod only when nothing of the pod runs any more. Until then, a deadline shows in the
    times: both are the same kubelet's, in whole seconds.
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
    """Return when the simulation started and finished, and what it said then."""
    state = next((found.state for found in pod.status.container_statuses if found.name in written[:1]), None)
    if state is None:
        return None, None, Message()
    if end := state.terminated:
        if not terminationmessage.ran(end):
            return None, None, Message()
        return end.started_at, end.finished_at, terminationmessage.read(pod, written[0], end)
    return (state.running.started_at if state.running else None), None, Message()


def _explained(pod: Pod, written: tuple[str, ...], *, over: bool) -> Reading:
    """Return exit code, reason, message and image of what explains the pod's state; `over` as in Reading."""
    status = pod.status
    # What ended the rest of the pod afterwards does not explain how they ended.
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
            return Reading(reason=condition.reason, message=condition.message)
    return Reading(exit_code=0 if status.phase == "Succeeded" else None, reason=reason, message=message)


def _failed(pod: Pod, written: tuple[str, ...]) -> tuple[Container, Terminated] | None:
    """Return the container that failed and how it ended: the simulation, else the first to fail of the others.

    An init container that failed is the only one that ran, whoever wrote it.
    """
    sidecars = {container.name for container in pod.spec.init_containers if container.restart_policy == "Always"}
    found = [container for container in pod.status.init_container_statuses if container.name not in sidecars]
    found += [container for container in pod.status.container_statuses if container.name in written]
    failed = [(container, end) for container in found if (end := container.state.terminated) and end.exit_code]
    return min(failed, key=lambda pair: (pair[0].name not in written[:1], pair[1].finished_at or _LAST), default=None)
