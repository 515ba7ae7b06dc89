"""What others delete is created again, and does not count as a failure."""

import secrets
from collections.abc import Iterator

import pytest
from cluster.control.api import is_ready
from cluster.kwok import fakenodes
from integration.conftest import make_place
from integration.support import client as paths
from integration.support.client import Client, Object
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template, eventually
from integration.worlds.reboot import Memory, reboot

pytestmark = pytest.mark.integration

UNHURT = {"failed": 0, "cancelled": 0}


@pytest.fixture(scope="module", autouse=True)
def sweep_on_a_lost_node(client: Client, operator_of_module: OperatorProcess) -> Iterator[Sweep]:
    """A sweep whose node goes. The cluster needs a minute to notice, in which the other tests run."""
    if not operator_of_module.is_running:
        operator_of_module.start()
    pool = f"pool-{secrets.token_hex(3)}"
    place = make_place(client, f"test-{pool}", operator_of_module.tail)
    lost = _add_node(client, pool, 90)
    sweep = place.apply(cases={"count": 4}, template=a_template(nodeSelector={"pool": pool}))
    sweep.wait_running(4)
    kept = _add_node(client, pool, 91)
    client.delete(f"/api/v1/nodes/{lost}")
    yield sweep
    place.leave()
    client.delete(f"/api/v1/nodes/{kept}")


def _add_node(client: Client, pool: str, number: int) -> str:
    node = fakenodes.manifest(number, [])
    name = f"{pool}-{number}"
    node["metadata"]["name"] = name
    node["metadata"]["labels"] |= {"pool": pool, "kubernetes.io/hostname": name}
    client.create("/api/v1/nodes", node)

    def is_usable() -> bool:
        found = client.get(f"/api/v1/nodes/{name}")
        return is_ready(found) and not found["spec"].get("taints")

    eventually(is_usable, lambda: f"{name} is not ready")
    return name


def counts(status: Object) -> dict[str, int]:
    return {outcome: status["cases"][outcome] for outcome in UNHURT}


