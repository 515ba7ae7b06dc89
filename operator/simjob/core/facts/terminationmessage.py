"""A container's termination message: who wrote it, and whether the kubelet may have cut it.

The kubelet marks neither. It keeps the last 4096 bytes of the file. With FallbackToLogsOnError, if the file is empty
and the container failed, it keeps the last 80 lines of the log, at most 2048 bytes. Then all containers of a pod share
12 KiB evenly, and a longer message loses its end. A message that has the length of a limit counts as cut.
pkg/kubelet/kuberuntime/kuberuntime_container.go and pkg/kubelet/status/status_manager.go: normalizeStatus.
"""

from dataclasses import dataclass
from typing import Final

from simjob.core.facts.apiobjects import NO_TIME, Pod, Terminated

FILE_BYTES: Final = 4096
LOG_BYTES: Final = 2048
LOG_LINES: Final = 80
POD_BYTES: Final = 12 * 1024
# With these reasons, the kubelet or the container runtime wrote the message. The first two mean that it never ran.
# containerd: internal/cri/server/helpers.go; kubelet: pkg/kubelet/container/runtime.go and kubelet_pods.go.
_NOT_RUN: Final = frozenset({"StartError", "ContainerCannotRun", "ContainerStatusUnknown"})
_NOT_ITS_WORDS: Final = _NOT_RUN | {"RestartingAllContainers"}
_KUBELETS_WORDS: Final = ("Error on reading termination log ", "Error on reading termination message from logs: ")
_NOT_UTF8: Final = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A termination message. `cut`: whether the kubelet may have cut it."""

    text: str = ""
    cut: bool = False


def ran(end: Terminated) -> bool:
    """Return whether a container that has ended did run. If it could not start, the kubelet gives 1970 as its start."""
    return end.reason not in _NOT_RUN and end.started_at != NO_TIME


def read(pod: Pod, name: str, end: Terminated) -> Message:
    """Return the termination message of the container `name`; empty if the container did not write it itself."""
    text = end.message
    if not text or not ran(end) or end.reason in _NOT_ITS_WORDS or text.startswith(_KUBELETS_WORDS):
        return Message()
    return Message(text=text, cut=_is_cut(text, _limit(pod)) or (_may_be_log(pod, name, end) and _is_cut_log(text)))


def _limit(pod: Pod) -> int:
    spec = pod.spec
    containers = len(spec.containers) + len(spec.init_containers) + len(spec.ephemeral_containers)
    return min(FILE_BYTES, POD_BYTES // max(containers, 1))


def _is_cut(text: str, limit: int) -> bool:
    # A byte that is not UTF-8, such as a part of a cut character, is replaced by U+FFFD, which has three bytes.
    return len(text.encode()) >= limit


def _may_be_log(pod: Pod, name: str, end: Terminated) -> bool:
    falls_back = any(c.falls_back_to_logs for c in pod.spec.containers if c.name == name)
    return falls_back and end.exit_code != 0


def _is_cut_log(text: str) -> bool:
    longest = len(text.encode())
    shortest = longest - 2 * text.count(_NOT_UTF8)
    return shortest <= LOG_BYTES <= longest or (shortest < LOG_BYTES and len(text.splitlines()) >= LOG_LINES)
