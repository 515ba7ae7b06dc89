"""Jobs with a queue: held, admitted, evicted and cancelled. integration/queues/queueing.py plays Kueue's part."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from integration.queues.queueing import (
    QUEUE,
    TOLERATION,
    admit,
    condition_of,
    evict,
    job_of,
    pod_of,
    restore,
    wait_held,
    webhook,
)
from integration.support import client as paths
from integration.support.sweeps import Place, a_template

pytestmark = pytest.mark.integration


@pytest.fixture
def kueue(place: Place) -> Iterator[None]:
    """Kueue's webhook, in the test's namespace."""
    with webhook(place):
        yield


@pytest.mark.effect("spec.queueName")
@pytest.mark.usefixtures("kueue")
def test_queued_jobs_have_no_pod_and_count_as_pending_until_they_are_admitted(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, parallelism=2, queueName="gpus")
    sweep.wait_until(lambda: len(sweep.jobs) == 2, "two cases have a Job")
    status = sweep.wait(lambda status: status.get("reason") == "QueuedByKueue", "QueuedByKueue")
    assert (status["phase"], status["cases"]["pending"], len(sweep.jobs), sweep.pod_names) == ("PENDING", 3, 2, [])
    assert {job["metadata"]["labels"][QUEUE] for job in sweep.jobs} == {"gpus"}
    wait_held(sweep, 0)
    wait_held(sweep, 1)
    admit(sweep, 1, "kwok-3")
    sweep.wait_until(lambda: pod_of(sweep, 1) is not None, "case 1 has a pod")
    (pod,) = sweep.pods
    assert QUEUE not in pod["metadata"]["labels"], "Kueue would take the pod for a workload of its own"
    assert (pod["spec"]["nodeSelector"]["kubernetes.io/hostname"], TOLERATION in pod["spec"]["tolerations"]) == (
        "kwok-3",
        True,
    )
    sweep.wait_until(
        lambda: condition_of(job_of(sweep, 1), "Suspended") == ("False", "JobResumed"), "the Job says that it goes on"
    )
    sweep.end_running()
    sweep.wait(lambda status: status["cases"]["succeeded"] == 1, "case 1 has succeeded")
    sweep.wait_until(lambda: len(sweep.jobs) == 3, "case 2 has a Job")
    wait_held(sweep, 2)
    admit(sweep, 0)
    admit(sweep, 2)
    assert sweep.end_all("COMPLETED")["succeededIndexes"] == "0-2"
    found = sweep.client.items(paths.simulationjobs(place.name), fieldSelector="spec.queueName=gpus")
    assert [item["metadata"]["name"] for item in found] == [sweep.name]


@pytest.mark.effect("spec.queuePriorityClassName", "spec.queueMaxExecTimeSeconds")
@pytest.mark.usefixtures("kueue")
def test_kueue_reads_priority_and_time_limit_from_labels_of_the_jobs_only(place: Place) -> None:
    more: dict[str, Any] = {"queuePriorityClassName": "overnight", "queueMaxExecTimeSeconds": 7200}
    sweep = place.apply(cases={"count": 1}, queueName="gpus", template=a_template(run=1), **more)
    sweep.wait_until(lambda: len(sweep.jobs) == 1, "the Job is there")
    labels = job_of(sweep, 0)["metadata"]["labels"]
    assert (labels["kueue.x-k8s.io/priority-class"], labels["kueue.x-k8s.io/max-exec-time-seconds"]) == (
        "overnight",
        "7200",
    )
    admit(sweep, 0)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0"
    (pod,) = sweep.pods
    assert not [label for label in pod["metadata"]["labels"] if label.startswith("kueue.x-k8s.io/")]


@pytest.mark.usefixtures("kueue")
def test_a_job_is_active_and_ready_at_once_while_another_case_has_no_node(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, queueName="gpus", template=a_template(stop=1))
    sweep.wait_until(lambda: len(sweep.jobs) == 2, "both Jobs are there")
    admit(sweep, 1, "there-is-no-such-node")
    sweep.wait_until(lambda: job_of(sweep, 1).get("status", {}).get("active") == 1, "the waiting case is active")
    admit(sweep, 0, "kwok-1")
    sweep.wait_running(1)
    # By then the operator has looked at the pod.
    sweep.wait(lambda status: status["cases"]["running"] == 1, "its case runs")
    running_since = time.monotonic()
    sweep.wait_until(lambda: job_of(sweep, 0).get("status", {}).get("ready") == 1, "the running case is ready")
    assert time.monotonic() - running_since < 1.5, "without a queue it takes 30 s"
    assert job_of(sweep, 1)["status"].get("ready", 0) == 0
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


@pytest.mark.usefixtures("kueue")
def test_without_kueues_crd_status_says_that_the_queue_holds_the_jobs(place: Place) -> None:
    sweep = place.apply(cases={"count": 1}, queueName="gpus", template=a_template(run=1))
    sweep.wait(lambda status: status.get("reason") == "QueuedByKueue", "QueuedByKueue")
    time.sleep(8)
    assert sweep.status["message"] == "Kueue has suspended the Jobs, and has not admitted them yet"
    assert place.operator_log().count("cannot list Workloads of Kueue") <= 1
    sweep.cancel()
    sweep.wait_phase("CANCELLED")


@pytest.mark.usefixtures("kueue")
def test_a_sweep_without_a_queue_is_not_held(place: Place) -> None:
    sweep = place.apply(template=a_template(run=1))
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0-2"
    assert not any(QUEUE in job["metadata"]["labels"] for job in sweep.jobs)


@pytest.mark.usefixtures("kueue")
def test_a_job_evicted_by_its_queue_runs_again_when_it_is_readmitted(place: Place) -> None:
    retries = {"limit": 0}
    sweep = place.apply(cases={"count": 2}, queueName="gpus", retries=retries, template=a_template(stop=2))
    sweep.wait_until(lambda: len(sweep.jobs) == 2, "both Jobs are there")
    admit(sweep, 0, "kwok-1")
    admit(sweep, 1, "kwok-2")
    sweep.wait_running(2)
    sweep.wait_until(lambda: job_of(sweep, 0).get("status", {}).get("active") == 1, "the Job says that it is active")
    evict(sweep, 0)
    sweep.wait_until(lambda: pod_of(sweep, 0) is None, "the pod is asked to stop")
    wait_held(sweep, 0)
    status = sweep.wait(lambda status: status["cases"]["pending"] == 1, "case 0 is pending")
    assert (status["cases"]["running"], status["cases"]["failed"], status["phase"]) == (1, 0, "RUNNING")
    restore(sweep, 0)
    admit(sweep, 0, "kwok-3")
    sweep.wait_until(lambda: pod_of(sweep, 0) is not None, "case 0 has a pod again")
    again = pod_of(sweep, 0)
    assert again
    assert again["spec"]["nodeSelector"]["kubernetes.io/hostname"] == "kwok-3"
    assert again["metadata"]["name"].endswith("-0-0-1"), "its second attempt"
    status = sweep.end_all("COMPLETED")
    assert (status["cases"]["succeeded"], status["cases"]["failed"], status.get("failures", [])) == (2, 0, [])
    assert job_of(sweep, 0)["status"].get("failed", 0) == 0
    assert len(sweep.pod_names) == 3


@pytest.mark.usefixtures("kueue")
def test_a_cancel_deletes_queued_and_evicted_jobs(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, queueName="gpus", template=a_template(stop=1))
    sweep.wait_until(lambda: len(sweep.jobs) == 3, "all Jobs are there")
    admit(sweep, 0)
    admit(sweep, 1)
    sweep.wait_running(2)
    evict(sweep, 1)
    wait_held(sweep, 1)
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 3
    sweep.wait_cleared()
    assert len(sweep.pod_names) == 2


@pytest.mark.usefixtures("kueue")
def test_a_queued_case_can_be_cancelled_alone(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, queueName="gpus", template=a_template(run=1))
    sweep.wait_until(lambda: len(sweep.jobs) == 2, "both Jobs are there")
    sweep.patch(cancelCases="0")
    sweep.wait(lambda status: status.get("cancelledIndexes") == "0", "case 0 is cancelled")
    sweep.wait_until(lambda: len(sweep.jobs) == 1, "its Job is gone")
    admit(sweep, 1)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "1"


@pytest.mark.effect("spec.priorityClassName")
def test_pods_have_the_priority_of_their_class(place: Place) -> None:
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": place.name}, "value": 7}
    place.client.create(classes, body)
    try:
        sweep = place.apply(priorityClassName=place.name, template=a_template(run=1))
        sweep.wait_phase("COMPLETED")
        assert {(pod["spec"]["priorityClassName"], pod["spec"]["priority"]) for pod in sweep.pods} == {(place.name, 7)}
    finally:
        place.client.delete(f"{classes}/{place.name}")


@pytest.mark.refusal("spec.priorityClassName")
def test_a_priority_class_that_does_not_exist_is_reported(place: Place) -> None:
    sweep = place.apply(priorityClassName="there-is-none")
    status = sweep.wait(lambda status: status.get("reason") == "PodRefused", "PodRefused")
    assert "no PriorityClass with name there-is-none was found" in status["message"]
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
