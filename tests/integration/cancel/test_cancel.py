"""One patch ends a sweep, in every phase, truthfully."""

import json
import secrets
from collections.abc import Iterator

import pytest
from cluster.kwok import fakenodes
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support.client import Client, RefusedError
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import HELD, Place, Sweep, a_template, condition

pytestmark = pytest.mark.integration


@pytest.fixture
def silent_node(client: Client) -> Iterator[str]:
    """A node without a kubelet: pods that are bound to it never start, and never stop."""
    name = f"silent-{secrets.token_hex(3)}"
    node = fakenodes.manifest(0, [])
    node["metadata"] = {"name": name, "labels": {"silent": name}}
    client.create("/api/v1/nodes", node)
    yield name
    client.delete(f"/api/v1/nodes/{name}")


def finish(sweep: Sweep) -> None:
    """Wait for CANCELLED and check all that it says."""
    status = sweep.wait_phase("CANCELLED", seconds=90)
    assert not sweep.live_pods
    counts = status["cases"]
    assert counts["cancelled"] == counts["total"] - counts["succeeded"] - counts["failed"]
    assert (condition(status, "Finished"), condition(status, "Cancelled"), condition(status, "Succeeded")) == (
        "True",
        "True",
        "False",
    )
    assert (status["isTerminal"], status["isFailed"], condition(status, "Stalled")) == (True, False, "False")
    assert {"requestedAt", "requestedBy", "finishedAt"} <= status["cancellation"].keys()
    assert "stopping" not in status["cancellation"]
    sweep.wait_until(
        lambda: len(sweep.jobs) == counts["succeeded"] + counts["failed"], "only Jobs of finished cases are left"
    )


def test_cases_without_a_node_are_cancelled(place: Place) -> None:
    sweep = place.apply(template=a_template(nodeSelector={"there-is": "none"}))
    sweep.wait(lambda status: status.get("reason") == "Unschedulable", "Unschedulable")
    sweep.cancel()
    finish(sweep)


def test_cases_on_a_node_that_never_answers_are_named_until_they_are_gone(place: Place, silent_node: str) -> None:
    template = a_template(
        nodeSelector={"silent": silent_node}, tolerations=[{"operator": "Exists"}], terminationGracePeriodSeconds=1
    )
    sweep = place.apply(cases={"count": 2}, template=template)
    sweep.wait_phase("ASSIGNED")
    sweep.cancel()
    named = [f"{pod['metadata']['name']} on node {silent_node}" for pod in sweep.pods]
    status = sweep.wait(lambda status: all(name in status["message"] for name in named), "the names of both")
    assert (status["phase"], status["reason"], status["cancellation"]["stopping"]) == (
        "CANCELLING",
        "PodsNotStopping",
        2,
    )
    for pod in sweep.pods:
        place.client.delete(paths.pods(place.name, pod["metadata"]["name"]), gracePeriodSeconds=0)
    finish(sweep)


def test_cancelled_waits_for_pods_that_use_their_grace_period(place: Place) -> None:
    sweep = place.apply(cases={"count": 6}, parallelism=4, template=a_template(stop=HELD))
    sweep.wait_running(4)
    sweep.cancel("wrong mesh")
    status = sweep.wait(lambda status: "cancellation" in status, "the latch")
    assert (status["phase"], status["cancellation"]["stopping"], status["cancellation"]["reason"]) == (
        "CANCELLING",
        4,
        "wrong mesh",
    )
    sweep.wait_until(lambda: all("deletionTimestamp" in pod["metadata"] for pod in sweep.pods), "all are asked to stop")
    assert sweep.status["phase"] == "CANCELLING"
    sweep.let_stop()
    finish(sweep)


def test_cases_that_ended_before_the_cancel_keep_their_outcome(place: Place) -> None:
    sweep = place.apply(cases={"count": 30}, parallelism=2)
    sweep.wait_running(2)
    sweep.end_running()
    sweep.wait(lambda status: status.get("cases", {}).get("succeeded") == 2, "two successes")
    sweep.cancel()
    finish(sweep)
    assert sweep.status["cases"]["succeeded"] == 2


def test_cases_in_back_off_are_cancelled(place: Place) -> None:
    sweep = place.apply(retries={"limit": 3}, template=a_template(run=1, exit_code=1))
    sweep.wait(lambda status: status.get("reason") == "WaitingToRetry", "the wait for the retry")
    sweep.cancel()
    finish(sweep)
    assert sweep.status["cases"]["cancelled"] == 3


