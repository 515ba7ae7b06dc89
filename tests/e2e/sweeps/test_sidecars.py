"""Sidecars on a real node, injected and the user's own: the user's containers decide."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from cluster.images import oci
from e2e.support.namespace import Namespace
from e2e.support.sweep import Sweep, manifest
from integration.support.client import Client, Object
from integration.support.watching import Seen
from integration.worlds.injection import UNTIL_STOPPED, Position, injected
from simjob.core.attempts import injectedcontainers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SUCCEEDS = """sleep 2; echo '{"drag": 0.31}' > /dev/termination-log"""
WRONG_INPUT: dict[str, Any] = {"limit": 1, "nonRetryableExitCodes": [2]}
TUNNEL = {
    "name": "tunnel",
    "image": oci.BUSYBOX,
    "restartPolicy": "Always",
    "command": ["sh", "-c", f"touch /open; {UNTIL_STOPPED}"],
    "startupProbe": {"exec": {"command": ["test", "-e", "/open"]}, "periodSeconds": 1},
}


def containers(pod: Seen, kind: str = "containerStatuses") -> dict[str, Object]:
    """Give how the containers of a pod ended, by name; without those that have not."""
    states = {found["name"]: found["state"] for found in pod.object["status"].get(kind, [])}
    return {name: state["terminated"] for name, state in states.items() if "terminated" in state}


def pods_of(namespace: Namespace, sweep: Sweep) -> list[Seen]:
    """Give the last version of each pod that a sweep ever had."""
    namespace.settle()
    owned = [
        seen for seen in namespace.pods.history if seen.object["metadata"]["labels"]["simjob.dev/name"] == sweep.name
    ]
    return list({seen.uid: seen for seen in owned}.values())


def test_cases_end_with_their_own_containers_despite_injected_ones(namespace: Namespace, api: Client) -> None:
    with (
        injected(api, namespace.name, Position.FIRST, name="a-proxy"),
        injected(api, namespace.name, Position.LAST, name="z-agent", script="exit 1"),
        injected(api, namespace.name, Position.NATIVE, name="native-proxy"),
    ):
        results = namespace.sweep(SUCCEEDS, name="results", cases={"count": 2}, timeouts={"runSeconds": 60})
        wrong_input = namespace.sweep("sleep 1; exit 2", name="wrong-input", retries=WRONG_INPUT)
        retry = namespace.sweep("case $HOSTNAME in *-1) exit 0;; esac; exit 3", name="retry", retries={"limit": 1})
        exporter = namespace.apply(_with_exporter(manifest("exporter", "true", 5, {"retries": WRONG_INPUT})))
        never_starts = namespace.apply(_without_image(manifest("never", "true", 5, {"timeouts": {"startSeconds": 6}})))
        cancelled = namespace.sweep(SUCCEEDS, name="cancelled", cases={"count": 2}, parallelism=1)

        cancelled.wait(lambda: any("simulation" in containers(pod) for pod in cancelled.pods()), "case 0 has ended")
        cancelled.cancel()
        status = cancelled.wait_phase("CANCELLED")
        assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0", "1")

        _judge_results(namespace, results)

        status = wrong_input.wait_phase("FAILED", 120)
        assert (status["failures"][0]["exitCode"], status["failures"][0].get("container")) == (2, None)
        assert len(pods_of(namespace, wrong_input)) == 1, "exit code 2 is final"

        status = exporter.wait_phase("FAILED", 120)
        assert (status["failures"][0]["exitCode"], status["failures"][0]["container"]) == (2, "exporter")
        assert len(pods_of(namespace, exporter)) == 2, "exit code 2 of another container is not final"

        assert retry.wait_phase("COMPLETED", 120)["progress"] == "1/1"
        assert never_starts.wait_phase("FAILED", 120)["errorCode"] == "START_TIMEOUT"


def _with_exporter(sweep: Object) -> Object:
    exporter = {"name": "exporter", "image": oci.BUSYBOX, "command": ["sh", "-c", "exit 2"]}
    sweep["spec"]["template"]["spec"]["containers"].append(exporter)
    return sweep


def _without_image(sweep: Object) -> Object:
    sweep["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.invalid/no/such:1"
    return sweep


def _judge_results(namespace: Namespace, sweep: Sweep) -> None:
    status = sweep.wait_phase("COMPLETED", 120)
    assert status["results"]["rows"] == 2
    assert status["computeTime"]["succeeded"]["wallSeconds"] <= 2 * 5, "the time of the simulation alone"
    for pod in pods_of(namespace, sweep):
        ends = containers(pod)
        times = {name: datetime.fromisoformat(ends[name]["finishedAt"]) for name in ends}
        waited = times["a-proxy"] - times["simulation"]
        assert (
            injectedcontainers.SETTLING - timedelta(seconds=1)
            <= waited
            <= injectedcontainers.SETTLING + timedelta(seconds=15)
        )
        assert (pod.phase, pod.object["status"]["reason"]) == ("Failed", "DeadlineExceeded")
        assert containers(pod, "initContainerStatuses")["native-proxy"]["exitCode"] != 0
        assert "deletionTimestamp" not in pod.object["metadata"], "its logs stay"


@pytest.mark.effect("spec.template.spec.initContainers[].restartPolicy")
def test_a_user_sidecar_starts_before_the_simulation_and_does_not_affect_the_outcome(namespace: Namespace) -> None:
    body = manifest("licensed", "sleep 2; exit 2", 5, {"retries": WRONG_INPUT})
    body["spec"]["template"]["spec"]["initContainers"] = [TUNNEL]
    failed = namespace.apply(body)
    body = manifest("good", SUCCEEDS, 5, {"cases": {"count": 2}})
    body["spec"]["template"]["spec"]["initContainers"] = [TUNNEL]
    good = namespace.apply(body)
    assert good.wait_phase("COMPLETED")["results"]["rows"] == 2
    status = failed.wait_phase("FAILED")
    assert (status["failures"][0]["exitCode"], status["failures"][0].get("container")) == (2, None)
    (pod,) = pods_of(namespace, failed)
    (tunnel,) = containers(pod, "initContainerStatuses").values()
    (simulation,) = containers(pod).values()
    assert tunnel["exitCode"] == 143
    assert tunnel["startedAt"] <= simulation["startedAt"] <= simulation["finishedAt"] <= tunnel["finishedAt"]
    assert "activeDeadlineSeconds" not in pod.object["spec"], "the kubelet ends it without help"
