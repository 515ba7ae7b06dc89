"""A fake node that reboots: what its kubelet reports afterwards about the pods that ran on it.

After a reboot containerd reports 255 `Unknown` of a container that it still knows, and the kubelet reports 137
`ContainerStatusUnknown` of one that nobody knows. Neither marks the pod as disrupted. `Cluster.reboot` is for the real
node.
"""

from datetime import UTC, datetime
from enum import StrEnum

from integration.support import client as paths
from integration.support.client import Client, Object


class Memory(StrEnum):
    """What is left of a container on a node that has rebooted."""

    KNOWN = "known"
    LOST = "lost"


def reboot(client: Client, namespace: str, node: str, memory: Memory = Memory.KNOWN) -> list[str]:
    """Report the running pods of a namespace on a fake node as after a reboot; return their names."""
    found = client.items(paths.pods(namespace), fieldSelector=f"spec.nodeName={node},status.phase=Running")
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    for pod in found:
        path = paths.pods(namespace, pod["metadata"]["name"])
        client.patch(f"{path}/status", {"status": _after(pod["status"], memory, now)})
    return [pod["metadata"]["name"] for pod in found]


def _after(status: Object, memory: Memory, now: str) -> Object:
    conditions = [
        {**found, "status": "False", "reason": "PodFailed", "lastTransitionTime": now}
        if found["type"] in ("Ready", "ContainersReady")
        else found
        for found in status["conditions"]
    ]
    containers = [
        {**found, "ready": False, "started": False, "state": {"terminated": _ended(found["state"], memory, now)}}
        for found in status["containerStatuses"]
    ]
    return {"phase": "Failed", "conditions": conditions, "containerStatuses": containers}


def _ended(state: Object, memory: Memory, now: str) -> Object:
    if memory is Memory.LOST:
        message = "The container could not be located when the pod was terminated"
        return {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message}
    started = state.get("running", {}).get("startedAt", now)
    return {"exitCode": 255, "reason": "Unknown", "startedAt": started, "finishedAt": now}