def test_a_pod_whose_job_was_deleted_is_stopped(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, parallelism=1, template=a_template(stop=2))
    sweep.wait_running(1)
    place.client.delete(paths.jobs(place.name, sweep.jobs[0]["metadata"]["name"]), "Orphan")
    sweep.cancel()
    finish(sweep)
    sweep.wait_cleared()


def test_a_suspended_sweep_can_be_cancelled(place: Place) -> None:
    sweep = place.apply(suspend=True)
    sweep.wait_phase("SUSPENDED")
    sweep.cancel()
    finish(sweep)
    assert not sweep.job_names


def test_a_cancel_while_a_thousand_cases_are_being_created(place: Place) -> None:
    sweep = place.apply(cases={"count": 1000}, parallelism=1000, template=a_template(stop=2))
    sweep.wait_until(lambda: len(sweep.pods) >= 100, "a hundred pods are there", seconds=90)
    sweep.cancel()
    finish(sweep)
    assert len(sweep.pod_names) < 1000
    assert sweep.status["cancelledIndexes"] == "0-999"


@pytest.mark.effect("spec.cancel", "spec.cancelReason")
def test_a_sweep_created_with_cancel_creates_no_job(place: Place) -> None:
    sweep = place.apply(cancel=True, cancelReason="never mind")
    finish(sweep)
    assert not sweep.job_names
    assert sweep.status["cancellation"]["reason"] == "never mind"


@pytest.mark.effect("spec.cancel", "spec.cancelReason")
def test_a_cancel_withdrawn_at_once_stays_latched(place: Place, kwok_cluster: Cluster) -> None:
    sweep = place.apply(template=a_template(stop=HELD))
    sweep.wait_running(3)
    patch = ("--namespace", place.name, "patch", "simjob", sweep.name, "--type=merge", "-p")
    kwok_cluster.run_kubectl(*patch, '{"spec":{"cancel":true,"cancelReason":"by hand"}}')
    sweep.wait(lambda status: "cancellation" in status, "the latch")
    kwok_cluster.run_kubectl(*patch, '{"spec":{"cancel":null,"cancelReason":null}}')
    assert sweep.wait_observed()["phase"] == "CANCELLING"
    sweep.let_stop()
    finish(sweep)
    assert sweep.status["cancellation"]["reason"] == "by hand"
    assert sweep.status["cancellation"]["requestedBy"] == "field manager kubectl-patch"


def test_a_cancel_withdrawn_before_the_operator_saw_it_has_no_effect(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply()
    sweep.wait_running(3)
    operator.stop()
    sweep.cancel()
    sweep.patch(cancel=None, cancelReason=None)
    operator.start()
    sweep.wait_observed()
    status = sweep.end_all("COMPLETED")
    assert "cancellation" not in status
    assert condition(status, "Cancelled") == "False"


def test_a_cancel_during_operator_downtime_is_carried_out(place: Place, operator: OperatorProcess) -> None:
    sweep = place.apply()
    sweep.wait_running(3)
    operator.stop()
    sweep.cancel()
    operator.start()
    finish(sweep)


@pytest.mark.parametrize(
    ("exit_code", "phase"),
    [pytest.param(0, "COMPLETED", id="a completed sweep"), pytest.param(1, "FAILED", id="a failed sweep")],
)
def test_a_cancel_after_the_end_is_refused(place: Place, exit_code: int, phase: str) -> None:
    sweep = place.apply(cases={"count": 1}, template=a_template(run=1, exit_code=exit_code))
    before = sweep.wait_phase(phase)
    with pytest.raises(RefusedError, match=f"the SimulationJob is already {phase}") as refused:
        sweep.cancel()
    assert refused.value.code == 422
    assert sweep.status == before


def test_a_second_cancel_changes_nothing(place: Place) -> None:
    sweep = place.apply()
    sweep.wait_running(3)
    sweep.cancel("first")
    finish(sweep)
    before = json.dumps(sweep.status["cancellation"], sort_keys=True)
    generation = sweep.cancel("second")["metadata"]["generation"]
    status = sweep.wait(lambda status: status["observedGeneration"] == generation, "the new generation")
    assert (status["phase"], json.dumps(status["cancellation"], sort_keys=True)) == ("CANCELLED", before)
