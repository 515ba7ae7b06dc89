"""A kopf operator as most people would write it: it creates a Job per case and deletes them on a cancel.

A reference for the benchmark. It is meant to look like a tutorial, and it does what tutorials do: it trusts that a
deleted Job has stopped.
"""

from typing import Any

import kopf
from kubernetes import client, config

GROUP, VERSION, PLURAL = "bench.simjob.dev", "v1", "sweeps"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    config.load_kube_config()  # type: ignore[no-untyped-call]  # It has no annotations.
    settings.posting.enabled = False


@kopf.on.create(GROUP, VERSION, PLURAL)
def create(spec: kopf.Spec, name: str, namespace: Any, patch: kopf.Patch, **_: Any) -> None:
    batch = client.BatchV1Api()
    for index in range(spec["cases"]):
        job = make_job(name, index, spec["template"])
        try:
            batch.create_namespaced_job(namespace, job)
        except client.ApiException as error:
            if error.status != 409:
                raise
    patch.status["phase"] = "RUNNING"


@kopf.on.field(GROUP, VERSION, PLURAL, field="spec.cancel", new=True)
def cancel(spec: kopf.Spec, name: str, namespace: Any, patch: kopf.Patch, **_: Any) -> None:
    batch = client.BatchV1Api()
    for index in range(spec["cases"]):
        try:
            batch.delete_namespaced_job(f"{name}-{index}", namespace, propagation_policy="Background")
        except client.ApiException as error:
            if error.status != 404:
                raise
    patch.status["phase"] = "CANCELLED"


def make_job(name: str, index: int, template: dict[str, Any]) -> Any:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{name}-{index}"},
        "spec": {"backoffLimit": 0, "template": template},
    }
    kopf.adopt(job)
    return job
