"""What ended a pod: the cluster, or a limit that the pod itself exceeded.

An end by the cluster (eviction, preemption, drain, node reboot or loss) does not count as a failure. The rules below
rely on these sources, in kubernetes/kubernetes unless named otherwise:

* pkg/kubelet/eviction/eviction_manager.go: an eviction has the reason Evicted. With node pressure as the cause, it also
  has the condition DisruptionTarget; with the pod's own storage limit, it does not. The texts are in helpers.go.
* pkg/kubelet/nodeshutdown/nodeshutdown_manager.go: a graceful shutdown sets the reason Terminated and DisruptionTarget.
  The phase becomes Succeeded if the containers exit with 0.
* pkg/kubelet/kubelet_pods.go: a container that the kubelet cannot find ends with ContainerStatusUnknown.
* containerd, internal/cri/server/restart.go: a container that ran before a reboot ends with 255 and Unknown.
* cri-o, server/container_status.go: 255 and Error if the exit code is lost. A program can also exit with 255 itself, so
  this counts as a failure.
"""

import re
from typing import Final

from simjob.core.facts.apiobjects import Pod
from simjob.core.facts.containers import Reading

_EVICTED: Final = "Evicted"
_OWN_LIMIT: Final = re.compile(
    r"Usage of EmptyDir volume .* exceeds the limit"
    r"|Pod ephemeral local storage usage exceeds the total limit of containers"
    r"|Container .* exceeded its local ephemeral storage limit"
)
# Reasons in the pod's status. Older kubelets write NodeShutdown or Shutdown instead of Terminated.
_BY_CLUSTER: Final = frozenset({_EVICTED, "NodeLost", "NodeShutdown", "Preempting", "Shutdown", "Terminated"})
_KUBELET: Final = "TerminationByKubelet"
_NOT_FOUND: Final = "ContainerStatusUnknown"
_UNKNOWN: Final = ("Unknown", 255)


def over_own_limit(pod: Pod) -> bool:
    """Return whether the kubelet evicted the pod because it exceeded its own storage limit, which is a failure."""
    return pod.status.reason == _EVICTED and bool(_OWN_LIMIT.match(pod.status.message))


def words(pod: Pod, reading: Reading) -> str:
    """Return how the cluster ended the pod, as reason and message from its status; empty if the cluster did not.

    `reading`: what the pod's containers show.
    """
    status = pod.status
    if over_own_limit(pod):
        return ""
    for condition in status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return _sentence(condition.reason, condition.message) or condition.type
    if status.reason in _BY_CLUSTER:
        return _sentence(status.reason, status.message)
    if status.reason or not (reading.reason == _NOT_FOUND or (reading.reason, reading.exit_code) == _UNKNOWN):
        return ""  # A reason in the pod's status, such as DeadlineExceeded, explains more than the containers' states.
    return _sentence(reading.reason, reading.message or f"exit code {reading.exit_code}")


def by_kubelet(pod: Pod) -> bool:
    """Return whether the kubelet ended the pod to protect its node, or because the node shuts down."""
    status = pod.status
    marked = any(
        c.type == "DisruptionTarget" and c.status == "True" and c.reason == _KUBELET for c in status.conditions
    )
    return marked or (status.reason in _BY_CLUSTER and not over_own_limit(pod))


def _sentence(reason: str, message: str) -> str:
    return f"{reason}: {message}".strip().removesuffix(":").removeprefix(": ")
