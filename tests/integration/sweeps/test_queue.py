"""Kueue's part, played by hand: Jobs are suspended, changed and let go by somebody else.

As kubernetes-sigs/kueue:pkg/controller/jobs/job does it: its webhook suspends a new Job that names a queue; admission
writes node selectors and tolerations into the template and lets it go in one write; an eviction suspends it, resets its
startTime and, when nothing is active, puts the template back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from integration.support import client as paths
from integration.support import needs
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template

pytestmark = pytest.mark.integration

QUEUE = "kueue.x-k8s.io/queue-name"
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
WEBHOOK: Object = {
    "matchConstraints": {
        "resourceRules": [
            {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
        ]
    },
    "matchConditions": [
        {"name": "queued", "expression": f"has(object.metadata.labels) && '{QUEUE}' in object.metadata.labels"}
    ],
    "failurePolicy": "Fail",
    "reinvocationPolicy": "Never",
    "mutations": [
        {
            "patchType": "ApplyConfiguration",
            "applyConfiguration": {"expression": "Object{spec: Object.spec{suspend: true}}"},
        }
    ],
}
TOLERATION = {"key": "flavor", "operator": "Equal", "value": "spot", "effect": "NoSchedule"}


@pytest.fixture
def kueue(place: Place) -> Iterator[None]:
    """Kueue's webhook, in the test's namespace."""
    with webhook(place):
        yield


@contextmanager
def webhook(place: Place) -> Iterator[None]:
    needs.mutating_policies(place.client)
    metadata = {"name": place.name}
    namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.name}}}
    kinds = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": metadata}
    binding = {"policyName": place.name, "matchResources": namespace}
    place.client.create(POLICIES, {**kinds, "kind": "MutatingAdmissionPolicy", "spec": WEBHOOK})
    place.client.create(BINDINGS, {**kinds, "kind": "MutatingAdmissionPolicyBinding", "spec": binding})
    try:
        wait_at_work(place)
        yield
    finally:
        place.client.delete(f"{BINDINGS}/{place.name}")
        place.client.delete(f"{POLICIES}/{place.name}")


def wait_at_work(place: Place) -> None:
    """Wait until the policy does what it is to do."""
    probe = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "probe", "labels": {QUEUE: "any"}},
        "spec": {"template": a_template(restartPolicy="Never"), "managedBy": "example.org/nobody"},
    }

    def is_held() -> bool:
        made = place.client.create(f"{paths.jobs(place.name)}?dryRun=All", probe)
        return made["spec"].get("suspend") is True

    sweep = place.apply("bystander", suspend=True)
    sweep.wait_until(is_held, "the policy is at work")
    sweep.delete()


def job_of(sweep: Sweep, index: int) -> Object:
    return next(job for job in sweep.jobs if job["metadata"]["labels"]["simjob.dev/index"] == str(index))


def pod_of(sweep: Sweep, index: int) -> Object | None:
    """Give a case's live pod that nobody has asked to stop."""
    found = (pod for pod in sweep.live_pods if pod["metadata"]["labels"]["simjob.dev/index"] == str(index))
    return next((pod for pod in found if "deletionTimestamp" not in pod["metadata"]), None)


def admit(sweep: Sweep, index: int, node: str = "") -> None:
    """Let a Job go, to a node of Kueue's choice."""
    spec: dict[str, Any] = {"suspend": False}
    if node:
        selector = {"type": "kwok", "kubernetes.io/hostname": node}
        spec["template"] = {"spec": {"nodeSelector": selector, "tolerations": [TOLERATION]}}
    sweep.client.patch(_path(sweep, index), {"spec": spec})


def evict(sweep: Sweep, index: int) -> None:
    """Take a Job back."""
    path = _path(sweep, index)
    sweep.client.patch(path, {"spec": {"suspend": True}})
    sweep.client.patch(f"{path}/status", {"status": {"startTime": None}})


def restore(sweep: Sweep, index: int) -> None:
    """Put the template back as it was; the API server takes that of a Job with nothing active only."""
    path = _path(sweep, index)
    sweep.client.patch(path, {"spec": {"template": {"spec": {"nodeSelector": None, "tolerations": None}}}})


def _path(sweep: Sweep, index: int) -> str:
    return paths.jobs(sweep.place.name, job_of(sweep, index)["metadata"]["name"])


def condition_of(job: Object, kind: str) -> tuple[str, str]:
    found = job.get("status", {}).get("conditions", [])
    return next(((item["status"], item["reason"]) for item in found if item["type"] == kind), ("absent", ""))


def wait_held(sweep: Sweep, index: int) -> None:
    """Wait until a case's Job says what Kueue waits for: it is suspended and nothing of it is active."""

    def is_held() -> bool:
        job = job_of(sweep, index)
        said = job.get("status", {})
        return condition_of(job, "Suspended") == ("True", "JobSuspended") and not said.get("active")

    sweep.wait_until(is_held, f"the Job of case {index} says Suspended")
    assert "startTime" not in job_of(sweep, index)["status"]


@pytest.mark.effect("spec.queueName")
@pytest.mark.usefixtures("kueue")
def test_queued_jobs_have_no_pod_and_count_as_pending_until_they_are_admitted(place: Place) -> None:
    sweep = place.apply(cases={"count": 3}, parallelism=2, queueName="gpus", template=a_template(run=2))
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
    sweep.wait(lambda status: status["cases"]["succeeded"] == 1, "case 1 has succeeded")
    sweep.wait_until(lambda: len(sweep.jobs) == 3, "case 2 has a Job")
    wait_held(sweep, 2)
    admit(sweep, 0)
    admit(sweep, 2)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0-2"
    found = sweep.client.items(paths.simulationjobs(place.name), fieldSelector="spec.queueName=gpus")
    assert [item["metadata"]["name"] for item in found] == [sweep.name]


@pytest.mark.usefixtures("kueue")
def test_a_sweep_without_a_queue_is_not_held(place: Place) -> None:
    sweep = place.apply(template=a_template(run=1))
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0-2"
    assert not any(QUEUE in job["metadata"]["labels"] for job in sweep.jobs)


@pytest.mark.usefixtures("kueue")
def test_a_job_evicted_by_its_queue_runs_again_when_it_is_readmitted(place: Place) -> None:
    retries = {"limit": 0}
    sweep = place.apply(
        cases={"count": 2}, queueName="gpus", retries=retries, template=a_template(run=9, stop=2, exit_code=0)
    )
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
    status = sweep.wait_phase("COMPLETED")
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
