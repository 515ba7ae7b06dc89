"""What others do to pods and nodes is not a failure of a case."""

import pytest
from cluster.provider import Cluster
from e2e.support import node
from e2e.support.deployment import Operator
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER, Sweep
from integration.support import client

pytestmark = pytest.mark.e2e

# The first attempt runs until somebody stops it.
FIRST_FOREVER = f"case $HOSTNAME in *-0) ;; *) exit 0;; esac; {FOREVER}"


def test_a_pod_deleted_by_hand_is_replaced_and_does_not_count(namespace: Namespace) -> None:
    sweep = namespace.sweep(FIRST_FOREVER)
    namespace.run("delete", "pod", sweep.pod(0).name)
    assert_second_attempt_completes(sweep)


def test_a_pod_evicted_through_the_api_is_replaced_and_does_not_count(namespace: Namespace) -> None:
    sweep = namespace.sweep(FIRST_FOREVER)
    pod = sweep.pod(0).name
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace.name}}
    namespace.client.create(f"{client.pods(namespace.name, pod)}/eviction", eviction)
    assert_second_attempt_completes(sweep)


def test_a_force_deleted_pod_is_replaced(namespace: Namespace) -> None:
    sweep = namespace.sweep(FIRST_FOREVER)
    namespace.run("delete", "pod", sweep.pod(0).name, "--force", "--grace-period=0")
    assert_second_attempt_completes(sweep)


def test_a_job_deleted_by_hand_is_recreated(namespace: Namespace) -> None:
    script = f"case $HOSTNAME in *-0-0) ;; *) exit 0;; esac; {FOREVER}"
    sweep = namespace.sweep(script)
    sweep.pod(0)
    namespace.run("delete", "job", sweep.job(0))
    status = sweep.wait_phase("COMPLETED")
    assert status["restarts"] == 1
    assert status.get("failures", []) == []


@pytest.mark.timeout(240)
def test_cases_of_a_lost_node_run_again(namespace: Namespace, operator: Operator, real_cluster: Cluster) -> None:
    """The node is missed after 16 s, and its pods are evicted 10 s later; they stop when it is back."""
    sweep = namespace.sweep(FIRST_FOREVER, cases={"count": 3})
    pods = sweep.wait_running(3)
    real_cluster.stop("kubelet")
    try:
        sweep.wait(lambda: all(is_asked_to_go(namespace, pod.name) for pod in pods), "all are evicted", 90)
        assert sweep.status["cases"]["failed"] == 0
    finally:
        real_cluster.start("kubelet")
    status = sweep.wait_phase("COMPLETED", 90)
    assert status["succeededIndexes"] == "0-2"
    assert status.get("failures", []) == []
    namespace.settle()
    assert {name(index, attempt, pods[0].name) for index in range(3) for attempt in range(2)} == {
        seen.name for seen in namespace.pods.history
    }
    operator.wait_available()


@pytest.mark.timeout(180)
def test_a_case_on_an_unresponsive_node_is_not_reported_as_stopped(
    namespace: Namespace, operator: Operator, real_cluster: Cluster
) -> None:
    sweep = namespace.sweep(FOREVER, grace=1)
    pod = sweep.pod(0)
    real_cluster.stop("kubelet")
    try:
        sweep.cancel()
        message = sweep.wait_message("PodsNotStopping")
        assert f"{pod.name} on node real-0" in message
        assert node.processes(pod.uid), "it runs on, and nobody may say otherwise"
        status = sweep.status
        assert (status["phase"], status["cancellation"]["stopping"]) == ("CANCELLING", 1)
    finally:
        real_cluster.start("kubelet")
    sweep.wait_phase("CANCELLED")
    assert node.processes(pod.uid) == []
    operator.wait_available()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "forget",
    [
        pytest.param(False, id="the kubelet knows its containers"),
        pytest.param(True, id="the kubelet has lost its containers"),
    ],
)
def test_a_node_that_reboots_does_not_fail_its_cases(
    namespace: Namespace, operator: Operator, real_cluster: Cluster, forget: bool
) -> None:
    """The operator's own pods run on that node, too."""
    sweep = namespace.sweep(FIRST_FOREVER)
    sweep.pod(0)
    real_cluster.reboot(forget_containers=forget)
    status = sweep.wait_phase("COMPLETED", 150)
    assert status.get("failures", []) == []
    operator.wait_available()


def assert_second_attempt_completes(sweep: Sweep) -> None:
    status = sweep.wait_phase("COMPLETED")
    assert status.get("failures", []) == []
    job = sweep.namespace.read("get", "job", sweep.job(0))
    assert job["status"].get("failed", 0) == 0
    sweep.namespace.settle()
    assert sorted({seen.name.rpartition("-")[2] for seen in sweep.namespace.pods.history}) == ["0", "1"]


def is_asked_to_go(namespace: Namespace, pod: str) -> bool:
    return "deletionTimestamp" in namespace.client.get(client.pods(namespace.name, pod))["metadata"]


def name(index: int, attempt: int, example: str) -> str:
    """Return the name of a pod, which ends in index, restarts and attempt."""
    return f"{example.rsplit('-', 3)[0]}-{index}-0-{attempt}"
