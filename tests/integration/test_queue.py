"""Kueue's part, played by hand: Jobs are suspended, changed and let go by somebody else."""

import pytest
from integration import client as paths
from integration.client import Object
from integration.sweeps import Place, Sweep, a_template

pytestmark = pytest.mark.integration

# What Kueue's webhook does to a new Job.
HOLD: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicy",
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
            ]
        },
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {"expression": "Object{spec: Object.spec{suspend: true}}"},
            }
        ],
    },
}
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"


def let_go(sweep: Sweep, job: Object, **changes: object) -> None:
    """Admit a Job as Kueue does: to nodes of its choice."""
    path = paths.jobs(sweep.place.name, job["metadata"]["name"])
    sweep.client.patch(path, {"spec": {"suspend": False, **changes}})


def let_go_one(sweep: Sweep, number: int) -> None:
    """Admit one Job that is held, and wait until so many cases have succeeded."""

    def held() -> list[Object]:
        return [job for job in sweep.jobs if job["spec"].get("suspend")]

    sweep.wait_until(lambda: held() != [], "a Job is held")
    let_go(sweep, held()[0])
    sweep.wait(lambda status: status["cases"]["succeeded"] == number, f"{number} have succeeded")


def job_condition(job: Object, kind: str) -> str:
    found = job.get("status", {}).get("conditions", [])
    return next((item["status"] for item in found if item["type"] == kind), "absent")


def test_a_job_that_is_taken_back_loses_its_pod_and_no_case(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, template=a_template(run=6, stop=1))
    sweep.wait_running(2)
    job = next(item for item in sweep.jobs if item["metadata"]["labels"]["simjob.dev/index"] == "0")
    sweep.client.patch(paths.jobs(place.name, job["metadata"]["name"]), {"spec": {"suspend": True}})
    sweep.wait_until(
        lambda: any(job_condition(item, "Suspended") == "True" for item in sweep.jobs), "the Job says Suspended"
    )
    assert [pod["metadata"]["labels"]["simjob.dev/index"] for pod in sweep.live_pods] in (["1"], [])
    status = sweep.status
    assert (status["cases"]["failed"], status["isTerminal"]) == (0, False)
    wanted = {"type": "kwok", "kubernetes.io/hostname": "kwok-3"}
    let_go(sweep, job, template={"spec": {"nodeSelector": wanted}})
    status = sweep.wait_phase("COMPLETED")
    assert status["cases"]["failed"] == 0
    again = next(pod for pod in sweep.pods if pod["metadata"]["name"].endswith("-0-0-1"))
    assert (again["spec"]["nodeSelector"], again["spec"]["nodeName"]) == (wanted, "kwok-3")
    assert len(sweep.pod_names) == 3


def test_jobs_that_are_held_from_the_start_get_pods_when_they_are_let_go(place: Place) -> None:
    metadata = {"name": place.name}
    namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.name}}}
    policy = {**HOLD, "metadata": metadata}
    binding = {
        "apiVersion": HOLD["apiVersion"],
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {"policyName": place.name, "matchResources": namespace},
    }
    place.client.create(POLICIES, policy)
    place.client.create(f"{POLICIES.removesuffix('policies')}policybindings", binding)
    try:
        probe = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "probe"},
            "spec": {"template": a_template(restartPolicy="Never"), "managedBy": "example.org/nobody"},
        }

        def is_held() -> bool:
            made = place.client.create(f"{paths.jobs(place.name)}?dryRun=All", probe)
            return made["spec"].get("suspend") is True

        sweep = place.apply("held", suspend=True, cases={"count": 3}, parallelism=2, template=a_template(run=1))
        sweep.wait_until(is_held, "the policy is at work")
        sweep.patch(suspend=False)
        status = sweep.wait(lambda status: status.get("reason") == "QueuedByKueue", "QueuedByKueue")
        assert (status["phase"], len(sweep.jobs), sweep.pod_names) == ("PENDING", 2, [])
        for number in (1, 2, 3):
            let_go_one(sweep, number)
        assert sweep.wait_phase("COMPLETED")["ledger"]["succeeded"] == "0-2"
    finally:
        place.client.delete(f"{POLICIES.removesuffix('policies')}policybindings/{place.name}")
        place.client.delete(f"{POLICIES}/{place.name}")


def test_jobs_that_are_held_go_when_the_sweep_is_cancelled(place: Place) -> None:
    sweep = place.apply(cases={"count": 2}, template=a_template(stop=1))
    sweep.wait_running(2)
    for job in sweep.jobs:
        sweep.client.patch(paths.jobs(place.name, job["metadata"]["name"]), {"spec": {"suspend": True}})
    sweep.wait(lambda status: status.get("reason") == "QueuedByKueue", "QueuedByKueue")
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] == 2
    sweep.wait_cleared()
