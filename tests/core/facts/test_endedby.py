from typing import Any

import msgspec
import pytest
from simjob.core.facts import containers, endedby
from simjob.core.facts.apiobjects import Pod

LOW_ON_MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. "
SHUTDOWN = "Pod was terminated in response to imminent node shutdown."
NOT_LOCATED = "The container could not be located when the pod was terminated"
TARGET = {"type": "DisruptionTarget", "status": "True"}


def pod(**status: Any) -> Pod:
    spec = {"containers": [{"name": "simulation"}, {"name": "sidecar"}]}
    meta = {"name": "pod", "uid": "pod-uid", "annotations": {"simjob.dev/containers": "simulation"}}
    return msgspec.convert({"metadata": meta, "spec": spec, "status": status}, Pod)


def words_of(pod: Pod) -> str:
    return endedby.words(pod, containers.read(pod))


def ended(code: int, reason: str, message: str = "") -> dict[str, Any]:
    end = {"exitCode": code, "reason": reason, "message": message}
    return {"containerStatuses": [{"name": "simulation", "state": {"terminated": end}}]}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(
            {"conditions": [TARGET | {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}]},
            "EvictionByEvictionAPI: Eviction API: evicting",
            id="drain",
        ),
        pytest.param(
            {
                "reason": "Evicted",
                "message": LOW_ON_MEMORY,
                "conditions": [TARGET | {"reason": "TerminationByKubelet", "message": LOW_ON_MEMORY}],
            },
            f"TerminationByKubelet: {LOW_ON_MEMORY}".strip(),
            id="node pressure",
        ),
        pytest.param(
            {"reason": "Evicted", "message": LOW_ON_MEMORY},
            f"Evicted: {LOW_ON_MEMORY}".strip(),
            id="node pressure, reported by a kubelet that sets no condition",
        ),
        pytest.param(ended(255, "Unknown"), "Unknown: exit code 255", id="reboot, containerd"),
        pytest.param(
            ended(137, "ContainerStatusUnknown", NOT_LOCATED),
            f"ContainerStatusUnknown: {NOT_LOCATED}",
            id="reboot, the container is not there any more",
        ),
        pytest.param(
            {"phase": "Succeeded", "reason": "Terminated", "message": SHUTDOWN},
            f"Terminated: {SHUTDOWN}",
            id="graceful shutdown of the node",
        ),
        pytest.param({"reason": "Shutdown"}, "Shutdown", id="graceful shutdown, old kubelet"),
        pytest.param({"reason": "NodeLost", "message": "Node n is lost"}, "NodeLost: Node n is lost", id="lost node"),
        pytest.param({"reason": "Preempting", "message": "Preempted"}, "Preempting: Preempted", id="critical pod"),
        pytest.param({"conditions": [TARGET]}, "DisruptionTarget", id="a condition without words"),
    ],
)
def test_a_disruption_quotes_the_cluster(status: dict[str, Any], words: str) -> None:
    assert words_of(pod(**status)) == words


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(ended(255, "Error"), id="the simulation's own 255"),
        pytest.param(ended(137, "OOMKilled"), id="out of memory"),
        pytest.param(ended(1, "Unknown"), id="a code that is not unknown"),
        pytest.param({"conditions": [TARGET | {"status": "False"}]}, id="a disruption that was called off"),
        pytest.param(
            {"reason": "DeadlineExceeded", **ended(137, "ContainerStatusUnknown", NOT_LOCATED)}, id="its deadline"
        ),
        pytest.param({"phase": "Succeeded"}, id="success"),
    ],
)
def test_a_pod_that_ended_by_itself_was_not_disrupted(status: dict[str, Any]) -> None:
    assert words_of(pod(**status)) == ""


@pytest.mark.parametrize(
    "message",
    [
        'Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". ',
        "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ",
        'Container simulation exceeded its local ephemeral storage limit "1Gi". ',
    ],
)
def test_an_eviction_for_the_pods_own_limit_is_no_disruption(message: str) -> None:
    lost = ended(137, "ContainerStatusUnknown", NOT_LOCATED)
    for status in ({}, lost, {"conditions": [TARGET]}):
        evicted = pod(phase="Failed", reason="Evicted", message=message, **status)
        assert endedby.over_own_limit(evicted)
        assert words_of(evicted) == ""


def test_a_limit_message_counts_only_for_an_eviction() -> None:
    message = "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. "
    assert not endedby.over_own_limit(pod(reason="Error", message=message))
    assert not endedby.over_own_limit(pod(reason="Evicted", message=LOW_ON_MEMORY))


def test_a_lost_sidecar_does_not_hide_the_end_of_the_simulation() -> None:
    simulation = ended(2, "Error")["containerStatuses"]
    sidecar = [{**ended(255, "Unknown")["containerStatuses"][0], "name": "sidecar"}]
    assert words_of(pod(phase="Failed", containerStatuses=sidecar + simulation)) == ""