def evict(place: Place, pod: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    place.client.create(f"{paths.pods(place.name, pod)}/eviction", eviction)


def attempt_running(sweep: Sweep, number: int) -> str:
    """Wait until the only case's attempt of this number runs; return its pod's name."""

    def names() -> list[str]:
        found = [str(pod["metadata"]["name"]) for pod in sweep.running_pods]
        return [name for name in found if name.endswith(f"-{number}")]

    sweep.wait_until(lambda: names() != [], f"attempt {number} runs")
    return names()[0]


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
def test_a_job_deleted_by_hand_is_recreated_under_a_new_name(place: Place, propagation: str) -> None:
    sweep = place.apply()
    sweep.wait_running(3)
    place.client.delete(paths.jobs(place.name, sweep.jobs[0]["metadata"]["name"]), propagation)
    sweep.wait_until(lambda: len(sweep.job_names) == 4, "there is another Job")
    status = sweep.end_all("COMPLETED")
    assert counts(status) == UNHURT
    assert len(sweep.job_names) == 4
    assert status["restarts"] == 1


def test_a_job_without_its_owner_reference_is_recreated(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, template=a_template(stop=1))
    sweep.wait_running(2)
    place.client.patch(
        paths.jobs(place.name, sweep.jobs[0]["metadata"]["name"]), {"metadata": {"ownerReferences": None}}
    )
    sweep.wait_until(lambda: len(sweep.job_names) == 3, "there is another Job")
    status = sweep.end_all("COMPLETED")
    assert counts(status) == UNHURT
    assert len(sweep.job_names) == 3


def test_jobs_deleted_during_downtime_run_again_unless_they_had_ended(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply(cases={"count": 6}, parallelism=3)
    sweep.wait_running(3)
    sweep.end_running()
    sweep.wait(lambda status: status.get("cases", {}).get("succeeded") == 3, "three successes")
    sweep.wait_running(3)
    before = sweep.status["succeededIndexes"]
    operator.stop()
    for job in sweep.jobs:
        place.client.delete(paths.jobs(place.name, job["metadata"]["name"]), "Background")
    sweep.wait_cleared()
    operator.start()
    status = sweep.end_all("COMPLETED")
    assert counts(status) == UNHURT
    made = [name for name in sweep.pod_names if name.endswith("-1-0")]
    assert before == "0-2"
    assert len(made) == 3


def test_a_force_deleted_pod_is_replaced_at_once(place: Place) -> None:
    sweep = place.apply(cases={"count": 2})
    sweep.wait_running(2)
    name = sweep.pods[0]["metadata"]["name"]
    place.client.delete(paths.pods(place.name, name), gracePeriodSeconds=0)
    sweep.wait_until(lambda: len(sweep.pod_names) == 3, "there is another pod")
    status = sweep.end_all("COMPLETED")
    assert counts(status) == UNHURT
    assert len(sweep.pod_names) == 3
    assert name.removesuffix("-0") + "-1" in sweep.pod_names


def test_an_evicted_case_runs_again(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, template=a_template(stop=1))
    sweep.wait_running(2)
    for pod in sweep.pods:
        evict(place, pod["metadata"]["name"])
    status = sweep.end_all("COMPLETED")
    assert counts(status) == UNHURT
    assert len(sweep.pod_names) == 4


def test_evictions_do_not_use_up_the_retry_limit(place: Place) -> None:
    sweep = place.apply(cases={"count": 1})
    for attempt in range(5):
        evict(place, attempt_running(sweep, attempt))
    assert counts(sweep.end_all("COMPLETED")) == UNHURT


@pytest.mark.effect("spec.retries.maxDisruptions")
def test_a_case_that_exceeds_max_disruptions_fails(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, retries={"maxDisruptions": 2}, template=a_template(stop=1))
    for attempt in range(3):
        evict(place, attempt_running(sweep, attempt))
    status = sweep.wait_phase("FAILED")
    (failure,) = status["failures"]
    assert (status["errorCode"], failure["errorCode"], failure["reason"]) == ("DISRUPTED", "DISRUPTED", "Disrupted")
    assert failure["message"].startswith("disrupted 3 times, more often than `maxDisruptions` (2); the last time: ")
    assert "EvictionByEvictionAPI" in failure["message"]
    assert len(sweep.pod_names) == 3


@pytest.mark.parametrize("memory", Memory)
def test_a_node_reboot_restarts_a_case_without_counting_a_failure(place: Place, memory: Memory) -> None:
    sweep = place.apply(cases={"count": 1})
    sweep.wait_running(1)
    (pod,) = sweep.running_pods
    assert reboot(place.client, place.name, pod["spec"]["nodeName"], memory) == [pod["metadata"]["name"]]
    status = sweep.end_all("COMPLETED")
    assert counts(status) == UNHURT
    assert len(sweep.pod_names) == 2


def test_a_pod_evicted_for_its_own_limit_fails_even_if_it_later_reports_success(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, template=a_template(stop=1))
    sweep.wait_running(1)
    path = f"{paths.pods(place.name, sweep.running_pods[0]['metadata']['name'])}/status"
    message = 'Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". '
    place.client.patch(path, {"status": {"phase": "Failed", "reason": "Evicted", "message": message}})
    place.client.patch(path, {"status": {"phase": "Succeeded", "reason": None, "message": None}})
    (failure,) = sweep.wait_phase("FAILED")["failures"]
    assert (failure["errorCode"], failure["reason"]) == ("CASE_FAILED", "Evicted")
    assert failure["message"] == message


def test_cases_of_a_deleted_node_run_on_another_node(sweep_on_a_lost_node: Sweep) -> None:
    sweep = sweep_on_a_lost_node
    sweep.wait_until(lambda: len(sweep.pod_names) >= 8, "all cases have a second pod", seconds=150)
    sweep.wait_running(4)
    assert counts(sweep.status) == UNHURT
    assert {pod["spec"]["nodeName"].rsplit("-", 1)[1] for pod in sweep.running_pods} == {"91"}
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
    assert not sweep.place.violations()
