"""Who ended a pod: the cluster, or the case itself by exceeding a limit of its own.

An end by the cluster (eviction, preemption, drain, node reboot or loss) does not count as a failure. Sources that the
rules below rely on, all in kubernetes/kubernetes unless named otherwise:

* pkg/kubelet/eviction/eviction_manager.go: an eviction for node pressure has the condition DisruptionTarget, one for
  the pod's own storage limit has not, and both have the reason Evicted. The texts are in helpers.go beside it.
* pkg/kubelet/nodeshutdown/nodeshutdown_manager.go: a graceful shutdown sets the reason Terminated and DisruptionTarget,
  and leaves the phase Succeeded if the containers exit with 0.
* pkg/kubelet/kubelet_pods.go: a container that the kubelet finds no more ends with ContainerStatusUnknown.
* containerd, internal/cri/server/restart.go: a container that ran before a reboot ends with 255 and Unknown.
* cri-o, server/container_status.go: 255 and Error if the exit code is lost. A program can exit so itself: it counts.
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
# Reasons of the whole pod. NodeShutdown and Shutdown are older kubelets' words for Terminated.
_BY_CLUSTER: Final = frozenset({_EVICTED, "NodeLost", "NodeShutdown", "Preempting", "Shutdown", "Terminated"})
_KUBELET: Final = "TerminationByKubelet"
_NOT_FOUND: Final = "ContainerStatusUnknown"
_UNKNOWN: Final = ("Unknown", 255)


def over_own_limit(pod: Pod) -> bool:
    """Return whether the kubelet evicted the pod because it exceeded a limit of its own, which is a failure."""
    return pod.status.reason == _EVICTED and bool(_OWN_LIMIT.match(pod.status.message))


def words(pod: Pod, reading: Reading) -> str:
    """Return who or what in the cluster ended the pod, in the cluster's own words; empty if nobody did.

    `reading`: what its containers say.
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
        return ""  # A reason of the whole pod, such as DeadlineExceeded, says more than what became of its containers.
    return _sentence(reading.reason, reading.message or f"exit code {reading.exit_code}")


def by_kubelet(pod: Pod) -> bool:
    """Return whether the kubelet ended the pod for its node's sake."""
    status = pod.status
    marked = any(
        c.type == "DisruptionTarget" and c.status == "True" and c.reason == _KUBELET for c in status.conditions
    )
    return marked or (status.reason in _BY_CLUSTER and not over_own_limit(pod))


def _sentence(reason: str, message: str) -> str:
    return f"{reason}: {message}".strip().removesuffix(":").removeprefix(": ")
