"""Why a queue holds cases, from Workloads. A CRD stands in for Kueue's, and the test writes what Kueue says."""

from collections.abc import Iterator
from typing import Any

import pytest
from given.kueue import CRD, FULL, NO_QUEUE, OVER_TIME, VERSION, a_workload
from integration.queues.queueing import admit, evict, job_of, pod_of, wait_held, webhook
from integration.support.client import Client, RefusedError
from integration.support.sweeps import Place, Sweep, a_template, eventually

pytestmark = pytest.mark.integration

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def workloads(namespace: str, name: str = "") -> str:
    path = f"/apis/kueue.x-k8s.io/{VERSION}/namespaces/{namespace}/workloads"
    return f"{path}/{name}" if name else path


@pytest.fixture(autouse=True, scope="module")
def crd(client: Client) -> Iterator[None]:
    """The CRD, from before the operator starts until after its last read."""
    client.create(CRDS, CRD)

    def is_served() -> bool:
        try:
            client.items(workloads("default"))
        except RefusedError:
            return False
        return True

    eventually(is_served, lambda: "the CRD is not served")
    yield
    client.delete(f"{CRDS}/{CRD['metadata']['name']}")


@pytest.fixture(autouse=True)
def kueue(crd: None, place: Place) -> Iterator[None]:
    with webhook(place):
        yield


def say(sweep: Sweep, index: int, **given: Any) -> None:
    """Write the Workload of a case's Job as Kueue does."""
    body = a_workload(job_of(sweep, index)["metadata"]["uid"], **given)
    place, name = sweep.place.name, body["metadata"]["name"]
    sweep.client.delete(workloads(place, name))
    sweep.client.create(workloads(place), body)


def wait_message(sweep: Sweep, words: str) -> dict[str, Any]:
    found = sweep.wait(lambda status: words in status.get("message", ""), words, seconds=60)
    assert found["reason"] == "QueuedByKueue"
    return found


def test_status_says_what_the_queue_waits_for(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, queueName="gpus", template=a_template(run=1))
    sweep.wait_until(lambda: len(sweep.jobs) == 1, "the Job is there")
    wait_message(sweep, "case 0 has no Workload yet")
    say(sweep, 0, QuotaReserved=NO_QUEUE)
    wait_message(sweep, f"Kueue holds the Jobs: case 0 waits, Inadmissible: {NO_QUEUE[1]}; create it")
    say(sweep, 0, QuotaReserved=FULL)
    wait_message(sweep, f"case 0 waits, Pending: {FULL[1]}")
    admit(sweep, 0)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0"


def test_a_deactivated_sweep_that_ran_is_pending(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, queueName="gpus", template=a_template(stop=1))
    sweep.wait_until(lambda: len(sweep.jobs) == 2, "both Jobs are there")
    for index in (0, 1):
        admit(sweep, index, f"kwok-{index + 1}")
    sweep.wait_running(2)
    sweep.wait_phase("RUNNING")
    for index in (0, 1):
        say(sweep, index, active=False, Evicted=OVER_TIME)
        evict(sweep, index)
    for index in (0, 1):
        wait_held(sweep, index)
    status = sweep.wait(lambda status: status["phase"] == "PENDING", "PENDING")
    assert (status["cases"]["pending"], status["reason"]) == (2, "QueuedByKueue")
    wait_message(sweep, f"case 0 is deactivated: {OVER_TIME[1]}; set `spec.active` of Workload")
    (queued,) = [found["status"] for found in sweep.status["conditions"] if found["type"] == "Queued"]
    assert queued == "True"
    admit(sweep, 0, "kwok-1")
    sweep.wait_until(lambda: pod_of(sweep, 0) is not None, "case 0 has a pod again")
    status = sweep.wait_phase("RUNNING")
    (queued,) = [found["status"] for found in status["conditions"] if found["type"] == "Queued"]
    assert (queued, status["cases"]["failed"]) == ("False", 0)
    assert status["suspendedSeconds"] >= 8
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
