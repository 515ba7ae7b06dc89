"""Kueue's part, played by hand: Jobs are suspended, changed and let go by somebody else.

As kubernetes-sigs/kueue:pkg/controller/jobs/job does it: its webhook suspends a new Job that names a queue; admission
writes node selectors and tolerations into the template and lets it go in one write; an eviction suspends it, resets its
startTime and, when nothing is active, puts the template back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integration.support import client as paths
from integration.support import needs
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template

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
